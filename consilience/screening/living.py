"""A review that stays alive: after a refresh of the home only what is new is screened; what befell the old is told."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilience.clocks import instant_text, parse_instant
from consilience.corpora import keys
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.store import SHARDS
from consilience.errors import BadInputError
from consilience.indexes import Index
from consilience.indexes.boolean import strategy
from consilience.records import canonical_json
from consilience.screening.intake import Origin, take_in
from consilience.screening.protocol import Stage
from consilience.screening.shelf import curies
from consilience.screening.state import Flag, Record, State

if TYPE_CHECKING:
    from consilience.screening.review import Review

DATABASE = "the home's corpus"
ACTOR = {"type": "rule", "name": "update"}


def update(review: Review, corpus: Corpus, index: Index, clocks: Clocks, *, dry_run: bool = False) -> dict[str, Any]:
    """Take in what the protocol's search finds in the corpus and the review has not, and flag what befell the rest.

    Decisions stay as they are: a flag says that one stands on a paper that was retracted or deleted since.
    """
    with review.changing() as state:
        search = review.protocol.search
        if not search:
            raise BadInputError("the protocol names no search", where="protocol.yaml: search",
                                expected="a Boolean strategy; consilience screen query DIR writes one")  # fmt: skip
        asked = strategy.read(search, "auto")
        rows = index.lexical.run(index.sights.of(clocks, None)).whole(asked).nonzero()[0]
        known = _known(review)
        # By id: rows have other places in every snapshot.
        ordered = sorted(map(int, rows), key=lambda row: _by_id(corpus, row))
        # A recommendation of a guideline is no record: what it rests on is.
        found = [record_of(corpus, row) for row in ordered if corpus.table["source"][row].as_py() != "guidelines"]
        fresh = [each for each in found if not known.keys() & set(curies(each))]
        flags = list(flagged(review, corpus, clocks, known))
        before = {id: flag.status for id, flag in state.flags.items()}
        news = [each for each in flags if before.get(each.id) != each.status]
        body = {"search": search, "snapshot": corpus.name, "known_at": instant_text(clocks.known_at),
                "as_of": clocks.as_of.isoformat(), "found": len(found), "new": len(fresh),
                "flags": [flag_body(each) for each in flags]}  # fmt: skip
        last = state.updates[-1].body if state.updates else None
        same = last is not None and not fresh and last["flags"] == body["flags"] and last["snapshot"] == corpus.name
        taken = None
        if not dry_run and not same:
            # First the update, then what it brings: what was settled before it is the earlier version of the review.
            review.append("update", ACTOR, body)
            taken = _take_in(review, fresh, corpus.name) if fresh else None
            flags = list(flagged(review, corpus, clocks, _known(review))) if fresh else flags
            if (bodies := [flag_body(each) for each in flags]) != body["flags"]:
                review.append("update", ACTOR, {**body, "new": 0, "flags": bodies})
            news = [each for each in flags if before.get(each.id) != each.status]
        return {
            "search": search, "found": len(found), "new": len(fresh), "imported": taken["new"] if taken else 0,
            "duplicates": taken["duplicates"] if taken else 0,
            "flags": [{"id": each.id, "document": each.document, "status": each.status, "since": each.since,
                       "notice": each.notice, "before": before.get(each.id, "active"),
                       "outcome": state.outcome(each.id, "title_abstract").result} for each in news],
            "lifted": sorted(before.keys() - {each.id for each in flags}),
            "warnings": [*index.cautions(asked), *review.told()],
        }  # fmt: skip


def flag_body(flag: Flag) -> dict[str, Any]:
    """A flag as the ledger holds it."""
    return {name: getattr(flag, name) for name in Flag.__slots__}


def flagged(review: Review, corpus: Corpus, clocks: Clocks, known: Mapping[str, Sequence[str]]) -> Iterator[Flag]:
    """What befell the documents of the review's units, those the corpus knows; active ones are not told."""
    state, done = review.state, set()
    for document, ids in _documents(corpus, known):
        standing = _standing(corpus, document, clocks)
        for unit in dict.fromkeys(state.master_of(id) for id in ids):
            if standing is not None and unit not in done:
                done.add(unit)
                status, since, notice = standing
                yield Flag(unit, status, since, notice, document)


def _documents(corpus: Corpus, known: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """The corpus's documents among those a review has, each with the review's records; a DOI finds a PMID's, too."""
    table = keys.read(corpus.store, corpus.store.commits(), range(SHARDS)).select(["id", "doi"])
    pairs = zip(*(column.to_pylist() for column in table.columns), strict=True)
    by_doi = {f"DOI:{doi}": document for document, doi in pairs if doi}
    for name, ids in known.items():
        document = name if name in corpus.rows_by_id else by_doi.get(name)
        if document in corpus.rows_by_id:
            yield document, ids


def _by_id(corpus: Corpus, row: int) -> tuple[int, str]:
    id = str(corpus.table["id"][row].as_py())
    return len(id), id


def _standing(corpus: Corpus, document: str, clocks: Clocks) -> tuple[str, str | None, str] | None:
    rows = [r for r in corpus.rows_by_id[document] if corpus.known_from[r] <= clocks.instant < corpus.known_until[r]]
    if not rows:
        return None
    status = corpus.status(document, clocks, deleted=not corpus.alive[rows[-1]])
    if status.name == "active":
        return None
    return status.name, status.since.isoformat() if status.since else None, status.by


def _known(review: Review) -> dict[str, list[str]]:
    """Every document the review has, by each of its names, with the records about it."""
    found: dict[str, list[str]] = {}
    for record in review.records().all():
        for name in curies(record):
            found.setdefault(name, []).append(record["id"])
    return found


def _take_in(review: Review, fresh: Iterable[Record], snapshot: str) -> dict[str, Any]:
    """Import new records as a file of their own, which is kept as every other import is."""
    with tempfile.TemporaryDirectory(prefix="consilience-") as folder:
        path = Path(folder) / f"update-{snapshot}.jsonl"
        path.write_text("".join(canonical_json(each) + "\n" for each in fresh), encoding="utf-8")
        return take_in(review, path, Origin("database", DATABASE, living=True), decided_by=None, by=ACTOR)


def record_of(corpus: Corpus, row: int) -> dict[str, Any]:
    """One document of the corpus as a record to screen."""
    document = corpus.document(row)
    meta, extra = document.meta, document.meta.get("extra") or {}
    kind, _, number = document.id.partition(":")
    return {
        "id": document.id, "pmid": meta.get("pmid") or (number if kind == "PMID" else ""), "doi": meta.get("doi") or "",
        "title": document.fields.get("title", ""),
        "abstract": document.fields.get("abstract") or document.fields.get("text", ""),
        "authors": list(meta.get("authors") or ()), "journal": meta.get("journal") or "",
        "year": document.published.year if document.published else None,
        "volume": str(extra.get("volume") or ""), "issue": str(extra.get("issue") or ""),
        "pages": str(extra.get("medline_pgn") or extra.get("pages") or ""),
        "keywords": list(meta.get("keywords") or ()), "mesh": [_heading(*each) for each in meta.get("mesh") or ()],
        "publication_types": [name for name, *_ in meta.get("publication_types") or ()],
    }  # fmt: skip


def _heading(name: str, ui: str = "", major: bool = False, qualifiers: Sequence[str] = ()) -> str:
    """A heading in MEDLINE's notation: `*Asthma/drug therapy`."""
    return f"{'*' if major else ''}{'/'.join((name, *qualifiers))}"


# ---------------------------------------------------------------- what changed


def changes(review: Review, corpus: Corpus | None, before: Clocks, after: Clocks) -> Iterator[dict[str, Any]]:
    """The rows of `consilience changes` that are about decisions, between two instants.

    A decision that was taken anew, withdrawn or adjudicated; and one that stands on a document whose status is another
    now: its `before` is then the decision, its `after` the document's status.
    """
    state = review.reload()
    yield from _taken_anew(review, before, after)
    if corpus is None:
        return
    told: set[tuple[str, str]] = set()
    for document, ids in _documents(corpus, _known(review)):
        old, new = _standing(corpus, document, before), _standing(corpus, document, after)
        if new is None or (old and old[0] == new[0]):
            continue
        for unit in dict.fromkeys(state.master_of(id) for id in ids):
            outcome = _last(state, unit)
            if outcome in ("include", "unclear", "exclude") and (unit, document) not in told:
                told.add((unit, document))
                status, since, notice = new
                at = since or instant_text(after.known_at)
                yield {"kind": "decision", "what": status, "id": unit, "subject": document, "before": outcome,
                       "after": status, "at": at, "because": [notice or document]}  # fmt: skip


def _taken_anew(review: Review, before: Clocks, after: Clocks) -> Iterator[dict[str, Any]]:
    made = {entry.sha256: entry for entry in review.ledger.entries() if entry.kind in _DECIDED}
    for entry in made.values():
        if not before.known_at < parse_instant(entry.at) <= after.known_at:
            continue
        body = entry.body
        if _is_half(review.state, body["id"], body["stage"]):
            continue  # the other reviewer has yet to judge, and is not to be told
        prior = made.get(body.get("prior", ""))
        if prior is None and entry.kind == "decision":
            continue  # a first decision changes none
        was = prior.body.get("decision") if prior else "conflict"
        now = body.get("decision", "withdrawn")
        what = {"decision": "decided anew", "withdrawn": "withdrawn", "adjudication": "adjudicated"}[entry.kind]
        yield {"kind": "decision", "what": what, "id": body["id"], "before": was, "after": now, "at": entry.at,
               "because": [f"ledger:{entry.seq}"]}  # fmt: skip


def _is_half(state: State, id: str, stage: Stage) -> bool:
    waits = state.outcome(id, stage).result == "pending" and bool(state.decisions(id, stage))
    return waits and state.protocol is not None and state.protocol.mode != "single"


_DECIDED = ("decision", "withdrawn", "adjudication")


def _last(state: State, unit: str) -> str:
    last = state.outcomes("full_text").get(unit)
    return last.result if last else state.outcome(unit, "title_abstract").result
