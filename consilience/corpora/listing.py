"""What NLM's two folders of PubMed files list, and what of it belongs together: a baseline and its updates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from consilience.corpora import pubmed
from consilience.corpora.shortfalls import Shortfall

PROVIDER = "pubmed"
# With four digits, or more of which the first is none: so each number has one name.
_NAME = re.compile(r"pubmed[0-9]{2}n(?:[0-9]{4}|[1-9][0-9]{4,8})\.xml\.gz", re.ASCII)
# Where a link leads. A page that is none, or a hostile one, must cost no more than to look through it once.
_LINK = re.compile(r"<a\s[^<>]{0,200}?href\s{0,9}=\s{0,9}[\"']?([^\"'\s<>]{1,400})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,400}>")
# `2026-01-10 14:05   19M` or `10-Jan-2026 14:05  19876543`, as Apache and nginx put it beside a name.
_SHOWN = re.compile(
    r"((?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}-[A-Z][a-z]{2}-[0-9]{4})[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
    r"\s+([0-9][0-9.]{0,15}[KMGkmg]?)", re.ASCII,
)  # fmt: skip
_LONGEST_ROW = 400


@dataclass(frozen=True, slots=True)
class Generation:
    """The files to have: those of one year's baseline and its updates, in order, each with its folder's address."""

    files: dict[str, str] = field(default_factory=dict)  # name -> folder
    whole: tuple[str, ...] = ()  # the baseline, where its updates go on from its last number: nothing is still to come
    shortfalls: tuple[Shortfall, ...] = ()
    warnings: tuple[str, ...] = ()


def shown_in(page: str) -> dict[str, str]:
    """The PubMed files that a page links to, in order, each with the dates and sizes shown of it and of its checksum.

    `{"pubmed26n0001.xml.gz": "2026-01-10 14:05 19M, 2026-01-10 14:06 60"}`: NLM replaces the one, then the other. ""
    where either is shown without a date.
    """
    _, *rows = _LINK.split(page)  # a link, what stands from there to the next, a link, ...
    beside = {link.rpartition("/")[2]: _shown(text) for link, text in zip(rows[::2], rows[1::2], strict=True)}
    found = {name: (beside[name], beside.get(f"{name}.md5", "")) for name in sorted(beside) if _NAME.fullmatch(name)}
    return {name: ", ".join(both) if all(both) else "" for name, both in found.items()}


def _shown(text: str) -> str:
    found = _SHOWN.search(_TAG.sub("", text[:_LONGEST_ROW]))
    return f"{found[1]} {found[2]}" if found else ""


def chosen(baseline: Sequence[str] | None, updates: Sequence[str], *, folders: tuple[str, str]) -> Generation:
    """The newest complete generation: at a year's end two stand side by side while the new one is being put up.

    A baseline is complete when its numbers run from 1 without a gap and, beside an older one, its updates go on from
    its last number or it is no shorter than the older one: baselines only grow (sources §1.1). If none is, the newest
    one is read and the gap is a shortfall.
    """
    first, later = _by_year(baseline or ()), _by_year(updates)
    years = sorted(first or later, reverse=True)
    if not years:
        return Generation()
    year = next((y for y in years if not first or _is_complete(y, first, later)), years[0])
    files = {_name(year, n): folders[0] for n in first.get(year, ())}
    files |= {_name(year, n): folders[1] for n in later.get(year, ())}
    warnings = [f"the baseline of {years[0]} is not complete yet: that of {year} is read"] if year != years[0] else []
    numbers = first.get(year, [])
    # Updates go on from the last number of their baseline: what lies between was cut off one of the two pages.
    start = numbers[-1] + 1 if numbers else None
    gaps = [_name(year, n) for n in (*_missing(numbers, 1), *_missing(later.get(year, []), start))]
    detail = f"{len(gaps)} files are missing from the numbers of {year}, the first is {gaps[0]}" if gaps else ""
    short = (Shortfall(PROVIDER, "numbers", "unlisted", None, detail, tuple(gaps)),) if gaps else ()
    ordered = dict(sorted(files.items(), key=lambda item: pubmed.order_key(item[0]) or (0, 0)))
    is_whole = bool(numbers) and not gaps and later.get(year, [0])[0] == numbers[-1] + 1
    whole = tuple(_name(year, n) for n in numbers) if is_whole else ()
    return Generation(ordered, whole, short, tuple(warnings))


def _by_year(names: Iterable[str]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for order in sorted(order for name in names if (order := pubmed.order_key(name))):
        found.setdefault(order[0], []).append(order[1])
    return found


def _is_complete(year: int, first: dict[int, list[int]], later: dict[int, list[int]]) -> bool:
    numbers, older = first[year], [first[y][-1] for y in first if y < year]
    if any(True for _ in _missing(numbers, 1)):
        return False
    return not older or later.get(year, [0])[0] == numbers[-1] + 1 or numbers[-1] >= max(older)


def _missing(numbers: Sequence[int], start: int | None = None) -> Iterator[int]:
    """The numbers left out between the first and the last, at most some thousands of them."""
    there = set(numbers)
    if numbers:
        begin = numbers[0] if start is None else start
        yield from (n for n in range(begin, min(numbers[-1], begin + 9999)) if n not in there)


def _name(year: int, number: int) -> str:
    return f"pubmed{year % 100:02d}n{number:04d}.xml.gz"
