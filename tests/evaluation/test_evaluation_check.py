"""A report can be computed again from its details, and one that was touched says so."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from consilience import contract, open_home
from consilience.cli import main
from consilience.errors import BadInputError, StoreDamagedError
from consilience.evaluation import charts, report, run
from consilience.evaluation.check import check
from consilience.records import sha256
from tests.conftest import UPDATE

QUESTIONS = [
    {
        "id": "a",
        "question": "Does velorine lower mortality in a trial?",
        "verdict": "yes",
        "relevant": {"1": 2, "2": 1},
    },
    {"id": "b", "question": "Did music improve mood?", "verdict": "no", "relevant": ["PMID:10", "PMID:9", "PMID:404"]},
    {"id": "d", "question": "Does corlastat cause muscle pain?", "verdict": "no", "relevant": ["PMID:8"]},
]


@pytest.fixture
def evaluated(engine, temporary, shelving, tmp_path, write_lines) -> Any:
    write_lines("questions.jsonl", *QUESTIONS)

    def call(kind: str, **keys: Any) -> Path:
        path = tmp_path / "small.yaml"
        path.write_text(json.dumps({"kind": kind, "data": "questions.jsonl", **keys}))
        made = run(path, engine, data=None, temporary=temporary, shelving=shelving, runs=tmp_path / "runs")
        return Path(made["report"])

    return call


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("retrieval", {"measures": ["nDCG@3", "R_cap@2", "R@2", "R@100", "RR", "P@5", "AP"]}),
        ("answering", {}),
    ],
)
def test_a_report_follows_from_its_details(evaluated, kind, keys) -> None:
    assert check(evaluated(kind, **keys))["checked"] > 60


def altered(folder: Path, name: str, before: str, after: str, *, rename: bool = False) -> Path:
    """The same report after somebody has touched it, under the name its bytes ask for if he knows of that."""
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after))
    told = json.loads((folder / "report.json").read_text())
    if not rename:
        return folder
    told["provenance"]["details_sha256"] = sha256((folder / "details.jsonl").read_text())
    (folder / "report.json").write_text(json.dumps(told))
    return folder.rename(folder.with_name(report.name_of(told)))


def test_a_figure_that_was_touched_contradicts_the_name_of_its_folder(evaluated) -> None:
    folder = altered(evaluated("retrieval"), "report.json", '"n": 3', '"n": 4')
    with pytest.raises(StoreDamagedError, match="named by"):
        check(folder)


def test_details_that_were_touched_are_not_those_of_the_report(evaluated) -> None:
    folder = altered(evaluated("retrieval"), "details.jsonl", '"PMID:10":1', '"PMID:10":2')
    with pytest.raises(StoreDamagedError, match="not those of the report"):
        check(folder)


def test_even_a_report_that_was_renamed_after_it_was_touched_is_found_out(evaluated) -> None:
    folder = altered(evaluated("answering"), "details.jsonl", '"gold":"no"', '"gold":"yes"', rename=True)
    with pytest.raises(StoreDamagedError, match="the details give another"):
        check(folder)


@pytest.mark.parametrize("page", ["report.md", "index.html"])
def test_a_page_that_says_something_else_than_the_report_is_found_out(evaluated, page) -> None:
    folder = altered(evaluated("retrieval"), page, "n = 3", "n = 300")
    with pytest.raises(StoreDamagedError, match=f"{page} does not say"):
        check(folder)
    (folder / page).unlink()
    with pytest.raises(StoreDamagedError, match=f"{page} does not say"):
        check(folder)


def test_a_report_of_one_question_tells_figures_without_intervals(evaluated, write_lines) -> None:
    whole = evaluated("retrieval")
    write_lines("questions.jsonl", QUESTIONS[0])
    folder = evaluated("retrieval")
    assert folder != whole
    assert check(folder)["measures"]["RR"] == {"value": 1.0, "ci95": None}
    assert "| hybrid | 1.000 |" in (folder / "report.md").read_text()


def test_a_report_without_pictures_is_held_to_its_pages_too(evaluated, monkeypatch) -> None:
    monkeypatch.setattr(charts, "available", lambda: False)
    folder = evaluated("retrieval")
    monkeypatch.undo()
    assert check(folder)["checked"] > 60


def test_a_report_of_another_version_says_so_when_its_suite_cannot_be_read(evaluated) -> None:
    folder = evaluated("retrieval")
    told = json.loads((folder / "report.json").read_text())
    told["provenance"]["code"] = "another"
    told["provenance"]["definition"]["setting_of_old"] = 1
    (folder / "report.json").write_text(json.dumps(told))
    with pytest.raises(BadInputError, match="this version does not read"):
        check(folder.rename(folder.with_name(report.name_of(told))))


def test_what_is_no_report_is_refused(tmp_path) -> None:
    with pytest.raises(BadInputError, match="no report"):
        check(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(BadInputError, match="no report of an evaluation"):
        check(tmp_path)


def test_a_home_checks_its_own_reports_and_the_command_line_does_the_same(
    sample_home, tmp_path, capsys, monkeypatch
) -> None:
    copied = tmp_path / "home"
    shutil.copytree(sample_home, copied)
    home = open_home(copied, now=UPDATE)
    made = home.evaluate("retrieval")
    contract.validated("evaluate", {"schema": "consilience/evaluate/1", **made})
    assert {"hybrid", *made["baselines"]} == {"hybrid", "lexical", "dense", "rank_bm25", "random", "ceiling"}
    assert made["measures"]["nDCG@10"]["value"] <= made["baselines"]["ceiling"]["nDCG@10"]["value"]
    assert made["usage"]["systems"]["hybrid"]["p50"] > 0
    run_folder = copied / made["report"]
    assert home.check_evaluation(run_folder)["checked"] > 100
    for arguments, status in (
        (["--check", str(run_folder)], 0),
        ([], 2),
        (["retrieval", "--check", str(run_folder)], 2),
    ):
        monkeypatch.setattr(sys, "argv", ["consilience", "--home", str(copied), "--json", "evaluate", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == status
        told = json.loads(capsys.readouterr().out)
        assert told.get("checked", 0) > 100 or status
