"""Reading a document for a claim: which of its sentences speak to it, and which way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from consilience.corpora.corpus import Clocks, Corpus, Document
from consilience.indexes import Index
from consilience.indexes.counts import idf
from consilience.kg.link import Linker
from consilience.models import Entailment, Judgement
from consilience.models.checks import negation_mismatch
from consilience.text import LABEL, sentences

# Where authors say what they found. A conclusion speaks for the whole document, an aim for none of it.
_CONCLUDES = re.compile(r"conclusion|interpretation|implication|discussion|summary|significance", re.IGNORECASE)
_REPORTS = re.compile(r"result|finding|outcome", re.IGNORECASE)
_AIM = re.compile(
    r"^(to (assess|determine|evaluate|examine|investigate|compare|test|study|describe|explore|identify)|"
    r"(the )?(aim|purpose|objective|goal)s?\b|we (aimed|sought|hypothesi[sz]ed)|"
    r"this study (aimed|was designed|investigates|examines))",
    re.IGNORECASE,
)
# Evidence tiers (sources §4.4), the highest first. A pooled analysis stands where what it pools stands.
TIERS: tuple[tuple[str, ...], ...] = (
    ("meta_analysis", "systematic_review", "guideline"),
    ("rct",),
    ("controlled_trial", "cohort", "case_control", "observational", "unknown"),
    ("cross_sectional", "case_report", "preclinical", "review"),
    ("editorial", "letter", "comment", "notice"),
)
_TIER_OF = {design: tier for tier, designs in enumerate(TIERS) for design in designs}
_POOLS_TRIALS = re.compile(r"random|\btrials?\b|placebo", re.IGNORECASE)
_HARM = re.compile(
    r"\b(increases?|raises?|causes?|worsens?|harm|risk factor|induces?|adverse|bleeding)\b", re.IGNORECASE
)
_DIRECTIONS = {"for": Judgement(0.85, 0.05, 0.1), "against": Judgement(0.05, 0.85, 0.1)}
# What is left of the relevance of a document that names none of the substances asked about.
_OFF_SUBJECT = 0.6
# An abstract without labels concludes in its last sentences; a quotation should stay readable.
_LAST, _LONGEST = 3, 700
# What is left of a document's relevance when no document at all knows one of the claim's terms (a new drug, say).
_WITH_UNKNOWN = 0.8
# What a conclusion read whole counts above its sentences.
_WHOLE = 0.15
DESIGNS = tuple(_TIER_OF)
# Publications that report no study of their own: the lowest tier, and no side of a disagreement.
NOT_STUDIES = frozenset({"editorial", "letter", "comment", "notice"})
BARRED = frozenset({"deleted", "retracted", "superseded"})


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or a short run of them: where it stands, and how much it speaks for its document about the claim."""

    field: str
    start: int
    end: int
    text: str
    section: str
    weight: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What one sentence of one document says about the question, found by one chain."""

    chain: str
    row: int
    document: str
    study: str
    design: str
    field: str
    start: int
    end: int
    judgement: Judgement
    tier: int  # of its evidence, 0 the highest
    year: int  # of publication, 0 if unknown
    relevance: float  # of the document to the question, 0..1
    weight: float  # of the sentence within the document, 0..1

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What makes two findings the same quotation."""
        return self.document, self.field, self.start, self.end


def tier_of(document: Document) -> int:
    """The evidence tier of a document: 0 for pooled trials and guidelines, 4 for opinion."""
    if document.design in ("meta_analysis", "systematic_review") and not _POOLS_TRIALS.search(
        " ".join(document.fields.values())
    ):
        return _TIER_OF["cohort"]
    return _TIER_OF.get(document.design, _TIER_OF["case_report"])


def vetoed(judgement: Judgement, claim: str, evidence: str) -> Judgement:
    """The judgement, turned round where it hears support in a sentence that denies what the claim affirms.

    "Aspirin did not reduce strokes" must not be quoted for "aspirin prevents stroke", whatever a model weighs.
    """
    if judgement.supports > judgement.refutes and negation_mismatch(claim, evidence):
        return Judgement(judgement.refutes, judgement.supports, judgement.neutral)
    return judgement


@dataclass
class Reader:
    """Reads documents for one claim, with statistics of what is visible on the clocks and of nothing later."""

    claim: str
    corpus: Corpus
    index: Index
    entailment: Entailment
    clocks: Clocks
    linker: Linker | None = None

    @cached_property
    def idf(self) -> Mapping[str, float]:
        """Inverse document frequency of each term of the claim, among the documents visible on the clocks."""
        return idf(self.frequencies, int(self.corpus.visible(self.clocks).sum()))

    @cached_property
    def frequencies(self) -> Mapping[str, int]:
        """In how many documents visible on the clocks each term of the claim occurs."""
        return self.index.lexical.document_frequencies(self.index.lexical.terms(self.claim), self.clocks)

    @cached_property
    def substances(self) -> frozenset[str]:
        """The identifiers of the substances that the claim names."""
        mentions = self.linker.mentions(self.claim) if self.linker else []
        return frozenset(m.identifier for m in mentions if m.type == "Chemical")

    def is_on_subject(self, text: str) -> bool:
        """Say whether a text names one of the claim's substances: what magnesium does says nothing of propranolol."""
        if not self.substances or self.linker is None:
            return True
        return any(m.identifier in self.substances for m in self.linker.mentions(text))

    @cached_property
    def has_unknown_term(self) -> bool:
        """Say whether the claim names something that no visible document mentions: then it is hardly about it."""
        return 0 in self.frequencies.values()

    def coverage(self, text: str) -> float:
        """The share of the claim's information that a text mentions, 0..1."""
        whole = sum(self.idf.values())
        if not whole:
            return 0.0
        present = set(self.index.lexical.terms(text))
        return sum(weight for term, weight in self.idf.items() if term in present) / whole

    def relevance(self, document: Document) -> float:
        """How much of the claim a document is about, 0..1; a recommendation by its own words alone."""
        own = document.fields.get("text")
        text = own if own else " ".join(document.fields.values())
        covered = self.coverage(text) * (_WITH_UNKNOWN if self.has_unknown_term else 1.0)
        return covered if self.is_on_subject(text) else covered * _OFF_SUBJECT

    def is_barred(self, document: Document) -> bool:
        """Say whether a document may not support a current answer: deleted, retracted, superseded, or a notice."""
        status = self.corpus.status(document.id, self.clocks, deleted=document.deleted).name
        return status in BARRED or document.design == "notice"

    def read(self, chain: str, rows: Iterable[int], *, per_document: int = 2) -> list[Finding]:
        """Judge the best sentences of each document, all in one batch."""
        chosen: list[tuple[Document, float, Sentence]] = []
        for row in rows:
            document = self.corpus.document(row)
            if self.is_barred(document):
                continue
            relevance = self.relevance(document)
            chosen += [(document, relevance, s) for s in self.best(document)[:per_document]]
        return self.judge(chain, chosen)

    def judge(self, chain: str, chosen: Sequence[tuple[Document, float, Sentence]]) -> list[Finding]:
        """Findings of sentences already chosen."""
        judged = self.entailment.judge([(self.claim, sentence.text) for _, _, sentence in chosen])
        return [
            Finding(
                chain=chain,
                row=document.row,
                document=document.id,
                study=self.corpus.study_of(document.id, self.clocks),
                design=document.design,
                field=sentence.field,
                start=sentence.start,
                end=sentence.end,
                judgement=self._recommended(document) or vetoed(judgement, self.claim, sentence.text),
                tier=tier_of(document),
                year=document.published.year if document.published else 0,
                relevance=relevance,
                weight=sentence.weight,
            )
            for (document, relevance, sentence), judgement in zip(chosen, judged, strict=True)
        ]

    def _recommended(self, document: Document) -> Judgement | None:
        """What a recommendation says of a question about benefit is its stated direction, not a matter of reading."""
        direction = document.meta.get("guideline", {}).get("direction")
        if direction not in _DIRECTIONS or _HARM.search(self.claim):
            return None
        return _DIRECTIONS[direction]

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
            found = [Sentence("title", 0, len(title), title, "", 0.5)]
        return [*conclusions, *found]

    def sentences(self, document: Document) -> list[Sentence]:
        """The single sentences of a document, weighed by place and by what they cover of the claim, best first."""
        found = [s for name in document.fields if name != "title" for s in self._weighed(document, name)]
        return sorted(found, key=lambda s: (-s.weight, s.field, s.start))

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
            prior = _prior(section, piece, number, len(bounds), name)
            found.append(Sentence(name, start, end, piece, section, prior * (0.35 + 0.65 * self.coverage(piece))))
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
