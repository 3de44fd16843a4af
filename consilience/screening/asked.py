"""Criterion labels that a language model gives: every one rests on words that stand in the record, or is UNCERTAIN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from consilience.errors import ConsilienceError
from consilience.reasoning.written import fenced
from consilience.screening.judge import CriterionLabel, Label, Quote, checked, criteria_of
from consilience.screening.propose import prompt

if TYPE_CHECKING:
    from consilience.models import Language
    from consilience.screening.protocol import Protocol

PROMPT = "criteria.v1"
_LONGEST = 12_000  # characters of an abstract that a model is shown


class Said(BaseModel):
    """One label as a model gives it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    criterion: str
    label: Label
    quote: str


class Labels(BaseModel):
    """The reply."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: Annotated[list[Said], Field(max_length=60)]


def asked(record: Mapping[str, Any], protocol: Protocol, model: Language) -> tuple[CriterionLabel, ...]:
    """One label for each criterion, by a model. Whatever fails is UNCERTAIN, which excludes nothing (arXiv 2511.12635).

    Only words of title and abstract count as a quotation, and only if they stand there letter by letter.
    """
    criteria = criteria_of(protocol)
    shown = {"title": str(record.get("title") or ""), "abstract": str(record.get("abstract") or "")[:_LONGEST]}
    data = {"criteria": [{"name": each.name, "kind": each.kind, "text": each.text} for each in criteria],
            "record": shown}  # fmt: skip
    try:
        reply = model.complete(prompt(PROMPT), fenced(data), form=Labels)
    except ConsilienceError:
        reply = Labels(labels=[])
    said = {each.criterion: each for each in reversed(reply.labels)}
    return tuple(_checked(each.name, said.get(each.name), record, shown, model.name) for each in criteria)


def _checked(
    name: str, said: Said | None, record: Mapping[str, Any], shown: Mapping[str, str], by: str
) -> CriterionLabel:  # fmt: skip
    if said is None:
        return CriterionLabel(name, "UNCERTAIN", None, by)
    places = ((field, text.find(said.quote)) for field, text in shown.items() if said.quote.strip())
    span = next((Quote(field, at, at + len(said.quote), said.quote) for field, at in places if at >= 0), None)
    return checked(CriterionLabel(name, said.label, span, by), record)


def filled(rules: Sequence[CriterionLabel], others: Sequence[CriterionLabel]) -> tuple[CriterionLabel, ...]:
    """The rules' labels, and a model's where the rules leave a question open."""
    known = {label.criterion: label for label in others}
    return tuple(known.get(rule.criterion, rule) if rule.label == "UNCERTAIN" else rule for rule in rules)
