from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consilience import contract, new_review, open_home, open_review
from consilience.errors import BadInputError, BusyError, NotFoundError, StoreDamagedError
from consilience.screening.deciding import Wish
from consilience.screening.protocol import Protocol, protocol_yaml, read_protocol
from consilience.screening.review import Actor, Review
from consilience.screening.stopping import DEFAULT_RULE, RULES

BASELINE, UPDATE = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
NOW = "2026-03-01T12:00:00Z"
TOPIC = ("velorine", "stroke", "randomised", "placebo")
CHANCE = tuple(f"word{number:02d}" for number in range(60))


def papers(count: int = 12, *, first: int = 0, topic: int = 4, labels: bool = False) -> Iterator[dict[str, Any]]:
    """Records of ours, of which each `topic`-th is about velorine."""
    draw = random.Random(first)
    for number in range(first, first + count):
        chosen = number % topic == 0
        words = draw.sample(CHANCE, 12) + (list(TOPIC) if chosen else [])
        yield {
            "pmid": str(99000001 + number), "title": f"Paper {number} on {' '.join(words[-4:])}",
            "abstract": " ".join(words), "year": 2000 + number % 20, "authors": [f"Author{number} A"],
            **({"label_included": int(chosen)} if labels else {}),
        }  # fmt: skip


def written(folder: Path, records: Iterator[dict[str, Any]], name: str = "export.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


def made(folder: Path, *, mode: str = "single", count: int = 12, topic: int = 4, **protocol: Any) -> Review:
    """A review of some records, in `folder/review`."""
    plan = Protocol("Velorine for stroke", "Does velorine prevent stroke?", mode=mode,  # type: ignore[arg-type]
                    reviewers=("ada", "bob"), stop=("none",), **protocol)  # fmt: skip
    path = folder / "plan.yaml"
    path.write_text(protocol_yaml(plan), encoding="utf-8")
    review, told = new_review(folder / "review", protocol=path, now=NOW)
    contract.validated("screen-new", told)
    if count:
        contract.validated("screen-import", review.import_files([written(folder, papers(count, topic=topic))]))
    return review


def again(review: Review) -> Review:
    return open_review(review.folder, now=NOW)


def upcoming(review: Review, reviewer: str = "ada", **more: Any) -> dict[str, Any]:
    return contract.validated("screen-next", review.next(reviewer=reviewer, **more))


# ---------------------------------------------------------------- making


def test_a_review_is_made_only_in_an_empty_folder(tmp_path: Path) -> None:
    review = made(tmp_path)
    with pytest.raises(BadInputError, match="not empty"):
        Review.create(review.folder, Protocol("again"))


def test_a_folder_that_is_no_review_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no review"):
        open_review(tmp_path)


def test_an_edited_protocol_is_noted_and_old_decisions_keep_theirs(tmp_path: Path) -> None:
    review = made(tmp_path)
    first, second = upcoming(review, count=2)["id"], review.next(reviewer="ada", count=2)["more"][0]["id"]
    review.decide(first, "include", reviewer="ada")
    before = review.protocol.digest
    path = review.folder / "protocol.yaml"
    path.write_text(path.read_text().replace("target: 0.95", "target: 0.9"))
    assert "was edited (target)" in again(review).status()["warnings"][0]
    review.decide(second, "exclude", reviewer="ada")
    versions = {id: review.state.decisions(id, "title_abstract")["ada"].protocol for id in (first, second)}
    assert versions == {first: before, second: read_protocol(path).digest}
    noted = [entry for entry in review.ledger.entries() if entry.kind == "protocol"]
    assert [entry.body["changed"] for entry in noted] == [[], ["target"]]
    assert review.status()["protocol"]["versions"] == 2


def test_a_comment_makes_no_other_protocol(tmp_path: Path) -> None:
    review = made(tmp_path)
    path = review.folder / "protocol.yaml"
    path.write_text("# a thought\n" + path.read_text())
    again(review).next(reviewer="ada")
    assert again(review).status()["protocol"]["versions"] == 1


def test_a_broken_protocol_decides_nothing(tmp_path: Path) -> None:
    review = made(tmp_path)
    path = review.folder / "protocol.yaml"
    path.write_text(path.read_text() + "colour: red\n")
    with pytest.raises(BadInputError, match="colour"):
        review.decide(review.state.units()[0], "include", reviewer="ada")


# ---------------------------------------------------------------- deciding


def test_the_same_decision_twice_is_one_entry(tmp_path: Path) -> None:
    review = made(tmp_path)
    id = upcoming(review)["id"]
    one = contract.validated("screen-decide", review.decide(id, "include", reviewer="ada"))
    two = again(review).decide(id, "include", reviewer="ada")
    assert one["changed"] and not two["changed"]
    assert one["ledger"] == two["ledger"]


def test_a_decision_names_its_input_its_quote_and_what_it_supersedes(tmp_path: Path) -> None:
    review = made(tmp_path)
    id = upcoming(review)["id"]
    one = review.decide(id, "include", reviewer="ada", quote="velorine stroke")
    review.decide(id, "exclude", reviewer="ada", reason="an animal study")
    last = review.state.decisions(id, "title_abstract")["ada"]
    assert (last.decision, last.prior, last.reason) == ("exclude", one["ledger"]["sha256"], "an animal study")
    first = review.state.history(id, "title_abstract")[0]
    assert first.quote is not None
    record = review.records()[id]
    assert record[first.quote["field"]][first.quote["start"] : first.quote["end"]] == "velorine stroke"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"decision": "maybe"}, "no decision"),
        ({"reviewer": "eve"}, "no reviewer"),
        ({"reviewer": None}, "which reviewer"),
        ({"stage": "third"}, "no stage"),
        ({"quote": "words that are not there"}, "does not stand"),
        ({"quote": {"field": "title", "start": 0, "end": 3, "quote": "XYZ"}}, "does not stand"),
        ({"stage": "full_text"}, "pending at title and abstract"),
        ({"decision": "withdraw"}, "decided nothing"),
    ],
)
def test_a_wrong_decision_is_one_clear_error_and_no_entry(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    review = made(tmp_path)
    words = {"decision": "include", "reviewer": "ada", **given}
    before = review.state.seq
    with pytest.raises(BadInputError, match=told) as failure:
        review.decide(review.state.units()[0], words.pop("decision"), **words)
    assert failure.value.exit_status == 2
    assert again(review).state.seq == before


def test_an_exclusion_at_full_text_needs_its_reason(tmp_path: Path) -> None:
    review = made(tmp_path)
    id = review.state.units()[0]
    review.decide(id, "include", reviewer="ada")
    with pytest.raises(BadInputError, match="needs its reason"):
        review.decide(id, "exclude", reviewer="ada", stage="full_text", reason="  ")
    review.decide(id, "exclude", reviewer="ada", stage="full_text", reason="no control group")
    assert review.status()["reasons"] == {"no control group": 1}


def test_a_record_is_named_by_its_pmid_too(tmp_path: Path) -> None:
    review = made(tmp_path)
    told = review.decide("PMID:99000003", "exclude", reviewer="ada")
    assert review.records()[told["id"]]["pmid"] == "99000003"
    with pytest.raises(NotFoundError):
        review.decide("PMID:1", "exclude", reviewer="ada")


def test_a_decision_that_was_changed_in_another_window_is_not_superseded(tmp_path: Path) -> None:
    review = made(tmp_path)
    id = review.state.units()[0]
    review.decide(id, "include", reviewer="ada", expects=None)
    with pytest.raises(BusyError):
        again(review).decide(id, "exclude", reviewer="ada", expects=None)
    last = review.state.decisions(id, "title_abstract")["ada"]
    review.decide(id, "exclude", reviewer="ada", expects=last.sha256)
    assert review.state.outcome(id, "title_abstract").result == "exclude"


def test_a_model_that_decides_is_told_apart_from_people(tmp_path: Path) -> None:
    review = made(tmp_path, mode="dual")
    id = review.state.units()[0]
    review.decide(id, "include", reviewer="bob", actor=Actor("judge", "model", "2"))
    told = contract.validated("screen-ledger", review.verify())
    assert {"kind": "decision", "type": "model", "name": "judge", "version": "2", "entries": 1} in told["machines"]


# ---------------------------------------------------------------- blinding


def hidden(review: Review, reviewer: str) -> str:
    """All that a reviewer may see before he decides."""
    seen = [review.next(reviewer=reviewer, count=20), review.status(), review.conflicts()]
    for each in seen:
        for name in ("ledger", "ranked", "warnings"):
            each.pop(name, None)
    return json.dumps(seen, sort_keys=True)


@pytest.mark.parametrize("mode", ["dual", "liberal"])
def test_nothing_shown_to_a_reviewer_tells_how_the_other_decided(tmp_path: Path, mode: str) -> None:
    """Whatever ada excluded or found unclear alone, bob sees the same; liberal includes are settled, so not his."""
    shown = []
    for word in ("exclude", "unclear") if mode == "dual" else ("exclude",):
        folder = tmp_path / word
        folder.mkdir()
        review = made(folder, mode=mode)
        for id in review.state.units()[:5]:
            review.decide(id, word, reviewer="ada", reason="because")
        shown.append(hidden(review, "bob"))
        assert "because" not in shown[-1]
    assert len(set(shown)) == 1


def test_a_record_is_shown_without_the_labels_it_came_with(tmp_path: Path) -> None:
    review = made(tmp_path, count=0)
    review.import_file(written(tmp_path, papers(labels=True)))
    record = upcoming(review)["record"]
    assert "label" not in record and "extra" not in record


def test_in_dual_mode_each_reads_all_and_conflicts_are_settled_by_a_third(tmp_path: Path) -> None:
    review = made(tmp_path, mode="dual", count=4)
    for reviewer, words in (("ada", "include exclude include exclude"), ("bob", "include exclude exclude exclude")):
        for id, word in zip(review.state.units(), words.split(), strict=True):
            review.decide(id, word, reviewer=reviewer)
        assert upcoming(review, reviewer)["id"] is None
    told = contract.validated("screen-conflicts", review.conflicts())
    (disputed,) = told["rows"]
    assert [each["decision"] for each in disputed["decisions"]] == ["include", "exclude"]
    with pytest.raises(BadInputError, match="no conflict"):
        review.adjudicate(review.state.units()[0], "exclude", by="cleo")
    contract.validated("screen-adjudicate", review.adjudicate(disputed["id"], "include", by="cleo"))
    status = contract.validated("screen-status", review.status())
    assert status["stages"]["title_abstract"]["include"] == 2
    (agreed,) = status["agreement"]
    assert (agreed["records"], agreed["kappa"], agreed["pabak"]) == (4, 0.5, 0.5)


def test_in_liberal_mode_an_include_needs_nobody_else(tmp_path: Path) -> None:
    review = made(tmp_path, mode="liberal", count=4)
    first, second, *_ = review.state.units()
    review.decide(first, "include", reviewer="ada")
    review.decide(second, "exclude", reviewer="ada")
    waiting = upcoming(review, "bob", count=4)
    assert [each["id"] for each in (waiting, *waiting["more"])] == review.state.units()[1:]
    assert upcoming(review, "ada")["remaining"] == 2


# ---------------------------------------------------------------- taking in


def test_the_same_file_twice_is_free(tmp_path: Path) -> None:
    review = made(tmp_path)
    before = review.state.seq
    told = review.import_files([tmp_path / "export.jsonl"])
    assert (told["new"], told["files"][0]["status"], review.state.seq) == (0, "known", before)


def test_an_export_is_kept_byte_for_byte(tmp_path: Path) -> None:
    review = made(tmp_path)
    (kept,) = (review.folder / "imports").iterdir()
    assert kept.read_bytes() == (tmp_path / "export.jsonl").read_bytes()
    assert kept.stem == review.state.imports[0].raw


def test_a_refused_file_costs_no_other(tmp_path: Path) -> None:
    review = made(tmp_path, count=0)
    bad = tmp_path / "bad.jsonl"
    bad.write_text("this is not JSON\n")
    told = contract.validated("screen-import", review.import_files([bad, written(tmp_path, papers(3))]))
    assert [each["status"] for each in told["files"]] == ["refused", "imported"]
    assert len(review.state.places) == 3


def test_duplicates_are_linked_taken_apart_and_stay_apart(tmp_path: Path) -> None:
    review = made(tmp_path)
    twice = [{**each, "title": each["title"] + "."} for each in papers(3)]
    review.import_file(written(tmp_path, iter(twice), "other.jsonl"))
    told = contract.validated("screen-duplicates", review.duplicates())
    assert (told["records"], told["duplicates"], len(told["rows"])) == (15, 3, 3)
    gone = told["rows"][0]["members"][0]["id"]
    review.split(gone, by="ada")
    review.import_file(written(tmp_path, papers(2, first=50), "third.jsonl"))
    assert review.duplicates()["duplicates"] == 2
    assert review.state.master_of(gone) == gone
    review.merge([told["rows"][0]["master"], gone], by="ada")
    assert review.duplicates()["duplicates"] == 3


def test_papers_of_one_trial_in_one_year_are_told_and_not_merged(tmp_path: Path) -> None:
    review = made(tmp_path, count=0)
    two = [{"title": f"{title} (NCT01234567)", "year": 2012, "pmid": str(99000001 + number)} for number, title in
           enumerate(("Velorine in stroke: main results", "Quality of life under velorine"))]  # fmt: skip
    review.import_file(written(tmp_path, iter(two)))
    told = contract.validated("screen-duplicates", review.duplicates())
    assert (told["rows"], len(told["possible"])) == ([], 1)


def test_labels_decide_nothing_unless_somebody_stands_for_them(tmp_path: Path) -> None:
    review = made(tmp_path, count=0)
    told = review.import_files([written(tmp_path, papers(labels=True))])
    assert "bear labels, which decide nothing" in told["warnings"][0]
    assert review.status()["stages"]["title_abstract"]["pending"] == 12
    told = review.import_files([tmp_path / "export.jsonl"], decided_by="earlier team")
    assert told["decided"] == 12
    assert review.status()["stages"]["title_abstract"]["include"] == 3
    assert contract.validated("screen-stop", review.stop())["priors"] == 12


# ---------------------------------------------------------------- order


def test_an_order_is_the_same_after_its_cache_is_gone(tmp_path: Path) -> None:
    review = made(tmp_path, count=40)
    for id in review.state.units()[:8]:
        topic = "velorine" in review.records()[id]["title"]
        review.decide(id, "include" if topic else "exclude", reviewer="ada")
    told = contract.validated("screen-rank", review.rank())
    assert (told["units"], told["labelled"]) == (40, 8)
    before = upcoming(again(review), count=32)
    for path in sorted((review.folder / "cache").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert upcoming(again(review), count=32) == before
    assert "velorine" in before["record"]["title"]


def test_a_decision_taken_back_is_ranked_once(tmp_path: Path) -> None:
    review = made(tmp_path, mode="dual")
    id = review.state.units()[0]
    review.decide(id, "include", reviewer="ada")
    review.decide(id, "withdraw", reviewer="ada")
    review.rank()
    assert sorted(review.order().ids) == sorted(review.state.units())


def test_an_order_that_is_another_when_made_again_is_told(tmp_path: Path) -> None:
    review = made(tmp_path)
    review.rank()
    entry = review.state.ranks[-1]
    review.append("rank", entry.actor, {**entry.body, "ids": "0" * 64})
    for _ in range(2):  # made again, then read
        found = again(review).next(reviewer="ada")
        assert found["id"] is not None
        assert "made again and is another" in found["warnings"][0]


def test_what_one_of_two_judged_keeps_its_place_for_the_other(tmp_path: Path) -> None:
    """A new order is learnt from it, and yet tells the other nothing: its score is the one it had before."""
    shown = []
    for word in ("include", "exclude"):
        folder = tmp_path / word
        folder.mkdir()
        review = made(folder, mode="dual", count=40)
        review.rank()
        first = upcoming(review, "bob")
        review.decide(first["id"], word, reviewer="ada")
        review.rank()
        after = upcoming(review, "bob", count=40)
        (same,) = (each for each in (after, *after["more"]) if each["id"] == first["id"])
        shown.append((same["score"], first["score"]))
    assert shown[0] == shown[1]
    assert shown[0][0] == shown[0][1]


def test_records_that_came_after_the_ranking_are_read_last(tmp_path: Path) -> None:
    review = made(tmp_path)
    review.rank()
    review.import_file(written(tmp_path, papers(2, first=80), "late.jsonl"))
    found = upcoming(review, count=20)
    assert [each["score"] is None for each in (found, *found["more"])] == [False] * 12 + [True] * 2


def test_known_studies_are_read_first_and_no_stop_rule_counts_them(tmp_path: Path) -> None:
    review = made(tmp_path, seeds=("99000006", "PMID:99000002", "PMID:1"))
    assert "the seed PMID:1 is not among the records" in review.status()["warnings"]
    review.rank()
    found = upcoming(review, count=2)
    assert {each["record"]["pmid"] for each in (found, *found["more"])} == {"99000006", "99000002"}
    review.decide(found["id"], "include", reviewer="ada")
    assert review.state.drawn("title_abstract")[found["id"]] == "prior"
    assert (review.stop()["priors"], review.stop()["together"]["read"]) == (2, 0)


# ---------------------------------------------------------------- ending


def test_only_a_person_ends_screening_and_says_why(tmp_path: Path) -> None:
    review = made(tmp_path)
    review.decide(review.state.units()[0], "include", reviewer="ada")
    with pytest.raises(BadInputError, match="no stop rule is reached"):
        review.accept_stop(by="ada")
    told = contract.validated("screen-stop", review.accept_stop(by="ada", reason="the money is spent"))
    assert (told["accepted"]["unread"], told["accepted"]["by"]) == (11, "ada")
    assert upcoming(review)["id"] is None
    assert review.status()["stages"]["title_abstract"]["unscreened"] == 11
    review.import_file(written(tmp_path, papers(2, first=80), "late.jsonl"))
    assert upcoming(review)["remaining"] == 2


def test_a_review_without_records_is_not_ended(tmp_path: Path) -> None:
    review = Review.create(tmp_path / "review", Protocol("nothing yet"))
    with pytest.raises(BadInputError, match="the review holds no records"):
        review.accept_stop(by="ada", reason="all is read")
    assert review.state.accepted is None


def test_to_end_screening_again_counts_what_stayed_unread_the_first_time(tmp_path: Path) -> None:
    review = made(tmp_path)
    review.decide(review.state.units()[0], "include", reviewer="ada")
    review.accept_stop(by="ada", reason="the money is spent")
    told = review.accept_stop(by="ada", reason="the money is spent")
    assert (told["unread"], told["accepted"]["unread"]) == (11, 11)


# ---------------------------------------------------------------- many at once


def test_a_batch_may_be_run_again(tmp_path: Path) -> None:
    review = made(tmp_path)
    ids = review.state.units()
    wishes = [Wish(id, "exclude", "ada") for id in ids]
    wishes += [Wish(ids[0], "include", "ada"), Wish("PMID:1", "include", "ada")]
    failed: list[int] = []

    def each(number: int, told: dict[str, Any]) -> None:
        if "error" in told:
            failed.append(number)

    assert review.decide_all(iter(wishes), each=each) == (13, 0)
    assert failed == [13]
    assert review.state.outcome(ids[0], "title_abstract").result == "include"
    assert again(review).decide_all(iter(wishes[1:12])) == (0, 11)


# ---------------------------------------------------------------- export and import


@pytest.mark.parametrize("suffix", ["jsonl", "ris", "csv", "xlsx"])
def test_an_export_taken_into_a_new_review_stands_alike(tmp_path: Path, suffix: str) -> None:
    review = made(tmp_path)
    for number, id in enumerate(review.state.units()[:9]):
        review.decide(id, "include" if number % 3 == 0 else "exclude", reviewer="ada")
    out = tmp_path / f"out.{suffix}"
    contract.validated("screen-export", review.export(out, which="records"))
    other = Review.create(tmp_path / "other", review.protocol)
    told = other.import_file(out, decided_by="ada")
    assert (told["records"], told["decided"]) == (12, 9)
    mine, theirs = review.state.summary(), other.state.summary()
    assert mine == theirs


def test_an_export_can_be_made_again_from_its_entry(tmp_path: Path) -> None:
    review = made(tmp_path)
    review.decide(review.state.units()[0], "include", reviewer="ada")
    told = review.export(tmp_path / "included.ris")
    for id in review.state.units():
        review.decide(id, "include", reviewer="bob")
    entry = told["ledger"]["seq"]
    repeated = contract.validated("screen-export", again(review).export(tmp_path / "again.ris", again=entry))
    assert repeated["sha256"] == told["sha256"]
    assert (tmp_path / "again.ris").read_bytes() == (tmp_path / "included.ris").read_bytes()
    assert review.export(tmp_path / "now.ris")["sha256"] != told["sha256"]


def test_what_is_exported_goes_by_the_last_stage_that_began(tmp_path: Path) -> None:
    review = made(tmp_path, count=4)
    one, two, three, _ = review.state.units()
    for id, word in ((one, "include"), (two, "unclear"), (three, "exclude")):
        review.decide(id, word, reviewer="ada")
    counts = {which: review.export(tmp_path / "x.csv", which=which)["records"] for which in
              ("included", "sought", "excluded", "undecided", "all")}  # fmt: skip
    assert counts == {"included": 2, "sought": 2, "excluded": 1, "undecided": 1, "all": 4}
    review.decide(one, "exclude", reviewer="ada", stage="full_text", reason="not retrieved")
    assert review.export(tmp_path / "x.csv", which="excluded")["records"] == 2


# ---------------------------------------------------------------- proof


def test_a_changed_record_or_export_is_found(tmp_path: Path) -> None:
    review = made(tmp_path)
    for folder in ("records", "imports"):
        (path,) = (review.folder / folder).iterdir()
        kept = path.read_bytes()
        path.write_bytes(kept.replace(b"velorine", b"placebo!"))
        with pytest.raises(StoreDamagedError, match=folder) as failure:
            again(review).verify()
        assert failure.value.exit_status == 3
        path.write_bytes(kept)
    contract.validated("screen-ledger", again(review).verify())


def test_a_ledger_opens_no_file_outside_the_review(tmp_path: Path) -> None:
    review = made(tmp_path)
    (tmp_path / "secret.jsonl").write_text('{"id":"x"}\n')
    body = {**next(entry for entry in review.ledger.entries() if entry.kind == "import").body}
    review.append("import", {"type": "rule", "name": "x"}, {**body, "ids": ["x"], "records": "../../secret"})
    with pytest.raises(StoreDamagedError, match="names no records"):
        review.decide("x", "include", reviewer="ada")


def test_a_broken_ledger_is_salvaged_up_to_the_fault(tmp_path: Path) -> None:
    review = made(tmp_path)
    for id in review.state.units()[:4]:
        review.decide(id, "include", reviewer="ada")
    path = review.folder / "ledger.jsonl"
    broken = path.read_bytes().replace(b'"seq":5,', b'"seq":6,', 1)
    path.write_bytes(broken)
    with pytest.raises(StoreDamagedError, match="line 5"):
        open_review(review.folder)
    told = contract.validated("screen-ledger", Review.salvage(review.folder))
    assert (told["salvaged"], told["entries"]) == (4, 5)
    assert [each.read_bytes() for each in review.folder.glob("ledger.broken-*")] == [broken]
    assert len(list(open_review(review.folder).state.decided("title_abstract"))) == 2


SCREENER = textwrap.dedent("""
    import sys
    from consilience import open_review
    review = open_review(sys.argv[1])
    while (found := review.next(reviewer="ada"))["id"] is not None:
        told = review.decide(found["id"], "include" if "velorine" in found["record"]["title"] else "exclude",
                             reviewer="ada")
        print(told["id"], told["ledger"]["seq"], flush=True)
""")


def kill_again_and_again(folder: Path, kills: int, count: int) -> None:
    """Kill a screener at once after some of its decisions; none that was told is lost, and the order stays."""
    review = made(folder, count=count)
    review.rank()
    found = upcoming(review, count=count)
    unkilled = [each["id"] for each in (found, *found["more"])]
    told: list[str] = []
    for kill in range(kills):
        screener = subprocess.Popen(
            [sys.executable, "-c", SCREENER, str(review.folder)], stdout=subprocess.PIPE, text=True
        )
        assert screener.stdout is not None
        told += [screener.stdout.readline().split()[0] for _ in range(1 + kill % 3)]
        time.sleep(0.0007 * kill)  # each at another instant of its work
        os.kill(screener.pid, signal.SIGKILL)
        told += [line.split()[0] for line in screener.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        screener.wait()
        screener.stdout.close()
        opened = again(review)
        decided = list(opened.state.decided("title_abstract"))
        assert set(told) <= set(decided)
        assert decided == unkilled[: len(decided)]
    opened.verify()


def test_a_screener_killed_again_and_again_loses_no_decision_and_keeps_the_order(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 5, 200)


def test_two_reviewers_screen_at_once(tmp_path: Path) -> None:
    review = made(tmp_path, mode="dual", count=30)
    review.rank()
    both = [
        subprocess.Popen([sys.executable, "-c", SCREENER.replace("ada", name), str(review.folder)],
                         stdout=subprocess.PIPE, text=True)
        for name in ("ada", "bob")
    ]  # fmt: skip
    told = [screener.communicate(timeout=120)[0].split("\n")[:-1] for screener in both]
    assert [len(lines) for lines in told] == [30, 30]
    opened = again(review)
    opened.verify()
    assert len({line.split()[1] for lines in told for line in lines}) == 60
    assert opened.status()["stages"]["title_abstract"]["pending"] == 0


def test_the_rule_of_a_protocol_that_names_none_is_the_default_one() -> None:
    assert Protocol("Velorine").stop == (DEFAULT_RULE,)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_stop_rule_can_be_watched(tmp_path: Path, rule: str) -> None:
    review = made(tmp_path, count=60)
    path = review.folder / "protocol.yaml"
    path.write_text(path.read_text().replace("- none", f"- {rule}"))
    for _ in range(25):
        review.rank()
        found = upcoming(review)
        review.decide(found["id"], "include" if "velorine" in found["record"]["title"] else "exclude", reviewer="ada")
    told = contract.validated("screen-stop", review.stop())
    assert [each["rule"] for each in told["rules"]] == [rule]
    assert told["together"]["read"] == 25
    if not told["together"]["reached"]:
        assert told["unread"] == 35


def test_an_audit_draw_is_told_in_the_decision(tmp_path: Path) -> None:
    """The rule with a proof hands out records at random once the ranking finds nothing more."""
    review = made(tmp_path, count=80, topic=20)
    path = review.folder / "protocol.yaml"
    path.write_text(path.read_text().replace("- none", "- audit"))
    review.rank()
    for _ in range(60):
        found = upcoming(review)
        review.decide(found["id"], "include" if "velorine" in found["record"]["title"] else "exclude", reviewer="ada")
        if review.state.decisions(found["id"], "title_abstract")["ada"].drawn == "audit":
            break
    drawn = list(review.state.drawn("title_abstract").values())
    assert drawn[-1] == "audit" and set(drawn[:-1]) == {"rank"}
    assert found["score"] is None


def test_a_home_tells_which_decisions_stand_on_what_it_retracted_since(tmp_path: Path, sample_home: Path) -> None:
    home = open_home(sample_home, now=UPDATE)
    rows = home.changes(BASELINE, limit=1000)["rows"]
    gone = next(row["id"] for row in rows if row["kind"] == "document" and row["what"] == "retracted")
    review = made(tmp_path, count=0)
    record = {"pmid": gone.removeprefix("PMID:"), "title": "A trial that was retracted"}
    review.import_file(written(tmp_path, iter([record])))
    review.decide(gone, "include", reviewer="ada")
    told = contract.validated("changes", home.changes(BASELINE, reviews=[review]))
    (row,) = (row for row in told["rows"] if row["kind"] == "decision")
    assert (row["what"], row["subject"], row["before"], row["after"]) == ("retracted", gone, "include", "retracted")
    assert told["counts"]["decision"] == {"retracted": 1}
