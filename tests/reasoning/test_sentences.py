"""Choosing among sentences: what a searcher is shown, and what he is shown where nothing matches."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from consilience.reasoning.sentences import Chooser, Sentence
from tests.making import TinyHome, clocks, paper

SHARE = st.floats(0, 1)
ABSTRACT = (
    "Headache is common. Background/Aim: The aim of the study was to compare velorine with placebo for headache. "
    "Velorine eased headache in adults within two hours. Sleep was recorded in a diary. Further work is needed."
)


def chooser(folder: Path, query: str) -> Chooser:
    home = TinyHome.make(folder / "home")
    others = [paper(n, title="Sleep diary", abstract="Sleep was recorded in adults. Work was done.") for n in (2, 3, 4)]
    home.load(
        "pubmed26n0001.xml", paper(1, title="Velorine", abstract=ABSTRACT), paper(5, title="A lone title"),
        *others, known=0,
    )  # fmt: skip
    index = home.index()
    return Chooser(query, index.corpus, index, clocks())


def shown(made: Chooser, document: str = "PMID:1") -> list[str]:
    return [s.text for s in made.telling(made.corpus.document(made.corpus.rows_by_id[document][0]))]


def test_the_sentence_about_the_query_is_shown_and_neither_the_aim_nor_the_last_word(tmp_path: Path) -> None:
    assert shown(chooser(tmp_path, "velorine for headache"))[0] == "Velorine eased headache in adults within two hours."


def test_an_aim_speaks_for_nothing_whatever_label_stands_before_it(tmp_path: Path) -> None:
    made = chooser(tmp_path, "velorine")
    held = made.sentences(made.corpus.document(made.corpus.rows_by_id["PMID:1"][0]))
    assert min(held, key=lambda s: s.place).text.startswith("Background/Aim: The aim")


def test_another_query_is_shown_another_sentence_of_the_same_document(tmp_path: Path) -> None:
    assert shown(chooser(tmp_path, "diary of sleep"))[0] == "Sleep was recorded in a diary."


def test_where_no_sentence_matches_the_first_one_is_shown_and_covers_nothing(tmp_path: Path) -> None:
    made = chooser(tmp_path, "zinc")
    assert shown(made) == ["Headache is common."]
    assert shown(chooser(tmp_path / "empty", "the of and")) == ["Headache is common."]
    document = made.corpus.document(made.corpus.rows_by_id["PMID:1"][0])
    assert made.telling(document)[0].covered == 0.0


def test_a_title_alone_is_shown_as_it_is_and_says_whether_it_matches(tmp_path: Path) -> None:
    made = chooser(tmp_path, "a lone rider")
    (only,) = made.telling(made.corpus.document(made.corpus.rows_by_id["PMID:5"][0]))
    assert (only.field, only.text) == ("title", "A lone title") and only.covered > 0


def test_every_sentence_shown_stands_in_its_document_word_for_word(tmp_path: Path) -> None:
    made = chooser(tmp_path, "velorine sleep")
    document = made.corpus.document(made.corpus.rows_by_id["PMID:1"][0])
    for sentence in made.telling(document):
        assert document.fields[sentence.field][sentence.start : sentence.end] == sentence.text


@given(SHARE, SHARE, SHARE, SHARE)
def test_a_sentence_in_a_better_place_that_mentions_more_tells_no_less(a: float, b: float, c: float, d: float) -> None:
    less = Sentence("abstract", 0, 1, "", "", 0.0, min(a, b), min(c, d))
    more = Sentence("abstract", 0, 1, "", "", 0.0, max(a, b), max(c, d))
    assert 0.0 <= less.telling <= more.telling <= 1.0
