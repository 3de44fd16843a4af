"""Labels by criterion that are kept: the rules' on any record, and a language model's where the rules leave it open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from consilience.errors import BadInputError
from consilience.records import canonical_json, sha256
from consilience.screening import hints
from consilience.screening.asked import asked, filled
from consilience.screening.judge import VERSION, CriterionLabel, score

if TYPE_CHECKING:
    from consilience.models import Language
    from consilience.screening.review import Review

MOST = 1000  # records of one call


def labelled(review: Review, names: Sequence[str], *, model: Language | None = None) -> dict[str, Any]:
    """The labels of some records, by id, PMID or DOI; every label is an entry of the ledger that names who gave it.

    A label decides nothing. What a model says needs words that stand in the record; what cannot be read is UNCERTAIN.
    """
    if not 0 < len(names) <= MOST:
        raise BadInputError(f"{len(names)} records", where="ids", expected=f"1 to {MOST}")
    ids = list(dict.fromkeys(review.resolve(name) for name in names))
    # Before the lock: the judge takes seconds to make, and a model as long as it likes.
    judge, protocol, records = hints.prepared(review), review.protocol, review.records()
    found: dict[str, tuple[CriterionLabel, ...]] = {}
    for id in ids:
        rules = judge.labels(records[id])
        is_open = model is not None and any(label.label == "UNCERTAIN" for label in rules)
        found[id] = filled(rules, asked(records[id], protocol, model)) if model and is_open else rules
    entries: list[tuple[str, Mapping[str, str], Mapping[str, Any]]] = [("label", _actor(label), {
        "id": id, **label.as_json(), "judge": judge.key, "protocol": protocol.digest,
        "input": sha256(canonical_json({name: records[id].get(name) for name in _READ})),
    }) for id, labels in found.items() for label in labels]  # fmt: skip
    with review.changing():
        added = review.append_all(entries)
        last = {"seq": added[-1].seq, "sha256": added[-1].sha256} if added else None
        return {"rows": [{"id": id, "score": round(score(labels), 4), "criteria": [each.as_json() for each in labels]}
                         for id, labels in found.items()], "ledger": last, "warnings": review.told()}  # fmt: skip


_READ = ("title", "abstract", "mesh", "keywords", "publication_types")


def _actor(label: CriterionLabel) -> dict[str, str]:
    if label.by == "rule":
        return {"type": "rule", "name": "judge", "version": VERSION}
    return {"type": "model", "name": label.by}
