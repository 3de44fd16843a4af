"""Labels by criterion: what a record says, in its own words or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience.models.language import Asking, LanguageModel, Reply
from consilience.records import canonical_json
from consilience.screening.asked import asked, filled
from consilience.screening.judge import (
    CriterionLabel,
    Judge,
    Quote,
    checked,
    criterion_scores,
    score,
)
from consilience.screening.protocol import Criterion, Protocol, protocol_of
from tests.wording import TREE, small_lexicon

LEXICON = small_lexicon(TREE)
PROTOCOL = protocol_of({
    "title": "a review",
    "pico": {"population": ["Adults with dementia and atrial fibrillation"], "intervention": ["carbamazepine"],
             "design": ["randomised controlled trials"]},
})  # fmt: skip
JUDGE = Judge.of(PROTOCOL, LEXICON)
TRIAL = {
    "title": "A randomised trial of carbamazepine in dementia",
    "abstract": "We enrolled 40 patients with dementia and atrial fibrillation.",
    "mesh": ["*Dementia/drug therapy", "Humans", "Aged"], "publication_types": ["Randomized Controlled Trial"],
}  # fmt: skip


def _labels(record: dict[str, Any], judge: Judge = JUDGE) -> dict[str, CriterionLabel]:
    return {label.criterion: label for label in judge.labels(record)}


def _one(criterion: Criterion) -> Judge:
    return Judge.of(Protocol("a review", criteria=(criterion,)), LEXICON)


def test_a_record_that_says_it_all_is_yes_in_its_own_words() -> None:
    found = _labels(TRIAL)
    assert {name: label.label for name, label in found.items()} == {
        "population": "YES", "intervention": "YES", "design": "YES"
    }  # fmt: skip
    assert found["intervention"].span == Quote("title", 22, 35, "carbamazepine")
    assert found["design"].span == Quote("publication_types", 0, 1, "Randomized Controlled Trial")


def test_what_is_required_beside_and_missing_makes_it_partial() -> None:
    found = _labels({**TRIAL, "abstract": "We enrolled 40 patients."})
    assert found["population"].label == "PARTIAL"


def test_a_thing_named_in_the_abstract_only_is_partial() -> None:
    found = _labels({"title": "A trial in dementia", "abstract": "Some took carbamazepine before."})
    assert found["intervention"].label == "PARTIAL"
    assert found["intervention"].span == Quote("abstract", 10, 23, "carbamazepine")


def test_silence_is_uncertain_and_never_no() -> None:
    found = _labels({"title": "Soil of the moon", "abstract": ""})
    assert {label.label for label in found.values()} == {"UNCERTAIN"}
    assert all(label.span is None for label in found.values())


def test_a_kind_of_what_is_asked_for_counts_by_name_and_by_heading() -> None:
    assert _labels({"title": "Alzheimer's disease and atrial fibrillation"})["population"].label == "YES"
    found = _labels({"title": "Memory and atrial fibrillation", "mesh": ["Alzheimer Disease"]})["population"]
    assert found.label == "YES"


def test_a_negated_name_does_not_count() -> None:
    assert _labels({"title": "Adults without dementia"})["population"].label == "UNCERTAIN"


def test_animals_alone_are_no() -> None:
    found = _labels({"title": "Dementia", "mesh": ["Animals", "Rats"]})["population"]
    assert (found.label, found.span) == ("NO", Quote("mesh", 0, 1, "Animals"))
    assert _labels({"title": "Dementia in aged rats"})["population"].label == "NO"
    assert _labels({"title": "Dementia", "mesh": ["Animals", "Humans"]})["population"].label != "NO"


def test_a_review_of_animals_wants_animals() -> None:
    body = {"title": "Animal models of dementia", "pico": {"population": ["dementia"]}}
    judge = Judge.of(protocol_of(body), LEXICON)
    assert judge.labels({"title": "Dementia in rats", "mesh": ["Animals", "Rats"]})[0].label == "YES"
    design = Criterion("design", "clinical trials", "inclusion", "design")
    trials = Judge.of(Protocol("Animal models of dementia", criteria=(design,)), LEXICON)
    assert trials.labels({"title": "Dementia in rats", "mesh": ["Animals", "Rats"]})[0].label == "UNCERTAIN"
    assert Judge.read(judge.as_json()) == judge


def test_another_age_than_asked_for_is_no() -> None:
    found = _labels({"title": "Dementia and atrial fibrillation", "mesh": ["Humans", "Child"]})["population"]
    assert (found.label, found.span) == ("NO", Quote("mesh", 1, 2, "Child"))
    both = _labels({"title": "Dementia and atrial fibrillation", "mesh": ["Humans", "Child", "Adult"]})["population"]
    assert both.label == "YES"


@pytest.mark.parametrize(("record", "label"), [
    ({"title": "Carbamazepine: a review", "publication_types": ["Review"]}, "NO"),
    ({"title": "Carbamazepine in dementia: a case report"}, "NO"),
    ({"title": "A trial", "publication_types": ["Clinical Trial"]}, "PARTIAL"),
    ({"title": "A cohort of men"}, "UNCERTAIN"),
    ({"title": "A placebo-controlled study"}, "YES"),
])  # fmt: skip
def test_designs_answer_by_type_or_by_words(record: dict[str, Any], label: str) -> None:
    assert _labels(record)["design"].label == label


def test_an_exclusion_that_is_met_is_no_and_silence_clears_nothing() -> None:
    judge = _one(Criterion("no beta blockers", "beta blockers", "exclusion", "intervention"))
    found = judge.labels({"title": "Atenolol and carbamazepine"})[0]
    assert (found.label, found.span) == ("NO", Quote("title", 0, 8, "Atenolol"))
    assert judge.labels({"title": "Carbamazepine"})[0].label == "UNCERTAIN"


def test_terms_of_a_criterion_go_before_its_text() -> None:
    judge = _one(Criterion("people", "whoever", "inclusion", "population", ("gnomes of the moon", "dementia")))
    assert judge.labels({"title": "The moon and its many gnomes"})[0].label == "YES"
    assert judge.labels({"title": "Whoever"})[0].label == "UNCERTAIN"


def test_a_short_acronym_counts_in_capitals_only() -> None:
    judge = _one(Criterion("people", "", "inclusion", "intervention", ("RFA",)))
    assert judge.labels({"title": "RFA of the liver"})[0].label == "YES"
    assert judge.labels({"title": "rfa of the liver"})[0].label == "UNCERTAIN"


def test_a_quotation_that_does_not_stand_there_fails_closed() -> None:
    label = CriterionLabel("population", "YES", Quote("title", 0, 8, "Dementia"))
    assert checked(label, {"title": "Dementia"}) == label
    assert checked(label, {"title": "dementia"}).label == "UNCERTAIN"
    assert checked(CriterionLabel("population", "NO", None), {"title": "Dementia"}).label == "UNCERTAIN"
    listed = CriterionLabel("population", "NO", Quote("mesh", 0, 1, "Rats"))
    assert checked(listed, {"mesh": ["Mice"]}).label == "UNCERTAIN"


def test_the_score_is_the_weighted_mean() -> None:
    labels = [CriterionLabel("a", "YES"), CriterionLabel("b", "PARTIAL"), CriterionLabel("c", "NO"),
              CriterionLabel("d", "UNCERTAIN")]  # fmt: skip
    assert score(labels) == pytest.approx((1 + 0.5 - 1 + 0) / 4)
    assert score(labels, {"a": 3.0, "c": 0.0}) == pytest.approx((3 + 0.5 + 0) / 5)
    assert score([]) == 0.0


def test_a_judge_comes_back_from_json_and_judges_alike() -> None:
    again = Judge.read(JUDGE.as_json())
    assert again.key == JUDGE.key
    assert again.labels(TRIAL) == JUDGE.labels(TRIAL)
    with pytest.raises(ValueError, match="version"):
        Judge.read({**JUDGE.as_json(), "version": "judge.0"})


def test_many_records_are_scored_in_order() -> None:
    records = [TRIAL, {"title": "Soil"}, {"title": "Carbamazepine: a review", "publication_types": ["Review"]}]
    assert criterion_scores(records, JUDGE).tolist() == [[1, 1, 1], [0, 0, 0], [0, 1, -1]]
    assert criterion_scores(records, JUDGE).mean(axis=1).tolist() == [1, 0, 0]
    assert criterion_scores([], JUDGE).shape == (0, 3)


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=200),
    st.text(max_size=400),
    st.one_of(st.none(), st.integers(), st.lists(st.one_of(st.text(max_size=20), st.integers()), max_size=4)),
)
def test_whatever_a_record_holds_every_label_rests_on_its_words(title: str, abstract: str, mesh: object) -> None:
    record = {"title": f"{title} dementia", "abstract": abstract, "mesh": mesh, "publication_types": mesh}
    for label in JUDGE.labels(record):
        assert label.label == "UNCERTAIN" or (label.span is not None and label.span.stands_in(record))


# ---------------------------------------------------------------- a language model


def _model(*replies: object) -> LanguageModel:
    waiting = [reply if isinstance(reply, str) else canonical_json(reply) for reply in replies]

    def server(asking: Asking, seconds: float) -> Reply:
        return Reply(waiting.pop(0) if len(waiting) > 1 else waiting[0], 1, 1)

    return LanguageModel("openai:test", "test", server)


def test_a_model_s_label_needs_words_of_the_record() -> None:
    reply = {"labels": [
        {"criterion": "population", "label": "YES", "quote": "dementia"},
        {"criterion": "intervention", "label": "NO", "quote": "no such words"},
        {"criterion": "invented", "label": "YES", "quote": "dementia"},
    ]}  # fmt: skip
    found = asked(TRIAL, PROTOCOL, _model(reply))
    assert [(label.criterion, label.label, label.by) for label in found] == [
        ("population", "YES", "openai:test"), ("intervention", "UNCERTAIN", "openai:test"),
        ("design", "UNCERTAIN", "openai:test"),
    ]  # fmt: skip


@pytest.mark.parametrize("reply", ["I would include this study.", {"labels": [{"criterion": "population"}]}, "[]"])
def test_a_reply_that_cannot_be_read_leaves_every_question_open(reply: object) -> None:
    assert {label.label for label in asked(TRIAL, PROTOCOL, _model(reply))} == {"UNCERTAIN"}


def test_a_model_speaks_only_where_the_rules_are_silent() -> None:
    rules = (CriterionLabel("a", "NO", Quote("title", 0, 1, "x")), CriterionLabel("b", "UNCERTAIN"))
    model = (CriterionLabel("a", "YES", by="m"), CriterionLabel("b", "PARTIAL", by="m"))
    assert filled(rules, model) == (rules[0], model[1])
