"""Each check holds on a sound home, and fails on the fault it is there for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import faiss
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from consilience import refresh
from consilience.corpora.corpus import Corpus
from consilience.corpora.snapshot import folder_of
from consilience.indexes import folder_of as index_folder
from consilience.kg.build import table_path
from pipelines import checks
from pipelines.defs import indexes, kg
from pipelines.steps import checked

from .conftest import Built


def corpus(home: Built) -> Corpus:
    return home.resource.built()[1]


def claims(home: Built) -> Path:
    now = home.refresh
    return table_path(now.store.rooms, now.target[0], now.target[2])


def index(home: Built) -> Path:
    return index_folder(corpus(home), home.refresh.profile)


def spoil(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def spoil_documents(home: Built, change: Callable[[pa.Table], pa.Table]) -> Corpus:
    spoil(folder_of(home.refresh.store, corpus(home).name) / "documents.parquet", change)
    return corpus(home)


def altered(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    at = table.column_names.index(column)
    return table.set_column(at, table.schema.field(column), pa.array(values, table.schema.field(column).type))


def test_a_sound_home_passes_every_check(built: Built) -> None:
    found = [
        checks.documents_are_unique(corpus(built)),
        checks.documents_stay(corpus(built), None),
        checks.documents_stay(corpus(built), corpus(built)),
        checks.quotes_are_verbatim(corpus(built), claims(built)),
        checks.index_is_whole(corpus(built), index(built)),
        checks.vectors_have_length(index(built)),
    ]
    assert [finding.told for finding in found if not finding.holds] == []
    assert checks.quotes_are_verbatim(corpus(built), claims(built)).figures["claims"] > 50


def test_two_versions_in_force_are_found(copied: Built) -> None:
    spoiled = spoil_documents(
        copied, lambda t: pa.concat_tables([t, t.filter(pc.is_null(t["known_until"])).slice(0, 1)])
    )
    finding = checks.documents_are_unique(spoiled)
    assert not finding.holds
    assert finding.figures["twice"] == 1


def test_an_older_version_is_no_second_one(built: Built) -> None:
    table = corpus(built).table
    assert len(set(table["id"].to_pylist())) < table.num_rows


def test_documents_that_vanish_are_missed(built: Built, copied: Built) -> None:
    fewer = spoil_documents(copied, lambda t: t.slice(2))
    assert not checks.documents_stay(fewer, corpus(built)).holds
    assert checks.documents_stay(fewer, corpus(built)).figures["gone"] == 2


def test_documents_that_were_deleted_are_not_missed(built: Built, copied: Built) -> None:
    def delete(table: pa.Table) -> pa.Table:
        gone = [row < 5 or was for row, was in enumerate(table["deleted"].to_pylist())]
        return table.set_column(table.column_names.index("deleted"), "deleted", pa.array(gone))

    fewer = spoil_documents(copied, delete)
    assert checks.documents_stay(fewer, corpus(built)).holds


def test_documents_that_vanish_are_a_warning() -> None:
    found = checked(checks.Finding(False, "gone"), severity=dg.AssetCheckSeverity.WARN)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


@pytest.mark.parametrize(
    ("column", "value"), [("quote", "what no document says"), ("start", 1), ("version", "000000000000"), ("quote", "")]
)
def test_a_claim_that_misquotes_is_found(copied: Built, column: str, value: object) -> None:
    spoil(claims(copied), lambda t: altered(t, column, 7, value))
    finding = checks.quotes_are_verbatim(corpus(copied), claims(copied))
    assert not finding.holds
    assert finding.figures["misquoted"] == 1


def test_a_text_that_changed_under_a_quote_is_found(copied: Built) -> None:
    spoil(claims(copied), lambda t: altered(t, "sha256", 0, "0" * 64))
    assert not checks.quotes_are_verbatim(corpus(copied), claims(copied)).holds


def test_a_vector_too_few_is_found(copied: Built) -> None:
    path = str(index(copied) / "dense" / "flat.faiss")
    vectors = faiss.read_index(path)
    vectors.remove_ids(faiss.IDSelectorRange(0, 1))
    faiss.write_index(vectors, path)
    assert not checks.index_is_whole(corpus(copied), index(copied)).holds


def test_a_vector_without_an_owner_is_found(copied: Built) -> None:
    spoil(index(copied) / "dense" / "rows.parquet", lambda t: t.slice(1))
    assert not checks.index_is_whole(corpus(copied), index(copied)).holds


def test_a_document_that_the_lexical_index_lacks_is_found(copied: Built) -> None:
    import tantivy

    folder = index(copied) / "lexical"
    schema = tantivy.SchemaBuilder().build()
    for path in folder.iterdir():
        path.unlink()
    tantivy.Index(schema, path=str(folder))
    assert not checks.index_is_whole(corpus(copied), index(copied)).holds


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_a_vector_without_length_is_found(copied: Built, value: float) -> None:
    path = str(index(copied) / "dense" / "flat.faiss")
    old = faiss.read_index(path)
    vectors = old.reconstruct_n(0, old.ntotal)
    vectors[3] = value
    made = faiss.IndexFlatIP(old.d)
    made.add(vectors)
    faiss.write_index(made, path)
    finding = checks.vectors_have_length(index(copied))
    assert not finding.holds
    assert finding.figures["zero"] == 1


def test_a_refresh_that_misquotes_is_never_seen(copied: Built) -> None:
    spoil(claims(copied), lambda t: altered(t, "quote", 0, "what no document says"))
    pointer = copied.path / "corpora" / "store" / "current.json"
    pointer.unlink()
    made = dg.materialize(
        [kg.graph, kg.quotes_are_verbatim, indexes.current], instance=copied.instance,
        resources={"home": copied.resource}, raise_on_error=False,
    )  # fmt: skip
    assert not made.success
    assert [check.passed for check in made.get_asset_check_evaluations()] == [False]
    assert refresh.current(copied.resource.rooms()) is None
