"""NLM's folders of PubMed files: what they list, what of it is new here, and fetching that, checksum first."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilience.corpora import pubmed, shortfalls
from consilience.corpora.generation import declare
from consilience.corpora.listing import PROVIDER, Generation, chosen, shown_in
from consilience.corpora.manifest import Remote, fetched_folder, local_files
from consilience.corpora.shortfalls import Shortfall
from consilience.corpora.store import Commit, Store, digest_of
from consilience.corpora.web import FaultError, Network, Web, body_of, fetching
from consilience.errors import ConsilienceError
from consilience.home import Progress, Rooms, publish
from consilience.records import canonical_json

if TYPE_CHECKING:
    import httpx

REST = "files not tried"
_RECHECKED = "rechecked"
# Files whose checksum a run reads although the page shows them as before: what is replaced unseen comes to light.
RECHECKED = 20
PATIENCE = 3  # files in a row that an ailing service may cost before the rest waits for the next run
# `MD5(pubmed25n0001.xml.gz)= <32 hex>`, or the bare digest.
_MD5 = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", re.ASCII)
_INDEX = re.compile(r"<title>\s*(?:Index of|Directory listing)", re.IGNORECASE)
_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/(?:[0-9]+|\*)", re.ASCII)
_LONGEST_LISTING = 16 << 20
_LONGEST_CHECKSUM = 4096
_AGAIN = 6

Order = tuple[int, int]
Load = Callable[[Sequence[Path]], dict[str, Any]]


@dataclass(slots=True)
class Outcome:
    """What a run found, fetched and loaded, or would."""

    fetched: list[str] = field(default_factory=list)
    to_load: list[str] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    shortfalls: list[Shortfall] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def would(self, pending: int) -> dict[str, Any]:
        """What a dry run tells: names to fetch and to load, and how many loaded files `refresh` would write up."""
        would = {"fetch": self.fetched, "load": self.to_load, "write": pending + len(self.to_load)}
        return {"pending": pending, "dry_run": True, "would": would}

    def short(self, rooms: Rooms, now: datetime) -> list[dict[str, Any]]:
        """The shortfalls as they would stand, without writing them down."""
        found = {each.source for each in self.shortfalls}
        held = [each for each in shortfalls.outstanding(rooms) if each["source"] not in found]
        return [*held, *(each.as_json(now) for each in shortfalls.unaccepted(rooms, self.shortfalls))]


def update(
    store: Store, remote: Remote, network: Network, now: Callable[[], datetime], load: Load, *,
    dry_run: bool = False, progress: Progress | None = None,
) -> Outcome:  # fmt: skip
    """List, fetch and load what is new or changed; what fails is told as a shortfall and the rest goes on.

    A dry run lists and compares checksums, and writes nothing.
    """
    if dry_run:
        with network.web(remote.updates, remote.requests_per_second) as web:
            return Mirror(store, remote, web, load, dry_run=True).run(progress)
    with fetching(store.rooms), network.web(remote.updates, remote.requests_per_second) as web:
        mirror = Mirror(store, remote, web, load)
        outcome = mirror.run(progress)
    with store.rooms.writing():
        mirror.declare(now())
        # Where a folder could not be listed, or files were left, nobody knows that the old ones are made good.
        seen_all = not {each.source for each in outcome.shortfalls} & {"baseline", "updates", REST}
        if seen_all:
            shortfalls.settle(store.rooms, PROVIDER, outcome.shortfalls, now())
        else:
            shortfalls.report(store.rooms, outcome.shortfalls, now())
            shortfalls.resolve(store.rooms, PROVIDER, (line["file"] for line in outcome.lines if _is_in(line)), now())
    return outcome


def lacking(name: str, kind: str, told: str) -> Shortfall:
    """The shortfall of one file that is not loaded, and why it is not."""
    return Shortfall(PROVIDER, name, kind, None, f"{name} is not loaded: {told}", (name,))


def _is_in(line: dict[str, Any]) -> bool:
    return bool(line["status"] != "refused")


@dataclass
class Mirror:
    """One run over both folders, or over the files of them that are named in `only`."""

    store: Store
    remote: Remote
    web: Web
    load: Load
    dry_run: bool = False
    only: frozenset[str] | None = None
    outcome: Outcome = field(default_factory=Outcome)
    generation: Generation = field(default_factory=Generation)
    _shown: dict[str, str] = field(default_factory=dict)  # what the pages show of each file
    _turn: Sequence[str] = ()  # the files to recheck
    _commits: dict[Order, Commit] | None = None

    @property
    def rooms(self) -> Rooms:
        """The home the files are for."""
        return self.store.rooms

    @cached_property
    def local(self) -> dict[str, Path]:
        """The files that lie here already, by stem."""
        return local_files(self.rooms)

    def run(self, progress: Progress | None = None) -> Outcome:
        """Go through the files in order; stop asking when the service is plainly ill."""
        self.generation = generation = self._generation()
        self.outcome.shortfalls += generation.shortfalls
        self.outcome.warnings += generation.warnings
        names, failed = [name for name in generation.files if self.only is None or name in self.only], 0
        # Whoever names files wants to know of them now.
        self._turn = names if self.only is not None else next_of(names, RECHECKED, after=rechecked(self.rooms))
        for done, name in enumerate(names):
            if progress:
                progress("fetch", done, len(names))
            fault = self._one(name, generation.files[name])
            failed = failed + 1 if fault and fault.tries > 1 else 0
            if failed and (failed >= PATIENCE or self.web.is_worn_out):
                self._leave(names[done + 1 :], fault)
                break
        else:
            self._take_turn(names)
        if progress and names:
            progress("fetch", len(names), len(names))
        return self.outcome

    def declare(self, known_at: datetime) -> None:
        """Record a new baseline once all of it is loaded, so that what it leaves out counts as deleted."""
        whole, failed = self.generation.whole, {each.source for each in self.outcome.shortfalls}
        loaded = {name: commit for name in whole if name not in failed and (commit := self._latest(name))}
        if whole and len(loaded) == len(whole):
            lines = [{"file": name, "status": "unchanged", "sha256": loaded[name].sha256} for name in whole]
            refused = declare(self.store, lines, known_at=known_at)
            self.outcome.warnings += [refused] if refused else []

    def _generation(self) -> Generation:
        """What the two folders list; a folder that cannot be listed is a shortfall, never an empty one."""
        baseline = self._listed("baseline", self.remote.baseline)
        return chosen(
            baseline, self._listed("updates", self.remote.updates) or [],
            folders=(self.remote.baseline or "", self.remote.updates),
        )  # fmt: skip

    def _listed(self, folder: str, url: str | None) -> list[str] | None:
        if url is None:
            return None
        try:
            shown = self.web.ask("GET", url, _shown)
            if not shown and folder == "baseline":
                raise FaultError("empty", "the folder lists no file")
        except FaultError as fault:
            self.outcome.shortfalls.append(
                Shortfall(
                    PROVIDER, folder, fault.kind, None, f"the folder of {folder} could not be listed: {fault.told}"
                )
            )
            return None
        self._shown |= shown
        return list(shown)

    def _one(self, name: str, folder: str) -> FaultError | None:
        """See that one file is here and loaded."""
        try:
            md5 = self._noted(name) or self.web.ask("GET", f"{folder}{name}.md5", _checksum)
            path = self._here(name, md5)
            if path is None and self._was_loaded(name, md5):
                return None
            if path is None:
                path = None if self.dry_run else self._fetched(name, folder, md5)
                self.outcome.fetched.append(name)
        except FaultError as fault:
            self._short(name, fault.kind, fault.told)
            return fault
        except OSError as error:  # what is here stays, and what is on its way is gone on with
            raise ConsilienceError(
                f"{name} cannot be written: {os.strerror(error.errno or 0)}", where="corpora/store/files",
                expected="room on the disk, and leave to write there",
            ) from error  # fmt: skip
        if path is None or not self._is_loaded(name, digest_of_note(self.rooms, name) or digest_of(path)):
            self._load(name, path)
        return None

    def _take_turn(self, names: Sequence[str]) -> None:
        """Leave it written down where the next run goes on, unless every run rechecks them all."""
        if not self.dry_run and len(self._turn) < len(names):
            _write(self.rooms, _RECHECKED, {"last": self._turn[-1]})

    def _load(self, name: str, path: Path | None) -> None:
        self.outcome.to_load.append(name)
        if path is None or self.dry_run:
            return
        reply = self.load([path])
        self._commits = None
        self.outcome.lines += reply["files"]
        self.outcome.warnings += reply["warnings"]
        for line in reply["files"]:
            if line["status"] == "refused":
                self._short(name, line["error"]["code"], line["error"]["message"])
                # It may have been damaged where it lies: without its note the next run holds it to its checksum again.
                (fetched_folder(self.rooms) / f"{name}.json").unlink(missing_ok=True)

    def _short(self, name: str, kind: str, told: str) -> None:
        self.outcome.shortfalls.append(lacking(name, kind, told))

    def _leave(self, names: Sequence[str], fault: FaultError | None) -> None:
        if names and fault:
            detail = f"{len(names)} files from {names[0]} on were not tried: {fault.told}"
            self.outcome.shortfalls.append(Shortfall(PROVIDER, REST, fault.kind, None, detail, tuple(names)))

    # ---------------------------------------------------------------- what is here

    def _noted(self, name: str) -> str | None:
        """The checksum noted of a file that the page shows as it did then, unless it is its turn to be read again."""
        note, shown = note_of(self.rooms, name), self._shown[name]
        if note is None or not shown or note["shown"] != shown or name in self._turn:
            return None
        md5 = str(note["md5"])
        return md5 if self._here(name, md5) or self._was_loaded(name, md5) else None

    def _here(self, name: str, md5: str) -> Path | None:
        """The file with this checksum, if it lies here: fetched earlier, or put here by hand."""
        path, note = self.local.get(_stem(name)), note_of(self.rooms, name)
        if path is None:
            return None
        if note and (note["md5"], note["size"]) == (md5, path.stat().st_size):
            self._note(name, note)
            return path
        if md5_of(path) != md5:
            return None
        self._note(name, what_is(path, md5))
        return path

    def _was_loaded(self, name: str, md5: str) -> bool:
        """Say whether the file with this checksum was loaded and then removed to save room."""
        note = note_of(self.rooms, name)
        if note is None or note["md5"] != md5 or not self._is_loaded(name, note["sha256"]):
            return False
        self._note(name, note)
        return True

    def _note(self, name: str, note: dict[str, Any]) -> None:
        """Write down what a file is and how the page showed it when its checksum was read."""
        now = {**note, "shown": self._shown[name]}
        if not self.dry_run and now != note:
            _write(self.rooms, name, now)

    def _is_loaded(self, name: str, sha256: str | None) -> bool:
        latest = self._latest(name)
        return latest is not None and (latest.sha256, latest.reader) == (sha256, pubmed.VERSION)

    def _latest(self, name: str) -> Commit | None:
        if self._commits is None:
            self._commits = {c.order: c for c in self.store.commits() if c.kind == "pubmed" and c.order}
        return self._commits.get(pubmed.order_key(name) or (0, 0))

    # ---------------------------------------------------------------- fetching

    def _fetched(self, name: str, folder: str, md5: str) -> Path:
        """Fetch a file into `NAME.MD5.part`, going on where a run broke off; it gets its name when it agrees."""
        room = fetched_folder(self.rooms)
        room.mkdir(parents=True, exist_ok=True)
        part = room / f"{name}.{md5}.part"
        for stale in room.glob(f"{name}.*.part"):
            if stale != part:
                stale.unlink()
        # Twice, since a broken body cannot be told from a wrong checksum.
        for _ in range(2):
            if not (part.exists() and md5_of(part) == md5):
                self.web.ask(
                    "GET", folder + name, lambda response: self._write(response, part), headers=lambda: _asking(part)
                )
            if md5_of(part) == md5:
                publish(part, room / name)
                self._note(name, what_is(room / name, md5))
                self.local[_stem(name)] = room / name
                return room / name
            part.unlink()
        raise FaultError("checksum", "its bytes do not agree with its checksum")

    def _write(self, response: httpx.Response, part: Path) -> None:
        start = part.stat().st_size if part.exists() else 0
        if response.status_code == 416:  # what lies here is longer than the file: it is another one
            part.unlink(missing_ok=True)
            raise FaultError("range", "the file changed while it was fetched", tries=_AGAIN)
        if response.status_code == 206:
            found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != start:
                part.unlink(missing_ok=True)
                raise FaultError("range", "the service sent another part than was asked for", tries=_AGAIN)
        else:
            _must_be_there(response)
            start = 0
        limit = self.remote.longest_file
        told = response.headers.get("Content-Length", "0")
        if told.isascii() and told.isdigit() and start + int(told) > limit:
            part.unlink(missing_ok=True)
            raise FaultError("too_long", f"it is longer than {limit:,} bytes")
        with part.open("ab" if start else "wb") as out:
            for chunk in response.iter_raw():
                start += len(chunk)
                if start > limit:
                    part.unlink(missing_ok=True)
                    raise FaultError("too_long", f"it is longer than {limit:,} bytes")
                out.write(chunk)


# ---------------------------------------------------------------- replies


def _must_be_there(response: httpx.Response) -> None:
    if response.status_code in (404, 410):
        raise FaultError("absent", f"it is listed but not there (HTTP {response.status_code})")
    if response.status_code != 200:
        raise FaultError("refused", f"the service refuses it (HTTP {response.status_code})")


def _asking(part: Path) -> dict[str, str]:
    size = part.stat().st_size if part.exists() else 0
    return {"Accept-Encoding": "identity", **({"Range": f"bytes={size}-"} if size else {})}


def _checksum(response: httpx.Response) -> str:
    _must_be_there(response)
    found = _MD5.findall(body_of(response, _LONGEST_CHECKSUM).decode("utf-8", "replace").lower())
    if len(found) != 1:
        raise FaultError("checksum", "its checksum file does not hold one checksum", tries=3)
    return str(found[0])


def _shown(response: httpx.Response) -> dict[str, str]:
    _must_be_there(response)
    page = body_of(response, _LONGEST_LISTING).decode("utf-8", "replace")
    shown = shown_in(page)
    # An empty folder says that it is a folder; a page about maintenance does not.
    if not shown and not _INDEX.search(page):
        raise FaultError("unparsable", "the reply is no listing of a folder", tries=_AGAIN)
    return shown


# ---------------------------------------------------------------- notes beside files


def note_of(rooms: Rooms, name: str) -> dict[str, Any] | None:
    """What was noted of a file when its checksum was read: `{"md5", "sha256", "size", "shown"}`; it outlives the file.

    `shown` is what the page then showed of it, "" where that is not known.
    """
    try:
        note = json.loads((fetched_folder(rooms) / f"{name}.json").read_text(encoding="utf-8"))
        return {"md5": str(note["md5"]), "sha256": str(note["sha256"]), "size": int(note["size"]),
                "shown": str(note.get("shown", ""))}  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # without a note the file is looked at again


def digest_of_note(rooms: Rooms, name: str) -> str | None:
    """The SHA-256 noted of a file."""
    note = note_of(rooms, name)
    return note["sha256"] if note else None


def what_is(path: Path, md5: str) -> dict[str, Any]:
    """What a note tells of a file, so that it need not be read again to be known."""
    return {"md5": md5, "sha256": digest_of(path), "size": path.stat().st_size}


def rechecked(rooms: Rooms) -> str:
    """The last file that was rechecked, "" if none was: the next run goes on behind it."""
    try:
        return str(json.loads((fetched_folder(rooms) / f"{_RECHECKED}.json").read_text(encoding="utf-8"))["last"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def next_of(names: Sequence[str], number: int, *, after: str) -> list[str]:
    """So many names from behind one of them on, the first coming after the last."""
    start = names.index(after) + 1 if after in names else 0
    return [*names[start:], *names[:start]][:number]


def _write(rooms: Rooms, name: str, body: dict[str, Any]) -> None:
    room = fetched_folder(rooms)
    room.mkdir(parents=True, exist_ok=True)
    # No staged file: another process that holds the writer's lock may clear those.
    beside = room / f"{name}.note"
    beside.write_text(canonical_json(body) + "\n", encoding="utf-8")
    publish(beside, room / f"{name}.json")


def md5_of(path: Path) -> str:
    """The MD5 of a file's bytes: NLM's checksum against damage on the way, not against malice."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _stem(name: str) -> str:
    return name.removesuffix(".xml.gz")
