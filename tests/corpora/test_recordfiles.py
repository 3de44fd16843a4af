"""Citations from reference managers, tables and JSON lines, with the traps of each."""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import rispy
from Bio import Medline

from consilience.corpora import recordfiles, textfiles
from consilience.errors import BadInputError, RefusedFileError
from consilience.records import Quarantined, Record


def split(found: Iterable[Record | Quarantined]) -> tuple[list[Record], list[Quarantined]]:
    everything = list(found)
    return (
        [item for item in everything if isinstance(item, Record)],
        [item for item in everything if isinstance(item, Quarantined)],
    )


def read(path: Path, text: str | bytes) -> tuple[list[Record], list[Quarantined]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return split(recordfiles.read(path))


def one(path: Path, text: str | bytes) -> Record:
    kept, aside = read(path, text)
    assert not aside, aside
    (record,) = kept
    return record


def jsonl(*values: object) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


# --- JSON lines


def from_json(tmp_path: Path, **values: Any) -> Record:
    return one(tmp_path / "a.jsonl", jsonl({"title": "A trial of rest", **values}))


def test_a_line_with_every_key_becomes_a_record(tmp_path: Path) -> None:
    record = from_json(
        tmp_path,
        pmid=12345,
        doi="https://doi.org/10.1000/ABC.",
        abstract=["AIM: To rest.", None, "  RESULTS:\u2009It\nhelped. "],
        year=2003,
        mesh=[{"name": "Rest", "ui": "D012146"}, "*Sleep/drug effects"],
        publication_types=["randomized controlled trial", {"name": "Own Kind", "ui": "X1"}, "D016454"],
        keywords=["calm", "bed; rest"],
        label_included=1,
    )
    assert (record.id, record.source, record.pmid, record.doi) == ("PMID:12345", "records", "12345", "10.1000/abc")
    assert record.fields == {"title": "A trial of rest", "abstract": "AIM: To rest. RESULTS: It helped."}
    assert record.published and (record.published.end, record.published.precision) == (date(2003, 12, 31), "year")
    assert [(m.name, m.ui, m.major, m.qualifiers) for m in record.mesh] == [
        ("Rest", "D012146", False, ()),
        ("Sleep", "", True, ("drug effects",)),
    ]
    assert [(t.name, t.ui) for t in record.publication_types] == [
        ("randomized controlled trial", "D016449"),
        ("Own Kind", "X1"),
        ("Review", "D016454"),
    ]
    assert record.keywords == ("calm", "bed; rest")
    assert record.extra == {"label_included": 1}


def test_null_values_are_as_good_as_absent_ones(tmp_path: Path) -> None:
    values = dict.fromkeys(("id", "pmid", "doi", "abstract", "published", "year", "mesh", "keywords", "other"))
    assert from_json(tmp_path, **values) == from_json(tmp_path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"id": "study-7", "pmid": 1}, "study-7"),
        ({"id": 7}, "7"),
        ({"pmid": "0012", "doi": "10.1000/x"}, "PMID:12"),
        ({"pmid": 12.0}, "PMID:12"),
        ({"pmid": "0", "doi": "doi:10.1000/X"}, "DOI:10.1000/x"),
    ],
)
def test_the_id_is_the_given_one_else_the_pmid_else_the_doi(
    tmp_path: Path, given: dict[str, Any], expected: str
) -> None:
    assert from_json(tmp_path, **given).id == expected


def test_a_record_without_identifiers_is_named_by_its_text(tmp_path: Path) -> None:
    first, again = from_json(tmp_path, abstract="It helped."), from_json(tmp_path, abstract=" It  helped.", year=1)
    other = from_json(tmp_path, abstract="It did not help.")
    assert first.id == again.id != other.id
    assert first.id.startswith("REC:") and len(first.id) == len("REC:") + 16


def test_an_id_that_is_a_pmid_tells_the_pmid(tmp_path: Path) -> None:
    assert from_json(tmp_path, id="PMID:77").pmid == "77"


@pytest.mark.parametrize(
    "fault",
    [
        {"title": "", "abstract": None},
        {"pmid": "12a"},
        {"pmid": True},
        {"pmid": [1]},
        {"id": "PMID:1", "pmid": 2},
        {"id": "a\u202eb"},
        {"abstract": {"text": "no"}},
        {"mesh": [{"ui": "D1"}]},
        {"publication_types": [{}]},
    ],
)
def test_an_unusable_record_is_set_aside_and_the_rest_is_read(tmp_path: Path, fault: dict[str, Any]) -> None:
    kept, aside = read(tmp_path / "a.jsonl", jsonl({"title": "Good"}, {"title": "Bad", **fault}, {"title": "Better"}))
    assert [record.fields["title"] for record in kept] == ["Good", "Better"]
    assert [item.position for item in aside] == [2]
    assert aside[0].reason and aside[0].raw.startswith("{")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '"text"',
        '{"title": NaN}',
        '{"title": "\\ud800"}',
        '{"title": ' + "[" * 100_000,
        '{"title": "A", "x": ' + "[" * 60 + "]" * 60 + "}",
        '{"year": ' + "9" * 5000 + "}",
    ],
)
def test_a_bad_line_inside_a_good_file_is_quarantined_with_its_beginning(tmp_path: Path, line: str) -> None:
    kept, aside = read(tmp_path / "a.jsonl", '\n{"title": "Good"}\n' + line + "\n")
    assert len(kept) == 1
    assert [(item.position, item.raw) for item in aside] == [(3, line[:2000])]


def test_published_wins_over_the_year(tmp_path: Path) -> None:
    when = from_json(tmp_path, published="2004-04", year=2003).published
    assert when and (when.start, when.end, when.raw) == (date(2004, 4, 1), date(2004, 4, 30), "2004-04")


@pytest.mark.parametrize("bad", [{"published": "soon", "year": 2003}, {"year": 20003}, {"published": ["2003"]}])
def test_a_date_that_cannot_be_read_leaves_a_warning_and_no_event(tmp_path: Path, bad: dict[str, Any]) -> None:
    record = from_json(tmp_path, **bad)
    assert record.events == ()
    assert len(record.extra["date_warnings"]) == 1


def test_a_doi_that_is_none_is_kept_as_it_was_given(tmp_path: Path) -> None:
    record = from_json(tmp_path, doi="see journal")
    assert record.doi == "" and record.extra == {"doi_raw": "see journal"}


def test_a_packed_file_reads_as_the_plain_one(tmp_path: Path) -> None:
    text = jsonl(*({"pmid": n, "title": f"Trial {n}"} for n in range(1, 50)))
    assert read(tmp_path / "a.jsonl.gz", gzip.compress(text.encode())) == read(tmp_path / "a.jsonl", text)


# --- files that are refused whole


def packed(size: int = 200) -> bytes:
    return gzip.compress(jsonl(*({"pmid": n, "title": f"Trial {n * n}"} for n in range(1, size))).encode())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl.gz", packed()[:-40]),
        ("a.jsonl.gz", packed()[:60] + b"\xff\xff\xff\xff" + packed()[64:]),
        ("a.jsonl.gz", packed()[:-8] + b"\0" * 8),
        ("a.jsonl.gz", b'{"title": "not packed"}\n'),
        ("a.jsonl.gz", packed() + b"trailing"),
        ("a.jsonl", b'{"title": "caf\xe9"}\n'),
        ("a.jsonl", b'[{"title": "A"}]\n{"title": "B"}\n'),
        ("a.jsonl", b"not json\n"),
        ("a.jsonl", b""),
        ("a.jsonl", b"\n \n"),
        ("a.csv", b""),
        ("a.csv", b"title,abstract\n"),
        ("a.csv", b"name,age\nAnn,7\n"),
        ("a.csv", b'"title,abstract\n'),
        ("a.ris", b"no reference here\n"),
        ("a.nbib", b"<html><body>Sign in</body></html>\n"),
        ("a.nbib", "PMID- 1\nTI  - A\n".encode("utf-16")),
    ],
)
def test_a_file_that_is_not_what_it_claims_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RefusedFileError) as refused:
        list(recordfiles.read(tmp_path / name))
    assert refused.value.where == name


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"title": "' + b"a" * textfiles.MAX_LINE)
    with pytest.raises(RefusedFileError, match="longer than"):
        list(recordfiles.read(tmp_path / "a.jsonl"))


def test_a_file_that_unpacks_without_measure_is_refused_early(tmp_path: Path) -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = (b'{"title": "A"}' + b" " * (1 << 20) + b"\n") * 2
    bomb = b"".join(squeeze.compress(block) for _ in range(40)) + squeeze.flush()
    (tmp_path / "a.jsonl.gz").write_bytes(bomb)
    seen = 0
    with pytest.raises(RefusedFileError, match="unpacks to far more"):
        for _ in recordfiles.read(tmp_path / "a.jsonl.gz"):
            seen += 1
    assert seen < 80


@pytest.mark.parametrize("name", ["a.pdf", "a.xml", "a.json", "jsonl"])
def test_an_unknown_suffix_is_bad_input_before_anything_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="suffix"):
        recordfiles.read(tmp_path / name)


def test_a_missing_file_is_bad_input_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no file"):
        recordfiles.read(tmp_path / "a.csv")


# --- tables


def test_columns_are_found_in_any_case_and_by_their_synonyms(tmp_path: Path) -> None:
    text = (
        "\ufeffPMID,Primary_Title,NOTES_ABSTRACT,Publication_Year,Keywords,Mesh,Publication_Types,Label_Included\r\n"
        '7,"Rest, in bed","It\r\nhelped.",2003.0,calm; bed,*Rest;Sleep,Review; Letter,1\r\n'
    )
    record = one(tmp_path / "a.csv", text)
    assert record.id == "PMID:7"
    assert record.fields == {"title": "Rest, in bed", "abstract": "It helped."}
    assert record.published and record.published.start == date(2003, 1, 1)
    assert record.keywords == ("calm", "bed")
    assert [(m.name, m.major) for m in record.mesh] == [("Rest", True), ("Sleep", False)]
    assert [t.ui for t in record.publication_types] == ["D016454", "D016422"]
    assert record.extra == {"label_included": "1"}


def test_a_second_column_of_the_same_meaning_stays_beside_the_first(tmp_path: Path) -> None:
    record = one(tmp_path / "a.csv", "primary_title,title\nFrom T1,From TI\n")
    assert record.fields["title"] == "From TI" and record.extra == {"primary_title": "From T1"}


def test_an_empty_cell_leaves_its_place_to_the_synonym(tmp_path: Path) -> None:
    assert one(tmp_path / "a.csv", "title,primary_title\n,From T1\n").fields["title"] == "From T1"


@pytest.mark.parametrize(("name", "mark"), [("a.tsv", "\t"), ("a.csv", ","), ("a.csv", ";")])
def test_the_separator_follows_the_suffix_and_the_header(tmp_path: Path, name: str, mark: str) -> None:
    row = mark.join(("7", "One, two" if mark == "\t" else '"One, two"', "It helped."))
    record = one(tmp_path / name, mark.join(("pmid", "title", "abstract")) + f"\n{row}\n")
    assert (record.pmid, record.fields["title"], record.fields["abstract"]) == ("7", "One, two", "It helped.")


def test_a_row_longer_than_the_header_is_quarantined_at_its_line(tmp_path: Path) -> None:
    kept, aside = read(tmp_path / "a.csv", 'title,year\n"Two\nlines",2003\nA,2003,extra\nShort\nB,2004,\n')
    assert [record.fields["title"] for record in kept] == ["Two lines", "Short", "B"]
    assert [(item.position, item.raw) for item in aside] == [(4, "A,2003,extra\n")]


def test_a_quote_that_never_closes_is_reported_and_not_swallowed(tmp_path: Path) -> None:
    kept, aside = read(tmp_path / "a.csv", 'title,year\nGood,2003\n"Open,2003\nLost,2004\n')
    assert [record.fields["title"] for record in kept] == ["Good"]
    assert [item.position for item in aside] == [3]
    assert "Lost" in aside[0].raw


# --- RIS


def ris(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_a_reference_is_read_with_both_names_of_each_field(tmp_path: Path) -> None:
    text = ris(
        "TY  - JOUR",
        "T1  - Rest in bed",
        "A1  - Doe, J.",
        "AU  - Roe, R.",
        "N2  - It helped.",
        "Y1  - 2003/05/07/spring",
        "JF  - Journal of Rest",
        "KW  - calm",
        "KW  - bed; night",
        "DO  - https://doi.org/10.1000/REST",
        "DB  - PubMed",
        "AN  - 12345",
        "LA  - eng",
        "C2  - PMC99",
        "SP  - 12",
        "EP  - 15",
        "ER  - ",
    )
    record = one(tmp_path / "a.ris", text)
    assert (record.id, record.source, record.doi, record.pmcid) == ("PMID:12345", "records", "10.1000/rest", "PMC99")
    assert record.fields == {"title": "Rest in bed", "abstract": "It helped."}
    assert record.published and record.published.start == date(2003, 5, 7)
    assert record.keywords == ("calm", "bed", "night")
    assert (record.authors, record.journal) == (("Roe, R.", "Doe, J."), "Journal of Rest")
    assert record.extra["medline_pgn"] == "12-15"


def test_a_byte_order_mark_and_other_line_ends_hide_no_reference(tmp_path: Path) -> None:
    text = ris("TY  - JOUR", "TI  - One", "ER  -", "", "2.", "TY  - JOUR", "TI  - Two", "ER  - ")
    plain = read(tmp_path / "a.ris", text)
    assert [record.fields["title"] for record in plain[0]] == ["One", "Two"]
    for end in ("\r\n", "\r"):
        assert read(tmp_path / "a.ris", b"\xef\xbb\xbf" + text.replace("\n", end).encode()) == plain
    assert rispy.loads("\ufeff" + ris("TY  - JOUR", "TI  - One", "ER  - ")) == []  # the trap itself


def test_a_missing_end_loses_no_reference(tmp_path: Path) -> None:
    text = ris("TY  - JOUR", "TI  - One", "TY  - JOUR", "TI  - Two", "ER  - ", "TY  - BOOK", "TI  - Three")
    kept, aside = read(tmp_path / "a.ris", text)
    assert [record.fields["title"] for record in kept] == ["One", "Two", "Three"] and not aside
    assert len(rispy.loads(text)) < 3  # the trap itself


def test_fields_given_twice_are_merged_and_nothing_is_dropped(tmp_path: Path) -> None:
    text = ris(
        "TY  - JOUR", "T1  - The other title", "TI  - The title", "TI  - The title", "AB  - It helped.",
        "AB  - A lot.", "N2  - It helped.", "PY  - 2003", "Y1  - 2003/05//", "ER  - ",
    )  # fmt: skip
    record = one(tmp_path / "a.ris", text)
    assert record.fields == {"title": "The title", "abstract": "It helped. A lot."}
    assert record.extra["other_titles"] == ["The other title"]
    assert record.published and record.published.end == date(2003, 5, 31)


def test_a_wrapped_line_that_looks_like_a_tag_stays_in_the_abstract(tmp_path: Path) -> None:
    text = ris("TY  - JOUR", "TI  - A", "AB  - The pooled", "RR  - 1.2 (95% CI 1.1-1.3)", "", "was raised.", "ER  - ")
    assert one(tmp_path / "a.ris", text).fields["abstract"] == "The pooled RR - 1.2 (95% CI 1.1-1.3) was raised."


def test_a_reference_without_its_beginning_and_words_like_an_end_lose_nothing(tmp_path: Path) -> None:
    text = (
        "TY  - JOUR\nTI  - First\nAB  - Tumours were\nER  - positive, and\nTY  - 2 diabetes was rare.\nER  - \n"
        "TI  - Second\nPY  - 2003\nER  - \n2.\nTY - JOUR\nTI - Third\nER -\n"
    )
    kept, aside = read(tmp_path / "a.ris", text)
    assert [record.fields["title"] for record in kept] == ["First", "Second", "Third"] and not aside
    assert kept[0].fields["abstract"] == "Tumours were ER - positive, and TY - 2 diabetes was rare."


def test_keywords_on_lines_of_their_own_stay_apart(tmp_path: Path) -> None:
    text = ris("TY  - JOUR", "TI  - A", "KW  - calm", "deep sleep", "bed", "ER  - ")
    assert one(tmp_path / "a.ris", text).keywords == ("calm", "deep sleep", "bed")


@pytest.mark.parametrize(
    ("lines", "pmid"),
    [
        (("AN  - 123", "DB  - Embase"), ""),
        (("AN  - PMID: 123",), "123"),
        (("AN  - WOS:000123",), ""),
        (("DB  - MEDLINE", "AN  - 123"), "123"),
        (("PM  - 123",), "123"),
        (("UR  - https://pubmed.ncbi.nlm.nih.gov/123/",), "123"),
    ],
)
def test_a_pmid_is_taken_only_where_it_is_one(tmp_path: Path, lines: tuple[str, ...], pmid: str) -> None:
    assert one(tmp_path / "a.ris", ris("TY  - JOUR", "TI  - A", *lines, "ER  - ")).pmid == pmid


def test_a_date_of_another_year_is_not_the_day_of_publication(tmp_path: Path) -> None:
    when = one(tmp_path / "a.ris", ris("TY  - JOUR", "TI  - A", "DA  - 2020/01/05", "PY  - 2003", "ER  - ")).published
    assert when and (when.start, when.end) == (date(2003, 1, 1), date(2003, 12, 31))


def test_every_start_gives_a_record_or_a_reason(tmp_path: Path) -> None:
    kept, aside = read(tmp_path / "a.ris", ris("TY  - JOUR", "ER  - ", "TY  - JOUR", "TY  - JOUR", "TI  - A", "ER  - "))
    assert len(kept) == 1
    assert [item.position for item in aside] == [1, 3]


# --- MEDLINE text

NBIB = """\
PMID- 101
OWN - NLM
STAT- MEDLINE
DP  - 2000 Nov-Dec
TI  - Rest in bed and its
      consequences.
PG  - 1-9
LID - S1234-5678(00)00001-2 [pii]
LID - 10.1000/rest.101 [doi]
AB  - BACKGROUND: We asked with
      AU  - MD9 as control.

      RESULTS: It helped.
CI  - Copyright (c) 2000 Nobody.
FAU - Doe, Jane
AU  - Doe J
CN  - Rest Group
LA  - eng
SI  - ClinicalTrials.gov/NCT01234567
PT  - Journal Article
PT  - Retracted Publication
DEP - 20001003
JT  - Journal of rest
RN  - 50-78-2 (Aspirin)
MH  - Bed Rest/*adverse effects/
      statistics & numerical data
MH  - Humans
OT  - *calm
PMC - PMC99
LR  - 20110102
RIN - J Rest. 2003 Mar 3;357(9257):721. doi:
      10.1000/notice. PMID: 303
EDAT- 2000/12/01 00:00
PHST- 2000/09/01 00:00 [received]
PHST- 2000/10/02 00:00 [aheadofprint]
"""


def test_a_medline_citation_is_read_whole(tmp_path: Path) -> None:
    record = one(tmp_path / "a.nbib", NBIB)
    assert (record.id, record.source, record.doi, record.pmcid) == ("PMID:101", "nbib", "10.1000/rest.101", "PMC99")
    assert record.fields == {
        "title": "Rest in bed and its consequences.",
        "abstract": "BACKGROUND: We asked with AU - MD9 as control. RESULTS: It helped.",
    }
    assert record.authors == ("Doe J", "Rest Group")
    assert [(e.kind, e.when.start, e.when.end) for e in record.events] == [
        ("ppub", date(2000, 11, 1), date(2000, 12, 31)),
        ("electronic", date(2000, 10, 3), date(2000, 10, 3)),
        ("aheadofprint", date(2000, 10, 2), date(2000, 10, 2)),
    ]
    assert record.published and record.published.end == date(2000, 10, 2)
    assert record.revised == date(2011, 1, 2)
    assert [t.ui for t in record.publication_types] == ["D016428", "D016441"]
    assert [(m.name, m.major, m.qualifiers) for m in record.mesh] == [
        ("Bed Rest", True, ("adverse effects", "statistics & numerical data")),
        ("Humans", False, ()),
    ]
    assert [(c.name, c.registry) for c in record.chemicals] == [("Aspirin", "50-78-2")]
    assert [(c.kind, c.pmid) for c in record.corrections] == [("RetractionIn", "303")]
    assert record.corrections[0].source == "J Rest. 2003 Mar 3;357(9257):721. doi: 10.1000/notice."
    assert (record.registry_ids, record.keywords) == (("NCT01234567",), ("calm",))
    assert record.license == "Copyright (c) 2000 Nobody."


def test_the_doi_stands_where_the_library_alone_joins_two_fields() -> None:
    joined = Medline.read(NBIB.split("AB  -")[0].splitlines())["LID"]  # type: ignore[no-untyped-call]
    assert joined == "S1234-5678(00)00001-2 [pii] 10.1000/rest.101 [doi]"  # the trap itself


@pytest.mark.parametrize("between", ["\n", "", "\n\n\n"])
def test_citations_are_told_apart_with_and_without_blank_lines(tmp_path: Path, between: str) -> None:
    text = between.join((NBIB, NBIB.replace("- 101", "- 102"), NBIB.replace("- 101", "- 103")))
    kept, aside = read(tmp_path / "a.txt", text)
    assert [record.pmid for record in kept] == ["101", "102", "103"] and not aside
    assert len({record.fields["abstract"] for record in kept}) == 1


def test_citations_without_pmid_are_not_merged(tmp_path: Path) -> None:
    kept, _ = read(tmp_path / "a.nbib", "TI  - One\nDP  - 2001\n\nTI  - Two\nDP  - 2002\n")
    assert [record.fields["title"] for record in kept] == ["One", "Two"]


def test_a_citation_without_publication_date_counts_from_its_entry(tmp_path: Path) -> None:
    text = "".join(line for line in NBIB.splitlines(keepends=True) if not line.startswith(("DP", "DEP", "PHST")))
    assert [(e.kind, e.when.start) for e in one(tmp_path / "a.nbib", text).events] == [("entrez", date(2000, 12, 1))]


def test_a_citation_without_text_is_set_aside(tmp_path: Path) -> None:
    kept, aside = read(tmp_path / "a.nbib", "PMID- 1\nOWN - NLM\n\nPMID- 2\nTI  - Two\n")
    assert [record.pmid for record in kept] == ["2"]
    assert [(item.position, item.raw) for item in aside] == [(1, "PMID- 1\nOWN - NLM")]


# --- the development data


@pytest.mark.real
def test_the_whole_corpus_is_read_with_its_years(data_dir: Path) -> None:
    kept, aside = split(recordfiles.read(data_dir / "corpus" / "abstracts.jsonl.gz"))
    assert (len(kept), len(aside)) == (27_805, 0)
    assert all(record.id == f"PMID:{record.pmid}" for record in kept)
    assert sum(record.published is not None for record in kept) == 21_649


@pytest.mark.real
def test_the_drug_reviews_are_read_with_their_labels(data_dir: Path) -> None:
    kept, aside = split(recordfiles.read(data_dir / "screening" / "cohen2006.jsonl.gz"))
    assert (len(kept), len(aside)) == (8_382, 0)
    assert {record.extra["label_included"] for record in kept} == {0, 1}


@pytest.mark.real
def test_medline_text_of_another_project_is_read_as_its_library_reads_it(data_dir: Path, tmp_path: Path) -> None:
    with tarfile.open(data_dir / "pubmed_xml" / "biopython_entrez_medline_tests.tar.gz") as archive:
        files = {Path(m.name).stem: archive.extractfile(m) for m in archive if m.name.endswith(".txt")}
        texts = {name: stream.read().decode() for name, stream in files.items() if stream}
    assert len(texts) == 3
    for name, text in texts.items():
        kept, aside = read(tmp_path / f"{name}.nbib", text)
        theirs = [item for item in Medline.parse(text.splitlines(keepends=True)) if item]  # type: ignore[no-untyped-call]
        assert not aside
        assert [(r.pmid, r.fields["title"]) for r in kept] == [(t["PMID"], t["TI"]) for t in theirs]
        assert [r.fields.get("abstract", "") for r in kept] == [" ".join(t.get("AB", "").split()) for t in theirs]
        assert all(record.published for record in kept)
