"""The names the graph knows: surface form -> identifier, type, preferred name, source."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from consilience.errors import StoreDamagedError
from consilience.home import publish
from consilience.kg import concepts as sources_of
from consilience.kg.concepts import Concept, HeadingRow, type_of_heading
from consilience.kg.names import is_acronym, key, variants
from consilience.kg.schema import vocabularies

VERSION = "vocabulary.2"
CAPITALISED = "*"
_COLUMNS = ("key", "identifier", "type", "cased", "name", "source", "own")


@dataclass(frozen=True, slots=True)
class Term:
    """One name of one thing; `own` is what its first vocabulary calls the thing.

    `cased` is "" when case says nothing, `*` when a capital is needed (brands), else the one spelling that counts.
    """

    key: str
    identifier: str
    type: str
    cased: str
    name: str
    source: str
    own: str


class Vocabulary:
    """All names, each under its normal key; read-only once made."""

    def __init__(self, terms: Iterable[Term], sources: Mapping[str, int]) -> None:
        kept: dict[str, Term] = {}
        for term in terms:
            kept.setdefault(term.key, term)
        self._fill(
            [[getattr(t, column) for t in sorted(kept.values(), key=lambda t: t.key)] for column in _COLUMNS], sources
        )

    def _fill(self, columns: list[list[str]], sources: Mapping[str, int]) -> None:
        self._columns = columns
        keys, identifiers, types, cased, names, _, own = columns
        self.terms: dict[str, tuple[str, str, str]] = dict(
            zip(keys, zip(identifiers, types, cased, strict=True), strict=True)
        )
        self.names: dict[str, str] = dict(zip(identifiers, names, strict=True))
        self.types: dict[str, str] = dict(zip(identifiers, types, strict=True))
        self.sources: Mapping[str, int] = dict(sources)
        self._own = own

    def __len__(self) -> int:
        return len(self.terms)

    @property
    def hash(self) -> str:
        """The first 12 hex digits over every key, identifier, type and case rule: the vocabulary's version."""
        digest = hashlib.sha256()
        for row in zip(*self._columns[:4], strict=True):
            digest.update("\t".join(row).encode() + b"\n")
        return digest.hexdigest()[:12]

    def cross_references(self) -> dict[str, tuple[str, ...]]:
        """What other vocabularies call a thing: `MESH:D003924` -> (`MONDO:0005148`,)."""
        found: dict[str, set[str]] = {}
        for identifier, own in zip(self._columns[1], self._own, strict=True):
            if own != identifier:
                found.setdefault(identifier, set()).add(own)
        return {identifier: tuple(sorted(others)) for identifier, others in found.items()}

    def save(self, path: Path) -> None:
        """Write as one Parquet file, whole or not at all; the same vocabulary gives the same bytes."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        facts = {"version": VERSION, "hash": self.hash, "sources": json.dumps(self.sources, sort_keys=True)}
        table = pa.table(dict(zip(_COLUMNS, self._columns, strict=True))).replace_schema_metadata(facts)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        pq.write_table(table, beside, compression="zstd")
        publish(beside, path)

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what `save` wrote."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path, columns=list(_COLUMNS))
            sources = json.loads(table.schema.metadata[b"sources"])
        except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
            raise StoreDamagedError(
                "the vocabulary cannot be read", where=str(path), expected="run consilience refresh"
            ) from error
        loaded = cls.__new__(cls)
        loaded._fill([table.column(column).to_pylist() for column in _COLUMNS], sources)
        return loaded

    @classmethod
    def compile(cls, corpus_rows: Iterable[HeadingRow] = ()) -> Vocabulary:
        """Merge the corpus' own headings with every vocabulary that is installed.

        `sources` counts what each gave; 0 says that a package is missing.
        """
        given = [(name, ui if ":" in ui else f"MESH:{ui}", kind) for name, ui, kind in corpus_rows]
        lite, diseases, substances = sources_of.mesh_lite(), sources_of.mondo(), sources_of.drugs()
        counts = {"corpus": len(given), "mesh-lite": len(lite), "mondo": len(diseases), "drugs": len(substances)}
        return merge([("corpus", given), ("mesh-lite", lite)], [*diseases, *substances], counts)


def merge(
    headings: Iterable[tuple[str, list[HeadingRow]]], concepts: list[Concept], sources: Mapping[str, int]
) -> Vocabulary:
    """One identifier a thing: a concept whose label is a heading takes the heading's MeSH identifier.

    Failing that, a synonym that is a heading nobody else's label claimed lends its identifier.
    """
    merged = _Headings(headings)
    identifier_of = _identify(concepts, merged)
    types = dict(merged.types)
    for concept in concepts:
        types[identifier_of[concept.identifier]] = types.get(identifier_of[concept.identifier]) or concept.type
    terms = [
        *_labels(concepts, identifier_of, types, merged),
        *merged.terms(types),
        *_synonyms(concepts, identifier_of, types, merged),
    ]
    english = _english()
    return Vocabulary((t for t in terms if _is_usable(t.key, english)), sources)


class _Headings:
    """MeSH headings by key; the first source to name one wins."""

    def __init__(self, sources: Iterable[tuple[str, list[HeadingRow]]]) -> None:
        self.by_key: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.types: dict[str, str] = {}
        self._rows: list[tuple[str, str, str]] = []
        told = {key(name): kind for kind, names in vocabularies().headings.items() for name in names}
        for source, rows in sources:
            for name, identifier, kind in rows:
                self._rows.append((name, identifier, source))
                self.names.setdefault(identifier, name)
                kind = told.get(key(name)) or kind or type_of_heading(name)
                self.types[identifier] = self.types.get(identifier) or kind
                for variant in variants(name):
                    self.by_key.setdefault(key(variant), identifier)

    def lends(self, identifier: str, kind: str) -> bool:
        """Say whether a synonym may give a concept this identifier: not `Child` to a disease of childhood."""
        known = self.types[identifier]
        return known == kind or (not known and (kind == "Chemical" or " " in self.names[identifier]))

    def terms(self, types: Mapping[str, str]) -> Iterable[Term]:
        for name, identifier, source in self._rows:
            for variant in variants(name):
                cased = variant if is_acronym(variant) else ""
                yield Term(
                    key(variant),
                    identifier,
                    types.get(identifier) or "Concept",
                    cased,
                    self.names[identifier],
                    source,
                    identifier,
                )


def _identify(concepts: list[Concept], headings: _Headings) -> dict[str, str]:
    identifier_of: dict[str, str] = {}
    claimed: set[str] = set()
    for concept in concepts:
        heading = headings.by_key.get(key(concept.label)) or headings.by_key.get(key(concept.names[0]))
        if heading:
            identifier_of[concept.identifier] = heading
            claimed.add(heading)
    for concept in sorted(concepts, key=lambda c: (c.depth, c.identifier)):
        if concept.identifier in identifier_of:
            continue
        found = {headings.by_key[k] for k in map(key, concept.names) if k in headings.by_key} - claimed
        usable = {h for h in found if headings.lends(h, concept.type)}
        identifier_of[concept.identifier] = usable.pop() if len(usable) == 1 else concept.identifier
        claimed.add(identifier_of[concept.identifier])
    return identifier_of


def _labels(
    concepts: list[Concept], identifier_of: Mapping[str, str], types: Mapping[str, str], headings: _Headings
) -> Iterable[Term]:
    for concept in concepts:
        yield from _terms(concept, (concept.names[0],), identifier_of[concept.identifier], types, headings)


def _synonyms(
    concepts: list[Concept], identifier_of: Mapping[str, str], types: Mapping[str, str], headings: _Headings
) -> Iterable[Term]:
    """Names beyond the label; a short one that several things answer to names none of them."""
    ordered = sorted(concepts, key=lambda c: (c.depth, c.identifier))
    asked = Counter(k for c in ordered for k in {key(name) for name in c.names[1:]})
    for concept in ordered:
        clear = [name for name in concept.names[1:] if asked[key(name)] == 1 or " " in key(name)]
        yield from _terms(concept, clear, identifier_of[concept.identifier], types, headings)


def _terms(
    concept: Concept, names: Iterable[str], identifier: str, types: Mapping[str, str], headings: _Headings
) -> Iterable[Term]:
    preferred = headings.names.get(identifier, concept.label)
    for name in names:
        cased = CAPITALISED if name in concept.brands else name if is_acronym(name) else ""
        for variant in variants(name):
            yield Term(
                key(variant), identifier, types[identifier], cased, preferred, concept.source, concept.identifier
            )


def _is_usable(name: str, english: frozenset[str]) -> bool:
    """Say whether a normal key is long and particular enough to be read as a thing.

    Two letters and bare numbers never are; English words only as part of a longer name.
    """
    longest = max((len(word) for word in name.split()), default=0)
    return longest > 2 and not name.replace(" ", "").isdigit() and name not in english


def _english() -> frozenset[str]:
    from spacy.lang.en.stop_words import STOP_WORDS

    return frozenset(key(word) for word in STOP_WORDS)
