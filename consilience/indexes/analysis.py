"""How text becomes terms: the same for what is indexed, what is asked and what is counted."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tantivy

NAME = "biomedical"
_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi "
    "psi omega"
).split()
# Greek letters as words, so that "TNF-α" finds "TNF-alpha"; also the micro sign, the final sigma and other shapes.
LETTERS = {
    **dict(zip("αβγδεζηθικλμνξοπρστυφχψω", _NAMES, strict=True)),
    **dict(zip("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", _NAMES, strict=True)),
    **{"\u00b5": "mu", "ς": "sigma", "ϕ": "phi", "ϵ": "epsilon", "ϑ": "theta"},
}

_LETTER = re.compile(f"[{''.join(LETTERS)}]")
# "2.5" and "2·5" are one word, and not 25; "1,000" is 1000.
_NUMBER = re.compile(r"\d+(?:[.\u00b7]\d+|,\d{3}(?!\d))*")
_POINTED = str.maketrans({".": "p", "\u00b7": "p", ",": ""})
_NAME = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{1,20})[-\u2010-\u2015\u2212]?$")
_UNIT = re.compile(
    r"(?:mg|kg|g|ml|l|mm|cm|m|h|min|s|mmol|mol|mcg|ng|pg|nm|iu|hz|mmhg|y|yr|d|wk)(?![A-Za-z0-9])", re.IGNORECASE
)
# What makes a sentence a question, and says nothing of its subject: beside the engine's own 33 English stop-words.
_ASKING = """what which who whom whose why how when where whether do does did can could should would may might has have
    had been were""".split()


def normalised(text: str) -> str:
    """A text whose words an engine's own tokenizer can tell: Greek letters spelled out, names and numbers made alike.

    "TNF-α and IL-6 or IL6, 2.5mg" becomes "TNF-alpha and IL- 6 IL6 or IL 6 IL6, 2p5 mg".
    """
    # Composed first: an accent that stands for itself would cut its word in two.
    spelled = text if text.isascii() else _LETTER.sub(_spelled, unicodedata.normalize("NFC", text))
    return _NUMBER.sub(_told, spelled)


def _spelled(found: re.Match[str]) -> str:
    """A Greek letter's name, apart from what it follows: "IFNγ" and "10μg" have it alone, "β2" is one name."""
    whole, start, end = found.string, found.start(), found.end()
    apart = " " if whole[max(0, start - 1) : start].isalnum() else ""
    return f"{apart}{LETTERS[found[0]]}{' ' if whole[end : end + 1].isalpha() else ''}"


def _told(found: re.Match[str]) -> str:
    """A number, apart from the unit after it, and beside the name that it is a part of."""
    whole, start, end = found.string, found.start(), found.end()
    number = found[0].translate(_POINTED)
    if whole[end : end + 1].isalnum():
        return f"{number} " if _UNIT.match(whole, end) else number
    before = whole[max(0, start - 2) : start]
    if not before[-1:].isalpha() and not before[:1].isalpha():
        return number
    name = _NAME.search(whole[max(0, start - 22) : start])
    return f" {number} {name[1]}{number}" if name else number


def tokenizer(*, stem: bool) -> tantivy.TextAnalyzer:
    """What turns a normalised text into terms: lower case, folded, stemmed, without stop-words."""
    import tantivy

    steps = [
        # Folded before it is made lower case: of the Turkish İ that would leave an i with a dot of its own.
        tantivy.Filter.remove_long(60), tantivy.Filter.ascii_fold(), tantivy.Filter.lowercase(),
        tantivy.Filter.stopword("english"), tantivy.Filter.custom_stopword(_ASKING),
    ]  # fmt: skip
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in [*steps, tantivy.Filter.stemmer("english")] if stem else steps:
        builder = builder.filter(step)
    return builder.build()
