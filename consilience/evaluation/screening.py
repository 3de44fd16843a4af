"""A screening suite: labelled reviews screened over and over from different seeds, beside a random order."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws, estimate, mean
from consilience.evaluation.datasets import rows
from consilience.evaluation.definition import ScreeningSuite
from consilience.evaluation.engine import Engine
from consilience.evaluation.outcome import Clock, Outcome, Scored

MEASURES = ("wss@95", "recall@10%", "atd", "loss")
AT_STOP = {"recall": "recall_at_stop", "saved": "saved_at_stop"}
MAX_GROUPS = 1000

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Run:
    """One simulated review from one seed: what the ranking gave, and what a random order would have."""

    group: str
    seed: int
    found: Figures
    chance: Figures


def screen(suite: ScreeningSuite, path: Path, engine: Engine, *, clock: Clock, draws: Draws) -> Outcome:
    """Simulates every review from every seed.

    Intervals are over reviews (each the mean of its seeds) when there are several, and over seeds when there is one:
    seeds of one review say how stable a figure is, not how it carries over to another review.
    """
    start = clock()
    with _groups(path, suite.group) as files:
        runs = [_simulated(suite, group, file, seed, engine) for group, file in files.items() for seed in suite.seeds]
    seconds = clock() - start
    units = _units(runs)
    shared = sorted(set.intersection(*(set(run.found) for run in runs)))
    chance = [name for name in MEASURES if name in shared]
    systems = (
        Scored(
            "screener",
            {name: mean([_mean([run.found for run in unit], name) for unit in units]) for name in shared},
            len(runs),
            seconds,
        ),
        Scored(
            "random_order",
            {name: mean([_mean([run.chance for run in unit], name) for unit in units]) for name in chance},
        ),
    )
    return Outcome(
        len(units),
        systems,
        details=tuple({"group": run.group, "seed": run.seed, **run.found} for run in runs),
        groups=_by_group(runs, shared, draws) if suite.group else {},
        provenance={
            "seeds": list(suite.seeds),
            "units": "seeds" if len({run.group for run in runs}) == 1 else "reviews",
        },
    )


def random_order(records: int, includes: int) -> Figures:
    """What a random order gives on average, in closed form.

    The r-th of R includes among N records is expected at place r(N + 1)/(R + 1).
    """
    needed = math.ceil(0.95 * includes - 1e-9)
    place = needed * (records + 1) / (includes + 1)
    return {
        "wss@95": 1 - place / records - 0.05,
        "recall@10%": round(0.1 * records) / records,
        "atd": (records + 1) / 2,
        "loss": 0.5,
    }


def _simulated(suite: ScreeningSuite, group: str, path: Path, seed: int, engine: Engine) -> Run:
    reply = engine.simulate(
        path, label=suite.label, seed=seed, stop=suite.stop, target=suite.target, confidence=suite.confidence
    )
    stop: Mapping[str, Any] = reply.get("stop") or {}
    found = {name: float(reply[name]) for name in MEASURES if reply.get(name) is not None}
    found |= {ours: float(stop[theirs]) for theirs, ours in AT_STOP.items() if stop.get(theirs) is not None}
    return Run(group, seed, found, random_order(int(reply["records"]), int(reply["includes"])))


def _units(runs: Sequence[Run]) -> list[list[Run]]:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.group, []).append(run)
    return list(groups.values()) if len(groups) > 1 else [[run] for run in runs]


def _mean(figures: Sequence[Figures], name: str) -> float:
    return sum(own[name] for own in figures) / len(figures)


def _by_group(runs: Sequence[Run], names: Sequence[str], draws: Draws) -> dict[str, Any]:
    groups = {run.group: [other for other in runs if other.group == run.group] for run in runs}
    return {
        group: {name: estimate(mean([run.found[name] for run in own]), len(own), draws).as_json() for name in names}
        for group, own in groups.items()
    }


@contextmanager
def _groups(path: Path, key: str | None) -> Iterator[dict[str, Path]]:
    """The file itself, or one file for each value of `key`, gone when the context ends."""
    if key is None:
        yield {path.name: path}
        return
    with TemporaryDirectory(prefix="consilience-") as folder:
        yield _split(path, key, Path(folder))


def _split(path: Path, key: str, folder: Path) -> dict[str, Path]:
    # Numbered files, because a group's name comes from the data and is no file name.
    files: dict[str, Path] = {}
    for row in rows(path):
        if key not in row:
            raise BadInputError(f"A record has no {key!r}.", where=path.name, expected=f"{key} in every record")
        group = str(row[key])
        if group not in files and len(files) == MAX_GROUPS:
            raise BadInputError("There are too many groups.", where=path.name, expected=f"at most {MAX_GROUPS}")
        file = files.setdefault(group, folder / f"{len(files):04d}.jsonl")
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return files
