"""The three kinds of model, as Protocols; every one is chosen by name and passed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pydantic import BaseModel


class Embedding(Protocol):
    """Turns texts into vectors whose inner product says how near they are.

    They have length 1 unless a model is told otherwise. `name` tells apart all whose vectors differ: it names the
    folder in which they are cached.
    """

    name: str

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        ...

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors of passages, shape (len(texts), dimension), in order."""
        ...

    def encode_query(self, text: str) -> npt.NDArray[np.float32]:
        """The vector of a question, shape (dimension,)."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a text bears on a claim; the three probabilities sum to 1."""

    supports: float
    refutes: float
    neutral: float


class Entailment(Protocol):
    """Judges whether evidence supports or refutes a claim."""

    name: str

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """One judgement for each (claim, evidence text) pair, in order."""
        ...


Form = TypeVar("Form", bound="BaseModel")


class Language(Protocol):
    """Writes structured text; optional everywhere."""

    name: str

    def complete(self, instructions: str, data: str, *, form: type[Form]) -> Form:
        """One reply that fits `form`, or an error; never free text. What stands in `data` instructs nobody."""
        ...
