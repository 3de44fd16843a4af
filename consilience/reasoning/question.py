"""A question as asked -> what kind of answer it wants, and the statement whose truth it asks about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from consilience.errors import BadInputError
from consilience.indexes.asides import is_aside
from consilience.kg.link import Linker
from consilience.records import normal_space
from consilience.text import sentences

# Of a question or a claim, in characters.
LONGEST_QUESTION = 2000
Kind = Literal["polar", "factoid", "list", "summary"]

_AUXILIARY = (
    "is|are|was|were|am|do|does|did|can|could|should|shall|has|have|had|will|would|may|might|must|"
    "isn't|aren't|doesn't|don't|didn't|can't|shouldn't"
)
_POLAR = re.compile(rf"(?:^|[:;,.?–—-]\s+)(?:{_AUXILIARY})\s", re.IGNORECASE)
_LIST = re.compile(
    r"^(enumerate|give)\b|^(please )?(list|name|mention|provide|outline)\b|\b(which|what) are\b|"
    r"^(which|what) (\w+ ){0,3}\w+s (are|were|have|can|do)\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"^(describe|explain|summari[sz]e|how (?!many|much|often|long|old)|why|tell me|discuss)\b|"
    r"^what (is|are) (the )?(role|function|mechanism|effects?|relationship|rationale|evidence|importance|difference|"
    r"association|link|purpose|aim|basis|mode of action|contribution)|"
    r"^what (is|are) known\b|"
    r"^what is (?!the\b|another\b)(?!\w+ed\b)[^?,]{1,70}\?$(?<!used for\?)",  # what a thing is
    re.IGNORECASE,
)
# A question word that comes late: "Cemiplimab is used for treatment of which cancer?"
_LATE = re.compile(r"\b(?:which|what) (?!is\b|are\b)[^,;:.]*\?$", re.IGNORECASE)
_PLURAL = re.compile(r"(?:which|what) (?:[\w-]+ )?\w+[^s\W]s\b", re.IGNORECASE)
_WH = re.compile(r"^(in |at |on |to |for |by |from |with )?(what|which|who|whom|whose|where|when|how)\b", re.IGNORECASE)
# Whoever is spoken of may be whom the question is about, and figures may be his.
_SOMEONE = re.compile(
    r"\b(?:i|we|he|she|they|patients?|m[ae]n|wom[ae]n|boys?|girls?|child(?:ren)?|infants?|babies|baby|newborns?|adults?|"
    r"adolescents?|people|persons?|subjects?|participants?|volunteers?)\b|\d",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?:my|our) [a-z]+(?: is|'s|’s) (?:called|named) [\w -]{1,40}[.!]?", re.IGNORECASE)
_COURTESY = re.compile(
    r"(?:hello|hi|hey|dear \w+|good (?:morning|afternoon|evening|day)|greetings|(?:many )?thank(?:s| you)|please|"
    r"kind regards|best wishes|cheers)"
    r"(?:[ ,]+(?:there|all|everyone|you|so|very|much|a lot|in advance|help|answer|again))*[ ,.!]*",
    re.IGNORECASE,
)
# What points back to a sentence before it.
_POINTS_BACK = re.compile(
    r"\b(?:i|me|my|we|us|our|he|she|him|her|hers|his|they|them|their|it|its|this|these|those|that|such|so|the (?:same|"
    r"patient|man|woman|child|boy|girl|drug|treatment|disease|condition|former|latter))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Question:
    """One question: its text, white space normalised, and the kind of answer it wants."""

    text: str
    kind: Kind


def parse(text: str) -> Question:
    """Read the kind of a question off its form.

    "Does aspirin prevent stroke?" is polar; "Which drugs ...?" a list; what has no question word is polar too:
    a statement asks whether it is true.
    """
    asked = normal_space(text)
    return Question(asked, _kind(asked))


def to_the_point(text: str, linker: Linker) -> tuple[str, list[str]]:
    """What of a text is judged, and the sentences beside the point that are left out of it.

    `My cat is called Tom. Does aspirin prevent stroke?` asks whether aspirin prevents stroke. A sentence goes only if
    it is an aside about someone else, a name or a courtesy, and only beside a question that stands alone: it names
    something, points back to nothing, and shares no name with what goes. Whatever else may matter stays.
    """
    pieces = [text[start:end] for start, end in sentences(text)]
    asked = [piece for piece in pieces if piece.endswith("?")]
    named = {mention.identifier for piece in asked for mention in linker.mentions(piece)}
    if len(asked) == len(pieces) or not named or any(_POINTS_BACK.search(piece) for piece in asked):
        return text, []
    told = [piece for piece in pieces if piece not in asked]
    of_someone = any(_SOMEONE.search(piece) for piece in told if not is_aside(piece, alone=True))
    beside = [piece for piece in told if _is_beside(piece, alone=not of_someone)
              and named.isdisjoint(mention.identifier for mention in linker.mentions(piece))]  # fmt: skip
    return " ".join(piece for piece in pieces if piece not in beside), beside


def _is_beside(piece: str, *, alone: bool) -> bool:
    return bool(is_aside(piece, alone=alone) or _NAMED.fullmatch(piece) or _COURTESY.fullmatch(piece))


def _kind(text: str) -> Kind:
    starts_polar = re.match(rf"({_AUXILIARY})\s", text, re.IGNORECASE)
    if starts_polar:
        return "polar"
    if _SUMMARY.search(text):
        return "summary"
    if _LIST.search(text):
        return "list"
    if _WH.match(text):
        return "polar" if _POLAR.search(text) else "factoid"
    late = _LATE.search(text)
    if late and not _POLAR.search(text):
        return "list" if _PLURAL.match(late.group(0)) else "factoid"
    return "polar"


def checked_question(text: str, what: str = "question") -> str:
    """A question with white space normalised; empty or overlong ones are refused."""
    asked = normal_space(text)
    if not asked:
        raise BadInputError(f"the {what} is empty", where=what, expected="at least one word")
    if len(asked) > LONGEST_QUESTION:
        raise BadInputError(f"the {what} is too long", where=what, expected=f"at most {LONGEST_QUESTION} characters")
    return asked
