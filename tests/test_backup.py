"""One file for what cannot be computed again, and the way back: the same answers, or nothing at all."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from consilience import Home, backup, contract, init_home, open_home, restore_home
from consilience.backup import MANIFEST, is_kept
from consilience.cli import run
from consilience.errors import BadInputError, BusyError, RefusedFileError, StoreDamagedError
from consilience.home import Rooms, packaged
from consilience.records import canonical_json, sha256
from tests.conftest import BASELINE, UPDATE
from tests.making import TinyHome, at, paper

BETWEEN = "2026-01-15T00:00:00Z"
QUESTIONS = ["Does estrogen prevent coronary heart disease?", "Does aspirin prevent stroke?"]


@pytest.fixture(scope="module")
def archive(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backup") / "home.tar.zst"
    contract.validated("backup", open_home(sample_home).backup(path))
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> TinyHome:
    made = TinyHome.make(tmp_path / "home")
    made.load("pubmed26n0001.xml", paper(1, "Velorine for pain", abstract="Velorine eased pain."), known=0)
    made.load("pubmed26n0002.xml", paper(2), known=1)
    return made


def answers(home: Home) -> list[str]:
    """What a home says, in the form that replays compare, now and as it was known between the two loads."""
    said: list[tuple[str, dict[str, Any]]] = []
    for known_at in (None, BETWEEN):
        said += [("ask", home.ask(question, known_at=known_at)) for question in QUESTIONS]
        said += [("ask", home.ask(QUESTIONS[0], known_at=known_at, as_of="2003"))]
        said += [("search", home.search("aspirin stroke", known_at=known_at, passages=True))]
        said += [("show", home.show("PMID:99000001", known_at=known_at))]
        said += [("graph-conflicts", home.graph_conflicts(known_at=known_at))]
    return [contract.canonical(contract.validated(name, obj)) for name, obj in said]


def files_of(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_a_restored_home_gives_the_same_answers_byte_for_byte(sample_home: Path, archive: Path, tmp_path: Path) -> None:
    said = contract.validated("restore", restore_home(archive, tmp_path / "new"))
    home = open_home(tmp_path / "new", now=UPDATE)
    assert home.status()["snapshot"] is None and home.status()["pending"] == said["commits"] == 3
    assert home.refresh()["snapshot"] == said["snapshot"]
    assert answers(home) == answers(open_home(sample_home, now=UPDATE))


def test_what_is_restored_is_what_was_there_and_nothing_that_refresh_makes(
    sample_home: Path, archive: Path, tmp_path: Path
) -> None:
    restore_home(archive, tmp_path / "new")
    before, after = files_of(sample_home), files_of(tmp_path / "new")
    assert after == {name: body for name, body in before.items() if is_kept(name)}
    rooms = {"/".join(name.split("/")[:3]) for name in after if "/store/" in name}
    assert rooms == {f"corpora/store/{part}" for part in ("commits", "records", "texts")} | {"kg/store/evidence"}
    assert {"indexes/exact.yaml", "kg/schema.yaml", "evaluation/baselines.yaml"} < set(after)


def test_the_same_state_gives_the_same_bytes(sample_home: Path, archive: Path, tmp_path: Path) -> None:
    for path in sample_home.rglob("*.json"):
        os.utime(path)
    open_home(sample_home).backup(tmp_path / "again.tar.zst")
    assert (tmp_path / "again.tar.zst").read_bytes() == archive.read_bytes()
    restore_home(archive, tmp_path / "new")
    made = restore_home(archive, tmp_path / "other")
    assert open_home(tmp_path / "new").backup(tmp_path / "b.tar.zst")["files"] == made["files"]


def test_every_part_of_the_store_that_is_no_derived_row_is_kept(tiny: TinyHome, tmp_path: Path) -> None:
    kept = ["questions/heart/000001.json", "shortfalls/000001.json", "searches/a.json", "forgotten/000001.json",
            "files/pubmed26n0001.xml.gz", "quarantine/000001.parquet", "new-kind/of/fact.json"]  # fmt: skip
    for name in [*kept, "quarantine/000009.parquet", ".staging-x/half", "keys/v/07/000001.parquet"]:
        path = tiny.store.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"id":"PMID:9","at":"2026-01-01T00:00:00Z","reason":"x","versions":[]}')
    backup.backup(tiny.rooms, tmp_path / "b")
    backup.restore(tmp_path / "b", tmp_path / "new")
    there = {name.removeprefix("corpora/store/") for name in files_of(tmp_path / "new") if "corpora/store/" in name}
    assert there == {f"{part}/00000{n}.{end}" for n in (1, 2) for part, end in
                     [("commits", "json"), ("records", "parquet"), ("texts", "arrow")]} | set(kept)  # fmt: skip


def test_a_backup_waits_for_no_one_and_disturbs_no_reader(tiny: TinyHome, tmp_path: Path) -> None:
    with Rooms(tiny.rooms.root).writing(), pytest.raises(BusyError):
        backup.backup(tiny.rooms, tmp_path / "b")
    assert not (tmp_path / "b").exists() and not list(tmp_path.glob(".*"))


def test_a_backup_that_fails_leaves_the_one_before(
    tiny: TinyHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.backup(tiny.rooms, tmp_path / "b")
    before = (tmp_path / "b").read_bytes()
    honest = backup._manifest

    def stale(*given: Any) -> dict[str, Any]:
        made = honest(*given)
        definition = tiny.rooms.root / "kg" / "schema.yaml"
        definition.write_bytes(definition.read_bytes()[::-1])  # changed between the two readings
        return made

    monkeypatch.setattr(backup, "_manifest", stale)
    with pytest.raises(RefusedFileError, match="changed"):
        backup.backup(tiny.rooms, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == before and {p.name for p in tmp_path.iterdir()} == {"home", "b"}


def test_a_backup_does_not_lie_in_the_home_it_is_of(tiny: TinyHome, tmp_path: Path) -> None:
    for path in (tiny.rooms.root / "corpora" / "b", tmp_path / "nowhere" / "b"):
        with pytest.raises(BadInputError):
            backup.backup(tiny.rooms, path)


# ---------------------------------------------------------------- what restore refuses

Files = list[tuple[tarfile.TarInfo, bytes]]


def packed(path: Path, files: Files) -> Path:
    with pa.CompressedOutputStream(str(path), "zstd") as out, tarfile.open(fileobj=out, mode="w|") as tar:
        for info, body in files:
            tar.addfile(info, io.BytesIO(body) if info.isreg() else None)
    return path


def entry(name: str, body: bytes, **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(body)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, body


def manifest_of(holding: Files, **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    told = [{"path": info.name, "size": len(body), "sha256": sha256(body.decode())} for info, body in holding]
    body = {"format": backup.FORMAT, "layout": 2, "commits": 0, "snapshot": None, "files": told, **changes}
    return entry(MANIFEST, canonical_json(body).encode())


def hostile(name: str) -> Files:
    files = [entry(name, b"x")]
    return [manifest_of(files), *files]


GOOD = [entry("corpora/a.yaml", b"a: 1"), entry("kg/b.yaml", b"b: 2")]
BAD: dict[str, Files] = {
    **{name: hostile(name) for name in (
        "../corpora/x", "/corpora/x", "corpora/../../x", "corpora/./x", "corpora//x", "elsewhere/x", "corpora", "x",
        "corpora/.lock", "corpora/store/.lock", "corpora/a\\b", "corpora/a\nb", "corpora/store/current.json",
        "corpora/store/snapshots/a/documents.parquet", "indexes/store/vectors/x", "evaluation/runs/x",
    )},
    "link": [manifest_of(GOOD), entry("corpora/a.yaml", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"), GOOD[1]],
    "hard link": [manifest_of(GOOD), entry("corpora/a.yaml", b"", type=tarfile.LNKTYPE, linkname="kg/b.yaml"), GOOD[1]],
    "device": [manifest_of(GOOD), entry("corpora/a.yaml", b"", type=tarfile.CHRTYPE), GOOD[1]],
    "other bytes": [manifest_of(GOOD), entry("corpora/a.yaml", b"a: 2"), GOOD[1]],
    "longer": [manifest_of(GOOD), entry("corpora/a.yaml", b"a: 11"), GOOD[1]],
    "missing": [manifest_of(GOOD), GOOD[0]],
    "too many": [manifest_of(GOOD), *GOOD, entry("kg/c.yaml", b"c")],
    "twice": [manifest_of([GOOD[0], GOOD[0]]), GOOD[0], GOOD[0]],
    "out of order": [manifest_of(GOOD[::-1]), *GOOD[::-1]],
    "no manifest": GOOD,
    "manifest is no object": [entry(MANIFEST, b"[]")],
    "manifest is no JSON": [entry(MANIFEST, b"{")],
    "other format": [manifest_of(GOOD, format="consilience-backup/9"), *GOOD],
    "nested without end": [entry(MANIFEST, b"[" * 200_000)],
    "layout without bounds": [entry(MANIFEST, manifest_of(GOOD)[1].replace(b'"layout":2', b'"layout":1e999')), *GOOD],
    "newer layout": [manifest_of(GOOD, layout=99), *GOOD],
    "negative size": [manifest_of(GOOD, files=[{"path": "corpora/a.yaml", "size": -1, "sha256": "0" * 64}]), *GOOD],
    "a header without end": [manifest_of(GOOD), entry("corpora/" + "a" * (2 << 20), b""), *GOOD],
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
def test_a_hostile_or_broken_backup_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "b.tar.zst", BAD[name])
    with pytest.raises(RefusedFileError):
        backup.restore(path, tmp_path / "new")
    assert [p.name for p in tmp_path.iterdir()] == ["b.tar.zst"]


def test_a_good_backup_made_by_hand_is_restored(tmp_path: Path) -> None:
    backup.restore(packed(tmp_path / "b", [manifest_of(GOOD), *GOOD]), tmp_path / "new")
    assert files_of(tmp_path / "new") == {"corpora/a.yaml": b"a: 1", "kg/b.yaml": b"b: 2"}


@pytest.mark.parametrize("damage", [
    lambda b: b[: len(b) // 2], lambda b: b[:-1], lambda b: b"", lambda b: b"no backup at all" * 100,
    lambda b: b[: len(b) // 2] + bytes([b[len(b) // 2] ^ 1]) + b[len(b) // 2 + 1 :],
])  # fmt: skip
def test_a_damaged_file_is_refused_whole(archive: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "b.tar.zst"
    path.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(RefusedFileError) as told:
        restore_home(path, tmp_path / "new")
    assert told.value.where == "b.tar.zst" and not (tmp_path / "new").exists()


def test_a_stream_that_grows_without_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    with pa.CompressedOutputStream(str(path), "zstd") as out:
        info = tarfile.TarInfo(MANIFEST)
        info.size = 1 << 40
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(80):
            out.write(bytes(1 << 20))
    with pytest.raises(RefusedFileError):
        backup.restore(path, tmp_path / "new")


def test_a_home_with_facts_is_never_written_over(archive: Path, tiny: TinyHome, tmp_path: Path) -> None:
    before = files_of(tiny.rooms.root)
    with pytest.raises(BadInputError, match="holds facts"):
        restore_home(archive, tiny.rooms.root)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(BadInputError, match="not empty"):
        restore_home(archive, tmp_path / "full")
    with pytest.raises(BadInputError, match="no such backup"):
        restore_home(tmp_path / "none", tmp_path / "new")
    assert files_of(tiny.rooms.root) == before


def test_a_new_home_is_filled_but_its_changed_definitions_are_not_lost(archive: Path, tmp_path: Path) -> None:
    init_home(tmp_path / "new")
    definition = tmp_path / "new" / "kg" / "schema.yaml"
    was = definition.read_bytes()
    definition.write_bytes(was + b"# mine\n")
    with pytest.raises(BadInputError, match="differs"):
        restore_home(archive, tmp_path / "new")
    assert not (tmp_path / "new" / "corpora" / "store").exists()
    definition.write_bytes(was)
    restore_home(archive, tmp_path / "new")
    assert open_home(tmp_path / "new").status()["pending"] == 3


@pytest.mark.parametrize("calls", [1, 5, 12])
def test_a_killed_restore_can_be_made_again(
    archive: Path, tmp_path: Path, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore_home(archive, tmp_path / "whole")
    left, act = calls, backup.publish

    def killed(staged: Path, path: Path) -> None:
        nonlocal left
        left -= 1
        if not left:
            shutil.copytree(tmp_path / "new" / ".staging-restore", tmp_path / "kept")
            raise KeyboardInterrupt
        act(staged, path)

    with monkeypatch.context() as patched:
        patched.setattr(backup, "publish", killed)
        with pytest.raises(KeyboardInterrupt):
            restore_home(archive, tmp_path / "new")
    shutil.copytree(tmp_path / "kept", tmp_path / "new" / ".staging-restore")  # a kill cleans nothing up
    restore_home(archive, tmp_path / "new")
    assert files_of(tmp_path / "new") == files_of(tmp_path / "whole")


def test_a_restore_killed_between_two_stores_can_be_made_again(archive: Path, tmp_path: Path) -> None:
    restore_home(archive, tmp_path / "new")
    whole = files_of(tmp_path / "new")
    shutil.rmtree(tmp_path / "new" / "corpora" / "store")
    with pytest.raises(BadInputError, match="holds facts"):
        restore_home(archive, tmp_path / "new")  # evidence that no restore left here is somebody's
    (tmp_path / "new" / ".staging-restore").mkdir()
    restore_home(archive, tmp_path / "new")
    assert files_of(tmp_path / "new") == whole


def test_what_is_loaded_while_a_backup_is_unpacked_is_not_written_over(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, check = TinyHome.make(tmp_path / "new"), backup._must_be_ours

    def meanwhile(root: Path, scratch: Path) -> None:
        check(root, scratch)
        made.load("pubmed26n0001.xml", paper(1), known=0)

    (tmp_path / "new" / "indexes" / "exact.yaml").write_bytes((packaged() / "indexes" / "exact.yaml").read_bytes())
    monkeypatch.setattr(backup, "_must_be_ours", meanwhile)
    with pytest.raises(BadInputError, match="holds facts"):
        restore_home(archive, tmp_path / "new")
    assert [commit.file for commit in made.store.commits()] == ["pubmed26n0001.xml"]


def test_a_long_header_before_a_large_file_is_not_read_into_memory(tmp_path: Path) -> None:
    told = {"path": "corpora/a.yaml", "size": 40 << 20, "sha256": "0" * 64}
    files = [manifest_of([], files=[told]), entry("corpora/" + "a" * (30 << 20), b"")]
    tracemalloc.start()
    with pytest.raises(RefusedFileError):
        backup.restore(packed(tmp_path / "b", files), tmp_path / "new")
    before = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    with pytest.raises(RefusedFileError):
        backup.restore(tmp_path / "b", tmp_path / "new")
    assert tracemalloc.get_traced_memory()[1] < 10 << 20 < before
    tracemalloc.stop()


def test_a_part_of_a_store_on_another_disk_is_kept_too(tiny: TinyHome, tmp_path: Path) -> None:
    records = tiny.store.folder / "records"
    shutil.move(records, tmp_path / "disk")
    records.symlink_to(tmp_path / "disk")
    for name in ("a.xml.gz.part", "a.xml.gz.note"):
        path = tiny.store.folder / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    backup.backup(tiny.rooms, tmp_path / "b")
    backup.restore(tmp_path / "b", tmp_path / "new")
    there = set(files_of(tmp_path / "new"))
    assert {f"corpora/store/records/00000{n}.parquet" for n in (1, 2)} < there
    assert not any(name.endswith((".part", ".note")) for name in there)


def test_a_home_whose_store_is_a_link_is_backed_up_to_elsewhere_and_not_restored_into(
    archive: Path, tiny: TinyHome, tmp_path: Path
) -> None:
    shutil.move(tiny.store.folder, tmp_path / "disk")
    tiny.store.folder.symlink_to(tmp_path / "disk")
    with pytest.raises(BadInputError, match="hold itself"):
        backup.backup(tiny.rooms, tmp_path / "disk" / "b")
    made = backup.backup(tiny.rooms, tmp_path / "b")
    assert made.commits == 2
    init_home(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    (tmp_path / "new" / "corpora" / "store").symlink_to(tmp_path / "empty")
    with pytest.raises(BadInputError, match="is a link"):
        restore_home(archive, tmp_path / "new")


def test_a_store_of_an_older_layout_is_backed_up_restored_and_migrated(tmp_path: Path) -> None:
    init_home(tmp_path / "old")
    fixture = Path(__file__).parent / "fixtures" / "layout1"
    for part in ("commits", "records", "texts"):
        shutil.copytree(fixture / part, tmp_path / "old" / "corpora" / "store" / part)
    open_home(tmp_path / "old").backup(tmp_path / "b")
    restore_home(tmp_path / "b", tmp_path / "new")
    with pytest.raises(StoreDamagedError, match="layout 1"):
        open_home(tmp_path / "new").status()
    assert open_home(tmp_path / "new").migrate()["rewritten"] == 3


def test_a_restored_home_goes_on_where_the_other_stood(tiny: TinyHome, tmp_path: Path) -> None:
    Home(tiny.rooms, lambda: at(3)).refresh()
    backup.backup(tiny.rooms, tmp_path / "b")
    rooms, _ = backup.restore(tmp_path / "b", tmp_path / "new")
    other = TinyHome(rooms)
    for each in (tiny, other):
        each.load("pubmed26n0003.xml", paper(3, "More velorine", abstract="Velorine eased pain again."), known=5)
        Home(each.rooms, lambda: at(6)).refresh()
    first, second = (Home(each.rooms, lambda: at(6)) for each in (tiny, other))
    assert first.status() == second.status()
    assert contract.canonical(first.search("velorine")) == contract.canonical(second.search("velorine"))


def test_the_command_line_backs_up_and_restores(
    sample_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--home", str(sample_home), "backup", str(tmp_path / "b.tar.zst")]) == 0
    assert "3 commits" in capsys.readouterr().out
    assert run(["restore", str(tmp_path / "b.tar.zst")]) == 2
    capsys.readouterr()
    assert run(["restore", str(tmp_path / "b.tar.zst"), "--into", str(tmp_path / "new"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "consilience/restore/1"
    assert run(["restore", str(tmp_path / "b.tar.zst"), "--home", str(tmp_path / "new")]) == 2
    assert "holds facts already" in capsys.readouterr().err


assert BASELINE < BETWEEN < UPDATE
