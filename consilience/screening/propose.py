"""Search terms that a language model proposes: a few phrases an element, checked, and never more than an addition."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from consilience.errors import ConsilienceError
from consilience.reasoning.written import fenced

if TYPE_CHECKING:
    from consilience.models import Language
    from consilience.screening.protocol import Protocol

PROMPT = "query.v1"
MOST = 20  # terms of one element
# Letters, digits, blanks, hyphens: nothing that an operator, a field or a bracket could be made of.
_TERM = re.compile(r"[a-z0-9][a-z0-9 '-]{2,78}", re.I)
_OPERATOR = re.compile(r"\b(?:AND|OR|NOT|NEAR|ADJ)\b")


class Terms(BaseModel):
    """The reply: phrases for each of the two elements that are searched."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    population: Annotated[list[str], Field(max_length=MOST)]
    intervention: Annotated[list[str], Field(max_length=MOST)]


def proposals(protocol: Protocol, model: Language) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Terms by element, and what to tell of it; a model that fails adds nothing and stops nothing."""
    asked = {"question": protocol.question, "pico": {name: list(lines) for name, lines in protocol.pico.items()}}
    try:
        reply = model.complete(prompt(PROMPT), fenced(asked), form=Terms)
    except ConsilienceError as error:
        return {}, [f"no terms of the model: {error.message}"]
    found = {"population": _checked(reply.population), "intervention": _checked(reply.intervention)}
    dropped = len(reply.population) + len(reply.intervention) - sum(map(len, found.values()))
    notes = [f"{dropped} terms of the model are none, and left out"] if dropped else []
    return found, notes


def _checked(terms: Iterable[str]) -> tuple[str, ...]:
    plain = (" ".join(term.split()) for term in terms)
    return tuple(dict.fromkeys(term for term in plain if _TERM.fullmatch(term) and not _OPERATOR.search(term)))


def prompt(name: str) -> str:
    """The text of one prompt of screening, by name and version."""
    return (resources.files("consilience.screening") / "prompts" / f"{name}.md").read_text(encoding="utf-8").strip()
