"""Study design of a record: from its publication types, its MeSH, and else its own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from consilience.records import Record

VERSION = "design.1"

Basis = Literal["source", "pt", "mesh", "text", "none"]

# Publication types by NLM's UI, strongest claim first (sources: NLM MeSH; evidence tiers in kg/certainty.yaml).
_BY_TYPE = {
    "D016440": "notice", "D016425": "notice", "D000075742": "notice",
    "D017065": "guideline", "D016431": "guideline", "D016446": "guideline", "D016447": "guideline",
    "D017418": "meta_analysis", "D000078182": "systematic_review",
    "D016449": "rct", "D065007": "rct", "D000073843": "rct",
    "D018848": "controlled_trial", "D016430": "controlled_trial", "D017426": "controlled_trial",
    "D017427": "controlled_trial", "D017428": "controlled_trial", "D017429": "controlled_trial",
    "D002363": "case_report", "D016421": "editorial", "D016422": "letter", "D016420": "comment", "D016454": "review",
    "D064888": "observational",
}  # fmt: skip
_BY_MESH = {
    "meta-analysis as topic": "", "cohort studies": "cohort", "prospective studies": "cohort",
    "retrospective studies": "cohort", "follow-up studies": "cohort", "longitudinal studies": "cohort",
    "case-control studies": "case_control", "cross-sectional studies": "cross_sectional",
    "randomized controlled trials as topic": "", "double-blind method": "rct", "random allocation": "rct",
}  # fmt: skip
# Read in this order; the first that matches wins. Titles say what a paper is, abstracts what it did.
_IN_TITLE = (
    # At the head only: "RETRACTED: ..." is the paper itself, and surgeons retract too.
    ("notice", r"^\W*(notice of )?retraction( (notice|note))?(\W*[:.]|\W+(to|for)\b)"),
    ("notice", r"^\W*(erratum|corrigendum|expression of concern)\b"),
    ("meta_analysis", r"\bmeta-?analy\w+"),
    ("systematic_review", r"\bsystematic(al)? (literature )?review|\bcochrane\b"),
    ("guideline", r"\b(practice|clinical) guidelines?\b|\bguidelines? for\b|\bconsensus statement\b"),
    ("rct", r"\brandomi[sz]ed\b|\bplacebo-controlled\b|\bdouble-blind"),
    ("cohort", r"\bcohort\b|\bprospective\b|\bretrospective\b|\bfollow-up study\b"),
    ("case_control", r"\bcase-control\b"),
    ("cross_sectional", r"\bcross-sectional\b"),
    ("case_report", r"\bcase report\b|\breport of (a|two|three) cases?\b|\bcase series\b"),
    ("editorial", r"^editorial\b"),
    ("review", r"\breview\b"),
)
_IN_ABSTRACT = (
    ("meta_analysis", r"\b(this|a|our|we \w+ a) meta-?analys[ie]s\b|\bpooled (odds|risk|hazard|relative)\b"),
    ("systematic_review", r"\bsystematic(ally)? review|\bwe searched (medline|pubmed|embase)"),
    ("rct", r"\b(were|was) random(ly|i[sz]ed)\b|\brandomi[sz]ed\b.{0,60}\b(trial|study|controlled)\b|\bdouble-blind"),
    ("case_control", r"\bcase-control\b"),
    ("cohort", r"\bcohort\b|\bretrospective(ly)?\b|\bprospective(ly)?\b|\bfollowed (up )?for\b"),
    ("cross_sectional", r"\bcross-sectional\b|\bsurvey\b"),
    ("case_report", r"\bwe (report|describe|present) (a|the|an) (\w+ ){0,3}(case|patient)\b"),
    ("preclinical", r"\b(rats?|mice|mouse|rabbits?|in vitro|cell lines?)\b"),
)
_TITLE_CUES = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _IN_TITLE)
_ABSTRACT_CUES = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _IN_ABSTRACT)
_PREPRINT = "D000076942"


@dataclass(frozen=True, slots=True)
class Design:
    """A study design and what it was read from: a prior about certainty, never a GRADE level."""

    name: str
    basis: Basis


def design_of(record: Record) -> Design:
    """The design of a record, from the strongest ground there is."""
    if record.source == "guidelines":
        return Design("guideline", "source")
    by_type = {_BY_TYPE[t.ui] for t in record.publication_types if t.ui in _BY_TYPE}
    for name in dict.fromkeys(_BY_TYPE.values()):
        # A review or letter may still be a trial's report by MeSH or title, a trial is never "only" a review.
        if name in by_type and name not in ("observational", "review"):
            return Design(name, "pt")
    headings = {m.name.lower() for m in record.mesh}
    if headings and "animals" in headings and "humans" not in headings:
        return Design("preclinical", "mesh")
    by_mesh = {_BY_MESH[name] for name in headings if _BY_MESH.get(name)}
    for name in ("rct", "case_control", "cohort", "cross_sectional"):
        if name in by_mesh:
            return Design(name, "mesh")
    found = _from_text(record)
    if "review" in by_type:
        return found if found and found.name in ("meta_analysis", "systematic_review") else Design("review", "pt")
    return found or Design("observational" if by_type else "unknown", "pt" if by_type else "none")


def _from_text(record: Record) -> Design | None:
    for cues, text in (
        (_TITLE_CUES, record.fields.get("title", "")),
        (_ABSTRACT_CUES, record.fields.get("abstract", "")),
    ):
        for name, cue in cues:
            if cue.search(text):
                return Design(name, "text")
    return None


def is_preprint(record: Record) -> bool:
    """Say whether the record is a preprint by publication type."""
    return any(t.ui == _PREPRINT for t in record.publication_types)
