"""RIS files of reference managers: cleaned first, then read by rispy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import rispy
from rispy.config import TAG_KEY_MAPPING, TYPE_OF_REFERENCE_MAPPING

from consilience.corpora.citations import citation, publication_type
from consilience.corpora.textfiles import MAX_LINE, Entry, lines, refuse
from consilience.errors import SkipRecordError
from consilience.records import Record, normal_doi, normal_space

_FIELD = re.compile(r"([A-Z][A-Z0-9])  -(?: (.*)|$)")
# How a reference begins, a number before it allowed; and how it does where blanks were lost or put before all lines.
_STRICT_START = re.compile(r"(?:[<\[(]?\d{1,6}[>\]).:]*\s+)?TY  -")
_START = re.compile(r"\s*(?:[<\[(]?\d{1,6}[>\]).:]*\s+)?(TY) {0,2}- ?([A-Z]{3,8})\s*$")
_LOOSE = re.compile(r"\s*([A-Z][A-Z0-9]) {0,2}-(?: ?(.*)|$)")
_NUMBER = re.compile(r"(?:Record )?[<\[(#]?\d{1,6}[>\]).:]*", re.IGNORECASE)
# Tags that abbreviate something else, too, and what follows them there: a standard error, prothrombin time.
_DOUBTFUL = frozenset("CA CC CN ED OP PT RI RN RP RT SE SF SR ST US".split())
_STATISTIC = re.compile(r"[<>=≤≥±~]|-?\d+[.·]\d")
# Tags in use that rispy does not know. Any other unknown one is the tail of a wrapped line, e.g. `RR  - 1.2`.
_FOREIGN = frozenset("AV CC ED H1 H2 J9 JI KY L3 M2 PM PT RT SF SR U1 U2 U3 U4 U5 US WE WT WV XR Y2 YR".split())
# Where a line without tag is an item of its own, as EndNote writes keywords.
_LISTS = frozenset(("KW", "AU", "A1"))
_TAGS = frozenset(TAG_KEY_MAPPING) - {"UK"} | _FOREIGN | {"EF"}
_KEPT = {
    "type_of_reference": "ris_type", "id": "ris_id", "volume": "volume", "number": "issue",
    "name_of_database": "database", "accession_number": "accession", "notes": "notes", "issn": "issn",
}  # fmt: skip


# A field of a reference: its tag and its text.
Field = tuple[str, str]


def entries(path: Path) -> Iterator[Entry]:
    """Each reference as rispy reads it."""
    for start, fields in references(path, lines(path)):
        whole = [f"{tag}  - {text}".rstrip() for tag, text in fields]
        # Without enforcing list tags, a tag given twice becomes a list: nothing is dropped.
        read = rispy.loads("\n".join([*whole, "ER  - ", ""]), enforce_list_tags=False)
        yield Entry(start, dict(read[0]) if len(read) == 1 else {}, "\n".join(whole)[:2000])


def references(path: Path, source: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[Field]]]:
    """The fields of each reference, `TY` first, and the line where it begins.

    It ends at `ER` or, where that is missing, at the next `TY`: one `TY` gives exactly one reference. One without `TY`
    is told by its title; its type is empty.
    """
    found: list[list[str]] = []
    start = size = 0
    loose = False
    for number, line in source:
        tag, text = _tagged(line, loose)
        if tag == "TY" and (not found or _is_type(text)):
            loose = not _STRICT_START.match(line)
            if _is_one(found):
                yield start, _fields(_uncounted(found))
                found = []
            # Fields before it, such as a number of the record, are its own.
            found, start, size = [["TY", text.strip()], *found], number, 0
        elif tag in ("ER", "EF") and not text.strip():
            if _is_one(found):
                yield start, _fields(found)
            found, size = [], 0
        elif tag not in ("", "TY", "ER", "EF") and not (found and _is_wrapped(found[-1][0], tag, text)):
            start = start if found else number
            found.append([tag, text.rstrip()])
        elif found and line.strip():
            found[-1].append(line.strip())
        size += len(line)
        if found and size > MAX_LINE:
            refuse(path, f"the reference at line {start} of {path.name} is longer than 8 MiB", "TY ... ER")
    if _is_one(found):
        yield start, _fields(found)


def _tagged(line: str, loose: bool) -> tuple[str, str]:
    """The tag and the text of a line; the text alone continues the field before."""
    found = _FIELD.match(line) or _START.match(line) or (_LOOSE.match(line) if loose else None)
    return (found[1], found[2] or "") if found and found[1] in _TAGS else ("", line)


def _is_type(text: str) -> bool:
    """Say whether a `TY` begins a reference: in `TY  - 2 diabetes` it is a line of text."""
    return text.strip().upper() in TYPE_OF_REFERENCE_MAPPING or bool(re.fullmatch(r"[A-Z]{3,8}\s*|\s*", text))


def _is_wrapped(before: str, tag: str, text: str) -> bool:
    """Say whether a line of an abstract only looks like a field: `SE  - 0.2 (P < 0.05)`."""
    return before in ("AB", "N2") and tag in _DOUBTFUL and bool(_STATISTIC.match(text))


def _is_one(found: list[list[str]]) -> bool:
    """Say whether fields are a reference: those before a `TY` are, once there is a title."""
    return bool(found) and (found[0][0] == "TY" or any(tag in ("TI", "T1") for tag, *_ in found))


def _uncounted(found: list[list[str]]) -> list[list[str]]:
    """A reference without ER, without the number of the next one: `2.` on a line of its own."""
    *others, last = found
    numbered = len(last) > 2 and _NUMBER.fullmatch(last[-1])
    return [*others, last[:-1]] if numbered else found


def _fields(found: list[list[str]]) -> list[Field]:
    whole: list[Field] = [] if found[0][0] == "TY" else [("TY", "")]
    for tag, first, *more in found:
        whole += [(tag, first), *((tag, part) for part in more)] if tag in _LISTS else [(tag, " ".join((first, *more)))]
    return whole


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
