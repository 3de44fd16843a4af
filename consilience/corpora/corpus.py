"""Reading a snapshot on two clocks: what had been published by a day, what was known by an instant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience.clocks import instant_text
from consilience.corpora import fold, links, marks, snapshot
from consilience.corpora.passages import PASSAGES, fields_at
from consilience.corpora.store import Store
from consilience.corpora.units import Linked, Units
from consilience.errors import NotFoundError
from consilience.records import Span, sha256

FOREVER = np.iinfo(np.int64).max
# The first that applies (contract §1); `deleted` comes from the history, the rest from marks.
STATUSES = ("deleted", "retracted", "superseded", "concern", "corrected", "active")
Mask = npt.NDArray[np.bool_]
# How many days and instants at which something changed have come, and whether undated documents hide.
Moment = tuple[int, int, bool]
# A mask has a byte a row: so many are kept for the clocks asked last.
_MOMENTS = 8


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks of one question; `explicit` when the asker named the day himself."""

    as_of: date
    known_at: datetime
    explicit: bool

    @property
    def instant(self) -> int:
        """Microseconds since 1970 of `known_at`."""
        return microseconds(self.known_at)


@dataclass(frozen=True, slots=True)
class Document:
    """One version of one document: its texts, its dates, its place in the evidence."""

    row: int
    id: str
    version: str
    source_version: str
    source: str
    fields: Mapping[str, str]
    published: date | None
    known_from: datetime
    known_until: datetime | None
    deleted: bool
    design: str
    design_basis: str
    preprint: bool
    study: str
    sample_size: int | None
    meta: Mapping[str, Any]

    def span(self, name: str, start: int, end: int) -> Span:
        """The verbatim span of one of its fields; offsets outside it are a programming error."""
        text = self.fields[name]
        if not 0 <= start < end <= len(text):
            raise ValueError(f"{self.id} {name}[{start}:{end}] is outside 0..{len(text)}")
        return Span(self.id, self.version, name, start, end, text[start:end], sha256(text))


@dataclass(frozen=True, slots=True)
class Status:
    """What has befallen a document by a day, as known by an instant: since when, by which notice, known from when."""

    name: str
    retracted_since: date | None = None
    by: str = ""
    since: date | None = None
    known_from: datetime | None = None


@dataclass
class Corpus:
    """One snapshot, opened for reading. Texts stay on disk; only keys are held in memory."""

    store: Store
    name: str
    _documents: dict[int, Document] = field(default_factory=dict, repr=False)
    _moments: dict[Moment, tuple[Mask, int, int]] = field(default_factory=dict, repr=False)

    @cached_property
    def table(self) -> pa.Table:
        """Every interval of every version, schema `fold.HISTORY`; the row number is its key everywhere."""
        path = snapshot.folder_of(self.store, self.name) / "documents.parquet"
        return pq.read_table(path, schema=fold.HISTORY).combine_chunks()

    @cached_property
    def passages(self) -> pa.Table:
        """Every passage of every version, schema `passages.PASSAGES`."""
        path = snapshot.folder_of(self.store, self.name) / "passages.parquet"
        return pq.read_table(path, schema=PASSAGES).combine_chunks()

    @cached_property
    def published(self) -> npt.NDArray[np.int64]:
        """Days since 1970 from which each row counts as published; a missing date is -FOREVER."""
        return numbers(self.table["published"].cast(pa.int32()), -FOREVER)

    @cached_property
    def known_from(self) -> npt.NDArray[np.int64]:
        """Microseconds since 1970 from which each row is known."""
        return numbers(self.table["known_from"].cast(pa.int64()), 0)

    @cached_property
    def known_until(self) -> npt.NDArray[np.int64]:
        """Microseconds since 1970 until which each row is in force; FOREVER if it still is."""
        return numbers(self.table["known_until"].cast(pa.int64()), FOREVER)

    @cached_property
    def alive(self) -> Mask:
        """Rows that are not memories of a deleted document."""
        return ~numbers(self.table["deleted"].cast(pa.int8()), 0).astype(bool)

    def among(self, column: str, wanted: Iterable[str]) -> Mask:
        """Rows whose value in a column is one of `wanted`."""
        found: Mask = pc.is_in(self.table[column], pa.array(list(wanted), pa.string())).to_numpy()
        return found

    @cached_property
    def rows_by_id(self) -> dict[str, list[int]]:
        """The rows of each document, oldest first."""
        found: dict[str, list[int]] = {}
        for row, document in enumerate(self.table["id"].to_pylist()):
            found.setdefault(document, []).append(row)
        return found

    @cached_property
    def marks(self) -> dict[str, list[dict[str, Any]]]:
        """What befell each document: marks by target."""
        found: dict[str, list[dict[str, Any]]] = {}
        for mark in pq.read_table(snapshot.folder_of(self.store, self.name) / "marks.parquet").to_pylist():
            found.setdefault(mark["target"], []).append(mark)
        return found

    @cached_property
    def linked(self) -> Linked:
        """The links between records; a snapshot made before there were any has none."""
        path = snapshot.folder_of(self.store, self.name) / links.FILE
        return Linked(pq.read_table(path, schema=links.LINKS) if path.exists() else links.LINKS.empty_table())

    def units(self, clocks: Clocks) -> Units:
        """Clusters of duplicates and studies, from the links visible on the clocks."""
        return self.linked.units(clocks.instant, days(clocks.as_of), explicit=clocks.explicit)

    def study_of(self, document: str, clocks: Clocks) -> str:
        """The unit of independent evidence a document belongs to: its trial's registration, else one of its papers."""
        return self.units(clocks).study_of(document)

    def duplicates_of(self, document: str, clocks: Clocks) -> list[tuple[str, str]]:
        """The other records of the same document on the clocks, each with why."""
        return self.units(clocks).duplicates_of(document)

    @cached_property
    def _turns(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The days and the instants, in order, at which what is visible changes."""
        return np.unique(self.published), np.unique(np.concatenate([self.known_from, self.known_until]))

    def moment(self, clocks: Clocks) -> Moment:
        """What of the clocks matters here: two clocks of one moment show the same rows."""
        days_, instants = self._turns
        day = int(np.searchsorted(days_, days(clocks.as_of), "right"))
        return day, int(np.searchsorted(instants, clocks.instant, "right")), clocks.explicit

    def visible(self, clocks: Clocks) -> Mask:
        """Rows that existed on both clocks, read-only; an undated document hides under a day the asker named."""
        return self._shown(clocks)[0]

    def hidden(self, clocks: Clocks) -> tuple[int, int]:
        """How many known documents stay out of sight: undated ones, and ones dated later than the day."""
        return self._shown(clocks)[1:]

    def _shown(self, clocks: Clocks) -> tuple[Mask, int, int]:
        moment = self.moment(clocks)
        found = self._moments.get(moment)
        if found is None:
            known = (self.known_from <= clocks.instant) & (clocks.instant < self.known_until) & self.alive
            undated, later = self.published == -FOREVER, self.published > days(clocks.as_of)
            shown: Mask = known & ~later & ~undated if clocks.explicit else known & ~later
            shown.setflags(write=False)  # many readers share it
            if len(self._moments) >= _MOMENTS:
                self._moments.clear()
            without = int((known & undated).sum()) if clocks.explicit else 0
            found = self._moments[moment] = shown, without, int((known & later).sum())
        return found

    def row_of(self, document: str, clocks: Clocks, version: str | None = None) -> int:
        """The row of a document in force on the clocks (deleted ones too), or of the version named."""
        rows = [r for r in self.rows_by_id.get(document, []) if self.known_from[r] <= clocks.instant]
        if version is not None:
            rows = [r for r in rows if self.table["version"][r].as_py() == version]
        else:
            rows = [r for r in rows if clocks.instant < self.known_until[r]]
        rows = [r for r in rows if self.published[r] <= days(clocks.as_of)]
        if clocks.explicit:
            rows = [r for r in rows if self.published[r] > -FOREVER]
        if not rows:
            what = f"{document} version {version}" if version else document
            raise NotFoundError(
                f"no document {what} on these clocks", where=document, expected="an id that search returns"
            )
        return rows[-1]

    def document(self, row: int) -> Document:
        """One row with its texts."""
        found = self._documents.get(row)
        if found is None:
            values = {name: self.table[name][row].as_py() for name in _DOCUMENT_COLUMNS}
            seq, at = values.pop("seq"), values.pop("row")
            texts = fields_at(self.store, seq, at)
            meta = json.loads(self.store.texts(seq)["meta"][at].as_py() or "{}")
            values["source_version"] = values["source_version"] or ""
            fields = {name: text for name, text in texts.items() if text}
            if len(self._documents) > 4096:
                self._documents.clear()
            # Chains share this cache: what is returned must not depend on another one clearing it.
            found = self._documents[row] = Document(row=row, fields=fields, meta=meta, **values)
        return found

    def status(self, document: str, clocks: Clocks, *, deleted: bool = False) -> Status:
        """The status of a document as of the day; a retraction known but later is told beside it."""
        if deleted:
            return Status("deleted")
        known = marks.held(self.marks.get(document, ()), clocks.known_at)
        now = [mark for mark in known if mark.holds_on(clocks.as_of)]
        name = min((mark.kind for mark in now), key=STATUSES.index, default="active")
        first = next((mark for mark in now if mark.kind == name), None)
        # One that was taken back before now is no warning any more.
        later = next((m.since for m in known if m.kind == "retracted" and m.since > clocks.as_of and not m.until), None)
        return Status(name, None if name == "retracted" else later, first.notice if first else "",
                      first.since if first else None, first.known_from if first else None)  # fmt: skip

    def versions(self, document: str, clocks: Clocks) -> list[dict[str, Any]]:
        """The versions of a document known by then, oldest first."""
        rows = [r for r in self.rows_by_id.get(document, []) if self.known_from[r] <= clocks.instant]
        table = self.table
        # What befalls a document befalls all its versions: an old one of a retracted paper is no more to be believed.
        gone = any(not self.alive[r] and clocks.instant < self.known_until[r] for r in rows)
        told = self.status(document, clocks, deleted=gone).name
        return [
            {"version": table["version"][r].as_py(), "source_version": table["source_version"][r].as_py() or "",
             "known_from": instant_text(table["known_from"][r].as_py()),
             # An end that lies after `known_at` was not known then.
             "known_until": instant_text(table["known_until"][r].as_py())
             if self.known_until[r] <= clocks.instant else None,
             "status": told if self.alive[r] else "deleted"}
            for r in rows
        ]  # fmt: skip


_DOCUMENT_COLUMNS = ("id", "version", "source_version", "source", "seq", "row", "published", "known_from",
                     "known_until", "deleted", "design", "design_basis", "preprint", "study",
                     "sample_size")  # fmt: skip


def numbers(column: pa.ChunkedArray, missing: int) -> npt.NDArray[np.int64]:
    """A numeric column as int64, with a stand-in for nulls."""
    filled: npt.NDArray[np.int64] = pc.fill_null(column.cast(pa.int64()), missing).to_numpy().astype(np.int64)
    return filled


def days(when: date) -> int:
    """Days since 1970-01-01."""
    return (when - date(1970, 1, 1)).days


def microseconds(when: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z, exactly."""
    delta = when - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
