"""RIS of Embase, Ovid, Web of Science, Scopus, Cochrane and reference managers, with ASReview's labels in `N1`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from consilience.corpora.ris import Field, references
from consilience.corpora.textfiles import refuse
from consilience.records import normal_doi, normal_space
from consilience.screening.files.fields import Found, Notes, Record, label_of, merged, pages, parted

# A line that begins a reference, whatever blanks or number a program put there: counted apart from the reading.
_BEGINS = re.compile(r"[^A-Za-z]{0,12}TY {0,2}-\s*[A-Z]{3,8}\s*$")
_ENDS = re.compile(r"\s{0,12}E[RF] {0,2}-?\s*$")
_TYPE = re.compile(r"[A-Z]{3,8}")
_JOURNALS = ("JF", "T2", "JO", "JA", "J2")
_NAMED = {
    "TY": "ris_type", "ID": "id", "DB": "database", "AN": "accession", "SN": "issn", "N1": "notes",
}  # fmt: skip
_ASREVIEW = re.compile(r"ASReview_(?:relevant|irrelevant|not_seen)", re.IGNORECASE)
_LABELS = {1: "ASReview_relevant", 0: "ASReview_irrelevant", None: "ASReview_not_seen"}
_MESH = "MeSH: "
_TAG = re.compile(r"[A-Z][A-Z0-9]")
_AT_PUBMED = re.compile(r"(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/pubmed)/(\d{1,8})\b", re.ASCII)
_AT_DOI = re.compile(r"\b(?:doi\.org/|doi: ?)(10\.\S+)", re.IGNORECASE)


def read(path: Path, source: Iterable[tuple[int, str]], notes: Notes) -> Iterator[Found]:
    """The references of a file; as many must be read as begin in it."""
    begun = typed = 0
    ends = ended = False

    def counted() -> Iterator[tuple[int, str]]:
        nonlocal begun, ends, ended
        for number, line in source:
            begun += bool(_BEGINS.match(line))
            if line.strip():
                ended = bool(_ENDS.match(line))
                ends = ends or ended
            yield number, line

    for start, fields in references(path, counted()):
        notes.starts += 1
        if _TYPE.fullmatch(fields[0][1]):
            typed += 1
        else:
            notes.warn(f"the reference at line {start} has no type (TY)")
        yield Found(start, _values(_Tags(fields)))
    if typed != begun:
        refuse(path, f"{begun} references begin in {path.name}, but {typed} could be told apart", "TY ... ER")
    if ends and not ended:
        notes.warn("the last reference has no end (ER), as others have: the file may have been cut off")


class _Tags:
    """The texts of a reference by tag, each once; what nobody took is the rest."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._left: dict[str, list[str]] = {}
        for tag, text in fields:
            kept = self._left.setdefault(tag, [])
            if (clean := normal_space(text)) and clean not in kept:
                kept.append(clean)

    def take(self, *tags: str) -> list[str]:
        return list(dict.fromkeys(text for tag in tags for text in self._left.pop(tag, ())))

    def see(self, *tags: str) -> list[str]:
        return [text for tag in tags for text in self._left.get(tag, ())]

    def take_if(self, tag: str, pattern: re.Pattern[str]) -> list[str]:
        """The texts of a tag that match; the others stay."""
        texts = self._left.get(tag, [])
        self._left[tag] = [text for text in texts if not pattern.search(text)]
        return [text for text in texts if pattern.search(text)]

    def rest(self) -> dict[str, Any]:
        left = ((_NAMED.get(tag, tag), texts) for tag, texts in self._left.items() if texts)
        return {name: texts if len(texts) > 1 else texts[0] for name, texts in left}


def _values(tags: _Tags) -> dict[str, Any]:
    labels = tags.take_if("N1", _ASREVIEW)
    headings = [text.removeprefix(_MESH) for text in tags.take_if("C8", re.compile(f"^{_MESH}"))]
    urls = tags.take("UR")
    types = tags.take_if("M3", re.compile(r"^(?!.*\b10\.\d{4})"))
    titles = tags.take("TI", "T1")
    doi = _doi(tags, urls)
    first, last = (" ".join(tags.take(tag)) for tag in ("SP", "EP"))
    year, published = _dates(tags)
    return {
        "id": " ".join(tags.take("ID")),
        "pmid": _pmid(tags, urls),
        "doi": doi,
        "title": titles[0] if titles else "",
        "abstract": merged(tags.take("AB", "N2")),
        "authors": tags.take("AU", "A1"),
        "journal": _first(tags, _JOURNALS),
        "year": year,
        "volume": " ".join(tags.take("VL")),
        "issue": " ".join(tags.take("IS")),
        "pages": pages(first, last),
        "keywords": tags.take("KW", "KY"),
        "mesh": headings,
        "publication_types": [*types, *tags.take("PT")],
        "url": urls[0] if urls else "",
        "language": "; ".join(tags.take("LA")),
        "label": _ASREVIEW.findall(labels[-1])[-1] if labels else None,
        "extra": {"other_titles": titles[1:], "urls": urls[1:], "published": published, **tags.rest()},
    }


def _first(tags: _Tags, names: Sequence[str]) -> str:
    """The text under the first of several names that has one; further ones stay under their tags."""
    name = next((name for name in names if tags.see(name)), "")
    return " ".join(tags.take(name)) if name else ""


def _dates(tags: _Tags) -> tuple[str, str]:
    """The year, and the fullest date that agrees with it: `DA` alone may be the day of a download."""
    dates = [text.rstrip("/ ") for text in tags.take("PY", "Y1", "YR") + tags.see("DA")]
    year = next((found[0] for text in dates if (found := re.search(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)", text))), "")
    fullest = max((text for text in dates if year in text), key=len, default="")
    return year or " ".join(dates), fullest if fullest != year else ""


def _pmid(tags: _Tags, urls: Sequence[str]) -> str:
    """The PMID where a database puts it: `PM`, `AN` of PubMed, `C5` of Embase, `C2` of Scopus, a note of Cochrane."""
    database = " ".join(tags.see("DB", "DP"))
    stated = [f"PMID: {text}" for text in tags.take("PM")]
    if re.search("pubmed|medline", database, re.IGNORECASE):
        stated += [f"PMID: {text}" for text in tags.see("AN")]
    if re.search("scopus", database, re.IGNORECASE):
        stated += [f"PMID: {text}" for text in tags.see("C2")]
    if re.search("embase", database, re.IGNORECASE) or any(re.match(r"L\d{6,}", text) for text in tags.see("U2", "ID")):
        stated += [f"PMID: {text}" for text in tags.see("C5")]
    for text in (*stated, *tags.see("AN", "C3", "XR", "N1")):
        if found := re.search(r"\b(?:PMID:? ?|PUBMED[ :])(\d{1,8})(?!\d)", text, re.IGNORECASE | re.ASCII):
            return found[1]
    linked = _AT_PUBMED.search(" ".join(urls))
    return linked[1] if linked else ""


def _doi(tags: _Tags, urls: Sequence[str]) -> str:
    given = " ".join(tags.take("DO"))
    others = (text for text in (*tags.see("L3", "M3", "N1"), *urls))
    return given or next((doi for text in others if (at := _AT_DOI.search(text)) and (doi := normal_doi(at[1]))), "")


# ---------------------------------------------------------------- writing


def write(records: Sequence[Record]) -> Iterator[str]:
    """The references one by one; labels stand in `N1` as soon as one record has one."""
    labelled = any(record.get("label") is not None for record in records)
    for record in records:
        yield "".join(f"{tag}  - {text}\n" for tag, text in _fields(record, labelled)) + "ER  - \n\n"


def _fields(record: Record, labelled: bool) -> Iterator[Field]:
    extra = dict(record.get("extra") or {})
    yield "TY", str(extra.pop("ris_type", "")) or "JOUR"
    for tag, name in _NAMED.items():
        if tag not in ("TY", "ID", "N1"):
            yield from _each(tag, extra.pop(name, None))
    first, last = parted(record.get("pages") or "")
    if pmid := record.get("pmid"):
        yield "AN", f"PMID:{pmid}"
    named = {
        "ID": record["id"], "DO": record.get("doi"), "T2": record.get("journal"), "PY": record.get("year"),
        "VL": record.get("volume"), "IS": record.get("issue"), "SP": first, "EP": last, "UR": record.get("url"),
        "LA": record.get("language"), "M3": record.get("publication_types"), "AU": record.get("authors"),
        "TI": record.get("title"),
    }  # fmt: skip
    for tag, value in named.items():
        yield from _each(tag, value)
    for tag in sorted(tag for tag in extra if _TAG.fullmatch(tag) and tag not in ("TY", "ER", "EF", *named)):
        yield from _each(tag, extra[tag])
    yield from _each("AB", record.get("abstract"))
    yield from _each("KW", record.get("keywords"))
    yield from _each("C8", [_MESH + heading for heading in record.get("mesh") or ()])
    yield from _each("N1", extra.get("notes"))
    if labelled:
        yield "N1", _LABELS[label_of(record.get("label"))]


def _each(tag: str, value: Any) -> Iterator[Field]:
    for item in value if isinstance(value, list | tuple) else (value,):
        if text := normal_space(str(item)) if item is not None and item != "" else "":
            yield tag, text
