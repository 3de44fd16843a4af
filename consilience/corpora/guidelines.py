"""Guideline recommendations, one dated record each, with their grade as given and as normalised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from consilience.corpora.citations import items, pmid_of, scalar
from consilience.corpora.dates import parse_date
from consilience.corpora.textfiles import Entry, check, converted, objects
from consilience.errors import SkipRecordError
from consilience.records import (
    PublicationEvent,
    Quarantined,
    Record,
    doi_curie,
    guideline_curie,
    normal_doi,
    normal_space,
    pmid_curie,
)

# Kept beside every normalised grade, so that a later map can be told from this one.
GRADE_MAP = "grades.1"

Strength = Literal["strong", "moderate", "weak", "ungraded"]
Direction = Literal["for", "against", "neither"]

# Bumped when what is read out of a file changes: files are then read again.
VERSION = "guidelines.1"

SUFFIXES = (".jsonl", ".jsonl.gz")
_REQUIRED = ("issuer", "guideline", "version", "status", "published", "recommendation", "text")
_OPTIONAL = ("title", "strength", "certainty", "system", "remarks", "jurisdiction", "population")
_STATUSES = frozenset(("draft", "current", "partially_updated", "superseded", "withdrawn", "stood_down"))
_STATUS_WORDS = {"active": "current", "in_force": "current", "published": "current", "final": "current",
                 "replaced": "superseded", "retired": "withdrawn"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade on our scale; `direction` is None where the grade itself does not say."""

    strength: Strength
    direction: Direction | None = None


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
# Each grading system's own codes (sources §3.2). What a system does not list stays ungraded.
_SYSTEMS: Mapping[str, Mapping[str, Grade]] = {
    # 1 and 2, with or without the letter of certainty, are GRADE's numbers for strong and conditional.
    "grade": {n + letter: _WORDS[word] for n, word in (("1", "strong"), ("2", "weak")) for letter in ("", *"abcd")}
    | _WORDS,
    "magicapp": {"strong": Grade("strong"), "weak": Grade("weak"), "conditional": Grade("weak")},
    # "Must" is statutory and carries no grade.
    "nice": {
        "offer": Grade("strong", "for"),
        "do not offer": Grade("strong", "against"),
        "consider": Grade("weak", "for"),
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
    "": _WORDS,
}
_NAMES = {"acc": "acc/aha", "aha": "acc/aha", "aha/acc": "acc/aha"}
_CERTAINTIES = {"high": "high", "moderate": "moderate", "low": "low", "very low": "very_low"}
_LETTERS = {"a": "high", "b": "moderate", "c": "low", "d": "very_low"}
_ROMAN = {"i": "1", "iia": "2a", "iib": "2b", "iii": "3"}

# A condition is not the advice: "offer X to people who do not respond", "if aspirin is contraindicated, give Y".
_CONDITION = re.compile(r"\b(?:if|when|where|unless|who|whom|whose|because|although)\b[^,.;]*", re.IGNORECASE)
_NEITHER = re.compile(
    r"\binsufficient evidence to\b|\bevidence is insufficient\b|\bno recommendation\b|\bfor n?or against\b"
    r"|\bonly (?:in|within|as part of) (?:the context of )?(?:a )?(?:research|clinical trials?)\b",
    re.IGNORECASE,
)
_AGAINST = re.compile(
    r"\b(?:do|does|should|must) not\b"
    r"|\b(?:recommend|suggest|advise)(?:s|ed)? (?:\w+ ){0,2}?against\b|\b(?:recommendation|advice) against\b"
    r"|\b(?:is|are|be) (?:not (?:\w+ )?(?:recommended|indicated|advised|suggested)|contraindicated)\b"
    r"|^avoid\b|\bshould (?:be avoided|avoid)\b|\brecommend(?:s|ed)? avoiding\b",
    re.IGNORECASE,
)
_FOR = re.compile(
    r"\b(?:recommend|suggest|advise|offer|consider|use|give|prescribe|provide|should|must|is indicated)", re.IGNORECASE
)


def read(path: Path) -> Iterator[Record | Quarantined]:
    """The recommendations of one JSON-lines file; faulty lines are quarantined, a faulty file is refused."""
    check(
        path, SUFFIXES, advice="guidelines as .jsonl or .jsonl.gz; JATS, FHIR, MAGICapp JSON and HTML are not read yet"
    )
    return converted(path, objects(path), _recommendation)


def _recommendation(entry: Entry) -> Record:
    values = entry.values
    said = {name: _required(values, name) for name in _REQUIRED}
    said |= {name: text for name in _OPTIONAL if (text := scalar(values.get(name), name))}
    when = parse_date(said["published"])
    if when is None:
        raise SkipRecordError(f"no date could be read from {said['published'][:40]!r}")
    fields = {"title": said.get("title") or f"{said['issuer']}: {said['guideline']}", "text": said["text"]}
    fields |= {"remarks": said["remarks"]} if "remarks" in said else {}
    known = {*_REQUIRED, *_OPTIONAL, "supersedes", "evidence", "license"}
    return Record(
        id=guideline_curie(said["issuer"], said["guideline"], said["recommendation"], said["version"]),
        source="guidelines",
        fields=fields,
        events=(PublicationEvent("published", when),),
        source_version=said["version"],
        license=scalar(values.get("license"), "license"),
        guideline={
            **{name: text for name, text in said.items() if name not in ("title", "text", "remarks")},
            **_status(said["status"]),
            **_graded(said),
            **_links(values),
        },
        extra={name: value for name, value in values.items() if name not in known and value is not None},
    )


def _required(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if isinstance(value, float):
        raise SkipRecordError(f"{name} is a decimal number; write it as text, since 1.10 and 1.1 are one number")
    text = scalar(value, name)
    if not text:
        raise SkipRecordError(f"{name} is missing")
    return text


def _status(raw: str) -> dict[str, str]:
    word = re.sub(r"[\s-]+", "_", raw.lower())
    status = _STATUS_WORDS.get(word, word)
    if status not in _STATUSES:
        raise SkipRecordError(f"the status {raw[:40]!r} is none of {', '.join(sorted(_STATUSES))}")
    return {"status": status} if status == raw else {"status": status, "status_raw": raw}


def _links(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the recommendation replaces and rests on, as given, and the evidence that has an identifier."""
    found: dict[str, Any] = {}
    if supersedes := [scalar(item, "supersedes") for item in items(values.get("supersedes"))]:
        found["supersedes"] = supersedes
    if evidence := items(values.get("evidence")):
        found["evidence"] = evidence
        found["evidence_ids"] = [curie for item in evidence if (curie := _evidence_id(item))]
    return found


def _evidence_id(item: Any) -> str:
    """`PMID:...` or `DOI:...` of one reference: a number, a CURIE, a DOI, or `{"pmid", "doi", "raw"}`."""
    if isinstance(item, Mapping):
        pmid, doi = pmid_of(item.get("pmid")), normal_doi(scalar(item.get("doi"), "evidence"))
    else:
        text = scalar(item, "evidence")
        found = re.fullmatch(r"(?:PMID:? ?)?(\d{1,8})", text, re.IGNORECASE | re.ASCII)
        pmid, doi = (found.group(1), "") if found else ("", normal_doi(text))
    return pmid_curie(pmid) if pmid else doi_curie(doi) if doi else ""


# --- grades


def _graded(said: Mapping[str, str]) -> dict[str, Any]:
    system = _system(said.get("system", ""))
    grade = grade_of(said.get("strength", ""), system)
    worded = direction_of(said["text"])
    against_each_other = {grade.direction, worded} == {"for", "against"}
    return {
        "strength_norm": grade.strength,
        "direction": grade.direction or worded,
        "direction_basis": "grade" if grade.direction else "wording" if worded != "neither" else "none",
        "certainty_norm": _certainty(said, system),
        "grade_map": GRADE_MAP,
        **({"warnings": ["the grade and the wording point in opposite directions"]} if against_each_other else {}),
    }


def _system(raw: str) -> str:
    name = re.sub(r"\s*([/&])\s*", "/", raw.lower()).strip()
    return _NAMES.get(name, name)


def grade_of(strength: str, system: str) -> Grade:
    """The grade of `strength` as `system` uses it; a missing or unlisted one is ungraded, never guessed.

    `grade_of("conditional against", "grade")` is weak and against; `grade_of("A", "")` is ungraded.
    """
    raw = normal_space(strength).lower()
    codes = _SYSTEMS.get(system, _WORDS)
    core, direction = _without_direction(raw)
    core = " ".join(re.sub(r"[^a-z0-9]|\b(?:recommendation|grade|class|cor|strength)\b", " ", core).split())
    core = {"weak conditional": "weak", "conditional weak": "weak"}.get(core, core)
    if codes is _CLASSES:
        head, _, tail = core.partition(" ")
        core = f"{_ROMAN.get(head, head)} {tail}".strip()
    found = codes.get(raw) or codes.get(core)
    if found is None:
        return UNGRADED
    return Grade(found.strength, found.direction or direction)


def _without_direction(raw: str) -> tuple[str, Direction | None]:
    if found := re.search(r"\b(for|against)\b|\bin favou?r(?: of)?\b", raw):
        return (raw[: found.start()] + raw[found.end() :]).strip(), "against" if found[0] == "against" else "for"
    return raw, None


def direction_of(text: str) -> Direction:
    """What the wording itself advises; "neither" when it abstains or says nothing that can be told."""
    if _NEITHER.search(text):
        return "neither"
    advice = _CONDITION.sub("", text).strip()
    if _AGAINST.search(advice):
        return "against"
    return "for" if _FOR.search(advice) else "neither"


def _certainty(said: Mapping[str, str], system: str) -> str:
    raw = said.get("certainty", "").lower().replace("_", " ")
    core = re.sub(r"\b(?:certainty|quality|evidence|of|in|the)\b", "", raw)
    found = _CERTAINTIES.get(" ".join(core.split()))
    return found or (_LETTERS.get(raw, "ungraded") if system == "grade" else "ungraded")
