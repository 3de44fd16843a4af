"""Recommendations as the contract's JSON lines: one object a line, document and recommendation in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from consilience.corpora.citations import items, scalar
from consilience.corpora.guidelines.model import GuidelineDocument, Recommendation, record_of
from consilience.corpora.textfiles import Entry, converted, objects
from consilience.errors import SkipRecordError
from consilience.records import Quarantined, Record

_REQUIRED = ("issuer", "guideline", "version", "status", "published", "recommendation", "text")
_OF_DOCUMENT = ("title", "jurisdiction", "country", "url", "doi", "pmid", "language", "license", "license_url",
                "last_reviewed", "review_due", "superseded_by")  # fmt: skip
_OF_ADVICE = ("strength", "certainty", "system", "remarks", "population", "intervention", "comparator", "direction",
              "statement_type", "change", "anchor")  # fmt: skip
_LISTS = ("supersedes", "evidence", "section", "outcomes")
_DIRECTIONS = ("", "for", "against", "neither")


def read(path: Path) -> Iterator[Record | Quarantined]:
    """The recommendations of one file; keys that mean nothing here are kept as `extra`."""
    return converted(path, objects(path), _recommendation)


def _recommendation(entry: Entry) -> Record:
    values = entry.values
    said = {name: _required(values, name) for name in _REQUIRED}
    known = {*_REQUIRED, *_OF_DOCUMENT, *_OF_ADVICE, *_LISTS}
    of_document: dict[str, Any] = {name: scalar(values.get(name), name) for name in _OF_DOCUMENT}
    of_advice: dict[str, Any] = {name: scalar(values.get(name), name) for name in _OF_ADVICE}
    document = GuidelineDocument(
        issuer=said["issuer"],
        guideline=said["guideline"],
        version=said["version"],
        status=said["status"],
        published=said["published"],
        format="jsonl",
        supersedes=_texts(values, "supersedes"),
        **of_document,
    )
    advice = Recommendation(
        number=said["recommendation"],
        text=said["text"],
        evidence=tuple(items(values.get("evidence"))),
        section=_texts(values, "section"),
        outcomes=_texts(values, "outcomes"),
        extra={name: value for name, value in values.items() if name not in known and value is not None},
        **of_advice,
    )
    if advice.direction not in _DIRECTIONS:
        raise SkipRecordError(f"the direction {advice.direction[:40]!r} is none of for, against, neither")
    return record_of(document, advice)


def _texts(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(text for item in items(values.get(name)) if (text := scalar(item, name)))


def _required(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if isinstance(value, float):
        raise SkipRecordError(f"{name} is a decimal number; write it as text, since 1.10 and 1.1 are one number")
    text = scalar(value, name)
    if not text:
        raise SkipRecordError(f"{name} is missing")
    return text
