"""What befalls one record of a document befalls its copies: other ids of one paper, once they were known for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from consilience.corpora.corpus import Corpus
from consilience.records import Deletion, Mark, Record
from tests.making import TinyHome, clocks, nbib, paper, record

TITLE = "Velorine for the prevention of falls in older women: a randomised trial"
ON, BACK = date(2012, 5, 4), date(2014, 1, 1)
DOI = "10.5555/a"
RETRACTED = [("RetractionIn", "", "J. 2012 May 4")]


@pytest.fixture
def home(tmp_path: Path) -> TinyHome:
    return TinyHome.make(tmp_path / "home")


def copy(name: str = "REC:x", **more: str) -> Record:
    """A record of the same paper without a PMID."""
    return replace(record(1, TITLE, id=name, **{"doi": DOI, **more}), pmid="")


def status(corpus: Corpus, of: str, as_of: str | None = None, known: int = 10_000) -> tuple[str, str]:
    found = corpus.status(of, clocks(as_of, known))
    return found.name, found.by


def known(corpus: Corpus, of: str, instants: tuple[int, ...]) -> list[str]:
    return [status(corpus, of, known=instant)[0] for instant in instants]


def test_a_copy_is_retracted_with_the_paper_on_its_day_and_from_when_both_were_known(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, TITLE, doi=DOI), known=0)
    home.load("pubmed26n0002.xml", paper(1, TITLE, doi=DOI, links=RETRACTED), known=5)
    home.load("r.jsonl", copy(), known=10, kind="records")
    home.load("l.csv", Mark("PMID:1", "reinstated", BACK, "PMID:8"), known=20, kind="retractions")
    corpus = home.corpus()
    assert known(corpus, "REC:x", (9, 10, 20)) == ["active", "retracted", "active"]
    assert status(corpus, "REC:x", "2012-05-03", 15)[0] == "active"
    assert status(corpus, "REC:x", "2012-05-04", 20) == ("retracted", "PMID:1")
    assert status(corpus, "REC:x", "2014-01-01", 20)[0] == "active"


def test_a_copy_of_a_copy_is_reached_but_not_what_people_hold_apart(home: TinyHome) -> None:
    far = replace(record(1, TITLE, id="REC:far"), pmid="")
    home.load("pubmed26n0001.xml", paper(1, TITLE, doi=DOI), known=0)
    home.load("r.jsonl", copy(), far, paper(2, "Another trial"), known=1, kind="records")
    home.load("l.csv", Mark("PMID:1", "concern", ON, "PMID:9"), known=5, kind="retractions")
    told = {of: status(home.corpus(), of) for of in ("REC:x", "REC:far", "PMID:2")}
    linked = home.corpus().duplicates_of("PMID:1", clocks())
    assert {of for of, (name, by) in told.items() if (name, by) == ("concern", "PMID:9")} == {of for of, _ in linked}
    assert told["REC:x"] == ("concern", "PMID:9") and told["PMID:2"] == ("active", "")
    (home.rooms.root / "corpora" / "duplicates.yaml").write_text("apart: [[PMID:1, REC:x], [PMID:1, REC:far]]\n")
    assert [status(home.corpus(), of)[0] for of in ("REC:x", "REC:far")] == ["active", "active"]


def test_a_record_with_an_id_of_its_own_is_the_paper_of_its_pmid(home: TinyHome) -> None:
    home.load("r.jsonl", record(1, TITLE, id="study-1"), record(2, id="study-2"), known=0, kind="records")
    home.load("l.csv", Mark("PMID:1", "retracted", ON), known=5, kind="retractions")
    home.load("pubmed26n0001.xml", paper(9, "Retraction", links=[("RetractionOf", "2")]), known=10)
    corpus = home.corpus()
    assert known(corpus, "study-1", (4, 5)) == ["active", "retracted"]
    assert known(corpus, "study-2", (9, 10)) == ["active", "retracted"]
    assert status(corpus, "study-2") == ("retracted", "PMID:9")


def test_a_mark_of_a_copy_names_the_paper_and_stays_one_when_the_paper_is_revised(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, TITLE, doi=DOI), known=0)
    home.load("r.jsonl", copy(), known=0, kind="records")
    home.load("l.csv", Mark("PMID:1", "retracted", ON), known=5, kind="retractions")
    marks = home.corpus().marks
    assert [(m["kind"], m["since"], m["notice"]) for m in marks["REC:x"]] == [("retracted", ON, "PMID:1")]
    # A new version of the paper is the same paper: one mark, not one for each version.
    home.load("pubmed26n0002.xml", paper(1, TITLE, doi=DOI, revised="2019-01-01", journal="J"), known=9)
    assert len(home.corpus().marks["REC:x"]) == 1


# ---------------------------------------------------------------- what one source knows and another does not


def test_a_newer_export_that_tells_a_retraction_counts_until_pubmed_says_something_newer(home: TinyHome) -> None:
    told = nbib(1, TITLE, revised="2013-01-01", links=RETRACTED)
    home.load("pubmed26n0001.xml", paper(1, TITLE, revised="2010-01-01"), known=0)
    home.load("a.nbib", told, known=5, kind="records")
    home.load("pubmed26n0002.xml", paper(1, TITLE, revised="2012-01-01"), known=10)
    home.load("pubmed26n0003.xml", paper(1, TITLE, revised="2014-01-01"), known=20)
    corpus = home.corpus()
    assert known(corpus, "PMID:1", (4, 5, 10, 20)) == ["active", "retracted", "retracted", "active"]
    assert corpus.document(corpus.row_of("PMID:1", clocks(known=5))).source == "pubmed"
    assert status(corpus, "PMID:1", "2012-05-03", 5)[0] == "active"


def test_an_export_older_than_pubmed_or_taken_back_by_a_later_one_retracts_nothing(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", *(paper(n, TITLE, revised="2014-01-01") for n in (1, 2)), known=0)
    old = [nbib(1, TITLE, revised="2013-01-01", links=RETRACTED), record(2, TITLE, types=["D016441"])]
    home.load("a.nbib", *old, known=5, kind="records")
    home.load("b.jsonl", record(2, TITLE), known=10, kind="records")
    corpus = home.corpus()
    assert known(corpus, "PMID:1", (5, 10)) == ["active", "active"]
    assert known(corpus, "PMID:2", (4, 5, 10)) == ["active", "retracted", "active"]


def test_a_version_without_a_doi_does_not_lift_what_was_listed_of_the_last_one_stated(home: TinyHome) -> None:
    home.load("b.jsonl", record(1, TITLE, doi=DOI), known=0, kind="records")
    home.load("l.csv", Mark(f"DOI:{DOI}", "retracted", ON), known=5, kind="retractions")
    home.load("pubmed26n0001.xml", paper(1, TITLE), known=10)
    home.load("pubmed26n0002.xml", paper(1, TITLE, doi="10.5555/b"), known=20)
    assert known(home.corpus(), "PMID:1", (4, 5, 10, 20)) == ["active", "retracted", "retracted", "active"]


def test_a_retraction_without_a_date_counts_from_the_day_we_were_told(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, TITLE), known=0)
    home.load("l.csv", Mark("PMID:1", "retracted", None, "PMID:9"), known=5, kind="retractions")
    corpus = home.corpus()
    assert known(corpus, "PMID:1", (4, 5)) == ["active", "retracted"]
    early = corpus.status("PMID:1", clocks("2020-01-05"))
    assert (early.name, early.retracted_since) == ("active", date(2020, 1, 6))


def test_a_retraction_that_was_taken_back_is_announced_to_nobody(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, TITLE), known=0)
    home.load("l.csv", Mark("PMID:1", "retracted", ON), known=5, kind="retractions")
    home.load("m.csv", Mark("PMID:1", "reinstated", BACK), known=10, kind="retractions")
    home.load("n.csv", Mark("PMID:1", "retracted", date(2016, 1, 1)), known=20, kind="retractions")
    corpus = home.corpus()
    told = [corpus.status("PMID:1", clocks("2011-01-01", instant)).retracted_since for instant in (5, 10, 20)]
    assert told == [ON, None, date(2016, 1, 1)]


def test_every_version_shown_has_the_standing_of_the_document_on_the_clocks(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, "old"), known=0)
    home.load("pubmed26n0002.xml", paper(1, "new"), known=5)
    home.load("l.csv", Mark("PMID:1", "retracted", ON), known=10, kind="retractions")
    home.load("pubmed26n0003.xml", Deletion("1", "1"), known=20)
    home.load("pubmed26n0004.xml", paper(1, "again"), known=30)
    corpus = home.corpus()

    def told(instant: int, as_of: str | None = None) -> list[str]:
        return [version["status"] for version in corpus.versions("PMID:1", clocks(as_of, instant))]

    assert told(5) == ["active"] * 2 == told(10, "2012-05-03") and told(10) == ["retracted"] * 2
    assert told(20) == ["deleted"] * 3 and told(30) == ["retracted", "retracted", "deleted", "retracted"]


def test_nothing_befalls_a_preprint_with_its_article(home: TinyHome) -> None:
    early = copy("DOI:10.1101/1", doi="10.1101/1")
    said: Mapping[str, str] = {"PMID:1": "retracted", early.id: "active"}
    home.load("pubmed26n0001.xml", paper(1, TITLE, doi=DOI), early, known=0, kind="records")
    home.load("l.csv", Mark("PMID:1", "retracted", ON), known=5, kind="retractions")
    assert {of: status(home.corpus(), of)[0] for of in said} == said
