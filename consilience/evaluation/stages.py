"""The gate: every stage of retrieval with and without itself, on the same questions of several sets.

A stage has earned its place when the pooled gain lies above zero with its whole interval. What counts as pooled is the
mean over sets, each set weighing the same, so that the largest does not decide alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws, Floats, Statistic, Weights, estimate, holm, mean, paired, spread
from consilience.evaluation.datasets import Question
from consilience.evaluation.definition import RetrievalSuite, Stage, StagesSuite, Variant
from consilience.evaluation.engine import Searches, Varied
from consilience.evaluation.outcome import Clock, Outcome, Scored, compared
from consilience.evaluation.retrieval import retrieve, scored
from consilience.evaluation.shelf import patched
from consilience.indexes.profile import Profile
from consilience.records import canonical_json

SHIPPED = "shipped"
# From this p on, a paired test contradicts an interval that lies above zero.
DOUBTFUL = 0.05

Values = Mapping[str, Mapping[str, Floats]]
"""By system and set, one value a question."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One set to try stages on: its questions, and what opens the engine that holds its documents."""

    suite: RetrievalSuite
    questions: Sequence[Question]
    engine: AbstractContextManager[Searches]


@dataclass(frozen=True, slots=True)
class Sides:
    """The systems a stage compares: the one with it, and those without, of which the best on each set counts."""

    stage: str
    on: str
    off: tuple[str, ...]
    shipped: bool | None

    def as_json(self) -> dict[str, Any]:
        """Its names, for the provenance."""
        return {"stage": self.stage, "with": self.on, "without": list(self.off), "shipped": self.shipped}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Sides:
        """What `as_json` told."""
        return cls(told["stage"], told["with"], tuple(told["without"]), told["shipped"])


def compare(suite: StagesSuite, trials: Mapping[str, Trial], *, clock: Clock, draws: Draws) -> Outcome:
    """Ranks every set with and without every stage, and says which stages have earned their place."""
    outcomes: dict[str, Outcome] = {}
    sides: list[Sides] = []
    skipped: dict[str, str] = {}
    for name, trial in trials.items():
        with trial.engine as engine:
            if not isinstance(engine, Varied):
                raise BadInputError("This engine has no variants.", where=name, expected="a home with its own index")
            variants, sides, skipped = planned(suite, Profile.model_validate(engine.provenance()["config"]))
            asked = trial.suite.model_copy(
                update={"systems": tuple(variants), "measures": (suite.measure,), "top": suite.top}
            )
            outcomes[name] = retrieve(asked, trial.questions, engine, clock=clock)
    details = [{"set": name, **detail} for name, outcome in outcomes.items() for detail in outcome.details]
    values = by_set(details, suite.measure)
    left_out = {f"{name}: {system}": why for name, of in outcomes.items() for system, why in of.skipped.items()}
    rows = tuple(table(sides, values, draws))
    main = next(iter(outcomes.values()))
    return Outcome(
        len(details),
        tuple(_joined(outcomes, values, suite.measure)),
        tuple(details),
        {**skipped, **left_out},
        tuple(warnings(rows, outcomes)),
        groups=_by_set(values, suite.measure, draws),
        stages=rows,
        usage={"sets": {name: dict(outcome.usage) for name, outcome in outcomes.items()}},
        provenance={
            **main.provenance,
            "snapshot": canonical_json([outcome.provenance["snapshot"] for outcome in outcomes.values()]),
            "documents": {name: outcome.provenance["documents"] for name, outcome in outcomes.items()},
            "sides": [side.as_json() for side in sides],
        },
    )


def planned(suite: StagesSuite, profile: Profile) -> tuple[list[Variant], list[Sides], dict[str, str]]:
    """The systems to run, each once, which of them every stage compares, and the stages this version does not have."""
    systems: dict[str, Variant] = {}

    def system(name: str, retriever: Any, patch: Mapping[str, Any]) -> str:
        key = canonical_json([retriever, patched(profile, patch).model_dump(mode="json")])
        return systems.setdefault(key, Variant(name=name, retriever=retriever, profile=dict(patch))).name

    system(SHIPPED, "hybrid", {})
    # Under their own names first, however stages call the same thing.
    for name in dict.fromkeys(name for stage in suite.stages for name in stage.against):
        system(name, name, {})
    sides, skipped = [], {}
    for stage in suite.stages:
        try:
            shipped = _is_shipped(stage, profile)
        except BadInputError as unknown:
            skipped[stage.name] = str(unknown)
            continue
        on = system(f"{stage.name} (with)", stage.retriever, stage.on)
        off = tuple(system(name, name, {}) for name in stage.against) or (
            system(f"{stage.name} (without)", stage.retriever, stage.off),
        )
        if on in off:  # `without: {}` is no absence where the profile has the stage
            raise BadInputError("With the stage and without it the profile is the same.", where=stage.name,
                                expected="`without` settings that turn it off")  # fmt: skip
        sides.append(Sides(stage.name, on, off, shipped))
    return list(systems.values()), sides, skipped


def _is_shipped(stage: Stage, profile: Profile) -> bool | None:
    """Whether the profile has the stage, or has it not; None when it is neither, so that another one was measured."""
    on, off = patched(profile, stage.on), patched(profile, stage.off)
    if stage.against:
        return stage.retriever == "hybrid"
    return True if on == profile else False if off == profile else None


def by_set(details: Sequence[Mapping[str, Any]], measure: str) -> dict[str, dict[str, Floats]]:
    """One value a question by system and set, computed from details; a system that a set lacks is left out."""
    sets = dict.fromkeys(detail["set"] for detail in details)
    found = {name: scored([dict(d) for d in details if d["set"] == name], [measure]) for name in sets}
    shared = [system for system in next(iter(found.values()), {}) if all(system in own for own in found.values())]
    return {
        system: {name: np.asarray(own[system][measure]) for name, own in found.items()} for system in shared
    }  # fmt: skip


def pooled(values: Mapping[str, Floats]) -> Statistic:
    """The mean over sets of the mean over their questions, in which every set weighs the same."""
    sizes = [len(column) for column in values.values()]
    ends = np.cumsum(sizes)
    columns = list(zip(values.values(), ends - sizes, ends, strict=True))

    def of(weights: Weights) -> Floats:
        # A resample that drew nothing of a set says nothing of it; with real sets there is none.
        means = [weights[:, a:b] @ column / np.maximum(weights[:, a:b].sum(axis=1), 1) for column, a, b in columns]
        return np.asarray(np.mean(means, axis=0))

    scaled = [column * ends[-1] / (len(sizes) * len(column)) for column in values.values()]
    return Statistic(of, np.concatenate(scaled))


def table(sides: Sequence[Sides], values: Values, draws: Draws) -> list[dict[str, Any]]:
    """A row a stage: its gain on each set and pooled, and whether it has earned its place.

    `p_holm` is the pooled p held to all stages of the table together: of twenty useless ones, one looks useful.
    """
    rows = [_row(side, values, draws) for side in sides if {side.on, *side.off} <= values.keys()]
    for row, p in zip(rows, holm([row["pooled"]["p"] for row in rows]), strict=True):
        row["pooled"]["p_holm"] = round(p, 6)
    return rows


def _row(side: Sides, values: Values, draws: Draws) -> dict[str, Any]:
    better = {name: max(side.off, key=lambda off: float(values[off][name].mean())) for name in values[side.on]}
    gains = {name: values[side.on][name] - values[off][name] for name, off in better.items()}
    n = sum(map(len, gains.values()))
    whole = pooled(gains)
    gain = spread(whole, n, draws).estimate()
    assert whole.values is not None
    (test,) = paired(whole.values[:, None], seed=draws.seed)
    earned = gain.ci95 is not None and gain.ci95[0] > 0
    sets = {
        name: {"n": len(column), "without": better[name], **compared(estimate(mean(column), len(column), draws), found)}
        for name, column in gains.items()
        for found in paired(column[:, None], seed=draws.seed)
    }
    return {
        "stage": side.stage, "with": side.on, "without": list(side.off), "sets": sets,
        "pooled": {"n": n, **compared(gain, test)}, "earned": earned, "shipped": side.shipped,
    }  # fmt: skip


def warnings(rows: Sequence[Mapping[str, Any]], outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    """What a reader of the table must not overlook."""
    for row in rows:
        if row["shipped"] is None:
            yield f"{row['stage']}: the profile is neither with nor without it as it was measured"
        if row["earned"] and row["pooled"]["p"] >= DOUBTFUL:
            yield (f"{row['stage']}: the interval lies above zero, and the paired test sees no difference "
                   f"(p {row['pooled']['p']:.3f}): too few questions differ to tell")  # fmt: skip
        if row["earned"] and row["shipped"] is False:
            yield f"{row['stage']} has earned its place, and the profile leaves it off"
        for name, gain in row["sets"].items():
            if row["earned"] and gain["ci95"] and gain["ci95"][1] < 0:
                yield f"{row['stage']} helps on the whole and harms on {name}"
    for name, outcome in outcomes.items():
        yield from (f"{name}: {warning}" for warning in outcome.warnings)


def holds(outcome: Outcome, measure: str, *, whole: bool) -> list[dict[str, Any]]:
    """What a profile is held to: no stage that it turns on without having earned it; nothing is told from a sample."""
    return [
        {
            "system": row["stage"],
            "measure": f"{measure} gained",
            "value": 0.0,
            "tolerance": 0.0,
            "found": row["pooled"]["ci95"][0] if row["pooled"]["ci95"] else None,
            # A setting that the profile does not have says nothing of the one that it has.
            "held": row["earned"] or not row["shipped"] if whole and row["shipped"] is not None else None,
        }
        for row in outcome.stages
    ]


def _by_set(values: Values, measure: str, draws: Draws) -> dict[str, Any]:
    """The shipped profile's own figure on each set."""
    own = values[SHIPPED]
    return {name: {measure: estimate(mean(column), len(column), draws).as_json()} for name, column in own.items()}


def _joined(outcomes: Mapping[str, Outcome], values: Values, measure: str) -> Iterator[Scored]:
    """Every system over all sets: its pooled figure, and all its calls."""
    for name, own in values.items():
        parts = [part for outcome in outcomes.values() for part in outcome.systems if part.name == name]
        times = [seconds for part in parts for seconds in part.times]
        yield Scored(name, {measure: pooled(own)}, len(times), sum(times), times)
