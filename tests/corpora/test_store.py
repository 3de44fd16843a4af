"""Facts: one immutable commit a file, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.corpora import store
from consilience.corpora.store import ROWS, Item, load, meta_of, quick_json, rows_of, stated_marks, study_of
from consilience.errors import RefusedFileError, StoreDamagedError
from consilience.records import Deletion, Mark, Quarantined, canonical_json, sha256
from tests.making import TinyHome, advice, at, paper


@pytest.fixture
def home(tmp_path: Path) -> TinyHome:
    return TinyHome.make(tmp_path / "home")


def files_of(home: TinyHome) -> set[str]:
    return {str(p.relative_to(home.store.folder)) for p in home.store.folder.rglob("*") if p.is_file()}


def test_a_commit_keeps_every_row_with_its_texts_beside_it(home: TinyHome) -> None:
    papers = [paper(n, f"Title {n}", abstract="Näß β.") for n in range(2_100)]
    made = home.load("pubmed26n0001.xml", *papers, Deletion("7"), Quarantined(3, "no title", "<x/>"), known=0)
    assert (made.seq, made.order, made.records, made.deletions, made.quarantined) == (1, (2026, 1), 2_100, 1, 1)
    rows = home.store.rows(1, ["op", "id", "version", "title"])
    texts = home.store.texts(1)
    assert rows.num_rows == texts.num_rows == 2_101
    assert rows["title"].to_pylist() == texts["title"].to_pylist()
    assert texts["abstract"][2_099].as_py() == "Näß β."
    assert rows["id"][2_100].as_py() == "PMID:7" and home.store.rows(1, ["id"], op="delete").num_rows == 1
    assert (home.store.folder / "quarantine" / "000001.parquet").is_file()
    assert store.Store(home.rooms).commits() == [made]


def test_a_version_names_the_content_and_nothing_else(home: TinyHome) -> None:
    home.load("a.xml", paper(1), paper(2), paper(1, revised="2011-01-01"), paper(1, "Another"), known=0)
    home.load("b.xml", paper(1), known=1)
    versions = home.store.rows(1, ["version"])["version"].to_pylist()
    assert home.store.rows(2, ["version"])["version"].to_pylist() == versions[:1]
    assert len(set(versions)) == 4 and all(len(v) == 12 and int(v, 16) >= 0 for v in versions)


def failing(*_: Any) -> Iterator[Item]:
    yield paper(1)
    raise RefusedFileError("truncated", where="file")


def lines(home: TinyHome, path: Path, *items: Item, known: int = 0, reader: str = "r.1") -> dict[str, Any]:
    return load(home.store, "records", path, lambda _: iter(items), known_at=at(known), order=None, reader=reader)


def test_a_file_that_fails_half_way_leaves_no_trace(home: TinyHome, tmp_path: Path) -> None:
    home.load("pubmed26n0001.xml", paper(1), known=0)
    before = files_of(home)
    path = tmp_path / "pubmed26n0002.xml"
    path.touch()
    line = load(home.store, "pubmed", path, failing, known_at=at(1), order=(2026, 2), reader="r.1")
    assert line["status"] == "refused" and line["error"]["code"] == "refused_file"
    assert files_of(home) == before


def test_a_file_without_a_usable_record_is_refused(home: TinyHome, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    line = lines(home, tmp_path / "empty.jsonl", Quarantined(0, "no title", "{}"))
    assert line["status"] == "refused" and not home.store.commits()


def test_the_same_bytes_change_nothing_until_the_reader_does(home: TinyHome, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("one")
    said = [lines(home, path, paper(1), known=n, reader=r)["status"] for n, r in enumerate(("r.1", "r.1", "r.2"))]
    path.write_text("two")
    said.append(lines(home, path, paper(1), reader="r.2")["status"])
    assert said == ["loaded", "unchanged", "loaded", "loaded"]
    assert lines(home, tmp_path / "none.jsonl")["status"] == "refused"


def test_history_never_runs_backwards_whatever_the_clock_does(home: TinyHome) -> None:
    assert [home.load(f"{n}.xml", paper(1), known=n).known_at for n in (5, 3, 7)] == [at(5), at(5), at(7)]


def test_what_a_killed_run_left_does_not_count_and_is_cleared(home: TinyHome) -> None:
    home.load("a.xml", paper(1), known=0)
    before = files_of(home)
    for name in (
        "records/000002.parquet",
        "records/000009.parquet",
        "texts/000002.arrow",
        ".staging-commit/rows.parquet",
    ):
        (home.store.folder / name).parent.mkdir(exist_ok=True)
        (home.store.folder / name).write_text("half")
    assert len(home.store.commits()) == 1
    home.store.clear_leftovers()
    assert files_of(home) == before


def test_a_leftover_under_the_next_number_is_overwritten_or_removed(home: TinyHome) -> None:
    for name in ("records/000001.parquet", "quarantine/000001.parquet"):
        (home.store.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (home.store.folder / name).write_text("half")
    home.load("a.xml", paper(1), known=0)
    assert home.store.rows(1, ["id"])["id"].to_pylist() == ["PMID:1"]
    assert not (home.store.folder / "quarantine" / "000001.parquet").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "commits" / "000001.json").unlink(),
        lambda folder: (folder / "commits" / "000002.json").write_text('{"seq":2'),
        lambda folder: (folder / "commits" / "000002.json").write_text('{"seq":2}'),
        lambda folder: (folder / "texts" / "000001.arrow").write_text("x"),
        lambda folder: (folder / "texts" / "000002.arrow").unlink(),
        lambda folder: (folder / "records" / "000002.parquet").write_text("x"),
        lambda folder: (folder / "records" / "000001.parquet").unlink(),
    ],
)
def test_damage_is_told_with_the_file_and_how_to_repair(home: TinyHome, damage: Any) -> None:
    home.load("a.xml", paper(1), known=0)
    home.load("b.xml", paper(2), known=0)
    damage(home.store.folder)
    with pytest.raises(StoreDamagedError) as caught:
        TinyHome(home.rooms).corpus()
    assert caught.value.where.startswith("corpora/store/") and caught.value.expected


def test_the_same_rows_are_the_same_bytes_however_the_file_was_parted(home: TinyHome, tmp_path: Path) -> None:
    items: list[Item] = [paper(n, f"Title {n}", revised=f"2011-01-{n % 28 + 1:02}") for n in range(1_500)]
    items[700:700] = [Deletion("7"), Quarantined(3, "no title", "<x/>"), Mark("PMID:1", "retracted", at(0).date())]
    items.append(Deletion("8"))
    other = TinyHome.make(tmp_path / "other")
    home.load("pubmed26n0001.xml", *items, known=0)
    parts = [rows_of(items[start:end]) for start, end in ((0, 1), (1, 650), (650, 703), (703, 703), (703, 1_504))]
    path, digest = Path("pubmed26n0001.xml"), "0"
    other.store.commit("pubmed", path, parts, known_at=at(0), order=(2026, 1), reader="r", digest=digest)
    assert home.store.rows(1, ROWS.names).equals(other.store.rows(1, ROWS.names))
    names = ["records/000001.parquet", "quarantine/000001.parquet"]
    said = [[(each.store.folder / name).read_bytes() for name in names] for each in (home, other)]
    assert said[0] == said[1]
    rows = other.store.rows(1, ["op", "position", "revised"]).to_pylist()
    assert [row["position"] for row in rows] == [*range(701), *range(702, 1_504)]
    assert [row["revised"] for row in rows if row["op"] == "delete"] == [date(2011, 1, 28)] * 2
    assert [batch.num_rows for batch in other.store.texts(1).to_batches()] == [1_000, 503]


def test_a_version_is_the_hash_of_the_texts_and_all_else(home: TinyHome) -> None:
    record = paper(1, "Title", abstract="Näß.", keywords=("b", "a"))
    home.load("a.xml", record, known=0)
    expected = sha256(canonical_json([dict(record.fields), meta_of(record)]))[:12]
    assert home.store.rows(1, ["version"])["version"].to_pylist() == [expected]


# ---------------------------------------------------------------- what a row says


@pytest.mark.parametrize(
    ("source", "since"),
    [
        ("J Synth. 2010 Mar 2;5(1):1", "2010-03-02"),
        ("J Synth. 2010 Nov-Dec;5(6):1", "2010-12-31"),
        ("Spine (Phila Pa 1976). 2010 Mar;35(5):1", "2010-03-31"),
        ("Lancet 2004;363(9411):750. doi: 10.1016/2003.1", "2004-12-31"),
        ("J Synth. 2010 Suppl 2:33", "2010-12-31"),
        ("J Synth. In press", None),
    ],
)
def test_a_mark_is_dated_by_the_citation_of_its_notice_from_the_end_of_what_it_says(
    source: str, since: str | None
) -> None:
    [mark] = stated_marks(paper(1, links=[("RetractionIn", "9", source)]))
    assert mark == ["PMID:1", "retracted", since, "PMID:9"]


def test_marks_say_about_whom_they_are_and_other_links_mark_nothing() -> None:
    notice = paper(
        9, published="2011-02-03", links=[("RetractionOf", "1"), ("ErratumFor", "2"), ("ExpressionOfConcernFor", "")]
    )
    assert stated_marks(notice) == [
        ["PMID:1", "retracted", "2011-02-03", "PMID:9"],
        ["PMID:2", "corrected", "2011-02-03", "PMID:9"],
    ]
    assert stated_marks(paper(1, links=[("CommentIn", "3"), ("UpdateIn", "4")])) == []
    assert stated_marks(paper(1, types=["D016441"])) == [["PMID:1", "retracted", None, ""]]
    assert [mark[1] for mark in stated_marks(paper(1, links=[("PartialRetractionIn", "9")]))] == ["concern"]
    assert stated_marks(paper(9, types=["D016440"])) == []  # a notice is not itself retracted


def test_one_trial_is_one_study_and_a_review_of_many_is_its_own() -> None:
    trial, review = paper(1, registry_ids=("NCT01234567",)), paper(2, registry_ids=("NCT01234567", "NCT07654321"))
    assert study_of(trial, "rct") == "NCT:NCT01234567"
    assert study_of(trial, "meta_analysis") == "PMID:1"
    assert study_of(review, "rct") == "PMID:2"
    assert study_of(paper(3, registry_ids=("ISRCTN1",)), "rct") == "ISRCTN1"


def test_marks_and_recommendations_are_rows_too(home: TinyHome) -> None:
    mark = Mark("PMID:1", "retracted", at(0).date(), "PMID:9")
    assert home.load("list.csv", mark, known=0, kind="retractions").marks == 1
    home.load("g.jsonl", advice("1", "2010"), advice("2", "2012", status="withdrawn"), known=0, kind="guidelines")
    rows = home.store.rows(2, ["design", "withdrawn", "guideline_version"]).to_pylist()
    assert rows == [
        {"design": "guideline", "withdrawn": gone, "guideline_version": v} for gone, v in ((False, "1"), (True, "2"))
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner) | st.tuples(inner, inner),
)


@given(JSON)
def test_json_without_floats_is_the_same_text_either_way(value: Any) -> None:
    assert quick_json(value) == canonical_json(value)


@pytest.mark.parametrize("value", [{1: "a"}, [1 << 80], "\ud800", {"b": {2: 1 << 64}}])
def test_what_the_quick_way_refuses_is_written_the_other(value: Any) -> None:
    assert quick_json(value) == canonical_json(value)
