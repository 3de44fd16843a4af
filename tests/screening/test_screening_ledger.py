from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience.errors import StoreDamagedError
from consilience.records import canonical_json
from consilience.screening.ledger import Ledger, as_json

ADA = {"type": "person", "name": "ada"}


def now() -> datetime:
    return datetime(2026, 1, 2, tzinfo=UTC)


def ledger(folder: Path, notes: int = 0) -> Ledger:
    made = Ledger(folder / "ledger.jsonl", now)
    for number in range(notes):
        made.append("note", ADA, {"text": f"note {number}"})
    return made


def reread(folder: Path) -> Ledger:
    return Ledger(folder / "ledger.jsonl", now)


def lines(folder: Path) -> list[bytes]:
    return (folder / "ledger.jsonl").read_bytes().splitlines(keepends=True)


def damaged(folder: Path) -> str:
    with pytest.raises(StoreDamagedError) as failure:
        reread(folder).entries()
    assert failure.value.exit_status == 3
    assert "--salvage" in failure.value.expected
    assert reread(folder).verify()
    return failure.value.message


def test_what_was_appended_is_read_again_and_chained(tmp_path: Path) -> None:
    made = ledger(tmp_path, 3)
    found = reread(tmp_path).entries()
    assert found == made.entries()
    assert [entry.seq for entry in found] == [1, 2, 3]
    assert [entry.previous for entry in found[1:]] == [entry.sha256 for entry in found[:-1]]
    assert not reread(tmp_path).verify()


def test_a_line_is_the_canonical_json_of_its_entry(tmp_path: Path) -> None:
    made = ledger(tmp_path, 1)
    assert lines(tmp_path)[0].decode() == canonical_json(as_json(made.entries()[0])) + "\n"


def test_two_writers_append_to_one_chain(tmp_path: Path) -> None:
    one, other = ledger(tmp_path), ledger(tmp_path)
    for number in range(5):
        one.append("note", ADA, {"text": f"one {number}"})
        other.append("note", ADA, {"text": f"other {number}"})
    assert len(one.entries()) == len(reread(tmp_path).entries()) == 10


def test_an_edited_line_is_found(tmp_path: Path) -> None:
    ledger(tmp_path, 4)
    all_ = lines(tmp_path)
    all_[1] = all_[1].replace(b"note 1", b"note 9")
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(all_))
    assert "line 2 is not what its hash says" in damaged(tmp_path)


def test_a_removed_line_is_found(tmp_path: Path) -> None:
    ledger(tmp_path, 4)
    all_ = lines(tmp_path)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(all_[:1] + all_[2:]))
    assert "line 2 does not follow" in damaged(tmp_path)


def test_lines_in_another_order_are_found(tmp_path: Path) -> None:
    ledger(tmp_path, 4)
    all_ = lines(tmp_path)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join([all_[0], all_[2], all_[1], all_[3]]))
    assert "does not follow" in damaged(tmp_path)


def test_a_cut_at_the_end_is_found_by_the_head(tmp_path: Path) -> None:
    ledger(tmp_path, 4)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(lines(tmp_path)[:-1]))
    assert "entry 4, which ledger.head names as written, is not there" in damaged(tmp_path)


def test_a_ledger_without_its_head_is_no_proof_of_its_end(tmp_path: Path) -> None:
    ledger(tmp_path, 4)
    (tmp_path / "ledger.head").unlink()
    assert "ledger.head is missing" in damaged(tmp_path)


def test_a_ledger_rewritten_with_its_head_is_found_by_a_hash_written_down_elsewhere(tmp_path: Path) -> None:
    known = ledger(tmp_path, 4).entries()[-1].sha256
    other = tmp_path / "other"
    other.mkdir()
    ledger(other, 3)
    for name in ("ledger.jsonl", "ledger.head"):
        (tmp_path / name).write_bytes((other / name).read_bytes())
    assert not reread(tmp_path).verify()
    assert "was written down" in reread(tmp_path).verify(head=known)[0].problem


def test_the_remains_of_a_last_line_are_set_aside_and_told(tmp_path: Path) -> None:
    ledger(tmp_path, 2)
    with (tmp_path / "ledger.jsonl").open("ab") as handle:
        handle.write(b'{"actor":{"name":"ada"')
    opened = reread(tmp_path)
    assert len(opened.entries()) == 2
    opened.append("note", ADA, {"text": "on"})
    assert "was set aside" in opened.torn[0]
    assert b'\\"ada\\"' in (tmp_path / "ledger.torn").read_bytes()
    assert len(reread(tmp_path).entries()) == 3


def test_a_head_that_is_one_behind_is_no_fault(tmp_path: Path) -> None:
    made = ledger(tmp_path, 2)
    behind = (tmp_path / "ledger.head").read_bytes()
    made.append("note", ADA, {"text": "on"})
    (tmp_path / "ledger.head").write_bytes(behind)
    assert not reread(tmp_path).verify()
    reread(tmp_path).append("note", ADA, {"text": "more"})
    assert len(reread(tmp_path).entries()) == 4


def test_an_entry_of_an_unknown_kind_is_a_programming_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such entry"):
        ledger(tmp_path).append("gossip", ADA, {})


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_change_of_a_byte_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger(folder, 3)
    raw = bytearray((folder / "ledger.jsonl").read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    (folder / "ledger.jsonl").write_bytes(bytes(raw))
    assert reread(folder).verify()


WRITER = textwrap.dedent("""
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from consilience.screening.ledger import Ledger
    ledger = Ledger(Path(sys.argv[1]), lambda: datetime(2026, 1, 2, tzinfo=UTC))
    number = len(ledger.entries())
    while True:
        entry = ledger.append("note", {"type": "person", "name": "ada"}, {"text": f"note {number}"})
        print(entry.seq, flush=True)
        number += 1
""")


def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for kill in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        told = 0
        for _ in range(3 + kill):
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        told = max([told, *map(int, writer.stdout.read().split("\n")[:-1])])
        writer.wait()
        writer.stdout.close()
        found = reread(tmp_path).entries()
        assert len(found) >= told
        assert [entry.body["text"] for entry in found] == [f"note {number}" for number in range(len(found))]
