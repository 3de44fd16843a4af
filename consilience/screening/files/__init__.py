"""Records of reviews in the files of the field's tools: what reads them, and what writes them.

As many records are read as begin in a file, or the file is refused: none is lost in silence.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

from consilience.corpora.textfiles import lines, refuse
from consilience.errors import BadInputError
from consilience.home import STAGED, publish
from consilience.screening.files.fields import Found, Notes, Record, record

# Formats by suffix; those in parentheses by what the file begins with.
FORMATS = ("ris", "nbib", "csv", "tsv", "xlsx", "endnote", "bibtex", "pubmed", "jsonl")
_SUFFIXES = {
    ".ris": "ris", ".nbib": "nbib", ".medline": "nbib", ".txt": "", ".csv": "csv", ".tsv": "tsv", ".tab": "tsv",
    ".xlsx": "xlsx", ".xml": "", ".bib": "bibtex", ".bibtex": "bibtex", ".jsonl": "jsonl",
}  # fmt: skip
_WRITTEN = {".xml": "endnote", ".txt": "nbib"}
MAX_RECORDS = 500_000
MAX_CHARACTERS = 1 << 30
_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Reading:
    """The records of one file, in its order, and what was noticed on the way."""

    records: tuple[Record, ...]
    format: str  # one of FORMATS
    sha256: str  # of the file, byte for byte
    counts: Mapping[str, int]  # "starts" (records that begin in the file), "records", "labelled", "included"
    warnings: tuple[str, ...]


def read_file(path: Path) -> Reading:
    """Every record of a file; one that cannot be told apart refuses the file, so that none is lost."""
    path = Path(path)
    form = _form(path)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    notes = Notes()
    records = tuple(_distinct(_records(path, form, digest, notes), digest))
    if notes.starts != len(records):
        refuse(path, f"{notes.starts} records begin in {path.name}, but {len(records)} were read", "whole records")
    if not records:
        refuse(path, f"{path.name} holds no records", "at least one record")
    labels = [record["label"] for record in records if record["label"] is not None]
    counts = {"starts": notes.starts, "records": len(records), "labelled": len(labels), "included": sum(labels)}
    return Reading(records, form, digest, counts, tuple(notes.warnings))


def write_file(records: Iterable[Record], path: Path, format: str | None = None) -> str:
    """Write records atomically in a format, by default the one of the path's suffix; returns the file's SHA-256.

    The format may be one of FORMATS or a suffix: `bibtex`, `bib`.
    """
    path, given = Path(path), list(records)
    suffix = f".{format}" if format else path.suffix.lower()
    form = format if format in FORMATS else _WRITTEN.get(suffix) or _SUFFIXES.get(suffix, "")
    if form not in FORMATS or form == "pubmed":
        known = ", ".join(name for name in FORMATS if name != "pubmed")
        raise BadInputError(f"records are not written as {form or suffix.lstrip('.') or 'a file without suffix'}",
                            where=path.name, expected=f"one of {known}")  # fmt: skip
    beside = path.with_name(f"{STAGED}{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if form == "xlsx":
            from consilience.screening.files import tables

            with beside.open("wb") as stream:
                tables.write_workbook(given, stream)
        else:
            with beside.open("w", encoding="utf-8", newline="") as text:
                text.writelines(_written(given, form))
        with beside.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        publish(beside, path)
    except OSError as error:
        raise BadInputError(f"{path.name} cannot be written: {error.strerror}", where=str(path),
                            expected="a file you may write") from None  # fmt: skip
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
    return digest


def _written(records: Sequence[Record], form: str) -> Iterable[str]:
    from consilience.screening.files import bibtex, endnote, nbib, others, ris, tables

    writers: dict[str, Callable[[], Iterable[str]]] = {
        "ris": lambda: ris.write(records),
        "nbib": lambda: nbib.write(records),
        "csv": lambda: chain(("\ufeff",), tables.write(records, ",")),  # the mark tells Excel that it is UTF-8
        "tsv": lambda: tables.write(records, "\t"),
        "endnote": lambda: endnote.write(records),
        "bibtex": lambda: bibtex.write(records),
        "jsonl": lambda: others.write_lines(records),
    }
    return writers[form]()


# ---------------------------------------------------------------- reading


def _form(path: Path) -> str:
    """The format of a file by its suffix, and by its beginning where the suffix may mean several."""
    name = path.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix not in _SUFFIXES or (name != path.name.lower() and suffix == ".xlsx"):
        raise BadInputError(f"{path.name} has a suffix that is not read here", where=path.name,
                            expected="one of " + " ".join(_SUFFIXES))  # fmt: skip
    if not path.is_file():
        raise BadInputError(f"there is no file {path.name}", where=path.name, expected="the path of a file")
    if suffix == ".xlsx":
        return "xlsx"
    if suffix in (".ris", ".nbib", ".medline", ".txt", ".xml"):
        return _told_by(path, suffix)
    return _SUFFIXES[suffix]


def _told_by(path: Path, suffix: str) -> str:
    """The format that the first lines of a file show, whatever it is called."""
    packed = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            head = cast(BinaryIO, stream).read(_HEAD)
    except (OSError, EOFError, zlib.error) as error:
        refuse(path, f"{path.name} is truncated or not gzip: {error}", "a complete file")
    # What matters is plain ASCII in every encoding, with zeros between in UTF-16.
    text = head.replace(b"\0", b"").replace(b"\r", b"\n").decode("ascii", "replace")
    if suffix == ".xml":
        return "endnote" if re.search(r"<xml\b", text) else "pubmed"
    for form, begins in _BEGINS.items():
        if begins.search(text):
            return form
    if re.match(r"\W*FN (Clarivate|Thomson|ISI)", text):
        refuse(path, f"{path.name} is Web of Science's own plain text", "an export as RIS")
    if suffix == ".txt":
        refuse(path, f"{path.name} is neither RIS nor MEDLINE", "TY  - ... or PMID- ...")
    return _SUFFIXES[suffix]


_BEGINS = {
    "ris": re.compile(r"^[^A-Za-z\n]{0,12}TY {0,2}-", re.MULTILINE),
    "nbib": re.compile(r"^\W{0,5}(?:PMID|OWN|STAT) {0,2}-", re.MULTILINE),
}


def _records(path: Path, form: str, digest: str, notes: Notes) -> Iterator[dict[str, Any]]:
    characters = 0
    for number, found in enumerate(_found(path, form, notes), start=1):
        made = record(found, file=path.name, digest=digest, number=number)
        characters += sum(len(value) for value in found.values.values() if isinstance(value, str))
        if number > MAX_RECORDS or characters > MAX_CHARACTERS:
            refuse(path, f"{path.name} is too large", f"at most {MAX_RECORDS:,} records and 1 GiB of text")
        yield made


def _found(path: Path, form: str, notes: Notes) -> Iterator[Found]:
    from consilience.screening.files import bibtex, endnote, nbib, others, ris, tables

    if form == "pubmed":
        return others.read_pubmed(path, notes)
    if form == "endnote":
        return endnote.read(path, notes)
    if form == "xlsx":
        return tables.read_workbook(path, notes)
    if form == "jsonl":
        return others.read_lines(path, notes)
    readers = {"ris": ris.read, "nbib": nbib.read, "csv": tables.read, "tsv": tables.read, "bibtex": bibtex.read}
    return readers[form](path, _plain(path, notes), notes)


_CONTROLS: Mapping[int, str | None] = {
    **dict.fromkeys((*range(9), *range(11, 32), 0x7F, 0x85, 0x2028, 0x2029), " "),
    0xFEFF: None,
}


def _plain(path: Path, notes: Notes) -> Iterator[tuple[int, str]]:
    """Lines in whatever encoding, without marks and controls, so that nothing hides a tag from its reader."""
    odd: list[int] = []
    for number, line in lines(path, odd=odd):
        yield number, line if line.isprintable() else line.translate(_CONTROLS)
    if odd:
        notes.warn(f"{len(odd)} lines of {path.name}, the first at {odd[0]}, are not UTF-8: read as Windows-1252")


def _distinct(records: Iterable[dict[str, Any]], digest: str) -> Iterator[dict[str, Any]]:
    """Records with ids that are each theirs: of two that bring the same id, the second gets a new one."""
    from consilience.screening.files.fields import identity

    seen: set[str] = set()
    for number, made in enumerate(records, start=1):
        if made["id"] in seen:
            made["extra"]["id"] = made["id"]
            made["id"] = identity(digest, number)
        seen.add(made["id"])
        yield made


__all__ = ["FORMATS", "MAX_RECORDS", "Found", "Notes", "Reading", "Record", "read_file", "write_file"]
