"""Study design of a record: from its publication types, its MeSH, and else its own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from consilience.records import Record

# Bumped when a design or sample size is told otherwise. Both are written down when a file is loaded, and this is a part
# of the readers' versions: the next ingest or refresh reads every file again (and fetches those removed to save room),
# a commit each, and refresh then goes by the new rules, for all instants. Until then the old ones count.
VERSION = "design.3"

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
_STRONGEST_FIRST = tuple(dict.fromkeys(_BY_TYPE.values()))
_BY_MESH = {
    "meta-analysis as topic": "", "cohort studies": "cohort", "prospective studies": "cohort",
    "retrospective studies": "cohort", "follow-up studies": "cohort", "longitudinal studies": "cohort",
    "case-control studies": "case_control", "cross-sectional studies": "cross_sectional",
    "randomized controlled trials as topic": "", "double-blind method": "rct", "random allocation": "rct",
}  # fmt: skip
_FEW = r"(a|an|one|single|two|three|four|five|six|\d)"
_PATIENT = r"(patient|man|woman|boy|girl|child|infant|newborn|male|female|neonate)"


class Cue(NamedTuple):
    """A pattern that tells a design; no text without one of its signs can match, and most texts have none."""

    design: str
    signs: tuple[str, ...]
    pattern: re.Pattern[str]

    def found_in(self, text: str, lower: str) -> bool:
        """Say whether a text, given with its lower case, bears the cue."""
        return any(sign in lower for sign in self.signs) and self.pattern.search(text) is not None


def _cue(design: str, signs: str, pattern: str) -> Cue:
    return Cue(design, tuple(signs.split("|")), re.compile(pattern, re.IGNORECASE))


# Read in this order; the first that matches wins. Titles say what a paper is, abstracts what it did.
TITLE_CUES = (
    # At the head only: "RETRACTED: ..." is the paper itself, and surgeons retract too.
    _cue("notice", "retraction", r"^\W*(notice of )?retraction( (notice|note))?(\W*[:.]|\W+(to|for)\b)"),
    _cue("notice", "erratum|corrigendum|concern", r"^\W*(erratum|corrigendum|expression of concern)\b"),
    _cue("meta_analysis", "meta", r"\bmeta-?analy\w+"),
    _cue("systematic_review", "systematic|cochrane", r"\bsystematic(al)? (literature )?review|\bcochrane\b"),
    _cue(
        "guideline", "guideline|consensus",
        r"\b(practice|clinical) guidelines?\b|\bguidelines? for\b|\bconsensus statement\b",
    ),
    _cue(
        "rct", "random|placebo|double",
        r"(?<!non[- ])\brandomi[sz]ed\b|\bplacebo-controlled\b|\bdouble[- ](blind|masked)",
    ),
    _cue(
        "case_report", "case|report of",
        rf"\bcase (reports?|series)\b|\breport of ({_FEW} )+(cases?|patients?)\b|^\W*(a )?case of\b",
    ),
    _cue("case_report", "in a", rf"\bin an? (\w+ ){{0,2}}{_PATIENT}\b"),
    _cue("cohort", "cohort|retrospective|follow-up", r"\bcohort\b|\bretrospective\b|\bfollow-up study\b"),
    _cue("case_control", "case-control", r"\bcase-control\b"),
    _cue("cross_sectional", "cross-sectional", r"\bcross-sectional\b"),
    _cue("editorial", "editorial", r"^editorial\b"),
    _cue("review", "review", r"\breview\b"),
)  # fmt: skip
ABSTRACT_CUES = (
    _cue(
        "meta_analysis", "meta|pooled",
        r"\b(this|a|our|we \w+ a) meta-?analys[ie]s\b|\bpooled (odds|risk|hazard|relative)\b",
    ),
    _cue(
        "systematic_review", "systematic|we searched",
        r"\bsystematic(ally)? review|\bwe searched (medline|pubmed|embase)",
    ),
    _cue(
        "rct", "random",
        r"\b(were|was) random(ly|i[sz]ed)\b|(?<!non[- ])\brandomi[sz]ed\b.{0,60}\b(trial|study|controlled|to)\b",
    ),
    _cue(
        "rct", "double|random",
        r"\bdouble[- ](blind|masked)|\b(allocated|assigned|divided) (at random|randomly)\b|\brandom allocation\b",
    ),
    _cue("case_control", "case-control", r"\bcase-control\b"),
    _cue(
        "cohort", "cohort|spective|followed",
        r"\bcohort\b|\bretrospective(ly)?\b|\bprospective(ly)?\b|\bfollowed (up )?for\b",
    ),
    _cue("cross_sectional", "cross-sectional|survey", r"\bcross-sectional\b|\bsurvey\b"),
    _cue(
        "case_report", "we report|we describe|we present|this case report",
        r"\bwe (report|describe|present) (a|the|an) (\w+ ){0,3}(case|patient)\b|\bthis case report\b",
    ),
    _cue(
        "case_report", "is report|is presen|is descr|are report|are presen|are descr",
        rf"\b{_FEW} (\w+ ){{0,2}}(case|patient)s?\b[^.]{{0,80}}\b(is|are) (reported|presented|described)\b",
    ),
    _cue("case_report", "-old| old", rf"\b\d+[- ](year|month|week|day)s?[- ]old (\w+ )?{_PATIENT}\b"),
    _cue(
        "preclinical", "rat|mice|mouse|murine|rabbit|pig|dog|cat|hamster|monkey|sheep",
        r"\b(rats?|mice|mouse|murine|rabbits?|(guinea )?pigs?|dogs?|cats?|hamsters?|monkeys?|sheep)\b",
    ),
    _cue("preclinical", "in vitro|cell line", r"\b(in vitro|cell lines?)\b"),
)  # fmt: skip
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
    if any(link.kind == "RetractionOf" for link in record.corrections):
        return Design("notice", "source")
    by_type = {_BY_TYPE[t.ui] for t in record.publication_types if t.ui in _BY_TYPE}
    for name in _STRONGEST_FIRST if by_type else ():
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
    for cues, field in ((TITLE_CUES, "title"), (ABSTRACT_CUES, "abstract")):
        text = record.fields.get(field, "")
        lower = text.lower()
        for cue in cues:
            if cue.found_in(text, lower):
                return Design(cue.design, "text")
    return None


_COUNT = r"(?P<n>[1-9]\d{0,2}(?:[, \u2009]\d{3})+|[1-9]\d{0,6})"
_PEOPLE = (
    r"(?:\w+ ){0,3}?(?:patients?|participants?|subjects?|women|men|adults|children|infants|individuals|volunteers)"
)
SIZE_CUES = (
    _cue(
        "", "total of|randomi|enrolled|recruited|included",
        rf"\b(?:total of|randomi[sz]ed|enrolled|recruited|included) {_COUNT} {_PEOPLE}\b",
    ),
    _cue(
        "", "were |was ",
        rf"(?<![\d.,]){_COUNT} {_PEOPLE}(?: \w+){{0,6}}? (?:were|was) "
        r"(?:randomly|randomi[sz]ed|enrolled|recruited|included|studied|assigned|allocated)\b",
    ),
    _cue(
        "", "(n|(total n",
        rf"\b(?:patients?|participants?|subjects?|women|men|adults|children) ?\((?:total )?n ?= ?{_COUNT}\)",
    ),
)  # fmt: skip


def sample_size_of(record: Record) -> int | None:
    """How many participants a record says it studied, or None where it does not say so plainly."""
    text = record.fields.get("abstract", "")
    lower = text.lower()
    for cue in SIZE_CUES:
        if any(sign in lower for sign in cue.signs) and (found := cue.pattern.search(text)):
            return int(re.sub(r"\D", "", found["n"]))
    return None


def is_preprint(record: Record) -> bool:
    """Say whether the record is a preprint by publication type."""
    return any(t.ui == _PREPRINT for t in record.publication_types)
