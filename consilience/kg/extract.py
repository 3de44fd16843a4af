"""From a document to claims: who does what to whom, in which sentence, asserted how strongly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from consilience.home import fingerprint
from consilience.kg import cues
from consilience.kg.cues import Direction, Rule
from consilience.kg.link import Linker, Mention
from consilience.records import Span, sha256
from consilience.text import LABEL, sentences

# Weight of a statement by where it stands: what authors conclude counts most, what they set out from not at all.
_SECTION_WEIGHT = {"title": 1.0, "conclusions": 1.0, "results": 0.9, "text": 1.0, "": 0.85}
_SILENT = frozenset({"background", "objective", "methods"})
_SECTIONS = (
    ("conclusions", r"conclu|interpretation|implication|summary|significance|discussion|comment"),
    ("results", r"result|finding|outcome"),
    ("objective", r"objective|aim|purpose|question|hypothes|goal"),
    ("background", r"background|introduction|context|rationale|importance"),
    (
        "methods",
        r"method|design|setting|patient|participant|subject|intervention|measure|data|material|source|select|search|analys",
    ),
)
_SECTION_CUES = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _SECTIONS)
_HEDGE_FACTOR = 0.8
_TOGETHER = 0.2  # confidence of a chemical and a disease merely named together in a title or conclusion
_TRUSTED_ACRONYM = 4
_MAX_WORDS_APART = 18
_MAX_GROUPS_APART = 3
_MAX_GROUP = 6
_MAX_MENTIONS = 40
# "patients with atrial fibrillation and no heart failure": what is said to be absent is not what is treated.
_ABSENT = re.compile(
    r"\b(?:no|without|free of|absence of)\s+"
    r"(?:(?:known|structural|prior|previous|overt|history of|signs of|evidence of)\s+)*$",
    re.IGNORECASE,
)
_JOINS = re.compile(
    r"^(?:\s*[,/(]?\s*(?:and|or|and/or|plus|as well as)?\s*(?:the|a|an)?\s*"
    r"|\)?\s*[,/]\s*(?:and|or)?\s*|\)\s*(?:and|or)\s*)$"
)

EXTRACTOR = "cues-" + fingerprint(
    [
        cues.VERSION,
        _SECTIONS,
        _SECTION_WEIGHT,
        _HEDGE_FACTOR,
        _TOGETHER,
        _TRUSTED_ACRONYM,
        _JOINS.pattern,
        _ABSENT.pattern,
        2,
    ]
)


@dataclass(frozen=True, slots=True)
class Source:
    """What is read of a document; `text` is a guideline's recommendation."""

    id: str
    title: str = ""
    abstract: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing named in a field, by half-open offsets."""

    field: str
    start: int
    end: int
    text: str
    type: str
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One relation one sentence states; `start` and `end` are that sentence's offsets in its field."""

    subject: str
    predicate: str
    object: str
    negated: bool
    direction: Direction
    hedged: bool
    confidence: float
    field: str
    start: int
    end: int
    section: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one document names and claims."""

    entities: tuple[Entity, ...]
    claims: tuple[ClaimRow, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    field: str
    start: int
    end: int
    text: str
    section: str
    weight: float
    mentions: tuple[Mention, ...]


def extractor_id(linker: Linker) -> str:
    """The rules and the vocabulary that made a claim: rows of another one are stale."""
    return f"{EXTRACTOR}+{linker.vocabulary.hash}"


def extract(document: Source, linker: Linker) -> Extraction:
    """Read one document; each claim is kept once, from the sentence that states it best."""
    defined = linker.definitions(document.title, document.abstract, document.text)
    entities: list[Entity] = []
    stated: list[ClaimRow] = []
    together: list[ClaimRow] = []
    for field in ("title", "abstract", "text"):
        text = getattr(document, field)
        mentions = linker.mentions(text, defined, trusted=_TRUSTED_ACRONYM) if text else []
        entities += [Entity(field, m.start, m.end, m.text, m.type, (m.identifier,)) for m in mentions]
        for sentence in _sentences(field, text, mentions):
            stated += _claims(sentence)
            together += _together(sentence)
    known = {frozenset((c.subject, c.object)) for c in stated}
    rest = [c for c in together if frozenset((c.subject, c.object)) not in known]
    return Extraction(tuple(entities), tuple(_best([*stated, *rest])))


def as_contract(extraction: Extraction, source: Source, version: str) -> dict[str, Any]:
    """The contract's `extract` line of one document."""
    hashes = {field: sha256(getattr(source, field)) for field in ("title", "abstract", "text")}
    relations = []
    for claim in extraction.claims:
        quote = getattr(source, claim.field)[claim.start : claim.end]
        span = Span(source.id, version, claim.field, claim.start, claim.end, quote, hashes[claim.field])
        relations.append(
            {
                "subject": claim.subject,
                "predicate": claim.predicate,
                "object": claim.object,
                "negated": claim.negated,
                "direction": claim.direction,
                "hedged": claim.hedged,
                "confidence": claim.confidence,
                "span": span.as_json(),
            }
        )
    entities = [
        {
            "field": e.field,
            "start": e.start,
            "end": e.end,
            "text": e.text,
            "type": e.type,
            "identifiers": list(e.identifiers),
        }
        for e in extraction.entities
    ]
    return {"id": source.id, "entities": entities, "relations": relations}


def _best(claims: list[ClaimRow]) -> list[ClaimRow]:
    best: dict[tuple[str, str, str, bool, str], ClaimRow] = {}
    for claim in claims:
        name = (claim.subject, claim.predicate, claim.object, claim.negated, claim.direction)
        if name not in best or claim.confidence > best[name].confidence:
            best[name] = claim
    return list(best.values())


def _sentences(field: str, text: str, mentions: Sequence[Mention]) -> Iterator[_Sentence]:
    """Sentences with the mentions they hold, under the section their last label opened."""
    spans = list(sentences(text)) if mentions else []
    section, at = ("" if field == "abstract" else field), 0
    for number, (start, end) in enumerate(spans):
        label = LABEL.match(text, start) if field == "abstract" else None
        section = _section(label.group(1)) if label else section
        if field == "abstract" and not section and number == len(spans) - 1 and number > 2:
            section = "conclusions"  # an abstract without labels ends in what it concludes
        inside = []
        while at < len(mentions) and mentions[at].start < end:
            if mentions[at].start >= start and mentions[at].end <= end:
                inside.append(mentions[at])
            at += 1
        if len(inside) > 1 and section not in _SILENT:
            yield _Sentence(field, start, end, text, section, _SECTION_WEIGHT[section], tuple(inside[:_MAX_MENTIONS]))


def _section(label: str) -> str:
    return next((name for name, cue in _SECTION_CUES if cue.search(label)), "")


def _claims(sentence: _Sentence) -> list[ClaimRow]:
    written = sentence.text[sentence.start : sentence.end]
    if not cues.ANY_CUE.search(written) or (sentence.field != "text" and cues.NOT_ASSERTED.search(written)):
        return []
    hedged = cues.HEDGED.search(written) is not None and sentence.field != "text"
    groups = _groups(sentence)
    found: list[ClaimRow] = []
    for i, left in enumerate(groups):
        if len(left) == 2:  # "no difference between A and B": a list of two may be the pair itself
            found += _pair(sentence, left[:1], left[1:], sentence.text[left[0].end : left[1].start], hedged)
        for right in groups[i + 1 : i + 1 + _MAX_GROUPS_APART]:
            between = _masked(sentence, left[-1].end, right[0].start)
            if len(between.split()) > _MAX_WORDS_APART:
                break
            found += _pair(sentence, left, right, between, hedged)
    return found


def _pair(
    sentence: _Sentence, left: tuple[Mention, ...], right: tuple[Mention, ...], between: str, hedged: bool
) -> list[ClaimRow]:
    if cues.CLAUSE.search(between):
        return []
    before = sentence.text[max(sentence.start, left[0].start - 90) : left[0].start]
    rule = _rule(sentence.field, left[0].type, right[0].type, before, between)
    if rule is None:
        return []
    after = sentence.text[right[-1].end : min(sentence.end, right[-1].end + 70)]
    negated = rule.is_negation or _is_negated(rule, before, between, after)
    direction = rule.direction or _direction(rule, before, between)
    if rule.predicate in ("compared_with", "contraindicated_in"):
        # "not worse than" and "should not be used in" are what these rules say, not their denial.
        negated = negated and not rule.is_negation
    subjects, objects = (right, left) if rule.reverse else (left, right)
    confidence = round(rule.confidence * sentence.weight * (_HEDGE_FACTOR if hedged else 1.0), 3)
    row = ClaimRow(
        "",
        rule.predicate,
        "",
        negated,
        direction,
        hedged,
        confidence,
        sentence.field,
        sentence.start,
        sentence.end,
        sentence.section,
    )
    pairs = product(dict.fromkeys(m.identifier for m in subjects), dict.fromkeys(m.identifier for m in objects))
    return [_ordered(replace(row, subject=s, object=o)) for s, o in pairs if s != o]


def _rule(field: str, left: str, right: str, before: str, between: str) -> Rule | None:
    """The most confident rule that reads this pair; the first of equals."""
    best: Rule | None = None
    for rule in cues.RULES:
        if (
            (best is not None and rule.confidence <= best.confidence)
            or left not in rule.left
            or right not in rule.right
        ):
            continue
        tail = rule.reads(before, between) if field in rule.fields else None
        if tail is not None and not _is_undone(rule, tail) and not _is_adjunct(rule, before):
            best = rule
    return best


def _is_undone(rule: Rule, tail: str) -> bool:
    return rule.predicate in ("causes", "has_adverse_event") and cues.UNDOES.search(tail) is not None


def _is_adjunct(rule: Rule, before: str) -> bool:
    return rule.predicate == "compared_with" and rule.leading is None and cues.ADJUNCT.search(before) is not None


def _is_negated(rule: Rule, before: str, between: str, after: str) -> bool:
    if cues.NEGATED.search(cues.EITHER_WAY.sub(" ", between)) or cues.NEGATED_BEFORE.search(before):
        return True
    return rule.predicate in ("treats", "prevents", "recommends") and cues.NEGATED_AFTER.search(after) is not None


def _direction(rule: Rule, before: str, between: str) -> Direction:
    """What an association does to its object, where the words beside the cue say it."""
    if rule.predicate != "associated_with":
        return ""
    words = between if rule.leading is None else before + between
    more, less = cues.INCREASE.search(words), cues.DECREASE.search(words)
    if (more is None) == (less is None):
        return ""
    return "increases" if more else "decreases"


def _ordered(row: ClaimRow) -> ClaimRow:
    """A symmetric relation is stored one way round, so that both wordings meet in one edge."""
    if row.predicate not in cues.SYMMETRIC or row.subject <= row.object:
        return row
    return replace(
        row, subject=row.object, object=row.subject, direction=cues.OPPOSITE.get(row.direction, row.direction)
    )


def _together(sentence: _Sentence) -> list[ClaimRow]:
    """Chemicals and diseases that a title or conclusion names together, without saying how."""
    written = sentence.text[sentence.start : sentence.end]
    if sentence.section not in ("title", "conclusions") or "?" in written:
        return []
    chemicals = dict.fromkeys(m.identifier for m in sentence.mentions if m.type == "Chemical")
    diseases = dict.fromkeys(m.identifier for m in sentence.mentions if m.type == "Disease")
    if len(chemicals) * len(diseases) > _MAX_GROUP:
        return []
    place = (sentence.field, sentence.start, sentence.end, sentence.section)
    return [
        ClaimRow(c, "associated_with", d, False, "", True, _TOGETHER, *place) for c, d in product(chemicals, diseases)
    ]


def _groups(sentence: _Sentence) -> list[tuple[Mention, ...]]:
    """Mentions of one type that a list joins: `nausea, vomiting and headache` act as one."""
    groups: list[list[Mention]] = []
    for mention in sentence.mentions:
        if mention.type == "Disease" and _ABSENT.search(sentence.text[sentence.start : mention.start]):
            continue
        last = groups[-1] if groups else []
        gap = sentence.text[last[-1].end : mention.start] if last else ""
        if last and last[-1].type == mention.type and len(last) < _MAX_GROUP and len(gap) < 25 and _JOINS.match(gap):
            last.append(mention)
        else:
            groups.append([mention])
    return [tuple(group) for group in groups]


def _masked(sentence: _Sentence, start: int, end: int) -> str:
    """The text between two offsets, with every mention in it as one sign."""
    pieces, at = [], start
    for mention in sentence.mentions:
        if start <= mention.start and mention.end <= end:
            pieces += [sentence.text[at : mention.start], "§"]
            at = mention.end
    return "".join([*pieces, sentence.text[at:end]])
