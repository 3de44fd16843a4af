"""Numbers in a text with their units: read in base units, compared as they are rounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_VALUE = r"[-−]?\d{1,3}(?:[,\u2009\u202f]\d{3})+(?:\.\d+)?|[-−]?\d+(?:[.·]\d+)?|[-−]?\.\d+"
_NUMBER = re.compile(
    rf"(?<![\w.])(?P<value>{_VALUE})"
    r"(?:[\s-]?(?P<unit>%|percent|per cent|"
    r"mm ?Hg|mmol|µmol|μmol|umol|nmol|mg|mcg|µg|μg|ug|ng|kg|g|ml|dl|lit(?:er|re)s?|"
    r"l|cm|mm|m|kcal|iu|seconds?|minutes?|min|hours?|hrs?|h|days?|d|weeks?|wks?|months?|years?|yrs?)(?![A-Za-z]))?"
    r"(?:\s?(?:/|per )\s?(?P<per>kg|g|ml|dl|l|day|d|week|month|year|hour|h|min|m2)(?![A-Za-z]))?",
    re.IGNORECASE,
)
_MINUTES = {"second": 1 / 60, "minute": 1.0, "hour": 60.0, "day": 1440.0, "week": 10080.0, "month": 43830.0,
            "year": 525960.0}  # fmt: skip
# unit -> (base unit, how many of it); a month is a twelfth of 365.25 days, which rounding makes four weeks too.
_UNITS = {
    "percent": ("%", 1.0), "per cent": ("%", 1.0), "mmhg": ("mmHg", 1.0), "mm hg": ("mmHg", 1.0),
    "kg": ("mg", 1e6), "g": ("mg", 1e3), "mg": ("mg", 1.0), "mcg": ("mg", 1e-3), "µg": ("mg", 1e-3),
    "μg": ("mg", 1e-3), "ug": ("mg", 1e-3), "ng": ("mg", 1e-6),
    "l": ("ml", 1e3), "liter": ("ml", 1e3), "litre": ("ml", 1e3), "dl": ("ml", 100.0), "ml": ("ml", 1.0),
    "mmol": ("mmol", 1.0), "µmol": ("mmol", 1e-3), "μmol": ("mmol", 1e-3), "umol": ("mmol", 1e-3),
    "nmol": ("mmol", 1e-6), "m": ("mm", 1e3), "cm": ("mm", 10.0), "mm": ("mm", 1.0),
    **{unit: ("minute", many) for unit, many in _MINUTES.items()},
    **{short: ("minute", _MINUTES[unit]) for short, unit in (
        ("min", "minute"), ("hr", "hour"), ("h", "hour"), ("d", "day"), ("wk", "week"), ("yr", "year"))},
}  # fmt: skip
NUMBER_WORDS = {
    "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0, "eight": 8.0, "nine": 9.0,
    "ten": 10.0, "eleven": 11.0, "twelve": 12.0, "fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "forty": 40.0,
    "fifty": 50.0, "hundred": 100.0,
}  # fmt: skip
_WORD = re.compile(
    r"\b(?P<value>" + "|".join(NUMBER_WORDS) + r")\b(?![- ](?:thirds?|fold|sided|tailed|way))"
    r"(?:[\s-](?P<unit>seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b)?",
    re.IGNORECASE,
)
_TIMES = {"once": 1.0, "twice": 2.0, "thrice": 3.0, "one": 1.0} | NUMBER_WORDS
_PER_DAY = {"daily": 1.0, "day": 1.0, "weekly": 1 / 7, "week": 1 / 7, "monthly": 12 / 365.25, "month": 12 / 365.25,
            "yearly": 1 / 365.25, "annually": 1 / 365.25, "year": 1 / 365.25}  # fmt: skip
_RATE = re.compile(
    r"\b(?:(?:(?P<times>once|twice|thrice)|(?P<many>\d+|"
    + "|".join(NUMBER_WORDS)
    + r") times)[ -](?:(?:a|per|every) )?"
    r"(?P<span>daily|day|weekly|week|monthly|month|yearly|year)|(?P<each>daily|weekly|monthly|yearly|annually)"
    r"|(?P<latin>[bt]\.?i\.?d\b|q\.?d\b))",
    re.IGNORECASE,
)
_LATIN = {"bid": 2.0, "tid": 3.0, "qd": 1.0}
# `P < 0.05`, `p-value of .03`; what stands before a number of that kind.
_CHANCE = re.compile(r"\bp(?:[ -]?values?)?\s*(?:was|were|of)?\s*[<>=≤≥]{1,2}\s*$", re.IGNORECASE)
_RANGE = re.compile(r"\s*(?:-|–|to|and|or)\s*", re.IGNORECASE)
_MOST_ROUNDED = 0.1  # Rounding explains no more than this: a hazard ratio of 1 is not 1.4, nor a week ten days.


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written, in base units: `0.5 g/day` is 500 `mg/day`; `step` is what its last digit stands for."""

    value: float
    unit: str
    step: float
    start: int
    end: int
    written: float  # before it was put in base units

    @property
    def dimension(self) -> str:
        """The unit without what it is per: a dose a day and a dose are both weights."""
        return self.unit.partition("/")[0] if not self.unit.startswith("/") else self.unit


def numbers(text: str) -> tuple[Number, ...]:
    """The numbers of `text` with their units, in order; digits inside a word (`HbA1c`, `IL-6`) are none.

    `twice daily` is 2 `/day`; a year (`in 2007`) is a `calendar` year; `P < 0.05` is a `p`.
    """
    rates = [_rate(found) for found in _RATE.finditer(text)]
    taken = [(rate.start, rate.end) for rate in rates]
    plain = [*_digits(text), *_in_words(text)]
    free = [one for one in plain if not any(start <= one.start < end for start, end in taken)]
    return tuple(sorted(_ranged(text, [*rates, *free]), key=lambda one: one.start))


def same_number(claimed: Number, given: Number) -> bool:
    """Whether one number says the other, rounded: 5% is 4.9%, and `p < 0.05` is `p = 0.003`."""
    if {claimed.unit, given.unit} == {"", "calendar"}:  # `2041 adults` looks like a year
        return claimed.written == given.written
    if claimed.dimension != given.dimension:
        return False
    if claimed.unit != given.unit and "/" in claimed.unit and "/" in given.unit:
        return False
    if claimed.unit == "p":
        return given.value <= claimed.value and (claimed.value <= 0.05) == (given.value <= 0.05)
    # Signs are dropped: "a change of -3 kg" and "3 kg less" are the same number; direction is another check.
    gap = abs(abs(claimed.value) - abs(given.value))
    rounding = min(0.5 * max(claimed.step, given.step), _MOST_ROUNDED * abs(claimed.value))
    return gap <= rounding * (1 + 1e-9) or gap < 1e-9 * abs(claimed.value)


def _digits(text: str) -> Iterator[Number]:
    for found in _NUMBER.finditer(text):
        if not _inside_word(text, found.start()):
            number = _number(found)
            chance = not number.unit and _CHANCE.search(text[max(0, found.start() - 20) : found.start()])
            yield replace(number, unit="p") if chance else number


def _number(found: re.Match[str]) -> Number:
    digits = re.sub("[,\u2009\u202f]", "", found["value"]).replace("−", "-").replace("·", ".")
    unit = (found["unit"] or "").lower()
    base, factor = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"), (unit, 1.0))
    per = (found["per"] or "").lower()
    if per == "d":
        per = "day"
    step = 10.0 ** -len(digits.partition(".")[2])
    name = f"{base}/{per}" if per else base
    if not name and len(found["value"]) == 4 and 1900 <= float(digits) < 2100 and step == 1:
        name, step = "calendar", 0.0
    return Number(float(digits) * factor, name, step * factor, found.start(), found.end(), float(digits))


def _inside_word(text: str, start: int) -> bool:
    before = text[max(0, start - 1) : start + 1]
    return len(before) == 2 and before[0] in "-/" and start >= 2 and text[start - 2].isalpha()


def _in_words(text: str) -> Iterator[Number]:
    for found in _WORD.finditer(text):
        value = NUMBER_WORDS[found["value"].lower()]
        base, factor = _UNITS[found["unit"].lower().removesuffix("s")] if found["unit"] else ("", 1.0)
        yield Number(value * factor, base, factor, found.start(), found.end(), value)


def _rate(found: re.Match[str]) -> Number:
    if found["latin"]:
        value = _LATIN[found["latin"].lower().replace(".", "")]
    elif found["each"]:
        value = _PER_DAY[found["each"].lower()]
    else:
        many = (found["times"] or found["many"]).lower()
        value = (float(many) if many.isdigit() else _TIMES[many]) * _PER_DAY[found["span"].lower()]
    return Number(value, "/day", 0.0, found.start(), found.end(), value)


def _ranged(text: str, found: list[Number]) -> Iterator[Number]:
    """Give the first number of a range the unit of the second: `5-10 mg` is 5 mg to 10 mg."""
    ordered = sorted(found, key=lambda one: one.start)
    for place, one in enumerate(ordered):
        after = ordered[place + 1] if place + 1 < len(ordered) else None
        if after is None or one.unit or after.unit in ("", "p", "calendar") or after.unit.startswith("/"):
            yield one
        elif _RANGE.fullmatch(text[one.end : after.start]):
            factor = after.value / after.written if after.written else 1.0
            yield replace(one, value=one.value * factor, unit=after.unit, step=one.step * factor)
        else:
            yield one


_ABOUT = (
    r"(?:(?:more|less|fewer|as much|as many) (?:than|as) |at least |at most |about |approximately |nearly |almost |"
    r"up to |only )?"
)
_DIGITS = r"\d[\d,]*(?:[.·]\d+)?"
_SIZE = re.compile(
    rf",? by {_ABOUT}(?:(?:an?|one|two|three) )?(?:half|thirds?|quarters?|fifths?|tenths?)\b|"
    rf",? by {_ABOUT}{_DIGITS}(?:\s?(?:%|per ?cent)|-?fold| times)?(?: points?)?(?! to \d)"
    rf"|(?<=\ba ){_ABOUT}{_DIGITS}(?:\s?%| per ?cent) "
    r"(?=(?:lower|higher|greater|smaller|relative|absolute|reduction|increase|decrease|decline)\b)",
    re.IGNORECASE,
)


def without_sizes(text: str) -> str:
    """A text without how much something rose or fell by: `lowered the risk by 20%` is `lowered the risk`.

    For a claim that gives no number, that a finding gives one says neither more nor less.
    """
    return _SIZE.sub("", text)


def has_number(text: str) -> bool:
    """Say whether a text gives any number in digits."""
    return any(character.isdigit() for character in text)
