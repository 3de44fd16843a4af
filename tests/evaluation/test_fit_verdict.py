"""Fitting a verdict's numbers: on findings made by hand, and read back fold by fold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from consilience.errors import BadInputError
from consilience.evaluation import folds
from consilience.evaluation.fit_verdict import Case, card, crossed, fit, masses, probabilities
from consilience.models import Judgement
from consilience.reasoning.evidence import Finding
from consilience.reasoning.weighing import from_json, packaged


def case(number: int, gold: str, supports: float) -> Case:
    told = Judgement(supports, 0.9 - supports, 0.1)
    found = Finding("passage", 0, f"PMID:{number}", f"s{number}", "rct", "abstract", 0, 9, told, 1, 2010, 0.9, 1.0)
    return Case(f"q{number}", gold, [found])


# A judge that hears too much support: .6 is the level at which half of its claims are true.
CASES = [case(n, "yes" if n % 10 > 2 else "no", 0.3 + 0.06 * (n % 10)) for n in range(40)]


def surprise(cases: list[Case], numbers: object) -> float:
    shares = probabilities(masses(cases, numbers), numbers)  # type: ignore[arg-type]
    return float(-np.mean([np.log(row[0 if one.gold == "yes" else 1]) for one, row in zip(cases, shares, strict=True)]))


def test_a_fit_makes_right_answers_less_surprising_and_keeps_the_form() -> None:
    fitted = fit(CASES, packaged())
    assert surprise(CASES, fitted) < surprise(CASES, packaged())
    assert fitted.both <= fitted.support
    assert fitted.silence <= 2 * fitted.support
    assert (fitted.tiers, fitted.covers) == (packaged().tiers, packaged().covers)
    assert from_json(json.loads(json.dumps(fitted.as_json()))) == fitted
    assert card(CASES, fitted)["answers"] == {"no": 12, "yes": 28}


def test_each_fold_is_fitted_without_its_items() -> None:
    fold_of = {one.item: number % 2 for number, one in enumerate(CASES)}
    turned = [Case(one.item, "no" if one.gold == "yes" else "yes", one.findings) for one in CASES[::2]]
    honest = crossed(CASES, fold_of, packaged())
    poisoned = crossed([*turned, *CASES[1::2]], fold_of, packaged())
    assert honest[0] == poisoned[0]  # fitted on the odd ones only
    assert honest[1] != poisoned[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folds.json").write_text(json.dumps({"pubmedqa": {"1": 0, "2": 1}}))
    for number in (0, 1):
        (tmp_path / f"fold-{number}.onnx").write_bytes(b"weights")
    stored = {**packaged().as_json(), "no": 0.25}
    (tmp_path / "verdict-1.json").write_text(json.dumps({"weighing": stored}))
    return tmp_path


def test_folds_give_each_item_the_numbers_fitted_without_it(folder: Path) -> None:
    read = folds.load(folder)
    assert read.weighings[1].no == 0.25
    assert 0 not in read.weighings
    assert read.judge("pubmedqa", "1") is read.judge("pubmedqa", "1")
    assert read.judge("pubmedqa", "1") is not read.judge("pubmedqa", "2")
    with pytest.raises(BadInputError, match="no fold leaves out '3'"):
        read.judge("pubmedqa", "3")


def test_a_folder_without_a_judge_for_a_fold_is_refused(folder: Path) -> None:
    (folder / "fold-1.onnx").unlink()
    with pytest.raises(BadInputError, match="0 judges of fold 1"):
        folds.load(folder)
    (folder / "folds.json").write_text("[")
    with pytest.raises(BadInputError, match="cannot be read"):
        folds.load(folder)
