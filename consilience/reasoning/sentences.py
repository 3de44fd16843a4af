"""Choosing among the sentences of a document: what speaks for it, and what tells a searcher most. No model is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from consilience.corpora.corpus import Clocks, Corpus, Document
from consilience.indexes import Index
from consilience.indexes.counts import idf
from consilience.text import LABEL, sentences

# Where authors say what they found. A conclusion speaks for the whole document, an aim for none of it, also behind a
# label that is not in capitals ("Background/Aim: The aim of the study was ...").
_CONCLUDES = re.compile(r"conclusion|interpretation|implication|discussion|summary|significance", re.IGNORECASE)
_REPORTS = re.compile(r"result|finding|outcome", re.IGNORECASE)
_AIM = re.compile(
    r"^(?:[a-z/ ]{3,30}: ?)?"
    r"(to (assess|determine|evaluate|examine|investigate|compare|test|study|describe|explore|identify)|"
    r"(the )?(aim|purpose|objective|goal)s?\b|we (aimed|sought|hypothesi[sz]ed)|"
    r"this study (aimed|was designed|investigates|examines))",
    re.IGNORECASE,
)
# An abstract without labels concludes in its last sentences; a quotation should stay readable.
_LAST, _LONGEST = 3, 700
# What a conclusion read whole counts above its sentences.
_WHOLE = 0.15
# A searcher is shown the sentence about his query rather than the one that speaks for its document, so place counts by
# its root and coverage but for this little from nothing. Chosen on SciFact, BioASQ and PubMedQA together, in-sample;
# neither rank_bm25 nor embeddings beside it pay for themselves (evaluation/sentences.yaml).
_UNCOVERED = 0.12


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or a short run of them: where it stands, and how much it speaks for its document about the claim."""

    field: str
    start: int
    end: int
    text: str
    section: str
    weight: float
    place: float = 1.0  # how much it speaks for its document by where it stands alone, 0..1
    covered: float = 0.0  # the share of the claim that it mentions, 0..1

    @property
    def telling(self) -> float:
        """How much it tells one who searches for the claim, 0..1: by what it mentions first, and then by its place."""
        return float(self.place**0.5 * (_UNCOVERED + (1 - _UNCOVERED) * self.covered))


@dataclass
class Chooser:
    """Weighs sentences for one claim or query, by statistics of what is visible on the clocks and of nothing later."""

    claim: str
    corpus: Corpus
    index: Index
    clocks: Clocks

    @cached_property
    def idf(self) -> Mapping[str, float]:
        """Inverse document frequency of each term of the claim, among the documents visible on the clocks."""
        return idf(self.frequencies, int(self.corpus.visible(self.clocks).sum()))

    @cached_property
    def frequencies(self) -> Mapping[str, int]:
        """In how many documents visible on the clocks each term of the claim occurs."""
        return self.index.lexical.document_frequencies(self.index.lexical.terms(self.claim), self.clocks)

    def coverage(self, text: str) -> float:
        """The share of the claim's information that a text mentions, 0..1."""
        whole = sum(self.idf.values())
        if not whole:
            return 0.0
        present = set(self.index.lexical.terms(text))
        return sum(weight for term, weight in self.idf.items() if term in present) / whole

    def best(self, document: Document) -> list[Sentence]:
        """What of a document speaks to the claim, best first: its conclusion, then single sentences.

        The title speaks only where there is nothing else.
        """
        found = self.sentences(document)
        conclusions = [
            c for name in document.fields if name != "title" and (c := self._conclusion(found, document, name))
        ]
        if not found and "title" in document.fields:
            title = document.fields["title"]
            found = [Sentence("title", 0, len(title), title, "", 0.5, covered=self.coverage(title))]
        return [*conclusions, *found]

    def sentences(self, document: Document) -> list[Sentence]:
        """The single sentences of a document, weighed by place and by what they cover of the claim, best first."""
        found = [s for name in document.fields if name != "title" for s in self._weighed(document, name)]
        return sorted(found, key=lambda s: (-s.weight, s.field, s.start))

    def telling(self, document: Document) -> list[Sentence]:
        """What to show of a document to one who searches for the claim, best first; no model is asked.

        Where no sentence mentions anything of the claim it is the first alone, with nothing covered.
        """
        found = self.sentences(document) or self.best(document)
        if any(s.covered for s in found):
            return sorted(found, key=lambda s: (-s.telling, s.field, s.start))
        order = list(document.fields)
        return sorted(found, key=lambda s: (order.index(s.field), s.start))[:1]

    def _conclusion(self, weighed: Sequence[Sentence], document: Document, name: str) -> Sentence | None:
        """The stretch in which a field says what was found: its concluding section, or its last sentences.

        Read whole, it tells more than any one of its sentences: a judge given the last three sentences of an
        abstract agrees with readers far more often than one given the last (PubMedQA: .59 against .47).
        """
        inside = sorted((s for s in weighed if s.field == name), key=lambda s: s.start)
        if not inside:
            return None
        labelled = [s for s in inside if _CONCLUDES.search(s.section)]
        last = labelled or inside[-min(_LAST, max(1, len(inside) // 2)) :]
        while len(last) > 1 and last[-1].end - last[0].start > _LONGEST:
            last = last[1:]
        start, end = last[0].start, last[-1].end
        text = document.fields[name][start:end]
        return Sentence(name, start, end, text, last[-1].section, 0.35 + 0.65 * self.coverage(text) + _WHOLE)

    def _weighed(self, document: Document, name: str) -> list[Sentence]:
        text = document.fields[name]
        bounds = list(sentences(text))
        section = ""
        found = []
        for number, (start, end) in enumerate(bounds):
            label = LABEL.match(text, start)
            if label:
                section = label.group(1)
                start = min(label.end(), end - 1)
            piece = text[start:end]
            prior, covered = _prior(section, piece, number, len(bounds), name), self.coverage(piece)
            found.append(Sentence(name, start, end, piece, section, prior * (0.35 + 0.65 * covered), prior, covered))
        return found


def _prior(section: str, text: str, number: int, count: int, name: str) -> float:
    """How much a sentence speaks for its document, by where it stands."""
    if name == "text":  # a recommendation is all conclusion
        return 1.0
    if _AIM.search(text) or text.endswith("?"):
        return 0.15
    if _CONCLUDES.search(section):
        return 1.0
    if section and not _REPORTS.search(section):
        return 0.3
    if section:
        return 0.6
    # Unlabelled abstracts end with what they found.
    place = (number + 1) / count
    return 0.95 if number == count - 1 else 0.8 if number == count - 2 and count > 3 else 0.3 + 0.35 * place
