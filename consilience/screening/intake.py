"""Taking records in: the export kept byte for byte, its records kept once, duplicates linked and never deleted."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilience.errors import BadInputError, RefusedFileError
from consilience.home import STAGED, publish
from consilience.screening.files import Reading, read_file
from consilience.screening.protocol import STAGES
from consilience.screening.shelf import digest_of, keep
from consilience.screening.state import VIAS, Record, State, Via

if TYPE_CHECKING:
    from consilience.screening.review import Review

LARGEST = 2 << 30  # bytes of one export; 100,000 records with abstracts are 300 MB
Line = tuple[str, Mapping[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Origin:
    """How the records of a file were found: PRISMA's way, the database's name, and whether an update brought them."""

    via: Via = "database"
    database: str = ""
    living: bool = False

    @classmethod
    def of(cls, via: str, database: str = "") -> Origin:
        """An origin in the words of a caller."""
        found = next((each for each in VIAS if each == via), None)
        if found is None:
            raise BadInputError(f"records are not found via {via!r}", where="--via", expected=", ".join(VIAS))
        return cls(found, database.strip()[:200])


def take_in(
    review: Review, path: Path, origin: Origin, *, decided_by: str | None, by: Mapping[str, str]
) -> dict[str, Any]:
    """Import one file; records that the review has already, by their id, are not taken in twice."""
    if not path.is_file():
        raise BadInputError(f"there is no file {path.name}", where=str(path), expected="an export of records")
    if path.stat().st_size > LARGEST:
        raise RefusedFileError(f"{path.name} is too large", where=path.name, expected="at most 2 GiB")
    if decided_by is not None and not decided_by.strip():
        raise BadInputError("who decided?", where="--decided-by", expected="a name")
    reading = read_file(path)
    with review.changing() as state:
        raw = _keep_raw(review.folder, path, reading)
        fresh = [record for record in reading.records if record["id"] not in state.places]
        known = len(reading.records) - len(fresh)
        before = state.duplicates
        if fresh or not any(each.raw == raw for each in state.imports):
            body = _body(review, path, reading, fresh, raw, origin)
            # By one write: a kill leaves no records whose duplicates were never looked for.
            review.append_all([("import", by, body), *_links(review, state, fresh)])
        given = sum(record.get("label") in (0, 1) for record in reading.records)
        decided = decide_by_label(review, reading.records, decided_by) if decided_by is not None else 0
        warnings = [*reading.warnings, *_told(given, decided_by, known)]
        return {
            "file": path.name, "format": reading.format, "sha256": raw, "records": len(reading.records),
            "new": len(fresh), "known": known, "duplicates": state.duplicates - before, "labelled": given,
            "decided": decided, "counts": dict(reading.counts), "warnings": warnings,
        }  # fmt: skip


def _told(given: int, decided_by: str | None, known: int) -> Iterator[str]:
    if given and decided_by is None:
        yield f"{given} records bear labels, which decide nothing: import with --decided-by NAME if they are decisions"
    if known:
        yield f"{known} records were in the review already and were not taken in twice"


def _keep_raw(folder: Path, path: Path, reading: Reading) -> str:
    suffix = "".join(path.suffixes[-2:]) if path.name.lower().endswith(".gz") else path.suffix
    kept = folder / "imports" / f"{reading.sha256}{suffix.lower()}"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        beside = kept.with_name(f"{STAGED}{kept.name}")
        shutil.copyfile(path, beside)
        if digest_of(beside) != reading.sha256:
            beside.unlink()
            raise RefusedFileError(f"{path.name} changed while it was read", where=path.name, expected="a file at rest")
        publish(beside, kept)
    return reading.sha256


def _body(
    review: Review, path: Path, reading: Reading, fresh: Sequence[Record], raw: str, origin: Origin
) -> dict[str, Any]:
    ids = [record["id"] for record in fresh]
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise RefusedFileError(f"{path.name} has the id {twice} twice", where=path.name, expected="ids that differ")
    return {
        "file": path.name, "raw": raw, "format": reading.format, "records": keep(review.folder, fresh), "ids": ids,
        "via": origin.via, "database": origin.database, "living": origin.living,
        "counts": {**reading.counts, "records": len(reading.records), "new": len(fresh)},
        "warnings": list(reading.warnings),
    }  # fmt: skip


# ---------------------------------------------------------------- duplicates


def _links(review: Review, state: State, fresh: Sequence[Record]) -> list[Line]:
    """The entry that merges what the rules take for one paper; none where they find nothing new."""
    from consilience.screening import dedup

    found = dedup.clusters([*review.records().all(), *fresh], apart=state.apart)
    clusters = [merged for each in found if (merged := _joined(state, each))]
    actor = {"type": "rule", "name": "duplicates", "version": dedup.VERSION}
    return [("merge", actor, {"clusters": clusters})] if clusters else []


def _joined(state: State, cluster: Any) -> dict[str, Any] | None:
    """A cluster as an entry holds it; None where the review has it so."""
    members = list(cluster.members)
    if len(members) < 2 or len({state.master_of(id) for id in members}) < 2:
        return None
    together = {each for id in members for each in state.members_of(id)}
    if any(a in together and b in together for a, b in state.apart):
        return None  # people parted two that would come together by way of their clusters
    # A record that was screened stays the face of its cluster.
    units = list(dict.fromkeys(state.master_of(id) for id in members if id in state.places))
    screened = [id for id in units if any(id in state.outcomes(stage) for stage in STAGES)]
    master = next(iter([*screened, *(id for id in units if len(state.members_of(id)) > 1)]), cluster.master)
    basis: dict[str, str] = {}
    for pair in cluster.basis:
        for id in (pair.b, pair.a):
            if id != master and id in members:
                basis.setdefault(id, pair.basis)
    return {"master": master, "members": members, "basis": basis}


# ---------------------------------------------------------------- decisions that come with a file


def decide_by_label(review: Review, records: Sequence[Record], name: str) -> int:
    """Make decisions of the labels of a file, as known before; with several reviewers they stand as adjudications."""
    state, protocol = review.state, review.protocol
    kind = "decision" if protocol.mode == "single" else "adjudication"
    lines: dict[str, Line] = {}
    for record in records:
        id = state.master_of(record["id"])
        if record.get("label") not in (0, 1) or state.outcome(id, "title_abstract").result != "pending":
            continue
        body = {
            "id": id, "stage": "title_abstract", "reviewer": name, "reason": "", "criterion": "",
            "decision": "include" if record["label"] else "exclude", "protocol": protocol.digest, "prior": "",
            "input": hashlib.sha256(review.records().raw(id)).hexdigest(), "drawn": "prior",
        }  # fmt: skip
        if id not in lines or record["label"]:  # of two labels of one paper the include counts
            lines[id] = (kind, {"type": "person", "name": name}, body)
    review.append_all(list(lines.values()))
    return len(lines)
