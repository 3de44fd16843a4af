"""What a source did not give is told everywhere until it is made good: status, answers, replies, exit codes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from consilience import Home, contract, home
from consilience.cli import run
from consilience.contract import json_schema
from consilience.corpora import shortfalls
from consilience.corpora.shortfalls import (
    NAMED,
    TOLD,
    Shortfall,
    accept,
    accepted,
    outstanding,
    report,
    resolve,
    settle,
    warnings_of,
)
from consilience.errors import BadInputError, NotFoundError, StoreDamagedError
from consilience.home import Rooms
from tests import loopback
from tests.loopback import EutilsServer, FileServer, network, packed
from tests.making import TinyHome, at, paper

FIRST = 99_000_001
Captured = pytest.CaptureFixture[str]


def lack(source: str = "a.xml.gz", kind: str = "absent", missing: int | None = None, *ids: str) -> Shortfall:
    return Shortfall("pubmed", source, kind, missing, f"{source} is not loaded", ids)


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return home.init(tmp_path / "home")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one document, refreshed."""
    tiny = TinyHome.make(tmp_path_factory.mktemp("shortfalls") / "home")
    tiny.load("pubmed26n0001.xml", paper(1, "Velorine for pain"), known=0)
    Home(tiny.rooms, lambda: at(5)).refresh(offline=True)
    return tiny.rooms.root


@pytest.fixture
def filled(template: Path, tmp_path: Path) -> Home:
    """The same, to write to."""
    opened = Home(Rooms(shutil.copytree(template, tmp_path / "filled")), lambda: at(5))
    opened.network = network()
    return opened


def facts(rooms: Rooms) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((rooms.corpora / "shortfalls").glob("*"))}


def sources(rooms: Rooms, day: int | None = None) -> list[str]:
    return [each["source"] for each in outstanding(rooms, None if day is None else at(day))]


# ---------------------------------------------------------------- facts


def test_facts_are_only_added_and_the_last_one_of_a_source_counts(rooms: Rooms) -> None:
    report(rooms, [lack("a"), lack("b")], at(1))
    before = facts(rooms)
    resolve(rooms, "pubmed", ["a", "never heard of"], at(2))
    assert sources(rooms) == ["b"]
    report(rooms, [lack("a")], at(3))
    assert sources(rooms) == ["a", "b"]
    assert facts(rooms).items() > before.items() and len(facts(rooms)) == 4


def test_the_same_said_twice_is_said_once(rooms: Rooms) -> None:
    report(rooms, [lack(), lack()], at(1))
    report(rooms, [lack()], at(2))
    resolve(rooms, "pubmed", ["other"], at(3))
    assert len(facts(rooms)) == 1


def test_a_shortfall_that_changes_keeps_the_day_it_began_and_one_that_comes_back_begins_anew(rooms: Rooms) -> None:
    report(rooms, [lack(missing=3)], at(1))
    report(rooms, [lack(missing=2)], at(2))
    assert [(e["records_missing"], e["since"]) for e in outstanding(rooms)] == [(2, "2020-01-02T12:00:00Z")]
    resolve(rooms, "pubmed", ["a.xml.gz"], at(3))
    report(rooms, [lack(missing=2)], at(4))
    assert [e["since"] for e in outstanding(rooms)] == ["2020-01-05T12:00:00Z"]


def test_what_was_open_at_an_instant_is_told_for_ever(rooms: Rooms) -> None:
    report(rooms, [lack("a")], at(1))
    resolve(rooms, "pubmed", ["a"], at(3))
    report(rooms, [lack("b")], at(5))
    assert [sources(rooms, day) for day in range(7)] == [[], ["a"], ["a"], [], [], ["b"], ["b"]]


def test_a_run_that_saw_everything_settles_its_own_provider_only(rooms: Rooms) -> None:
    report(rooms, [lack("a"), lack("b"), Shortfall("eutils", "a", "outage", None, "a search failed")], at(1))
    settle(rooms, "pubmed", [lack("b"), lack("c")], at(2))
    assert [(e["provider"], e["source"]) for e in outstanding(rooms)] == [
        ("eutils", "a"), ("pubmed", "b"), ("pubmed", "c"),
    ]  # fmt: skip


def test_one_that_was_accepted_stays_closed_while_it_stays_the_same(rooms: Rooms) -> None:
    report(rooms, [lack("a", "omitted", 1, "7"), lack("b")], at(1))
    accept(rooms, "a", " merged \n records ", at(2))
    report(rooms, [lack("a", "omitted", 1, "7")], at(3))
    assert (sources(rooms), sources(rooms, 1)) == (["b"], ["a", "b"]) and len(facts(rooms)) == 3
    (borne,) = accepted(rooms)
    assert (borne["source"], borne["reason"], borne["accepted_at"]) == ("a", "merged records", "2020-01-03T12:00:00Z")
    report(rooms, [lack("a", "omitted", 2, "7", "8")], at(4))
    assert (sources(rooms), accepted(rooms)) == (["a", "b"], [])


def test_one_that_was_accepted_and_made_good_since_opens_anew(rooms: Rooms) -> None:
    for is_settled in (False, True):
        report(rooms, [lack("a")], at(1))
        accept(rooms, "a", "gone for good", at(2))
        settle(rooms, "pubmed", [], at(3)) if is_settled else resolve(rooms, "pubmed", ["a"], at(3))
        assert accepted(rooms) == []
        report(rooms, [lack("a")], at(4))
        assert sources(rooms) == ["a"]


def test_none_is_accepted_that_is_not_open_or_without_a_reason(rooms: Rooms) -> None:
    report(rooms, [lack("a")], at(1))
    with pytest.raises(NotFoundError):
        accept(rooms, "b", "why not", at(2))
    with pytest.raises(BadInputError):
        accept(rooms, "a", " ", at(2))
    assert sources(rooms) == ["a"]


def test_a_fact_names_a_thousand_ids_and_counts_them_all(rooms: Rooms) -> None:
    report(rooms, [lack("a", "omitted", 5000, *map(str, range(5000)))], at(1))
    (told,) = outstanding(rooms)
    assert (len(told["ids"]), told["records_missing"]) == (NAMED, 5000)


def test_a_fact_that_cannot_be_read_is_damage_and_not_the_absence_of_one(rooms: Rooms) -> None:
    report(rooms, [lack()], at(1))
    for text in ("{", "[]", "{}", '{"at": "2020-01-01T00:00:00Z"}'):
        (rooms.corpora / "shortfalls" / "000001.json").write_text(text)
        with pytest.raises(StoreDamagedError):
            outstanding(rooms)


def test_a_reader_is_told_of_the_first_few_and_of_how_many_more_there_are() -> None:
    told = [lack(f"file {n}").as_json(at(0)) for n in range(TOLD + 3)]
    assert len(warnings_of(told)) == TOLD + 1 and warnings_of(told)[-1].startswith(
        "the corpus is incomplete: 3 further"
    )
    assert warnings_of(told[:1]) == ["the corpus is incomplete: file 0 is not loaded"]


# ---------------------------------------------------------------- where they travel


def test_status_and_every_answer_tell_of_an_open_shortfall_and_none_of_a_closed_one(filled: Home) -> None:
    asked: dict[str, Callable[..., dict[str, Any]]] = {
        "search": lambda **on: filled.search("velorine", **on),
        "ask": lambda **on: filled.ask("Does velorine ease pain?", **on),
        "verify": lambda **on: filled.verify("Velorine eases pain", **on),
    }
    report(filled.rooms, [lack("gone")], at(1))
    for name, ask in asked.items():
        reply = contract.validated(name, ask())
        assert "the corpus is incomplete: gone is not loaded" in reply["warnings"]
        assert [each["source"] for each in reply["shortfalls"]] == ["gone"]
        # Before it was known, nobody could have told.
        assert "shortfalls" not in (r := ask(known_at=at(0))) or r["shortfalls"] == []
    assert "the corpus is incomplete: gone is not loaded" in filled.graph_conflicts()["warnings"]
    assert [each["source"] for each in contract.validated("status", filled.status())["shortfalls"]] == ["gone"]
    assert contract.validated("refresh", filled.refresh(offline=True))["shortfalls"]
    resolve(filled.rooms, "pubmed", ["gone"], at(2))
    for ask in asked.values():
        assert (r := ask())["shortfalls"] == [] and not [w for w in r["warnings"] if "incomplete" in w]
    assert filled.status()["shortfalls"] == [] == filled.refresh(offline=True)["shortfalls"]


def test_a_home_that_was_never_refreshed_tells_of_them_too(rooms: Rooms) -> None:
    report(rooms, [lack("gone")], at(1))
    warned = Home(rooms, lambda: at(5)).search("velorine")["warnings"]
    assert "the corpus is incomplete: gone is not loaded" in warned


# ---------------------------------------------------------------- the command line


@pytest.fixture
def server() -> Iterator[EutilsServer]:
    with EutilsServer() as running:
        running.terms["velorine"] = range(FIRST, FIRST + 3)
        yield running


def call(captured: Captured, opened: Home, *words: str) -> tuple[int, dict[str, Any]]:
    """One call of the command line: its exit status and its one object."""
    captured.readouterr()
    status = run([*words, "--home", str(opened.rooms.root), "--json"])
    printed: dict[str, Any] = json.loads(captured.readouterr().out)
    Draft202012Validator(json_schema(printed["schema"].split("/")[1])).validate(printed)
    return status, printed


def test_a_search_that_fails_exits_1_and_says_shortfall_until_it_succeeds(
    server: EutilsServer, filled: Home, capsys: Captured
) -> None:
    words = ("ingest", "pubmed", "--query", "velorine", "--eutils", server.url)
    server.faults.append(loopback.status(302))
    status, told = call(capsys, filled, *words)
    assert status == 1 and told["error"]["code"] == "shortfall"
    assert call(capsys, filled, "status")[0] == 1 == call(capsys, filled, "search", "velorine")[0]
    assert call(capsys, filled, "status", "--allow-shortfall")[0] == 0
    server.faults.append(loopback.status(302))
    status, told = call(capsys, filled, *words, "--allow-shortfall")
    assert (status, told["files"], len(told["shortfalls"])) == (0, [], 1)
    status, told = call(capsys, filled, *words)
    assert (status, told["records"], told["search"]["count"]) == (0, 3, 3)
    assert call(capsys, filled, "status")[0] == 0


def test_a_search_that_nobody_will_ask_again_is_given_up_with_a_reason_and_a_failed_one_is_never_a_success(
    server: EutilsServer, filled: Home, capsys: Captured
) -> None:
    words = ("ingest", "pubmed", "--query", "velorine", "--eutils", server.url)
    server.faults.append(loopback.status(302))
    source = call(capsys, filled, *words)[1]["error"]["where"]
    status, told = call(capsys, filled, "shortfalls")
    assert (status, [(e["source"], e["query"]) for e in told["shortfalls"]]) == (1, [(source, "velorine")])
    assert call(capsys, filled, "shortfalls", "--accept", source)[0] == 2
    assert call(capsys, filled, "shortfalls", "--reason", "none")[0] == 2
    assert call(capsys, filled, "shortfalls", "--accept", "search 0", "--reason", "none")[0] == 2
    status, told = call(capsys, filled, "shortfalls", "--accept", source, "--reason", "a slip of the pen")
    assert (status, told["shortfalls"], told["accepted"][0]["reason"]) == (0, [], "a slip of the pen")
    assert call(capsys, filled, "status")[0] == 0 == call(capsys, filled, "search", "velorine")[0]
    server.faults.append(loopback.status(302))
    assert call(capsys, filled, *words)[1]["error"]["code"] == "shortfall"
    assert run(["shortfalls", "--home", str(filled.rooms.root)]) == 0 and "slip of the pen" in capsys.readouterr().out


def test_a_search_that_comes_short_loads_what_came_and_exits_1(
    server: EutilsServer, filled: Home, capsys: Captured
) -> None:
    server.omitted = {FIRST}
    words = ("ingest", "pubmed", "--query", "velorine", "--eutils", server.url)
    status, told = call(capsys, filled, *words)
    assert (status, told["records"], told["shortfalls"][0]["ids"]) == (1, 2, [str(FIRST)])
    assert call(capsys, filled, *words, "--allow-shortfall")[0] == 0


@pytest.mark.parametrize("form", [(), ("--canonical",)], ids=["plain", "canonical"])
def test_a_batch_answered_under_a_shortfall_names_it_and_exits_1_resumed_or_not(
    filled: Home, capsys: Captured, tmp_path: Path, form: tuple[str, ...]
) -> None:
    report(filled.rooms, [lack("gone"), lack("also gone")], at(1))
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    # When the first question was asked, as it were, nobody knew.
    lines = [{"id": 1, "query": "velorine", "known_at": "2020-01-01"}, {"id": 2, "query": "velorine"}]
    words = ("search", "--retriever", "lexical", "--batch", str(source), "--out", str(out), *form)

    def answered(*more: str) -> tuple[int, list[str]]:
        status = run([*words, *more, "--home", str(filled.rooms.root), "--json"])
        told = json.loads(capsys.readouterr().out)
        assert (told["failed"], told["lines"]) == (0, len(source.read_text().splitlines()))
        return status, [each["source"] for each in told["shortfalls"]]

    source.write_text(json.dumps(lines[0]) + "\n")
    assert answered() == (0, [])
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert answered("--resume") == (1, ["also gone", "gone"])
    assert answered("--resume") == (1, ["also gone", "gone"])
    assert answered("--allow-shortfall") == (0, ["also gone", "gone"])
    resolve(filled.rooms, "pubmed", ["gone", "also gone"], at(2))
    assert answered() == (0, [])


def test_a_query_that_was_changed_exits_2_and_names_the_phrase(
    server: EutilsServer, filled: Home, capsys: Captured
) -> None:
    server.notes["velorine"] = {"errorlist": {"fieldsnotfound": ["NoSuchField"]}}
    words = ("ingest", "pubmed", "--query", "velorine", "--eutils", server.url)
    status, told = call(capsys, filled, *words)
    assert (status, told["error"]["code"]) == (2, "bad_input") and "NoSuchField" in told["error"]["message"]
    assert call(capsys, filled, *words, "--accept-translation", "--since", "2020-01")[0] == 0


WRONG = [
    ["--query", "velorine"],
    ["--query", "velorine", "--eutils", "http://elsewhere.example/"],
    ["--query", " ", "--eutils", "http://127.0.0.1:1/"],
    ["--query", "velorine", "--since", "soon", "--eutils", "http://127.0.0.1:1/"],
    ["--query", "velorine", "--baseline", "--eutils", "http://127.0.0.1:1/"],
    ["--query", "velorine", __file__],
    ["--since", "2020", __file__],
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_wrong_call_is_found_before_anything_is_asked(rooms: Rooms, capsys: Captured, words: list[str]) -> None:
    status, told = call(capsys, Home(rooms, lambda: at(5)), "ingest", "pubmed", *words)
    assert (status, told["error"]["code"]) == (2, "bad_input")


def test_a_refresh_that_cannot_fetch_all_publishes_the_rest_and_exits_1(filled: Home, capsys: Captured) -> None:
    with FileServer() as files:
        files.put("updatefiles", "pubmed26n0002.xml.gz", packed(FIRST))
        files.put("updatefiles", "pubmed26n0003.xml.gz", packed(FIRST + 1), "0" * 32)
        remote = f"{{enabled: true, updates: '{files.url}updatefiles/', requests_per_second: 10}}"
        (filled.rooms.root / "corpora" / "pubmed.yaml").write_text(f"files: []\nremote: {remote}\n")
        status, told = call(capsys, filled, "refresh", "--dry-run")
        assert (status, told["would"]["fetch"]) == (0, ["pubmed26n0002.xml.gz", "pubmed26n0003.xml.gz"])
        status, told = call(capsys, filled, "refresh")
        assert (status, told["fetched"], told["changed"]) == (1, ["pubmed26n0002.xml.gz"], True)
        assert [each["source"] for each in told["shortfalls"]] == ["pubmed26n0003.xml.gz"]
        assert call(capsys, filled, "refresh", "--allow-shortfall")[0] == 0
        call(capsys, filled, "shortfalls", "--accept", "pubmed26n0003.xml.gz", "--reason", "known to NLM")
        assert call(capsys, filled, "refresh")[0] == 0 == call(capsys, filled, "refresh", "--dry-run")[0]
        files.put("updatefiles", "pubmed26n0004.xml.gz", packed(FIRST + 2), "1" * 32)
        assert call(capsys, filled, "refresh")[0] == 1
    # The server is gone; offline nobody asks it.
    assert call(capsys, filled, "refresh", "--offline", "--allow-shortfall")[0] == 0
    assert shortfalls.outstanding(filled.rooms)
