"""ASReview's simulation from given priors: run as a file by an interpreter that has ASReview, which ours need not have.

Reads one JSON object {ai, records: [{title, abstract, label}], runs: [{seed, priors}]} from standard input. Writes a
line for each run: {seed, order, seconds, features_seconds, version}. The order ends with the last include, as that of
ASReview's own simulation does: what comes after changes no measure. Seconds are of the processor, imports left out;
the features are made once, and `seconds` counts them in every run.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from importlib.metadata import version
from typing import Any


def main() -> None:
    """Simulate every run that standard input asks for."""
    import numpy as np

    pandas, simulate = import_module("pandas"), import_module("asreview").Simulate
    learner, models = import_module("asreview.learner"), import_module("asreview.models.models")
    asked: dict[str, Any] = json.load(sys.stdin)
    table = pandas.DataFrame(asked["records"], columns=["title", "abstract", "label"])
    meta = models.get_ai_config(asked["ai"])["value"]
    start = time.process_time()
    features = learner.ActiveLearningCycle.from_meta(meta).transform(table[["title", "abstract"]])
    made = time.process_time() - start
    for run in asked["runs"]:
        np.random.seed(run["seed"])  # what its classifier draws from
        start = time.process_time()
        cycle = learner.ActiveLearningCycle.from_meta(meta)
        review = simulate(features, table["label"], cycle, skip_transform=True, print_progress=False)
        review.label(run["priors"])
        review.review()
        seconds = made + time.process_time() - start
        order = [int(row) for row in review._results["record_id"]][len(run["priors"]) :]
        told = {"seed": run["seed"], "order": order, "seconds": seconds, "features_seconds": made}
        sys.stdout.write(json.dumps({**told, "version": version("asreview")}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
