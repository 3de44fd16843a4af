"""What counts once: clusters of duplicates and studies with their papers, from the links visible on two clocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consilience.corpora.links import APART, APART_STUDY, DECIDED, DUPLICATE
from consilience.corpora.trials import numbers_in, registry_of

_NEVER = np.iinfo(np.int64).max
_KEPT = 16


@dataclass(frozen=True, slots=True)
class Link:
    """One link as it is shown: its two ends, why, and how sure, 0..1."""

    a: str
    b: str
    kind: str
    basis: str
    score: float

    def as_json(self) -> dict[str, Any]:
        """The link object of the contract."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Documents that are one: `name` is the master, or the study's registration."""

    name: str
    members: tuple[str, ...]
    links: tuple[Link, ...]

    @property
    def documents(self) -> list[str]:
        """Its members that are documents; a registration is none."""
        return [name for name in self.members if not is_registration(name)]


class _Forest:
    """Union-find that never joins what people hold apart, nor two trials of one registry on a weak ground."""

    def __init__(self, apart: Iterable[tuple[str, str]]) -> None:
        self.parent: dict[str, str] = {}
        self.apart = list(apart)
        self.trials: dict[str, dict[str, str]] = {}

    def find(self, name: str) -> str:
        root = name
        while (up := self.parent.setdefault(root, root)) != root:
            root = up
        while self.parent[name] != root:
            self.parent[name], name = root, self.parent[name]
        return root

    def join(self, link: Link) -> bool:
        one, other = sorted((self._rooted(link.a), self._rooted(link.b)))
        if one == other:
            return True
        if any({self.find(a), self.find(b)} == {one, other} for a, b in self.apart):
            return False
        ours, theirs = self.trials[one], self.trials[other]
        if link.score < 1 and any(ours[r] != theirs[r] for r in ours.keys() & theirs.keys()):
            return False
        self.parent[other] = one
        self.trials[one] = {**theirs, **ours}
        return True

    def _rooted(self, name: str) -> str:
        if name not in self.trials:
            number = name.removeprefix("NCT:")
            self.trials[name] = {registry_of(number): number} if is_registration(name) else {}
        return self.find(name)


def is_registration(name: str) -> bool:
    """Say whether a unit's name is a trial's number rather than a document."""
    number = name.removeprefix("NCT:")
    return numbers_in(number) == (number,)


def _master_first(name: str) -> tuple[bool, bool, str]:
    """PubMed's record speaks for its copies, else one with a DOI, else the smallest id."""
    return not name.startswith("PMID:"), not name.startswith("DOI:"), name


@dataclass
class Units:
    """The units of evidence that a set of links makes."""

    links: Sequence[Link]

    @cached_property
    def _duplicates(self) -> dict[str, Cluster]:
        return self._clusters(APART, {DUPLICATE})

    @cached_property
    def _studies(self) -> dict[str, Cluster]:
        return self._clusters(APART_STUDY, None)

    def study_of(self, document: str) -> str:
        """The unit a document's evidence belongs to: its trial's registration, else the smallest id of its papers."""
        found = self._studies.get(document)
        return found.name if found else document

    def study_members(self, document: str) -> list[tuple[str, str]]:
        """The other documents of its study, each with why it is there."""
        return _others(self._studies.get(document), document)

    def duplicates_of(self, document: str) -> list[tuple[str, str]]:
        """The other records of the same document, each with why."""
        return _others(self._duplicates.get(document), document)

    def master_of(self, document: str) -> str:
        """The record that speaks for all copies of a document; itself when it has none."""
        found = self._duplicates.get(document)
        return found.name if found else document

    def duplicates(self) -> list[Cluster]:
        """Every cluster of duplicates, by master."""
        return _listed(self._duplicates)

    def studies(self) -> list[Cluster]:
        """Every study with more than one document, by name."""
        return [cluster for cluster in _listed(self._studies) if len(cluster.documents) > 1]

    def _clusters(self, apart: str, kinds: set[str] | None) -> dict[str, Cluster]:
        forest = _Forest((link.a, link.b) for link in self.links if link.kind == apart)
        asked = [k for k in self.links if k.kind in kinds] if kinds else [
            k for k in self.links if k.kind not in (APART, APART_STUDY)
        ]  # fmt: skip
        # What people said first, then the surest: what comes later must not stand in its way.
        asked.sort(key=lambda k: (k.basis != DECIDED, -k.score, k.a, k.b, k.basis))
        used = [link for link in asked if forest.join(link)]
        members: dict[str, set[str]] = defaultdict(set)
        why: dict[str, dict[Link, None]] = defaultdict(dict)
        for link in used:
            root = forest.find(link.a)
            members[root] |= {link.a, link.b}
            why[root][link] = None
        return {
            name: cluster
            for root, names in members.items()
            for cluster in [_cluster(names, tuple(why[root]))]
            for name in names
        }


def _cluster(names: set[str], links: tuple[Link, ...]) -> Cluster:
    registrations = sorted((n for n in names if is_registration(n)), key=lambda n: (not n.startswith("NCT:"), n))
    whole = links and all(link.kind == DUPLICATE for link in links)
    ordered = sorted(names, key=_master_first if whole else None)
    return Cluster((registrations or ordered)[0], tuple(ordered), links)


def _others(cluster: Cluster | None, document: str) -> list[tuple[str, str]]:
    if cluster is None:
        return []
    found = []
    for member in cluster.documents:
        if member != document:
            own = [k for k in cluster.links if member in (k.a, k.b)]
            direct = [k for k in own if document in (k.a, k.b)]
            link = (direct or own)[0]
            other = link.b if link.a == member else link.a
            found.append((member, link.basis if direct else f"{link.basis}, with {other}"))
    return found


def _listed(clusters: dict[str, Cluster]) -> list[Cluster]:
    return [clusters[name] for name in sorted({c.name for c in clusters.values()})]


# ---------------------------------------------------------------- on the clocks


@dataclass
class Linked:
    """The links of one snapshot, and the units they make on any pair of clocks."""

    table: pa.Table
    _units: dict[bytes, Units] = field(default_factory=dict, repr=False)
    _asked: dict[tuple[int, int, bool], Units] = field(default_factory=dict, repr=False)

    @cached_property
    def _columns(self) -> tuple[npt.NDArray[np.int64], ...]:
        def ints(name: str, kind: pa.DataType, missing: int) -> npt.NDArray[np.int64]:
            column = pc.fill_null(self.table[name].cast(kind).cast(pa.int64()), missing)
            return np.array(column, dtype=np.int64)

        return (
            ints("known_from", pa.int64(), 0), ints("known_until", pa.int64(), _NEVER),
            ints("published", pa.int32(), -_NEVER),
        )  # fmt: skip

    def units(self, instant: int, day: int, *, explicit: bool) -> Units:
        """The units on two clocks: microseconds and days since 1970; undated ends hide under an explicit day."""
        asked = (instant, day, explicit)
        found = self._asked.get(asked)
        if found is None:
            found = self._seen(instant, day, explicit=explicit)
            if len(self._asked) >= _KEPT:
                self._asked.clear()
            self._asked[asked] = found
        return found

    def _seen(self, instant: int, day: int, *, explicit: bool) -> Units:
        # Two clocks that see the same links share their units: now moves on, links seldom do.
        start, end, published = self._columns
        seen = (start <= instant) & (instant < end) & (published <= day)
        if explicit:
            seen &= published > -_NEVER
        seen |= np.asarray(pc.is_null(self.table["known_from"]), dtype=bool)  # people's word that two are apart
        name = np.packbits(seen).tobytes()
        found = self._units.get(name)
        if found is None:
            if len(self._units) >= _KEPT:
                self._units.clear()
            rows = self.table.select(["a", "b", "kind", "basis", "score"]).filter(pa.array(seen))
            found = self._units[name] = Units([Link(**row) for row in rows.to_pylist()])
        return found
