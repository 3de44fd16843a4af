"""Boolean queries for property tests: trees over a few words, so that documents of the same words often match."""

from __future__ import annotations

from hypothesis import strategies as st

from consilience.indexes.boolean.syntax import (
    All,
    Dates,
    Mesh,
    Near,
    Node,
    Not,
    Term,
    Value,
    conjunction,
    disjunction,
)

WORDS = ("aa", "ab", "abc", "abcd", "bb", "bc", "cc", "cd", "dd")
WILD = ("a*", "ab*", "ab?", "b#", "a*c", "?b", "#d*", "abc*")
FIELDS = ("ti", "ab", "tiab", "tw", "ot", "hw", "all")
HEADINGS = ("Lungs", "Asthma", "Asthma, Mild", "Cough", "Fever", "No Heading")
QUALIFIERS = ("", "", "drug therapy", "surgery")
DAYS = ("2001", "2003", "2003/02", "2003/02/14", "2004/12", "2006/01/31")

word = st.sampled_from(WORDS) | st.sampled_from(WILD)
field = st.sampled_from(FIELDS)


def terms(where: st.SearchStrategy[str] = field, most: int = 3) -> st.SearchStrategy[Node]:
    """Words and phrases."""
    return st.builds(lambda words, name: Term(tuple(words), name), st.lists(word, min_size=1, max_size=most), where)


spread = st.builds(
    lambda words, name, gap: Term(tuple(words), name, gap), st.lists(word, min_size=2, max_size=3), field,
    st.integers(0, 3),
)  # fmt: skip


def _sides(name: str) -> st.SearchStrategy[Node]:
    one = terms(st.just(name), 2)
    return st.recursive(
        one | st.lists(one, min_size=2, max_size=4).map(disjunction),
        lambda inner: st.builds(Near, inner, inner, st.integers(0, 3), st.booleans()), max_leaves=3,
    )  # fmt: skip


near = st.sampled_from(("ti", "ab", "tiab", "hw")).flatmap(
    lambda name: st.builds(Near, _sides(name), _sides(name), st.integers(0, 3), st.booleans())
)
values = (
    st.builds(Value, st.sampled_from(("review", "clinical trial", "trial*")), st.just("pt"), st.booleans())
    | st.builds(Value, st.sampled_from(("drug therapy", "surgery")), st.just("sh"), st.booleans())
    | st.builds(Value, st.sampled_from(("smith", "smith j", "smith ja", "smi*")), st.just("au"), st.booleans())
    | st.builds(Value, st.sampled_from(("eng", "ger")), st.just("la"))
    | st.builds(Value, st.sampled_from(("j test", "annals*")), st.just("ta"))
    | st.builds(Value, st.sampled_from(("99000003", "99000004")), st.just("uid"))
    | st.builds(Value, st.sampled_from(("zinc", "zinc oxide", "ox*")), st.just("nm"))
)
meshes = st.builds(
    Mesh, st.sampled_from(HEADINGS), st.sampled_from(QUALIFIERS), st.booleans(), st.booleans(),
)  # fmt: skip
dates = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(lambda pair: Dates("dp", min(pair), max(pair)))
leaves = st.one_of(terms(), terms(), spread, near, values, meshes, dates, st.just(All()))
queries: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(conjunction),
        st.lists(inner, min_size=2, max_size=4).map(disjunction), st.builds(Not, inner, inner),
    ),
    max_leaves=8,
)  # fmt: skip
