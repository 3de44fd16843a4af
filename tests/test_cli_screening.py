from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from consilience.cli import run
from consilience.contract import validated

Captured = pytest.CaptureFixture[str]
NAMES = ("velorine", "brastatin", "cormexil", "dulafine")


@pytest.fixture
def review(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A review of eight records by two reviewers."""
    monkeypatch.setenv("CONSILIENCE_NOW", "2026-03-01T12:00:00Z")
    folder = tmp_path / "review"
    plan = tmp_path / "plan.yaml"
    plan.write_text("title: Velorine\nreviewers: [ada, bob]\nmode: dual\nstop: [none]\n")
    told(capsys, "screen-new", "new", str(folder), "--protocol", str(plan))
    export = tmp_path / "export.csv"
    rows = [f"{99000001 + n},Study {n} of {NAMES[n % 4]},We studied {n} people." for n in range(8)]
    export.write_text("\n".join(["pmid,title,abstract", *rows]) + "\n")
    assert told(capsys, "screen-import", "import", str(folder), str(export))["new"] == 8
    return folder


def told(capsys: Captured, name: str, *words: str, status: int = 0) -> dict[str, Any]:
    """What a command prints as JSON, held to its schema."""
    assert run(["screen", *words, "--json"]) == status
    printed = json.loads(capsys.readouterr().out)
    return validated(name, printed)


def failure(capsys: Captured, *words: str, status: int = 2) -> dict[str, Any]:
    error: dict[str, Any] = told(capsys, "error", *words, status=status)["error"]
    return error


def test_rank_says_of_what_it_made_an_order_and_from_what(review: Path, capsys: Captured) -> None:
    assert run(["screen", "decide", str(review), "PMID:99000001", "include", "--reviewer", "ada"]) == 0
    assert run(["screen", "rank", str(review)]) == 0
    assert "What is unread of 8 records is in order, learnt from 1 labels; " in capsys.readouterr().out


def test_a_party_that_settles_a_conflict_is_told_so(review: Path, capsys: Captured) -> None:
    where = str(review)
    for reviewer, word in (("ada", "include"), ("bob", "exclude")):
        told(capsys, "screen-decide", "decide", where, "PMID:99000001", word, "--reviewer", reviewer)
    made = told(capsys, "screen-adjudicate", "adjudicate", where, "PMID:99000001", "include", "--by", "ada")
    assert made["warnings"] == ["ada is a party to this conflict and settles it"]


def test_a_salvage_says_where_the_broken_ledger_is(review: Path, capsys: Captured) -> None:
    ledger = review / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes() + b"{}\n")
    assert run(["screen", "ledger", str(review), "--salvage"]) == 0
    assert "ledger.broken-*.jsonl" in capsys.readouterr().out
    assert len(list(review.glob("ledger.broken-*.jsonl"))) == 1


def test_a_record_goes_from_next_to_adjudication(review: Path, capsys: Captured) -> None:
    where = str(review)
    for reviewer, word in (("ada", "include"), ("bob", "exclude")):
        found = told(capsys, "screen-next", "next", where, "--reviewer", reviewer)
        assert (found["remaining"], found["record"]["title"]) == (8, "Study 0 of velorine")
        made = told(capsys, "screen-decide", "decide", where, found["id"], word, "--reviewer", reviewer)
        assert made["changed"]
    (row,) = told(capsys, "screen-conflicts", "conflicts", where)["rows"]
    told(capsys, "screen-adjudicate", "adjudicate", where, row["id"], "include", "--by", "cleo")
    status = told(capsys, "screen-status", "status", where)
    assert status["stages"]["title_abstract"] == {
        "units": 8, "include": 1, "exclude": 0, "unclear": 0, "conflict": 0, "pending": 7, "unscreened": 0,
    }  # fmt: skip
    out = told(capsys, "screen-export", "export", where, str(review.parent / "out.ris"))
    assert out["records"] == 1
    told(capsys, "screen-stop", "stop", where)
    told(capsys, "screen-duplicates", "duplicates", where)
    ledger = told(capsys, "screen-ledger", "ledger", where)
    assert told(capsys, "screen-ledger", "ledger", where, "--head", ledger["head"]) == ledger


def test_an_exclusion_at_full_text_without_its_reason_exits_2(review: Path, capsys: Captured) -> None:
    where = str(review)
    for reviewer in ("ada", "bob"):
        told(capsys, "screen-decide", "decide", where, "PMID:99000001", "include", "--reviewer", reviewer)
    words = ("decide", where, "PMID:99000001", "exclude", "--reviewer", "ada", "--stage", "full_text")
    assert "needs its reason" in failure(capsys, *words)["message"]
    told(capsys, "screen-decide", *words, "--reason", "no control group")


@pytest.mark.parametrize(
    "words",
    [
        ["next", "DIR"],
        ["next", "DIR", "--reviewer", "eve"],
        ["next", "DIR", "--reviewer", "ada", "--count", "0"],
        ["next", "absent", "--reviewer", "ada"],
        ["decide", "DIR"],
        ["decide", "DIR", "PMID:1", "include", "--reviewer", "ada"],
        ["decide", "DIR", "PMID:99000001", "perhaps", "--reviewer", "ada"],
        ["adjudicate", "DIR", "PMID:99000001", "include", "--by", "cleo"],
        ["stop", "DIR", "--accept", "--by", "ada"],
        ["stop", "DIR", "--by", "ada"],
        ["export", "DIR", "out.ris", "--which", "some"],
        ["export", "DIR", "out.doc"],
        ["import", "DIR", "absent.ris"],
        ["duplicates", "DIR", "--split", "PMID:99000001"],
        ["duplicates", "DIR", "--split", "PMID:99000001", "--by", "ada"],
        ["new", "DIR", "--question", "why?"],
        ["new", "elsewhere"],
        ["ledger", "DIR", "--head", "xyz"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_exits_2_with_one_sentence(
    review: Path, capsys: Captured, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(review.parent)
    given = [str(review) if word == "DIR" else word for word in words]
    before = (review / "ledger.jsonl").read_bytes()
    error = failure(capsys, *given)
    assert error["code"] in ("bad_input", "not_found")
    assert error["expected"]
    assert (review / "ledger.jsonl").read_bytes() == before
    assert not (review.parent / "elsewhere").exists()


def test_a_refused_export_exits_1_and_the_others_are_taken_in(review: Path, capsys: Captured) -> None:
    bad, good = review.parent / "bad.jsonl", review.parent / "good.jsonl"
    bad.write_text("no JSON\n")
    good.write_text(json.dumps({"pmid": "99000099", "title": "One more"}) + "\n")
    files = told(capsys, "screen-import", "import", str(review), str(bad), str(good), status=1)["files"]
    assert [each["status"] for each in files] == ["refused", "imported"]


def test_a_review_is_brought_up_to_a_home(tmp_path: Path, sample_home: Path, capsys: Captured) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("title: Trials\nsearch: 'randomised[tiab] OR randomized[tiab]'\n")
    where = str(tmp_path / "review")
    told(capsys, "screen-new", "new", where, "--protocol", str(plan))
    words = ("update", where, "--home", str(sample_home))
    dry = told(capsys, "screen-update", *words, "--dry-run")
    first = told(capsys, "screen-update", *words)
    assert dry["new"] == first["new"] == first["imported"] > 0
    assert told(capsys, "screen-update", *words)["imported"] == 0
    assert told(capsys, "screen-status", "status", where)["imports"][0]["living"]


def test_a_protocol_is_made_a_search_that_a_home_counts(tmp_path: Path, sample_home: Path, capsys: Captured) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("title: Trials\npico:\n  population: [hypertension]\n  intervention: [beta blockers]\n")
    where = str(tmp_path / "review")
    told(capsys, "screen-new", "new", where, "--protocol", str(plan))
    found = told(capsys, "screen-query", "query", where, "--filter", "cochrane-precise", "--home", str(sample_home))
    assert [group["element"] for group in found["groups"]] == ["population", "intervention"]
    assert found["count"] == found["lines"][-1]["count"]
    assert "trial[ti]" in found["pubmed"]
    assert told(capsys, "screen-ledger", "ledger", where)["entries"] == found["ledger"]["seq"]


def test_labels_by_criterion_are_kept_and_decide_nothing(review: Path, capsys: Captured) -> None:
    found = told(capsys, "screen-next", "next", str(review), "--reviewer", "ada")
    rows = told(capsys, "screen-label", "label", str(review), found["id"])["rows"]
    assert [row["id"] for row in rows] == [found["id"]]
    assert all(each["span"] or each["label"] == "UNCERTAIN" for each in rows[0]["criteria"])
    again = told(capsys, "screen-next", "next", str(review), "--reviewer", "ada")
    assert (again["id"], again["remaining"]) == (found["id"], found["remaining"])


def test_a_batch_is_resumed_by_running_it_again(review: Path, capsys: Captured) -> None:
    batch = review.parent / "decisions.jsonl"
    lines = [{"id": f"PMID:{99000001 + n}", "decision": "exclude" if n % 3 else "include"} for n in range(8)]
    lines += [{"id": "PMID:99000001", "decision": "maybe"}, {"id": "PMID:99000002", "colour": "red"}]
    batch.write_text("\n".join(map(json.dumps, lines)) + "\nno JSON\n")
    words = ("decide", str(review), "--batch", str(batch), "--reviewer", "ada")
    first = told(capsys, "screen-batch", *words, status=1)
    assert (first["lines"], first["decided"], first["stood"]) == (11, 8, 0)
    assert [each["line"] for each in first["failed"]] == [9, 10, 11]
    again = told(capsys, "screen-batch", *words, status=1)
    assert (again["decided"], again["stood"]) == (0, 8)


def test_a_batch_may_name_a_model(review: Path, capsys: Captured) -> None:
    batch = review.parent / "decisions.jsonl"
    line = {"id": "PMID:99000001", "decision": "include", "reviewer": "bob", "actor": "model", "actor_version": "3"}
    batch.write_text(json.dumps(line) + "\n")
    told(capsys, "screen-batch", "decide", str(review), "--batch", str(batch))
    (machine,) = (each for each in told(capsys, "screen-ledger", "ledger", str(review))["machines"]
                  if each["kind"] == "decision")  # fmt: skip
    assert (machine["type"], machine["name"], machine["version"]) == ("model", "bob", "3")


def test_a_broken_ledger_exits_3_and_says_how_to_repair_it(review: Path, capsys: Captured) -> None:
    path = review / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Velorine", b"Placebos", 1))
    for command in (["ledger"], ["status"], ["next", "--reviewer", "ada"]):
        error = failure(capsys, command[0], str(review), *command[1:], status=3)
        assert error["code"] == "damaged"
        assert "--salvage" in error["expected"]


def test_what_is_printed_for_people_says_the_same(review: Path, capsys: Captured) -> None:
    for words in (["next", "--reviewer", "ada"], ["status"], ["stop"], ["ledger"], ["duplicates"], ["conflicts"]):
        assert run(["screen", words[0], str(review), *words[1:]]) == 0
        captured = capsys.readouterr()
        assert captured.out.strip()
        assert "{" not in captured.out


def test_the_screen_commands_open_no_home(review: Path) -> None:
    """Headless screening calls `next` again and again: it must not import what a home is made of."""
    code = (
        "import sys\nfrom consilience.cli import run\n"
        f"status = run(['screen', 'next', {str(review)!r}, '--reviewer', 'ada', '--json'])\n"
        "heavy = {'duckdb', 'pyarrow', 'spacy', 'sklearn', 'tantivy', 'consilience.api'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
