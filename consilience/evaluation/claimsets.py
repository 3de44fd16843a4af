"""Claims beside the texts they were judged by: public sets and our own form, as cases with one of three labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consilience.errors import BadInputError, first_problem
from consilience.evaluation.datasets import Row, record_id, rows

Label = Literal["supported", "refuted", "insufficient"]
Form = Literal["plain", "scifact", "clinifact", "healthver"]
Texts = Mapping[str, str]
LABELS: tuple[Label, ...] = ("supported", "refuted", "insufficient")


@dataclass(frozen=True, slots=True)
class Case:
    """A claim, the texts it is held against (by document where there is one), and what people said of them together.

    `number` is the item's own id in its set, by which a judge that has not seen it is found; `group` is what cases of
    one source share, e.g. a trial.
    """

    id: str
    claim: str
    label: Label
    texts: tuple[tuple[str, str], ...]
    number: str
    group: str = ""


class _Line(BaseModel):
    """Our own form: one JSON object a line."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    claim: str = Field(min_length=1)
    evidence: str = Field(min_length=1)
    label: Label
    group: str = ""
    note: str = ""


def _plain(path: Path, _: Texts) -> Iterator[Case]:
    for number, row in enumerate(rows(path), start=1):
        try:
            line = _Line.model_validate(row)
        except ValidationError as failure:
            where, expected = f"{path.name}, claim {number}", "the forms of evaluation/README.md"
            raise BadInputError(first_problem(failure), where=where, expected=expected) from None
        yield Case(line.id, line.claim, line.label, (("", line.evidence),), line.id, line.group)


_SCIFACT: Mapping[str, Label] = {"SUPPORT": "supported", "CONTRADICT": "refuted"}
# CliniFact's `inconclusive`: the registered result does not show the superiority that the claim asserts.
_CLINIFACT: Mapping[str, Label] = {"evidence": "supported", "inconclusive": "refuted", "no_info": "insufficient"}
_HEALTHVER: Mapping[str, Label] = {"Supports": "supported", "Refutes": "refuted", "Neutral": "insufficient"}


def _scifact(path: Path, texts: Texts) -> Iterator[Case]:
    """SciFact claims over all abstracts they cite, of which some may say nothing of them."""
    for row in rows(path):
        told = {_SCIFACT[each["label"]] for each in row["evidence"]}
        if len(told) > 1:
            raise BadInputError("A claim is both supported and refuted.", where=f"claim {row['id']}", expected="one")
        cited = [f"SCIFACT:{number}" for number in dict.fromkeys(row["cited_doc_ids"])]
        label: Label = next(iter(told), "insufficient")
        yield Case(str(row["id"]), row["claim"], label, tuple((doc, texts[doc]) for doc in cited), str(row["id"]))


def _clinifact(path: Path, _: Texts) -> Iterator[Case]:
    """CliniFact's validation half: its training half is what judges learn from."""
    for number, row in enumerate(rows(path)):
        if row["split"] == "validation":
            text = f"{row['article_title']} {row['article_abstract']}"
            name = f"{row['nctId']}-{row['PMID']}-{number}"
            yield Case(name, row["claim"], _CLINIFACT[row["label_name"]], (("", text),), str(number), row["nctId"])


def _healthver(path: Path, _: Texts) -> Iterator[Case]:
    for number, row in enumerate(rows(path)):
        yield Case(f"{row['id']}-{number}", row["claim"], _HEALTHVER[row["label"]], (("", row["evidence"]),),
                   str(number), row["topic_ip"])  # fmt: skip


_FORMS: Mapping[str, Callable[[Path, Texts], Iterator[Case]]] = {
    "plain": _plain, "scifact": _scifact, "clinifact": _clinifact, "healthver": _healthver,
}  # fmt: skip
_TELLING_KEYS = {"cited_doc_ids": "scifact", "nctId": "clinifact", "topic_ip": "healthver"}


def cases(path: Path, form: str | None, corpus: Iterator[Row]) -> list[Case]:
    """Every claim of a file, in file order; the form is told by its keys unless it is named.

    `corpus` holds the documents that claims name, as records; it is read only where the form names documents.
    """
    first: Row = next(rows(path), {})
    name = form or next((form for key, form in _TELLING_KEYS.items() if key in first), "plain")
    texts = {record_id(row): f"{row['title']} {row['abstract']}" for row in corpus} if name == "scifact" else {}
    try:
        found = list(_FORMS[name](path, texts))
    except (KeyError, TypeError, AttributeError) as failure:
        where, told = path.name, f"A line does not have the {name} form, or names a document that is not there"
        raise BadInputError(f"{told} ({failure}).", where=where, expected=f"the keys of {name}") from failure
    if twice := [name for name, count in Counter(case.id for case in found).items() if count > 1]:
        raise BadInputError(f"The id {twice[0]!r} stands twice.", where=path.name, expected="one line an id")
    if not found:
        raise BadInputError("The file holds no claim.", where=path.name, expected="at least one JSON line")
    return found
