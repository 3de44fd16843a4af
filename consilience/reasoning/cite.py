"""Citations: every sentence that leaves is a quotation checked, in code, against the stored text. It fails closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consilience.corpora.corpus import Clocks, Corpus, Document
from consilience.corpora.units import Cluster
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
        "design": document.design, "status": status.name, "study": corpus.study_of(document.id, clocks),
    }  # fmt: skip
    if document.preprint:
        body["preprint"] = True
    if status.retracted_since:
        body["retracted_since"] = status.retracted_since.isoformat()
    return body


def linked(corpus: Corpus, document: str, clocks: Clocks) -> dict[str, Any]:
    """The other records of a document and the other papers of its study, each with why; as the contract shows them."""
    units = corpus.units(clocks)
    return {
        "duplicates": [{"id": other, "basis": basis} for other, basis in units.duplicates_of(document)],
        "study_members": [{"id": other, "basis": basis} for other, basis in units.study_members(document)],
    }


def hints(corpus: Corpus, citations: Sequence[Mapping[str, Any]], clocks: Clocks) -> list[str]:
    """Warnings that a cited paper has a retracted one beside it: a preprint stands when its article falls, but told."""
    units = corpus.units(clocks)
    return [
        f"{document} is cited, and {other} of the same study ({basis}) is retracted"
        for document in dict.fromkeys(citation["id"] for citation in citations)
        for other, basis in units.study_members(document)
        if corpus.status(other, clocks).name == "retracted"
    ]


def clusters(corpus: Corpus, clocks: Clocks) -> dict[str, Any]:
    """Every cluster of duplicates, and every study of several papers, on the clocks."""
    units = corpus.units(clocks)
    return {
        "duplicates": [_cluster(corpus, cluster, clocks) for cluster in units.duplicates()],
        "studies": [_cluster(corpus, cluster, clocks) for cluster in units.studies()],
    }


def _cluster(corpus: Corpus, cluster: Cluster, clocks: Clocks) -> dict[str, Any]:
    members = []
    for name in cluster.documents:
        document = corpus.document(corpus.row_of(name, clocks))
        published = document.published.isoformat() if document.published else None
        members.append({"id": name, "title": document.fields.get("title", ""), "published": published})
    return {"name": cluster.name, "members": members, "links": [link.as_json() for link in cluster.links]}


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
