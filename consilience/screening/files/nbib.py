"""MEDLINE text, as PubMed exports it (.nbib, .txt)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from consilience.corpora.nbib import citations
from consilience.corpora.textfiles import refuse
from consilience.records import normal_doi, normal_space
from consilience.screening.files.fields import Found, Notes, Record, label_of

_BEGINS = re.compile(r"\W{0,5}PMID {0,2}-")
# Every tag is padded to four characters.
_FIELD = re.compile(r"([A-Z][A-Z0-9]{1,3}) *- ?(.*)")
_ONCE = ("PMID", "TI", "AB")  # a citation that has one of these twice is two run together


def read(path: Path, source: Iterable[tuple[int, str]], notes: Notes) -> Iterator[Found]:
    """The citations of a file; as many must have a PMID as there are lines with one."""
    begun = numbered = 0

    def counted() -> Iterator[tuple[int, str]]:
        nonlocal begun
        for number, line in source:
            begun += bool(_BEGINS.match(line))
            yield number, line

    for start, lines in citations(path, counted()):
        notes.starts += 1
        tags: dict[str, list[str]] = {}
        for line in lines:
            if found := _FIELD.match(line):
                tags.setdefault(found[1], []).append(normal_space(found[2]))
        for tag in _ONCE:
            if len(tags.get(tag, ())) > 1:
                refuse(
                    path, f"the citation at line {start} of {path.name} has {tag} twice", "one citation after another"
                )
        numbered += "PMID" in tags
        yield Found(start, _values(tags))
    if numbered != begun:
        refuse(path, f"{begun} PMIDs stand in {path.name}, but {numbered} citations have one", "MEDLINE citations")


def _values(tags: dict[str, list[str]]) -> dict[str, Any]:
    def take(*names: str) -> list[str]:
        return [text for name in names for text in tags.pop(name, ()) if text]

    located = [text for tag in ("LID", "AID") for text in tags.get(tag, ())]
    dois = (normal_doi(found[1]) for text in located if (found := re.match(r"(\S+) ?\[doi\]", text)))
    dates, labels = take("DP"), take("LBL")
    return {
        "pmid": " ".join(take("PMID")),
        "doi": next(filter(None, dois), ""),
        "id": " ".join(take("RID")),
        "title": " ".join(take("TI")) or " ".join(take("BTI")),
        "abstract": " ".join(take("AB")),
        "authors": [*(take("AU") or take("FAU")), *take("CN")],
        "journal": (take("JT") or take("TA") or [""])[0],
        "year": " ".join(dates),
        "volume": " ".join(take("VI")),
        "issue": " ".join(take("IP")),
        "pages": " ".join(take("PG")),
        "keywords": [text.removeprefix("*") for text in take("OT")],
        "mesh": take("MH"),
        "publication_types": take("PT"),
        "language": "; ".join(take("LA")),
        "url": " ".join(take("URLF")),
        "label": labels[-1] if labels else None,
        "extra": {tag: texts if len(texts) > 1 else texts[0] for tag, texts in tags.items() if texts},
    }


# ---------------------------------------------------------------- writing


def write(records: Sequence[Record]) -> Iterator[str]:
    """The citations one by one, each field on one line; our ids and labels stand in tags of our own, RID and LBL."""
    labelled = any(record.get("label") is not None for record in records)
    for record in records:
        yield "".join(f"{tag:<4}- {text}\n" for tag, text in _fields(record, labelled)) + "\n"


def _fields(record: Record, labelled: bool) -> Iterator[tuple[str, str]]:
    extra: dict[str, Any] = record.get("extra") or {}
    doi = record.get("doi")
    named = {
        # OWN in each, so that one without PMID is told from the one before.
        "PMID": record.get("pmid"), "OWN": extra.get("OWN", "NOTNLM"), "RID": record["id"],
        "TI": record.get("title"), "AB": record.get("abstract"),
        "AU": record.get("authors"), "JT": record.get("journal"), "DP": extra.get("published") or record.get("year"),
        "VI": record.get("volume"), "IP": record.get("issue"), "PG": record.get("pages"),
        "AID": f"{doi} [doi]" if doi and doi not in str(extra.get("AID", "")) + str(extra.get("LID", "")) else None,
        "LA": record.get("language"), "PT": record.get("publication_types"), "MH": record.get("mesh"),
        "OT": [f"*{each}" if each.startswith("*") else each for each in record.get("keywords") or ()],
        "URLF": record.get("url"),
        "LBL": {1: "1", 0: "0", None: "-1"}[label_of(record.get("label"))] if labelled else None,
    }  # fmt: skip
    others = {tag: extra[tag] for tag in sorted(extra) if re.fullmatch(r"[A-Z][A-Z0-9]{1,3}", tag) and tag not in named}
    for tag, value in [*named.items(), *others.items(), *([("AID", extra["AID"])] if "AID" in extra else [])]:
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None and (text := normal_space(str(item))):
                yield tag, text
