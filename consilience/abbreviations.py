"""Abbreviations a text defines itself, by the algorithm of Schwartz and Hearst (PSB 2003)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PARENTHESIS = re.compile(r"\(([^()]{2,80})\)")
_WORDS = re.compile(r"\S+")


def abbreviations(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of short and long form: `coronary heart disease (CHD)` and `CHD (coronary heart disease)`."""
    for found in _PARENTHESIS.finditer(text):
        inside = re.split(r"[;,]", found.group(1))[0].strip()
        before = text[max(0, found.start() - 150) : found.start()].rstrip()
        if _is_short_form(inside):
            # At most min(|A| + 5, 2|A|) words may spell out |A| characters (the paper, section 3).
            words = list(_WORDS.finditer(before))[-min(len(inside) + 5, len(inside) * 2) :]
            long = _long_form(inside, before[words[0].start() :]) if words else None
            if long:
                yield inside, long
        elif before and _is_short_form(before.rsplit(None, 1)[-1]):
            short = before.rsplit(None, 1)[-1]
            if _long_form(short, inside) == inside:
                yield short, inside


def _is_short_form(form: str) -> bool:
    letters = sum(c.isalpha() for c in form)
    return (
        2 <= len(form) <= 10
        and len(form.split()) <= 2
        and form[0].isalnum()
        and letters * 2 >= len(form)
        and any(c.isupper() for c in form)
    )


def _long_form(short: str, candidate: str) -> str | None:
    """The shortest end of `candidate` that spells `short` in order, its first letter at the start of a word."""
    place = len(candidate) - 1
    for position in range(len(short) - 1, -1, -1):
        wanted = short[position].lower()
        if not wanted.isalnum():
            continue
        while place >= 0 and (
            candidate[place].lower() != wanted or (position == 0 and place > 0 and candidate[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return None
        place -= 1
    long = candidate[place + 1 :]
    return long if len(long) > len(short) and short.lower() not in long.lower().split() else None
