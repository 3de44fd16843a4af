"""Factoid and list answers without a language model: what the sentences near a question name and it does not.

Every stretch between function words is a candidate; spellings of one name are one candidate, and so are a short form
and the long one that a text explains it by. They are ranked by nineteen features with fitted weights (`items.v1.json`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consilience.kg.link import Linker
from consilience.reasoning.candidates import key_of
from consilience.reasoning.naming import Passage, Rarity, Reading, asked_words, chance, gathered, pull
from consilience.reasoning.wanted import Wanted, wanted

# A factoid is answered by at most so many names, a list by at most so many.
_FACTOID, MOST = 5, 10
# A list ends where the chance of a name falls below this share of the best one's.
_CUT = 0.3


@dataclass(frozen=True, slots=True)
class Item:
    """One name, written as in most of the passages that say it; `places` are their numbers, nearest first."""

    key: str
    text: str
    chance: float  # that it is right, 0..1
    places: Sequence[int]


def items(question: str, kind: str, passages: Sequence[Passage], linker: Linker, rarity: Rarity) -> list[Item]:
    """The answer to a factoid, at most five names, or to a list, as many as it asks for or as stand out; best first.

    Passages come nearest first, in an order that what they say decides alone.
    """
    want = wanted(question)
    found = ranked(question, want, passages, linker, rarity)
    if kind != "list":
        return found[:_FACTOID]
    if want.count:
        return found[: want.count]
    return [item for item in found[:MOST] if item.chance >= _CUT * found[0].chance]


def ranked(question: str, want: Wanted, passages: Sequence[Passage], linker: Linker, rarity: Rarity) -> list[Item]:
    """The names that passages say and the question does not, best first, those that lie in one another once."""
    asked = asked_words(question)
    candidates = gathered(want, passages, asked)
    values = Reading(want, passages, {word: rarity(word) for word in asked}, rarity, linker).features(candidates)
    best = max(map(pull, values), default=0.0)
    found = [Item(c.key, c.text, chance(own, best), c.places) for c, own in zip(candidates, values, strict=True)]
    return apart(sorted(found, key=lambda item: (-item.chance, item.text)))


def apart(found: Sequence[Item]) -> list[Item]:
    """The items without those that lie in a better one or around it: `factor` beside `growth factor`.

    Both the name as it is shown and the one it goes by count: beside `GF (growth factor)` there is no `factor`.
    """
    kept: list[tuple[frozenset[str], Item]] = []
    for item in found:
        own = [frozenset(name.split()) for name in dict.fromkeys((item.key, key_of(item.text)))]
        if not any(mine <= other or other <= mine for mine in own for other, _ in kept):
            kept += [(mine, item) for mine in own]
    return list({item.key: item for _, item in kept}.values())
