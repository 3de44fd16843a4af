"""Several views of one hit: how near it is, how timely, of what authority, and how far independent studies say alike.

A search for current practice should not be led by what was withdrawn, nor by a case report where there is a trial;
one for what was once advised should. So the weights of the views go by the intent of the query, and where an intent
has none, as plain relevance by default, hits stay as they were fused. After PolyRAG's views, without a language model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from consilience.corpora.corpus import FOREVER, Clocks, Corpus, days
from consilience.errors import BadInputError
from consilience.home import Rooms, packaged
from consilience.indexes.lexical import is_boolean
from consilience.indexes.profile import Intent, ViewsProfile

INTENTS: tuple[Intent, ...] = get_args(Intent)
NEUTRAL = 0.5
_YEAR = 365.25
# Nobody has reviewed a preprint: it stands below any design that was, and above a bare opinion if its own is better.
_PREPRINT = 0.25
# What a newer version replaced is no advice of anybody's any more, and what its journal is concerned about may fall.
_DOUBTED = {"superseded": 0.5, "concern": 0.5}
_VOID = frozenset({"deleted", "retracted"})
# What tells an intent, the first that matches. Much of this is said of patients too ("a history of stroke", "previous
# treatment", "current smokers", "recent onset") and of studies ("historical controls"), so each needs a word of
# practice beside it, and none that says whose it is.
_ADVICE = r"(guidelines?|guidance|recommendations?|standards?|consensus|advice|polic(y|ies)|practices?|views?|thinking)"
_PRACTICE = r"(treatments?|therap(y|ies)|managements?|care|approach(es)?|evidence|knowledge|understanding|criteria)"
_WORDS: Mapping[Intent, tuple[str, ...]] = {
    "historical": (
        rf"\bhistorical(ly)? (\w+ )?({_ADVICE}|{_PRACTICE}|perspectives?|us(e|ed)|given|treated|managed|recommended)\b",
        r"\bsuperseded\b",
        r"\b(formerly|once|previously) (recommended|advised|advocated)\b",
        rf"\bhistory of (the )?(discovery|introduction|{_ADVICE}|{_PRACTICE} (of|for))\b",
        rf"\b(former|earlier|previous|past|old|outdated|obsolete) ((\w+ )?{_ADVICE})\b",
        r"\bused to (be (given|used|treated|recommended)|recommend)\b", r"\bin the (18|19|20)\d0s\b",
        r"(?<!born )\b(before|until|prior to) (18|19|20)\d\d\b",
    ),
    "policy": (
        r"\bguidelines?\b", r"\b(clinical|practice|national|official) guidance\b", r"\brecommendations?\b",
        r"\brecommended (for|in|as|by)\b(?! (the |its )?(manufacturers?|maker|label))",
        r"\b(is|are) \w+( \w+)? recommended\b", r"\bstandard of care\b",
        r"\bconsensus statement\b", r"\b(health|public|clinical|hospital|national) polic(y|ies)\b",
    ),
    "current": (
        r"(?<!\bon )\b(current|latest|newest|most recent|up[- ]to[- ]date|modern|today'?s) (\w+ )?"
        rf"({_ADVICE}|{_PRACTICE})\b"
        r"(?! (with|by|groups?|arms?|users?|homes?|residents?|failures?)\b)",
        r"\bcurrently (recommended|used|indicated|available)\b",
        r"\b(nowadays|these days|best practice|state[- ]of[- ]the[- ]art)\b",
    ),
}  # fmt: skip
_TOLD_BY = {intent: re.compile("|".join(patterns), re.IGNORECASE) for intent, patterns in _WORDS.items()}


class Viewed(NamedTuple):
    """A row with its score by its views, 0..1, and the views that were taken of it."""

    row: int
    score: float
    views: Mapping[str, float]


class Views(NamedTuple):
    """What is seen of one hit, each 0..1, the more the better."""

    relevance: float
    timeliness: float
    authority: float
    commonality: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What a document is and what has befallen it by the day asked; `age` in years, None where it has no date."""

    study: str
    design: str
    status: str
    age: float | None
    preprint: bool = False
    named_body: bool = False  # a recommendation whose issuer is told


def intent_of(query: str) -> Intent:
    """The intent that the words of a query tell; `relevance` where they tell none."""
    return next((intent for intent, pattern in _TOLD_BY.items() if pattern.search(query)), "relevance")


def read_intent(given: str | None, query: str, syntax: str = "auto") -> Intent:
    """The intent asked for, else the one the query tells; a Boolean query asks for what it says and no more."""
    if given is None:
        in_words = syntax == "words" or (syntax == "auto" and not is_boolean(query))
        return intent_of(query) if in_words else "relevance"
    for intent in INTENTS:
        if intent == given:
            return intent
    raise BadInputError(f"no intent {given!r}", where="intent", expected=", ".join(INTENTS))


def timeliness(standing: Standing, intent: Intent, half_life: float) -> float:
    """How much of its worth age has left: half after every `half_life` years; neutral for what has no date.

    What a newer version replaced is not current practice at all, and is just what a historical question asks for; to
    that one the age of anything else says nothing.
    """
    if intent == "historical":
        return 1.0 if standing.status == "superseded" else NEUTRAL
    if standing.status == "superseded" and intent != "relevance":
        return 0.0
    return NEUTRAL if standing.age is None else float(2.0 ** (-max(0.0, standing.age) / half_life))


def authority(standing: Standing, priors: Mapping[str, float]) -> float:
    """What a document's design is worth to begin with: most for advice in force of a named body, 0 if retracted."""
    if standing.status in _VOID:
        return 0.0
    worth = priors.get(standing.design, priors["unknown"])
    if standing.named_body and standing.status != "superseded":
        worth = (1.0 + worth) / 2
    return worth * (_PREPRINT if standing.preprint else 1.0) * _DOUBTED.get(standing.status, 1.0)


def commonality(studies: Sequence[str], vectors: npt.NDArray[np.float32], among: int) -> list[float]:
    """How like the best hits of other studies each hit is: the mean cosine to the first `among` of them.

    A study speaks once, by its best hit: its further papers add nothing to what they or others are worth. Likeness is
    measured, not assent: two that say the contrary of each other in like words are alike.
    """
    first: dict[str, int] = {}
    for at, study in enumerate(studies):
        first.setdefault(study, at)
    speaking = list(first.values())[:among]
    cosines = np.clip(vectors.astype(np.float64) @ vectors[speaking].astype(np.float64).T, 0.0, 1.0)
    found = []
    for study, row in zip(studies, cosines, strict=True):
        others = [cosine for at, cosine in zip(speaking, row, strict=True) if studies[at] != study]
        found.append(float(np.mean(others)) if others else 0.0)
    return found


def blend(views: Views, weights: Mapping[str, float]) -> float:
    """The weighted mean of the views, 0..1: more of any of them is never worth less."""
    whole = sum(weights.values())
    return float(sum(weight * getattr(views, name) for name, weight in weights.items()) / whole)


@dataclass
class Viewer:
    """Scores fused hits anew by several views, by what is in sight on the clocks and by nothing else."""

    corpus: Corpus
    profile: ViewsProfile

    @cached_property
    def priors(self) -> Mapping[str, float]:
        """What each design starts with: the graph's own table, for there are not to be two."""
        told = Rooms(packaged()).definition("kg", "certainty")["weights"]
        assert isinstance(told, dict)
        return {str(design): float(weight) for design, weight in told.items()}

    def has(self, intent: Intent) -> bool:
        """Say whether the profile gives weights to an intent; hits of another stay as they were fused."""
        return any(self.profile.weights.get(intent, {}).values())

    def ordered(
        self, fused: Sequence[tuple[int, float]], vectors: npt.NDArray[np.float32], intent: Intent, clocks: Clocks
    ) -> list[Viewed]:
        """Fused rows (best first) viewed anew, best first; `vectors` has one a row for the first of them.

        Rows without a vector are viewed by their relevance alone, and so none of them can pass one that has one.
        """
        weights = {str(name): weight for name, weight in self.profile.weights[intent].items()}
        highest = fused[0][1] if fused else 0.0
        near = [(row, min(1.0, max(0.0, score / highest)) if highest > 0 else 0.0) for row, score in fused]
        seen = self._views(near[: len(vectors)], vectors, intent, clocks)
        first = [Viewed(row, blend(views, weights), views._asdict()) for row, views in seen]
        rest = [
            Viewed(row, blend(Views(relevance, 0.0, 0.0, 0.0), weights), {"relevance": relevance})
            for row, relevance in near[len(vectors) :]
        ]
        return sorted(first, key=lambda hit: (-hit.score, hit.row)) + rest

    def _views(
        self, near: Sequence[tuple[int, float]], vectors: npt.NDArray[np.float32], intent: Intent, clocks: Clocks
    ) -> Iterator[tuple[int, Views]]:
        standings = [self.standing(row, clocks) for row, _ in near]
        alike = commonality([standing.study for standing in standings], vectors, self.profile.among)
        for (row, relevance), standing, common in zip(near, standings, alike, strict=True):
            timely = timeliness(standing, intent, self.profile.half_life)
            yield row, Views(relevance, timely, authority(standing, self.priors), common)

    def standing(self, row: int, clocks: Clocks) -> Standing:
        """What a document is on the clocks."""
        corpus, table = self.corpus, self.corpus.table
        document = table["id"][row].as_py()
        published = int(corpus.published[row])
        recommended = table["source"][row].as_py() == "guidelines"
        return Standing(
            study=corpus.study_of(document, clocks),
            design=table["design"][row].as_py() or "unknown",
            status=corpus.status(document, clocks).name,
            age=None if published == -FOREVER else (days(clocks.as_of) - published) / _YEAR,
            preprint=bool(table["preprint"][row].as_py()),
            named_body=recommended and bool(corpus.document(row).meta.get("guideline", {}).get("issuer")),
        )
