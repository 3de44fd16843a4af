"""Strategies of many lines, the syntax they are in, and the real ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from consilience.errors import BadInputError
from consilience.indexes.boolean import pubmed, strategy
from consilience.indexes.boolean.syntax import to_pubmed


def written(text: str, syntax: str = "auto") -> list[tuple[str, str]]:
    return [(line.name, to_pubmed(line.node)) for line in strategy.read(text, syntax).lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asthma[tiab] AND zinc[mh]", "pubmed"),
        ("exp Asthma/\nwheez$.tw.\n1 or 2", "ovid"),
        ("asthma AND zinc", "pubmed"),
        ("(asthma and zinc).ti,ab.", "ovid"),
        ("does zinc help in asthma", "words"),
        ("#1 OR #2\nasthma[mh]", "pubmed"),
    ],
)
def test_the_syntax_shows(text: str, expected: str) -> None:
    assert strategy.detect(text) == expected


@pytest.mark.parametrize(
    "text",
    ["Does zinc [Zn] help?", "a 2:1 ratio", "#1 cause of death", "and/or", "mg/kg or g/l", "is it 5 adj?", "e.g. this",
     "patients given 5/6 doses (new)", "is DT/TU worth $5", 'What is a "zinc storm"?', "Is AND-1 needed for growth?",
     'zinc shortens what is called "the cold".', "Is the OR of death above 1?"],
)  # fmt: skip
def test_what_people_ask_is_words(text: str) -> None:
    assert strategy.detect_query(text) == "words" and strategy.of_query(text) is None


@pytest.mark.parametrize("text", ['"zinc storm"', '"zinc storm" colds', "zinc AND colds", "title:zinc", "zinc[ti]"])
def test_a_phrase_an_operator_and_a_field_are_boolean(text: str) -> None:
    assert strategy.detect_query(text) == "pubmed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("exp Asthma/", "ovid"), ("zinc adj3 colds", "ovid"), ("colds.ti,ab.", "ovid"), ("zinc[ti]", "pubmed")],
)
def test_a_search_box_takes_either_syntax(text: str, expected: str) -> None:
    asked = strategy.of_query(text)
    assert asked is not None and asked.syntax == expected


def test_a_strategy_of_numbered_lines() -> None:
    assert written("1. exp Asthma/\n2. zinc.tw.\n3. 1 and 2") == [
        ("1", '"Asthma"[mh]'), ("2", "zinc[tiab]"), ("3", "#1 AND #2"),
    ]  # fmt: skip
    assert written("#1 asthma[mh]\n#2 zinc[tw]\n#3 #1 AND #2") == [
        ("1", '"asthma"[mh]'), ("2", "zinc[tw]"), ("3", "#1 AND #2"),
    ]  # fmt: skip


def test_a_query_broken_over_lines_is_one_query() -> None:
    assert written("(aa[ti] OR\nbb[ti])\nAND\ncc[ti]") == [("1", "(aa[ti] OR bb[ti]) AND cc[ti]")]


def test_labelled_blocks_are_combined_at_the_end() -> None:
    text = """1 Population: who
1a
aa[ti] OR bb[ti]
1b
cc[ti]
2. Exclusion
dd[ti]
OR ee[ti]
Search combination
(1a OR 1b) NOT 2"""
    asked = strategy.read(text)
    assert [(line.name, to_pubmed(line.node)) for line in asked.lines] == [
        ("1a", "aa[ti] OR bb[ti]"), ("1b", "cc[ti]"), ("2", "dd[ti] OR ee[ti]"), ("last", "(#1a OR #1b) NOT #2"),
    ]  # fmt: skip
    assert to_pubmed(asked.whole()) == "(aa[ti] OR bb[ti] OR cc[ti]) NOT (dd[ti] OR ee[ti])"
    assert len(asked.warnings) == 2 and all("is read as a remark" in warning for warning in asked.warnings)


def test_errors_name_the_line() -> None:
    with pytest.raises(BadInputError) as caught:
        strategy.read("exp Asthma/\nzinc.tw.\n1 and 4")
    assert caught.value.where.startswith("line 3, column 7\n")


def test_lines_that_double_each_other_are_told_not_written_out() -> None:
    doubling = "aa.ti. or bb.ti.\n" + "\n".join(f"({n} and cc{n}.ti.) or ({n} not dd{n}.ti.)" for n in range(1, 40))
    asked = strategy.read(doubling, "ovid")
    told = strategy.told(asked)
    assert told.pubmed is None and "terms" in told.warnings[-1]
    chain = "aa.ti.\n" + "\n".join(f"bb.ti. not {n}" for n in range(1, 2_000))
    assert strategy.told(strategy.read(chain, "ovid")).pubmed is None


def test_what_pubmed_would_not_take_is_told() -> None:
    told = strategy.told(strategy.read("(tumo?r adj3 growth).ti,hw."))
    assert told.pubmed and len(told.warnings) == 3 and all("PubMed" in warning for warning in told.warnings)


@pytest.mark.real
def test_the_queries_of_127_reviews_are_read(data_dir: Path) -> None:
    """CLEF TAR: every one in PubMed's syntax, more than nine in ten of Ovid's, the others pointed at."""
    with gzip.open(data_dir / "screening" / "clef_tar_topics_qrels.jsonl.gz", "rt", encoding="utf-8") as lines:
        given = [json.loads(line)["query"] for line in lines]
    counts = {"pubmed": [0, 0], "ovid": [0, 0]}
    for text in given:
        count = counts[strategy.detect(text)]
        count[0] += 1
        try:
            asked = strategy.read(text)
        except BadInputError as error:
            place, excerpt, caret = error.where.split("\n")
            assert place.startswith("line ") and caret.strip() == "^" and excerpt.strip() and error.message
            continue
        count[1] += 1
        whole = asked.whole()
        assert pubmed.parse(to_pubmed(whole)).node == whole
    assert counts["pubmed"][0] == counts["pubmed"][1] == 15
    assert counts["ovid"][0] == 112 and counts["ovid"][1] >= 106
