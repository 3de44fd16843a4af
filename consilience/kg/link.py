"""From words to things: mentions in a text, and the thing a user's name means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from consilience.abbreviations import abbreviations
from consilience.kg.names import WORD, key, normal_word
from consilience.kg.vocabulary import CAPITALISED, Vocabulary

# Types that reading a sentence may yield; a `Concept` is found by name only, being mostly common words.
READ = frozenset({"Disease", "Chemical", "Procedure", "Outcome"})
_CURIE = re.compile(r"[A-Za-z][\w.]*:\S+")
_BRIDGES = frozenset(" -–-'’/,([+")
# `calcium antagonist` is no calcium: before these words a substance only says which one is meant.
_OTHER_THING = frozenset({
    "antagonist", "agonist", "blocker", "blockade", "inhibitor", "inhibition", "receptor", "channel", "converting",
    "antibody", "transporter", "lowering", "deficiency", "deficient",
})  # fmt: skip
_WORD_CACHE = 200_000


@dataclass(frozen=True, slots=True)
class Mention:
    """A thing named in a text, by half-open offsets."""

    start: int
    end: int
    text: str
    type: str
    identifier: str


@dataclass(frozen=True, slots=True)
class Link:
    """The thing a name means; `score` is 1 when the name is known as it stands."""

    identifier: str
    name: str
    type: str
    score: float


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    raw: str
    word: str


class Linker:
    """Finds the vocabulary's names in texts, the longest first.

    A dictionary of word sequences instead of spaCy's PhraseMatcher: spaCy takes 2.5 s to import, a question must be
    linked in less.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._reach: dict[str, int] = {}
        self._words: dict[str, str] = {}
        for name in vocabulary.terms:
            first, blanks = name.partition(" ")[0], name.count(" ")
            if self._reach.get(first, 0) <= blanks:
                self._reach[first] = blanks + 1

    def mentions(
        self, text: str, defined: Mapping[str, tuple[str, str] | None] | None = None, *, trusted: int = 3
    ) -> list[Mention]:
        """Mentions in order, none overlapping; abbreviations as the text, or `defined`, explains them.

        An acronym the text does not explain needs at least `trusted` letters: `CHF` in a question is heart failure,
        `SDS` in a paper is a standard deviation score more often than a syndrome.
        """
        meant = self.definitions(text) if defined is None else defined
        tokens = [
            _Token(found.start(), found.end(), found.group(0), self._word(found.group(0)))
            for found in WORD.finditer(text)
        ]
        found, at = [], 0
        while at < len(tokens):
            step, thing = self._longest(text, tokens, at, meant, trusted)
            if thing is not None and thing[1] in READ and not self._names_another(text, tokens, at + step, thing[1]):
                start, end = tokens[at].start, tokens[at + step - 1].end
                found.append(Mention(start, end, text[start:end], thing[1], thing[0]))
            at += step
        return found

    def definitions(self, *texts: str) -> dict[str, tuple[str, str] | None]:
        """Abbreviations the texts define, each with its (identifier, type); None when its long form is unknown.

        An unknown one is kept, so that `CD (cyclodextrin)` is never read as Crohn's disease.
        """
        meant: dict[str, tuple[str, str] | None] = {}
        for text in texts:
            for short, long in abbreviations(text):
                entry = self.vocabulary.terms.get(key(long))
                meant.setdefault(short, (entry[0], entry[1]) if entry else None)
        return meant

    def _longest(
        self, text: str, tokens: list[_Token], at: int, meant: Mapping[str, tuple[str, str] | None], trusted: int
    ) -> tuple[int, tuple[str, str] | None]:
        first = tokens[at]
        reach = self._joined(text, tokens, at, self._reach.get(first.word, 0))
        for length in range(reach, 0, -1):
            span = tokens[at : at + length]
            written = text[first.start : span[-1].end]
            if meant and written in meant:
                return length, meant[written]
            entry = self.vocabulary.terms.get(" ".join(token.word for token in span))
            if entry and _case_agrees(entry[2], written, trusted):
                return length, (entry[0], entry[1])
        return self._abbreviated(text, tokens, at, meant) if meant else (1, None)

    def _abbreviated(
        self, text: str, tokens: list[_Token], at: int, meant: Mapping[str, tuple[str, str] | None]
    ) -> tuple[int, tuple[str, str] | None]:
        for length in range(self._joined(text, tokens, at, 3), 0, -1):
            written = text[tokens[at].start : tokens[at + length - 1].end]
            singular = written.removesuffix("s")
            if written in meant or singular in meant:
                return length, meant.get(written) or meant.get(singular)
        return 1, None

    @staticmethod
    def _names_another(text: str, tokens: list[_Token], after: int, kind: str) -> bool:
        if kind != "Chemical" or after >= len(tokens) or tokens[after].word not in _OTHER_THING:
            return False
        return text[tokens[after - 1].end : tokens[after].start] in _BRIDGES

    @staticmethod
    def _joined(text: str, tokens: list[_Token], at: int, reach: int) -> int:
        """How many tokens from `at` on, up to `reach`, hang together by single blanks, hyphens and the like."""
        length = min(1, reach)
        while length < reach and at + length < len(tokens):
            before, after = tokens[at + length - 1], tokens[at + length]
            gap = text[before.end : after.start]
            if not (gap in _BRIDGES or gap == ", "):
                break
            length += 1
        return length

    def _word(self, raw: str) -> str:
        known = self._words.get(raw)
        if known is None:
            if len(self._words) >= _WORD_CACHE:
                self._words.clear()
            known = self._words[raw] = normal_word(raw)
        return known

    def link_name(self, name: str, *, least: float = 0.6) -> Link | None:
        """The thing a user's text or CURIE means; an unknown name by its closest spelling, None if nothing is close."""
        wanted = name.strip()
        if _CURIE.fullmatch(wanted):
            known = self.vocabulary.names.get(wanted)
            return Link(wanted, known, self.vocabulary.types[wanted], 1.0) if known is not None else None
        entry = self.vocabulary.terms.get(key(wanted))
        score = 1.0
        if entry is None:
            closest, score = self._closest(key(wanted))
            entry = self.vocabulary.terms.get(closest) if score >= least else None
        return Link(entry[0], self.vocabulary.names[entry[0]], entry[1], score) if entry else None

    def _closest(self, wanted: str) -> tuple[str, float]:
        """The known key with the greatest Dice overlap of letter triples, first letter shared."""
        triples = _triples(wanted)
        best = ("", 0.0)
        for known in self.vocabulary.terms:
            if known[:1] == wanted[:1] and abs(len(known) - len(wanted)) <= len(wanted) // 3:
                others = _triples(known)
                score = 2 * len(triples & others) / (len(triples) + len(others))
                if (score, best[0]) > (best[1], known):
                    best = (known, score)
        return best


def _triples(name: str) -> frozenset[str]:
    padded = f" {name} "
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2)) or frozenset({padded})


def _case_agrees(cased: str, written: str, trusted: int) -> bool:
    if not cased:
        return True
    return written[:1].isupper() if cased == CAPITALISED else written == cased and len(written) >= trusted
