"""Does anything leak? Random questions on random clocks, and every hit held against what the store says of it.

A hit leaks that was published or loaded later than the clocks say, was deleted or out of force by then, or lacks what
a filter asks for. Hits are judged by the snapshot's own columns and records, not by the masks the engines were given.
Half of the clocks are drawn to hide by one day, or one commit, just the document whose words are searched for.

A score leaks when what was loaded later moves it. So the first files of the home are built into a home of their own,
and what both answer on clocks before the others came must be the same, hit by hit and to the last bit.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from consilience.corpora import fold, passages, snapshot
from consilience.corpora.corpus import Clocks, Corpus, Document
from consilience.corpora.store import SHARDS, Commit, Store
from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import mean, ratio
from consilience.evaluation.definition import LeaksSuite
from consilience.evaluation.engine import Searches
from consilience.evaluation.outcome import Clock, Outcome, Scored, timed
from consilience.evaluation.shelf import Shelf, built
from consilience.home import Rooms, name_of, same_file
from consilience.indexes import Hit, Index, facets
from consilience.indexes.filters import ASKED_STATUSES, PREPRINT, Filters

SORTS = ("published_later", "undated", "loaded_later", "out_of_force", "deleted", "filtered")
_FACTS = ("commits", "records", "texts", "quarantine")
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Draw:
    """One question: words of a document, a day, an instant, and filters that this document passes."""

    query: str
    clocks: Clocks
    filters: Filters


def hunt(suite: LeaksSuite, shelf: Searches, *, clock: Clock) -> Outcome:
    """Asks every retriever all draws and judges every hit; then asks again what an earlier home answers."""
    if not isinstance(shelf, Shelf) or not shelf.commits:
        raise BadInputError("Nothing has been loaded.", where="leaks", expected="a home with documents, refreshed")
    chance = random.Random(suite.seed)  # noqa: S311
    draws = list(_draws(chance, shelf.corpus, shelf.commits, suite.draws))
    replays = [pair for split in _splits(shelf.commits, suite.splits) for pair in _replays(suite, chance, shelf, split)]
    systems: list[Scored] = []
    groups: dict[str, Any] = {}
    details: list[dict[str, Any]] = []
    for name in suite.retrievers:
        calls = [_asking(shelf.index, draw, name, suite.top) for draw in draws]
        replies = timed(name, calls, clock)
        judged = [judgement(shelf.corpus, draw, reply["hits"])
                  for draw, reply in zip(draws, replies.values, strict=True)]  # fmt: skip
        moved = [_moved(pair, name, suite.top) for pair in replays]
        systems.append(_scored(name, judged, moved, replies.times))
        groups[name] = _told(judged, [reply["hits"] for reply in replies.values], moved)
        details += [_detail(name, draw, found) for draw, found in zip(draws, judged, strict=True) if found]
        details += [_detail(name, draw, ["moved"]) for (draw, *_), bad in zip(replays, moved, strict=True) if bad]
    main = suite.retrievers[0]
    at_risk = sum(bool(judgement(shelf.corpus, draw, _unheld(shelf, draw, main, suite.top))) for draw in draws)
    return Outcome(
        len(draws), tuple(systems), tuple(details), groups=groups, warnings=_warnings(suite, len(replays)),
        provenance={**shelf.provenance(), "draws_that_would_leak_without_clocks_and_filters": at_risk,
                    "filtered_draws": sum(draw.filters != Filters() for draw in draws)},
    )  # fmt: skip


def _warnings(suite: LeaksSuite, replays: int) -> tuple[str, ...]:
    if suite.splits and not replays:
        return ("no earlier home could be replayed: all files were loaded at one instant",)
    return ()


# ---------------------------------------------------------------- draws


def _draws(chance: random.Random, corpus: Corpus, commits: Sequence[Commit], count: int) -> Iterator[Draw]:
    instants = sorted({commit.known_at for commit in commits})
    days = sorted(day for day in corpus.table["published"].drop_null().unique().to_pylist())
    alive = [int(row) for row in corpus.alive.nonzero()[0]]
    while count and alive:
        document = corpus.document(chance.choice(alive))
        if words := document.fields.get("title", "").split():
            day, explicit = _day(chance, document, days)
            latest = [at for at in instants if at < document.known_from] if chance.random() < 0.5 else instants
            known = chance.choice(latest or instants) + chance.choice([_TICK, timedelta(0), -_TICK])
            yield Draw(_query(chance, words), Clocks(day, known, explicit=explicit), _filters(chance, document))
            count -= 1


def _day(chance: random.Random, document: Document, days: Sequence[date]) -> tuple[date, bool]:
    """A day, and whether it is named: the eve of the document's own, any between the first and the last, or none."""
    if not days or chance.random() < 0.2:
        return (days[-1] if days else date(2100, 1, 1)), False
    if document.published and document.published > date.min and chance.random() < 0.5:
        return document.published - timedelta(days=1), True
    return days[0] + timedelta(days=chance.randrange(-1, (days[-1] - days[0]).days + 2)), True


def _query(chance: random.Random, words: Sequence[str]) -> str:
    """The whole title, or some of its words."""
    kept = words if chance.random() < 0.5 else chance.sample(list(words), min(len(words), chance.randrange(1, 5)))
    plain = " ".join(word.strip('()[]{}":*') for word in kept)
    return plain.lower() if plain.strip() else "of"  # operators are upper-case


def _filters(chance: random.Random, document: Document) -> Filters:
    """None in four of ten draws; else some that the document passes, and at times a status that it may not have."""
    if chance.random() < 0.4:
        return Filters()
    borne: dict[str, list[str]] = {"designs": [document.design], "statuses": list(ASKED_STATUSES)}
    for name, value in sorted(facets.values_of(document.meta, document.source)):
        borne.setdefault(name, []).append(value)
    chosen = {name: (chance.choice(values),) for name, values in borne.items() if chance.random() < 0.3}
    return Filters(**{name: values for name, values in chosen.items() if values != (facets.BARE,)})


# ---------------------------------------------------------------- hits


def _asking(index: Index, draw: Draw, retriever: str, top: int) -> Callable[[], dict[str, Any]]:
    return lambda: {"hits": index.search(draw.query, top=top, clocks=draw.clocks, retriever=retriever,
                                         filters=draw.filters)}  # fmt: skip


def _unheld(shelf: Shelf, draw: Draw, retriever: str, top: int) -> list[Hit]:
    """What the same words find now and without filters: without a leak there, a draw proves little."""
    now = Clocks(date.max, max(commit.known_at for commit in shelf.commits), explicit=False)
    return shelf.index.search(draw.query, top=top, clocks=now, retriever=retriever)


def judgement(corpus: Corpus, draw: Draw, hits: Sequence[Hit]) -> list[str]:
    """What is wrong with each hit that leaks, as sorts of `SORTS`; empty when all may be seen."""
    return [sort for hit in hits for sort in _wrong(corpus, draw, hit.row)]


def _wrong(corpus: Corpus, draw: Draw, row: int) -> Iterator[str]:
    on, document = draw.clocks, corpus.document(row)
    if document.published is not None and document.published > on.as_of:
        yield "published_later"
    if document.published is None and on.explicit:
        yield "undated"
    if document.known_from > on.known_at:
        yield "loaded_later"
    if document.known_until is not None and document.known_until <= on.known_at:
        yield "out_of_force"
    if document.deleted:
        yield "deleted"
    if draw.filters != Filters() and not _passes(corpus, draw, document):
        yield "filtered"


def _passes(corpus: Corpus, draw: Draw, document: Document) -> bool:
    asked = draw.filters
    borne: dict[str, set[str]] = {"designs": {document.design}, "statuses": {PREPRINT} if document.preprint else set()}
    borne["statuses"].add(corpus.status(document.id, draw.clocks, deleted=document.deleted).name)
    for name, value in facets.values_of(document.meta, document.source):
        borne.setdefault(name, set()).add(value)
    return all(not (wanted := getattr(asked, each.name)) or {v.casefold() for v in wanted} & borne[each.name]
               for each in fields(asked))  # fmt: skip


# ---------------------------------------------------------------- replays

Replay = tuple[Draw, Shelf, Shelf]


def _splits(commits: Sequence[Commit], count: int) -> list[int]:
    """After how many files earlier homes end: evenly spaced, and only where the next file came at a later instant."""
    places = {round(len(commits) * (number + 1) / (count + 1)) for number in range(count)}
    return [at for at in sorted(places) if 0 < at < len(commits) and commits[at - 1].known_at < commits[at].known_at]


def _replays(suite: LeaksSuite, chance: random.Random, shelf: Shelf, split: int) -> Iterator[Replay]:
    then = earlier(shelf, shelf.commits[:split], shelf.scratch / f"first-{split}")
    last, following = then.commits[-1].known_at, shelf.commits[split].known_at
    for draw in _draws(chance, then.corpus, then.commits, suite.replays):
        known = chance.choice([draw.clocks.known_at, last, following - _TICK])
        yield (
            Draw(draw.query, Clocks(draw.clocks.as_of, known, explicit=draw.clocks.explicit), draw.filters),
            then,
            shelf,
        )


def earlier(shelf: Shelf, commits: Sequence[Commit], root: Path) -> Shelf:
    """The same home when only these files had been loaded, built anew below `root`; texts are linked, not copied."""
    rooms = shelf.corpus.store.rooms
    shutil.copytree(rooms.root / "corpora", root / "corpora", ignore=shutil.ignore_patterns("store"))
    names = {name_of(commit.seq) for commit in commits}
    for folder in _FACTS:
        (root / "corpora" / "store" / folder).mkdir(parents=True)
        for path in sorted((rooms.corpora / folder).glob("*")):
            if path.name.partition(".")[0] in names:
                same_file(path, root / "corpora" / "store" / folder / path.name)
    store = Store(Rooms(root))
    fold.build(store, commits, range(SHARDS))
    passages.build(store, commits, range(SHARDS))
    corpus = Corpus(store, snapshot.build(store, commits))
    spent = built(corpus, commits, shelf.profile, shelf.embed(shelf.profile.dense.embedding))
    return Shelf(corpus, commits, shelf.profile, shelf.embed, shelf.now, shelf.scratch, spent)


def _moved(replay: Replay, retriever: str, top: int) -> bool:
    draw, *shelves = replay
    before, now = ([_identity(shelf.corpus, hit) for hit in _asking(shelf.index, draw, retriever, top)()["hits"]]
                   for shelf in shelves)  # fmt: skip
    return before != now


def _identity(corpus: Corpus, hit: Hit) -> tuple[str, str, float, dict[str, float]]:
    document = corpus.document(hit.row)
    return document.id, document.version, hit.score, dict(hit.parts)


# ---------------------------------------------------------------- telling


def _scored(name: str, judged: Sequence[list[str]], moved: Sequence[bool], times: Sequence[float]) -> Scored:
    statistics = {"clean": mean([float(not found) for found in judged])}
    if moved:
        n, kept = len(judged), [float(not bad) for bad in moved]
        shares = [sum(kept[place::n]) for place in range(n)]
        statistics["unmoved"] = ratio(shares, [float(len(kept[place::n])) for place in range(n)])
    return Scored(name, statistics, len(judged), sum(times), times)


def _told(judged: Sequence[list[str]], found: Sequence[Sequence[Hit]], moved: Sequence[bool]) -> dict[str, Any]:
    """Counts with exact bounds: an interval drawn from results that are all alike would have no width."""
    told: dict[str, Any] = {
        "hits": sum(map(len, found)), "answered": sum(map(bool, found)),
        "clean": bounded(sum(not found for found in judged), len(judged)),
        "leaks": {sort: sum(each.count(sort) for each in judged) for sort in SORTS},
    }  # fmt: skip
    return {**told, "unmoved": bounded(sum(not bad for bad in moved), len(moved))} if moved else told


def bounded(count: int, n: int) -> dict[str, Any]:
    """A count among `n` with its share's exact 95 % interval (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    low = float(beta.ppf(0.025, count, n - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, n - count)) if count < n else 1.0
    return {"count": count, "n": n, "value": round(count / n, 6), "ci95": [round(low, 6), round(high, 6)]}


def _detail(name: str, draw: Draw, found: Sequence[str]) -> dict[str, Any]:
    on = draw.clocks
    return {"system": name, "query": draw.query, "as_of": on.as_of.isoformat() if on.explicit else None,
            "known_at": on.known_at.isoformat(), "filters": draw.filters.as_json(), "wrong": list(found)}  # fmt: skip
