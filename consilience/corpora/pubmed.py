"""PubMed XML, as NLM distributes it or efetch returns it, read as records in file order, on one core or on several."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePath
from typing import TypeAlias, TypeVar

from lxml import etree

from consilience.corpora import design, pubmedxml
from consilience.corpora.store import Rows, rows_of
from consilience.corpora.workers import Workers, uncollected
from consilience.corpora.xmlfile import Dialect, Element, Limits, Run, UncutError, as_written, elements, runs
from consilience.errors import SkipRecordError
from consilience.records import Deletion, Quarantined, Record

# Bumped when the extraction changes, so that what was read by an older one is read again.
VERSION = f"2+{design.VERSION}"

DIALECT = Dialect(
    name="PubMed XML",
    records={
        "PubmedArticleSet": ("PubmedArticle", "PubmedBookArticle", "DeleteCitation"),
        "PubmedBookArticleSet": ("PubmedBookArticle",),
        "MedlineCitationSet": ("MedlineCitation", "DeleteCitation"),
    },
    # The third is where the DTDs of MedlineCitationSet stood.
    dtd_hosts=frozenset({"dtd.nlm.nih.gov", "www.ncbi.nlm.nih.gov", "www.nlm.nih.gov"}),
    prefixes={"mml": "http://www.w3.org/1998/Math/MathML", "xlink": "http://www.w3.org/1999/xlink"},
)
_DEFAULT_LIMITS = Limits()
_RAW_KEPT = 2000
_STREAMED_AT_ONCE = 100
# What several processes gain on a smaller file is lost in starting them.
_WORTH_SHARING = 4 << 20
_FILE_NAME = re.compile(r"(?:pubmed|medline)([0-9]{2})n([0-9]{4,9})\.xml(?:\.gz)?")

Item: TypeAlias = Record | Deletion | Quarantined
_T = TypeVar("_T")
_READERS: Mapping[str, Callable[[Element], Record | Deletion]] = {
    "PubmedArticle": pubmedxml.article,
    "PubmedBookArticle": pubmedxml.book_article,
    "MedlineCitation": pubmedxml.citation,
    "PMID": pubmedxml.deletion,
}


def read(path: Path, *, limits: Limits = _DEFAULT_LIMITS) -> Iterator[Item]:
    """Yield what a PubMed file says, in file order; RefusedFileError may come after good records, so stage the whole.

    `position` of a quarantined element counts the records of the file from 0; DeleteCitation counts as one.
    """
    for items in read_with(list, path, limits=limits):
        yield from items


def read_rows(path: Path, *, workers: Workers | None = None, limits: Limits = _DEFAULT_LIMITS) -> Iterator[Rows]:
    """Yield what a PubMed file says as rows for the store, made by the process that read it."""
    return read_with(rows_of, path, workers=workers, limits=limits)


def read_with(
    use: Callable[[list[Item]], _T], path: Path, *, workers: Workers | None = None, limits: Limits = _DEFAULT_LIMITS
) -> Iterator[_T]:
    """Yield what `use` makes of one part of a PubMed file after another, in file order.

    With workers, `use` must be a function of a module: it is called in their processes. The parts are the same without.
    """
    read_run = partial(_read_run, use)
    given = 0  # records of the file that were read so far
    try:
        found = runs(path, DIALECT, limits)
        shared = workers is not None and path.stat().st_size >= _WORTH_SHARING
        made_of = workers.map(read_run, found, where=path.name) if workers and shared else map(read_run, found)
        for count, made in made_of:
            yield made
            given += count
        if given:
            return
    except UncutError:
        pass  # the slow way reads on, or says what is wrong
    yield from streamed(use, path, limits, given)


def streamed(use: Callable[[list[Item]], _T], path: Path, limits: Limits, after: int) -> Iterator[_T]:
    """Read element by element, behind so many records: slower, the judge of every file, and the way of odd ones."""
    entries = _entries(islice(enumerate(elements(path, DIALECT, limits)), after, None))
    while items := list(islice(entries, _STREAMED_AT_ONCE)):
        yield use(items)


def order_key(path_name: str) -> tuple[int, int] | None:
    """Where a distributed file stands in load order: `pubmed26n0001.xml.gz` -> (2026, 1); None for other names."""
    found = _FILE_NAME.fullmatch(PurePath(path_name).name)
    return (2000 + int(found[1]), int(found[2])) if found else None


def _read_run(use: Callable[[list[Item]], _T], run: Run) -> tuple[int, _T]:
    """How many records a run has, and what `use` makes of them."""
    with uncollected():
        items = None if _holds(run.body, b"!") or _holds(run.body, b"?") else _read_cut(run)
        return run.count, use(items or _read_whole(run))


def _holds(body: bytes, mark: bytes) -> bool:
    """Say whether there is a `<!` or `<?`: the mark alone is rarer than `<`, and so found faster."""
    at = body.find(mark, 1)
    while at > 0 and body[at - 1 : at] != b"<":
        at = body.find(mark, at + 1)
    return at > 0


def _read_cut(run: Run) -> list[Item] | None:
    """Read a run of articles, what repeats in them by its bytes; None when it must be read whole."""
    try:
        body, told = pubmedxml.cut(run.body)
        root = replace(run, body=body).root()
        if not run.count == len(told) == len(root):
            return None
        return [pubmedxml.article(element, known) for element, known in zip(root, told, strict=True)]
    except (etree.XMLSyntaxError, pubmedxml.NotApartError, SkipRecordError, UnicodeDecodeError):
        return None


def _read_whole(run: Run) -> list[Item]:
    try:
        found = [element for element in run.root() if element.tag in run.records]
    except etree.XMLSyntaxError as error:
        raise UncutError from error
    if len(found) != run.count:
        raise UncutError
    return list(_entries(enumerate(found, start=run.first)))


def _entries(numbered: Iterable[tuple[int, Element]]) -> Iterator[Item]:
    """What each record element says; an unusable one is kept aside with its number in the file."""
    for position, element in numbered:
        for entry in element.iterchildren("PMID") if element.tag == "DeleteCitation" else (element,):
            try:
                yield _READERS[entry.tag](entry)
            except SkipRecordError as error:
                yield Quarantined(position, str(error), as_written(entry, DIALECT)[:_RAW_KEPT])


__all__ = ["VERSION", "Limits", "order_key", "read", "read_rows", "read_with", "streamed"]
