"""Labelled records: rows of a file as they stand, their labels and their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from consilience.corpora.textfiles import Entry, check, objects, refuse, rows
from consilience.errors import BadInputError
from consilience.records import Quarantined
from consilience.screening.files import read_file

SUFFIXES = (".csv", ".tsv", ".jsonl", ".jsonl.gz")
MAX_RECORDS = 200_000
MAX_CHARACTERS = 512 << 20
_LABELS = {"1": 1, "true": 1, "included": 1, "0": 0, "false": 0, "excluded": 0}
# Columns of the field's tools that give way to the contract's keys.
_ALIASES = {
    "title": ("primary_title",),
    "abstract": ("notes_abstract", "abstract note", "abstract_note"),
    "pmid": ("pubmed_id", "pubmed id"),
    "mesh": ("mesh terms", "mesh_terms"),
}


def read_labelled(path: Path) -> list[Mapping[str, Any]]:
    """Every row of a file in order, its own keys kept; columns of a table in lower case.

    The label of RIS and the other formats of `files` is `label_included`. A row that cannot be read refuses the file:
    without it the places of all others would shift.
    """
    if not path.name.lower().endswith(SUFFIXES):
        return [_row(record) for record in read_file(path).records]
    table = check(path, SUFFIXES) in (".csv", ".tsv")
    entries = (
        rows(path, any_of=("title", "abstract", *_ALIASES["title"], *_ALIASES["abstract"])) if table else objects(path)
    )
    kept = list(_bounded(path, entries))
    if not kept:
        refuse(path, f"{path.name} holds no records", "at least one record")
    return kept


def _row(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record as a row of its file: with the id that it has there, not with ours."""
    return {**record["extra"], **record, "id": record["extra"].get("id", ""), "label_included": record["label"]}


def _bounded(path: Path, entries: Iterator[Entry | Quarantined]) -> Iterator[Mapping[str, Any]]:
    characters = 0
    for count, entry in enumerate(entries, start=1):
        if isinstance(entry, Quarantined):
            refuse(path, f"line {entry.position} of {path.name}: {entry.reason}", "rows that can all be read")
        characters += sum(len(value) for value in entry.values.values() if isinstance(value, str))
        if count > MAX_RECORDS or characters > MAX_CHARACTERS:
            refuse(path, f"{path.name} is too large to rank", f"at most {MAX_RECORDS} records and 512 MiB of text")
        yield _renamed(entry.values)


def _renamed(values: Mapping[str, Any]) -> Mapping[str, Any]:
    found = {key: next((values[own] for own in names if own in values), None) for key, names in _ALIASES.items()}
    return {**{key: value for key, value in found.items() if value is not None}, **values}


def labels_of(records: Sequence[Mapping[str, Any]], label: str) -> list[int]:
    """1 for each include and 0 for each exclude; both must occur."""
    labels = [_label(record, row, label) for row, record in enumerate(records)]
    if len(set(labels)) < 2:
        missing = "exclude" if 1 in labels else "include"
        raise BadInputError(f"no record is an {missing}", where=label, expected="at least one include and one exclude")
    return labels


def _label(record: Mapping[str, Any], row: int, label: str) -> int:
    # The columns of a table come in lower case.
    value = record.get(label, record.get(label.lower()))
    known = _LABELS.get(str(value).strip().lower()) if isinstance(value, str | int | bool) else None
    if known is None:
        shown = "no label" if value is None else f"the label {str(value)[:40]!r}"
        raise BadInputError(
            f"row {row} (from 0) has {shown} under {label!r}",
            where=f"row {row}",
            expected="0 or 1, Included or Excluded",
        )
    return known


def name_of(record: Mapping[str, Any], row: int) -> str | int:
    """The record's `pmid` or `id` as the file has it, else its row, from 0."""
    for key in ("pmid", "id"):
        value = record.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip():
            return value.strip()
    return row
