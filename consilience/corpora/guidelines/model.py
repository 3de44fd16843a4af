"""One model of guideline documents and recommendations, which every reader fills whatever its source looks like.

What the commit of a file already says (its hash, when it was loaded, by which reader) is not said again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from consilience.corpora.citations import pmid_of, scalar
from consilience.corpora.dates import parse_date
from consilience.corpora.guidelines.grades import graded, statement_type
from consilience.errors import SkipRecordError
from consilience.records import (
    PublicationEvent,
    Quarantined,
    Record,
    doi_curie,
    guideline_curie,
    normal_doi,
    normal_space,
    pmid_curie,
)

_STATUSES = frozenset(("draft", "current", "partially_updated", "superseded", "withdrawn", "stood_down"))
_STATUS_WORDS = {"active": "current", "in_force": "current", "published": "current", "final": "current",
                 "replaced": "superseded", "retired": "withdrawn"}  # fmt: skip
# The longest real recommendation with its bullets stays far below; what is longer is a chapter or an attack.
MAX_TEXT = 20_000
_RAW = 2000


@dataclass(frozen=True, slots=True)
class GuidelineDocument:
    """One version of one guideline; dates and status as the source writes them.

    `dates` are further dated events of publication, `(kind, date)`; the earliest counts, as for any document.
    """

    issuer: str
    guideline: str
    version: str
    status: str
    published: str
    format: str
    title: str = ""
    country: str = ""
    jurisdiction: str = ""
    url: str = ""
    doi: str = ""
    pmid: str = ""
    language: str = ""
    license: str = ""
    license_url: str = ""
    last_reviewed: str = ""
    review_due: str = ""
    superseded_by: str = ""
    supersedes: tuple[str, ...] = ()
    dates: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommendation in its own words, with its grade as given.

    `number` keeps its place from version to version, `method` says how it was found in the source, `evidence` holds
    references as given: numbers, CURIEs, DOIs or `{"pmid", "doi", "raw"}`.
    """

    number: str
    text: str
    remarks: str = ""
    title: str = ""
    section: tuple[str, ...] = ()
    population: str = ""
    intervention: str = ""
    comparator: str = ""
    outcomes: tuple[str, ...] = ()
    strength: str = ""
    certainty: str = ""
    system: str = ""
    direction: str = ""
    statement_type: str = ""
    change: str = ""
    anchor: str = ""
    method: str = "structured"
    codes: tuple[Mapping[str, str], ...] = ()
    evidence: tuple[Any, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


Pair = tuple[GuidelineDocument, Recommendation]
# What stands under its own name in the stored mapping, where the source has it.
_OF_DOCUMENT = ("jurisdiction", "country", "url", "doi", "pmid", "language", "license_url", "last_reviewed",
                "review_due", "superseded_by", "format")  # fmt: skip
_OF_ADVICE = ("strength", "certainty", "system", "population", "intervention", "comparator", "change", "anchor")


def record_of(document: GuidelineDocument, advice: Recommendation) -> Record:
    """The stored record of one recommendation; a SkipRecordError says what it lacks."""
    said = _required(document, advice)
    events = _events(document)
    fields = {"title": advice.title or document.title or f"{said['issuer']}: {said['guideline']}", "text": said["text"]}
    fields |= {"remarks": advice.remarks} if advice.remarks else {}
    text = said.pop("text")
    said |= {name: value for name in _OF_DOCUMENT if (value := getattr(document, name))}
    said |= {name: value for name in _OF_ADVICE if (value := getattr(advice, name))}
    kind = advice.statement_type or statement_type(advice.strength, advice.system)
    return Record(
        id=guideline_curie(said["issuer"], said["guideline"], said["recommendation"], said["version"]),
        source="guidelines",
        fields=fields,
        events=events,
        source_version=said["version"],
        license=document.license,
        # A retraction notice or a later edition names the article it stands in.
        doi=normal_doi(document.doi),
        guideline={
            **said,
            **_status(document.status),
            **graded(text, strength=advice.strength, certainty=advice.certainty, system=advice.system,
                     stated=advice.direction),
            **_links(document, advice),
            "statement_type": kind,
            "extraction": advice.method,
            **({"section": list(advice.section)} if advice.section else {}),
            **({"outcomes": list(advice.outcomes)} if advice.outcomes else {}),
            **({"codes": [dict(code) for code in advice.codes]} if advice.codes else {}),
        },
        extra=dict(advice.extra),
    )  # fmt: skip


def records_of(pairs: Iterable[Pair]) -> Iterator[Record | Quarantined]:
    """Records of what a reader found, in order; an unusable one is set aside with its reason."""
    for position, (document, advice) in enumerate(distinct(pairs), start=1):
        try:
            yield record_of(document, advice)
        except SkipRecordError as reason:
            yield Quarantined(position, str(reason), f"{advice.number} {advice.text}"[:_RAW])


def distinct(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """The same, without repeats; of two texts under one number the second is `3-2`, so that neither hides the other."""
    texts: dict[tuple[str, str, str, str], list[str]] = {}
    for document, advice in pairs:
        key = (document.issuer, document.guideline, document.version, advice.number)
        seen = texts.setdefault(key, [])
        if advice.text in seen:
            continue
        seen.append(advice.text)
        yield document, advice if len(seen) == 1 else replace(advice, number=f"{advice.number}-{len(seen)}")


def _required(document: GuidelineDocument, advice: Recommendation) -> dict[str, str]:
    said = {name: getattr(document, name) for name in ("issuer", "guideline", "version", "status", "published")}
    said |= {"recommendation": advice.number, "text": advice.text}
    if missing := [name for name, value in said.items() if not value]:
        raise SkipRecordError(f"{missing[0]} is missing")
    if len(advice.text) > MAX_TEXT:
        raise SkipRecordError(f"the text has {len(advice.text)} characters: no single recommendation is so long")
    return said


def _events(document: GuidelineDocument) -> tuple[PublicationEvent, ...]:
    dated = document.dates or (("published", document.published),)
    events = tuple(PublicationEvent(kind, when) for kind, raw in dated if (when := parse_date(raw)))
    if not events:
        raise SkipRecordError(f"no date could be read from {document.published[:40]!r}")
    return events


def _status(raw: str) -> dict[str, str]:
    word = re.sub(r"[\s-]+", "_", raw.lower())
    status = _STATUS_WORDS.get(word, word)
    if status not in _STATUSES:
        raise SkipRecordError(f"the status {raw[:40]!r} is none of {', '.join(sorted(_STATUSES))}")
    return {"status": status} if status == raw else {"status": status, "status_raw": raw}


def _links(document: GuidelineDocument, advice: Recommendation) -> dict[str, Any]:
    """What the recommendation replaces and rests on, as given, and the evidence that has an identifier."""
    found: dict[str, Any] = {}
    if document.supersedes:
        found["supersedes"] = list(document.supersedes)
    if advice.evidence:
        found["evidence"] = list(advice.evidence)
        found["evidence_ids"] = [curie for item in advice.evidence if (curie := evidence_id(item))]
    return found


def evidence_id(item: Any) -> str:
    """`PMID:...` or `DOI:...` of one reference: a number, a CURIE, a DOI, or `{"pmid", "doi", "raw"}`."""
    if isinstance(item, Mapping):
        pmid, doi = pmid_of(item.get("pmid")), normal_doi(scalar(item.get("doi"), "evidence"))
    else:
        text = scalar(item, "evidence")
        found = re.fullmatch(r"(?:PMID:? ?)?(\d{1,8})", text, re.IGNORECASE | re.ASCII)
        pmid, doi = (found.group(1), "") if found else ("", normal_doi(text))
    return pmid_curie(pmid) if pmid else doi_curie(doi) if doi else ""


_EDITION = re.compile(
    r"\b(?:19|20)\d\d\b|\b(?:\d{1,2}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth) (?:edition|version|update)\b"
    r"|\b(?:focused |living )?updated?\b|\b(?:version|edition|revised)\b",
    re.IGNORECASE,
)


def slug(title: str) -> str:
    """A name for a guideline that keeps from edition to edition: `2019 update: rest in adults` is `rest-in-adults`."""
    kept = re.sub(r"[\W_]+", "-", _EDITION.sub(" ", normal_space(title)).lower()).strip("-")
    return kept[:120].rstrip("-")
