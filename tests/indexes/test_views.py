"""Views of a hit: ordered pairs, what adds nothing, and that more of any view is never worth less."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience import contract
from consilience.corpora.corpus import Clocks
from consilience.corpora.store import Item
from consilience.errors import BadInputError
from consilience.indexes import Index
from consilience.indexes.profile import Intent, ViewsProfile
from consilience.indexes.views import (
    INTENTS,
    NEUTRAL,
    Standing,
    Viewer,
    Views,
    authority,
    blend,
    commonality,
    intent_of,
    read_intent,
    timeliness,
)
from tests.making import TinyHome, advice, clocks, ids, paper

RCT, REVIEWED, CASE, PREPRINT = "D016449", "D000078182", "D002363", "D000076942"
SHARE = st.floats(0, 1)
WEIGHTS = st.fixed_dictionaries({name: st.floats(0.01, 1) for name in Views._fields})
VIEWS = st.builds(Views, SHARE, SHARE, SHARE, SHARE)
SAME: dict[str, Any] = {"abstract": "Velorine eased pain in adults."}
NOW = clocks("2020-01-01")
RETRACTED = ("RetractionIn", "9", "J Synth. 2019 Mar 2;1(1):1")

Order = Callable[..., list[str]]


@pytest.fixture
def index_of(tmp_path: Path) -> Callable[..., Index]:
    """An index of these papers and of two versions of a guideline."""

    def make(*papers: Item) -> Index:
        home = TinyHome.make(tmp_path / "home")
        home.load("pubmed26n0001.xml", *papers, known=0)
        home.load("advice.jsonl", advice("1", "2001-01-01"), advice("2", "2018-01-01"), known=0, kind="guidelines")
        return home.index()

    return make


def found(index: Index, query: str, intent: Intent, on: Clocks = NOW) -> list[str]:
    return ids(index.corpus, [hit.row for hit in index.search(query, top=10, clocks=on, intent=intent)])


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(
            paper(2, published="2018", types=[RCT], **SAME), paper(1, published="1990", types=[RCT], **SAME), id="old"
        ),
        pytest.param(
            paper(2, published="2010", types=[REVIEWED], **SAME), paper(1, published="2010", types=[CASE], **SAME),
            id="case report",
        ),
        pytest.param(
            paper(2, published="2018", types=[RCT], **SAME),
            paper(1, published="2018", types=[RCT], links=[RETRACTED], **SAME), id="retracted",
        ),
        pytest.param(
            paper(2, published="2018", types=[CASE], **SAME),
            paper(1, published="2018", types=[RCT, PREPRINT], **SAME), id="preprint",
        ),
    ],
)  # fmt: skip
def test_of_two_that_say_the_same_the_better_comes_first_for_current_practice_alone(
    index_of: Callable[..., Index], better: Item, worse: Item
) -> None:
    index = index_of(worse, better)
    relevant = index.search("velorine pain", top=2, clocks=NOW)
    assert relevant[0].score == relevant[1].score
    assert found(index, "velorine pain", "current")[:2] == ["PMID:2", "PMID:1"]


def test_advice_in_force_leads_for_policy_and_what_it_replaced_for_history(index_of: Callable[..., Index]) -> None:
    index = index_of(paper(1, published="2019", types=[CASE], abstract="Rest for some hours, said one patient."))
    old, new = advice("1", "2001").id, advice("2", "2018").id
    assert found(index, "rest hours", "policy")[0] == new
    assert found(index, "rest hours", "historical")[0] == old
    then = clocks("2010-01-01")
    assert found(index, "rest hours", "policy", then)[0] == old
    assert index.viewer.standing(index.corpus.row_of(old, then), then).status == "active"


def test_before_its_retraction_a_paper_has_the_authority_of_its_design(index_of: Callable[..., Index]) -> None:
    index = index_of(paper(1, published="2018", types=[RCT], links=[RETRACTED], **SAME))
    row = index.corpus.rows_by_id["PMID:1"][0]
    after, before = (index.viewer.standing(row, clocks(day)) for day in ("2020-01-01", "2019-01-01"))
    assert authority(after, index.viewer.priors) == 0.0
    assert authority(before, index.viewer.priors) == index.viewer.priors["rct"]


def test_an_outlier_stands_behind_the_consensus(index_of: Callable[..., Index]) -> None:
    index = index_of(
        paper(1, title="Velorine", abstract="Velorine stained bright green glazes underwater."),
        *(paper(n, title="Velorine", abstract="Velorine eased lasting pain in adults.") for n in (2, 3, 4)),
    )
    rows = [index.corpus.rows_by_id[f"PMID:{n}"][0] for n in (1, 2, 3, 4)]
    viewer = Viewer(index.corpus, ViewsProfile(weights={"relevance": {"commonality": 1.0}}))
    vectors = index.dense.best_passages("velorine", rows)
    viewed = viewer.ordered([(row, 1.0) for row in rows], vectors, "relevance", NOW)
    assert [hit.row for hit in viewed] == [*sorted(rows[1:]), rows[0]]
    assert viewed[0].score > viewed[-1].score


def test_every_view_is_shown_in_its_hit_and_only_where_the_intent_weighs_them(index_of: Callable[..., Index]) -> None:
    index = index_of(paper(1, **SAME), paper(2, **SAME))
    seen, plain = (index.search("velorine", top=1, clocks=NOW, intent=i)[0].parts for i in ("current", "relevance"))
    assert set(Views._fields) <= set(seen) and not set(Views._fields) & set(plain)
    assert all(0.0 <= seen[name] <= 1.0 for name in Views._fields)


def test_what_lies_beyond_the_depth_stays_behind_in_its_order(index_of: Callable[..., Index]) -> None:
    papers = [paper(n, published=str(1990 + n), types=[RCT], **SAME) for n in range(1, 7)]
    index = index_of(*papers)
    rows = [index.corpus.rows_by_id[f"PMID:{n}"][0] for n in range(1, 7)]
    viewer = Viewer(index.corpus, ViewsProfile(weights={"current": {"relevance": 1.0, "timeliness": 1.0}}))
    fused = [(row, 1.0 - at / 10) for at, row in enumerate(rows)]
    viewed = viewer.ordered(fused, index.dense.best_passages("velorine", rows[:3]), "current", NOW)
    assert [hit.row for hit in viewed[3:]] == rows[3:]
    assert min(hit.score for hit in viewed[:3]) >= viewed[3].score


def test_more_papers_of_one_study_add_nothing() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 0]]
    alone = commonality(["a", "b", "c"], vectors, 10)
    again = commonality(["a", "b", "c", "a", "a"], np.vstack([vectors, vectors[:1], vectors[:1]]), 10)
    assert again[:3] == alone == [0.5, 0.0, 0.5]


def test_with_no_other_study_nothing_is_common() -> None:
    assert commonality(["a", "a"], np.ones((2, 1), np.float32), 10) == [0.0, 0.0]
    assert commonality([], np.zeros((0, 3), np.float32), 10) == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5)), max_size=12), st.integers(1, 5))
def test_commonality_lies_between_0_and_1(hits: list[tuple[str, int]], among: int) -> None:
    vectors = np.eye(6, dtype=np.float32)[[place for _, place in hits]].reshape(-1, 6)
    assert all(0.0 <= value <= 1.0 for value in commonality([study for study, _ in hits], vectors, among))


@given(VIEWS, WEIGHTS, st.sampled_from(Views._fields), SHARE)
def test_more_of_any_view_is_never_worth_less(
    views: Views, weights: dict[str, float], name: str, value: float
) -> None:  # fmt: skip
    raised = views._replace(**{name: max(value, getattr(views, name))})
    assert blend(raised, weights) >= blend(views, weights) - 1e-12
    assert -1e-12 <= blend(views, weights) <= 1 + 1e-12


@given(st.floats(0, 200), st.floats(0, 200), st.floats(1, 50), st.sampled_from(INTENTS))
def test_the_younger_is_never_the_less_timely(one: float, other: float, half_life: float, intent: Intent) -> None:
    young, old = (Standing("a", "rct", "active", age) for age in sorted((one, other)))
    assert timeliness(young, intent, half_life) >= timeliness(old, intent, half_life)


def test_worth_halves_with_each_half_life_and_what_has_no_date_is_neutral() -> None:
    aged = [timeliness(Standing("a", "rct", "active", age), "current", 10.0) for age in (0.0, 10.0, 20.0, None)]
    assert aged == [1.0, 0.5, 0.25, NEUTRAL]
    assert timeliness(Standing("a", "rct", "active", -3.0), "current", 10.0) == 1.0


def test_what_was_replaced_is_no_current_practice_and_just_what_history_asks_for() -> None:
    replaced = Standing("a", "guideline", "superseded", 1.0)
    assert [timeliness(replaced, intent, 10.0) for intent in ("current", "policy", "historical")] == [0.0, 0.0, 1.0]


def test_authority_falls_from_advice_of_a_named_body_to_what_is_retracted(index_of: Callable[..., Index]) -> None:
    priors = index_of(paper(1)).viewer.priors
    ladder = [
        Standing("a", "guideline", "active", 1.0, named_body=True),
        Standing("a", "systematic_review", "active", 1.0),
        Standing("a", "rct", "active", 1.0),
        Standing("a", "cohort", "active", 1.0),
        Standing("a", "case_report", "active", 1.0),
        Standing("a", "rct", "active", 1.0, preprint=True),
        Standing("a", "guideline", "retracted", 1.0, named_body=True),
    ]
    worth = [authority(standing, priors) for standing in ladder]
    assert worth == sorted(worth, reverse=True) and len(set(worth)) == len(worth)
    assert worth[0] <= 1.0 and worth[-1] == 0.0
    replaced = Standing("a", "guideline", "superseded", 1.0, named_body=True)
    assert authority(replaced, priors) < authority(Standing("a", "cohort", "active", 1.0), priors)


@pytest.mark.parametrize(
    ("query", "intent"),
    [
        ("Does aspirin prevent a first stroke?", "relevance"),
        ("stroke in patients with a history of migraine", "relevance"),
        ("previous treatment with rituximab", "relevance"),
        ("ultrasound guidance of needles", "relevance"),
        ("recent onset atrial fibrillation in current smokers", "relevance"),
        ("Compared with historical controls, does velorine improve survival?", "relevance"),
        ("a historical cohort of miners", "relevance"),
        ("current treatment with metformin and lactic acidosis", "relevance"),
        ("bleeding in patients on current therapy", "relevance"),
        ("current care home residents", "relevance"),
        ("history of use of oral contraceptives", "relevance"),
        ("history of treatment with rituximab", "relevance"),
        ("women born before 1950", "relevance"),
        ("the dose recommended by the manufacturer", "relevance"),
        ("What is the current treatment of gout?", "current"),
        ("current treatments", "current"),
        ("latest evidence on statins", "current"),
        ("guidelines for aspirin", "policy"),
        ("Is screening recommended for prostate cancer?", "policy"),
        ("How was gout managed in the 1960s?", "historical"),
        ("former recommendations on hormone therapy", "historical"),
        ("historical treatment of syphilis", "historical"),
        ("Was mercury historically used for syphilis?", "historical"),
        ("history of the treatment of gout", "historical"),
    ],
)
def test_plain_words_tell_the_intent(query: str, intent: str) -> None:
    assert intent_of(query) == intent


def test_an_intent_given_counts_before_words_a_boolean_query_tells_none_and_an_unknown_one_is_refused() -> None:
    assert read_intent("historical", "guidelines for aspirin") == "historical"
    assert read_intent(None, "guidelines AND aspirin") == "relevance"
    assert read_intent(None, "aspirin guidelines", "pubmed") == "relevance"
    assert read_intent(None, "guidelines AND aspirin", "words") == "policy"
    with pytest.raises(BadInputError, match="no intent 'latest'"):
        read_intent("latest", "aspirin")


def test_the_intents_are_those_of_the_contract_which_is_not_read_for_them() -> None:
    assert get_args(contract.Intent) == INTENTS
    code = "import sys, consilience.api; sys.exit('consilience.contract' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
