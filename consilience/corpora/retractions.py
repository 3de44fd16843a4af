"""Retraction lists: what became of papers, as dated marks about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from consilience.corpora.citations import pmid_of, scalar
from consilience.corpora.dates import parse_date
from consilience.corpora.textfiles import Entry, check, converted, rows
from consilience.errors import SkipRecordError
from consilience.records import Mark, Quarantined, doi_curie, normal_doi, pmid_curie

Kind = Literal["retracted", "concern", "corrected"]

# Bumped when what is read out of a file changes: files are then read again.
VERSION = "retractions.1"

_KINDS: Mapping[str, Kind] = {
    "": "retracted",
    "retracted": "retracted",
    "retraction": "retracted",
    "concern": "concern",
    "expression of concern": "concern",
    "corrected": "corrected",
    "correction": "corrected",
    "erratum": "corrected",
}
# Our columns, then those of Retraction Watch (Crossref's daily CSV).
_PAPER = (("pmid", "originalpaperpubmedid"), ("doi", "originalpaperdoi"))
_NOTICE = (("notice_pmid", "retractionpubmedid"), ("notice_doi", "retractiondoi"))
_DATE = ("date", "retractiondate")
_KIND = ("kind", "retractionnature")


def read(path: Path) -> Iterator[Mark | Quarantined]:
    """The marks of one CSV list, ours (`pmid,notice_pmid,date,kind`) or Retraction Watch's own.

    A row without a paper or a date is quarantined, and so is a reinstatement, which is no mark.
    """
    check(path, (".csv",))
    return converted(path, rows(path, any_of=_PAPER[0]), _mark)


def _mark(entry: Entry) -> Mark:
    values = entry.values
    kind = _value(values, _KIND).lower().replace("_", " ")
    if kind == "reinstatement":
        raise SkipRecordError("a reinstatement marks nothing as retracted")
    if kind not in _KINDS:
        raise SkipRecordError(f"the kind {kind[:40]!r} is none of retracted, concern, corrected")
    target = _curie(values, _PAPER)
    if not target:
        raise SkipRecordError("the paper has neither PMID nor DOI")
    return Mark(target, _KINDS[kind], _since(_value(values, _DATE)), _curie(values, _NOTICE))


def _value(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((scalar(values[name], name) for name in names if name in values), "")


def _curie(values: Mapping[str, Any], names: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    """`PMID:...` where there is one, 0 being none; else `DOI:...`; else ""."""
    pmid = pmid_of(_value(values, names[0]))
    doi = normal_doi(_value(values, names[1]))
    return pmid_curie(pmid) if pmid else doi_curie(doi) if doi else ""


def _since(raw: str) -> date:
    """The day, or the last day of a coarser date; Retraction Watch writes `5/7/2003 0:00` for 7 May."""
    american = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: \d{1,2}:\d\d(?::\d\d)?(?: [AP]M)?)?", raw, re.ASCII)
    when = parse_date("{2}-{0:0>2}-{1:0>2}".format(*american.groups()) if american else raw)
    if when is None:
        raise SkipRecordError(f"no date could be read from {raw[:40]!r}")
    return when.end
