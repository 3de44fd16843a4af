"""Trials as papers name them: registry numbers, acronyms, and words that tell of a companion paper."""

from __future__ import annotations

import re

# Registries of WHO's ICTRP network and their numbers as authors write them. The digits make the canonical number.
_FORMS = (
    ("NCT", r"NCT[\s:#._-]{0,3}(\d{8})"),
    ("ISRCTN", r"ISRCTN[\s:#._-]{0,3}(\d{8})"),
    ("EUDRACT", r"(20\d\d-\d{6}-\d\d)(?:-\d\d)?"),  # EU CTIS numbers have the same form
    ("ACTRN", r"ACTRN[\s:#._-]{0,3}(126\d{11})"),
    ("CHICTR", r"ChiCTR(?:[\s-]?[A-Z]{2,4}){0,2}[\s:#._-]{0,3}(\d{8,10})"),
    ("CTRI/", r"CTRI[\s/:#_-]{0,3}(20\d\d[/-]\d{2,3}[/-]\d{6})"),
    ("UMIN", r"UMIN(?:[\s-]?CTR)?(?:[\s-]?ID)?[\s:#._-]{0,3}C?(\d{9})"),
    ("JRCT", r"jRCT[\s:#._-]{0,3}(s?\d{9,10})"),
    ("JAPICCTI-", r"JapicCTI[\s:#._-]{0,3}(\d{6})"),
    ("DRKS", r"DRKS[\s:#._-]{0,3}(\d{8})"),
    ("NTR", r"(?:NTR|Netherlands Trial Regist(?:er|ry),?(?: number)?(?: NTR)?)[\s:#._-]{0,3}(\d{3,4})"),
    ("IRCT", r"IRCT(?:[\s-]?ID)?[\s:#._-]{0,3}(\d{10,16}N\d{1,3})"),
    ("PACTR", r"PACTR[\s:#._-]{0,3}(\d{12,16})"),
    ("TCTR", r"TCTR[\s:#._-]{0,3}(\d{11})"),
    ("KCT", r"KCT[\s:#._-]{0,3}(\d{7})"),
    ("SLCTR/", r"SLCTR[\s/:#_-]{0,3}(20\d\d/\d{3})"),
    ("RBR-", r"RBR-([a-z0-9]{4,8})"),
    ("RPCEC", r"RPCEC[\s:#._-]{0,3}(\d{8})"),
)  # fmt: skip
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9])(?:{'|'.join(form for _, form in _FORMS)})(?![A-Za-z0-9])", re.IGNORECASE
)  # fmt: skip
# One cheap look decides for most texts: nearly every number has six digits in a row.
_DIGITS = re.compile(r"[0-9]{6}")
_SHORT = re.compile(r"NTR[\s:#._-]{0,3}[0-9]|RBR-|SLCTR|Trial Regist")


def numbers_in(text: str) -> tuple[str, ...]:
    """The registry numbers a text names, in one spelling each: `NCT 0123 4567` is none, `nct-01234567` NCT01234567."""
    if not _DIGITS.search(text) and not _SHORT.search(text):
        return ()
    found = []
    for match in _NUMBER.finditer(text):
        at = match.lastindex or 1
        digits = match.group(at).upper().replace("-", "/" if at == _CTRI else "-")
        if digits.strip("0/-"):  # all zeros stand in forms
            found.append(f"{_FORMS[at - 1][0]}{digits}".removeprefix("EUDRACT"))
    return tuple(dict.fromkeys(found))


_CTRI = 1 + next(i for i, (name, _) in enumerate(_FORMS) if name == "CTRI/")
_REGISTRY = re.compile(r"[A-Z]+")


def registry_of(number: str) -> str:
    """`NCT01234567` -> `NCT`; the European numbers have no letters: `EUDRACT`."""
    found = _REGISTRY.match(number)
    return found[0] if found else "EUDRACT"


def unit_of(number: str) -> str:
    """The name of a registered study as a unit of evidence: `NCT:NCT01234567`, else the number itself."""
    return f"NCT:{number}" if number.startswith("NCT") else number


# ---------------------------------------------------------------- acronyms

# Two capitals near each other; the look ahead rules out most words at once. A capital that begins a word, asked in this
# order: the search then leaps from capital to capital.
_ACRONYM = (
    r"(?P<name>[A-Z](?<!\w[A-Z])(?=[a-z]{0,4}[A-Z0-9-])"
    r"[A-Za-z]*[A-Z][A-Za-z0-9]*(?:[-/][A-Z0-9][A-Za-z0-9]*)*(?:[ -](?:\d{1,2}|I{1,3}|IV))?)"
)
_BETWEEN = r"(?:(?:randomi[sz]ed|clinical|controlled|multicentre|multicenter|prevention|cohort|pilot|phase \w+) ){0,3}"
_BODY = r"(?:[Tt]rials?|[Ss]tudy|[Ii]nvestigators|[Rr]esearch [Gg]roup|[Tt]rialists|[Cc]ollaborative [Gg]roup)"
# One of them is in whatever `_BODY` matches; to look for them costs a tenth.
_BODY_PARTS = ("rial", "tudy", "nvestigators", "esearch ", "ollaborative ")
_NAMED = (
    re.compile(rf"{_ACRONYM}\)? {_BETWEEN}{_BODY}\b"),
    re.compile(rf"\b(?:[Tt]rial|[Ss]tudy) \({_ACRONYM}\)"),
)
# Methods, diseases and agencies: "the HIV study" is no name.
_COMMON = frozenset(
    "RCT RCTS CT MRI FMRI PET EEG ECG DNA RNA MRNA PCR ELISA GWAS COPD HIV HIV-1 AIDS HCV HBV HPV SNP ICU NICU "
    "USA UK US EU WHO NIH NHS NCI FDA BMI CHD CVD CAD CKD T2DM ALS ADHD IVF THC LSD SSRI NSAID PTSD OCD IBD IBS "
    "GERD TB SARS MS COVID COVID-19 SARS-COV-2 III II PK PD IV IM SC EMG CSF CNS ACE ACEI ARB RA SLE CABG PCI "
    "PTCA AMI MI STEMI PSA TNF LDL HDL BCG DTP OPV IPV MMR HRT IUD LNG EORTC ECOG SWOG CALGB NSABP RTOG NCIC COG "
    "GOG AIDS-ACTG VA IIA IIB IIIA IIIB II/III GITS".split()
)
_LONGEST = 24


def acronyms_in(title: str, abstract: str) -> tuple[str, ...]:
    """The trial a paper calls its own: one named in the title, else the only one named in the abstract."""
    own = _acronyms(title)
    if own:
        return own
    found = _acronyms(abstract)
    return found if len(found) == 1 else ()


def _acronyms(text: str) -> tuple[str, ...]:
    if not any(part in text for part in _BODY_PARTS):
        return ()
    found = {m["name"].upper().replace(" ", "-") for cue in _NAMED for m in cue.finditer(text)}
    kept = (n for n in found if 3 <= len(n) <= _LONGEST and n not in _COMMON and n.rsplit("-", 1)[0] not in _COMMON)
    return tuple(sorted(kept))


# ---------------------------------------------------------------- companions

_IN_TITLE = (
    ("protocol", r"\bprotocol\b|\brationale\b.*\bdesign\b|\bdesign\b.*\brationale\b|\bstudy design\b"),
    ("follow-up", r"\bfollow-?up\b|\blong-?term\b|\b\d+-year\b|\bextension\b"),
    ("secondary", r"\bpost[- ]?hoc\b|\bsecondary analys[ie]s\b|\bsub-?(group|study|analys[ie]s)\b|\bancillary\b"
                  r"|\bexploratory analys[ie]s\b|\bcost[- ](effectiveness|utility)\b|\beconomic evaluation\b"
                  r"|\bquality of life\b|\b(results|findings|insights|data|analysis) (from|of) the\b"),
)  # fmt: skip
_TITLE_CUES = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _IN_TITLE)
_WORDS = ("hoc", "secondary", "exploratory", "ancillary", "substudy", "sub-study", "extension")
_ABSTRACT_CUE = re.compile(
    r"\b(post[- ]?hoc|secondary|exploratory|ancillary) (analys[ie]s|study) of\b|\b(sub-?study|extension) of\b",
    re.IGNORECASE,
)


def cue_in(title: str, abstract: str) -> str:
    """What says that a paper is a companion of another: protocol, follow-up, secondary, or ""."""
    found = next((name for name, cue in _TITLE_CUES if cue.search(title)), "")
    if found or not any(word in abstract for word in _WORDS):
        return found
    return "secondary" if _ABSTRACT_CUE.search(abstract) else ""


_DESIGN_WORDS = frozenset(
    "a an the of in for and study trial protocol design rationale randomised randomized controlled clinical "
    "double single blind blinded placebo open label multicentre multicenter pilot phase results follow up long "
    "term year years month months extension post hoc secondary analysis subgroup substudy ancillary from cost "
    "effectiveness economic evaluation quality life parallel group prospective outcomes".split()
)


def subject_of(title: str) -> str:
    """A title without the words that tell of its design: what a protocol and its results have in common."""
    return " ".join(word for word in title.split() if word not in _DESIGN_WORDS and not word.isdecimal())
