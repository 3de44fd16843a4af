"""The hunt for leaks: it finds none in our engines, and finds those of an engine that leaks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from consilience import Home, open_home
from consilience.corpora.corpus import Clocks
from consilience.errors import BadInputError
from consilience.evaluation.definition import LeaksSuite
from consilience.evaluation.leaks import SORTS, Draw, bounded, hunt, judgement
from consilience.evaluation.shelf import Shelf
from consilience.evaluation.suite import planned
from consilience.indexes import Hit, Index
from consilience.indexes.filters import Filters, Mask
from tests.conftest import UPDATE

SUITE = LeaksSuite(kind="leaks", draws=60, replays=15, splits=1, top=20)


@pytest.fixture(scope="module")
def home(sample_home: Path) -> Home:
    return open_home(sample_home, now=UPDATE)


def test_our_engines_leak_nothing_and_what_came_later_moves_nothing(home: Home) -> None:
    with home.shelf() as shelf:
        outcome = hunt(SUITE, shelf, clock=time.perf_counter)
    assert [system.name for system in outcome.systems] == ["hybrid", "lexical", "dense"]
    for told in outcome.groups.values():
        assert (told["clean"]["count"], told["clean"]["n"]) == (60, 60)
        assert (told["unmoved"]["count"], told["unmoved"]["n"]) == (15, 15)
        assert told["hits"] > 100
    assert outcome.details == ()
    assert outcome.provenance["draws_that_would_leak_without_clocks_and_filters"] > 20


@dataclass
class Careless(Index):
    """An engine that forgets its clocks and filters in every question."""

    def search(
        self, query: str, *, top: int, clocks: Clocks, retriever: str = "hybrid", filters: Filters | None = None,
        where: Mask | None = None,
    ) -> list[Hit]:  # fmt: skip
        return super().search(query, top=top, clocks=replace(clocks, as_of=date.max, known_at=LATE, explicit=False),
                              retriever=retriever)  # fmt: skip


LATE = datetime(2200, 1, 1, tzinfo=UTC)


class CarelessShelf(Shelf):
    @property
    def index(self) -> Careless:  # type: ignore[override]
        return Careless(self.corpus, self.profile, self.embed(self.profile.dense.embedding))


@contextmanager
def careless(home: Home) -> Iterator[CarelessShelf]:
    with home.shelf() as shelf:
        assert isinstance(shelf, Shelf)
        yield CarelessShelf(shelf.corpus, shelf.commits, shelf.profile, shelf.embed, shelf.now, shelf.scratch)


def test_an_engine_that_forgets_its_clocks_is_found_out(home: Home) -> None:
    with careless(home) as shelf:
        outcome = hunt(SUITE.model_copy(update={"retrievers": ("lexical",)}), shelf, clock=time.perf_counter)
    told = outcome.groups["lexical"]
    assert told["clean"]["count"] < 40 and told["unmoved"]["count"] < 10
    assert all(told["leaks"][sort] for sort in ("published_later", "loaded_later", "filtered"))
    assert {sort for detail in outcome.details for sort in detail["wrong"]} <= {*SORTS, "moved"}


def test_each_sort_of_leak_is_told_by_name(home: Home) -> None:
    corpus = home.view.corpus
    alive = [row for row in range(corpus.table.num_rows) if corpus.alive[row]]
    row = next(row for row in alive if corpus.document(row).published and not corpus.document(row).known_until)
    gone = next(row for row in alive if corpus.document(row).known_until)
    memory = next(row for row in range(corpus.table.num_rows) if not corpus.alive[row])

    def wrong(of: int, filters: Filters | None = None, **on: Any) -> set[str]:
        clocks = Clocks(**{"as_of": date.max, "known_at": LATE, "explicit": False, **on})
        return set(judgement(corpus, Draw("x", clocks, filters or Filters()), [Hit(of, 1.0, {})]))

    assert wrong(row) == set()
    assert wrong(row, as_of=date(1900, 1, 1)) == {"published_later"}
    assert wrong(row, known_at=datetime(1990, 1, 1, tzinfo=UTC)) == {"loaded_later"}
    assert wrong(gone) == {"out_of_force"} and "deleted" in wrong(memory)
    assert wrong(row, Filters(mesh=("No Such Heading",))) == {"filtered"}


def test_none_of_a_thousand_may_still_be_three_or_four_in_a_thousand() -> None:
    assert bounded(0, 1000)["ci95"] == [0.0, 0.003682]
    assert bounded(1000, 1000)["ci95"] == [0.996318, 1.0]
    assert bounded(3, 10) == {"count": 3, "n": 10, "value": 0.3, "ci95": [0.06674, 0.652453]}


def test_the_suite_runs_by_name_and_takes_no_data(home: Home, tmp_path: Path) -> None:
    packaged = Path(__file__).parents[2] / "evaluation" / "leaks.yaml"
    assert planned(packaged).data_name == "home"
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps({"id": 1}), encoding="utf-8")
    with pytest.raises(BadInputError, match="no data"):
        planned(packaged, data=lines)
