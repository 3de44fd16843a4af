"""A search suite: Boolean queries made of PICOs, run on the home's corpus beside the same without their parts.

Recall is among the included records that the corpus has; a corpus that holds few of them says little, so every figure
stands beside how many are known. Published strategies (CLEF-TAR) are run as they stand: what is lost is lost to the
strategy, or to our reading of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import yaml

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Draws, Statistic, estimate, mean, ratio
from consilience.evaluation.datasets import rows
from consilience.evaluation.definition import ScreeningSearchSuite
from consilience.evaluation.engine import Engine
from consilience.evaluation.outcome import Clock, Outcome, Scored
from consilience.indexes.boolean import strategy
from consilience.indexes.boolean.syntax import And, Dates, Node, conjunction, to_pubmed
from consilience.screening import protocol as protocols
from consilience.screening.picoquery import Search, search_of
from consilience.screening.terms import Lexicon

SYSTEMS = ("core_and_expand", "core", "cochrane_sensitive", "cochrane_precise")
_FILTERS = {"cochrane_sensitive": "cochrane-sensitive", "cochrane_precise": "cochrane-precise"}


@runtime_checkable
class Counts(Protocol):
    """An engine that runs a Boolean strategy and counts its lines."""

    def boolean(self, query: str, *, syntax: str = "auto") -> dict[str, Any]:
        """The `boolean` object."""
        ...


@dataclass(frozen=True, slots=True)
class Review:
    """One review: its set, its name, its protocol or a strategy as published, and the records it included."""

    group: str
    name: str
    included: tuple[str, ...]
    protocol: protocols.Protocol | None = None
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One query on the corpus: whether it could be read, what it found, and of the included how many there are."""

    review: Review
    parsed: bool
    hits: int = 0
    known: int = 0
    found: int = 0
    terms: int = 0

    def as_json(self, system: str) -> dict[str, Any]:
        """The run as a detail of the report."""
        return {"group": self.review.group, "review": self.review.name, "system": system, "parsed": self.parsed,
                "hits": self.hits, "included": len(self.review.included), "known": self.known, "found": self.found,
                "terms": self.terms}  # fmt: skip


def search_screening(
    suite: ScreeningSearchSuite, reviews: Sequence[Review], published: Sequence[Review], engine: Engine, *,
    clock: Clock, draws: Draws, lexicon: Lexicon | None = None,
) -> Outcome:  # fmt: skip
    """Makes the query of every review, runs it with and without its parts, and runs the published strategies."""
    if not isinstance(engine, Counts):
        raise BadInputError("This engine counts no strategies.", where=suite.kind, expected="a home")
    start = clock()
    lexicon = lexicon or Lexicon.load()
    loading = clock() - start
    runs: dict[str, list[Run]] = {}
    seconds: dict[str, float] = {}
    for system in SYSTEMS:
        start = clock()
        runs[system] = [_searched(review, _maker(system, lexicon), engine) for review in reviews]
        seconds[system] = clock() - start
    start = clock()
    strategies = [_published(review, engine) for review in published]
    systems = [Scored(system, _statistics(runs[system]), len(reviews), seconds[system]) for system in SYSTEMS]
    groups = {group: _figures([run for run in runs[SYSTEMS[0]] if run.review.group == group], draws)
              for group in dict.fromkeys(review.group for review in reviews)}  # fmt: skip
    groups |= {"published": _figures(strategies, draws)} if strategies else {}
    told = [*((system, run) for system in SYSTEMS for run in runs[system]), *(("published", run) for run in strategies)]
    return Outcome(
        len(reviews), tuple(systems), details=tuple(run.as_json(system) for system, run in told), groups=groups,
        usage={"lexicon_seconds": round(loading, 1), "published_seconds": round(clock() - start, 1)},
        provenance={"units": "reviews", "known_included": sum(run.known for run in runs[SYSTEMS[0]]),
                    "lexicon": lexicon.version},
    )  # fmt: skip


def _maker(system: str, lexicon: Lexicon) -> Callable[[protocols.Protocol], Search]:
    def make(protocol: protocols.Protocol) -> Search:
        found = search_of(protocol, lexicon, filter=_FILTERS.get(system, ""))
        return found if system != "core" else found.without_expand()

    return make


def _searched(review: Review, make: Callable[[protocols.Protocol], Search], engine: Counts) -> Run:
    assert review.protocol is not None
    try:
        search = make(review.protocol)
        if strategy.read(search.text).whole() != search.strategy.whole():  # what is pasted is what was meant
            return Run(review, parsed=False)
    except BadInputError:
        return Run(review, parsed=False)
    return _counted(review, search.pubmed, engine, sum(len(group.terms) for group in search.groups))


def _published(review: Review, engine: Counts) -> Run:
    try:
        whole = strategy.read(review.strategy).whole()
    except BadInputError:
        return Run(review, parsed=False)
    if not _known(review, engine):
        return Run(review, parsed=True)
    return _counted(review, to_pubmed(_undated(whole)), engine, 0)


def _undated(node: Node) -> Node:
    """The strategy without the days to which it was limited: few corpora know when a record entered MEDLINE."""
    if isinstance(node, And) and (kept := [part for part in node.parts if not isinstance(part, Dates)]):
        return conjunction(map(_undated, kept))
    return node


def _known(review: Review, engine: Counts) -> int:
    return int(engine.boolean(_named(review.included), syntax="pubmed")["count"]) if review.included else 0


def _counted(review: Review, query: str, engine: Counts, terms: int) -> Run:
    """How many documents a query finds, and how many of those included."""
    known = _known(review, engine)
    hits = int(engine.boolean(query, syntax="pubmed")["count"])
    found = int(engine.boolean(f"({query}) AND ({_named(review.included)})", syntax="pubmed")["count"]) if known else 0
    return Run(review, True, hits, known, found, terms)


def _named(pmids: Iterable[str]) -> str:
    return " OR ".join(f"{pmid}[uid]" for pmid in pmids)


def _statistics(runs: Sequence[Run]) -> dict[str, Statistic]:
    return {
        "parsed": mean([float(run.parsed) for run in runs]),
        "recall": ratio([run.found for run in runs], [run.known for run in runs]),
        "precision": ratio([run.found for run in runs], [run.hits if run.known else 0 for run in runs]),
        "hits": mean([float(run.hits) for run in runs]),
    }


def _figures(runs: Sequence[Run], draws: Draws) -> dict[str, Any]:
    found = _statistics(runs)
    told = {name: estimate(of, len(runs), draws).as_json() for name, of in found.items()}
    return {**told, "known": {"value": sum(run.known for run in runs), "ci95": None}}


# ---------------------------------------------------------------- the reviews of public files


def trial_reviews(path: Path) -> Iterator[Review]:
    """TrialReviewBench: a PICO of sentences each, and the PMIDs of the studies included."""
    for row in rows(path):
        pico = row["PICO"]
        named = {"population": pico.get("P"), "intervention": pico.get("I"), "comparator": pico.get("C"),
                 "outcome": pico.get("O")}  # fmt: skip
        body = {"title": row["title"], "pico": {name: [text] for name, text in named.items() if text}}
        included = tuple(dict.fromkeys(str(trial["pmid"]) for trial in row["trials"] if trial.get("pmid")))
        yield Review("trialreviewbench", str(row["pmid"]), included, protocols.protocol_of(body, where=path.name))


def published_strategies(path: Path) -> Iterator[Review]:
    """CLEF-TAR: a strategy each as its review published it, and the PMIDs included by title and abstract."""
    for row in rows(path):
        yield Review("clef_tar", row["topic"], tuple(map(str, row["rel_abs"])), strategy=row["query"])


def labelled_reviews(path: Path, bodies: Mapping[str, Any], *, group: str, label: str, name: str) -> Iterator[Review]:
    """Labelled reviews that we have protocols of: the PMIDs labelled 1 or Included."""
    included: dict[str, dict[str, None]] = {}
    for row in rows(path):
        if row.get(label) in (1, "1", "Included") and row.get("pmid"):
            included.setdefault(str(row[group]), {})[str(row["pmid"])] = None
    for review, body in bodies.items():
        yield Review(name, review, tuple(included.get(review, ())), protocols.protocol_of(body, where=review))


def read_protocols(path: Path) -> dict[str, dict[str, Any]]:
    """The protocols of a file: a set, its reviews, the body of each."""
    try:
        loaded: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInputError("The protocols are not YAML.", where=path.name, expected="set: review: body") from error
    return loaded
