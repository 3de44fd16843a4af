"""What a source announced and did not give: facts that stay until a later run of the same source makes them good.

`corpora/store/shortfalls/000007.json` either opens a shortfall of one source or closes it. The last fact of a source
counts, so what is open at any instant can be told for ever. A reader may also accept one, with a reason: it is closed
while it stays the same, and opens again with anything more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consilience.clocks import instant_text, parse_instant
from consilience.errors import BadInputError, NotFoundError, StoreDamagedError
from consilience.home import Rooms, next_in, write_atomically
from consilience.records import canonical_json, normal_space

# What one fact names at most; `records_missing` counts them all.
NAMED = 1000
TOLD = 5


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One source that gave less than it has: `records_missing` is None where nobody can know."""

    provider: str  # eutils | pubmed
    source: str  # what to ask again: a file's name, a folder of files, the name of a search
    kind: str
    records_missing: int | None
    detail: str
    ids: tuple[str, ...] = ()

    def as_json(self, since: datetime) -> dict[str, Any]:
        """The contract's object."""
        return {
            "provider": self.provider, "source": self.source, "kind": self.kind,
            "records_missing": self.records_missing, "since": instant_text(since), "detail": self.detail,
            "ids": list(self.ids[:NAMED]),
        }  # fmt: skip


def outstanding(rooms: Rooms, at: datetime | None = None) -> list[dict[str, Any]]:
    """The shortfalls open now, or as this corpus knew them at an instant, by provider and source."""
    held: dict[tuple[str, str], dict[str, Any]] = {}
    for fact in _facts(rooms):
        if at is None or parse_instant(fact["at"]) <= at:
            held.pop((fact["provider"], fact["source"]), None)
            if fact["shortfall"] is not None:
                held[fact["provider"], fact["source"]] = fact["shortfall"]
    return [held[name] for name in sorted(held)]


def accepted(rooms: Rooms) -> list[dict[str, Any]]:
    """The shortfalls a reader took upon himself, each with `accepted_at` and `reason`, by provider and source."""
    last = {(fact["provider"], fact["source"]): fact for fact in _facts(rooms)}
    return [
        {**fact["accepted"]["shortfall"], "accepted_at": fact["at"], "reason": fact["accepted"]["reason"]}
        for _, fact in sorted(last.items()) if fact["accepted"]
    ]  # fmt: skip


def unaccepted(rooms: Rooms, found: Iterable[Shortfall]) -> list[Shortfall]:
    """Those that nobody accepted as they are now."""
    borne = {(e["provider"], e["source"], e["kind"], e["records_missing"], *e["ids"]) for e in accepted(rooms)}
    return [e for e in found if (e.provider, e.source, e.kind, e.records_missing, *e.ids[:NAMED]) not in borne]


def accept(rooms: Rooms, source: str, reason: str, now: datetime) -> None:
    """Close an open shortfall that nobody will make good; why is kept for good. Called under the writer's lock."""
    found = [each for each in outstanding(rooms) if each["source"] == source]
    if not found:
        raise NotFoundError("no such shortfall is open", where=source, expected="a source that status names")
    if not (reason := normal_space(reason)):
        raise BadInputError("no reason was given", where="reason", expected="why what is missing does not matter")
    for each in found:
        _append(rooms, each["provider"], source, None, now, {"reason": reason, "shortfall": each})


def report(rooms: Rooms, found: Iterable[Shortfall], now: datetime) -> None:
    """Write down what is missing; the same said twice is said once, and `since` stays that of the first time."""
    held = {(each["provider"], each["source"]): each for each in outstanding(rooms)}
    for shortfall in unaccepted(rooms, found):
        name = (shortfall.provider, shortfall.source)
        since = parse_instant(held[name]["since"]) if name in held else now
        body = shortfall.as_json(since)
        if held.get(name) != body:
            _append(rooms, *name, body, now)
            held[name] = body


def resolve(rooms: Rooms, provider: str, sources: Iterable[str], now: datetime) -> None:
    """Close what a later run made good; a source without a shortfall stays without a fact."""
    held = {each["source"] for each in (*outstanding(rooms), *accepted(rooms)) if each["provider"] == provider}
    for source in sorted(held.intersection(sources)):
        _append(rooms, provider, source, None, now)


def settle(rooms: Rooms, provider: str, found: Sequence[Shortfall], now: datetime) -> None:
    """After a run that saw all a provider has: what is open is what this run found, and nothing else."""
    report(rooms, found, now)
    named = {each.source for each in found}
    known = (each["source"] for each in (*outstanding(rooms), *accepted(rooms)))
    resolve(rooms, provider, (source for source in known if source not in named), now)


def warnings_of(found: Sequence[dict[str, Any]]) -> list[str]:
    """What a reader of an answer must be told of them."""
    told = [f"the corpus is incomplete: {each['detail']}" for each in found[:TOLD]]
    more = len(found) - TOLD
    return [*told, *([f"the corpus is incomplete: {more} further shortfalls, see status"] if more > 0 else [])]


def _append(
    rooms: Rooms, provider: str, source: str, body: dict[str, Any] | None, now: datetime,
    borne: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    _, path = next_in(rooms.corpora / "shortfalls")
    fact = {"at": instant_text(now), "provider": provider, "source": source, "shortfall": body}
    fact |= {"accepted": borne} if borne else {}
    write_atomically(path, (canonical_json(fact) + "\n").encode())


def _facts(rooms: Rooms) -> list[dict[str, Any]]:
    found = []
    for path in sorted((rooms.corpora / "shortfalls").glob("[0-9]*.json"), key=lambda path: int(path.stem)):
        try:
            fact = json.loads(path.read_text(encoding="utf-8"))
            # One that cannot be read must not pass for none.
            told = {name: fact[name] for name in ("at", "provider", "source", "shortfall")}
            found.append({**told, "accepted": fact.get("accepted")})
        except (OSError, ValueError, KeyError, TypeError):
            raise StoreDamagedError(
                "a shortfall is unreadable", where=f"corpora/store/shortfalls/{path.name}",
                expected="restore it from a backup",
            ) from None  # fmt: skip
    return found
