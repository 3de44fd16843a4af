"""Asking again in other words: what the first documents say alike, how they abbreviate, what else a thing is called.

Only documents that the same search found are read, so nothing out of sight has a say. None of this is on by default:
evaluation/stages.yaml measures what each kind adds to what fusion finds.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from consilience.abbreviations import abbreviations
from consilience.corpora.corpus import Clocks, Corpus
from consilience.indexes import counts
from consilience.indexes.boolean.mesh import Tree
from consilience.indexes.cluster import Searched
from consilience.indexes.dense import Vectors
from consilience.indexes.fuse import Ranked
from consilience.indexes.lexical import Lexical
from consilience.indexes.profile import ExpansionProfile
from consilience.models import Embedding
from consilience.text import sentences

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_LONGEST_NAME = 6
# So many times as many words as are wanted are weighed by how rare they are.
_SPARE = 5


class Synonyms(Protocol):
    """Knows by what other names things go."""

    def of(self, text: str) -> Sequence[Sequence[str]]:
        """For each thing that a text names, all its names."""
        ...


class Writer(Protocol):
    """Writes a passage that could answer a question, as a language model would; none is built in."""

    def passage(self, query: str, sentences: Sequence[str]) -> str:
        """A passage, from a question and the best sentences that were found."""
        ...


@dataclass(frozen=True, slots=True)
class Again:
    """What is added to a query: weights of terms, and what its vector is moved by; nothing where both are None."""

    terms: Mapping[str, float] | None = None
    towards: Vectors | None = None

    def __bool__(self) -> bool:
        return bool(self.terms) or self.towards is not None


@dataclass(frozen=True, slots=True)
class Expander:
    """Reads what a first search found, and says how to ask again."""

    corpus: Corpus
    lexical: Lexical
    dense: Searched
    embedding: Embedding
    profile: ExpansionProfile
    synonyms: Synonyms | None = None
    writer: Writer | None = None

    def again(self, query: str, found: Ranked, clocks: Clocks, retriever: str = "hybrid") -> Again:
        """What to add to a query, from the best that it found in sight; nothing for a retriever that is not asked."""
        first = found[: self.profile.documents]
        texts = [" ".join(self.corpus.document(row).fields.values()) for row, _ in first]
        named = list(self._named(query, texts))
        terms: dict[str, float] = {}
        if retriever != "dense":
            terms = self._of_names(query, named)
            for term, weight in self._shared(query, texts, [score for _, score in first], clocks):
                terms[term] = terms.get(term, 0.0) + weight
        moves: list[Vectors] = []
        if retriever != "lexical":
            moves = self._moves(query, [row for row, _ in first], texts, named, clocks)
        return Again(terms or None, np.sum(moves, axis=0) if moves else None)

    # ---------------------------------------------------------------- names

    def _named(self, query: str, texts: Sequence[str]) -> Iterator[tuple[float, list[str]]]:
        """Other names of what a query names, a list for each thing, and what a name weighs."""
        profile, tree = self.profile, self.lexical.mesh.tree() if self.profile.mesh else None
        if profile.abbreviations and (found := abbreviated(query, texts, self.lexical.terms)):
            yield profile.abbreviations, found
        if profile.synonyms and self.synonyms:
            for names in self.synonyms.of(query):
                yield profile.synonyms, sorted(names, key=lambda name: (name.count(" "), name))[: profile.names]
        if tree:
            yield from ((profile.mesh, names) for names in narrower(query, tree, profile.names))

    def _of_names(self, query: str, named: Iterable[tuple[float, list[str]]]) -> dict[str, float]:
        """Terms that a query lacks: those of a name share its weight, so that a long name is not worth more."""
        had, weights = set(self.lexical.terms(query)), dict[str, float]()
        for weight, names in named:
            for name in names:
                new = {*self.lexical.terms(name)} - had
                for term in new:
                    weights[term] = max(weights.get(term, 0.0), weight / len(new) ** 0.5)
        return weights

    # ---------------------------------------------------------------- feedback

    def _shared(
        self, query: str, texts: Sequence[str], scores: Sequence[float], clocks: Clocks
    ) -> Iterator[tuple[str, float]]:
        """The rare words that the first documents use most (RM3, Jaleel et al. 2004), which weigh `feedback` together.

        The words of the query weigh the rest: so much is added that this comes out with each of them at 1.
        """
        share, own = self.profile.feedback, set(self.lexical.terms(query))
        if not share or not own:
            return
        mass: dict[str, float] = {}
        for text, score in zip(texts, scores, strict=True):
            terms = self.lexical.terms(text)
            for term, times in Counter(terms).items():
                mass[term] = mass.get(term, 0.0) + score * times / len(terms)
        most = heapq.nsmallest(_SPARE * self.profile.words, mass, key=lambda term: (-mass[term], term))
        rarity = self._rarity(most, clocks)
        weights = {term: mass[term] * rarity[term] for term in most}
        best = heapq.nsmallest(self.profile.words, most, key=lambda term: (-weights[term], term))
        whole = sum(weights[term] for term in best)
        if whole > 0:
            yield from ((term, share / (1 - share) * len(own) * weights[term] / whole) for term in best)

    def _rarity(self, terms: Sequence[str], clocks: Clocks) -> dict[str, float]:
        frequencies = self.lexical.document_frequencies(terms, clocks)
        return counts.idf(frequencies, int(self.corpus.visible(clocks).sum()))

    def _moves(
        self, query: str, rows: Sequence[int], texts: Sequence[str], named: Sequence[tuple[float, list[str]]],
        clocks: Clocks,
    ) -> list[Vectors]:  # fmt: skip
        """What a query's vector moves to: passages (Rocchio 1971), a passage that might answer, and other names."""
        profile, moves = self.profile, list[Vectors]()
        if profile.rocchio and rows:
            near = self.dense.best_passages(query, rows)
            moves.append(profile.rocchio * near.sum(axis=0) / max(1, np.count_nonzero(near.any(axis=1))))
        if profile.passage and (passage := self.passage(query, texts, clocks)):
            moves.append(profile.passage * self.embedding.encode_query(passage))
        if named:
            said = f"{query} ({'; '.join(name for _, names in named for name in names)})"
            moves.append(max(weight for weight, _ in named) * self.embedding.encode_query(said))
        return moves

    def passage(self, query: str, texts: Sequence[str], clocks: Clocks) -> str:
        """The sentences of some texts that hold most of a query, best first; or what a writer makes of them.

        After HyDE (Gao et al. 2023) without a language model: a sentence is worth the rarity of the words it shares.
        """
        rarity = self._rarity(self.lexical.terms(query), clocks)
        pieces = dict.fromkeys(text[start:end] for text in texts for start, end in sentences(text))
        worth = {piece: sum(rarity.get(term, 0.0) for term in {*self.lexical.terms(piece)}) for piece in pieces}
        best = heapq.nlargest(self.profile.sentences, filter(worth.get, pieces), key=worth.__getitem__)
        return self.writer.passage(query, best) if self.writer else " ".join(best)


def abbreviated(query: str, texts: Sequence[str], terms: Callable[[str], list[str]]) -> list[str]:
    """The long forms of what a query says short, and the short forms of what it spells out, as the texts define them.

    Where texts differ on a short form, most decide.
    """
    pairs = Counter(
        pair for text in texts for pair in {(short, long.casefold()) for short, long in abbreviations(text)}
    )
    meant: dict[str, str] = {}
    for (short, long), _ in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        meant.setdefault(short, long)
    words, spelled = {found[0] for found in _WORD.finditer(query)}, f" {' '.join(terms(query))} "
    names = []
    for short, long in meant.items():
        plain = " ".join(terms(long))
        if (spelt := bool(plain) and f" {plain} " in spelled) != (short in words):
            names.append(short if spelt else long)
    return names


def narrower(query: str, tree: Tree, most: int) -> Iterator[list[str]]:
    """The names below each heading or entry term that a query has, the longest first; none below the most general."""
    words = [found[0] for found in _WORD.finditer(query)]
    at = 0
    while at < len(words):
        spans = range(min(_LONGEST_NAME, len(words) - at), 0, -1)
        length, heading = next(
            ((length, heading) for length in spans if (heading := tree.find(" ".join(words[at : at + length])))),
            (1, None),
        )
        at += length
        below = [each.name for each in tree.narrower(heading) if each != heading] if heading else []
        if 0 < len(below) <= most:
            yield below
