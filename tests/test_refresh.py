"""A refresh: small steps, each done once, safe to kill, and nothing written when nothing changed."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consilience import refresh
from consilience.corpora.store import Commit, Item
from consilience.errors import BadInputError, BusyError, StoreDamagedError
from consilience.home import Rooms, packaged
from consilience.indexes import Index
from consilience.kg import build
from consilience.kg.build import table_path
from consilience.models.plain import HashedVectors
from consilience.records import Deletion, Mark, sha256
from consilience.refresh import Pointer, Refresh, Work
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
    assert (written, pointer.refreshed_at) == (None, "2020-01-02T12:00:00Z")
    assert listing(home.rooms.root) == before


def test_an_update_is_taken_in_and_the_state_before_is_kept_only_for_open_readers(home: TinyHome) -> None:
    first = refresh.current(home.rooms)
    assert first and found(home, first) == ["PMID:1", "PMID:2"]
    home.load("pubmed26n0002.xml", *SECOND, known=5)
    facts = {
        path: data
        for path, data in contents(home.store.folder).items()
        if path.startswith(("records", "texts", "commits"))
    }
    opened, lease = refresh.held(home.rooms)
    assert opened == first and lease is not None
    second, written = refresh.run(home.rooms, at(6))
    assert written and second == refresh.current(home.rooms) and second.commits == 2
    assert found(home, second) == ["PMID:1", "PMID:3"]
    assert found(home, second, "pain") == [] and found(home, second, "colds") == ["PMID:1"]
    assert contents(home.store.folder).items() >= facts.items()  # nothing in a store is edited
    for snapshot in (first.snapshot, second.snapshot):
        assert len([path for path in home.rooms.built() if path.name == snapshot]) == 3
    home.load("pubmed26n0003.xml", paper(4), known=7)
    third, _ = refresh.run(home.rooms, at(8))
    kept = {path.name for path in (home.store.folder / "snapshots").iterdir()}
    assert (
        kept
        == {first.snapshot, third.snapshot}
        == {p.name for p in (home.rooms.indexes / Refresh.of(home.rooms).profile.built).iterdir()}
    )
    os.close(lease)
    assert refresh.run(home.rooms, at(9)) == (third, None)  # a refresh with nothing else to do collects it
    assert [p.name for p in (home.store.folder / "snapshots").iterdir()] == [third.snapshot]


def test_what_a_killed_run_left_is_ignored_and_cleared(home: TinyHome) -> None:
    store, half = home.store.folder, ("records/000009.parquet", "texts/000009.arrow", ".staging-commit/rows.parquet")
    strays = [store / name for name in half] + [
        store / ".staging-snapshot" / "made" / "documents.parquet",
        home.rooms.indexes / ".staging-index" / "made" / "lexical" / "meta.json",
        home.rooms.kg / ".staging-graph" / "made" / "claims.parquet",
        next((store / "citations").glob("*/*")) / ".staging-000002.parquet",
        next((home.rooms.indexes / "vectors").glob("*/*")) / ".staging-000002.parquet",
        store / "commits" / ".staging-77-000009.json",
        store / ".staging-77-current.json",
        store / "snapshots" / ".staging-0123456789ab" / "documents.parquet",
    ]  # fmt: skip
    for stray in strays:
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_text("half")
    assert not refresh.run(home.rooms, at(2))[1]
    assert not [path for path in strays if path.exists()]
    home.load("pubmed26n0002.xml", *SECOND, known=5)
    assert found(home, refresh.run(home.rooms, at(6))[0]) == ["PMID:1", "PMID:3"]


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


def test_a_refresh_does_no_more_than_what_changed(home: TinyHome, monkeypatch: pytest.MonkeyPatch) -> None:
    papers = [paper(n, f"Zinc and colds, part {n}", abstract="Aspirin prevents stroke.") for n in range(100, 140)]
    loaded = home.load("pubmed26n0002.xml", *papers, known=2)
    assert refresh.run(home.rooms, at(2))[1] == work(loaded, new=40, indexed=42)
    by_shard = (home.rooms.corpora / "citations", home.rooms.indexes / "vectors", home.rooms.kg / "evidence")
    before = listing(*by_shard)
    revised = [paper(n, f"Zinc, part {n}", abstract="Aspirin prevents stroke.") for n in (100, 101, 102)]
    loaded = home.load("pubmed26n0003.xml", *revised, Deletion("103", "1"), known=3)
    assert refresh.run(home.rooms, at(3))[1] == work(loaded, new=3, indexed=45)
    written = {Path(path).parent.name for path, _ in before.items() ^ listing(*by_shard).items()}
    assert written == {f"{shard:02d}" for shard in loaded.shards}

    # From here on nothing is new to embed or to read, so neither model nor vocabulary is wanted.
    monkeypatch.setattr(HashedVectors, "_words", property(lambda self: pytest.fail("the model was loaded")))
    monkeypatch.setattr(build, "vocabulary", lambda: pytest.fail("the vocabulary was loaded"))
    loaded = home.load("pubmed26n0004.xml", *revised, known=4)  # the same words: no new version
    assert refresh.run(home.rooms, at(4))[1] == work(loaded)
    rows = home.corpus().table.num_rows
    loaded = home.load("list.csv", Mark("PMID:100", "retracted", at(0).date()), known=5, kind="retractions")
    assert refresh.run(home.rooms, at(5))[1] == work(loaded)
    assert refresh.run(home.rooms, at(6))[1] is None
    assert home.corpus().table.num_rows == rows and home.corpus().marks["PMID:100"]


def work(loaded: Commit, *, new: int = 0, indexed: int = 0) -> Work:
    """The shards of one file, and what is new in it."""
    shards = len(loaded.shards)
    return Work(shards, shards, new, new, indexed, new)


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


def test_a_graph_that_was_being_removed_is_not_taken_over(home: TinyHome) -> None:
    now = Refresh.of(home.rooms)
    name, _, graph_version = now.target
    folder = home.rooms.kg / graph_version
    (folder / name).rename(folder / f".staging-{name}")
    (folder / f".staging-{name}" / "claims.parquet").unlink()
    assert now.graph() and table_path(home.rooms, name, graph_version).exists()


def test_a_pointer_that_an_erasure_takes_away_while_it_is_read_is_none(
    home: TinyHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.store.folder / "current.json"
    seen = Path.exists

    def gone(self: Path) -> bool:
        there = seen(self)
        if self == path:
            path.unlink(missing_ok=True)
        return there

    monkeypatch.setattr(Path, "exists", gone)
    monkeypatch.setattr(
        Path, "read_text", lambda self, **_: (path.unlink(missing_ok=True), self.read_bytes().decode())[1]
    )
    assert refresh.current(home.rooms) is None and refresh.held(home.rooms) == (None, None)


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


def test_a_refresh_may_wait_for_the_writer_and_finds_that_it_did_the_work(home: TinyHome) -> None:
    home.load("pubmed26n0002.xml", *SECOND, known=5)
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(refresh.run, home.rooms, at(day), wait=60) for day in (6, 7)]
        (one, work), (other, more) = (each.result() for each in both)
    assert one == other and [work, more].count(None) == 1


def test_an_empty_home_can_be_refreshed(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "empty")
    pointer, written = refresh.run(home.rooms, at(0))
    assert written and pointer.commits == 0 and found(home, pointer) == []
