"""PubMed XML, as NLM distributes it or efetch returns it, read as records in file order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any, TypeAlias

from consilience.corpora.dates import read_date
from consilience.corpora.xmlfile import Dialect, Element, Limits, as_written, elements
from consilience.errors import SkipRecordError
from consilience.records import (
    Chemical,
    Correction,
    Deletion,
    MeshHeading,
    PublicationEvent,
    PublicationType,
    Quarantined,
    Record,
    normal_doi,
    normal_space,
    pmid_curie,
)

# Bumped when the extraction changes, so that what was read by an older one is read again.
VERSION = "1"

_DIALECT = Dialect(
    name="PubMed XML",
    records={
        "PubmedArticleSet": ("PubmedArticle", "PubmedBookArticle", "DeleteCitation"),
        "PubmedBookArticleSet": ("PubmedBookArticle",),
        "MedlineCitationSet": ("MedlineCitation", "DeleteCitation"),
    },
    # The third is where the DTDs of MedlineCitationSet stood.
    dtd_hosts=frozenset({"dtd.nlm.nih.gov", "www.ncbi.nlm.nih.gov", "www.nlm.nih.gov"}),
    prefixes={"mml": "http://www.w3.org/1998/Math/MathML", "xlink": "http://www.w3.org/1999/xlink"},
)
_DEFAULT_LIMITS = Limits()
_RAW_KEPT = 2000
_FILE_NAME = re.compile(r"(?:pubmed|medline)([0-9]{2})n([0-9]{4,9})\.xml(?:\.gz)?")
_PMID = re.compile(r"[1-9][0-9]{0,9}")
_PMCID = re.compile(r"PMC[0-9]+")
_TRIAL = re.compile(r"\b(?:(NCT)[ :-]?([0-9]{8})|(ISRCTN)[ :-]?([0-9]{4,10}))\b", re.IGNORECASE)
_DATE_PARTS = ("Year", "Month", "Day", "Season", "MedlineDate")
# PubStatus values that say when the text itself came out; the others tell of its handling.
_PUBLISHED = frozenset({"aheadofprint", "epublish", "ppublish", "ecollection"})
# Banks of molecules and data sets: their numbers name no study (NLM, "Databank Sources").
_NOT_REGISTRIES = frozenset(
    {
        *("bioproject", "dbgap", "dbsnp", "dbvar", "dryad", "figshare", "gdb", "genbank", "geo", "omim", "pdb", "pir"),
        *("pubchem-bioassay", "pubchem-compound", "pubchem-substance", "refseq", "sra", "swissprot"),
        *("unimes", "uniparc", "uniprotkb", "uniref"),
    }
)

# The first child of each name.
Parts: TypeAlias = Mapping[str, Element]
Item: TypeAlias = Record | Deletion | Quarantined
_NOTHING: Parts = MappingProxyType({})


def read(path: Path, *, limits: Limits = _DEFAULT_LIMITS) -> Iterator[Item]:
    """Yield what a PubMed file says, in file order; RefusedFileError may come after good records, so stage the whole.

    `position` of a quarantined element counts the records of the file from 0; DeleteCitation counts as one.
    """
    for position, element in enumerate(elements(path, _DIALECT, limits)):
        for entry in element.iterchildren("PMID") if element.tag == "DeleteCitation" else (element,):
            try:
                yield _READERS[entry.tag](entry)
            except SkipRecordError as error:
                yield Quarantined(position, str(error), as_written(entry, _DIALECT)[:_RAW_KEPT])


def order_key(path_name: str) -> tuple[int, int] | None:
    """Where a distributed file stands in load order: `pubmed26n0001.xml.gz` -> (2026, 1); None for other names."""
    found = _FILE_NAME.fullmatch(PurePath(path_name).name)
    return (2000 + int(found[1]), int(found[2])) if found else None


@dataclass(slots=True)
class _Dates:
    """The publication events of one record, the days of its handling, and what could not be read of either."""

    events: list[PublicationEvent] = field(default_factory=list)
    history: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def published(self, kind: str, found: Iterable[Element]) -> None:
        """Note each date as an event of publication."""
        for element in found:
            raw = _date_text(element)
            reading = read_date(raw)
            if reading.when:
                self.events.append(PublicationEvent(kind, reading.when))
            if reading.warning and raw:
                self.warnings.append(f"{kind}: {reading.warning}")

    def day(self, kind: str, element: Element | None) -> date | None:
        """The day an element names, if there is one."""
        if element is None:
            return None
        raw = _date_text(element)
        when = read_date(raw).when
        if when and when.precision == "day":
            return when.start
        self.warnings.append(f"{kind}: not a day: {raw!r}")
        return None

    def read_history(self, data: Parts) -> None:
        """Sort the dates of PubmedData into publication and handling.

        A record with no date of publication counts as published on its entry, since PubMed showed it then.
        """
        for element in _members(data, "History", "PubMedPubDate"):
            status = element.get("PubStatus", "")
            if status in _PUBLISHED:
                self.published(status, (element,))
            elif status and status not in self.history and (when := self.day(status, element)):
                self.history[status] = when.isoformat()
        if "entrez" in self.history and not self.events and (entered := read_date(self.history["entrez"]).when):
            self.events.append(PublicationEvent("entrez", entered))

    def kept(self, parts: Parts) -> dict[str, Any]:
        """What `extra` keeps of all this."""
        history = dict(self.history)
        return {
            "created": _iso(self.day("DateCreated", parts.get("DateCreated"))),
            "completed": _iso(self.day("DateCompleted", parts.get("DateCompleted"))),
            "entrez": history.pop("entrez", ""),
            "history": history,
            "date_warnings": self.warnings,
        }


def _article(element: Element) -> Record:
    parts = _parts(element)
    if "MedlineCitation" not in parts:
        raise SkipRecordError("the article has no MedlineCitation")
    return _citation(parts["MedlineCitation"], _inside(parts, "PubmedData"))


def _book_article(element: Element) -> Record:
    parts = _parts(element)
    if "BookDocument" not in parts:
        raise SkipRecordError("the book article has no BookDocument")
    return _book(_inside(parts, "BookDocument"), _inside(parts, "PubmedBookData"))


def _deletion(pmid: Element) -> Deletion:
    return Deletion(_pmid_of(pmid), pmid.get("Version", ""))


def _citation(citation: Element, data: Parts = _NOTHING) -> Record:
    top = _parts(citation)
    pmid = _pmid(top)
    ids = _ids(data)
    article = _inside(top, "Article")
    journal = _inside(article, "Journal")
    issue = _inside(journal, "JournalIssue")
    place = _inside(top, "MedlineJournalInfo")
    fields, notice = _fields(_text(article, "ArticleTitle"), _all(article, "Abstract"))
    links = _members(top, "CommentsCorrectionsList", "CommentsCorrections")
    databanks = _databanks(article)
    dates = _citation_dates(issue, article, data)
    return Record(
        id=pmid_curie(pmid),
        source="pubmed",
        fields=fields,
        pmid=pmid,
        pmcid=_pmcid(ids) or _pmcid_of_old(top),
        doi=normal_doi(ids.get("doi", "")) or _located_doi(article),
        events=tuple(dates.events),
        revised=dates.day("DateRevised", top.get("DateRevised")),
        source_version=top["PMID"].get("Version") or citation.get("VersionID", ""),
        publication_types=_publication_types(_members(article, "PublicationTypeList", "PublicationType")),
        mesh=tuple([_heading(each) for each in _members(top, "MeshHeadingList", "MeshHeading")]),
        chemicals=tuple([_chemical(each) for each in _members(top, "ChemicalList", "Chemical")]),
        keywords=_keywords(top),
        languages=tuple(_texts(_all(article, "Language"))),
        authors=_authors(_members(article, "AuthorList", "Author")),
        journal=_text(journal, "Title") or _text(journal, "ISOAbbreviation") or _text(place, "MedlineTA"),
        corrections=_corrections(links),
        registry_ids=_registry_ids(databanks, fields),
        license=notice,
        extra=_filled(
            vernacular_title=_text(article, "VernacularTitle"),
            other_abstracts=_other_abstracts(top),
            medline_pgn=_pages(article),
            volume=_text(issue, "Volume"),
            issue=_text(issue, "Issue"),
            issn=_text(journal, "ISSN") or _text(place, "ISSNLinking"),
            nlm_id=_text(place, "NlmUniqueID"),
            medline_ta=_text(place, "MedlineTA"),
            country=_text(place, "Country"),
            suppl_mesh=_supplementary(top),
            databanks=databanks,
            cites=sum(link.get("RefType") == "Cites" for link in links),
            status=citation.get("Status"),
            indexing_method=citation.get("IndexingMethod"),
            owner=citation.get("Owner"),
            citation_subsets=_texts(_all(top, "CitationSubset")),
            coi=_text(top, "CoiStatement"),
            publication_status=_text(data, "PublicationStatus"),
            **dates.kept(top),
        ),
    )


def _book(document: Parts, data: Parts) -> Record:
    pmid = _pmid(document)
    ids = {**_ids(document), **_ids(data)}
    book = _inside(document, "Book")
    book_title = _text(book, "BookTitle")
    fields, notice = _fields(_text(document, "ArticleTitle") or book_title, _all(document, "Abstract"))
    dates = _book_dates(document, book, data)
    return Record(
        id=pmid_curie(pmid),
        source="pubmed",
        fields=fields,
        pmid=pmid,
        pmcid=_pmcid(ids),
        doi=normal_doi(ids.get("doi", "")) or _located_doi(book),
        events=tuple(dates.events),
        revised=dates.day("DateRevised", document.get("DateRevised")),
        source_version=document["PMID"].get("Version", ""),
        publication_types=_publication_types(_all(document, "PublicationType")),
        keywords=_keywords(document),
        languages=tuple(_texts(_all(document, "Language"))),
        authors=_authors(_members(document, "AuthorList", "Author") or _members(book, "AuthorList", "Author")),
        registry_ids=_registry_ids((), fields),
        license=notice,
        extra=_filled(
            vernacular_title=_text(document, "VernacularTitle"),
            book=_filled(title=book_title, publisher=_text(_inside(book, "Publisher"), "PublisherName")),
            bookaccession=ids.get("bookaccession"),
            medline_pgn=_pages(document),
            publication_status=_text(data, "PublicationStatus"),
            **dates.kept(document),
        ),
    )


def _citation_dates(issue: Parts, article: Parts, data: Parts) -> _Dates:
    dates = _Dates()
    dates.published("ppub", _all(issue, "PubDate"))
    dates.published("electronic", _all(article, "ArticleDate"))
    dates.read_history(data)
    return dates


def _book_dates(document: Parts, book: Parts, data: Parts) -> _Dates:
    """A chapter is dated by its contribution: its book may have begun decades before it was written."""
    dates = _Dates()
    dates.published("contribution", _all(document, "ContributionDate"))
    if not dates.events:
        dates.published("ppub", _all(book, "PubDate"))
    dates.read_history(data)
    return dates


def _date_text(element: Element) -> str:
    """`<Year>2000</Year><Month>Nov-Dec</Month>` -> `2000 Nov-Dec`; the time of day is left out."""
    found = {child.tag: child.text for child in element}
    return " ".join([text.strip() for tag in _DATE_PARTS if (text := found.get(tag))])


def _iso(when: date | None) -> str:
    return when.isoformat() if when else ""


def _fields(title: str, abstracts: Iterable[Element]) -> tuple[dict[str, str], str]:
    """The text that may be quoted, and the copyright notice that stands inside the abstract."""
    sections: list[str] = []
    notice = ""
    for abstract in abstracts:
        sections += _sections(abstract)
        notice = notice or _clean(abstract.findtext("CopyrightInformation", ""))
    return _filled(title=title, abstract=" ".join(sections)), notice


def _sections(abstract: Element) -> Iterator[str]:
    for section in abstract.iterchildren("AbstractText"):
        text, label = _content(section), _clean(section.get("Label", "")).rstrip(" :")
        if text:
            yield f"{label}: {text}" if label else text


def _other_abstracts(top: Parts) -> list[dict[str, str]]:
    return [
        _filled(type=other.get("Type"), language=other.get("Language"), text=" ".join(_sections(other)))
        for other in _all(top, "OtherAbstract")
    ]


def _heading(heading: Element) -> MeshHeading:
    return _mesh_heading(*[(child.tag, child.text, child.get("UI"), child.get("MajorTopicYN")) for child in heading])


# Few headings, substances and types are new in a record and most of a file is made of them: the memo halves their cost.
@lru_cache(maxsize=1 << 14)
def _mesh_heading(*names: tuple[str, str | None, str | None, str | None]) -> MeshHeading:
    """One heading from the tag, text, UI and MajorTopicYN of its names; major when any of them is."""
    name, ui = next(((text, ui) for tag, text, ui, _ in names if tag == "DescriptorName"), ("", ""))
    return MeshHeading(
        name=_clean(name or ""),
        ui=ui or "",
        major=any(major == "Y" for *_, major in names),
        qualifiers=tuple(_clean(text or "") for tag, text, *_ in names if tag == "QualifierName"),
    )


def _chemical(chemical: Element) -> Chemical:
    parts = _parts(chemical)
    substance = parts.get("NameOfSubstance")
    if substance is None:
        return Chemical(name="", registry=_text(parts, "RegistryNumber"))
    return _substance(substance.text or "", substance.get("UI", ""), _text(parts, "RegistryNumber"))


@lru_cache(maxsize=1 << 14)
def _substance(name: str, ui: str, registry: str) -> Chemical:
    return Chemical(_clean(name), ui, registry)


def _supplementary(top: Parts) -> list[dict[str, str]]:
    return [
        _filled(name=_content(name), ui=name.get("UI"), type=name.get("Type"))
        for name in _members(top, "SupplMeshList", "SupplMeshName")
    ]


def _publication_types(found: Iterable[Element]) -> tuple[PublicationType, ...]:
    return tuple([_publication_type(each.text or "", each.get("UI", "")) for each in found])


@lru_cache(maxsize=1 << 10)
def _publication_type(name: str, ui: str) -> PublicationType:
    return PublicationType(_clean(name), ui)


def _keywords(parts: Parts) -> tuple[str, ...]:
    """The keywords of every list, each once."""
    found = [text for each in _all(parts, "KeywordList") for text in _texts(each.iterchildren("Keyword"))]
    return tuple(dict.fromkeys(found))


def _authors(found: Iterable[Element]) -> tuple[str, ...]:
    """Names in order; those NLM marks as mistaken (ValidYN="N") stand beside their correction and are left out."""
    return tuple([name for each in found if each.get("ValidYN") != "N" and (name := _author(each))])


def _author(author: Element) -> str:
    parts = _parts(author)
    if "CollectiveName" in parts:
        return _text(parts, "CollectiveName")
    # FirstName and MiddleName are what the first DTDs had in place of ForeName.
    given = _text(parts, "ForeName") or f"{_text(parts, 'FirstName')} {_text(parts, 'MiddleName')}".strip()
    return f"{_text(parts, 'LastName')} {given or _text(parts, 'Initials')}".strip()


def _corrections(links: Iterable[Element]) -> tuple[Correction, ...]:
    """The links of a record to its corrections; Cites is left out, and the other record's PMID may be missing."""
    return tuple([_correction(link) for link in links if link.get("RefType") != "Cites"])


def _correction(link: Element) -> Correction:
    parts = _parts(link)
    pmid = _text(parts, "PMID")
    return Correction(
        kind=link.get("RefType", ""),
        pmid=pmid if _PMID.fullmatch(pmid) else "",
        source=_text(parts, "RefSource"),
        note=_text(parts, "Note"),
    )


def _databanks(article: Parts) -> list[dict[str, Any]]:
    return [
        _filled(name=_clean(bank.findtext("DataBankName", "")), accessions=_texts(bank.iter("AccessionNumber")))
        for bank in _members(article, "DataBankList", "DataBank")
    ]


def _registry_ids(databanks: Iterable[Mapping[str, Any]], fields: Mapping[str, str]) -> tuple[str, ...]:
    """Trial registrations, as indexed and as written in title and abstract."""
    found = [
        number.replace(" ", "").upper()
        for bank in databanks
        if bank.get("name", "").lower() not in _NOT_REGISTRIES
        for number in bank.get("accessions", ())
    ]
    for text in fields.values():
        lowered = text.lower()
        if "nct" in lowered or "isrctn" in lowered:
            found += ["".join(filter(None, match.groups())).upper() for match in _TRIAL.finditer(text)]
    return tuple(dict.fromkeys(found))


def _pages(parts: Parts) -> str:
    pagination = _inside(parts, "Pagination")
    if "MedlinePgn" in pagination:
        return _text(pagination, "MedlinePgn")
    return "-".join(filter(None, [_text(pagination, "StartPage"), _text(pagination, "EndPage")]))


def _pmid(parts: Parts) -> str:
    """The record's own PMID; those of the records it links to stand deeper."""
    if "PMID" not in parts:
        raise SkipRecordError("the record has no PMID")
    return _pmid_of(parts["PMID"])


def _pmid_of(element: Element) -> str:
    pmid = _content(element)
    if not _PMID.fullmatch(pmid):
        raise SkipRecordError(f"its PMID is not a number: {pmid[:40]!r}")
    return pmid


def _ids(parts: Parts) -> dict[str, str]:
    """The record's own identifiers by type; those of its references stand in lists of their own, deeper."""
    return {each.get("IdType", ""): _content(each) for each in reversed(_members(parts, "ArticleIdList", "ArticleId"))}


def _located_doi(parts: Parts) -> str:
    """The DOI among the electronic locations, unless it is marked invalid."""
    for each in _all(parts, "ELocationID"):
        if each.get("EIdType") == "doi" and each.get("ValidYN") != "N" and (doi := normal_doi(_content(each))):
            return doi
    return ""


def _pmcid(ids: Mapping[str, str]) -> str:
    found = _PMCID.search((ids.get("pmc") or ids.get("pmcid", "")).upper())
    return found.group(0) if found else ""


def _pmcid_of_old(top: Parts) -> str:
    """MedlineCitationSet has no ArticleIdList; there PMC's number is an OtherID of NLM."""
    numbers = [_PMCID.match(_content(each)) for each in _all(top, "OtherID") if each.get("Source") == "NLM"]
    return next((number.group(0) for number in numbers if number), "")


def _parts(element: Element) -> Parts:
    return {child.tag: child for child in element.iterchildren(reversed=True)}


def _inside(parts: Parts, tag: str) -> Parts:
    """The parts of a part; none when it is missing."""
    return _parts(parts[tag]) if tag in parts else _NOTHING


def _all(parts: Parts, tag: str) -> list[Element]:
    """Every child of that name."""
    if tag not in parts:
        return []
    first = parts[tag]
    return [first, *(other for other in first.itersiblings() if other.tag == tag)]


def _members(parts: Parts, list_tag: str, tag: str) -> list[Element]:
    """The members of a list; to compare tags here is faster than to have lxml build a matcher at each call."""
    return [child for child in parts[list_tag] if child.tag == tag] if list_tag in parts else []


def _text(parts: Parts, tag: str) -> str:
    return _content(parts[tag]) if tag in parts else ""


def _texts(found: Iterable[Element]) -> list[str]:
    return [text for each in found if (text := _content(each))]


def _content(element: Element) -> str:
    """All text below an element, whatever its markup: `CO<sub>2</sub>` -> `CO2`."""
    return _clean("".join(element.itertext()) if len(element) else element.text or "")


def _clean(text: str) -> str:
    """normal_space, quickly for the usual text: what is printable holds nothing to drop."""
    joined = " ".join(text.split())
    return joined if joined.isprintable() else normal_space(text)


def _filled(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


_READERS: Mapping[str, Callable[[Element], Record | Deletion]] = {
    "PubmedArticle": _article,
    "PubmedBookArticle": _book_article,
    "MedlineCitation": _citation,
    "PMID": _deletion,
}

__all__ = ["VERSION", "Limits", "order_key", "read"]
