"""Records that are one document are linked and kept; errata, replies, parts and preprints stay documents."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from consilience.corpora import links
from consilience.corpora.duplicates import compare, same_journal, shared_authors
from consilience.corpora.keys import Key, folded, key_of, kind_of
from consilience.corpora.snapshot import folder_of
from consilience.corpora.store import Item, meta_of
from consilience.errors import BadInputError
from consilience.records import Deletion, Mark, Record
from tests.making import TinyHome, at, clocks, paper, record

TITLE = "Velorine against placebo in adults with brevital fever"
PLACE = {"volume": "12", "medline_pgn": "123-8"}
PEOPLE = ("Nordal Kari", "Ozeki Taro M", "Quint Ana")
ABSTRACT = "We gave velorine to two hundred adults with brevital fever and counted the days until it left them. " * 4


def text(number: int, title: str = TITLE, **more: Any) -> Record:
    """A record of another database: no PMID unless it is given one."""
    said = {"pmid": "", "authors": PEOPLE, "extra": PLACE, "journal": "Journal of Synthetic Medicine", **more}
    pmid = said.pop("pmid")
    return replace(record(number, title, id=f"REC:{number}", **said), pmid=pmid)


def key(made: Record) -> Key:
    title, abstract = made.fields.get("title", ""), made.fields.get("abstract", "")
    return key_of(made.id, "v", 1, 0, title=title, abstract=abstract, meta=meta_of(made))


def basis(a: Record, b: Record) -> str:
    texts = {r.id: r.fields.get("abstract", "") for r in (a, b)}
    found = compare(key(a), key(b), lambda k: texts[k.id])
    again = compare(key(b), key(a), lambda k: texts[k.id])
    assert (found is None) == (again is None), "which comes first must not matter"
    return found.basis if found else ""


@pytest.fixture
def home(tmp_path: Path) -> TinyHome:
    return TinyHome.make(tmp_path / "home")


# ---------------------------------------------------------------- what one document looks like


@pytest.mark.parametrize(
    "other",
    [
        text(2, TITLE.upper()),
        text(2, f"[{TITLE}]."),
        text(2, f"RETRACTED: {TITLE}"),
        text(2, f"Retracted article: {TITLE}"),
        text(2, "Velorine against placebo in <i>adults</i> with brevital fever"),
        text(2, "V&eacute;lorine against placebo in adults with brevital fever"),
        text(2, "Velorine agianst placebo in adults with brevital fever"),
        text(2, "Velorine against placebo in adults..."),
        text(2, authors=("Quint A", "Nordal K", "Ozeki TM")),
        text(2, authors=("K. Nordal", "T. M. Ozeki")),
        text(2, authors=("Nordal, Kari",), extra={}),
        text(2, published="2011-01-01"),
        text(2, extra={"volume": "Vol. 12", "medline_pgn": "0123-128"}),
        text(2, authors=()),
        text(2, "Velorine against a placebo in adults with brevital fevers"),
    ],
    ids=lambda r: r.fields["title"][:50],
)
def test_a_damaged_copy_is_the_same_document(other: Record) -> None:
    assert basis(text(1), other)


@pytest.mark.parametrize(
    "other",
    [
        text(2, f"Erratum: {TITLE}"),
        text(2, f"Reply: {TITLE}"),
        text(2, f"{TITLE}. Part II", extra={"volume": "12", "medline_pgn": "201-9"}),
        text(2, f"{TITLE}: a report of 1979", extra={"volume": "12", "medline_pgn": "201-9"}),
        text(2, f"{TITLE} (meeting abstract)"),
        text(2, doi="10.1101/2009.12.01", journal="medRxiv", extra={}),
        text(2, published="2012-01-01"),
        text(2, extra={"volume": "12", "medline_pgn": "301-8"}),
        text(2, extra={"volume": "13", "medline_pgn": "1-8"}),
        text(2, authors=("Zimmer Paul", "Yates Ida"), extra={}),
        text(2, "Velorine against placebo in children with brevital fever", extra={}),
        text(2, "Velorine against sertaline in dogs"),
    ],
    ids=lambda r: r.fields["title"][:60] + str(r.extra.get("medline_pgn", "")),
)
def test_a_near_neighbour_is_another_document(other: Record) -> None:
    assert basis(text(1), other) == ""


def test_a_doi_makes_one_document_of_two_titles_that_can_be_recognised() -> None:
    one = text(1, doi="10.5555/a.1")
    assert basis(one, text(2, "Velorin gegen Placebo bei Erwachsenen mit Fieber", doi="10.5555/a.1")) == "DOI"
    assert basis(one, text(2, doi="10.5555/a.1/full", authors=(), extra={})) == "DOI"
    # A supplement's DOI stands for many abstracts.
    other = text(2, "Another poster altogether", doi="10.5555/a.1", authors=("Zimmer Paul",), extra={})
    assert basis(one, other) == ""


def test_two_pmids_are_two_documents_unless_they_name_the_same_pages() -> None:
    assert basis(text(1, pmid="1"), text(2, pmid="2"))
    assert not basis(text(1, pmid="1"), text(2, pmid="2", extra={"volume": "12"}))
    assert not basis(text(1, pmid="1", doi="10.5555/a"), text(2, "Another matter", pmid="2", doi="10.5555/a"))


def test_where_nobody_is_named_the_abstract_decides() -> None:
    bare = {"authors": (), "extra": {}, "journal": ""}
    one = text(1, abstract=ABSTRACT, **bare)
    assert basis(one, text(2, abstract=ABSTRACT.upper(), **bare)).startswith("abstract")
    assert basis(one, text(2, "", abstract=ABSTRACT, **bare))
    assert not basis(one, text(2, abstract=ABSTRACT.replace("velorine", "x").replace("days", "") * 2, **bare))
    # A long title alone must do where one side says nothing else, a short one must not.
    long = f"{TITLE} after failure of sertaline: results at one year"
    assert basis(text(1, long, abstract=ABSTRACT, **bare), text(2, long, **bare))
    assert not basis(text(1, "Brevital fever", abstract=ABSTRACT, **bare), text(2, "Brevital fever", **bare))


def test_folding_leaves_words_and_numbers() -> None:
    assert folded("[Die &beta;-Blocker &amp;amp; <i>Ødeme</i> (author's transl)].") == (
        "die beta blocker and odeme authors transl"
    )
    assert folded("β-Blocker") == folded("beta-blocker")


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Erratum: a trial", "erratum"), ("Correction to: a trial", "erratum"), ("Correction of anaemia", "article"),
        ("Retraction: a trial", "retraction"), ("Retraction of the eardrum", "article"), ("Reply: a trial", "comment"),
        ("Response to velorine in dogs", "article"), ("A trial: authors' reply", "comment"),
        ("Letter: a trial", "comment"), ("P53 in mice", "article"), ("Abstract 123: a trial", "conference"),
    ],
)  # fmt: skip
def test_the_kind_of_a_text_stands_in_its_title(title: str, kind: str) -> None:
    assert kind_of(title, {}) == kind


def test_names_agree_in_any_form_and_strangers_do_not() -> None:
    assert shared_authors(("smith john a",), ("j a smith",)) == 1
    assert shared_authors(("smith john",), ("smith peter",)) == 0
    assert shared_authors(("john smith",), ("john miller",)) == 0
    assert same_journal("j clin invest", "the journal of clinical investigation")
    assert not same_journal("lancet", "british medical journal")


# ---------------------------------------------------------------- clusters on the clocks


def test_nothing_is_deleted_and_the_pubmed_record_speaks_for_its_copies(home: TinyHome) -> None:
    whole = paper(99000007, TITLE, authors=PEOPLE, extra=PLACE)
    home.load("a.xml", whole, known=0)
    home.load("b.jsonl", text(1), text(2, TITLE.upper()), text(3, "Another text"), known=1, kind="records")
    units = home.corpus().units(clocks())
    (cluster,) = units.duplicates()
    assert cluster.name == "PMID:99000007" and set(cluster.members) == {"PMID:99000007", "REC:1", "REC:2"}
    assert units.master_of("REC:2") == "PMID:99000007" and units.master_of("REC:3") == "REC:3"
    assert home.corpus().study_of("REC:1", clocks()) == home.corpus().study_of("PMID:99000007", clocks())
    assert all(why.startswith("title") for _, why in home.corpus().duplicates_of("REC:1", clocks()))


def test_a_link_is_known_only_while_both_its_documents_are(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(99000007, TITLE, authors=PEOPLE, extra=PLACE), known=0)
    home.load("b.jsonl", text(1, published="2010-06-01"), known=2, kind="records")
    home.load("pubmed26n0002.xml", paper(99000008), Deletion("99000007", "1"), known=4)
    corpus = home.corpus()

    def copies(**on: Any) -> list[str]:
        return [name for name, _ in corpus.duplicates_of("REC:1", clocks(**on))]

    assert copies(known=1) == [] and copies(known=2) == ["PMID:99000007"] == copies(known=3)
    assert copies(known=4) == [], "a deleted record is nobody's copy any more"
    assert copies(known=3, as_of="2010-03-01") == [], "the copy was not out yet"
    assert copies(known=3, as_of="2010-06-01") == ["PMID:99000007"]


def test_an_undated_copy_hides_under_an_explicit_day(home: TinyHome) -> None:
    home.load("b.jsonl", text(1), text(2, published=None), known=0, kind="records")
    corpus = home.corpus()
    assert corpus.duplicates_of("REC:1", clocks()) and not corpus.duplicates_of("REC:1", clocks("2015-01-01"))


def test_a_revision_that_says_something_else_ends_the_link(home: TinyHome) -> None:
    home.load("b.jsonl", text(1), known=0, kind="records")
    home.load("c.jsonl", text(2), known=1, kind="records")
    home.load("d.jsonl", text(2, "Quite another text on sertaline in dogs"), known=2, kind="records")
    corpus = home.corpus()
    assert corpus.duplicates_of("REC:1", clocks(known=1)) and not corpus.duplicates_of("REC:1", clocks(known=2))


def test_links_do_not_depend_on_how_often_the_home_was_refreshed(tmp_path: Path) -> None:
    files = [[text(1), text(5, "Alone")], [text(2, TITLE.upper())], [text(3, published="2011"), text(1, TITLE + ".")]]
    often, once = TinyHome.make(tmp_path / "often"), TinyHome.make(tmp_path / "once")
    for number, items in enumerate(files):
        often.load(f"{number}.jsonl", *items, known=number, kind="records")
        often.corpus()
        once.load(f"{number}.jsonl", *items, known=number, kind="records")
    assert often.corpus().linked.table.equals(once.corpus().linked.table)
    assert once.corpus().linked.table.num_rows >= 3


def test_links_are_taken_over_while_nothing_they_are_made_of_has_changed(home: TinyHome) -> None:
    def written() -> Path:
        return folder_of(home.store, home.corpus().name) / links.FILE

    home.load("b.jsonl", text(1), text(2), known=0, kind="records")
    first = written()
    assert pq.read_table(first).num_rows == 1
    whole = first.read_bytes()
    # Told by an empty table in their place: one that is made again would hold the link.
    pq.write_table(pq.read_table(first).slice(0, 0), first)
    home.load("list.csv", Mark("REC:1", "retracted", at(0).date()), known=1, kind="retractions")
    taken = written()
    assert taken != first and taken.read_bytes() == first.read_bytes()
    first.write_bytes(b"damaged")
    taken.unlink()
    home.load("more.csv", Mark("REC:2", "retracted", at(0).date()), known=2, kind="retractions")
    assert written().read_bytes() == whole


@pytest.mark.parametrize("change", ["a record", "a revision", "a deletion", "a decision"])
def test_links_are_made_again_when_a_record_or_a_decision_changes(home: TinyHome, change: str) -> None:
    home.load("b.jsonl", text(1), text(2), known=0, kind="records")
    first = folder_of(home.store, home.corpus().name) / links.FILE
    pq.write_table(pq.read_table(first).slice(0, 0), first)
    if change == "a decision":
        decide(home, "same: [[REC:1, REC:2]]\n")
    else:
        item: dict[str, Item] = {
            "a record": text(3, "Alone"),
            "a revision": text(2, TITLE.upper()),
            "a deletion": Deletion("REC:1"),
        }
        home.load("c.jsonl", item[change], known=1, kind="records")
    assert home.corpus().linked.table.num_rows


# ---------------------------------------------------------------- people decide


def decide(home: TinyHome, said: str) -> None:
    (home.rooms.root / "corpora" / "duplicates.yaml").write_text(said, encoding="utf-8")


def test_people_join_and_part_and_may_take_it_back(home: TinyHome) -> None:
    home.load("b.jsonl", text(1), text(2), text(3, "Another text", authors=()), known=0, kind="records")
    before = home.corpus()
    decide(home, "same: [[REC:3, REC:1]]\napart: [[REC:1, REC:2]]\n")
    after = home.corpus()
    assert after.name != before.name, "a decision makes another snapshot"
    (cluster,) = after.units(clocks()).duplicates()
    assert set(cluster.members) == {"REC:1", "REC:3"}
    assert dict(after.duplicates_of("REC:1", clocks()))["REC:3"] == links.DECIDED
    decide(home, "{}")
    assert home.corpus().name == before.name


def test_what_is_held_apart_is_not_joined_through_a_third(home: TinyHome) -> None:
    home.load("b.jsonl", text(1), text(2), text(3), known=0, kind="records")
    decide(home, "apart: [[REC:1, REC:3]]\n")
    units = home.corpus().units(clocks())
    assert not {"REC:1", "REC:3"} <= set(units.duplicates()[0].members)


@pytest.mark.parametrize(
    "said",
    [
        "sane: [[A, B]]", "same: A", "same: [[A]]", "same: [[A, A]]", "same: [[A, 7]]",
        "same: [[A, B]]\napart: [[B, A]]", "- A",
    ],
)  # fmt: skip
def test_a_decision_that_cannot_be_read_is_refused(home: TinyHome, said: str) -> None:
    home.load("b.jsonl", text(1), known=0, kind="records")
    decide(home, said)
    with pytest.raises(BadInputError):
        home.corpus()


def test_a_large_block_of_equal_titles_costs_no_quadratic_work(home: TinyHome) -> None:
    chance = random.Random(0)
    many = [text(n, "Editorial", authors=(f"Name{n} A",), extra={"volume": str(n), "medline_pgn": str(chance.random())})
            for n in range(1, 400)]  # fmt: skip
    home.load("b.jsonl", *many, known=0, kind="records")
    assert home.corpus().linked.table.num_rows == 0
