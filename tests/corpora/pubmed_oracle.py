"""What a citation says, as lines by element: by our record and by Bio.Entrez, with every difference named.

Both are put into one plain form, `{"languages": ["eng", "ger"], ...}`, so that two readings of one citation are
compared element by element and in order. Nothing is smoothed on the way: where lines differ, `differences` says why.
"""

from __future__ import annotations

import gzip
import importlib.util
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

from consilience.corpora import pubmed
from consilience.records import Record, normal_space

# The lines of each element of one citation, in file order.
Reading: TypeAlias = dict[str, list[str]]
PUBLISHED = ("aheadofprint", "epublish", "ppublish", "ecollection")


@dataclass(frozen=True, slots=True)
class Difference:
    """One element of one record that two readings give differently; `why` is empty when nothing explains it."""

    pmid: str
    element: str
    why: str
    theirs: str
    ours: str


# --- our side


def said(record: Record) -> Reading:
    """What our record says, element by element."""
    extra = record.extra
    lines = {
        "pmid": [record.pmid, record.source_version],
        "title": [record.fields.get("title", "")],
        "vernacular_title": [extra.get("vernacular_title", "")],
        "abstract": [record.fields.get("abstract", "")],
        "abstract_sections": [
            f"{each.get('label', '')}|{each.get('category', '')}" for each in extra.get("abstract_sections", ())
        ],
        "copyright": [record.license],
        "other_abstracts": items(extra.get("other_abstracts", ())),
        "authors": list(record.authors),
        "author_list": items(extra.get("author_list", ())),
        "investigators": items(extra.get("investigators", ())),
        "subjects": items(extra.get("subjects", ())),
        "languages": list(record.languages),
        "publication_types": items(map(asdict, record.publication_types)),
        "mesh": list(headings(record)),
        "suppl_mesh": items(extra.get("suppl_mesh", ())),
        "chemicals": items(map(asdict, record.chemicals)),
        "keywords": list(record.keywords),
        "keyword_lists": items(extra.get("keyword_lists", ())),
        "corrections": items(map(asdict, record.corrections)),
        "cites": [str(extra.get("cites", 0))],
        "references": [str(extra.get("references", 0))],
        "databanks": items(extra.get("databanks", ())),
        "events": [f"{event.kind}: {event.when.raw}" for event in record.events if event.kind != "entrez"],
        "revised": [record.revised.isoformat() if record.revised else ""],
        "created": [extra.get("created", "")],
        "completed": [extra.get("completed", "")],
        "history": [f"{status}: {day}" for status, day in extra.get("history", {}).items()],
        "entrez": [extra.get("entrez", "")],
        "doi": [record.doi],
        "pmcid": [record.pmcid],
        "article_ids": pairs(extra.get("article_ids", ())),
        "locations": pairs((kind, text, no(valid)) for kind, text, valid in extra.get("locations", ())),
        "other_ids": pairs(extra.get("other_ids", ())),
        "notes": pairs(extra.get("notes", ())),
        "grants": items(extra.get("grants", ())),
        "journal": [record.journal],
        "book": items([extra["book"]] if extra.get("book") else ()),
        "sections": [f"{label}|{title}" for label, title in extra.get("sections", ())],
        "location_labels": pairs(extra.get("location_labels", ())),
        "items": items(extra.get("items", ())),
        "objects": items(extra.get("objects", ())),
    }
    for name in SINGLE:
        lines[name] = [str(extra.get(name, ""))]
    for name in SEVERAL:
        lines[name] = list(extra.get(name, ()))
    return filled(lines)


SINGLE = (
    *("medline_pgn", "volume", "issue", "issn", "issn_type", "iso_abbreviation", "cited_medium", "pub_model"),
    *("medline_ta", "nlm_id", "country", "issn_linking", "coi", "number_of_references"),
    *("status", "owner", "indexing_method", "version_id", "version_date", "publication_status"),
)
GRANT = ("GrantID", "Acronym", "Agency", "Country")
SEVERAL = ("citation_subsets", "gene_symbols", "space_flight", "incomplete")


def filled(lines: Mapping[str, Iterable[str]]) -> Reading:
    """The lines that say something."""
    kept = {name: [line for line in found if line.strip()] for name, found in lines.items()}
    return {name: found for name, found in kept.items() if found}


def no(valid: str) -> str:
    """The DTD's default is Y, which a file may write or leave out."""
    return "N" if valid == "N" else ""


def items(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """`fore: Ada`, `last: Nemo` of each item, its keys in the order of the alphabet, after a line that parts it."""
    return [
        line for each in found for line in ("-----", *(line for key in sorted(each) for line in _told(key, each[key])))
    ]


def _told(key: str, value: Any) -> list[str]:
    """A value that is a list has a line for each member; one that is a pair has both in one line."""
    if isinstance(value, list | tuple):
        return [f"{key}: {' '.join(each) if isinstance(each, list | tuple) else each}" for each in value]
    return [f"{key}: {value}"] if value else []


def pairs(found: Iterable[Sequence[str]]) -> list[str]:
    """`doi: 10.5555/x` of each pair, `doi N: 10.5555/x` of one with a mark."""
    return [f"{' '.join(filter(None, (kind, *marks)))}: {text}" for kind, text, *marks in found if text.strip()]


def headings(record: Record) -> Iterator[str]:
    """The names of each heading with their marks; a detail that is missing or too many shows in the lines."""
    details: list[dict[str, Any]] = list(record.extra.get("mesh_detail", ()))
    yield from ("a detail of no heading" for _ in details[len(record.mesh) :])
    details += [{}] * (len(record.mesh) - len(details))
    for heading, detail in zip(record.mesh, details, strict=False):
        starred, automatic = detail.get("starred", ()), detail.get("auto", ())
        uis = (heading.ui, *detail.get("qualifier_uis", ()))
        for name, ui in zip_longest((heading.name, *heading.qualifiers), uis, fillvalue=""):
            yield from (name, ui, "*" if ui in starred else "", "auto" if ui in automatic else "")
        yield detail.get("type", "")
        yield "major" if heading.major else ""


# --- the side of Bio.Entrez


def batches(path: Path, size: int = 500) -> Iterator[bytes]:
    """The articles of a PubmedArticleSet as small sets of their own: Bio.Entrez reads a file into memory whole."""
    content = path.read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    content = content.removeprefix(b"\xef\xbb\xbf")
    starts = [found.start() for found in re.finditer(rb"<PubmedArticle>", content)]
    end = content.rindex(b"</PubmedArticleSet>")
    # It refuses http addresses, though the DTD then comes from its own folder.
    prolog = content[: starts[0]].replace(b'"http:', b'"https:')
    for first in range(0, len(starts), size):
        stop = starts[first + size] if first + size < len(starts) else end
        yield prolog + content[starts[first] : stop] + b"</PubmedArticleSet>"


def dtd_at_hand(content: bytes) -> bool:
    """Whether Bio.Entrez brings the DTD that the file names: without it, it would ask the network."""
    found = importlib.util.find_spec("Bio.Entrez")
    assert found is not None and found.origin is not None
    name = content.split(b'.dtd"', 1)[0].rsplit(b"/", 1)[1].decode() + ".dtd"
    return (Path(found.origin).parent / "DTDs" / name).exists()


def biopython_articles(content: bytes) -> Any:
    """The articles of one set as Bio.Entrez reads them, escaped so that its strings are XML."""
    from Bio import Entrez

    assert dtd_at_hand(content)
    read = Entrez.read(BytesIO(content), escape=True)
    # The DTD of 2015 makes the set a list, the later ones make it a dictionary.
    return read if isinstance(read, list) else read["PubmedArticle"]


def biopython(article: Any) -> Reading:
    """What Bio.Entrez says of one article."""
    top, data = article["MedlineCitation"], article.get("PubmedData", {})
    cited = top["Article"]
    journal, place = cited["Journal"], top["MedlineJournalInfo"]
    links = top.get("CommentsCorrectionsList", ())
    authors = cited.get("AuthorList", ())
    ids = [(each.attributes["IdType"], str(each)) for each in data.get("ArticleIdList", ())]
    locations = [(e.attributes["EIdType"], str(e), no(e.attributes.get("ValidYN", ""))) for e in cited["ELocationID"]]
    lists = top["KeywordList"]
    dates = [(status(each), _date(each)) for each in data.get("History", ())]
    handled = [(kind, when) for kind, when in dates if kind not in PUBLISHED]
    own = dict(reversed(ids))
    valid = [text for kind, text, invalid in locations if kind == "doi" and not invalid]
    lines = {
        "pmid": [str(top["PMID"]), top["PMID"].attributes["Version"]],
        "title": [str(cited["ArticleTitle"])],
        "vernacular_title": [str(cited.get("VernacularTitle", ""))],
        "abstract": [_labelled(cited.get("Abstract", {}))],
        "abstract_sections": _sections(cited.get("Abstract", {})),
        "copyright": [str(cited.get("Abstract", {}).get("CopyrightInformation", ""))],
        "other_abstracts": items(map(_other_abstract, top["OtherAbstract"])),
        "authors": [name for each in authors if not no(_attribute(each, "ValidYN")) and (name := _name(each))],
        "author_list": _people(authors),
        "investigators": _people(person for each in top.get("InvestigatorList", ()) for person in _listed(each)),
        "subjects": _people(top.get("PersonalNameSubjectList", ())),
        "languages": list(map(str, cited["Language"])),
        "publication_types": items({"name": str(e), "ui": e.attributes["UI"]} for e in cited["PublicationTypeList"]),
        "mesh": [line for each in top.get("MeshHeadingList", ()) for line in _heading(each)],
        "suppl_mesh": items(
            {"name": str(each), "ui": each.attributes["UI"], "type": each.attributes["Type"]}
            for each in top.get("SupplMeshList", ())
        ),
        "chemicals": items(
            {"name": str(name), "ui": name.attributes["UI"], "registry": str(each["RegistryNumber"])}
            for each in top.get("ChemicalList", ())
            for name in (each["NameOfSubstance"],)
        ),
        "keywords": list(dict.fromkeys(str(keyword) for each in lists for keyword in each if keyword.strip())),
        "keyword_lists": items(map(_keyword_list, lists)),
        "corrections": items(_link(each) for each in links if each.attributes["RefType"] != "Cites"),
        "cites": [str(sum(each.attributes["RefType"] == "Cites" for each in links))],
        "references": [str(_references(data.get("ReferenceList", ())))],
        "databanks": items(
            {"name": str(each["DataBankName"]), "accessions": list(map(str, each.get("AccessionNumberList", ())))}
            for each in cited.get("DataBankList", ())
        ),
        "events": [
            f"ppub: {_date(journal['JournalIssue']['PubDate'])}",
            *(f"electronic: {_date(each)}" for each in cited["ArticleDate"]),
            *(f"{kind}: {when}" for kind, when in dates if kind in PUBLISHED),
        ],
        "revised": [_day(top.get("DateRevised"))],
        "created": [_day(top.get("DateCreated"))],
        "completed": [_day(top.get("DateCompleted"))],
        "history": [f"{kind}: {_iso(when)}" for kind, when in handled if kind != "entrez"],
        "entrez": [_iso(when) for kind, when in handled if kind == "entrez"],
        "doi": [own.get("doi") or next(iter(valid), "")],
        "pmcid": [own.get("pmc") or own.get("pmcid") or _old_pmcid(top)],
        "article_ids": pairs(each for each in ids if each != ("pubmed", str(top["PMID"]))),
        "locations": pairs(locations),
        "other_ids": pairs((each.attributes["Source"], str(each)) for each in top["OtherID"]),
        "notes": pairs((each.attributes["Owner"], str(each)) for each in top["GeneralNote"]),
        "grants": items(
            {tag.lower().removeprefix("grant"): str(each.get(tag, "")) for tag in GRANT}
            for each in cited.get("GrantList", ())
        ),
        "journal": [str(journal.get("Title", ""))],
        "medline_pgn": [_pages(cited.get("Pagination", {}))],
        "volume": [str(journal["JournalIssue"].get("Volume", ""))],
        "issue": [str(journal["JournalIssue"].get("Issue", ""))],
        # Where the issue bears none, ours is that which links the journal's.
        "issn": [str(journal.get("ISSN") or place.get("ISSNLinking", ""))],
        "issn_type": [_attribute(journal.get("ISSN"), "IssnType")],
        "iso_abbreviation": [str(journal.get("ISOAbbreviation", ""))],
        "cited_medium": [_attribute(journal["JournalIssue"], "CitedMedium")],
        "pub_model": [_attribute(cited, "PubModel")],
        "medline_ta": [str(place["MedlineTA"])],
        "nlm_id": [str(place.get("NlmUniqueID", ""))],
        "country": [str(place.get("Country", ""))],
        "issn_linking": [str(place.get("ISSNLinking", ""))],
        "coi": [str(top.get("CoiStatement", ""))],
        "number_of_references": [str(top.get("NumberOfReferences", ""))],
        "status": [_attribute(top, "Status")],
        "owner": [_attribute(top, "Owner")],
        "indexing_method": [_attribute(top, "IndexingMethod")],
        "version_id": [_attribute(top, "VersionID")],
        "version_date": [_attribute(top, "VersionDate")],
        "publication_status": [str(data.get("PublicationStatus", ""))],
        "citation_subsets": list(map(str, top["CitationSubset"])),
        "gene_symbols": list(map(str, top.get("GeneSymbolList", ()))),
        "space_flight": list(map(str, top["SpaceFlightMission"])),
        "incomplete": [
            name
            for name in ("AuthorList", "DataBankList", "GrantList")
            if name in cited and no(_attribute(cited[name], "CompleteYN"))
        ],
    }  # fmt: skip
    return filled(lines)


def _attribute(element: Any, name: str) -> str:
    return str(getattr(element, "attributes", {}).get(name, ""))


def status(element: Any) -> str:
    return _attribute(element, "PubStatus")


def _date(element: Mapping[str, Any]) -> str:
    return " ".join(str(element[key]) for key in ("Year", "Month", "Day", "Season", "MedlineDate") if element.get(key))


def _day(element: Mapping[str, Any] | None) -> str:
    return _iso(_date(element)) if element else ""


def _iso(numbers: str) -> str:
    year, month, day = numbers.split()
    return f"{int(year):04}-{int(month):02}-{int(day):02}"


def _labelled(abstract: Mapping[str, Any]) -> str:
    """The sections in one text, as our records join them: each label before its section."""
    return " ".join(
        f"{label}: {section}" if label else str(section)
        for section in abstract.get("AbstractText", ())
        if section.strip()
        for label in (normal_space(_attribute(section, "Label")).rstrip(" :"),)
    )


def _sections(abstract: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{normal_space(_attribute(section, 'Label')).rstrip(' :')}|{_attribute(section, 'NlmCategory')}"
        for section in abstract.get("AbstractText", ())
        if section.strip()
    ]
    return lines if any(line != "|" for line in lines) else []


def _other_abstract(other: Any) -> dict[str, str]:
    notice = str(other.get("CopyrightInformation", ""))
    kind, language = _attribute(other, "Type"), _attribute(other, "Language")
    return {"type": kind, "language": language, "text": _labelled(other), "copyright": notice}


def _link(link: Any) -> dict[str, str]:
    pmid, note = str(link.get("PMID", "")), str(link.get("Note", ""))
    return {"kind": link.attributes["RefType"], "pmid": pmid, "source": str(link["RefSource"]), "note": note}


def _listed(found: Any) -> Iterable[Any]:
    """InvestigatorList is one list in one DTD and a list of lists in another."""
    return (found,) if isinstance(found, Mapping) else found


def _name(author: Mapping[str, Any]) -> str:
    if "CollectiveName" in author:
        return str(author["CollectiveName"])
    return f"{author.get('LastName', '')} {author.get('ForeName') or author.get('Initials', '')}".strip()


def _people(found: Iterable[Mapping[str, Any]]) -> list[str]:
    places = {"last": "LastName", "fore": "ForeName", "initials": "Initials", "suffix": "Suffix"}
    return items(
        {
            **{key: str(person.get(tag, "")) for key, tag in places.items()},
            "collective": str(person.get("CollectiveName", "")),
            "valid": no(_attribute(person, "ValidYN")),
            "equal": _attribute(person, "EqualContrib").replace("N", ""),
            "identifiers": [
                (_attribute(each, "Source"), str(each))
                for holder in (person, *person.get("AffiliationInfo", ()))
                for each in holder.get("Identifier", ())
            ],
            "affiliations": [str(each["Affiliation"]) for each in person.get("AffiliationInfo", ())],
        }
        for person in found
    )


def _heading(heading: Mapping[str, Any]) -> list[str]:
    names = (heading["DescriptorName"], *heading["QualifierName"])
    starred = [_attribute(name, "MajorTopicYN") == "Y" for name in names]
    lines = [
        line
        for name, star in zip(names, starred, strict=True)
        for line in (str(name), _attribute(name, "UI"), "*" * star, "auto" * (_attribute(name, "AutoHM") == "Y"))
    ]
    return [*lines, _attribute(names[0], "Type"), "major" * any(starred)]


def _keyword_list(found: Any) -> dict[str, Any]:
    starred = [str(each) for each in found if _attribute(each, "MajorTopicYN") == "Y"]
    return {"owner": _attribute(found, "Owner"), "keywords": list(map(str, found)), "major": starred}


def _references(lists: Iterable[Any]) -> int:
    return sum(len(each.get("Reference", ())) + _references(each.get("ReferenceList", ())) for each in lists)


def _old_pmcid(top: Any) -> str:
    found = (str(each) for each in top["OtherID"] if each.attributes["Source"] == "NLM" and each.startswith("PMC"))
    return next(found, "")


def _pages(pagination: Any) -> str:
    if pagination.get("MedlinePgn"):
        return str(pagination["MedlinePgn"])
    return "-".join(str(pagination[key]) for key in ("StartPage", "EndPage") if pagination.get(key))


# --- what explains a difference


def differences(record: Record, theirs: Reading) -> Iterator[Difference]:
    """Each line that the other reading gives differently, with the reason if it is a known one."""
    ours = said(record)
    for element in sorted({*ours, *theirs}):
        left, right = theirs.get(element, []), ours.get(element, [])
        if left == right:
            continue
        for theirs_line, ours_line, why in _explained(element, left, right, record):
            yield Difference(record.pmid, element, why, theirs_line, ours_line)


def _explained(
    element: str, left: Sequence[str], right: Sequence[str], record: Record
) -> Iterator[tuple[str, str, str]]:
    if element == "history":
        left, repeated = first_of_each(left)
        yield from ((line, "", "a later date of the same status") for line in repeated)
    if element == "events":
        told = " ".join(record.extra.get("date_warnings", ()))
        lost = [line for line in left if line not in right and repr(line.split(": ", 1)[1]) in told]
        left = [line for line in left if line not in lost]
        yield from ((line, "", "no date: kept as a warning") for line in lost)
    if len(left) != len(right):
        yield (str(left), str(right), "")
        return
    for a, b in zip(left, right, strict=True):
        # The escapes are ours: Bio.Entrez was asked for them, to tell a tag from a "<".
        plain = a if "<" in a else unescape(a)
        if plain != b:
            yield plain, b, reason(element, plain, b)


def first_of_each(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    first = {line.split(": ")[0]: line for line in reversed(lines)}
    kept = [line for line in dict.fromkeys(lines) if line in first.values()]
    rest = list(lines)
    for line in kept:
        rest.remove(line)
    return kept, rest


def reason(element: str, theirs: str, ours: str) -> str:
    """Why our line differs from theirs; empty when none of the known reasons makes them equal.

    The reasons are tried one after the other, each on what the ones before left, and only those that changed
    something are named.
    """
    named: list[str] = []
    for name, change in REASONS:
        if element in ELEMENTS_OF.get(name, (element,)) and (changed := change(theirs)) != theirs:
            theirs, named = changed, [*named, name]
        if theirs == ours:
            return " + ".join(named)
    return ""


def without_markup(text: str) -> str:
    """`P&lt;0.05 of CO<sub>2</sub>` -> `P<0.05 of CO2`."""
    if not TAG.search(text):
        return text
    return "".join(ElementTree.fromstring(f'<x xmlns:mml="urn:mml">{text}</x>').itertext())


def without_math(text: str) -> str:
    """`<math xmlns="..."><mi>x</mi></math>` -> `x`: Bio.Entrez escapes the tags of MathML as if they were text."""
    return MATH.sub(lambda found: "".join(ElementTree.fromstring(found[0]).itertext()), text)


MATH = re.compile(r"<math xmlns=.*?</math>", re.DOTALL)
TAG = re.compile(r"</(?:b|i|u|sup|sub|mml:math|DispFormula)>")
REASONS = (
    ("literal tags", without_markup),
    ("MathML as text", without_math),
    ("white space", lambda text: " ".join(text.split())),
    ("control and zero-width characters", normal_space),
    ("a DOI in lower case", str.lower),
)
ELEMENTS_OF = {"a DOI in lower case": ("doi",)}


def against_biopython(path: Path, limit: int | None = None) -> tuple[int, list[Difference]]:
    """How many articles both read, and every difference."""
    theirs = (biopython(article) for content in batches(path) for article in biopython_articles(content))
    ours = records(path)
    read = 0
    found: list[Difference] = []
    for reading in islice(theirs, limit):
        read += 1
        found += differences(next(ours), reading)
    assert limit or next(ours, None) is None
    return read, found


def records(path: Path) -> Iterator[Record]:
    return (entry for entry in pubmed.read(path) if isinstance(entry, Record))


def tally(found: Iterable[Difference]) -> Counter[tuple[str, str]]:
    """How often each reason explains a difference, by element."""
    return Counter((each.element, each.why) for each in found)
