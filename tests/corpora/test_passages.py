"""Passages: whole sentences at exact places, with names that never change their meaning."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consilience.corpora.passages import LONGEST, embedded_text, pieces
from consilience.records import normal_space
from consilience.text import sentences
from tests.making import TinyHome, advice, paper

SENTENCES = st.lists(
    st.sampled_from("RESULTS: It fell.|We saw no harm in any of the 200 patients.|β|Was it?".split("|"))
)
TEXTS = st.builds(lambda some, times: normal_space(" ".join(some * times)), SENTENCES, st.integers(1, 40))


@given(TEXTS, TEXTS)
def test_pieces_cover_every_sentence_whole_and_each_once(abstract: str, remarks: str) -> None:
    fields = {"title": "T", "abstract": abstract or None, "text": "", "remarks": remarks}
    cut = pieces(fields)
    for name in ("abstract", "remarks"):
        text = fields[name] or ""
        of_field = [(p.start, p.end) for p in cut if p.field == name]
        assert all(a < b for a, b in of_field) and of_field == sorted(of_field)
        assert all(b <= c for (_, b), (c, _) in pairwise(of_field))
        assert all(any(a <= start and end <= b for a, b in of_field) for start, end in sentences(text))
        assert len(of_field) <= -(-len(text) // LONGEST)
    if not abstract and not remarks:
        assert [p.field for p in cut] == ["title"]


def test_pieces_of_a_long_text_are_near_equal() -> None:
    text = " ".join(f"Sentence number {n} says what it says." for n in range(200))
    sizes = [p.end - p.start for p in pieces({"abstract": text})]
    assert len(sizes) == -(-len(text) // LONGEST) and min(sizes) > 0.9 * max(sizes)


def test_the_title_is_embedded_with_every_piece_and_alone_only_alone() -> None:
    whole: dict[str, str | None] = {"title": "Zinc.", "abstract": "It helps."}
    assert [embedded_text(whole, p) for p in pieces(whole)] == ["Zinc. It helps."]
    alone: dict[str, str | None] = {"title": "Zinc.", "abstract": None}
    assert [embedded_text(alone, p) for p in pieces(alone)] == ["Zinc."]
    assert pieces({"title": None, "abstract": ""}) == []


@pytest.fixture
def home(tmp_path: Path) -> TinyHome:
    return TinyHome.make(tmp_path / "home")


LONG = " ".join(f"In group {n} nothing was seen at all." for n in range(100))


def test_every_passage_re_slices_to_its_source_and_its_name_never_changes_meaning(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, abstract=LONG), paper(2), known=0)
    home.load("g.jsonl", advice("1", "2010"), known=0, kind="guidelines")
    words: dict[str, str] = {}
    for known in (1, 2):
        corpus = home.corpus()
        for row in corpus.passages.to_pylist():
            [at_row] = [r for r in corpus.rows_by_id[row["id"]] if corpus.document(r).version == row["version"]][:1]
            text = corpus.document(at_row).fields[row["field"]]
            assert row["passage"] == f"{row['id']}@{row['version']}#{row['field']}:{row['start']}-{row['end']}"
            span = corpus.document(at_row).span(row["field"], row["start"], row["end"])
            assert words.setdefault(row["passage"], span.quote) == text[row["start"] : row["end"]]
        home.load(f"pubmed26n{known + 1:04d}.xml", paper(1, abstract=LONG + f" Update {known}."), known=known)
    assert len({name.partition("#")[0] for name in words}) == 4


def test_each_version_is_cut_once_and_the_rest_is_left_as_it_was(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, abstract="One."), known=0)
    home.corpus()
    folder = home.store.folder / "passages"
    before = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    home.load("pubmed26n0002.xml", paper(1, abstract="One."), paper(1, abstract="Two."), known=1)
    assert home.corpus().passages.num_rows == 2
    assert all(path.read_bytes() == data for path, data in before.items())


def test_a_span_outside_its_text_is_a_mistake_of_ours(home: TinyHome) -> None:
    home.load("pubmed26n0001.xml", paper(1, "Ten chars."), known=0)
    document = home.corpus().document(0)
    assert document.span("title", 0, 10).quote == "Ten chars."
    for start, end in ((-1, 3), (3, 3), (0, 11)):
        with pytest.raises(ValueError, match="outside"):
            document.span("title", start, end)
