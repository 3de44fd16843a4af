"""Citations: verbatim, and in force on the day."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consilience.models import Judgement
from consilience.reasoning import Ground
from consilience.reasoning.cite import Citations, holds
from consilience.reasoning.evidence import Finding
from tests.making import clocks, paper

RETRACTED = paper(1, abstract="Velorine eased pain.", links=[("RetractionIn", "9", "J Synth. 2015 Mar 2;1(1):1")])
GroundOf = Callable[..., Ground]


def finding(end: int) -> Finding:
    judged = Judgement(0.9, 0.05, 0.05)
    return Finding("passage", 0, "PMID:1", "PMID:1", "rct", "abstract", 0, end, judged, 1, 2010, 0.9, 1.0)


def test_a_retracted_document_is_cited_until_the_day_of_its_retraction_and_no_longer(ground_of: GroundOf) -> None:
    corpus = ground_of(RETRACTED).corpus
    before, after = (Citations(corpus, clocks(day)) for day in ("2015-03-01", "2015-03-02"))
    assert before.add(finding(20)) == 0
    assert (before.rows[0]["status"], before.rows[0]["retracted_since"]) == ("active", "2015-03-02")
    assert after.add(finding(20)) is None
    assert after.rows == []


def test_a_quotation_is_given_once_and_holds(ground_of: GroundOf) -> None:
    corpus = ground_of(paper(1, abstract="Velorine eased pain.")).corpus
    cited = Citations(corpus, clocks())
    assert cited.numbers([finding(8), finding(20), finding(8)]) == [0, 1, 0]
    assert [row["quote"] for row in cited.rows] == ["Velorine", "Velorine eased pain."]
    assert all(holds(row, corpus.document(0)) for row in cited.rows)
    assert not holds({**cited.rows[0], "quote": "velorine"}, corpus.document(0))


def test_a_place_outside_the_text_cannot_be_cited(ground_of: GroundOf) -> None:
    cited = Citations(ground_of(paper(1, abstract="Velorine eased pain.")).corpus, clocks())
    with pytest.raises(ValueError, match="outside"):
        cited.add(finding(21))
