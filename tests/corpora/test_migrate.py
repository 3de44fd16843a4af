"""Stores of earlier layouts: told apart, brought up to date, and only once.

The fixture is a store that the code of layout 1 wrote from five synthetic citations, an update of them and a
retraction list; `files` holds what it read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consilience import Home, contract, init_home, open_home
from consilience.cli import run
from consilience.corpora import migrate as migration
from consilience.corpora.store import LAYOUT, ROWS
from consilience.errors import StoreDamagedError

OLD = Path(__file__).parent.parent / "fixtures" / "layout1"
FIRST = "2026-01-01T00:00:00Z"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    init_home(tmp_path / "old")
    for part in ("commits", "records", "texts"):
        shutil.copytree(OLD / part, tmp_path / "old" / "corpora" / "store" / part)
    return tmp_path / "old"


def bytes_of(root: Path) -> dict[str, bytes]:
    store = root / "corpora" / "store"
    return {str(p.relative_to(store)): p.read_bytes() for part in ("commits", "records", "texts")
            for p in sorted((store / part).iterdir())}  # fmt: skip


def table(root: Path, seq: int, columns: list[str] | None = None) -> pa.Table:
    return pq.read_table(root / "records" / f"{seq:06d}.parquet", columns=columns)


def test_what_was_stored_is_as_it_was_row_by_row(old: Path) -> None:
    said = contract.validated("migrate", open_home(old).migrate())
    assert (said["layout"], said["commits"], said["rewritten"]) == (LAYOUT, 3, 3)
    store = old / "corpora" / "store"
    for seq in (1, 2, 3):
        before = table(OLD, seq)
        assert table(store, seq).schema.names == ROWS.names
        assert table(store, seq, before.schema.names).equals(before)
        commit, was = (json.loads((root / "commits" / f"{seq:06d}.json").read_text()) for root in (store, OLD))
        assert commit == {**was, "layout": LAYOUT}
    assert all((OLD / "texts" / path.name).read_bytes() == path.read_bytes() for path in (store / "texts").iterdir())


def test_what_became_a_column_is_what_the_records_say(old: Path) -> None:
    home = open_home(old)
    home.migrate()
    rows = home.store.rows(1, ["id", "doi", "registry", "sample_size"]).to_pylist()
    assert [row["doi"] for row in rows] == [f"10.5555/consilience.{row['id'][5:]}" for row in rows]
    assert [row["registry"] for row in rows] == [
        None, None, '["NCT99000001"]', '["NCT99000003"]', '["NCT99000002"]'
    ]  # fmt: skip
    assert rows[4]["sample_size"] == 16_500
    assert home.store.rows(2, ["op", "doi"]).to_pylist() == [{"op": "mark", "doi": None}]
    assert home.store.rows(3, ["op", "doi"]).to_pylist()[1] == {"op": "delete", "doi": None}


def test_a_migrated_home_is_refreshed_and_asked(old: Path) -> None:
    home = open_home(old, now="2026-03-01T00:00:00Z")
    home.migrate()
    home.refresh()
    assert home.status()["documents"]["deleted"] == home.status()["documents"]["retracted"] == 1
    assert len(home.show("PMID:99000002")["versions"]) == 2
    assert home.show("PMID:99000006", known_at=FIRST)["status"] == "active"


def test_a_second_migration_writes_nothing(old: Path) -> None:
    home = open_home(old)
    home.migrate()
    before = {p: p.stat().st_mtime_ns for p in (old / "corpora" / "store").rglob("*") if p.name != ".lock"}
    assert home.migrate()["rewritten"] == 0
    assert {p: p.stat().st_mtime_ns for p in (old / "corpora" / "store").rglob("*") if p.name != ".lock"} == before


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_killed_migration_goes_on_where_it_stopped(
    old: Path, tmp_path: Path, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(old, tmp_path / "whole")
    open_home(tmp_path / "whole").migrate()
    write, left = migration.write_atomically, calls

    def killed(path: Path, data: bytes) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt  # the rows are rewritten, the commit file is not
        write(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(migration, "write_atomically", killed)
        with pytest.raises(KeyboardInterrupt):
            open_home(old).migrate()
    with pytest.raises(StoreDamagedError, match="layout 1"):
        open_home(old).status()
    assert open_home(old).migrate()["rewritten"] == 3 - (calls - 1)
    assert bytes_of(old) == bytes_of(tmp_path / "whole")


CALLS: list[Callable[[Home], object]] = [
    Home.status, Home.refresh, lambda h: h.show("PMID:99000001"), lambda h: h.search("aspirin"),
    lambda h: h.ask("Does aspirin prevent stroke?"), lambda h: h.graph_conflicts(),
    lambda h: h.ingest_retractions([OLD / "files" / "retractions.csv"]),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_every_command_names_the_layout_and_the_remedy(old: Path, call: Callable[[Home], object]) -> None:
    with pytest.raises(StoreDamagedError) as told:
        call(open_home(old))
    assert told.value.message == f"this store has layout 1; this version reads {LAYOUT}"
    assert told.value.expected == "run consilience migrate"


def test_the_command_line_exits_3_then_migrates(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--home", str(old), "status", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["expected"] == "run consilience migrate"
    assert run(["--home", str(old), "migrate"]) == 0
    assert "3 of 3 commits rewritten" in capsys.readouterr().out
    assert run(["--home", str(old), "migrate"]) == 0
    assert capsys.readouterr().out == f"layout {LAYOUT}: 0 of 3 commits rewritten\n"


def test_a_newer_store_is_left_alone(old: Path) -> None:
    for path in (old / "corpora" / "store" / "commits").iterdir():
        path.write_text(path.read_text().replace('"layout":1', f'"layout":{LAYOUT + 1}'))
    before = bytes_of(old)
    for call in (Home.migrate, Home.refresh):
        with pytest.raises(StoreDamagedError, match=f"layout {LAYOUT + 1}") as told:
            call(open_home(old))
        assert told.value.expected == "a newer consilience"
    assert bytes_of(old) == before


def test_damaged_facts_stop_the_migration_and_are_named(old: Path) -> None:
    (old / "corpora" / "store" / "records" / "000002.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(StoreDamagedError) as told:
        open_home(old).migrate()
    assert told.value.where == "corpora/store/records/000002.parquet"
    assert json.loads((old / "corpora" / "store" / "commits" / "000003.json").read_text())["layout"] == 1


def test_a_commit_without_a_layout_is_of_the_first(old: Path) -> None:
    path = old / "corpora" / "store" / "commits" / "000001.json"
    path.write_text(path.read_text().replace('"layout":1,', ""))
    assert open_home(old).migrate()["rewritten"] == 3
    assert open_home(old).store.rows(1, ROWS.names).num_rows == 5
