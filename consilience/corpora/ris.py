"""RIS files of reference managers: cleaned first, then read by rispy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import rispy
from rispy.config import TAG_KEY_MAPPING

from consilience.corpora.citations import citation, publication_type
from consilience.corpora.textfiles import MAX_LINE, Entry, lines, refuse
from consilience.errors import SkipRecordError
from consilience.records import Record, normal_doi, normal_space

_FIELD = re.compile(r"([A-Z][A-Z0-9])  -(?: (.*)|$)")
# Tags in use that rispy does not know. Any other unknown one is the tail of a wrapped line, e.g. `RR  - 1.2`.
_FOREIGN = frozenset(
    ("AV", "ED", "H1", "H2", "L3", "M2", "PM", "RT", "SF", "SR", "U1", "U2", "U3", "U4", "U5", "WT", "WV", "Y2")
)
# Where a line without tag is an item of its own, as EndNote writes keywords.
_LISTS = frozenset(("KW", "AU", "A1"))
_TAGS = frozenset(TAG_KEY_MAPPING) - {"UK"} | _FOREIGN
_KEPT = {
    "type_of_reference": "ris_type", "id": "ris_id", "volume": "volume", "number": "issue",
    "name_of_database": "database", "accession_number": "accession", "notes": "notes", "issn": "issn",
}  # fmt: skip


def entries(path: Path) -> Iterator[Entry]:
    """Each reference as rispy reads it; a reference ends at `ER` or, where that is missing, at the next `TY`.

    One `TY` gives exactly one entry, so that no reference can be lost.
    """
    found: list[list[str]] = []
    start = size = 0
    for number, line in lines(path):
        field = _FIELD.match(line)
        tag = field.group(1) if field and field.group(1) in _TAGS else ""
        if tag in ("TY", "ER"):
            if found:
                yield _entry(start, found)
            found, start, size = [], number, 0
        if tag == "TY" or (tag and tag != "ER" and found):
            found.append([line.rstrip()])
        elif found and line.strip():
            found[-1].append(line.strip())
        size += len(line)
        if found and size > MAX_LINE:
            refuse(path, f"the reference at line {start} of {path.name} is longer than 8 MiB", "TY ... ER")
    if found:
        yield _entry(start, found)


def _entry(start: int, found: list[list[str]]) -> Entry:
    whole = [line for parts in found for line in _whole(parts)]
    # Without enforcing list tags, a tag given twice becomes a list: nothing is dropped.
    read = rispy.loads("\n".join([*whole, "ER  - ", ""]), enforce_list_tags=False)
    return Entry(start, dict(read[0]) if len(read) == 1 else {}, "\n".join(whole)[:2000])


def _whole(parts: list[str]) -> list[str]:
    tag = parts[0][:2]
    return [parts[0], *(f"{tag}  - {part}" for part in parts[1:])] if tag in _LISTS else [" ".join(parts)]


def record(entry: Entry) -> Record:
    """The reference as a record; both names of a field count, `TI` before `T1`, `AB` with `N2`."""
    values = entry.values
    if not values:
        raise SkipRecordError("no reference could be read between TY and the next")
    titles = _all(values, "title", "primary_title")
    urls = " ".join(_all(values, "urls"))
    loose = {
        "pmid": _pmid(values, urls),
        "doi": " ".join(_all(values, "doi")) or _doi_of(urls),
        "title": titles[0] if titles else "",
        "abstract": " ".join(_all(values, "abstract", "notes_abstract")),
        "published": _published(values),
        "keywords": [part.strip() for item in _all(values, "keywords") for part in item.split(";")],
        "publication_types": [item for item in _all(values, "type_of_work") if publication_type(item).ui],
        "other_titles": titles[1:] or None,
        **{name: "; ".join(kept) for key, name in _KEPT.items() if (kept := _all(values, key))},
        "medline_pgn": "-".join(_all(values, "start_page", "end_page")) or None,
        "url": urls or None,
    }
    journal = _all(values, "journal_name", "alternate_title3", "secondary_title", "alternate_title2")
    pmcid = next((item for item in _all(values, "custom2") if re.fullmatch(r"PMC\d+", item)), "")
    return replace(
        citation(loose),
        pmcid=pmcid,
        authors=tuple(_all(values, "authors", "first_authors")),
        journal=journal[0] if journal else "",
        languages=tuple(_all(values, "language")),
    )


def _all(values: Mapping[str, Any], *names: str) -> list[str]:
    """Every distinct text under these names, in order."""
    found: list[str] = []
    for name in names:
        value = values.get(name)
        for item in value if isinstance(value, list) else [value]:
            text = normal_space(item) if isinstance(item, str) else ""
            if text and text not in found:
                found.append(text)
    return found


def _pmid(values: Mapping[str, Any], urls: str) -> str:
    """The PMID where it is called one: a bare accession number is, if PubMed or MEDLINE gave it."""
    database = " ".join(_all(values, "name_of_database", "database_provider"))
    at_pubmed = re.search("pubmed|medline", database, re.IGNORECASE)
    stated = list(values.get("unknown_tag", {}).get("PM", []))
    accessions = _all(values, "accession_number")
    for text in stated + accessions:
        found = re.fullmatch(r"(PMID:? ?)?(\d{1,8})", text, re.IGNORECASE | re.ASCII)
        if found and (found.group(1) or at_pubmed or text in stated):
            return found.group(2)
    linked = re.search(r"(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/pubmed)/(\d{1,8})\b", urls, re.ASCII)
    return linked.group(1) if linked else ""


def _doi_of(urls: str) -> str:
    found = re.search(r"doi\.org/(10\.\S+)", urls)
    return normal_doi(found.group(1)) if found else ""


def _published(values: Mapping[str, Any]) -> str:
    """The year, refined by a fuller date that agrees with it: `DA` alone may be the day of a download."""
    dates = [_plain(raw) for raw in _all(values, "year", "publication_year", "date")]
    year = dates[0][:4] if dates else ""
    return max((text for text in dates if text[:4] == year), key=len, default="")


def _plain(raw: str) -> str:
    """`2003/05/07/` and `2003/5//spring` without what is empty or free text."""
    found = re.match(r"(\d{4})(?:/(\d{1,2})(?:/(\d{1,2}))?)?(?=/|$)", raw, re.ASCII)
    return "/".join(part.zfill(2) for part in found.groups() if part) if found else raw
