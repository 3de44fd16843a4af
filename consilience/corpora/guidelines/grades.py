"""Grades of recommendations and of evidence: as given, as their own system codes them, and on our scale.

The map is data, one table a system. What a system's table does not list is kept as given and counts as
ungraded; nothing is carried over from one system to another (sources §3.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from consilience.records import normal_space
from consilience.text import sentences

# Kept beside every normalised grade, so that a later map can be told from this one.
GRADE_MAP = "grades.3"

Strength = Literal["strong", "moderate", "weak", "ungraded"]
Direction = Literal["for", "against", "neither"]
StatementType = Literal["recommendation", "good_practice", "consensus", "statutory", "info", "research"]


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade on our scale; `direction` is None where the grade itself does not say, `code` its own system's sign."""

    strength: Strength
    direction: Direction | None = None
    code: str = ""


UNGRADED = Grade("ungraded")
_CLASSES = {
    "1": Grade("strong", "for"),
    "2a": Grade("moderate", "for"),
    "2b": Grade("weak", "for"),
    # "No benefit" and "harm" differ in strength; a bare class III gets the lesser of the two.
    "3": Grade("moderate", "against"),
    "3 no benefit": Grade("moderate", "against"),
    "3 harm": Grade("strong", "against"),
}
_WORDS = {
    "strong": Grade("strong"),
    "moderate": Grade("moderate"),
    "weak": Grade("weak"),
    "conditional": Grade("weak"),
}
_UNMAPPED = UNGRADED  # the system has the code, but no strength of recommendation that could be told
# Each grading system's own codes. 1 and 2, with or without the letter of certainty, are GRADE's numbers.
STRENGTHS: Mapping[str, Mapping[str, Grade]] = {
    "grade": {n + letter: _WORDS[word] for n, word in (("1", "strong"), ("2", "weak")) for letter in ("", *"abcd")}
    | _WORDS,
    "magicapp": {"strong": Grade("strong"), "weak": Grade("weak"), "conditional": Grade("weak")},
    # "Must" is statutory and carries no grade.
    "nice": {
        "offer": Grade("strong", "for"),
        "do not offer": Grade("strong", "against"),
        "consider": Grade("weak", "for"),
        "must": _UNMAPPED,
        "must not": _UNMAPPED,
        "strong": Grade("strong"),
        "weak": Grade("weak"),
        "conditional": Grade("weak"),
    },
    "uspstf": {
        "a": Grade("strong", "for"),
        "b": Grade("moderate", "for"),
        "c": Grade("weak", "for"),
        # D asks for at least moderate certainty of no net benefit, hence no more than moderate here.
        "d": Grade("moderate", "against"),
        "i": Grade("ungraded", "neither"),
    },
    "acc/aha": _CLASSES,
    "esc": _CLASSES,
    # SIGN's older letters grade the evidence behind a recommendation, OCEBM's numbers a study: neither is a strength.
    "sign": dict.fromkeys("abcd", _UNMAPPED) | {"strong": Grade("strong"), "conditional": Grade("weak")},
    "ocebm": {},
    "": _WORDS,
}
# Grades of the evidence by each system's own codes; only GRADE's four levels are our scale.
_GRADE_LEVELS = {"high": "high", "moderate": "moderate", "low": "low", "very low": "very_low"}
_UNSCALED = "ungraded"
CERTAINTIES: Mapping[str, Mapping[str, str]] = {
    "grade": _GRADE_LEVELS | {"a": "high", "b": "moderate", "c": "low", "d": "very_low"},
    "magicapp": _GRADE_LEVELS,
    "uspstf": {name: name for name in ("high", "moderate", "low")},
    "acc/aha": dict.fromkeys(("a", "b-r", "b-nr", "b", "c-ld", "c-eo", "c"), _UNSCALED),
    "esc": dict.fromkeys("abc", _UNSCALED),
    "sign": dict.fromkeys(("1++", "1+", "1-", "2++", "2+", "2-", "3", "4"), _UNSCALED),
    "ocebm": dict.fromkeys("12345", _UNSCALED)
    | dict.fromkeys(("1a", "1b", "1c", "2a", "2b", "2c", "3a", "3b"), _UNSCALED),
    "nice": {},
    "": _GRADE_LEVELS,
}
_NAMES = {
    **dict.fromkeys(("acc", "aha", "aha/acc", "acc/aha/hfsa", "aha/asa"), "acc/aha"),
    **dict.fromkeys(("oxford", "cebm", "oxford cebm", "oxford centre for evidence-based medicine"), "ocebm"),
}
_ROMAN = {"i": "1", "iia": "2a", "iib": "2b", "iii": "3"}
# Statements that carry no grade, by what stands in the grade's place.
_TYPES: tuple[tuple[str, StatementType], ...] = (
    (r"good practice|best practice|\bgps\b|\bgpp\b|practice point", "good_practice"),
    (r"consensus|expert opinion", "consensus"),
    (r"^info\b|info ?box", "info"),
    (r"research", "research"),
)

# A condition is not the advice: "offer X to people who do not respond", "if aspirin is contraindicated, give Y".
_CONDITION = re.compile(
    r"\b(?:if|when|where|unless|who|whom|whose|because|although|whether|with no|without)\b[^,.;]*|\bnot only\b",
    re.IGNORECASE,
)
_NEITHER = re.compile(
    r"\binsufficient evidence to\b|\bevidence is insufficient\b|\bno recommendation\b|\bfor n?or against\b"
    r"|\b(?:not|unable to|cannot) (?:make|issue|give|formulate) (?:a|any) recommendation\b"
    r"|\b(?:unable|insufficient evidence|no evidence) to (?:recommend|suggest|advise)\b"
    r"|\bonly (?:in|within|as part of) (?:the context of )?(?:a )?(?:research|clinical trials?)\b",
    re.IGNORECASE,
)
# "But do not use it in pregnancy" is advice of its own.
_CLAUSE = re.compile(r"[,;:]\s+|\s+(?:but|and)\s+(?=(?:do|should|must|not|never|avoid)\b)", re.IGNORECASE)
_ACT = (
    r"(?:offer|use|give|prescrib|recommend|suggest|advis|perform|treat|start|initiat|administer|screen|order|refer"
    r"|combin|add|repeat|provid|tak|consider|continu)"
)
_AGAINST = re.compile(
    rf"^(?:please )?do not\b|\bdo not (?:\w+ly )?{_ACT}|\b(?:should|must) (?:not|never)\b"
    r"|\b(?:recommend|suggest|advise)(?:s|ed)? (?:\w+ ){0,2}?against\b|\b(?:recommendation|advice) against\b"
    r"|\b(?:recommend|suggest|advise|consider)(?:s|ed)? (?:\w+ )?(?:not (?:to \w+|\w+ing)|avoiding)\b"
    r"|\b(?:is|are|be) (?:not (?:\w+ )?|no longer )(?:recommended|indicated|advised|suggested|to be (?:used|given))\b"
    r"|\b(?:cannot be recommended|(?:is|are) contra-?indicated)\b"
    r"|(?<!need )\bnot be (?:used|given|offered|prescribed|performed)\b"
    r"|^avoid\b|\b(?:should|must) (?:be avoided|avoid)\b",
    re.IGNORECASE,
)
# "Do not withhold oxygen": what is negated is itself a refusal, and which act is advised no list can tell.
_REFUSAL = (
    r"(?:withh[eo]ld|delay|stop|discontinu|avoid|ceas|den(?:y|ied)|exclud|omit|interrupt|discourag|refus|defer|postpon"
    r"|forego|skip|restrict|neglect|refrain|limit)\w*"
)
_DOUBLE = re.compile(rf"\b(?:not|never|cannot|against|avoid\w*|no) (?:[\w-]+ ){{0,4}}?{_REFUSAL}\b", re.IGNORECASE)
# Words that keep "use", "should" or "recommend" from being advice for something.
_UNTOLD = re.compile(
    r"\b(?:not|never|cannot|rarely|seldom|neither|unable|unclear|uncertain|unknown|harmful|contra-?indicated|avoid\w*"
    r"|discourag\w*|refrain\w*|against|no (?:longer|need|evidence|benefit|role|place)|recommends? that no)\b|^no\b"
    r"|^(?:stop|withhold|discontinue|cease)\b(?! (?:after|at|by|once|on)\b)"
    rf"|\b(?:should|must) (?:be )?(?:\w+ly )?{_REFUSAL}\b",
    re.IGNORECASE,
)
# A Cyrillic letter within an English word: what a reader sees is not what stands there.
_DISGUISED = re.compile(r"[a-z][\u0400-\u04ff]|[\u0400-\u04ff][a-z]", re.IGNORECASE)
_FOR = re.compile(
    r"\b(?:recommend(?:s|ed)?|suggest(?:s|ed)?|advised?|offer(?:ed)?|consider(?:ed)?|used?(?! of)|given?|prescribed?"
    r"|provided?|should|must|is indicated)\b",
    re.IGNORECASE,
)


def graded(text: str, *, strength: str = "", certainty: str = "", system: str = "", stated: str = "") -> dict[str, Any]:
    """What stands beside a recommendation's raw grade: its normal form, its direction and on what ground.

    `stated` is a direction the source gives in so many words; it wins over the grade, the grade over the wording.
    """
    named = system_of(system)
    grade = grade_of(strength, named)
    level, level_code = certainty_of(certainty, named)
    worded = direction_of(text)
    told: Direction | None = next((d for d in ("for", "against", "neither") if d == stated), None)
    given = told or grade.direction
    against_each_other = {given, worded} == {"for", "against"}
    return {
        "strength_norm": grade.strength,
        "direction": given or worded,
        "direction_basis": "stated" if told else "grade" if given else "wording" if worded != "neither" else "none",
        "certainty_norm": level,
        "grade_map": GRADE_MAP,
        **({"strength_code": grade.code} if grade.code else {}),
        **({"certainty_code": level_code} if level_code else {}),
        **({"warnings": ["the grade and the wording point in opposite directions"]} if against_each_other else {}),
    }


def system_of(raw: str) -> str:
    """The key of a grading system: `ACC / AHA` is `acc/aha`, `Oxford CEBM` is `ocebm`."""
    name = re.sub(r"\s*([/&])\s*", "/", normal_space(raw).lower()).strip()
    return _NAMES.get(name, name)


def grade_of(strength: str, system: str) -> Grade:
    """The grade of `strength` as `system` uses it; a missing or unlisted one is ungraded, never guessed.

    `grade_of("conditional against", "grade")` is weak and against; `grade_of("A", "")` is ungraded.
    """
    raw = normal_space(strength).lower()
    codes = STRENGTHS.get(system, _WORDS)
    core, direction = _without_direction(raw)
    core = " ".join(re.sub(r"[^a-z0-9]|\b(?:recommendation|grade|class|cor|strength)\b", " ", core).split())
    core = {"weak conditional": "weak", "conditional weak": "weak"}.get(core, core)
    if codes is _CLASSES:
        head, _, tail = core.partition(" ")
        core = f"{_ROMAN.get(head, head)} {tail}".strip()
    code = raw if raw in codes else core if core in codes else ""
    if not code:
        return UNGRADED
    found = codes[code]
    return Grade(found.strength, found.direction or direction, code)


def _without_direction(raw: str) -> tuple[str, Direction | None]:
    if found := re.search(r"\b(for|against)\b|\bin favou?r(?: of)?\b", raw):
        return (raw[: found.start()] + raw[found.end() :]).strip(), "against" if found[0] == "against" else "for"
    return raw, None


def certainty_of(raw: str, system: str) -> tuple[str, str]:
    """The certainty on GRADE's scale and the system's own code; `B-NR` of ACC/AHA is `("ungraded", "b-nr")`."""
    text = normal_space(raw).lower().replace("_", " ")
    core = " ".join(re.sub(r"\b(?:certainty|quality|evidence|level|loe|of|in|the)\b|[:.()]", " ", text).split())
    core = "very low" if core == "very-low" else core
    levels = CERTAINTIES.get(system, _GRADE_LEVELS)
    code = next((each for each in (core, core.replace(" ", "")) if each in levels), "")
    return (levels[code], code) if code else ("ungraded", "")


def statement_type(strength: str, system: str = "") -> StatementType:
    """What kind of statement it is, by what stands where the grade would."""
    raw = normal_space(strength).lower()
    if system_of(system) == "nice" and raw in ("must", "must not"):
        return "statutory"
    return next((kind for pattern, kind in _TYPES if re.search(pattern, raw)), "recommendation")


def direction_of(text: str) -> Direction:
    """What the wording itself advises; "neither" when it abstains, says both, or says nothing that can be told."""
    plain = re.sub(r"\b(do|does|should|must|ca)n['’]t\b", r"\1 not", normal_space(text), flags=re.IGNORECASE)
    if _NEITHER.search(plain) or _DISGUISED.search(plain):
        return "neither"
    told: set[str] = set()
    for start, end in sentences(plain):
        advice = _CONDITION.sub("", plain[start:end])
        if _DOUBLE.search(advice):
            return "neither"
        told |= {found for clause in _CLAUSE.split(advice) if (found := _advised(clause.strip()))}
    return "against" if "against" in told and "for" not in told else "for" if told == {"for"} else "neither"


def _advised(clause: str) -> str:
    if _AGAINST.search(clause):
        return "against"
    return "untold" if _UNTOLD.search(clause) else "for" if _FOR.search(clause) else ""
