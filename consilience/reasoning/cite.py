"""Citations: every sentence that leaves is a quotation checked, in code, against the stored text, or a paraphrase that
passes the verifier against its quotations. It fails closed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consilience.corpora.corpus import Clocks, Corpus, Document
from consilience.corpora.units import Cluster
from consilience.models import Entailment
from consilience.models.checks import Names
from consilience.models.cues import read
from consilience.models.verifier import verified
from consilience.reasoning.evidence import BARRED, Finding
from consilience.records import normal_space, sha256

# A paraphrase is one short sentence; this share of its words stands in its quotations, the rest in their documents.
_LONGEST, _COVERED = 600, 0.7
# What names a source: a paraphrase may name none that its quotations do not.
IDENTIFIER = re.compile(
    r"\b(?:PMID|PMCID|DOI)\b|\bPMC\s?\d+|\bNCT\s?\d{4,}|\b10\.\d{4,9}/|\bISRCTN\s?\d+|https?:|www\.|\b\d{7,8}\b",
    re.IGNORECASE,
)
# Signs of a reference or of markup, which no sentence of ours has.
_FOREIGN = re.compile(r"\[\s*\d|\(\s*\d{1,2}\s*\)|\bet al\b|[\u2588{}|\\`]", re.IGNORECASE)


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


def is_tight(text: str, evidence: str, context: str = "") -> bool:
    """Say whether a text may be a paraphrase: one short sentence, of the evidence's words, naming no source.

    `context` is the rest of the documents: a word that neither has would be somebody else's.
    """
    said = read(text)
    if len(text) > _LONGEST or len(said.sentences) != 1 or not text.isprintable() or _FOREIGN.search(text):
        return False
    there = evidence.lower()
    if any(found.group().lower() not in there for found in IDENTIFIER.finditer(text)):
        return False
    wanted = said.whole.content
    shared = wanted & read(evidence).whole.content
    if wanted - shared - read(context).whole.content:
        return False
    return len(shared) >= max(1.0, _COVERED * len(wanted))


@dataclass
class Citations:
    """The citations of one answer, each given once; nothing enters that is not verbatim and in force.

    Without a judge there are no paraphrases; `names` tells entities apart where short lists do not.
    """

    corpus: Corpus
    clocks: Clocks
    rows: list[dict[str, Any]] = field(default_factory=list)
    _index: dict[tuple[str, str, int, int], int] = field(default_factory=dict)
    entailment: Entailment | None = None
    names: Names | None = None

    def add(self, finding: Finding) -> int | None:
        """The number of a finding's citation, or None when it does not pass the check."""
        if finding.key in self._index:
            return self._index[finding.key]
        row = self._checked(finding)
        if row is None:
            return None
        self.rows.append(row)
        self._index[finding.key] = len(self.rows) - 1
        return self._index[finding.key]

    def sentence(self, finding: Finding) -> dict[str, Any] | None:
        """A sentence of the answer: the quotation itself with its citation, or nothing."""
        number = self.add(finding)
        return None if number is None else {"text": self.rows[number]["quote"], "citations": [number]}

    def paraphrase(self, text: str, findings: Sequence[Finding]) -> dict[str, Any] | None:
        """A sentence in other words with the citations that say it, or nothing; a whole quotation stands as it is.

        Every finding must pass by itself, and all of them together must say the sentence: a tight one, which the judge
        hears them support and in which no check finds a number, a negation, a direction, a name or a group changed.
        """
        said = normal_space(text)
        rows = [self._checked(finding) for finding in findings]
        kept = [row for row in rows if row is not None]
        if not said or not kept or len(kept) != len(rows):
            return None
        if all(row["quote"] != said for row in kept) and not self._stands(said, kept, findings):
            return None
        return {"text": said, "citations": list(dict.fromkeys(self.numbers(findings)))}

    def numbers(self, findings: Sequence[Finding]) -> list[int]:
        """The numbers of those findings that pass."""
        return [number for finding in findings if (number := self.add(finding)) is not None]

    def _checked(self, finding: Finding) -> dict[str, Any] | None:
        """A finding as a citation, when it is verbatim and in force."""
        document = self.corpus.document(finding.row)
        span = document.span(finding.field, finding.start, finding.end).as_json()
        about = described(self.corpus, document, self.clocks)
        if not holds(span, document) or about["status"] in BARRED:
            return None
        return {**span, "stance": stance(finding), **about}

    def _stands(self, said: str, rows: Sequence[Mapping[str, Any]], findings: Sequence[Finding]) -> bool:
        evidence = " ".join(row["quote"] for row in rows)
        documents = dict.fromkeys(finding.row for finding in findings)
        context = "\n".join("\n".join(self.corpus.document(row).fields.values()) for row in documents)
        if self.entailment is None or not is_tight(said, evidence, context):
            return False
        return verified(said, evidence, self.entailment, self.names, context=context).passes
