"""What a search may see: both clocks and the filters, made once for a question and held inside every engine."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from threading import Lock
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from consilience.corpora.corpus import STATUSES, Clocks, Corpus
from consilience.corpora.standing import Standing
from consilience.errors import BadInputError
from consilience.indexes import facets, languages

Mask = npt.NDArray[np.bool_]
PREPRINT = "preprint"
# No search sees a deleted document, so none can be asked for.
ASKED_STATUSES = (*(name for name in reversed(STATUSES) if name != "deleted"), PREPRINT)
# The masks of so many questions are kept, or of so many bytes of them: a mask has a byte a row.
_MASKS, _BYTES = 64, 128_000_000


@dataclass(frozen=True, slots=True)
class Filters:
    """Properties a document must have; within one the values are alternatives, and none given means any.

    `mesh` and `publication_types` are names or UIs, in any case; `languages` PubMed's codes; `species` as `facets`
    reads them; `statuses` what holds on the clocks asked, `preprint` beside the rest.
    """

    designs: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    species: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()

    @classmethod
    def read(
        cls, *, design: Sequence[str] = (), mesh: Sequence[str] = (), publication_type: Sequence[str] = (),
        language: Sequence[str] = (), species: Sequence[str] = (), status: Sequence[str] = (),
    ) -> Filters:  # fmt: skip
        """Filters as people ask for them; a value that cannot be is a BadInputError that says what can."""
        return cls(
            designs=tuple(design),
            mesh=_terms(mesh, "mesh", "a MeSH heading such as Aspirin or D001241"),
            publication_types=_terms(
                publication_type, "publication_type", "a type such as Randomized Controlled Trial"
            ),
            languages=tuple(dict.fromkeys(map(_language, language))),
            species=_chosen(species, "species", facets.SPECIES),
            statuses=_chosen(status, "status", ASKED_STATUSES),
        )

    def as_json(self) -> dict[str, list[str]]:
        """What was asked for, under the names of the command's options; what was not is left out."""
        return {_OPTIONS[f.name]: list(asked) for f in fields(self) if (asked := getattr(self, f.name))}

    def without_statuses(self) -> Filters:
        """The part that does not hang on the clocks."""
        return replace(self, statuses=())


_OPTIONS = {
    "designs": "design", "mesh": "mesh", "publication_types": "publication_type", "languages": "language",
    "species": "species", "statuses": "status",
}  # fmt: skip
_PLAIN = {
    "mesh": "MeSH heading",
    "publication_types": "publication type",
    "languages": "language",
    "species": "species",
}


def _terms(values: Sequence[str], where: str, expected: str) -> tuple[str, ...]:
    plain = [" ".join(value.split()) for value in values]
    if not all(plain):
        raise BadInputError("an empty filter", where=where, expected=expected)
    return tuple(dict.fromkeys(plain))


def _chosen(values: Sequence[str], where: str, known: Sequence[str]) -> tuple[str, ...]:
    if unknown := [value for value in values if value not in known]:
        raise BadInputError(f"no {where} {unknown[0]!r}", where=where, expected=", ".join(known))
    return tuple(dict.fromkeys(values))


def _language(value: str) -> str:
    code = languages.code_of(value)
    if code is None:
        named = ", ".join(f"{code} {name}" for code, name in languages.NAMES.items())
        raise BadInputError(f"no language {value!r}", where="language", expected=named)
    return code


@dataclass(frozen=True, slots=True)
class Sight:
    """The rows of a corpus that one search may see, shape of both masks: rows of the corpus; read-only.

    `shown` is what the clocks show: what statistics count. `allowed` is what of it may be found.
    """

    clocks: Clocks
    filters: Filters
    shown: Mask
    allowed: Mask


class Found(NamedTuple):
    """A document row that one retriever found, its score, and its best passage where the retriever knows one."""

    row: int
    score: float
    passage: int | None = None


class Retriever(Protocol):
    """Anything that ranks documents for a query."""

    def search(self, query: str, limit: int, sight: Sight) -> Sequence[Found]:
        """At most `limit` rows in sight, each once, best first, ties by row; nothing else counts."""
        ...


class Sights:
    """Makes what a search may see, and keeps the masks of the last questions; safe to use from several threads."""

    def __init__(self, corpus: Corpus, opened: Callable[[], facets.Facets]) -> None:
        self._corpus = corpus
        self._opened = opened
        self._masks: OrderedDict[Hashable, Mask] = OrderedDict()
        self._most = max(4, min(_MASKS, _BYTES // max(1, corpus.table.num_rows)))
        self._lock = Lock()

    @cached_property
    def _facets(self) -> facets.Facets:
        return self._opened()

    @cached_property
    def _standing(self) -> Standing:
        return Standing(self._corpus)

    def of(self, clocks: Clocks, filters: Filters | None = None, where: Mask | None = None) -> Sight:
        """What these clocks and filters leave in sight; `where` narrows the rows further."""
        filters = filters or Filters()
        shown = allowed = self._corpus.visible(clocks)
        if (plain := filters.without_statuses()) != Filters():
            allowed = allowed & self._kept(plain, lambda: self._bearing(plain))
        if filters.statuses:
            key = (filters.statuses, self._standing.moment(clocks))
            allowed = allowed & self._kept(key, lambda: self._standing_as(filters.statuses, clocks))
        if where is not None:
            allowed = allowed & where
        return Sight(clocks, filters, shown, allowed)

    def _kept(self, key: Hashable, make: Callable[[], Mask]) -> Mask:
        with self._lock:
            if key in self._masks:
                self._masks.move_to_end(key)
                return self._masks[key]
        made = make()
        made.setflags(write=False)  # many searches share it
        with self._lock:
            self._masks[key] = made
            while len(self._masks) > self._most:
                self._masks.popitem(last=False)
        return made

    def _bearing(self, filters: Filters) -> Mask:
        size = self._corpus.table.num_rows
        found: Mask = np.ones(size, np.bool_)
        if filters.designs:
            found &= self._corpus.among("design", filters.designs)
        for name in facets.PROPERTIES:
            if wanted := getattr(filters, name):
                found &= self._facets.mask(name, [value.casefold() for value in wanted], size)
        return found

    def _standing_as(self, statuses: Sequence[str], clocks: Clocks) -> Mask:
        found = self._standing.among((name for name in statuses if name != PREPRINT), clocks)
        if PREPRINT in statuses:
            found |= self._corpus.table["preprint"].fill_null(False).to_numpy()
        return found

    def notes(self, clocks: Clocks, filters: Filters) -> list[str]:
        """What to tell of filters: values that nothing in sight of the clocks bears, and how many state none at all."""
        shown = self._corpus.visible(clocks)
        told = []
        for name in facets.PROPERTIES:
            wanted: tuple[str, ...] = getattr(filters, name)
            told += [f"no document in sight bears the {_PLAIN[name]} {value!r}" for value in wanted
                     if not shown[self._facets.rows(name, value.casefold())].any()]  # fmt: skip
            if wanted and (bare := int(shown[self._facets.rows(name, facets.BARE)].sum())):
                told.append(f"{bare} documents in sight state no {_PLAIN[name]}, and that filter leaves them out")
        return told


def sight(corpus: Corpus, clocks: Clocks, filters: Filters | None = None, where: Mask | None = None) -> Sight:
    """What these clocks and filters leave in sight of a corpus without facets; `where` narrows the rows further."""
    return Sights(corpus, _without).of(clocks, filters, where)


def _without() -> facets.Facets:
    raise ValueError("headings, types, languages and species are asked of an index: Index.sights")
