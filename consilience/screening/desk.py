"""What the screening page shows: plain values made of a review, for templates that escape every one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import quote as percent

from consilience.screening import ending
from consilience.screening.ahead import remaining
from consilience.screening.protocol import Criterion, Stage
from consilience.screening.review import Review
from consilience.screening.standing import told
from consilience.screening.state import NOT_RETRIEVED, Decision, Record

STAGE_NAMES: Mapping[Stage, str] = {"title_abstract": "Title and abstract", "full_text": "Full text"}
_SECTION = re.compile(r"(?:^|(?<=[.!?] ))[A-Z][A-Z ,/&()'-]{2,60}: ")
_INDEXING = ("publication_types", "keywords", "mesh")
_REASONS = 12  # offered beside the criteria; any other can be written


Span = tuple[int, int, int]
"""Where words stand that a criterion rests on: start, end, the criterion's number."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a text's characters: the numbers of the criteria that rest on it, and whether it labels a section."""

    text: str
    numbers: tuple[int, ...] = ()
    section: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A criterion beside what was found of it in the record; `label` is empty where nothing judged it."""

    number: int
    criterion: Criterion
    label: str
    quote: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason that can be chosen at full text, and how the form names it."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One record as a reviewer sees it, with what he decided himself."""

    id: str
    title: tuple[Piece, ...]
    abstract: tuple[tuple[Piece, ...], ...]
    source: str
    links: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    flag: str
    duplicates: int
    score: float | None
    criteria: tuple[Judged, ...]
    own: Decision | None

    @property
    def expects(self) -> str:
        """The hash of the reviewer's decision that is in force, empty without one."""
        return self.own.sha256 if self.own else ""


def sheet(review: Review, id: str, stage: Stage, reviewer: str, score: float | None = None) -> Sheet:
    """A record for one reviewer: nothing of it tells what anybody else decided."""
    record, state = review.records()[id], review.state
    judged, spans = _judged(review, record)
    flag = state.flag_of(id)
    return Sheet(
        id=id,
        title=tuple(_pieces(_text(record, "title"), spans.get("title", ()))),
        abstract=tuple(_paragraphs(_text(record, "abstract"), spans.get("abstract", ()))),
        source=_source(record),
        links=tuple(_links(record)),
        tags=tuple(dict.fromkeys(str(tag) for name in _INDEXING for tag in record.get(name) or ())),
        flag=f"{flag.document} is {flag.status}{f' since {flag.since}' if flag.since else ''}" if flag else "",
        duplicates=len(state.members_of(id)) - 1,
        score=score,
        criteria=judged,
        own=state.decisions(id, stage).get(reviewer),
    )  # fmt: skip


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _source(record: Record) -> str:
    authors = [str(author) for author in record.get("authors") or ()]
    shown = ", ".join(authors[:6]) + (f" and {len(authors) - 6} more" if len(authors) > 6 else "")
    volume = _text(record, "volume") + (f"({_text(record, 'issue')})" if _text(record, "issue") else "")
    place = ": ".join(part for part in (volume, _text(record, "pages")) if part)
    year = str(record.get("year") or "")
    dated = "; ".join(part for part in (year, place) if part)
    return ". ".join(part for part in (shown, _text(record, "journal"), dated) if part)


def _links(record: Record) -> Iterable[tuple[str, str]]:
    """Links to where the paper is; only ever to these two hosts, or to a web address of the record itself."""
    if pmid := _text(record, "pmid"):
        yield f"PMID {pmid}", f"https://pubmed.ncbi.nlm.nih.gov/{percent(pmid, safe='')}/"
    if doi := _text(record, "doi"):
        yield f"doi:{doi}", f"https://doi.org/{percent(doi, safe='/')}"
    if re.match(r"https?://[^\s\"'<>]+\Z", url := _text(record, "url")):
        yield "Web address of the record", url


# ---------------------------------------------------------------- criteria and the words they rest on


def _judged(review: Review, record: Record) -> tuple[tuple[Judged, ...], dict[str, list[Span]]]:
    """Every criterion with its label, and the spans of each field."""
    found = {each["criterion"]: each for each in review.criteria(record)}
    known = {each.name: each for each in review.protocol.criteria}
    # The judge makes criteria of its own where the protocol has none.
    known |= {name: Criterion(name, name) for name in found if name not in known}
    judged, spans = [], dict[str, list[Span]]()
    for number, (name, criterion) in enumerate(known.items(), start=1):
        own = found.get(name, {})
        span = own.get("span") or {}
        text, start, end = _text(record, str(span.get("field", ""))), span.get("start", 0), span.get("end", 0)
        if text and 0 <= start < end <= len(text):
            spans.setdefault(span["field"], []).append((start, end, number))
        judged.append(Judged(number, criterion, str(own.get("label", "")), text[start:end]))
    return tuple(judged), spans


def _pieces(text: str, spans: Sequence[Span], start: int = 0, end: int | None = None) -> Iterable[Piece]:
    """The text from `start` to `end`, cut wherever a span or the label of a section begins or ends."""
    stop = len(text) if end is None else end
    label = _SECTION.match(text, start, stop)
    labelled = label.end() if label else start
    cuts = {start, stop, labelled, *(at for first, last, _ in spans for at in (first, last))}
    places = sorted(at for at in cuts if start <= at <= stop)
    for first, last in pairwise(places):
        numbers = tuple(sorted({number for begin, over, number in spans if begin <= first and last <= over}))
        yield Piece(text[first:last], numbers, section=last <= labelled)


def _paragraphs(text: str, spans: Sequence[Span]) -> Iterable[tuple[Piece, ...]]:
    """The sections of an abstract, a paragraph each."""
    starts = sorted({0, *(found.start() for found in _SECTION.finditer(text))})
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        if pieces := tuple(_pieces(text, spans, start, end)):
            yield pieces


# ---------------------------------------------------------------- what a reviewer has done and has to do


@dataclass(frozen=True, slots=True)
class Turn:
    """A reviewer at a stage: how far he is, what stands beside the record, and where the keys lead."""

    reviewer: str
    stage: Stage
    decided: int
    remaining: int
    stop: Mapping[str, Any]
    last: Decision | None
    skip: int = 0
    id: str = ""  # of a record that was asked for, rather than come to

    @property
    def total(self) -> int:
        """What he has judged and what waits for him."""
        return self.decided + self.remaining


def turn(
    review: Review, reviewer: str, stage: Stage, own: Sequence[Decision], *, skip: int = 0, id: str = "",
    asked: Mapping[str, Any] | None = None,
) -> Turn:  # fmt: skip
    """How far a reviewer is, by his own decisions; `asked` is what `screen next` said, where it was asked."""
    left = asked["remaining"] if asked else remaining(review.state, reviewer, stage)
    stop = asked["stop"] if asked else ending.told(review)
    return Turn(reviewer, stage, len(own), left, stop, own[-1] if own else None, skip, id)


def decisions_of(review: Review, reviewer: str, stage: Stage) -> list[Decision]:
    """A reviewer's decisions in force at a stage, the last one last."""
    state = review.state
    found = (state.decisions(id, stage).get(reviewer) for id in state.decided(stage))
    return sorted((each for each in found if each), key=lambda decision: decision.seq)


def before(own: Sequence[Decision], id: str) -> str:
    """The record that a reviewer decided before this one; before one undecided, his last."""
    ids = [each.id for each in own]
    place = ids.index(id) if id in ids else len(ids)
    return ids[place - 1] if place else ""


def after(own: Sequence[Decision], id: str) -> str:
    """The record that a reviewer decided after this one; empty where the next undecided one follows."""
    ids = [each.id for each in own]
    return ids[ids.index(id) + 1] if id in ids[:-1] else ""


def waiting(asked: Mapping[str, Any], skip: int) -> tuple[str, float | None] | None:
    """Of what `screen next` gave, the record after `skip` others, with its score; None at the end of the queue."""
    rows = [asked, *asked.get("more", ())]
    found = rows[skip] if skip < len(rows) else {"id": None}
    return (found["id"], found["score"]) if found["id"] else None


def reasons(review: Review) -> list[Reason]:
    """What may be chosen at full text: the protocol's criteria, not retrieved, and reasons given before."""
    names = [each.name for each in review.protocol.criteria]
    offered = [Reason(f"criterion:{each.name}", _failed(each)) for each in review.protocol.criteria]
    offered.append(Reason(f"reason:{NOT_RETRIEVED}", "Report not retrieved"))
    given = [reason for reason in review.state.reasons() if reason and reason not in (*names, NOT_RETRIEVED)]
    return [*offered, *(Reason(f"reason:{reason}", reason) for reason in given[:_REASONS])]


def _failed(criterion: Criterion) -> str:
    return f"Not met: {criterion.name}" if criterion.kind == "inclusion" else f"Applies: {criterion.name}"


def chosen(value: str, other: str) -> tuple[str, str]:
    """The reason and the criterion that a form means."""
    kind, _, words = value.partition(":")
    if kind == "criterion":
        return "", words
    return (words, "") if kind == "reason" else (other, "")


def opinions(review: Review, id: str, stage: Stage) -> list[dict[str, Any]]:
    """What the parties of a conflict decided; nobody else is shown it before all of them have judged."""
    if review.state.outcome(id, stage).result != "conflict" and review.state.adjudication(id, stage) is None:
        return []
    made = review.state.decisions(id, stage).values()
    return [told(each) for each in sorted(made, key=lambda decision: decision.reviewer)]
