"""Which papers report one study: a shared registration, a notice of its own, a preprint, a named trial's companions.

Five papers of one trial are one piece of independent evidence. Reviews that name many trials stay their own unit, and
comments are no evidence; each link says why it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from consilience.corpora import duplicates
from consilience.corpora.duplicates import Abstracts, Evidence, Match, same_text, shared_authors, similar
from consilience.corpora.keys import Key
from consilience.corpora.trials import registry_of, subject_of, unit_of

VERSION = "studies.1"
# Designs that report people studied; a review, a guideline or a letter that names a trial is not its report.
REPORTS = frozenset("rct controlled_trial cohort observational case_control cross_sectional unknown".split())
# A protocol comes years before its results, and long-term results years after.
APART_YEARS = 8
_PREPRINT_YEARS = 3
_LONG_TITLE = 30


def registered(key: Key, design: str) -> Iterator[tuple[str, Match]]:
    """The registration a paper reports, as the unit it belongs to; none when it names several of one registry.

    One trial is often registered twice, once in each of two registries.
    """
    registries = [registry_of(number) for number in key.trials]
    if design not in REPORTS or key.kind in ("comment", "retraction") or len(set(registries)) < len(registries):
        return
    if len(registries) <= (2 if design in ("rct", "controlled_trial") else 1):
        for number in key.trials:
            yield unit_of(number), Match(f"reports {number}", 1.0)


_SAID = {
    "Erratum": "erratum", "Update": "update or preprint", "Republished": "republication", "Retraction": "retraction",
    "CorrectedandRepublished": "republication", "RetractedandRepublished": "republication", "Reprint": "reprint",
    "PartialRetraction": "retraction", "ExpressionOfConcern": "expression of concern", "OriginalReport": "summary",
    "SummaryForPatients": "summary", "PatientSummary": "summary",
}  # fmt: skip


def stated(key: Key) -> Iterator[tuple[str, Match]]:
    """What a record itself says to be of the same work: errata, preprints, republications; never comments."""
    for target in key.targets:
        kind, other = target.split(" ", 1)
        name = kind.removesuffix("For").removesuffix("From").removesuffix("In").removesuffix("Of")
        yield other, Match(f"{_SAID.get(name, name)} ({kind})", 1.0)


def compare(a: Key, b: Key, design_a: str, design_b: str, abstract: Abstracts) -> Match | None:
    """Say why two papers, which are not duplicates, report one study, or None."""
    if a.kind in ("comment", "retraction") or b.kind in ("comment", "retraction"):
        return None
    if "erratum" in (a.kind, b.kind):
        return _erratum(a, b)
    if _other_trial(a, b):
        return None
    if {"preprint", "conference"} & {a.kind, b.kind} and a.kind != b.kind:
        return _forerunner(a, b, abstract)
    return _companion(a, b) if design_a in REPORTS and design_b in REPORTS else None


def _other_trial(a: Key, b: Key) -> bool:
    """Say whether both name a trial of one registry, and not the same."""
    ours, theirs = ({registry_of(n): n for n in key.trials} for key in (a, b))
    return any(ours[registry] != theirs[registry] for registry in ours.keys() & theirs.keys())


def _erratum(a: Key, b: Key) -> Match | None:
    if a.kind == b.kind:
        return None
    seen = duplicates.evidence(a, b)
    supported = "authors" in seen or "journal" in seen or _alone(a, b, seen)
    if seen.title >= duplicates.SAME and supported and duplicates.numbers_agree(a.title, b.title):
        return Match(f"erratum, title {seen.title:.2f}", 0.95)
    return None


def _forerunner(a: Key, b: Key, abstract: Abstracts) -> Match | None:
    """A preprint or conference abstract and its article: titles may be reworded, people and words stay."""
    seen = duplicates.evidence(a, b)
    if "authors" in seen.differ or (a.year and b.year and abs(a.year - b.year) > _PREPRINT_YEARS):
        return None
    name = a.kind if a.kind in ("preprint", "conference") else b.kind
    if not duplicates.numbers_agree(a.title, b.title):
        return None
    # One person may write two texts of nearly one title; two together hardly do.
    least = duplicates.ALIKE if min(len(a.authors), len(b.authors)) > 1 else duplicates.SAME
    if seen.title >= least and ("authors" in seen or _alone(a, b, seen)):
        return Match(", ".join((name, f"title {seen.title:.2f}", *(w for w in seen.agree if w == "authors"))), 0.95)
    alike = same_text(abstract(a), abstract(b))
    if alike >= duplicates.ALIKE and (seen.title >= duplicates.ALIKE or "authors" in seen):
        return Match(f"{name}, abstract {alike:.2f}", 0.9)
    return None


def _alone(a: Key, b: Key, seen: Evidence) -> bool:
    """Say whether an equal title must do, since one side names nobody."""
    return not (a.authors and b.authors) and seen.title == 1.0 and len(a.title) >= _LONG_TITLE


def _companion(a: Key, b: Key) -> Match | None:
    """Two papers of one named trial by some of the same people, or a protocol and its results."""
    shared = shared_authors(a.authors, b.authors) if a.authors and b.authors else 0
    if shared < min(2, len(a.authors), len(b.authors)) or not shared:
        return None
    if a.year and b.year and abs(a.year - b.year) > 2 * APART_YEARS:
        return None
    named = sorted({*a.acronyms} & {*b.acronyms})
    if named:
        return Match(f"{named[0]}, {shared} shared author{'s' if shared > 1 else ''}", 0.9)
    if a.cue == b.cue or not (a.cue or b.cue) or (a.year and b.year and abs(a.year - b.year) > APART_YEARS):
        return None
    if {*a.acronyms} or {*b.acronyms}:
        return None  # of trials with other names
    alike = similar(subject_of(a.title), subject_of(b.title))[0]
    if alike >= 0.9 and shared >= 2 and duplicates.numbers_agree(_untimed(a.title), _untimed(b.title)):
        return Match(f"{a.cue or b.cue}, title {alike:.2f}, {shared} shared authors", 0.85)
    return None


_SPAN = re.compile(r"\b\d+ (?:year|month|week|day)s?\b")


def _untimed(title: str) -> str:
    """A title without how long people were followed, which differs between papers of one trial."""
    return _SPAN.sub("", title)
