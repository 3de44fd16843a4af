"""Whatever PubMed file the DTD allows is read as it was written, or refused; never in silence less of it."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consilience.corpora import pubmed
from consilience.errors import RefusedFileError
from consilience.records import Deletion, Quarantined, Record
from tests.corpora.pubmed_files import (
    DATES,
    DOCTYPES,
    BuiltFile,
    articles,
    element,
    expected,
    files,
    packed,
)
from tests.corpora.pubmed_oracle import Reading, said

HELD = settings(
    derandomize=True,
    deadline=None,
    database=None,
    # A failure is told at once: to shrink such large files takes minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def entries_of(folder: Path, content: bytes) -> list[pubmed.Item]:
    path = folder / "built.xml"
    path.write_bytes(content)
    return list(pubmed.read(path))


def meaning(entry: pubmed.Item) -> Reading | Deletion | int:
    if isinstance(entry, Record):
        return said(entry)
    return entry.position if isinstance(entry, Quarantined) else entry


@settings(HELD, max_examples=60)
@given(files())
def test_a_file_is_read_as_it_was_written(tmp_path: Path, built: BuiltFile) -> None:
    found = [meaning(entry) for entry in entries_of(tmp_path, built.content)]
    assert found == expected(built.entries)


@settings(HELD, max_examples=10)
@given(files())
def test_the_same_file_read_twice_gives_equal_records(tmp_path: Path, built: BuiltFile) -> None:
    assert entries_of(tmp_path, built.content) == entries_of(tmp_path, built.content)


@settings(HELD, max_examples=10)
@given(files(articles(), most=2))
def test_a_record_reads_the_same_alone_and_among_megabytes_of_others(tmp_path: Path, built: BuiltFile) -> None:
    filler = "".join(
        element("PubmedArticle", element("MedlineCitation", element("PMID", str(99_100_000 + n), Version="1")
                + element("Article", element("Abstract", element("AbstractText", f"word{n} " * 30_000)))))
        for n in range(3)
    )  # fmt: skip
    body = filler.join(["", *(entry.xml for entry in built.entries if not entry.deletions), ""])
    content = f"{DOCTYPES['PubmedArticleSet']}<PubmedArticleSet>{body}</PubmedArticleSet>".encode()
    found = [meaning(entry) for entry in entries_of(tmp_path, packed(content, "one"))]
    assert found[3::4] == [entry.reading for entry in built.entries if not entry.deletions]
    assert len(found) == len(found[3::4]) * 4 + 3


@settings(HELD, max_examples=25)
@given(files(most=2), st.data())
def test_a_file_cut_anywhere_is_refused_or_read_whole(tmp_path: Path, built: BuiltFile, data: st.DataObject) -> None:
    whole = entries_of(tmp_path, built.content)
    length = len(built.content)
    cuts = {*range(max(0, length - 30), length), *data.draw(st.lists(st.integers(0, length - 1), max_size=10))}
    read = 0
    for cut in sorted(cuts):
        try:
            found = entries_of(tmp_path, built.content[:cut])
        except RefusedFileError:
            continue
        assert found == whole
        read += 1
    # Only the white space after the root's end tag may go.
    assert read == (0 if built.packed else len(built.content) - len(built.content.rstrip()))


@settings(HELD, max_examples=10)
@given(files(articles(), most=1))
def test_a_file_cut_at_the_seam_of_its_gzip_members_is_refused(tmp_path: Path, built: BuiltFile) -> None:
    text = gzip.decompress(built.content) if built.packed else built.content
    first = packed(text, "two")[: len(gzip.compress(text[: len(text) // 2], 1, mtime=0))]
    assert gzip.decompress(first) == text[: len(text) // 2]
    with pytest.raises(RefusedFileError):
        entries_of(tmp_path, first)


@pytest.mark.parametrize("written", DATES)
def test_every_shape_of_date_keeps_its_days_and_its_words(tmp_path: Path, written: str) -> None:
    issue = element("Journal", element("JournalIssue", element("PubDate", written)))
    cited = element("MedlineCitation", element("PMID", "99000001", Version="1") + element("Article", issue))
    (record,) = entries_of(tmp_path, element("PubmedArticleSet", element("PubmedArticle", cited)).encode())
    assert isinstance(record, Record)
    (event,) = record.events
    when = event.when
    assert (when.raw, when.start.isoformat(), when.end.isoformat(), when.precision) == DATES[written]


@pytest.mark.real
@pytest.mark.parametrize("name", ["pubMR_pubmed_result_2019.xml.gz", "sk8erjs69_pubmed_result_2015.xml.gz"])
def test_a_file_of_nlm_cut_anywhere_is_refused(tmp_path: Path, data_dir: Path, name: str) -> None:
    content = (data_dir / "pubmed_xml" / name).read_bytes()
    whole = entries_of(tmp_path, content)
    assert entries_of(tmp_path, content) == whole
    text = gzip.decompress(content).rstrip()
    chance = random.Random(20261122)
    for part, last in ((content, 8), (text, 24)):
        cuts = {*chance.sample(range(len(part)), 10), *range(len(part) - last, len(part))}
        for cut in sorted(cuts):
            with pytest.raises(RefusedFileError):
                entries_of(tmp_path, part[:cut])
    assert entries_of(tmp_path, text) == whole
