"""A finished review replayed: what prioritised reading and a stop rule would have saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from consilience.errors import BadInputError
from consilience.screening.labelled import labels_of, name_of, read_labelled
from consilience.screening.measures import Curve
from consilience.screening.ranking import Settings, features, reading_order
from consilience.screening.stopping import Rule, rule, stopping_place

SHARE_PER_TRAINING = 20  # without `batch`, the model is trained again after 1 + n // 20 further records


def simulate(
    records: Sequence[Mapping[str, Any]],
    *,
    label: str = "label_included",
    seed: int = 0,
    prior_ids: Sequence[str] | None = None,
    stop: str | None = "buscar",
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
    policy = rule(stop or "buscar", target=target, confidence=confidence)
    step = _step(batch)
    names = [name_of(record, row) for row, record in enumerate(records)]
    priors = _named(names, prior_ids) if prior_ids else _drawn(labels, seed)
    _import_libraries()
    start = clock()
    settings = Settings()
    vectors = features(records, settings)
    order = reading_order(vectors, labels, priors, step=step, settings=settings, seed=seed)
    curve = Curve(labels[order])
    stopped = _stopped(policy, curve)
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
            "batch": batch if batch is not None else f"1 + n // {SHARE_PER_TRAINING}, n the records read",
            "stop": policy.as_json(),
            "ranking": settings.as_json(),
        },
        "usage": {"seconds": clock() - start},
    }


def _step(batch: int | None) -> Callable[[int], int]:
    if batch is None:
        return lambda read: 1 + read // SHARE_PER_TRAINING
    if batch < 1:
        raise BadInputError(f"a batch of {batch} reads nothing", where="batch", expected="a whole number from 1")
    return lambda read: batch


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


def _drawn(labels: Any, seed: int) -> list[int]:
    draw = np.random.default_rng(seed)
    return [int(draw.choice(np.flatnonzero(labels == wanted))) for wanted in (1, 0)]


def _stopped(policy: Rule, curve: Curve) -> dict[str, Any]:
    place = stopping_place(policy, curve.labels)
    at = curve.records if place is None else place
    return {
        "rule": policy.name,
        "at": at,
        "recall": curve.recall_at(at),
        "saved": 1 - at / curve.records if curve.records else None,
        "claim": policy.claim(),
    }


def _import_libraries() -> None:
    """Load what ranking and stopping need, so that the seconds told are those of the work."""
    for name in ("scipy.sparse", "scipy.stats", "sklearn.feature_extraction.text", "sklearn.svm"):
        import_module(name)


__all__ = ["read_labelled", "simulate"]
