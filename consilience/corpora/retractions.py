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

Kind = Literal["retracted", "concern", "corrected", "reinstated"]

# Bumped when what is read out of a file changes: files are then read again.
VERSION = "retractions.3"
SUFFIXES = (".csv",)

_KINDS: Mapping[str, Kind] = {
    "": "retracted",
    "retracted": "retracted",
    "retraction": "retracted",
    "concern": "concern",
    "expression of concern": "concern",
    "corrected": "corrected",
    "correction": "corrected",
    "erratum": "corrected",
    "reinstated": "reinstated",
    "reinstatement": "reinstated",
}
# Our columns, then those of Retraction Watch (Crossref's daily CSV).
_PAPER = (("pmid", "originalpaperpubmedid"), ("doi", "originalpaperdoi"))
_NOTICE = (("notice_pmid", "retractionpubmedid"), ("notice_doi", "retractiondoi"))
_DATE = ("date", "retractiondate")
_KIND = ("kind", "retractionnature")


def read(path: Path) -> Iterator[Mark | Quarantined]:
    """The marks of one CSV list, ours (`pmid,notice_pmid,date,kind`) or Retraction Watch's own.

    A row without a paper, with a date that cannot be read, or of a reinstatement without one is quarantined. A
    reinstatement ends what was said of the paper up to its date: a row listed by mistake is taken back by one of the
    same date.
    """
    check(path, SUFFIXES)
    # A list of papers to read is no list of retractions: one of the latter says more of them than their numbers.
    told = (*_DATE, *_KIND, *_NOTICE[0], *_NOTICE[1])
    return converted(path, rows(path, any_of=(*_PAPER[0], *_PAPER[1]), and_of=told), _mark)


def _mark(entry: Entry) -> Mark:
    values = entry.values
    kind = _value(values, _KIND).lower().replace("_", " ")
    if kind not in _KINDS:
        raise SkipRecordError(f"the kind {kind[:40]!r} is none of retracted, concern, corrected, reinstated")
    pmid, doi = pmid_of(_value(values, _PAPER[0])), normal_doi(_value(values, _PAPER[1]))
    target = _curie(pmid, doi)
    if not target:
        raise SkipRecordError("the paper has neither PMID nor DOI")
    raw = _value(values, _DATE)
    # A retraction counts, whenever it was; what it takes away comes back only from a day that is told.
    since = _since(raw) if raw or _KINDS[kind] == "reinstated" else None
    return Mark(target, _KINDS[kind], since, _notice(values), doi if pmid else "")


def _notice(values: Mapping[str, Any]) -> str:
    doi = normal_doi(_value(values, _NOTICE[1]))
    try:
        return _curie(pmid_of(_value(values, _NOTICE[0])), doi)
    except SkipRecordError:  # a retraction counts, whatever stands where its notice should
        return _curie("", doi)


def _value(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((scalar(values[name], name) for name in names if name in values), "")


def _curie(pmid: str, doi: str) -> str:
    """`PMID:...` where there is one, 0 being none; else `DOI:...`; else ""."""
    return pmid_curie(pmid) if pmid else doi_curie(doi) if doi else ""


def _since(raw: str) -> date:
    """The day, or the last day of a coarser date; Retraction Watch writes `5/7/2003 0:00` for 7 May."""
    american = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: \d{1,2}:\d\d(?::\d\d)?(?: [AP]M)?)?", raw, re.ASCII)
    when = parse_date("{2}-{0:0>2}-{1:0>2}".format(*american.groups()) if american else raw)
    if when is None:
        raise SkipRecordError(f"no date could be read from {raw[:40]!r}")
    return when.end
