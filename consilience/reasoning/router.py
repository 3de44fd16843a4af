"""Which chains a question needs, if any: by its form alone, before anything is looked up.

Agents that always work in teams do not beat one (MedAgentBoard), and each chain costs time: so the chains of a plain
question are a choice made in one place, by measurement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from consilience.reasoning import calculator
from consilience.reasoning.chain import Budget
from consilience.reasoning.chains import CHAINS
from consilience.reasoning.question import Question

Sort = Literal["polar", "open", "guidance", "case", "options", "arithmetic", "advice"]

# The chains of each sort of question, unless a number of them is asked for. Measured on PubMedQA (500 questions, all
# chains against one: +.000 [.000, .000] of accuracy at three times the cost) and BioASQ: until many chains beat one,
# the cheaper way is the default. The guideline chain costs next to nothing and says what is in force.
ROUTES: Mapping[Sort, tuple[str, ...]] = {
    "polar": ("passage", "guideline"),
    "open": ("passage", "guideline"),
    "guidance": ("passage", "guideline"),
    "case": ("passage",),
    "options": (), "arithmetic": (), "advice": (),
}  # fmt: skip
_WHY: Mapping[Sort, str] = {
    "polar": "a statement that evidence can support or refute",
    "open": "an open question, which nothing refutes",
    "guidance": "a question about what is recommended",
    "case": "a case, as examinations tell it: one chain finds literature about it",
    "options": "an examination question with options",
    "arithmetic": "arithmetic on counts that are given",
    "advice": "advice to one person",
}

_OPTION = re.compile(r"(?:^|[\s(])([A-E])[.):]\s+\S")
_CASE = re.compile(
    r"\b(?:\d{1,3}|\w+)[- ](?:year|yr|month|week|day)s?[- ]old\b.{0,400}"
    r"\b(?:presents?|presented|presenting|is brought|was brought|comes? to|complain\w*|is admitted|was admitted)\b",
    re.IGNORECASE | re.DOTALL,
)
# One who asks about himself. `Phase I trials` follow no auxiliary, and a clinician's `my patients` are no person.
_ADVICE = re.compile(
    r"\b(?:[Ss]hould|[Cc]an|[Cc]ould|[Mm]ay|[Mm]ust|[Dd]o|[Ww]ould|[Ww]ill|[Ss]hall|[Aa]m|[Nn]eed) I\b"
    r"(?!\s*(?:and|or|[-/]))"
    r"|\bI(?:'m| am|'ve| have| was| take| need)\b"
    r"|\b[Mm]y (?!patients?\b|stud(?:y|ies)\b|review\b|question\b)[a-z]"
    r"|\b(?:for|help|harm|cure) me\b"
)
_GUIDANCE = re.compile(
    r"\b(?:guidelines?|recommend\w*|guidance|position statement|consensus statement)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Route:
    """How a question is answered: by which chains, within what budget; or why it is not read about at all."""

    sort: Sort
    chains: tuple[str, ...]
    budget: Budget = field(default_factory=Budget)
    refused: str = ""
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The route as a trace shows it."""
        return {"sort": self.sort, "why": _WHY[self.sort], "chains": list(self.chains),
                "budget": self.budget.as_json()}  # fmt: skip


def route(question: Question, number: int | None = None, *, writes: bool = False) -> Route:
    """The route of a question; a number of chains asked for wins, but over arithmetic and advice to a person.

    `writes` says that a language model is there, which reads an examination's options.
    """
    sort = sort_of(question)
    if sort == "advice":
        return Route(sort, (), refused=_ADVISED)
    if sort == "arithmetic":
        return Route(sort, ROUTES[sort])
    if number is not None:
        return Route(sort, tuple(CHAINS)[:number], warnings=_warnings(sort))
    if sort == "options":
        return Route(sort, ("passage",), warnings=_warnings(sort)) if writes else Route(sort, (), refused=_OPTIONS)
    return Route(sort, ROUTES[sort], warnings=_warnings(sort))


def sort_of(question: Question) -> Sort:
    """The sort of a question, by its form."""
    text = question.text
    if _ADVICE.search(text):
        return "advice"
    if calculator.read(text) is not None:
        return "arithmetic"
    if "".join(dict.fromkeys(_OPTION.findall(text))).startswith("ABC"):
        return "options"
    if _CASE.search(text):
        return "case"
    if _GUIDANCE.search(text):
        return "guidance"
    return "polar" if question.kind == "polar" else "open"


_ADVISED = (
    "it asks for advice to one person, which needs someone who knows that person; "
    "what studies found of people like them can be asked: Does TREATMENT help PEOPLE with CONDITION?"
)
_OPTIONS = "a question with options needs a language model to read them; each option can be asked alone, as a statement"


def _warnings(sort: Sort) -> tuple[str, ...]:
    if sort in ("case", "options"):
        return ("the sentences tell what was found of groups of patients; they are no advice about the one described",)
    return ()
