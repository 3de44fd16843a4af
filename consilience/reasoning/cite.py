"""Citations: every sentence that leaves is a quotation checked, in code, against the stored text. It fails closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from consilience.corpora.corpus import Clocks, Corpus, Document
from consilience.reasoning.evidence import BARRED, Finding
from consilience.records import sha256


def stance(finding: Finding) -> str:
    """What a finding does to the statement asked about."""
    judgement = finding.judgement
    if judgement.supports >= max(judgement.refutes, judgement.neutral):
        return "supports"
    return "refutes" if judgement.refutes >= judgement.neutral else "neutral"


def described(corpus: Corpus, document: Document, clocks: Clocks) -> dict[str, Any]:
    """What the contract tells of a document beside a span: title, date, design, status, study."""
    status = corpus.status(document.id, clocks, deleted=document.deleted)
    body: dict[str, Any] = {
        "title": document.fields.get("title", ""),
        "published": document.published.isoformat() if document.published else None,
        "design": document.design, "status": status.name, "study": document.study,
    }  # fmt: skip
    if document.preprint:
        body["preprint"] = True
    if status.retracted_since:
        body["retracted_since"] = status.retracted_since.isoformat()
    return body


def holds(span: dict[str, Any], document: Document) -> bool:
    """Say whether a span is word for word in the document version it names."""
    text = document.fields.get(span["field"])
    return (
        text is not None
        and span["id"] == document.id
        and span["version"] == document.version
        and 0 <= span["start"] < span["end"] <= len(text)
        and text[span["start"] : span["end"]] == span["quote"]
        and span["sha256"] == sha256(text)
    )


@dataclass
class Citations:
    """The citations of one answer, each given once; nothing enters that is not verbatim and in force."""

    corpus: Corpus
    clocks: Clocks
    rows: list[dict[str, Any]] = field(default_factory=list)
    _index: dict[tuple[str, str, int, int], int] = field(default_factory=dict)

    def add(self, finding: Finding) -> int | None:
        """The number of a finding's citation, or None when it does not pass the check."""
        if finding.key in self._index:
            return self._index[finding.key]
        document = self.corpus.document(finding.row)
        span = document.span(finding.field, finding.start, finding.end).as_json()
        about = described(self.corpus, document, self.clocks)
        if not holds(span, document) or about["status"] in BARRED:
            return None
        self.rows.append({**span, "stance": stance(finding), **about})
        self._index[finding.key] = len(self.rows) - 1
        return self._index[finding.key]

    def sentence(self, finding: Finding) -> dict[str, Any] | None:
        """A sentence of the answer: the quotation itself with its citation, or nothing."""
        number = self.add(finding)
        return None if number is None else {"text": self.rows[number]["quote"], "citations": [number]}

    def numbers(self, findings: Sequence[Finding]) -> list[int]:
        """The numbers of those findings that pass."""
        return [number for finding in findings if (number := self.add(finding)) is not None]
