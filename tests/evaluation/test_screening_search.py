"""The suite of Boolean queries made of PICOs."""

from __future__ import annotations

import json
from pathlib import Path

from consilience import open_home
from consilience.evaluation.bootstrap import Draws
from consilience.evaluation.definition import ScreeningSearchSuite, load_suite
from consilience.evaluation.outcome import measured
from consilience.evaluation.screening_search import (
    Review,
    labelled_reviews,
    published_strategies,
    read_protocols,
    search_screening,
    trial_reviews,
)
from consilience.screening.protocol import protocol_of
from tests.conftest import UPDATE
from tests.wording import small_lexicon

SUITES = Path(__file__).parents[2] / "evaluation"


def test_a_query_is_held_against_what_the_corpus_has_of_the_included(sample_home: Path) -> None:
    suite = load_suite(SUITES / "screening-search.yaml")
    assert isinstance(suite, ScreeningSearchSuite)
    home = open_home(sample_home, now=UPDATE)
    some = home.view.corpus.document(0)
    pmid = str(some.meta["pmid"])
    word = next(word for word in some.fields["title"].lower().split() if len(word) > 6 and word.isalpha())
    asked = protocol_of({"title": "found", "pico": {"population": [word]}})
    other = protocol_of({"title": "missed", "pico": {"population": ["zonification"]}})
    nothing = protocol_of({"title": "nothing", "pico": {"population": ["N/A"]}})
    reviews = [Review("set", "found", (pmid,), asked), Review("set", "missed", (pmid,), other),
               Review("set", "unknown", ("1",), asked), Review("set", "nothing", (pmid,), nothing)]  # fmt: skip
    dated = f'{word}.ti.\nlimit 1 to ed="19480101-19480102"'
    published = [
        Review("clef_tar", "a", (pmid,), strategy=dated),
        Review("clef_tar", "b", (), strategy="gout.ti.\n1 or 9"),
    ]
    outcome = search_screening(suite, reviews, published, home, clock=iter(range(1000)).__next__, draws=Draws(20, 0),
                               lexicon=small_lexicon())  # fmt: skip
    figures = measured(outcome, Draws(20, 0)).measures
    assert figures["parsed"]["value"] == 0.75
    assert figures["recall"]["value"] == 0.5
    assert outcome.groups["published"]["parsed"]["value"] == 0.5
    assert outcome.groups["published"]["recall"]["value"] == 1.0  # the days it was limited to are left out
    rows = {(row["system"], row["review"]): row for row in outcome.details}
    assert (rows["core_and_expand", "found"]["known"], rows["core_and_expand", "found"]["found"]) == (1, 1)
    assert (rows["core_and_expand", "missed"]["known"], rows["core_and_expand", "missed"]["found"]) == (1, 0)
    assert rows["core_and_expand", "unknown"]["known"] == 0
    assert rows["cochrane_sensitive", "found"]["hits"] <= rows["core_and_expand", "found"]["hits"]


def test_public_files_are_read_as_reviews(tmp_path: Path) -> None:
    trials = tmp_path / "trials.jsonl"
    trials.write_text(json.dumps({
        "title": "t", "pmid": "99000001", "PICO": {"P": "people", "I": "pills", "C": "", "O": None},
        "trials": [{"pmid": "99000002"}, {"pmid": "99000002"}, {"pmid": ""}],
    }) + "\n")  # fmt: skip
    review = next(trial_reviews(trials))
    assert review.included == ("99000002",)
    assert review.protocol is not None
    assert dict(review.protocol.pico) == {"population": ("people",), "intervention": ("pills",)}
    topics = tmp_path / "topics.jsonl"
    topics.write_text(json.dumps({"topic": "CD1", "query": "x.ti.", "rel_abs": ["99000003"]}) + "\n")
    assert next(published_strategies(topics)) == Review("clef_tar", "CD1", ("99000003",), strategy="x.ti.")
    records = tmp_path / "records.jsonl"
    rows = [{"r": "a", "pmid": 99000004, "in": 1}, {"r": "a", "pmid": 99000005, "in": 0}, {"r": "b", "in": "Included"}]
    records.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = list(labelled_reviews(records, {"a": {"title": "a"}}, group="r", label="in", name="own"))
    assert [(each.name, each.included) for each in found] == [("a", ("99000004",))]


def test_every_labelled_review_of_the_suites_has_a_protocol_that_reads() -> None:
    bodies = read_protocols(SUITES / "data" / "protocols.yaml")
    assert (len(bodies["cohen2006"]), len(bodies["q2crbench3"])) == (9, 2)
    for reviews in bodies.values():
        for name, body in reviews.items():
            assert protocol_of(body, where=name).pico["population"]
