"""A cross-encoder that reads claim and evidence together, on OpenVINO or ONNX Runtime."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError
from consilience.models import Judgement
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
    precision_of,
    tokenizer_of,
)

VERSION = "v1"
WEIGHTS = f"entailment.minilm.{VERSION}.onnx"
LABELS = ("supports", "refutes", "neutral")
# The positions of the model; a claim may take a quarter of them.
MAX_TOKENS = 512
_MAX_CLAIM = 128
# Judged pairs that are kept: a question asks of a few hundred, of which its chains have many in common.
_REMEMBERED = 1 << 15


def is_at_hand() -> bool:
    """Whether what the packaged model needs is installed: its tokenizer, its weights and an engine."""
    if not (is_installed("tokenizers") and (is_installed("openvino") or is_installed("onnxruntime"))):
        return False
    try:
        packaged(*TOKENIZER)
    except BadInputError:
        return False
    return packaged_weights().is_file()


def packaged_weights() -> Path:
    """The file of weights that comes with the package."""
    return Path(str(files("consilience.models").joinpath(WEIGHTS)))


class Pieces:
    """Word pieces of pairs: `[CLS] claim [SEP] evidence [SEP]`, at most 512; what is too long loses its end."""

    def __init__(self) -> None:
        self._tokenizer = tokenizer_of(packaged(*TOKENIZER), MAX_TOKENS)
        self._of = lru_cache(maxsize=2048)(self._ids)

    def joined(self, claim: str, evidence: str) -> tuple[list[int], int]:
        """The pieces of one pair, and where its evidence begins."""
        first, second = self._of(claim), self._of(evidence)
        opened = [*first[: _MAX_CLAIM + 1], first[-1]] if len(first) > _MAX_CLAIM + 2 else list(first)
        return [*opened, *second[1:-1][: MAX_TOKENS - len(opened) - 1], second[-1]], len(opened)

    def _ids(self, text: str) -> tuple[int, ...]:
        # Half a pair of surrogates is no text to a tokenizer.
        whole = text[:MAX_CHARACTERS].encode(errors="replace").decode()
        return tuple(self._tokenizer.encode(whole).ids)


class CrossEncoder:
    """all-MiniLM-L6-v2 tuned to judge pairs, its matrices int8; probabilities are calibrated.

    `weights` is a file that `consilience.models.train_entailment` wrote; without it, the one of the package. A pair is
    judged the same whatever its batch. Judged pairs are remembered, so that several chains pay once.
    """

    def __init__(
        self,
        weights: Path | None = None,
        threads: int = 2,
        *,
        precision: Literal["auto", "bf16", "f32"] = "auto",
        engine: Literal["auto", "openvino", "onnxruntime"] = "auto",
    ) -> None:
        self._weights = packaged_weights() if weights is None else weights
        try:
            with self._weights.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _no_model(self._weights) from error
        # Half precision moves a probability by up to .03: enough to tell the two apart.
        self.name = f"minilm/{digest[:12]}/{precision_of(engine, precision)}"
        self._threads, self._precision, self._engine = threads, precision, engine
        # As for embeddings: OpenVINO's lock and the interpreter's can wait for each other.
        self._alone = threading.Lock()
        self._known: OrderedDict[bytes, Judgement] = OrderedDict()

    @cached_property
    def _pieces(self) -> Pieces:
        return Pieces()

    @cached_property
    def _infer(self) -> Infer:
        try:
            if self._engine == "onnxruntime" or (self._engine == "auto" and not is_installed("openvino")):
                return on_onnx(self._weights, self._threads)()
            return on_openvino(self._weights, self._threads, self._precision)()
        except BadInputError:
            raise
        except Exception as error:  # each engine has its own for a file that is no model
            raise _no_model(self._weights) from error

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """One judgement for each (claim, evidence text) pair, in order."""
        keys = [_key(claim, evidence) for claim, evidence in pairs]
        with self._alone:
            fresh = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in self._known}
            found = {key: self._known[key] for key in keys if key in self._known}
            judged = self._judged(list(fresh.values()))
            found |= dict(zip(fresh, judged, strict=True))
            self._known |= found
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return [found[key] for key in keys]

    def _judged(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        tokens = [self._pieces.joined(claim, evidence) for claim, evidence in pairs]
        found = np.zeros((len(pairs), len(LABELS)), dtype=np.float64)
        for length, rows in batches([len(ids) for ids, _ in tokens]):
            found[rows] = self._infer(_inputs([tokens[row] for row in rows], length))
        found /= found.sum(axis=1, keepdims=True)
        return [Judgement(*row) for row in found.tolist()]


def _no_model(weights: Path) -> BadInputError:
    return BadInputError(
        f"{weights.name} is no entailment model", where="entailment",
        expected="a file that python -m consilience.models.train_entailment wrote",
    )  # fmt: skip


def _inputs(tokens: Sequence[tuple[list[int], int]], length: int) -> dict[str, npt.NDArray[np.int64]]:
    inputs = inputs_of([ids for ids, _ in tokens], length)
    for row, (ids, second) in enumerate(tokens):
        inputs["token_type_ids"][row, second : len(ids)] = 1
    return inputs


def _key(claim: str, evidence: str) -> bytes:
    return hashlib.blake2b(f"{len(claim)}:{claim}{evidence}".encode(errors="surrogatepass"), digest_size=16).digest()
