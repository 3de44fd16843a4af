"""A report is whole or absent."""

from __future__ import annotations

import pytest

from consilience.evaluation.report import markdown, write

FIGURE = {"value": 0.5, "ci95": [0.25, 0.75]}
RESULT = {
    "suite": "small",
    "data": "d.jsonl",
    "n": 2,
    "system": "hybrid",
    "measures": {"RR": FIGURE, "R@10": {"value": None, "ci95": None}},
    "baselines": {"lexical": {"RR": {**FIGURE, "difference": {"value": 0.0, "ci95": [-0.1, 0.1]}}}},
    "skipped": {},
    "warnings": [],
    "holds": [],
    "provenance": {"snapshot": "s1", "seed": 0},
    "usage": {"seconds": 1.0},
}


def test_the_table_shows_figures_and_signed_differences() -> None:
    page = markdown(RESULT)
    assert "| hybrid | 0.500 [0.250, 0.750] |  |" in page
    assert "| lexical | +0.000 [-0.100, +0.100] |  |" in page


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
