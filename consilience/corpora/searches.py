"""A search of PubMed, loaded as a file of its own, and the lasting record of what was asked and what came.

`corpora/store/searches/000007.json` keeps the query, how PubMed read it, the count, what it dropped, the time and the
hash of the ids: what a reader needs to judge, and to repeat, a search. Of one that failed it keeps the query. Nowhere
else is it written: a shortfall, which travels into logs, names the search by its hash (sources §6).
"""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from consilience.clocks import instant_text, parse_day
from consilience.corpora import manifest, shortfalls
from consilience.corpora.eutils import Eutils, Found, Identity
from consilience.corpora.shortfalls import Shortfall
from consilience.corpora.store import Store
from consilience.corpora.web import FaultError, Network, fetching, safe_url
from consilience.errors import BadInputError, ShortfallError
from consilience.home import Rooms, fingerprint, next_in, write_atomically
from consilience.records import canonical_json, normal_space, sha256

PROVIDER = "eutils"
_LONGEST_QUERY = 10_000

Load = Callable[[Sequence[Path]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of PubMed; the same query has the same name, and so its results are versions of one file."""

    term: str
    since: date | None = None

    @property
    def name(self) -> str:
        """Twelve hex digits of what is asked."""
        return fingerprint([self.term, self.since.isoformat() if self.since else None])

    @property
    def source(self) -> str:
        """What its shortfall is called."""
        return f"search {self.name}"


@dataclass(frozen=True, slots=True)
class Service:
    """Where to ask, as whom, and how much at most."""

    base: str
    identity: Identity
    longest: int
    accept_translation: bool = False


@dataclass(slots=True)
class _Haul:
    """What was fetched of a search: the ids in the file, and the fault that cost the others."""

    ids: set[int]
    fault: FaultError | None = None


def query(term: str, since: str | date | None = None) -> Query:
    """A checked query; a coarse `since` counts from its beginning: `2026` -> 2026-01-01."""
    asked = normal_space(term)
    if not asked or len(asked) > _LONGEST_QUERY:
        raise BadInputError(
            "empty query" if not asked else "the query is too long", where="query",
            expected=f"a PubMed query of at most {_LONGEST_QUERY:,} characters",
        )  # fmt: skip
    return Query(asked, None if since is None else _beginning(since))


def _beginning(since: str | date) -> date:
    day = parse_day(since, where="since")
    parts = since.strip().count("-") if isinstance(since, str) else 2
    return day.replace(month=day.month if parts else 1, day=day.day if parts > 1 else 1)


def service(rooms: Rooms, given: str | None, identity: Identity, *, accept_translation: bool) -> Service:
    """The service given, else the manifest's, which must be enabled."""
    remote = manifest.remote(rooms)
    longest = remote.longest_search if remote else 100_000
    if given is not None:
        return Service(safe_url(given, where="eutils"), identity, longest, accept_translation)
    if remote is None or not remote.enabled:
        raise BadInputError(
            "no remote source is enabled",
            where="corpora/pubmed.yaml",
            expected="remote: enabled: true, or --eutils URL",
        )
    return Service(remote.eutils, identity, longest, accept_translation)


def ingest(
    store: Store, network: Network, asked: Query, at: Service, *, now: Callable[[], datetime], load: Load,
    allow_shortfall: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Search, fetch, load as one un-numbered file; what is missing is a shortfall, and a failed search an error."""
    rooms = store.rooms
    with (
        fetching(rooms),
        _scratch(rooms) as scratch,
        network.web(at.base, at.identity.rate) as web,
    ):
        path = scratch / f"search-{asked.name}.xml.gz"
        found, haul = _asked(Eutils(at.base, web, at.identity, scratch=scratch), asked, at, path)
        reply = load([path]) if haul.ids else _nothing(store)
    refused = [line["error"]["message"] for line in reply["files"] if line["status"] == "refused"]
    short = _shortfall(asked, found, haul, refused)
    with rooms.writing():
        kept = _keep(rooms, asked, at, found, len(haul.ids), now())
        told = kept if found else None
        if short:
            shortfalls.report(rooms, [short], now())
        else:
            shortfalls.resolve(rooms, PROVIDER, _made_good_by(rooms, asked), now())
    if short and not haul.ids and not allow_shortfall:
        expected = "run it again later, or --allow-shortfall, or give it up: consilience shortfalls --accept"
        raise ShortfallError(short.detail, where=asked.source, expected=expected)
    return {
        **reply, "search": told, "warnings": [*reply["warnings"], *(_warnings(asked, found) if found else [])],
        "shortfalls": [each for each in shortfalls.outstanding(rooms) if short and each["source"] == asked.source],
    }  # fmt: skip


@contextlib.contextmanager
def _scratch(rooms: Rooms) -> Iterator[Path]:
    """A folder for replies; not a staged one, which the writer that loads its file would clear."""
    folder = rooms.corpora / ".asking"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _asked(client: Eutils, asked: Query, at: Service, path: Path) -> tuple[Found | None, _Haul]:
    try:
        found = client.search(
            asked.term, since=asked.since, longest=at.longest, accept_translation=at.accept_translation
        )
    except FaultError as fault:
        return None, _Haul(set(), fault)
    return found, _fetched(path, client, found.ids)


def _fetched(path: Path, client: Eutils, ids: Sequence[int]) -> _Haul:
    """Write what comes to one file, in the order of the ids and without a time, so that same replies are same bytes."""
    haul = _Haul(set())
    with path.open("wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
        packed.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<PubmedArticleSet>\n')
        for records, fault in client.fetch(ids):
            haul.fault = fault or haul.fault
            haul.ids.update(records)
            packed.writelines(_lines(records.values()))
        packed.write(b"</PubmedArticleSet>\n")
    return haul


def _lines(records: Iterable[str]) -> Iterator[bytes]:
    for text in records:
        yield text.encode()
        yield b"\n"


def _nothing(store: Store) -> dict[str, Any]:
    zero = dict.fromkeys(("records", "deletions", "quarantined"), 0)
    return {"files": [], **zero, "commit": len(store.commits()) or None, "warnings": []}


def _shortfall(asked: Query, found: Found | None, haul: _Haul, refused: Sequence[str]) -> Shortfall | None:
    label = f"the PubMed search {asked.name}"
    if found is None:
        told = haul.fault.told if haul.fault else "no reply"
        kind = haul.fault.kind if haul.fault else "outage"
        return Shortfall(PROVIDER, asked.source, kind, None, f"{label} failed: {told}")
    if refused:
        return Shortfall(PROVIDER, asked.source, "refused_file", found.count, f"{label} is not loaded: {refused[0]}")
    missing = [str(pmid) for pmid in found.ids if pmid not in haul.ids]
    unlisted = max(0, found.count - len(found.ids))
    if not missing and not unlisted:
        return None
    kind, told = ("omitted", "the service left them out") if missing else ("unlisted", "the service did not list them")
    if haul.fault:
        kind, told = haul.fault.kind, haul.fault.told
    number = len(missing) + unlisted
    detail = f"{label} lacks {number} of {found.count} records: {told}"
    return Shortfall(PROVIDER, asked.source, kind, number, detail, tuple(missing))


def asked_before(rooms: Rooms) -> dict[str, Query]:
    """All queries that were ever asked, by what their shortfalls are called."""
    found = {}
    for path in (rooms.corpora / "searches").glob("[0-9]*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, BadInputError):
            kept = json.loads(path.read_text(encoding="utf-8"))
            asked = query(kept["query"], kept["since"])
            found[asked.source] = asked
    return found


def _made_good_by(rooms: Rooms, done: Query) -> list[str]:
    """The search itself, and the same one asked for less: from a later day on."""
    begin = done.since or date.min
    return [done.source, *(source for source, asked in asked_before(rooms).items()
                           if asked.term == done.term and (asked.since or date.min) >= begin)]  # fmt: skip


def _keep(rooms: Rooms, asked: Query, at: Service, found: Found | None, fetched: int, now: datetime) -> dict[str, Any]:
    """Append the record of a search, or of the attempt; none is ever changed."""
    number, path = next_in(rooms.corpora / "searches")
    body: dict[str, Any] = {
        "number": number, "query": asked.term, "since": asked.since.isoformat() if asked.since else None,
        "at": instant_text(now),
    }  # fmt: skip
    if found:
        body |= {
            "translation": found.translation, "count": found.count, "fetched": fetched,
            "ids_sha256": sha256("\n".join(map(str, found.ids))), "dropped": list(found.dropped),
            "messages": list(found.messages),
        }  # fmt: skip
    kept = {**body, "service": urlsplit(at.base).hostname}
    write_atomically(path, (canonical_json(kept) + "\n").encode())
    return body


def _warnings(asked: Query, found: Found) -> list[str]:
    told = [f"PubMed dropped a part of the query: {each}" for each in found.dropped]
    told += [f"PubMed says: {each}" for each in found.messages]
    if found.translation and found.translation.casefold() != asked.term.casefold():
        told.append(f"PubMed read the query as: {found.translation}")
    return [*told, *(["the search found nothing"] if not found.count else [])]
