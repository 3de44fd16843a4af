"""Makes the sample files from stories.yaml: PubMed XML, guidelines, a screening set, dated questions.

`python corpora/sample/build.py` rewrites them; the same source gives the same bytes.
"""

from __future__ import annotations

import calendar
import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import yaml

HERE = Path(__file__).resolve().parent
HOME = HERE.parent.parent
NOTICE = "Synthetic record invented for the consilience project; not a real publication."
EXAMPLE = "Invented example, not clinical advice."
DOCTYPE = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
)
MONTHS = {name: 1 + place for place, name in enumerate(re.findall("...", "JanFebMarAprMayJunJulAugSepOctNovDec"))}
# Last month of each season; winter is read as the end of the year it is printed with.
SEASONS = {"Spring": 5, "Summer": 8, "Autumn": 11, "Winter": 12}
# Types that PubMed gives alone, without "Journal Article" beside them.
ALONE = {"ED", "LET", "COM", "RETRACTION", "ERRATUM"}
STUDIES = {"RCT", "OBS", "CT"}
INLINE = re.compile(r"&lt;(/?(?:i|sup|sub|b))&gt;")
LABELLED = re.compile(r"([A-Z][A-Z ]+): (.+)")
# Invented family names, so that no citation points at a person.
FAMILIES = re.findall(
    r"\w+",
    """Averlund Brennick Castavel Dornquist Elmscott Farrowby Grindelvik Halvenstone Istrabek Jorlane Kestermoor
    Lindovar Marchwell Norvenni Ostrabeck Pellingworth Quillander Rosvedt Santorelke Thornvale Umberlei Vasterholm
    Wexcombe Yardenby Zelkovar""",
)
GIVEN = re.findall(r"\w+", "Ada Bo Cleo Dag Edda Finn Gro Hal Ines Jon Kai Lene Mio Nela Olav Pia Rune Siv Tor Una")


@dataclass(frozen=True, slots=True)
class Paper:
    """One invented record as stories.yaml gives it, with its PMID and story."""

    pmid: int
    story: int
    id: str
    title: str
    when: str
    journal: str
    abstract: str = ""
    epub: date | None = None
    types: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()
    chemicals: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    nct: str = ""
    collective: str = ""
    language: str = "eng"
    vernacular: str = ""
    included: bool = False
    revised: date | None = None
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def doi(self) -> str:
        """A DOI under the prefix kept for examples."""
        return f"10.5555/consilience.{self.pmid}"

    @property
    def last_day(self) -> date:
        """The day by which the record was certainly published."""
        return min(filter(None, (self.epub, issue_end(self.when))))


@dataclass(frozen=True, slots=True)
class Source:
    """stories.yaml, read: its papers, the update and the tables."""

    papers: tuple[Paper, ...]
    revisions: tuple[Paper, ...]
    additions: tuple[Paper, ...]
    deleted: tuple[Paper, ...]
    guidelines: tuple[Mapping[str, Any], ...]
    questions: tuple[Mapping[str, Any], ...]
    vocabulary: Mapping[str, Mapping[str, str]]

    @property
    def by_id(self) -> dict[str, Paper]:
        """Every paper by its name in stories.yaml, as it stands before the update."""
        return {paper.id: paper for paper in (*self.papers, *self.additions)}


def read(path: Path = HERE / "stories.yaml") -> Source:
    """Read stories.yaml; an unknown key or a name used twice is an error."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    papers = tuple(
        paper(entry, pmid=story["first"] + place, story=number)
        for number, story in enumerate(data["stories"])
        for place, entry in enumerate(story["records"])
    )
    update = data["update"]
    additions = tuple(
        paper(entry, pmid=update["first"] + place, story=-1) for place, entry in enumerate(update["records"])
    )
    known = {one.id: one for one in papers}
    if len(known | {one.id: one for one in additions}) != len(papers) + len(additions):
        raise ValueError("a record id is used twice")
    entries = {entry["id"]: entry for story in data["stories"] for entry in story["records"]}
    revisions = tuple(
        paper({**entries[entry["id"]], **entry}, pmid=known[entry["id"]].pmid, story=known[entry["id"]].story)
        for entry in update["revisions"]
    )
    return Source(
        papers=papers,
        revisions=revisions,
        additions=additions,
        deleted=tuple(known[name] for name in update["deleted"]),
        guidelines=tuple(data["guidelines"]),
        questions=tuple(data["questions"]),
        vocabulary=data["vocabulary"],
    )


def paper(entry: Mapping[str, Any], *, pmid: int, story: int) -> Paper:
    """One entry of stories.yaml as a Paper."""
    keys = "id title date journal abstract epub pt mesh chemicals keywords nct collective language vernacular"
    unknown = set(entry) - set(keys.split()) - {"screen", "revised", "links"}
    if unknown:
        raise ValueError(f"{entry['id']}: unknown keys {sorted(unknown)}")
    return Paper(
        pmid=pmid,
        story=story,
        id=entry["id"],
        # PubMed shows a foreign title in brackets, in English, and keeps the original beside it.
        title=f"[{entry['title'].removesuffix('.')}]." if "vernacular" in entry else entry["title"],
        when=str(entry["date"]),
        journal=entry["journal"],
        abstract=entry.get("abstract", "").strip(),
        epub=entry.get("epub"),
        types=tuple(entry.get("pt", ())),
        mesh=tuple(entry.get("mesh", ())),
        chemicals=tuple(entry.get("chemicals", ())),
        keywords=tuple(entry.get("keywords", ())),
        nct=entry.get("nct", ""),
        collective=entry.get("collective", ""),
        language=entry.get("language", "eng"),
        vernacular=entry.get("vernacular", ""),
        included=bool(entry.get("screen")),
        revised=entry.get("revised"),
        links=entry.get("links", {}),
    )


def issue_end(when: str) -> date:
    """The last day an issue date may mean: `2000 Nov-Dec` -> 2000-12-31."""
    year = int(re.findall(r"\d{4}", when)[-1])
    words = re.findall(r"[A-Z][a-z]+", when)
    if "Quart" in words:
        month = 3 * int(re.findall(r"(\d)(?:st|nd|rd|th)", when)[0])
    else:
        month = ({**MONTHS, **SEASONS}).get(words[-1], 12) if words else 12
    days = re.findall(r"(?<!\d)\d{1,2}(?!\d|st|nd|rd|th)", when)
    return date(year, month, int(days[-1]) if days else calendar.monthrange(year, month)[1])


def number_from(seed: object, below: int) -> int:
    """A number below `below` that depends on the seed alone."""
    return int(hashlib.sha256(str(seed).encode()).hexdigest()[:8], 16) % below


def tag(name: str, content: str = "", **attributes: str) -> str:
    """An element whose content is markup already."""
    shown = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{shown}>{content}</{name}>"


def block(name: str, parts: Iterable[str], **attributes: str) -> str:
    """An element with one child a line, or nothing when there are none."""
    children = [part for part in parts if part]
    return tag(name, "\n" + "\n".join(children) + "\n", **attributes) if children else ""


def prose(text: str) -> str:
    """Text with everything escaped but the few inline marks PubMed allows."""
    return INLINE.sub(r"<\1>", escape(text))


def day_parts(day: date) -> list[str]:
    """Year, month and day as PubMed writes them in citation dates."""
    return [tag("Year", str(day.year)), tag("Month", f"{day.month:02}"), tag("Day", f"{day.day:02}")]


def issue_date(when: str) -> str:
    """PubDate in the shape its text asks for: year, month, day, season, or a MedlineDate."""
    found = re.fullmatch(r"(\d{4})(?: ([A-Z][a-z]+)(?: (\d{1,2}))?)?", when)
    if not found:
        return block("PubDate", [tag("MedlineDate", when)])
    year, word, day = found.groups()
    named = tag("Season" if word in SEASONS else "Month", word) if word else ""
    return block("PubDate", [tag("Year", year), named, tag("Day", f"{int(day):02}") if day else ""])


def abstract(one: Paper, vocabulary: Mapping[str, Mapping[str, str]]) -> str:
    """The abstract, a section a line, with the notice where a copyright line stands."""
    sections = []
    for line in one.abstract.splitlines():
        found = LABELLED.fullmatch(line)
        if found:
            label, text = found.groups()
            category = vocabulary["sections"][label]
            sections.append(tag("AbstractText", prose(text), Label=label, NlmCategory=category))
        else:
            sections.append(tag("AbstractText", prose(line)))
    return block("Abstract", [*sections, tag("CopyrightInformation", NOTICE)]) if sections else ""


def authors(one: Paper) -> str:
    """Invented authors; reports of one trial share them, in another order."""
    seed = one.nct or one.pmid
    first = number_from((seed, "family"), len(FAMILIES))
    count = 2 + number_from((seed, "count"), 5)
    turn = one.pmid % count
    listed = []
    for place in range(count):
        position = (place + turn) % count
        given = GIVEN[number_from((seed, position), len(GIVEN))]
        where = tag("AffiliationInfo", tag("Affiliation", "Department of Invented Studies, Example University."))
        name = tag("LastName", FAMILIES[(first + position * 7) % len(FAMILIES)])
        parts = [name, tag("ForeName", given), tag("Initials", given[0]), "" if place else where]
        listed.append(block("Author", parts, ValidYN="Y"))
    if one.collective:
        listed.append(block("Author", [tag("CollectiveName", escape(one.collective))], ValidYN="Y"))
    return block("AuthorList", listed, CompleteYN="Y")


def journal(one: Paper) -> str:
    """Journal, volume and date of issue."""
    end = issue_end(one.when)
    issue = block(
        "JournalIssue",
        [tag("Volume", str(end.year - 1950)), tag("Issue", str(end.month)), issue_date(one.when)],
        CitedMedium="Print",
    )
    return block("Journal", [issue, tag("Title", escape(full_name(one))), tag("ISOAbbreviation", short_name(one))])


def full_name(one: Paper) -> str:
    """The journal's name, which says that it does not exist."""
    return f"Synthetic Journal of {one.journal}"


def short_name(one: Paper) -> str:
    """An abbreviation in the manner of ISO 4."""
    words = [word for word in one.journal.replace("'", "").split() if word[0].isupper()]
    return " ".join(["Synth J", *(word[:6] for word in words)])


def pages(one: Paper) -> tuple[int, int]:
    """First and last page."""
    start = 11 + number_from((one.pmid, "page"), 1800)
    return start, start + 1 + number_from((one.pmid, "length"), 11)


def source_line(one: Paper) -> str:
    """The citation as CommentsCorrections and references print it."""
    start, end = pages(one)
    issued = issue_end(one.when)
    return f"{short_name(one)}. {one.when};{issued.year - 1950}({issued.month}):{start}-{end}"


def publication_types(one: Paper, vocabulary: Mapping[str, Mapping[str, str]]) -> str:
    """Publication types with their UIs."""
    codes = list(one.types) if set(one.types) & ALONE else [*one.types, "ART"]
    rows = [vocabulary["publication_types"][code].split(" ", 1) for code in codes]
    return block("PublicationTypeList", [tag("PublicationType", name, UI=ui) for ui, name in sorted(rows)])


def article(one: Paper, vocabulary: Mapping[str, Mapping[str, str]]) -> str:
    """The Article element."""
    start, end = pages(one)
    bank = [
        tag("DataBankName", "ClinicalTrials.gov"),
        tag("AccessionNumberList", tag("AccessionNumber", one.nct)),
    ]
    page = [tag("StartPage", str(start)), tag("EndPage", str(end)), tag("MedlinePgn", f"{start}-{end}")]
    parts = [
        journal(one),
        tag("ArticleTitle", prose(one.title)),
        block("Pagination", page),
        tag("ELocationID", one.doi, EIdType="doi", ValidYN="Y") if issue_end(one.when).year > 2005 else "",
        abstract(one, vocabulary),
        authors(one),
        tag("Language", one.language),
        tag("DataBankList", block("DataBank", bank), CompleteYN="Y") if one.nct else "",
        publication_types(one, vocabulary),
        tag("VernacularTitle", escape(one.vernacular)) if one.vernacular else "",
        block("ArticleDate", day_parts(one.epub), DateType="Electronic") if one.epub else "",
    ]
    return block("Article", parts, PubModel="Print-Electronic" if one.epub else "Print")


def mesh_heading(entry: str, vocabulary: Mapping[str, Mapping[str, str]]) -> str:
    """`Lung Neoplasms/*blood` as a heading whose qualifier is the major topic."""
    name, *qualifiers = entry.split("/")

    def starred(kind: str, text: str, table: str) -> str:
        plain = text.removeprefix("*")
        return tag(kind, escape(plain), UI=vocabulary[table][plain], MajorTopicYN="Y" if text.startswith("*") else "N")

    rows = [starred("DescriptorName", name, "mesh")]
    return block("MeshHeading", rows + [starred("QualifierName", each, "qualifiers") for each in qualifiers])


def chemical(name: str, vocabulary: Mapping[str, Mapping[str, str]]) -> str:
    """One substance; its registry number is "0" where we are not sure of it."""
    registry = tag("RegistryNumber", vocabulary["registry"].get(name, "0"))
    return block("Chemical", [registry, tag("NameOfSubstance", escape(name), UI=vocabulary["mesh"][name])])


def comments(one: Paper, links: Iterable[tuple[str, Paper]]) -> str:
    """CommentsCorrections to and from the record."""
    rows = [
        block(
            "CommentsCorrections",
            [tag("RefSource", escape(source_line(other))), tag("PMID", str(other.pmid), Version="1")],
            RefType=kind,
        )
        for kind, other in links
    ]
    return block("CommentsCorrectionsList", rows)


def citation(one: Paper, links: Iterable[tuple[str, Paper]], vocabulary: Mapping[str, Mapping[str, str]]) -> str:
    """The MedlineCitation element."""
    completed = one.last_day + timedelta(days=75)
    revised = one.revised or max(completed, date(2024, 11, 1 + one.pmid % 28))
    info = [
        tag("Country", "United States"),
        tag("MedlineTA", short_name(one)),
        tag("NlmUniqueID", f"99{number_from(one.journal, 10**5):05}"),
    ]
    chemicals = [chemical(name, vocabulary) for name in one.chemicals]
    words = [tag("Keyword", prose(word), MajorTopicYN="N") for word in one.keywords]
    parts = [
        tag("PMID", str(one.pmid), Version="1"),
        block("DateCompleted", day_parts(completed)),
        block("DateRevised", day_parts(revised)),
        article(one, vocabulary),
        block("MedlineJournalInfo", info),
        block("ChemicalList", chemicals),
        tag("CitationSubset", "IM"),
        comments(one, links),
        block("MeshHeadingList", [mesh_heading(entry, vocabulary) for entry in one.mesh]),
        block("KeywordList", words, Owner="NOTNLM"),
        # Without an abstract there is no copyright line to carry the notice.
        "" if one.abstract else tag("GeneralNote", NOTICE, Owner="NLM"),
    ]
    return block("MedlineCitation", parts, Status="MEDLINE", Owner="NLM")


def history(one: Paper) -> str:
    """The dates of handling, none of them before publication but those of the manuscript."""
    published = one.last_day
    steps = [("pubmed", published), ("medline", published + timedelta(days=75)), ("entrez", published)]
    if one.epub and one.abstract:
        steps = [
            ("received", published - timedelta(days=160)),
            ("accepted", published - timedelta(days=25)),
            *steps,
        ]
    rows = []
    for status, day in steps:
        numbers = [tag("Year", str(day.year)), tag("Month", str(day.month)), tag("Day", str(day.day))]
        clock = [] if status in ("received", "accepted") else [tag("Hour", "0"), tag("Minute", "0")]
        rows.append(block("PubMedPubDate", [*numbers, *clock], PubStatus=status))
    return block("History", rows)


def references(cited: Iterable[Paper]) -> str:
    """A reference list, whose nested ids belong to the papers cited and not to the record."""
    rows = []
    for other in cited:
        ids = [tag("ArticleId", str(other.pmid), IdType="pubmed"), tag("ArticleId", other.doi, IdType="doi")]
        rows.append(block("Reference", [tag("Citation", escape(source_line(other))), block("ArticleIdList", ids)]))
    return block("ReferenceList", rows)


def pubmed_article(one: Paper, source: Source) -> str:
    """One PubmedArticle."""
    ids = [tag("ArticleId", str(one.pmid), IdType="pubmed"), tag("ArticleId", one.doi, IdType="doi")]
    data = [
        history(one),
        tag("PublicationStatus", "ppublish"),
        block("ArticleIdList", ids),
        references(cited_by(one, source)),
    ]
    body = citation(one, links_of(one, source), source.vocabulary)
    return block("PubmedArticle", [body, block("PubmedData", data)])


def cited_by(one: Paper, source: Source) -> Iterator[Paper]:
    """The earlier studies of its story, for a review with pooled results."""
    if set(one.types) & {"MA", "SR"}:
        for other in source.papers:
            if other.story == one.story and set(other.types) & STUDIES and other.last_day < one.last_day:
                yield other


def links_of(one: Paper, source: Source) -> Iterator[tuple[str, Paper]]:
    """The links a record states, and the comments on it."""
    for kind, name in one.links.items():
        yield kind, source.by_id[name]
    for other in source.papers:
        if other.links.get("CommentOn") == one.id:
            yield "CommentIn", other


def pubmed_file(papers: Iterable[Paper], source: Source, deleted: Iterable[Paper] = ()) -> str:
    """One PubMed file; deletions stand at its end, as in the update files."""
    gone = block("DeleteCitation", [tag("PMID", str(one.pmid), Version="1") for one in deleted])
    return DOCTYPE + block("PubmedArticleSet", [*(pubmed_article(one, source) for one in papers), gone]) + "\n"


def lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def guideline_rows(source: Source) -> Iterator[dict[str, Any]]:
    """One row a recommendation of one version."""
    for one in source.guidelines:
        for version in one["versions"]:
            shared = {key: one[key] for key in ("issuer", "guideline", "title", "jurisdiction")}
            shared |= {key: str(value) for key, value in version.items() if key != "recommendations"}
            for each in version["recommendations"]:
                evidence = [str(source.by_id[name].pmid) for name in each["evidence"]]
                remarks = f"{each.get('remarks', '')} {EXAMPLE}".strip()
                yield {**shared, **each, "remarks": remarks, "evidence": evidence}


def screening_rows(source: Source) -> Iterator[dict[str, Any]]:
    """The first file as a screening set, shuffled so that stories do not stand together."""
    for one in sorted(source.papers, key=lambda each: number_from((each.id, "order"), 10**9)):
        text = re.sub(r"</?(?:i|sup|sub|b)>", "", " ".join(one.abstract.splitlines()))
        title = re.sub(r"</?(?:i|sup|sub|b)>", "", one.title)
        yield {"pmid": str(one.pmid), "title": title, "abstract": text, "label_included": int(one.included)}


def question_rows(source: Source) -> Iterator[dict[str, Any]]:
    """The dated questions; a relevant record must have been out by the date."""
    for one in source.questions:
        cited = [source.by_id[name] for name in one["relevant"]]
        late = [each.id for each in cited if each.last_day > one["as_of"]]
        if late:
            raise ValueError(f"{one['id']}: {late} came later")
        yield {**one, "as_of": str(one["as_of"]), "relevant": [f"PMID:{each.pmid}" for each in cited]}


def outputs(source: Source) -> dict[Path, str]:
    """Every file made, by its path below the home."""
    sample = Path("corpora/sample")
    return {
        sample / "pubmed26n0001.xml.gz": pubmed_file(source.papers, source),
        sample / "pubmed26n0002.xml.gz": pubmed_file(
            (*source.revisions, *source.additions), source, deleted=source.deleted
        ),
        sample / "guidelines.jsonl": lines(guideline_rows(source)),
        sample / "screening.jsonl": lines(screening_rows(source)),
        Path("evaluation/data/sample.jsonl"): lines(question_rows(source)),
    }


def read_output(path: Path) -> str | None:
    """What a file says now, unpacked; None if there is none."""
    if not path.exists():
        return None
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def write(path: Path, text: str) -> None:
    """Write a file, packed if its name says so.

    A file that says the same already is left alone: another zlib would pack it into other bytes.
    """
    if read_output(path) == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".gz":
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream:
        stream.write(text.encode())
    path.write_bytes(packed.getvalue())


def main() -> None:
    """Rewrite all files."""
    for path, text in outputs(read()).items():
        write(HOME / path, text)


if __name__ == "__main__":
    main()
