"""Grounds to reason on: a tiny home, an empty graph, and any model that judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from consilience.corpora.corpus import Clocks
from consilience.corpora.snapshot import MARKS
from consilience.corpora.store import Item
from consilience.kg.graph import Graph, claims_schema
from consilience.kg.link import Linker
from consilience.kg.vocabulary import merge
from consilience.models import Entailment, Judgement
from consilience.models.entailment import FeatureEntailment
from consilience.reasoning import Ground
from tests.making import TinyHome, clocks

GroundOf = Callable[..., Ground]


@dataclass(frozen=True)
class ByWord:
    """A judge that knows one word of each text, and is neutral about the rest."""

    says: Mapping[str, tuple[float, float, float]]
    name: str = "by-word"

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """One judgement a pair."""
        told = (next((j for word, j in self.says.items() if word in text), (0.0, 0.0, 1.0)) for _, text in pairs)
        return [Judgement(*shares) for shares in told]


@pytest.fixture
def ground_of(tmp_path: Path) -> GroundOf:
    """A ground of these records, loaded in one file."""
    return _grounds(tmp_path)


@pytest.fixture(scope="module")
def module_ground_of(tmp_path_factory: pytest.TempPathFactory) -> GroundOf:
    """The same for a module whose tests share a ground and change nothing in it."""
    return _grounds(tmp_path_factory.mktemp("ground"))


def _grounds(tmp_path: Path) -> GroundOf:
    def make(*items: Item, on: Clocks | None = None, entailment: Entailment | None = None) -> Ground:
        home = TinyHome.make(tmp_path / "home")
        home.load("pubmed26n0001.xml", *items, known=0)
        index = home.index()
        table = tmp_path / "claims.parquet"
        pq.write_table(claims_schema().empty_table(), table)
        pq.write_table(MARKS.empty_table(), tmp_path / "marks.parquet")
        linker = Linker(merge([("corpus", [("Velorine", "MESH:D000001", "Chemical")])], [], {}))
        judge = entailment or FeatureEntailment()
        return Ground(index.corpus, index, Graph(table), linker, judge, on or clocks())

    return make


@pytest.fixture(scope="session")
def by_word() -> type[ByWord]:
    """The judge by words, to be given what it knows."""
    return ByWord
