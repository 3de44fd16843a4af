"""Finished reviews out of labelled files: a file is one review, or one for each value of a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError
from consilience.evaluation.datasets import rows
from consilience.screening.labelled import labels_of


@dataclass(frozen=True, slots=True)
class Finished:
    """A review whose every record bears its label, 1 include and 0 exclude."""

    name: str
    records: Sequence[dict[str, Any]]
    labels: npt.NDArray[np.int64]


def finished(path: Path, *, name: str, group: str | None, label: str, once: str | None) -> Iterator[Finished]:
    """The reviews of a file, in the order in which they first come.

    `group` is the key whose values name the reviews (None: one review, called `name`). Records of one review that
    share the value of the key `once` are one record, included if any of them is.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows(path):
        if group is not None and group not in row:
            raise BadInputError(f"A record has no {group!r}.", where=path.name, expected=f"{group} in every record")
        groups.setdefault(name if group is None else str(row[group]), []).append(row)
    for own, records in groups.items():
        labels = np.array(labels_of(records, label), dtype=np.int64)
        yield _pooled(own, records, labels, once) if once else Finished(own, records, labels)


def _pooled(name: str, records: Sequence[dict[str, Any]], labels: npt.NDArray[np.int64], once: str) -> Finished:
    first: dict[str, int] = {}
    for row, record in enumerate(records):
        # A record without the key is like no other.
        place = first.setdefault(str(record.get(once) or f"row {row}"), row)
        labels[place] = max(labels[place], labels[row])
    kept = list(first.values())
    return Finished(name, [records[row] for row in kept], labels[kept])
