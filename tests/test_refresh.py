"""A refresh: small steps, each done once, safe to kill, and nothing written when nothing changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from consilience import refresh
from consilience.corpora.store import Item
from consilience.errors import BadInputError, BusyError, StoreDamagedError
from consilience.home import Rooms, packaged
from consilience.indexes import Index
from consilience.kg.build import table_path
from consilience.records import Deletion, sha256
from consilience.refresh import Pointer, Refresh
from tests.making import TinyHome, at, clocks, ids, paper

FIRST: list[Item] = [
    paper(1, "Zinc prevents colds", abstract="Aspirin prevents stroke in adults."),
    paper(2, "Velorine for pain"),
]
SECOND: list[Item] = [
    paper(1, "Zinc does not prevent colds", abstract="Aspirin does not prevent stroke."),
    Deletion("2", "1"),
    paper(3),
]


def listing(*folders: Path) -> dict[str, tuple[int, str]]:
    """Every file with the time it was written and the hash of its bytes."""
    return {
        str(path): (path.stat().st_mtime_ns, sha256(path.read_bytes().hex()))
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that was refreshed once, for the tests to copy."""
    home = TinyHome.make(tmp_path_factory.mktemp("refresh") / "home")
    home.load("pubmed26n0001.xml", *FIRST, known=0)
    assert refresh.run(home.rooms, at(1))[1]
    return home.rooms.root


@pytest.fixture
def home(refreshed: Path, tmp_path: Path) -> TinyHome:
    """The same home, to write to."""
    shutil.copytree(refreshed, tmp_path / "home")
    return TinyHome(Rooms(tmp_path / "home"))


def found(home: TinyHome, pointer: Pointer, query: str = "zinc velorine") -> list[str]:
    now = Refresh.of(home.rooms)
    index = Index(now.snapshot(), now.profile, now.embedding)
    assert index.corpus.name == pointer.snapshot
    return sorted(ids(index.corpus, [h.row for h in index.search(query, top=9, clocks=clocks(), retriever="lexical")]))


def test_a_second_refresh_writes_nothing(home: TinyHome) -> None:
    before = listing(home.rooms.root)
    pointer, written = refresh.run(home.rooms, at(2))
    assert (written, pointer.refreshed_at) == (False, "2020-01-02T12:00:00Z")
    assert listing(home.rooms.root) == before


def test_an_update_is_taken_in_and_the_state_before_is_kept_for_open_readers(home: TinyHome) -> None:
    first = refresh.current(home.rooms)
    assert first and found(home, first) == ["PMID:1", "PMID:2"]
    home.load("pubmed26n0002.xml", *SECOND, known=5)
    facts = {
        path: data
        for path, data in contents(home.store.folder).items()
        if path.startswith(("records", "texts", "commits"))
    }
    second, written = refresh.run(home.rooms, at(6))
    assert written and second == refresh.current(home.rooms) and second.commits == 2
    assert found(home, second) == ["PMID:1", "PMID:3"]
    assert found(home, second, "pain") == [] and found(home, second, "colds") == ["PMID:1"]
    assert contents(home.store.folder).items() >= facts.items()  # nothing in a store is edited
    for snapshot in (first.snapshot, second.snapshot):
        assert all(folder.is_dir() for folder in Refresh.of(home.rooms)._folders(snapshot, second.index, second.kg))
    home.load("pubmed26n0003.xml", paper(4), known=7)
    third, _ = refresh.run(home.rooms, at(8))
    kept = {path.name for path in (home.store.folder / "snapshots").iterdir()}
    assert kept == {second.snapshot, third.snapshot} == {p.name for p in (home.rooms.indexes / third.index).iterdir()}


def test_what_a_killed_run_left_is_ignored_and_cleared(home: TinyHome) -> None:
    store, half = home.store.folder, ("records/000009.parquet", "texts/000009.arrow", ".staging-commit/rows.parquet")
    strays = [store / name for name in half] + [
        store / ".staging-snapshot" / "made" / "documents.parquet",
        home.rooms.indexes / ".staging-index" / "made" / "lexical" / "meta.json",
        home.rooms.kg / ".staging-graph" / "made" / "claims.parquet",
        next((store / "citations").glob("*/*")) / ".000002.parquet",
        next((store / "passages").glob("*/*")) / ".000002.parquet",
    ]  # fmt: skip
    for stray in strays:
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_text("half")
    assert not refresh.run(home.rooms, at(2))[1]
    home.load("pubmed26n0002.xml", *SECOND, known=5)
    assert found(home, refresh.run(home.rooms, at(6))[0]) == ["PMID:1", "PMID:3"]
    assert not [path for path in strays[:6] if path.exists()]


@pytest.mark.parametrize("step", ["citations", "passages", "embeddings", "claims", "snapshot", "index", "graph"])
def test_a_refresh_killed_after_any_step_shows_nothing_and_is_taken_up_again(home: TinyHome, step: str) -> None:
    before = refresh.current(home.rooms)
    home.load("pubmed26n0002.xml", *SECOND, known=5)

    def kill(name: str, done: int, total: int) -> None:
        if name == step and done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refresh.run(home.rooms, at(6), kill)
    assert refresh.current(home.rooms) == before
    seen = listing(home.store.folder / "citations", home.rooms.indexes / "vectors")
    pointer, written = refresh.run(home.rooms, at(7))
    assert written and found(home, pointer) == ["PMID:1", "PMID:3"]
    if step != "citations":
        assert listing(home.store.folder / "citations").items() <= seen.items()


def test_the_same_files_give_the_same_bytes_under_a_fixed_clock(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        home = TinyHome.make(tmp_path / name)
        home.load("pubmed26n0001.xml", *FIRST, known=0)
        home.load("pubmed26n0002.xml", *SECOND, known=1)
        pointer, _ = refresh.run(home.rooms, at(2))
        claims = table_path(home.rooms, pointer.snapshot, pointer.kg).read_bytes()
        made.append((contents(home.rooms.corpora), contents(home.rooms.indexes / "vectors"), claims))
    assert made[0] == made[1]


def test_a_changed_profile_makes_another_index_of_the_same_snapshot(home: TinyHome) -> None:
    before = refresh.current(home.rooms)
    profile = home.rooms.root / "indexes" / "exact.yaml"
    profile.write_text(profile.read_text().replace("damping: 60", "damping: 30"))
    after, written = refresh.run(home.rooms, at(2))
    assert written and before and (after.snapshot, after.kg) == (before.snapshot, before.kg)
    assert after.index != before.index


def test_a_damaged_pointer_is_told_and_a_lost_one_costs_nothing_but_a_refresh(home: TinyHome) -> None:
    path = home.store.folder / "current.json"
    whole = path.read_bytes()
    for text in ('{"snapshot": ', '{"snapshot": 1}', "[]"):
        path.write_text(text)
        with pytest.raises(StoreDamagedError):
            refresh.run(home.rooms, at(1))
    path.unlink()
    refresh.run(home.rooms, at(1))
    assert path.read_bytes() == whole


def test_a_refresh_waits_for_no_other_writer_and_never_writes_the_packaged_home(home: TinyHome) -> None:
    home.load("pubmed26n0002.xml", *SECOND, known=5)
    with Rooms(home.rooms.root).writing(), pytest.raises(BusyError):
        refresh.run(home.rooms, at(6))
    with pytest.raises(BadInputError, match="read-only"):
        refresh.run(Rooms(packaged(), writable=False), at(6))


def test_an_empty_home_can_be_refreshed(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "empty")
    pointer, written = refresh.run(home.rooms, at(0))
    assert written and pointer.commits == 0 and found(home, pointer) == []
