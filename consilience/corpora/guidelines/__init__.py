"""Guideline recommendations, one dated record each, with their grade as given and as normalised.

Every reader fills the same model (`model`): the contract's JSON lines, JATS, MAGICapp JSON, FHIR JSON, FHIR shorthand
and numbered HTML pages. What a file is, its content says; the suffix only says that it may be read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from consilience.corpora import design
from consilience.corpora.guidelines.grades import GRADE_MAP, Grade, direction_of, grade_of
from consilience.corpora.guidelines.model import Pair, records_of
from consilience.corpora.textfiles import check, once, refuse
from consilience.errors import SkipRecordError
from consilience.records import Quarantined, Record

# Bumped when what is read out of a file changes: files are then read again.
VERSION = f"guidelines.3+{design.VERSION}"

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".xml", ".nxml", ".html", ".htm", ".fsh", ".tar.gz")
# Whole documents are parsed in memory, where JSON may take twenty times its size.
MAX_DOCUMENT = 64 << 20
_EXPECTED = (
    "JSON lines, a JATS practice guideline, MAGICapp JSON, FHIR JSON with recommendations, FHIR shorthand (.fsh, "
    ".tar.gz), or an HTML page with numbered recommendations"
)
_HTML = re.compile(r"<(?:!doctype\s+html|html|body|div|main)\b", re.IGNORECASE)


def read(path: Path) -> Iterator[Record | Quarantined]:
    """The recommendations of one file; faulty ones are quarantined, a faulty file is refused by name.

    Records come while the file is read: keep them only when the iteration ends without an error.
    """
    suffix = check(path, SUFFIXES, advice=f"{_EXPECTED}; suffixes {' '.join(SUFFIXES)}")
    if suffix.startswith(".jsonl"):
        from consilience.corpora.guidelines import jsonlines

        return jsonlines.read(path)
    return _recommendations(path, suffix)


def _recommendations(path: Path, suffix: str) -> Iterator[Record | Quarantined]:
    empty = True
    try:
        for record in records_of(_tarball(path) if suffix == ".tar.gz" else _document(path)):
            empty = False
            yield record
    except SkipRecordError as reason:  # a fault of the whole document, such as a value of the wrong kind
        refuse(path, f"{path.name}: {reason}", _EXPECTED)
    if empty:
        refuse(path, f"no recommendation was found in {path.name}", _EXPECTED)


def _document(path: Path) -> Iterator[Pair]:
    data = _bytes(path)
    head = data[:4096].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if head.startswith(("{", "[")):
        return _json(path, data)
    if head.startswith("<"):
        # XHTML begins as XML does; a page that begins with neither word is told by its first element.
        is_xml = re.search(r"<(?:article|pmc-articleset)\b", head) and not _HTML.match(head)
        return _page(path, data) if _HTML.search(head) and not is_xml else _xml(path, data)
    from consilience.corpora.guidelines import fsh

    text = _decoded(path, data)
    return _shorthand(text) if fsh.is_fsh(text) else _unknown(path)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        refuse(path, f"{path.name} is too large", f"at most {MAX_DOCUMENT >> 20} MiB a document")
    return data


def _decoded(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse(path, f"{path.name} is not UTF-8", "text in UTF-8")


def _unknown(path: Path) -> NoReturn:
    refuse(path, f"{path.name} is no guideline in a form that is read here", _EXPECTED)


def _json(path: Path, data: bytes) -> Iterator[Pair]:
    from consilience.corpora.guidelines import fhir, magicapp

    try:
        body = json.loads(_decoded(path, data), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        refuse(path, f"{path.name} is not JSON: {type(error).__name__}: {str(error)[:200]}", _EXPECTED)
    if not isinstance(body, dict):
        _unknown(path)
    if "resourceType" in body:
        return fhir.pairs(fhir.unbundled(body))
    if magicapp.is_guideline(body):
        return magicapp.pairs(body)
    _unknown(path)


def _page(path: Path, data: bytes) -> Iterator[Pair]:
    from consilience.corpora.guidelines import pages

    return pages.pairs(_decoded(path, data))


def _xml(path: Path, data: bytes) -> Iterator[Pair]:
    from consilience.corpora.guidelines import jats

    root = _parsed(path, data)
    found = jats.article(root)
    if found is None:
        refuse(path, f"{path.name} is XML with the root {str(root.tag)[:80]!r}", _EXPECTED)
    if not jats.is_guideline(found):
        refuse(
            path,
            f"{path.name} is an article, but no practice guideline by its type, subject or title",
            "article-type or subject 'guideline', or a title that says guideline, guidance or recommendations for",
        )
    return jats.pairs(found)


def _parsed(path: Path, data: bytes) -> Any:
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        refuse(path, f"{path.name} is not well-formed XML: {str(error)[:200]}", "a complete JATS article")
    subset = root.getroottree().docinfo.internalDTD
    if subset is not None and (next(iter(subset.iterentities()), None) or next(iter(subset.iterelements()), None)):
        refuse(path, f"{path.name} declares entities or the like of its own", "a DOCTYPE without declarations")
    return root


def _shorthand(*texts: str) -> Iterator[Pair]:
    from consilience.corpora.guidelines import fhir, fsh

    return fhir.pairs((resource for text in texts for resource in fsh.resources(text)), "fsh")


def _tarball(path: Path) -> Iterator[Pair]:
    from consilience.corpora.guidelines import fsh

    yield from _shorthand(*fsh.members(path))


def found(records: Iterable[Record | Quarantined]) -> list[Record]:
    """The usable records among what a reader gives."""
    return [record for record in records if isinstance(record, Record)]


__all__ = ["GRADE_MAP", "SUFFIXES", "VERSION", "Grade", "direction_of", "found", "grade_of", "read"]
