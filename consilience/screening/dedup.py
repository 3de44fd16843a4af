"""Which records of a review are one document: clusters by the rules of the corpora, with a master; none is deleted.

First by PMID, then by what `corpora.duplicates` compares: DOI, or a title that agrees together with its place or its
people. A preprint, an erratum, a reply, another part and a conference abstract are documents of their own. Two records
of one trial registration and year are flagged and never joined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.corpora import duplicates, keys
from consilience.corpora.citations import PUBLICATION_TYPE_UI
from consilience.corpora.keys import Key
from consilience.corpora.links import pairs_within

VERSION = f"dedup.1+{duplicates.VERSION}+{keys.VERSION}"

Ints = npt.NDArray[np.int64]
_UI_OF = {name.lower(): ui for name, ui in PUBLICATION_TYPE_UI.items()}
# Flags of more records than this say that a number stands in boilerplate.
_MOST_OF_ONE_TRIAL = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """Why two records are taken for one (or, in a flag, for papers of one trial), and how sure that is, 0..1."""

    a: str
    b: str
    basis: str
    score: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Two or more records of one document: the fullest is the master, the basis says why they are together."""

    master: str
    members: tuple[str, ...]  # in the order of the records
    basis: tuple[Pair, ...]


def clusters(records: Sequence[Mapping[str, Any]], apart: Collection[tuple[str, str]] = ()) -> list[Cluster]:
    """The clusters among records, in the order of their first members; pairs that people parted stay apart."""
    made = [_key(row, record) for row, record in enumerate(records)]
    groups = _Groups(made, {frozenset(pair) for pair in apart})
    for a, b in _of_one_pmid(made):
        groups.join(a, b, Pair(made[a].id, made[b].id, "PMID", 1.0))
    matches = (
        (match.score, a, b, match.basis)
        for a, b in _candidates(made)
        if (match := duplicates.compare(made[a], made[b], lambda key: str(records[key.row].get("abstract") or "")))
    )
    # The surest first: a cluster that has a PMID then refuses what leads to another one.
    for score, a, b, basis in sorted(matches, key=lambda match: (-match[0], *match[1:])):
        groups.join(a, b, Pair(made[a].id, made[b].id, basis, score))
    return [
        Cluster(made[_master(records, rows)].id, tuple(made[row].id for row in rows), tuple(pairs))
        for rows, pairs in groups.several()
    ]


def flags(records: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """Pairs of records that name one trial registration and came out in one year: papers of one study, perhaps."""
    of: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row, record in enumerate(records):
        key = _key(row, record)
        for trial in key.trials:
            if key.year:
                of[trial, key.year].append(key.id)
    return [
        Pair(a, b, f"{trial}, {year}", 0.5)
        for (trial, year), ids in of.items()
        if len(ids) <= _MOST_OF_ONE_TRIAL
        for a, b in combinations(ids, 2)
    ]


def _key(row: int, record: Mapping[str, Any]) -> Key:
    """What a record is recognised by, as the corpora make it of theirs."""
    extra = record.get("extra") or {}
    year = int(record.get("year") or 0)
    types = [(name, _UI_OF.get(name.lower(), "")) for name in record.get("publication_types") or ()]
    meta = {
        "pmid": record.get("pmid"), "doi": record.get("doi") or "", "authors": list(record.get("authors") or ()),
        "journal": record.get("journal") or "", "published": {"end": f"{year:04d}"} if year else {},
        "publication_types": types, "registry_ids": extra.get("registry_ids") or (),
        "extra": {
            "volume": record.get("volume"), "pages": record.get("pages"), "ris_type": extra.get("ris_type", ""),
        },
    }  # fmt: skip
    title, abstract = (str(record.get(name) or "") for name in ("title", "abstract"))
    return keys.key_of(str(record["id"]), "", 0, row, title=title, abstract=abstract, meta=meta)


def _of_one_pmid(made: Sequence[Key]) -> Iterator[tuple[int, int]]:
    first: dict[int, int] = {}
    for row, key in enumerate(made):
        if key.pmid:
            if key.pmid in first:
                yield first[key.pmid], row
            first.setdefault(key.pmid, row)


def _candidates(made: Sequence[Key]) -> list[tuple[int, int]]:
    """Pairs that share a block and that some rule could join, by cheap tests on whole columns."""
    blocks = np.array([block for key in made for block in key.blocks], dtype=np.int64)
    holder = np.repeat(np.arange(len(made)), [len(key.blocks) for key in made])
    a, b = pairs_within(blocks, holder)
    year, pmid = (np.array([getattr(key, name) for key in made], dtype=np.int64) for name in ("year", "pmid"))
    kind, doi, volume, page = (_codes(getattr(key, name) for key in made) for name in ("kind", "doi", "volume", "page"))

    def same(codes: Ints) -> npt.NDArray[np.bool_]:
        equal: npt.NDArray[np.bool_] = (codes[a] == codes[b]) & (codes[a] >= 0)
        return equal

    near = (np.abs(year[a] - year[b]) <= 1) | (year[a] == 0) | (year[b] == 0)
    numbered = (pmid[a] > 0) & (pmid[b] > 0)
    kept = same(kind) & ~(numbered & (pmid[a] == pmid[b])) & (
        same(doi) | (near & (~numbered | (same(volume) & same(page))))
    )  # fmt: skip
    return list(zip(a[kept].tolist(), b[kept].tolist(), strict=True))


def _codes(texts: Iterable[str]) -> Ints:
    """Texts as numbers, -1 where they are empty."""
    number: dict[str, int] = {"": -1}
    return np.array([number.setdefault(text, len(number)) for text in texts], dtype=np.int64)


class _Groups:
    """Rows that were joined so far, and which PMIDs each group has."""

    def __init__(self, made: Sequence[Key], apart: Collection[frozenset[str]]) -> None:
        self._made, self._apart = made, apart
        self._parted = {name for pair in apart for name in pair}
        self._head = list(range(len(made)))
        self._rows = {row: [row] for row in range(len(made))}
        self._pmids = {row: {key.pmid} - {0} for row, key in enumerate(made)}
        self._pairs: dict[int, list[Pair]] = defaultdict(list)

    def join(self, a: int, b: int, pair: Pair) -> None:
        """Join the groups of two rows, unless people parted some of them or a third record leads to another PMID."""
        one, other = sorted((self._head[a], self._head[b]))
        if one == other:
            return
        led = self._pmids[one] and self._pmids[other] and not self._pmids[one] & self._pmids[other]
        if (led and not (self._made[a].pmid and self._made[b].pmid)) or self._are_apart(one, other):
            return
        for row in self._rows[other]:
            self._head[row] = one
        self._rows[one] += self._rows.pop(other)
        self._pmids[one] |= self._pmids.pop(other)
        self._pairs[one] += [*self._pairs.pop(other, ()), pair]

    def several(self) -> Iterator[tuple[list[int], list[Pair]]]:
        """The groups of more than one row."""
        for head, rows in self._rows.items():
            if len(rows) > 1:
                yield sorted(rows), self._pairs[head]

    def _are_apart(self, one: int, other: int) -> bool:
        ours, theirs = ([self._made[row].id for row in self._rows[head]] for head in (one, other))
        return any(
            frozenset((mine, yours)) in self._apart
            for mine in ours
            if mine in self._parted
            for yours in theirs
            if yours in self._parted
        )


def _master(records: Sequence[Mapping[str, Any]], rows: Sequence[int]) -> int:
    """The fullest record: with PMID, abstract, DOI, most fields, longest abstract; of equals the first."""

    def fullness(row: int) -> tuple[bool, bool, bool, int, int]:
        record = records[row]
        abstract = record.get("abstract") or ""
        filled = sum(bool(value) for key, value in record.items() if key not in ("source", "extra", "label"))
        return bool(record.get("pmid")), bool(abstract), bool(record.get("doi")), filled, len(abstract)

    return max(rows, key=lambda row: (fullness(row), -row))
