"""A user's own model of natural language inference as the entailment, pinned as embeddings are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from consilience.errors import BadInputError
from consilience.models import Judgement
from consilience.models.encoders import MAX_CHARACTERS, cross_encoder, library_for, located, short, told

# What models call our three labels, by how their names begin.
_CALLED = {"entail": "supports", "support": "supports", "contra": "refutes", "refut": "refutes", "neutral": "neutral"}


class TransformersEntailment:
    """Any cross-encoder with labels entailment, contradiction and neutral; its code is never run.

    `described` is `<model>@<revision>`: a name on the Hugging Face Hub and a commit, or an absolute folder and the
    first digits of its hash. The evidence is the premise and the claim the hypothesis.
    """

    def __init__(self, described: str) -> None:
        pin = short(described, "entailment")
        self._library = library_for("entailment", pin.model)
        self._files = located(pin.model, pin.revision, "entailment")
        self.name = f"transformers:{told(pin.model, pin.revision or '')}"
        self._alone = Lock()  # as for embeddings: two threads in one tokenizer fail

    @cached_property
    def _model(self) -> Any:
        return cross_encoder(self._library, self._files, f"the entailment {self.name}", "entailment")

    @cached_property
    def _order(self) -> list[int]:
        """The model's columns of supports, refutes and neutral."""
        named: Mapping[Any, str] = self._model.config.id2label
        found = {
            ours: int(column)
            for column, name in named.items()
            for begins, ours in _CALLED.items()
            if name.lower().startswith(begins)
        }
        if len(named) != 3 or len(found) != 3:
            raise BadInputError(
                f"the entailment {self.name} has the labels {', '.join(map(str, named.values()))[:100]}",
                where="entailment", expected="a model with the labels entailment, contradiction and neutral",
            )  # fmt: skip
        return [found[label] for label in ("supports", "refutes", "neutral")]

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """One judgement for each (claim, evidence text) pair, in order."""
        if not pairs:
            return []
        texts = [(evidence[:MAX_CHARACTERS], claim[:MAX_CHARACTERS]) for claim, evidence in pairs]
        with self._alone:
            order = self._order
            # One at a time: the library pads to the longest of a batch, and padding changes the last bits.
            scores = self._model.predict(texts, batch_size=1, show_progress_bar=False)
        logits = np.asarray(scores, dtype=np.float64)[:, order]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return [Judgement(*row) for row in (powers / powers.sum(axis=1, keepdims=True)).tolist()]
