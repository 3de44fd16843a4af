"""Which rows bear which MeSH heading, publication type, language and species: what filters are made of.

Two files: `values.parquet`, a line for each value of a property and how many rows bear it, in order; and `rows.npy`,
those rows, value after value, memory-mapped. A filter costs what it leaves, whatever the corpus holds.

Values are compared without case. A heading or a publication type goes by its name and by its UI. A language goes by
PubMed's code. The species are read from the headings: `humans` where a record bears the check tag Humans or one of an
age that indexers give to people alone, `animals` where it bears Animals or the check tag of one; both is possible. A
recommendation of a guideline speaks of humans. A row that states nothing of a property bears the value "".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from consilience.corpora.corpus import Corpus, Mask
from consilience.errors import StoreDamagedError
from consilience.indexes import languages

Property = Literal["mesh", "publication_types", "languages", "species"]
PROPERTIES: tuple[Property, ...] = ("mesh", "publication_types", "languages", "species")
SPECIES = ("humans", "animals")
BARE = ""
# The check tags of NLM's indexers (the ages are for people alone, whatever animal is young or old).
_HUMAN = frozenset({
    "humans", "infant, newborn", "infant", "child, preschool", "child", "adolescent", "young adult", "adult",
    "middle aged", "aged", "aged, 80 and over",
})  # fmt: skip
_ANIMAL = frozenset({
    "animals", "cats", "cattle", "chick embryo", "cricetinae", "dogs", "guinea pigs", "mice", "rabbits", "rats",
})  # fmt: skip
_KEYS = pa.schema([("property", pa.string()), ("value", pa.string()), ("rows", pa.int64())])
Key = tuple[str, str]
_Rows = npt.NDArray[np.int32]


def values_of(meta: Mapping[str, Any], source: str) -> Iterator[Key]:
    """What one record bears, as (property, value), "" where it states nothing; `meta` is as the store keeps it."""
    headings = {term.casefold() for heading in meta.get("mesh", ()) for term in heading[:2] if term}
    species = {name for name, tags in (("humans", _HUMAN), ("animals", _ANIMAL)) if headings & tags}
    borne: dict[Property, set[str]] = {
        "mesh": headings,
        "publication_types": {term.casefold() for kind in meta.get("publication_types", ()) for term in kind if term},
        "languages": {languages.code_of(name) or name.casefold() for name in meta.get("languages", ()) if name},
        "species": {"humans"} if source == "guidelines" else species,
    }
    for name in PROPERTIES:
        yield from ((name, value) for value in borne[name] or (BARE,))


def build(folder: Path, corpus: Corpus, earlier: Facets | None = None, rows: Mapping[Key, int] | None = None) -> int:
    """Write the facets of every live row into an empty folder; return how many records had to be read.

    A version bears the same for ever: what `earlier` says of its `rows`, by (document, version), is taken over.
    """
    known = _known_rows(corpus, rows if earlier and rows else {})
    fresh = np.flatnonzero(corpus.alive & (known < 0))
    numbers: dict[Key, int] = {}
    bearing: list[tuple[int, int]] = []
    for row, key in _read(corpus, fresh):
        bearing.append((numbers.setdefault(key, len(numbers)), row))
    pairs = [np.array(bearing, np.int64).reshape(-1, 2)]
    if earlier:
        pairs.append(earlier.carried(known, numbers))
    _write(folder, numbers, np.concatenate(pairs))
    return len(fresh)


def _known_rows(corpus: Corpus, rows: Mapping[Key, int]) -> npt.NDArray[np.int64]:
    """The earlier row that says what each row says, -1 where there is none."""
    keys = zip(corpus.table["id"].to_pylist(), corpus.table["version"].to_pylist(), strict=True)
    found = np.fromiter((rows.get(key, -1) for key in keys), np.int64, corpus.table.num_rows)
    return np.where(corpus.alive, found, -1)


def _read(corpus: Corpus, rows: Iterable[int]) -> Iterator[tuple[int, Key]]:
    import orjson

    sources, seqs, places = (corpus.table[name] for name in ("source", "seq", "row"))
    for row in map(int, rows):
        meta = corpus.store.texts(seqs[row].as_py())["meta"][places[row].as_py()].as_py()
        for key in values_of(orjson.loads(meta or "{}"), sources[row].as_py()):
            yield row, key


def _write(folder: Path, numbers: Mapping[Key, int], pairs: npt.NDArray[np.int64]) -> None:
    keys = sorted(numbers)
    rank = np.empty(len(keys), np.int64)
    rank[[numbers[key] for key in keys]] = np.arange(len(keys))
    values, rows = rank[pairs[:, 0]], pairs[:, 1]
    order = np.lexsort((rows, values))
    borne = np.bincount(values, minlength=len(keys))
    columns = [[name for name, _ in keys], [value for _, value in keys], borne]
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns, schema=_KEYS), folder / "values.parquet", compression="zstd")
    np.save(folder / "rows.npy", rows[order].astype(np.int32))


class Facets:
    """Built facets, opened for reading."""

    def __init__(self, folder: Path) -> None:
        try:
            table = pq.read_table(folder / "values.parquet", schema=_KEYS)
            self._rows: _Rows = np.asarray(np.load(folder / "rows.npy", mmap_mode="r"))
        except (OSError, ValueError) as error:  # Arrow's own errors are ValueErrors
            raise StoreDamagedError(
                "the facets of the index are missing or unreadable", where="indexes/store",
                expected="delete that folder and refresh",
            ) from error  # fmt: skip
        self._borne: npt.NDArray[np.int64] = table["rows"].to_numpy()
        keys = zip(table["property"].to_pylist(), table["value"].to_pylist(), strict=True)
        self._places = {key: place for place, key in enumerate(keys)}
        self._ends = np.cumsum(self._borne)

    def rows(self, name: Property, value: str) -> _Rows:
        """The rows that bear a value of a property, in order."""
        place = self._places.get((name, value))
        if place is None:
            return self._rows[:0]
        end = int(self._ends[place])
        return self._rows[end - int(self._borne[place]) : end]

    def each(self) -> Iterator[tuple[Property, str, _Rows]]:
        """Every value of every property, with the rows that bear it."""
        for name, value in self._places:
            yield cast(Property, name), value, self.rows(cast(Property, name), value)

    def mask(self, name: Property, values: Iterable[str], size: int) -> Mask:
        """The rows, of `size` there are, that bear at least one of these values."""
        found: Mask = np.zeros(size, np.bool_)
        for value in values:
            found[self.rows(name, value)] = True
        return found

    @cached_property
    def _numbers(self) -> npt.NDArray[np.int64]:
        return np.repeat(np.arange(len(self._borne)), self._borne)

    def carried(self, known: npt.NDArray[np.int64], numbers: dict[Key, int]) -> npt.NDArray[np.int64]:
        """What rows bear that say what earlier rows said: (number of the value, row) pairs; new values get numbers.

        `known` has the earlier row of each row, -1 where there is none; one earlier row may serve several.
        """
        order = np.argsort(known, kind="stable")
        begins, ends = (np.searchsorted(known[order], self._rows, side) for side in ("left", "right"))
        times = ends - begins
        offsets = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        rows = order[np.repeat(begins, times) + offsets]
        values = np.repeat(self._numbers, times)
        kept = np.zeros(len(self._borne), np.bool_)
        kept[values] = True
        ours = np.array([numbers.setdefault(key, len(numbers)) if kept[place] else -1
                         for key, place in self._places.items()], np.int64)  # fmt: skip
        return np.column_stack([ours[values], rows]) if len(values) else np.empty((0, 2), np.int64)
