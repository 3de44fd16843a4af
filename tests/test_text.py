"""Sentences and words keep exact offsets."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.text import sentences, words

# Built of what decides: ends, abbreviations, labels, numbers, blanks of several kinds.
PIECES = [
    "RESULTS: ",
    "e.g. ",
    "vs. ",
    "It fell",
    ". ",
    "? ",
    '." ',
    " (",
    "2.5 mg",
    "A. ",
    "β",
    "\u2009",
    "\n",
    "≥ 3",
    ".",
]


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join))
def test_sentences_increase_do_not_overlap_and_cover_all_that_is_not_blank(text: str) -> None:
    found = list(sentences(text))
    edges = [edge for bounds in found for edge in bounds]
    assert edges == sorted(edges)
    assert all(start < end and text[start:end] == text[start:end].strip() for start, end in found)
    covered = {i for start, end in found for i in range(start, end)}
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("One only", ["One only"]),
        ("A 2.5 mg dose. RESULTS: It fell.", ["A 2.5 mg dose.", "RESULTS: It fell."]),
        ("Aspirin vs. Warfarin. See Fig. 2 and J. Smith et al. 1990. Done.",
         ["Aspirin vs. Warfarin.", "See Fig. 2 and J. Smith et al. 1990.", "Done."]),
        ("Was it safe? (Yes.) It was!", ["Was it safe?", "(Yes.)", "It was!"]),
        ("P was low (P<0.05). ≥50 gained.", ["P was low (P<0.05).", "≥50 gained."]),
        ("no end METHODS AND RESULTS: We saw.", ["no end", "METHODS AND RESULTS: We saw."]),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_a_long_text_is_cut_in_time_that_grows_with_its_length() -> None:
    started = time.process_time()
    assert sum(1 for _ in sentences("It was so. " * 60_000)) == 60_000
    assert time.process_time() - started < 3


def test_words_are_lower_case_with_hyphens_and_decimals_whole() -> None:
    assert words("TNF-alpha rose 2.5-fold (P<0.05), it's said.") == [
        "tnf-alpha",
        "rose",
        "2.5-fold",
        "p",
        "0.05",
        "it's",
        "said",
    ]
