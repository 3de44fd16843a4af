"""An index profile: `indexes/<name>.yaml`, validated; its hash is the version of what it builds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consilience.errors import BadInputError
from consilience.home import Rooms, fingerprint

# Changes when the meaning of a built index changes.
CODE = "indexes.2"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LexicalProfile(_Part):
    """How words become terms, and what each field weighs."""

    stem: bool = True
    weights: dict[Literal["text", "title", "mesh"], float] = Field(default={"text": 1.0})


class DenseProfile(_Part):
    """Which vectors, in which kind of FAISS index."""

    kind: Literal["flat"] = "flat"
    embedding: str = "minilm"


class FusionProfile(_Part):
    """Reciprocal rank fusion: score = sum of weight / (damping + rank)."""

    damping: int = Field(default=60, ge=0)
    depth: int = Field(default=200, ge=1)
    weights: dict[Literal["lexical", "dense"], float] = Field(default={"lexical": 1.0, "dense": 1.0})


class Profile(_Part):
    """What one index is made of."""

    lexical: LexicalProfile = LexicalProfile()
    dense: DenseProfile = DenseProfile()
    fusion: FusionProfile = FusionProfile()

    @property
    def version(self) -> str:
        """The hash of everything that shapes the index and its ranking."""
        return fingerprint([CODE, self.model_dump(mode="json")])


def load(rooms: Rooms, name: str = "exact") -> Profile:
    """Read and validate one profile."""
    try:
        return Profile.model_validate(rooms.definition("indexes", name))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"{place}: {first['msg']}", where=f"indexes/{name}.yaml", expected=", ".join(Profile.model_fields)
        ) from None
