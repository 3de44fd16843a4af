"""Error codes on answers, ours or another system's: what is wrong with a sentence or a citation, decided by code.

The codes are those of DAS (JZPeterPan/DAS-Medical-Red-Teaming-Agents) that can be decided against the stored texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consilience.corpora.corpus import Clocks, Corpus, Document
from consilience.errors import BadInputError, NotFoundError
from consilience.models import Entailment
from consilience.models.checks import Names
from consilience.models.cues import read
from consilience.models.verifier import verified_all
from consilience.reasoning.cite import IDENTIFIER
from consilience.reasoning.evidence import BARRED
from consilience.records import normal_space, sha256
from consilience.text import LABEL, sentences

CODES = {
    "1C": "the source was superseded, retracted or deleted",
    "1E": "a number or dose that the source does not give",
    "2A": "a source that does not exist",
    "2B": "the source does not say it",
    "2C": "the source is about something else",
    "2D": "no source is cited",
    "2E": "the quotation is not in the source",
    "2F": "the source under another identifier, version, title or date",
    "4A": "another population or substance than the source's",
}
# Less than this share of the words in common is another subject.
_SUBJECT = 0.2
MAX_SENTENCES = 200


@dataclass(frozen=True, slots=True)
class Coded:
    """One error of an answer: its code, where in the answer it stands (`sentences[0]`), and why, in words."""

    code: str
    where: str
    why: str

    def as_json(self) -> dict[str, str]:
        """As the contract shows it."""
        return {"code": self.code, "where": self.where, "why": self.why}


def audit(
    answers: Sequence[Mapping[str, Any]],
    clocks: Sequence[Clocks],
    corpus: Corpus,
    entailment: Entailment,
    names: Names | None = None,
) -> dict[str, Any]:
    """The codes of every answer, each on its own clocks, and how often each code was given."""
    rows: list[dict[str, Any]] = []
    for place, (answer, on) in enumerate(zip(answers, clocks, strict=True)):
        found = Auditor(corpus, on, entailment, names).codes_of(answer)
        name = answer.get("id")
        rows.append({"id": name if isinstance(name, str | int) and not isinstance(name, bool) else place,
                     "question": str(answer.get("question") or ""),
                     "codes": [one.as_json() for one in found]})  # fmt: skip
    counts = Counter(one["code"] for row in rows for one in row["codes"])
    return {"answers": rows, "counts": dict(sorted(counts.items()))}


@dataclass(frozen=True, slots=True)
class Auditor:
    """What answers are held against: the documents that the clocks show, a judge, and what knows names."""

    corpus: Corpus
    clocks: Clocks
    entailment: Entailment
    names: Names | None = None

    def codes_of(self, answer: Mapping[str, Any]) -> list[Coded]:
        """All errors found in an answer of the contract's form, in order of place; of other forms, what can be read.

        An answer needs `sentences` with `text` and `citations`, and `citations` with an `id`; quotes, offsets, versions
        and hashes are checked where they are given.
        """
        said, items, cited = (_objects(answer, name) for name in ("sentences", "items", "citations"))
        found: list[Coded] = []
        sources: list[_Source | None] = []
        for number, citation in enumerate(cited):
            source, errors = self._citation(citation, f"citations[{number}]")
            sources.append(source)
            found += errors
        question = str(answer.get("question") or "")
        found += self._off_subject(question, sources)
        found += self._sentences("sentences", said, sources)
        found += self._items(items, sources)
        return found

    # ------------------------------------------------------------ citations

    def _citation(self, citation: Mapping[str, Any], where: str) -> tuple[_Source | None, list[Coded]]:
        name = str(citation.get("id") or "")
        document = self._document(name, citation.get("version"))
        if isinstance(document, Coded):
            return None, [Coded(document.code, where, document.why)]
        errors = [Coded(code, where, why) for code, why in self._told_wrong(citation, document)]
        quote = normal_space(str(citation.get("quote") or ""))
        if not quote:
            errors.append(Coded("2D", where, f"{name} is cited without a quotation"))
            return _Source(document, ""), errors
        place = _place(citation, quote, document)
        if place is None:
            errors.append(Coded("2E", where, f"{name} does not say {quote[:80]!r}"))
            return _Source(document, ""), errors
        field, start, end, moved = place
        if moved:
            errors.append(Coded("2E", where, f"the quotation stands in {field} at {start}, not where it is said to"))
        return _Source(document, _whole_sentences(document.fields[field], start, end)), errors

    def _document(self, name: str, version: object) -> Document | Coded:
        """The document cited, or what is wrong with its name."""
        if not name:
            return Coded("2A", "", "no identifier is given")
        try:
            row = self.corpus.row_of(name, self.clocks)
        except NotFoundError:
            return Coded("2A", "", f"no document {name} on these clocks")
        if version is None or self.corpus.document(row).version == version:
            return self.corpus.document(row)
        try:
            return self.corpus.document(self.corpus.row_of(name, self.clocks, str(version)))
        except NotFoundError:
            return Coded("2F", "", f"{name} has no version {version}")

    def _told_wrong(self, citation: Mapping[str, Any], document: Document) -> Iterator[tuple[str, str]]:
        """What a citation says of its document otherwise than the document does."""
        status = self.corpus.status(document.id, self.clocks, deleted=document.deleted).name
        if status in BARRED:
            yield "1C", f"{document.id} is {status}"
        newest = self.corpus.document(self.corpus.row_of(document.id, self.clocks))
        if newest.version != document.version:
            yield "1C", f"{document.id} has a newer version than {document.version}"
        published = document.published.isoformat() if document.published else None
        for key, true in (("title", document.fields.get("title", "")), ("published", published)):
            given = citation.get(key)
            # A date may be told more coarsely than it is known.
            told = normal_space(str(given or "")).casefold()
            whole = normal_space(true or "").casefold()
            if told and whole and not (told == whole or (key == "published" and whole.startswith(told))):
                yield "2F", f"the {key} of {document.id} is {true!r}"

    # ------------------------------------------------------------ sentences

    def _sentences(
        self, part: str, said: Sequence[Mapping[str, Any]], sources: Sequence[_Source | None]
    ) -> Iterator[Coded]:
        cases: list[tuple[str, str, str, str]] = []
        for number, sentence in enumerate(said[:MAX_SENTENCES]):
            where, text = f"{part}[{number}]", normal_space(str(sentence.get("text") or ""))
            given, errors = _cited(sentence, sources, where)
            yield from errors
            evidence = " ".join(source.text for source in given if source.text)
            for named in IDENTIFIER.findall(text):
                if named.lower() not in evidence.lower():
                    yield Coded("2A", where, f"it names {named}, which its sources do not")
            if not text or not evidence or any(text == source.text for source in given):
                continue
            context = "\n".join("\n".join(source.document.fields.values()) for source in given)
            cases.append((where, text, evidence, context))
        told = verified_all([case[1:] for case in cases], self.entailment, self.names)
        for (where, text, evidence, _), word in zip(cases, told, strict=True):
            if _overlap(text, evidence) < _SUBJECT:  # whatever a judge makes of it
                yield Coded("2C", where, "its sources share hardly a word with it")
                continue
            for code, why in zip(word.codes, word.reasons, strict=True):
                yield Coded(code, where, why)

    def _items(self, items: Sequence[Mapping[str, Any]], sources: Sequence[_Source | None]) -> Iterator[Coded]:
        """An item is a name: its sources must have it."""
        for number, item in enumerate(items[:MAX_SENTENCES]):
            where, text = f"items[{number}]", normal_space(str(item.get("text") or ""))
            given, errors = _cited(item, sources, where)
            yield from errors
            stems = read(text).whole.stems
            if given and not any(stems <= read(_all_text(source.document)).whole.stems for source in given):
                yield Coded("2B", where, f"its sources do not name {text!r}")

    def _off_subject(self, question: str, sources: Sequence[_Source | None]) -> Iterator[Coded]:
        asked = read(question).whole.content
        for number, source in enumerate(sources):
            if source is not None and asked and not asked & read(_all_text(source.document)).whole.content:
                yield Coded("2C", f"citations[{number}]", f"{source.document.id} has no word of the question")


@dataclass(frozen=True, slots=True)
class _Source:
    """A document cited, and the whole sentences of it that are quoted; none where the quotation is not in it."""

    document: Document
    text: str


def _objects(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = answer.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise BadInputError(f"the answer's {name} are no list of objects", where=name, expected="an ask object")
    return value


def _cited(part: Mapping[str, Any], sources: Sequence[_Source | None], where: str) -> tuple[list[_Source], list[Coded]]:
    """The sources of a sentence or item that exist, and what is wrong with how it cites them."""
    numbers = part.get("citations") or []
    if not isinstance(numbers, list) or not numbers:
        return [], [Coded("2D", where, "it cites nothing")]
    found: list[_Source] = []
    errors: list[Coded] = []
    for number in numbers:
        known = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(sources)
        if not known:
            errors.append(Coded("2A", where, f"it cites {number!r}, and there are {len(sources)} citations"))
        elif (source := sources[number]) is not None:
            found.append(source)
    return found, errors


def _place(citation: Mapping[str, Any], quote: str, document: Document) -> tuple[str, int, int, bool] | None:
    """Field and offsets at which the quotation stands, and whether that is elsewhere than the citation says."""
    field, start, end = (citation.get(name) for name in ("field", "start", "end"))
    text = document.fields.get(str(field))
    if text is not None and isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text):
        hashed = citation.get("sha256") in (None, sha256(text))
        if text[start:end] == citation.get("quote") and hashed:
            return str(field), start, end, False
    says_where = any(citation.get(name) is not None for name in ("start", "end", "sha256"))
    for name, whole in document.fields.items():
        if (at := whole.find(quote)) >= 0:
            return name, at, at + len(quote), says_where
    return None


def _whole_sentences(text: str, start: int, end: int) -> str:
    """The sentences that a quotation touches: what is cut out of one may say the opposite of it."""
    # A section's label is no part of what its first sentence says.
    bounds = [(label.end() if (label := LABEL.match(text, a)) else a, b) for a, b in sentences(text)]
    touched = [(a, b) for a, b in bounds if a < end and start < b]
    return text[min(a for a, _ in touched) : max(b for _, b in touched)] if touched else text[start:end]


def _all_text(document: Document) -> str:
    return "\n".join(document.fields.values())


def _overlap(text: str, evidence: str) -> float:
    said = read(text).whole.content
    return len(said & read(evidence).whole.content) / (len(said) or 1)
