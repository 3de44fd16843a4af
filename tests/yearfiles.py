"""Numbered PubMed files made by hand, as bytes: what is loaded, cut short, loaded twice and replaced."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ARTICLE = """<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}</PMID>
<DateRevised><Year>{year}</Year><Month>02</Month><Day>03</Day></DateRevised>
<Article PubModel="Print"><Journal><JournalIssue CitedMedium="Print"><PubDate><Year>2010</Year></PubDate></JournalIssue>
<Title>J Synth</Title></Journal><ArticleTitle>{title}</ArticleTitle><Abstract><AbstractText>{abstract}</AbstractText>
</Abstract><PublicationTypeList><PublicationType UI="D016428">Journal Article</PublicationType></PublicationTypeList>
</Article>{links}</MedlineCitation><PubmedData><ArticleIdList><ArticleId IdType="pubmed">{pmid}</ArticleId>
</ArticleIdList></PubmedData></PubmedArticle>"""
_RETRACTED = """<CommentsCorrectionsList><CommentsCorrections RefType="RetractionIn">
<RefSource>J Synth. 2012 Mar 2;5(1):1</RefSource><PMID Version="1">{notice}</PMID></CommentsCorrections>
</CommentsCorrectionsList>"""


@dataclass(frozen=True, slots=True)
class Article:
    """One citation; `notice` is the PMID of what retracted it on 2012-03-02."""

    pmid: int
    title: str
    abstract: str = "Aspirin prevents stroke in adults."
    year: int = 2011
    notice: int | None = None

    def xml(self) -> str:
        """The citation's element."""
        links = _RETRACTED.format(notice=self.notice) if self.notice else ""
        return _ARTICLE.format(pmid=self.pmid, title=self.title, abstract=self.abstract, year=self.year, links=links)


def packed(articles: Sequence[Article], gone: Sequence[int] = ()) -> bytes:
    """A file as it is distributed, the same bytes each time."""
    deleted = "".join(f'<PMID Version="1">{pmid}</PMID>' for pmid in gone)
    last = f"<DeleteCitation>{deleted}</DeleteCitation>" if gone else ""
    body = "".join(article.xml() for article in articles)
    head = '<?xml version="1.0" encoding="utf-8"?>'
    return gzip.compress(f"{head}<PubmedArticleSet>{body}{last}</PubmedArticleSet>".encode(), mtime=0)


def write(folder: Path, name: str, data: bytes) -> Path:
    """Put a file into a folder, over any that has its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.xml.gz"
    path.write_bytes(data)
    return path
