"""What one element of PubMed XML says: a citation, a book chapter or a deletion, as a record.

Everything of pubmed_250101.dtd and of the sets before it is kept: in the fields of `Record`, and the rest in `extra`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from lxml import etree

from consilience.corpora.dates import read_date
from consilience.corpora.xmlfile import Element
from consilience.errors import SkipRecordError
from consilience.records import (
    Chemical,
    Correction,
    Deletion,
    MeshHeading,
    PublicationEvent,
    PublicationType,
    Record,
    normal_doi,
    normal_space,
    pmid_curie,
)

_PMID = re.compile(r"[1-9][0-9]{0,9}")
_PMCID = re.compile(r"PMC[0-9]+")
_TRIAL = re.compile(r"\b(?:(NCT)[ :-]?([0-9]{8})|(ISRCTN)[ :-]?([0-9]{4,10}))\b", re.IGNORECASE)
# Whether it is worth to look for one, in lower case: "nct" alone stands in every "function".
_MAYBE_TRIAL = (re.compile(r"nct[ :-]?[0-9]{8}"), re.compile(r"isrctn[ :-]?[0-9]{4}"))
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
_ARTICLE, _ARTICLE_END = b"<PubmedArticle>", b"</PubmedArticle>"
_NAMES = {"LastName": "last", "ForeName": "fore", "Initials": "initials", "Suffix": "suffix",
          "CollectiveName": "collective", "FirstName": "first", "MiddleName": "middle"}  # fmt: skip
_GRANT = {"id": "GrantID", "acronym": "Acronym", "agency": "Agency", "country": "Country"}
_MARKED_LISTS = ("AuthorList", "DataBankList", "GrantList")
_BOOK_DATES = {"published": "PubDate", "begins": "BeginningDate", "ends": "EndingDate"}
_BOOK_TEXTS = {
    **{"volume": "Volume", "volume_title": "VolumeTitle", "edition": "Edition", "collection": "CollectionTitle"},
    **{"medium": "Medium", "report": "ReportNumber"},
}

# The children of an element by name, in order.
Parts: TypeAlias = Mapping[str, list[Element]]
# What some blocks of a record say, by their names, where it was told from their bytes alone.
Known: TypeAlias = Mapping[str, Any]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


# ---------------------------------------------------------------- records


def article(element: Element, known: Known = _NOTHING) -> Record:
    """Read a PubmedArticle; SkipRecordError says why it cannot be used."""
    parts = _parts(element)
    if "MedlineCitation" not in parts:
        raise SkipRecordError("the article has no MedlineCitation")
    return citation(parts["MedlineCitation"][0], _inside(parts, "PubmedData"), known)


def book_article(element: Element) -> Record:
    """Read a PubmedBookArticle."""
    parts = _parts(element)
    if "BookDocument" not in parts:
        raise SkipRecordError("the book article has no BookDocument")
    return _book(_inside(parts, "BookDocument"), _inside(parts, "PubmedBookData"))


def deletion(pmid: Element) -> Deletion:
    """Read a PMID of DeleteCitation."""
    return Deletion(_pmid_of(pmid), pmid.get("Version", ""))


def citation(element: Element, data: Parts = _NOTHING, known: Known = _NOTHING) -> Record:
    """Read a MedlineCitation and the PubmedData beside it."""
    top = _parts(element)
    pmid = _pmid(top)
    ids = _ids(data.get("ArticleIdList", ()))
    cited = _inside(top, "Article")
    journal: _Journal = _block(cited, known, "Journal") or _NO_JOURNAL
    place: _Place = _block(top, known, "MedlineJournalInfo") or _NO_PLACE
    headings: list[Heading] = _block(top, known, "MeshHeadingList") or []
    fields, notice = _fields(_text(cited, "ArticleTitle"), cited.get("Abstract", ()))
    links = _members(top, "CommentsCorrectionsList", "CommentsCorrections")
    people: list[dict[str, Any]] = _block(cited, known, "AuthorList") or []
    dates = _Dates()
    dates.published("ppub", journal.published)
    dates.published("electronic", map(_date_text, cited.get("ArticleDate", ())))
    dates.read_history(_block(data, known, "History") or ())
    extra = _kept(top, cited, data)
    extra |= place.told
    extra |= journal.told
    extra |= {_ATTRIBUTES[name]: value for name, value in element.items() if name in _ATTRIBUTES and value}
    if "issn" not in extra and place.issn:
        extra["issn"] = place.issn
    if people:
        extra["author_list"] = people
    if headings:
        extra["mesh_detail"] = [detail for _, detail in headings]
    if others := [each for each in ids if each != ["pubmed", pmid]]:
        extra["article_ids"] = others
    if cites := sum([link.get("RefType") == "Cites" for link in links]):
        extra["cites"] = cites
    if model := _attribute(top, "Article", "PubModel"):
        extra["pub_model"] = model
    if incomplete := _incomplete(cited):
        extra["incomplete"] = incomplete
    return Record(
        id=pmid_curie(pmid),
        source="pubmed",
        fields=fields,
        pmid=pmid,
        pmcid=_pmcid(ids) or _pmcid_of_old(top),
        doi=_doi(ids) or _located_doi(cited),
        events=tuple(dates.events),
        revised=dates.day("DateRevised", _block(top, known, "DateRevised")),
        source_version=top["PMID"][0].get("Version") or element.get("VersionID", ""),
        publication_types=_block(cited, known, "PublicationTypeList") or (),
        mesh=tuple([heading for heading, _ in headings]),
        chemicals=tuple(_block(top, known, "ChemicalList") or ()),
        keywords=_keywords(top),
        languages=tuple(_texts(cited.get("Language", ()))),
        authors=_authors(people),
        journal=journal.title or journal.abbreviation or place.abbreviation,
        corrections=_corrections(links),
        registry_ids=_registry_ids(extra.get("databanks", ()), fields),
        license=notice,
        extra=extra | dates.kept(_day_text(top, "DateCreated"), _block(top, known, "DateCompleted")),
    )


def _book(document: Parts, data: Parts) -> Record:
    pmid = _pmid(document)
    ids = [*_ids(data.get("ArticleIdList", ())), *_ids(document.get("ArticleIdList", ()))]
    book = _inside(document, "Book")
    book_title = _text(book, "BookTitle")
    fields, notice = _fields(_text(document, "ArticleTitle") or book_title, document.get("Abstract", ()))
    dates = _book_dates(document, book, data)
    others = [each for part in (document, data) for each in _ids(part.get("ArticleIdList", ()))]
    extra = _kept(document, data) | _said(
        author_list=_listed(document),
        article_ids=[each for each in others if each != ["pubmed", pmid]],
        incomplete=_incomplete(document),
        book=_of_book(book, book_title),
        bookaccession=_id(ids, "bookaccession"),
    )
    return Record(
        id=pmid_curie(pmid),
        source="pubmed",
        fields=fields,
        pmid=pmid,
        pmcid=_pmcid(ids),
        doi=_doi(ids) or _located_doi(book),
        events=tuple(dates.events),
        revised=dates.day("DateRevised", _day_text(document, "DateRevised")),
        source_version=document["PMID"][0].get("Version", ""),
        publication_types=tuple([_publication_type(each) for each in document.get("PublicationType", ())]),
        keywords=_keywords(document),
        languages=tuple(_texts(document.get("Language", ()))),
        authors=_authors(_people(_writers(document) or _writers(book))),
        registry_ids=_registry_ids((), fields),
        license=notice,
        extra=extra | dates.kept(_day_text(document, "DateCreated"), _day_text(document, "DateCompleted")),
    )


# ---------------------------------------------------------------- dates


@dataclass(slots=True)
class _Dates:
    """The publication events of one record, the days of its handling, and what could not be read of either."""

    events: list[PublicationEvent] = field(default_factory=list)
    history: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def published(self, kind: str, found: Iterable[str]) -> None:
        """Note each date as an event of publication."""
        for raw in found:
            reading = read_date(raw)
            if reading.when:
                self.events.append(PublicationEvent(kind, reading.when))
            if reading.warning and raw:
                self.warnings.append(f"{kind}: {reading.warning}")

    def day(self, kind: str, raw: str | None) -> date | None:
        """The day a date names, if there is one."""
        if raw is None:
            return None
        when = read_date(raw).when
        if when and when.precision == "day":
            return when.start
        self.warnings.append(f"{kind}: not a day: {raw!r}")
        return None

    def read_history(self, stamps: Iterable[tuple[str, str]]) -> None:
        """Sort the dates of PubmedData, each with its PubStatus, into publication and handling.

        A record with no date of publication counts as published on its entry, since PubMed showed it then.
        """
        for status, raw in stamps:
            if status in _PUBLISHED:
                self.published(status, (raw,))
            elif status and status not in self.history and (when := self.day(status, raw)):
                self.history[status] = when.isoformat()
        if "entrez" in self.history and not self.events and (entered := read_date(self.history["entrez"]).when):
            self.events.append(PublicationEvent("entrez", entered))

    def kept(self, created: str | None, completed: str | None) -> dict[str, Any]:
        """What `extra` keeps of all this."""
        history = dict(self.history)
        return _said(
            created=_iso(self.day("DateCreated", created)),
            completed=_iso(self.day("DateCompleted", completed)),
            entrez=history.pop("entrez", ""),
            history=history,
            date_warnings=self.warnings,
        )


def _book_dates(document: Parts, book: Parts, data: Parts) -> _Dates:
    """A chapter is dated by its contribution: its book may have begun decades before it was written."""
    dates = _Dates()
    dates.published("contribution", map(_date_text, document.get("ContributionDate", ())))
    if not dates.events:
        dates.published("ppub", map(_date_text, book.get("PubDate", ())))
    dates.read_history(_block(data, _NOTHING, "History") or ())
    return dates


def _date_text(element: Element) -> str:
    """`<Year>2000</Year><Month>Nov-Dec</Month>` -> `2000 Nov-Dec`; the time of day is left out."""
    found = {child.tag: child.text for child in element}
    return " ".join([text.strip() for tag in _DATE_PARTS if (text := found.get(tag))])


def _day_text(parts: Parts, tag: str) -> str | None:
    return _date_text(parts[tag][0]) if tag in parts else None


def _iso(when: date | None) -> str:
    return when.isoformat() if when else ""


# ---------------------------------------------------------------- blocks that repeat from record to record


class _Journal(NamedTuple):
    """A journal and its issue: names, texts of the dates of publication, and what `extra` keeps."""

    title: str
    abbreviation: str
    published: tuple[str, ...]
    told: Mapping[str, str]


class _Place(NamedTuple):
    """What MedlineJournalInfo says: the title abbreviation, the linking ISSN, and what `extra` keeps."""

    abbreviation: str
    issn: str
    told: Mapping[str, str]


_NO_JOURNAL = _Journal("", "", (), _NOTHING)
_NO_PLACE = _Place("", "", _NOTHING)


def _journal(element: Element) -> _Journal:
    parts = _parts(element)
    issue = _inside(parts, "JournalIssue")
    title, abbreviation = _text(parts, "Title"), _text(parts, "ISOAbbreviation")
    told = _said(
        iso_abbreviation=abbreviation,
        issn=_text(parts, "ISSN"),
        issn_type=_attribute(parts, "ISSN", "IssnType"),
        volume=_text(issue, "Volume"),
        issue=_text(issue, "Issue"),
        cited_medium=_attribute(parts, "JournalIssue", "CitedMedium"),
    )
    return _Journal(title, abbreviation, tuple([_date_text(each) for each in issue.get("PubDate", ())]), told)


def _place(element: Element) -> _Place:
    parts = _parts(element)
    abbreviation, issn = _text(parts, "MedlineTA"), _text(parts, "ISSNLinking")
    told = _said(
        country=_text(parts, "Country"),
        medline_ta=abbreviation,
        nlm_id=_text(parts, "NlmUniqueID"),
        issn_linking=issn,
    )
    return _Place(abbreviation, issn, told)


def _publication_types(element: Element) -> tuple[PublicationType, ...]:
    return tuple([_publication_type(each) for each in element if each.tag == "PublicationType"])


def _publication_type(element: Element) -> PublicationType:
    return PublicationType(_content(element), element.get("UI", ""))


# A heading, and what its names bear besides.
Heading: TypeAlias = tuple[MeshHeading, Mapping[str, Any]]


def _heading(element: Element) -> Heading:
    """Read one heading: major when any of its names is."""
    names = list(element)
    descriptor = next((name for name in names if name.tag == "DescriptorName"), None)
    qualifiers = [name for name in names if name.tag == "QualifierName"]
    starred = [name.get("UI", "") for name in names if name.get("MajorTopicYN") == "Y"]
    detail = _said(
        qualifier_uis=[name.get("UI", "") for name in qualifiers],
        starred=starred,
        auto=[name.get("UI", "") for name in names if name.get("AutoHM") == "Y"],
        type="" if descriptor is None else descriptor.get("Type"),
    )
    title, ui = ("", "") if descriptor is None else (_content(descriptor), descriptor.get("UI", ""))
    return MeshHeading(title, ui, bool(starred), tuple([_content(name) for name in qualifiers])), detail


# A descriptor whose text needs no parser to be told: ASCII without references.
_PLAIN_DESCRIPTOR = re.compile(
    rb'>\s*<DescriptorName UI="(\w*)" MajorTopicYN="(Y|N)"(?: Type="(\w*)")?>([ -%\'-;=?-\\^-~]*)</DescriptorName>\s*'
)


@lru_cache(maxsize=1 << 16)
def _heading_apart(content: bytes) -> Heading:
    """A heading from the bytes after `<MeshHeading`; most new ones are known qualifiers behind a plain descriptor."""
    plain = _PLAIN_DESCRIPTOR.match(content)
    if plain is None:
        return _parsed_heading(content)
    ui, major, kind, title = [(group or b"").decode() for group in plain.groups()]
    behind, detail = _parsed_heading(b">" + content[plain.end() :])
    if major == "Y":
        detail = {**detail, "starred": [ui, *detail.get("starred", ())]}
    if kind:
        detail = {**detail, "type": kind}
    return MeshHeading(_clean(title), ui, major == "Y" or behind.major, behind.qualifiers), detail


@lru_cache(maxsize=1 << 12)
def _parsed_heading(content: bytes) -> Heading:
    element = etree.fromstring(b"<MeshHeading" + content)
    if element.tag != "MeshHeading":
        raise NotApartError
    return _heading(element)


def _chemical(element: Element) -> Chemical:
    parts = _parts(element)
    return Chemical(
        name=_text(parts, "NameOfSubstance"),
        ui=_attribute(parts, "NameOfSubstance", "UI"),
        registry=_text(parts, "RegistryNumber"),
    )


def _stamp(element: Element) -> tuple[str, str]:
    return element.get("PubStatus", ""), _date_text(element)


# Text that needs neither a parser nor `normal_space`: words of ASCII and Latin letters, without references.
_WORD = r"[!-%'-;=?-~\xc0-\u024f]+"
_PLAIN = rf"({_WORD}(?: {_WORD})*)"
_GAP = r"[ \t\r\n]*"
_PLAIN_AUTHOR = re.compile(
    rf'{_GAP}<Author ValidYN="Y">{_GAP}<LastName>{_PLAIN}</LastName>{_GAP}(?:<ForeName>{_PLAIN}</ForeName>{_GAP})?'
    rf"(?:<Initials>{_PLAIN}</Initials>{_GAP})?(?:<Suffix>{_PLAIN}</Suffix>{_GAP})?</Author>{_GAP}"
)


def _plain_people(content: bytes) -> list[dict[str, Any]] | None:
    """What `_people` makes of authors who have only names; None of others."""
    parts = _PLAIN_AUTHOR.split(content.decode())
    if any(parts[::5]):
        return None
    people: list[dict[str, Any]] = []
    for last, fore, initials, suffix in zip(parts[1::5], parts[2::5], parts[3::5], parts[4::5], strict=True):
        said = {"last": last}
        if fore:
            said["fore"] = fore
        if initials:
            said["initials"] = initials
        if suffix:
            said["suffix"] = suffix
        people.append(said)
    return people


class NotApartError(ValueError):
    """A block of a record cannot be read apart from it."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A block that can be told from its bytes: how to read it, or if it is a list, its members of that tag.

    `apart` reads the bytes between its tags, and gives None where a parser does that better.
    """

    tag: str
    read: Callable[[Element], Any]
    apart: Callable[[bytes], Any]
    member: str = ""
    attributes: str = ""

    def of(self, element: Element) -> Any:
        """What the block says, by its element."""
        return (
            [self.read(child) for child in element if child.tag == self.member] if self.member else self.read(element)
        )


def _once(tag: str, read: Callable[[Element], Any]) -> _Block:
    """A block that is known again by its bytes."""
    opening, closing = f"<{tag}>".encode(), f"</{tag}>".encode()

    @lru_cache(maxsize=1 << 12)
    def apart(content: bytes) -> Any:
        return read(etree.fromstring(opening + content + closing))

    return _Block(tag, read, apart)


def _each_once(
    tag: str, member: str, read: Callable[[Element], Any], one: Callable[[bytes], Any] | None = None
) -> _Block:
    """A list whose members are known again by their bytes."""
    opening = f"<{member}".encode()

    @lru_cache(maxsize=1 << 13)
    def parsed(content: bytes) -> Any:
        element = etree.fromstring(opening + content)
        if element.tag != member:
            raise NotApartError
        return read(element)

    one_apart = one or parsed

    def apart(content: bytes) -> list[Any]:
        before, *members = content.split(opening)
        if before.strip():
            raise NotApartError
        return [one_apart(each) for each in members]

    return _Block(tag, read, apart, member)


def _block(parts: Parts, known: Known, tag: str) -> Any:
    """What a block says: from its bytes if it was cut out, else by its element; None when there is none."""
    if tag not in parts:
        return None
    return known[tag] if tag in known else _BLOCKS[tag].of(parts[tag][0])


def cut(articles: bytes) -> tuple[bytes, list[Known]]:
    """Take the contents of the blocks out of whole articles, and tell for each article what they say; their tags stay.

    Most of a file is made of these, and what was read once is known again by its bytes. The articles must hold no
    comment, CDATA or instruction. Raises NotApartError or XMLSyntaxError when they must be read as they stand.
    """
    kept: list[bytes] = []
    told: list[Known] = []
    find, at = articles.find, 0
    while (stop := find(_ARTICLE_END, at)) >= 0:
        if articles[at : find(_ARTICLE, at, stop)].strip():
            raise NotApartError
        known: dict[str, Any] = {}
        for tag, opening, closing, apart in _CUTS:
            if (start := find(opening, at, stop)) >= 0 and (end := find(closing, start, stop)) >= 0:
                start += len(opening)
                if (said := apart(articles[start:end])) is not None:
                    known[tag] = said
                    kept.append(articles[at:start])
                    at = end
        stop += len(_ARTICLE_END)
        kept.append(articles[at:stop])
        told.append(known)
        at = stop
    if articles[at:].strip():
        raise NotApartError
    return b"".join(kept), told


# ---------------------------------------------------------------- text


def _fields(title: str, abstracts: Iterable[Element]) -> tuple[dict[str, str], str]:
    """The text that may be quoted, and the copyright notice that stands inside the abstract."""
    sections: list[str] = []
    notice = ""
    for abstract in abstracts:
        sections += _sections(abstract)
        notice = notice or _notice(abstract)
    return _said(title=title, abstract=" ".join(sections)), notice


def _sections(abstract: Element) -> Iterator[str]:
    for section in abstract:
        if section.tag == "AbstractText" and (text := _content(section)):
            label = _label(section)
            yield f"{label}: {text}" if label else text


def _label(section: Element) -> str:
    return _clean(section.get("Label", "")).rstrip(" :")


def _notice(abstract: Element) -> str:
    return next((_content(each) for each in abstract if each.tag == "CopyrightInformation"), "")


def _section_kinds(abstracts: list[Element]) -> list[dict[str, str]]:
    """Label and category of each section of the abstract, when any has one."""
    sections = [each for each in abstracts[0] if each.tag == "AbstractText"]
    if not any(len(section.attrib) for section in sections):
        return []
    found = [
        _said(label=_label(section), category=section.get("NlmCategory")) for section in sections if _content(section)
    ]
    return found if any(found) else []


def _other_abstracts(found: Iterable[Element]) -> list[dict[str, str]]:
    return [
        _said(
            type=other.get("Type"),
            language=other.get("Language"),
            text=" ".join(_sections(other)),
            copyright=_notice(other),
        )
        for other in found
    ]


def _keywords(parts: Parts) -> tuple[str, ...]:
    """The keywords of every list, each once."""
    return tuple(dict.fromkeys([text for each in parts.get("KeywordList", ()) for text in _texts(each)]))


def _keyword_lists(lists: Iterable[Element]) -> list[dict[str, Any]]:
    return [
        _said(
            owner=words.get("Owner"),
            keywords=_texts(words),
            major=_texts([word for word in words if word.get("MajorTopicYN") == "Y"]),
        )
        for words in lists
    ]


# ---------------------------------------------------------------- people


def _people(found: Iterable[Element], **common: str) -> list[dict[str, Any]]:
    """Each person or group as written, those NLM marks as mistaken too."""
    return [_person(each, common) for each in found]


def _person(element: Element, common: Mapping[str, str] = _NOTHING) -> dict[str, Any]:
    said: dict[str, Any] = {}
    identifiers: list[Element] = []
    affiliations: list[Element] = []
    for child in element:
        tag = child.tag
        if name := _NAMES.get(tag):
            if text := _content(child):
                said.setdefault(name, text)
            if tag == "CollectiveName" and (group := child.get("Investigators")):
                said["group"] = group
        elif tag in ("AffiliationInfo", "Affiliation"):
            # Before 2015 an author had one Affiliation and nothing around it.
            affiliations += child.iter("Affiliation")
            identifiers += child.iterchildren("Identifier")
        elif tag == "Identifier":
            identifiers.append(child)
    if "first" in said or "middle" in said:  # what the first DTDs had in place of ForeName
        given = f"{said.pop('first', '')} {said.pop('middle', '')}".strip()
        said.setdefault("fore", given)
    if element.get("ValidYN") == "N":
        said["valid"] = "N"
    if element.get("EqualContrib") == "Y":
        said["equal"] = "Y"
    if identifiers and (pairs := _pairs("Source", identifiers)):
        said["identifiers"] = pairs
    if affiliations and (texts := _texts(affiliations)):
        said["affiliations"] = texts
    return {**said, **common} if common else said


def _authors(people: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names in order; those NLM marks as mistaken (ValidYN="N") stand beside their correction and are left out."""
    return tuple([name for each in people if "valid" not in each and (name := _name(each))])


def _name(person: Mapping[str, Any]) -> str:
    given = person.get("fore") or person.get("initials", "")
    return person.get("collective") or f"{person.get('last', '')} {given}".strip()


def _investigators(lists: Iterable[Element]) -> list[dict[str, Any]]:
    """The members of every list; `group` is what the CollectiveName of their author refers to."""
    return [person for each in lists for person in _people(each, **_said(group=each.get("ID")))]


def _writers(parts: Parts) -> list[Element]:
    """The authors of a book or chapter, or its editors where it names no author."""
    lists = parts.get("AuthorList", [])
    written = [each for each in lists if each.get("Type") != "editors"] or lists
    return [author for each in written for author in each.iterchildren("Author")]


def _listed(parts: Parts) -> list[dict[str, Any]]:
    """Everyone in the lists of a book or chapter, editors marked as such."""
    return [
        person
        for each in parts.get("AuthorList", ())
        for person in _people(each, **({"type": "editors"} if each.get("Type") == "editors" else {}))
    ]


# ---------------------------------------------------------------- links and numbers


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


def _databanks(lists: list[Element]) -> list[dict[str, Any]]:
    return [
        _said(name=_clean(bank.findtext("DataBankName", "")), accessions=_texts(bank.iter("AccessionNumber")))
        for bank in lists[0].iterchildren("DataBank")
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
        if _MAYBE_TRIAL[0].search(lowered) or _MAYBE_TRIAL[1].search(lowered):
            found += ["".join(filter(None, match.groups())).upper() for match in _TRIAL.finditer(text)]
    return tuple(dict.fromkeys(found))


def _supplementary(lists: list[Element]) -> list[dict[str, str]]:
    return [_said(name=_content(name), ui=name.get("UI"), type=name.get("Type")) for name in lists[0]]


def _grants(lists: list[Element]) -> list[dict[str, str]]:
    grants = map(_parts, lists[0])
    return [_said(**{name: _text(grant, tag) for name, tag in _GRANT.items()}) for grant in grants]


def _incomplete(parts: Parts) -> list[str]:
    """The lists that NLM marks as not complete."""
    return [name for name in _MARKED_LISTS if name in parts and parts[name][0].get("CompleteYN") == "N"]


def _references(lists: Iterable[Element]) -> int:
    """How many works are referred to; lists may stand inside lists."""
    return sum([1 for each in lists for _ in each.iter("Reference")])


def _objects(lists: list[Element]) -> list[dict[str, Any]]:
    """What NLM links a citation to, e.g. data in another of its banks."""
    return [_said(type=each.get("Type"), params=_pairs("Name", each)) for each in lists[0]]


def _locations(found: Iterable[Element]) -> list[list[str]]:
    """Type, text and ValidYN of each electronic location."""
    return [[each.get("EIdType", ""), text, each.get("ValidYN", "")] for each in found if (text := _content(each))]


def _pages(found: list[Element]) -> str:
    told = {child.tag: _content(child) for child in found[0]}
    return told.get("MedlinePgn") or "-".join(filter(None, [told.get("StartPage"), told.get("EndPage")]))


def _of_book(book: Parts, title: str) -> dict[str, Any]:
    publisher = _inside(book, "Publisher")
    return _said(
        title=title,
        publisher=_text(publisher, "PublisherName"),
        publisher_location=_text(publisher, "PublisherLocation"),
        author_list=_listed(book),
        investigators=_investigators(book.get("InvestigatorList", ())),
        isbn=_texts(book.get("Isbn", ())),
        locations=_locations(book.get("ELocationID", ())),
        **{name: _date_text(book[tag][0]) for name, tag in _BOOK_DATES.items() if tag in book},
        **{name: _text(book, tag) for name, tag in _BOOK_TEXTS.items()},
    )


def _sections_of_book(lists: list[Element]) -> list[list[str]]:
    return _titles(lists[0].iterchildren("Section"))


def _titles(found: Iterable[Element]) -> list[list[str]]:
    """Label and title of each section, every section before those inside it."""
    told = []
    for section in found:
        parts = _parts(section)
        told.append([_text(parts, "LocationLabel"), _text(parts, "SectionTitle")])
        told += _titles(parts.get("Section", ()))
    return told


# ---------------------------------------------------------------- identity


def _pmid(parts: Parts) -> str:
    """The record's own PMID; those of the records it links to stand deeper."""
    if "PMID" not in parts:
        raise SkipRecordError("the record has no PMID")
    return _pmid_of(parts["PMID"][0])


def _pmid_of(element: Element) -> str:
    pmid = _content(element)
    if not _PMID.fullmatch(pmid):
        raise SkipRecordError(f"its PMID is not a number: {pmid[:40]!r}")
    return pmid


def _ids(lists: Iterable[Element]) -> list[list[str]]:
    """Type and text of the record's own identifiers; those of its references stand in lists of their own, deeper."""
    first = next(iter(lists), ())
    return _pairs("IdType", [each for each in first if each.tag == "ArticleId"])


def _id(ids: Iterable[list[str]], kind: str) -> str:
    return next((text for named, text in ids if named == kind), "")


def _doi(ids: Iterable[list[str]]) -> str:
    written = _id(ids, "doi")
    return normal_doi(written) if written else ""


def _located_doi(parts: Parts) -> str:
    """The DOI among the electronic locations, unless it is marked invalid."""
    for each in parts.get("ELocationID", ()):
        if each.get("EIdType") == "doi" and each.get("ValidYN") != "N" and (doi := normal_doi(_content(each))):
            return doi
    return ""


def _pmcid(ids: Iterable[list[str]]) -> str:
    found = _PMCID.search((_id(ids, "pmc") or _id(ids, "pmcid")).upper())
    return found.group(0) if found else ""


def _pmcid_of_old(top: Parts) -> str:
    """MedlineCitationSet has no ArticleIdList; there PMC's number is an OtherID of NLM."""
    numbers = [_PMCID.match(_content(each)) for each in top.get("OtherID", ()) if each.get("Source") == "NLM"]
    return next((number.group(0) for number in numbers if number), "")


# ---------------------------------------------------------------- elements


def _parts(element: Element) -> Parts:
    found: dict[str, list[Element]] = {}
    for child in element:
        tag = child.tag
        if tag in found:
            found[tag].append(child)
        else:
            found[tag] = [child]
    return found


def _inside(parts: Parts, tag: str) -> Parts:
    """The parts of the first of that name; none when it is missing."""
    return _parts(parts[tag][0]) if tag in parts else _NOTHING


def _members(parts: Parts, list_tag: str, tag: str) -> list[Element]:
    """The members of a list; to compare tags here is faster than to have lxml build a matcher at each call."""
    return [child for child in parts[list_tag][0] if child.tag == tag] if list_tag in parts else []


def _text(parts: Parts, tag: str) -> str:
    return _content(parts[tag][0]) if tag in parts else ""


def _texts(found: Iterable[Element]) -> list[str]:
    return [text for each in found if (text := _content(each))]


def _pairs(attribute: str, found: Iterable[Element]) -> list[list[str]]:
    """An attribute and the text of each element that has one."""
    return [[each.get(attribute, ""), text] for each in found if (text := _content(each))]


def _attribute(parts: Parts, tag: str, name: str) -> str:
    value: str = parts[tag][0].get(name, "") if tag in parts else ""
    return value


def _content(element: Element) -> str:
    """All text below an element, whatever its markup: `CO<sub>2</sub>` -> `CO2`."""
    if len(element):
        return _clean("".join(element.itertext()))
    text: str = element.text or ""
    return text if text.isalnum() else _clean(text)


def _clean(text: str) -> str:
    """normal_space, quickly for the usual text: what is printable holds no space but blanks and nothing to drop."""
    if text.isprintable() and "  " not in text and text[:1] != " " and text[-1:] != " ":
        return text
    return normal_space(text)


def _said(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


# In the order of the DTD.
_BLOCKS = {
    block.tag: block
    for block in (
        _once("DateCompleted", _date_text),
        _once("DateRevised", _date_text),
        _once("Journal", _journal),
        _Block("AuthorList", _person, _plain_people, "Author", ' CompleteYN="Y"'),
        _once("PublicationTypeList", _publication_types),
        _once("MedlineJournalInfo", _place),
        _each_once("ChemicalList", "Chemical", _chemical),
        _each_once("MeshHeadingList", "MeshHeading", _heading, _heading_apart),
        _each_once("History", "PubMedPubDate", _stamp),
    )
}
_CUTS = [
    (tag, f"<{tag}{block.attributes}>".encode(), f"</{tag}>".encode(), block.apart) for tag, block in _BLOCKS.items()
]

# What else `extra` keeps: by the name of the element its key, and how to read all elements of that name.
_KEPT: Mapping[str, tuple[str, Callable[[list[Element]], Any]]] = {
    "VernacularTitle": ("vernacular_title", lambda found: _content(found[0])),
    "Abstract": ("abstract_sections", _section_kinds),
    "OtherAbstract": ("other_abstracts", _other_abstracts),
    "InvestigatorList": ("investigators", _investigators),
    "PersonalNameSubjectList": ("subjects", lambda found: _people(found[0])),
    "KeywordList": ("keyword_lists", _keyword_lists),
    "ELocationID": ("locations", _locations),
    "Pagination": ("medline_pgn", _pages),
    "SupplMeshList": ("suppl_mesh", _supplementary),
    "GeneSymbolList": ("gene_symbols", lambda found: _texts(found[0])),
    "SpaceFlightMission": ("space_flight", _texts),
    "DataBankList": ("databanks", _databanks),
    "GrantList": ("grants", _grants),
    "NumberOfReferences": ("number_of_references", lambda found: _content(found[0])),
    "ReferenceList": ("references", _references),
    "ObjectList": ("objects", _objects),
    "GeneralNote": ("notes", lambda found: _pairs("Owner", found)),
    "OtherID": ("other_ids", lambda found: _pairs("Source", found)),
    "CitationSubset": ("citation_subsets", _texts),
    "CoiStatement": ("coi", lambda found: _content(found[0])),
    "PublicationStatus": ("publication_status", lambda found: _content(found[0])),
    "Sections": ("sections", _sections_of_book),
    "LocationLabel": ("location_labels", lambda found: _pairs("Type", found)),
    "ItemList": ("items", lambda found: [_said(type=each.get("ListType"), items=_texts(each)) for each in found]),
}
_ATTRIBUTES = {"Status": "status", "IndexingMethod": "indexing_method", "Owner": "owner", "VersionID": "version_id",
               "VersionDate": "version_date"}  # fmt: skip


def _kept(*sections: Parts) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    for parts in sections:
        for tag, found in parts.items():
            if tag in _KEPT:
                name, read = _KEPT[tag]
                if value := read(found):
                    extra[name] = value
    return extra


__all__ = ["Known", "NotApartError", "article", "book_article", "citation", "cut", "deletion"]
