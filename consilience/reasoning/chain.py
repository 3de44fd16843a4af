"""Chains: independent ways from a question to findings, run side by side, each alone.

They share the retrieval code and never what was retrieved, so that their agreement means something. A chain that fails
or runs out of time costs only itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Any

from consilience.corpora.corpus import Clocks, Corpus
from consilience.errors import ConsilienceError, StoreDamagedError
from consilience.indexes import Index
from consilience.kg.graph import Graph
from consilience.kg.link import Linker
from consilience.models import Entailment
from consilience.reasoning.evidence import Finding, Reader
from consilience.reasoning.sentences import Sentence

# Asks for what would refute the others: the ways in which abstracts report an absent or opposite effect.
_REFUTING_WORDS = (
    "no significant difference, not associated, no effect, no benefit, failed, ineffective, increased risk, harm"
)
TOP = 10
# A claim quoted from a title is what its authors want read, but not what they found.
_TITLE_WEIGHT = 0.5
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """One typed action of a chain and what came of it."""

    action: str
    query: str
    found: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """The step as the trace shows it."""
        return {"action": self.action, "query": self.query, "found": list(self.found)}


@dataclass(frozen=True, slots=True)
class Ground:
    """What every chain stands on: one snapshot, opened, on two clocks."""

    corpus: Corpus
    index: Index
    graph: Graph
    linker: Linker
    entailment: Entailment
    clocks: Clocks
    retriever: str = "hybrid"

    def reader(self, claim: str) -> Reader:
        """A reader of documents for one claim."""
        return Reader(claim, self.corpus, self.index, self.clocks, self.entailment, self.linker)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one chain brought home."""

    name: str
    question: str
    findings: Sequence[Finding] = ()
    steps: Sequence[Step] = field(default_factory=tuple)
    error: str | None = None


Chain = Callable[[str, Ground], Outcome]


def passage_chain(question: str, ground: Ground) -> Outcome:
    """Retrieve documents by the question's words and meaning, read what they conclude."""
    hits = ground.index.search(question, top=TOP, clocks=ground.clocks, retriever=ground.retriever, syntax="words")
    findings = ground.reader(question).read("passage", [hit.row for hit in hits])
    return Outcome("passage", question, findings, (_step(ground, "search", question, [h.row for h in hits]),))


def graph_chain(question: str, ground: Ground) -> Outcome:
    """Link the question's entities, walk the dated claims between them, read the quotes they rest on."""
    entities = list(dict.fromkeys(m.identifier for m in ground.linker.mentions(question)))
    steps = [Step("link", question, entities)]
    rows = ground.graph.between(
        entities, entities, as_of=ground.clocks.as_of, known_at=ground.clocks.known_at
    ) if len(entities) > 1 else []  # fmt: skip
    reader = ground.reader(question)
    chosen = []
    for claim in rows[: 4 * TOP]:
        span = claim["span"]
        document = ground.corpus.document(ground.corpus.row_of(span["id"], ground.clocks))
        if document.version != span["version"] or reader.is_barred(document):
            continue
        known = {(s.field, s.end): s for s in reader.sentences(document)}
        quoted = Sentence(span["field"], span["start"], span["end"], span["quote"], "", _TITLE_WEIGHT)
        sentence = known.get((span["field"], span["end"]), quoted)
        chosen.append((document, reader.relevance(document), sentence))
    findings = reader.judge("graph", chosen)
    steps.append(Step("graph", " ".join(entities), [f.document for f in findings]))
    return Outcome("graph", question, findings, tuple(steps))


def guideline_chain(question: str, ground: Ground) -> Outcome:
    """Look for the recommendations in force on the day."""
    sources = ground.corpus.among("source", ["guidelines"])
    hits = (
        ground.index.search(
            question,
            top=TOP // 2,
            clocks=ground.clocks,
            retriever=ground.retriever,
            where=sources,
            syntax="words",
        )
        if sources.any()
        else []
    )
    findings = ground.reader(question).read("guideline", [hit.row for hit in hits], per_document=1)
    return Outcome("guideline", question, findings, (_step(ground, "guidelines", question, [h.row for h in hits]),))


def counter_chain(question: str, ground: Ground) -> Outcome:
    """Search for what would refute the others: keep only findings that speak against."""
    query = f"{question} {_REFUTING_WORDS}"
    hits = ground.index.search(query, top=TOP, clocks=ground.clocks, retriever=ground.retriever, syntax="words")
    found = ground.reader(question).read("counter", [hit.row for hit in hits], per_document=2)
    against = [f for f in found if f.judgement.refutes > max(f.judgement.supports, f.judgement.neutral)]
    return Outcome("counter", question, against, (_step(ground, "counter-search", query, [h.row for h in hits]),))


CHAINS: Mapping[str, Chain] = {
    "passage": passage_chain, "graph": graph_chain, "guideline": guideline_chain, "counter": counter_chain,
}  # fmt: skip


def run(names: Sequence[str], question: str, ground: Ground, *, seconds: float = SECONDS) -> list[Outcome]:
    """Run chains in parallel and in isolation; outcomes in the order of `names`.

    A damaged store is no chain's failure: it is raised, since every other answer would come from it too.
    """
    deadline = time.monotonic() + seconds
    pool = ThreadPoolExecutor(max_workers=max(1, len(names)), thread_name_prefix="chain")
    futures = [pool.submit(_alone, name, question, ground) for name in names]
    outcomes = []
    try:
        for name, future in zip(names, futures, strict=True):
            try:
                outcomes.append(future.result(timeout=max(0.0, deadline - time.monotonic())))
            except FutureTimeoutError:
                outcomes.append(Outcome(name, question, error=f"no result within {seconds:g} s"))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return outcomes


def _alone(name: str, question: str, ground: Ground) -> Outcome:
    try:
        return CHAINS[name](question, ground)
    except StoreDamagedError:
        raise
    except ConsilienceError as error:
        return Outcome(name, question, error=error.message)
    except Exception as error:  # one chain's crash costs only that chain
        return Outcome(name, question, error=type(error).__name__)


def _step(ground: Ground, action: str, query: str, rows: Sequence[int]) -> Step:
    return Step(action, query, [ground.corpus.table["id"][row].as_py() for row in rows])
