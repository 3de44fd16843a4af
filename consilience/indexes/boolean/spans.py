"""Where the words of a proximity query stand in one text: exact, for the texts the engine cannot decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from consilience.indexes.boolean.syntax import Near, Node, Or, Term

_WILD = re.compile(r"[*?#]")
Span = tuple[int, int]
Fold = Callable[[str], str]
Finder = Callable[[Sequence[str]], set[Span]]
"""Every stretch of a text, by its first and last word, in which something is found."""


def finder(node: Node, fold: Fold) -> Finder:
    """What finds a Near, a Term or an Or of them in the words of a text; `fold` makes a word what the index has."""
    match node:
        case Term((word,)):
            return _words([fold(word)])
        case Term(words, _, None):
            return _phrase([_matcher([fold(word)]) for word in words])
        case Term(words, _, int(gap)):
            return _window([_matcher([fold(word)]) for word in words], gap)
        case Or(parts):
            single = [fold(part.words[0]) for part in parts if isinstance(part, Term) and len(part.words) == 1]
            others = [finder(part, fold) for part in parts if not isinstance(part, Term) or len(part.words) > 1]
            return _any([*([_words(single)] if single else []), *others])
        case Near(left, right, gap, ordered):
            return _near(finder(left, fold), finder(right, fold), gap, ordered)
    raise TypeError(f"{type(node).__name__} has no place in a text")


def _matcher(words: Iterable[str]) -> Callable[[str], bool]:
    """Whether a word of a text is meant by one of these, which may have wildcards; what was asked before is kept."""
    known: dict[str, bool] = {}
    wild: list[tuple[str, str]] = []
    for word in words:
        stem = _WILD.split(word)[0]
        if stem == word:
            known[word] = True
        else:
            wild.append((stem, word))

    def is_meant(token: str) -> bool:
        found = known.get(token)
        if found is None:
            found = known[token] = any(token.startswith(stem) and _fits(word, token) for stem, word in wild)
        return found

    return is_meant


def _fits(pattern: str, word: str) -> bool:
    """Say whether a word is what a pattern means, in steps of both lengths: a regular expression may try for hours."""
    places = _reached(pattern, {0})
    for sign in word:
        taken = [at for at in places if at < len(pattern) and pattern[at] in (sign, "*", "?", "#")]
        places = _reached(pattern, {at if pattern[at] == "*" else at + 1 for at in taken})
    return len(pattern) in places


def _reached(pattern: str, places: set[int]) -> set[int]:
    """Places in a pattern, and those behind the marks there that may stand for nothing."""
    found = set(places)
    for at in places:
        while at < len(pattern) and pattern[at] in "*?":
            at += 1
            found.add(at)
    return found


def _words(words: Sequence[str]) -> Finder:
    is_meant = _matcher(words)
    return lambda tokens: {(at, at) for at, token in enumerate(tokens) if is_meant(token)}


def _any(finders: Sequence[Finder]) -> Finder:
    return lambda tokens: {span for find in finders for span in find(tokens)}


def _phrase(words: Sequence[Callable[[str], bool]]) -> Finder:
    def find(tokens: Sequence[str]) -> set[Span]:
        last = len(words) - 1
        starts = range(len(tokens) - last)
        return {(at, at + last) for at in starts
                if all(is_meant(tokens[at + place]) for place, is_meant in enumerate(words))}  # fmt: skip

    return find


def _near(first: Finder, second: Finder, gap: int, ordered: bool) -> Finder:
    """Pairs that do not overlap, with at most `gap` words between."""

    def find(tokens: Sequence[str]) -> set[Span]:
        left, right = first(tokens), second(tokens)
        found = {(a[0], b[1]) for a, b in _pairs(left, right, gap)}
        return found if ordered else found | {(b[0], a[1]) for b, a in _pairs(right, left, gap)}

    return find


def _pairs(first: set[Span], second: set[Span], gap: int) -> list[tuple[Span, Span]]:
    starts: dict[int, list[Span]] = {}
    for span in second:
        starts.setdefault(span[0], []).append(span)
    return [(a, b) for a in first for start in range(a[1] + 1, a[1] + gap + 2) for b in starts.get(start, ())]


def _window(words: Sequence[Callable[[str], bool]], gap: int) -> Finder:
    """Stretches with all the words, each at a place of its own, and at most `gap` others."""

    def find(tokens: Sequence[str]) -> set[Span]:
        places = [[at for at, token in enumerate(tokens) if is_meant(token)] for is_meant in words]
        found: set[Span] = set()
        for first in sorted({at for each in places for at in each}):
            last = first + len(words) + gap - 1
            near = [[at for at in each if first <= at <= last] for each in places]
            if all(near) and _placed(near):
                found.add((first, last))
        return found

    return find


def _placed(choices: Sequence[Sequence[int]]) -> bool:
    """Say whether each word can have a place of its own (a matching, found by augmenting paths)."""
    taken: dict[int, int] = {}

    def place(word: int, tried: set[int]) -> bool:
        for at in choices[word]:
            if at not in tried:
                tried.add(at)
                if at not in taken or place(taken[at], tried):
                    taken[at] = word
                    return True
        return False

    return all(place(word, set()) for word in range(len(choices)))
