"""Text files entry by entry: bounded in memory, and refused by name when they are not what they claim.

A reader of one format turns a file into entries; `converted` makes records of them. A fault in one entry
quarantines that entry; a fault of the file refuses the file. Entries read before such a fault have then been
given out already, so a caller stages a whole file and keeps it only when the iteration ends.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar, cast

from consilience.errors import BadInputError, RefusedFileError, SkipRecordError
from consilience.records import Quarantined

MAX_LINE = 8 << 20  # no single citation comes near this (sources §1.6)
MAX_TEXT = 4 << 30
MAX_RATIO = 200  # text compresses about 10:1, very repetitive text 60:1
_RATIO_FLOOR = 16 << 20  # below this even a hostile ratio does no harm
_MAX_DEPTH = 32
_RAW = 2000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as its file holds it; `position` is the 1-based line where it begins."""

    position: int
    values: Mapping[str, Any]
    raw: str

    def quarantined(self, reason: str) -> Quarantined:
        """The entry set aside with its reason."""
        return Quarantined(self.position, reason, self.raw[:_RAW])


def refuse(path: Path, message: str, expected: str = "") -> NoReturn:
    """Refuse the whole file."""
    raise RefusedFileError(message, where=path.name, expected=expected)


def check(path: Path, suffixes: Iterable[str], *, advice: str = "") -> str:
    """The suffix of `path` among `suffixes`, or an error that names what is read."""
    name = path.name.lower()
    found = next((suffix for suffix in suffixes if name.endswith(suffix)), "")
    if not found:
        raise BadInputError(
            f"{path.name} has a suffix that is not read here",
            where=path.name,
            expected=advice or "one of " + " ".join(suffixes),
        )
    if not path.is_file():
        raise BadInputError(f"there is no file {path.name}", where=path.name, expected="the path of a file")
    return found


def converted(
    path: Path, entries: Iterable[Entry | Quarantined], make: Callable[[Entry], T]
) -> Iterator[T | Quarantined]:
    """What `make` makes of each entry; an entry it skips is quarantined, and a file without any is refused."""
    empty = True
    for entry in entries:
        empty = False
        if isinstance(entry, Quarantined):
            yield entry
            continue
        try:
            yield make(entry)
        except SkipRecordError as reason:
            yield entry.quarantined(str(reason))
    if empty:
        refuse(path, f"{path.name} holds no records", "at least one record")


def lines(path: Path, *, odd: list[int] | None = None) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends, LF, CRLF or CR; a byte-order mark is dropped, `.gz` is unpacked.

    With a list `odd`, UTF-16 is read too, and a line that is not UTF-8 as Windows-1252; its number goes on the list.
    """
    packed = path.name.lower().endswith(".gz")
    allowed = min(MAX_TEXT, max(_RATIO_FLOOR, path.stat().st_size * MAX_RATIO)) if packed else None
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            source = cast(BinaryIO, stream)
            yield from _decoded(path, source if odd is None else _Utf8.of(path, source), allowed, odd)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        refuse(path, f"{path.name} is truncated or not gzip: {error}", "a complete gzip file")


class _Utf8:
    """A stream of UTF-16 as lines in UTF-8; any other stream stays as it is."""

    def __init__(self, path: Path, stream: BinaryIO, encoding: str) -> None:
        self._path, self._text = path, io.TextIOWrapper(stream, encoding, newline="\n")

    def readline(self, most: int) -> bytes:
        try:
            return self._text.readline(most).encode()
        except UnicodeError as error:
            refuse(self._path, f"{self._path.name} is broken UTF-16: {error}", "text in UTF-8 or UTF-16")

    @staticmethod
    def of(path: Path, stream: BinaryIO) -> BinaryIO | _Utf8:
        start = stream.read(4)
        stream.seek(0)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return _Utf8(path, stream, "utf-16")
        # Without a mark, plain letters give it away: every second byte is zero.
        zeros = [not any(start[half::2]) and len(start) == 4 for half in (0, 1)]
        found = {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get((zeros[0], zeros[1]))
        return _Utf8(path, stream, found) if found else stream


def _decoded(
    path: Path, stream: BinaryIO | _Utf8, allowed: int | None, odd: list[int] | None
) -> Iterator[tuple[int, str]]:
    number = total = 0
    encoding = "utf-8-sig"
    while chunk := stream.readline(MAX_LINE + 1):
        total += len(chunk)
        if len(chunk) > MAX_LINE:
            refuse(path, f"line {number + 1} of {path.name} is longer than {MAX_LINE >> 20} MiB", "shorter lines")
        if allowed is not None and total > allowed:
            refuse(path, f"{path.name} unpacks to far more than its size", f"at most {MAX_RATIO}:1 and 4 GiB")
        try:
            text = chunk.decode(encoding)
        except UnicodeDecodeError:
            if odd is None:
                refuse(path, f"line {number + 1} of {path.name} is not UTF-8", "text in UTF-8")
            odd.append(number + 1)
            text = _western(chunk)
        encoding = "utf-8"
        for piece in text.removesuffix("\n").removesuffix("\r").split("\r"):
            number += 1
            yield number, piece


def _western(line: bytes) -> str:
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:  # five bytes that Windows-1252 leaves free
        return line.decode("latin-1")


def objects(path: Path) -> Iterator[Entry | Quarantined]:
    """JSON objects, one a line; a file whose first line is none is refused."""
    first = True
    for number, line in lines(path):
        if not line.strip():
            continue
        try:
            yield Entry(number, _object(line), line[:_RAW])
        except SkipRecordError as reason:
            if first:
                refuse(path, f"line {number} of {path.name} is {reason}", "one JSON object a line")
            yield Quarantined(number, str(reason), line[:_RAW])
        first = False


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_constant=_no_constant, object_pairs_hook=once)
        if "\\u" in line:
            json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate could not be stored
    except (ValueError, RecursionError) as error:
        raise SkipRecordError(f"not JSON: {type(error).__name__}: {error}") from None
    if not isinstance(value, dict):
        raise SkipRecordError("not a JSON object")
    if line.count("[") + line.count("{") > _MAX_DEPTH and _deeper_than(value, _MAX_DEPTH):
        raise SkipRecordError(f"nested deeper than {_MAX_DEPTH} levels")
    return value


def once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys stand once each: of two values for one key none can be told to be meant."""
    found = dict(members)
    if len(found) < len(members):
        (twice, _), *_ = Counter(name for name, _ in members).most_common(1)
        raise ValueError(f"the key {twice[:40]!r} stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        inner = [i for v in level if isinstance(v, dict | list) for i in (v.values() if isinstance(v, dict) else v)]
        level = [v for v in inner if isinstance(v, dict | list)]
        if not level:
            return False
    return True


def rows(
    path: Path,
    *,
    any_of: Collection[str],
    and_of: Collection[str] = (),
    delimiters: str = ",;",
    source: Iterator[tuple[int, str]] | None = None,
) -> Iterator[Entry | Quarantined]:
    """Rows of a table by lower-case column name; `.tsv` splits on tabs, others on what the header has most.

    A table without any of the columns `any_of`, or of `and_of` if given, is another kind of table, and refused.
    """
    tap = _Tap(path, lines(path) if source is None else source)
    header = tap.peek()
    delimiter = "\t" if path.name.lower().endswith((".tsv", ".tsv.gz")) else max(delimiters, key=header.count)
    csv.field_size_limit(MAX_LINE)  # of all tables; what a row may hold is bounded by the tap
    # Strict, so that a quote that never closes is reported and not swallowed with the rows behind it.
    reader = csv.reader(tap, delimiter=delimiter, strict=True)
    names: list[str] = []
    while True:
        tap.restart()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not names:
                refuse(path, f"the header of {path.name} cannot be read: {error}", "a header line")
            yield Quarantined(tap.start, f"unreadable row: {error}", tap.raw)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if not names:
            names = [" ".join(cell.lower().split()) for cell in cells]
            for wanted in (any_of, and_of):
                if wanted and not set(wanted) & set(names):
                    refuse(path, f"{path.name} has none of the columns read here", "a column " + " or ".join(wanted))
        elif any(cell.strip() for cell in cells[len(names) :]):
            reason = f"{len(cells)} values under {len(names)} columns"
            yield Quarantined(tap.start, reason, tap.raw)
        else:
            yield Entry(tap.start, _named(names, cells), tap.raw)


def _named(names: list[str], cells: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for place, (name, cell) in enumerate(zip(names, cells, strict=False), start=1):
        if cell.strip():
            own = name or f"column {place}"
            values[f"{own} ({place})" if own in values else own] = cell  # two columns of one name: none is lost
    return values


class _Tap:
    """Lines for a CSV reader, remembering what the present row was made of."""

    def __init__(self, path: Path, source: Iterator[tuple[int, str]]) -> None:
        self._path = path
        self._lines = source
        self.restart()

    def restart(self) -> None:
        self.start, self.raw, self._size = 0, "", 0

    def peek(self) -> str:
        first = next(((number, line) for number, line in self._lines if line.strip()), None)
        if first is None:
            return ""
        self._lines = chain([first], self._lines)
        return first[1]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        self.start = self.start or number
        self.raw = (self.raw + line + "\n")[:_RAW]
        self._size += len(line)
        if self._size > MAX_LINE:
            refuse(self._path, f"the row at line {self.start} of {self._path.name} does not end", "closed quotes")
        return line + "\n"
