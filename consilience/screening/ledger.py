"""The ledger of a review: an append-only file of hash-chained entries, from which everything else is computed.

One canonical JSON object a line. `sha256` is that of the line without it, and the line holds the hash of the one
before: whoever edits, removes or moves a line breaks the chain. `ledger.head` names the last entry, so that a cut at
the end shows, too. Who rewrites both files leaves no trace here: write a hash down elsewhere (`verify(head=...)`).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import orjson

from consilience.clocks import Clock, instant_text
from consilience.errors import BusyError, StoreDamagedError
from consilience.home import synced, write_atomically
from consilience.records import canonical_json

FIRST = "0" * 64
KINDS = (
    "protocol", "import", "merge", "split", "search", "rank", "label", "decision", "withdrawn", "adjudication", "stop",
    "accept_stop", "export", "note", "update",
)  # fmt: skip
ACTORS = ("person", "model", "rule")
_TAIL = len(b',"sha256":""}') + 64
_WAIT = 30.0  # seconds for another process's append; an import of 100,000 records holds the lock for some


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done: by whom, when, and what; `sha256` covers all else, `previous` is that of the one before.

    `actor` is `{"type": "person"|"model"|"rule", "name", "version"?}`.
    """

    seq: int
    at: str
    kind: str
    actor: Mapping[str, str]
    body: Mapping[str, Any]
    previous: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where the ledger contradicts itself; `sound` entries stand before it."""

    line: int
    problem: str
    sound: int


@dataclass
class Ledger:
    """A ledger file, opened: entries read so far are kept, and only what was appended since is read again.

    Used by one thread at a time; other processes may append between two calls.
    """

    path: Path
    now: Clock
    _entries: list[Entry] = field(default_factory=list, repr=False)
    _end: int = 0
    _held: bool = False
    torn: list[str] = field(default_factory=list)

    # ---------------------------------------------------------------- reading

    def entries(self) -> list[Entry]:
        """Every entry, in order; a broken chain is a `StoreDamagedError`. Do not change the list."""
        self.refresh()
        return self._entries

    def refresh(self) -> int:
        """Read what was appended since the last look; the number of entries now."""
        raw = self._read(self._end)
        whole = raw[: raw.rfind(b"\n") + 1]
        entries, fault = _chained(whole, self._entries[-1] if self._entries else None)
        if fault is not None:
            raise damaged(self.path, fault)
        self._entries += entries
        self._end += len(whole)
        self._against_head()
        return len(self._entries)

    def verify(self, *, head: str | None = None) -> list[Fault]:
        """What is wrong with the file, read anew from its first byte; nothing when it is sound.

        `head` is the hash of an entry, or its beginning, that was written down elsewhere: it must be there.
        """
        raw = self._read(0)
        entries, fault = _chained(raw[: raw.rfind(b"\n") + 1], None)
        if fault is not None:
            return [fault]
        missing = _missing_head(self._head(), entries)
        if missing is None and head is not None and not any(entry.sha256.startswith(head) for entry in entries):
            missing = f"no entry has the hash {head[:12]}…, which was written down: the end was cut off or rewritten"
        return [Fault(len(entries) + 1, missing, len(entries))] if missing else []

    def _read(self, start: int) -> bytes:
        try:
            with self.path.open("rb") as handle:
                handle.seek(0, os.SEEK_END)
                if handle.tell() < start:
                    raise damaged(self.path, Fault(len(self._entries), "it is shorter than before", 0))
                handle.seek(start)
                return handle.read()
        except FileNotFoundError:
            return b""

    def _head(self) -> tuple[int, str] | None:
        try:
            seq, sha = self._head_file.read_text(encoding="ascii").split()
            return int(seq), sha
        except FileNotFoundError:
            return None
        except ValueError:
            return -1, ""

    def _against_head(self) -> None:
        missing = _missing_head(self._head(), self._entries)
        if missing:
            # Another process may have appended after our reading: then the file has grown.
            if self.path.exists() and self.path.stat().st_size > self._end and not self._held:
                raw = self._read(self._end)
                if b"\n" in raw:
                    self.refresh()
                    return
            raise damaged(self.path, Fault(len(self._entries) + 1, missing, len(self._entries)))

    def salvage(self) -> int:
        """Keep the sound entries of a broken ledger and go on from them; how many there are.

        The broken file stays beside it, under its hash: what follows the fault is not believed, and not destroyed.
        """
        with _locked(self.path.parent, _WAIT):
            raw = self._read(0)
            whole = raw[: raw.rfind(b"\n") + 1]
            entries, fault = _chained(whole, None)
            if fault is None and _missing_head(self._head(), entries) is None:
                return len(entries)  # it is sound
            if not entries:
                raise damaged(self.path, Fault(1, "not one entry is sound", 0))
            kept = b"\n".join(whole.split(b"\n")[: len(entries)]) + b"\n"
            aside = self.path.with_name(f"ledger.broken-{hashlib.sha256(raw).hexdigest()[:12]}.jsonl")
            write_atomically(aside, raw)
            write_atomically(self.path, kept)
            self._note_head(entries[-1])
        self._entries, self._end = [], 0
        rest = f"{len(raw) - len(kept)} bytes after them stay in {aside.name}"
        text = f"the ledger was broken: its first {len(entries)} entries were kept, {rest}"
        self.append("note", {"type": "rule", "name": "salvage"}, {"text": text, "kept": len(entries)})
        return len(entries)

    @property
    def _head_file(self) -> Path:
        return self.path.with_suffix(".head")

    # ---------------------------------------------------------------- writing

    def append(self, kind: str, actor: Mapping[str, str], body: Mapping[str, Any]) -> Entry:
        """Add one entry; when this returns it is on the disk."""
        return self.append_all([(kind, actor, body)])[0]

    def append_all(self, given: Iterable[tuple[str, Mapping[str, str], Mapping[str, Any]]]) -> list[Entry]:
        """Add entries by one write and one flush to the disk: all of them are there, or the first of them."""
        with self.writing():
            added: list[Entry] = []
            lines: list[bytes] = []
            last = self._entries[-1] if self._entries else None
            at = instant_text(self.now())
            for kind, actor, body in given:
                last, line = _sealed(last, at, kind, actor, body)
                added.append(last)
                lines.append(line)
            self._write(b"".join(lines))
            self._entries += added
            if last is not None:
                self._note_head(last)
            return added

    @contextlib.contextmanager
    def writing(self, wait: float = _WAIT) -> Iterator[None]:
        """Hold the review's one writer's lock, its ledger read to the end: what is decided in here is decided once."""
        if self._held:
            yield
            return
        with _locked(self.path.parent, wait):
            self._held = True
            try:
                self._set_torn_aside()
                self.refresh()
                # A kill between an entry and its head leaves the head one behind.
                if self._entries and self._head() != (self._entries[-1].seq, self._entries[-1].sha256):
                    self._note_head(self._entries[-1])
                yield
            finally:
                self._held = False

    def _write(self, data: bytes) -> None:
        new = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            synced(self.path.parent)
        self._end += len(data)

    def _note_head(self, last: Entry) -> None:
        """Written after the entry is on the disk: it never names one that is not there."""
        beside = self._head_file.with_suffix(".head-new")
        with beside.open("wb") as handle:
            handle.write(f"{last.seq} {last.sha256}\n".encode())
            handle.flush()
            os.fsync(handle.fileno())
        beside.replace(self._head_file)

    def _set_torn_aside(self) -> None:
        """Move what a kill left of a last line to `ledger.torn`: it was never acknowledged, and is not lost either."""
        raw = self._read(self._end)
        rest = raw[raw.rfind(b"\n") + 1 :]
        if not rest:
            return
        with self.path.with_suffix(".torn").open("ab") as aside:
            note = {"at": instant_text(self.now()), "bytes": len(rest), "text": rest.decode("utf-8", "replace")}
            aside.write(canonical_json(note).encode() + b"\n")
            aside.flush()
            os.fsync(aside.fileno())
        with self.path.open("r+b") as handle:
            handle.truncate(self._end + len(raw) - len(rest))
            os.fsync(handle.fileno())
        self.torn.append(f"an entry that a kill cut off ({len(rest)} bytes) was set aside in ledger.torn")


# ---------------------------------------------------------------- the chain


def _sealed(
    last: Entry | None, at: str, kind: str, actor: Mapping[str, str], body: Mapping[str, Any]
) -> tuple[Entry, bytes]:
    if kind not in KINDS or actor.get("type") not in ACTORS or not actor.get("name"):
        raise ValueError(f"no such entry: {kind!r} by {dict(actor)!r}")
    seq, previous = (last.seq + 1, last.sha256) if last else (1, FIRST)
    core = {"seq": seq, "at": at, "kind": kind, "actor": dict(actor), "body": dict(body), "previous": previous}
    text = canonical_json(core).encode()
    digest = hashlib.sha256(text).hexdigest()
    # As a reader will have it: tuples are lists, keys are text.
    plain = cast(dict[str, Any], orjson.loads(text))
    # `sha256` is the last key of the canonical order, so that a line can be checked without writing it anew.
    return Entry(sha256=digest, **plain), text[:-1] + f',"sha256":"{digest}"}}\n'.encode()


def _chained(raw: bytes, last: Entry | None) -> tuple[list[Entry], Fault | None]:
    """The entries of whole lines that follow `last`, up to the first that does not follow."""
    found: list[Entry] = []
    seq, previous = (last.seq, last.sha256) if last else (0, FIRST)
    for line in raw.split(b"\n")[:-1]:
        digest = hashlib.sha256(line[:-_TAIL] + b"}").hexdigest()
        problem = ""
        try:
            value = orjson.loads(line)
            entry = Entry(**value)
        except (ValueError, TypeError):
            return found, Fault(seq + 1, f"line {seq + 1} is no entry", seq)
        if entry.sha256 != digest or line[-_TAIL:] != f',"sha256":"{digest}"}}'.encode():
            problem = f"line {seq + 1} is not what its hash says: it was edited"
        elif entry.seq != seq + 1 or entry.previous != previous:
            problem = f"line {seq + 1} does not follow the one before: entries were removed, moved or added"
        if problem:
            return found, Fault(seq + 1, problem, seq)
        found.append(entry)
        seq, previous = entry.seq, entry.sha256
    return found, None


def _missing_head(head: tuple[int, str] | None, entries: list[Entry]) -> str | None:
    if head is None:
        return None if len(entries) <= 1 else "ledger.head is missing, so that a cut at the end would not show"
    seq, sha = head
    if seq < 1 or seq > len(entries) or entries[seq - 1].sha256 != sha:
        return f"entry {seq}, which ledger.head names as written, is not there: the end was cut off"
    return None


def damaged(path: Path, fault: Fault) -> StoreDamagedError:
    """The error of a broken ledger, which says how to go on."""
    return StoreDamagedError(
        f"the ledger is broken: {fault.problem}; {fault.sound} entries before it are sound",
        where=f"{path.name}, line {fault.line}",
        expected="put ledger.jsonl and ledger.head back from a copy, or keep the sound entries: "
        "consilience screen ledger DIR --salvage",
    )


@contextlib.contextmanager
def _locked(folder: Path, wait: float) -> Iterator[None]:
    """Hold the one lock of a review; a kill lets go of it."""
    deadline = time.monotonic() + wait
    with (folder / ".lock").open("a") as handle:
        while True:
            try:
                fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise BusyError("another process is writing to this review", expected="try again") from None
                time.sleep(0.01)
        yield


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry as an object, as its line holds it."""
    return {name: getattr(entry, name) for name in Entry.__slots__}
