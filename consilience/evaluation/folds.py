"""Judges that have not seen what they are asked about: one for each fold of the sets that a model was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from consilience.errors import BadInputError
from consilience.models import Entailment
from consilience.models.crossing import CrossEncoder
from consilience.models.entailment import Joined
from consilience.reasoning import Ground
from consilience.reasoning.weighing import Weighing, from_json

FOLDS = "folds.json"
_EXPECTED = "a folder that python -m consilience.models.train_entailment --folds wrote"


@dataclass(frozen=True)
class Folds:
    """For each item of a set the judge, and the verdict's numbers, that were fitted without it."""

    of: Mapping[str, Mapping[str, int]]
    judges: Callable[[int], Entailment]
    weighings: Mapping[int, Weighing]

    def judge(self, name: str, item: str) -> Entailment:
        """The judge that has not seen this item of the set called `name`: `pubmedqa` or `scifact`."""
        return self.judges(self._fold(name, item))

    def ground(self, ground: Ground, name: str, item: str) -> Ground:
        """The same documents, read by what has not seen this item."""
        fold = self._fold(name, item)
        weighing = self.weighings.get(fold, ground.weighing)
        return replace(ground, entailment=self.judges(fold), weighing=weighing)

    def _fold(self, name: str, item: str) -> int:
        try:
            return self.of[name][item]
        except KeyError:
            raise BadInputError(f"no fold leaves out {item!r} of {name}", where="judges", expected=_EXPECTED) from None


def load(folder: Path) -> Folds:
    """The folds of a folder: `folds.json` says which leaves out what, `*-0.onnx` and so on are the judges.

    Where there is a `verdict-0.json` beside a judge, its numbers are the verdict's too.
    """
    try:
        of: dict[str, dict[str, int]] = json.loads((folder / FOLDS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise BadInputError(f"{folder.name}/{FOLDS} cannot be read", where="judges", expected=_EXPECTED) from failure
    numbers = sorted({fold for items in of.values() for fold in items.values()})
    files = {number: _one(folder, number) for number in numbers}
    found: dict[int, Weighing] = {}
    for number in numbers:
        if (stored := folder / f"verdict-{number}.json").exists():
            kept: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8"))
            found[number] = from_json(kept["weighing"])
    return Folds(of, cache(lambda number: Joined(CrossEncoder(files[number]))), found)


def _one(folder: Path, number: int) -> Path:
    files = sorted(folder.glob(f"*-{number}.onnx"))
    if len(files) != 1:
        raise BadInputError(f"{len(files)} judges of fold {number}", where="judges", expected=_EXPECTED)
    return files[0]
