"""What befell a document, on two clocks: the one rule by which retractions and the like begin, end and count.

A mark says "retracted since 2010-05-04", and a corpus knows it from one instant until another. It counts on a day and
at an instant when it was known by the instant and dated by the day, and no reinstatement that was known then stands
between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

# Kinds that take a document's word from it; a concern or a correction labels it and leaves it.
CLOSING = frozenset({"retracted", "superseded"})
REINSTATED = "reinstated"
# What a reinstatement gives back: not what a newer guideline took, nor the fact that a text was corrected.
_LIFTED = frozenset({"retracted", "concern"})


class Held(NamedTuple):
    """One mark as known at an instant: in force from `since`, and until `until` if a reinstatement ends it."""

    since: date
    until: date | None
    kind: str
    notice: str
    known_from: datetime

    def holds_on(self, day: date) -> bool:
        """Say whether the mark is in force on a day."""
        return self.since <= day and (self.until is None or day < self.until)


def held(marks: Iterable[Mapping[str, Any]], known_at: datetime) -> list[Held]:
    """What was known of one document at an instant, by date; rows of schema `snapshot.MARKS`.

    A retraction that a reinstatement of the same day takes back was never in force, and is left out.
    """
    known = [
        m for m in marks if m["known_from"] <= known_at and (m["known_until"] is None or known_at < m["known_until"])
    ]
    back = sorted(m["since"] for m in known if m["kind"] == REINSTATED)
    found = []
    for mark in known:
        if mark["kind"] != REINSTATED:
            ends = (day for day in back if day >= mark["since"]) if mark["kind"] in _LIFTED else iter(())
            one = Held(mark["since"], next(ends, None), mark["kind"], mark["notice"] or "", mark["known_from"])
            if one.until != one.since:
                found.append(one)
    return sorted(found, key=lambda h: (h.since, h.known_from, h.kind, h.notice))


def turned(
    marks: Sequence[Mapping[str, Any]], days: tuple[date, date], instants: tuple[datetime, datetime]
) -> datetime | date | None:
    """When marks last began, ended or fell due after the first and by the second of two clocks; None if none did.

    The instant at which the corpus was told, or the day that came where it had been told before.
    """
    (day, last_day), (instant, last_instant) = days, instants
    told: set[datetime] = {moment for m in marks for moment in (m["known_from"], m["known_until"]) if moment}
    if heard := [moment for moment in told if instant < moment <= last_instant]:
        return max(heard)
    due: list[date] = [m["since"] for m in marks if day < m["since"] <= last_day]
    return max(due, default=None)
