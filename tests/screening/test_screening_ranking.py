from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from consilience.screening import ranking
from consilience.screening.features import Features, Settings, features
from consilience.screening.ranking import order, replay, similarities

Row = dict[str, Any]


def review(records: int = 120, includes: int = 12, *, seed: int = 0) -> list[Row]:
    """Records of chance words; includes share a few words of their own."""
    draw = random.Random(seed)
    common = [f"word{number:03d}" for number in range(150)]
    topic = ["statin", "placebo", "randomised", "cholesterol", "myocardial"]
    chosen = set(draw.sample(range(records), includes))
    return [
        {
            "title": " ".join(draw.sample(common, 4) + (draw.sample(topic, 2) if row in chosen else [])),
            "abstract": " ".join(draw.sample(common, 25) + (draw.sample(topic, 3) if row in chosen else [])),
            "label": int(row in chosen),
        }
        for row in range(records)
    ]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return review()


@pytest.fixture(scope="module")
def made(rows: list[Row]) -> Features:
    return features(rows)


@pytest.fixture(scope="module")
def labels(rows: list[Row]) -> Any:
    return np.array([row["label"] for row in rows])


def one(read: int) -> int:
    return 1


def priors_of(labels: Any) -> list[int]:
    return [int(np.flatnonzero(labels == wanted)[0]) for wanted in (1, 0)]


def lengths(vectors: Any) -> Any:
    return np.sqrt(vectors.multiply(vectors).sum(axis=1)).A1


def test_every_row_has_unit_length_unless_it_says_nothing() -> None:
    found = features([{"title": "A trial of statins"}, {"title": "", "abstract": None}, {"abstract": "another trial"}])
    assert lengths(found.vectors).tolist() == pytest.approx([1, 0, 1], abs=1e-6)


def test_the_same_records_have_the_same_features_and_any_other_text_another_key(
    rows: list[Row], made: Features
) -> None:
    again = features(rows)
    assert again.key == made.key
    assert (again.vectors != made.vectors).nnz == 0
    other = [{**rows[0], "title": rows[0]["title"] + " more"}, *rows[1:]]
    assert features(other).key != made.key
    assert features(rows, settings=Settings(stem=5)).key != made.key


def test_a_label_is_no_feature(rows: list[Row], made: Features) -> None:
    assert features([{**row, "label": 1 - row["label"]} for row in rows]).key == made.key


def test_features_are_kept_and_made_again_where_what_is_kept_is_damaged(tmp_path: Path, rows: list[Row]) -> None:
    first = features(rows, cache=tmp_path)
    (kept,) = (tmp_path / "features").iterdir()
    whole = kept.read_bytes()
    read = features(rows, cache=tmp_path)
    assert (read.vectors != first.vectors).nnz == 0
    assert (read.of("statin") != first.of("statin")).nnz == 0
    kept.write_bytes(whole[: len(whole) // 2])
    assert (features(rows, cache=tmp_path).vectors != first.vectors).nnz == 0
    assert kept.read_bytes() == whole


def test_headings_count_with_their_qualifier_and_without() -> None:
    found = features(
        [{"mesh": ["*Asthma/drug therapy"]}, {"mesh": ["Asthma"]}, {"mesh": ["Fishes"]}, {"title": "none"}]
    )
    near = (found.vectors @ found.vectors.T).toarray()
    assert near[0, 1] > 0.3
    assert near[0, 2] == 0


def test_features_do_not_depend_on_how_many_records_are_read_at_once(
    rows: list[Row], made: Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consilience.screening.features._AT_ONCE", 7)
    assert (features(rows).vectors != made.vectors).nnz == 0


def test_features_are_the_same_by_either_way_to_look_up_their_terms(
    rows: list[Row], made: Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consilience.screening.features._SPARSE", 1 << 30)
    other = features(rows)
    assert (other.vectors != made.vectors).nnz == 0
    assert (other.of("statin and nothing known") != made.of("statin and nothing known")).nnz == 0


def test_the_order_is_every_record_without_a_label_once(made: Features, labels: Any) -> None:
    known = {row: int(labels[row]) for row in (3, 50, 7)}
    found = order(made, known)
    assert sorted([*found.rows.tolist(), *known]) == list(range(len(labels)))
    assert (np.diff(found.scores) <= 0).all()
    assert (np.diff(found.probabilities) <= 0).all()


def test_the_same_inputs_give_the_same_bytes_whatever_the_threads(made: Features, labels: Any) -> None:
    known = {row: int(labels[row]) for row in range(40)}

    def told(threads: int) -> Iterator[Any]:
        with threadpool_limits(threads):
            found = order(made, known, query="statins", seed=4)
            yield found.rows.tobytes() + found.scores.tobytes() + found.probabilities.tobytes()
            yield found.key
            yield replay(made, labels, priors_of(labels), step=one)

    assert list(told(1)) == list(told(2))


def test_reading_again_label_by_label_takes_what_the_whole_solution_puts_first(made: Features, labels: Any) -> None:
    priors = priors_of(labels)
    read = replay(made, labels, priors, step=one).order
    agree = []
    for place in range(0, 100, 5):
        known = {row: int(labels[row]) for row in [*priors, *read[:place]]}
        agree.append(read[place] in order(made, known).rows[:3])
    assert sum(agree) >= 19


def test_large_sets_are_read_in_the_same_order_without_their_similarities(
    made: Features, labels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    priors = priors_of(labels)
    small = replay(made, labels, priors, step=lambda read: 10)
    monkeypatch.setattr(ranking, "GRAM_RECORDS", 0)
    large = replay(made, labels, priors, step=lambda read: 10)
    places = {row: place for place, row in enumerate(large.order)}
    moved = [abs(places[row] - place) for place, row in enumerate(small.order) if labels[row]]
    assert np.mean(moved) < 2


def test_similarities_can_be_shared_between_replays(made: Features, labels: Any) -> None:
    priors = priors_of(labels)
    own = replay(made, labels, priors, step=one, query="statins")
    assert replay(made, labels, priors, step=one, query="statins", similar=similarities(made, "statins")) == own


def test_what_can_be_learnt_is_learnt(made: Features, labels: Any) -> None:
    read = replay(made, labels, priors_of(labels), step=one).order
    assert labels[read][:22].sum() >= 9


def test_without_any_label_the_protocol_orders_the_records(made: Features, labels: Any) -> None:
    found = order(made, {}, query="Statins for cholesterol after myocardial infarction, randomised against placebo")
    assert labels[found.rows[:12]].mean() > 0.8
    assert not found.calibrated


def test_without_any_label_or_protocol_the_order_is_drawn_by_the_seed(made: Features, labels: Any) -> None:
    first, again, other = (order(made, {}, seed=seed).rows.tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert sorted(first) == list(range(len(labels)))
    assert replay(made, labels, [], step=one).order[0] == 0


def test_the_protocol_weighs_less_with_every_include_that_is_found(made: Features, labels: Any) -> None:
    includes = np.flatnonzero(labels == 1)
    excludes = np.flatnonzero(labels == 0)[:20]

    def moved(many: int) -> float:
        known = {int(row): int(labels[row]) for row in [*includes[:many], *excludes]}
        plain = order(made, known)
        beside = order(made, known, query="word001 word002 word003 word004")
        places = {row: place for place, row in enumerate(beside.rows.tolist())}
        return float(np.mean([abs(places[row] - place) for place, row in enumerate(plain.rows.tolist())]))

    assert moved(10) < moved(1)


@pytest.mark.parametrize("wanted", [0, 1])
def test_labels_of_one_kind_are_enough(made: Features, labels: Any, wanted: int) -> None:
    known = {int(row): wanted for row in np.flatnonzero(labels == wanted)[:5]}
    found = order(made, known)
    assert len(found.rows) == len(labels) - 5
    assert not found.calibrated
    assert labels[found.rows[:10]].sum() >= wanted  # excludes alone say what to leave, not what to look for


def test_probabilities_add_up_to_about_what_is_left() -> None:
    rows = review(600, 90, seed=5)
    labels = np.array([row["label"] for row in rows])
    made = features(rows)
    known = {int(row): int(labels[row]) for row in np.random.default_rng(0).permutation(600)[:300]}
    found = order(made, known)
    assert found.calibrated
    assert found.probabilities.sum() == pytest.approx(labels[found.rows].sum(), rel=0.35)


def test_when_everything_is_labelled_nothing_is_left(made: Features, labels: Any) -> None:
    found = order(made, {row: int(label) for row, label in enumerate(labels)})
    assert (len(found.rows), len(found.scores), len(found.probabilities)) == (0, 0, 0)


def test_no_records_have_no_order() -> None:
    assert len(order(features([]), {}, query="anything").rows) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30), st.booleans()), min_size=1, max_size=12))
def test_any_texts_and_labels_give_an_order(texts: list[tuple[str, str, bool]]) -> None:
    made = features([{"title": title, "abstract": abstract} for title, abstract, _ in texts])
    known = {row: int(included) for row, (_, _, included) in enumerate(texts) if row % 2}
    found = order(made, known, query="a b")
    assert sorted([*found.rows.tolist(), *known]) == list(range(len(texts)))
    assert np.isfinite(found.scores).all()
    assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()
