"""The names of fields, subheadings and languages, as PubMed and Ovid write them."""

from __future__ import annotations

import unicodedata

from consilience.indexes.analysis import LETTERS
from consilience.indexes.languages import code_of

# Field tags of PubMed (PubMed User Guide, "Search field tags"), by the name we use.
_TAGS = {
    "all": "all fields|all",
    "tiab": "title/abstract|tiab",
    "ti": "title|ti|titl",
    "ab": "abstract|ab",
    "tw": "text word|text words|text|word|tw",
    "ot": "other term|other terms|ot",
    "tt": "transliterated title|tt",
    "hw": "hw",
    "mh": "mesh terms|mesh term|mesh|mh|mesh heading",
    "majr": "mesh major topic|majr|mj",
    "sh": "mesh subheading|mesh subheadings|subheading|subheadings|sh",
    "pt": "publication type|publication types|ptyp|pt",
    "au": "author|au|auth|author name",
    "ta": "journal|jour|ta|is",
    "la": "language|lang|la",
    "nm": "supplementary concept|substance name|substance|subs|nm",
    "rn": "ec/rn number|registry number|rn",
    "uid": "uid|pmid",
    "aid": "article identifier|aid|doi|location id|lid",
    "dp": "date - publication|publication date|pdat|dp|ppdat|epdat",
    "edat": "date - entry|date - entrez|entrez date|entry date|edat|edate",
    "crdt": "date - create|create date|crdt|date - completion created",
    "mhda": "date - mesh|mesh date|mhda",
    "lr": "date - modification|modification date|lr|mdat",
    "dcom": "date - completion|completion date|dcom",
    "sb": "subset|sb|filter",
    "design": "design",
}
TAGS = {tag: name for name, tags in _TAGS.items() for tag in tags.split("|")}
TEXTS = ("all", "tiab", "ti", "ab", "tw", "ot", "tt", "hw")
VALUES = ("sh", "pt", "au", "ta", "la", "nm", "rn", "uid", "aid", "design")
DATES = ("dp", "edat", "crdt", "mhda", "lr", "dcom")

# Subheadings by their two letters (NLM, "Qualifiers by allowable category"; retired ones still stand in strategies).
QUALIFIERS = dict(
    pair.split(" ", 1)
    for pair in (
        "ab abnormalities|ad administration & dosage|ae adverse effects|ag agonists|aa analogs & derivatives|"
        "an analysis|ah anatomy & histology|ai antagonists & inhibitors|bi biosynthesis|bl blood|bs blood supply|"
        "cf cerebrospinal fluid|cs chemical synthesis|ci chemically induced|ch chemistry|cl classification|"
        "co complications|cn congenital|ct contraindications|cy cytology|df deficiency|di diagnosis|"
        "dg diagnostic imaging|du diagnostic use|dh diet therapy|de drug effects|dt drug therapy|ec economics|"
        "ed education|em embryology|en enzymology|ep epidemiology|es ethics|eh ethnology|et etiology|ge genetics|"
        "gd growth & development|hi history|im immunology|in injuries|ir innervation|is instrumentation|"
        "ip isolation & purification|lj legislation & jurisprudence|ma manpower|me metabolism|mt methods|"
        "mi microbiology|mo mortality|nu nursing|og organization & administration|ps parasitology|"
        "py pathogenicity|pa pathology|pk pharmacokinetics|pd pharmacology|ph physiology|pp physiopathology|"
        "po poisoning|pc prevention & control|px psychology|re radiation effects|ra radiography|"
        "ri radionuclide imaging|rt radiotherapy|rh rehabilitation|se secretion|st standards|"
        "sn statistics & numerical data|sd supply & distribution|su surgery|tu therapeutic use|th therapy|"
        "to toxicity|tm transmission|tr transplantation|td trends|us ultrasonography|ul ultrastructure|ur urine|"
        "ut utilization|ve veterinary|vi virology"
    ).split("|")
)  # fmt: skip


def qualifier(text: str) -> str:
    """A subheading by its name or its two letters: `dt` -> `drug therapy`."""
    plain = " ".join(text.lower().split())
    return QUALIFIERS.get(plain, plain)


def language(text: str) -> str:
    """MEDLINE's code of a language: `English` -> `eng`; anything else as it is."""
    plain = " ".join(text.lower().split())
    return code_of(plain) or plain


# Beside the Greek letters the Turkish capital, whose lower case is two signs.
_SPELT = {**{ord(letter): f" {name} " for letter, name in LETTERS.items()}, ord("İ"): "I"}


def spelt(text: str) -> str:
    """The text with Greek letters as words and accents on their letters: "TNF-α" and "TNF-alpha" are two words each."""
    return text if text.isascii() else unicodedata.normalize("NFC", text).translate(_SPELT)
