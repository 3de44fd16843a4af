"""Our ranking beside ASReview's on labelled reviews: same records, same priors, same run.

ASReview runs in an interpreter of its own, named by CONSILIENCE_ASREVIEW; where there is none the report says so.
Seconds are of the processor on one thread, features included and imports left out. ASReview stops reading at the last
include and is timed to there; ours reads on to the last record. Beside them ours trained again after growing batches,
ours without headings (what ASReview reads, and no more), and the protocol's text beside the priors, as the start in
their place, and as the whole order.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws, Floats, Statistic, mean, spread
from consilience.evaluation.definition import ScreeningPeersSuite
from consilience.evaluation.outcome import Outcome, Scored
from consilience.evaluation.reviewsets import Finished
from consilience.evaluation.screening import MEASURES, Figures, random_order
from consilience.screening.features import Settings, features
from consilience.screening.measures import Curve
from consilience.screening.order import asked
from consilience.screening.protocol import protocol_of
from consilience.screening.ranking import order, replay, similarities
from consilience.screening.simulate import SHARE_PER_TRAINING, drawn_priors

INTERPRETER = "CONSILIENCE_ASREVIEW"
OURS = "consilience"
_SCRIPT = Path(__file__).with_name("peer_asreview.py")
_LONGEST = 24 * 3600

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Review:
    """One labelled review; `query` is its protocol as text, empty where there is none."""

    name: str
    records: Sequence[Mapping[str, Any]]
    labels: Rows
    query: str


@dataclass(frozen=True, slots=True)
class Run:
    """What one system made of one review from one seed's priors."""

    review: str
    system: str
    seed: int
    figures: Figures
    seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        """One line of the details."""
        return {"review": self.review, "system": self.system, "seed": self.seed, **self.figures}


def with_protocols(reviews: Sequence[Finished], bodies: Mapping[str, Any]) -> list[Review]:
    """The reviews that leave something to find once the priors are drawn, each with its protocol as text."""
    return [
        Review(each.name, each.records, each.labels, _query(each.name, bodies))
        for each in reviews
        if 2 <= int(each.labels.sum()) < len(each.labels) - 1
    ]


def _query(name: str, bodies: Mapping[str, Any]) -> str:
    return asked(protocol_of(bodies[name], where=name)) if name in bodies else ""


def compare_peers(
    suite: ScreeningPeersSuite, reviews: Sequence[Review], *, draws: Draws, clock: Callable[[], float] | None = None
) -> Outcome:
    """Every system on every review from every seed; a figure is the mean over reviews of the mean over seeds."""
    if not reviews:
        raise BadInputError("No review has two includes and an exclude.", where=suite.data, expected="labelled records")
    timer = clock or time.process_time
    for name in ("scipy.sparse", "sklearn.feature_extraction", "sklearn.preprocessing", "threadpoolctl"):
        import_module(name)  # so that the seconds are those of the work
    runs = [run for review in reviews for run in _ours(review, suite, timer)]
    interpreter = os.environ.get(INTERPRETER, "")
    skipped = {} if interpreter else {suite.ai: f"not run: set {INTERPRETER} to a Python that has asreview"}
    if interpreter:
        runs += [run for review in reviews for run in _theirs(review, suite, interpreter)]
    runs += [Run(review.name, "random_order", 0, random_order(len(review.labels) - 2, int(review.labels.sum()) - 1))
             for review in reviews]  # fmt: skip
    tables = {system: _by_review(runs, system, reviews) for system in dict.fromkeys(run.system for run in runs)}
    seconds = _seconds(runs)
    both = interpreter != ""
    return Outcome(
        len(reviews),
        tuple(
            Scored(system, _statistics(own), len(suite.seeds) * len(reviews), seconds.get(system, 0.0))
            for system, own in tables.items()
            if len(own) == len(reviews)
        ),
        details=tuple(run.as_json() for run in runs),
        skipped=skipped,
        groups=_groups(tables, reviews),
        usage={"seconds_of_processor": seconds}
        | ({"seconds_ratio": round(seconds[suite.ai] / seconds[OURS], 1)} if both else {}),
        provenance={
            "units": "reviews",
            "seeds": list(suite.seeds),
            "records": {review.name: [len(review.labels), int(review.labels.sum())] for review in reviews},
            "ranking": Settings().as_json(),
        }
        | ({"goals": _goals(tables[OURS], tables[suite.ai], draws)} if both else {}),
    )


def _seconds(runs: Sequence[Run]) -> dict[str, float]:
    """All seconds of every system that was timed."""
    found: dict[str, float] = {}
    for run in runs:
        if run.seconds is not None:
            found[run.system] = found.get(run.system, 0.0) + run.seconds
    return {system: round(of, 3) for system, of in found.items()}


def _ours(review: Review, suite: ScreeningPeersSuite, timer: Callable[[], float]) -> Iterator[Run]:
    start = timer()
    made = features(review.records)
    similar = similarities(made)
    making = timer() - start
    plain = features(review.records, settings=replace(Settings(), heading_weight=0.0))
    plain_similar = similarities(plain)
    asked_similar = similarities(made, review.query) if review.query else similar
    labels = review.labels
    for seed in suite.seeds:
        priors = drawn_priors(labels, seed)
        start = timer()
        first = replay(made, labels, priors, step=_one, similar=similar).order
        yield Run(review.name, OURS, seed, _figures(labels[first]), making + timer() - start)
        start = timer()
        batch = replay(made, labels, priors, step=_growing, similar=similar).order
        yield Run(review.name, "batch", seed, _figures(labels[batch]), making + timer() - start)
        others = {"without_headings": replay(plain, labels, priors, step=_one, similar=plain_similar).order}
        if review.query:
            others["with_protocol"] = replay(
                made, labels, priors, step=_one, query=review.query, similar=asked_similar
            ).order
        yield from (Run(review.name, name, seed, _figures(labels[own])) for name, own in others.items())
    if review.query:
        cold = order(made, {}, query=review.query).rows.tolist()
        learning = replay(made, labels, [], step=_one, query=review.query, similar=asked_similar).order
        yield from _without_priors(review, suite, {"protocol_alone": cold, "protocol_then_labels": learning})


def _without_priors(review: Review, suite: ScreeningPeersSuite, orders: Mapping[str, list[int]]) -> Iterator[Run]:
    """An order that needed no priors, on the records that the others were measured on."""
    for name, own in orders.items():
        for seed in suite.seeds:
            left_out = set(drawn_priors(review.labels, seed))
            kept = [row for row in own if row not in left_out]
            yield Run(review.name, name, seed, _figures(review.labels[kept]))


def _one(read: int) -> int:
    return 1


def _growing(read: int) -> int:
    return 1 + read // SHARE_PER_TRAINING


def _theirs(review: Review, suite: ScreeningPeersSuite, interpreter: str) -> Iterator[Run]:
    """ASReview's runs: one process a review, on one thread."""
    texts = [{"title": record.get("title") or "", "abstract": record.get("abstract") or "", "label": int(label)}
             for record, label in zip(review.records, review.labels, strict=True)]  # fmt: skip
    priors = [drawn_priors(review.labels, seed) for seed in suite.seeds]
    starts = [{"seed": seed, "priors": own} for seed, own in zip(suite.seeds, priors, strict=True)]
    told = _told(interpreter, {"ai": suite.ai, "records": texts, "runs": starts})
    for own, reply in zip(priors, told, strict=True):
        rest = len(texts) - len(own) - len(reply["order"])
        found = np.concatenate((review.labels[reply["order"]], np.zeros(rest, dtype=np.int64)))
        yield Run(review.name, suite.ai, reply["seed"], _figures(found), reply["seconds"])


def _told(interpreter: str, question: Mapping[str, Any]) -> list[dict[str, Any]]:
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    try:
        with TemporaryDirectory() as scratch:  # it leaves a cache where it runs
            done = subprocess.run(  # noqa: S603 (the interpreter the user named, and a file of ours)
                [interpreter, "-I", str(_SCRIPT)],
                input=json.dumps(question), capture_output=True, text=True, check=True, timeout=_LONGEST,
                env={**os.environ, **threads}, cwd=scratch,
            )  # fmt: skip
        return [json.loads(line) for line in done.stdout.splitlines()]
    except (OSError, subprocess.SubprocessError, ValueError) as failure:
        last = str(getattr(failure, "stderr", "") or failure).strip().splitlines()[-1:]
        raise BadInputError(
            f"ASReview did not run: {''.join(last)}", where=INTERPRETER, expected="a Python that has asreview"
        ) from failure


def _figures(labels: Rows) -> Figures:
    curve = Curve.of(labels.tolist())
    found = {"wss@95": curve.wss95(), "recall@10%": curve.recall_at_tenth(), "atd": curve.atd(), "loss": curve.loss()}
    return {name: float(value) for name, value in found.items() if value is not None}


def _by_review(runs: Sequence[Run], system: str, reviews: Sequence[Review]) -> list[Figures]:
    """The mean over seeds of each review, for the reviews the system was run on."""
    found = []
    for review in reviews:
        own = [run.figures for run in runs if (run.review, run.system) == (review.name, system)]
        if own:
            found.append({name: sum(each[name] for each in own) / len(own) for name in own[0]})
    return found


def _statistics(table: Sequence[Figures]) -> dict[str, Statistic]:
    return {name: mean([own[name] for own in table]) for name in MEASURES if name in table[0]}


def _groups(tables: Mapping[str, Sequence[Figures]], reviews: Sequence[Review]) -> dict[str, Any]:
    """For every review the figures of every system that was run on it."""
    whole = {system: own for system, own in tables.items() if len(own) == len(reviews)}
    return {
        review.name: {
            f"{name} {system}": {"value": round(own[at][name], 6), "ci95": None}
            for name in ("loss", "wss@95")
            for system, own in whole.items()
            if name in own[at]
        }
        for at, review in enumerate(reviews)
    }


def _goals(ours: Sequence[Figures], theirs: Sequence[Figures], draws: Draws) -> dict[str, Any]:
    """What was set out to be reached: on how many reviews the loss is lower, and the gain in WSS@95."""

    def column(table: Sequence[Figures], name: str) -> Floats:
        return np.array([own[name] for own in table])

    ahead, behind = column(ours, "wss@95"), column(theirs, "wss@95")

    def gain(weights: Floats) -> Floats:
        return np.asarray((weights @ ahead) / (weights @ behind) - 1)

    return {
        "loss_lower": int((column(ours, "loss") < column(theirs, "loss")).sum()),
        "reviews": len(ours),
        "wss_gain": spread(Statistic(gain), len(ours), draws).estimate().as_json(),
    }
