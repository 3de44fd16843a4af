"""Labels that are kept: by whom, on which words, and on which input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consilience.errors import BadInputError
from consilience.home import write_atomically
from consilience.models.language import Asking, LanguageModel, Reply
from consilience.screening.judge import Judge
from consilience.screening.labelling import labelled
from consilience.screening.protocol import protocol_of
from consilience.screening.review import Review
from tests.wording import small_lexicon


@pytest.fixture
def review(tmp_path: Path) -> Review:
    protocol = protocol_of({"title": "t", "pico": {"population": ["dementia"], "intervention": ["carbamazepine"]}})
    made = Review.create(tmp_path / "review", protocol)
    rows = [{"pmid": "99000001", "title": "Carbamazepine and falls"}, {"pmid": "99000002", "title": "Soil"}]
    file = tmp_path / "records.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    made.import_file(file)
    judge = Judge.of(protocol, small_lexicon())
    kept = made.folder / "cache" / f"judge-{made.protocol.digest}.json"
    write_atomically(kept, json.dumps(judge.as_json()).encode())
    return made


def _model(label: str, quote: str) -> LanguageModel:
    said = {"labels": [{"criterion": name, "label": label, "quote": quote} for name in ("population", "intervention")]}

    def server(asking: Asking, seconds: float) -> Reply:
        return Reply(json.dumps(said), 1, 1)

    return LanguageModel("openai:test", "test", server)


def test_each_label_is_an_entry_that_names_who_gave_it(review: Review) -> None:
    found = labelled(review, ["PMID:99000001"], model=_model("YES", "falls"))
    (row,) = found["rows"]
    assert [(each["criterion"], each["label"], each["by"]) for each in row["criteria"]] == [
        ("population", "YES", "openai:test"), ("intervention", "YES", "rule")
    ]  # fmt: skip
    entries = review.state.labels[row["id"]]
    assert entries["population"].actor == {"type": "model", "name": "openai:test"}
    assert entries["intervention"].actor["name"] == "judge"
    assert entries["population"].body["span"]["text"] == "falls"
    assert found["ledger"]["seq"] == entries["intervention"].seq


def test_words_that_no_record_has_leave_the_question_open(review: Review) -> None:
    found = labelled(review, ["PMID:99000002"], model=_model("NO", "mice"))
    assert {each["label"] for each in found["rows"][0]["criteria"]} == {"UNCERTAIN"}
    assert found["rows"][0]["score"] == 0.0


def test_a_label_decides_nothing(review: Review) -> None:
    labelled(review, ["PMID:99000001", "PMID:99000002"])
    assert not review.state.outcomes("title_abstract")


def test_no_record_is_a_wrong_call(review: Review) -> None:
    with pytest.raises(BadInputError):
        labelled(review, [])
