"""What the ranker sees of a record: one sparse row of unit length from its title, abstract, headings and keywords.

Terms are hashed, so that no vocabulary is held in memory; features are made once for a set of records and kept by the
hash of what they were made from. No label enters.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.home import write_atomically
from consilience.records import canonical_json

Vector = npt.NDArray[np.float64]
Record = Mapping[str, Any]

_WORD = re.compile(r"\w\w+")
_DIVIDED = re.compile(r"[;|]")
_AT_ONCE = 2000  # records whose terms are in memory as text
_SPARSE = 8  # with fewer terms than an eighth of the columns it is cheaper to sort than to look into all
_PARTS = ("text", "title", "headings")
_VERSION = 1  # of the terms: counts in the key of what is kept


@dataclass(frozen=True, slots=True)
class Settings:
    """What the ranker is made of; it stands in the result, so that an order can be made again."""

    model: str = "class-weighted ridge over TF-IDF of stems (1-2 grams, sublinear), title and headings"
    stem: int = 6  # letters kept of a word: as good as a stemmer here, and fast
    title_weight: float = 0.55
    heading_weight: float = 0.32
    max_share: float = 0.9  # a term in more of the records than this says nothing
    columns: int = 1 << 22  # of the hashed terms
    penalty: float = 0.11  # C and the ratio of ELAS u4, tuned by its authors on SYNERGY
    balance: float = 9.8  # the includes together weigh this many times the excludes
    trusted: int = 20  # includes from which excludes count in full: a few tell little of what is not looked for
    max_text: int = 20_000

    def as_json(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the features: the hashes of its terms, ascending, and the weight of each (0: too common)."""

    columns: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Features:
    """The rows of the records in their order: CSR, float32, unit length, or empty where a record says nothing."""

    vectors: Any
    parts: tuple[Part, ...]
    settings: Settings
    key: str

    def of(self, query: str) -> Any:
        """A plain text as one more row: its terms that some record has."""
        return _weighed(_counts([{"title": query}], self.settings), self.parts, self.settings)


def features(records: Sequence[Record], *, settings: Settings | None = None, cache: Path | None = None) -> Features:
    """The features of records, taken from the folder `cache` where it holds them, and else kept there."""
    used = settings or Settings()
    key = _key(records, used)
    path = cache / "features" / f"{key}.npz" if cache is not None else None
    if path is not None and (kept := _read(path, used, key)) is not None:
        return kept
    made = _made(records, used, key)
    if path is not None:
        write_atomically(path, _bytes(made))
    return made


def _made(records: Sequence[Record], settings: Settings, key: str) -> Features:
    from scipy.sparse import csr_matrix, vstack

    if not records:
        empty = Part(np.zeros(0, np.int64), np.zeros(0, np.float32))
        return Features(csr_matrix((0, len(_PARTS)), dtype=np.float32), (empty,) * len(_PARTS), settings, key)
    pieces = [_counts(records[at : at + _AT_ONCE], settings) for at in range(0, len(records), _AT_ONCE)]
    parts = tuple(_part([piece[number] for piece in pieces], settings) for number in range(len(_PARTS)))
    made = []
    for at, piece in enumerate(pieces):
        made.append(_weighed(piece, parts, settings))
        pieces[at] = []  # a second copy of all counts would double the memory
    return Features(vstack(made, format="csr"), parts, settings, key)


def _counts(records: Sequence[Record], settings: Settings) -> list[Any]:
    """How often each hashed term stands in each part of each record."""
    from sklearn.feature_extraction import FeatureHasher

    terms = _stems_and_pairs(settings.stem)
    titles = [text_of(record, "title")[: settings.max_text] for record in records]
    texts = [
        f"{title} {text_of(record, 'abstract')}"[: settings.max_text]
        for title, record in zip(titles, records, strict=True)
    ]
    hasher = FeatureHasher(settings.columns, input_type="string", alternate_sign=False, dtype=np.float32)
    every = (map(terms, texts), map(terms, titles), map(_headings, records))
    return [hasher.transform(own) for own in every]


def _part(counts: Sequence[Any], settings: Settings) -> Part:
    """The terms that occur, by smoothed inverse document frequency."""
    records = sum(own.shape[0] for own in counts)
    if sum(own.nnz for own in counts) * _SPARSE < settings.columns:
        columns, df = np.unique(np.concatenate([own.indices for own in counts]), return_counts=True)
    else:
        found = np.zeros(settings.columns, dtype=np.int64)
        for own in counts:
            found += np.bincount(own.indices, minlength=settings.columns)
        columns = np.flatnonzero(found)
        df = found[columns]
    weights = np.log((1 + records) / (1 + df)) + 1
    weights[df > settings.max_share * records] = 0
    return Part(columns.astype(np.int64), weights.astype(np.float32))


def _weighed(counts: Sequence[Any], parts: Sequence[Part], settings: Settings) -> Any:
    """Sublinear counts times the weights of their terms, in rows of unit length; terms of no weight are left out."""
    from scipy.sparse import hstack
    from sklearn.preprocessing import normalize

    shares = (1.0, settings.title_weight, settings.heading_weight)
    rows = [
        normalize(_tfidf(own, part, settings), copy=False) * np.float32(share)
        for own, part, share in zip(counts, parts, shares, strict=True)
    ]
    return normalize(hstack(rows, format="csr", dtype=np.float32), copy=False)


def _tfidf(counts: Any, part: Part, settings: Settings) -> Any:
    from scipy.sparse import csr_matrix

    place, weight = _placed(counts.indices, part, settings)
    data = (1 + np.log(counts.data)) * weight
    shape = (counts.shape[0], max(len(part.columns), 1))
    made = csr_matrix((data.astype(np.float32), place, counts.indptr), shape=shape)
    made.eliminate_zeros()
    return made


def _placed(
    wanted: npt.NDArray[np.int32], part: Part, settings: Settings
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The place of each hash among the part's columns, and its weight: 0 for one that no record has."""
    many = len(part.columns)
    if not many:
        return np.zeros(len(wanted), dtype=np.int32), np.zeros(len(wanted), dtype=np.float32)
    if len(wanted) * _SPARSE < settings.columns:
        place = np.minimum(np.searchsorted(part.columns, wanted), many - 1).astype(np.int32)
        return place, np.where(part.columns[place] == wanted, part.weights[place], np.float32(0))
    # Looked up in a table of all hashes: for many terms a search costs more than the table.
    places, weights = np.zeros(settings.columns, dtype=np.int32), np.zeros(settings.columns, dtype=np.float32)
    places[part.columns] = np.arange(many, dtype=np.int32)
    weights[part.columns] = part.weights
    return places[wanted], weights[wanted]


def _stems_and_pairs(letters: int) -> Callable[[str], Iterator[str]]:
    def terms(text: str) -> Iterator[str]:
        stems = [word[:letters] for word in _WORD.findall(text.lower())]
        yield from stems
        yield from map(" ".join, pairwise(stems))

    return terms


def text_of(record: Record, key: str) -> str:
    """The text under `key`; anything else counts as none."""
    value = record.get(key)
    return value if isinstance(value, str) else ""


def _headings(record: Record) -> Iterator[str]:
    """MeSH headings, each without its qualifier and with it, keywords and publication types."""
    for own in (*_listed(record, "mesh"), *_listed(record, "keywords")):
        name = own.lstrip("*").lower()
        yield name
        if "/" in name:
            yield name.split("/", 1)[0]
    yield from (f"type:{own.lower()}" for own in _listed(record, "publication_types"))


def _listed(record: Record, key: str) -> list[str]:
    """A list, or one text divided by semicolons or bars; anything else counts as none."""
    value = record.get(key)
    given = _DIVIDED.split(value) if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return [own.strip() for own in given if isinstance(own, str) and own.strip()]


def _key(records: Sequence[Record], settings: Settings) -> str:
    found = hashlib.sha256(canonical_json({"version": _VERSION, **settings.as_json()}).encode())
    for record in records:
        row = [text_of(record, "title"), text_of(record, "abstract"), list(_headings(record))]
        found.update(canonical_json(row).encode() + b"\n")
    return found.hexdigest()


def _bytes(made: Features) -> bytes:
    stream = io.BytesIO()
    vectors = made.vectors
    arrays = {"data": vectors.data, "indices": vectors.indices, "indptr": vectors.indptr, "shape": vectors.shape}
    for name, part in zip(_PARTS, made.parts, strict=True):
        arrays |= {f"{name}_columns": part.columns, f"{name}_weights": part.weights}
    np.savez(stream, **arrays)
    return stream.getvalue()


def _read(path: Path, settings: Settings, key: str) -> Features | None:
    """What is kept; None where nothing is, or it is damaged: then it is made again."""
    from scipy.sparse import csr_matrix

    try:
        with np.load(path, allow_pickle=False) as kept:
            vectors = csr_matrix((kept["data"], kept["indices"], kept["indptr"]), shape=tuple(kept["shape"]))
            parts = tuple(Part(kept[f"{name}_columns"], kept[f"{name}_weights"]) for name in _PARTS)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Features(vectors, parts, settings, key)
