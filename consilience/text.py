"""Sentences and words with exact offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

# A full stop after these does not end a sentence.
_ABBREVIATIONS = frozenset(
    "dr mr mrs ms prof st vs etc al fig figs eq ref refs no nos approx ca cf e.g i.e resp inc ltd dept vol spp sp "
    "subsp var min max sec wk wks yr yrs mo mos pt pts".split()
)
_BOUNDARY = re.compile(r"[.!?][\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9<≥≤])")
_WORD = re.compile(r"[A-Za-z0-9]+(?:[-'’./][A-Za-z0-9]+)*")
# "CONCLUSIONS: " at the start of an abstract's section.
LABEL = re.compile(r"(?:(?<=^)|(?<=\s))([A-Z][A-Z&/,'() -]{2,60}): (?=\S)")


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of each sentence, half-open, without surrounding blanks; section labels start one.

    `"A 2.5 mg dose. RESULTS: It fell."` gives two: the label stays with its sentence.
    """
    cuts = {0, len(text)}
    for found in _BOUNDARY.finditer(text):
        # Forty characters back hold any abbreviation; the whole text before would make this quadratic.
        before = text[max(0, found.start() - 40) : found.start()].split()
        word = before[-1].strip("([\"'").lower() if before else ""
        single_letter = len(word) == 1 and word.isalpha()
        if word not in _ABBREVIATIONS and not (single_letter and text[found.start()] == "."):
            cuts.add(found.end())
    cuts.update(found.start() for found in LABEL.finditer(text))
    edges = sorted(cuts)
    for start, end in pairwise(edges):
        piece = text[start:end]
        stripped = piece.strip()
        if stripped:
            begin = start + piece.index(stripped[0])
            yield begin, begin + len(stripped)


def words(text: str) -> list[str]:
    """Lower-case words and numbers, hyphenated ones whole."""
    return [found.group(0).lower() for found in _WORD.finditer(text)]
