"""Each check holds on a sound home, and fails on the fault it is there for."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import dagster as dg
import faiss
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from consilience import refresh
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.snapshot import folder_of
from consilience.indexes import Index, dense
from consilience.indexes import folder_of as index_folder
from consilience.indexes.dense.kinds import read_exact, trained, write_near
from consilience.indexes.lexical import Lexical
from consilience.indexes.profile import DenseProfile
from consilience.kg.build import table_path
from pipelines import checks
from pipelines.charts import bars
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
    path = str(next((index(copied) / "dense").rglob("exact.faiss")))
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
    path = str(next((index(copied) / "dense").rglob("exact.faiss")))
    old = faiss.read_index(path)
    vectors = old.reconstruct_n(0, old.ntotal)
    vectors[3] = value
    made = faiss.IndexFlatIP(old.d)
    made.add(vectors)
    faiss.write_index(made, path)
    finding = checks.vectors_have_length(index(copied))
    assert not finding.holds
    assert finding.figures["zero"] == 1


def test_a_vector_of_another_text_is_found(copied: Built) -> None:
    keys = next((index(copied) / "dense").rglob("keys.parquet"))
    spoil(keys, lambda t: altered(t, "embedded", 0, t["embedded"][1].as_py()))
    assert not checks.index_is_whole(corpus(copied), index(copied)).holds


def test_an_approximate_index_that_misses_the_nearest_is_found(built: Built, tmp_path: Path) -> None:
    now, here = built.refresh, corpus(built)
    assert checks.near_is_exact_enough(here, Index(here, now.profile, now.embedding)).told.endswith("exactly")
    kind = DenseProfile(kind="ivf_sq8", embedding=now.profile.dense.embedding, least=1, narrow=0)
    dense.build(tmp_path / "near", here, now.embedding, kind)

    def checked_now() -> checks.Finding:
        other = Index(here, now.profile, now.embedding)
        other.dense = dense.Dense(tmp_path / "near", now.embedding, kind)
        return checks.near_is_exact_enough(here, other)

    sound = checked_now()
    assert sound.holds and sound.told.startswith("ivf_sq8") and sound.figures["queries"] > 100
    [part] = dense.parts.read(tmp_path / "near")
    _index, vectors = read_exact(faiss, part.path / "exact.faiss")
    write_near(faiss, part.path / "near.faiss", trained(faiss, vectors[::-1].copy(), kind))
    assert not checked_now().holds


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


# ---------------------------------------------------------------- what is told and keeps nothing back


def today() -> Clocks:
    return Clocks(date(2026, 1, 31), datetime(2026, 1, 31, 12, tzinfo=UTC), explicit=False)


def lexical(home: Built) -> Lexical:
    return Lexical(index(home) / "lexical", corpus(home), home.refresh.profile.lexical)


def test_a_sound_home_gives_nothing_to_tell(built: Built) -> None:
    now = built.refresh
    found = [
        checks.deletions_are_few(corpus(built), corpus(built)),
        checks.deletions_are_few(corpus(built), None),
        checks.quarantine_is_small(now.store, now.commits),
        checks.guidelines_have_one_version(corpus(built), today()),
        checks.what_was_retracted_is_barred(corpus(built), lexical(built), today().known_at),
        checks.no_shortfall_is_open([]),
        checks.saved_answers_stand([]),
    ]
    assert [finding.told for finding in found if not finding.holds] == []
    assert found[3].figures["guidelines"] == 2
    assert found[4].figures["found"] >= 1


def test_many_deletions_are_told_by_id(built: Built, copied: Built) -> None:
    def delete(table: pa.Table) -> pa.Table:
        gone = [row < 20 or was for row, was in enumerate(table["deleted"].to_pylist())]
        return table.set_column(table.column_names.index("deleted"), "deleted", pa.array(gone))

    finding = checks.deletions_are_few(spoil_documents(copied, delete), corpus(built))
    assert not finding.holds
    assert finding.figures["deleted"] == len(finding.rows) > 10


GOOD_AND_BAD = "xx,,2026,retracted\n99000001,,2026-01-05,concern\n"


def test_a_file_of_nonsense_is_told_with_its_reasons(copied: Built) -> None:
    listed = copied.path / "listed.csv"
    listed.write_text("pmid,notice_pmid,date,kind\n" + "99000001,,never,retracted\n" * 3 + GOOD_AND_BAD)
    copied.resource.open().ingest_retractions([listed])
    now = copied.refresh
    finding = checks.quarantine_is_small(now.store, now.commits)
    assert not finding.holds
    assert [dict(row) for row in finding.rows] == [{"file": "listed.csv", "quarantined": 4}]
    assert list(finding.counts.values()) == [3, 1]


def test_two_versions_of_a_guideline_in_force_are_told(copied: Built) -> None:
    marks = folder_of(copied.refresh.store, corpus(copied).name) / "marks.parquet"
    spoil(marks, lambda t: t.filter(pc.not_equal(t["kind"], "superseded")))
    finding = checks.guidelines_have_one_version(corpus(copied), today())
    assert not finding.holds
    assert len({row["version"] for row in finding.rows}) >= 2


def test_a_retraction_that_questions_would_miss_is_found(copied: Built) -> None:
    marks = folder_of(copied.refresh.store, corpus(copied).name) / "marks.parquet"
    spoil(marks, lambda t: t.filter(pc.not_equal(t["kind"], "retracted")))
    finding = checks.what_was_retracted_is_barred(corpus(copied), lexical(copied), today().known_at)
    assert not finding.holds
    assert finding.figures["in_force"] >= 1


def test_what_is_missing_is_told_by_source() -> None:
    short = {"provider": "pubmed", "source": "pubmed26n0007.xml.gz", "kind": "outage", "since": "2026-01-31T12:00:00Z",
             "records_missing": None, "detail": "it is not there", "ids": []}  # fmt: skip
    finding = checks.no_shortfall_is_open([short])
    assert not finding.holds
    shown = checked(finding, severity=dg.AssetCheckSeverity.WARN)
    assert shown.metadata["shortfalls"].value == 1
    assert [record.data["source"] for record in shown.metadata["rows"].records] == ["pubmed26n0007.xml.gz"]
    assert str(shown.metadata["chart"].value).startswith("![what was counted](data:image/svg+xml;base64,")


def test_bars_are_a_picture_that_takes_no_text_for_markup() -> None:
    drawn = bars({"<script>": 2, **{f"row {n}": n for n in range(40)}}, "what was counted")
    svg = ElementTree.fromstring(b64decode(drawn.partition("base64,")[2].removesuffix(")")))
    texts = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:3] == ["what was counted (26 more not shown)", "<script>", "2"]
    assert len(texts) == 1 + 2 * 15


def test_records_are_counted_by_day_and_documents_by_design(built: Built) -> None:
    assert checks.records_a_day(built.refresh.commits) == {"2026-01-31": sum(c.records for c in built.refresh.commits)}
    counts = checks.designs(corpus(built))
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert sum(counts.values()) == checks.documents_are_unique(corpus(built)).figures["documents"]
