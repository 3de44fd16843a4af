"""Exports as they are met: every record is read, or the file is refused in one sentence; nothing is lost in silence."""

# ruff: noqa: E501  (lines of files stand here as they are)

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from consilience.errors import BadInputError, RefusedFileError
from consilience.screening.files import Reading, read_file


def ris(*titles: str, end: str = "ER  - \n\n") -> str:
    return "".join(f"TY  - JOUR\nAU  - Doe, J.\nTI  - {title}\nPY  - 2003\n{end}" for title in titles)


def nbib(number: int, title: str) -> str:
    return f"PMID- {99000000 + number}\nOWN - NLM\nTI  - {title}\nAB  - It was tried.\nAU  - Doe J\nDP  - 2003 May\n\n"


BOTH = ["First trial", "Second trial"]
# What it is, the file, its content, and the titles it holds.
READ: list[tuple[str, str, str | bytes, list[str]]] = [
    ("a byte-order mark", "a.ris", "\ufeff" + ris(*BOTH), BOTH),
    ("a byte-order mark inside, where two exports were joined", "a.ris", ris(BOTH[0]) + "\ufeff" + ris(BOTH[1]), BOTH),
    ("CRLF line ends", "a.ris", ris(*BOTH).replace("\n", "\r\n"), BOTH),
    ("CR line ends", "a.ris", ris(*BOTH).replace("\n", "\r"), BOTH),
    ("no ER at all", "a.ris", ris(*BOTH, end=""), BOTH),
    ("no ER in the first", "a.ris", ris(BOTH[0], end="") + ris(BOTH[1]), BOTH),
    ("ER without its blank", "a.ris", ris(*BOTH, end="ER  -\n"), BOTH),
    ("EF at the end", "a.ris", ris(*BOTH) + "EF  - \n", BOTH),
    ("EF in place of the last ER", "a.ris", ris(BOTH[0]) + ris(BOTH[1], end="EF  -\n"), BOTH),
    ("numbers before records", "a.ris", "1.\n" + ris(BOTH[0]) + "2.\n" + ris(BOTH[1]), BOTH),
    ("numbers before records, no ER", "a.ris", "1.\n" + ris(BOTH[0], end="") + "2.\n" + ris(BOTH[1], end=""), BOTH),
    ("numbers on the line of TY", "a.ris", "<1> " + ris(BOTH[0]) + "<2> " + ris(BOTH[1]), BOTH),
    ("a heading of the database", "a.ris", "Provider: Example\nContent: text/plain\n\n" + ris(*BOTH), BOTH),
    ("one blank in tags", "a.ris", ris(*BOTH).replace("  - ", " - "), BOTH),
    ("blanks before tags", "a.ris", "".join(f"   {line}\n" for line in ris(*BOTH).splitlines()), BOTH),
    ("the ID before TY", "a.ris", "ID  - 7\n" + ris(BOTH[0]) + "ID  - 8\n" + ris(BOTH[1]), BOTH),
    ("a record without TY", "a.ris", ris(BOTH[0]) + ris(BOTH[1]).removeprefix("TY  - JOUR\n"), BOTH),
    ("a record without TY, first", "a.ris", ris(BOTH[0]).removeprefix("TY  - JOUR\n") + ris(BOTH[1]), BOTH),
    ("a record without a title", "a.ris", ris(BOTH[0]) + "TY  - JOUR\nAB  - Text only.\nER  - \n", [BOTH[0], ""]),
    ("a record with nothing", "a.ris", ris(BOTH[0]) + "TY  - JOUR\nER  - \n", [BOTH[0], ""]),
    ("an unknown type", "a.ris", ris(*BOTH).replace("JOUR", "PAPER"), BOTH),
    ("UTF-16 with a mark", "a.ris", ris("Ünité", "Second").encode("utf-16"), ["Ünité", "Second"]),
    ("UTF-16 without a mark", "a.ris", ris("Ünité", "Second").encode("utf-16-be"), ["Ünité", "Second"]),
    ("Windows-1252", "a.ris", ris("Ünité “so” – €", "Second").encode("cp1252"), ["Ünité “so” – €", "Second"]),
    ("two encodings in one file", "a.ris", ris("Ünité").encode() + ris("Größe").encode("cp1252"), ["Ünité", "Größe"]),
    ("a byte that Windows-1252 leaves free", "a.ris", ris("A\x81B", "Second").encode("latin-1"), ["AB", "Second"]),
    ("line and paragraph separators", "a.ris", ris("A\u2028TY  - JOUR\x0bB", "Second"), ["A TY - JOUR B", "Second"]),
    ("packed", "a.ris.gz", gzip.compress(ris(*BOTH).encode()), BOTH),
    ("RIS called .txt", "a.txt", ris(*BOTH), BOTH),
    ("RIS called .nbib", "a.nbib", ris(*BOTH), BOTH),
    ("MEDLINE called .ris", "a.ris", nbib(1, BOTH[0]) + nbib(2, BOTH[1]), BOTH),
    ("MEDLINE with CRLF and a mark", "a.nbib", "\ufeff" + (nbib(1, BOTH[0]) + nbib(2, BOTH[1])).replace("\n", "\r\n"), BOTH),
    ("MEDLINE without blank lines", "a.nbib", (nbib(1, BOTH[0]) + nbib(2, BOTH[1])).replace("\n\n", "\n"), BOTH),
    ("MEDLINE with a blank line in a record", "a.nbib", nbib(1, BOTH[0]).replace("TI ", "\nTI ") + nbib(2, BOTH[1]), BOTH),
    ("MEDLINE without PMIDs", "a.nbib", "".join(nbib(1, t).split("\n", 1)[1] for t in BOTH), BOTH),
    ("a wrapped line like a tag", "a.nbib", nbib(1, "First\n      AU - MD9") + nbib(2, BOTH[1]), ["First AU - MD9", BOTH[1]]),
    ("semicolons", "a.csv", "Title;Year\nFirst trial;2003\nSecond trial;2004\n", BOTH),
    ("tabs in a .csv", "a.csv", "Title\tYear\nFirst trial\t2003\nSecond trial\t2004\n", BOTH),
    ("bars", "a.csv", "Title|Year\nFirst trial|2003\nSecond trial|2004\n", BOTH),
    ("Excel's hint", "a.csv", "sep=;\nTitle;Year\nFirst trial;2003\nSecond trial;2004\n", BOTH),
    ("a mark and CRLF", "a.csv", "\ufefftitle,year\r\nFirst trial,2003\r\nSecond trial,2004\r\n", BOTH),
    ("quoted line ends", "a.csv", 'title,abstract\n"First\ntrial","a\r\nb"\nSecond trial,c\n', BOTH),
    ("doubled quotes", "a.csv", 'title,abstract\n"A ""new"" trial",x\nSecond trial,c\n', ['A "new" trial', BOTH[1]]),
    ("UTF-16 as Excel's Unicode text", "a.csv", "title\tyear\nÜnité\t2003\n".encode("utf-16"), ["Ünité"]),
    ("empty rows and columns at the end", "a.csv", "title,year,,\nFirst trial,2003,,\n,,,\nSecond trial,,,\n", BOTH),
    ("a key twice", "a.bib", "@article{a, title={First trial}}\n@article{a, title={Second trial}}\n", BOTH),
    ("two entries on a line", "a.bib", "@article{a, title={First trial}} @misc{b, title={Second trial}}\n", BOTH),
    ("entries set in", "a.bib", "  @article{a, title={First trial}}\n\t@ misc{b, title={Second trial}}\n", BOTH),
    ("a field twice", "a.bib", "@article{a, title={First trial}, note={x}, note={y}}\n@misc{b,title={Second trial}}\n", BOTH),
    ("comments and strings", "a.bib", '% x\n@comment{y}\n@string{j = "J"}\n@article{a, title="First trial", journal=j}\n', BOTH[:1]),
]  # fmt: skip

# Files in which records could be lost: they are refused, and the sentence says what was found.
REFUSED: list[tuple[str, str, str | bytes, str]] = [
    ("no records", "a.ris", "Search history: none\n", "no records"),
    ("nothing", "a.nbib", "", "no records"),
    ("a begin that is no line of its own", "a.ris", ris(BOTH[0]) + "* TY  - JOUR\nTI  - Second\nER  - \n", "2 references begin"),
    ("two citations run together", "a.nbib", "TI  - One\nAB  - x\nTI  - Two\nAB  - y\n", "twice"),
    ("a row too long", "a.csv", "title,year\nFirst,trial,2003\n", "line 2"),
    ("a quote that never closes", "a.csv", 'title,year\n"First,2003\nSecond,2004\n', "line 2"),
    ("no header", "a.csv", "First trial,2003\nSecond trial,2004\n", "none of the columns"),
    ("a header only", "a.csv", "title,year\n", "no records"),
    ("a brace that never closes", "a.bib", "@article{a, title={First}\n@article{b, title={Second}}\n", "line 1"),
    ("an entry that ends early", "a.bib", "@article{a, title={First}}\n@article{b, title={Second\n", "line 2"),
    ("Web of Science's own text", "a.txt", "FN Clarivate Analytics Web of Science\nPT J\nTI First\nER\n", "Web of Science"),
    ("a plain text", "a.txt", "Some words.\n", "neither RIS nor MEDLINE"),
    ("broken UTF-16", "a.ris", b"\xff\xfeT\x00Y\x00\x00\xd8 \x00", "UTF-16"),
    ("a cut gzip", "a.ris.gz", gzip.compress(ris(*BOTH).encode())[:-12], "truncated"),
    ("a broken line of JSON", "a.jsonl", '{"title": "First"}\n{"title": \n', "line 2"),
    ("XML that is cut", "a.xml", "<xml><records><record><titles><title>First</title></titles></record>", "well-formed"),
    ("XML of another kind", "a.xml", "<html><body>Sign in</body></html>", "html"),
    ("an entity", "a.xml", '<!DOCTYPE xml [<!ENTITY a "b">]><xml><records><record/></records></xml>', "entities"),
    ("no workbook", "a.xlsx", b"not a zip", "no workbook"),
]  # fmt: skip


def read(folder: Path, name: str, content: str | bytes) -> Reading:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(folder / name)


def one(folder: Path, content: str | bytes, name: str = "a.ris") -> Any:
    (record,) = read(folder, name, content).records
    return record


@pytest.mark.parametrize(("name", "content", "titles"), [each[1:] for each in READ], ids=[each[0] for each in READ])
def test_every_record_of_a_damaged_file_is_read(
    tmp_path: Path, name: str, content: str | bytes, titles: list[str]
) -> None:
    reading = read(tmp_path, name, content)
    assert [record["title"] for record in reading.records] == titles
    assert reading.counts["starts"] == reading.counts["records"] == len(titles)
    assert len({record["id"] for record in reading.records}) == len(titles)


@pytest.mark.parametrize(
    ("name", "content", "sentence"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
def test_a_file_that_could_lose_a_record_is_refused(
    tmp_path: Path, name: str, content: str | bytes, sentence: str
) -> None:
    with pytest.raises(RefusedFileError, match=sentence) as caught:
        read(tmp_path, name, content)
    assert caught.value.where == name


# ---------------------------------------------------------------- fields


def test_both_names_of_a_field_are_merged_and_a_field_given_twice_is_kept(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        "TY  - JOUR\nT1  - Long title\nTI  - Title\nN2  - Part one.\nAB  - Part two.\nAB  - Part one.\nY1  - 2003/05/07/\n"
        "A1  - Doe, J.\nAU  - Roe, R.\nAU  - Doe, J.\nKW  - rest\nKW  - sleep; calm\nSP  - 12\nEP  - 19\nC1  - x\nC1  - y\nER  - \n",
    )
    assert (record["title"], record["extra"]["other_titles"]) == ("Title", ["Long title"])
    assert record["abstract"] == "Part two. Part one."
    assert (record["year"], record["extra"]["published"]) == (2003, "2003/05/07")
    assert record["authors"] == ["Roe, R.", "Doe, J."]
    assert record["keywords"] == ["rest", "sleep", "calm"]
    assert (record["pages"], record["extra"]["C1"]) == ("12-19", ["x", "y"])


def test_a_wrapped_line_that_looks_like_a_tag_stays_in_the_abstract(tmp_path: Path) -> None:
    text = (
        "AB  - The risk was",
        "RR  - 1.2 (95% CI)",
        "SE  - 0.2 in all, of",
        "ER  - positive tumours and",
        "TY  - 2 diabetes.",
    )
    record = one(tmp_path, "\n".join(("TY  - JOUR", "TI  - T", *text, "PY  - 2001", "ER  - ", "")))
    assert record["abstract"] == (
        "The risk was RR - 1.2 (95% CI) SE - 0.2 in all, of ER - positive tumours and TY - 2 diabetes."
    )
    assert record["year"] == 2001


DIALECTS = [
    ("Embase", "DB  - Embase\nU2  - L630000001\nC5  - 99000001\n"),
    ("Embase without a name", "ID  - L630000001\nU2  - L630000001\nC5  - 99000001\n"),
    ("Scopus", "DB  - Scopus\nC2  - 99000001\nN1  - Export Date: 1 May 2020\n"),
    ("Cochrane", "AN  - CN-01234567\nC3  - EMBASE 630000001,PUBMED 99000001\n"),
    ("Cochrane, another form", "AN  - CN-01234567\nXR  - PUBMED 99000001\nUS  - https://example.org\n"),
    ("Ovid", "DB  - Ovid MEDLINE(R)\nAN  - 99000001\n"),
    ("EndNote", "AN  - 99000001\nDP  - NLM PubMed\n"),
    ("any", "AN  - PMID:99000001\n"),
    ("a link", "UR  - https://pubmed.ncbi.nlm.nih.gov/99000001/\n"),
]


@pytest.mark.parametrize("tags", [each[1] for each in DIALECTS], ids=[each[0] for each in DIALECTS])
def test_the_pmid_is_found_where_each_database_puts_it(tmp_path: Path, tags: str) -> None:
    record = one(tmp_path, f"TY  - JOUR\nT1  - T\nN2  - It was tried.\n{tags}ER  - \n")
    assert (record["pmid"], record["abstract"]) == ("99000001", "It was tried.")


def test_a_number_of_another_database_is_no_pmid(tmp_path: Path) -> None:
    record = one(tmp_path, "TY  - JOUR\nTI  - T\nAN  - 630000001\nC2  - 99000001\nDB  - CINAHL\nER  - \n")
    assert (record["pmid"], record["extra"]["accession"], record["extra"]["C2"]) == ("", "630000001", "99000001")


def test_labels_of_asreview_are_read_and_other_notes_stay(tmp_path: Path) -> None:
    marks = ("ASReview_relevant", "ASReview_irrelevant", "ASReview_not_seen", "A note")
    text = "".join(f"TY  - JOUR\nTI  - {mark}\nN1  - {mark}\nN1  - Kept\nER  - \n" for mark in marks)
    reading = read(tmp_path, "a.ris", text)
    assert [record["label"] for record in reading.records] == [1, 0, None, None]
    assert [record["extra"]["notes"] for record in reading.records] == ["Kept", "Kept", "Kept", ["A note", "Kept"]]
    assert (reading.counts["labelled"], reading.counts["included"]) == (2, 1)


def test_labels_of_tables_are_read_in_every_spelling(tmp_path: Path) -> None:
    given = ("1", "0", "", "Included", "excluded", "1.0", "-1", "maybe")
    text = "title,label_included\n" + "".join(f"T{place},{label}\n" for place, label in enumerate(given))
    records = read(tmp_path, "a.csv", text).records
    assert [record["label"] for record in records] == [1, 0, None, 1, 0, 1, None, None]
    assert records[7]["extra"] == {"label": "maybe"}


COLUMNS = [
    "PMID,Title,Authors,Journal/Book,Publication Year,DOI\n99000001,T,\"Doe J, Roe AB.\",Lancet,2003,10.5555/a\n",
    "Authors,Title,Year,Source title,DOI,PubMed ID\n\"Doe J.; Roe A.B.\",T,2003,Lancet,10.5555/A,99000001\n",
    "Article Title;Author Full Names;Source Title;Publication Year;DOI;Pubmed Id\nT;\"Doe J; Roe A\";Lancet;2003.0;https://doi.org/10.5555/a;99000001.0\n",
    "Key,Title,Author,Publication Title,Publication Year,DOI,pmid\nX,T,Doe J; Roe A,Lancet,2003,doi:10.5555/a,PMID: 99000001\n",
    "primary_title,first_authors,secondary_title,publication_year,doi,pubmed_id\nT,Doe J;Roe A,Lancet,2003,10.5555/a,0099000001\n",
]  # fmt: skip


@pytest.mark.parametrize("text", COLUMNS, ids=["PubMed", "Scopus", "Web of Science", "Zotero", "ASReview"])
def test_columns_of_each_database_and_tool_are_understood(tmp_path: Path, text: str) -> None:
    record = one(tmp_path, text, "a.csv")
    assert (record["title"], record["pmid"], record["doi"], record["year"]) == ("T", "99000001", "10.5555/a", 2003)
    assert (record["journal"], len(record["authors"])) == ("Lancet", 2)


def test_two_columns_of_one_name_and_one_without_are_kept(tmp_path: Path) -> None:
    record = one(tmp_path, "title,note,note,\nT,a,b,c\n", "a.csv")
    assert record["extra"] == {"note": "a", "note (3)": "b", "column 4": "c"}


def test_a_medline_citation_is_read_whole(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        "PMID- 99000001\nTI  - A trial of rest\n      in bed.\nLID - 10.5555/ABC [doi]\nLID - S1 [pii]\nFAU - Doe, Jane\n"
        "AU  - Doe J\nCN  - Rest Group\nPT  - Randomized Controlled Trial\nMH  - *Rest/adverse effects\nOT  - *calm\nXX  - kept\n",
        "a.nbib",
    )
    assert (record["title"], record["doi"]) == ("A trial of rest in bed.", "10.5555/abc")
    assert record["authors"] == ["Doe J", "Rest Group"]
    assert (record["mesh"], record["keywords"]) == (["*Rest/adverse effects"], ["calm"])
    assert (record["extra"]["XX"], record["extra"]["FAU"]) == ("kept", "Doe, Jane")


def test_latex_is_read_as_the_letters_it_stands_for(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        r"""@inproceedings{k, title = {{\"U}ber {DNA} \& $\alpha$--blockers: 5\% or 5% of \$3, $4 and 'so'},
        author = "M{\"u}ller, J. and {WHO and others} and Doe, Jane", booktitle = {Proc.}, pages = {1--9},
        keywords = {a, b}, doi = {10.5555/x\_y}, year = 2003, note = {kept}}""",
        "a.bib",
    )
    assert record["title"] == "Über DNA & α–blockers: 5% or 5% of $3, $4 and 'so'"
    assert record["authors"] == ["Müller, J.", "WHO and others", "Doe, Jane"]
    assert (record["journal"], record["pages"], record["doi"]) == ("Proc.", "1-9", "10.5555/x_y")
    assert (record["keywords"], record["extra"]["note"]) == (["a", "b"], "kept")


ENDNOTE = """<?xml version="1.0" encoding="UTF-8"?><xml><records><record><ref-type name="Journal Article">17</ref-type>
<contributors><authors><author><style face="normal">Doe, J.</style></author></authors></contributors>
<titles><title><style>A trial of </style><style face="italic">rest</style></title><secondary-title>Lancet</secondary-title></titles>
<pages>1-9</pages><volume>3</volume><number>2</number><dates><year><style>2003</style></year></dates>
<abstract><style>It helped &amp; how.</style></abstract><electronic-resource-num>10.5555/A</electronic-resource-num>
<accession-num>99000001</accession-num><remote-database-provider>NLM</remote-database-provider></record>
<record><titles><title>Second trial</title></titles></record></records></xml>"""


def test_endnote_xml_is_read_through_its_styles(tmp_path: Path) -> None:
    first, second = read(tmp_path, "a.xml", ENDNOTE).records
    assert (first["title"], first["journal"], first["year"]) == ("A trial of rest", "Lancet", 2003)
    assert (first["pmid"], first["doi"], first["abstract"]) == ("99000001", "10.5555/a", "It helped & how.")
    assert (first["authors"], second["title"]) == (["Doe, J."], "Second trial")


PUBMED = """<?xml version="1.0"?><PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">99000001</PMID><Article>
<Journal><JournalIssue><Volume>3</Volume><PubDate><Year>2003</Year></PubDate></JournalIssue><Title>Lancet</Title></Journal>
<ArticleTitle>A trial of rest</ArticleTitle><Pagination><MedlinePgn>1-9</MedlinePgn></Pagination>
<Abstract><AbstractText>It helped.</AbstractText></Abstract><Language>eng</Language>
<PublicationTypeList><PublicationType UI="D016449">Randomized Controlled Trial</PublicationType></PublicationTypeList></Article>
<MeshHeadingList><MeshHeading><DescriptorName UI="D012146" MajorTopicYN="Y">Rest</DescriptorName></MeshHeading></MeshHeadingList>
</MedlineCitation></PubmedArticle></PubmedArticleSet>"""


def test_pubmed_xml_is_told_from_endnotes_by_its_root(tmp_path: Path) -> None:
    reading = read(tmp_path, "a.xml", PUBMED)
    (record,) = reading.records
    assert (reading.format, record["pmid"], record["year"], record["pages"]) == ("pubmed", "99000001", 2003, "1-9")
    assert (record["mesh"], record["publication_types"]) == (["*Rest"], ["Randomized Controlled Trial"])


def test_json_lines_keep_what_has_no_key(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        '{"title": "T", "label_included": 1, "mesh": [{"name": "Rest"}], "own": {"a": [1, null]}}\n',
        "a.jsonl",
    )
    assert (record["label"], record["mesh"], record["extra"]) == (1, ["Rest"], {"own": {"a": [1]}})


def test_ids_come_from_the_file_and_the_place_in_it(tmp_path: Path) -> None:
    first, again = read(tmp_path, "a.ris", ris(*BOTH)), read(tmp_path, "b.ris", ris(*BOTH))
    assert [each["id"] for each in first.records] == [each["id"] for each in again.records]
    other = read(tmp_path, "c.ris", ris(*BOTH, "Third trial"))
    assert not {each["id"] for each in first.records} & {each["id"] for each in other.records}


def test_an_id_brought_twice_names_one_record_only(tmp_path: Path) -> None:
    line = '{"id": "r0123456789abcdef", "title": "T"}\n'
    first, second = read(tmp_path, "a.jsonl", line * 2).records
    assert first["id"] == "r0123456789abcdef" == second["extra"]["id"] != second["id"]


def test_odd_encodings_and_records_without_type_are_told(tmp_path: Path) -> None:
    text = ris("Größe").encode("cp1252") + ris("Second").removeprefix("TY  - JOUR\n").encode()
    warnings = read(tmp_path, "a.ris", text).warnings
    assert any("Windows-1252" in each for each in warnings) and any("no type" in each for each in warnings)


@pytest.mark.parametrize("name", ["a.pdf", "a.xlsx.gz", "a"])
def test_another_suffix_is_bad_input(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError):
        read(tmp_path, name, "x")


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError):
        read_file(tmp_path / "none.ris")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ris(*BOTH), False),
        (ris(*BOTH).rstrip(), False),
        (ris(*BOTH, end=""), False),  # a program that ends no reference
        (ris(BOTH[0]) + ris(BOTH[1], end=""), True),
        (ris(*BOTH)[:-14], True),
    ],
)
def test_a_file_that_may_have_been_cut_off_says_so(tmp_path: Path, text: str, told: bool) -> None:
    found = read(tmp_path, "a.ris", text)
    assert len(found.records) == 2
    assert any("cut off" in each for each in found.warnings) is told
