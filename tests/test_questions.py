"""Saved answers: kept in the bytes they had, watched through the documents they cite, told once when these fall."""

from __future__ import annotations

import gzip
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from consilience import Home, contract, init_home, open_home, questions
from consilience.cli import run
from consilience.errors import BadInputError, BusyError, NotFoundError, StoreDamagedError
from consilience.records import canonical_json
from tests.conftest import BASELINE, UPDATE
from tests.watching import retract_one_by_one

HCQ = "Does hydroxychloroquine reduce mortality in patients hospitalised with COVID-19?"
FALLS = "Does vitamin D reduce the risk of falling in older women living at home?"
CELLS = "Do intracoronary bone marrow cells reduce mortality after myocardial infarction?"
INSULIN = "Does intensive insulin therapy reduce mortality in critically ill patients?"
LATER, LAST = "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"


@pytest.fixture(scope="module")
def saved(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample home, with four answers saved before the update was known."""
    root = tmp_path_factory.mktemp("saved") / "home"
    shutil.copytree(sample_home, root)
    early = open_home(root, now=BASELINE)
    for name, question in {"hcq": HCQ, "falls": FALLS, "cells": CELLS, "insulin": INSULIN}.items():
        early.ask(question, save=name)
    return root


@pytest.fixture
def root(saved: Path, tmp_path: Path) -> Path:
    shutil.copytree(saved, tmp_path / "home")
    return tmp_path / "home"


def listed(home: Home) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in contract.validated("questions", home.questions())["questions"]}


def retract(home: Home, folder: Path, *rows: str) -> None:
    path = folder / "list.csv"
    path.write_text("pmid,notice_pmid,date,kind\n" + "".join(f"{row}\n" for row in rows))
    assert home.ingest_retractions([path])["files"][0]["status"] == "loaded"
    home.refresh()


def test_an_answer_is_kept_whole_and_runs_are_only_added(root: Path) -> None:
    home = open_home(root, now=BASELINE)
    path = root / "corpora" / "store" / "questions" / "hcq" / "000001.json"
    before = path.read_bytes()
    answer = contract.validated("ask", home.ask(HCQ, save="hcq", as_of="2021", chains=2))
    assert path.read_bytes() == before
    first, second = contract.validated("questions", home.questions("hcq"))["questions"][0]["history"]
    assert canonical_json(second["answer"]) == contract.canonical(answer)
    assert second["options"] == {"as_of": "2021-12-31", "chains": 2, "retriever": "hybrid"}
    assert first["options"]["as_of"] is None and (first["run"], second["run"]) == (1, 2)
    assert {c["id"] for c in second["cited"]} == {c["id"] for c in answer["citations"]}
    assert second["provenance"] == answer["provenance"]


def test_before_anything_happened_every_answer_stands(saved: Path) -> None:
    told = listed(open_home(saved, now=BASELINE))
    assert {name: (row["stands"], row["reasons"]) for name, row in told.items()} == dict.fromkeys(
        ("cells", "falls", "hcq", "insulin"), (True, [])
    )
    assert open_home(saved, now=BASELINE).changes("1990-01-01")["counts"].get("answer") is None


def test_an_answer_falls_with_a_retracted_paper_and_a_concern_only_labels_one(saved: Path) -> None:
    told = listed(open_home(saved, now=UPDATE))
    assert {name: row["stands"] for name, row in told.items()} == {
        "cells": True, "falls": True, "hcq": False, "insulin": True,
    }  # fmt: skip
    assert told["hcq"]["reasons"] == [
        {"id": "PMID:99000184", "what": "retracted", "since": "2020-10-09", "known_from": UPDATE,
         "notice": "PMID:99000401"}
    ]  # fmt: skip
    assert [r["what"] for name in ("cells", "falls", "insulin") for r in told[name]["reasons"]] == [
        "concern", "corrected",
    ]  # fmt: skip


def test_changes_tell_each_answer_once_and_not_again_later(saved: Path) -> None:
    home = open_home(saved, now=LATER)
    rows = [row for row in home.changes(BASELINE)["rows"] if row["kind"] == "answer"]
    assert [(row["id"], row["what"], row["because"][0]) for row in rows] == [
        ("hcq", "retracted", "PMID:99000184"), ("cells", "concern", "PMID:99000315"),
        ("falls", "corrected", "PMID:99000314"),
    ]  # fmt: skip
    assert home.changes("1990-01-01", limit=1)["counts"]["answer"] == {"retracted": 1, "concern": 1, "corrected": 1}
    assert "answer" not in home.changes(UPDATE)["counts"]


def test_each_way_to_fall_is_told_and_the_gravest_wins(root: Path, tmp_path: Path) -> None:
    home = open_home(root, now=LATER)
    cited = [c["id"] for c in home.questions("insulin")["questions"][0]["history"][0]["cited"]]
    number = cited[0].removeprefix("PMID:")
    retract(home, tmp_path, f"{number},99000999,2012-01-01,concern", f"{number},99000999,2013-01-01,retracted")
    (reason,) = listed(home)["insulin"]["reasons"]
    assert (reason["id"], reason["what"], reason["since"], reason["notice"]) == (
        cited[0], "retracted", "2013-01-01", "PMID:99000999",
    )  # fmt: skip
    last = open_home(root, now=LAST)
    retract(last, tmp_path, f"{number},,2013-01-01,reinstated")
    assert listed(last)["insulin"] == {**listed(home)["insulin"], "stands": True, "reasons": []}
    told = [(r["id"], r["what"]) for r in last.changes(UPDATE)["rows"] if r["kind"] == "answer"]
    assert told == []


def test_a_deleted_paper_and_a_superseded_recommendation_take_an_answer_down(root: Path, tmp_path: Path) -> None:
    early = open_home(root, now=BASELINE)
    cited = early.ask("Do probiotics shorten the common cold?", save="gone")["citations"]
    question = "Should low-dose aspirin be given for primary prevention in older adults?"
    advised = [c["id"] for c in early.ask(question, save="advised")["citations"] if c["id"].startswith("GL:")]
    pmid = next(c["id"] for c in early.ask(INSULIN)["citations"]).removeprefix("PMID:")
    update = tmp_path / "pubmed26n0003.xml"
    update.write_text(
        '<?xml version="1.0"?><PubmedArticleSet><DeleteCitation>'
        f'<PMID Version="1">{pmid}</PMID></DeleteCitation></PubmedArticleSet>'
    )
    lines = (root / "corpora" / "sample" / "guidelines.jsonl").read_text("utf-8").splitlines()
    newest = [json.loads(line) for line in lines if "aspirin" in line]
    (tmp_path / "new.jsonl").write_text(
        "".join(json.dumps({**row, "version": "2026", "published": "2026-02-15", "status": "current"}) + "\n"
                for row in newest if row["status"] == "current")
    )  # fmt: skip
    home = open_home(root, now=LATER)
    home.ingest_pubmed([update])
    home.ingest_guidelines([tmp_path / "new.jsonl"])
    home.refresh()
    told = listed(home)
    assert [(r["id"], r["what"]) for r in told["insulin"]["reasons"]] == [(f"PMID:{pmid}", "deleted")]
    assert told["insulin"]["stands"] is False
    assert {r["id"]: r["what"] for r in told["advised"]["reasons"] if r["id"].startswith("GL:")} == dict.fromkeys(
        advised, "superseded"
    )
    assert advised and not told["advised"]["stands"] and (told["gone"]["stands"] or cited)


def test_an_answer_falls_with_a_forgotten_document_which_is_told_without_its_words(root: Path) -> None:
    home = open_home(root, now=LATER)
    (quote, document), *_ = [(c["quote"], c["id"]) for c in home.ask(INSULIN)["citations"]]
    home.forget(document, reason="the patient can be recognised")
    home.refresh()
    told = listed(home)
    assert [(r["id"], r["what"], r["known_from"]) for r in told["insulin"]["reasons"]] == [(document, "deleted", LATER)]
    assert not told["insulin"]["stands"] and told["falls"]["stands"]
    body = contract.validated("changes", home.changes(UPDATE))
    assert [(r["kind"], r["id"], r["what"]) for r in body["rows"] if r["kind"] != "claim"] == [
        ("answer", "insulin", "deleted"), ("document", document, "forgotten"),
    ]  # fmt: skip
    assert quote not in json.dumps([body, contract.validated("questions", home.questions("insulin"))])


def test_an_answer_made_of_what_was_forgotten_meanwhile_is_not_kept(root: Path) -> None:
    home = open_home(root, now=LATER)
    answer = home.ask(INSULIN)
    home.forget(answer["citations"][0]["id"], reason="the patient can be recognised")
    with pytest.raises(NotFoundError, match="was forgotten on"):
        questions.save(home.rooms, "late", answer, {}, home.now())
    assert "late" not in listed(home)


def test_asking_again_takes_back_nothing_of_what_changes_told(root: Path) -> None:
    home = open_home(root, now=LATER)
    told = [row for row in home.changes(BASELINE)["rows"] if row["kind"] == "answer"]
    assert told
    home.questions("hcq", again=True)
    assert [row for row in home.changes(BASELINE)["rows"] if row["kind"] == "answer"] == told


def test_a_question_about_a_named_day_is_watched_for_what_becomes_known(root: Path, tmp_path: Path) -> None:
    early = open_home(root, now=BASELINE)
    early.ask(HCQ, as_of="2020-06", save="then")
    old = "Should aspirin be given to prevent a first heart attack in adults?"
    early.ask(old, as_of="2010", save="advice-then")  # superseded in 2019, as was known when it was asked
    told = listed(open_home(root, now=UPDATE))
    assert "retracted" in [r["what"] for r in told["then"]["reasons"]] and not told["then"]["stands"]
    assert told["advice-then"]["stands"]


def test_a_retraction_told_early_takes_an_answer_down_on_its_day(root: Path, tmp_path: Path) -> None:
    home = open_home(root, now=UPDATE)
    home.ask(INSULIN, save="insulin")
    cited = next(c["id"] for c in home.questions("insulin")["questions"][0]["history"][-1]["cited"])
    retract(open_home(root, now="2026-02-10"), tmp_path, f"{cited.removeprefix('PMID:')},,2026-02-20,retracted")
    before, after = (open_home(root, now=f"2026-02-{day}T12:00:00Z") for day in (19, 20))
    assert listed(before)["insulin"]["stands"] and not listed(after)["insulin"]["stands"]
    shown = before.show(cited)
    assert (shown["status"], shown["retracted_since"]) == ("active", "2026-02-20")
    found = {c["id"]: c for c in before.ask(INSULIN)["citations"]}
    assert found[cited]["retracted_since"] == "2026-02-20"
    hits = {h["id"]: h for h in before.search(INSULIN)["hits"]}
    assert hits[cited]["retracted_since"] == "2026-02-20"
    assert cited not in {c["id"] for c in after.ask(INSULIN)["citations"]}
    told = [(r["id"], r["at"]) for r in after.changes("2026-02-15")["rows"] if r["kind"] == "answer"]
    assert told == [("insulin", "2026-02-20")]


def test_asking_again_tells_what_changed_and_stands_anew(root: Path) -> None:
    home = open_home(root, now=LATER)
    (asked,) = contract.validated("questions", home.questions("hcq", again=True))["questions"]
    assert (asked["runs"], asked["stands"], asked["reasons"]) == (2, True, [])
    assert "PMID:99000184" in asked["changed"]["lost"] and not asked["changed"]["same"]
    assert "hcq" not in [row["id"] for row in home.changes(LATER)["rows"]]
    # Told again of the time before, when the first answer was the last.
    assert "hcq" in [row["id"] for row in home.changes(BASELINE, until=UPDATE)["rows"]]


def test_the_instant_before_still_gives_the_saved_answer_byte_for_byte(root: Path) -> None:
    run_ = open_home(root, now=UPDATE).questions("hcq")["questions"][0]["history"][0]
    again = open_home(root, now=BASELINE).ask(HCQ, known_at=run_["known_at"])
    assert contract.canonical(contract.validated("ask", again)) == canonical_json(run_["answer"])
    day = run_["as_of"]
    before = contract.canonical(open_home(root, now=BASELINE).ask(HCQ, as_of=day))
    assert contract.canonical(open_home(root, now=LATER).ask(HCQ, as_of=day, known_at=BASELINE)) == before


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "-x", "a b", "x" * 101, "ä"])
def test_a_bad_name_is_refused_before_work_starts(saved: Path, name: str) -> None:
    home = open_home(saved, now=BASELINE)
    with pytest.raises(BadInputError):
        home.ask(INSULIN, save=name)
    with pytest.raises(NotFoundError):
        home.questions(name)


def test_another_question_under_a_name_is_refused_and_a_writer_makes_it_wait(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = open_home(root, now=BASELINE)
    with pytest.raises(BadInputError):
        home.ask(HCQ, save="insulin")
    monkeypatch.setattr(questions, "PATIENCE", 0.1)
    with home.rooms.writing(), pytest.raises(BusyError):
        home.ask(INSULIN, save="insulin")
    assert home.questions("insulin")["questions"][0]["runs"] == 1
    with pytest.raises(BadInputError):
        home.questions(again=True)


@pytest.mark.parametrize("cut", ["", "{}", "[]", "name", "cited", "options", "asked_at", "known_at", "as_of"])
def test_a_damaged_answer_is_told_with_its_repair(root: Path, cut: str) -> None:
    path = root / "corpora" / "store" / "questions" / "hcq" / "000001.json"
    body = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**body, cut: [] if cut == "cited" else "x"}) if cut in body else cut)
    with pytest.raises(StoreDamagedError) as caught:
        open_home(root, now=UPDATE).questions()
    assert caught.value.where == "corpora/store/questions/hcq/000001.json"


def test_a_run_that_was_lost_does_not_make_the_next_overwrite_another(root: Path) -> None:
    home = open_home(root, now=BASELINE)
    folder = root / "corpora" / "store" / "questions" / "hcq"
    home.ask(HCQ, save="hcq")
    (folder / "000001.json").unlink()
    kept = (folder / "000002.json").read_bytes()
    home.ask(HCQ, save="hcq")
    assert (folder / "000002.json").read_bytes() == kept and (folder / "000003.json").exists()


def test_two_answers_saved_at_once_are_both_kept(root: Path) -> None:
    home = open_home(root, now=BASELINE)
    _ = home.ask(HCQ)  # everything is loaded
    with ThreadPoolExecutor(2) as pool, home.rooms.writing():
        saving = [pool.submit(home.ask, HCQ, save="hcq") for _ in range(2)]
        time.sleep(0.2)
    assert all(answer.result()["verdict"] for answer in saving)
    assert [run_["run"] for run_ in home.questions("hcq")["questions"][0]["history"]] == [1, 2, 3]


def test_a_copy_of_a_retracted_paper_holds_up_neither_a_claim_nor_an_edge(root: Path, tmp_path: Path) -> None:
    def evidence(home: Home) -> dict[str, Any]:
        (edge,) = home.graph_history("Hydroxychloroquine", "treats", "COVID-19")["rows"]
        return {row["id"]: row["closed_by"] for row in edge["evidence"]}

    home = open_home(root, now=UPDATE)
    shown = home.show(next(id for id, closed in evidence(home).items() if not closed))
    line = {"id": "mine-1", "pmid": 99000998, **shown["fields"], "published": shown["published"]}
    (tmp_path / "mine.jsonl").write_text(json.dumps(line) + "\n")
    home.ingest_records([tmp_path / "mine.jsonl"])
    home.refresh()
    assert "mine-1" in {c["id"] for c in home.verify(shown["fields"]["title"], against=["mine-1"])["citations"]}
    assert evidence(home)["mine-1"] is None
    last = open_home(root, now=LATER)
    retract(last, tmp_path, "99000998,99000999,2012-01-01,retracted")
    told = contract.validated("show", last.show("mine-1"))
    assert (told["status"], told["status_since"], told["status_by"]) == ("retracted", "2012-01-01", "PMID:99000999")
    judged = last.verify(shown["fields"]["title"], against=["mine-1"])
    assert judged["verdict"] == "insufficient" and "mine-1" in judged["warnings"][0]
    hits = [h for h in last.search(shown["fields"]["title"])["hits"] if h["id"] == "mine-1"]
    assert {h["status"] for h in hits} == {"retracted"}
    assert evidence(last)["mine-1"] == "PMID:99000999"


def test_saved_questions_at_the_terminal_and_in_a_batch(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONSILIENCE_NOW", UPDATE)
    monkeypatch.setenv("CONSILIENCE_HOME", str(root))
    assert run(["questions"]) == 0
    shown = capsys.readouterr().out
    assert "DOES NOT STAND" in shown and "cites PMID:99000184: retracted since 2020-10-09" in shown
    assert run(["questions", "hcq", "--again"]) == 0
    assert "cited no more: PMID:99000184" in capsys.readouterr().out
    assert run(["ask", INSULIN, "--save", "hcq"]) == 2
    assert run(["questions", "nobody"]) == 2
    lines = tmp_path / "in.jsonl"
    lines.write_text(json.dumps({"id": "1", "question": INSULIN, "save": "from-batch"}) + "\n")
    assert run(["ask", "--batch", str(lines), "--out", str(tmp_path / "out.jsonl")]) == 0
    assert run(["ask", "--batch", str(lines), "--out", str(tmp_path / "out.jsonl"), "--save", "x"]) == 2
    capsys.readouterr()
    assert run(["questions", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "consilience/questions/1"
    assert "from-batch" in {row["name"] for row in told["questions"]}


@pytest.mark.real
def test_every_document_under_ten_real_answers_takes_its_answers_down_and_no_other(
    data_dir: Path, tmp_path: Path
) -> None:
    def lines(name: str, count: int) -> list[dict[str, Any]]:
        with gzip.open(data_dir / name, "rt", encoding="utf-8") as handle:
            return [json.loads(line) for line in islice(handle, count)]

    init_home(tmp_path / "home")
    home = open_home(tmp_path / "home")
    asked = lines("qa/pubmedqa.jsonl.gz", 10)
    wanted = {question["pmid"] for question in asked}
    pool = lines("corpus/abstracts.jsonl.gz", 10**6)
    chosen = [r for r in pool if r["pmid"] in wanted] + [r for r in pool if r["pmid"] not in wanted][:290]
    (tmp_path / "slice.jsonl").write_text("".join(json.dumps(r) + "\n" for r in chosen), "utf-8")
    home.ingest_records([tmp_path / "slice.jsonl"])
    home.refresh()
    for question in asked:
        home.ask(question["question"], save=question["pmid"])
    assert retract_one_by_one(home, tmp_path) >= 5
