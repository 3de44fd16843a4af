"""Deterministic checks of a claim against its evidence: numbers, negation, direction."""

from __future__ import annotations

import re
from dataclasses import dataclass

from consilience.models.cues import Sentence, read

_NUMBER = re.compile(
    r"(?<![\w.])(?P<value>[-−]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-−]?\d+(?:[.·]\d+)?|[-−]?\.\d+)"
    r"(?:\s?(?P<unit>%|percent|per cent|mm ?Hg|mmol|µmol|umol|nmol|mg|mcg|µg|μg|ug|ng|kg|g|ml|dl|l|cm|mm|m|kcal|iu|"
    r"seconds?|minutes?|min|hours?|hrs?|h|days?|d|weeks?|wks?|months?|years?|yrs?)(?![A-Za-z]))?"
    r"(?:\s?(?:/|per )\s?(?P<per>kg|g|ml|dl|l|day|d|week|month|year|hour|h|min|m2)(?![A-Za-z]))?",
    re.IGNORECASE,
)
# unit -> (base unit, how many of it); only exact conversions, so months are never days.
_UNITS = {
    "percent": ("%", 1.0), "per cent": ("%", 1.0), "mmhg": ("mmHg", 1.0), "mm hg": ("mmHg", 1.0),
    "kg": ("mg", 1e6), "g": ("mg", 1e3), "mg": ("mg", 1.0), "mcg": ("mg", 1e-3), "µg": ("mg", 1e-3),
    "μg": ("mg", 1e-3), "ug": ("mg", 1e-3), "ng": ("mg", 1e-6),
    "l": ("ml", 1e3), "dl": ("ml", 100.0), "ml": ("ml", 1.0),
    "mmol": ("mmol", 1.0), "µmol": ("mmol", 1e-3), "umol": ("mmol", 1e-3), "nmol": ("mmol", 1e-6),
    "m": ("mm", 1e3), "cm": ("mm", 10.0), "mm": ("mm", 1.0),
    "second": ("minute", 1 / 60), "minute": ("minute", 1.0), "min": ("minute", 1.0), "hour": ("minute", 60.0),
    "hr": ("minute", 60.0), "h": ("minute", 60.0), "day": ("minute", 1440.0), "d": ("minute", 1440.0),
    "week": ("minute", 10080.0), "wk": ("minute", 10080.0),
    "month": ("month", 1.0), "year": ("month", 12.0), "yr": ("month", 12.0),
}  # fmt: skip
# Below this share of the claim's words a sentence is about something else, and nothing can mismatch.
_SAME_TOPIC = 0.5
# Rounding explains no more than this: a hazard ratio of 1 is not 1.4, nor a week ten days.
_MOST_ROUNDED = 0.1


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written, in base units: `0.5 g/day` is 500 `mg/day`; `step` is what its last digit stands for."""

    value: float
    unit: str
    step: float
    start: int
    end: int


def numbers(text: str) -> tuple[Number, ...]:
    """The numbers of `text` with their units, in order; digits inside a word (`HbA1c`, `IL-6`) are none."""
    return tuple(_number(found) for found in _NUMBER.finditer(text) if not _inside_word(text, found.start()))


def number_mismatch(claim: str, evidence: str) -> bool:
    """Whether the claim gives a number that the evidence, which has numbers of that unit, does not.

    A rounded number matches: 5% is 4.9%, not 4%. Without numbers of that unit nothing is said, so nothing mismatches.
    """
    given = numbers(evidence)
    for number in numbers(claim):
        comparable = [other for other in given if other.unit == number.unit]
        if comparable and not any(_agrees(number, other) for other in comparable):
            return True
    return False


def negation_mismatch(claim: str, evidence: str) -> bool:
    """Whether one of the two negates and the other does not, in the sentence that shares most words with the claim.

    `"A reduces pain"` against `"A did not reduce pain"` or `"no difference in pain with A"`.
    """
    asked, nearest = _closest(claim, evidence)
    return nearest is not None and asked.negated != nearest.negated


def direction_mismatch(claim: str, evidence: str) -> bool:
    """Whether shared words go up on one side and down on the other: `reduces pain` against `pain increased`."""
    asked, nearest = _closest(claim, evidence)
    if nearest is None:
        return False
    shared = asked.signs.keys() & nearest.signs.keys()
    opposite = sum(asked.signs[word] != nearest.signs[word] for word in shared)
    return opposite > len(shared) - opposite


def _number(found: re.Match[str]) -> Number:
    digits = found["value"].replace(",", "").replace("−", "-").replace("·", ".")
    unit = (found["unit"] or "").lower()
    base, factor = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"), (unit, 1.0))
    per = (found["per"] or "").lower()
    if per == "d":
        per = "day"
    step = 10.0 ** -len(digits.partition(".")[2])
    name = f"{base}/{per}" if per else base
    return Number(float(digits) * factor, name, step * factor, found.start(), found.end())


def _inside_word(text: str, start: int) -> bool:
    before = text[max(0, start - 1) : start + 1]
    return len(before) == 2 and before[0] in "-/" and start >= 2 and text[start - 2].isalpha()


def _agrees(claimed: Number, given: Number) -> bool:
    # Signs are dropped: "a change of -3 kg" and "3 kg less" are the same number; direction is another check.
    gap = abs(abs(claimed.value) - abs(given.value))
    rounding = min(0.5 * max(claimed.step, given.step), _MOST_ROUNDED * abs(claimed.value))
    return gap <= rounding * (1 + 1e-9) or gap < 1e-9 * abs(claimed.value)


def _closest(claim: str, evidence: str) -> tuple[Sentence, Sentence | None]:
    """The claim as one sentence, and the evidence's sentence that shares most of its words, if it shares enough."""
    asked = read(claim).whole
    found = read(evidence).sentences
    if not found or not asked.content:
        return asked, None
    share, _, nearest = max((len(asked.content & one.content), -place, one) for place, one in enumerate(found))
    return asked, nearest if share >= _SAME_TOPIC * len(asked.content) else None
