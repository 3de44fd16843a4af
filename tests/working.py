"""Work for batches, in a module of its own: other processes must be able to import it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from consilience.errors import BadInputError
from consilience.models.embedding import embedding_by_name


class Doubling:
    """Doubles numbers, and leaves a file in `folder` for each time it is made."""

    def __init__(self, folder: Path) -> None:
        (folder / f"{os.getpid()}-{len(list(folder.iterdir()))}").touch()

    def __call__(self, batch: list[int]) -> tuple[int, list[int]]:
        """The process that worked, and what it made of the batch."""
        if 13 in batch:
            raise ValueError("thirteen")
        if 14 in batch:
            raise BadInputError("fourteen is refused", where="batch", expected="another number")
        if 15 in batch:
            os._exit(3)
        return os.getpid(), [2 * number for number in batch]


def making(folder: Path) -> Callable[[], Doubling]:
    """What makes one `Doubling` for each worker."""
    return _Making(folder)


class _Making:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self) -> Doubling:
        return Doubling(self._folder)


def nothing_to_make() -> Callable[[list[int]], list[int]]:
    """A model that is not there."""
    raise BadInputError("the model is not there", where="embedding", expected="one that is")


def encoder(name: str) -> Callable[[list[str]], object]:
    """What embeds, by its name."""
    return embedding_by_name(name).encode
