"""Building on an earlier index: the same as building anew, for less."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from consilience.corpora.store import Item
from consilience.home import Rooms
from consilience.indexes import RETRIEVERS, Built, Index, folder_of
from consilience.records import Deletion, Mark
from consilience.refresh import Refresh
from tests.making import TinyHome, at, clocks, paper

WORDS = "zinc velorine cold pain sleep trial cohort children fever dose".split()


def some(chance: random.Random) -> list[Item]:
    papers = [paper(n, " ".join(chance.choices(WORDS, k=4)), abstract=" ".join(chance.choices(WORDS, k=9)) + ".",
                    published=chance.choice(["2001", "2003 Mar 5", None]))
              for n in chance.sample(range(25), 9)]  # fmt: skip
    return [*papers, Deletion(str(chance.randrange(25)), "1")]


def built(home: TinyHome) -> tuple[Index, Built]:
    corpus, now = home.corpus(), Refresh.of(home.rooms)
    now.embeddings()
    made = now.index()
    return Index(corpus, now.profile, now.embedding), made


def versions(index: Index) -> set[tuple[str, str]]:
    return {(row["id"], row["version"]) for row in index.corpus.table.to_pylist() if not row["deleted"]}


def files(index: Index) -> dict[str, bytes]:
    """All files but those of words and vectors, which lie in parts by when they were added."""
    folder = folder_of(index.corpus, index.profile)
    kept = [*folder.glob("facets/*"), folder / "inputs"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


@pytest.mark.parametrize("seed", range(3))
def test_an_index_built_on_an_earlier_one_is_that_built_anew(tmp_path: Path, seed: int) -> None:
    chance, home = random.Random(seed), TinyHome.make(tmp_path / "home")
    known: set[tuple[str, str]] = set()
    for step in range(4):
        name = f"pubmed26n{chance.choice([step + 1, step + 5]):04d}.xml"  # some come late
        home.load(name, *some(chance), known=step)
        index, made = built(home)
        assert made.indexed == int(index.corpus.alive.sum())
        assert made.analysed >= len(versions(index) - known)
        assert step == 0 or made.analysed < len(versions(index))
        known |= versions(index)
        shutil.copytree(home.rooms.root, tmp_path / "anew" / str(step))
        anew = TinyHome(Rooms(tmp_path / "anew" / str(step)))
        shutil.rmtree(anew.rooms.indexes / index.profile.built)
        fresh, all_of_it = built(anew)
        assert all_of_it.analysed == int(fresh.corpus.alive.sum())
        assert files(index) == files(fresh)
        for _ in range(6):
            query, on = " ".join(chance.choices(WORDS, k=3)), clocks(chance.choice([None, "2002-12-31"]), step)
            for retriever in RETRIEVERS:
                hits = [i.search(query, top=9, clocks=on, retriever=retriever) for i in (index, fresh)]
                assert hits[0] == hits[1]


def test_what_changes_no_document_takes_the_whole_index_over(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", paper(1), paper(2, "Zinc"), known=0)
    first, made = built(home)
    assert made == Built(True, 2, 2)
    assert built(home)[1] == Built(False)
    home.load("list.csv", Mark("PMID:1", "retracted", at(0).date()), known=1, kind="retractions")
    second, made = built(home)
    assert made == Built(True) and second.corpus.name != first.corpus.name
    folders = [folder_of(i.corpus, i.profile) for i in (first, second)]
    one, other = ({p.relative_to(f): p.stat().st_ino for p in f.rglob("*") if p.is_file()} for f in folders)
    assert one == other
    shutil.rmtree(folders[0])  # as when its snapshot is pruned
    found = second.search("zinc", top=5, clocks=clocks(), retriever="lexical")
    assert [second.corpus.document(hit.row).id for hit in found] == ["PMID:2"]


def test_an_earlier_index_without_its_snapshot_is_not_built_on(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", paper(1), paper(2), known=0)
    built(home)
    shutil.rmtree(home.store.folder / "snapshots")
    home.load("pubmed26n0002.xml", paper(3), known=1)
    assert built(home)[1] == Built(True, 3, 3)
