"""A finished review replayed: what prioritised reading and a stop rule would have saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from consilience.errors import BadInputError
from consilience.screening.features import features
from consilience.screening.labelled import labels_of, name_of, read_labelled
from consilience.screening.measures import Curve
from consilience.screening.ranking import GRAM_RECORDS, replay
from consilience.screening.stopping import DEFAULT_RULE, Rule, play, rule

SHARE_PER_TRAINING = 20  # a large set is trained on again after 1 + n // 20 further records


def simulate(
    records: Sequence[Mapping[str, Any]],
    *,
    label: str = "label_included",
    seed: int = 0,
    prior_ids: Sequence[str] | None = None,
    stop: str | None = None,
    target: float = 0.95,
    confidence: float = 0.95,
    batch: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """The `screen simulate` object of labelled records.

    Priors, one include and one exclude drawn by `seed` unless `prior_ids` names them, are known from the start and
    left out of the order and of every count. A prior id stands for every record that bears it.
    """
    if not 0 <= seed < 1 << 32:
        raise BadInputError(f"{seed} is no seed", where="seed", expected="a whole number from 0 to 4294967295")
    labels = np.array(labels_of(records, label), dtype=np.int64)
    policy = rule(stop or DEFAULT_RULE, target=target, confidence=confidence)
    step, told = _step(batch, len(labels))
    names = [name_of(record, row) for row, record in enumerate(records)]
    priors = _named(names, prior_ids) if prior_ids else drawn_priors(labels, seed)
    _import_libraries()
    start = clock()
    made = features(records)
    order = replay(made, labels, priors, step=step).order
    curve = Curve(labels[order])
    stopped = _stopped(policy, curve, seed)
    return {
        "records": curve.records,
        "includes": curve.includes,
        "order": [names[row] for row in order],
        "wss@95": curve.wss95(),
        "recall@10%": curve.recall_at_tenth(),
        "atd": curve.atd(),
        "loss": curve.loss(),
        "stop": stopped,
        "config": {
            "label": label,
            "seed": seed,
            "priors": [names[row] for row in priors],
            "batch": told,
            "stop": policy.as_json(),
            "ranking": made.settings.as_json(),
        },
        "usage": {"seconds": clock() - start},
    }


def _step(batch: int | None, records: int) -> tuple[Callable[[int], int], int | str]:
    """How many records are read between two trainings, and the same told; without `batch` one, if that is cheap."""
    if batch is None and records > GRAM_RECORDS:
        return (lambda read: 1 + read // SHARE_PER_TRAINING), f"1 + n // {SHARE_PER_TRAINING}, n the records read"
    size = 1 if batch is None else batch
    if size < 1:
        raise BadInputError(f"a batch of {batch} reads nothing", where="batch", expected="a whole number from 1")
    return (lambda read: size), size


def _named(names: Sequence[str | int], prior_ids: Sequence[str]) -> list[int]:
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(str(name), []).append(row)
    for prior in prior_ids:
        if str(prior).strip() not in rows:
            raise BadInputError(
                f"no record is called {prior!r}", where="prior_ids", expected="ids of records in the file"
            )
    return list(dict.fromkeys(row for prior in prior_ids for row in rows[str(prior).strip()]))


def drawn_priors(labels: Any, seed: int) -> list[int]:
    """The rows of one include and one exclude, drawn by `seed`."""
    draw = np.random.default_rng(seed)
    return [int(draw.choice(np.flatnonzero(labels == wanted))) for wanted in (1, 0)]


def _stopped(policy: Rule, curve: Curve, seed: int) -> dict[str, Any]:
    played = play(policy, curve.labels, seed=seed)
    return {
        "rule": policy.name,
        "at": played.read,
        "recall": played.found / curve.includes if curve.includes else None,
        "saved": 1 - played.read / curve.records if curve.records else None,
        "claim": policy.claim(),
    }


def _import_libraries() -> None:
    """Load what ranking and stopping need, so that the seconds told are those of the work."""
    for name in ("scipy.sparse", "scipy.stats", "sklearn.feature_extraction", "sklearn.preprocessing", "threadpoolctl"):
        import_module(name)


__all__ = ["read_labelled", "simulate"]
