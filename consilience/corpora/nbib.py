"""MEDLINE text files, as PubMed exports them (.nbib, .txt)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from consilience.corpora.citations import citation_id, mesh_heading, pmid_of, publication_type
from consilience.corpora.dates import read_date
from consilience.corpora.textfiles import MAX_LINE, Entry, lines, refuse
from consilience.errors import SkipRecordError
from consilience.records import Chemical, Correction, PublicationEvent, Record, normal_doi, normal_space

# A field begins in column 1 with its tag padded to four characters; everything else continues the field before.
_FIELD = re.compile(r"(?=.{4}-)([A-Z][A-Z0-9]{1,3}) *-(?: |$)")
# Tags a citation has once: seen again behind a blank line, they begin another one.
_ONCE = frozenset(("OWN", "STAT", "TI", "DP", "TA", "JT", "SO"))
_CORRECTIONS = {
    "CIN": "CommentIn", "CON": "CommentOn", "EIN": "ErratumIn", "EFR": "ErratumFor",
    "RIN": "RetractionIn", "ROF": "RetractionOf", "RRI": "RetractedandRepublishedIn",
    "RRF": "RetractedandRepublishedFrom", "ECI": "ExpressionOfConcernIn", "ECF": "ExpressionOfConcernFor",
    "UIN": "UpdateIn", "UOF": "UpdateOf", "RPI": "RepublishedIn", "RPF": "RepublishedFrom",
    "CRI": "CorrectedandRepublishedIn", "CRF": "CorrectedandRepublishedFrom", "SPIN": "SummaryForPatientsIn",
    "ORI": "OriginalReportIn",
}  # fmt: skip
_HISTORY = frozenset(("epublish", "aheadofprint", "ppublish", "ecollection"))
_KEPT = {"VI": "volume", "IP": "issue", "PG": "medline_pgn", "STAT": "status", "EDAT": "entrez"}


def entries(path: Path) -> Iterator[Entry]:
    """Each citation as Bio.Medline reads it, wrapped lines put together first.

    Bio.Medline itself ends a citation at any blank line (biopython#4557) and breaks a wrapped correction in two.
    """
    from Bio import Medline

    for start, whole in citations(path, lines(path)):
        values = dict(Medline.read(whole))  # type: ignore[no-untyped-call]
        yield Entry(start, values, "\n".join(whole)[:2000])


def citations(path: Path, source: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """The fields of each citation as one line each, and the line of the file where it begins."""
    found: list[list[str]] = []
    seen: set[str] = set()
    start = size = 0
    blank = False
    for number, line in source:
        if not line.strip():
            blank = True
            continue
        field = _FIELD.match(line)
        tag = field.group(1) if field else ""
        if tag and found and _begins(tag, seen, blank):
            yield start, [" ".join(parts) for parts in found]
            found, size = [], 0
            seen.clear()
        if tag:
            start = start if found else number
            found.append([line.rstrip()])
            seen.add(tag)
        elif found:
            found[-1].append(line.strip())
        blank, size = False, size + len(line)
        if size > MAX_LINE:
            refuse(path, f"the citation at line {start} of {path.name} is longer than 8 MiB", "MEDLINE citations")
    if found:
        yield start, [" ".join(parts) for parts in found]


def _begins(tag: str, seen: set[str], blank: bool) -> bool:
    if tag == "PMID":
        return blank or tag in seen
    return blank and tag in _ONCE and tag in seen


def record(entry: Entry) -> Record:
    """The citation as a record."""
    values = entry.values
    title = _text(values, "TI") or _text(values, "BTI")
    fields = {name: text for name, text in (("title", title), ("abstract", _text(values, "AB"))) if text}
    if not fields:
        raise SkipRecordError("neither title nor abstract")
    pmid, doi = pmid_of(_text(values, "PMID")), _doi(values)
    events, warnings = _events(values)
    extra: dict[str, Any] = {name: text for tag, name in _KEPT.items() if (text := _text(values, tag))}
    return Record(
        id=citation_id(pmid, doi, fields),
        source="nbib",
        fields=fields,
        pmid=pmid,
        pmcid=_text(values, "PMC"),
        doi=doi,
        events=events,
        revised=_day(_text(values, "LR")),
        publication_types=tuple(publication_type(item) for item in _list(values, "PT")),
        mesh=tuple(mesh_heading(item) for item in _list(values, "MH")),
        chemicals=tuple(_chemical(item) for item in _list(values, "RN")),
        keywords=tuple(item.lstrip("*") for item in _list(values, "OT")),
        languages=tuple(_list(values, "LA")),
        authors=(*(_list(values, "AU") or _list(values, "FAU")), *_list(values, "CN")),
        journal=_text(values, "JT") or _text(values, "TA"),
        corrections=tuple(_correction(kind, item) for tag, kind in _CORRECTIONS.items() for item in _list(values, tag)),
        registry_ids=tuple(item.rpartition("/")[2] for item in _list(values, "SI")),
        license=_text(values, "CI"),
        extra={**extra, "date_warnings": warnings} if warnings else extra,
    )


def _list(values: Mapping[str, Any], tag: str) -> list[str]:
    value = values.get(tag, [])
    return [text for item in ([value] if isinstance(value, str) else value) if (text := normal_space(item))]


def _text(values: Mapping[str, Any], tag: str) -> str:
    return " ".join(_list(values, tag))


def _doi(values: Mapping[str, Any]) -> str:
    # Bio.Medline joins several LID into one string: `10.1/x [doi] S1 [pii]`.
    marked = re.findall(r"(\S+)\s*\[doi\]", " ".join(_list(values, "LID") + _list(values, "AID")))
    return next((doi for raw in marked if (doi := normal_doi(raw))), "")


def _events(values: Mapping[str, Any]) -> tuple[tuple[PublicationEvent, ...], list[str]]:
    electronic = re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", _text(values, "DEP"))
    dated = [("ppub", _text(values, "DP")), ("electronic", electronic)]
    for item in _list(values, "PHST"):
        found = re.fullmatch(r"(\d{4}/\d\d/\d\d).*\[([a-z-]+)\]", item, re.ASCII)
        if found and found.group(2) in _HISTORY:
            dated.append((found.group(2), found.group(1)))
    readings = [(kind, read_date(raw)) for kind, raw in dated if raw]
    events = [PublicationEvent(kind, reading.when) for kind, reading in readings if reading.when]
    entered = read_date(_text(values, "EDAT")).when
    if not events and entered:
        events = [PublicationEvent("entrez", entered)]  # when PubMed showed it, for want of better
    return tuple(events), [f"{kind}: {reading.warning}" for kind, reading in readings if reading.warning]


def _day(raw: str) -> date | None:
    try:
        return date.fromisoformat(raw) if re.fullmatch(r"\d{8}", raw, re.ASCII) else None
    except ValueError:
        return None


def _chemical(item: str) -> Chemical:
    found = re.fullmatch(r"(\S+) \((.*)\)", item)
    return Chemical(found.group(2), registry=found.group(1)) if found else Chemical(item)


def _correction(kind: str, item: str) -> Correction:
    found = re.search(r"\bPMID: ?(\d{1,8})\b", item, re.ASCII)
    return Correction(kind, found.group(1) if found else "", item[: found.start()].rstrip() if found else item)
