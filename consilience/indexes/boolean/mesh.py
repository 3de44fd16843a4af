"""The MeSH tree: which headings are narrower than one, by what other names one goes; a home keeps each edition."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consilience.corpora import textfiles, xmlfile
from consilience.errors import RefusedFileError, StoreDamagedError
from consilience.home import Rooms, name_of, publish, staging
from consilience.indexes.boolean.fields import key
from consilience.records import normal_space

_XML = xmlfile.Dialect(
    name="MeSH XML", records={"DescriptorRecordSet": ("DescriptorRecord",)},
    dtd_hosts=frozenset({"www.nlm.nih.gov", "nlmpubs.nlm.nih.gov"}), prefixes={},
)  # fmt: skip
# MeSH has a few hundred thousand names and tree numbers, in tens of megabytes: what is far from it fills no memory.
_MOST_NAMES, _MOST_TEXT = 4_000_000, 1 << 28
_SUFFIXES = (".xml", ".xml.gz", ".bin", ".bin.gz", ".tsv", ".tsv.gz")


@dataclass(frozen=True, slots=True)
class Heading:
    """One descriptor: its identifier, its name, where it stands in the tree, its entry terms."""

    ui: str
    name: str
    numbers: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()


class Tree:
    """All headings of one edition of MeSH; read-only."""

    def __init__(self, headings: Iterable[Heading], edition: str = "") -> None:
        self.edition = edition
        self.headings = {heading.ui: heading for heading in headings}
        self._ui: dict[str, str] = {}
        for heading in self.headings.values():
            self._ui.setdefault(key(heading.ui), heading.ui)
            self._ui[key(heading.name)] = heading.ui
        for heading in self.headings.values():
            for entry in heading.entries:
                self._ui.setdefault(key(entry), heading.ui)
        self._places = sorted((number, heading.ui) for heading in self.headings.values() for number in heading.numbers)

    def __len__(self) -> int:
        return len(self.headings)

    def find(self, name: str) -> Heading | None:
        """The heading called so: by its name, an entry term or its identifier."""
        ui = self._ui.get(key(name))
        return self.headings[ui] if ui else None

    def narrower(self, heading: Heading) -> list[Heading]:
        """The heading and all below it, wherever in the tree it stands; each once, by identifier."""
        found = {heading.ui}
        for number in heading.numbers:
            at = bisect_left(self._places, (number, ""))
            while at < len(self._places) and self._places[at][0].startswith(number):
                place, ui = self._places[at]
                if place == number or place[len(number)] == ".":
                    found.add(ui)
                at += 1
        return [self.headings[ui] for ui in sorted(found)]


# ---------------------------------------------------------------- reading an edition


def read(path: Path) -> Iterator[Heading]:
    """The headings of NLM's descriptor file, XML or ASCII, or of a table of tree numbers; each plain or gzipped."""
    suffix = textfiles.check(path, _SUFFIXES).removesuffix(".gz")
    names = 0
    for heading in {".xml": _read_xml, ".bin": _read_ascii, ".tsv": _read_table}[suffix](path):
        if not (heading.ui and heading.name):
            textfiles.refuse(path, "a heading without identifier or name", "NLM's descriptor file")
        names += 1 + len(heading.numbers) + len(heading.entries)
        if names > _MOST_NAMES:
            textfiles.refuse(path, "far more headings than MeSH has", f"at most {_MOST_NAMES:,} names and numbers")
        yield heading


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    size = 0
    for number, line in textfiles.lines(path):
        size += len(line)
        if size > _MOST_TEXT:
            textfiles.refuse(path, "far more text than MeSH has", f"at most {_MOST_TEXT >> 20} MiB")
        yield number, line


def _read_xml(path: Path) -> Iterator[Heading]:
    for element in xmlfile.elements(path, _XML, xmlfile.Limits()):
        ui, name = element.findtext("DescriptorUI", ""), element.findtext("DescriptorName/String", "")
        numbers = [each.text for each in element.iterfind("TreeNumberList/TreeNumber")]
        entries = [each.text for each in element.iterfind("ConceptList/Concept/TermList/Term/String")]
        yield _heading(ui, name, numbers, entries)


def _heading(ui: str, name: str, numbers: Iterable[str | None], entries: Iterable[str | None]) -> Heading:
    plain = normal_space(name)
    others = dict.fromkeys(normal_space(entry) for entry in entries if entry)
    places = {number.strip() for number in numbers if number}
    return Heading(ui.strip(), plain, tuple(sorted(places - {""})),
                   tuple(entry for entry in others if entry and entry != plain))  # fmt: skip


def _read_ascii(path: Path) -> Iterator[Heading]:
    """`*NEWRECORD`, then lines `MH = Asthma`, `MN = C08.127`, `ENTRY = Bronchial Asthma|T047|...`, `UI = D001249`."""
    record: dict[str, list[str]] = {}
    for _, line in _lines(path):
        if line.startswith("*NEWRECORD"):
            yield from _ascii_heading(record)
            record = {}
        name, separator, text = line.partition(" = ")
        if separator:
            record.setdefault(name.strip(), []).append(text)
    yield from _ascii_heading(record)


def _ascii_heading(record: dict[str, list[str]]) -> Iterator[Heading]:
    if record.get("MH") and record.get("UI"):
        entries = [text.split("|")[0] for name in ("PRINT ENTRY", "ENTRY") for text in record.get(name, ())]
        yield _heading(record["UI"][0], record["MH"][0], record.get("MN", ()), entries)


def _read_table(path: Path) -> Iterator[Heading]:
    """One row a tree number: `mesh_id`, `mesh_name`, `mesh_tree_number`, tabs between."""
    lines = _lines(path)
    if next(lines, (0, ""))[1].split("\t")[:3] != ["mesh_id", "mesh_name", "mesh_tree_number"]:
        raise RefusedFileError("no table of tree numbers", where=path.name,
                               expected="columns mesh_id, mesh_name, mesh_tree_number")  # fmt: skip
    found: dict[str, tuple[str, list[str]]] = {}
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) < 3 or not cells[0] or not cells[1]:
            raise RefusedFileError(f"line {number} has no identifier or name", where=path.name)
        found.setdefault(cells[0], (cells[1], []))[1].append(cells[2])
    for ui, (name, numbers) in found.items():
        yield _heading(ui, name, numbers, ())


# ---------------------------------------------------------------- keeping it


def _folder(rooms: Rooms) -> Path:
    return rooms.corpora / "mesh"


@dataclass(frozen=True, slots=True)
class Kept:
    """An edition in the home: its name there, how many headings it has, whether it was new."""

    edition: str
    headings: int
    changed: bool

    def as_json(self) -> dict[str, Any]:
        """The keys of the contract."""
        return {name: getattr(self, name) for name in self.__slots__}


def keep(rooms: Rooms, path: Path, known_at: str) -> Kept:
    """Read an edition and keep it in the home.

    Earlier editions stay; the newest one counts. A file without a tree number is refused.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    headings = sorted(read(path), key=lambda heading: heading.ui)
    if not any(heading.numbers for heading in headings):
        raise RefusedFileError("the file has no tree numbers", where=path.name, expected="NLM's descriptor file")
    rows = [[h.ui for h in headings], [h.name for h in headings],
            ["|".join(h.numbers) for h in headings], ["|".join(h.entries) for h in headings]]  # fmt: skip
    table = pa.table(dict(zip(_COLUMNS, rows, strict=True)))
    folder = _folder(rooms)
    newest = _newest(rooms)
    if newest and pq.read_table(newest, columns=list(_COLUMNS)).equals(table):
        return Kept(newest.stem, len(headings), False)
    folder.mkdir(parents=True, exist_ok=True)
    name = name_of(int(newest.stem) + 1 if newest else 1)
    told = table.replace_schema_metadata({"mesh": json.dumps({"file": path.name, "known_at": known_at})})
    with staging(rooms.corpora, "mesh") as scratch:
        staged = scratch / "edition.parquet"
        pq.write_table(told, staged, compression="zstd")
        publish(staged, folder / f"{name}.parquet")
    return Kept(name, len(headings), True)


_COLUMNS = ("ui", "name", "numbers", "entries")


def _newest(rooms: Rooms) -> Path | None:
    return max(_folder(rooms).glob("[0-9]*.parquet"), default=None)


def load(rooms: Rooms) -> Tree | None:
    """The tree of the newest edition in the home, if there is one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _newest(rooms)
    if path is None:
        return None
    try:
        columns = [column.to_pylist() for column in pq.read_table(path, columns=list(_COLUMNS)).columns]
    except (OSError, pa.ArrowException) as error:
        raise StoreDamagedError("the MeSH tree cannot be read", where=str(path), expected="consilience ingest mesh") \
            from error  # fmt: skip
    headings = [Heading(ui, name, tuple(numbers.split("|")) if numbers else (),
                        tuple(entries.split("|")) if entries else ())
                for ui, name, numbers, entries in zip(*columns, strict=True)]  # fmt: skip
    return Tree(headings, path.stem)


class Shelf:
    """The tree of a home, read when it is first asked for, and again once a newer edition is there."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._held: tuple[Path | None, Tree | None] = (None, None)

    def tree(self) -> Tree | None:
        """The newest edition; None if the home has none."""
        newest = _newest(self._rooms)
        if newest != self._held[0]:
            self._held = (newest, load(self._rooms))
        return self._held[1]
