"""Words beside other engines, on the same documents and cores in one run.

    python -m consilience.evaluation.benchmark_lexical --home HOME --queries questions.jsonl.gz

Prints one JSON object: our call beside a bare Tantivy searcher of the same terms, fields, weights and number of hits
(whose scores count what it holds, not what is in sight); building, taking in 1 % of changes, answering and memory, at
several sizes, beside bm25s and rank_bm25, each in a process of its own. These two can only be built anew. All analyse
the same texts by the same tokenizer within their time. Without `--queries` the titles of documents are asked.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from consilience.corpora.corpus import Clocks, Corpus
from consilience.evaluation.bench import alone, evenly, latency, memory, newest, questions, rounded, taken
from consilience.home import find
from consilience.indexes import analysis, lexical
from consilience.indexes import profile as profiles
from consilience.indexes.counts import Ints
from consilience.indexes.filters import Sight, sight
from consilience.indexes.lexical import Earlier, Lexical

TOP, QUERIES = 100, 300
# What an update brings: so large a part of the documents is new, and a tenth as many are gone.
_CHANGED, _GONE = 0.01, 0.1
_SLOWEST = 5_000  # documents for rank_bm25, which scores every one of them for every query in Python

Ask = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Bench:
    """A snapshot of a home, or its first documents, with the questions to ask of it."""

    home: Path
    queries_from: Path | None = None
    documents: int = sys.maxsize

    @cached_property
    def profile(self) -> profiles.LexicalProfile:
        """The lexical part of the home's profile."""
        return profiles.load(find(self.home)).lexical

    @cached_property
    def corpus(self) -> Corpus:
        """The newest snapshot, with at most so many live rows."""
        return self.holding(np.flatnonzero(newest(self.home).alive)[: self.documents])

    def holding(self, rows: Ints) -> Corpus:
        """The snapshot as if these rows alone were alive."""
        opened = newest(self.home)
        opened.alive = np.isin(np.arange(opened.table.num_rows), rows)
        return opened

    @cached_property
    def texts(self) -> list[tuple[int, dict[str, str]]]:
        """Each live row with what its fields are indexed by."""
        rows = np.flatnonzero(self.corpus.alive)
        return [(row, lexical.indexed_texts(texts, meta)) for row, texts, meta in lexical.read(self.corpus, rows)]

    @cached_property
    def queries(self) -> list[str]:
        """At most so many questions, spread over the file, or over the titles."""
        if self.queries_from:
            return questions(self.queries_from, QUERIES)
        return evenly([title for _, indexed in self.texts if (title := indexed["title"])], QUERIES)

    def sight(self, as_of: date | None = None) -> Sight:
        """All there is, or what had been published by a day."""
        clocks = Clocks(as_of or date(2200, 1, 1), datetime(2200, 1, 1, tzinfo=UTC), explicit=as_of is not None)
        return sight(self.corpus, clocks)

    def middle(self) -> date:
        """The day by which half of the dated documents were published."""
        days = self.corpus.published[self.corpus.alive]
        dated = np.sort(days[days > -(10**9)])
        return date.fromordinal(date(1970, 1, 1).toordinal() + int(dated[len(dated) // 2])) if len(dated) else date.max

    def built(self, folder: Path) -> Lexical:
        """Our index of it."""
        lexical.build(folder, self.corpus, self.profile)
        return Lexical(folder, self.corpus, self.profile)

    def tokens(self) -> Iterator[list[str]]:
        """The terms of each document's whole text."""
        analyzer = analysis.tokenizer(stem=self.profile.stem)
        for _, indexed in self.texts:
            yield analyzer.analyze(indexed["text"])

    def terms(self) -> Callable[[str], list[str]]:
        """How the others get the distinct terms of a query."""
        analyzer = analysis.tokenizer(stem=self.profile.stem)
        return lambda query: list(dict.fromkeys(analyzer.analyze(analysis.normalised(query))))


def searched(bench: Bench, rounds: int = 5) -> dict[str, Any]:
    """Our call beside the bare engine's, query by query in turns, where all is in sight and where half is.

    Every second query is put to an index just opened; the others, new to it too, after them; then all of them again.
    """
    with TemporaryDirectory() as folder:
        bare = _tantivy(bench, Path(folder) / "bare")
        bench.built(Path(folder) / "ours")
        told: dict[str, Any] = {}
        for name, seen in {"all in sight": bench.sight(), "half in sight": bench.sight(bench.middle())}.items():
            # Opened anew: nothing is known yet of any term.
            ours = _ours(Lexical(Path(folder) / "ours", bench.corpus, bench.profile), seen)
            told[name] = {
                "unasked": _compared(bench.queries[::2], ours, bare),
                "new questions": _compared(bench.queries[1::2], ours, bare),
                "again": _middle([_compared(bench.queries, ours, bare) for _ in range(rounds)]),
            }
    return told


def _ours(opened: Lexical, seen: Sight) -> Ask:
    return lambda query: [found.row for found in opened.search(query, TOP, seen)]


def _compared(queries: Sequence[str], ours: Ask, bare: Ask) -> dict[str, float]:
    """Milliseconds, and the quotient of the means: by the clock, and by processor time, which others' load spares."""
    spent: dict[str, list[tuple[float, float]]] = {"ours": [], "tantivy": []}
    for query in queries:
        for name, ask in (("ours", ours), ("tantivy", bare)):
            started, burnt = time.perf_counter(), time.thread_time()
            ask(query)
            spent[name].append((time.perf_counter() - started, time.thread_time() - burnt))
    by_clock = {name: [clock for clock, _ in times] for name, times in spent.items()}
    burnt_ms = {name: 1000 * mean(cpu for _, cpu in times) for name, times in spent.items()}
    told = {f"{name} {what}": value for name, times in by_clock.items() for what, value in _spread(times).items()}
    return {
        **told,
        **{f"{name} processor_ms": value for name, value in burnt_ms.items()},
        "ratio": mean(by_clock["ours"]) / mean(by_clock["tantivy"]),
        "ratio_by_processor_time": burnt_ms["ours"] / burnt_ms["tantivy"],
    }


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    return {"mean_ms": 1000 * mean(seconds), "p95_ms": latency(seconds)["p95_ms"]}


def _middle(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def _tantivy(bench: Bench, folder: Path) -> Ask:
    """Tantivy with nothing around it: weighted terms, no filter, rows by a fast field."""
    import tantivy

    weights = {str(name): weight for name, weight in bench.profile.weights.items() if weight}
    builder = tantivy.SchemaBuilder().add_integer_field("row", fast=True)
    for name in weights:
        builder.add_text_field(name, tokenizer_name=analysis.NAME)
    schema = builder.build()
    folder.mkdir(parents=True)
    index = tantivy.Index(schema, path=str(folder))
    index.register_tokenizer(analysis.NAME, analysis.tokenizer(stem=bench.profile.stem))
    writer = index.writer(heap_size=256_000_000, num_threads=1)
    for row, indexed in bench.texts:
        writer.add_document(tantivy.Document(row=row, **{name: indexed[name] for name in weights}))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher, terms = index.searcher(), bench.terms()

    def ask(query: str) -> Sequence[int]:
        asked = tantivy.Query.boolean_query([
            (tantivy.Occur.Should, tantivy.Query.boost_query(tantivy.Query.term_query(schema, name, term), weight))
            for name, weight in weights.items()
            for term in terms(query)
        ])  # fmt: skip
        found = searcher.search(asked, TOP, count=False).hits
        return searcher.fast_field_values("row", [address for _, address in found])  # type: ignore[return-value]

    return ask


def _bm25s(bench: Bench, _: Path) -> Ask:
    peer: Any = importlib.import_module("bm25s")
    index = peer.BM25(method="lucene", k1=bench.profile.k1, b=bench.profile.b)
    index.index(list(bench.tokens()), show_progress=False)
    terms = bench.terms()

    def ask(query: str) -> Sequence[int]:
        known = [term for term in terms(query) if term in index.vocab_dict]
        if not known:
            return []
        found, _scores = index.retrieve([known], k=min(TOP, len(bench.texts)), show_progress=False)
        return list(found[0])

    return ask


def _rank_bm25(bench: Bench, _: Path) -> Ask:
    from rank_bm25 import BM25Okapi

    index, terms = BM25Okapi(list(bench.tokens())), bench.terms()
    return lambda query: list(np.argsort(-index.get_scores(terms(query)), kind="stable")[:TOP])


def _ours_built(bench: Bench, folder: Path) -> Ask:
    return _ours(bench.built(folder), bench.sight())


SYSTEMS: Mapping[str, Callable[[Bench, Path], Ask]] = {
    "ours": _ours_built, "tantivy": _tantivy, "bm25s": _bm25s, "rank_bm25": _rank_bm25,
}  # fmt: skip


def one(name: str, bench: Bench) -> dict[str, Any]:
    """Build one system here, ask it, and tell seconds and memory; ours also takes in a change."""
    told: dict[str, Any] = {"documents": len(bench.texts)}
    asked = bench.queries
    with TemporaryDirectory() as folder:
        before = memory()
        started = time.perf_counter()
        ask = SYSTEMS[name](bench, Path(folder) / "built")
        told["build_s"] = time.perf_counter() - started
        spent = []
        for query in asked:
            started = time.perf_counter()
            ask(query)
            spent.append(time.perf_counter() - started)
        told |= _spread(spent)
        told["memory_mib"] = _taken_mib(before)
        if name == "ours":
            del ask
            told |= _opened(bench, Path(folder) / "built", asked) | _updated(bench, Path(folder))
    return told


def _opened(bench: Bench, folder: Path, asked: Sequence[str]) -> dict[str, Any]:
    """What our built index takes of memory once it is opened and has answered."""
    before = memory()
    opened = Lexical(folder, bench.corpus, bench.profile)
    for query in asked:
        opened.search(query, TOP, bench.sight())
    return {"opened_mib": _taken_mib(before)}


def _taken_mib(before: Mapping[str, int]) -> dict[str, float]:
    return {kind: round(mib, 1) for kind, mib in taken(before).items()}


def _updated(bench: Bench, folder: Path) -> dict[str, float]:
    rows = np.flatnonzero(bench.corpus.alive)
    new = np.random.default_rng(0).permutation(rows)[: max(1, int(_CHANGED * len(rows)))]
    gone = new[: int(_GONE * len(new))]
    lexical.build(folder / "before", bench.holding(np.setdiff1d(rows, new[len(gone) :])), bench.profile)
    now = bench.holding(np.setdiff1d(rows, gone))
    started = time.perf_counter()
    analysed = lexical.build(folder / "after", now, bench.profile, Earlier(folder / "before", {}))
    return {"update_s": time.perf_counter() - started, "new": analysed, "gone": len(gone)}


def measure(bench: Bench, *, sizes: Iterable[int] = (), rounds: int = 5) -> dict[str, Any]:
    """All of it; sizes default to a quarter, a half and all of the documents."""
    whole = len(bench.texts)
    sizes = sorted({min(size, whole) for size in sizes or (whole // 4, whole // 2, whole) if size})
    grown = {name: [_apart(name, bench, size) for size in _taken(name, sizes)] for name in _installed()}
    missing = [f"{name} is not installed: pip install 'consilience[dev]'" for name in SYSTEMS if name not in grown]
    search = searched(bench, rounds)
    told = {"documents": whole, "queries": len(bench.queries), "top": TOP, "rounds": rounds, "missing": missing}
    return rounded({**told, "search": search, "systems": grown})


def _installed() -> list[str]:
    return [name for name in SYSTEMS if name in ("ours", "tantivy") or importlib.util.find_spec(name)]


def _taken(name: str, sizes: Sequence[int]) -> Sequence[int]:
    return [min(sizes[0], _SLOWEST)] if name == "rank_bm25" else sizes


def _apart(name: str, bench: Bench, size: int) -> dict[str, Any]:
    asked = ["--queries", str(bench.queries_from)] if bench.queries_from else []
    return alone(__spec__.name, "--home", str(bench.home), "--one", name, "--documents", str(size), *asked)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="consilience.evaluation.benchmark_lexical", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="a home that was refreshed")
    parser.add_argument("--queries", type=Path, help="JSON lines with query, question or claim")
    parser.add_argument("--documents", type=int, nargs="*", default=[], help="the sizes to build at")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", choices=sorted(SYSTEMS), help="one system at one size, in this process")
    given = parser.parse_args()
    if given.one:
        told = one(given.one, Bench(given.home, given.queries, *given.documents[:1]))
    else:
        told = measure(Bench(given.home, given.queries), sizes=given.documents, rounds=given.rounds)
    sys.stdout.write(json.dumps(told, indent=None if given.one else 2) + "\n")


if __name__ == "__main__":
    main()
