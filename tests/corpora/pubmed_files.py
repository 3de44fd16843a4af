"""PubMed files built at random from the DTD's shapes, each with what a reader must find in it.

Every strategy draws XML and meaning together: the meaning in the plain form of `pubmed_oracle`, so that writing,
reading and `said` must come back to where they began.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from consilience.records import Deletion, normal_space
from tests.corpora.pubmed_oracle import Reading, filled, items, pairs

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

MML = 'xmlns:mml="http://www.w3.org/1998/Math/MathML"'
DOCTYPES = {
    root: f'<!DOCTYPE {root} PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
    for root in ("PubmedArticleSet", "PubmedBookArticleSet")
}
# As written, and the days and precision that NLM means by it (sources: PubMed, "Publication Date", and real records).
DATES = {
    "<Year>2020</Year>": ("2020", "2020-01-01", "2020-12-31", "year"),
    "<Year>2020</Year><Month>Mar</Month>": ("2020 Mar", "2020-03-01", "2020-03-31", "month"),
    "<Year>2020</Year><Month>10</Month><Day>5</Day>": ("2020 10 5", "2020-10-05", "2020-10-05", "day"),
    "<Year>2000</Year><Season>Fall</Season>": ("2000 Fall", "2000-09-01", "2000-11-30", "season"),
    "<MedlineDate>1998 Dec-1999 Jan</MedlineDate>": ("1998 Dec-1999 Jan", "1998-12-01", "1999-01-31", "month-range"),
    "<MedlineDate>2000 Nov-Dec</MedlineDate>": ("2000 Nov-Dec", "2000-11-01", "2000-12-31", "month-range"),
    "<MedlineDate>1976 Aug 28-Sep 4</MedlineDate>": ("1976 Aug 28-Sep 4", "1976-08-28", "1976-09-04", "day-range"),
    "<MedlineDate>1978-1979</MedlineDate>": ("1978-1979", "1978-01-01", "1979-12-31", "year-range"),
    "<MedlineDate>2015 1st Quart</MedlineDate>": ("2015 1st Quart", "2015-01-01", "2015-03-31", "quarter"),
    "<MedlineDate>Summer 2016</MedlineDate>": ("Summer 2016", "2016-06-01", "2016-08-31", "season"),
}
REF_TYPES = (
    "AssociatedDataset AssociatedPublication CommentIn CommentOn CorrectedandRepublishedIn CorrectedandRepublishedFrom "
    "ErratumIn ErratumFor ExpressionOfConcernIn ExpressionOfConcernFor RepublishedIn RepublishedFrom "
    "RetractedandRepublishedIn RetractedandRepublishedFrom RetractionIn RetractionOf UpdateIn UpdateOf "
    "SummaryForPatientsIn OriginalReportIn ReprintIn ReprintOf"
).split()
HANDLED = ("received", "accepted", "revised", "retracted", "pmc", "pmcr", "pubmed", "medline", "pmc-release")
PUBLISHED = ("epublish", "ppublish", "aheadofprint", "ecollection")

# --- text

# Letters of many scripts and the white space and marks that real records hold; what XML 1.0 cannot hold is left out.
_LETTERS = st.one_of(
    st.sampled_from("abcXYZ019 .,;:%()<>&'\"]=≤±µéÅβ中ñ"),
    st.sampled_from(" \n\t\u2009\u00a0\u202f\u3000\u200b\u2060\u202e\u00ad"),
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn", "Co")),
)
TEXT = st.text(_LETTERS, max_size=12)
WORD = st.text(st.sampled_from("abcdefgh XYZ&<µé-"), min_size=1, max_size=8).filter(lambda text: bool(text.strip()))
CODE = st.from_regex(r"[A-Z][0-9]{3,6}", fullmatch=True)


# Whether a file holds comments, instructions and CDATA at all: NLM's do not, and a reader may be quick with those.
ASIDES = st.shared(st.booleans(), key="asides")


@st.composite
def literal(draw: Draw, text: str) -> str:
    """One of the ways to write a text in XML."""
    way = draw(st.sampled_from(("escaped", "escaped", "escaped", "numbered", "cdata"))) if text else "escaped"
    if way == "numbered":
        return "".join(f"&#{ord(c)};" if draw(st.booleans()) else escape(c) for c in text)
    if way == "cdata" and "]]>" not in text and draw(ASIDES):
        return f"<![CDATA[{text}]]>"
    return escape(text)


def prose(depth: int = 2) -> st.SearchStrategy[tuple[str, str]]:
    """Mixed content and its text: `<i>E.</i> coli` and `E. coli`."""
    return _mixed(depth).map(lambda drawn: (drawn[0], normal_space(drawn[1])))


@st.composite
def _mixed(draw: Draw, depth: int) -> tuple[str, str]:
    xml, text = "", ""
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(("text", "text", "tag", "math", "aside") if depth else ("text",)))
        if kind == "text":
            said = draw(TEXT | st.sampled_from(("</PubmedArticle>", "<MeshHeadingList>", "&amp;", "P<0.05", "]]")))
            inner = draw(literal(said))
        elif kind == "tag":
            tag = draw(st.sampled_from(("b", "i", "sup", "sub", "u")))
            inner, said = draw(_mixed(depth - 1))
            inner = f"<{tag}>{inner}</{tag}>"
        elif kind == "math":
            letter, power = draw(WORD), draw(st.sampled_from("0123456789"))
            space = draw(st.sampled_from(("", " ", "\n  ")))
            named = draw(st.sampled_from((f" {MML}", "")))
            inner = f"<mml:math{named}>{space}<mml:mi>{escape(letter)}</mml:mi><mml:mn>{power}</mml:mn></mml:math>"
            said = space + letter + power
        else:
            if not draw(ASIDES):
                continue
            inner, said = draw(st.sampled_from(("<!-- </PubmedArticle> -->", "<?target x?>", "<!--<i>-->"))), ""
        xml, text = xml + inner, text + said
    return xml, text


@st.composite
def plain(draw: Draw, said: st.SearchStrategy[str] = WORD) -> tuple[str, str]:
    """Text with blanks around it, as indented files have, and the text alone."""
    text = draw(said)
    return draw(st.sampled_from(("", "", "\n   "))) + draw(literal(text)) + draw(st.sampled_from(("", "", " "))), (
        normal_space(text)
    )


def element(tag: str, content: str, **attributes: str | None) -> str:
    """`<tag a="b">content</tag>`; attributes that are None are left out, and a trailing `_` of their names."""
    written = "".join(f" {name.rstrip('_')}={quoteattr(v)}" for name, v in attributes.items() if v is not None)
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def wrapped(tag: str, members: Sequence[str], **attributes: str | None) -> str:
    """A list and its members, or nothing where there are none."""
    return element(tag, "".join(members), **attributes) if members else ""


@st.composite
def maybe(draw: Draw, tag: str, content: st.SearchStrategy[tuple[str, str]] | None = None) -> tuple[str, str]:
    """An element that may be absent, and its text."""
    if draw(st.booleans()):
        return "", ""
    xml, text = draw(content if content is not None else plain())
    return element(tag, xml), text


FLAG = st.sampled_from((None, "Y", "N"))


def some(strategy: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    """None, one or a few."""
    return st.lists(strategy, max_size=most)


# --- parts of a citation: each draws (XML, what it says)


@st.composite
def person(draw: Draw, tag: str = "Author") -> tuple[str, dict[str, Any]]:
    """An author, a group or an investigator."""
    said: dict[str, Any] = {}
    if tag == "Author" and draw(st.integers(0, 3)) == 0:
        named, said["collective"] = draw(prose(depth=1).filter(lambda drawn: drawn[1]))
        said["group"] = draw(st.sampled_from(("", "g1")))
        body = element("CollectiveName", named, Investigators=said["group"] or None)
    else:
        named, said["last"] = draw(plain())
        body = element("LastName", named)
        for key, name in {"fore": "ForeName", "initials": "Initials", "suffix": "Suffix"}.items():
            xml, said[key] = draw(maybe(name))
            body += xml
    identifiers, affiliations, last = [], [], ""
    if tag != "PersonalNameSubject":
        for code in draw(some(CODE)):
            body += element("Identifier", code, Source="ORCID")
            identifiers.append(["ORCID", code])
        for xml, text in draw(some(prose(depth=1))):
            code = draw(st.none() | CODE)
            named = element("Identifier", code, Source="RINGGOLD") if code else ""
            last += element("AffiliationInfo", element("Affiliation", xml) + named)
            affiliations += [text] if text else []
            identifiers += [["RINGGOLD", code]] if code else []
    valid, equal = draw(FLAG), draw(FLAG) if tag == "Author" else None
    marks = {"valid": "N" if valid == "N" else "", "equal": "Y" if equal == "Y" else ""}
    said |= {"identifiers": identifiers, "affiliations": affiliations, **marks}
    attributes = {} if tag == "PersonalNameSubject" else {"ValidYN": valid, "EqualContrib": equal}
    said["valid"] = said["valid"] if attributes else ""
    return element(tag, body + last, **attributes), said


def full_name(said: dict[str, Any]) -> str:
    """`Nemo Ada`, as `Record.authors` has it."""
    if "collective" in said:
        return str(said["collective"])
    return f"{said['last']} {said['fore'] or said['initials']}".strip()


@st.composite
def abstract(draw: Draw, tag: str = "Abstract", **attributes: str) -> tuple[str, dict[str, Any]]:
    """An abstract: its text as our records join it, and label and category of each section that says something."""
    body, texts, kinds = "", [], []
    for _ in range(draw(st.integers(1, 3))):
        xml, text = draw(prose())
        label = draw(st.none() | st.sampled_from(("AIMS", "Methods & more", " RESULTS: ", "UNASSIGNED", "")))
        category = draw(st.none() | st.sampled_from(("BACKGROUND", "RESULTS", "UNASSIGNED")))
        body += element("AbstractText", xml, Label=label, NlmCategory=category)
        if text:
            name = normal_space(label or "").rstrip(" :")
            texts.append(f"{name}: {text}" if name else text)
            kinds.append(f"{name}|{category or ''}")
    notice, copyright_ = draw(maybe("CopyrightInformation"))
    said = {"text": " ".join(texts), "kinds": kinds if any(k != "|" for k in kinds) else [], "copyright": copyright_}
    return element(tag, body + notice, **attributes), said


@st.composite
def mesh(draw: Draw) -> tuple[str, list[str]]:
    """A heading and its lines."""
    names, lines, major = "", [], False
    kind = draw(st.sampled_from((None, None, "Geographic")))
    for tag in ("DescriptorName", *["QualifierName"] * draw(st.integers(0, 2))):
        (xml, text), ui, star, auto = draw(plain()), draw(CODE), draw(FLAG), draw(st.sampled_from((None, None, "Y")))
        # A UI stands once in a heading.
        ui += "D" if tag == "DescriptorName" else f"Q{len(lines)}"
        more = {"Type": kind} if tag == "DescriptorName" else {}
        names += element(tag, xml, UI=ui, MajorTopicYN=star, AutoHM=auto, **more)
        lines += [text, ui, "*" * (star == "Y"), "auto" * (auto == "Y")]
        major = major or star == "Y"
    return element("MeshHeading", names), [*lines, kind or "", "major" * major]


@st.composite
def link(draw: Draw) -> tuple[str, dict[str, str] | None]:
    """A CommentsCorrections; its PMID may be missing or empty. Cites says nothing but that it is there."""
    kind = draw(st.sampled_from((*REF_TYPES, "Cites", "Cites")))
    source_xml, source = draw(plain())
    pmid = draw(st.none() | st.just("") | st.integers(99_000_001, 99_999_999).map(str))
    note_xml, note = draw(maybe("Note"))
    cited = "" if pmid is None else element("PMID", pmid, Version="1")
    xml = element("CommentsCorrections", element("RefSource", source_xml) + cited + note_xml, RefType=kind)
    return xml, None if kind == "Cites" else {"kind": kind, "pmid": pmid or "", "source": source, "note": note}


@st.composite
def references(draw: Draw, depth: int = 1) -> tuple[str, int]:
    """A ReferenceList, whose cited works bear identifiers of their own, and how many they are."""
    count, body = draw(st.integers(0, 2)), ""
    for _ in range(count):
        cited = element("ArticleId", "10.5555/cited", IdType="doi") + element("ArticleId", "PMC1", IdType="pmc")
        body += element("Reference", element("Citation", draw(prose(depth=1))[0]) + element("ArticleIdList", cited))
    if depth and draw(st.booleans()):
        inner, more = draw(references(depth=depth - 1))
        body, count = body + inner, count + more
    return element("ReferenceList", body), count


@st.composite
def keyword_list(draw: Draw) -> tuple[str, dict[str, Any]]:
    """A list of keywords, those starred once more."""
    owner = draw(st.sampled_from(("NOTNLM", "KIE")))
    words = draw(st.lists(st.tuples(prose(depth=1), FLAG), min_size=1, max_size=3))
    body = "".join(element("Keyword", xml, MajorTopicYN=star) for (xml, _), star in words)
    said = {"owner": owner, "keywords": [text for (_, text), _ in words if text]}
    said["major"] = [text for (_, text), star in words if text and star == "Y"]
    return element("KeywordList", body, Owner=owner), said


@st.composite
def stamp(draw: Draw, tag: str, status: str | None = None) -> tuple[str, str]:
    """A day as NLM stamps it, with or without noughts and the time, and the day in ISO 8601."""
    day, form = draw(st.dates(date(1950, 1, 1), date(2029, 12, 31))), draw(st.sampled_from(("{:02}", "{}")))
    time = draw(st.sampled_from(("", "<Hour>6</Hour><Minute>0</Minute>"))) if status else ""
    parts = f"<Year>{day.year}</Year><Month>{form.format(day.month)}</Month><Day>{form.format(day.day)}</Day>"
    return element(tag, parts + time, PubStatus=status), day.isoformat()


def raw_of(stamped: str) -> str:
    """`2020 3 05` of the XML of a stamp."""
    parts = (stamped.split(f"<{name}>")[1].split("<")[0] for name in ("Year", "Month", "Day"))
    return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Built:
    """One entry of a file, and what reading it must give: a reading, deletions, or None for an unusable record."""

    xml: str
    reading: Reading | None = None
    deletions: tuple[Deletion, ...] = ()


PMIDS = st.integers(99_000_001, 99_999_999).map(str)


# --- whole entries


@st.composite
def articles(draw: Draw) -> Built:
    """A PubmedArticle with any of what the DTD allows, in its order."""
    pmid, version = draw(PMIDS), draw(st.sampled_from("123"))
    (title_xml, title), (cited, lines) = draw(prose()), draw(_article())
    lines |= {"pmid": [pmid, version], "title": [title]}
    cited = cited.replace("<ArticleTitle/>", element("ArticleTitle", title_xml), 1)
    rest, more = draw(_indexing())
    data, dated = draw(_pubmed_data(pmid))
    status = draw(st.sampled_from(("MEDLINE", "Publisher", "PubMed-not-MEDLINE")))
    method = draw(st.sampled_from((None, "Automated", "Curated")))
    moved = draw(st.none() | st.just("2"))
    attributes = {"Status": status, "Owner": "NLM", "IndexingMethod": method, "VersionID": moved, "VersionDate": moved}
    stamps = ""
    for name, tag in {"completed": "DateCompleted", "revised": "DateRevised"}.items():
        if draw(st.booleans()):
            xml, day = draw(stamp(tag))
            stamps, more[name] = stamps + xml, [day]
    more |= {name: [value or ""] for name, value in (("status", status), ("owner", "NLM"), ("indexing_method", method),
                                                     ("version_id", moved), ("version_date", moved))}  # fmt: skip
    top = element("MedlineCitation", element("PMID", pmid, Version=version) + stamps + cited + rest, **attributes)
    events = lines.pop("events") + dated.pop("events")
    located = lines.pop("doi")
    doi = {"doi": dated.pop("doi") or located}
    reading = filled({**lines, **more, **dated, **doi, "events": events})
    return Built(element("PubmedArticle", top + data), reading)


@st.composite
def _article(draw: Draw) -> tuple[str, dict[str, list[str]]]:
    lines: dict[str, list[str]] = {}
    journal = ""
    if draw(st.booleans()):
        journal += element("ISSN", "0000-0019", IssnType="Electronic")
        lines |= {"issn": ["0000-0019"], "issn_type": ["Electronic"]}
    issue = ""
    for name, tag in {"volume": "Volume", "issue": "Issue"}.items():
        xml, lines[name] = _one(draw(maybe(tag)))
        issue += xml
    written = draw(st.sampled_from(list(DATES)))
    issue += element("PubDate", written)
    lines["events"] = [f"ppub: {DATES[written][0]}"]
    journal += element("JournalIssue", issue, CitedMedium="Internet")
    for name, tag in {"journal": "Title", "iso_abbreviation": "ISOAbbreviation"}.items():
        (xml, text) = draw(plain())
        journal, lines[name] = journal + element(tag, xml), [text]
    lines |= {"cited_medium": ["Internet"], "pub_model": ["Print"]}
    body = element("Journal", journal) + "<ArticleTitle/>"
    pages = draw(st.sampled_from(("", "<MedlinePgn>11-9</MedlinePgn>", "<StartPage>11</StartPage><EndPage>19</EndPage>",
                                  "<StartPage>e1</StartPage>")))  # fmt: skip
    body += wrapped("Pagination", [pages] if pages else [])
    lines["medline_pgn"] = (
        [pages.replace("</StartPage><EndPage>", "-").replace(">", "<").split("<")[2]] if pages else []
    )
    places = draw(some(st.tuples(st.sampled_from(("doi", "pii")), CODE, FLAG), 3))
    places = [(kind, f"10.5555/{text}" if kind == "doi" else text, valid) for kind, text, valid in places]
    body += "".join(element("ELocationID", text, EIdType=kind, ValidYN=valid) for kind, text, valid in places)
    lines["locations"] = pairs((kind, text, "N" if valid == "N" else "") for kind, text, valid in places)
    lines["doi"] = [text.lower() for kind, text, valid in places if kind == "doi" and valid != "N"][:1]
    if draw(st.booleans()):
        xml, said = draw(abstract())
        body += xml
        lines |= {"abstract": [said["text"]], "abstract_sections": said["kinds"], "copyright": [said["copyright"]]}
    people, complete = draw(some(person(), 3)), draw(FLAG)
    body += wrapped("AuthorList", [xml for xml, _ in people], CompleteYN=complete)
    lines["author_list"] = items(said for _, said in people)
    lines["authors"] = [full_name(said) for _, said in people if not said["valid"]]
    lines["incomplete"] = ["AuthorList"] if people and complete == "N" else []
    lines["languages"] = draw(st.lists(st.sampled_from(("eng", "ger", "ita")), min_size=1, max_size=2))
    body += "".join(element("Language", each) for each in lines["languages"])
    banks = draw(some(st.tuples(st.sampled_from(("GENBANK", "GEO")), st.lists(CODE, max_size=2))))
    body += wrapped("DataBankList", [_bank(*each) for each in banks])
    lines["databanks"] = items({"name": name, "accessions": numbers} for name, numbers in banks)
    grants = draw(some(st.tuples(maybe("GrantID"), maybe("Acronym"), maybe("Agency"), maybe("Country"))))
    body += wrapped("GrantList", [element("Grant", "".join(xml for xml, _ in each)) for each in grants])
    keys = ("id", "acronym", "agency", "country")
    lines["grants"] = items(dict(zip(keys, (text for _, text in each), strict=True)) for each in grants)
    types = draw(st.lists(st.tuples(plain(), CODE), min_size=1, max_size=3))
    body += wrapped("PublicationTypeList", [element("PublicationType", xml, UI=ui) for (xml, _), ui in types])
    lines["publication_types"] = items({"name": text, "ui": ui} for (_, text), ui in types)
    vernacular, lines["vernacular_title"] = _one(draw(maybe("VernacularTitle", prose(depth=1))))
    body += vernacular
    for xml, _ in draw(some(stamp("ArticleDate"))):
        body += xml.replace("<ArticleDate>", '<ArticleDate DateType="Electronic">')
        lines["events"].append(f"electronic: {raw_of(xml)}")
    return element("Article", body, PubModel="Print"), lines


def _one(drawn: tuple[str, str]) -> tuple[str, list[str]]:
    xml, text = drawn
    return xml, [text]


def _bank(name: str, numbers: Sequence[str]) -> str:
    listed = wrapped("AccessionNumberList", [element("AccessionNumber", number) for number in numbers])
    return element("DataBank", element("DataBankName", name) + listed)


@st.composite
def _indexing(draw: Draw) -> tuple[str, dict[str, list[str]]]:
    """What follows Article in MedlineCitation."""
    ta_xml, ta = draw(plain())
    place = "<Country>Nowhere</Country>" + element("MedlineTA", ta_xml) + "<NlmUniqueID>1</NlmUniqueID>"
    body = element("MedlineJournalInfo", place)
    lines: dict[str, list[str]] = {"country": ["Nowhere"], "medline_ta": [ta], "nlm_id": ["1"]}
    chemicals = draw(some(st.tuples(plain(), CODE, st.sampled_from(("0", "50-00-0", "EC 3.4.25.1")))))
    body += wrapped("ChemicalList", [
        element("Chemical", element("RegistryNumber", number) + element("NameOfSubstance", xml, UI=ui))
        for (xml, _), ui, number in chemicals
    ])  # fmt: skip
    lines["chemicals"] = items({"name": t, "ui": ui, "registry": number} for (_, t), ui, number in chemicals)
    extra = draw(some(st.tuples(plain(), CODE, st.sampled_from(("Disease", "Protocol", "Organism")))))
    body += wrapped("SupplMeshList", [element("SupplMeshName", xml, Type=kind, UI=ui) for (xml, _), ui, kind in extra])
    lines["suppl_mesh"] = items({"name": text, "ui": ui, "type": kind} for (_, text), ui, kind in extra)
    subsets = draw(some(st.sampled_from(("IM", "AIM"))))
    body += "".join(element("CitationSubset", each) for each in subsets)
    lines["citation_subsets"] = subsets
    links = draw(some(link(), 3))
    body += wrapped("CommentsCorrectionsList", [xml for xml, _ in links])
    lines["corrections"] = items(said for _, said in links if said)
    lines["cites"] = [str(sum(said is None for _, said in links))]
    genes = draw(some(plain()))
    body += wrapped("GeneSymbolList", [element("GeneSymbol", xml) for xml, _ in genes])
    lines["gene_symbols"] = [text for _, text in genes]
    headings = draw(some(mesh(), 3))
    body += wrapped("MeshHeadingList", [xml for xml, _ in headings])
    lines["mesh"] = [line for _, said in headings for line in said]
    xml, lines["number_of_references"] = _one(draw(maybe("NumberOfReferences", st.just(("12", "12")))))
    body += xml
    subjects = draw(some(person("PersonalNameSubject")))
    body += wrapped("PersonalNameSubjectList", [xml for xml, _ in subjects])
    lines["subjects"] = items(said for _, said in subjects)
    others = draw(some(st.tuples(st.sampled_from(("NASA", "PIP", "NLM")), CODE)))
    body += "".join(element("OtherID", text, Source=source) for source, text in others)
    lines["other_ids"] = pairs(others)
    told = []
    for _ in range(draw(st.integers(0, 1))):
        xml, said = draw(abstract("OtherAbstract", Type="plain-language-summary", Language="eng"))
        body += xml
        told.append({"type": "plain-language-summary", "language": "eng"} | {k: said[k] for k in ("text", "copyright")})
    lines["other_abstracts"] = items(told)
    lists = draw(some(keyword_list()))
    body += "".join(xml for xml, _ in lists)
    lines["keyword_lists"] = items(said for _, said in lists)
    lines["keywords"] = list(dict.fromkeys(word for _, said in lists for word in said["keywords"]))
    xml, lines["coi"] = _one(draw(maybe("CoiStatement", prose(depth=1))))
    body += xml
    flights = draw(some(plain()))
    body += "".join(element("SpaceFlightMission", xml) for xml, _ in flights)
    lines["space_flight"] = [text for _, text in flights]
    groups = draw(some(st.lists(person("Investigator"), min_size=1, max_size=2)))
    body += "".join(
        wrapped("InvestigatorList", [xml for xml, _ in each], ID=f"g{n}" if n else None)
        for n, each in enumerate(groups)
    )
    lines["investigators"] = items(
        {**said, "group": f"g{n}" if n else ""} for n, each in enumerate(groups) for _, said in each
    )
    notes = draw(some(plain()))
    body += "".join(element("GeneralNote", xml, Owner="NLM") for xml, _ in notes)
    lines["notes"] = pairs(("NLM", text) for _, text in notes)
    return body, lines


@st.composite
def _pubmed_data(draw: Draw, pmid: str) -> tuple[str, dict[str, list[str]]]:
    """PubmedData: dates, identifiers and references; each status of handling stands once."""
    lines: dict[str, list[str]] = {"history": [], "events": [], "entrez": [], "doi": [], "references": ["0"]}
    if draw(st.integers(0, 5)) == 0:
        return "", lines
    body = ""
    for status in draw(st.lists(st.sampled_from((*HANDLED, *PUBLISHED, "entrez")), unique=True, max_size=4)):
        xml, day = draw(stamp("PubMedPubDate", status))
        body += xml
        if status in PUBLISHED:
            lines["events"].append(f"{status}: {raw_of(xml)}")
        elif status == "entrez":
            lines["entrez"] = [day]
        else:
            lines["history"].append(f"{status}: {day}")
    body = wrapped("History", [body] if body else []) + element("PublicationStatus", "ppublish")
    lines["publication_status"] = ["ppublish"]
    own = {kind: draw(CODE) for kind in draw(st.lists(st.sampled_from(("doi", "pmc", "pii", "mid")), unique=True))}
    own = {kind: {"doi": f"10.5555/{code}", "pmc": f"PMC{code[1:]}"}.get(kind, code) for kind, code in own.items()}
    body += wrapped(
        "ArticleIdList", [element("ArticleId", text, IdType=k) for k, text in {"pubmed": pmid, **own}.items()]
    )
    lines["article_ids"] = pairs(own.items())
    lines["doi"] = [own["doi"].lower()] if "doi" in own else []
    lines["pmcid"] = [own.get("pmc", "")]
    lists = draw(some(references()))
    lines["references"] = [str(sum(count for _, count in lists))]
    linked = draw(some(st.tuples(CODE, CODE), 1))
    body += wrapped("ObjectList", [
        element("Object", element("Param", text, Name="id"), Type=kind) for kind, text in linked
    ])  # fmt: skip
    lines["objects"] = items({"type": kind, "params": [["id", text]]} for kind, text in linked)
    return element("PubmedData", body + "".join(xml for xml, _ in lists)), lines


@st.composite
def section(draw: Draw, depth: int = 1) -> tuple[str, list[str]]:
    """A section of a book and those inside it, each as `label|title` before its own."""
    label, (xml, title) = draw(st.none() | CODE), draw(prose(depth=1).filter(lambda drawn: drawn[1]))
    inner = draw(some(section(depth=depth - 1))) if depth else []
    named = element("LocationLabel", label, Type="section") if label else ""
    body = named + element("SectionTitle", xml) + "".join(each for each, _ in inner)
    return element("Section", body), [f"{label or ''}|{title}", *(line for _, lines in inner for line in lines)]


@st.composite
def book_articles(draw: Draw) -> Built:
    """A PubmedBookArticle: a chapter, or a book as a whole."""
    pmid = draw(PMIDS)
    (book_xml, book_title), (xml, title) = draw(plain()), draw(prose(depth=1))
    writers, editors = draw(some(person())), draw(some(person(), 1))
    (abstract_xml, said), written = draw(abstract()), draw(st.sampled_from(list(DATES)[:3]))
    lists = [
        *([wrapped("AuthorList", [x for x, _ in editors], Type="editors")] if editors else []),
        *([wrapped("AuthorList", [x for x, _ in writers], Type="authors")] if writers else []),
    ]
    authors = [name for _, who in writers or editors if not who["valid"] and (name := full_name(who))]
    contributed = draw(st.booleans())
    document = element("PMID", pmid, Version="1")
    document += element("ArticleIdList", element("ArticleId", "NBK99", IdType="bookaccession"))
    published = element("Publisher", element("PublisherName", "Nobody") + element("PublisherLocation", "Nowhere"))
    numbers, edition, ends = draw(some(CODE)), draw(st.sampled_from(("", "2nd"))), draw(st.sampled_from(("", "1995")))
    about = element("Book", published + element("BookTitle", book_xml) + element("PubDate", "<Year>1993</Year>")
                    + (element("EndingDate", f"<Year>{ends}</Year>") if ends else "")
                    + (element("Edition", edition) if edition else "")
                    + "".join(element("Isbn", number) for number in numbers))  # fmt: skip
    document += about + element("LocationLabel", "Chapter 7", Type="chapter")
    document += element("ArticleTitle", xml) + element("Language", "eng") + "".join(lists)
    document += element("PublicationType", "Review", UI="D016454") + abstract_xml
    parts = draw(some(section()))
    document += wrapped("Sections", [part for part, _ in parts])
    document += element("ContributionDate", written) if contributed else ""
    document += element("ItemList", element("Item", "one") + element("Item", "two"), ListType="Synonyms")
    reading = filled({
        "pmid": [pmid, "1"],
        "title": [title or book_title],
        "abstract": [said["text"]],
        "abstract_sections": said["kinds"],
        "copyright": [said["copyright"]],
        "languages": ["eng"],
        "authors": authors,
        "author_list": items(
            [*({**who, "type": "editors"} for _, who in editors), *(who for _, who in writers)]
        ),
        "publication_types": items([{"name": "Review", "ui": "D016454"}]),
        "events": [f"contribution: {DATES[written][0]}" if contributed else "ppub: 1993"],
        "article_ids": ["bookaccession: NBK99"],
        "cites": ["0"],
        "references": ["0"],
        "book": items([
            {"title": book_title, "publisher": "Nobody", "publisher_location": "Nowhere", "published": "1993",
             "ends": ends, "edition": edition, "isbn": numbers}
        ]),
        "sections": [line for _, lines in parts for line in lines],
        "location_labels": ["chapter: Chapter 7"],
        "items": items([{"type": "Synonyms", "items": ["one", "two"]}]),
    })  # fmt: skip
    return Built(element("PubmedBookArticle", element("BookDocument", document)), reading)


UNUSABLE = st.sampled_from((
    Built("<PubmedArticle/>"),
    Built("<PubmedBookArticle/>"),
    Built("<PubmedArticle><MedlineCitation><Article/></MedlineCitation></PubmedArticle>"),
    Built("<PubmedArticle><MedlineCitation><PMID Version='1'>0x7</PMID></MedlineCitation></PubmedArticle>"),
))  # fmt: skip


@st.composite
def deletions(draw: Draw) -> Built:
    """A DeleteCitation."""
    gone = [Deletion(pmid, draw(st.sampled_from("12"))) for pmid in draw(st.lists(PMIDS, min_size=1, max_size=3))]
    xml = wrapped("DeleteCitation", [element("PMID", each.pmid, Version=each.source_version) for each in gone])
    return Built(xml, None, tuple(gone))


# --- files


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """The bytes of a file and its entries in order; `packed` where they are gzip."""

    content: bytes
    entries: tuple[Built, ...]
    packed: bool


ENTRIES = st.one_of(articles(), articles(), articles(), book_articles(), UNUSABLE)


@st.composite
def files(draw: Draw, entries: st.SearchStrategy[Built] = ENTRIES, most: int = 3) -> BuiltFile:
    """A file: with or without declaration, DOCTYPE, byte-order mark, aside comments, gzip of one member or two."""
    found = [*draw(st.lists(entries, min_size=1, max_size=most)), *draw(some(deletions(), 1))]
    asides = ("\n<!-- <PubmedArticle> -->\n", "<?x </PubmedArticle>?>") if draw(ASIDES) else ()
    between = draw(st.sampled_from(("", "\n", "\r\n  ", *asides)))
    declared = draw(st.sampled_from(("", '<?xml version="1.0"?>\n', "<?xml version='1.0' encoding='utf-8' ?>")))
    doctype = draw(st.sampled_from(("", DOCTYPES["PubmedArticleSet"])))
    body = between.join(["<PubmedArticleSet>", *(each.xml for each in found), "</PubmedArticleSet>"])
    mark = "\ufeff" if draw(st.booleans()) else ""
    text = (mark + declared + doctype + body + draw(st.sampled_from(("", "\n")))).encode()
    packing = draw(st.sampled_from(("none", "one", "two")))
    return BuiltFile(packed(text, packing), tuple(found), packing != "none")


def packed(text: bytes, packing: str) -> bytes:
    """The bytes as they are, as one gzip member or as two."""
    if packing == "none":
        return text
    cuts = [len(text)] if packing == "one" else [len(text) // 2, len(text)]
    starts = [0, *cuts[:-1]]
    return b"".join(gzip.compress(text[a:b], 1, mtime=0) for a, b in zip(starts, cuts, strict=True))


def expected(entries: Iterable[Built]) -> list[Reading | Deletion | int]:
    """What reading must give, in order: readings, deletions, and the positions of what is quarantined."""
    found: list[Reading | Deletion | int] = []
    for position, entry in enumerate(entries):
        if entry.deletions:
            found += entry.deletions
        else:
            found.append(position if entry.reading is None else entry.reading)
    return found
