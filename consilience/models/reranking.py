"""Models that read a query and a document together: slow and optional, for the first few that were found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import entry_points
from threading import Lock
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError
from consilience.models.encoders import MAX_CHARACTERS, cross_encoder, library_for, located, short, told


class Reranker(Protocol):
    """Scores documents for a query: the higher, the better, on a scale of its own."""

    name: str

    def scores(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """One score a text, shape (len(texts),), in order."""
        ...


class CrossEncoder:
    """Any cross-encoder that the sentence-transformers library loads, pinned as embeddings are; its code is never run.

    `described` is `<model>@<revision>`: a name on the Hugging Face Hub and a commit, or an absolute folder and the
    first digits of its hash.
    """

    def __init__(self, described: str) -> None:
        pin = short(described, "rerank.model")
        self._library = library_for("reranker", pin.model)
        self._files = located(pin.model, pin.revision, "rerank")
        self.name = f"cross-encoder:{told(pin.model, pin.revision or '')}"
        self._alone = Lock()  # as for embeddings: two threads in one tokenizer fail

    @cached_property
    def _model(self) -> Any:
        return cross_encoder(self._library, self._files, f"the reranker {self.name}", "rerank.model")

    def scores(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """One score a text, as the model gives it."""
        pairs = [(query, text[:MAX_CHARACTERS]) for text in texts]
        with self._alone:
            found = np.asarray(self._model.predict(pairs, show_progress_bar=False), dtype=np.float64)
        if found.shape not in {(len(texts),), (len(texts), 1)}:
            raise BadInputError(
                f"the reranker {self.name} gives several scores for a text", where="rerank.model",
                expected="a cross-encoder with one label",
            )  # fmt: skip
        return found.reshape(len(texts))


def reranker_by_name(name: str) -> Reranker:
    """The reranker called `name`: `cross-encoder:<model>@<revision>`, or one of another package."""
    kind, _, model = name.partition(":")
    if kind == "cross-encoder" and model:
        return CrossEncoder(model)
    others = {found.name: found for found in entry_points(group="consilience.rerankers")}
    if name in others:
        return cast(Reranker, others[name].load()())
    known = [*sorted(others), "cross-encoder:<model>@<revision>"]
    raise BadInputError(f"no reranker is called {name!r}", where="rerank.model", expected=f"one of {', '.join(known)}")
