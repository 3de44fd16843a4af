"""Citations in files other than PubMed XML: .nbib, .txt, .ris, .csv, .tsv, .jsonl, .jsonl.gz."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from consilience.corpora import design
from consilience.corpora.citations import citation
from consilience.corpora.textfiles import Entry, check, converted, objects, rows
from consilience.records import Quarantined, Record

# Bumped when what is read out of a file changes: files are then read again.
VERSION = f"records.2+{design.VERSION}"

SUFFIXES = (".nbib", ".txt", ".ris", ".csv", ".tsv", ".jsonl", ".jsonl.gz")
# Column names of the field's tools (ASReview's definitions among them), the preferred one first.
_COLUMNS = {
    "title": ("title", "primary_title"),
    "abstract": ("abstract", "notes_abstract", "abstract note", "abstract_note"),
    "doi": ("doi",),
    "pmid": ("pmid", "pubmed_id", "pubmed id", "pubmedid"),
    "published": ("published", "publication_date", "publication date"),
    "year": ("year", "publication_year", "publication year"),
    "keywords": ("keywords",),
    "publication_types": ("publication_types", "publication types", "publication type"),
    "mesh": ("mesh", "mesh_terms", "mesh terms"),
}


def read(path: Path) -> Iterator[Record | Quarantined]:
    """The citations of one file, by its suffix; faulty ones are quarantined, a faulty file is refused.

    Records come while the file is read: keep them only when the iteration ends without an error.
    """
    suffix = check(path, SUFFIXES)
    if suffix in (".nbib", ".txt"):
        from consilience.corpora import nbib

        return converted(path, nbib.entries(path), nbib.record)
    if suffix == ".ris":
        from consilience.corpora import ris

        return converted(path, ris.entries(path), ris.record)
    if suffix in (".csv", ".tsv"):
        return converted(path, _table(path), lambda entry: citation(entry.values))
    return converted(path, objects(path), lambda entry: citation(entry.values))


def _table(path: Path) -> Iterator[Entry | Quarantined]:
    for entry in rows(path, any_of=_COLUMNS["title"] + _COLUMNS["abstract"]):
        yield entry if isinstance(entry, Quarantined) else Entry(entry.position, _renamed(entry.values), entry.raw)


def _renamed(values: Mapping[str, str]) -> dict[str, Any]:
    """The row under the contract's keys; columns that give way to another stay under their own name."""
    left = dict(values)
    named: dict[str, Any] = {}
    for key, names in _COLUMNS.items():
        name = next((name for name in names if name in left), "")
        if name:
            named[key] = left.pop(name)
    return {**left, **named}
