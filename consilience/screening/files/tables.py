"""Tables: .csv, .tsv and .xlsx, with the columns of ASReview, PubMed, Scopus, Web of Science, Embase and managers.

A cell that a spreadsheet would take for a formula is written with an apostrophe before it, and read without.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from consilience.corpora.textfiles import refuse, rows
from consilience.errors import BadInputError
from consilience.records import Quarantined, canonical_json, normal_space
from consilience.screening.files.fields import KEYS, LABEL_COLUMNS, Found, Notes, Record, joined, label_of, pages

_COLUMNS = {
    "id": ("id", "record_id", "accession number", "covidence #", "key", "eid", "ut (unique wos id)"),
    "pmid": ("pmid", "pubmed_id", "pubmed id", "pubmedid", "medline pmid"),
    "doi": ("doi", "digital object identifier"),
    "title": ("title", "primary_title", "article title", "document title", "publication_title"),
    "abstract": ("abstract", "notes_abstract", "abstract note", "abstract_note"),
    "authors": ("authors", "author", "author names", "author_names", "first_authors", "author full names"),
    "journal": (
        *("journal", "journal/book", "source title", "publication title", "journal_name", "source", "secondary_title"),
        *("journal title",),
    ),
    "year": ("year", "publication year", "publication_year", "published year", "published", "date", "publication date"),
    "volume": ("volume",),
    "issue": ("issue", "number", "issue number"),
    "pages": ("pages", "page"),
    "keywords": ("keywords", "author keywords", "manual tags"),
    "mesh": ("mesh", "mesh_terms", "mesh terms", "mesh headings"),
    "publication_types": (
        "publication_types", "publication types", "publication type", "document type", "type_of_work",
    ),
    "url": ("url", "link", "urls"),
    "language": ("language", "languages", "language of original document"),
    "label": LABEL_COLUMNS,
}  # fmt: skip
_TEXTS = (*_COLUMNS["title"], *_COLUMNS["abstract"])
_FIRST, _LAST = ("start_page", "page start", "start page"), ("end_page", "page end", "end page")
# What fits no key, where it can have a column of its own.
_OWN = re.compile(r"[a-z][a-z0-9_-]*(?: [a-z0-9_-]+)*")
_READ = frozenset(("extra", *_FIRST, *_LAST, *KEYS, *(name for names in _COLUMNS.values() for name in names)))
_MOST_COLUMNS = 40
_OUT = tuple("label_included" if key == "label" else key for key in KEYS if key != "source")
# What a spreadsheet begins a formula with (OWASP, "CSV injection"), full-width forms included.
_FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r＝＋－＠]")
# `Smith J, Doe AB.` of PubMed and Scopus: commas between people only where each part has initials.
_PERSON = re.compile(r"[^\s,][^,]* (?:[A-Z]\.?-?){1,4}")
_MAX_CELL = 32_767  # Excel's limit
_MAX_ROWS = 1_048_576
_MAX_UNPACKED = 512 << 20
# What reading a damaged workbook may raise.
_UNSOUND = (
    LookupError, ValueError, OSError, zipfile.BadZipFile, zlib.error, EOFError, SyntaxError, TypeError, AttributeError,
    ArithmeticError, RuntimeError,
)  # fmt: skip
# A part of a workbook begins with its root: what stands before it, a DOCTYPE above all, is of no use to records.
_PLAIN = re.compile(rb"(?:\xef\xbb\xbf)?(?:<\?xml[^<>]*\?>)?\s*<[A-Za-z]")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ANY_DAY = (1980, 1, 1, 0, 0, 0)


def read(path: Path, source: Iterable[tuple[int, str]], notes: Notes) -> Iterator[Found]:
    """The rows of a .csv or .tsv; one that cannot be read refuses the file."""
    lines = iter(source)
    first = next(((number, line) for number, line in lines if line.strip()), (0, ""))
    told = re.fullmatch(r'"?sep=(.)"?', first[1].strip(), re.IGNORECASE)  # Excel's own hint
    given = lines if told else chain([first], lines)
    for row in rows(path, any_of=_TEXTS, delimiters=told[1] if told else ",;\t|", source=given):
        if isinstance(row, Quarantined):
            refuse(path, f"line {row.position} of {path.name}: {row.reason}", "rows that can all be read")
        notes.starts += 1
        yield Found(row.position, values_of(row.values))


def values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row by its lower-case column names under the record's keys; what has no key stays under its own name."""
    left = {name: _unguarded(cell) for name, cell in row.items()}
    found = {key: _taken(left, names) for key, names in _COLUMNS.items()}
    if not found["pages"]:
        found["pages"] = pages(*(str(_taken(left, names) or "") for names in (_FIRST, _LAST)))
    found["authors"] = _people(found["authors"])
    given = _object(left.pop("extra", None))
    return {**found, "extra": {**left, **given}}


def _taken(left: dict[str, Any], names: Sequence[str]) -> Any:
    name = next((name for name in names if left.get(name) not in (None, "")), "")
    return left.pop(name, None)


def _people(given: Any) -> Any:
    if not isinstance(given, str) or ";" in given:
        return given
    parts = [part.strip() for part in given.rstrip(". ").split(",")]
    return parts if len(parts) > 1 and all(map(_PERSON.fullmatch, parts)) else given


def _object(cell: Any) -> dict[str, Any]:
    try:
        value = json.loads(cell) if isinstance(cell, str) else None
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"extra": cell} if cell else {}


def _guarded(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _unguarded(cell: Any) -> Any:
    return cell[1:] if isinstance(cell, str) and _GUARDED.match(cell) else cell


# ---------------------------------------------------------------- workbooks


def read_workbook(path: Path, notes: Notes) -> Iterator[Found]:
    """The rows of the one sheet of an .xlsx that has a title or an abstract."""
    _check_archive(path)
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        sheets = [(sheet, names) for sheet in book.worksheets if (names := _header(sheet)) and set(_TEXTS) & set(names)]
        if len(sheets) != 1:
            many = "no sheet has" if not sheets else f"{len(sheets)} sheets have"
            refuse(path, f"{many} a column of titles or abstracts in {path.name}", "one sheet of records")
        sheet, names = sheets[0]
        sheet.reset_dimensions()  # what a sheet says of its size would be filled with empty cells
        for position, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            if position > _MAX_ROWS:
                refuse(path, f"{path.name} has a row beyond the last one of a sheet", f"at most {_MAX_ROWS:,} rows")
            if position == 1 or not any(_filled(cell) for cell in cells):
                continue
            if any(_filled(cell) for cell in cells[len(names) :]):
                refuse(path, f"row {position} of {path.name} has values under no column", "a header for each column")
            notes.starts += 1
            yield Found(position, values_of(_row(names, cells)))
    except _UNSOUND as error:
        refuse(path, f"{path.name} is no sound workbook: {type(error).__name__}", "an .xlsx file")


def _header(sheet: Any) -> list[str]:
    first = next(sheet.iter_rows(max_row=1, values_only=True), ())
    names = [" ".join(str(cell).lower().split()) if cell is not None else "" for cell in first]
    while names and not names[-1]:
        names.pop()
    return names


def _row(names: Sequence[str], cells: Sequence[Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for place, (name, cell) in enumerate(zip(names, cells, strict=False), start=1):
        if _filled(cell):
            own = name or f"column {place}"
            row[f"{own} ({place})" if own in row else own] = _unescaped(cell)
    return row


def _unescaped(cell: Any) -> Any:
    """A cell's value; Excel writes what XML cannot hold as `_x000D_`."""
    if isinstance(cell, int | float):
        return cell
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), str(cell))


def _filled(cell: Any) -> bool:
    return cell is not None and bool(str(cell).strip())


def _check_archive(path: Path) -> None:
    """Refuse what would cost too much, or what declares entities: no part of a workbook has a DOCTYPE."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_UNPACKED:
                refuse(path, f"{path.name} unpacks to more than 512 MiB", "a smaller workbook")
            for part in archive.infolist():
                if part.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(part) as stream:
                        start = stream.read(1 << 12)
                    if not _PLAIN.match(start):
                        refuse(path, f"{path.name} holds a part that is not plain XML", "an .xlsx file")
    except _UNSOUND as error:
        refuse(path, f"{path.name} is no workbook: {error}", "an .xlsx file")


# ---------------------------------------------------------------- writing


def write(records: Sequence[Record], delimiter: str) -> Iterator[str]:
    """The header and the rows of a table, each ended by CRLF as RFC 4180 has it."""
    for cells in _table(records):
        line = io.StringIO()
        csv.writer(line, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
        yield line.getvalue()


def write_workbook(records: Sequence[Record], stream: BinaryIO) -> None:
    """An .xlsx of one sheet in which every cell is text; too long a text is refused, since Excel would cut it."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    rows = list(_table(records))
    for cells in rows:
        if long := next((text for text in cells if len(text) > _MAX_CELL), ""):
            message = f"a text of {cells[0]} is longer than a cell of .xlsx holds: {long[:40]!r} ..."
            raise BadInputError(message, where=cells[0], expected=".csv")
    book = Workbook(write_only=True)
    sheet = book.create_sheet("records")
    for cells in rows:
        made = []
        for text in cells:
            cell = WriteOnlyCell(sheet, value=re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text) or None)
            if text:
                cell.data_type = "s"  # else "=..." would be a formula
            made.append(cell)
        sheet.append(made)
    saved = io.BytesIO()
    book.save(saved)
    _timeless(saved, stream)


def _timeless(saved: BinaryIO, stream: BinaryIO) -> None:
    """Copy a workbook without the times of its making, so that the same records give the same bytes."""
    with zipfile.ZipFile(saved) as made, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as copy:
        for part in made.infolist():
            data = made.read(part)
            if part.filename == "docProps/core.xml":
                data = re.sub(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:\1>", b"", data)
            copy.writestr(zipfile.ZipInfo(part.filename, _ANY_DAY), data, zipfile.ZIP_DEFLATED)


def _table(records: Sequence[Record]) -> Iterator[list[str]]:
    """The header and the rows; texts that fit no key have columns of their own, and what else there is one of JSON."""
    many = Counter(
        name for record in records for name, value in (record.get("extra") or {}).items() if _is_column(name, value)
    )
    own = sorted(sorted(many), key=lambda name: -many[name])[:_MOST_COLUMNS]
    yield [*_OUT, *own]
    for record in records:
        extra = dict(record.get("extra") or {})
        cells = [str(extra.pop(name)) if _is_column(name, extra.get(name)) else "" for name in own]
        values = {**record, "label_included": label_of(record.get("label")), "extra": extra}
        yield [_guarded(normal_space(text)) for text in (*(_cell(values.get(key), key) for key in _OUT), *cells)]


def _is_column(name: str, value: Any) -> bool:
    """Say whether a value that fits no key can be read back from a column of its name."""
    return isinstance(value, str) and bool(_OWN.fullmatch(name)) and name not in _READ


def _cell(value: Any, key: str) -> str:
    if key == "extra":
        return canonical_json(value) if value else ""
    return "" if value is None else joined(value) if isinstance(value, list | tuple) else str(value)
