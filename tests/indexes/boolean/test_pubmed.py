"""PubMed's syntax as it is read and written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience.errors import BadInputError
from consilience.indexes.boolean import pubmed, strategy
from consilience.indexes.boolean.syntax import (
    DEEPEST,
    LONGEST,
    All,
    And,
    Dates,
    Mesh,
    Near,
    Node,
    Not,
    Or,
    Term,
    Value,
    to_pubmed,
)
from tests.queries import queries


def read(text: str) -> Node:
    return pubmed.parse(text).node


def word(text: str, field: str = "all") -> Term:
    return Term((text,), field)


A, B, C = word("aa"), word("bb"), word("cc")


@settings(max_examples=300, deadline=None)
@given(queries)
def test_what_is_written_down_reads_back_the_same(node: Node) -> None:
    parsed = pubmed.parse(to_pubmed(node))
    assert parsed.node == node and parsed.warnings == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aa OR bb AND cc", And((Or((A, B)), C))),  # left to right, no operator before another
        ("aa AND bb OR cc", Or((And((A, B)), C))),
        ("aa NOT bb OR cc", Or((Not(A, B), C))),
        ("aa OR (bb AND cc)", Or((A, And((B, C))))),
        ("aa bb cc", And((A, B, C))),
        ("aa (bb OR cc)", And((A, Or((B, C))))),
        ("aa and bb or cc", Or((And((A, B)), C))),
        ("aa AND NOT bb", Not(A, B)),
        ('"aa bb"', Term(("aa", "bb"))),
        ("“aa bb”", Term(("aa", "bb"))),
        ("aa-bb", Term(("aa", "bb"))),
        ("aa bb[tiab]", Term(("aa", "bb"), "tiab")),  # PubMed looks a tagged run up as a phrase
        ("aa [Title/Abstract] OR BB[TI]", Or((word("aa", "tiab"), word("bb", "ti")))),
        ('"aa* bb"[tw]', Term(("aa*", "bb"), "tw")),
        ('"aa bb"[tiab:~3]', Term(("aa", "bb"), "tiab", 3)),
        ("TNF-α[ti]", Term(("tnf", "alpha"), "ti")),
        ("Asthma[mh]", Mesh("Asthma")),
        ('"Asthma/drug therapy"[MeSH Terms]', Mesh("Asthma", "drug therapy")),
        ("asthma/dt[majr:noexp]", Mesh("asthma", "drug therapy", explode=False, major=True)),
        ("Tomography, X-Ray Computed[Mesh:NoExp]", Mesh("Tomography, X-Ray Computed", explode=False)),
        ("us[sh]", Value("ultrasonography", "sh")),
        ("review[pt:noexp]", Value("review", "pt", broad=False)),
        ("Smith J[au]", Value("smith j", "au")),
        ('"Smith J"[au]', Value("smith j", "au", broad=False)),
        ("english[la]", Value("eng", "la")),
        ("2010:2015[dp]", Dates("dp", "2010", "2015")),
        ("2010/1/5[edat]", Dates("edat", "2010/01/05", "2010/01/05")),
        ('"2010/01/01"[PDAT] : "2015"[PDAT]', Dates("dp", "2010/01/01", "2015")),
        ("2010[dp]:2015[dp] AND aa", And((Dates("dp", "2010", "2015"), A))),
        ("1992/01/01:3000[crdt]", Dates("crdt", "1992/01/01", "3000")),
        ("all[sb]", All()),
        ("humans[filter]", Mesh("Humans", explode=False)),
        ("title:aa", word("aa", "ti")),
        ('aa title:"bb cc"', And((A, Term(("bb", "cc"), "ti")))),
        ("design:rct", Value("rct", "design")),
        ("aa near/2 bb", Near(A, B, 2)),
        ("\u0130stanbul re\u0301sume\u0301", And((word("istanbul"), word("r\u00e9sum\u00e9")))),
        ("(aa[ti] OR bb[ti]) NEAR/2 cc[ti]", Near(Or((word("aa", "ti"), word("bb", "ti"))), word("cc", "ti"), 2)),
    ],
)
def test_a_query_says(text: str, expected: Node) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected", "passed_over"),
    [
        ("aa) AND bb", And((A, B)), "a ) that closes nothing"),
        ("(aa AND (bb", And((A, B)), "a ( that nothing closes"),
        ('aa"[ti] AND bb', And((word("aa", "ti"), B)), 'a stray "'),
        ("(aa OR bb)* AND cc", And((Or((A, B)), C)), "'*'"),
        ("aa = bb", And((A, B)), "'='"),
        ("exp Asthma[mh]", Mesh("Asthma"), "exp before a heading"),
    ],
)
def test_what_pubmed_passes_over_is_passed_over_aloud(text: str, expected: Node, passed_over: str) -> None:
    parsed = pubmed.parse(text)
    assert parsed.node == expected
    assert any(passed_over in warning and "line 1, column" in warning for warning in parsed.warnings)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("aa AND", 7, "ends where a term is expected"),
        ("aa AND OR bb", 8, "OR stands where a term is expected"),
        ("aa[zz]", 3, "no field [zz]"),
        ("aa OR ()", 8, "a ) stands"),
        ("[ti]", 1, "follows no word"),
        ("(aa OR bb)[ti]", 11, "behind a group"),
        ("2010:201x[dp]", 1, "is no date"),
        ("2015:2010[dp]", 1, "no range of dates"),
        ("aa OR 2010/13[dp]", 7, "no range of dates"),
        ("aa AND (bb AND cc[ti]) NEAR/2 dd[ti]", 24, "beside NEAR/2"),
        ("#3 AND aa", 1, "no earlier line #3"),
        ("aa AND nosuch:bb", 8, "no field 'nosuch'"),
        ("medline[sb]", 1, "is not kept here"),
        ("aa AND hasabstract", 8, "is not kept here"),
        ("aa AND b" + "?" * 11, 8, "more than 10 wildcards"),
        ("...", 1, "no word stands"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text: str, column: int, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read(text)
    assert message in caught.value.message
    place, excerpt, caret = caught.value.where.split("\n")
    assert place == f"line 1, column {column}"
    assert caret.index("^") - 2 == min(column - 1, 40) and excerpt.strip() in text


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000 + "aa" + ")" * 10_000, "(" * 10_000, "aa NOT " * 10_000 + "aa", "aa AND bb OR " * 5_000 + "cc",
     "a" * (LONGEST + 1), '"' * 100_001, ")" * 50_000, "aa NEAR/1 " * 5_000 + "bb", "[" * 100_000,
     "(" * 40 + "aa" + (" NOT bb" * 60 + ")") * 40, "#1 AND " * 9_000, "aa AND b\udcff"],
)  # fmt: skip
def test_hostile_queries_are_errors_not_crashes(text: str) -> None:
    with pytest.raises(BadInputError):
        strategy.read(text, "pubmed")


def test_long_and_flat_is_no_fault() -> None:
    node = read(" OR ".join(f"w{n}[ti]" for n in range(9_000)))
    assert isinstance(node, Or) and len(node.parts) == 9_000
    assert isinstance(read(f"{'(' * DEEPEST}aa{')' * DEEPEST}"), Term)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab ()"[]*:#/,.tiNOTANDR1', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        asked = strategy.read(text, "pubmed")
    except BadInputError:
        return
    whole = asked.whole()
    assert pubmed.parse(to_pubmed(whole)).node == whole
