"""EndNote's XML: `<xml><records><record>`, its texts nested in `<style>`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from consilience.corpora.xmlfile import Dialect, Element, Limits, elements
from consilience.records import normal_space
from consilience.screening.files.fields import Found, Notes, Record, label_of, merged

DIALECT = Dialect(name="EndNote XML", records={"xml": ("record",)}, dtd_hosts=frozenset(), prefixes={}, depth=2)
# Where a record's keys stand in EndNote's elements.
_PATHS = {
    "id": "label", "doi": "electronic-resource-num", "title": "titles/title", "year": "dates/year",
    "volume": "volume", "issue": "number", "pages": "pages", "language": "language",
}  # fmt: skip
_JOURNALS = ("periodical/full-title", "titles/secondary-title", "periodical/abbr-1", "titles/alt-title")
_LISTS = {
    "authors": "contributors/authors/author", "keywords": "keywords/keyword", "publication_types": "work-type",
    "mesh": "custom8",
}  # fmt: skip
_EXTRA = {
    "accession": "accession-num", "database": "remote-database-name", "issn": "isbn", "notes": "notes",
    "pmcid": "custom2", "other_title": "titles/alt-title", "provider": "remote-database-provider",
}  # fmt: skip
_LABELS = {1: "ASReview_relevant", 0: "ASReview_irrelevant", None: "ASReview_not_seen"}
# What XML 1.0 cannot hold.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(path: Path, notes: Notes) -> Iterator[Found]:
    """The records of a file in bounded memory; without entities, DTD or network."""
    for position, element in enumerate(elements(path, DIALECT, Limits()), start=1):
        notes.starts += 1
        yield Found(position, _values(element))


def _values(element: Element) -> dict[str, Any]:
    kind = element.find("ref-type")
    urls = _texts(element, "urls/related-urls/url")
    extra: dict[str, Any] = {name: " ".join(_texts(element, path)) for name, path in _EXTRA.items()}
    return {
        **{key: " ".join(_texts(element, path)) for key, path in _PATHS.items()},
        **{key: _texts(element, path) for key, path in _LISTS.items()},
        "journal": next((text for path in _JOURNALS for text in _texts(element, path)), ""),
        "abstract": merged(_texts(element, "abstract")),
        "pmid": _pmid(extra, urls),
        "url": urls[0] if urls else "",
        "label": " ".join(_texts(element, "custom7")),
        "extra": {**extra, "urls": urls[1:], "ref_type": kind.get("name", "") if kind is not None else ""},
    }


def _texts(element: Element, path: str) -> list[str]:
    return [text for found in element.findall(path) if (text := normal_space("".join(found.itertext())))]


def _pmid(extra: Mapping[str, str], urls: Sequence[str]) -> str:
    """The PMID where it is called one, or where PubMed gave the accession number."""
    from_pubmed = re.search(r"pubmed|medline|\bnlm\b", f"{extra['database']} {extra['provider']}", re.IGNORECASE)
    found = re.fullmatch(r"(PMID:? ?)?(\d{1,8})", extra["accession"], re.IGNORECASE | re.ASCII)
    if found and (found[1] or from_pubmed):
        return found[2]
    linked = re.search(r"ncbi\.nlm\.nih\.gov/(?:pubmed/)?(\d{1,8})(?!\d)", " ".join(urls), re.ASCII)
    return linked[1] if linked else ""


# ---------------------------------------------------------------- writing


def write(records: Sequence[Record]) -> Iterator[str]:
    """The document piece by piece."""
    from lxml import etree

    labelled = any(record.get("label") is not None for record in records)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<xml><records>\n'
    for number, record in enumerate(records, start=1):
        yield etree.tostring(_element(record, number, labelled), encoding="unicode") + "\n"
    yield "</records></xml>\n"


def _element(record: Record, number: int, labelled: bool) -> Element:
    from lxml import etree

    extra = record.get("extra") or {}
    top = etree.Element("record")
    etree.SubElement(top, "rec-number").text = str(number)
    kind = etree.SubElement(top, "ref-type", name=_legal(extra.get("ref_type") or "Journal Article"))
    kind.text = "17"
    stated = {"accession-num": f"PMID:{record['pmid']}" if record.get("pmid") else extra.get("accession")}
    values: dict[str, Any] = {
        **{path: extra.get(name) for name, path in _EXTRA.items()},
        **{path: record.get(key) for key, path in (_PATHS | _LISTS).items()},
        **stated,
        "periodical/full-title": record.get("journal"),
        "abstract": record.get("abstract"),
        "urls/related-urls/url": record.get("url"),
        "custom7": _LABELS[label_of(record.get("label"))] if labelled else None,
    }
    for path, value in values.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None and (text := _legal(str(item))):
                _placed(top, path).text = text
    return top


def _placed(top: Element, path: str) -> Element:
    """A new element at the end of a path, below parents that are made where they are missing."""
    from lxml import etree

    *parents, last = path.split("/")
    for name in parents:
        found = top.find(name)
        top = etree.SubElement(top, name) if found is None else found
    return etree.SubElement(top, last)


def _legal(text: str) -> str:
    return normal_space(_ILLEGAL.sub("", text))
