"""Retraction lists in our columns and in Retraction Watch's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from consilience.corpora import retractions
from consilience.errors import BadInputError, RefusedFileError
from consilience.records import Mark, Quarantined

OURS = "pmid,notice_pmid,date,kind"
THEIRS = (
    "Record ID,Title,RetractionDate,RetractionDOI,RetractionPubMedID,"
    "OriginalPaperDate,OriginalPaperDOI,OriginalPaperPubMedID,RetractionNature,Reason"
)


def read(tmp_path: Path, *rows: str) -> list[Mark | Quarantined]:
    path = tmp_path / "list.csv"
    path.write_text("\n".join(rows) + "\n")
    return list(retractions.read(path))


@pytest.mark.parametrize(
    ("row", "mark"),
    [
        ("11,12,2003-05-07,retracted", Mark("PMID:11", "retracted", date(2003, 5, 7), "PMID:12")),
        ("11,12,2003-05,Retraction", Mark("PMID:11", "retracted", date(2003, 5, 31), "PMID:12")),
        ("11,,2003,Expression of concern", Mark("PMID:11", "concern", date(2003, 12, 31))),
        ("11,0,2003 Mar,correction", Mark("PMID:11", "corrected", date(2003, 3, 31))),
        ("11,,2003,reinstated", Mark("PMID:11", "reinstated", date(2003, 12, 31))),
        ("PMID:11,,2003,", Mark("PMID:11", "retracted", date(2003, 12, 31))),
        ("11,,2003", Mark("PMID:11", "retracted", date(2003, 12, 31))),
        ("11,12,,retracted", Mark("PMID:11", "retracted", None, "PMID:12")),
        ("11", Mark("PMID:11", "retracted", None)),
    ],
)
def test_a_row_of_our_columns_is_a_mark_from_the_end_of_its_date(tmp_path: Path, row: str, mark: Mark) -> None:
    assert read(tmp_path, OURS, row) == [mark]


@pytest.mark.parametrize(
    ("row", "mark"),
    [
        (
            '1,"A, b",5/7/2003 0:00,10.1000/N,12,1/2/2001 0:00,10.1000/P,11,Retraction,+Error;',
            Mark("PMID:11", "retracted", date(2003, 5, 7), "PMID:12", "10.1000/p"),
        ),
        (
            '1,A,5/7/2003 0:00,10.1000/N,12;13,,,11,Retraction,"+Error in Data;+Misconduct - Official Investigation;"',
            Mark("PMID:11", "retracted", date(2003, 5, 7), "DOI:10.1000/n"),
        ),
        (
            "1,A,5/7/2003 0:00,,see note,,,11,Reinstatement,",
            Mark("PMID:11", "reinstated", date(2003, 5, 7)),
        ),
        (
            "2,A,12/31/2003 0:00,10.1000/N,0,1/2/2001 0:00,10.1000/P,0,Expression of concern,",
            Mark("DOI:10.1000/p", "concern", date(2003, 12, 31), "DOI:10.1000/n"),
        ),
        (
            "3,A,1/1/2004 0:00,unavailable,0,1/2/2001 0:00,unavailable,11,Correction,",
            Mark("PMID:11", "corrected", date(2004, 1, 1)),
        ),
    ],
)
def test_a_row_of_retraction_watch_is_a_mark(tmp_path: Path, row: str, mark: Mark) -> None:
    assert read(tmp_path, THEIRS, row) == [mark]


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        (OURS, ",12,2003,retracted", "neither PMID nor DOI"),
        (OURS, "0,12,2003,retracted", "neither PMID nor DOI"),
        (OURS, "x1,12,2003,retracted", "not a number"),
        (OURS, "11,12,,reinstated", "no date"),
        (OURS, "11,12,soon,retracted", "no date"),
        (OURS, "11,12,2003,withdrawn?", "kind"),
        (THEIRS, "1,A,5/7/2003 0:00,,0,,unavailable,0,Retraction,", "neither PMID nor DOI"),
        (THEIRS, "1,A,,,0,,,11,Reinstatement,", "no date"),
        (THEIRS, "1,A,13/7/2003 0:00,,0,,,11,Retraction,", "no date"),
    ],
)
def test_a_row_that_marks_nothing_is_set_aside_with_its_reason(
    tmp_path: Path, header: str, row: str, reason: str
) -> None:
    good = "21,22,2003,retracted" if header == OURS else "1,A,1/1/2003 0:00,,0,,,21,Retraction,"
    aside, kept = read(tmp_path, header, row, good)
    assert isinstance(aside, Quarantined) and isinstance(kept, Mark)
    assert (aside.position, aside.raw) == (2, row + "\n") and reason in aside.reason


@pytest.mark.parametrize(
    "rows", [("",), (OURS,), ("name,age", "Ann,7"), ("id,pmid,title", "1,11,A trial"), ("pmid", "11")]
)
def test_a_list_of_something_else_is_refused(tmp_path: Path, rows: tuple[str, ...]) -> None:
    with pytest.raises(RefusedFileError):
        read(tmp_path, *rows)


def test_only_csv_is_read(tmp_path: Path) -> None:
    with pytest.raises(BadInputError):
        retractions.read(tmp_path / "list.xlsx")
