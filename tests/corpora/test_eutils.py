"""The client of E-utilities against a stand-in that shows every odd reply of the real one."""

from __future__ import annotations

import gzip
import json
import logging
import random
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from consilience import Home, contract, home
from consilience.corpora import searches
from consilience.corpora.eutils import AT_ONCE, Eutils, Found, Identity
from consilience.corpora.store import Store
from consilience.corpora.throttle import Throttle
from consilience.corpora.web import FaultError, Network, retry_after, safe_url
from consilience.errors import BadInputError, ConsilienceError, ShortfallError
from tests import loopback
from tests.loopback import EutilsServer, Ticking, network
from tests.making import at

CANARY = "c4n4ry0000deadbeef"
FIRST = 99_000_001


@pytest.fixture
def server() -> Iterator[EutilsServer]:
    with EutilsServer() as running:
        running.terms["velorine"] = range(FIRST, FIRST + 450)
        yield running


@pytest.fixture
def opened(tmp_path: Path) -> Home:
    return made(tmp_path / "home", network())


def made(folder: Path, through: Network) -> Home:
    opened = Home(home.init(folder), lambda: at(0))
    opened.network = through
    return opened


@contextmanager
def client(server: EutilsServer, folder: Path, through: Network | None = None, key: str = "") -> Iterator[Eutils]:
    with (through or network()).web(server.url, 1000.0) as web:
        yield Eutils(server.url, web, Identity("someone@example.org", key), scratch=folder)


def search(server: EutilsServer, folder: Path, term: str = "velorine", **more: Any) -> Found:
    with client(server, folder) as asking:
        return asking.search(term, **more)


def loaded(opened: Home) -> list[int]:
    """The PMIDs of the facts, each once."""
    rows = [row for c in opened.store.commits() for row in opened.store.rows(c.seq, ["id"], "put")["id"].to_pylist()]
    return sorted({int(document.removeprefix("PMID:")) for document in rows})


def titles(opened: Home) -> set[str]:
    return {title for c in opened.store.commits() for title in opened.store.texts(c.seq)["title"].to_pylist()}


# ---------------------------------------------------------------- what is sent


def test_every_request_is_a_post_that_names_us_and_keeps_the_key_out_of_the_address(
    server: EutilsServer, tmp_path: Path
) -> None:
    with client(server, tmp_path, key=CANARY) as asking:
        asking.search("velorine")
        list(asking.fetch([FIRST]))
    assert {seen.method for seen in server.seen} == {"POST"}
    assert not [seen for seen in server.seen if CANARY in seen.path + str(seen.headers)]
    assert {(f["tool"], f["email"], f["api_key"]) for f in (seen.form for seen in server.seen)} == {
        ("consilience", "someone@example.org", CANARY)
    }


def test_records_are_fetched_two_hundred_at_a_time_and_come_in_the_order_asked(
    server: EutilsServer, tmp_path: Path
) -> None:
    ids = list(range(FIRST, FIRST + 450))
    with client(server, tmp_path) as asking:
        found = [pmid for records, fault in asking.fetch(ids) for pmid in records if fault is None]
    assert found == ids
    assert [len(form["id"].split(",")) for form in server.forms("efetch")] == [AT_ONCE, AT_ONCE, 50]


def test_since_asks_for_what_entered_pubmed_from_that_day_on(server: EutilsServer, tmp_path: Path) -> None:
    search(server, tmp_path, since=date(2026, 1, 2))
    form = next(server.forms("esearch"))
    assert (form["datetype"], form["mindate"], form["maxdate"]) == ("edat", "2026/01/02", "3000")
    assert searches.query("q", "2026").since == date(2026, 1, 1)
    assert searches.query("q", "2026-02").since == date(2026, 2, 1)
    assert searches.query("q", "2026-02-03").since == date(2026, 2, 3)


# ---------------------------------------------------------------- searching


@pytest.mark.parametrize("as_xml", [False, True], ids=["JSON", "XML"])
def test_a_search_gives_every_id_and_how_the_query_was_read(server: EutilsServer, tmp_path: Path, as_xml: bool) -> None:
    server.as_xml = as_xml
    found = search(server, tmp_path)
    assert found.count == 450 and list(found.ids) == list(range(FIRST, FIRST + 450))
    assert "velorine" in found.translation


@pytest.mark.parametrize("forgets", [0, 1])
def test_a_search_that_comes_in_pieces_is_read_on_from_its_history_even_when_that_expires_once(
    server: EutilsServer, tmp_path: Path, forgets: int
) -> None:
    server.page, server.forgets = 100, forgets
    assert len(search(server, tmp_path).ids) == 450


def test_a_history_that_is_always_gone_is_a_fault(server: EutilsServer, tmp_path: Path) -> None:
    server.page, server.forgets = 100, 99
    with pytest.raises(FaultError) as fault:
        search(server, tmp_path)
    assert fault.value.kind == "history"


def test_above_the_cap_the_range_of_pmids_is_halved_until_all_are_there(server: EutilsServer, tmp_path: Path) -> None:
    chance = random.Random(7)
    truth = sorted(chance.sample(range(1, 45_000_000), 31_000))
    server.terms["cancer[ti] OR velorine"] = truth
    found = search(server, tmp_path, "cancer[ti] OR velorine")
    assert (found.count, list(found.ids)) == (31_000, truth)
    terms = [form["term"] for form in server.forms("esearch")]
    assert terms[0] == "cancer[ti] OR velorine"
    assert all(re.fullmatch(r"\( cancer\[ti\] OR velorine \) AND \d+:\d+\[UID\]", term) for term in terms[1:])
    assert len(terms) < 30


def test_the_greatest_pmid_need_not_be_among_the_newest(server: EutilsServer, tmp_path: Path) -> None:
    # The reply lists other ids first: nothing on it tells how far the range goes.
    server.terms["all"] = [*range(1, 12_001), 90_000_000]
    server.page = 9_000
    shown = server._ids
    server._ids = lambda term: shown(term)[::-1]  # type: ignore[method-assign]
    assert search(server, tmp_path, "all").ids[-1] == 90_000_000


def test_a_service_that_never_narrows_a_search_is_asked_a_bounded_number_of_times(
    server: EutilsServer, tmp_path: Path
) -> None:
    server.page = 10
    server._ids = lambda term: range(FIRST, FIRST + 10_000)  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(FaultError, match="does not narrow"):
        search(server, tmp_path)
    assert len(server.seen) < 40


def test_a_part_that_is_another_query_than_the_whole_is_a_fault(server: EutilsServer, tmp_path: Path) -> None:
    server.terms["many"] = range(FIRST, FIRST + 10_500)
    server.notes[f"( many ) AND 1:{FIRST + 10_499 + 1000}[UID]"] = {"warninglist": {"phrasesignored": ["[UID]"]}}
    with pytest.raises(FaultError, match="does not narrow"):
        search(server, tmp_path, "many")


PACKED: dict[str, tuple[str, bytes, str]] = {
    "a bomb in a bomb": ("gzip, gzip", gzip.compress(gzip.compress(bytes(1 << 20))), "packed in a way"),
    "another way of packing": ("zstd", b"\x28\xb5\x2f\xfd", "packed in a way"),
    "cut off": ("gzip", gzip.compress(b"x" * 1000)[:-9], "cannot be unpacked"),
    "no packing at all": ("gzip", b"plain", "cannot be unpacked"),
    "more behind it": ("gzip", gzip.compress(b"x") + b"y" * 100, "cannot be unpacked"),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_reply_that_is_packed_in_an_odd_way_is_a_fault(server: EutilsServer, tmp_path: Path, name: str) -> None:
    packing, data, told = PACKED[name]
    server.faults.extend([loopback.status(200, data, Content_Encoding=packing)] * 6)
    with pytest.raises(FaultError, match=told):
        search(server, tmp_path)


def test_a_reply_may_be_packed_as_we_ask_for_it(server: EutilsServer, tmp_path: Path) -> None:
    told = b'{"esearchresult": {"count": "1", "idlist": ["7"]}}'
    server.faults.append(loopback.status(200, gzip.compress(told), Content_Encoding="gzip"))
    assert search(server, tmp_path).ids == (7,)
    assert {seen.headers["Accept-Encoding"] for seen in server.seen} == {"gzip"}


def test_a_date_beyond_all_dates_asks_for_no_wait() -> None:
    assert retry_after("Mon, 01 Jan 99999999999999999999 00:00:00 GMT") == 0.0


@pytest.mark.parametrize("proxy", ["ftp://me:pa55w0rd@proxy.example", "http://me:pa55w0rd@proxy.example:port"])
def test_a_proxy_that_cannot_be_used_is_a_wrong_call_and_shows_no_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(BadInputError) as failed, network().web("https://eutils.example/", 1.0):
        pass
    assert "pa55w0rd" not in everything(failed.value)


def test_this_machine_is_never_asked_through_a_proxy(
    server: EutilsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert search(server, tmp_path).count == 450


def test_a_search_that_is_too_large_is_refused_before_anything_is_fetched(server: EutilsServer, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="450 records"):
        search(server, tmp_path, longest=449)
    assert len(server.seen) == 1


DROPPED = {
    "a field that does not exist": {"errorlist": {"fieldsnotfound": ["NoSuchField"]}},
    "a phrase that matches nothing": {"errorlist": {"phrasesnotfound": ["NoSuchField"]}},
    "a quoted phrase": {"warninglist": {"quotedphrasesnotfound": ['"NoSuchField"'], "outputmessages": ["Beware."]}},
    "an ignored phrase": {"warninglist": {"phrasesignored": ["NoSuchField"]}},
}


@pytest.mark.parametrize("as_xml", [False, True], ids=["JSON", "XML"])
@pytest.mark.parametrize("notes", DROPPED.values(), ids=DROPPED)
def test_a_query_of_which_a_part_was_dropped_is_refused_by_name_unless_accepted(
    server: EutilsServer, opened: Home, notes: dict[str, Any], as_xml: bool
) -> None:
    server.notes["velorine"], server.as_xml = notes, as_xml
    with pytest.raises(BadInputError, match="NoSuchField"):
        opened.ingest_pubmed_query("velorine", eutils=server.url)
    assert opened.store.commits() == [] and opened.status()["shortfalls"] == []
    accepted = opened.ingest_pubmed_query("velorine", eutils=server.url, accept_translation=True)
    assert accepted["records"] == 450
    assert [w for w in accepted["warnings"] if "NoSuchField" in w]
    assert accepted["search"]["dropped"]


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("name", loopback.TRANSIENT)
@pytest.mark.parametrize("skip", [0, 1], ids=["on esearch", "on efetch"])
def test_a_passing_fault_costs_a_try_and_nothing_else(server: EutilsServer, opened: Home, name: str, skip: int) -> None:
    def once(handler: loopback.Handler) -> None:
        server.answer(handler, server.seen[-1])

    server.faults.extend([once] * skip + [loopback.TRANSIENT[name]] * 2)
    reply = contract.validated("ingest", opened.ingest_pubmed_query("velorine", eutils=server.url))
    assert (reply["records"], reply["shortfalls"]) == (450, [])
    assert loaded(opened) == list(range(FIRST, FIRST + 450))


def test_a_slow_reply_is_a_passing_fault(server: EutilsServer, tmp_path: Path) -> None:
    server.faults.append(loopback.slow(0.5))
    with client(server, tmp_path, network(read=0.1)) as asking:
        assert asking.search("velorine").count == 450


def test_the_waits_grow_are_never_shorter_than_asked_and_end_after_six_tries(
    server: EutilsServer, tmp_path: Path
) -> None:
    clock = Ticking()
    server.faults.extend([loopback.status(502)] * 3 + [loopback.status(429, b"{}", Retry_After="30")] * 3)
    with client(server, tmp_path, network(clock)) as asking, pytest.raises(FaultError) as fault:
        asking.search("velorine")
    assert fault.value.kind == "throttled" and len(server.seen) == 6
    assert [seconds for seconds in clock.slept if seconds > 0.01] == [1.0, 2.0, 4.0, 30.0, 30.0]


def test_a_service_that_says_come_back_in_a_day_is_left_alone(server: EutilsServer, opened: Home) -> None:
    opened.network = network(clock := Ticking())
    server.faults.append(loopback.status(429, b"{}", Retry_After="86400"))
    with pytest.raises(ShortfallError, match="limits our rate"):
        opened.ingest_pubmed_query("velorine", eutils=server.url)
    assert len(server.seen) == 1 and clock.now < 600


def test_the_waiting_of_one_call_has_a_budget(server: EutilsServer, tmp_path: Path) -> None:
    server.faults.extend([loopback.status(502)] * 6)
    with client(server, tmp_path, network(budget=3.5)) as asking, pytest.raises(FaultError):
        asking.search("velorine")
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("error", "kind", "tries"),
    [
        ("Search Backend failed: Database is not supported: pubmed", "backend", 3),
        (loopback.TOO_FAR, "capped", 1),
        ("Search Backend failed: Exception:\nPosition 15000 is out of acceptable range [9999,9998]", "capped", 1),
        ("Invalid db name specified: pubmedd", "backend", 1),
        ("Unable to obtain query #1", "history", 1),
    ],
)
@pytest.mark.parametrize("as_xml", [False, True], ids=["JSON with a raw newline", "XML"])
def test_an_error_under_a_200_is_a_fault_and_never_an_empty_search(
    server: EutilsServer, opened: Home, error: str, kind: str, tries: int, as_xml: bool
) -> None:
    server.errors["velorine"], server.as_xml = error, as_xml
    with pytest.raises(ShortfallError):
        opened.ingest_pubmed_query("velorine", eutils=server.url)
    assert [each["kind"] for each in opened.status()["shortfalls"]] == [kind]
    assert len(server.seen) == tries
    allowed = opened.ingest_pubmed_query("velorine", eutils=server.url, allow_shortfall=True)
    assert contract.validated("ingest", allowed)["shortfalls"][0]["kind"] == kind


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_is_refused_at_once_and_its_target_is_never_asked(
    server: EutilsServer, tmp_path: Path, code: int
) -> None:
    with EutilsServer() as elsewhere:
        server.faults.append(loopback.status(code, Location=f"{elsewhere.url}esearch.fcgi"))
        with client(server, tmp_path, key=CANARY) as asking, pytest.raises(FaultError, match="redirected"):
            asking.search("velorine")
        assert (len(server.seen), elsewhere.seen) == (1, [])


@pytest.mark.parametrize("code", [400, 403, 404, 414])
def test_any_other_4xx_is_never_asked_again(server: EutilsServer, tmp_path: Path, code: int) -> None:
    server.faults.append(loopback.status(code, b"no"))
    with client(server, tmp_path) as asking, pytest.raises(FaultError, match="refused"):
        asking.search("velorine")
    assert len(server.seen) == 1


def test_omitted_ids_are_asked_for_once_more_and_then_named(server: EutilsServer, opened: Home) -> None:
    server.omitted = {FIRST + 3, FIRST + 300}
    reply = opened.ingest_pubmed_query("velorine", eutils=server.url)
    (short,) = reply["shortfalls"]
    assert (short["kind"], short["records_missing"], short["ids"]) == (
        "omitted", 2, [str(FIRST + 3), str(FIRST + 300)],
    )  # fmt: skip
    assert str(FIRST + 3) in [form["id"] for form in server.forms("efetch")]
    assert len(loaded(opened)) == 448


def test_ids_of_which_the_service_knows_none_are_omissions_and_no_failure(server: EutilsServer, opened: Home) -> None:
    server.omitted = set(range(FIRST, FIRST + 450))
    with pytest.raises(ShortfallError, match="450 of 450"):
        opened.ingest_pubmed_query("velorine", eutils=server.url)
    empty = loopback.ENVELOPE.format("Efetch", "x", "eFetchResult", "ID list is empty! Possibly it has no correct IDs.")
    server.faults.append(loopback.status(400, empty.encode()))
    with client(server, opened.rooms.root) as asking:
        # The second request, for what the first left out, finds them.
        server.omitted = set()
        assert [list(records) for records, _ in asking.fetch([FIRST])] == [[FIRST]]


def test_a_reply_with_a_hostile_document_type_is_no_record(server: EutilsServer, tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE PubmedArticleSet [<!ENTITY a "b">]><PubmedArticleSet>' + loopback.article(FIRST).encode()
    server.faults.extend([loopback.body(bomb + b"</PubmedArticleSet>")] * 6)
    with client(server, tmp_path) as asking:
        ((records, fault),) = list(asking.fetch([FIRST]))
    assert records == {} and fault is not None and fault.kind == "unparsable"


# ---------------------------------------------------------------- random faults


@pytest.mark.parametrize("seed", range(12))
def test_whatever_fails_the_records_are_the_truth_or_a_shortfall_names_the_difference(
    server: EutilsServer, opened: Home, seed: int
) -> None:
    chance = random.Random(seed)
    truth = set(range(FIRST, FIRST + 450))
    server.page = chance.choice([9_999, 120])
    server.omitted = set(chance.sample(sorted(truth), chance.choice([0, 0, 5])))
    worst = [0.0, 0.3, 0.85][seed % 3]

    def maybe(seen: loopback.Seen) -> loopback.Fault | None:
        return chance.choice(list(loopback.TRANSIENT.values())) if chance.random() < worst else None

    server.fault_for = maybe  # type: ignore[method-assign]
    reply = contract.validated(
        "ingest", opened.ingest_pubmed_query("velorine", eutils=server.url, allow_shortfall=True)
    )
    found = set(loaded(opened))
    assert found <= truth
    if found == truth:
        assert reply["shortfalls"] == []
    elif reply["search"] is None:
        assert [each["records_missing"] for each in reply["shortfalls"]] == [None] and found == set()
    else:
        (short,) = reply["shortfalls"]
        assert {int(each) for each in short["ids"]} == truth - found
        assert short["records_missing"] == len(truth - found)
    assert opened.status()["shortfalls"] == reply["shortfalls"]


# ---------------------------------------------------------------- pace


@pytest.mark.parametrize("key", ["", CANARY])
def test_no_window_of_a_second_sees_more_than_the_limit(tmp_path: Path, key: str) -> None:
    clock = Ticking()
    with EutilsServer(clock, limit=3) as server:
        server.terms["velorine"] = range(FIRST, FIRST + 5)
        who, through = Identity("", key), network(clock)
        for _ in range(3):  # three calls of one process share one pace
            with through.web(server.url, who.rate) as web:
                for _ in range(8):
                    Eutils(server.url, web, who, scratch=tmp_path).search("velorine")
        assert (len(server.seen), server.refused) == (24, 0)
        assert server.busiest_second() <= (10 if key else 3)


def test_threads_share_one_pace() -> None:
    clock = Ticking()
    throttle = Throttle(2.8, clock=clock, sleep=clock.sleep)
    let_go: list[float] = []
    threads = [threading.Thread(target=lambda: let_go.extend(throttle.wait() for _ in range(20))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_go) == 100
    assert min(later - earlier for earlier, later in pairwise(sorted(let_go))) >= 1 / 2.8 - 1e-9


def test_a_key_allows_nine_requests_a_second_and_none_two_point_eight() -> None:
    assert (Identity().rate, Identity("", CANARY).rate) == (2.8, 9.0)


def test_a_throttle_spaces_requests_and_holds_all_when_told() -> None:
    clock = Ticking()
    throttle = Throttle(4.0, clock=clock, sleep=clock.sleep)
    times = []
    for turn in range(5):
        throttle.wait()
        times.append(clock.now)
        if turn == 2:
            throttle.hold(9.0)
    assert times == [0.0, 0.25, 0.5, 9.5, 9.75]


# ---------------------------------------------------------------- the home


def test_a_search_is_loaded_as_a_file_of_its_own_and_kept_on_record(server: EutilsServer, opened: Home) -> None:
    reply = contract.validated("ingest", opened.ingest_pubmed_query("velorine", eutils=server.url))
    (line,) = reply["files"]
    assert (line["status"], line["records"]) == ("loaded", 450)
    (commit,) = opened.store.commits()
    assert commit.order is None and commit.file == line["file"] == f"search-{searches.query('velorine').name}.xml.gz"
    kept = json.loads((opened.rooms.corpora / "searches" / "000001.json").read_text())
    assert (kept["query"], kept["count"], kept["at"]) == ("velorine", 450, "2020-01-01T12:00:00Z")
    assert kept["translation"] == '"velorine"[All Fields]' and re.fullmatch("[0-9a-f]{64}", kept["ids_sha256"])
    assert reply["search"] == {k: v for k, v in kept.items() if k != "service"}
    assert [w for w in reply["warnings"] if "read the query as" in w]
    assert sorted(p.name for p in opened.rooms.corpora.iterdir() if p.name.startswith(".")) == [
        ".lock", ".network.lock",
    ]  # fmt: skip


def test_the_same_search_with_the_same_reply_changes_nothing_and_is_recorded_again(
    server: EutilsServer, opened: Home
) -> None:
    opened.ingest_pubmed_query("velorine", eutils=server.url)
    again = opened.ingest_pubmed_query("  velorine ", eutils=server.url)
    assert [line["status"] for line in again["files"]] == ["unchanged"] and len(opened.store.commits()) == 1
    server.titles[FIRST] = "A trial of velorine, revised"
    changed = opened.ingest_pubmed_query("velorine", eutils=server.url)
    assert [line["status"] for line in changed["files"]] == ["loaded"]
    assert f"A trial of velorine, revised {FIRST}" in titles(opened)
    assert [p.name for p in sorted((opened.rooms.corpora / "searches").iterdir())] == [
        "000001.json", "000002.json", "000003.json",
    ]  # fmt: skip


def test_a_search_that_finds_nothing_says_so_and_loads_nothing(server: EutilsServer, opened: Home) -> None:
    server.notes["nothing"] = {"warninglist": {"outputmessages": ["No items found."]}}
    reply = contract.validated("ingest", opened.ingest_pubmed_query("nothing", eutils=server.url))
    assert (reply["files"], reply["search"]["count"], reply["shortfalls"]) == ([], 0, [])
    assert "the search found nothing" in reply["warnings"] and "PubMed says: No items found." in reply["warnings"]


def test_a_search_that_comes_short_takes_nothing_back_of_what_an_earlier_one_loaded(
    server: EutilsServer, opened: Home
) -> None:
    server.terms["few"] = range(FIRST, FIRST + 4)
    opened.ingest_pubmed_query("few", eutils=server.url)
    server.omitted, server.titles[FIRST] = {FIRST + 1, FIRST + 2}, "Revised"
    opened.ingest_pubmed_query("few", eutils=server.url)
    opened.refresh(offline=True)
    assert opened.status()["documents"]["active"] == 4


def test_a_later_run_that_asks_for_more_makes_good_what_failed_for_less(server: EutilsServer, opened: Home) -> None:
    days = {"2020": "2020-01-01", "2021": "2021-01-01", "2022": "2022-01-01"}
    server.errors["velorine"] = "Search Backend failed"
    for since in days:
        with pytest.raises(ShortfallError):
            opened.ingest_pubmed_query("velorine", since=since, eutils=server.url)
    server.errors.clear()
    left = [searches.query("velorine", since).source for since in days]
    opened.ingest_pubmed_query("velorine", since="2021", eutils=server.url)
    assert [each["source"] for each in opened.status()["shortfalls"]] == left[:1]
    opened.ingest_pubmed_query("velorine", eutils=server.url)
    assert opened.status()["shortfalls"] == []


def test_what_was_asked_stands_in_the_record_of_searches_and_in_no_shortfall(
    server: EutilsServer, opened: Home
) -> None:
    server.errors["jane doe 1950"] = "Search Backend failed"
    with pytest.raises(ShortfallError) as failed:
        opened.ingest_pubmed_query("jane doe 1950", eutils=server.url)
    assert "jane" not in repr(failed.value.as_json()) + json.dumps(opened.status())
    assert "jane" not in "".join(path.read_text() for path in (opened.rooms.corpora / "shortfalls").iterdir())
    kept = json.loads((opened.rooms.corpora / "searches" / "000001.json").read_text())
    assert kept["query"] == "jane doe 1950" and "count" not in kept
    (listed,) = contract.validated("shortfalls", opened.shortfalls())["shortfalls"]
    assert listed["query"] == "jane doe 1950"


def test_a_later_run_that_succeeds_closes_the_shortfall_of_its_own_search_only(
    server: EutilsServer, opened: Home
) -> None:
    for term in ("velorine", "other"):
        server.errors[term] = "Search Backend failed"
        with pytest.raises(ShortfallError):
            opened.ingest_pubmed_query(term, eutils=server.url)
    server.errors.clear()
    opened.ingest_pubmed_query("velorine", eutils=server.url)
    assert [each["source"] for each in opened.status()["shortfalls"]] == [searches.query("other").source]


def test_the_manifest_s_service_must_be_enabled_and_one_given_need_not(server: EutilsServer, opened: Home) -> None:
    with pytest.raises(BadInputError, match="no remote source is enabled"):
        opened.ingest_pubmed_query("velorine")
    manifest = opened.rooms.root / "corpora" / "pubmed.yaml"
    remote = f"{{enabled: true, updates: 'https://a.example/', eutils: '{server.url}', longest_search: 9}}"
    manifest.write_text(f"files: []\nremote: {remote}")
    with pytest.raises(BadInputError, match="450 records"):
        opened.ingest_pubmed_query("velorine")


@pytest.mark.parametrize(
    "url",
    ["http://eutils.example/", "ftp://127.0.0.1/", "https://user:pw@a.example/", "https://a.example/?api_key=1",
     "//a.example", "https://", "http://127.0.0.1:x/", "https://a.example/ b", "", "http://127.0.0.1.evil.example/",
     "http://localhost@evil.example/", "http://[::1]evil.example/", "http://localhost\\@evil.example/", "https://a..b/",
     "https://a.example/?", "https://a.example/#", "https://a%2eexample/", "http://0.0.0.0/", "http://127.1/",
     f"https://{'a' * 64}.example/", "https://a.example:99999/", "https://*/"],
)  # fmt: skip
def test_an_address_that_is_not_safe_is_refused(opened: Home, url: str) -> None:
    with pytest.raises(BadInputError, match="not an address"):
        opened.ingest_pubmed_query("velorine", eutils=url)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080", "http://localhost/x/", "http://[::1]:1/", "https://a.example", "https://a_b.example:443/x"],
)  # fmt: skip
def test_https_and_this_machine_are_safe(url: str) -> None:
    assert safe_url(url).endswith("/")


@pytest.mark.parametrize("query", ["", "  \t ", "x" * 10_001])
def test_a_query_that_is_none_is_refused(server: EutilsServer, opened: Home, query: str) -> None:
    with pytest.raises(BadInputError):
        opened.ingest_pubmed_query(query, eutils=server.url)
    assert server.seen == []


# ---------------------------------------------------------------- the secret


def everything(error: BaseException) -> str:
    """All that an exception, its context and its causes would tell anybody."""
    told = "".join(traceback.format_exception(error))
    seen: list[BaseException | None] = [error, error.__cause__, error.__context__]
    return told + repr([(each, getattr(each, "__dict__", None), each.args) for each in seen if each is not None])


ECHOES: dict[str, Callable[[EutilsServer], Any]] = {
    "a bad key": lambda server: setattr(server, "key", "another"),
    "a 400 that repeats it": lambda server: server.faults.append(loopback.status(400, f"key={CANARY}".encode())),
    "an ERROR that repeats it": lambda server: server.errors.update(velorine=f"Search Backend failed: {CANARY}"),
    "HTML that repeats it": lambda server: server.faults.extend([loopback.body(f"<p>{CANARY}".encode())] * 6),
    "JSON that breaks off": lambda server: server.faults.extend([loopback.body(f'{{"a": "{CANARY}'.encode())] * 6),
    "a translation that repeats it": lambda server: server.notes.update(
        velorine={"warninglist": {"outputmessages": [f"you are {CANARY}"]}}
    ),
    "resets": lambda server: server.faults.extend([loopback.reset] * 6),
    "bodies that break off": lambda server: server.faults.extend([loopback.short] * 6),
    "a redirect": lambda server: server.faults.append(loopback.status(302, Location=f"https://a.example/?k={CANARY}")),
}


@pytest.mark.parametrize("name", ECHOES)
def test_the_key_shows_in_no_exception_log_file_or_reply(
    server: EutilsServer, opened: Home, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NCBI_API_KEY", CANARY)
    caplog.set_level(logging.DEBUG)
    ECHOES[name](server)
    told = ""
    try:
        told = json.dumps(opened.ingest_pubmed_query("velorine", eutils=server.url))
    except ConsilienceError as error:
        told = everything(error) + json.dumps(error.as_json())
    assert [seen for seen in server.seen if seen.form.get("api_key") == CANARY]
    files = [path for path in opened.rooms.corpora.rglob("*") if path.is_file()]
    stored = b"".join(
        gzip.decompress(raw) if path.suffix == ".gz" else raw for path in files for raw in [path.read_bytes()]
    )
    logged = "".join(f"{record.getMessage()}{record.__dict__}" for record in caplog.records)
    status = json.dumps(opened.status())
    assert told and CANARY not in told + logged + status and CANARY.encode() not in stored


@pytest.mark.parametrize(
    ("given", "told"),
    [(f" {CANARY}\n", CANARY), (CANARY, CANARY.upper()), (f"{CANARY}/+", f"{CANARY}%2F%2B"),
     (f'{CANARY}"', f'{CANARY}\\"'), (f"{CANARY}&", f"{CANARY}&amp;")],
    ids=["white space", "upper case", "an address", "JSON", "HTML"],
)  # fmt: skip
def test_a_key_is_struck_out_however_a_reply_writes_it(
    server: EutilsServer, opened: Home, monkeypatch: pytest.MonkeyPatch, given: str, told: str
) -> None:
    monkeypatch.setenv("NCBI_API_KEY", given)
    server.errors["velorine"] = f"Search Backend failed: {told}"
    with pytest.raises(ShortfallError) as failed:
        opened.ingest_pubmed_query("velorine", eutils=server.url)
    assert CANARY not in (everything(failed.value) + json.dumps(opened.status())).lower()
    assert server.seen[0].form["api_key"] == given.strip()


def test_a_bad_key_is_a_wrong_call_and_never_tried_again(server: EutilsServer, opened: Home) -> None:
    server.key = "another"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(BadInputError, match="API key"):
        patch.setenv("NCBI_API_KEY", CANARY)
        opened.ingest_pubmed_query("velorine", eutils=server.url)
    assert len(server.seen) == 1 and Store(opened.rooms).commits() == []


@pytest.mark.real
def test_real_records_come_through_a_search_unchanged(
    server: EutilsServer, opened: Home, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data_dir / "pubmed_xml" / "pubMR_pubmed_result_2019.xml.gz"
    found = re.findall(r"<PubmedArticle>.*?</PubmedArticle>", gzip.decompress(path.read_bytes()).decode(), re.DOTALL)
    whole = {int(pmid[1]): text for text in found if (pmid := re.search(r'<PMID Version="\d+">(\d+)', text))}
    monkeypatch.setattr(loopback, "article", lambda pmid, _: whole[pmid])
    server.terms["real"] = list(whole)
    opened.ingest_pubmed([path])
    opened.ingest_pubmed_query("real", eutils=server.url)
    rows = [opened.store.rows(c.seq, ["id", "version"], "put").to_pylist() for c in opened.store.commits()]
    before, after = ({row["id"]: row["version"] for row in each} for each in rows)
    assert len(after) > 50 and {k: before[k] for k in after} == after
