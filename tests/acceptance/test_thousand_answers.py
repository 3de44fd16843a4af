"""A thousand answers of a large home: every quotation stands, and nothing retracted, superseded or later is under one.

CONSILIENCE_ACCEPT_HOME names the home to begin from; it is copied and left as it is.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from itertools import cycle, islice
from pathlib import Path

import pytest

from consilience import Home
from tests.standing import Standing

ANSWERS = 1000
# So many of the documents that the answers cite are retracted, and what cites them is asked again.
RETRACTED = 200


@pytest.fixture(scope="module")
def questions() -> list[str]:
    data = os.environ.get("CONSILIENCE_DATA")
    if not data:
        pytest.skip("CONSILIENCE_DATA is not set: tests on real data are skipped")
    found = []
    for name in ("pubmedqa", "bioasq"):
        with gzip.open(Path(data) / "qa" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as handle:
            found += [json.loads(line)["question"] for line in handle]
    return found


def test_a_thousand_answers_stand_on_both_clocks_and_fall_with_what_they_cite(
    home: Home, questions: list[str], tmp_path: Path
) -> None:
    chance = random.Random(0)
    told = Standing(home)
    asked: dict[int, tuple[str, str]] = {}
    # An odd number of questions, so that the second time round each is asked as of the other kind of day.
    for number, question in enumerate(islice(cycle(questions), 3 * len(questions))):
        # Every second question is asked as of a day on which much of the home was still to come.
        asked[number] = (question, f"{chance.randint(1985, 2026)}-06-30" if number % 2 else "2026-01-01")
        told.hold(number, home.ask(question, as_of=asked[number][1]))
        if told.answers >= ANSWERS:
            break
    print(f"\n{told.answers} answers to {len(asked)} questions, {told.citations} citations, {len(told.faults)} faults")
    assert told.answers >= ANSWERS and not told.faults, told.faults[:20]

    pmids = sorted(name for name in told.cited if name.startswith("PMID:"))
    gone = set(chance.sample(pmids, min(RETRACTED, len(pmids))))
    lines = "".join(f"{name.removeprefix('PMID:')},1984-01-01,retracted\n" for name in sorted(gone))
    (tmp_path / "gone.csv").write_text(f"pmid,date,kind\n{lines}")
    assert home.ingest_retractions([tmp_path / "gone.csv"])["files"][0]["status"] == "loaded"
    before = home.now()
    home.refresh(offline=True)
    after = Standing(home)
    affected = sorted({number for name in gone for number in told.cited[name]})
    for number in affected:
        after.hold(number, home.ask(asked[number][0], as_of=asked[number][1]))
    print(f"{len(gone)} documents retracted, {len(affected)} questions asked again, {after.answers} still answered")
    assert affected and before and not after.faults, after.faults[:20]
    assert not gone & after.cited.keys()
