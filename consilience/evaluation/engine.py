"""What a suite needs from the rest of the house, as Protocols: it is passed in, never imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from consilience.errors import ConsilienceError, StoreDamagedError
from consilience.models import Entailment

if TYPE_CHECKING:
    from consilience.reasoning import Ground

Kind = Literal["records", "guidelines"]


class Searches(Protocol):
    """Searches one corpus: all that a retrieval suite asks."""

    def search(self, query: str, *, top: int, retriever: str, as_of: str | None = None) -> dict[str, Any]:
        """The `search` object, of which only the ids of the hits are looked at: at most `top`, one a document."""
        ...


class Engine(Searches, Protocol):
    """Searches, answers and simulates over one corpus; each reply is the contract's object of that name."""

    def ask(
        self, question: str, *, as_of: str | None = None, chains: int | None = None, retriever: str = "hybrid"
    ) -> dict[str, Any]:
        """The `ask` object; `chains` limits how many independent chains are run."""
        ...

    def simulate(
        self, path: Path, *, label: str, seed: int, stop: str, target: float, confidence: float
    ) -> dict[str, Any]:
        """The `screen simulate` object for one labelled file."""
        ...


@runtime_checkable
class Shows(Protocol):
    """An engine that can show a document, so that quotes are held against the text they come from."""

    def show(self, document_id: str, *, version: str | None = None) -> dict[str, Any]:
        """The `show` object of one version of a document."""
        ...


@runtime_checkable
class Texts(Protocol):
    """An engine that hands out its texts, so that the reference baseline can read the same ones."""

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every searchable document as (id, text)."""
        ...


@runtime_checkable
class Dated(Protocol):
    """An engine that says which documents a day shows, so that a baseline without clocks is held to the same ones."""

    def shown(self, as_of: str | None) -> frozenset[str]:
        """The ids of all documents that a question as of that day may see."""
        ...


@runtime_checkable
class Varied(Protocol):
    """An engine that can be had by another profile over the same documents, and says what it costs."""

    def variant(self, patch: Mapping[str, Any]) -> Searches:
        """The same documents by a profile that differs by `patch`, opened anew."""
        ...

    def cost(self, retriever: str) -> dict[str, Any]:
        """`bytes` on disk and `build_seconds`, as far as they are known."""
        ...

    def provenance(self) -> dict[str, Any]:
        """What made its rankings: index, config, models."""
        ...


@runtime_checkable
class Judging(Protocol):
    """An engine that hands out the judge its answers go by."""

    def entailment(self, name: str | None = None) -> Entailment:
        """The judge of answers, or the one called `name`."""
        ...


@runtime_checkable
class Grounded(Protocol):
    """An engine that hands out what its answers stand on, so that a suite can choose the documents, or the judge."""

    def ground(self, as_of: str | None = None) -> Ground:
        """What questions as of that day, or of now, are answered from."""
        ...


@runtime_checkable
class Audits(Protocol):
    """An engine that holds answers against its documents."""

    def audit(self, answers: Sequence[Mapping[str, Any]], /) -> dict[str, Any]:
        """The `audit` object of these answers."""
        ...


class Temporary(Protocol):
    """Makes an engine over one file, in a throw-away home that goes when the context ends."""

    def __call__(self, path: Path, /, *, kind: Kind = "records") -> AbstractContextManager[Engine]:
        """An engine over a file of records, or of guidelines."""
        ...


Shelving = Callable[[Path | None], AbstractContextManager[Searches]]
"""Makes an engine that only searches: over one file of records, or over the documents of this home."""


def attempt(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The reply, or the failure as an `error` object: one failed question scores nothing, the run goes on."""
    try:
        return call()
    except StoreDamagedError:
        raise
    except ConsilienceError as failure:
        return failure.as_json()
