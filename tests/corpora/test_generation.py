"""A new year's baseline: what it leaves out is deleted, from the instant it was declared whole."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience import Home, init_home, open_home
from consilience.contract import validated
from consilience.corpora.fold import BASELINE, Fact, intervals, pmid_in
from consilience.refresh import Refresh
from tests.corpora.test_fold import NUMBERED, File, files, gone, loose, put
from tests.making import at
from tests.yearfiles import Article, packed, write

ONE, TWO, THREE, FOUR, FIVE, SIX = range(99000001, 99000007)
FILES = {
    "pubmed26n0001": packed([Article(ONE, "Zinc"), Article(TWO, "Velorine"), Article(THREE, "Left out")]),
    "pubmed26n0002": packed([Article(TWO, "Velorine, revised"), Article(FOUR, "New")], gone=[ONE]),
    "pubmed27n0001": packed([Article(TWO, "Velorine, revised"), Article(FOUR, "New, 2027", notice=SIX)]),
    "pubmed27n0002": packed([Article(FIVE, "First of its year", abstract="Zinc prevents colds. " * 90)]),
    "pubmed27n0003": packed([Article(SIX, "Retraction", year=2012)], gone=[FIVE]),
}
BASE = ["pubmed27n0001", "pubmed27n0002"]


class Yearly:
    """A home on a clock that moves a day with each call, and a folder of files that come and go."""

    def __init__(self, root: Path) -> None:
        init_home(root / "home")
        self.folder, self.day = root / "files", 0
        self.home = Home(open_home(root / "home").rooms, lambda: at(self.day))

    def ingest(self, *names: str, baseline: bool = False) -> dict[str, Any]:
        self.day += 1
        paths = [write(self.folder, name, FILES[name]) for name in names]
        return self.home.ingest_pubmed(paths, baseline=baseline)

    def cut_short(self, name: str) -> None:
        self.day += 1
        data = FILES[name]
        [line] = self.home.ingest_pubmed([write(self.folder, name, data[: len(data) // 2])])["files"]
        assert line["status"] == "refused"

    def built(self) -> Refresh:
        now = Refresh.of(self.home.rooms)
        now.citations()
        now.passages()
        return now

    def history(self, pmid: int) -> list[tuple[int, int | None, bool]]:
        """From which day until which day, deleted or not."""
        rows = self.built().snapshot().table.to_pylist()
        days = {at(n): n for n in range(50)}
        return [(days[r["known_from"]], r["known_until"] and days[r["known_until"]], r["deleted"])
                for r in rows if r["id"] == f"PMID:{pmid}"]  # fmt: skip

    def standing(self) -> dict[str, list[dict[str, Any]]]:
        """The tables at now, less when each thing came to be known and where its facts lie."""
        corpus = self.built().snapshot()
        told = {"known_from", "known_until", "seq", "row"}

        def plain(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{name: value for name, value in row.items() if name not in told} for row in rows]

        documents = [row for row in corpus.table.to_pylist() if row["known_until"] is None]
        live = {(row["id"], row["version"]) for row in documents if not row["deleted"]}
        marks = [mark for held in corpus.marks.values() for mark in held if mark["known_until"] is None]
        passages = [row for row in corpus.passages.to_pylist() if (row["id"], row["version"]) in live]
        return {"documents": plain(documents), "passages": plain(passages), "marks": plain(marks)}


@pytest.fixture
def yearly(tmp_path: Path) -> Yearly:
    return Yearly(tmp_path)


def test_what_a_new_baseline_leaves_out_is_deleted_when_it_is_declared_and_may_come_back(yearly: Yearly) -> None:
    yearly.ingest("pubmed26n0001", "pubmed26n0002")
    yearly.ingest(*BASE)
    assert yearly.history(THREE) == [(1, None, False)]  # some of the year's files alone say nothing
    reply = validated("ingest", yearly.ingest(*BASE, baseline=True))
    assert reply["baseline"] is True and reply["warnings"] == []
    assert {line["status"] for line in reply["files"]} == {"unchanged"}
    assert yearly.history(THREE) == [(1, 3, False), (3, None, True)]
    assert not any(was_deleted for pmid in (TWO, FIVE) for *_, was_deleted in yearly.history(pmid))
    FILES["pubmed27n0009"] = packed([Article(THREE, "Back again")])
    yearly.ingest("pubmed27n0009")
    assert yearly.history(THREE) == [(1, 3, False), (3, 4, True), (4, None, False)]


def test_the_home_says_that_a_left_out_document_is_deleted(yearly: Yearly) -> None:
    profile = yearly.home.rooms.root / "indexes" / "exact.yaml"
    profile.write_text(profile.read_text().replace("embedding: minilm", "embedding: hashed"))
    yearly.ingest("pubmed26n0001")
    yearly.ingest(*BASE, baseline=True)
    yearly.home.refresh()
    assert yearly.home.show(f"PMID:{THREE}")["status"] == "deleted"
    assert yearly.home.status()["documents"]["deleted"] == 2
    found = [yearly.home.search('title:"left out"', known_at=at(day))["hits"] for day in (1, 2)]
    assert [hit["id"] for hit in found[0]] == [f"PMID:{THREE}"] and found[1] == []
    assert yearly.home.doctor()["checks"][0]["ok"]


def test_a_baseline_declared_again_writes_nothing(yearly: Yearly) -> None:
    first = yearly.ingest(*BASE, baseline=True)
    again = yearly.ingest(*BASE, BASE[0], baseline=True)
    assert first["commit"] == again["commit"] == 3 and again["baseline"] is True
    [event] = [c for c in yearly.home.store.commits() if c.kind == BASELINE]
    assert (event.order, event.records, event.file) == ((2027, 2), 0, "pubmed27n0001-n0002")


def test_a_baseline_of_fewer_files_than_an_earlier_years_is_not_taken_for_whole(yearly: Yearly) -> None:
    assert yearly.ingest("pubmed26n0001", "pubmed26n0002", baseline=True)["baseline"] is True
    told = yearly.ingest("pubmed27n0001", baseline=True)
    assert told["baseline"] is False
    assert "1 files, where an earlier year had 2" in " ".join(told["warnings"])
    assert not any(deleted for _, _, deleted in yearly.history(THREE))


def test_files_that_are_not_one_whole_baseline_are_loaded_and_no_more_and_the_reply_says_why(yearly: Yearly) -> None:
    yearly.ingest("pubmed26n0001")
    for names, reason in (
        (["pubmed26n0002", *BASE], "several years, 2026 and 2027"),
        (["pubmed27n0001", "pubmed27n0003"], "number 2 of 3 is missing"),
    ):
        reply = validated("ingest", yearly.ingest(*names, baseline=True))
        assert reply["baseline"] is False and reason in reply["warnings"][-1]
    loose_one = write(yearly.folder, "search", FILES["pubmed27n0001"])
    assert "no year and number" in yearly.home.ingest_pubmed([loose_one], baseline=True)["warnings"][-1]
    half = write(yearly.folder, BASE[0], FILES[BASE[0]][:200])
    whole = write(yearly.folder, BASE[1], FILES[BASE[1]])
    assert "pubmed27n0001.xml.gz was refused" in yearly.home.ingest_pubmed([half, whole], baseline=True)["warnings"][-1]
    assert [c.kind for c in yearly.home.store.commits() if c.kind == BASELINE] == []
    assert yearly.history(THREE) == [(1, None, False)]


def torn(*pmids: int, beside: Article) -> bytes:
    """A file with one whole citation and some that have no MedlineCitation to read."""
    lost = "".join(Article(pmid, "Torn").xml().replace("MedlineCitation", "Citation") for pmid in pmids)
    return gzip.compress(f"<PubmedArticleSet>{beside.xml()}{lost}</PubmedArticleSet>".encode(), mtime=0)


def test_what_a_baseline_holds_and_could_not_be_read_is_not_deleted(
    yearly: Yearly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FILES, "pubmed27n0001", torn(THREE, FOUR, beside=Article(TWO, "Velorine")))
    yearly.ingest("pubmed26n0001", "pubmed26n0002")
    reply = yearly.ingest(*BASE, baseline=True)
    assert reply["baseline"] is True and reply["quarantined"] == 2
    assert yearly.history(THREE) == yearly.history(FOUR) == [(1, None, False)]
    assert yearly.history(ONE)[-1][2]  # deleted in 2026, and left out
    monkeypatch.setitem(FILES, "pubmed27n0004", packed([Article(SIX, "Other")], gone=[THREE]))
    yearly.ingest("pubmed27n0004")
    assert yearly.history(THREE) == [(1, 3, False), (3, None, True)]


def test_a_reload_that_cannot_read_a_record_does_not_take_it_back(
    yearly: Yearly, monkeypatch: pytest.MonkeyPatch
) -> None:
    yearly.ingest("pubmed26n0001")
    before = yearly.history(THREE)
    monkeypatch.setitem(FILES, "pubmed26n0001", torn(THREE, beside=Article(TWO, "Velorine")))
    yearly.ingest("pubmed26n0001")
    assert yearly.history(THREE) == before and yearly.history(ONE)[-1][2]


@pytest.mark.parametrize(("raw", "told"), [
    ('<PubmedArticle><MedlineCitation Status="X"><PMID Version="1">PMID 99000003</PMID>', "99000003"),
    ('<PubmedArticle><PubmedData><ArticleIdList><ArticleId IdType="pubmed">99000003</ArticleId>', "99000003"),
    ('<PubmedArticle><MedlineCitation><Article/><CommentsCorrections><PMID>5</PMID>', None),
    ('<PubmedArticle><PubmedData><ReferenceList><ArticleId IdType="pubmed">5</ArticleId>', None),
    ("<MedlineCitation><PMID>12 and 13</PMID>", None), ("<PMID>12</PMID>", None), ("", None),
])  # fmt: skip
def test_the_number_of_an_unreadable_record_is_its_own(raw: str, told: str | None) -> None:
    assert pmid_in(raw) == told


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Every file and the declaration, in any order, some cut short before or loaded twice, refreshed in between."""
    course: list[tuple[str, str]] = []
    for name in draw(st.permutations([*sorted(n for n in FILES if n != "pubmed27n0009"), "baseline"])):
        if name != "baseline" and draw(st.booleans()):
            course.append(("cut short", name))
        course.append(("ingest", name))
        if draw(st.integers(0, 3)) == 0:
            course.append(("refresh", ""))
        if draw(st.integers(0, 3)) == 0:
            course.append(("ingest", draw(st.sampled_from([n for act, n in course if act == "ingest"]))))
    return course


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    made = Yearly(tmp_path_factory.mktemp("reference"))
    made.ingest(*sorted(n for n in FILES if n != "pubmed27n0009"))
    made.ingest(*BASE, baseline=True)
    return made.standing()


def test_the_reference_is_what_the_files_say(reference: dict[str, list[dict[str, Any]]]) -> None:
    stands = {row["id"]: row["deleted"] for row in reference["documents"]}
    assert stands == {f"PMID:{n}": n in (ONE, THREE, FIVE) for n in (ONE, TWO, THREE, FOUR, FIVE, SIX)}
    assert [(m["target"], m["kind"]) for m in reference["marks"]] == [(f"PMID:{FOUR}", "retracted")]


@settings(max_examples=10, deadline=None)
@given(course=courses())
def test_files_in_any_order_twice_and_half_arrived_lead_to_the_same_state(
    reference: dict[str, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory, course: list[tuple[str, str]]
) -> None:
    made = Yearly(tmp_path_factory.mktemp("course"))
    for act, name in course:
        if act == "refresh":
            made.built().snapshot()
        elif act == "cut short":
            made.cut_short(name)
        elif name == "baseline":
            made.ingest(*BASE, baseline=True)
        else:
            made.ingest(name)
    assert made.standing() == reference


# ---------------------------------------------------------------- the rule itself


def standing(course: Sequence[File | int]) -> tuple[str, bool] | None:
    """What stands of one document after files and declarations (a year each) in this order."""
    facts: list[Fact] = []
    orders: dict[int, tuple[int, int] | None] = {}
    generations: dict[int, int] = {}
    for seq, each in enumerate(course, start=1):
        if isinstance(each, int):
            orders[seq], generations[seq] = None, each
            continue
        orders[seq] = each.order
        facts += [
            Fact(seq, n, s.op, n, s.source, s.source_version, s.version, s.revised) for n, s in enumerate(each.rows)
        ]
    found = intervals(facts, orders, {}, generations) if facts else []
    return (found[-1].fact.version, found[-1].deleted) if found else None


@given(files(NUMBERED | loose()), st.sets(st.integers(2024, 2027)), st.data())
def test_what_stands_does_not_depend_on_when_a_baseline_was_declared(
    there: list[File], years: set[int], data: st.DataObject
) -> None:
    course: list[File | int] = [*there, *sorted(years)]
    assert standing(course) == standing(data.draw(st.permutations(course)))


@given(files(NUMBERED), st.integers(2025, 2026))
def test_a_declared_baseline_leaves_what_its_year_and_later_ones_hold(there: list[File], year: int) -> None:
    kept = [f for f in there if f.order and f.order[0] >= year]
    deletions = [f._replace(rows=tuple(r for r in f.rows if r.op == "delete")) for f in there if f not in kept]
    expected, found = standing([*kept, *deletions]), standing([*there, year])
    live = [each if each and not each[1] else None for each in (expected, found)]
    assert live[0] == live[1]


def test_a_document_known_from_elsewhere_outlives_the_baseline_that_leaves_it_out() -> None:
    numbered, orders = put(1, "x"), {1: (2026, 1), 2: None, 3: None}
    for other in (put(2, "n", source="nbib"), put(2, "s", revised="2009-01-01")):
        assert intervals([numbered, other], orders, {}, {3: 2027})[-1].fact == other
    assert intervals([numbered, gone(2), put(2, "n", source="nbib")], {**orders, 2: (2026, 2)}, {}, {3: 2027})[
        -1
    ].deleted
