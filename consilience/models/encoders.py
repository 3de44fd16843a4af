"""Embeddings by any model that the sentence-transformers library loads, described in YAML and pinned."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consilience.errors import BadInputError
from consilience.home import fingerprint

Vectors = npt.NDArray[np.float32]

# What a model is made of. Other formats of the same weights (ONNX, TensorFlow) stay where they are.
_FILES = ("*.json", "*.txt", "*.model", "*.spm", "*.safetensors", "*.bin")
_ELSEWHERE = ("onnx/*", "openvino/*")
_COMMIT = 40
_SHOWN = 12
# As for MiniLM: keeps a hostile text from filling the tokenizer's memory.
MAX_CHARACTERS = 20_000


class Encoder(BaseModel):
    """Which model embeds passages and which queries, and how; what is left out is as the model was published.

    `model` is a name on the Hugging Face Hub or an absolute folder. `revision` pins its files, for the index version is
    a hash of what stands here: the commit of a name, the first digits of the hash of a folder. MedCPT, for one, is
    `{model: ncbi/MedCPT-Article-Encoder, revision: <commit>, query_model: ncbi/MedCPT-Query-Encoder,
    query_revision: <commit>, pooling: cls, normalize: false}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1)
    revision: str | None = Field(default=None, pattern="^[0-9a-f]{12,64}$")
    query_model: str | None = Field(default=None, min_length=1)
    query_revision: str | None = Field(default=None, pattern="^[0-9a-f]{12,64}$")
    pooling: Literal["cls", "mean", "max", "lasttoken"] | None = None
    query_prompt: str | None = None
    passage_prompt: str | None = None
    max_tokens: int | None = Field(default=None, ge=8)
    normalize: bool = True
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    # Where and how many at a time: what the vectors are does not depend on it, so it is no part of the version.
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", exclude=True)
    batch: int = Field(default=32, ge=1, le=4096, exclude=True)


class SentenceTransformers:
    """The embedding that an `Encoder` describes: loaded when first asked, from pinned files, never running their code.

    Batch mates move a vector's last bits (torch pads to the longest). `name` tells all that shapes the vectors of
    passages and the query model; another query prompt finds differently but leaves the vectors of passages as they are.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._library = library_for("embedding", encoder.model)
        self._files = located(encoder.model, encoder.revision)
        self._query_files = located(encoder.query_model, encoder.query_revision) if encoder.query_model else None
        shape = encoder.model_dump(include={"pooling", "passage_prompt", "max_tokens", "normalize", "precision"})
        pins = [(encoder.model, encoder.revision), (encoder.query_model, encoder.query_revision)]
        shown = [told(model, revision) for model, revision in pins if model and revision]
        self.name = f"sentence-transformers:{'+'.join(shown)}/{fingerprint(shape)[:8]}"
        # Tokenizers of this library set their padding while they work: two threads in one fail.
        self._alone = threading.Lock()

    def __reduce__(self) -> tuple[type[SentenceTransformers], tuple[Encoder]]:
        """To another process it goes as what it is made from."""
        return type(self), (self._encoder,)

    @cached_property
    def _passages(self) -> Any:
        return _load(self._library, self._files, self._encoder)

    @cached_property
    def _queries(self) -> Any:
        return _load(self._library, self._query_files, self._encoder) if self._query_files else self._passages

    @cached_property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._run(self._passages.encode_document, [""], self._encoder.passage_prompt).shape[1])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (len(texts), dimension), in order; L2-normalised unless told otherwise."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return self._run(self._passages.encode_document, texts, self._encoder.passage_prompt)

    def encode_query(self, text: str) -> Vectors:
        """One vector of shape (dimension,), by the query model and with the query prompt if there are any."""
        vector = self._run(self._queries.encode_query, [text], self._encoder.query_prompt)[0]
        if self._query_files and len(vector) != self.dimension:
            raise BadInputError(
                f"the query model gives {len(vector)} numbers and the passage model {self.dimension}",
                where="embedding.query_model", expected="two encoders of one space",
            )  # fmt: skip
        return cast(Vectors, vector)

    def _run(self, encode: Any, texts: Sequence[str], prompt: str | None) -> Vectors:
        said = {} if prompt is None else {"prompt": prompt}
        with self._alone:
            found = encode(
                [text[:MAX_CHARACTERS] for text in texts], batch_size=self._encoder.batch, show_progress_bar=False,
                normalize_embeddings=self._encoder.normalize, convert_to_numpy=True, **said,
            )  # fmt: skip
        vectors = np.asarray(found, dtype=np.float32)
        if not np.isfinite(vectors).all():  # half precision overflows: such a vector is near nothing, and ranks nothing
            raise BadInputError(
                f"the model {self._encoder.model} gave a vector that is no number", where="embedding.precision",
                expected="float32, or a model whose files are whole",
            )  # fmt: skip
        return vectors


def library_for(part: str, model: str) -> Any:
    """The sentence-transformers library, which a part of a profile needs for a model."""
    try:
        import sentence_transformers
    except ImportError as error:
        raise BadInputError(
            f"the {part} {model} needs the library sentence-transformers, which is not installed",
            where=part, expected="pip install 'consilience[encoders]'",
        ) from error  # fmt: skip
    return sentence_transformers


def short(described: str, part: str = "embedding") -> Encoder:
    """`<model>@<revision>` as an `Encoder` that says no more."""
    model, _, revision = described.rpartition("@")
    try:
        return Encoder(model=model, revision=revision) if model else Encoder(model=described)
    except ValidationError:
        raise BadInputError(
            f"{revision!r} is not the revision of a model", where=part, expected="12 to 64 hexadecimal digits"
        ) from None


def told(model: str, revision: str) -> str:
    """A model with its pin, as names tell it."""
    return f"{Path(model).name if _is_folder(model) else model}@{revision[:_SHOWN]}"


def _is_folder(model: str) -> bool:
    # A relative one would be another folder wherever the command is run, and could pass for a name of the Hub.
    return Path(model).is_absolute()


def located(model: str, revision: str | None, part: str = "embedding") -> Path:
    """The folder with exactly the pinned files of a model."""
    if not _is_folder(model):
        return _from_hub(model, revision, part)
    folder = Path(model)
    if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
        raise BadInputError(f"there is no model in {folder}", where=f"{part}.model", expected="a folder of a model")
    found = digest(folder)
    if revision is None or not found.startswith(revision):
        raise BadInputError(
            f"the model in {folder} is {'other than the one pinned' if revision else 'not pinned'}",
            where=f"{part}.revision", expected=f"{found[:_SHOWN]}, if these are the files you want",
        )  # fmt: skip
    return folder


def digest(folder: Path) -> str:
    """The SHA-256 of the files that make a model: their names and contents, as 64 hexadecimal digits."""
    whole = hashlib.sha256()
    for name in sorted({path.relative_to(folder).as_posix() for pattern in _FILES for path in folder.rglob(pattern)}):
        if not name.startswith((".", "onnx/", "openvino/")):
            with (folder / name).open("rb") as file:
                whole.update(f"{name}\n{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _from_hub(model: str, revision: str | None, part: str) -> Path:
    """The files of one commit, from the cache of the library or else downloaded into it."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if revision is None or len(revision) != _COMMIT:
        raise BadInputError(
            f"the model {model} is not pinned to a commit", where=f"{part}.revision",
            expected=f"{_COMMIT} hexadecimal digits{_newest(model)}, or an absolute folder as the model",
        )  # fmt: skip
    wanted: dict[str, Any] = {"revision": revision, "allow_patterns": list(_FILES), "ignore_patterns": list(_ELSEWHERE)}
    try:
        try:
            folder = Path(snapshot_download(model, local_files_only=True, **wanted))
            if any(folder.glob("**/*.safetensors")) or any(folder.glob("**/*.bin")):
                return folder
        except LocalEntryNotFoundError:
            pass
        return Path(snapshot_download(model, **wanted))
    except Exception as error:  # refused names, no network, gated or unknown models: a different class for each
        raise BadInputError(
            f"the model {model} is neither in the cache nor could it be downloaded", where=f"{part}.model",
            expected="a model of the Hugging Face Hub and a network, or an absolute folder",
        ) from error  # fmt: skip


def _newest(model: str) -> str:
    """The commit a person most likely wants, if the Hub can be asked."""
    from huggingface_hub import HfApi

    try:
        return f" (now {HfApi().model_info(model, timeout=10).sha})"
    except Exception:  # it only helps with the message
        return ""


def _load(library: Any, folder: Path, encoder: Encoder) -> Any:
    """The model of a folder with what the encoder says; its own code is never run."""
    import torch
    from transformers.utils import logging

    if encoder.pooling is None and not (folder / "modules.json").is_file():
        raise BadInputError(
            f"the model {encoder.model} does not say how its tokens become one vector",
            where="embedding.pooling", expected="cls, mean, max or lasttoken",
        )  # fmt: skip
    if encoder.device == "cuda" and not torch.cuda.is_available():
        raise BadInputError("no GPU was found", where="embedding.device", expected="auto or cpu")
    device = "cuda" if encoder.device != "cpu" and torch.cuda.is_available() else "cpu"
    logging.disable_progress_bar()  # type: ignore[no-untyped-call,unused-ignore]
    try:
        model = library.SentenceTransformer(
            str(folder), device=device, trust_remote_code=False, local_files_only=True,
            model_kwargs={"dtype": getattr(torch, encoder.precision)},
        )  # fmt: skip
    except Exception as error:  # whatever a stranger's files make of three libraries
        raise BadInputError(
            f"the model {encoder.model} cannot be loaded: {first_line(error)}", where="embedding.model",
            expected="a model that sentence-transformers loads without code of its own",
        ) from error  # fmt: skip
    if encoder.max_tokens is not None:
        model.max_seq_length = _within(model, encoder.max_tokens)
    return _pooled(model, encoder.pooling) if encoder.pooling else model


def first_line(error: Exception) -> str:
    """The first line of what another library says went wrong."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _within(model: Any, tokens: int) -> int:
    positions = getattr(getattr(model[0], "config", None), "max_position_embeddings", None)
    if positions is not None and tokens > positions:
        raise BadInputError(
            f"the model reads no more than {positions} tokens",
            where="embedding.max_tokens", expected=f"at most {positions}",
        )  # fmt: skip
    return tokens


def _pooled(model: Any, pooling: str) -> Any:
    """The model with its pooling replaced, and all else as it was published."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    for place, module in enumerate(model):
        if isinstance(module, Pooling):
            model[place] = Pooling(model[0].get_embedding_dimension(), pooling, include_prompt=module.include_prompt)
    return model


def cross_encoder(library: Any, files: Path, what: str, where: str) -> Any:
    """The cross-encoder of a folder, loaded without code of its own and without a network."""
    try:
        return library.CrossEncoder(str(files), trust_remote_code=False, local_files_only=True)
    except Exception as error:  # whatever a stranger's files make of three libraries
        raise BadInputError(
            f"{what} cannot be loaded: {first_line(error)}", where=where,
            expected="a cross-encoder that sentence-transformers loads without code of its own",
        ) from error  # fmt: skip
