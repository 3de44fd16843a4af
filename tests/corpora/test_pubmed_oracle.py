"""Our reading of PubMed held against Bio.Entrez, plain ElementTree, and pubmed_parser where it is right."""

from __future__ import annotations

import gzip
import json
import socket
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from consilience.corpora import pubmed
from consilience.errors import RefusedFileError
from consilience.records import Deletion, Record, normal_space, sha256
from tests.corpora.pubmed_oracle import (
    GRANT,
    Difference,
    Reading,
    against_biopython,
    batches,
    differences,
    filled,
    items,
    no,
    pairs,
    records,
    tally,
)

pytestmark = pytest.mark.real

BASELINE = "pubmed20n0014.xml.gz"
SMALL = {"pubMR_pubmed_result_2019.xml.gz": 93, "sk8erjs69_pubmed_result_2015.xml.gz": 106}
OLD = "medline16n0902_sample604.xml.gz"
EDGE_CASES = "biopython_entrez_medline_tests.tar.gz"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DTD that is not at hand would be asked of NLM."""

    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def xml(real_data: Path) -> Path:
    return real_data / "pubmed_xml"


# --- Bio.Entrez


# Every difference in the first 1,301 records of the baseline file and the two small ones, by element and reason.
IN_THE_SLICE = {
    ("abstract", "literal tags"): 21,
    ("abstract", "literal tags + white space"): 3,
    ("abstract", "white space"): 20,
    ("author_list", "control and zero-width characters"): 1,
    ("doi", "a DOI in lower case"): 23,
    ("grants", "white space"): 1,
    ("keyword_lists", "white space"): 4,
    ("keywords", "white space"): 2,
    ("other_abstracts", "white space"): 5,
    ("title", "literal tags"): 1,
    ("title", "white space"): 2,
}


def test_biopython_reads_the_same_but_for_tags_and_white_space(xml: Path) -> None:
    found: list[Difference] = []
    read = 0
    for name, limit in {BASELINE: 1301, **dict.fromkeys(SMALL)}.items():
        count, differing = against_biopython(xml / name, limit)
        read, found = read + count, found + differing
    assert read == 1500
    assert [each for each in found if not each.why] == []
    assert dict(tally(found)) == IN_THE_SLICE


def edge_cases(xml: Path, folder: Path) -> list[Path]:
    with tarfile.open(xml / EDGE_CASES) as tar:
        tar.extractall(folder, filter="data")
    return sorted((folder / "Tests" / "Entrez").iterdir())


def test_biopythons_own_edge_cases_are_read_alike_or_refused(xml: Path, tmp_path: Path) -> None:
    outcome: dict[str, object] = {}
    for path in edge_cases(xml, tmp_path):
        try:
            ours = list(records(path))
        except RefusedFileError as error:
            outcome[path.name] = error.message
            continue
        outcome[path.name], found = against_biopython(path)
        assert outcome[path.name] == len(ours)
        assert [each for each in found if not each.why] == [], path.name
    assert outcome == {
        "efetch_pmc.xml": "The file is not PubMed XML: its root is 'pmc-articleset'.",
        "pubmed3.html": "The file is not PubMed XML: its root is 'html'.",
        **{"pubmed1.xml": 2, "pubmed2.xml": 2, "pubmed4.xml": 1, "pubmed5.xml": 1, "pubmed6.xml": 1, "pubmed7.xml": 1},
    }


# --- ElementTree: a second reading of our own, by paths alone, that shares no line with the reader


def all_text(element: ET.Element | None) -> str:
    return "" if element is None else "".join(element.itertext()).strip()


def texts(found: Iterable[ET.Element]) -> list[str]:
    return [all_text(each) for each in found]


def written_date(element: ET.Element) -> str:
    return " ".join(all_text(part) for part in element if part.tag not in ("Hour", "Minute", "Second"))


def day(element: ET.Element | None) -> str:
    return (
        "" if element is None else date(*(int(all_text(element.find(p))) for p in ("Year", "Month", "Day"))).isoformat()
    )


def sections(abstract: ET.Element | None) -> list[tuple[str, str, str]]:
    found = [] if abstract is None else abstract.findall("AbstractText")
    return [(p.get("Label", "").rstrip(" :"), p.get("NlmCategory", ""), all_text(p)) for p in found if all_text(p)]


def joined(found: Iterable[tuple[str, str, str]]) -> str:
    return " ".join(f"{label}: {text}" if label else text for label, _, text in found)


def person(element: ET.Element) -> dict[str, Any]:
    return {
        "last": element.findtext("LastName", ""),
        "fore": element.findtext("ForeName", ""),
        "initials": element.findtext("Initials", ""),
        "suffix": element.findtext("Suffix", ""),
        "collective": all_text(element.find("CollectiveName")),
        "valid": no(element.get("ValidYN", "")),
        "identifiers": [(each.get("Source", ""), all_text(each)) for each in element.iter("Identifier")],
        "affiliations": texts(element.iter("Affiliation")),
    }


def heading(element: ET.Element) -> list[str]:
    lines = [
        line
        for name in element
        for line in (all_text(name), name.get("UI", ""), "*" if name.get("MajorTopicYN") == "Y" else "", "")
    ]
    return [*lines, element[0].get("Type", ""), "major" if "*" in lines else ""]


def by_paths(top: ET.Element) -> Reading:
    """What ElementTree says of a MedlineCitation of 2016."""
    cited = top.find("Article")
    assert cited is not None
    links = top.findall("CommentsCorrectionsList/CommentsCorrections")
    people = [person(each) for each in cited.findall("AuthorList/Author")]
    abstract = sections(cited.find("Abstract"))
    lists = top.findall("KeywordList")
    locations = [(e.get("EIdType", ""), all_text(e), no(e.get("ValidYN", ""))) for e in cited.findall("ELocationID")]
    other_ids = [(each.get("Source", ""), all_text(each)) for each in top.findall("OtherID")]
    lines: dict[str, list[str]] = {
        "pmid": [top.findtext("PMID", ""), top.find("PMID").get("Version", "")],  # type: ignore[union-attr]
        "title": texts(cited.findall("ArticleTitle")),
        "vernacular_title": texts(cited.findall("VernacularTitle")),
        "abstract": [joined(abstract)],
        "abstract_sections": [f"{a}|{b}" for a, b, _ in abstract] if any(a or b for a, b, _ in abstract) else [],
        "copyright": texts(cited.findall("Abstract/CopyrightInformation")),
        "other_abstracts": items(
            {"type": each.get("Type"), "language": each.get("Language"), "text": joined(sections(each))}
            for each in top.findall("OtherAbstract")
        ),
        "authors": [
            each["collective"] or f"{each['last']} {each['fore'] or each['initials']}".strip()
            for each in people
            if not each["valid"]
        ],
        "author_list": items(people),
        "investigators": items(person(each) for each in top.findall("InvestigatorList/Investigator")),
        "subjects": items(person(each) for each in top.findall("PersonalNameSubjectList/PersonalNameSubject")),
        "languages": texts(cited.findall("Language")),
        "publication_types": items({"name": all_text(e), "ui": e.get("UI")} for e in cited.iter("PublicationType")),
        "mesh": [line for each in top.iter("MeshHeading") for line in heading(each)],
        "suppl_mesh": items(
            {"name": all_text(e), "ui": e.get("UI"), "type": e.get("Type")} for e in top.iter("SupplMeshName")
        ),
        "chemicals": items(
            {"name": all_text(each[1]), "ui": each[1].get("UI"), "registry": all_text(each[0])}
            for each in top.iter("Chemical")
        ),
        "keywords": list(dict.fromkeys(text for each in lists for text in texts(each))),
        "keyword_lists": items(
            {
                "owner": each.get("Owner"),
                "keywords": texts(each),
                "major": [all_text(word) for word in each if word.get("MajorTopicYN") == "Y"],
            }
            for each in lists
        ),
        "corrections": items(
            {
                "kind": each.get("RefType"),
                "pmid": each.findtext("PMID", ""),
                "source": each.findtext("RefSource", ""),
                "note": each.findtext("Note", ""),
            }
            for each in links
            if each.get("RefType") != "Cites"
        ),
        "cites": [str(sum(each.get("RefType") == "Cites" for each in links))],
        "references": ["0"],
        "databanks": items(
            {"name": each.findtext("DataBankName"), "accessions": texts(each.iter("AccessionNumber"))}
            for each in cited.iter("DataBank")
        ),
        "events": [
            *(f"ppub: {written_date(each)}" for each in cited.findall("Journal/JournalIssue/PubDate")),
            *(f"electronic: {written_date(each)}" for each in cited.findall("ArticleDate")),
        ],
        "created": [day(top.find("DateCreated"))],
        "completed": [day(top.find("DateCompleted"))],
        "revised": [day(top.find("DateRevised"))],
        "doi": [text for kind, text, invalid in locations if kind == "doi" and not invalid][:1],
        "pmcid": [t.split()[0] for source, t in other_ids if source == "NLM" and t.startswith("PMC")][:1],
        "locations": pairs(locations),
        "other_ids": pairs(other_ids),
        "notes": pairs((each.get("Owner", ""), all_text(each)) for each in top.findall("GeneralNote")),
        "grants": items(
            {tag.lower().removeprefix("grant"): each.findtext(tag, "") for tag in GRANT} for each in cited.iter("Grant")
        ),
        "incomplete": [e.tag for e in cited if e.tag.endswith("List") and e.get("CompleteYN") == "N"],
        "citation_subsets": texts(top.findall("CitationSubset")),
        "gene_symbols": texts(top.iter("GeneSymbol")),
        "space_flight": texts(top.findall("SpaceFlightMission")),
        "issn": texts(cited.findall("Journal/ISSN"))[:1] or texts(top.iter("ISSNLinking")),
        "issn_type": [each.get("IssnType", "") for each in cited.findall("Journal/ISSN")],
        "cited_medium": [each.get("CitedMedium", "") for each in cited.iter("JournalIssue")],
        "pub_model": [cited.get("PubModel", "")],
        "status": [top.get("Status", "")],
        "owner": [top.get("Owner", "")],
        **{name: texts(top.findall(path)) for name, path in PATHS.items()},
    }
    return filled(lines)


PATHS = {
    "journal": "Article/Journal/Title",
    "iso_abbreviation": "Article/Journal/ISOAbbreviation",
    "volume": "Article/Journal/JournalIssue/Volume",
    "issue": "Article/Journal/JournalIssue/Issue",
    "medline_pgn": "Article/Pagination/MedlinePgn",
    "medline_ta": "MedlineJournalInfo/MedlineTA",
    "nlm_id": "MedlineJournalInfo/NlmUniqueID",
    "country": "MedlineJournalInfo/Country",
    "issn_linking": "MedlineJournalInfo/ISSNLinking",
    "coi": "CoiStatement",
    "number_of_references": "NumberOfReferences",
}


@pytest.fixture(scope="module")
def old(xml: Path) -> dict[str, Record]:
    return {record.pmid: record for record in records(xml / OLD)}


def test_the_older_root_says_what_its_paths_say(xml: Path, old: dict[str, Record]) -> None:
    root = ET.fromstring(gzip.decompress((xml / OLD).read_bytes()))
    citations = root.findall("MedlineCitation")
    assert [each.findtext("PMID") for each in citations] == list(old)
    found = [
        difference
        for record, citation in zip(old.values(), citations, strict=True)
        for difference in differences(record, by_paths(citation))
    ]
    assert [each for each in found if not each.why] == []
    assert dict(tally(found)) == {
        ("abstract", "white space"): 96,
        ("author_list", "white space"): 12,
        ("doi", "a DOI in lower case"): 71,
        ("grants", "white space"): 7,
        ("investigators", "white space"): 2,
        ("keyword_lists", "white space"): 2,
        ("keywords", "white space"): 2,
        ("title", "white space"): 1,
    }


# --- nothing left over: neither table above can forget an element, for here every text and attribute is looked for

# Read as whole dates, and in part as flags; the tables above hold them.
READ_OTHERWISE = {"Year", "Month", "Day", "Hour", "Minute", "Second", "PubStatus", "DateType"}
FLAGS = {"Y", "N"}
# A reference and a citing are counted; their own texts are not kept.
COUNTED = ("Reference", "Cites")


def texts_within(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Name and text of everything below an element that is not merely counted."""
    for child in element:
        if child.tag in COUNTED or child.get("RefType") in COUNTED:
            continue
        yield from ((name, text) for name, text in child.items() if text not in FLAGS)
        # In mixed content the text is that of the whole.
        yield child.tag, "".join(child.itertext()) if (child.text or "").strip() else ""
        yield from texts_within(child)


@pytest.mark.parametrize("name", [OLD, *SMALL])
def test_no_text_of_a_record_is_left_unsaid(xml: Path, name: str) -> None:
    root = ET.fromstring(gzip.decompress((xml / name).read_bytes()).removeprefix(b"\xef\xbb\xbf"))
    written = [each for each in root if each.tag != "DeleteCitation"]
    left, looked_at = Counter[str](), 0
    for element, record in zip(written, records(xml / name), strict=True):
        told = json.dumps(asdict(record), default=str, ensure_ascii=False).casefold()
        for part, text in texts_within(element):
            if text.strip() and part not in READ_OTHERWISE:
                looked_at += 1
                # As JSON has it, without its quotes.
                wanted = json.dumps(normal_space(text).rstrip(" :"), ensure_ascii=False)[1:-1].casefold()
                left[part] += wanted not in told
    assert +left == Counter()
    assert looked_at > 35 * len(written)


def test_what_the_older_root_deletes_comes_last(xml: Path) -> None:
    *cited, last = pubmed.read(xml / OLD)
    assert len(cited) == 604
    assert all(isinstance(entry, Record) for entry in cited)
    assert last == Deletion("26432306", "1")


# Read off the files by eye: identifiers, numbers and lengths, never the text.
def test_a_paper_of_a_group_as_read_by_hand(old: dict[str, Record]) -> None:
    record = old["25864598"]
    assert (len(record.authors), len(record.extra["author_list"]), len(record.extra["investigators"])) == (9, 9, 47)
    assert "collective" in record.extra["author_list"][-1]
    assert [each["category"] for each in record.extra["abstract_sections"]] == [
        *("OBJECTIVE", "METHODS", "RESULTS", "CONCLUSIONS", "CONCLUSIONS")
    ]
    # Five labels of 87 letters, five ": ", five texts of 869 and four blanks between.
    assert len(record.fields["abstract"]) == 87 + 10 + 869 + 4
    assert [each["id"] for each in record.extra["grants"]] == ["P50DA026306", "T32 DA031098", "T32DA031098"]
    assert (record.doi, record.pmcid, record.extra["cites"]) == ("10.1111/ajad.12160", "PMC4369467", 11)
    assert record.published is not None
    assert (record.published.start, record.published.end) == (date(2015, 3, 1), date(2015, 3, 31))
    assert (record.revised, record.extra["created"]) == (date(2015, 12, 26), "2015-04-13")
    assert [each.ui for each in record.publication_types] == ["D016428", "D052061", "D013485"]
    assert record.extra["medline_pgn"] == "94-7"


def test_a_paper_of_a_disease_as_read_by_hand(old: dict[str, Record]) -> None:
    record = old["25378401"]
    assert len(record.authors) == 14
    assert [each.registry for each in record.chemicals] == ["0"] * 6 + ["EC 3.4.25.1"]
    assert [(each["ui"], each["type"]) for each in record.extra["suppl_mesh"]] == [("C538339", "Disease")]
    assert len(record.fields["abstract"]) == 1583  # 1,584 with the blank at its end
    assert record.extra["cites"] == 34
    second = record.mesh[1]
    assert (second.ui, second.major, record.extra["mesh_detail"][1]["qualifier_uis"]) == ("D003598", True, ["Q000502"])
    assert [(event.kind, event.when.start) for event in record.events] == [
        ("ppub", date(2014, 12, 26)),
        ("electronic", date(2014, 11, 5)),
    ]


def test_an_erratum_and_a_paper_with_data_as_read_by_hand(old: dict[str, Record]) -> None:
    erratum, data = old["26407471"], old["26022416"]
    assert [(each.kind, each.pmid) for each in erratum.corrections] == [("ErratumFor", "22828228")]
    assert (erratum.languages, len(erratum.fields["abstract"])) == (("ita",), 59)
    assert [each.ui for each in erratum.publication_types] == ["D004740", "D016425"]
    assert data.extra["databanks"] == [
        {"name": "GEO", "accessions": ["GSE60056", "GSE63116"]},
        {"name": "SRA", "accessions": ["PRJNA257239"]},
    ]
    assert data.registry_ids == ()
    assert [each.get("id") for each in data.extra["grants"]] == ["100140", "101835", "101835/Z/13/Z", None]
    assert len(data.chemicals) == 13
    assert sha256(data.fields["title"])[:12] == "bd402b5d472b"


# --- pubmed_parser 0.5.1, where it is right


def parser_says(article: dict[str, Any]) -> dict[str, Any]:
    """What pubmed_parser says of one article, with white space and the joints of its lists made comparable."""
    return {
        "pmid": article["pmid"],
        "title": normal_space(article["title"]),
        "vernacular_title": normal_space(article["vernacular_title"]),
        "abstract": squeezed(article["abstract"]),
        "journal": article["journal"],
        "place": [article[key] for key in ("medline_ta", "nlm_unique_id", "issn_linking", "country")],
        "languages": article["languages"].split(";"),
        "issue": article["issue"],
        "pages": article["pages"],
        "year": article["pubdate"][:4],
        "doi": article["doi"].lower(),
        "pmc": article["pmc"],
        "types": article["publication_types"],
        "chemicals": article["chemical_list"],
        "mesh": article["mesh_terms"],
        "keywords": normal_space(article["keywords"]).replace(" ;", ";"),
        "authors": [tuple(each[key] for key in ("lastname", "forename", "initials")) for each in article["authors"]],
        "identifiers": [each["identifier"] for each in article["authors"] if each["identifier"]],
        "affiliations": [normal_space(each["affiliation"]) for each in article["authors"] if each["affiliation"]],
        "grants": [
            tuple(normal_space(each[key]) for key in ("grant_id", "grant_acronym", "agency", "country"))
            for each in article["grant_ids"]
        ],
        "references": len(article["references"]),
    }  # fmt: skip


def in_its_terms(record: Record) -> dict[str, Any]:
    """What our record says, in the form of pubmed_parser."""
    extra = record.extra
    authors = extra.get("author_list", ())
    volume, issue = extra.get("volume", ""), extra.get("issue", "")
    details = zip(record.mesh, extra.get("mesh_detail", ()), strict=True)
    return {
        "pmid": record.pmid,
        "title": record.fields.get("title", ""),
        "vernacular_title": extra.get("vernacular_title", ""),
        "abstract": squeezed(record.fields.get("abstract", "")),
        "journal": record.journal,
        "place": [extra.get(key, "") for key in ("medline_ta", "nlm_id", "issn_linking", "country")],
        "languages": list(record.languages),
        "issue": f"{volume}({issue})" if volume else "",
        "pages": extra.get("medline_pgn", ""),
        "year": str(next(event.when.start.year for event in record.events if event.kind == "ppub")),
        "doi": record.doi,
        "pmc": record.pmcid,
        "types": "; ".join(f"{each.ui}:{each.name}" for each in record.publication_types),
        "chemicals": "; ".join(f"{each.ui}:{each.name}" for each in record.chemicals),
        "mesh": "; ".join(
            " / ".join(
                f"{ui}:{name}" + "*" * (ui in detail.get("starred", ()))
                for name, ui in zip(
                    (m.name, *m.qualifiers), (m.ui, *detail.get("qualifier_uis", ())), strict=True
                )
            )
            for m, detail in details
        ),
        "keywords": "; ".join(record.keywords),
        "authors": [
            (each.get("last") or each["collective"], each.get("fore", ""), each.get("initials", "")) for each in authors
        ],
        "identifiers": [text for each in authors for _, text in each.get("identifiers", ())],
        "affiliations": [text for each in authors for text in each.get("affiliations", ())],
        "grants": [
            tuple(each.get(key, "") for key in ("id", "acronym", "agency", "country"))
            for each in extra.get("grants", ())
        ],
        "references": extra.get("references", 0),
    }  # fmt: skip


def squeezed(text: str) -> str:
    """Text without the marks by which the two readers join sections."""
    return "".join(text.replace(":", "").split())


def known_defect(name: str, theirs: Any, ours: Any, record: Record) -> str:
    """Which fault of pubmed_parser 0.5.1 makes its answer the poorer; empty when none does."""
    locations = [kind for kind, *_ in record.extra.get("locations", ())]
    sections = record.extra.get("abstract_sections", ())
    if name == "doi" and theirs == "" and locations and locations[-1] != "doi":
        return "the last location overwrites the DOI"
    if name == "pmc" and theirs == "":
        return "PMC's number is sought in OtherID alone"
    if name == "pmc" and theirs.startswith(f"{ours} ["):
        return "PMC's number with its date of release"
    if name == "references" and 0 < theirs < ours:
        return "the references of lists inside the list are lost"
    if name == "mesh" and theirs == unstarred(ours):
        return "the star of a descriptor is sought on the heading"
    if name == "abstract" and len(sections) == 1 and theirs in ours:
        return "the label of a single section is lost"
    if name == "authors" and len(theirs) == len(ours) and ("", "", "") in theirs:
        return "the name of a group is lost"
    if name == "affiliations" and is_within(theirs, ours):
        return "an author's further affiliations are lost"
    return ""


def unstarred(mesh: str) -> str:
    """A heading's terms with the star of its descriptor taken away."""
    terms = (term.split(" / ") for term in mesh.split("; "))
    return "; ".join(" / ".join((first.rstrip("*"), *rest)) for first, *rest in terms)


def is_within(less: Sequence[str], more: Sequence[str]) -> bool:
    """Whether `less` is `more` with letters, or members, left out."""
    rest = iter(more)
    return all(each in rest for each in less)


POORER = {
    ("abstract", "the label of a single section is lost"): 1,
    ("affiliations", "an author's further affiliations are lost"): 35,
    ("authors", "the name of a group is lost"): 2,
    ("doi", "the last location overwrites the DOI"): 10,
    ("mesh", "the star of a descriptor is sought on the heading"): 749,
    ("pmc", "PMC's number is sought in OtherID alone"): 101,
    ("pmc", "PMC's number with its date of release"): 1,
    ("references", "the references of lists inside the list are lost"): 2,
}


def test_pubmed_parser_reads_the_same_where_it_is_right(xml: Path, tmp_path: Path) -> None:
    import pubmed_parser as parser

    first = tmp_path / "first.xml.gz"
    first.write_bytes(gzip.compress(next(batches(xml / BASELINE, 1301)), 1))
    found: Counter[tuple[str, str]] = Counter()
    unexplained = []
    read = 0
    for path in (first, *(xml / name for name in SMALL)):
        articles = parser.parse_medline_xml(
            str(path), author_list=True, reference_list=True, parse_downto_mesh_subterms=True
        )
        for article, record in zip(articles, records(path), strict=True):
            read += 1
            theirs, ours = parser_says(article), in_its_terms(record)
            for name in theirs:
                if theirs[name] != ours[name]:
                    why = known_defect(name, theirs[name], ours[name], record)
                    found[name, why] += 1
                    unexplained += [] if why else [(record.pmid, name, theirs[name], ours[name])]
    assert read == 1500
    assert unexplained == []
    assert dict(found) == POORER


ODD = """<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>99000001</PMID><Article><Journal><JournalIssue>
<PubDate><Year>2000</Year><Season>Spring</Season></PubDate></JournalIssue><Title>J</Title></Journal>
<ArticleTitle>On <i>H<sub>2</sub>O</i></ArticleTitle><Abstract><AbstractText Label="UNASSIGNED">A.</AbstractText>
<AbstractText Label="AIMS">B.</AbstractText></Abstract></Article>
<KeywordList Owner="NOTNLM"><Keyword><i>E. coli</i> growth</Keyword><Keyword>one</Keyword></KeywordList>
<KeywordList Owner="KIE"><Keyword>two</Keyword></KeywordList></MedlineCitation><PubmedData/></PubmedArticle>
<DeleteCitation><PMID Version="1">99000002</PMID></DeleteCitation></PubmedArticleSet>"""


@pytest.mark.filterwarnings("ignore")
def test_what_pubmed_parser_loses_beyond_these_is_kept(tmp_path: Path) -> None:
    import pubmed_parser as parser

    path = tmp_path / "odd.xml.gz"
    path.write_bytes(gzip.compress(ODD.encode()))
    (theirs,) = parser.parse_medline_xml(str(path))
    record, deletion = pubmed.read(path)
    assert isinstance(record, Record)
    assert (theirs["title"], record.fields["title"]) == ("On H", "On H2O")
    assert ("UNASSIGNED" in theirs["abstract"], record.fields["abstract"]) == (False, "UNASSIGNED: A. AIMS: B.")
    assert (theirs["keywords"], record.keywords) == ("one", ("E. coli growth", "one", "two"))
    assert (theirs["pubdate"], record.events[0].when.precision) == ("2000", "season")
    assert deletion == Deletion("99000002", "1")
