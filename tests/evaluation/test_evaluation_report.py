"""A report is whole or absent, says the same in words and pictures, and runs nothing that it is told."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from consilience.evaluation import charts, page
from consilience.evaluation.report import markdown, write

FIGURE = {"value": 0.5, "ci95": [0.25, 0.75]}
GAIN = {"value": 0.0, "ci95": [-0.1, 0.1], "p": 0.0004, "wins": 1, "ties": 0, "losses": 1}
RESULT: dict[str, Any] = {
    "suite": "small",
    "data": "d.jsonl",
    "n": 2,
    "system": "hybrid",
    "measures": {"RR": FIGURE, "R@10": {"value": None, "ci95": None}},
    "baselines": {"lexical": {"RR": {**FIGURE, "difference": GAIN}}},
    "pairs": [{"system": "hybrid", "over": "lexical", "measure": "RR", **GAIN}],
    "skipped": {},
    "warnings": [],
    "holds": [],
    "provenance": {"snapshot": "s1", "seed": 0},
    "usage": {"seconds": 1.0},
}
COST = {"p50": 0.0041, "p95": 0.0123, "build_seconds": 3.25, "bytes": 3 * 2**20, "resident_bytes": 7 * 2**20}
TIMED = {**RESULT, "usage": {"seconds": 1.0, "systems": {"hybrid": COST, "lexical": {"p50": 0.002, "p95": 0.003}}}}
DETAILS = [
    {"id": str(n), "measures": {"hybrid": {"RR": 1 / (n + 1)}, "lexical": {"RR": 1 / (2 * n + 1)}}} for n in range(6)
]
STAGE = {
    "stage": "a stage", "with": "hybrid", "without": ["lexical"], "sets": {"one": {"n": 2, **GAIN}},
    "pooled": {"n": 2, **GAIN, "p_holm": 0.5}, "earned": False, "shipped": True,
}  # fmt: skip


def test_the_table_shows_figures_and_signed_differences() -> None:
    told = markdown(RESULT)
    assert "| hybrid | 0.500 [0.250, 0.750] |  |" in told
    assert "| lexical | +0.000 [-0.100, +0.100], p <0.001 |  |" in told
    assert "| hybrid minus lexical | +0.000 [-0.100, +0.100] | <0.001 | 1 | 0 | 1 |" in told


def test_what_systems_cost_stands_in_the_same_line() -> None:
    told = markdown(TIMED)
    assert "| system | RR | R@10 | ms p50 | ms p95 | build s | disk MiB | memory MiB |" in told
    assert "| hybrid | 0.500 [0.250, 0.750] |  | 4.1 | 12.3 | 3.2 | 3.0 | 7 |" in told
    assert "| lexical | 0.500 [0.250, 0.750] |  | 2.0 | 3.0 |  |  |  |" in told


def test_a_stage_that_is_on_without_having_earned_it_stands_out() -> None:
    told = markdown({**TIMED, "stages": [STAGE]})
    assert "ON WITHOUT HAVING EARNED IT" in told
    assert "| a stage | +0.000 [-0.100, +0.100] |" in told


def test_timings_and_snapshot_leave_the_name_alone_and_a_figure_changes_it(tmp_path) -> None:
    first = write(RESULT, [], tmp_path)
    again = write({**RESULT, "usage": {"seconds": 9}, "provenance": {"snapshot": "s2", "seed": 0}}, [], tmp_path)
    other = write({**RESULT, "n": 3}, [], tmp_path)
    assert first == again != other


def test_a_write_that_fails_leaves_nothing_behind(tmp_path) -> None:
    def broken():
        yield {"id": "1"}
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write(RESULT, broken(), tmp_path)
    assert list(tmp_path.iterdir()) == []


class Page(HTMLParser):
    """What a reader of the page would see and run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_whatever_the_page_is_told_stays_text(tmp_path) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    hostile = {
        **TIMED, "system": evil, "data": evil, "warnings": [evil], "skipped": {evil: evil},
        "usage": {"systems": {evil: COST, "lexical": COST}, "note": evil}, "provenance": {"note": evil},
    }  # fmt: skip
    shown = Page((write(hostile, DETAILS, tmp_path) / "index.html").read_text())
    assert "script" not in shown.tags
    assert all(source.startswith("data:image/svg+xml;base64,") for source in shown.sources)
    assert evil in shown.words


def test_pictures_are_in_the_page_and_beside_it_with_the_same_bytes_each_time(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    first, again = (write(TIMED, DETAILS, tmp_path / name) for name in ("a", "b"))
    names = {path.name for path in first.glob("*.svg")}
    assert names == {"figures.svg", "differences.svg", "questions.svg", "time.svg"}
    assert all((first / name).read_bytes() == (again / name).read_bytes() for name in names)
    assert (first / "index.html").read_bytes() == (again / "index.html").read_bytes()
    assert Page((first / "index.html").read_text()).tags.count("img") == 4
    assert "![Quality beside time](time.svg)" in (first / "report.md").read_text()


def test_a_picture_depends_on_no_date_and_draws_no_formula() -> None:
    pytest.importorskip("matplotlib")
    odd = {**TIMED, "system": "$\\frac{1}{0}$"}
    (figures, *_) = charts.drawn({**odd, "usage": TIMED["usage"]}, DETAILS).values()
    assert b"<dc:date>" not in figures
    assert charts.drawn(TIMED, DETAILS, "png")["figures"].startswith(b"\x89PNG")


def test_stages_are_drawn_in_place_of_differences() -> None:
    pytest.importorskip("matplotlib")
    assert {"figures", "stages"} <= set(charts.drawn({**TIMED, "stages": [STAGE]}, [])) - {"differences"}


def test_without_matplotlib_the_report_is_there_and_says_what_is_missing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(charts, "find_spec", lambda name: None)
    folder = write(TIMED, DETAILS, tmp_path)
    assert not list(folder.glob("*.svg"))
    assert "matplotlib is not installed" in (folder / "report.md").read_text()
    assert "matplotlib is not installed" in (folder / "index.html").read_text()
    assert json.loads((folder / "report.json").read_text())["n"] == 2


def test_a_result_with_nothing_measured_has_no_pictures() -> None:
    bare = {**RESULT, "measures": {"RR": {"value": None, "ci95": None}}, "baselines": {}, "pairs": []}
    assert charts.drawn(bare, []) == {}
    assert markdown(bare).startswith("# small")


def test_a_cell_breaks_neither_table() -> None:
    table = page.Table(["a|b", "c"], [["x\ny", "<b>"]])
    assert "| a\\|b | c |\n| --- | ---: |\n| x y | \\<b> |" in page.markdown([table])
    assert re.search(r"<td>x\ny</td><td>&lt;b&gt;</td>", page.html("t", [table]))


@pytest.mark.parametrize(
    ("told", "safe"),
    [
        ("a\\|b", "a\\\\\\|b"),
        ("<img src=x>", "\\<img src=x>"),
        ("\\<b>", "\\\\\\<b>"),
        ("![x](http://a.test)", "![x\\](http://a.test)"),
        ("p <0.001 [0.1, 0.2]", "p <0.001 [0.1, 0.2]"),
    ],
)
def test_markdown_begins_nothing_that_it_is_told(told, safe) -> None:
    assert page.markdown([page.Table(["x"], [[told]])]).splitlines()[2] == f"| {safe} |"
