"""PICO to Boolean: groups, lines, filters, translations, counts and seeds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience import open_home
from consilience.errors import BadInputError
from consilience.indexes.boolean import strategy
from consilience.models.language import Asking, LanguageModel, Reply
from consilience.records import canonical_json
from consilience.screening.picoquery import FILTERS, search_of, told, translated, translations
from consilience.screening.propose import proposals
from consilience.screening.protocol import Protocol, protocol_of
from consilience.screening.terms import Lexicon
from tests.conftest import UPDATE
from tests.wording import small_lexicon


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return small_lexicon()


def _protocol(population: str = "Patients with multiple myeloma", intervention: str = "carbamazepine",
              **more: object) -> Protocol:  # fmt: skip
    pico = {"population": [population], "intervention": [intervention]}
    return protocol_of({"title": "a review", "pico": {k: v for k, v in pico.items() if v[0]}, **more})


def test_groups_are_or_within_and_and_between(lexicon: Lexicon) -> None:
    search = search_of(_protocol(), lexicon)
    assert [group.element for group in search.groups] == ["population", "intervention"]
    assert search.pubmed == (
        '("Multiple Myeloma"[mh] OR "multiple myeloma*"[tiab] OR "plasma cell myeloma*"[tiab] OR myeloma*[tiab]) AND '
        '("Carbamazepine"[mh] OR carbamazepine*[tiab] OR tegretol*[tiab])'
    ).replace('"multiple myeloma*"[tiab] OR "plasma cell myeloma*"[tiab] OR ', "")


def test_the_lines_read_back_as_what_was_meant(lexicon: Lexicon) -> None:
    for name in ("", *FILTERS):
        search = search_of(_protocol(), lexicon, filter=name)
        assert strategy.read(search.text).whole() == search.strategy.whole()
        assert strategy.read(search.pubmed).whole() == search.strategy.whole()


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_a_pico_says_the_query_parses(population: str, intervention: str) -> None:
    said = {"title": "t", "pico": {"population": [f"dementia {population}"], "intervention": [f"x{intervention}"]}}
    search = search_of(protocol_of(said), _LEXICON)
    assert strategy.read(search.text).whole() == search.strategy.whole()
    strategy.read(translated(search, "ovid_medline"), "ovid")


_LEXICON = small_lexicon()


def test_one_line_alone_has_no_number(lexicon: Lexicon) -> None:
    search = search_of(_protocol("zonification", ""), lexicon)
    assert search.text == "zonification*[tiab]"
    assert strategy.read(search.text).whole() == search.strategy.whole()
    assert translated(search, "ovid_medline") == "zonification*.ti,ab,kf."


def test_the_cochrane_filters_stand_as_they_are_written(lexicon: Lexicon) -> None:
    search = search_of(_protocol(), lexicon, filter="cochrane-sensitive")
    assert FILTERS["cochrane-sensitive"]["pubmed"] in search.text
    assert "drug therapy[sh]" in search.text
    precise = search_of(_protocol(), lexicon, filter="cochrane-precise")
    assert "clinical trials as topic[mesh:noexp]" in precise.text
    assert "drug therapy[sh]" not in precise.text


@pytest.mark.parametrize("name", [*FILTERS])
def test_both_tongues_of_a_filter_say_the_same_of_types(name: str) -> None:
    ovid = strategy.read(FILTERS[name]["ovid_medline"], "ovid").whole()
    assert '"randomized controlled trial"[pt' in strategy.to_pubmed(ovid)


def test_an_unknown_filter_is_refused_with_those_there_are(lexicon: Lexicon) -> None:
    with pytest.raises(BadInputError) as caught:
        search_of(_protocol(), lexicon, filter="mine")
    assert "cochrane-sensitive" in caught.value.expected


def test_a_protocol_that_names_nothing_is_refused(lexicon: Lexicon) -> None:
    with pytest.raises(BadInputError):
        search_of(protocol_of({"title": "t", "pico": {"population": ["N/A"]}}), lexicon)


def test_one_element_that_is_missing_is_told(lexicon: Lexicon) -> None:
    search = search_of(_protocol(intervention=""), lexicon)
    assert search.warnings == ("the protocol's intervention names nothing to search for",)


def test_without_a_pico_it_is_told_what_of_the_question_is_searched_for(lexicon: Lexicon) -> None:
    search = search_of(protocol_of({"title": "t", "question": "Is chemotherapy of use in dementia?"}), lexicon)
    (said,) = search.groups[0].said
    assert search.warnings[0] == f"the protocol has no PICO: of its question {said} alone is searched for"


def test_british_spelling_is_searched_beside_american(lexicon: Lexicon) -> None:
    search = search_of(_protocol("anemia of gnomes"), lexicon)
    assert "anemi" in search.pubmed and "anaemi" in search.pubmed


def test_sub_queries_have_at_most_five_terms_a_group_and_are_all_combinations(lexicon: Lexicon) -> None:
    search = search_of(_protocol(intervention="beta blockers; carbamazepine"), lexicon)
    parts = [len(group.terms) for group in search.groups]
    pieces = search.subqueries()
    assert len(pieces) == -(-parts[0] // 5) * -(-parts[1] // 5)
    for piece in pieces:
        assert all(side.count(" OR ") < 5 for side in piece.split(" AND "))
        strategy.read(piece)


def test_each_database_has_its_own_syntax(lexicon: Lexicon) -> None:
    found, notes = translations(search_of(_protocol(), lexicon, filter="cochrane-precise"))
    assert "exp Multiple Myeloma/" in found["ovid_medline"]
    assert "myeloma*.ti,ab,kf." in found["ovid_medline"]
    assert "trial.ti." in found["ovid_medline"]
    assert '[mh "Multiple Myeloma"]' in found["central"]
    assert "myeloma*:ti,ab,kw" in found["central"]
    assert "randomized" not in found["central"] + found["ovid_embase"]
    assert any("Embase" in note for note in notes)
    strategy.read(found["ovid_medline"], "ovid")


# ---------------------------------------------------------------- on a corpus


def test_every_line_is_counted_and_a_missed_seed_says_what_would_have_found_it(
    sample_home: Path, lexicon: Lexicon
) -> None:
    home = open_home(sample_home, now=UPDATE)
    view = home.view
    clocks = home._clocks(None, None)
    some = view.corpus.document(0)
    word = next(word for word in some.fields["title"].lower().split() if len(word) > 6 and word.isalpha())
    seeds = [some.id, "PMID:1"]
    own = told(_protocol(word, "", seeds=seeds), lexicon, index=view.index, corpus=view.corpus, clocks=clocks)
    assert own["count"] >= 1
    assert all(isinstance(line["count"], int) for line in own["lines"])
    assert [(seed["known"], seed["found"]) for seed in own["seeds"]] == [(True, True), (False, False)]
    other = told(_protocol(word, "zonification", seeds=seeds), lexicon, index=view.index, corpus=view.corpus,
                 clocks=clocks)  # fmt: skip
    missed = other["seeds"][0]
    assert other["count"] == 0
    assert missed["missed_by"] == ["intervention"]
    assert missed["suggestion"]
    for term in missed["suggestion"]:
        strategy.read(term)


def test_without_a_corpus_the_query_stands_and_nothing_is_counted(lexicon: Lexicon) -> None:
    found = told(_protocol(seeds=["PMID:1"]), lexicon)
    assert found["count"] is None and found["seeds"] == []
    assert found["translations"]["pubmed"].startswith("#1 ")


# ---------------------------------------------------------------- what a model proposes


def _model(reply: object) -> LanguageModel:
    def server(asking: Asking, seconds: float) -> Reply:
        return Reply(reply if isinstance(reply, str) else canonical_json(reply), 1, 1)

    return LanguageModel("openai:test", "test", server)


def test_proposed_terms_widen_a_group_and_are_told_apart(lexicon: Lexicon) -> None:
    model = _model({"population": ["kahler disease"], "intervention": []})
    found = told(_protocol(), lexicon, model=model)
    population = found["groups"][0]
    assert population["proposed"] == ["kahler disease"]
    assert any("kahler" in term for term in population["expand"])


def test_a_term_that_would_be_an_operator_is_left_out() -> None:
    reply = {"population": ["x OR y", 'a"b', "gout) OR all[sb", "fine words"], "intervention": []}
    terms, notes = proposals(_protocol(), _model(reply))
    assert terms["population"] == ("fine words",)
    assert notes == ["3 terms of the model are none, and left out"]


def test_a_model_that_talks_costs_nothing_but_a_warning(lexicon: Lexicon) -> None:
    found = told(_protocol(), lexicon, model=_model("I would search for myeloma."))
    assert found["pubmed"] == told(_protocol(), lexicon)["pubmed"]
    assert any(warning.startswith("no terms of the model") for warning in found["warnings"])


# ---------------------------------------------------------------- real PICOs


@pytest.mark.real
def test_all_picos_of_trial_review_bench_give_queries_that_parse(data_dir: Path) -> None:
    from consilience.evaluation.screening_search import trial_reviews

    reviews = list(trial_reviews(data_dir / "screening" / "trialreviewbench_25reviews.jsonl.gz"))
    assert len(reviews) == 25
    lexicon = Lexicon.load()
    for review in reviews:
        assert review.protocol is not None
        search = search_of(review.protocol, lexicon, filter="cochrane-sensitive")
        assert {group.element for group in search.groups} == {"population", "intervention"}
        assert strategy.read(search.text).whole() == search.strategy.whole()
        strategy.read(translated(search, "ovid_medline"), "ovid")
        assert search.subqueries()
