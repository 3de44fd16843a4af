"""Fetching NLM's files from a server that lies, breaks off and forgets: what is loaded is the truth, or told."""

from __future__ import annotations

import gzip
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consilience import Home, contract, home
from consilience.corpora import manifest, remote
from consilience.corpora.manifest import local_files
from consilience.corpora.remote import note_of
from consilience.corpora.store import Store
from consilience.corpora.web import fetching
from consilience.errors import BadInputError, BusyError, ConsilienceError
from consilience.home import Rooms
from tests import loopback
from tests.loopback import FileServer, Ticking, cut_at, md5, network, packed
from tests.making import at
from tests.test_refresh import listing

FIRST = 99_000_001
ONE, TWO, THREE, FOUR = (f"pubmed26n000{n}.xml.gz" for n in range(1, 5))


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        running.put("baseline", ONE, packed(FIRST, FIRST + 1))
        running.put("baseline", TWO, packed(FIRST + 2))
        running.put("updatefiles", THREE, packed(FIRST + 1, FIRST + 3, title="An update of velorine"))
        yield running


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that was refreshed while it was empty: a refresh without news then costs nothing."""
    folder = tmp_path_factory.mktemp("template") / "home"
    rooms = home.init(folder)
    profile = folder / "indexes" / "exact.yaml"
    profile.write_text(profile.read_text().replace("embedding: minilm", "embedding: hashed"))
    Home(rooms, lambda: at(0)).refresh(offline=True)
    return folder


@pytest.fixture
def opened(tmp_path: Path, template: Path, server: FileServer) -> Home:
    return copied(template, tmp_path / "home", server)


def copied(folder: Path, to: Path, server: FileServer, **more: Any) -> Home:
    opened = Home(Rooms(shutil.copytree(folder, to)), lambda: at(0))
    enable(opened, server, **more)
    opened.network = network()
    return opened


def enable(opened: Home, server: FileServer, **more: Any) -> None:
    said = {"enabled": "true", "baseline": f"{server.url}baseline/", "updates": f"{server.url}updatefiles", **more}
    text = ", ".join(f"{name}: {value}" for name, value in said.items())
    (opened.rooms.root / "corpora" / "pubmed.yaml").write_text(f"files: []\nremote: {{{text}}}\n")


def update(opened: Home, **more: Any) -> remote.Outcome:
    """Fetch and load, without the refresh that follows."""
    said = manifest.remote(opened.rooms)
    assert said is not None
    return remote.update(opened.store, said, opened.network, opened.now, opened.ingest_pubmed, **more)


def loaded(opened: Home) -> dict[str, str]:
    """The latest loaded content of each file, by its name: SHA-256."""
    return {c.file: c.sha256 for c in opened.store.commits() if c.kind == "pubmed"}


def ids(opened: Home) -> set[int]:
    rows = (row for c in opened.store.commits() for row in opened.store.rows(c.seq, ["id"], "put")["id"].to_pylist())
    return {int(document.removeprefix("PMID:")) for document in rows}


def short(opened: Home) -> dict[str, str]:
    return {each["source"]: each["kind"] for each in opened.status()["shortfalls"]}


# ---------------------------------------------------------------- the whole way


def test_a_refresh_lists_fetches_loads_and_refreshes_and_a_second_one_changes_nothing(
    opened: Home, server: FileServer
) -> None:
    first = contract.validated("refresh", opened.refresh())
    assert first["fetched"] == [ONE, TWO, THREE] and first["shortfalls"] == []
    assert [(line["file"], line["status"]) for line in first["files"]] == [(n, "loaded") for n in (ONE, TWO, THREE)]
    assert first["documents"]["active"] == 4
    shown = opened.show(f"PMID:{FIRST + 1}", as_of="2025")
    assert shown["fields"]["title"].startswith("An update")
    before = listing(opened.rooms.corpora)
    again = contract.validated("refresh", opened.refresh())
    assert (again["fetched"], again["files"], again["changed"]) == ([], [], False)
    assert {n: v for n, v in listing(opened.rooms.corpora).items() if not n.endswith(".lock")} == {
        n: v for n, v in before.items() if not n.endswith(".lock")
    }


def test_checksums_come_first_and_files_once(opened: Home, server: FileServer) -> None:
    update(opened)
    assert server.asked() == ["", "", f"{ONE}.md5", ONE, f"{TWO}.md5", TWO, f"{THREE}.md5", THREE]
    assert list(local_files(opened.rooms)) == ["pubmed26n0001", "pubmed26n0002", "pubmed26n0003"]
    server.seen.clear()
    update(opened)
    assert server.asked(".gz") == []


def test_offline_asks_nobody_and_a_dry_run_writes_nothing(opened: Home, server: FileServer) -> None:
    opened.refresh(offline=True)
    assert server.seen == []
    before = listing(opened.rooms.root)
    told = contract.validated("refresh", opened.refresh(dry_run=True))
    assert told["would"] == {"fetch": [ONE, TWO, THREE], "load": [ONE, TWO, THREE], "write": 3}
    assert listing(opened.rooms.root) == before and server.asked(".gz") == []
    assert opened.refresh(dry_run=True, offline=True)["would"] == {"fetch": [], "load": [], "write": 0}


def test_a_dry_run_tells_shortfalls_and_does_not_write_them_down(opened: Home, server: FileServer) -> None:
    server.folders["baseline"].absent.add(f"{ONE}.md5")
    told = contract.validated("refresh", opened.refresh(dry_run=True))
    assert [each["source"] for each in told["shortfalls"]] == [ONE] and short(opened) == {}


def test_nothing_is_fetched_until_it_is_enabled(opened: Home, server: FileServer) -> None:
    enable(opened, server, enabled="false")
    assert opened.refresh()["fetched"] == [] and server.seen == []


def test_a_new_update_is_fetched_alone(opened: Home, server: FileServer) -> None:
    update(opened)
    server.seen.clear()
    server.put("updatefiles", FOUR, packed(FIRST + 9))
    assert update(opened).fetched == [FOUR] == server.asked(".gz")
    assert FIRST + 9 in ids(opened)


def test_a_known_name_with_another_checksum_is_fetched_and_loaded_again(opened: Home, server: FileServer) -> None:
    update(opened)
    server.put("baseline", TWO, packed(FIRST + 2, FIRST + 7))
    outcome = update(opened)
    assert outcome.fetched == [TWO] and [line["status"] for line in outcome.lines] == ["loaded"]
    assert FIRST + 7 in ids(opened)


def test_a_loaded_file_that_was_removed_to_save_room_is_not_fetched_again(opened: Home, server: FileServer) -> None:
    update(opened)
    for path in local_files(opened.rooms).values():
        path.unlink()
    server.seen.clear()
    assert update(opened).fetched == [] and server.asked(".gz") == []
    server.put("baseline", TWO, packed(FIRST + 8))
    assert update(opened).fetched == [TWO]


def test_a_file_put_here_by_hand_is_known_by_its_checksum(opened: Home, server: FileServer, tmp_path: Path) -> None:
    folder = opened.rooms.root / "corpora" / "mine"
    folder.mkdir()
    (folder / ONE).write_bytes(server.folders["baseline"].files[ONE])
    said = opened.rooms.root / "corpora" / "pubmed.yaml"
    said.write_text(said.read_text().replace("files: []", "files: [mine]"))
    assert update(opened).fetched == [TWO, THREE]
    assert set(loaded(opened)) == {ONE, TWO, THREE}
    noted = note_of(opened.rooms, ONE)
    assert noted and noted["md5"] == md5(server.folders["baseline"].files[ONE])


def test_a_fetched_file_comes_before_a_named_one_of_the_same_name(opened: Home, server: FileServer) -> None:
    folder = opened.rooms.root / "corpora" / "mine"
    folder.mkdir()
    (folder / ONE).write_bytes(packed(FIRST + 50))
    said = opened.rooms.root / "corpora" / "pubmed.yaml"
    said.write_text(said.read_text().replace("files: []", "files: [mine]"))
    assert ONE in update(opened).fetched
    assert local_files(opened.rooms)["pubmed26n0001"].parent == opened.rooms.corpora / "files"


def test_updates_alone_can_be_asked_for(opened: Home, server: FileServer) -> None:
    enable(opened, server, baseline="null")
    assert update(opened).fetched == [THREE] and short(opened) == {}


def test_two_processes_of_a_home_never_fetch_at_once(opened: Home, server: FileServer) -> None:
    with fetching(opened.rooms), pytest.raises(BusyError):
        update(opened)
    assert server.seen == []


# ---------------------------------------------------------------- asking for little


SIXTY = [f"pubmed26n{number:04d}.xml.gz" for number in range(1, 61)]


@pytest.fixture(scope="module")
def mirrored(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FileServer, Path]]:
    """A server of sixty files, and a home that has them all: the tests put back what they change of the one."""
    with FileServer() as running:
        for number, name in enumerate(SIXTY):
            running.put("updatefiles", name, packed(FIRST + number))
        folder = tmp_path_factory.mktemp("mirror") / "home"
        full = copied(template, folder, running, baseline="null")
        assert update(full).fetched == SIXTY
        yield running, folder


@pytest.fixture
def sixty(mirrored: tuple[FileServer, Path], tmp_path: Path) -> Iterator[tuple[FileServer, Home]]:
    running, folder = mirrored
    updates = running.folders["updatefiles"]
    files, sums, shown = dict(updates.files), dict(updates.sums), dict(updates.shown)
    running.seen.clear()
    yield running, copied(folder, tmp_path / "sixty", running, baseline="null")
    updates.files, updates.sums, updates.shown = files, sums, shown


def test_a_refresh_without_news_asks_for_the_listings_and_a_few_checksums(sixty: tuple[FileServer, Home]) -> None:
    server, opened = sixty
    enable(opened, server)
    asked: set[str] = set()
    for _ in range(3):
        server.seen.clear()
        outcome = update(opened)
        assert (outcome.fetched, outcome.to_load) == ([], [])
        assert server.asked()[:2] == ["", ""]
        assert len(server.seen) == 2 + remote.RECHECKED == 22
        asked |= set(server.asked(".md5"))
    # No checksum is believed for ever.
    assert asked == {f"{name}.md5" for name in SIXTY}


def test_a_dry_run_takes_no_turn_and_files_that_are_named_are_all_asked_about(sixty: tuple[FileServer, Home]) -> None:
    server, opened = sixty
    before = listing(opened.rooms.root)
    update(opened, dry_run=True)
    assert listing(opened.rooms.root) == before
    server.seen.clear()
    said = manifest.remote(opened.rooms)
    assert said is not None
    with opened.network.web(said.updates, 1000.0) as web:
        remote.Mirror(opened.store, said, web, opened.ingest_pubmed, only=frozenset(SIXTY[:50])).run()
    assert server.asked(".md5") == [f"{name}.md5" for name in SIXTY[:50]]
    assert listing(opened.rooms.root) == before


def test_files_that_the_page_shows_anew_are_fetched_at_once(sixty: tuple[FileServer, Home]) -> None:
    server, opened = sixty
    for place in (0, 30, 59):
        server.put("updatefiles", SIXTY[place], packed(FIRST + 500 + place))
    assert update(opened).fetched == [SIXTY[0], SIXTY[30], SIXTY[59]]
    assert {FIRST + 500, FIRST + 530, FIRST + 559} <= ids(opened)
    server.seen.clear()
    assert update(opened).fetched == [] and len(server.seen) == 1 + remote.RECHECKED


def test_files_that_were_replaced_unseen_are_fetched_within_three_runs(sixty: tuple[FileServer, Home]) -> None:
    server, opened = sixty
    places = (0, 19, 20, 45, 59)
    for place in places:
        server.put("updatefiles", SIXTY[place], packed(FIRST + 500 + place), unseen=True)
    runs = [update(opened).fetched for _ in range(3)]
    assert sorted(name for fetched in runs for name in fetched) == [SIXTY[place] for place in places]
    assert {FIRST + 500 + place for place in places} <= ids(opened)
    assert sorted(map(len, runs)) == [1, 2, 2]  # twenty files are looked at in a run, and no more


def test_a_page_without_dates_is_asked_about_every_file(sixty: tuple[FileServer, Home]) -> None:
    server, opened = sixty
    server.folders["updatefiles"].shown = dict.fromkeys(SIXTY, "today")
    assert update(opened).fetched == [] and len(server.seen) == 1 + len(SIXTY)


@pytest.mark.parametrize("note", ["[", '{"last": "pubmed25n0001.xml.gz"}'], ids=["garbage", "a year ago"])
def test_a_lost_place_is_the_first_one(sixty: tuple[FileServer, Home], note: str) -> None:
    server, opened = sixty
    (opened.rooms.corpora / "files" / "rechecked.json").write_text(note)
    update(opened)
    assert server.asked(".md5") == [f"{name}.md5" for name in SIXTY[: remote.RECHECKED]]


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("name", ["502 with HTML", "a reset", "429", "500 with HTML"])
def test_a_passing_fault_costs_a_try_and_nothing_else(opened: Home, server: FileServer, name: str) -> None:
    for asked in ("", f"{ONE}.md5", ONE):
        server.fail(asked, *[loopback.TRANSIENT[name]] * 2)
    update(opened)
    assert ids(opened) == set(range(FIRST, FIRST + 4)) and short(opened) == {}


def test_a_download_that_breaks_off_goes_on_where_it_broke(opened: Home, server: FileServer) -> None:
    data = server.folders["baseline"].files[ONE]
    server.fail(ONE, cut_at(data, 100))
    update(opened)
    ranges = [seen.headers.get("Range") for seen in server.seen if seen.path.endswith(ONE)]
    assert ranges == [None, "bytes=100-"] and short(opened) == {}


def test_a_server_that_knows_no_ranges_gives_it_all_again(opened: Home, server: FileServer) -> None:
    data = server.folders["baseline"].files[ONE]
    server.fail(ONE, cut_at(data, 100), loopback.status(200, data))
    update(opened)
    assert short(opened) == {} and ONE in loaded(opened)


@pytest.mark.parametrize("range_", ["bytes 7-9/300", "garbage", ""])
def test_another_part_than_was_asked_for_is_never_pieced_in(opened: Home, server: FileServer, range_: str) -> None:
    data = server.folders["baseline"].files[ONE]
    server.fail(ONE, cut_at(data, 100), loopback.status(206, b"xxx", Content_Range=range_))
    update(opened)
    assert short(opened) == {} and ONE in loaded(opened)


def test_a_part_of_other_bytes_is_thrown_away_and_fetched_anew(opened: Home, server: FileServer) -> None:
    data = server.folders["baseline"].files[ONE]
    room = opened.rooms.corpora / "files"
    room.mkdir(parents=True)
    for sum_, junk in ((md5(data), b"x" * 50), ("0" * 32, b"older")):
        (room / f"{ONE}.{sum_}.part").write_bytes(junk)
    update(opened)
    assert short(opened) == {} and list(room.glob("*.part")) == []


def test_a_part_longer_than_the_file_is_thrown_away(opened: Home, server: FileServer) -> None:
    room = opened.rooms.corpora / "files"
    room.mkdir(parents=True)
    (room / f"{ONE}.{md5(server.folders['baseline'].files[ONE])}.part").write_bytes(b"x" * 5000)
    update(opened)
    assert short(opened) == {} and ONE in loaded(opened)


BAD: dict[str, tuple[Any, str]] = {
    "a lying checksum": (lambda s: s.put("baseline", TWO, packed(FIRST + 2), "0" * 32), "checksum"),
    "no checksum in the checksum's file": (lambda s: s.put("baseline", TWO, packed(FIRST + 2), "none"), "checksum"),
    "two checksums": (lambda s: s.put("baseline", TWO, packed(FIRST + 2), f"{'0' * 32} {'1' * 32}"), "checksum"),
    "truncated gzip under its own checksum": (
        lambda s: s.put("baseline", TWO, packed(FIRST + 2)[:-30]),
        "refused_file",
    ),
    "another file under its own checksum": (lambda s: s.put("baseline", TWO, b"<html/>"), "refused_file"),
    "listed, and not there": (lambda s: s.folders["baseline"].absent.add(TWO), "absent"),
    "listed without its checksum": (lambda s: s.folders["baseline"].absent.add(f"{TWO}.md5"), "absent"),
    "a redirect": (lambda s: s.fail(TWO, loopback.status(302, Location="https://a.example/")), "redirected"),
    "a refusal": (lambda s: s.fail(TWO, loopback.status(403)), "refused"),
    "too long a file": (lambda s: s.put("baseline", TWO, b"x" * 3000), "too_long"),
    "an outage that lasts": (lambda s: s.fail(TWO, *[loopback.status(503)] * 6), "outage"),
    "bodies that always break off": (lambda s: s.fail(TWO, *[cut_at(b"x" * 900, 10)] * 6), "connection"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_is_refused_by_name_and_the_rest_goes_on(opened: Home, server: FileServer, fault: str) -> None:
    act, kind = BAD[fault]
    enable(opened, server, longest_file=2000)
    act(server)
    update(opened)
    assert short(opened) == {TWO: kind} and [each["ids"] for each in opened.status()["shortfalls"]] == [[TWO]]
    assert set(loaded(opened)) == {ONE, THREE}
    assert list((opened.rooms.corpora / "files").glob(f"{TWO}.*.part")) == [] or kind == "connection"
    server.folders["baseline"].absent.clear()
    server.by_name.clear()
    server.put("baseline", TWO, packed(FIRST + 2))
    update(opened)
    assert short(opened) == {} and set(loaded(opened)) == {ONE, TWO, THREE}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ([loopback.status(503)] * 6, "outage"),
        ([loopback.status(404)], "absent"),
        ([loopback.body(b"<html><title>Maintenance</title></html>")] * 6, "unparsable"),
        ([loopback.body(b"<html><title>Index of /</title></html>")], "empty"),
    ],
)
def test_a_folder_that_cannot_be_listed_is_a_shortfall_and_not_an_empty_folder(
    opened: Home, server: FileServer, fault: list[loopback.Fault], kind: str
) -> None:
    server.fail("", *fault)
    update(opened)
    assert short(opened) == {"baseline": kind}
    assert set(loaded(opened)) == {THREE}
    update(opened)
    assert short(opened) == {} and set(loaded(opened)) == {ONE, TWO, THREE}


def test_a_service_that_is_plainly_down_is_left_alone_and_the_rest_is_named(opened: Home, server: FileServer) -> None:
    for number in range(4, 14):
        server.put("updatefiles", f"pubmed26n{number:04d}.xml.gz", packed(FIRST + number))
    listings = 2

    def down(seen: loopback.Seen) -> loopback.Fault | None:
        return None if seen.path.endswith("/") else loopback.status(503)

    server.fault_for = down  # type: ignore[method-assign]
    update(opened)
    found = {each["source"]: each for each in opened.status()["shortfalls"]}
    assert set(found) == {ONE, TWO, THREE, remote.REST}
    assert len(found[remote.REST]["ids"]) == 10
    assert len(server.seen) == listings + 3 * 6
    del server.fault_for
    update(opened)
    assert short(opened) == {} and len(loaded(opened)) == 13


def test_numbers_left_out_of_a_listing_are_a_shortfall(opened: Home, server: FileServer) -> None:
    server.put("updatefiles", "pubmed26n0006.xml.gz", packed(FIRST + 6))
    update(opened)
    (told,) = opened.status()["shortfalls"]
    assert told["kind"] == "unlisted" and told["ids"] == [FOUR, "pubmed26n0005.xml.gz"]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_fails_what_is_loaded_is_the_truth_or_a_shortfall_names_the_file(
    opened: Home, server: FileServer, seed: int
) -> None:
    chance = random.Random(seed)
    for number in range(4, 9):
        server.put("updatefiles", f"pubmed26n{number:04d}.xml.gz", packed(FIRST + number))
    faults = [loopback.TRANSIENT[name] for name in ("502 with HTML", "a reset", "a short body", "429")]
    worst = 0.2 + 0.6 * (seed % 2)

    def maybe(seen: loopback.Seen) -> loopback.Fault | None:
        if chance.random() >= worst:
            return None
        data = server.folders["updatefiles"].files.get(seen.path.rpartition("/")[2], b"")
        return chance.choice([*faults, cut_at(data, len(data) // 2)])

    server.fault_for = maybe  # type: ignore[method-assign]
    update(opened)
    truth = {name: data for folder in server.folders.values() for name, data in folder.files.items()}
    named = {name for each in opened.status()["shortfalls"] for name in (each["source"], *each["ids"])}
    for name, data in truth.items():
        if name in loaded(opened):
            note = note_of(opened.rooms, name)
            assert note and (note["md5"], note["sha256"]) == (md5(data), loaded(opened)[name])
        else:
            folder = "baseline" if name in (ONE, TWO) else "updates"
            assert {name, folder} & named
    del server.fault_for
    update(opened)
    assert short(opened) == {} and set(loaded(opened)) == set(truth)


def test_requests_keep_the_pace_of_the_manifest(tmp_path: Path, template: Path) -> None:
    clock = Ticking()
    with FileServer(clock) as server:
        for number in range(1, 9):
            server.put("updatefiles", f"pubmed26n{number:04d}.xml.gz", packed(FIRST + number))
        opened = copied(template, tmp_path / "home", server, baseline="null", requests_per_second=4)
        opened.network = network(clock)
        update(opened)
        times = [seen.at for seen in server.seen]
        assert len(times) == 17 and max(sum(t <= u < t + 1 for u in times) for t in times) <= 5
        assert clock.now == pytest.approx(16 / 4)


KILLED = """
import sys
from consilience import open_home
home = open_home(sys.argv[1], now="2026-01-01")
home.refresh()
"""


def test_a_kill_in_the_middle_of_a_download_costs_only_what_was_on_the_way(opened: Home, server: FileServer) -> None:
    data = server.folders["baseline"].files[TWO]
    process: list[subprocess.Popen[bytes]] = []

    def stall(handler: loopback.Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:200])
        handler.wfile.flush()
        part = opened.rooms.corpora / "files" / f"{TWO}.{md5(data)}.part"
        # What has arrived is in a buffer of 64 KiB at most; this file is smaller, so it is the kill that is tested.
        while not part.exists():
            pass
        os.kill(process[0].pid, signal.SIGKILL)
        handler.close_connection = True

    server.fail(TWO, stall)
    enable(opened, server, requests_per_second=10)
    process.append(subprocess.Popen([sys.executable, "-c", KILLED, str(opened.rooms.root)]))
    assert process[0].wait(60) == -signal.SIGKILL
    assert set(loaded(opened)) == {ONE} and short(opened) == {}
    server.seen.clear()
    update(opened)
    assert set(loaded(opened)) == {ONE, TWO, THREE} and server.asked(".gz") == [TWO, THREE]


def test_a_part_that_a_killed_run_left_is_gone_on_with(opened: Home, server: FileServer) -> None:
    data = server.folders["baseline"].files[ONE]
    room = opened.rooms.corpora / "files"
    room.mkdir(parents=True)
    (room / f"{ONE}.{md5(data)}.part").write_bytes(data[:120])
    (room / f"{TWO}.{md5(server.folders['baseline'].files[TWO])}.part").write_bytes(
        server.folders["baseline"].files[TWO]
    )
    update(opened)
    assert [seen.headers.get("Range") for seen in server.seen if seen.path.endswith(ONE)] == ["bytes=120-"]
    # The other one was whole: only its name was missing.
    assert TWO not in server.asked(".gz") and set(loaded(opened)) == {ONE, TWO, THREE}


def test_a_file_that_was_fetched_and_not_loaded_is_loaded_next_time(opened: Home, server: FileServer) -> None:
    def killed(paths: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    said = manifest.remote(opened.rooms)
    assert said is not None
    with pytest.raises(KeyboardInterrupt):
        remote.update(opened.store, said, opened.network, opened.now, killed)
    update(opened)
    assert server.asked(".gz").count(ONE) == 1 and ONE in loaded(opened)


# ---------------------------------------------------------------- a new year


def test_a_checksum_that_unpacks_to_a_great_deal_is_refused_before_it_is_unpacked(
    opened: Home, server: FileServer
) -> None:
    update(opened)
    server.put("updatefiles", FOUR, packed(FIRST))
    server.fail(f"{FOUR}.md5", loopback.status(200, gzip.compress(bytes(64 << 20), 1), Content_Encoding="gzip"))
    tracemalloc.start()
    try:
        assert [(each.source, each.kind) for each in update(opened).shortfalls] == [(FOUR, "too_long")]
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_dry_run_tells_no_shortfall_that_was_accepted(opened: Home, server: FileServer) -> None:
    server.put("updatefiles", "pubmed26n0005.xml.gz", packed(FIRST + 4))
    update(opened)
    assert [each["source"] for each in opened.refresh(dry_run=True)["shortfalls"]] == ["numbers"]
    opened.shortfalls("numbers", reason="never published")
    assert opened.refresh(dry_run=True)["shortfalls"] == []


def test_a_full_disk_is_told_as_one_and_costs_only_what_was_on_the_way(opened: Home, server: FileServer) -> None:
    server.put("updatefiles", FOUR, packed(*range(FIRST, FIRST + 100), title=random.Random(1).randbytes(60_000).hex()))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # as near to a full disk as a test can come
    try:
        with pytest.raises(ConsilienceError, match="File too large") as failed:
            update(opened)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "room" in failed.value.expected and list(loaded(opened)) == [ONE, TWO, THREE]
    server.seen.clear()
    assert update(opened).fetched == [FOUR] and list(loaded(opened)) == [ONE, TWO, THREE, FOUR]
    assert [seen.headers["Range"] for seen in server.seen if seen.path.endswith(FOUR)] == ["bytes=50000-"]


def test_a_file_that_was_damaged_where_it_lies_is_fetched_again(opened: Home, server: FileServer) -> None:
    said = manifest.remote(opened.rooms)
    assert said is not None
    remote.update(opened.store, said, opened.network, opened.now, lambda _: {"files": [], "warnings": []})
    path = manifest.fetched_folder(opened.rooms) / ONE
    path.write_bytes(path.read_bytes()[:-8] + bytes(8))
    assert [each.source for each in update(opened).shortfalls] == [ONE]
    again = update(opened)
    assert (again.fetched, again.shortfalls, short(opened)) == ([ONE], [], {})


def test_a_listing_that_no_parser_of_html_would_take_is_a_shortfall(opened: Home, server: FileServer) -> None:
    server.fail("", *[loopback.body(b"<html><![sorry<title>")] * 6)
    assert [(each.source, each.kind) for each in update(opened).shortfalls] == [("baseline", "unparsable")]


def test_a_new_baseline_that_is_loaded_whole_takes_back_what_it_leaves_out(opened: Home, server: FileServer) -> None:
    update(opened)
    server.folders["baseline"].files.clear()
    server.folders["updatefiles"].files.clear()
    server.put("baseline", "pubmed27n0001.xml.gz", packed(FIRST))
    server.put("baseline", "pubmed27n0002.xml.gz", packed(FIRST + 1))
    update(opened)
    assert [c.kind for c in opened.store.commits()].count("baseline") == 1  # without updates it may be half there
    server.put("updatefiles", "pubmed27n0003.xml.gz", packed(FIRST + 4))
    update(opened)
    opened.refresh(offline=True)
    # 99000003 and 99000004 stand in neither file of 2027.
    assert opened.status()["documents"]["deleted"] == 2 and opened.status()["documents"]["active"] == 3


# ---------------------------------------------------------------- the manifest


@pytest.mark.parametrize(
    "url", ["http://mirror.example/", "ftp://127.0.0.1/", "https://u:p@a.example/", "https://a.example/?k=1"]
)
def test_an_address_that_is_not_safe_is_refused_before_anything_is_asked(
    opened: Home, server: FileServer, url: str
) -> None:
    enable(opened, server, updates=f"'{url}'")
    with pytest.raises(BadInputError, match=r"remote\.updates"):
        opened.refresh()
    assert server.seen == []


def test_a_home_without_a_manifest_refreshes_what_it_has(opened: Home) -> None:
    (opened.rooms.root / "corpora" / "pubmed.yaml").unlink()
    assert opened.refresh()["fetched"] == [] and Store(opened.rooms).commits() == []
