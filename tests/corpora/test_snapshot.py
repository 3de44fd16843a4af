"""A snapshot on two clocks: nothing published or loaded later shows, and what befell a document shows when it did."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience.corpora.corpus import Corpus
from consilience.corpora.store import Item
from consilience.errors import NotFoundError
from consilience.home import Rooms
from consilience.records import Deletion, Mark, Record
from tests.making import TinyHome, advice, at, clocks, in_sight, paper, record


@pytest.fixture
def home(tmp_path: Path) -> TinyHome:
    return TinyHome.make(tmp_path / "home")


Files = list[list[Item]]
PUBLISHED = st.sampled_from(["2009", "2010 Mar", "2010 Mar 5", "2010 Mar-Apr", "2012", None])
ITEMS = st.builds(
    lambda n, when, title: paper(n, title, published=when), st.integers(1, 4), PUBLISHED, st.sampled_from("ab")
)
GONE = st.builds(lambda n: Deletion(str(n), "1"), st.integers(1, 4))


def told(files: Files, on_day: date, known: int, explicit: bool) -> set[tuple[str, str]]:
    """What is visible, by replaying the files one by one: slow, and sure."""
    state: dict[str, Record | None] = {}
    for file in files[: known + 1]:
        for item in file:
            if isinstance(item, Record):
                state[item.pmid] = item
            elif isinstance(item, Deletion):
                state[item.pmid] = None
    live = [r for r in state.values() if r]
    return {(r.id, r.fields["title"]) for r in live if (r.published.end <= on_day if r.published else not explicit)}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(ITEMS | GONE, max_size=4).map(lambda rest: [paper(9), *rest]), min_size=1, max_size=4),
    st.randoms(),
)
def test_neither_clock_shows_anything_later(
    tmp_path_factory: pytest.TempPathFactory, files: Files, chance: random.Random
) -> None:
    home = TinyHome(Rooms(tmp_path_factory.mktemp("home")))
    for known, items in enumerate(files):
        home.load(f"pubmed26n{known + 1:04d}.xml", *items, known=known)
    corpus = home.corpus()
    for _ in range(10):
        known = chance.randrange(-1, len(files) + 1)
        on = clocks(
            date(2009, 12, 30) + timedelta(days=chance.randrange(1200)) if chance.random() < 0.7 else None, known
        )
        rows = corpus.visible(on).nonzero()[0]
        seen = [(d.id, d.fields["title"]) for d in map(corpus.document, map(int, rows))]
        assert len(seen) == len(set(seen))
        assert set(seen) == told(files, on.as_of, known, on.explicit)


def test_a_coarse_date_counts_from_its_end_and_an_undated_paper_hides_from_a_named_day(home: TinyHome) -> None:
    home.load("a.xml", paper(1, published="2003"), paper(2, published="2003 Mar"), paper(3, published=None), known=0)
    corpus = home.corpus()
    assert in_sight(corpus, clocks("2003-03-30")) == set()
    assert in_sight(corpus, clocks("2003-03-31")) == {"PMID:2"}
    assert in_sight(corpus, clocks("2003-12-31")) == {"PMID:1", "PMID:2"}
    assert in_sight(corpus, clocks()) == {"PMID:1", "PMID:2", "PMID:3"}
    assert corpus.hidden(clocks("2003-03-31")) == (1, 1)
    assert corpus.hidden(clocks()) == (0, 0)


def test_a_document_is_found_as_it_was_known_and_by_any_version_it_had(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, "old"), known=0)
    home.load("pubmed26n0002.xml", paper(1, "new"), known=10)
    home.load("pubmed26n0003.xml", Deletion("1", "1"), known=20)
    corpus = home.corpus()

    def title(known: int, version: str | None = None) -> tuple[str, bool]:
        document = corpus.document(corpus.row_of("PMID:1", clocks(known=known), version))
        return document.fields["title"], document.deleted

    assert [title(known) for known in (0, 9, 10, 19, 20)] == [
        ("old", False), ("old", False), ("new", False), ("new", False), ("new", True),
    ]  # fmt: skip
    old = corpus.document(0).version
    assert title(20, old) == ("old", False)
    for wrong, known in (("PMID:1", -1), ("PMID:2", 5)):
        with pytest.raises(NotFoundError):
            corpus.row_of(wrong, clocks(known=known))
    versions = corpus.versions("PMID:1", clocks(known=10))
    assert [(v["version"] == old, v["known_until"]) for v in versions] == [
        (True, "2020-01-11T12:00:00Z"),
        (False, None),
    ]


# ---------------------------------------------------------------- status


def status(corpus: Corpus, as_of: str | None = None, known: int = 10_000, of: str = "PMID:1") -> tuple[str, str]:
    found = corpus.status(of, clocks(as_of, known))
    return found.name, str(found.retracted_since or "")


KINDS = {"retracted": "RetractionIn", "concern": "ExpressionOfConcernIn", "corrected": "ErratumIn"}


def test_the_first_status_that_applies_is_told(home: TinyHome) -> None:
    links = [
        (KINDS[kind], "", f"J. {year} Jan 1")
        for kind, year in (("corrected", 2011), ("concern", 2012), ("retracted", 2013))
    ]
    home.load("a.xml", paper(1, links=links), known=0)
    corpus = home.corpus()
    years = ["2010-12-31", "2011-06-01", "2012-06-01", "2013-06-01"]
    assert [status(corpus, year)[0] for year in years] == ["active", "corrected", "concern", "retracted"]
    assert [status(corpus, year)[1] for year in years] == ["2013-01-01"] * 3 + [""]
    assert corpus.status("PMID:1", clocks(), deleted=True).name == "deleted"


def test_superseded_stands_between_retracted_and_concern(home: TinyHome) -> None:
    home.load("g.jsonl", advice("1", "2010"), advice("2", "2012"), known=0, kind="guidelines")
    name = advice("1", "2010").id
    marks = Mark(name, "concern", date(2011, 1, 1)), Mark(name, "retracted", date(2014, 1, 1))
    home.load("l.csv", *marks, known=0, kind="retractions")
    corpus = home.corpus()
    assert [status(corpus, f"{y}-06-01", of=name)[0] for y in (2010, 2011, 2013, 2014)] == [
        "active",
        "concern",
        "superseded",
        "retracted",
    ]


def test_a_retraction_known_later_does_not_show_before(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1), known=0)
    home.load("pubmed26n0002.xml", paper(1, links=[("RetractionIn", "", "J. 2012 May 4")]), known=10)
    home.load("list.csv", Mark("PMID:2", "retracted", date(2012, 5, 4)), known=20, kind="retractions")
    corpus = home.corpus()
    assert status(corpus, known=9) == status(corpus, "2012-05-03", known=9) == ("active", "")
    assert status(corpus, "2012-05-03", known=10) == ("active", "2012-05-04")
    assert status(corpus, "2012-05-04", known=10) == ("retracted", "")
    assert [status(corpus, known=known, of="PMID:2")[0] for known in (19, 20)] == ["active", "retracted"]


def test_a_listed_doi_reaches_the_papers_that_bear_it_from_when_both_were_known(home: TinyHome) -> None:
    retracted = Mark("DOI:10.5555/a", "retracted", date(2012, 5, 4), "DOI:10.5555/n")
    home.load("list.csv", retracted, known=5, kind="retractions")
    home.load("pubmed26n0001.xml", paper(1, doi="10.5555/A"), paper(2, doi="10.5555/b"), known=10)
    home.load("pubmed26n0002.xml", paper(2, "new", doi="10.5555/b"), paper(3, doi="10.5555/a"), known=15)
    home.load("late.csv", Mark("DOI:10.5555/b", "retracted", date(2012, 5, 4)), known=20, kind="retractions")
    home.load("pubmed26n0003.xml", paper(1, doi="10.5555/c"), known=30)
    corpus = home.corpus()
    told = {n: [k for k in (0, 10, 15, 20, 30) if status(corpus, known=k, of=f"PMID:{n}")[0] == "retracted"]
            for n in (1, 2, 3)}  # fmt: skip
    assert told == {1: [10, 15, 20], 2: [20, 30], 3: [15, 20, 30]}
    assert corpus.status("PMID:1", clocks(known=10)).by == "DOI:10.5555/n"


def test_the_doi_beside_a_pmid_speaks_for_papers_that_have_no_pmid(home: TinyHome) -> None:
    of_doi = record(1, doi="10.5555/a", id="DOI:10.5555/a")
    kept = record(1, doi="10.5555/a", id="REC:kept")
    other = paper(2, "Sleep of nurses on call", doi="10.5555/a")  # the DOI of its neighbour, by mistake
    home.load("a.jsonl", of_doi, kept, other, known=0, kind="records")
    mark = Mark("PMID:1", "retracted", date(2012, 5, 4), doi="10.5555/a")
    home.load("list.csv", mark, known=10, kind="retractions")
    corpus = home.corpus()
    found = {of: status(corpus, of=of)[0] for of in (of_doi.id, kept.id, "PMID:1", "PMID:2")}
    assert found == {of_doi.id: "retracted", kept.id: "retracted", "PMID:1": "retracted", "PMID:2": "active"}


def test_a_reinstatement_ends_a_retraction_from_its_day_and_from_when_it_was_known(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, links=[("RetractionIn", "", "J. 2012 May 4")]), known=0)
    home.load("back.csv", Mark("PMID:1", "reinstated", date(2014, 1, 1)), known=10, kind="retractions")
    home.load("again.csv", Mark("PMID:1", "retracted", date(2016, 1, 1)), known=20, kind="retractions")
    corpus = home.corpus()
    days = ("2012-05-03", "2012-05-04", "2013-12-31", "2014-01-01", "2016-01-01")
    assert [status(corpus, day, 9)[0] for day in days] == ["active"] + ["retracted"] * 4
    assert [status(corpus, day, 10)[0] for day in days] == ["active", "retracted", "retracted", "active", "active"]
    assert [status(corpus, day, 20) for day in days[3:]] == [("active", "2016-01-01"), ("retracted", "")]


def test_a_retraction_listed_by_mistake_is_taken_back_by_a_reinstatement_of_its_day(home: TinyHome) -> None:
    on = date(2012, 5, 4)
    home.load("list.csv", Mark("PMID:1", "retracted", on), Mark("PMID:1", "corrected", on), known=0, kind="retractions")
    home.load("back.csv", Mark("PMID:1", "reinstated", on), known=10, kind="retractions")
    corpus = home.corpus()
    assert [status(corpus, known=known) for known in (9, 10)] == [("retracted", ""), ("corrected", "")]
    assert status(corpus, "2011-01-01", 10) == ("active", "")


def test_the_notice_of_a_retraction_is_a_notice_whatever_its_type_and_a_republication_is_none(home: TinyHome) -> None:
    notice = paper(9, "What became of our trial", links=[("RetractionOf", "1")])
    again = paper(8, "Our trial, corrected", links=[("RetractedandRepublishedFrom", "2")])
    home.load("a.xml", notice, again, known=0)
    corpus = home.corpus()
    designs = dict(zip(corpus.table["id"].to_pylist(), corpus.table["design"].to_pylist(), strict=True))
    assert designs["PMID:9"] == "notice" and designs["PMID:8"] != "notice"
    assert [status(corpus, of=f"PMID:{n}")[0] for n in (1, 2, 8, 9)] == ["retracted", "retracted", "active", "active"]


def test_a_mark_ends_with_the_version_that_said_it(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, types=["D016441"], revised="2012-01-01"), known=0)
    home.load("pubmed26n0002.xml", paper(1, revised="2013-01-01"), known=10)
    home.load("pubmed26n0003.xml", paper(9, published="2011 Jul 1", links=[("RetractionOf", "1")]), known=20)
    corpus = home.corpus()
    assert [status(corpus, known=known)[0] for known in (5, 15, 25)] == ["retracted", "active", "retracted"]


def test_an_undated_mark_has_the_date_of_its_notice_once_that_is_known_else_of_the_first_revision(
    home: TinyHome,
) -> None:
    link = [("RetractionIn", "9", "J In press")]
    home.load("pubmed26n0001.xml", paper(1, links=link, revised="2015-02-03"), known=0)
    home.load("pubmed26n0002.xml", paper(1, links=link, revised="2018-02-03"), known=10)
    home.load("pubmed26n0003.xml", paper(9, "Retraction", published="2014"), known=20)
    home.load("pubmed26n0004.xml", paper(9, "Retraction", published="2014 Mar 3"), known=30)
    home.load("pubmed26n0005.xml", Deletion("9", "1"), known=40)
    corpus = home.corpus()
    dates = {known: status(corpus, "2011-01-01", known)[1] for known in (0, 10, 20, 30, 40)}
    assert dates == {0: "2015-02-03", 10: "2015-02-03", 20: "2014-12-31", 30: "2014-03-03", 40: "2015-02-03"}


def test_a_version_gives_way_to_each_later_one_from_when_that_was_known(home: TinyHome) -> None:
    one, two, three = advice("2009", "2010"), advice("2009.10", "2015"), advice("2020", "2020 Jan 1")
    home.load("a.jsonl", one, three, known=0, kind="guidelines")
    home.load("b.jsonl", two, known=10, kind="guidelines")
    corpus = home.corpus()
    assert status(corpus, "2019-12-31", 5, of=one.id)[0] == "active"
    assert status(corpus, "2020-01-01", 5, of=one.id)[0] == "superseded"
    assert status(corpus, "2019-12-31", 10, of=one.id)[0] == "superseded"
    assert [status(corpus, None, of=r.id)[0] for r in (one, two, three)] == ["superseded", "superseded", "active"]


def test_of_versions_of_one_day_the_greater_number_is_the_later(home: TinyHome) -> None:
    versions = [advice(name, "2020") for name in ("2.9", "2.10", "2.2")]
    home.load("a.jsonl", *versions, known=0, kind="guidelines")
    corpus = home.corpus()
    assert [status(corpus, of=r.id)[0] for r in versions] == ["superseded", "active", "superseded"]


def test_a_withdrawn_version_is_out_of_force_since_we_were_told_and_a_draft_replaces_nothing(home: TinyHome) -> None:
    here, there = advice("1", "2010"), advice("1", "2010", status="withdrawn")
    home.load("a.jsonl", here, advice("2", "2012", status="draft"), known=0, kind="guidelines")
    home.load("b.jsonl", there, known=10, kind="guidelines")
    home.load("c.jsonl", advice("3", "2019"), known=20, kind="guidelines")
    corpus = home.corpus()
    assert [status(corpus, known=known, of=here.id)[0] for known in (9, 10, 20)] == [
        "active",
        "superseded",
        "superseded",
    ]
    assert [status(corpus, day, of=here.id)[0] for day in ("2019-12-30", "2019-12-31")] == ["active", "superseded"]


def test_a_recommendation_may_name_what_it_replaces(home: TinyHome) -> None:
    other = advice("1", "2010").id.replace("Rest", "Sleep")
    home.load("a.jsonl", advice("1", "2012", supersedes=[other]), known=0, kind="guidelines")
    corpus = home.corpus()
    assert [status(corpus, day, of=other)[0] for day in ("2012-12-30", "2012-12-31")] == ["active", "superseded"]


# ---------------------------------------------------------------- names and bytes


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def filled(folder: Path, between: Callable[[TinyHome], object]) -> dict[str, bytes]:
    home = TinyHome.make(folder)
    for known, title in enumerate(("one", "two", "three")):
        home.load(
            f"pubmed26n{known + 1:04d}.xml", *(paper(n, f"{title} {n}") for n in range(3, 40, known + 1)), known=known
        )
        between(home)
    corpus = home.corpus()
    return files_of(home.store.folder / "snapshots" / corpus.name)


def test_a_snapshot_has_the_same_bytes_whenever_the_home_was_refreshed(tmp_path: Path) -> None:
    at_the_end = filled(tmp_path / "a", lambda home: None)
    assert set(at_the_end) == {"documents.parquet", "passages.parquet", "marks.parquet", "links.parquet"}
    assert filled(tmp_path / "b", lambda home: home.corpus()) == at_the_end


def test_an_empty_home_has_an_empty_snapshot(home: TinyHome) -> None:
    corpus = home.corpus()
    assert corpus.table.num_rows == corpus.passages.num_rows == 0 and not corpus.visible(clocks()).any()
    assert home.index().search("anything", top=3, clocks=clocks()) == []


def test_known_from_is_the_instant_of_the_commit(home: TinyHome) -> None:
    home.load("a.xml", paper(1), known=3)
    assert home.corpus().document(0).known_from == at(3)
