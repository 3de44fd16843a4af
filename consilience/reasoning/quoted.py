"""Questions that are not polar: the sentences nearest to them, and for factoids and lists the names these give.

Such a question is neither supported nor refuted. Chains say which documents to read; every sentence of these is read
here, by what it mentions of the question and by its place, and quoted word for word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from consilience.indexes.counts import weight_of
from consilience.models import Judgement
from consilience.reasoning.body import abstention
from consilience.reasoning.candidates import key_of
from consilience.reasoning.chain import Ground, Outcome
from consilience.reasoning.cite import Citations
from consilience.reasoning.evidence import Finding, Reader
from consilience.reasoning.items import Item, items
from consilience.reasoning.naming import Passage, Rarity
from consilience.reasoning.question import Question
from consilience.reasoning.sentences import Sentence
from consilience.reasoning.verify import FLOOR, Verification

_NOT_WEIGHED = {
    "level": "ungraded",
    "basis": "design_prior",
    "reasons": ["an open question: its sentences are quoted, not weighed against each other"],
}
# How many sentences of how many documents are read for names, the nearest.
_READ, _DOCUMENTS = 40, 12
# Of the sentences an answer quotes: how many at most, down to which share of the best, what a repetition costs, and
# what it is worth to say one of the names that the answer gives.
_QUOTED, _LEAST, _REPETITION, _NAMES = 6, 0.2, 0.7, 0.5
# What shares so much with a chosen one says it again.
_SAME = 0.9
# So many quotations show where a name stands.
_SHOWN = 3
_SAYS_NOTHING_EITHER_WAY = Judgement(0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Told:
    """A sentence as it is read for names, and as it is cited."""

    passage: Passage
    finding: Finding


def answer(
    question: Question, joint: Verification, outcomes: Sequence[Outcome], ground: Ground, cited: Citations
) -> dict[str, Any]:
    """The part of an answer that quotes: the nearest sentences across documents, and the items they name."""
    findings = [f for outcome in outcomes for f in outcome.findings if f.design != "notice"]
    nearest = max((f.relevance for f in findings), default=0.0)
    told = _told(question, findings, ground) if nearest >= FLOOR else []
    found: list[Item] = []
    if question.kind in ("factoid", "list"):
        passages = [each.passage for each in told]
        found = items(question.text, question.kind, passages, ground.linker, rarity(ground))
    said = [s for place in _chosen(told, found) if (s := cited.sentence(told[place].finding))]
    named = [(item, cited.numbers([told[place].finding for place in item.places[:_SHOWN]])) for item in found]
    given = [(item, numbers) for item, numbers in named if numbers]
    confidence = given[0][0].chance if given else nearest if said else 0.0
    return {
        "abstained": None if said else abstention("insufficient", joint, outcomes, said),
        "verdict": None,
        "probabilities": None,
        "sentences": said, "items": [{"text": item.text, "citations": numbers} for item, numbers in given],
        "confidence": round(confidence, 6),
        "certainty": dict(_NOT_WEIGHED),
        "disagreements": [],
    }  # fmt: skip


def rarity(ground: Ground) -> Rarity:
    """How rare a word is among the documents in sight; of several terms in it the rarest counts."""
    total = int(ground.corpus.visible(ground.clocks).sum())
    lexical = ground.index.lexical

    def of(word: str) -> float:
        found = lexical.document_frequencies(lexical.terms(word), ground.clocks)
        return max((weight_of(n, total) for n in found.values()), default=0.0)

    return of


def passages(reader: Reader, row: int, study: str, relevance: float) -> list[tuple[Passage, Sentence]]:
    """The sentences and the title of a document that mention anything of what is asked."""
    document = reader.corpus.document(row)
    title = document.fields.get("title", "")
    covered = reader.coverage(title)
    heading = [Sentence("title", 0, len(title), title, "", 0.5, covered=covered)] if title else []
    return [
        (Passage(s.text, study, relevance, s.covered, s.field == "title"), s)
        for s in [*reader.sentences(document), *heading]
        if s.covered > 0
    ]


def nearest_first(found: Iterable[tuple[Passage, Any]]) -> list[tuple[Passage, Any]]:
    """Passages in the one order in which names are read off them, as many as are read."""
    return sorted(found, key=lambda each: (-each[0].near, each[0].study, each[0].text, each[0].title))[:_READ]


def _told(question: Question, findings: Sequence[Finding], ground: Ground) -> list[_Told]:
    """The sentences of the nearest documents, whatever chain found these."""
    best: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda f: (-f.relevance, f.key, f.chain)):
        best.setdefault(finding.document, finding)
    reader = ground.reader(question.text)
    found = [
        (passage, _finding(document, sentence))
        for document in list(best.values())[:_DOCUMENTS]
        for passage, sentence in passages(reader, document.row, document.study, document.relevance)
    ]
    return [_Told(passage, finding) for passage, finding in nearest_first(found)]


def _finding(document: Finding, sentence: Sentence) -> Finding:
    """A sentence of a document that a chain found, as the finding to be cited: open questions have no sides."""
    return replace(
        document, field=sentence.field, start=sentence.start, end=sentence.end,
        judgement=_SAYS_NOTHING_EITHER_WAY, weight=sentence.weight,
    )  # fmt: skip


def _chosen(told: Sequence[_Told], found: Sequence[Item]) -> list[int]:
    """Which sentences to quote, best first: near, saying what is named, and not what another says already.

    The greedy choice of Carbonell and Goldstein (1998): what a sentence is worth falls by what it shares with one
    that is chosen.
    """
    names = {place: item.chance for item in reversed(found) for place in item.places}
    worth = [each.passage.near * (1 + _NAMES * names.get(at, 0.0)) for at, each in enumerate(told)]
    words = [frozenset(key_of(each.passage.text).split()) for each in told]
    chosen: list[int] = []
    left = [at for at, each in enumerate(told) if not each.passage.title] or list(range(len(told)))
    while left and len(chosen) < _QUOTED:
        shared = {at: max((_shared(words[at], words[other]) for other in chosen), default=0.0) for at in left}
        left = [at for at in left if shared[at] < _SAME]
        if not left:
            break
        best = max(left, key=lambda at: (worth[at] * (1 - _REPETITION * shared[at]), -at))
        if chosen and worth[best] * (1 - _REPETITION * shared[best]) < _LEAST * worth[chosen[0]]:
            break
        chosen.append(best)
        left.remove(best)
    return chosen


def _shared(some: frozenset[str], others: frozenset[str]) -> float:
    """How much of the shorter of two sentences the other says too, 0..1."""
    return len(some & others) / max(1, min(len(some), len(others)))
