"""The fold: which version of a document was in force when, whatever order its files came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise, permutations
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.corpora import design, guidelines, pubmed, recordfiles
from consilience.corpora.fold import Fact, Interval, in_force, intervals
from consilience.corpora.store import Item, Rows, rows_of
from consilience.records import Deletion, Record
from tests.making import TinyHome, at, nbib, paper, record


class Said(NamedTuple):
    """What one file says of the document, but for when it was loaded."""

    op: str
    source: str
    source_version: str
    version: str
    revised: date | None


class File(NamedTuple):
    """One file: its number, if it has one, and its rows in order."""

    order: tuple[int, int] | None
    rows: tuple[Said, ...]


DAYS = st.dates(date(2000, 1, 1), date(2030, 1, 1))
VERSIONS = st.sampled_from("abcdef")
PUTS = st.builds(Said, st.just("put"), st.just("pubmed"), st.sampled_from(["", "1", "2"]), VERSIONS, DAYS | st.none())
DELETIONS = st.builds(Said, st.just("delete"), st.just("pubmed"), st.sampled_from(["1", "2"]), st.just(""), st.none())
ORDERS = st.tuples(st.integers(2024, 2026), st.integers(1, 9))
NUMBERED = st.builds(File, ORDERS, st.lists(PUTS | DELETIONS, min_size=1, max_size=3).map(tuple))


@st.composite
def loose(draw: st.DrawFn) -> File:
    """A file without a number: one row, dated, for that date is all that places it."""
    source = draw(st.sampled_from(["pubmed", "nbib", "records"]))
    op = draw(st.sampled_from(["put", "delete"])) if source == "pubmed" else "put"
    return File(None, (Said(op, source, "1" if source == "pubmed" else "", draw(VERSIONS), draw(DAYS)),))


def files(kinds: st.SearchStrategy[File]) -> st.SearchStrategy[list[File]]:
    """Files no two of which claim the same place."""
    return st.lists(kinds, max_size=7, unique_by=lambda f: (f.order, None if f.order else f.rows[0].revised))


ANY = files(NUMBERED | loose())


def loaded(order: Sequence[File]) -> tuple[list[Fact], dict[int, tuple[int, int] | None]]:
    facts = [
        Fact(seq, n, said.op, n, said.source, said.source_version, said.version, said.revised)
        for seq, file in enumerate(order, start=1)
        for n, said in enumerate(file.rows)
    ]
    return facts, {seq: file.order for seq, file in enumerate(order, start=1)}


def winner(order: Sequence[File]) -> tuple[str, str, str] | None:
    fact = in_force(*loaded(order))
    return fact and (fact.source, fact.source_version, fact.version)


@given(st.data())
def test_the_winner_does_not_depend_on_the_order_in_which_files_arrive(data: st.DataObject) -> None:
    there = data.draw(ANY)
    assert winner(there) == winner(data.draw(st.permutations(there)))


@given(ANY, st.data())
def test_files_loaded_twice_change_nothing(there: list[File], data: st.DataObject) -> None:
    twice = [*there, *data.draw(st.lists(st.sampled_from(there)) if there else st.just([]))]
    assert winner(twice) == winner(there)


@given(ANY)
def test_history_is_whole_in_order_and_never_edited(there: list[File]) -> None:
    facts, orders = loaded(there)
    whole = intervals(facts, orders, {}, {})
    for seq in range(len(there) + 1):  # what was true after each file stays what is told of that time
        then = intervals([f for f in facts if f.seq <= seq], orders, {}, {})
        assert then == [
            i._replace(until_seq=i.until_seq if (i.until_seq or seq + 1) <= seq else None)
            for i in whole
            if i.from_seq <= seq
        ]
        live = next((i.fact for i in then if i.until_seq is None and not i.deleted), None)
        now = in_force([f for f in facts if f.seq <= seq], orders)
        assert (live and live.version) == (now and now.version)
    assert all(a.until_seq == b.from_seq for a, b in pairwise(whole))


@given(files(NUMBERED))
def test_among_numbered_files_the_last_word_on_each_version_counts_and_the_greatest_live_one_wins(
    there: list[File],
) -> None:
    last: dict[str, Said] = {}
    for file in sorted(there, key=lambda f: f.order or (0, 0)):
        last |= {said.source_version or "1": said for said in file.rows}
    live = {number: said.version for number, said in last.items() if said.op == "put"}
    found = winner(there)
    assert (found and found[2]) == (live[max(live)] if live else None)


def put(seq: int, version: str, *, source: str = "pubmed", number: str = "1", revised: str = "") -> Fact:
    when = date.fromisoformat(revised) if revised else None
    return Fact(seq, 0, "put", 0, source, number if source == "pubmed" else "", version, when)


def gone(seq: int, *, number: str = "1", revised: str = "") -> Fact:
    return put(seq, "", number=number, revised=revised)._replace(op="delete")


def test_a_deleted_document_is_remembered_and_may_come_back() -> None:
    facts = [put(1, "a"), gone(2), put(3, "a")]
    orders = {n: (2026, n) for n in (1, 2, 3)}
    assert intervals(facts, orders, {}, {}) == [
        Interval(facts[0], 1, 2, False), Interval(facts[0], 2, 3, True), Interval(facts[2], 3, None, False),
    ]  # fmt: skip
    # The deletion loaded last still stands before the third file.
    assert in_force([facts[0], facts[2], gone(4)], {1: (2026, 1), 3: (2026, 3), 4: (2026, 2)}) == facts[2]


def test_pubmed_wins_over_nbib_over_other_records_however_new_they_are() -> None:
    other, medline, xml = put(9, "r", source="records", revised="2030-01-01"), put(8, "n", source="nbib"), put(1, "p")
    none = dict.fromkeys((1, 8, 9))
    assert in_force([other], none) == other
    assert in_force([other, medline], none) == medline
    assert in_force([other, medline, xml], none) == xml


def test_a_tombstone_speaks_for_all_sources_but_only_for_its_version() -> None:
    assert in_force([put(1, "n", source="nbib"), gone(2)], {1: None, 2: (2026, 2)}) is None
    facts = [put(1, "a"), put(2, "b", number="2"), gone(3)]
    assert in_force(facts, {n: (2026, n) for n in (1, 2, 3)}) == facts[1]


@pytest.mark.parametrize(("revised", "wins"), [("2011-01-01", False), ("2012-01-01", False), ("2013-01-01", True)])
def test_a_file_without_a_number_is_placed_by_its_date_of_revision(revised: str, wins: bool) -> None:
    numbered, loose_one = put(1, "a", revised="2012-01-01"), put(2, "b", revised=revised)
    assert in_force([numbered, loose_one], {1: (2026, 1), 2: None}) == (loose_one if wins else numbered)
    assert in_force([gone(1), loose_one], {1: (2026, 1), 2: None}) is None


def test_a_deletion_in_a_file_without_a_number_counts(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("base.xml", paper(1, revised="2010-01-01"), paper(2, revised="2010-01-01"), known=0)
    home.load("update.xml", paper(3, revised="2011-01-01"), Deletion("1"), known=1)
    home.load("gone.xml", Deletion("2"), known=2)
    assert live(home) == {"PMID:3": "A trial of velorine"}


def test_a_source_version_that_is_no_number_harms_nothing() -> None:
    facts = [put(n, name, number=name) for n, name in enumerate(("x", "²", "9" * 5_000, "2"), start=1)]
    assert in_force(facts, {f.seq: (2026, f.seq) for f in facts}) == facts[3]


# ---------------------------------------------------------------- through the store


def live(home: TinyHome) -> dict[str, str]:
    corpus = home.corpus()
    rows = [
        r for r in range(corpus.table.num_rows) if corpus.alive[r] and corpus.table["known_until"][r].as_py() is None
    ]
    documents = [corpus.document(row) for row in rows]
    return {document.id: document.fields["title"] for document in documents}


FILES: dict[str, list[Item]] = {
    "pubmed26n0001.xml": [paper(1, "a1"), paper(2, "a2"), paper(3, "a3")],
    "pubmed26n0002.xml": [paper(1, "b1"), Deletion("2"), Deletion("3")],
    "pubmed27n0001.xml": [paper(1, "c1", source_version="2"), paper(3, "c3"), paper(3, "c3 again")],
    "mine.nbib": [nbib(1, "d1"), nbib(4, "d4")],
    "more.jsonl": [record(4, "e4"), record(5, "e5")],
}
KINDS = {".xml": "pubmed", ".nbib": "records", ".jsonl": "records"}


@pytest.mark.parametrize("order", [p for n, p in enumerate(permutations(FILES)) if n % 17 == 0])
def test_citations_are_the_same_whatever_was_loaded_first(tmp_path: Path, order: tuple[str, ...]) -> None:
    home = TinyHome.make(tmp_path / "home")
    for known, name in enumerate((*order, order[0])):
        home.load(name, *FILES[name], known=known, kind=KINDS[Path(name).suffix])
    assert live(home) == {"PMID:1": "c1", "PMID:3": "c3 again", "PMID:4": "d4", "PMID:5": "e5"}


@pytest.mark.parametrize("second", ["pubmed26n0002.xml", "pubmed26n0002.xml.gz"])
def test_a_file_loaded_again_with_other_bytes_takes_back_what_only_the_earlier_held(
    tmp_path: Path, second: str
) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", paper(1, "old"), paper(2, "kept"), known=0)
    home.load("pubmed26n0002.xml", paper(1, "wrong"), paper(3, "slip"), Deletion("2"), known=1)
    assert live(home) == {"PMID:1": "wrong", "PMID:3": "slip"}
    home.load(second, paper(4, "right"), known=2)
    assert live(home) == {"PMID:1": "old", "PMID:2": "kept", "PMID:4": "right"}
    history = home.corpus().table.select(["id", "known_from", "known_until", "deleted"]).to_pylist()
    assert [(r["known_from"], r["known_until"], r["deleted"]) for r in history if r["id"] == "PMID:3"] == [
        (at(1), at(2), False), (at(2), None, True),
    ]  # fmt: skip


def test_an_earlier_fold_that_a_killed_run_left_beside_the_new_one_is_removed(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", paper(1, "old"), known=0)
    home.corpus()
    [first] = (home.store.folder / "citations").glob("*/*/*.parquet")
    older = first.read_bytes()
    home.load("pubmed26n0002.xml", paper(1, "new"), known=1)
    home.corpus()
    first.write_bytes(older)
    assert live(home) == {"PMID:1": "new"}
    assert not first.exists() and [p.name for p in first.parent.iterdir()] == ["000002.parquet"]


def by_older_rules(made: Record) -> Rows:
    """A record as it was written down when all were taken for cohorts of seven."""
    rows = rows_of([made])
    old = {"design": "cohort", "design_basis": "text", "sample_size": 7}
    columns = {name: old.get(name, values[0]) for name, values in rows.batch.to_pydict().items()}
    return replace(rows, batch=pa.RecordBatch.from_pylist([columns], schema=rows.batch.schema))


@pytest.mark.parametrize("names", [("pubmed26n0001.xml",) * 2, ("a.xml", "a.xml")], ids=["numbered", "not numbered"])
def test_a_record_read_again_by_new_rules_of_ours_goes_by_them_from_when_it_came(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    home, made = TinyHome.make(tmp_path / "home"), paper(1, "Velorine", types=("D016449",))
    order = pubmed.order_key(names[0])
    home.store.commit(
        "pubmed", Path(names[0]), [by_older_rules(made)], known_at=at(0), order=order, reader="1", digest="0" * 64
    )  # fmt: skip
    (old,) = home.corpus().table.to_pylist()
    assert (old["design"], old["sample_size"]) == ("cohort", 7)
    home.load(names[1], made, known=1)
    (new,) = home.corpus().table.to_pylist()
    assert {name for name in new if new[name] != old[name]} == {"design", "design_basis", "sample_size"}
    assert (new["design"], new["design_basis"], new["sample_size"]) == ("rct", "pt", None)
    assert (new["known_from"], new["known_until"]) == (at(0), None)


def test_every_reader_of_records_reads_again_when_the_rules_of_design_change() -> None:
    readers = (pubmed.VERSION, recordfiles.VERSION, guidelines.VERSION)
    assert all(version.endswith(f"+{design.VERSION}") for version in readers) and len(set(readers)) == 3


def test_a_deletion_that_came_first_is_told_as_one_that_came_last(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0002.xml", Deletion("1"), known=0)
    assert home.corpus().table.num_rows == 0
    home.load("pubmed26n0001.xml", paper(1, "late"), known=1)
    [row] = home.corpus().table.to_pylist()
    assert (row["id"], row["deleted"], row["known_from"], row["known_until"]) == ("PMID:1", True, at(1), None)
