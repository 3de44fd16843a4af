"""The door of a home: odd questions, empty homes, damaged stores."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from consilience import Home, contract, init_home, open_home
from consilience.errors import BadInputError, StoreDamagedError
from consilience.records import Deletion
from consilience.refresh import Refresh
from tests.conftest import UPDATE
from tests.making import TinyHome, at, paper


@pytest.fixture(scope="module")
def home(sample_home: Path) -> Home:
    return open_home(sample_home, now=UPDATE)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    init_home(tmp_path / "empty")
    return tmp_path / "empty"


@pytest.mark.parametrize(
    "question",
    [
        "Is it of the?",
        "???",
        "Помогает ли аспирин при инсульте?",
        "阿司匹林能预防中风吗",
        "x" * 2000,
        'Does "aspirin" prevent AND ( stroke?',
        "title:* OR [",
    ],
)
def test_an_odd_question_gets_an_answer_of_the_contract_and_breaks_no_chain(home: Home, question: str) -> None:
    answer = contract.validated("ask", home.ask(question))
    assert {chain["error"] for chain in answer["chains"]} == {None}


def test_a_thousand_hits_and_a_thousand_passages_are_of_the_contract(home: Home) -> None:
    for passages in (False, True):
        found = contract.validated("search", home.search("aspirin trial", top=1000, passages=passages))
        assert len(found["hits"]) > 100


def test_filters_are_echoed_as_read_and_a_heading_that_nothing_bears_is_a_warning(home: Home) -> None:
    asked = {"mesh": ["Aspirin", "No Such Heading"], "species": ["humans"], "language": ["English"],
             "status": ["active"]}  # fmt: skip
    found = contract.validated("search", home.search("aspirin", **asked))
    assert found["filters"] == {**asked, "language": ["eng"]}
    assert found["hits"] and {hit["status"] for hit in found["hits"]} == {"active"}
    for hit in found["hits"]:
        headings = {name for name, *_ in home.show(hit["id"])["record"]["mesh"]}
        assert {"Aspirin", "Humans"} <= headings
    assert "no document in sight bears the MeSH heading 'No Such Heading'" in found["warnings"]
    assert contract.validated("search", home.search("aspirin"))["filters"] == {}


def test_the_intent_is_told_by_words_or_given_and_its_views_are_shown_in_every_hit(home: Home) -> None:
    views = {"relevance", "timeliness", "authority", "commonality"}
    told = contract.validated("search", home.search("current guidelines on aspirin for primary prevention"))
    assert told["intent"] == "policy" and views <= set(told["hits"][0]["parts"])
    assert told["hits"][0]["status"] == "active" and told["hits"][0]["design"] == "guideline"
    plain = home.search("current guidelines on aspirin for primary prevention", intent="relevance")
    assert not views & set(plain["hits"][0]["parts"]) and plain["hits"][0]["matched"]
    with pytest.raises(BadInputError, match="no intent"):
        home.search("aspirin", intent="fashion")


def test_a_boolean_query_is_quoted_by_its_words_and_not_by_its_tags(tmp_path: Path) -> None:
    tiny = TinyHome.make(tmp_path / "home")
    said = "The title and abstract of this record say little. Velorine cures gout. Zinc is a metal."
    tiny.load("pubmed26n0001.xml", paper(1, "One", abstract=said), known=0)
    home = Home(tiny.rooms, lambda: at(5))
    home.refresh()
    (hit,) = home.search("velorine[Title/Abstract] NOT (zinc[ti] OR title[ti])")["hits"]
    assert (hit["span"]["quote"], hit["matched"]) == ("Velorine cures gout.", True)
    (hit,) = home.search("2010[dp] NOT zinc[ti]")["hits"]
    assert hit["matched"] is False


def test_a_text_is_judged_in_a_home_where_nothing_was_loaded(empty: Path) -> None:
    text = "Aspirin did not reduce mortality. It caused bleeding."
    judged = contract.validated("verify", open_home(empty).verify("Aspirin reduces mortality", evidence_text=text))
    assert (
        [text[span["start"] : span["end"]] for span in judged["citations"]]
        == [span["quote"] for span in judged["citations"]]
        != []
    )


def test_wrong_options_are_told_even_where_nothing_was_loaded(empty: Path) -> None:
    opened = open_home(empty)
    for call in (
        lambda: opened.ask("Does it help?", retriever="magic"),
        lambda: opened.ask("Does it help?", chains=9),
        lambda: opened.search("aspirin", design=["randomised"]),
        lambda: opened.search("aspirin", language=["Klingon"]),
        lambda: opened.search("aspirin", status=["deleted"]),
    ):
        with pytest.raises(BadInputError):
            call()


def test_a_clock_without_a_zone_tells_utc(empty: Path) -> None:
    found = open_home(empty, now=lambda: datetime(2026, 1, 1)).search("aspirin")
    assert contract.validated("search", found)["known_at"] == "2026-01-01T00:00:00Z"


def test_an_old_version_of_a_deleted_document_is_shown_as_deleted(tmp_path: Path) -> None:
    tiny = TinyHome.make(tmp_path / "home")
    tiny.load("pubmed26n0001.xml", paper(1, "First"), known=0)
    tiny.load("pubmed26n0002.xml", paper(1, "Second"), known=1)
    tiny.load("pubmed26n0003.xml", Deletion("1", "1"), known=2)
    tiny.index()
    Refresh.of(tiny.rooms).publish(at(5))
    opened = Home(tiny.rooms, lambda: at(5))
    old = opened.show("PMID:1", known_at=at(0))
    assert (old["fields"]["title"], old["status"]) == ("First", "active")
    assert opened.show("PMID:1", version=old["version"])["status"] == "deleted"
    assert opened.show("PMID:1", version=old["version"], known_at=at(1))["status"] == "active"


def test_a_home_of_deletions_only_is_refreshed_asked_and_searched(tmp_path: Path) -> None:
    tiny = TinyHome.make(tmp_path / "home")
    tiny.load("pubmed26n0001.xml", Deletion("1", "1"), known=0)
    opened = Home(tiny.rooms, lambda: at(5))
    contract.validated("refresh", opened.refresh())
    answer = contract.validated("ask", opened.ask("Does velorine ease pain?"))
    assert answer["abstained"]["reason"] == "no_evidence"
    assert {chain["error"] for chain in answer["chains"]} == {None}
    assert opened.search("velorine")["hits"] == []
    assert opened.status()["documents"]["active"] == 0


def test_a_lost_index_is_damage_and_no_abstention(tmp_path: Path) -> None:
    tiny = TinyHome.make(tmp_path / "home")
    tiny.load("pubmed26n0001.xml", paper(1), known=0)
    opened = Home(tiny.rooms, lambda: at(5))
    opened.refresh()
    shutil.rmtree(tiny.rooms.indexes / opened.view.profile.built)
    for call in (lambda: opened.ask("Does velorine ease pain?"), lambda: opened.search("velorine")):
        with pytest.raises(StoreDamagedError):
            call()


def test_a_lost_snapshot_is_damage_and_not_a_mystery(tmp_path: Path) -> None:
    tiny = TinyHome.make(tmp_path / "home")
    tiny.load("pubmed26n0001.xml", paper(1), known=0)
    tiny.index()
    Refresh.of(tiny.rooms).publish(at(5))
    shutil.rmtree(tiny.store.folder / "snapshots")
    for call in (lambda opened: opened.status(), lambda opened: opened.search("velorine")):
        with pytest.raises(StoreDamagedError):
            call(Home(tiny.rooms, lambda: at(5)))
