"""What a chain is: what it stands on, what it may spend, the steps it notes, and what it brings home.

The chains there are, and how they are run side by side, stand in `consilience.reasoning.chains`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from consilience.corpora.corpus import Clocks, Corpus
from consilience.indexes import Index
from consilience.kg.graph import Graph
from consilience.kg.link import Linker
from consilience.models import Entailment
from consilience.reasoning.evidence import Finding, Reader
from consilience.reasoning.question import Kind
from consilience.reasoning.weighing import Weighing

Action = Literal["link", "search", "guideline", "sentences", "about", "paths"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one chain may spend: a cap is reached and never passed, and time that has run out costs that chain alone."""

    searches: int = 8
    documents: int = 30  # read
    pairs: int = 60  # of a claim and a sentence, judged
    rounds: int = 3
    seconds: float = 30.0

    def as_json(self) -> dict[str, Any]:
        """The caps as a trace shows them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Step:
    """One typed action of a chain and what came of it: ids of documents, or of entities."""

    action: Action
    query: str
    found: Sequence[str]
    round: int = 1
    note: str = ""  # what narrowed it, or why it was refused

    def as_json(self) -> dict[str, Any]:
        """The step as the trace shows it."""
        return {
            "action": self.action, "query": self.query, "found": list(self.found), "round": self.round,
            "note": self.note,
        }  # fmt: skip


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
    weighing: Weighing | None = None  # how studies are weighed; the package's unless given

    def reader(self, claim: str) -> Reader:
        """A reader of documents for one claim."""
        return Reader(claim, self.corpus, self.index, self.clocks, self.entailment, self.linker, self.retriever)


@dataclass(frozen=True, slots=True)
class Task:
    """What chains are set: the question findings are judged for, and the parts that only widen what is looked at."""

    question: str
    kind: Kind = "polar"
    parts: Sequence[str] = ()
    slots: Mapping[str, str] = field(default_factory=dict)  # population, intervention, comparator, outcome


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one chain brought home, and what that took; a chain that failed says why and brings nothing."""

    name: str
    question: str
    findings: Sequence[Finding] = ()
    steps: Sequence[Step] = ()
    error: str | None = None
    spent: Mapping[str, int] = field(default_factory=dict)  # the caps of its budget, but for the seconds
    seconds: float = 0.0
