"""Links between records, on two clocks: which are the same document, and which report one study.

Written with a snapshot as `links.parquet`. `b` is a document, or the registration a paper reports. A link is known when
both its ends are; units are found when a question is asked, from the links visible to it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience.corpora import duplicates, keys, studies
from consilience.corpora.duplicates import Match
from consilience.corpora.fold import touched_last
from consilience.corpora.keys import Key
from consilience.corpora.store import SHARDS, Commit, Store
from consilience.errors import BadInputError
from consilience.home import Rooms, fingerprint

# The last two are people's word that two are not one; they are always known.
DUPLICATE, SAME_STUDY, APART, APART_STUDY = "duplicate", "same_study", "apart", "apart_study"
DECIDED = "decided in corpora/duplicates.yaml"
FILE = "links.parquet"
_INSTANT = pa.timestamp("us", tz="UTC")
LINKS = pa.schema([
    ("a", pa.string()), ("b", pa.string()), ("kind", pa.string()), ("basis", pa.string()), ("score", pa.float64()),
    ("known_from", _INSTANT), ("known_until", _INSTANT),
    ("published", pa.date32()),  # the later of the two; null when one is undated, which hides under an explicit date
])  # fmt: skip
# What of a history links are made of: keys, which are made once, go by id and version.
_FACTS = ["id", "version", "deleted", "guideline_version", "known_from", "known_until", "published", "design"]
_MADE_OF = b"made_of"
_NEVER = np.iinfo(np.int64).max
# A block shared by more versions than this says nothing ("Editorial"); its members meet in other blocks.
_LARGEST_BLOCK = 100
Ints = npt.NDArray[np.int64]

# ---------------------------------------------------------------- people's decisions

DECISIONS = ("same", "apart", "same_study", "apart_study")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What people decided: pairs that are one document or one study, and pairs that are not, whatever the rules say."""

    same: tuple[Pair, ...] = ()
    apart: tuple[Pair, ...] = ()
    same_study: tuple[Pair, ...] = ()
    apart_study: tuple[Pair, ...] = ()

    @property
    def version(self) -> str:
        """Their fingerprint, a part of the snapshot's name."""
        return fingerprint([getattr(self, name) for name in DECISIONS])


def decisions_of(rooms: Rooms) -> Decisions:
    """The decisions in `corpora/duplicates.yaml`; no file is no decision, an unknown key is refused."""
    if not (rooms.root / "corpora" / "duplicates.yaml").exists():
        return Decisions()
    given = rooms.definition("corpora", "duplicates")
    if unknown := sorted(map(str, given.keys() - set(DECISIONS))):
        raise _refused(f"unknown key {unknown[0]!r}", ", ".join(DECISIONS))
    found = Decisions(**{name: _pairs(name, given.get(name)) for name in DECISIONS})
    for yes, no in (("same", "apart"), ("same_study", "apart_study")):
        if both := sorted(set(getattr(found, yes)) & set(getattr(found, no))):
            raise _refused(f"{both[0][0]} and {both[0][1]} stand under both {yes} and {no}", "one of the two")
    return found


def _pairs(name: str, given: object) -> tuple[Pair, ...]:
    if given is not None and not isinstance(given, list):
        raise _refused(f"{name} is not a list", "a list of pairs: [[A, B]]")
    found = set()
    for pair in given or ():
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(x, str) and x.strip() for x in pair):
            raise _refused(f"{name} holds {pair!r}", "pairs of two ids: [PMID:1, PMID:2]")
        a, b = sorted(x.strip() for x in pair)
        if a == b:
            raise _refused(f"{name} pairs {a} with itself", "two different ids")
        found.add((a, b))
    return tuple(sorted(found))


def _refused(message: str, expected: str) -> BadInputError:
    return BadInputError(message, where="corpora/duplicates.yaml", expected=expected)


# ---------------------------------------------------------------- making links


def version_of(rooms: Rooms) -> str:
    """What the links of a home depend on beside its facts."""
    return fingerprint([keys.VERSION, duplicates.VERSION, studies.VERSION, decisions_of(rooms).version])


def write(path: Path, store: Store, commits: Sequence[Commit], history: pa.Table) -> None:
    """Write the links of a history: those of an earlier snapshot where nothing they depend on has changed."""
    facts = hashlib.sha256()
    for batch in history.select(_FACTS).to_batches():
        facts.update(batch.serialize())
    made_of = fingerprint([version_of(store.rooms), facts.hexdigest()])
    for earlier in sorted(store.folder.glob(f"snapshots/[!.]*/{FILE}")):
        if _is_made_of(earlier, made_of):
            shutil.copyfile(earlier, path)
            return
    table = build(store, commits, history).replace_schema_metadata({_MADE_OF: made_of.encode()})
    pq.write_table(table, path, compression="zstd")


def _is_made_of(path: Path, made_of: str) -> bool:
    try:
        return (pq.read_schema(path).metadata or {}).get(_MADE_OF) == made_of.encode()
    except (OSError, pa.ArrowException):
        return False  # a damaged one is no reason not to make them again


def build(store: Store, commits: Sequence[Commit], history: pa.Table) -> pa.Table:
    """The links among all versions of a history, schema `LINKS`, in a fixed order."""
    shards = [shard for shard in range(SHARDS) if touched_last(commits, shard)]
    keys.build(store, commits, shards)
    rows = _Rows(store, keys.read(store, commits, shards), history)
    people = decisions_of(store.rooms)
    found = {*rows.by_rule(), *rows.by_statement(), *rows.by_people(people)}
    for kind, pairs in ((APART, people.apart), (APART_STUDY, people.apart_study)):
        found |= {(a, b, kind, DECIDED, 1.0, None, None, None) for a, b in pairs}
    ordered = sorted(found, key=lambda link: (*link[:3], link[5] or 0, *link[3:5]))
    return pa.Table.from_pylist([dict(zip(LINKS.names, link, strict=True)) for link in ordered], schema=LINKS)


Link = tuple[str, str, str, str, float, Any, Any, Any]


class _Rows:
    """Intervals in force joined to the keys of their versions: what can be linked, and when it was known."""

    def __init__(self, store: Store, table: pa.Table, history: pa.Table) -> None:
        self.store = store
        live = history.filter(pc.invert(history["deleted"])).select(
            ["id", "version", "known_from", "known_until", "published", "design"]
        )
        at = {k: i for i, k in enumerate(zip(table["id"].to_pylist(), table["version"].to_pylist(), strict=True))}
        names = zip(live["id"].to_pylist(), live["version"].to_pylist(), strict=True)
        self.key = np.array([at.get(name, -1) for name in names], dtype=np.int64)
        self.live, self.table = live.combine_chunks(), table.combine_chunks()
        self.start = _ints(live["known_from"].cast(pa.int64()), 0)
        self.end = _ints(live["known_until"].cast(pa.int64()), _NEVER)
        self.of: dict[str, list[int]] = defaultdict(list)
        for row, document in enumerate(live["id"].to_pylist()):
            self.of[document].append(row)
        self._keys: dict[int, Key] = {}

    def by_rule(self) -> Iterator[Link]:
        """Pairs that share a block and pass the rules."""
        judged: dict[Pair, tuple[str, Match] | None] = {}
        for a, b in self._candidates():
            one, other = self._key(a), self._key(b)
            name = (f"{one.id}@{one.version}", f"{other.id}@{other.version}")
            if name not in judged:
                judged[name] = self._judged(one, other, self._design(a), self._design(b))
            if judged[name]:
                kind, match = judged[name] or ("", Match("", 0.0))
                yield from self._link(a, b, kind, match)

    def _judged(self, a: Key, b: Key, design_a: str, design_b: str) -> tuple[str, Match] | None:
        if match := duplicates.compare(a, b, self._abstract):
            return DUPLICATE, match
        match = studies.compare(a, b, design_a, design_b, self._abstract)
        return (SAME_STUDY, match) if match else None

    def by_statement(self) -> Iterator[Link]:
        """Registrations that papers report, and works that records say they belong to."""
        asked = _counts(self.table["trials"]) + _counts(self.table["targets"]) > 0
        says = np.flatnonzero(asked)
        for row in np.flatnonzero(np.isin(self.key, says)).tolist():
            key = self._key(row)
            for unit, match in studies.registered(key, self._design(row)):
                yield (key.id, unit, SAME_STUDY, match.basis, match.score, *self._window(row))
            for target, match in studies.stated(key):
                for other in self.of.get(target, ()):
                    if target != key.id:
                        yield from self._link(row, other, SAME_STUDY, match)

    def by_people(self, decisions: Decisions) -> Iterator[Link]:
        """What people decided to be one."""
        said = Match(DECIDED, 1.0)
        for kind, pairs in ((DUPLICATE, decisions.same), (SAME_STUDY, decisions.same_study)):
            for a, b in pairs:
                for one, other in product(self.of.get(a, ()), self.of.get(b, ())):
                    yield from self._link(one, other, kind, said)
                if b not in self.of:  # a registration
                    yield from ((a, b, kind, said.basis, said.score, *self._window(row)) for row in self.of.get(a, ()))

    def _candidates(self) -> list[tuple[int, int]]:
        a, b = self._plausible(*pairs_within(
            _ints(pc.list_flatten(self.table["blocks"]), 0), _ints(pc.list_parent_indices(self.table["blocks"]), 0)
        ))  # fmt: skip
        rows: dict[int, list[int]] = defaultdict(list)
        wanted = set(a.tolist()) | set(b.tolist())
        for row, key in enumerate(self.key.tolist()):
            if key in wanted:
                rows[key].append(row)
        found = {tuple(sorted((x, y))) for i, j in zip(a.tolist(), b.tolist(), strict=True)
                 for x, y in product(rows[i], rows[j])}  # fmt: skip
        return sorted(found)  # type: ignore[arg-type]

    def _plausible(self, a: Ints, b: Ints) -> tuple[Ints, Ints]:
        """The pairs that some rule could join: cheap tests on whole columns before any text is compared."""
        codes = {name: _codes(self.table[name]) for name in ("id", "doi", "kind", "volume", "page", "cue")}
        pmid, year = _ints(self.table["pmid"], 0), _ints(self.table["year"], 0)
        named = _counts(self.table["acronyms"]) > 0

        def same(name: str) -> npt.NDArray[np.bool_]:
            left, right = codes[name][a], codes[name][b]
            equal: npt.NDArray[np.bool_] = (left == right) & (left >= 0)
            return equal

        gap = np.abs(year[a] - year[b])
        gap[(year[a] == 0) | (year[b] == 0)] = 0
        kin = ~same("kind") | (codes["cue"][a] != codes["cue"][b]) | (named[a] & named[b])
        numbered = (pmid[a] > 0) & (pmid[b] > 0) & (pmid[a] != pmid[b])
        kept = ~same("id") & (
            same("doi") | (kin & (gap <= 2 * studies.APART_YEARS))
            | ((gap <= 1) & (~numbered | (same("volume") & same("page"))))
        )  # fmt: skip
        return a[kept], b[kept]

    def _link(self, a: int, b: int, kind: str, match: Match) -> Iterator[Link]:
        start, end = max(self.start[a], self.start[b]), min(self.end[a], self.end[b])
        if start < end:
            one, other = sorted((a, b), key=lambda row: self.live["id"][row].as_py())
            dates = [self.live["published"][row].as_py() for row in (a, b)]
            shown = max(dates) if all(dates) else None
            yield (self.live["id"][one].as_py(), self.live["id"][other].as_py(), kind, match.basis, match.score,
                   int(start), None if end == _NEVER else int(end), shown)  # fmt: skip

    def _window(self, row: int) -> tuple[Any, Any, Any]:
        end = int(self.end[row])
        return int(self.start[row]), None if end == _NEVER else end, self.live["published"][row].as_py()

    def _key(self, row: int) -> Key:
        at = int(self.key[row])
        if at not in self._keys:
            self._keys[at] = Key.from_row(self.table.slice(at, 1).to_pylist()[0])
        return self._keys[at]

    def _design(self, row: int) -> str:
        return self.live["design"][row].as_py() or "unknown"

    def _abstract(self, key: Key) -> str:
        return self.store.texts(key.seq)["abstract"][key.row].as_py() or ""


def pairs_within(blocks: Ints, holder: Ints) -> tuple[Ints, Ints]:
    """Every two holders of one block, each pair once."""
    order = np.lexsort((holder, blocks))
    blocks, holder = blocks[order], holder[order]
    starts = np.flatnonzero(np.r_[True, blocks[1:] != blocks[:-1]]) if len(blocks) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[starts, len(blocks)])
    found = [np.empty((0, 2), np.int64)]
    for size in range(2, _LARGEST_BLOCK + 1):
        firsts = starts[sizes == size]
        if len(firsts):
            i, j = np.triu_indices(size, 1)
            found.append(np.stack([holder[firsts[:, None] + i].ravel(), holder[firsts[:, None] + j].ravel()], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _codes(column: Any) -> Ints:
    """A text column as numbers, -1 where it is empty."""
    encoded = pc.dictionary_encode(column)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = _ints(encoded.indices, -1)
    codes[np.asarray(pc.equal(column, ""), dtype=bool)] = -1
    return codes


def _counts(column: Any) -> Ints:
    """How many items each list of a column holds."""
    return _ints(pc.list_value_length(column), 0)


def _ints(column: Any, missing: int) -> Ints:
    return np.array(pc.fill_null(pc.cast(column, pa.int64()), missing), dtype=np.int64)
