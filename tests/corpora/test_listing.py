"""Which files belong together when two years stand side by side."""

from __future__ import annotations

import pytest

from consilience.corpora.listing import chosen, shown_in


def names(year: int, *numbers: int) -> list[str]:
    return [f"pubmed{year}n{number:04d}.xml.gz" for number in numbers]


FOLDERS = ("https://a.example/baseline/", "https://a.example/updatefiles/")


@pytest.mark.parametrize(
    ("baseline", "updates", "taken"),
    [
        (names(26, 1, 2), names(26, 3), names(26, 1, 2, 3)),
        # The new one is whole: its updates go on from its last number.
        (names(25, 1, 2, 3) + names(26, 1, 2), names(25, 4) + names(26, 3), names(26, 1, 2, 3)),
        # It has no update yet, but is no shorter than the old one.
        (names(25, 1, 2) + names(26, 1, 2, 3), names(25, 3), names(26, 1, 2, 3)),
        # It is still being put up.
        (names(25, 1, 2, 3) + names(26, 1, 2), names(25, 4), names(25, 1, 2, 3, 4)),
        (names(25, 1, 2) + names(26, 1, 3), names(25, 3), names(25, 1, 2, 3)),
        # Updates of a year whose baseline is not there are none.
        (names(25, 1, 2), names(25, 3) + names(26, 1), names(25, 1, 2, 3)),
        ([], names(25, 3) + names(26, 9, 10), names(26, 9, 10)),
        ([], [], []),
    ],
)
def test_the_newest_complete_generation_is_taken(baseline: list[str], updates: list[str], taken: list[str]) -> None:
    generation = chosen(baseline, updates, folders=FOLDERS)
    assert list(generation.files) == taken and generation.shortfalls == ()


def test_an_incomplete_baseline_is_told_and_a_lone_one_with_a_gap_is_a_shortfall() -> None:
    told = chosen(names(25, 1, 2, 3) + names(26, 1), names(25, 4), folders=FOLDERS)
    assert told.warnings == ("the baseline of 2026 is not complete yet: that of 2025 is read",)
    alone = chosen(names(26, 2, 4), [], folders=FOLDERS)
    assert [s.ids for s in alone.shortfalls] == [tuple(names(26, 1, 3))] and list(alone.files) == names(26, 2, 4)


def test_what_lies_between_a_baseline_and_its_updates_was_cut_off_a_page() -> None:
    cut = chosen(names(26, 1, 2), names(26, 5, 6), folders=FOLDERS)
    assert [s.ids for s in cut.shortfalls] == [tuple(names(26, 3, 4))] and cut.whole == ()


@pytest.mark.parametrize("piece", ["<![", "<!", "<a ", "<a href=", "<a\thref  ", "<!-- --!><", "&#", "</"])
def test_a_page_that_is_none_is_looked_through_once_and_names_nothing(piece: str) -> None:
    assert shown_in(piece * 100_000) == {}


def test_a_number_has_one_name() -> None:
    page = "".join(f'<a href="pubmed26n{n}.xml.gz">x</a>' for n in ("0001", "00001", "000000001", "12345"))
    assert list(shown_in(page)) == ["pubmed26n0001.xml.gz", "pubmed26n12345.xml.gz"]


def test_a_page_names_its_files_however_it_links_to_them() -> None:
    page = """<title>Index of /pubmed</title><A HREF='pubmed26n0002.xml.gz'>b</A><a href="/x/pubmed26n0001.xml.gz">a</a>
    <a href="pubmed26n0001.xml.gz.md5">m</a><a href="../pubmed26n1.xml.gz">n</a><a href="?C=N;O=D">Name</a><a>x</a>"""
    assert shown_in(page) == dict.fromkeys(names(26, 1, 2), "")


ONE = names(26, 1)[0]
ROWS = {
    "Apache, plain": (
        f'<pre><a href="{ONE}">pubmed26n0001.x..&gt;</a>  2026-01-10 14:05   19M \n'
        f'<a href="{ONE}.md5">{ONE}.md5</a>   2026-01-10 14:06   60 \n</pre><hr>',
        "2026-01-10 14:05 19M, 2026-01-10 14:06 60",
    ),
    "Apache, a table": (
        f'<tr><td><a href="{ONE}">{ONE}</a></td><td align="right">2026-01-10 14:05  </td><td> 19M</td><td>&nbsp;</td>'
        f'</tr><tr><td><a href="{ONE}.md5">{ONE}.md5</a></td><td>2026-01-10 14:06  </td><td> 60 </td></tr>',
        "2026-01-10 14:05 19M, 2026-01-10 14:06 60",
    ),
    "nginx": (
        f'<a href="{ONE}">{ONE}</a>   10-Jan-2026 14:05    19876543\n<a href="{ONE}.md5">{ONE}.md5</a>'
        "   10-Jan-2026 14:06    60\n",
        "10-Jan-2026 14:05 19876543, 10-Jan-2026 14:06 60",
    ),
    "no date for the checksum": (f'<a href="{ONE}">{ONE}</a> 2026-01-10 14:05 19M <a href="{ONE}.md5">m</a>', ""),
    "a day alone": (f'<a href="{ONE}">x</a> 2026-01-10 19M <a href="{ONE}.md5">m</a> 2026-01-10 60', ""),
    "a date of another": (f'<a href="{ONE}">n</a><a href="{ONE}.md5">m</a><a href="x">2026-01-10 14:05 1</a>', ""),
    "nothing but length": (f'<a href="{ONE}">{"9" * 100_000}</a><a href="{ONE}.md5">m</a>', ""),
}


@pytest.mark.parametrize(("page", "shown"), ROWS.values(), ids=ROWS)
def test_what_a_page_shows_of_a_file_is_its_date_and_size_and_those_of_its_checksum(page: str, shown: str) -> None:
    assert shown_in(page) == {ONE: shown}
