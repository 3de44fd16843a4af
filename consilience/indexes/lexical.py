"""Tantivy: BM25 and Boolean search over documents, with both clocks as filters inside the engine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from consilience.corpora.corpus import FOREVER, Clocks, Corpus, days
from consilience.corpora.store import TEXT_FIELDS
from consilience.errors import BadInputError, StoreDamagedError
from consilience.indexes import counts
from consilience.indexes.filters import Filters, Found, Sight
from consilience.indexes.profile import LexicalProfile

if TYPE_CHECKING:
    import tantivy

_ANALYZER = "biomedical"
# A query with a "phrase", an upper-case operator or a field of ours is Boolean; "a 2:1 ratio" is a bag of words.
_BOOLEAN = re.compile(r'"[^"]+"|\b(?:AND|OR|NOT)\b|\b(?:text|title|mesh|design):\S')
# Greek letters as words, so that "TNF-α" finds "TNF-alpha".
_NO_FIELD = re.compile(r"([\w-]+):(?=\s|$)")
# What of a Boolean query is not a word to be scored.
_OPERATORS = re.compile(r"\b(?:AND|OR|NOT)\b|\b(?:text|title|mesh|design):|[()\"*]")
_GREEK = str.maketrans({
    "α": " alpha ", "β": " beta ", "γ": " gamma ", "δ": " delta ", "ε": " epsilon ", "κ": " kappa ", "λ": " lambda ",
    "μ": " mu ", "µ": " mu ", "σ": " sigma ", "τ": " tau ", "ω": " omega ", "Δ": " delta ", "Ω": " omega ",
})  # fmt: skip
_UNDATED = -1_000_000
FIELDS = ("text", "title", "mesh")
# The engine ranks by all it holds; its best so many are scored again by what is in sight.
_CANDIDATES = 400


def is_boolean(query: str) -> bool:
    """Say whether a query uses operators, quotes or field tags."""
    return bool(_BOOLEAN.search(query))


@dataclass(frozen=True, slots=True)
class Earlier:
    """An index built before by the same profile: where it lies, and its live row of each (document, version)."""

    folder: Path
    rows: Mapping[tuple[str, str], int]


def build(folder: Path, corpus: Corpus, profile: LexicalProfile, earlier: Earlier | None = None) -> int:
    """Index every live row of a corpus into an empty folder; return how many had to be analysed.

    A version says the same for ever, so its term counts are taken from an earlier index that has it: the same bytes.
    """
    import tantivy

    folder.mkdir(parents=True)
    index = tantivy.Index(_schema(), path=str(folder))
    index.register_tokenizer(_ANALYZER, _analyzer(profile))
    # One thread: documents lie in the order of their rows, so equal scores tie the same way everywhere.
    writer = index.writer(heap_size=256_000_000, num_threads=1)
    analyzer = _analyzer(profile)
    counted = {name: counts.Writer(counts.Counts(earlier.folder, name) if earlier else None) for name in FIELDS}
    analysed = 0
    keys = zip(corpus.table["id"].to_pylist(), corpus.table["version"].to_pylist(), strict=True)
    for row, key in enumerate(keys):
        texts = indexed_texts(corpus, row) if corpus.alive[row] else {}
        known = earlier.rows.get(key) if earlier and texts else None
        for name, into in counted.items():
            if known is None:
                into.add(analyzer.analyze(texts.get(name, "")))
            else:
                into.carry(known)
        analysed += bool(texts) and known is None
        if texts:
            writer.add_document(_document(corpus, row, texts))
    for name, into in counted.items():
        into.save(folder, name)
    writer.commit()
    writer.wait_merging_threads()
    return analysed


def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    for name in FIELDS:
        builder.add_text_field(name, tokenizer_name=_ANALYZER)
    builder.add_text_field("design", tokenizer_name="raw", index_option="basic")
    for name in ("row", "published", "known_from", "known_until"):
        builder.add_integer_field(name, indexed=False, fast=True)
    return builder.build()


def _analyzer(profile: LexicalProfile) -> tantivy.TextAnalyzer:
    import tantivy

    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (tantivy.Filter.remove_long(60), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold()):
        builder = builder.filter(step)
    builder = builder.filter(tantivy.Filter.stopword("english"))
    return (builder.filter(tantivy.Filter.stemmer("english")) if profile.stem else builder).build()


def indexed_texts(corpus: Corpus, row: int) -> dict[str, str]:
    """What each field of a document is indexed by."""
    table = corpus.table
    texts = corpus.store.texts(table["seq"][row].as_py())
    at = table["row"][row].as_py()
    fields = {name: (texts[name][at].as_py() or "").translate(_GREEK) for name in TEXT_FIELDS}
    meta: Mapping[str, Any] = json.loads(texts["meta"][at].as_py() or "{}")
    terms = [m[0] for m in meta.get("mesh", [])] + list(meta.get("keywords", []))
    whole = " ".join(text for text in fields.values() if text)
    return {"text": whole, "title": fields["title"], "mesh": ". ".join(terms)}


def _document(corpus: Corpus, row: int, texts: Mapping[str, str]) -> tantivy.Document:
    import tantivy

    published = int(corpus.published[row])
    return tantivy.Document(
        **texts,
        design=corpus.table["design"][row].as_py() or "unknown",
        row=row,
        published=_UNDATED if published == -FOREVER else published,
        known_from=int(corpus.known_from[row]),
        known_until=int(corpus.known_until[row]),
    )


class Lexical:
    """A built Tantivy index, opened for reading."""

    def __init__(self, folder: Path, corpus: Corpus, profile: LexicalProfile) -> None:
        import tantivy

        if not folder.is_dir() or not tantivy.Index.exists(str(folder)):
            raise StoreDamagedError(
                "the lexical index is missing", where="indexes/store", expected="consilience refresh"
            )
        self._index = tantivy.Index.open(str(folder))
        self._analyzer = _analyzer(profile)
        self._index.register_tokenizer(_ANALYZER, self._analyzer)
        self._searcher = self._index.searcher()
        self._corpus = corpus
        self._profile = profile
        self._counts = {name: counts.Counts(folder, name) for name in FIELDS}

    def search(self, query: str, limit: int, sight: Sight) -> list[Found]:
        """The best documents in sight by BM25, best first, ties by row.

        Scores count the documents that the clocks show and no others.
        """
        import tantivy

        asked = self._boolean(query) if is_boolean(query) else self._words(query)
        if asked is None or limit < 1:
            return []
        clauses = [
            (tantivy.Occur.Must, asked),
            *((tantivy.Occur.Must, f) for f in self._filters(sight.clocks, sight.filters)),
        ]
        wide = max(limit + 20, _CANDIDATES)
        try:
            found = self._searcher.search(tantivy.Query.boolean_query(clauses), wide, count=False).hits
        except ValueError as error:  # "title:*" reads well and cannot be run
            raise _unreadable(error) from None
        rows: list[Any] = self._searcher.fast_field_values("row", [address for _, address in found])
        return self._scored(query, sorted(int(row) for row in rows if sight.allowed[row]), sight)[:limit]

    def _scored(self, query: str, rows: Sequence[int], sight: Sight) -> list[Found]:
        terms = list(dict.fromkeys(self.terms(_OPERATORS.sub(" ", query) if is_boolean(query) else query)))
        total = int(sight.shown.sum())
        scores = np.zeros(len(rows))
        for name, weight in self._profile.weights.items():
            idf = counts.idf(self.document_frequencies(terms, sight.clocks, field=name), total)
            scores += weight * self._counts[name].bm25(rows, idf, sight.shown)
        order = np.lexsort((np.asarray(rows, np.int64), -scores))
        return [Found(rows[i], float(scores[i])) for i in order]

    def terms(self, text: str) -> list[str]:
        """The index terms of a text: lower case, folded, stemmed, without stop-words."""
        found: list[str] = self._analyzer.analyze(text.translate(_GREEK))
        return found

    def document_frequencies(self, terms: Sequence[str], clocks: Clocks, *, field: str = "text") -> dict[str, int]:
        """In how many documents visible on the clocks each term occurs: nothing loaded or published later counts."""
        import tantivy

        # Where nothing is hidden, the engine's own figure is the answer.
        if int(self._corpus.visible(clocks).sum()) == self._searcher.num_docs:
            return {term: self._searcher.doc_freq(field, term) for term in dict.fromkeys(terms)}
        filters = [(tantivy.Occur.Must, f) for f in self._filters(clocks, Filters())]
        found = {}
        for term in dict.fromkeys(terms):
            asked = tantivy.Query.term_query(self._index.schema, field, term)
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, asked), *filters])
            found[term] = _count(self._searcher.search(query, 1))
        return found

    def _words(self, query: str) -> tantivy.Query | None:
        import tantivy

        terms = list(dict.fromkeys(self.terms(query)))
        if not terms:
            return None
        schema = self._index.schema
        clauses = []
        for name, weight in self._profile.weights.items():
            for term in terms:
                # Constant filters must not score: only these clauses do.
                scored = tantivy.Query.boost_query(tantivy.Query.term_query(schema, name, term), weight)
                clauses.append((tantivy.Occur.Should, scored))
        return tantivy.Query.boolean_query(clauses)

    def _boolean(self, query: str) -> tantivy.Query:
        # A colon before a blank is punctuation: '"Occult" disorder: a review' names no field.
        plain = _NO_FIELD.sub(r"\1 ", query.translate(_GREEK))
        try:
            return self._index.parse_query(plain, ["text", "mesh"], conjunction_by_default=True)
        except ValueError as error:
            raise _unreadable(error) from None

    def _filters(self, clocks: Clocks, filters: Filters) -> Iterator[tantivy.Query]:
        import tantivy

        def between(name: str, low: int | None, high: int | None) -> tantivy.Query:
            ranged = tantivy.Query.range_query(self._index.schema, name, tantivy.FieldType.Integer, low, high)
            return tantivy.Query.const_score_query(ranged, 0.0)

        yield between("published", _UNDATED + 1 if clocks.explicit else None, days(clocks.as_of))
        yield between("known_from", None, clocks.instant)
        yield between("known_until", clocks.instant + 1, None)
        if filters.designs:
            chosen = tantivy.Query.term_set_query(self._index.schema, "design", list(filters.designs))
            yield tantivy.Query.const_score_query(chosen, 0.0)


def _unreadable(error: Exception) -> BadInputError:
    return BadInputError(
        f"this Boolean query cannot be read: {error}", where="query",
        expected='words, "phrases", AND, OR, NOT, title:word, mesh:word',
    )  # fmt: skip


def _count(result: Any) -> int:
    return int(result.count)  # missing from the stubs
