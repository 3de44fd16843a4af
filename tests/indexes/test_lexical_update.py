"""A lexical index that took in what changed says the same as one built anew."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from consilience.corpora.corpus import Corpus
from consilience.corpora.store import Item
from consilience.home import fingerprint
from consilience.indexes import counts, lexical
from consilience.indexes.filters import Filters, Found, sight
from consilience.indexes.lexical import Earlier, Lexical
from consilience.indexes.profile import LexicalProfile
from consilience.records import Deletion
from tests.making import TinyHome, clocks, paper

WORDS = "zinc velorine cold pain sleep trial cohort children fever dose".split()
PROFILE = LexicalProfile(weights={"text": 1.0, "title": 0.3})


def some(chance: random.Random, among: int = 60) -> list[Item]:
    papers = [
        paper(
            n,
            " ".join(chance.choices(WORDS, k=4)),
            abstract=" ".join(chance.choices(WORDS, k=chance.randrange(1, 15))) + ".",
            published=chance.choice(["2001", "2003 Mar 5", None]),
            types=chance.choice([[], ["D016449"]]),
        )
        for n in chance.sample(range(among), chance.randrange(1, 20))
    ]
    return [*papers, *(Deletion(str(n), "1") for n in chance.sample(range(among), 2))]


def built(folder: Path, corpus: Corpus, earlier: Path | None = None) -> tuple[Lexical, int]:
    analysed = lexical.build(folder, corpus, PROFILE, Earlier(earlier, {}) if earlier else None)
    return Lexical(folder, corpus, PROFILE), analysed


def answers(corpus: Corpus, opened: Lexical, seed: int) -> list[list[Found]]:
    """What it finds on random clocks, by words and by operators, with and without filters."""
    chance, found = random.Random(seed), []
    for _ in range(25):
        day = date(2000, 6, 1) + timedelta(days=chance.randrange(1800)) if chance.random() < 0.7 else None
        designs = chance.choice([(), ("rct",)])
        seen = sight(corpus, clocks(day, chance.randrange(-1, 12)), Filters(designs=designs))
        words = chance.choices(WORDS, k=3)
        queries = (" ".join(words), f"{words[0]} AND {words[1]}[ti]", f'"{words[0]} {words[1]}" OR {words[2]}')
        found += [opened.search(query, chance.choice([3, 1000]), seen) for query in queries]
        found.append([Found(n, 0.0) for n in opened.document_frequencies(words, seen.clocks).values()])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_taken_in_answer_as_an_index_built_anew(tmp_path: Path, seed: int) -> None:
    chance, home = random.Random(seed), TinyHome.make(tmp_path / "home")
    earlier, opened = None, []
    for step in range(9):
        name = f"pubmed26n{chance.choice([step + 1, step + 12]):04d}.xml"  # some come late
        home.load(name, *some(chance), known=step)
        corpus = home.corpus()
        updated, analysed = built(tmp_path / f"updated{step}", corpus, earlier)
        anew, all_of_it = built(tmp_path / f"anew{step}", corpus)
        assert answers(corpus, updated, seed) == answers(corpus, anew, seed)
        assert all_of_it == corpus.alive.sum() and (earlier is None or analysed < all_of_it)
        earlier = tmp_path / f"updated{step}"
        opened.append((corpus, updated, answers(corpus, updated, seed)))
    for step, (corpus, updated, before) in enumerate(opened):  # what came after changed no index that it was built on
        again = Lexical(tmp_path / f"updated{step}", corpus, PROFILE)
        assert answers(corpus, updated, seed) == before == answers(corpus, again, seed)


def test_an_index_most_of_which_is_gone_is_built_anew(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("a.xml", *(paper(n) for n in range(10)), known=0)
    built(tmp_path / "first", home.corpus())
    other = TinyHome.make(tmp_path / "other")
    other.load("a.xml", *(paper(n) for n in range(5, 15)), known=0)
    _, analysed = built(tmp_path / "second", other.corpus(), tmp_path / "first")
    assert analysed == 10
    assert len(np.load(tmp_path / "second" / "rows.npy")) == 10


def test_what_was_deleted_and_comes_back_is_found_again(tmp_path: Path) -> None:
    """By words and by operators: its old entry is no more, whatever its number still says."""
    whole, less = TinyHome.make(tmp_path / "whole"), TinyHome.make(tmp_path / "less")
    whole.load("a.xml", *(paper(n, "zinc") for n in range(10)), known=0)
    less.load("a.xml", *(paper(n, "zinc") for n in range(9)), known=0)
    built(tmp_path / "first", whole.corpus())
    built(tmp_path / "second", less.corpus(), tmp_path / "first")
    corpus = whole.corpus()
    opened, analysed = built(tmp_path / "third", corpus, tmp_path / "second")
    assert analysed == 1
    assert [len(opened.search(query, 50, sight(corpus, clocks()))) for query in ("zinc", "zinc[ti]")] == [10, 10]
    again, analysed = built(tmp_path / "fourth", corpus, tmp_path / "third")  # two numbers of it, one deleted
    assert analysed == 0 and len(again.search("zinc[ti]", 50, sight(corpus, clocks()))) == 10


def test_an_update_writes_no_file_of_the_index_it_was_built_on(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", *(paper(n) for n in range(40)), known=0)
    built(tmp_path / "first", home.corpus())
    before = state(tmp_path / "first")
    home.load("pubmed26n0002.xml", paper(3, "Other words"), Deletion("4", "1"), paper(100, "New words"), known=1)
    _, analysed = built(tmp_path / "second", home.corpus(), tmp_path / "first")
    assert analysed == 2
    assert state(tmp_path / "first") == before


def state(folder: Path) -> dict[str, str]:
    return {path.name: fingerprint(path.read_bytes().hex()) for path in folder.iterdir()}


# ---------------------------------------------------------------- postings


def documents(chance: random.Random, number: int) -> list[dict[str, Sequence[str]]]:
    return [{"a": chance.choices(WORDS, k=chance.randrange(8)), "b": chance.choices(WORDS, k=2)} for _ in range(number)]


def test_runs_merged_are_those_written_at_once() -> None:
    told = documents(random.Random(1), 50)
    runs, first = [], 0
    for size in (1, 20, 0, 29):
        writer = counts.Writer(("a", "b"), first)
        for document in told[first : first + size]:
            writer.add(document)
        runs.append(writer.run())
        first += size
    whole = counts.Writer(("a", "b"))
    for document in told:
        whole.add(document)
    one, other = counts.merged(runs), whole.run()
    for name in ("terms", "starts", "slots", "counts", "lengths"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_runs_of_like_size_are_merged_and_much_smaller_ones_left(tmp_path: Path) -> None:
    chance, first, sizes = random.Random(2), 0, []
    for size in (100, 5, 5, 90):
        writer = counts.Writer(("a", "b"), first)
        for document in documents(chance, size):
            writer.add(document)
        writer.run().save(tmp_path, first)
        first += size
        counts.compact(tmp_path)
        sizes.append([run.size for run in counts.runs(tmp_path)])
    assert sizes == [[100], [100, 5], [100, 10], [200]]


@pytest.mark.parametrize("limit", [1, 2, 7, 100, 5000])
def test_the_best_are_those_a_sort_gives_with_all_that_tie(limit: int) -> None:
    chance = np.random.default_rng(limit)
    for size in (0, 1, 5, 1000, 4097):
        scores = np.where(chance.random(size) < 0.5, chance.integers(0, 40, size), 0).astype(float)
        found = counts.best(scores, limit)
        order = np.sort(scores[scores > 0])[::-1]
        least = order[min(limit, len(order)) - 1] if len(order) else 1.0
        np.testing.assert_array_equal(found, np.flatnonzero(scores >= least))


def test_a_scope_that_forgets_scores_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = counts.Writer(("a", "b"))
    for document in documents(random.Random(3), 200):
        writer.add(document)
    postings = counts.Postings([writer.run()], ("a", "b"), counts.BM25(1.2, 0.75, {"a": 1.0, "b": 0.5}))
    shown = np.arange(200) % 3 > 0
    expected = postings.scores(WORDS, postings.scope(shown))
    monkeypatch.setattr(counts, "_KEPT", 300)
    scope = postings.scope(shown)
    for _ in range(3):
        np.testing.assert_array_equal(postings.scores(WORDS, scope), expected)
    assert not expected[~shown].any() and expected.any()
