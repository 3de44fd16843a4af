"""The stopping suite: reviews out of labelled files, every rule on the same orders, and its mark."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws, spread
from consilience.evaluation.definition import StoppingSuite, load_suite
from consilience.evaluation.reviewsets import Finished, finished
from consilience.evaluation.stopping import QBCB, qbcb, stop_early
from consilience.screening.stopping import play, rule

WORDS = "fever tremor gout asthma migraine anaemia eczema angina sepsis stroke rickets scurvy".split()


def record(number: int, included: int, draw: np.random.Generator) -> dict[str, Any]:
    """A made-up record; most of those included speak of velorine, and some others do."""
    speaks = draw.random() < (0.85 if included else 0.05)
    words = " ".join(draw.choice(WORDS, 12))
    return {
        "pmid": str(99000001 + number), "title": f"{'Velorine' if speaks else 'Ondapril'} in {words}",
        "abstract": words, "review": f"review {number % 2}", "label_included": included,
    }  # fmt: skip


def review(records: int, includes: int, seed: int = 0) -> list[dict[str, Any]]:
    draw = np.random.default_rng(seed)
    labels = draw.permutation([1] * includes + [0] * (records - includes))
    return [record(number, int(label), draw) for number, label in enumerate(labels)]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


def suite(**changes: Any) -> StoppingSuite:
    given = {
        "kind": "stopping", "data": "x", "reviews": [{"name": "x", "data": "x", "label": "label_included"}],
        "rules": ["tail", "buscar"], "runs": 3, "enough": 20,
    }  # fmt: skip
    return StoppingSuite.model_validate({**given, **changes})


def one(name: str, rows: list[dict[str, Any]]) -> Finished:
    return Finished(name, rows, np.array([row["label_included"] for row in rows], dtype=np.int64))


# Reviews out of files


def test_a_file_is_one_review_or_one_for_each_value_of_a_key(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl.gz", review(40, 8))
    whole = list(finished(path, name="mine", group=None, label="label_included", once=None))
    parts = list(finished(path, name="mine", group="review", label="label_included", once=None))
    assert [(own.name, len(own.records)) for own in whole] == [("mine", 40)]
    assert sorted((own.name, len(own.records)) for own in parts) == [("review 0", 20), ("review 1", 20)]
    assert sum(int(own.labels.sum()) for own in parts) == int(whole[0].labels.sum()) == 8


def test_records_that_share_a_key_are_one_and_included_if_any_is(tmp_path: Path) -> None:
    rows = review(4, 1)
    rows += [{**row, "label_included": 1 - row["label_included"]} for row in rows[:2]]
    rows += [{**rows[0], "pmid": None}, {**rows[1], "pmid": None}]
    path = written(tmp_path / "r.jsonl.gz", rows)
    (own,) = finished(path, name="mine", group=None, label="label_included", once="pmid")
    assert len(own.records) == 6
    assert list(own.labels[:2]) == [1, 1]


def test_a_record_without_the_key_that_groups_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl.gz", review(4, 1))
    with pytest.raises(BadInputError, match="guideline"):
        list(finished(path, name="mine", group="guideline", label="label_included", once=None))


# The suite


def test_every_rule_reads_the_same_orders_and_gets_a_mark() -> None:
    reviews = [one("a", review(160, 40)), one("b", review(120, 10, seed=1))]
    outcome = stop_early(suite(), reviews, clock=lambda: 0.0, draws=Draws(100))
    assert [system.name for system in outcome.systems] == ["tail", "buscar"]
    assert len(outcome.details) == 2 * 2 * 3
    oracles: dict[tuple[str, int], set[float]] = {(row["review"], row["seed"]): set() for row in outcome.details}
    for row in outcome.details:
        oracles[row["review"], row["seed"]].add(row["oracle_saved"])
        assert row["saved"] == pytest.approx(1 - row["read"] / row["records"])
    assert all(len(own) == 1 for own in oracles.values())
    for name in ("tail", "buscar"):
        mine = [row for row in outcome.details if row["rule"] == name and row["review"] == "a"]
        share = np.mean([row["recall"] >= 0.95 - 1e-9 for row in mine])
        assert outcome.provenance["safe"][name]["mark"] == ("safe" if share >= 0.95 else "unsafe")
        assert outcome.provenance["safe"][name]["reviews"] == 1
        assert outcome.groups["a"][f"{name} saved"]["value"] == pytest.approx(
            np.mean([r["saved"] for r in mine]), abs=1e-6
        )


def test_a_rule_that_misses_its_target_is_marked_unsafe_and_where() -> None:
    """With one include in two hundred hidden, no ranking finds it early, and a low confidence stops too soon."""
    rows = review(200, 30)
    hidden = [row for row in rows if row["label_included"]][-6:]
    for row in hidden:
        row["title"], row["abstract"] = "Ondapril", "Ondapril and nothing else"
    outcome = stop_early(
        suite(rules=["buscar"], confidence=0.2, target=0.95), [one("a", rows)], clock=lambda: 0.0, draws=Draws(100)
    )
    assert outcome.provenance["safe"]["buscar"] == {"mark": "unsafe", "reviews": 1, "missed": {"a": 0.0}}
    assert outcome.warnings == ("buscar is unsafe: it missed its target on a (held in 0%)",)


def test_figures_leave_out_small_reviews_and_tell_those_not_chosen_on_apart() -> None:
    reviews = [one("a", review(160, 40)), one("b", review(160, 40, seed=1)), one("c", review(120, 10, seed=2))]
    outcome = stop_early(suite(chosen_on=["a"], rules=["tail"]), reviews, clock=lambda: 0.0, draws=Draws(100))
    found = outcome.systems[0].statistics
    saved = {name: outcome.groups[name]["tail saved"]["value"] for name in "abc"}

    def value(name: str) -> float:
        return spread(found[name], outcome.n, Draws(100)).value

    assert value("saved") == pytest.approx((saved["a"] + saved["b"]) / 2, abs=1e-5)
    assert value("saved (rest)") == pytest.approx(saved["b"], abs=1e-5)
    assert value("saved (few includes)") == pytest.approx(saved["c"], abs=1e-5)
    possible = {name: outcome.groups[name]["oracle saved"]["value"] for name in "ab"}
    assert value("saved of oracle") == pytest.approx((saved["a"] + saved["b"]) / sum(possible.values()), abs=1e-4)


def test_a_dear_rule_may_have_fewer_runs() -> None:
    outcome = stop_early(
        suite(rules=["tail", "quantile"], fewer_runs={"quantile": 1}), [one("a", review(80, 20))],
        clock=lambda: 0.0, draws=Draws(100),
    )  # fmt: skip
    assert [row["rule"] for row in outcome.details] == ["tail"] * 3 + ["quantile"]


def test_qbcb_needs_more_includes_than_most_reviews_have() -> None:
    few = np.array([1] * 40 + [0] * 400, dtype=np.int64)
    assert qbcb(few, target=0.95, confidence=0.95, seed=0).read == 440
    many = np.array([1] * 300 + [0] * 2000, dtype=np.int64)
    held = [qbcb(many, target=0.95, confidence=0.95, seed=seed) for seed in range(40)]
    assert all(own.stopped and own.read < 1200 for own in held)
    assert np.mean([own.found / 300 >= 0.95 for own in held]) >= 0.9
    assert QBCB.startswith("qbcb")


def test_our_own_suite_is_read_and_its_first_rule_is_the_default() -> None:
    from consilience.screening.stopping import DEFAULT_RULE

    own = load_suite(Path(__file__).parents[2] / "evaluation" / "stopping.yaml")
    assert isinstance(own, StoppingSuite)
    assert own.rules[0] == DEFAULT_RULE
    assert own.runs >= 100
    for name in own.rules:
        rule(name, target=own.target, confidence=own.confidence)


@pytest.mark.real
def test_tail_keeps_its_target_on_a_real_review_and_saves_more_than_buscar(data_dir: Path) -> None:
    from consilience.screening.features import features
    from consilience.screening.ranking import replay
    from consilience.screening.simulate import drawn_priors

    path = data_dir / "screening" / "cohen2006.jsonl.gz"
    (own,) = (
        each
        for each in finished(path, name="", group="review", label="label_included", once=None)
        if each.name == "NSAIDS"
    )
    made = features(own.records)
    for seed in range(3):
        order = replay(made, own.labels, drawn_priors(own.labels, seed), step=lambda _: 1).order
        labels = own.labels[order]
        mine, theirs = (play(rule(name, target=0.95, confidence=0.95), labels) for name in ("tail", "buscar"))
        assert mine.found / labels.sum() >= 0.95
        assert mine.read < theirs.read
