"""How telling a name is for a question: what is read off the sentences that say it, joined by fitted weights."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources

from consilience.kg.link import Linker, Mention
from consilience.reasoning.candidates import BREAKS, LONGEST_SENTENCE, Name, key_of, names, quantities, same_names
from consilience.reasoning.wanted import Wanted, fits

FEATURES = (
    "studies", "weight", "covered", "nearest", "with_rarest", "fits", "fits_not", "noun_beside", "noun_inside", "whole",
    "exact", "cut", "no_noun", "rarest_word", "commonest_word", "asked", "capital", "title", "heads_title",
)  # fmt: skip
# Candidates beyond so many are not looked at closer: those whose sentences are nearest are.
_CLOSER = 150
# Of the mentions of one candidate, how many are looked at: the nearest.
_MENTIONS = 20
# How fast nearness to a word of the question falls, in words; ranges from which features are scaled to about 0..1.
_REACH, _RARE = 6.0, 10.0
_TOKEN = re.compile(r"[^\W_]+")
_NO_NOUN = re.compile(r"(?:[a-z](?:ed|ly|ive|ous|able|ible|ful|less|ical|ant|ar|ing)|^[a-z]+(?:al|ic|ent))$")
_AFTER_TITLE_NAME = re.compile(r"^\s?[:,–-]")
# Sorts of which nothing can be said by looking at a name.
_UNSEEN = frozenset({"other", "spelling"})

Rarity = Callable[[str], float]
"""The inverse document frequency of a word in the corpus that is asked."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence that may name the answer: of which study, how near its document and itself are, 0..1."""

    text: str
    study: str
    relevance: float
    covered: float
    title: bool = False

    @property
    def near(self) -> float:
        """How much a name counts for being said here."""
        return self.relevance * (0.05 + self.covered**2)


@dataclass
class Candidate:
    """One name: its key, and every mention with the number of its passage, the nearest first."""

    key: str
    mentions: list[tuple[int, Name]] = field(default_factory=list)

    @property
    def places(self) -> list[int]:
        """The passages that say it."""
        return list(dict.fromkeys(place for place, _ in self.mentions))

    @property
    def text(self) -> str:
        """The name as it is written oftenest; of equals where it is nearest."""
        times: dict[str, int] = defaultdict(int)
        for _, name in self.mentions:
            times[name.text] += 1
        return max(times, key=times.__getitem__)


def chance(values: Sequence[float], best: float) -> float:
    """The fitted probability that a candidate is right, by its `pull` and that of the best beside it."""
    told, own = _fitted(), pull(values)
    return 1 / (1 + math.exp(-(told.bias + told.own * own + told.behind * (best - own))))


def pull(values: Sequence[float]) -> float:
    """What speaks for a candidate, in the order of FEATURES, as one number; only differences mean anything."""
    return sum(weight * value for weight, value in zip(_fitted().weights, values, strict=True))


@dataclass(frozen=True, slots=True)
class _Weights:
    weights: tuple[float, ...]
    bias: float
    own: float
    behind: float


@cache
def _fitted() -> _Weights:
    told = json.loads(resources.files("consilience.reasoning").joinpath("items.v1.json").read_text(encoding="utf-8"))
    return _Weights(tuple(told["weights"][name] for name in FEATURES), told["bias"], told["own"], told["behind"])


def asked_words(question: str) -> list[str]:
    """The question's own words by their keys, function words left out."""
    said = [found.group(0) for found in _TOKEN.finditer(question)]
    return list(dict.fromkeys(key for word in said if word.lower() not in BREAKS and (key := key_of(word))))


def gathered(want: Wanted, passages: Sequence[Passage], asked: Sequence[str]) -> list[Candidate]:
    """What passages, nearest first, name and the question does not, by key.

    A short form goes under the long one that a text explains it by.
    """
    own, long_of = frozenset(asked), same_names(p.text for p in passages)
    read = quantities if want.sort in ("number", "time") else names
    found: dict[str, Candidate] = {}
    for place, passage in enumerate(passages):
        for name in read(passage.text):
            key = long_of.get(name.key, name.key)
            # Said by the question already: no answer, unless it asks how a name is spelt out.
            if own.issuperset(name.key.split()) or (own.issuperset(key.split()) and want.sort != "spelling"):
                continue
            found.setdefault(key, Candidate(key)).mentions.append((place, name))
    nearest = sorted(found.values(), key=lambda c: (-_weight(c, passages), c.key))[:_CLOSER]
    return sorted(nearest, key=lambda c: c.key)


def _weight(candidate: Candidate, passages: Sequence[Passage]) -> float:
    """How much the studies that say it weigh together, each by its nearest passage."""
    best: dict[str, float] = defaultdict(float)
    for place in candidate.places:
        passage = passages[place]
        best[passage.study] = max(best[passage.study], passage.near)
    return sum(sorted(best.values()))


@dataclass
class Reading:
    """Reads the features of candidates off the passages of one question."""

    want: Wanted
    passages: Sequence[Passage]
    asked: Mapping[str, float]  # the question's words with their rarity
    rarity: Rarity
    linker: Linker
    _words: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    _linked: dict[int, list[Mention]] = field(default_factory=dict)
    _rare: dict[str, float] = field(default_factory=dict)

    def features(self, candidates: Sequence[Candidate]) -> list[tuple[float, ...]]:
        """The values of FEATURES of each candidate."""
        weights = [_weight(candidate, self.passages) for candidate in candidates]
        top = max(weights, default=0.0) or 1.0
        return [self._features(c, weight / top) for c, weight in zip(candidates, weights, strict=True)]

    def _features(self, candidate: Candidate, weight: float) -> tuple[float, ...]:
        mentions = candidate.mentions[:_MENTIONS]
        places, words = candidate.places, candidate.key.split()
        first = mentions[0][1]
        rare = [self._rarity(word) for word in words]
        seen = self.want.sort not in _UNSEEN
        fit = seen and any(fits(self.want.sort, name.text, self._head(place, name)) for place, name in mentions)
        studies = {self.passages[place].study for place in places}

        def share(says: Callable[[int, Name], bool]) -> float:
            return sum(says(place, name) for place, name in mentions) / len(mentions)

        return (
            math.log(len(studies)),
            weight,
            max(self.passages[place].covered for place in places),
            max(self._nearness(place, name) for place, name in mentions),
            len({self.passages[p].study for p in places if p in self._about}) / max(1, self._studies_about),
            float(fit),
            float(seen and not fit),
            float(share(self._noun_beside) > 0),
            float(self.want.noun in words),
            share(lambda _, name: name.whole),
            share(self._exact),
            share(self._cut),
            share(lambda _, name: bool(_NO_NOUN.search(name.text))),
            max(rare) / _RARE,
            min(rare) / _RARE,
            sum(word in self.asked for word in words) / len(words),
            float((first.text[0].isupper() and first.start > 0) or _is_symbol(first.text)),
            float(any(self.passages[place].title for place in places)),
            float(share(self._heads_title) > 0),
        )

    @cached_property
    def _about(self) -> frozenset[int]:
        """The passages with the question's rarest word."""
        rarest = max(self.asked, key=lambda word: (self.asked[word], word), default=None)
        return frozenset(p for p in range(len(self.passages)) if any(word == rarest for _, word in self._tokens(p)))

    @cached_property
    def _studies_about(self) -> int:
        return len({self.passages[place].study for place in self._about})

    def _nearness(self, place: int, name: Name) -> float:
        """How near the question's words stand to a name, each counting by its rarity, 0..1."""
        words = self._tokens(place)
        inside = [at for at, (start, _) in enumerate(words) if name.start <= start < name.end]
        whole = sum(self.asked.values())
        if not inside or not whole:
            return 0.0
        closest: dict[str, int] = {}
        for at, (_, word) in enumerate(words):
            if word in self.asked and not inside[0] <= at <= inside[-1]:
                gap = inside[0] - at if at < inside[0] else at - inside[-1]
                closest[word] = min(gap, closest.get(word, gap))
        return sum(math.exp(-(gap - 1) / _REACH) * self.asked[word] for word, gap in closest.items()) / whole

    def _noun_beside(self, place: int, name: Name) -> bool:
        """Say whether the noun that the question asks for stands within four words of the name."""
        words = self._tokens(place)
        inside = [at for at, (start, _) in enumerate(words) if name.start <= start < name.end]
        around = words[max(0, inside[0] - 4) : inside[-1] + 5] if inside else []
        return bool(self.want.noun) and any(word == self.want.noun for _, word in around)

    def _heads_title(self, place: int, name: Name) -> bool:
        """`Velox: a tool for ...`."""
        passage = self.passages[place]
        after = passage.text[name.end : name.end + 3]
        return passage.title and name.start == 0 and bool(_AFTER_TITLE_NAME.match(after))

    def _head(self, place: int, name: Name) -> Mention | None:
        """The known thing that a name is, or ends with."""
        same = (m for m in self._mentions(place) if m.end == name.end and m.start >= name.start)
        return next(same, None)

    def _exact(self, place: int, name: Name) -> bool:
        return any((m.start, m.end) == (name.start, name.end) for m in self._mentions(place))

    def _cut(self, place: int, name: Name) -> bool:
        """Say whether a name cuts through a thing that the vocabulary knows whole."""
        return any(
            m.start < name.end and name.start < m.end and not (name.start <= m.start and m.end <= name.end)
            for m in self._mentions(place)
        )

    def _mentions(self, place: int) -> list[Mention]:
        if place not in self._linked:
            self._linked[place] = self.linker.mentions(self.passages[place].text[:LONGEST_SENTENCE])
        return self._linked[place]

    def _tokens(self, place: int) -> list[tuple[int, str]]:
        if place not in self._words:
            text = self.passages[place].text[:LONGEST_SENTENCE]
            self._words[place] = [(found.start(), key_of(found.group(0))) for found in _TOKEN.finditer(text)]
        return self._words[place]

    def _rarity(self, word: str) -> float:
        if word not in self._rare:
            self._rare[word] = self.rarity(word)
        return self._rare[word]


def _is_symbol(text: str) -> bool:
    return sum(c.isupper() for c in text) > 1 or (any(c.isdecimal() for c in text) and any(c.isalpha() for c in text))
