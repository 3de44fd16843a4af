"""The records of a review on disk: canonical JSON lines in files named by their content, read one at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import orjson

from consilience.errors import StoreDamagedError
from consilience.home import STAGED, publish, write_atomically
from consilience.records import canonical_json, normal_doi
from consilience.screening.state import Imported, Record, State


def keep(folder: Path, records: Iterable[Record]) -> str:
    """Write the records of one import, a line each, and return the SHA-256 that names the file."""
    beside = folder / "records" / f"{STAGED}{os.getpid()}.jsonl"
    beside.parent.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    with beside.open("wb") as handle:
        for record in records:
            line = canonical_json(record).encode() + b"\n"
            digest.update(line)
            handle.write(line)
    publish(beside, folder / "records" / f"{digest.hexdigest()}.jsonl")
    return digest.hexdigest()


def is_hash(name: str) -> bool:
    """Say whether a name is a SHA-256 in lower-case hex."""
    return re.fullmatch("[0-9a-f]{64}", name) is not None


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, read piece by piece."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class Lines:
    """One file of records, by row; where its lines begin is kept in `cache/`, so that one is read alone."""

    def __init__(self, folder: Path, digest: str) -> None:
        if not is_hash(digest):  # it names a file, and a ledger may come from anywhere
            raise StoreDamagedError(f"{digest[:20]!r} names no records", where="ledger.jsonl", expected="a SHA-256")
        self.path = folder / "records" / f"{digest}.jsonl"
        self._cache = folder / "cache"
        self._digest = digest

    @cached_property
    def offsets(self) -> array[int]:
        """The byte at which each line begins, and the end of the file."""
        kept = self._cache / f"{self._digest}.offsets"
        found = array("Q")
        with contextlib.suppress(OSError, ValueError):
            found.frombytes(kept.read_bytes())
            if found and found[-1] == self.path.stat().st_size:
                return found
        found = array("Q", [0])
        for line in self._all():
            found.append(found[-1] + len(line))
        with contextlib.suppress(OSError):  # a folder that may only be read is read
            write_atomically(kept, found.tobytes())
        return found

    def line(self, row: int) -> bytes:
        """One record as it lies there, without the end of its line."""
        start, end = self.offsets[row], self.offsets[row + 1]
        try:
            with self.path.open("rb") as handle:
                handle.seek(start)
                return handle.read(end - start - 1)
        except OSError:
            raise self._damaged("is missing") from None

    def __iter__(self) -> Iterator[bytes]:
        """All lines, from the first on."""
        return (line[:-1] for line in self._all())

    def fault(self) -> str | None:
        """What is wrong with the file; None when it is the one its name says."""
        try:
            sound = digest_of(self.path) == self._digest
        except OSError:
            return f"records/{self.path.name} is missing"
        return None if sound else f"records/{self.path.name} is not what its name says"

    def _all(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as handle:
                yield from handle
        except OSError:
            raise self._damaged("is missing") from None

    def _damaged(self, what: str) -> StoreDamagedError:
        return StoreDamagedError(
            f"records/{self.path.name} {what}", where="records",
            expected="put it back from a copy; its name is the SHA-256 of its content",
        )  # fmt: skip


class Shelf(Mapping[str, Record]):
    """Every record of a review by its id; each is read from disk when asked for, and iteration gives the ids."""

    def __init__(self, folder: Path, state: State) -> None:
        self.folder, self._state = folder, state
        self._lines: dict[str, Lines] = {}
        self._names: dict[str, dict[str, list[int]]] = {}

    def __getitem__(self, id: str) -> Record:
        return record_of(self.raw(id))

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.places)

    def __len__(self) -> int:
        return len(self._state.places)

    def __contains__(self, id: object) -> bool:
        return id in self._state.places

    def raw(self, id: str) -> bytes:
        """A record's canonical line: what a decision's `input` is the hash of."""
        number, row = self._state.places[id]
        line = self.lines(self._state.imports[number]).line(row)
        if f'"id":"{id}"'.encode() not in line:
            raise StoreDamagedError(
                f"the record {id} is not where the ledger says", where="records",
                expected="put records/ back from a copy; consilience screen ledger DIR names the file",
            )  # fmt: skip
        return line

    def all(self) -> Iterator[Record]:
        """Every record, in the order in which they came, each file read from its first line to its last."""
        for number, imported in enumerate(self._state.imports):
            for line in self.lines(imported):
                record = record_of(line)
                if self._state.places.get(record["id"], (-1, -1))[0] == number:
                    yield record

    def lines(self, imported: Imported) -> Lines:
        """The file of one import."""
        return self._lines.setdefault(imported.records, Lines(self.folder, imported.records))

    def check(self) -> None:
        """Refuse to go on with records that are not those which the ledger names."""
        for imported in self._state.imports:
            if fault := self.lines(imported).fault():
                raise StoreDamagedError(fault, where="records", expected="put the file back from a copy; its name is "
                                        "the SHA-256 of its content")  # fmt: skip

    def named(self, name: str) -> list[str]:
        """The records a CURIE names, `PMID:123` or `DOI:10.1/x`: a paper may have come from several databases."""
        found = []
        for imported in self._state.imports:
            rows = self._names_of(imported).get(_folded(name), [])
            found += [imported.ids[row] for row in rows]
        return found

    def _names_of(self, imported: Imported) -> dict[str, list[int]]:
        known = self._names.get(imported.records)
        if known is None:
            known = self._names[imported.records] = self._read_names(imported)
        return known

    def _read_names(self, imported: Imported) -> dict[str, list[int]]:
        kept = self.folder / "cache" / f"{imported.records}.names.json"
        with contextlib.suppress(OSError, ValueError):
            return cast(dict[str, list[int]], orjson.loads(kept.read_bytes()))
        found: dict[str, list[int]] = {}
        for row, line in enumerate(self.lines(imported)):
            for name in curies(record_of(line)):
                found.setdefault(_folded(name), []).append(row)
        with contextlib.suppress(OSError):
            write_atomically(kept, canonical_json(found).encode())
        return found


def record_of(line: bytes) -> dict[str, Any]:
    """One record of its line."""
    found: dict[str, Any] = orjson.loads(line)
    return found


def curies(record: Record) -> list[str]:
    """The names of the document a record is about: `PMID:123`, `DOI:10.1/x`, and the id a corpus gave it."""
    pmid, doi = str(record.get("pmid") or "").strip(), normal_doi(str(record.get("doi") or ""))
    found = [*([f"PMID:{pmid}"] if pmid else []), *([f"DOI:{doi}"] if doi else [])]
    own = str((record.get("extra") or {}).get("id") or record.get("id") or "")
    return [*found, own] if own.startswith("REC:") and not found else found


def _folded(name: str) -> str:
    kind, _, rest = name.strip().partition(":")
    return f"DOI:{normal_doi(rest)}" if kind.upper() == "DOI" else f"{kind.upper()}:{rest.strip()}"
