"""Un-knowing in full: a hundred saved answers on real data, and every document they cite retracted one at a time.

CONSILIENCE_ACCEPT_HOME names the home to begin from; it is copied and left as it is.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from itertools import islice
from pathlib import Path

from consilience import Home, contract
from tests.watching import cited_by, retract_one_by_one

ANSWERS = 100


def test_every_answer_that_cites_a_retracted_document_is_told_once_and_no_other(home: Home, tmp_path: Path) -> None:
    data = os.environ.get("CONSILIENCE_DATA")
    assert data, "CONSILIENCE_DATA names the folder of the development data"
    with gzip.open(Path(data) / "qa" / "pubmedqa.jsonl.gz", "rt", encoding="utf-8") as handle:
        asked = [json.loads(line)["question"] for line in islice(handle, ANSWERS)]
    before = {
        f"q{n:03d}": contract.canonical(home.ask(question, as_of="2026-01-01", save=f"q{n:03d}"))
        for n, question in enumerate(asked)
    }
    instant = home.now()
    cited = cited_by(home)
    assert len({name for names in cited.values() for name in names}) > ANSWERS / 2
    started = time.monotonic()
    count = retract_one_by_one(home, tmp_path)
    print(f"\n{count} documents of {ANSWERS} answers retracted, {(time.monotonic() - started) / count:.1f} s each; "
          "every answer that cites one was told, and no other")  # fmt: skip
    for n, question in enumerate(asked):
        now = home.ask(question, as_of="2026-01-01")
        assert not {c["id"] for c in now["citations"]} & cited.keys()
        again = contract.canonical(home.ask(question, as_of="2026-01-01", known_at=instant))
        assert again == before[f"q{n:03d}"]
