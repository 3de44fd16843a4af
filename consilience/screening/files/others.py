"""PubMed XML and JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from consilience.corpora import pubmed
from consilience.corpora.textfiles import objects, refuse
from consilience.records import Deletion, MeshHeading, Quarantined, canonical_json
from consilience.records import Record as Citation
from consilience.screening.files.fields import LABEL_COLUMNS, Found, Notes, Record


def read_pubmed(path: Path, notes: Notes) -> Iterator[Found]:
    """The citations of PubMed XML; a citation that cannot be used refuses the file."""
    for position, item in enumerate(pubmed.read(path), start=1):
        if isinstance(item, Deletion):
            notes.warn(f"{path.name} asks to delete citations, which an import does not")
        elif isinstance(item, Quarantined):
            refuse(path, f"citation {item.position + 1} of {path.name}: {item.reason}", "whole citations")
        else:
            notes.starts += 1
            yield Found(position, of_citation(item))


def of_citation(citation: Citation) -> dict[str, Any]:
    """A record of a corpus under the keys of a review; what of it has no key is left behind in the corpus."""
    extra, when = citation.extra, citation.published
    years = sorted(event.when.end.year for event in citation.events if event.kind == "ppub")
    return {
        "pmid": citation.pmid,
        "doi": citation.doi,
        "title": citation.fields.get("title", ""),
        "abstract": citation.fields.get("abstract", "") or citation.fields.get("text", ""),
        "authors": citation.authors,
        "journal": citation.journal,
        "year": str(years[0]) if years else str(when.end.year) if when else "",
        "volume": extra.get("volume", ""),
        "issue": extra.get("issue", ""),
        "pages": extra.get("medline_pgn", ""),
        "keywords": citation.keywords,
        "mesh": [_heading(heading) for heading in citation.mesh],
        "publication_types": [each.name for each in citation.publication_types],
        "language": "; ".join(citation.languages),
        "extra": {
            "pmcid": citation.pmcid,
            "registry_ids": citation.registry_ids,
            "corrections": [[each.kind, each.pmid] for each in citation.corrections],
            "license": citation.license,
        },
    }


def _heading(heading: MeshHeading) -> str:
    return "/".join((f"{'*' * heading.major}{heading.name}", *heading.qualifiers))


def read_lines(path: Path, notes: Notes) -> Iterator[Found]:
    """The objects of a .jsonl file; a line that cannot be read refuses the file."""
    for entry in objects(path):
        if isinstance(entry, Quarantined):
            refuse(path, f"line {entry.position} of {path.name} is {entry.reason}", "one JSON object a line")
        notes.starts += 1
        yield Found(entry.position, _keyed(entry.values))


def _keyed(values: Mapping[str, Any]) -> dict[str, Any]:
    """An object whose label may stand under the names that other tools give it."""
    name = next((name for name in LABEL_COLUMNS if values.get(name) is not None), "label")
    renamed = {key: value for key, value in values.items() if key != name}
    return {**renamed, "label": values.get(name)}


def write_lines(records: Sequence[Record]) -> Iterator[str]:
    """One object a line, its keys in order."""
    for record in records:
        yield canonical_json({key: value for key, value in record.items() if key != "source"}) + "\n"
