"""The suite of labels by criterion."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws
from consilience.evaluation.definition import ScreeningCriteriaSuite, load_suite
from consilience.evaluation.outcome import measured
from consilience.evaluation.screening_criteria import auc, label_criteria, labelled, recall_at
from tests.wording import small_lexicon

SUITES = Path(__file__).parents[2] / "evaluation"


def test_labels_order_records_before_any_is_known(tmp_path: Path) -> None:
    suite = load_suite(SUITES / "screening-criteria.yaml")
    assert isinstance(suite, ScreeningCriteriaSuite)
    path = tmp_path / "records.jsonl"
    rows = [
        {"review": "a", "label": 1, "title": "Carbamazepine in dementia", "abstract": ""},
        {"review": "a", "label": 0, "title": "Soil", "abstract": "of the moon"},
        {"review": "a", "label": 0, "title": "Dementia", "abstract": "in rats", "mesh": ["Animals"]},
        {"review": "b", "label": 0, "title": "never included", "abstract": ""},
        {"review": "c", "label": 1, "title": "no protocol", "abstract": ""},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    body = {"title": "t", "pico": {"population": ["dementia"], "intervention": ["carbamazepine"]}}
    reviews = labelled(path, {"a": body, "b": body}, group="review", label="label", name="own")
    assert [review.name for review in reviews] == ["a"]
    assert all("label" not in record for record in reviews[0].records)
    clock = iter(range(100)).__next__
    outcome = label_criteria(suite, reviews, clock=clock, lexicon=small_lexicon())
    figures = measured(outcome, Draws(20, 0))
    assert figures.measures["AUC"]["value"] == 1.0
    assert figures.baselines["random"]["AUC"]["value"] == 0.5
    own = {row["criterion"]: row for row in outcome.details}
    assert own["population"]["labels"] == {"NO": 1, "UNCERTAIN": 1, "YES": 1}
    assert own["intervention"]["AUC"] == 1.0
    assert outcome.provenance["without"] == {"population": 0.0, "intervention": 0.0}


def test_a_file_without_any_such_review_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(json.dumps({"review": "z", "label": 1}) + "\n")
    with pytest.raises(BadInputError):
        labelled(path, {"a": {"title": "t"}}, group="review", label="label", name="own")


def test_equal_scores_are_taken_in_random_order_on_average() -> None:
    labels = np.array([1, 0, 0, 0])
    assert recall_at(np.zeros(4), labels, 2) == 0.5
    assert recall_at(np.array([1.0, 1.0, 0.0, 0.0]), labels, 1) == 0.5
    assert recall_at(np.array([1.0, 0.0, 0.0, 0.0]), labels, 9) == 1.0
    assert auc(np.zeros(4), labels) == 0.5


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=2, max_size=30))
def test_recall_never_falls_with_more_reading(rows: list[tuple[int, bool]]) -> None:
    labels = np.array([int(label) for _, label in rows])
    if not labels.any():
        return
    scores = np.array([float(value) for value, _ in rows])
    found = [recall_at(scores, labels, read) for read in range(1, len(rows) + 1)]
    assert all(before <= after + 1e-12 for before, after in pairwise(found))
    assert found[-1] == 1.0
