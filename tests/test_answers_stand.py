"""A slice of `acceptance/test_thousand_answers.py` on the sample, which has retractions and superseded guidelines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consilience import open_home
from consilience.clocks import parse_day, parse_instant
from consilience.corpora.corpus import Clocks
from consilience.home import packaged
from tests.conftest import BASELINE, UPDATE
from tests.standing import Standing

DAYS = ("2004-06-30", "2026-02-01")


@pytest.mark.parametrize("known_at", [BASELINE, UPDATE])
def test_every_answer_of_the_sample_stands_on_both_clocks(sample_home: Path, known_at: str) -> None:
    home = open_home(sample_home, now=UPDATE)
    path = packaged() / "evaluation" / "data" / "sample.jsonl"
    asked = sorted({json.loads(line)["question"] for line in path.read_text(encoding="utf-8").splitlines()})
    told = Standing(home)
    for number, (question, day) in enumerate((question, day) for question in asked for day in DAYS):
        told.hold(number, home.ask(question, as_of=day, known_at=known_at))
    assert told.answers > len(asked) and told.citations > told.answers
    assert not told.faults


def test_what_stands_for_the_check_is_there_to_be_barred(sample_home: Path) -> None:
    """The sample holds what no answer may rest on, so that the test above could fail."""
    corpus = open_home(sample_home, now=UPDATE).view.corpus
    clocks = Clocks(parse_day(DAYS[-1]), parse_instant(UPDATE), explicit=True)
    standing = {corpus.status(document, clocks).name for document in corpus.marks}
    assert {"retracted", "superseded"} <= standing
