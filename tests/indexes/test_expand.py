"""Asking again in other words: each kind by what it finds that a plain search does not, and nothing out of sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from consilience.errors import BadInputError
from consilience.indexes import Index
from consilience.indexes.boolean.mesh import Heading, Tree
from consilience.indexes.expand import Expander, abbreviated, narrower
from consilience.indexes.profile import ExpansionProfile, Profile, load
from consilience.kg.concepts import Concept
from consilience.kg.link import Linker
from consilience.kg.synonyms import Synonyms
from consilience.kg.vocabulary import merge
from tests.making import TinyHome, clocks, ids, paper

PAPERS = [
    paper(1, "Velorine in gout", abstract="Velorine lowers urate crystals. Urate crystals cause gout."),
    paper(2, "Velorine and urate", abstract="Urate crystals dissolve under velorine."),
    paper(3, "Crystals", abstract="Urate crystals in joints were seen by ultrasound."),
    paper(4, "Ischaemia", abstract="Acute tamsidol deficiency (ATD) is treated with oats."),
    paper(5, "Oats", abstract="Of forty with ATD, all ate oats."),
    paper(6, "Heart attack wards", abstract="After a heart attack most walk early."),
    paper(7, "Bravexin", abstract="Bravexin eases brittle asthma in adults."),
    paper(8, "Weather", abstract="Rain fell on Monday."),
    paper(9, "Velorine later", published="2020-01-01", abstract="Velorine velorine causes hiccups, hiccups, hiccups."),
    *(paper(number, f"Filler {number}", abstract=f"Filler number{number} of nothing.") for number in range(20, 40)),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    home = TinyHome.make(tmp_path_factory.mktemp("expand") / "home")
    home.load("pubmed26n0001.xml", *PAPERS, known=0)
    return home.index()


def asking(index: Index, named: Synonyms | None = None, **weights: float) -> Index:
    profile = Profile.model_validate({**index.profile.model_dump(), "expansion": weights})
    other = Index(index.corpus, profile, index.embedding, (lambda: named) if named else None)
    other.__dict__.update(lexical=index.lexical, dense=index.dense, sights=index.sights)
    return other


def found(index: Index, query: str, as_of: str | None = "2015-01-01", retriever: str = "lexical") -> list[str]:
    hits = index.search(query, top=10, clocks=clocks(as_of), retriever=retriever)
    return ids(index.corpus, [hit.row for hit in hits])


def test_all_kinds_are_off_by_default_and_then_no_part_of_the_version(index: Index) -> None:
    assert not load(index.corpus.store.rooms).expansion.on
    off = Profile(expansion=ExpansionProfile(documents=7))
    assert off.version == Profile().version != Profile(expansion=ExpansionProfile(rocchio=0.1)).version


def test_feedback_finds_what_shares_the_words_of_the_first_documents(index: Index) -> None:
    assert "PMID:3" not in found(index, "velorine")
    assert "PMID:3" in found(asking(index, feedback=0.3, documents=2), "velorine")


def test_feedback_weighs_its_share_and_the_query_the_rest(index: Index) -> None:
    expander = asking(index, feedback=0.25, documents=2, words=4).expander
    first = [(hit.row, hit.score) for hit in index.search("velorine gout", top=2, clocks=clocks("2015-01-01"))]
    added = expander.again("velorine gout", first, clocks("2015-01-01"), "lexical").terms or {}
    assert len(added) == 4 and sum(added.values()) == pytest.approx(0.25 / 0.75 * 2)


def test_nothing_out_of_sight_has_a_say(index: Index) -> None:
    told = asking(index, feedback=0.3, abbreviations=0.5, passage=0.5, rocchio=0.5).expander

    def words(as_of: str | None) -> str:
        hits = index.search("velorine", top=5, clocks=clocks(as_of))
        again = told.again("velorine", [(hit.row, hit.score) for hit in hits], clocks(as_of))
        return " ".join(again.terms or ())

    assert "hiccup" in words(None) and "hiccup" not in words("2015-01-01")


def test_vectors_move_towards_the_first_documents(index: Index) -> None:
    plain = index.search("velorine", top=1, clocks=clocks("2015-01-01"), retriever="dense")
    near = index.dense.best_passages("velorine", [plain[0].row])[0]
    again = asking(index, rocchio=0.5, documents=1).expander.again("velorine", [(plain[0].row, 1.0)], clocks(), "dense")
    assert again.towards == pytest.approx(0.5 * near) and again.terms is None
    moved = asking(index, rocchio=0.5, documents=1).search(
        "velorine", top=1, clocks=clocks("2015-01-01"), retriever="dense"
    )
    whole = index.embedding.encode_query("velorine") + 0.5 * near
    assert moved[0].score == pytest.approx(float(near @ whole / np.linalg.norm(whole)), abs=1e-5)


def test_an_abbreviation_that_the_first_documents_define_finds_those_that_only_use_it(index: Index) -> None:
    assert found(index, "tamsidol deficiency") == ["PMID:4"]
    both = asking(index, abbreviations=0.5)
    assert found(both, "acute tamsidol deficiency") == ["PMID:4", "PMID:5"]


@pytest.mark.parametrize(("query", "names"), [
    ("Does ATD heal?", ["acute tamsidol deficiency"]),
    ("Acute tamsidol deficiencies", ["ATD"]),
    ("ATD, or acute tamsidol deficiency", []),
    ("Nothing of it", []),
])  # fmt: skip
def test_short_and_long_form_lead_to_each_other(index: Index, query: str, names: Sequence[str]) -> None:
    texts = [
        "Acute tamsidol deficiency (ATD) is rare.",
        "The acute tamsidol deficiency (ATD).",
        "After the date (ATD).",
    ]
    assert [name.lower() for name in abbreviated(query, texts, index.lexical.terms)] == [n.lower() for n in names]


def test_other_names_of_a_thing_find_it(index: Index) -> None:
    attack = Concept("MONDO:1", "Disease", "myocardial infarction", ("myocardial infarction", "heart attack"), "mondo")
    named = Synonyms(Linker(merge([], [attack], {})))
    assert [set(names) for names in named.of("Walking after myocardial infarctions")] == [
        {"myocardial infarction", "heart attack"}
    ]
    assert found(index, "myocardial infarction") == []
    assert found(asking(index, named, synonyms=0.5), "myocardial infarction") == ["PMID:6"]


TREE = Tree([
    Heading("D1", "Lung Diseases", ("C08",)), Heading("D2", "Asthma", ("C08.1",), ("Bronchial Asthma",)),
    Heading("D3", "Brittle Asthma", ("C08.1.1",)), Heading("D4", "Cough Asthma", ("C08.1.2",)),
])  # fmt: skip


def test_a_heading_in_the_query_brings_those_below_it_by_its_entry_terms_too() -> None:
    assert list(narrower("Is bronchial asthma inherited?", TREE, 8)) == [["Brittle Asthma", "Cough Asthma"]]
    assert list(narrower("lung diseases", TREE, 2)) == []  # too general
    assert list(narrower("brittle asthma", TREE, 8)) == []  # nothing below it


def test_narrower_headings_find_what_is_called_by_them(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", *PAPERS, known=0)
    table = tmp_path / "tree.tsv"
    rows = [("D1", "Wheezing Disorders", "C08"), ("D2", "Brittle Asthma", "C08.1")]
    table.write_text("mesh_id\tmesh_name\tmesh_tree_number\n" + "".join("\t".join(row) + "\n" for row in rows))
    from consilience.indexes.boolean import mesh

    mesh.keep(home.rooms, table, "2020-01-01T00:00:00Z")
    index = home.index()
    assert found(index, "wheezing disorders") == []
    assert found(asking(index, mesh=0.5), "wheezing disorders") == ["PMID:7"]


def test_the_passage_is_the_sentences_that_hold_most_of_the_query_or_what_a_writer_makes_of_them(index: Index) -> None:
    expander = asking(index, passage=0.5, sentences=1).expander
    texts = ["Rain fell. Velorine lowers urate.", "Velorine was given."]
    assert expander.passage("velorine urate", texts, clocks()) == "Velorine lowers urate."

    class Shouting:
        def passage(self, query: str, sentences: Sequence[str]) -> str:
            return " ".join(sentences).upper()

    loud = replace(expander, writer=Shouting())
    assert isinstance(loud, Expander) and loud.passage("urate", texts, clocks()) == "VELORINE LOWERS URATE."


def test_a_boolean_query_is_never_asked_again(index: Index) -> None:
    every = asking(index, feedback=0.3, rocchio=0.5, passage=0.5, abbreviations=0.5)
    assert found(every, "velorine AND gout", retriever="hybrid") == found(
        index, "velorine AND gout", retriever="hybrid"
    )


def test_a_query_that_finds_nothing_stays_as_it_is(index: Index) -> None:
    assert found(asking(index, feedback=0.3, passage=0.5, rocchio=0.5), "xylograph") == []


def test_a_share_of_everything_leaves_no_query_and_is_refused(index: Index) -> None:
    rooms = index.corpus.store.rooms
    (rooms.root / "indexes" / "mine.yaml").write_text("expansion: {feedback: 1}")
    with pytest.raises(BadInputError, match=r"expansion\.feedback"):
        load(rooms, "mine")
