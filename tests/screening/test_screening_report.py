"""The report: the same bytes of the same ledger, nothing of a record as markup, figures checked by hand."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from consilience.cli import run
from consilience.errors import BadInputError
from consilience.records import canonical_json
from consilience.screening import curve
from consilience.screening.protocol import protocol_of
from consilience.screening.report import Share, agreements, confusions, kappa_interval, report
from consilience.screening.review import Actor, Review
from consilience.screening.workflow import Agreement

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"
STAGE = "title_abstract"
TOOL = Actor("sorter", "model", "v7")


def finished(folder: Path, count: int = 12) -> Review:
    """Two people and a tool; four records carried on, of which two are kept."""
    plan = protocol_of({
        "title": f"Velorine {EVIL}", "question": "Does it work?", "mode": "dual", "reviewers": ["ada", "ben"],
        "pico": {"population": [f"adults {EVIL}"]}, "criteria": [{"name": "adults", "text": f"Adults only {EVIL}"}],
    })  # fmt: skip
    review = Review.create(folder / "review", plan, now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    rows = [
        {"pmid": str(99000001 + n), "title": f"Study {n} {EVIL}", "abstract": "Words of it.",
         "authors": [EVIL, "B", "C", "D"], "journal": f"J {EVIL}", "year": 2001}
        for n in range(count)
    ]  # fmt: skip
    (folder / "in.jsonl").write_text("".join(canonical_json(row) + "\n" for row in rows), encoding="utf-8")
    review.import_file(folder / "in.jsonl", database=f"PubMed {EVIL}")
    units = review.state.units()
    for place, id in enumerate(units[:-2]):
        review.decide(id, "include" if place < 4 else "exclude", reviewer="ada", quote="Words of it.")
        review.decide(id, "include" if place < 4 or place == 5 else "exclude", reviewer="ben")
    with_tool(review, units)
    review.adjudicate(units[3], "include", by="cleo")
    review.adjudicate(units[5], "exclude", by="cleo")
    for place, id in enumerate(units[:4]):
        for name in ("ada", "ben"):
            kept = place % 2 == 0
            review.decide(id, "include" if kept else "exclude", reviewer=name, stage="full_text",
                          reason="" if kept else f"wrong outcome {EVIL}")  # fmt: skip
    review.study("ASCOT", [units[0], units[2]], by="ada")
    review.accept_stop(by="ada", reason=f"enough {EVIL}")
    return review


def with_tool(review: Review, units: list[str]) -> None:
    """What a tool decided on eight records; on the fourth it contradicts both people."""
    for place, id in enumerate(units[:8]):
        body = {"id": id, "stage": STAGE, "reviewer": "sorter", "decision": "include" if place < 3 else "exclude",
                "reason": "", "criterion": "", "input": f"{place:064x}", "protocol": "", "prior": "",
                "hint": {"judge": "j" * 64, "labels": {"adults": "PARTIAL"}}}  # fmt: skip
        review.append("decision", TOOL.as_json(), body)


class Seen(HTMLParser):
    """Every element, attribute and address of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name in ("src", "href", "action", "data")}


def test_the_same_ledger_gives_the_same_bytes(tmp_path: Path) -> None:
    review = finished(tmp_path)
    first = report(review)
    assert report(Review.open(review.folder, now=lambda: datetime(2031, 5, 6, tzinfo=UTC))) == first


def test_nothing_of_a_record_becomes_markup_and_nothing_is_fetched(tmp_path: Path) -> None:
    text = report(finished(tmp_path))
    seen = Seen(text)
    assert not seen.tags & {"script", "img", "iframe", "object", "link", "form"}
    assert not {name for name in seen.attributes if name.startswith("on")}
    assert all(address.startswith("#") for address in seen.addresses)
    assert EVIL not in text and "&lt;script&gt;" in text
    assert not re.search(r"url\(|@import", text.split("</style>")[0])


def test_the_report_tells_who_decided_what_and_under_which_head(tmp_path: Path) -> None:
    review = finished(tmp_path)
    text = report(review)
    assert review.state.head in text and "ASCOT" in text
    assert review.state.imports[0].raw in text
    for words in ("What this is not", "Disclosure of automated judgements", "sorter v7", "PARTIAL", "ended here"):
        assert words in text
    assert "2 were left unread when a person ended the screening" in text


def test_what_a_tool_decided_is_not_shown_while_a_person_has_yet_to_judge(tmp_path: Path) -> None:
    plan = protocol_of({"title": "Velorine", "question": "Does it work?", "mode": "dual", "reviewers": ["ada", "ben"]})
    review = Review.create(tmp_path / "review", plan, now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    row = {"pmid": "99000001", "title": "Velorine in adults", "abstract": "Words of it.", "year": 2001}
    (tmp_path / "in.jsonl").write_text(canonical_json(row) + "\n", encoding="utf-8")
    review.import_file(tmp_path / "in.jsonl", database="PubMed")
    (id,) = review.state.units()
    with_tool(review, [id])
    assert "0" * 64 not in report(review)  # the hash of what the tool was given stands in its row
    review.decide(id, "include", reviewer="ada")
    assert "0" * 64 in report(review)


def test_the_numbers_of_the_object_are_those_of_the_flow_files(tmp_path: Path) -> None:
    review = finished(tmp_path)
    told = review.report(tmp_path / "out" / "r.html", flows=[tmp_path / "flow.csv", tmp_path / "flow.svg"])
    assert told["complete"] and told["prisma"]["new_reports"] == 2 and told["prisma"]["new_studies"] == 1
    assert told["prisma"]["dbr_excluded"][0]["reports"] == 2
    assert "records_screened" in (tmp_path / "flow.csv").read_text()
    assert (tmp_path / "flow.svg").read_text().startswith("<svg")
    assert Path(told["file"]).read_text(encoding="utf-8") == report(review)


def test_an_unknown_kind_of_flow_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    review = finished(tmp_path)
    with pytest.raises(BadInputError, match="no flow"):
        review.report(flows=[tmp_path / "flow.docx"])
    assert not (review.folder / "report.html").exists()


def test_a_new_review_has_a_report_too(tmp_path: Path) -> None:
    review = Review.create(tmp_path / "review", protocol_of({"title": "T"}))
    assert "Nobody has decided anything yet" in report(review)


# ---------------------------------------------------------------- figures


def kappa_of(cells: Sequence[float]) -> float:
    a, b, c, d = cells
    expected = (a + b) * (a + c) + (c + d) * (b + d)
    return ((a + d) - expected) / (1 - expected)


@pytest.mark.parametrize("counts", [(22, 2, 4, 11), (40, 9, 6, 45), (3, 1, 2, 94)])
def test_the_interval_of_kappa_is_that_of_the_delta_method(counts: tuple[int, int, int, int]) -> None:
    n, step = sum(counts), 1e-6
    shares = [count / n for count in counts]
    slopes = []
    for place in range(4):
        up, down = list(shares), list(shares)
        up[place] += step
        down[place] -= step
        slopes.append((kappa_of(up) - kappa_of(down)) / (2 * step))
    mean = sum(slope * share for slope, share in zip(slopes, shares, strict=True))
    variance = sum(slope**2 * share for slope, share in zip(slopes, shares, strict=True)) - mean**2
    half = 1.959963984540054 * (variance / n) ** 0.5
    found = Agreement(("a", "b"), counts[0], counts[3], counts[1], counts[2])
    interval = kappa_interval(found)
    assert found.kappa == pytest.approx(kappa_of(shares))
    assert interval == pytest.approx((kappa_of(shares) - half, min(1.0, kappa_of(shares) + half)), abs=1e-6)


def test_kappa_has_no_interval_where_it_is_undefined() -> None:
    assert kappa_interval(Agreement(("a", "b"), 0, 9, 0, 1)) is None


def test_a_share_of_all_has_an_interval_below_one() -> None:
    # Wilson's lower end for n of n is n / (n + z^2).
    assert Share(10, 10).interval == pytest.approx((10 / (10 + 1.959963984540054**2), 1.0))
    assert str(Share(0, 0)) == "undefined (0 of 0)"


def test_agreement_and_confusion_count_what_was_judged(tmp_path: Path) -> None:
    state = finished(tmp_path).state
    both = next(each for each in agreements(state) if each.stage == STAGE)
    assert (both.found.both_on, both.found.only_second, both.found.both_off) == (4, 1, 5)
    tool = next(iter(confusions(state)))
    assert (tool.both, tool.tool_only, tool.people_only, tool.neither, tool.alone) == (3, 0, 1, 4, 0)
    assert (tool.sensitivity.value, tool.specificity.value, tool.precision.value) == (0.75, 1.0, 1.0)


def test_the_curve_rises_once_for_every_record_carried_on() -> None:
    text = curve.svg([1, 0, 0, 1, 0], 9, ended=5)
    points = re.search(r'<polyline points="([^"]*)"', text)
    assert points is not None and len(points.group(1).split()) == 2 * 2 + 2
    assert "2 of 5 records read were carried on; 9 records in all" in text and "ended here" in text
    assert "polyline" in curve.svg([], 0)


def test_a_long_list_says_how_much_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consilience.screening.report._ROWS", 3)
    text = report(finished(tmp_path))
    assert "5 earlier rows are not shown" in text  # of the tool's eight decisions


def test_the_object_is_plain_json(tmp_path: Path) -> None:
    told: dict[str, Any] = finished(tmp_path).report()
    assert json.loads(json.dumps(told)) == told


def test_the_commands_write_what_their_objects_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    review = finished(tmp_path)
    ids = review.state.units()[:2]
    assert run(["screen", "study", str(review.folder), "TWIN", *ids, "--by", "ada", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ids"] == ids
    out = tmp_path / "r.html"
    words = ["screen", "report", str(review.folder), "--out", str(out), "--flow", str(tmp_path / "f.svg"), "--json"]
    assert run(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert told["schema"] == "consilience/screen-report/1" and told["flows"] == [str(tmp_path / "f.svg")]
    assert run(["screen", "study", str(review.folder), "TWIN", *ids, "--json"]) == 2  # nobody says so
    assert run(["screen", "report", str(review.folder)]) == 0  # for a reader at a terminal
    assert "records screened" in capsys.readouterr().out
