"""Where a home is found, how it is made, and that nothing is ever half written."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from consilience import home
from consilience.errors import BadInputError, BusyError
from consilience.home import ROOMS, Rooms


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return home.init(tmp_path / "made")


def test_a_new_home_has_the_definitions_and_no_built_artefact(rooms: Rooms) -> None:
    assert home.has_rooms(rooms.root)
    assert {path.name for path in rooms.root.iterdir()} == set(ROOMS)
    assert (rooms.root / "corpora" / "sample" / "guidelines.jsonl").is_file()
    assert not [path for path in rooms.root.rglob("*") if path.name in ("store", "runs", "build.py")]


def test_a_home_is_never_made_over_something_else(rooms: Rooms, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for taken in (rooms.root, file):
        with pytest.raises(BadInputError):
            home.init(taken)
    (tmp_path / "empty").mkdir()
    assert home.has_rooms(home.init(tmp_path / "empty").root)


def test_the_home_given_wins_over_the_variable_which_wins_over_the_folder(
    rooms: Rooms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, third = home.init(tmp_path / "second"), home.init(tmp_path / "third")
    (third.root / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(third.root / "deep" / "down")
    assert home.find().root == third.root
    monkeypatch.setenv("CONSILIENCE_HOME", str(second.root))
    assert home.find().root == second.root
    assert home.find(rooms.root).root == rooms.root


def test_outside_of_any_home_the_packaged_one_is_read_and_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = home.find()
    assert found.root == home.packaged() and not found.writable
    with pytest.raises(BadInputError, match="read-only"), found.writing():
        pass


def test_a_folder_that_is_no_home_is_refused_by_name(tmp_path: Path) -> None:
    for room in ROOMS:
        (tmp_path / room).mkdir()  # four rooms without a definition are no home
    with pytest.raises(BadInputError, match="no home at"):
        home.find(tmp_path)


def test_only_one_writer_holds_a_home(rooms: Rooms) -> None:
    with rooms.writing(), pytest.raises(BusyError), Rooms(rooms.root).writing():
        pass
    with rooms.writing():
        pass


def test_a_writer_may_wait_for_another_but_no_longer_than_it_said(rooms: Rooms) -> None:
    with rooms.writing(), pytest.raises(BusyError), Rooms(rooms.root).writing(wait=0.1):
        pass
    with ThreadPoolExecutor() as pool, rooms.writing():

        def second() -> bool:
            with Rooms(rooms.root).writing(wait=60):
                return released

        released = False
        waiting = pool.submit(second)
        assert not wait([waiting], timeout=0.2).done
        released = True
    assert waiting.result()


def test_a_folder_that_is_held_is_not_removed_and_one_that_is_going_is_not_held(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    (folder / "deep").mkdir(parents=True)
    first, second = home.hold(folder), home.hold(folder)
    assert first is not None and second is not None
    os.close(first)
    assert not home.retire(folder) and (folder / "deep").is_dir()
    os.close(second)
    assert home.retire(folder) and not list(tmp_path.iterdir())
    assert home.hold(folder) is None and home.retire(folder)


def test_a_missing_definition_says_which_there_are(rooms: Rooms) -> None:
    with pytest.raises(BadInputError) as caught:
        rooms.definition("indexes", "fancy")
    assert "exact" in caught.value.expected


@pytest.mark.parametrize("text", [b"- a list", b"a: [", b"\xff\xfe", b""])
def test_a_definition_that_is_no_mapping_is_bad_input(rooms: Rooms, text: bytes) -> None:
    (rooms.root / "indexes" / "odd.yaml").write_bytes(text)
    with pytest.raises(BadInputError, match="YAML mapping"):
        rooms.definition("indexes", "odd")


def test_a_file_is_written_whole_over_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    for text in (b"old", b"new"):
        home.write_atomically(target, text)
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_folder_is_published_with_all_that_is_in_it(tmp_path: Path) -> None:
    with home.staging(tmp_path, "trial") as scratch:
        (scratch / "made" / "deep").mkdir(parents=True)
        (scratch / "made" / "deep" / "file").write_text("text")
        home.publish(scratch / "made", tmp_path / "store" / "name")
    assert (tmp_path / "store" / "name" / "deep" / "file").read_text() == "text"
    assert not scratch.exists()


def test_staging_clears_what_a_killed_run_left_and_what_a_failed_one_leaves(tmp_path: Path) -> None:
    (tmp_path / ".staging-trial").mkdir()
    (tmp_path / ".staging-trial" / "left").touch()
    with pytest.raises(RuntimeError), home.staging(tmp_path, "trial") as scratch:
        assert not list(scratch.iterdir())
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_a_fingerprint_is_of_the_value_and_not_of_its_order() -> None:
    assert home.fingerprint({"a": 1, "b": [2]}) == home.fingerprint({"b": [2], "a": 1}) != home.fingerprint({"a": 1})
