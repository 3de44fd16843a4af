"""Public files turned into our documented JSONL forms: pure functions from a path to dictionaries."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from consilience.clocks import parse_day
from consilience.errors import BadInputError, RefusedFileError, first_problem
from consilience.records import doi_curie, pmid_curie

Row = dict[str, Any]
Adapter = Callable[[Path], Iterator[Row]]

# A line longer than this is no question and no abstract; it also bounds what a hostile file can make us hold.
MAX_LINE = 8 * 1024 * 1024
MAX_QUESTIONS = 100_000


def rows(path: Path) -> Iterator[Row]:
    """Each JSON object of a `.jsonl` or `.jsonl.gz` file; a bad line is named by its number."""
    try:
        with _open(path) as stream:
            number = 0
            while line := stream.readline(MAX_LINE + 1):
                number += 1
                if line.strip() or len(line) > MAX_LINE:
                    yield _object(line, f"{path.name}:{number}")
    except (EOFError, gzip.BadGzipFile, zlib.error) as failure:
        raise RefusedFileError(
            "The file is damaged or cut short.", where=path.name, expected="JSON lines, plain or gzip"
        ) from failure


def _open(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _object(line: bytes, where: str) -> Row:
    expected = "one JSON object a line, in UTF-8"
    if len(line) > MAX_LINE:
        raise BadInputError("The line is too long.", where=where, expected=f"at most {MAX_LINE} bytes")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as failure:
        raise BadInputError("The line is not JSON.", where=where, expected=expected) from failure
    if not isinstance(value, dict):
        raise BadInputError("The line is not a JSON object.", where=where, expected=expected)
    return value


def scifact_claims(path: Path) -> Iterator[Row]:
    """SciFact claims as retrieval questions; every cited abstract is relevant, with evidence or without."""
    for row in rows(path):
        cited = [_scifact_id(cited) for cited in row["cited_doc_ids"]]
        yield {"id": str(row["id"]), "query": row["claim"], "relevant": cited}


def scifact_corpus(path: Path) -> Iterator[Row]:
    """SciFact abstracts as records, `SCIFACT:4983`; their sentences are joined by blanks."""
    for row in rows(path):
        abstract = " ".join(sentence.strip() for sentence in row["abstract"])
        yield {"id": _scifact_id(row["doc_id"]), "title": row["title"], "abstract": abstract}


def _scifact_id(number: object) -> str:
    return f"SCIFACT:{number}"


def pubmedqa(path: Path) -> Iterator[Row]:
    """PubMedQA as questions alone: the evidence has to be found; its own abstract is what is relevant."""
    for row in rows(path):
        relevant = [pmid_curie(row["pmid"])]
        yield {"id": row["pmid"], "question": row["question"], "answer": row["final_decision"], "relevant": relevant}


def pubmedqa_corpus(path: Path) -> Iterator[Row]:
    """PubMedQA abstracts as records, without the conclusion that gives the answer away."""
    for row in rows(path):
        sections = zip(row["labels"], row["contexts"], strict=False)
        abstract = " ".join(f"{label}: {text}" for label, text in sections)
        yield {"pmid": row["pmid"], "title": "", "abstract": abstract, "year": row["year"]}


def bioasq(path: Path) -> Iterator[Row]:
    """BioASQ questions of every type, each with its answer and the snippets that people marked for it.

    Relevant are the documents with a gold snippet: of the others the file knows no text, so no corpus can hold them.
    """
    for row in rows(path):
        question = {"id": row["id"], "question": row["question"]}
        snippets = [pmid_curie(pmid) for pmid in dict.fromkeys(snippet["pmid"] for snippet in row["snippets"])]
        yield {**question, **_bioasq_answer(row), "relevant": snippets, "snippets": _bioasq_snippets(row)}


_BIOASQ_KINDS = {"yesno": "polar", "factoid": "factoid", "list": "list", "summary": "summary"}


def _bioasq_answer(row: Row) -> Row:
    """What kind of question it is, and its answer; a summary has none but its snippets."""
    kind = {"kind": _BIOASQ_KINDS[row["type"]]}
    if row["type"] == "yesno":
        return {**kind, "answer": row["exact_answer"].strip().lower()}
    return {**kind, "names": row["exact_answer"]} if row["type"] in ("factoid", "list") else kind


def _bioasq_snippets(row: Row) -> list[Row]:
    field = {True: "title", False: "abstract"}
    return [
        {"id": pmid_curie(each["pmid"]), "field": field[each["section"] == "title"], "text": each["text"]}
        for each in row["snippets"]
    ]


def bioasq_corpus(path: Path) -> Iterator[Row]:
    """BioASQ's documents as far as the file knows them: their distinct gold snippets, in order of place."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows(path):
        for snippet in row["snippets"]:
            fields = found.setdefault(snippet["pmid"], {"title": {}, "abstract": {}})
            field = "title" if snippet["section"] == "title" else "abstract"
            fields[field].setdefault(snippet["text"], snippet["start"])
    for pmid, fields in found.items():
        title, abstract = (" ".join(sorted(fields[name], key=fields[name].__getitem__)) for name in fields)
        yield {"pmid": pmid, "title": title, "abstract": abstract}


QUESTIONS: dict[str, Adapter] = {"plain": rows, "scifact": scifact_claims, "pubmedqa": pubmedqa, "bioasq": bioasq}
CORPORA: dict[str, Adapter] = {
    "records": rows,
    "scifact": scifact_corpus,
    "pubmedqa": pubmedqa_corpus,
    "bioasq": bioasq_corpus,
}
# The key by which each public file is known, when no format is named.
_TELLING_KEYS = {"final_decision": "pubmedqa", "cited_doc_ids": "scifact", "exact_answer": "bioasq"}


def _graded(value: object) -> object:
    if isinstance(value, list):
        value = dict.fromkeys(value, 1) if all(isinstance(name, str | int) for name in value) else value
    if isinstance(value, dict):
        return {pmid_curie(str(name)) if str(name).isdecimal() else name: grade for name, grade in value.items()}
    return value


def _is_day(text: str) -> str:
    try:
        parse_day(text)
    except BadInputError as failure:
        raise ValueError(failure.message) from failure
    return text


Day = Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$"), AfterValidator(_is_day)]
"""A year, a month or a day that there is: of one that there is not, every question would fail."""


class Snippet(BaseModel):
    """A stretch of a document that people marked as telling, found again by its words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    field: str = "abstract"
    text: str = Field(min_length=1)


class Question(BaseModel):
    """One line of an evaluation file: what is asked, as of when, and what is known to be right."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    query: str = ""
    question: str = ""
    relevant: Annotated[dict[str, Annotated[int, Field(ge=0, le=100)]], BeforeValidator(_graded)] = {}
    answer: Literal["yes", "no", "maybe"] | None = None
    verdict: Literal["yes", "no", "mixed", "insufficient"] | None = None
    # Of factoids and lists: what is to be named, each by all its synonyms; and what people marked for any question.
    kind: Literal["polar", "factoid", "list", "summary"] | None = None
    names: tuple[tuple[str, ...], ...] = ()
    snippets: tuple[Snippet, ...] = ()
    as_of: Day | None = None
    note: str = ""

    @model_validator(mode="after")
    def _asks_something(self) -> Question:
        if not self.text.strip():
            raise ValueError("give a `query` or a `question`")
        if self.answer and self.verdict:
            raise ValueError("give an `answer` or a `verdict`, not both")
        return self

    @property
    def text(self) -> str:
        """What is searched for: the query, or else the question."""
        return self.query or self.question

    @property
    def has_relevant(self) -> bool:
        """At least one document is known to be relevant."""
        return any(grade > 0 for grade in self.relevant.values())


def questions(path: Path, form: str | None = None) -> list[Question]:
    """Every question of a file, in file order; the form is told by its keys unless it is named."""
    name = form or detect(path)
    found: dict[str, Question] = {}
    for number, row in enumerate(_adapted(QUESTIONS[name], path, name), start=1):
        question = _validated(row, f"{path.name}, question {number}")
        if question.id in found:
            raise BadInputError(f"The id {question.id!r} stands twice.", where=path.name, expected="one line an id")
        if number > MAX_QUESTIONS:
            raise BadInputError("The file has too many questions.", where=path.name, expected=f"{MAX_QUESTIONS}")
        found[question.id] = question
    if not found:
        raise BadInputError("The file holds no question.", where=path.name, expected="at least one JSON line")
    return list(found.values())


def detect(path: Path) -> str:
    """The form of a question file, told by the keys of its first line; `plain` is our own."""
    first: Row = next(rows(path), {})
    return next((form for key, form in _TELLING_KEYS.items() if key in first), "plain")


def records(path: Path, form: str) -> Iterator[Row]:
    """Every document of a corpus file as one of our records."""
    return _adapted(CORPORA[form], path, form)


def record_id(row: Row) -> str:
    """The id a record will be known by, from its own id, PMID or DOI; "" when it has none of them."""
    if row.get("id"):
        return str(row["id"])
    if row.get("pmid"):
        return pmid_curie(str(row["pmid"]))
    return doi_curie(row["doi"]) if row.get("doi") else ""


def _adapted(adapter: Adapter, path: Path, form: str) -> Iterator[Row]:
    try:
        yield from adapter(path)
    except (KeyError, TypeError, AttributeError) as failure:
        raise BadInputError(
            f"A line does not have the {form} form ({failure}).", where=path.name, expected=f"the keys of {form}"
        ) from failure


def _validated(row: Row, where: str) -> Question:
    try:
        return Question.model_validate(row)
    except ValidationError as failure:
        raise BadInputError(first_problem(failure), where=where, expected="the forms of evaluation/README.md") from None
