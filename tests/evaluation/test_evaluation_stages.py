"""Which stages have earned their place, and whether the profile keeps to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from consilience.errors import BadInputError, StoreDamagedError
from consilience.evaluation import run
from consilience.evaluation.bootstrap import Draws, estimate
from consilience.evaluation.check import check
from consilience.evaluation.definition import StagesSuite, load_suite
from consilience.evaluation.shelf import Shelves, patched
from consilience.evaluation.stages import Sides, planned, pooled, table
from consilience.evaluation.stages import warnings as told_of
from consilience.home import packaged
from consilience.indexes.profile import DenseProfile, LexicalProfile, Profile
from consilience.models.plain import HashedVectors

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEM = {"name": "stemming", "retriever": "lexical", "with": {"lexical": {"stem": True}},
        "without": {"lexical": {"stem": False}}}  # fmt: skip
FUSION = {"name": "fusion", "against": ["lexical", "dense"]}
NEW = {"name": "a stage of tomorrow", "with": {"tomorrow": {"on": True}}, "without": {"tomorrow": {"on": False}}}


def questions(count: int, *, start: int) -> list[dict[str, Any]]:
    """Each asks in another form of the word than its document uses: only stemming finds it by its words."""
    return [
        {"id": f"q{n}", "query": f"running {_word(n)}s", "relevant": [f"d{n}"]} for n in range(start, start + count)
    ]


def documents(count: int) -> list[dict[str, Any]]:
    return [{"id": f"d{n}", "title": "A study", "abstract": f"They ran with one {_word(n)}."} for n in range(count)]


def _word(n: int) -> str:
    return "".join(chr(ord("b") + 2 * int(digit)) + "a" for digit in f"{n:03d}") + "k"


@pytest.fixture
def evaluate(tmp_path, write_lines) -> Any:
    write_lines("docs.jsonl", *documents(40))
    for name, start, count in (("one", 0, 25), ("two", 20, 12)):
        write_lines(f"{name}.jsonl", *questions(count, start=start))
        suite = {"kind": "retrieval", "data": f"{name}.jsonl", "corpus": "docs.jsonl"}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(suite))

    def call(profile: Profile | None = None, **keys: Any) -> dict[str, Any]:
        suite = {"kind": "stages", "sets": ["one", "two"], "stages": [STEM, FUSION, NEW], **keys}
        (tmp_path / "stages.yaml").write_text(json.dumps(suite))  # safe_dump writes aliases
        given = profile or Profile(dense=DenseProfile(embedding="hashed"))
        shelves = Shelves(given, lambda _: HashedVectors(), NOW, keep=tmp_path / "vectors")
        return run(tmp_path / "stages.yaml", None, data=None, temporary=None, shelving=shelves.filled,
                   runs=tmp_path / "runs")  # fmt: skip

    return call


def test_a_stage_that_helps_everywhere_has_earned_its_place_and_an_unknown_one_is_told(evaluate) -> None:
    result = evaluate()
    stem, fusion = result["stages"]
    assert (stem["stage"], stem["earned"], stem["shipped"]) == ("stemming", True, True)
    assert list(stem["sets"]) == ["one", "two"]
    assert [own["n"] for own in stem["sets"].values()] == [25, 12]
    assert stem["pooled"]["value"] == pytest.approx(np.mean([own["value"] for own in stem["sets"].values()]), abs=1e-6)
    assert stem["pooled"]["p"] <= stem["pooled"]["p_holm"] < 0.01
    assert (fusion["without"], fusion["shipped"]) == (["lexical", "dense"], True)
    assert list(result["skipped"]) == ["a stage of tomorrow"]
    assert (result["n"], result["system"], list(result["groups"])) == (37, "shipped", ["one", "two"])
    held = {hold["system"]: hold["held"] for hold in result["holds"]}
    assert held == {"stemming": True, "fusion": fusion["earned"]}


def test_a_stage_that_is_off_and_has_earned_its_place_is_told_and_breaks_no_hold(evaluate) -> None:
    profile = Profile(dense=DenseProfile(embedding="hashed"), lexical=LexicalProfile(stem=False))
    result = evaluate(profile, stages=[STEM])
    assert (result["stages"][0]["earned"], result["stages"][0]["shipped"]) == (True, False)
    assert "stemming has earned its place, and the profile leaves it off" in result["warnings"]
    assert result["holds"][0]["held"] is True


def test_a_stage_that_is_on_without_having_earned_it_breaks_its_hold(evaluate) -> None:
    # Turned round: what helps is taken for the absence of the stage.
    useless = {**STEM, "with": STEM["without"], "without": STEM["with"]}
    profile = Profile(dense=DenseProfile(embedding="hashed"), lexical=LexicalProfile(stem=False))
    result = evaluate(profile, stages=[useless])
    assert result["stages"][0]["pooled"]["ci95"][1] < 0
    assert result["holds"][0]["held"] is False
    page = (Path(result["report"]) / "report.md").read_text()
    assert "ON WITHOUT HAVING EARNED IT" in page
    assert "NOT HELD" in page


def test_a_sample_decides_nothing(evaluate) -> None:
    result = evaluate(sample={"n": 5})
    assert result["n"] == 10
    assert {hold["held"] for hold in result["holds"]} == {None}


def test_every_system_runs_once_whatever_stages_share_it(tmp_path) -> None:
    suite = {
        "kind": "stages",
        "sets": ["x"],
        "stages": [{**STEM, "retriever": "hybrid"}, {**STEM, "name": "again"}, FUSION],
    }
    (tmp_path / "s.yaml").write_text(json.dumps(suite))
    variants, sides, _ = planned(load_suite(tmp_path / "s.yaml"), Profile())
    assert [each.name for each in variants] == ["shipped", "lexical", "dense", "stemming (without)", "again (without)"]
    assert [side.on for side in sides] == ["shipped", "lexical", "shipped"]
    assert sides[2].off == ("lexical", "dense")


@pytest.mark.parametrize(
    "stage",
    [
        {"name": "x"},
        {"name": "x", "with": {"a": 1}, "without": {"a": 1}},
        {**STEM, "against": ["dense"]},
        {**STEM, "x": 1},
    ],
)
def test_a_stage_that_compares_nothing_is_refused(tmp_path, stage) -> None:
    (tmp_path / "s.yaml").write_text(json.dumps({"kind": "stages", "sets": ["x"], "stages": [stage]}))
    with pytest.raises(BadInputError):
        load_suite(tmp_path / "s.yaml")


def test_a_set_must_be_a_retrieval_suite_and_takes_no_other_data(evaluate, tmp_path, write_lines) -> None:
    (tmp_path / "two.yaml").write_text("kind: answering\ndata: two.jsonl\n")
    with pytest.raises(BadInputError, match="no retrieval suite"):
        evaluate()


def test_fusion_is_measured_without_what_else_a_hybrid_does() -> None:
    suite = StagesSuite.model_validate({"kind": "stages", "sets": ["x"], "stages": [
        {**FUSION, "with": {"neighbours": {"share": 0.0}}}]})  # fmt: skip
    variants, (side,), _ = planned(suite, patched(Profile(), {"neighbours": {"share": 0.2}}))
    assert {each.name: each.profile for each in variants}[side.on] == {"neighbours": {"share": 0.0}}
    assert (side.off, side.shipped) == (("lexical", "dense"), True)


def test_a_stage_whose_absence_is_no_absence_in_this_profile_is_refused() -> None:
    stage = {"name": "feedback", "with": {"expansion": {"feedback": 0.1}}, "without": {}}
    suite = StagesSuite.model_validate({"kind": "stages", "sets": ["x"], "stages": [stage]})
    assert [side.shipped for side in planned(suite, Profile())[1]] == [False]
    with pytest.raises(BadInputError, match="the profile is the same"):
        planned(suite, patched(Profile(), {"expansion": {"feedback": 0.1}}))


def test_every_stage_of_our_own_suite_is_on_or_off_in_our_own_profile_as_it_is_measured() -> None:
    profile = patched(Profile(), yaml.safe_load((packaged() / "indexes" / "exact.yaml").read_text()))
    _, sides, skipped = planned(load_suite(packaged() / "evaluation" / "stages.yaml"), profile)
    assert skipped == {}
    assert [side.stage for side in sides if side.shipped is None] == []
    for side, stage in zip(sides, load_suite(packaged() / "evaluation" / "stages.yaml").stages, strict=True):
        if "views" in stage.on:  # what is not looked at stays as shipped
            kept = {**patched(profile, stage.on).views.weights}
            assert kept.pop("relevance") and kept == profile.views.weights, side.stage


def test_a_setting_that_the_profile_does_not_have_is_held_to_nothing(evaluate) -> None:
    other = {"name": "depth", "with": {"fusion": {"depth": 7}}, "without": {"fusion": {"depth": 3}}}
    result = evaluate(stages=[other])
    assert result["stages"][0]["shipped"] is None
    assert result["holds"][0]["held"] is None


def test_an_interval_that_the_paired_test_contradicts_is_told() -> None:
    values = {"on": {"a": np.array([0.5] * 4 + [0.0] * 36)}, "off": {"a": np.zeros(40)}}
    rows = table([Sides("rare", "on", ("off",), True)], values, Draws())
    assert rows[0]["earned"] and rows[0]["pooled"]["p"] > 0.1
    assert [told for told in told_of(rows, {}) if "too few questions differ" in told]


def test_every_set_weighs_the_same_however_many_questions_it_has() -> None:
    statistic = pooled({"large": np.ones(900), "small": np.zeros(10)})
    assert estimate(statistic, 910, Draws()).value == 0.5
    assert statistic.values is not None
    assert statistic.values.mean() == pytest.approx(0.5)


def test_the_best_rival_on_each_set_is_what_counts() -> None:
    values = {
        "hybrid": {"a": np.full(20, 0.6), "b": np.full(20, 0.6)},
        "lexical": {"a": np.full(20, 0.7), "b": np.full(20, 0.1)},
        "dense": {"a": np.full(20, 0.1), "b": np.full(20, 0.7)},
    }
    (row,) = table([Sides("fusion", "hybrid", ("lexical", "dense"), True)], values, Draws())
    assert {name: own["without"] for name, own in row["sets"].items()} == {"a": "lexical", "b": "dense"}
    assert row["pooled"]["value"] == pytest.approx(-0.1)
    assert not row["earned"]


def test_the_table_of_stages_follows_from_its_details(evaluate) -> None:
    folder = Path(evaluate()["report"])
    assert check(folder)["checked"] > 50
    report = folder / "report.json"
    report.write_text(report.read_text().replace('"earned": true', '"earned": false'))
    with pytest.raises(StoreDamagedError):
        check(folder)
