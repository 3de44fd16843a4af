"""In which order the records of a review are read: made by the ranker, kept in `cache/`, named in the ledger.

An order that was lost is made again from the same entries of the ledger; its hash says whether it is the same.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import orjson

from consilience.home import write_atomically
from consilience.records import canonical_json
from consilience.screening.ledger import Entry
from consilience.screening.protocol import ELEMENTS, Protocol, Stage
from consilience.screening.shelf import is_hash
from consilience.screening.state import State, fold

if TYPE_CHECKING:
    from consilience.screening.review import Review

STAGE: Stage = "title_abstract"  # what is ranked; at full text all that is left is read anyhow


@dataclass(frozen=True, slots=True)
class Order:
    """Units, best first, each with how likely it is an include; units that came later are not among them."""

    ids: Sequence[str]
    scores: Sequence[float]
    key: str = ""
    calibrated: bool = False
    warnings: tuple[str, ...] = ()

    def through(self, state: State) -> Iterator[tuple[str, float | None]]:
        """Every unit of the review, the ranked ones first, then the others as they came."""
        seen: set[str] = set()
        for id, score in zip(self.ids, self.scores, strict=True):
            unit = state.master_of(id)
            if unit not in seen and unit in state.places:
                seen.add(unit)
                yield unit, score
        if len(seen) < state.count_units():
            yield from ((id, None) for id in state.units(STAGE) if id not in seen)


NONE = Order((), ())


def labelled(state: State) -> dict[str, int]:
    """Each unit anybody decided on at title and abstract, in the order of the first decision: 1 carried on, 0 not."""
    found = {}
    for id, outcome in state.outcomes(STAGE).items():
        if outcome.result in ("include", "unclear", "conflict"):
            found[id] = 1
        elif outcome.result == "exclude":
            found[id] = 0
        elif words := {each.decision for each in state.decisions(id, STAGE).values()}:
            found[id] = int(words != {"exclude"})  # one of two reviewers has judged
    return found


def asked(protocol: Protocol) -> str:
    """The protocol as plain text: what a first order is made from."""
    words = (word for element in ELEMENTS for word in protocol.pico.get(element, ()))
    return "\n".join(part for part in (protocol.title, protocol.question, *words) if part)


def rank(review: Review, *, seed: int | None = None) -> tuple[Order, dict[str, Any]]:
    """The order learnt from all labels given so far, and the body of its ledger entry."""
    state = fold(review.entries())  # of its own: others go on deciding meanwhile
    before = review.order()
    scores = dict(zip(before.ids, before.scores, strict=True))
    known = state.outcomes(STAGE)
    half = [(id, scores.get(id, 1.0)) for id in labelled(state) if known[id].result == "pending"]
    return _made(review, state, review.protocol.seed if seed is None else seed, half)


def _made(review: Review, state: State, seed: int, half: Sequence[tuple[str, float]]) -> tuple[Order, dict[str, Any]]:
    """`half` is what one of two reviewers has judged, with the score it had before: a new one would tell the other."""
    from consilience.screening.features import Settings, features
    from consilience.screening.ranking import order

    units = state.units(STAGE)
    wanted = set(units)
    row_of = {id: row for row, id in enumerate(units)}
    records = [record for record in review.records().all() if record["id"] in wanted]
    protocol = state.protocol or review.protocol
    known = (id for name in protocol.seeds for id in review.named(name))
    labels = {**dict.fromkeys(known, 1), **labelled(state)}
    made = features(records, cache=review.folder / "cache")
    found = order(made, {row_of[id]: label for id, label in labels.items() if id in row_of}, query=asked(protocol),
                  seed=seed)  # fmt: skip
    ranked = [(units[row], round(float(each), 6)) for row, each in zip(found.rows, found.probabilities, strict=True)]
    open_ = {id: 1.0 for id in labels if id in row_of and state.outcome(id, STAGE).result == "pending"} | dict(half)
    placed = sorted([*open_.items(), *ranked], key=lambda one: -one[1])
    kept = Order([id for id, _ in placed], [score for _, score in placed], found.key, found.calibrated)
    _keep(review, kept)
    body = {
        "settings": Settings().as_json(), "seed": seed, "features": made.key, "units": len(units),
        "labels": hashlib.sha256(canonical_json(list(labels.items())).encode()).hexdigest(), "labelled": len(labels),
        "order": found.key, "ids": _hash_of(kept.ids), "at": state.seq, "half": [list(each) for each in half],
    }  # fmt: skip
    return kept, body


def latest(review: Review) -> Order:
    """The order in force: that of the last `rank`; without one, records are read as they came."""
    if not review.state.ranks:
        return NONE
    entry = review.state.ranks[-1]
    kept = _read(review, entry)
    return kept if kept is not None else _again(review, entry)


def _again(review: Review, entry: Entry) -> Order:
    """An order whose cache is gone, made from what the ledger held when it was first made."""
    before = fold(review.entries()[: entry.body["at"]])
    made, body = _made(review, before, entry.body["seed"], [(id, score) for id, score in entry.body["half"]])
    if body["ids"] == entry.body["ids"]:
        return made
    # Kept in its place, so that it is not made at every call until somebody ranks.
    if is_hash(entry.body["ids"]):
        _keep(review, made, instead_of=entry.body["ids"])
    return replace(made, warnings=(_OTHER,))


_OTHER = "the order was made again and is another than before: the program or its libraries changed; rank again"


def _keep(review: Review, order: Order, *, instead_of: str | None = None) -> None:
    body = {"ids": list(order.ids), "scores": list(order.scores), "calibrated": order.calibrated}
    name = instead_of or _hash_of(order.ids)
    text = orjson.dumps({**body, "instead": instead_of is not None})
    write_atomically(review.folder / "cache" / f"order-{name}.json", text)


def _read(review: Review, entry: Entry) -> Order | None:
    if not is_hash(entry.body["ids"]):
        return None
    path = review.folder / "cache" / f"order-{entry.body['ids']}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        body = cast(dict[str, Any], orjson.loads(path.read_bytes()))
        if body["instead"] or _hash_of(body["ids"]) == entry.body["ids"]:
            warnings = (_OTHER,) if body["instead"] else ()
            return Order(body["ids"], body["scores"], entry.body["order"], body["calibrated"], warnings)
    return None


def _hash_of(ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()
