"""Embeddings without a learned model: deterministic vectors of hashed words and character n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt

# Character n-grams catch inflection and spelling; words decide, so they weigh more.
_WORD_SHARE = 0.7


class HashedVectors:
    """Hashed words and character 3- to 5-grams, L2-normalised: near texts share words, and nothing more is known.

    The same text has the same vector on every machine and in every batch; an empty text has the zero vector.
    """

    def __init__(self, dimension: int = 256) -> None:
        self.dimension = dimension
        self.name = f"hashed-words-chars/{dimension}/1"

    @cached_property
    def _words(self) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(n_features=self.dimension, ngram_range=(1, 2), norm="l2")

    @cached_property
    def _characters(self) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(n_features=self.dimension, analyzer="char_wb", ngram_range=(3, 5), norm="l2")

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors of shape (len(texts), dimension), L2-normalised, in order."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        words = self._words.transform(texts)
        characters = self._characters.transform(texts)
        both = (_WORD_SHARE * words + (1 - _WORD_SHARE) * characters).toarray()
        lengths = np.linalg.norm(both, axis=1, keepdims=True)
        return np.asarray(both / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)

    def encode_query(self, text: str) -> npt.NDArray[np.float32]:
        """One vector of shape (dimension,)."""
        return cast(npt.NDArray[np.float32], self.encode([text])[0])
