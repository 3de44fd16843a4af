"""Records, their dates, names and hashes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.corpora.dates import parse_date
from consilience.records import (
    PublicationEvent,
    Record,
    Span,
    canonical_json,
    doi_curie,
    guideline_curie,
    normal_doi,
    normal_space,
    sha256,
    shard_of,
)

PARTS = st.text(st.sampled_from("ab/@%2F40"), max_size=6)


def test_a_record_is_published_on_its_earliest_event_and_a_coarse_date_counts_from_its_end() -> None:
    events = [PublicationEvent("x", when) for text in ("2003", "2003 Mar", "2003 Jul 1") if (when := parse_date(text))]
    published = Record("PMID:1", "pubmed", {}, events=tuple(events)).published
    assert published is not None and published.raw == "2003 Mar"
    assert Record("PMID:1", "pubmed", {}).published is None


@pytest.mark.parametrize(
    ("given_as", "doi"),
    [
        ("https://doi.org/10.1000/ABC.", "10.1000/abc"),
        ("http://dx.doi.org/10.1002%2Fpds.1", "10.1002/pds.1"),
        ("doi: 10.1000.10/x;", "10.1000.10/x"),
        ("10.1/x", "10.1/x"),
        ("S0140 [pii] 10.1016/S0140-6736(05)12345-6 [doi]", "10.1016/s0140-6736(05)12345-6"),
        ("a ratio of 10.5/3 mm", ""),
        ("see journal", ""),
    ],
)
def test_a_doi_is_told_from_what_stands_round_it(given_as: str, doi: str) -> None:
    assert normal_doi(given_as) == doi
    assert doi_curie(given_as) == f"DOI:{doi}"


@given(PARTS, PARTS, PARTS, PARTS)
def test_the_id_of_a_recommendation_says_its_parts_without_doubt(a: str, b: str, c: str, d: str) -> None:
    from urllib.parse import unquote

    said, _, version = guideline_curie(a, b, c, d).removeprefix("GL:").partition("@")
    assert [unquote(part) for part in (*said.split("/"), version)] == [a, b, c, d]


@given(st.text())
def test_white_space_is_normalised_once_and_nothing_hidden_stays(text: str) -> None:
    tidy = normal_space(text)
    assert normal_space(tidy) == tidy == tidy.strip()
    assert "  " not in tidy
    assert not [c for c in tidy if unicodedata.category(c) in ("Cc", "Cf", "Cs")]
    tidy.encode()


def test_no_break_and_thin_blanks_become_one_blank_and_zero_width_marks_go() -> None:
    assert normal_space(" 5\u00a0\u2009mg\r\n\u200bda\u00adily\u202e ") == "5 mg daily"


def test_canonical_json_and_shards_depend_on_content_alone() -> None:
    assert canonical_json({"b": "é", "a": [1, None]}) == '{"a":[1,null],"b":"é"}'
    assert shard_of("PMID:1") == shard_of("PMID:1") and {shard_of(f"PMID:{n}") for n in range(2000)} == set(range(64))


def test_a_span_prints_as_the_contract_says() -> None:
    span = Span("PMID:1", "0" * 12, "title", 0, 2, "ab", sha256("abc"))
    assert list(span.as_json()) == ["id", "version", "field", "start", "end", "quote", "sha256"]
    assert sha256("abc").startswith("ba7816bf")
