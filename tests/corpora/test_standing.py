"""The status of all rows at once is the status of each."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from consilience.corpora.corpus import STATUSES, Clocks, Corpus
from consilience.corpora.standing import Standing
from consilience.records import Deletion, Mark
from tests.making import TinyHome, advice, at, clocks, paper

START = date(2000, 1, 1)


def corpus_of(folder: Path, chance: random.Random) -> Corpus:
    home = TinyHome.make(folder / "home")
    home.load("pubmed26n0001.xml", *(paper(number) for number in range(30)), known=0)
    home.load("advice.jsonl", *(advice(f"{n}", f"{2001 + n}-01-01") for n in range(3)), known=1, kind="guidelines")
    for step in range(1, 7):
        marks = [
            Mark(f"PMID:{chance.randrange(35)}", chance.choice(["retracted", "concern", "corrected", "reinstated"]),
                 START + timedelta(days=chance.randrange(20)), "")
            for _ in range(15)
        ]  # fmt: skip
        home.load(f"list{step}.csv", *marks, known=step, kind="retractions")
    home.load("pubmed26n0002.xml", Deletion("5", "1"), paper(6, "Another word", source_version="2"), known=7)
    return home.corpus()


@pytest.mark.parametrize("seed", range(3))
def test_every_row_has_the_status_of_its_document_on_any_clocks(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    corpus = corpus_of(tmp_path, chance)
    standing, seen, moments = Standing(corpus), set(), {}
    names = corpus.table["id"].to_pylist()
    for _ in range(60):
        day, known = (
            START + timedelta(days=chance.randrange(-3, 4000 if chance.random() < 0.2 else 25)),
            chance.random(),
        )
        on = Clocks(day, at(0) + timedelta(days=known * 9 - 1), explicit=True)
        found = standing.at(on)
        one_by_one = [corpus.status(name, on, deleted=not corpus.alive[row]).name for row, name in enumerate(names)]
        assert [STATUSES[code] for code in found] == one_by_one
        assert np.array_equal(found, moments.setdefault(standing.moment(on), found))
        seen |= set(one_by_one)
    assert seen == set(STATUSES)


def test_a_corpus_without_marks_is_active(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", paper(1), known=0)
    standing = Standing(home.corpus())
    assert standing.among(["active"], clocks()).all() and not standing.among(["retracted"], clocks()).any()
