"""What a question wants named: its kind of thing, the noun that says so, and how many."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from consilience.kg.link import Mention
from consilience.kg.names import normal_word
from consilience.reasoning.candidates import BREAKS

Sort = Literal[
    "disease", "chemical", "gene", "number", "time", "organism", "party", "tool", "body", "procedure", "spelling",
    "other",
]  # fmt: skip

_NOUNS: Mapping[Sort, str] = {
    "disease":
        "disease disorder syndrome cancer tumor malignancy condition illness indication symptom sign "
        "infection complication manifestation phenotype feature abnormality carcinoma pathology comorbidity "
        "deficiency sarcoma lymphoma leukemia neoplasm side effect",
    "chemical":
        "drug medication medicine compound inhibitor antibody agent hormone ligand vitamin substance "
        "antagonist agonist antibiotic metabolite chemical neurotransmitter lipid acid ion metal treatment "
        "therapy mimetic vaccine toxin biologic blocker sugar element",
    "gene":
        "gene protein enzyme receptor kinase target factor mirna mirnas microrna micrornas lncrnas mutation "
        "molecule cytokine isoform lncrna transporter complex subunit marker biomarker antigen phosphatase "
        "histone chaperone paralog ortholog component regulator locus oncogene family motif domain rna "
        "chromosome interactor partner pathway",
    "organism":
        "species organism bacterium bacteria virus pathogen animal plant fungus parasite yeast insect family "
        "genus strain host vector serotype",
    "party":
        "company country city author scientist person institution organization university doctor",
    "tool":
        "tool software algorithm method database package application program library pipeline platform server "
        "technique resource language approach framework system",
    "body":
        "cell tissue organ body part brain region structure compartment organelle muscle bone nerve gland "
        "membrane location layer bodies lineage",
    "procedure":
        "procedure surgery test assay intervention operation diagnostic imaging screening score questionnaire "
        "criterion scale",
}  # fmt: skip
# Of a noun in two lists the first counts.
_SORT_OF: Mapping[str, Sort] = {
    normal_word(noun): sort for sort, nouns in reversed(list(_NOUNS.items())) for noun in nouns.split()
}
_NUMBER = re.compile(
    r"\bhow (many|much|large|long|big|old|often|frequent|fast|high|tall)\b|"
    r"\b(number|percentage|percent|proportion|prevalence|incidence|frequency|rate|dose|dosage|size|length|duration|age|"
    r"half-life|weight|cut-?off|ratio|temperature|iq|fraction|penetrance)\b (of|for|in|is|at|range)\b|"
    r"\b(what|which) (is the )?(percentage|proportion|number|dose|age)\b",
    re.IGNORECASE,
)
_TIME = re.compile(r"^when\b|\b(what|which) (year|date|decade)s?\b|\bsince when\b", re.IGNORECASE)
_PARTY = re.compile(r"^(who|whom|whose|by whom)\b", re.IGNORECASE)
_SPELLING = re.compile(
    r"\b(stands? for|acronym|abbreviat\w+|full (name|form)|synonyms?|also known|other names?|another name|alternative "
    r"names?|(trade|brand|generic|common|alternate) ?names?)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(r"^where\b", re.IGNORECASE)
_HOW_MANY = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|[2-9]|10)\b (?!%|percent|years?\b|patients\b)(?=\w)",
    re.IGNORECASE,
)
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ASKS = re.compile(
    r"\b(?:which|what|list|name|give|enumerate)\b(?: (?:is|are|was|were|of|me|all|some|other|the|a|an|main|most|known|"
    r"major|common|commonly|different|types?|kinds?|examples?|at least|least|possible|human|\d+|two|three|four|five)"
    r"\b)*",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[^\s,;:()?!\"]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question wants named."""

    sort: Sort
    noun: str  # the noun that says so, as `normal_word` has it; "" if there is none
    count: int | None  # how many, where the question says it


def wanted(question: str) -> Wanted:
    """Read off a question's words what it wants named.

    `Which two drugs ...` wants two chemicals, `What percentage of ...` a number, `What does X stand for?` a spelling.
    """
    noun = _noun(question)
    return Wanted(_sort(question, noun), noun, _count(question))


def fits(sort: Sort, text: str, mention: Mention | None) -> bool:
    """Say whether a name looks like such a thing; of some sorts nothing can be said by looking."""
    kind = mention.type if mention else ""
    if sort == "disease":
        return kind in ("Disease", "Outcome") or bool(_DISEASE_LIKE.search(text))
    if sort == "chemical":
        return kind == "Chemical" or bool(_DRUG_LIKE.search(text))
    if sort == "gene":
        return bool(_GENE_LIKE.search(text))
    if sort == "time":
        return bool(_YEAR.search(text))
    if sort in ("number", "spelling"):
        return sort == "number" and any(c.isdecimal() for c in text)
    if sort == "organism":
        return bool(_LATIN.search(text))
    if sort in ("tool", "party"):
        return any(c.isupper() for c in text)
    if sort == "procedure":
        return kind == "Procedure" or bool(_PROCEDURE_LIKE.search(text))
    return sort == "body" and bool(_BODY_LIKE.search(text))


_DISEASE_LIKE = re.compile(
    r"(itis|osis|oma|emia|pathy|trophy|plasia|algia|disease|syndrome|cancer|disorder|deficiency|ataxia|infection|"
    r"failure|seizures|pain|loss|delay|disability|tumou?rs?)s?$",
    re.IGNORECASE,
)
_DRUG_LIKE = re.compile(
    r"(mab|nib|ine|ol|ide|ate|cin|vir|stat|tide|sone|olone|zole|pril|tan|tin|gliptin|gliflozin|feron|acid|amine|one|"
    r"cept|lam|pam|ran|xel|rin|parin|mycin|inhibitors?)\b",
    re.IGNORECASE,
)
_GENE_LIKE = re.compile(
    r"\b(?=[^\s]*[A-Z][^\s]*[A-Z0-9])[A-Z0-9][^\s]*|[a-z]ase\b|\b(?:receptor|kinase|factor|protein|gene|globulin)s?\b|"
    r"(?:miR|let)-?\d|[a-z]in(?:-\d)?$|[a-z]+\d+$",
)
_YEAR = re.compile(r"\b(1[89]|20)\d\d\b")
_LATIN = re.compile(
    r"^[A-Z](\.|[a-z]+) [a-z]{3,}|virus\b|bacter|coccus|mice|mouse|yeast|human|zebrafish", re.IGNORECASE
)
_PROCEDURE_LIKE = re.compile(r"(ectomy|plasty|scopy|graphy|metry|otomy|test|assay|surgery|imaging|PCR|therapy)s?\b")
_BODY_LIKE = re.compile(
    r"\b(cells?|tissues?|neurons?|cortex|brain|liver|kidneys?|heart|lungs?|muscles?|skin|bone|marrow|blood|nucle(us|i)|"
    r"membranes?|glands?|retina|intestine|colon|pancreas|cytes?|mitochondria\w*|artery|nerves?|eyes?|placenta|testis|"
    r"ovar(y|ies)|spleen|thymus|thyroid|stomach|gut|reticulum|matrix|cytoplasm)\b|cytes?\b|blasts?\b|phages?\b",
    re.IGNORECASE,
)


def _noun(question: str) -> str:
    asks = _ASKS.search(question)
    rest = (question[asks.end() :] if asks else question)[:300]
    phrase: list[str] = []
    for found in _TOKEN.finditer(rest):
        said = found.group(0).strip(".'’").lower()
        word = normal_word(said)
        if said in BREAKS and word not in _SORT_OF:
            if phrase:
                break
            continue
        phrase.append(word)
        if rest[found.end() : found.end() + 1] in tuple(",;:(?"):
            break
    # Of two nouns the last is the thing, `drug target`; what is no known noun may be a verb, `company produces`.
    return next((word for word in reversed(phrase) if word in _SORT_OF), phrase[-1] if phrase else "")


def _sort(question: str, noun: str) -> Sort:
    if _SPELLING.search(question):
        return "spelling"
    if _TIME.search(question):
        return "time"
    if _NUMBER.search(question):
        return "number"
    if _PARTY.search(question):
        return "party"
    if _PLACE.search(question):
        return "body"
    return _SORT_OF.get(noun, "other")


def _count(question: str) -> int | None:
    found = _HOW_MANY.search(question)
    if not found:
        return None
    said = found.group(1).lower()
    return int(said) if said.isdecimal() else _WORDS.index(said) + 2
