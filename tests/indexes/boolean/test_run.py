"""What a Boolean query finds, against a plain evaluator that reads every stored record."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consilience.errors import BadInputError
from consilience.indexes import Index
from consilience.indexes.boolean import mesh, run, spans, strategy
from consilience.indexes.boolean.syntax import (
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
from consilience.indexes.filters import Filters, Sight, sight
from consilience.records import Chemical, MeshHeading, PublicationType
from tests.making import TinyHome, clocks, ids, paper
from tests.queries import HEADINGS, QUALIFIERS, WORDS, queries

TREE = """mesh_id\tmesh_name\tmesh_tree_number
D1\tLungs\tA01
D2\tAsthma\tA01.100
D2\tAsthma\tC08.5
D3\tAsthma, Mild\tC08.5.7
D4\tCough\tC08.55
D5\tFever\tC23
D6\tClinical Trial\tV03.1
D7\tTrial of Care\tV03.1.2
"""
PLACES = {"Lungs": ["A01"], "Asthma": ["A01.100", "C08.5"], "Asthma, Mild": ["C08.5.7"], "Cough": ["C08.55"],
          "Fever": ["C23"], "Clinical Trial": ["V03.1"], "Trial of Care": ["V03.1.2"]}  # fmt: skip
UIS = {"Lungs": "D1", "Asthma": "D2", "Asthma, Mild": "D3", "Cough": "D4", "Fever": "D5"}


def records(chance: random.Random, count: int = 140) -> Iterable[Any]:
    for number in range(1, count + 1):
        said = [" ".join(chance.choices(WORDS, k=chance.randrange(1, most))) for most in (5, 9)]
        headings = tuple(
            MeshHeading(name, UIS[name], chance.random() < 0.5, tuple(sorted({*chance.sample(QUALIFIERS, 2)} - {""})))
            for name in chance.sample(HEADINGS[:5], chance.randrange(0, 3))
        )  # fmt: skip
        yield paper(
            99000000 + number, said[0], abstract=said[1], mesh=headings,
            published=chance.choice(["2001", "2003-02", "2003-02-14", "2004-11-30", "2005-12-31", None]),
            keywords=tuple(chance.sample(["aa bb", "cd", "abc"], chance.randrange(0, 3))),
            authors=tuple(chance.sample(["Smith J", "Smith JA", "Smithson K", "Smith"], chance.randrange(0, 2))),
            languages=(chance.choice(["eng", "ger"]),), journal=chance.choice(["Annals of dd", "J Test"]),
            chemicals=tuple(Chemical(name) for name in chance.sample(["Zinc Oxide", "Zinc", "Oxygen"], 1)),
            publication_types=tuple(
                PublicationType(name) for name in chance.sample(["Review", "Clinical Trial", "Trial of Care"], 1)
            ),
        )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> TinyHome:
    made = TinyHome.make(tmp_path_factory.mktemp("boolean") / "home")
    made.load("pubmed26n0001.xml", *records(random.Random(7)), known=0)
    made.load("pubmed26n0002.xml", paper(99000001, "aa revised", published="2001"), known=10)
    tree = made.rooms.root / "tree.tsv"
    tree.write_text(TREE)
    mesh.keep(made.rooms, tree, "2020-01-01T00:00:00Z")
    return made


@pytest.fixture(scope="module")
def index(home: TinyHome) -> Index:
    return home.index()


def asked(text: str, syntax: str = "pubmed") -> strategy.Strategy:
    return strategy.read(text, syntax)


def found(index: Index, node: Node, seen: Sight) -> set[int]:
    return set(index.lexical.run(seen).mask(node).nonzero()[0].tolist())


# ---------------------------------------------------------------- the plain evaluator


def means(pattern: str, word: str) -> bool:
    if not pattern:
        return not word
    if pattern[0] == "*":
        return any(means(pattern[1:], word[at:]) for at in range(len(word) + 1))
    if pattern[0] == "?" and means(pattern[1:], word):
        return True
    return bool(word) and (pattern[0] in "?#" or pattern[0] == word[0]) and means(pattern[1:], word[1:])


class Plain:
    """One record, asked directly."""

    def __init__(self, index: Index, row: int) -> None:
        document = index.corpus.document(row)
        meta = document.meta
        headings = [" ".join([m[0], *m[3]]) for m in meta.get("mesh", [])]
        pools = {
            "ti": [document.fields["title"]], "ab": [document.fields.get("abstract", "")],
            "ot": meta.get("keywords", []), "hw": headings,
            "names": [t[0] for t in meta.get("publication_types", [])] + [c[0] for c in meta.get("chemicals", [])],
            "rest": [meta.get("journal", ""), *meta.get("authors", []), meta["pmid"]],
        }  # fmt: skip
        self.meta, self.pools = meta, {name: self.words(texts) for name, texts in pools.items()}
        told = meta.get("published")
        self.start, self.end = (date.fromisoformat(told[end]) if told else None for end in ("start", "end"))

    @staticmethod
    def words(texts: list[str]) -> list[str]:
        told: list[str] = []
        for text in texts:
            told += [*([""] if told else []), *text.lower().replace(",", " ").split()]
        return told

    def texts(self, field: str) -> list[list[str]]:
        some = {"tiab": ["ti", "ab", "ot"], "tw": ["ti", "ab", "ot", "hw", "names"], "all": list(self.pools)}
        return [self.pools[name] for name in some.get(field, [field])]

    def has(self, node: Node) -> bool:
        match node:
            case All():
                return True
            case And(parts):
                return all(self.has(part) for part in parts)
            case Or(parts):
                return any(self.has(part) for part in parts)
            case Not(kept, dropped):
                return self.has(kept) and not self.has(dropped)
            case Term() | Near():
                field = node
                while not isinstance(field, Term):
                    field = field.parts[0] if isinstance(field, Or) else field.left  # type: ignore[union-attr]
                return any(self.places(node, text) for text in self.texts(field.field))
            case Dates(_, low, high):
                if self.end is None or self.start is None:
                    return False
                first = (low + "/01/01")[:10].replace("/", "-")
                return self.end >= date.fromisoformat(first) and self.start <= self.last(high)
            case Mesh(heading, qualifier, explode, major):
                wanted = {heading, *(self.below(heading) if explode else [])}
                return any(
                    name in wanted and (not qualifier or qualifier in qualifiers) and (starred or not major)
                    for name, _, starred, qualifiers in self.meta.get("mesh", [])
                )
            case Value():
                return self.bears(node)
        raise AssertionError(node)

    @staticmethod
    def last(text: str) -> date:
        parts = [int(part) for part in text.split("/")]
        if len(parts) == 3:
            return date(*parts)
        year, month = parts if len(parts) == 2 else (parts[0], 12)
        return date.fromordinal(date(year + month // 12, month % 12 + 1, 1).toordinal() - 1)

    @staticmethod
    def below(heading: str) -> list[str]:
        mine = PLACES.get(heading, [])
        return [
            name for name, places in PLACES.items() for place in places if any(place.startswith(m + ".") for m in mine)
        ]

    def bears(self, node: Value) -> bool:
        plain = {
            "pt": [t[0] for t in self.meta.get("publication_types", [])],
            "sh": [q for m in self.meta.get("mesh", []) for q in m[3]], "au": self.meta.get("authors", []),
            "la": self.meta.get("languages", []), "ta": [self.meta.get("journal", "")], "uid": [self.meta["pmid"]],
            "nm": [c[0] for c in self.meta.get("chemicals", [])],
        }[node.field]  # fmt: skip
        have, text = [value.lower() for value in plain], node.text
        if node.field == "au" and node.broad and "*" not in text:
            return any(h == text or h.startswith(text + ("" if " " in text else " ")) for h in have)
        if node.field == "nm":  # a run of its words, the wildcard within one or over several
            runs = [
                " ".join(w[i:j])
                for h in have
                for w in [h.split()]
                for i in range(len(w))
                for j in range(i + 1, len(w) + 1)
            ]
            return any(means(text, run) for run in runs)
        if node.field == "pt" and node.broad and "*" not in text:
            return any(h == text or h in [n.lower() for n in self.below(text.title())] for h in have)
        return any(means(text, h) for h in have)

    def places(self, node: Node, text: list[str]) -> set[tuple[int, int]]:
        if isinstance(node, Or):
            return {span for part in node.parts for span in self.places(part, text)}
        if isinstance(node, Near):
            pairs = [(a, b) for a in self.places(node.left, text) for b in self.places(node.right, text)]
            pairs += [] if node.ordered else [(b, a) for a, b in pairs]
            return {(a[0], b[1]) for a, b in pairs if 0 <= b[0] - a[1] - 1 <= node.gap}
        assert isinstance(node, Term)
        if node.gap is None:
            long = len(node.words)
            return {(at, at + long - 1) for at in range(len(text) - long + 1)
                    if all(means(word, text[at + n]) for n, word in enumerate(node.words))}  # fmt: skip
        return {(0, 0)} if self.together(node.words, text, (), node.gap) else set()

    def together(self, words: tuple[str, ...], text: list[str], taken: tuple[int, ...], gap: int) -> bool:
        if not words:
            return max(taken) - min(taken) + 1 - len(taken) <= gap
        return any(
            at not in taken and means(words[0], word) and self.together(words[1:], text, (*taken, at), gap)
            for at, word in enumerate(text)
        )


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(node=queries)
def test_a_query_finds_what_reading_every_record_finds(index: Index, node: Node) -> None:
    seen = sight(index.corpus, clocks(known=5))
    rows = seen.allowed.nonzero()[0].tolist()
    assert found(index, node, seen) == {row for row in rows if Plain(index, row).has(node)}, to_pubmed(node)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(node=queries)
def test_nothing_out_of_sight_is_found_and_a_not_brings_none_back(index: Index, node: Node) -> None:
    seen = sight(index.corpus, clocks("2003-12-31", 5), Filters(designs=("unknown",)))
    both = found(index, node, seen) | found(index, Not(All(), node), seen)
    assert both == set(seen.allowed.nonzero()[0].tolist())


# ---------------------------------------------------------------- examples


def count(index: Index, text: str, syntax: str = "pubmed") -> list[int]:
    return [line.count for line in index.counted(asked(text, syntax), clocks(known=5))]


def test_lines_are_counted_one_by_one_and_may_name_earlier_ones(index: Index) -> None:
    one, two, both, either, neither = count(index, "aa[ti]\nbb[ti]\n#1 AND #2\n#1 OR #2\n#4 NOT #4")
    assert one + two == both + either and neither == 0 < both
    assert count(index, "aa.ti.\nbb.ti.\nand/1-2\nor/1-2\n4 not 4", "ovid") == [one, two, both, either, neither]


def test_exploding_needs_a_tree_and_says_so_where_there_is_none(index: Index) -> None:
    wide, narrow = count(index, "Asthma[mh]"), count(index, "Asthma[mh:noexp]")
    assert wide > narrow
    assert index.cautions(asked("Asthma[mh]")) == []
    assert run.cautions(asked("Asthma[mh] OR Cough[mh:noexp]"), lambda: None) == [
        "not exploded: no MeSH tree is loaded: Asthma"
    ]
    assert index.cautions(asked('"No Heading"[mh]')) == ["not exploded: the MeSH tree has no such heading: No Heading"]


def test_an_entry_term_and_an_identifier_name_a_heading(index: Index) -> None:
    assert count(index, "D2[mh:noexp]") == count(index, "Asthma[mh:noexp]")


def test_what_is_found_is_ranked_by_the_words_it_may_have(index: Index) -> None:
    hits = index.search("aa[ti] NOT bb[ti]", top=100, clocks=clocks(known=5))
    assert len(hits) == count(index, "aa[ti] NOT bb[ti]")[0]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert run.scored_text(asked("aa[ti] NOT bb[ti]")) == "aa"


def test_told_that_a_query_is_words_operators_are_words(index: Index) -> None:
    as_words = index.search("aa NOT bb", top=200, clocks=clocks(known=5), retriever="lexical", syntax="words")
    as_boolean = index.search("aa NOT bb", top=200, clocks=clocks(known=5), retriever="lexical")
    assert len(as_words) > len(as_boolean) > 0


def test_a_sight_is_kept_over_versions(index: Index) -> None:
    for known, expected in ((5, 0), (10, 1)):
        seen = sight(index.corpus, clocks(known=known))
        rows = found(index, Term(("revised",), "ti"), seen)
        assert len(rows) == expected and set(ids(index.corpus, rows)) <= {"PMID:99000001"}


@settings(max_examples=300, deadline=None)
@given(pattern=st.text("ab*?#", min_size=1, max_size=7), token=st.text("ab", max_size=7))
def test_a_word_with_wildcards_means_what_reading_it_letter_by_letter_says(pattern: str, token: str) -> None:
    meant = spans.finder(Term((pattern,)), str)([token])
    assert bool(meant) == means(pattern, token)


def test_no_wildcards_make_a_long_word_take_for_ever() -> None:
    for pattern in ("?" * 40 + "b", "a*" * 30 + "b"):
        assert not spans.finder(Term((pattern,)), str)(["a" * 200])


def test_wildcards_the_engine_cannot_take_are_an_error(index: Index) -> None:
    with pytest.raises(BadInputError, match="wildcards"):
        count(index, f'"{" ".join(["a" + "?" * 10] * 40)}"[au]')


def test_a_truncation_beyond_the_engines_bounds_is_an_error_and_never_cut(tmp_path: Path) -> None:
    made = TinyHome.make(tmp_path / "home")
    made.load("a.xml", paper(1, "aa bb", abstract=" ".join(f"w{n}" for n in range(17_000))), known=0)
    index = made.index()
    assert count(index, "w*[ab]") == [1]
    with pytest.raises(Exception, match="cannot be read"):
        count(index, '"w* w*"[ab]')
