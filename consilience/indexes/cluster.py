"""Vectors on Milvus, under the contract of all retrievers: a file is searched by Milvus Lite, a URL by a cluster.

An entity is one passage of one row of the corpus, under an id that never changes. Its scalar fields are both clocks and
what filters ask for, so that Milvus leaves out what is out of sight. Intervals are fields: an older version stays, and
is found where `known_at` lies in its interval. What a document's marks say is no field, since it changes without the
document; that and any `where` is looked up here, and Milvus is asked for more until enough is left.

A green test on Milvus Lite proves what questions mean, never the type of index: Lite accepts types it does not build.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from consilience.corpora.corpus import FOREVER, Corpus, days
from consilience.errors import BadInputError, BusyError, StoreDamagedError
from consilience.home import fingerprint
from consilience.indexes import dense
from consilience.indexes.dense.search import cosines, moved, remembering
from consilience.indexes.dense.vectors import Vectors, vectors_of
from consilience.indexes.facets import BARE, PROPERTIES, Facets
from consilience.indexes.filters import Found, Mask, Sight
from consilience.indexes.profile import ClusterProfile
from consilience.models import Embedding
from consilience.records import shard_of

TOKEN = "MILVUS_TOKEN"  # noqa: S105 - the name of an environment variable
# The file of an index that says which collection has its vectors.
COLLECTION = "collection"
# Milvus takes integers only; no day that a record can bear comes near it.
UNDATED = -(2**40)
# Entities in one call; with their vectors a call stays under the 64 MB that a server takes.
_SENT, _READ = 1000, 8000
# Milvus answers with at most 16,384 entities, which with long vectors would be more than it sends.
_MOST = 8192
# An engine adds in single precision: two that differ by less may change places.
_ROUNDING = 1e-5
_SPARE = 20
_PATIENCE = 10.0  # seconds for a connection
_ID, _TERM, _TERMS = 24, 16, 1024
# Stands for terms of which there are too many for a field: such a row is let through, and looked up here.
_ANY = "*"

T = TypeVar("T")


class Searched(Protocol):
    """What a search on dense vectors asks of an index, whichever engine has them."""

    rows: npt.NDArray[np.int32]

    def search(self, query: str, limit: int, sight: Sight, *, towards: Vectors | None = None) -> list[Found]:
        """The best documents in sight by the cosine of their best passage, best first, ties by row.

        The query's vector is moved by `towards`, where that is given, shape (dimension,).
        """
        ...

    def best_passages(self, query: str, rows: Sequence[int]) -> Vectors:
        """The vector of that passage of each row which is nearest to a query, shape (rows, dimension); else zeros."""
        ...


def build(
    folder: Path, corpus: Corpus, embedding: Embedding, profile: ClusterProfile, facets: Facets, beside: Path
) -> int:
    """Bring Milvus up to a snapshot, and write which entity is whose; return how many entities had to be sent.

    What Milvus holds is asked of Milvus: a run that was killed, or a collection that was dropped, needs no repair.
    `beside` is the folder of the index version, where Milvus Lite has its file.
    """
    wanted = _Wanted.of(corpus)
    name = collection_of(corpus, profile, beside)
    with _connected(profile, beside) as milvus:
        if not milvus.has(name):
            milvus.create(name, embedding.dimension)
        held, gone = _held(milvus.entities(name), wanted)
        missing = np.flatnonzero(~held)
        for batch in _batches(_entities(corpus, embedding, facets, wanted, missing), _SENT):
            milvus.call("upsert", name, data=batch)
        for ids in _batches(iter(gone), _READ):
            milvus.call("delete", name, ids=ids)
        milvus.call("flush", name)
    folder.mkdir(parents=True)
    np.save(folder / "ids.npy", wanted.ids)
    pq.write_table(pa.table({"passage": wanted.passages, "row": wanted.rows}), folder / "rows.parquet")
    (folder / COLLECTION).write_text(name, encoding="utf-8")
    return len(missing)


def collection_of(corpus: Corpus, profile: ClusterProfile, beside: Path) -> str:
    """The collection of one home and index version: two homes on one cluster do not meet."""
    first = corpus.store.commits()[0]
    return f"{profile.collection}_{fingerprint([beside.name, first.sha256, first.known_at.isoformat()])}"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The entities of a snapshot in the order of their ids, with what tells whether one has changed."""

    ids: npt.NDArray[np.bytes_]
    passages: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    states: npt.NDArray[np.bytes_]

    @classmethod
    def of(cls, corpus: Corpus) -> _Wanted:
        passages, rows = dense.entries_of(corpus)
        table = corpus.table
        known = [f"{instant}" for instant in corpus.known_from.tolist()]
        columns = corpus.published.tolist(), corpus.known_until.tolist(), table["design"].to_pylist()
        marks = [f"{published}|{until}|{design}" for published, until, design in zip(*columns, strict=True)]
        names, keys = corpus.passages["passage"].to_pylist(), corpus.passages["embedded"].to_pylist()
        pairs = list(zip(passages.tolist(), rows.tolist(), strict=True))
        ids = np.array([_hash(f"{names[p]}|{known[r]}", _ID) for p, r in pairs], f"S{_ID}")
        states = np.array([_hash(f"{keys[p]}|{marks[r]}", _TERM) for p, r in pairs], f"S{_TERM}")
        order = np.argsort(ids, kind="stable")
        return cls(ids[order], passages[order], rows[order], states[order])


def _held(entities: Iterable[Mapping[str, str]], wanted: _Wanted) -> tuple[Mask, list[str]]:
    """Which of what is wanted Milvus holds as it is, and the ids of what it holds beyond."""
    held, gone = np.zeros(len(wanted.ids), np.bool_), []
    for batch in _batches(iter(entities), _READ):
        ids = np.array([entity["id"] for entity in batch], f"S{_ID}")
        states = np.array([entity["state"] for entity in batch], f"S{_TERM}")
        at, known = _places(wanted.ids, ids)
        held[at[known]] = wanted.states[at[known]] == states[known]
        gone += [entity["id"] for entity, kept in zip(batch, known.tolist(), strict=True) if not kept]
    return held, gone


def _places(ids: npt.NDArray[np.bytes_], asked: npt.NDArray[np.bytes_]) -> tuple[npt.NDArray[np.int64], Mask]:
    """Where each asked id stands among ids in order, and whether it does."""
    at = np.searchsorted(ids, asked)
    at[at == len(ids)] = 0
    known: Mask = ids[at] == asked if len(ids) else np.zeros(len(asked), np.bool_)
    return at, known


def _entities(
    corpus: Corpus, embedding: Embedding, facets: Facets, wanted: _Wanted, missing: npt.NDArray[np.int64]
) -> Iterator[dict[str, Any]]:
    """What Milvus is to hold of these entities, shard by shard: vectors of one shard are in memory at a time."""
    documents, texts = corpus.passages["id"], corpus.passages["embedded"]
    by_shard: dict[int, list[int]] = defaultdict(list)
    for entry in missing.tolist():
        by_shard[shard_of(documents[wanted.passages[entry]].as_py())].append(entry)
    for shard, entries in sorted(by_shard.items()):
        borne = _borne(facets, wanted.rows[entries], corpus.table.num_rows)
        keys = [texts[passage].as_py() for passage in wanted.passages[entries]]
        line = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        vectors = vectors_of(corpus.store, embedding, dict.fromkeys(line, shard))
        for entry, key in zip(entries, keys, strict=True):
            row = int(wanted.rows[entry])
            yield {
                "id": wanted.ids[entry].decode(), "state": wanted.states[entry].decode(), "vector": vectors[line[key]],
                "published": max(int(corpus.published[row]), UNDATED), "known_from": int(corpus.known_from[row]),
                "known_until": int(corpus.known_until[row]), "design": _term(corpus.table["design"][row].as_py() or ""),
                **{name: _at_most(borne[name].get(row, [])) for name in PROPERTIES},
            }  # fmt: skip


def _borne(facets: Facets, rows: npt.NDArray[np.int32], size: int) -> dict[str, dict[int, list[str]]]:
    """The terms that each of these rows bears, by property."""
    asked = np.zeros(size, np.bool_)
    asked[rows] = True
    found: dict[str, dict[int, list[str]]] = {name: defaultdict(list) for name in PROPERTIES}
    for name, value, bearing in facets.each():
        if value != BARE:
            for row in bearing[asked[bearing]].tolist():
                found[name][row].append(_term(value))
    return found


def _at_most(terms: list[str]) -> list[str]:
    return terms if len(terms) <= _TERMS else [_ANY]


def _hash(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _term(value: str) -> str:
    """A value as Milvus holds and is asked for it: of one length, and without a character that could mean anything."""
    return _hash(value, _TERM)


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(items, size)):
        yield batch


def expression(sight: Sight, last: int) -> str:
    """What is in sight as Milvus's Boolean expression; nothing that was typed stands in it.

    A snapshot knows nothing after `last`: asked about later, it is asked about then, whatever Milvus has learned since.
    """
    clocks, filters = sight.clocks, sight.filters
    instant = min(clocks.instant, last)
    parts = [f"known_from <= {instant}", f"known_until > {instant}", f"published <= {days(clocks.as_of)}"]
    if clocks.explicit:
        parts.append(f"published > {UNDATED}")
    if filters.designs:
        parts.append(f"design in {json.dumps([_term(design) for design in filters.designs])}")
    for name in PROPERTIES:
        if asked := getattr(filters, name):
            terms = [*(_term(value.casefold()) for value in asked), _ANY]
            parts.append(f"ARRAY_CONTAINS_ANY({name}, {json.dumps(terms)})")
    return " and ".join(parts)


class Cluster:
    """The collection of one snapshot, opened for reading; `rows` and `passages` tell whose each entity is."""

    def __init__(
        self, folder: Path, corpus: Corpus, embedding: Embedding, profile: ClusterProfile, beside: Path
    ) -> None:  # fmt: skip
        try:
            owners = pq.read_table(folder / "rows.parquet")
            self._ids: npt.NDArray[np.bytes_] = np.load(folder / "ids.npy", mmap_mode="r")
            self._collection = (folder / COLLECTION).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:  # Arrow's own errors are ValueErrors
            raise _missing() from error
        self.passages: npt.NDArray[np.int32] = owners["passage"].to_numpy()
        self.rows: npt.NDArray[np.int32] = owners["row"].to_numpy()
        self._vector, self._profile = remembering(embedding), profile
        instants = np.concatenate([corpus.known_from, corpus.known_until])
        self._last = int(instants[instants < FOREVER].max(initial=0))
        self._milvus = _connected(profile, beside)
        if not self._milvus.has(self._collection):
            raise _missing()
        self._milvus.call("load_collection", self._collection)

    def search(self, query: str, limit: int, sight: Sight, *, towards: Vectors | None = None) -> list[Found]:
        """The best documents in sight by the cosine of their best passage, best first, ties by row.

        The query's vector is moved by `towards`, where that is given, shape (dimension,).
        """
        vector = moved(self._vector(query), towards)
        allowed = sight.allowed[self.rows]
        if limit < 1 or not vector.any() or not allowed.any():
            return []
        asked = [expression(sight, self._last)]
        if named := int(allowed.sum()) <= self._profile.narrow:
            asked = list(self._naming(allowed))
        count = min(_MOST, limit * 2 + _SPARE)
        while True:
            entries, scores, floor = self._candidates(vector, count, asked)
            found = self._documents(entries, scores, allowed)
            if floor is None or (len(found) >= limit and found[limit - 1].score > floor + _ROUNDING):
                return found[:limit]
            if count == _MOST and not named:  # so much is out of sight that only what is in it can be asked for
                asked, named, count = list(self._naming(allowed)), True, limit + _SPARE
            count = min(_MOST, count * 4)

    def _naming(self, allowed: Mask) -> Iterator[str]:
        """Expressions that name so many entities each as one answer can hold."""
        for ids in _batches(iter(self._ids[allowed].tolist()), _MOST):
            yield f"id in {json.dumps([each.decode() for each in ids])}"

    def _candidates(
        self, vector: Vectors, count: int, asked: Sequence[str]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], float | None]:
        """The entries found, their cosines, and what all others are below; None if there is none.

        Cosines are made here, in double precision, from the vectors that Milvus holds: to the last bit those of FAISS.
        """
        options = {name: max(value, count) if name == "ef" else value for name, value in self._profile.ask.items()}
        ids, vectors, floor = [], [], None
        for expression_ in asked:
            [found] = self._milvus.call(
                "search", self._collection, data=[vector], filter=expression_, limit=count, output_fields=["vector"],
                search_params={"metric_type": "IP", "params": options}, consistency_level="Strong",
            )  # fmt: skip
            ids += [hit["id"] for hit in found]
            vectors += [hit["entity"]["vector"] for hit in found]
            if len(found) == count:
                least = min(hit["distance"] for hit in found)
                floor = least if floor is None else max(floor, least)
        at, known = _places(self._ids, np.array(ids, f"S{_ID}"))
        near = np.array(vectors, np.float32).reshape(-1, len(vector))[known]
        return at[known], cosines(near, vector), floor

    def _documents(
        self, entries: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], allowed: Mask
    ) -> list[Found]:  # fmt: skip
        kept = allowed[entries]
        entries, scores = entries[kept], scores[kept]
        order = np.lexsort((self.passages[entries], self.rows[entries], -scores))
        best: dict[int, Found] = {}
        for entry, score in zip(entries[order].tolist(), scores[order].tolist(), strict=True):
            row = int(self.rows[entry])
            best.setdefault(row, Found(row, score, int(self.passages[entry])))
        return list(best.values())

    def best_passages(self, query: str, rows: Sequence[int]) -> Vectors:
        """The vector of that passage of each row which is nearest to a query, shape (rows, dimension); else zeros."""
        vector = self._vector(query)
        best = np.zeros((len(rows), len(vector)), np.float32)
        entries = np.flatnonzero(np.isin(self.rows, rows))
        held: dict[bytes, Vectors] = {}
        for ids in _batches(iter(self._ids[entries].tolist()), _SENT):
            got = self._milvus.call(
                "get", self._collection, ids=[each.decode() for each in ids], output_fields=["id", "vector"],
                consistency_level="Strong",
            )  # fmt: skip
            held |= {each["id"].encode(): np.array(each["vector"], np.float32) for each in got}
        for line, row in enumerate(rows):
            own = sorted(entries[self.rows[entries] == row].tolist(), key=lambda entry: int(self.passages[entry]))
            if there := [held[key] for entry in own if (key := self._ids[entry].item()) in held]:
                best[line] = there[int(np.argmax(np.stack(there) @ vector))]
        return best

    def close(self) -> None:
        """Let go of Milvus; Milvus Lite stops with it."""
        self._milvus.close()


def _missing() -> StoreDamagedError:
    return StoreDamagedError(
        "the collection of the index is missing", where="indexes/store", expected="delete that folder and refresh"
    )


@dataclass(frozen=True, slots=True)
class _Milvus:
    """A client of Milvus whose failures are ours; `lite` is the folder of Milvus Lite."""

    client: Any
    profile: ClusterProfile
    lite: Path | None

    def __enter__(self) -> _Milvus:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def call(self, name: str, *given: Any, **named: Any) -> Any:
        """One call of the client."""
        return _asked(lambda: getattr(self.client, name)(*given, **named))

    def has(self, name: str) -> bool:
        """Say whether there is a collection of this name."""
        return bool(self.call("has_collection", name))

    def create(self, name: str, dimension: int) -> None:
        """Make an empty collection, with the index that the profile names."""
        from pymilvus import DataType

        schema = self.client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, max_length=_ID, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        schema.add_field("state", DataType.VARCHAR, max_length=_TERM)
        schema.add_field("design", DataType.VARCHAR, max_length=_TERM)
        for field in ("published", "known_from", "known_until"):
            schema.add_field(field, DataType.INT64)
        for field in PROPERTIES:
            schema.add_field(
                field, DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=_TERMS, max_length=_TERM
            )  # fmt: skip
        index = self.client.prepare_index_params()
        index.add_index("vector", index_type=self.profile.index, metric_type="IP", params=dict(self.profile.build))
        self.call("create_collection", name, schema=schema, index_params=index, consistency_level="Strong")

    def entities(self, name: str) -> Iterator[Mapping[str, str]]:
        """The id and the state of all that a collection holds."""
        self.call("load_collection", name)
        found = self.call("query_iterator", name, batch_size=_READ, filter="", output_fields=["id", "state"])
        while batch := _asked(found.next):
            yield from batch
        found.close()

    def close(self) -> None:
        """Close the client, and stop Milvus Lite."""
        self.client.close()
        if self.lite:
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(str(self.lite))


def _asked(call: Callable[[], T]) -> T:
    from pymilvus.exceptions import MilvusException

    try:
        return call()
    except MilvusException as error:  # its text may name addresses, so only its code is told
        raise BusyError(
            f"Milvus failed ({type(error).__name__}, code {error.code})", where="cluster",
            expected="a Milvus that answers; then the same again",
        ) from None  # fmt: skip


def _connected(profile: ClusterProfile, beside: Path) -> _Milvus:
    """A client of what the profile names; the token comes from the environment alone, and is told to nobody else."""
    try:
        from pymilvus import MilvusClient
    except ImportError:
        raise BadInputError("pymilvus is not installed", where="cluster", expected="the extra cluster") from None
    for library in ("pymilvus", "milvus_lite"):  # what fails is told as our own error, without addresses
        logging.getLogger(library).setLevel(logging.CRITICAL)
    if profile.is_file:
        lite = beside / f".{profile.uri}"
        beside.mkdir(parents=True, exist_ok=True)
        return _Milvus(_asked(lambda: MilvusClient(str(lite))), profile, lite)
    if not profile.enabled:
        raise BadInputError("the cluster is not enabled", where="cluster.enabled", expected="enabled: true")
    token, host = os.environ.get(TOKEN, ""), urlsplit(profile.uri).hostname
    if token and profile.uri.startswith("http:") and host not in ("localhost", "127.0.0.1", "::1"):
        raise BadInputError("a token is sent by https only", where="cluster.uri", expected="https://HOST:PORT")
    return _Milvus(_asked(lambda: MilvusClient(profile.uri, token=token, timeout=_PATIENCE)), profile, None)
