"""A stopping suite: finished reviews read again from many seeds, each order under every stop rule.

A rule is safe when, on every review with enough includes, its target was reached in at least as large a share of the
runs as its confidence asks. A rule that is not is marked so, whatever it saves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilience.evaluation.bootstrap import Draws, Statistic, estimate, mean, ratio
from consilience.evaluation.definition import StoppingSuite
from consilience.evaluation.outcome import Clock, Outcome, Scored
from consilience.evaluation.reviewsets import Finished
from consilience.screening.features import Features, features
from consilience.screening.ranking import order, replay
from consilience.screening.simulate import drawn_priors
from consilience.screening.stopping import Labels, Played, Vector, play, rule

QBCB = "qbcb (not shipped)"
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Run:
    """One review from one seed under one rule, and where an oracle would have stopped on the same order."""

    review: str
    records: int
    includes: int
    enough: bool  # whether the whole review, its priors among it, has as many includes as the suite asks for
    seed: int
    rule: str
    played: Played
    oracle: int
    target: float

    @property
    def recall(self) -> float:
        """The share of the includes that were read."""
        return self.played.found / self.includes

    @property
    def held(self) -> bool:
        """Whether the target was reached."""
        return self.recall >= self.target - TOLERANCE

    @property
    def saved(self) -> float:
        """The share of the records that were not read."""
        return 1 - self.played.read / self.records

    @property
    def possible(self) -> float:
        """What the oracle would have saved."""
        return 1 - self.oracle / self.records

    def as_json(self) -> dict[str, Any]:
        """The run as a line of the report's details."""
        return {
            "review": self.review, "records": self.records, "includes": self.includes, "seed": self.seed,
            "rule": self.rule, "read": self.played.read, "recall": self.recall, "saved": self.saved,
            "oracle_saved": self.possible,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """All runs of one review under one rule."""

    runs: Sequence[Run]

    def share(self) -> float:
        """The share of the runs in which the target was reached."""
        return float(np.mean([run.held for run in self.runs]))

    def recall(self) -> float:
        """The mean recall at the stop."""
        return float(np.mean([run.recall for run in self.runs]))

    def saved(self) -> float:
        """The mean share of records saved."""
        return float(np.mean([run.saved for run in self.runs]))

    def possible(self) -> float:
        """What the oracle would have saved in the mean."""
        return float(np.mean([run.possible for run in self.runs]))


def stop_early(suite: StoppingSuite, reviews: Sequence[Finished], *, clock: Clock, draws: Draws) -> Outcome:
    """Every review from every seed under every rule; the first rule is the one the suite is about.

    Intervals are over reviews, each the mean of its runs; a review's own are over its runs.
    """
    found: dict[str, list[Run]] = {name: [] for name in _names(suite)}
    seconds = dict.fromkeys(found, 0.0)
    for review in reviews:
        made = features(review.records)
        for seed in range(suite.runs):
            read = _Order(review, made, seed)
            for name in found:
                if seed >= suite.fewer_runs.get(name, suite.runs):
                    continue
                start = clock()
                found[name].append(_run(suite, name, read))
                seconds[name] += clock() - start
    units = {name: _units(runs) for name, runs in found.items()}
    marks = {name: _verdict(suite, own) for name, own in units.items()}
    return Outcome(
        len(reviews),
        tuple(
            Scored(name, _statistics(suite, own), len(found[name]), seconds[name]) for name, own in units.items()
        ),
        details=tuple(run.as_json() for runs in found.values() for run in runs),
        warnings=tuple(f"{name} is unsafe: {_missed(own)}" for name, own in marks.items() if own["mark"] == "unsafe"),
        groups=_groups(units, draws),
        provenance={
            "runs": suite.runs, "fewer_runs": dict(suite.fewer_runs), "chosen_on": list(suite.chosen_on),
            "enough_includes": suite.enough, "units": "reviews",
            "safe": marks,
        },
    )  # fmt: skip


class _Order:
    """A review read to its end from one seed."""

    def __init__(self, review: Finished, made: Features, seed: int) -> None:
        self.review, self.seed = review, seed
        self._made = made
        self._priors = drawn_priors(review.labels, seed)
        self._rows = replay(made, review.labels, self._priors, step=lambda _: 1).order
        self.labels: Labels = review.labels[self._rows]

    def chances(self, read: int) -> Vector:
        """The ranker's probabilities of the unread after `read` records."""
        known = [*self._priors, *self._rows[:read]]
        return order(self._made, {row: int(self.review.labels[row]) for row in known}).probabilities

    def oracle(self, target: float) -> int:
        """How many records are read when the target is just reached."""
        places = np.flatnonzero(self.labels) + 1
        needed = int(np.ceil(target * len(places) - TOLERANCE))
        return int(places[needed - 1]) if needed else 0


def _run(suite: StoppingSuite, name: str, read: _Order) -> Run:
    if name == QBCB:
        played = qbcb(read.labels, target=suite.target, confidence=suite.confidence, seed=read.seed)
    else:
        policy = rule(name, target=suite.target, confidence=suite.confidence)
        played = play(policy, read.labels, seed=read.seed, chances=read.chances if name == "quantile" else None)
    return Run(
        read.review.name, len(read.labels), int(read.labels.sum()),
        int(read.review.labels.sum()) >= suite.enough, read.seed, name, played, read.oracle(suite.target), suite.target,
    )  # fmt: skip


def qbcb(labels: Labels, *, target: float, confidence: float, seed: int) -> Played:
    """The quantile binomial bound (Lewis, Yang and Frieder 2021), for comparison only: it may be covered by a patent.

    A random sample is read until it holds as many includes as the bound needs at least, then the ranking until it has
    found so many of those that the bound holds.
    """
    from scipy.stats import binom

    records = len(labels)
    sample = np.random.default_rng(seed).permutation(records)
    hits = labels[sample].cumsum()
    wanted = int(np.ceil(np.log(1 - confidence) / np.log(target)))
    if hits[-1] < wanted:
        return Played(records, int(labels.sum()), stopped=False)
    drawn = int(np.searchsorted(hits, wanted)) + 1
    needed = int(binom.ppf(confidence, wanted, target)) + 1
    targets = np.zeros(records, dtype=np.bool_)
    targets[sample[:drawn][labels[sample[:drawn]] == 1]] = True
    ahead = np.flatnonzero(targets.cumsum() >= min(needed, wanted))[0] + 1
    read = np.zeros(records, dtype=np.bool_)
    read[sample[:drawn]] = True
    read[:ahead] = True
    return Played(int(read.sum()), int(labels[read].sum()), stopped=True)


def _names(suite: StoppingSuite) -> tuple[str, ...]:
    return (*suite.rules, QBCB) if suite.compare_qbcb else suite.rules


def _units(runs: Sequence[Run]) -> list[Unit]:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.review, []).append(run)
    return [Unit(own) for own in groups.values()]


def _statistics(suite: StoppingSuite, units: Sequence[Unit]) -> dict[str, Statistic]:
    """Figures over the reviews with enough includes, of them those the rule was not chosen on, and the small ones."""
    enough = np.array([unit.runs[0].enough for unit in units], dtype=np.float64)
    rest = enough * [unit.runs[0].review not in suite.chosen_on for unit in units]
    share = np.array([unit.share() for unit in units])
    held = share >= suite.confidence - TOLERANCE
    recall, saved = (np.array([of(unit) for unit in units]) for of in (Unit.recall, Unit.saved))
    possible = np.array([unit.possible() for unit in units])
    found: dict[str, Statistic] = {}
    for name, chosen in (("", enough), (" (rest)", rest), (" (few includes)", 1 - enough)):
        if not chosen.any():
            continue
        found |= {
            f"reviews held{name}": ratio(list(held * chosen), list(chosen)),
            f"runs held{name}": ratio(list(share * chosen), list(chosen)),
            f"recall{name}": ratio(list(recall * chosen), list(chosen)),
            f"saved{name}": ratio(list(saved * chosen), list(chosen)),
            f"oracle saved{name}": ratio(list(possible * chosen), list(chosen)),
            f"saved of oracle{name}": ratio(list(saved * chosen), list(possible * chosen)),
        }
    return found


def _verdict(suite: StoppingSuite, units: Sequence[Unit]) -> dict[str, Any]:
    """Whether the rule kept its word on every review with enough includes, and on which it did not."""
    judged = [unit for unit in units if unit.runs[0].enough]
    missed = {unit.runs[0].review: unit.share() for unit in judged if unit.share() < suite.confidence - TOLERANCE}
    return {"mark": "unsafe" if missed or not judged else "safe", "reviews": len(judged), "missed": missed}


def _missed(mark: Mapping[str, Any]) -> str:
    missed = ", ".join(f"{review} (held in {share:.0%})" for review, share in mark["missed"].items())
    return f"it missed its target on {missed}" if missed else "no review has enough includes to judge it"


def _groups(units: Mapping[str, Sequence[Unit]], draws: Draws) -> dict[str, Any]:
    """By review, every rule's figures over its runs."""
    found: dict[str, dict[str, Any]] = {}
    for name, own in units.items():
        for unit in own:
            review = found.setdefault(unit.runs[0].review, {})
            for figure, values in _columns(unit):
                review[f"{name} {figure}"] = estimate(mean(values), len(values), draws).as_json()
            if "oracle saved" not in review:
                possible = [run.possible for run in unit.runs]
                review["oracle saved"] = estimate(mean(possible), len(possible), draws).as_json()
    return found


def _columns(unit: Unit) -> Iterator[tuple[str, list[float]]]:
    yield "held", [float(run.held) for run in unit.runs]
    yield "recall", [run.recall for run in unit.runs]
    yield "saved", [run.saved for run in unit.runs]
