"""Giving records out: chosen by what was decided on them, in the field's formats, re-creatable from the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilience.errors import BadInputError, NotFoundError
from consilience.screening.files import write_file
from consilience.screening.protocol import STAGES
from consilience.screening.state import Record, State, fold

if TYPE_CHECKING:
    from consilience.screening.review import Review

_CARRIED = ("include", "unclear")


def _first(state: State, id: str) -> str:
    return state.outcome(id, "title_abstract").result


def _last(state: State, id: str) -> str:
    """The result at full text where anything was decided there, else that at title and abstract."""
    first = _first(state, id)
    if first not in _CARRIED or not state.outcomes("full_text"):
        return first
    last = state.outcome(id, "full_text").result
    return "pending" if last == "unclear" else last  # there it must be settled; the flow, too, lets it wait


# What is given out of the units, each by its master; `records` is every record as it came, duplicates too.
WHICH: Mapping[str, Callable[[State, str], bool]] = {
    "included": lambda state, id: _last(state, id) in _CARRIED,
    "sought": lambda state, id: _first(state, id) in _CARRIED,
    "excluded": lambda state, id: _last(state, id) == "exclude",
    "undecided": lambda state, id: _last(state, id) in ("pending", "conflict", "unscreened"),
    "all": lambda state, id: True,
}
CHOICES = (*WHICH, "records")


def export(
    review: Review, path: Path, *, format: str | None, which: str, by: Mapping[str, str], again: int | None = None
) -> dict[str, Any]:
    """Write the records of a choice to a file and note its hash; `again` writes the one an earlier entry made."""
    if again is not None:
        return _again(review, path, again)
    if which not in CHOICES:
        raise BadInputError(f"no choice {which!r}", where="--which", expected=", ".join(CHOICES))
    review.records().check()
    with review.changing() as state:
        records = list(_chosen(review, state, which))
        digest = write_file(records, path, format)
        body = {"file": path.name, "which": which, "format": format, "records": len(records), "sha256": digest,
                "at": state.seq}  # fmt: skip
        entry = review.append("export", by, body)
    return _told(body, entry.seq, entry.sha256, review.told())


def _again(review: Review, path: Path, number: int) -> dict[str, Any]:
    review.reload()
    entries = review.ledger.entries()
    found = next((each for each in entries if each.seq == number and each.kind == "export"), None)
    if found is None:
        made = ", ".join(str(each.seq) for each in review.state.exports)
        raise NotFoundError(f"entry {number} is no export", where="--again", expected=made or "an export first")
    before = fold(entries[: found.body["at"]])
    digest = write_file(
        list(_chosen(review, before, found.body["which"])), path, found.body["format"] or _suffix(found)
    )
    if digest != found.body["sha256"]:
        review.warnings.append("the file is another than the one that was exported: the program that writes it changed")
    return _told({**found.body, "file": path.name, "sha256": digest}, found.seq, found.sha256, review.told())


def _suffix(entry: Any) -> str | None:
    return Path(entry.body["file"]).suffix.lower().lstrip(".") or None


def _told(body: Mapping[str, Any], seq: int, sha256: str, warnings: list[str]) -> dict[str, Any]:
    kept = {name: body[name] for name in ("file", "which", "records", "sha256")}
    return {**kept, "ledger": {"seq": seq, "sha256": sha256}, "warnings": warnings}


def _chosen(review: Review, state: State, which: str) -> Iterator[Record]:
    wanted = WHICH.get(which)
    for record in review.records().all():
        id = record["id"]
        if id not in state.places:
            continue  # it came later than the entry that is made again
        if wanted is None or (state.master_of(id) == id and wanted(state, id)):
            yield _judged(state, record)


def _judged(state: State, record: Record) -> dict[str, Any]:
    """The record with what was decided on its unit: a label, and the outcome of each stage with its reason."""
    id = record["id"]
    unit = state.master_of(id)
    label = {"include": 1, "unclear": 1, "exclude": 0}.get(_last(state, unit))
    extra = dict(record.get("extra") or {})
    for stage in STAGES:
        found = state.outcome(unit, stage)
        if stage == "title_abstract" or _first(state, unit) in _CARRIED:
            extra[f"screening_{stage}"] = found.result
            if found.reason:
                extra[f"screening_{stage}_reason"] = found.reason
    if unit != id:
        extra["screening_duplicate_of"] = unit
    if flag := state.flag_of(unit):
        extra["screening_flag"] = flag.status
    return {**record, "label": label, "extra": extra}
