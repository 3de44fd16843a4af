"""The doctor: every fault named with its repair, nothing else called one, nothing written."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consilience import Home, contract, doctor, init_home, open_home
from consilience.cli import run
from consilience.corpora.store import ROWS, Store
from consilience.errors import StoreDamagedError
from consilience.home import Rooms
from consilience.records import Deletion, Quarantined
from tests.making import TinyHome, at, paper


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = TinyHome.make(tmp_path_factory.mktemp("doctor") / "home")
    bad = Quarantined(61, "no title", "<PubmedArticle>\x1b[31mred" + "x" * 500)
    papers = [paper(n, f"Velorine trial {n}", abstract=f"Velorine eased pain {n}.") for n in range(1, 61)]
    made.load("pubmed26n0001.xml", *papers, bad, known=0)
    made.load("pubmed26n0002.xml", Deletion("7", "1"), paper(8, "Velorine again"), known=1)
    Home(made.rooms, lambda: at(5)).refresh()
    return made.rooms.root


@pytest.fixture
def rooms(template: Path, tmp_path: Path) -> Rooms:
    shutil.copytree(template, tmp_path / "home")
    return Rooms(tmp_path / "home")


def faults(rooms: Rooms, *, deep: bool = False) -> dict[str, str]:
    """The checks that failed, each with its repair."""
    return {
        check.name: f"{check.detail}|{check.repair}"
        for check in doctor.examine(rooms, at(5), deep=deep)
        if not check.ok
    }


def test_a_sound_home_is_sound_and_stays_as_it_is(rooms: Rooms, tmp_path: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.name != ".lock"}
    said = contract.validated("doctor", Home(rooms, lambda: at(5)).doctor())
    assert said["ok"], [check for check in said["checks"] if not check["ok"]]
    assert faults(rooms, deep=True) == {}
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.name != ".lock"} == before
    told = {check["name"]: check["detail"] for check in said["checks"]}
    assert "2 of layout" in told["commits"] and "52 sampled rows" in told["commits"]
    assert told["quarantine"].startswith("1 unusable") and "61 passages" in told["snapshot, index and graph"]
    assert told["gpu"]


def store_file(rooms: Rooms, name: str) -> Path:
    return rooms.corpora / name


def changed_row(rooms: Rooms, row: int, **values: Any) -> None:
    path = store_file(rooms, "records/000001.parquet")
    rows = pq.read_table(path).to_pylist()
    rows[row].update(values)
    pq.write_table(pa.Table.from_pylist(rows, schema=ROWS), path)


def changed_text(rooms: Rooms) -> None:
    changed_row(rooms, 3, title="Another title")


def built(rooms: Rooms, pattern: str) -> Path:
    return next(iter(sorted(rooms.root.glob(pattern))))


DAMAGE: dict[str, tuple[str, Callable[[Rooms], Any], str]] = {
    "facts gone": ("commits", lambda r: store_file(r, "records/000001.parquet").unlink(), "backup"),
    "facts cut": ("commits", lambda r: store_file(r, "records/000001.parquet").write_bytes(b"PAR1"), "backup"),
    "texts gone": ("commits", lambda r: store_file(r, "texts/000002.arrow").unlink(), "backup"),
    "texts of another": ("commits", lambda r: shutil.copy(store_file(r, "texts/000002.arrow"),
                                                          store_file(r, "texts/000001.arrow")), "backup"),
    "a commit missing": ("commits", lambda r: store_file(r, "commits/000001.json").unlink(), "backup"),
    "a commit cut": ("commits", lambda r: store_file(r, "commits/000002.json").write_text("{"), "backup"),
    "another layout": ("commits", lambda r: store_file(r, "commits/000001.json").write_text('{"layout":1}'), "migrate"),
    "a title changed": ("commits", changed_text, "backup"),
    "a row turned": ("commits", lambda r: changed_row(r, 3, op="delete"), "backup"),
    "meta changed": ("commits", lambda r: changed_row(r, 3, version="0" * 12), "backup"),
    "pointer cut": ("snapshot, index and graph", lambda r: store_file(r, "current.json").write_text("{"), "delete it"),
    "snapshot gone": ("snapshot, index and graph",
                      lambda r: shutil.rmtree(store_file(r, "snapshots")), "refresh"),
    "passages cut": ("snapshot, index and graph",
                     lambda r: built(r, "corpora/store/snapshots/*/passages.parquet").write_bytes(b"x"), "refresh"),
    "lexical gone": ("snapshot, index and graph",
                     lambda r: shutil.rmtree(built(r, "indexes/store/*/*/lexical")), "refresh"),
    "dense cut": ("snapshot, index and graph",
                  lambda r: built(r, "indexes/store/*/*/dense/*/exact.faiss").write_bytes(b"x"), "refresh"),
    "dense of another": ("snapshot, index and graph", lambda r: _shorter(
        built(r, "indexes/store/*/*/dense/rows.parquet")), "refresh"),
    "graph gone": ("snapshot, index and graph", lambda r: built(r, "kg/store/*/*/claims.parquet").unlink(), "refresh"),
    "YAML broken": ("definitions", lambda r: (r.root / "kg" / "schema.yaml").write_text("a: [b"), "correct"),
    "language settings": (
        "definitions", lambda r: (r.root / "corpora" / "language.yaml").write_text("tokens: many"), "correct"),
    "YAML unknown key": ("definitions", lambda r: (r.root / "indexes" / "exact.yaml").write_text("colour: red"),
                         "correct"),
    "YAML unknown key where nothing is chosen": (
        "definitions", lambda r: (r.root / "indexes" / "hnsw.yaml").write_text("like: exact\ncolour: red"), "correct"),
    "suite broken": ("definitions", lambda r: (r.root / "evaluation" / "bioasq.yaml").write_text("kind: none"),
                     "correct"),
    "leftovers": ("leftovers", lambda r: (r.corpora / ".staging-123-x.json").touch(), "refresh"),
    "erasure interrupted": ("erasures", lambda r: _touch(r.corpora / "forgotten" / "000001.unfinished"), "refresh"),
    "quarantine gone": ("quarantine", lambda r: store_file(r, "quarantine/000001.parquet").unlink(), "backup"),
    "shortfall cut": ("shortfalls", lambda r: _touch(r.corpora / "shortfalls" / "000001.json"), "backup"),
}  # fmt: skip


def _touch(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.touch()


def _shorter(path: Path) -> None:
    pq.write_table(pq.read_table(path).slice(1), path)


@pytest.mark.parametrize("name", list(DAMAGE))
def test_a_fault_is_named_with_its_repair(rooms: Rooms, name: str) -> None:
    check, harm, repair = DAMAGE[name]
    harm(rooms)
    found = faults(rooms)
    assert check in found and repair in found[check].partition("|")[2], found
    assert str(rooms.root) not in json.dumps(found)
    if check not in ("commits", "snapshot, index and graph") and name != "YAML unknown key":  # the index reads it, too
        assert list(found) == [check]


def test_what_a_sample_misses_a_deep_look_finds(rooms: Rooms) -> None:
    changed_row(rooms, 55, title="Another title")
    assert faults(rooms) == {}
    assert list(faults(rooms, deep=True)) == ["commits"]


def test_the_repair_that_is_named_repairs(rooms: Rooms) -> None:
    shutil.rmtree(store_file(rooms, "snapshots"))
    (rooms.corpora / ".staging-old").mkdir()
    assert set(faults(rooms)) == {"snapshot, index and graph", "leftovers"}
    Home(rooms, lambda: at(6)).refresh()
    assert faults(rooms) == {}


def test_while_somebody_writes_his_files_are_no_leftovers(rooms: Rooms) -> None:
    with Rooms(rooms.root).writing():
        (rooms.corpora / ".staging-1-x").touch()
        assert faults(rooms) == {}


def test_an_empty_home_and_one_with_forgotten_documents_are_sound(rooms: Rooms, tmp_path: Path) -> None:
    init_home(tmp_path / "empty")
    said = contract.validated("doctor", open_home(tmp_path / "empty").doctor(deep=True))
    assert said["ok"] and "nothing has been refreshed" in said["checks"][1]["detail"]
    home = Home(rooms, lambda: at(6))
    home.forget("PMID:3", reason="asked to")
    assert home.doctor(deep=True)["ok"]
    home.refresh()
    TinyHome(rooms).load("pubmed26n0003.xml", paper(3, "Velorine trial 3"), paper(70), known=5)
    assert home.doctor(deep=True)["ok"]


def test_a_clock_that_ran_ahead_is_told_since_it_hides_what_is_loaded_afterwards(rooms: Rooms, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("pmid,notice_pmid,date,kind\n1,,2010-01-01,retracted\n")
    ahead, home = Home(rooms, lambda: at(4000)), Home(rooms, lambda: at(6))
    assert ahead.ingest_retractions([path])["warnings"] == []
    path.write_text("pmid,notice_pmid,date,kind\n2,,2010-01-01,retracted\n")
    [warning] = home.ingest_retractions([path])["warnings"]
    assert "before the last load" in warning and "retractions included" in warning
    home.refresh()
    assert home.status()["documents"]["retracted"] == 0 and ahead.status()["documents"]["retracted"] == 2
    [fault] = [check for check in home.doctor()["checks"] if not check["ok"]]
    assert fault["name"] == "clock" and warning == fault["detail"] and fault["repair"]


def test_a_missing_package_is_named_with_its_extra(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", {"no-such-part": "install the models extra"})
    assert faults(rooms) == {"no-such-part": "not installed|install the models extra"}


def test_a_full_disk_is_told_before_a_refresh_meets_it(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    assert list(faults(rooms)) == ["disk"]


def test_a_gpu_is_told_with_what_uses_it() -> None:
    assert doctor._gpu([]) == "none: CPU path"
    assert doctor._gpu([Path("/dev/nvidia0")]).startswith("1 present")


def test_quarantine_lists_what_could_not_be_used(rooms: Rooms, capsys: pytest.CaptureFixture[str]) -> None:
    said = contract.validated("quarantine", Home(rooms, lambda: at(5)).quarantine())
    (row,) = said["rows"]
    assert (row["commit"], row["file"], row["reason"], len(row["raw"])) == (1, "pubmed26n0001.xml", "no title", 200)
    assert run(["--home", str(rooms.root), "quarantine"]) == 0
    shown = capsys.readouterr().out
    assert "pubmed26n0001.xml record 62: no title" in shown and "\x1b" not in shown
    shutil.rmtree(rooms.corpora / "quarantine")
    with pytest.raises(StoreDamagedError):
        list(doctor.quarantine(Store(rooms)))


def test_the_command_line_exits_3_and_shows_the_repair(rooms: Rooms, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--home", str(rooms.root), "doctor", "--deep"]) == 0
    capsys.readouterr()
    store_file(rooms, "current.json").write_text("{")
    assert run(["--home", str(rooms.root), "doctor"]) == 3
    assert "Repair: delete it and refresh" in capsys.readouterr().out
    assert run(["--home", str(rooms.root), "status", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["message"]) == ("damaged", "the pointer to the last refresh is unreadable")


def test_an_unusable_record_of_a_real_file_is_listed(tmp_path: Path) -> None:
    init_home(tmp_path / "home")
    lines = [{"pmid": "99000001", "title": "A title"}, {"pmid": "99000002"}]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    home = open_home(tmp_path / "home")
    assert home.ingest_records([tmp_path / "a.jsonl.gz"])["quarantined"] == 1
    (row,) = home.quarantine()["rows"]
    assert row["file"] == "a.jsonl.gz" and "99000002" in row["raw"] and "title" in row["reason"]
