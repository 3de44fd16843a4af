"""Effects from the counts of two groups, with 95 % intervals and the working shown; what is not given is not guessed.

Risk ratio and odds ratio are scipy's (Katz's and Woolf's logarithmic intervals); the interval of a risk difference is
Newcombe's hybrid score (Stat Med 1998;17:873, method 10), and that of a number needed to treat is the difference's
turned over (Altman, BMJ 1998;317:1309).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from consilience.errors import BadInputError

Measure = Literal["ARR", "RRR", "RR", "OR", "NNT", "NNH"]
_CONFIDENCE = 0.95
_LARGEST = 10**9

_NAMES: dict[Measure, str] = {
    "ARR": r"\bARR\b|absolute risk (?:reduction|difference|increase)|risk difference",
    "RRR": r"\bRRR\b|relative risk reduction",
    "RR": r"\bRR\b|relative risk(?! reduction)|risk ratio",
    "OR": r"\bOR\b|(?i:odds ratio)",
    "NNT": r"\bNNTB?\b|numbers? needed to treat",
    "NNH": r"\bNNH\b|\bNNTH\b|numbers? needed to (?:treat to )?harm",
}
_ASKED = {name: re.compile(pattern, 0 if name == "OR" else re.IGNORECASE) for name, pattern in _NAMES.items()}
# What asks for a measure without naming it, where a treated group and a control are counted.
_IN_WORDS: dict[Measure, re.Pattern[str]] = {
    "NNT": re.compile(
        r"\bhow many (?:\w+ ){0,2}?(?:must|needs?|have|has|should|would) (?:to )?(?:be )?"
        r"(?:treated|vaccinated|given)\b",
        re.IGNORECASE,
    ),
    "ARR": re.compile(
        r"\bhow many (?:\w+ ){1,3}?(?:(?:is|are|was|were|does|do|did|would|will|could|can) [^?]{0,60}?)?"
        r"(?:prevent|avoid|avert|save|spare)(?:s|ed|d|red|ted)?\b|\bhow many (?:fewer|more)\b",
        re.IGNORECASE,
    ),
}
_CALCULATE = re.compile(r"\b(?:calculate|compute|work out)\b", re.IGNORECASE)
_WHOLE = r"(\d{1,3}(?:,\d{3})+|\d{1,10})"
_COUNT = re.compile(
    rf"(?<![\w.,/]){_WHOLE}\s*(?:/|of(?: the)?|out of|in|among)\s*{_WHOLE}(?![\d%/]|[.,]\d)", re.IGNORECASE
)
_TREATED = re.compile(
    r"\b(?:treated|treatment|intervention|exposed|drug|active|experimental|vaccinated)\b", re.IGNORECASE
)
_CONTROL = re.compile(
    r"\b(?:controls?|placebo|untreated|unexposed|unvaccinated|comparator|comparison|standard care|usual care)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:.?]\s|\b(?:and|versus|vs|against|while|whereas|but|compared)\b", re.IGNORECASE)
# Events that are wished for: more of them is the benefit; `did not respond` is none.
_WISHED = re.compile(
    r"(?<!not )(?<!never )(?<!failed to )(?<!without )\b(?:recover(?:ed|y|ies|s)?|surviv(?:ed|al|es?|ors?)|"
    r"improve[ds]?|improvements?|heal(?:ed|s|ing)?|respond(?:ed|s|ers?)?|responses?|cure[ds]?|remissions?|"
    r"succe(?:ss|sses|eded)|(?:pain|seizure|symptom|relapse|disease)[- ]free)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Counts:
    """Events among the people of two groups; `wished` where the event is what treatment is given for."""

    treated_events: int
    treated_total: int
    control_events: int
    control_total: int
    wished: bool = False

    def __post_init__(self) -> None:
        for name, events, total in (
            ("treated", self.treated_events, self.treated_total), ("control", self.control_events, self.control_total),
        ):  # fmt: skip
            if not 0 < total <= _LARGEST or not 0 <= events <= total:
                raise BadInputError(f"{events} of {total} are no counts of a group", where=name,
                                    expected="events from 0 up to the people of the group")  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """The counts as the contract shows them."""
        return {
            "treated": {"events": self.treated_events, "total": self.treated_total},
            "control": {"events": self.control_events, "total": self.control_total},
            "wished": self.wished,
        }


@dataclass(frozen=True, slots=True)
class Effect:
    """One measure: its value and 95 % interval in its unit, and the working.

    A bound is None where it is infinite. `crosses` says that the interval of an NNT runs from `low` through infinity
    to `high` on the other side: the difference may be nothing.
    """

    measure: Measure
    name: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    working: str
    crosses: bool = False

    def as_json(self) -> dict[str, Any]:
        """The effect as the contract shows it, to six places."""
        shown = {name: None if (x := getattr(self, name)) is None else round(x, 6) for name in ("value", "low", "high")}
        return {
            "measure": self.measure, "name": self.name, **shown, "confidence": _CONFIDENCE, "unit": self.unit,
            "crosses_infinity": self.crosses, "working": self.working,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sum:
    """What a question asks to be calculated: the measure, and the counts, or what of them is missing."""

    measure: Measure
    counts: Counts | None
    missing: str = ""


def effects(counts: Counts) -> list[Effect]:
    """Every measure of two groups; one that the counts leave undefined has no value, and its working says why."""
    return [_difference(counts), _needed(counts), *_ratios(counts)]


def effect(measure: Measure, counts: Counts) -> Effect:
    """One measure; NNT and NNH are one, named by which way the difference goes."""
    wanted = {"NNT", "NNH"} if measure in ("NNT", "NNH") else {measure}
    return next(each for each in effects(counts) if each.measure in wanted)


def read(question: str) -> Sum | None:
    """What a question asks to be calculated from counts it gives; None when it asks for no arithmetic.

    "What is the odds ratio of stroke in smokers?" is a question to the literature: it gives no counts.
    """
    groups = list(_groups(question))
    if [name for name, _, _ in groups if name] == ["control"]:  # what is held against controls was given something
        groups = [(name or "treated", events, total) for name, events, total in groups]
    named = {name: (events, total) for name, events, total in groups if name}
    is_whole = len(groups) == 2 and set(named) == {"treated", "control"}
    asked = [*_ASKED.items(), *(_IN_WORDS.items() if is_whole else ())]
    measure = next((name for name, pattern in asked if pattern.search(question)), None)
    if measure is None or not (groups or _CALCULATE.search(question)):
        return None
    if len(groups) != 2:
        return Sum(measure, None, f"two groups as `events of people` are needed, {len(groups)} given")
    if not is_whole:
        return Sum(measure, None, "which group is treated and which is the control is not said")
    try:
        return Sum(measure, Counts(*named["treated"], *named["control"], bool(_WISHED.search(question))))
    except BadInputError as error:
        return Sum(measure, None, f"{error.message}: {error.expected}")


def _groups(question: str) -> Iterator[tuple[str, int, int]]:
    """Each `events of people` with the group its own clause names: by the words after it, else by those before."""
    found = list(_COUNT.finditer(question))
    for number, count in enumerate(found):
        ends = found[number + 1].start() if number + 1 < len(found) else len(question)
        begins = found[number - 1].end() if number else 0
        after, *_ = _CLAUSE.split(question[count.end() : ends])
        *_, before = _CLAUSE.split(question[begins : count.start()])
        events, total = (int(digits.replace(",", "")) for digits in count.groups())
        yield _group(after) or _group(before), events, total


def _group(words: str) -> str:
    """The one group that some words name; nothing where they name none or both."""
    sides = [name for name, pattern in (("treated", _TREATED), ("control", _CONTROL)) if pattern.search(words)]
    return sides[0] if len(sides) == 1 else ""


def _difference(counts: Counts) -> Effect:
    benefit, low, high = _benefit(counts)
    treated, control = _risks(counts)
    first, second = (treated, control) if counts.wished else (control, treated)
    working = f"{first[1]} - {second[1]} = {_percent(benefit)}"
    name = "absolute benefit increase" if counts.wished else "absolute risk reduction"
    return Effect("ARR", name, 100 * benefit, 100 * low, 100 * high, "percentage points", working)


def _needed(counts: Counts) -> Effect:
    benefit, low, high = _benefit(counts)
    measure: Measure = "NNT" if benefit >= 0 else "NNH"
    name = "number needed to treat" if benefit >= 0 else "number needed to treat for one more to be harmed"
    if benefit == 0:
        return Effect(measure, name, None, None, None, "people", "the risks are equal: nobody is helped or harmed")
    near, far = (high, low) if benefit > 0 else (low, high)
    crosses = near * far < 0
    working = f"1 / {abs(benefit):.6g} = {1 / abs(benefit):.6g}, that is {math.ceil(1 / abs(benefit) - 1e-9)} people"
    if crosses:
        working += "; the interval of the difference holds 0, so that it runs through infinity to the other side"
    return Effect(
        measure, name, 1 / abs(benefit), 1 / abs(near), 1 / abs(far) if far else None, "people", working, crosses
    )


def _ratios(counts: Counts) -> list[Effect]:
    from scipy.stats.contingency import odds_ratio, relative_risk

    a, n, c, m = counts.treated_events, counts.treated_total, counts.control_events, counts.control_total
    treated, control = _risks(counts)
    b, d = n - a, m - c
    if not (a and c):
        risk = Effect("RR", "risk ratio", None, None, None, "ratio", "a group without events has no ratio of risks")
        less = Effect("RRR", "relative risk reduction", None, None, None, "%", risk.working)
    else:
        found = relative_risk(a, n, c, m)
        ends = found.confidence_interval(_CONFIDENCE)
        value, low, high = (float(each) for each in (found.relative_risk, ends.low, ends.high))
        risk = Effect("RR", "risk ratio", value, low, high, "ratio", f"({treated[0]}) / ({control[0]}) = {value:.6g}")
        less = Effect("RRR", "relative risk reduction", 100 * (1 - value), 100 * (1 - high), 100 * (1 - low), "%",
                      f"1 - {value:.6g} = {_percent(1 - value)}")  # fmt: skip
    if not (a and b and c and d):
        odds = Effect(
            "OR", "odds ratio", None, None, None, "ratio", "a group with no events, or nothing else, has no odds"
        )
    else:
        crossed = odds_ratio([[a, b], [c, d]], kind="sample")
        ends = crossed.confidence_interval(_CONFIDENCE)
        odds = Effect("OR", "odds ratio", float(crossed.statistic), float(ends.low), float(ends.high), "ratio",
                      f"({a} / {b}) / ({c} / {d}) = {float(crossed.statistic):.6g}")  # fmt: skip
    return [risk, less, odds]


def _benefit(counts: Counts) -> tuple[float, float, float]:
    """How much the treated are better off, as a difference of risks with its interval (Newcombe's method 10)."""
    from scipy.stats import binomtest

    def group(events: int, total: int) -> tuple[float, float, float]:
        ends = binomtest(events, total).proportion_ci(_CONFIDENCE, method="wilson")
        return events / total, float(ends.low), float(ends.high)

    treated = group(counts.treated_events, counts.treated_total)
    control = group(counts.control_events, counts.control_total)
    (p, p_low, p_high), (q, q_low, q_high) = (treated, control) if counts.wished else (control, treated)
    difference = p - q
    low = difference - math.hypot(p - p_low, q_high - q)
    high = difference + math.hypot(p_high - p, q - q_low)
    return difference, low, high


def _risks(counts: Counts) -> tuple[tuple[str, str], tuple[str, str]]:
    """Each group's risk as a fraction and in percent."""
    a, n, c, m = counts.treated_events, counts.treated_total, counts.control_events, counts.control_total
    return (f"{a} / {n}", _percent(a / n)), (f"{c} / {m}", _percent(c / m))


def _percent(share: float) -> str:
    return f"{100 * share:.6g} %"
