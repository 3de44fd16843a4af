"""What changed between two instants and why, read off the history of the snapshot: nothing else is kept of it.

What was known at the first instant, on its day, is compared with what was known at the second, on its own: so a
retraction told early is a change on the day from which it counts, and what came and went between is none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np

from consilience.clocks import instant_text, parse_day, parse_instant
from consilience.corpora.corpus import FOREVER, STATUSES, Clocks, Corpus, Status
from consilience.corpora.forget import forgotten
from consilience.corpora.marks import turned
from consilience.corpora.store import Commit
from consilience.errors import BadInputError
from consilience.records import shard_of
from consilience.view import View

# The order in which kinds are told: first what somebody relied on.
KINDS = ("answer", "decision", "document", "claim")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a document stands on two clocks: the row in force, or the memory of it when it is deleted."""

    row: int
    version: str
    status: Status


def window(since: datetime, until: datetime) -> tuple[Clocks, Clocks]:
    """The clocks of the two ends: each instant on its own day."""
    if since > until:
        raise BadInputError("the changes end before they begin", where="since", expected="an instant before until")
    return Clocks(since.date(), since, explicit=False), Clocks(until.date(), until, explicit=False)


def ends(
    start: str | date, end: str | date, now: Clocks, *, as_of: object = None, known_at: object = None
) -> tuple[Clocks, Clocks]:
    """The clocks of two days, as known at one instant, or of two instants, as of one day; `now` has the other clock.

    An instant has a time of day; text without one is a day, the end of which counts.
    """
    instants = [isinstance(each, datetime) or (isinstance(each, str) and ":" in each) for each in (start, end)]
    if any(instants) != all(instants):
        raise BadInputError(
            "a day cannot be compared with an instant", where="from", expected="two days, or two instants"
        )
    if all(instants):
        if known_at is not None:
            raise BadInputError("known_at beside two instants", where="known_at", expected="as_of, or two days")
        first, last = (parse_instant(each, where="from") for each in (start, end))  # type: ignore[arg-type]
        return replace(now, known_at=first), replace(now, known_at=last)
    if as_of is not None:
        raise BadInputError("as_of beside two days", where="as_of", expected="known_at, or two instants")
    return (replace(now, as_of=parse_day(start, where="from"), explicit=True),
            replace(now, as_of=parse_day(end, where="to"), explicit=True))  # fmt: skip


def standing(corpus: Corpus, document: str, on: Clocks) -> Standing | None:
    """How a document stood, or None where it was not known."""
    for row in corpus.rows_by_id.get(document, ()):
        if corpus.known_from[row] <= on.instant < corpus.known_until[row]:
            status = corpus.status(document, on, deleted=not corpus.alive[row])
            return Standing(row, corpus.table["version"][row].as_py(), status)
    return None


def between(
    view: View, commits: Sequence[Commit], before: Clocks, after: Clocks, *, answers: Iterable[Row],
    decisions: Iterable[Row] = (), limit: int,
) -> dict[str, Any]:  # fmt: skip
    """The rows of all that changed, of each kind and change the first `limit`, and how many there are of each.

    Saved answers and the screening decisions of the reviews asked about are all told, whatever the limit.
    """
    rows = [*answers, *decisions, *documents(view.corpus, commits, before, after), *view.graph.changes(before, after)]
    return limited(rows, limit)


def limited(rows: Sequence[Row], limit: int) -> dict[str, Any]:
    """Rows in the order they are told, cut to `limit` of each kind and change; the counts are of all."""
    ordered = sorted(rows, key=lambda r: (KINDS.index(r["kind"]), _rank(r["what"]), r["at"], r["id"], r["because"]))
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    shown = []
    for row in ordered:
        counts[row["kind"]][row["what"]] += 1
        if row["kind"] in ("answer", "decision") or counts[row["kind"]][row["what"]] <= limit:
            shown.append(row)
    hidden = len(rows) - len(shown)
    return {
        "rows": shown, "counts": {kind: dict(found) for kind, found in counts.items()},
        "warnings": [f"{hidden} more rows are counted and not shown: raise the limit"] if hidden else [],
    }  # fmt: skip


def _rank(what: str) -> int:
    return STATUSES.index(what) if what in STATUSES else len(STATUSES)


# ---------------------------------------------------------------- documents


def documents(corpus: Corpus, commits: Sequence[Commit], before: Clocks, after: Clocks) -> Iterator[Row]:
    """Documents that came, went, were revised or changed their status; superseded recommendations are among them."""
    causes = Causes(commits)
    days, instants = (before.as_of, after.as_of), (before.known_at, after.known_at)
    moved = {
        document: at for document, marks in corpus.marks.items()
        if document in corpus.rows_by_id and (at := turned(marks, days, instants))
    }  # fmt: skip
    for document in sorted(_touched(corpus, before, after) | moved.keys()):
        old, new = standing(corpus, document, before), standing(corpus, document, after)
        if new is not None:
            yield from _document(corpus, causes, document, old, new, moved.get(document))
    for document, told in sorted(forgotten(corpus.store.rooms).items()):
        # Its history went with it: only that it was erased is known, and when.
        if before.known_at < parse_instant(told.at) <= after.known_at:
            yield {"kind": "document", "what": "forgotten", "id": document, "at": told.at, "before": None,
                   "after": "deleted", "because": [document]}  # fmt: skip


def _touched(corpus: Corpus, before: Clocks, after: Clocks) -> set[str]:
    """The documents one of whose versions came into force or left it."""
    first, last = before.instant, after.instant
    hit = np.zeros(corpus.table.num_rows, dtype=bool)
    for moments in (corpus.known_from, np.where(corpus.known_until == FOREVER, first, corpus.known_until)):
        hit |= (first < moments) & (moments <= last)
    return set(corpus.table["id"].take(np.flatnonzero(hit)).to_pylist())


def _document(
    corpus: Corpus, causes: Causes, document: str, old: Standing | None, new: Standing, moved: datetime | date | None
) -> Iterator[Row]:
    was, now = old.status.name if old else None, new.status.name
    if now == "deleted" or was in (None, "deleted"):
        what = "deleted" if now == "deleted" else "restored" if old else "new"
        at = _read(corpus, causes, corpus.rows_by_id[document][0] if what == "new" else new.row)
        if was != now:
            yield {"kind": "document", "what": what, "id": document, "before": was, "after": now, **at}
        return
    assert old is not None  # what was not known before has been told as new
    if old.version != new.version:
        yield {"kind": "document", "what": "revised", "id": document, "before": old.version, "after": new.version,
               **_read(corpus, causes, new.row)}  # fmt: skip
    if moved is None:
        return
    announced = new.status.retracted_since
    if was != now:
        what, after = now if now != "active" else "lifted", now
    elif announced and announced != old.status.retracted_since:
        what, after = "announced", f"retracted from {announced.isoformat()}"
    else:
        return
    cause = causes.of(document, moved) if isinstance(moved, datetime) else {"because": [], "files": []}
    notice = [new.status.by] if new.status.by else []
    yield {"kind": "document", "what": what, "id": document, "before": was, "after": after,
           "at": instant_text(moved) if isinstance(moved, datetime) else moved.isoformat(),
           **cause, "because": [*notice, *cause["because"]] or [document]}  # fmt: skip


def _read(corpus: Corpus, causes: Causes, row: int) -> Row:
    """When a row came into force, and by which file."""
    document, seq, came = (corpus.table[name][row].as_py() for name in ("id", "seq", "known_from"))
    return {"at": instant_text(came), **causes.of(document, came, seq)}


class Causes:
    """Which loaded files a change at an instant came from."""

    def __init__(self, commits: Sequence[Commit]) -> None:
        self._at: dict[datetime, list[Commit]] = defaultdict(list)
        for commit in commits:
            self._at[commit.known_at].append(commit)

    def of(self, document: str, moment: datetime, seq: int | None = None) -> dict[str, list[str]]:
        """The commits of an instant as ids, with their files; of several, those that can have touched the document."""
        found = self._at.get(moment, [])
        for narrower in (
            [c for c in found if c.seq == seq],
            [c for c in found if shard_of(document) in c.shards],
        ):
            found = narrower or found
        return {"because": [f"commit:{c.seq}" for c in found], "files": [c.file for c in found]}
