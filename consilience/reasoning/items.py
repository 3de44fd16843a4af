"""Factoid and list answers without a language model: what the best sentences name and the question does not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from consilience.kg.link import Linker
from consilience.reasoning.cite import Citations
from consilience.reasoning.evidence import Finding
from consilience.text import words

_NUMBER = re.compile(r"\b\d+(?:[.,]\d+)?(?:\s?(?:%|percent|years?|months?|weeks?|days?|mg|kg|g|ml|genes?|patients))?")
# Names that vocabularies miss: gene symbols and the like (BRCA1, TNF-alpha, p53), and capitalised names.
_SYMBOL = re.compile(
    # Looks ahead instead of trying every split of a word: a hostile one of many capitals would take for ever.
    r"\b(?:(?=[A-Za-z]*[A-Z]{2}|[A-Za-z]+\d)[A-Za-z0-9-]+|[A-Z][a-z]+(?:[ -][A-Z][a-z]+)+)\b"
)
_COUNTING = re.compile(
    r"^how (many|much|often|long|old)\b|\b(number|percentage|proportion|prevalence) of\b", re.IGNORECASE
)
MOST = 10


def items(
    question: str, findings: Sequence[Finding], texts: Sequence[str], linker: Linker, cited: Citations
) -> list[dict[str, Any]]:
    """Candidates by how many findings name them and how telling those are, best first, at most ten."""
    asked = set(words(question))
    score: dict[str, float] = defaultdict(float)
    shown: dict[str, str] = {}
    support: dict[str, list[Finding]] = defaultdict(list)
    for finding, text in zip(findings, texts, strict=True):
        for name in dict.fromkeys(_names(question, text, linker)):
            key = name.lower()
            if key in asked or all(word in asked for word in words(name)):
                continue
            shown.setdefault(key, name)
            score[key] += finding.relevance * finding.weight
            support[key].append(finding)
    best = sorted(score, key=lambda key: (-score[key], key))[:MOST]
    found = [(shown[key], cited.numbers(support[key][:3])) for key in best]
    return [{"text": name, "citations": numbers} for name, numbers in found if numbers]


def _names(question: str, text: str, linker: Linker) -> list[str]:
    if _COUNTING.search(question):
        return _NUMBER.findall(text)
    return [m.text for m in linker.mentions(text)] + _SYMBOL.findall(text)
