"""Ovid's syntax, translated."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience.errors import BadInputError
from consilience.indexes.boolean import ovid, strategy
from consilience.indexes.boolean.syntax import Near, Node, Not, Or, Term, to_pubmed

LINES = tuple(str(number) for number in range(1, 20))


def said(text: str) -> str:
    return to_pubmed(ovid.parse(text, number=20, lines=LINES).node)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exp Asthma/", '"Asthma"[mh]'),
        ("Exp  *Asthma/", '"Asthma"[majr]'),
        ("*Asthma/", '"Asthma"[majr:noexp]'),
        ('exp "Wounds and Injuries"/', '"Wounds and Injuries"[mh]'),
        ("exp Wounds and Injuries/", '"Wounds and Injuries"[mh]'),
        ("Asthma/dt, su [Drug Therapy, Surgery]", '"Asthma/drug therapy"[mh:noexp] OR "Asthma/surgery"[mh:noexp]'),
        ("Child/ or exp Infant/", '"Child"[mh:noexp] OR "Infant"[mh]'),
        ("exp animals/ not humans.sh.", '"animals"[mh] NOT "humans"[mh:noexp]'),
        (
            "(animals not (humans and animals)).sh.",
            '"animals"[mh:noexp] NOT ("humans"[mh:noexp] AND "animals"[mh:noexp])',
        ),
        ("ASTHMA/ EXP", '"ASTHMA"[mh]'),
        ('exp "clinical trial [publication type]"/', '"clinical trial"[pt]'),
        ("wheez$.ti,ab.", "wheez*[tiab]"),
        ("wheez*.ab,ti,kf", "wheez*[tiab]"),
        ("wheez:.mp.", "wheez*[tw]"),
        ("wheez*.ti. ab .", "wheez*[tiab]"),
        ("wheez*.ab,.", "wheez*[ab]"),
        ("tumo?r.tw.", '"tumo?r"[tiab]'),
        ("wom#n.ti.", '"wom#n"[ti]'),
        ("node*1.tw.", '"node?"[tiab]'),
        ("drug$2.tw.", '"drug??"[tiab]'),
        ("chest pain.ti.", '"chest pain"[ti]'),
        (
            '("chest pain" or dyspn?ea).ti,hw.',
            '"chest pain"[ti] OR "chest pain"[hw] OR "dyspn?ea"[ti] OR "dyspn?ea"[hw]',
        ),
        ("chest pain", '"chest pain"[tw]'),
        ("(beta adj3 block$).tw.", "beta[tiab] NEAR/2 block*[tiab]"),
        ("beta adj block$.tw.", "beta[tiab] ADJ/0 block*[tiab]"),
        ("((aa or bb cc) adj2 dd adj4 ee).ti.", '((aa[ti] OR "bb cc"[ti]) NEAR/1 dd[ti]) NEAR/3 ee[ti]'),
        ("aa.ti. or bb.ti. and cc.ti.", "aa[ti] OR (bb[ti] AND cc[ti])"),
        ("randomized controlled trial.pt.", '"randomized controlled trial"[pt:noexp]'),
        ("(dt or tu).fs.", '"drug therapy"[sh:noexp] OR "therapeutic use"[sh:noexp]'),
        ("di.xs.", '"diagnosis"[sh]'),
        ("Smith J$.au.", '"smith j*"[au]'),
        ('"K39 antigen".rn.', '"k39 antigen"[rn] OR "k39 antigen"[nm]'),
        ("(2012* or 201303*).ed.", "2012[edat] OR 2013/03[edat]"),
        ("or/1-3,7", "#1 OR #2 OR #3 OR #7"),
        ("AND/ 2, 4", "#2 AND #4"),
        ("OR 1-3", "#1 OR #2 OR #3"),
        ("1 and (2 or 3) not 4", "(#1 AND (#2 OR #3)) NOT #4"),
        ("#1 or #2 [both of them]", "#1 OR #2"),
        ("limit 5 to english language", '#5 AND "eng"[la]'),
        ('limit 5 to (humans and yr="2005 -Current")', '#5 AND "Humans"[mh:noexp] AND 2005:3000[dp]'),
        ("Limit 5 to ED=19460101-20180709", "#5 AND 1946/01/01:2018/07/09[edat]"),
        ("limit 5 to (clinical trial, all or review)", '#5 AND ("clinical trial"[pt] OR "review"[pt:noexp])'),
        ("remove duplicates from 5", "#5"),
    ],
)
def test_a_line_is_translated(text: str, expected: str) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("(wheez$ or cough.tw.", 1, "nothing closes this ("),
        ("wheez] or cough", 6, "cannot be read"),
        ("wheez or [cough", 10, "nothing closes this ["),
        ("wheez [cough", 7, "nothing closes this ["),
        ("wheez$.tw. (1", 12, "cannot be read"),
        ("wheez$.tw.)", 11, "a ) that closes nothing"),
        ('"wheez.tw.', 1, "nothing closes this quotation mark"),
        ("wheez$.zz.", 8, "no field .zz."),
        ("wheez.ti,zz.", 7, "no field .zz."),
        ("aa or b$$$$$$$$$$$.ti.", 7, "more than 10 wildcards"),
        ("Asthma/qq", 8, "no subheading 'qq'"),
        ("1 or 25", 6, "no earlier line 25"),
        ("or/1-77", 4, "no earlier line 77"),
        ("1 or 2 3", 8, "an operator is missing"),
        ("aa or", 6, "ends where a term is expected"),
        ("or aa", 1, "a term is expected here"),
        ("((aa and bb) adj3 cc).ti.", 3, "beside adj stand words"),
        ('limit 5 to "reviews (maximizes specificity)"', 12, "this limit has no translation"),
        ("limit 5 to yr=soon", 12, "no range of dates"),
        ("soon.ed.", 1, "is no date"),
    ],
)
def test_what_has_no_translation_is_pointed_at(text: str, column: int, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        said(text)
    assert message in caught.value.message and caught.value.where.startswith(f"line 20, column {column}\n")


def test_or_beside_and_is_told() -> None:
    assert ovid.parse("aa.ti. or bb.ti. and cc.ti.").warnings == [
        "line 1: AND and NOT are taken before OR, as Ovid does"
    ]
    assert ovid.parse("aa.ti. or (bb.ti. and cc.ti.)").warnings == []


def test_fields_behind_a_group_reach_what_has_none() -> None:
    node = ovid.parse("(aa or bb.ab. or (cc adj2 dd)).ti.").node
    assert node == Or((Term(("aa",), "ti"), Term(("bb",), "ab"), Near(Term(("cc",), "ti"), Term(("dd",), "ti"), 1)))


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000 + "aa" + ")" * 10_000 + ".ti.", "aa not " * 10_000 + "aa", "aa adj2 " * 9_000 + "aa", "(" * 50_000,
     "exp Asthma/ " * 15_000, "[" * 100_000, "or/" + "1-1," * 30_000, "or/1-" + "9" * 5_000, "*" * 100_000,
     "aa." * 60_000],
)  # fmt: skip
def test_hostile_lines_are_errors_not_crashes(text: str) -> None:
    with pytest.raises(BadInputError):
        strategy.read(text, "ovid")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab ()"[]*$?#/,.-:tiexpornotadj123', max_size=60))
def test_any_text_is_translated_or_refused(text: str) -> None:
    try:
        asked = strategy.read(text, "ovid")
    except BadInputError:
        return
    nodes: list[Node] = [asked.whole()]
    assert to_pubmed(nodes[0])


def test_a_long_line_of_ands_is_flat() -> None:
    node = ovid.parse(" and ".join(f"w{n}.ti." for n in range(3_000))).node
    assert not isinstance(node, Not) and len(node.parts) == 3_000  # type: ignore[union-attr]
