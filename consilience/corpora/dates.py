"""Dates as PubMed writes them: `2000 Nov-Dec` stays two months, `Summer 2016` a season, never a day."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from consilience.records import PartialDate, Precision

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
# Months of the season in the year it names. "Winter 2004" may open or close that year, so it is the whole of it.
_SEASONS = {"spring": (3, 5), "summer": (6, 8), "fall": (9, 11), "autumn": (9, 11), "winter": (1, 12)}
_EARLIEST, _LATEST = 1500, 2199

_ISO_DAY = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?:[t ].*)?")
_ISO_MONTH = re.compile(r"([0-9]{4})[-/](0[1-9]|1[0-2])")
_SHORT_RANGE = re.compile(r"([0-9]{4})[-/]([0-9]{2})")
_QUARTER = re.compile(r"\b([1-4])(?:st|nd|rd|th)?(?=(?:-[1-4](?:st|nd|rd|th)?)? ?quart)")
_YEAR = re.compile(r"(?<![0-9])[0-9]{4}(?![0-9])")


@dataclass(frozen=True, slots=True)
class DateReading:
    """What a date text says, or None when it says nothing usable; `warning` tells what was not taken as written."""

    when: PartialDate | None
    warning: str = ""


class _Unit(NamedTuple):
    first: int
    last: int
    precision: Precision


class _Side(NamedTuple):
    year: int | None
    unit: _Unit | None
    day: int | None


class _UnknownWordError(ValueError):
    """A word that is no month, season or quarter, or more or fewer parts than a date has."""


@lru_cache(maxsize=1 << 14)
def read_date(raw: str) -> DateReading:
    """Read one date; `1976 Aug 28-Sep 4` is 1976-08-28..1976-09-04, precision `day-range`.

    Impossible dates give None. Words that mean nothing here leave the whole year they stand beside (`1979 Christmas`).
    """
    text = _tidy(raw)
    try:
        return _reading(text, raw.strip())
    except _UnknownWordError:
        return _years_alone(text, raw.strip())
    except ValueError:
        return DateReading(None, f"not a date: {raw.strip()!r}")


def parse_date(raw: str) -> PartialDate | None:
    """The date a text says, or None; `2003-04`, which PubMed may mean as two years, is the month of ISO 8601 here."""
    text = raw.strip()
    if found := _ISO_MONTH.fullmatch(text):
        when = read_date(f"{found[1]} {found[2]}").when
        return when and replace(when, raw=text)
    return read_date(text).when


def _tidy(raw: str) -> str:
    text = re.sub(r"[\u2010-\u2015\u2212]| to ", "-", raw.lower())
    text = " ".join(re.sub(r"[.,]", " ", text).split())
    return re.sub(r" ?(?:-|&) ?", "-", text)


def _reading(text: str, raw: str) -> DateReading:
    if found := _ISO_DAY.fullmatch(text):
        year, month, day = map(int, found.groups())
        return DateReading(_single(_Side(_checked_year(year), _month(month), _day(day)), raw))
    if found := _SHORT_RANGE.fullmatch(text):
        return DateReading(_short_range(int(found[1]), int(found[2]), raw))
    parts = _QUARTER.sub(r"q\1", text).replace("/", "-").split("-")
    if len(parts) == 1:
        return DateReading(_single(_side(parts[0].split()), raw))
    if len(parts) == 2:
        left = _side(parts[0].split())
        return _range(left, _right_side(parts[1].split(), left), raw)
    raise _UnknownWordError(text)


def _years_alone(text: str, raw: str) -> DateReading:
    years = [int(year) for year in _YEAR.findall(text)]
    if years and len(years) <= 2 and _EARLIEST <= years[0] <= years[-1] <= _LATEST:
        precision: Precision = "year" if years[0] == years[-1] else "year-range"
        when = PartialDate(date(years[0], 1, 1), date(years[-1], 12, 31), precision, raw)
        return DateReading(when, f"only the year was understood: {raw!r}")
    return DateReading(None, f"not a date: {raw!r}")


def _short_range(year: int, number: int, raw: str) -> PartialDate:
    """Read `1978-79` as two years; `2001-02`, which may be a month or two years, as all it may mean."""
    years_on = number - year % 100
    if years_on != 1 and (number <= 12 or not 1 < years_on <= 5):
        return _single(_Side(_checked_year(year), _month(number), None), raw)
    last = year - year % 100 + number
    return PartialDate(date(_checked_year(year), 1, 1), date(last, 12, 31), "year-range", raw)


def _side(words: list[str]) -> _Side:
    if not words:
        raise _UnknownWordError("nothing")
    year: int | None = None
    unit: _Unit | None = None
    numbers: list[int] = []
    for word in words:
        if word.isascii() and word.isdigit() and len(word) <= 2:
            numbers.append(int(word))
        elif word.isascii() and word.isdigit() and len(word) == 4 and year is None:
            year = _checked_year(int(word))
        elif unit is None:
            unit = _named(word)
        elif not (unit.precision == "quarter" and "quarter".startswith(word)):
            raise ValueError(word)
    if unit is None and numbers:
        unit = _month(numbers.pop(0))
    day = _day(numbers.pop(0)) if numbers else None
    if numbers or (day is not None and (unit is None or unit.precision != "month")):
        raise ValueError(words)
    return _Side(year, unit, day)


def _right_side(words: list[str], left: _Side) -> _Side:
    """The side after the dash; in `1983 Jul 12-26` its number is a day, in `2000 11-12` a month."""
    if left.day is not None and len(words) == 1 and words[0].isdigit() and len(words[0]) <= 2:
        return left._replace(day=_day(int(words[0])))
    return _side(words)


def _named(word: str) -> _Unit:
    if len(word) == 2 and word[0] == "q" and word[1] in "1234":
        return _Unit(3 * int(word[1]) - 2, 3 * int(word[1]), "quarter")
    if word in _SEASONS:
        return _Unit(*_SEASONS[word], "season")
    if len(word) >= 3 and word.isalpha():
        for number, name in enumerate(_MONTHS, start=1):
            if name.startswith(word) or (word == "sept" and number == 9):
                return _Unit(number, number, "month")
    raise _UnknownWordError(word)


def _month(number: int) -> _Unit:
    if not 1 <= number <= 12:
        raise ValueError(number)
    return _Unit(number, number, "month")


def _day(number: int) -> int:
    if not 1 <= number <= 31:
        raise ValueError(number)
    return number


def _checked_year(year: int) -> int:
    if not _EARLIEST <= year <= _LATEST:
        raise ValueError(year)
    return year


def _first_day(side: _Side) -> date:
    if side.year is None:
        raise ValueError("no year")
    return date(side.year, side.unit.first if side.unit else 1, side.day or 1)


def _last_day(side: _Side) -> date:
    if side.year is None:
        raise ValueError("no year")
    month = side.unit.last if side.unit else 12
    return date(side.year, month, side.day or monthrange(side.year, month)[1])


def _single(side: _Side, raw: str) -> PartialDate:
    precision: Precision = "day" if side.day else side.unit.precision if side.unit else "year"
    return PartialDate(_first_day(side), _last_day(side), precision, raw)


def _range(left: _Side, right: _Side, raw: str) -> DateReading:
    left, right = _shared_year(left, right)
    warning = ""
    if (left.day is None) != (right.day is None):
        left, right = left._replace(day=None), right._replace(day=None)
        warning = f"a day beside a range was not used: {raw!r}"
    start, end = _first_day(left), _last_day(right)
    if end < start:
        raise ValueError(raw)
    return DateReading(PartialDate(start, end, _range_precision(left, right), raw), warning)


def _shared_year(left: _Side, right: _Side) -> tuple[_Side, _Side]:
    """Give the side without a year that of the other.

    `2000 Dec-Jan` runs into the next year, `Dec-Jan 2000` from the last.
    """
    months = left.unit and right.unit and left.unit.precision == right.unit.precision == "month"
    turns = int(bool(months and left.unit and right.unit and left.unit.first > right.unit.first))
    if left.year is None and right.year is not None:
        return left._replace(year=right.year - turns), right
    if right.year is None and left.year is not None:
        return left, right._replace(year=left.year + turns)
    return left, right


def _range_precision(left: _Side, right: _Side) -> Precision:
    if left.unit is None or right.unit is None:
        return "year-range"
    if left.day is not None:
        return "day-range"
    units = {left.unit.precision, right.unit.precision}
    if units == {"month"}:
        return "month-range"
    return "season" if "season" in units else "quarter"


__all__ = ["DateReading", "parse_date", "read_date"]
