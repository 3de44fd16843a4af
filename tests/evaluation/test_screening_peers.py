from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from consilience.contract import validated
from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws
from consilience.evaluation.definition import ReviewSet, ScreeningPeersSuite
from consilience.evaluation.outcome import Outcome, measured
from consilience.evaluation.reviewsets import finished
from consilience.evaluation.screening_peers import INTERPRETER, compare_peers, with_protocols
from consilience.evaluation.suite import planned, run

BODY = {"title": "Statins for cholesterol", "pico": {"population": ["Adults after myocardial infarction"]}}
SUITE = ScreeningPeersSuite(
    kind="screening_peers",
    data="r.jsonl",
    reviews=(ReviewSet(name="made", data="r.jsonl", group="review", label="label"),),
    seeds=(0, 1),
)


@pytest.fixture
def reviews(tmp_path: Path) -> list[Any]:
    draw = random.Random(3)
    common = [f"word{number:03d}" for number in range(120)]
    topic = ["statin", "placebo", "randomised", "cholesterol", "myocardial"]
    path = tmp_path / "r.jsonl"
    with path.open("w") as stream:
        for row in range(160):
            own = draw.sample(topic, 3) if row % 10 == 0 else []
            record = {
                "review": ("one", "two")[row % 20 > 9],
                "title": " ".join([*own[:1], *draw.sample(common, 4)]),
                "abstract": " ".join([*own, *draw.sample(common, 20)]),
                "label": int(row % 10 == 0),
            }
            stream.write(json.dumps(record) + "\n")
    found = finished(path, name="made", group="review", label="label", once=None)
    return list(with_protocols(list(found), {"one": BODY, "two": BODY}))


def told(reviews: list[Any]) -> Outcome:
    return compare_peers(SUITE, reviews, draws=Draws(100, 0))


def test_without_an_interpreter_the_peer_is_named_as_not_run(
    reviews: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(INTERPRETER, raising=False)
    outcome = told(reviews)
    assert INTERPRETER in outcome.skipped["elas_u4"]
    assert "elas_u4" not in [system.name for system in outcome.systems]
    assert "goals" not in outcome.provenance
    assert outcome.main.name == "consilience"


def test_every_system_is_measured_on_the_same_records(reviews: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(INTERPRETER, raising=False)
    outcome = told(reviews)
    names = [system.name for system in outcome.systems]
    assert names == [
        "consilience", "batch", "without_headings", "with_protocol", "protocol_alone", "protocol_then_labels",
        "random_order",
    ]  # fmt: skip
    figures = measured(outcome, Draws(100, 0))
    assert figures.measures["loss"]["value"] < 0.2
    assert figures.baselines["protocol_alone"]["loss"]["value"] < 0.3
    assert figures.baselines["random_order"]["loss"]["difference"]["wins"] == 0  # less is better: ours loses none
    assert set(outcome.groups) == {"one", "two"}


def test_figures_but_for_seconds_are_the_same_again(reviews: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(INTERPRETER, raising=False)

    first, again = told(reviews), told(reviews)
    assert first.details == again.details
    assert first.groups == again.groups
    assert first.provenance == again.provenance


def test_an_interpreter_that_has_no_asreview_is_an_error_that_names_the_setting(
    reviews: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(INTERPRETER, str(tmp_path / "no-python"))
    with pytest.raises(BadInputError) as caught:
        told(reviews)
    assert caught.value.where == INTERPRETER


def test_the_report_is_an_evaluate_object(reviews: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(INTERPRETER, raising=False)
    (tmp_path / "peers.yaml").write_text(
        "kind: screening_peers\ndata: r.jsonl\nseeds: [0]\n"
        "reviews: [{name: made, data: r.jsonl, group: review, label: label}]\n"
    )

    def nothing(*_: object) -> Any:
        raise AssertionError("a peers suite asks no home")

    result = run(
        tmp_path / "peers.yaml", nothing, data=None, temporary=nothing, shelving=nothing, runs=tmp_path / "runs"
    )
    validated("evaluate", {"schema": "consilience/evaluate/1", **result})
    assert (result["system"], result["n"]) == ("consilience", 2)
    assert (Path(result["report"]) / "index.html").is_file()


def test_a_review_in_which_the_priors_leave_nothing_to_find_is_left_out(reviews: list[Any]) -> None:
    suite = SUITE.model_copy(update={"seeds": (0,)})
    with pytest.raises(BadInputError):
        compare_peers(suite, [], draws=Draws(100, 0))


def test_the_suite_that_ships_can_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CONSILIENCE_DATA", raising=False)
    suite = Path(__file__).parents[2] / "evaluation" / "screening-peers.yaml"
    with pytest.raises(BadInputError, match="not there"):
        planned(suite)


@pytest.mark.skipif(INTERPRETER not in os.environ, reason=f"{INTERPRETER} is not set: ASReview is not run")
def test_asreview_reads_the_same_records_from_the_same_priors(reviews: list[Any]) -> None:
    outcome = told(reviews)
    figures = measured(outcome, Draws(100, 0)).baselines["elas_u4"]
    assert figures["loss"]["value"] < 0.25
    assert outcome.usage["seconds_ratio"] > 0
    assert set(outcome.provenance["goals"]) == {"loss_lower", "reviews", "wss_gain"}
