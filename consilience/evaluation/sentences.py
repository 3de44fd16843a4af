"""Which sentence of the right document is shown? Ways to choose one, held against what people marked in it.

Every document here is one that answers its question: only the choice within it is measured. Gold is what annotators
called the rationale (SciFact), copied as a snippet (BioASQ), or took for the conclusion (PubMedQA).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consilience.corpora.corpus import Document
from consilience.errors import BadInputError, NotFoundError, first_problem
from consilience.evaluation.bootstrap import Statistic, mean
from consilience.evaluation.datasets import detect, rows
from consilience.evaluation.definition import SentencesSuite
from consilience.evaluation.engine import Searches
from consilience.evaluation.outcome import Clock, Outcome, Replies, Scored, timed
from consilience.evaluation.reference import words
from consilience.evaluation.shelf import Shelf
from consilience.reasoning.sentences import Chooser, Sentence
from consilience.records import normal_space, pmid_curie

Scores = npt.NDArray[np.float64]
# How many documents' sentences rank_bm25 is fitted to beside the right one's: what a search would have found.
_POOL = 10
# What embeddings add to words, for the choice with both: chosen on BioASQ and PubMedQA.
_MEANING = 0.7


class Marked(BaseModel):
    """One line: a query, a document that answers it, and the sentences of it that do."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    query: str = Field(min_length=1)
    document: str = Field(min_length=1)
    sentences: Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Case:
    """A marked document as it is stored: its sentences as they stand, and which of them are gold."""

    marked: Marked
    row: int
    document: Document
    sentences: tuple[Sentence, ...]
    gold: frozenset[int]


@dataclass
class Room:
    """What every way of choosing may use; sentences are embedded together, once for all cases."""

    shelf: Shelf
    cases: Sequence[Case]
    as_of: str | None
    vectors: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)

    def chooser(self, query: str) -> Chooser:
        """Ours, for one query."""
        return Chooser(query, self.shelf.corpus, self.shelf.index, self.shelf.clocks(self.as_of))

    def embed(self) -> None:
        """Have a vector of every sentence of every case, in one batch."""
        texts = sorted({s.text for case in self.cases for s in case.sentences} - self.vectors.keys())
        self.vectors |= dict(zip(texts, self.shelf.index.embedding.encode(texts), strict=True))

    def pool(self, case: Case) -> list[Sequence[str]]:
        """The words of each sentence of the documents that a search for the query finds."""
        found = self.shelf.index.search(case.marked.query, top=_POOL, clocks=self.shelf.clocks(self.as_of))
        chooser = self.chooser("")
        others = [self.shelf.corpus.document(hit.row) for hit in found if hit.row != case.row]
        return [words(s.text) for document in others for s in chooser.sentences(document)]


def in_order(room: Room, case: Case) -> Scores:
    """As they stand."""
    return -np.arange(len(case.sentences), dtype=np.float64)


def chosen(room: Room, case: Case) -> Scores:
    """As `search` shows them."""
    return _placed(case, room.chooser(case.marked.query).telling(case.document))


def speaking(room: Room, case: Case) -> Scores:
    """As chains read them: those that speak for their document first."""
    return _placed(case, room.chooser(case.marked.query).sentences(case.document))


def by_words(room: Room, case: Case) -> Scores:
    """By rank_bm25 over all sentences of what is found."""
    from rank_bm25 import BM25Okapi

    own = [words(s.text) for s in case.sentences]
    texts = own + room.pool(case)
    if not any(texts):
        return np.zeros(len(own))
    fitted = BM25Okapi(texts, epsilon=0.0)
    return np.asarray(fitted.get_batch_scores(list(dict.fromkeys(words(case.marked.query))), list(range(len(own)))))


def by_meaning(room: Room, case: Case) -> Scores:
    """By the cosine of query and sentence."""
    asked = room.shelf.index.embedding.encode_query(case.marked.query)
    return np.array([float(room.vectors[s.text] @ asked) for s in case.sentences])


def fused(room: Room, case: Case) -> Scores:
    """By rank_bm25 and cosine, each scaled to 0..1 within the document."""
    return np.asarray(_scaled(by_words(room, case)) + _scaled(by_meaning(room, case)))


def with_meaning(room: Room, case: Case) -> Scores:
    """As `search` shows them, but that the cosine counts beside the words covered."""
    ours = {(s.field, s.start): s for s in room.chooser(case.marked.query).sentences(case.document)}
    covered = np.array([ours[s.field, s.start].covered for s in case.sentences])
    places = np.array([s.place for s in case.sentences])
    near = np.maximum(0.0, by_meaning(room, case))
    return np.asarray(np.sqrt(places) * ((1 - _MEANING) * covered + _MEANING * near))


CHOICES: Mapping[str, Callable[[Room, Case], Scores]] = {
    "chosen": chosen, "speaking": speaking, "in_order": in_order, "rank_bm25": by_words, "embedding": by_meaning,
    "rank_bm25+embedding": fused, "chosen+embedding": with_meaning,
}  # fmt: skip
_EMBED = frozenset({"embedding", "rank_bm25+embedding", "chosen+embedding"})


def choose(suite: SentencesSuite, marked: Sequence[Marked], shelf: Searches, *, clock: Clock) -> Outcome:
    """Has every system order the sentences of every marked document, and scores the places of the gold ones."""
    if not isinstance(shelf, Shelf):
        raise BadInputError("This engine shows no sentences.", where="sentences", expected="a home, refreshed")
    cases = [case for line in marked if (case := _case(line, shelf, suite.as_of))]
    if not cases:
        raise BadInputError("No marked sentence is in the corpus.", where=suite.data, expected="the documents it names")
    room = Room(shelf, cases, suite.as_of)
    orders: dict[str, list[list[int]]] = {}
    spent: dict[str, tuple[Replies, dict[str, Any]]] = {}
    for name in suite.systems:
        start = clock()
        if name in _EMBED:
            room.embed()
        cost = {"build_seconds": round(clock() - start, 3)} if name in _EMBED else {}
        replies = timed(name, (_ordering(name, room, case) for case in cases), clock)
        orders[name] = [reply["order"] for reply in replies.values]
        spent[name] = replies, cost
    details = tuple(
        {"id": case.marked.id, "query": case.marked.query, "document": case.document.id, "gold": sorted(case.gold),
         "sentences": len(case.sentences), "order": {name: own[at] for name, own in orders.items()}}
        for at, case in enumerate(cases)
    )  # fmt: skip
    systems = tuple(
        Scored(name, own, len(cases), spent[name][0].seconds, spent[name][0].times, spent[name][1])
        for name, own in statistics(details).items()
    )
    warnings = tuple(_warnings(marked, cases))
    return Outcome(len(cases), systems, details, warnings=warnings, provenance=shelf.provenance())


def _warnings(marked: Sequence[Marked], cases: Sequence[Case]) -> Iterator[str]:
    if left_out := len(marked) - len(cases):
        why = "not in the corpus, not found word for word, or nothing to choose between"
        yield f"{left_out} of {len(marked)} left out: {why}"
    asked = len({case.marked.query for case in cases})
    if asked < len(cases):
        yield (f"drawn and tested are {len(cases)} documents of {asked} questions: documents of one question are "
               "alike, so that intervals are too narrow and p too small")  # fmt: skip


def statistics(details: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Statistic]]:
    """Every system's statistics, from what the details say.

    Is the first sentence gold, which share of gold is among the first three, 1 / rank of the first gold one.
    """
    found = {}
    for name in details[0]["order"] if details else ():
        ranks = [sorted(detail["order"][name].index(at) for at in detail["gold"]) for detail in details]
        found[name] = {
            "hit@1": mean([float(own[0] == 0) for own in ranks]),
            "R@3": mean([sum(rank < 3 for rank in own) / min(3, len(own)) for own in ranks]),
            "RR": mean([1 / (1 + own[0]) for own in ranks]),
        }
    return found


def _ordering(name: str, room: Room, case: Case) -> Callable[[], dict[str, Any]]:
    return lambda: {"order": np.argsort(-CHOICES[name](room, case), kind="stable").tolist()}


def _placed(case: Case, ranked: Sequence[Sentence]) -> Scores:
    """A score that orders sentences as they are ranked; what is not ranked comes last, as it stands."""
    rank = {(s.field, s.start): at for at, s in enumerate(ranked)}
    return -np.array([rank.get((s.field, s.start), len(rank) + at) for at, s in enumerate(case.sentences)], np.float64)


def _scaled(scores: Scores) -> Scores:
    spread = scores.max() - scores.min()
    return (scores - scores.min()) / spread if spread > 0 else np.zeros_like(scores)


def _case(marked: Marked, shelf: Shelf, as_of: str | None) -> Case | None:
    """The marked document as it is stored; None where it is not, or where there is nothing to choose."""
    clocks = shelf.clocks(as_of)
    try:
        row = shelf.corpus.row_of(marked.document, clocks)
    except NotFoundError:
        return None
    document = shelf.corpus.document(row)
    held = Chooser(marked.query, shelf.corpus, shelf.index, clocks).sentences(document)
    order = list(document.fields)
    standing = tuple(sorted(held, key=lambda s: (order.index(s.field), s.start)))
    spans = [span for text in marked.sentences for span in _located(document, normal_space(text))]
    gold = frozenset(at for at, s in enumerate(standing) if any(_shares(s, span) for span in spans))
    return Case(marked, row, document, standing, gold) if 0 < len(gold) < len(standing) else None


def _located(document: Document, text: str) -> Iterator[tuple[str, int, int]]:
    for name, whole in document.fields.items():
        if name != "title" and (start := whole.find(text)) >= 0:
            yield name, start, start + len(text)


def _shares(sentence: Sentence, span: tuple[str, int, int]) -> bool:
    """Say whether a sentence and a marked stretch have most of the shorter one in common."""
    name, start, end = span
    common = min(end, sentence.end) - max(start, sentence.start)
    return name == sentence.field and 2 * common > min(end - start, sentence.end - sentence.start)


# ---------------------------------------------------------------- files


def marked_sentences(path: Path, corpus: Sequence[tuple[str, Path]], form: str | None = None) -> list[Marked]:
    """Every line of a file of marked sentences; SciFact's are numbers into its corpus, given as (form, file)."""
    form = form or detect(path)
    found: list[Marked] = []
    try:
        for row in _FORMS[form](path, corpus):
            found.append(Marked.model_validate(row))  # noqa: PERF401
    except ValidationError as failure:
        raise BadInputError(
            first_problem(failure), where=f"{path.name}, case {len(found) + 1}",
            expected="id, query, document, sentences",
        ) from None  # fmt: skip
    except (KeyError, TypeError, IndexError) as failure:
        raise BadInputError(f"A line does not have the {form} form.", where=path.name, expected=form) from failure
    return found


Form = Callable[[Path, Sequence[tuple[str, Path]]], Iterator[dict[str, Any]]]


def _scifact(path: Path, corpus: Sequence[tuple[str, Path]]) -> Iterator[dict[str, Any]]:
    abstracts = {row["doc_id"]: row["abstract"] for form, file in corpus if form == "scifact" for row in rows(file)}
    for row in rows(path):
        marked: dict[int, dict[int, None]] = {}
        for evidence in row["evidence"]:
            marked.setdefault(evidence["doc_id"], {}).update(dict.fromkeys(evidence["sentences"]))
        for document, numbers in marked.items():
            if document in abstracts:
                texts = [abstracts[document][number] for number in numbers]
                name = f"SCIFACT:{document}"
                yield {"id": f"{row['id']}-{document}", "query": row["claim"], "document": name, "sentences": texts}


def _pubmedqa(path: Path, corpus: Sequence[tuple[str, Path]]) -> Iterator[dict[str, Any]]:
    for row in rows(path):
        document = pmid_curie(row["pmid"])
        yield {"id": row["pmid"], "query": row["question"], "document": document, "sentences": [row["long_answer"]]}


def _bioasq(path: Path, corpus: Sequence[tuple[str, Path]]) -> Iterator[dict[str, Any]]:
    for row in rows(path):
        marked: dict[str, list[str]] = {}
        for snippet in row["snippets"]:
            if snippet["section"] != "title":
                marked.setdefault(snippet["pmid"], []).append(snippet["text"])
        for pmid, texts in marked.items():
            document = pmid_curie(pmid)
            yield {"id": f"{row['id']}-{pmid}", "query": row["question"], "document": document, "sentences": texts}


_FORMS: Mapping[str, Form] = {
    "plain": lambda path, corpus: rows(path), "scifact": _scifact, "pubmedqa": _pubmedqa, "bioasq": _bioasq,
}  # fmt: skip
