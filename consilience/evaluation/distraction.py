"""Sentences that must not change what is found: bystanders and figures of speech, after MedDistractQA.

Every question is asked plainly, and with a sentence before it from each half of the templates: how much of the ranking
stays, how often the first hit goes, and what that costs, with the filter of `indexes.asides` and without.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from consilience.errors import BadInputError
from consilience.evaluation.bootstrap import Statistic, mean
from consilience.evaluation.datasets import Question
from consilience.evaluation.definition import DistractionSuite
from consilience.evaluation.engine import Searches, Varied
from consilience.evaluation.measures import ranking
from consilience.evaluation.outcome import Clock, Outcome, Scored, timed

# The rules of `indexes.asides` were written with the first half in sight; the second half is there to judge them.
# {entity} is a disease or drug that has nothing to do with the question.
TEMPLATES = (
    "Her neighbour was recently diagnosed with {entity}.",
    "The patient's dog is being treated for {entity}.",
    "A friend of his has had {entity} for years.",
    "His coworker takes pills for {entity}.",
    "Her mother-in-law died of {entity}.",
    "My cat was operated on because of {entity}.",
    "The patient's roommate is studying {entity}.",
    "Incidentally, his boss has {entity}.",
    "Their landlord suffers from {entity}.",
    "Her best friend is afraid of {entity}.",
    "Last week, his barber told him about {entity}.",
    "His ex-wife is a nurse on a ward for {entity}.",
    "The patient's zodiac sign is Cancer.",
    "Her horoscope warned of {entity}.",
    "His business is haemorrhaging money like {entity}.",
    "Her favourite film is called {entity}.",
    "He plays the drums in a band named {entity}.",
    "The patient's computer has a virus, a {entity} of the hard disk.",
    "His car broke down, which he calls a case of {entity}.",
    "Metaphorically, her inbox suffers from {entity}.",
    "Her football team is nicknamed {entity}.",
    "His stock portfolio had a heart attack, then {entity}.",
    "She is writing a novel titled {entity}.",
    "By the way, her parrot can say {entity}.",
    "His video game features a villain with {entity}.",
    "A colleague of hers gave a talk on {entity}.",
    # ---- the second half
    "His old schoolteacher lives with {entity}.",
    "Her personal trainer is recovering from {entity}.",
    "The man's pet rabbit has {entity}.",
    "The neighbour upstairs coughs and is said to have {entity}.",
    "Her sister-in-law raises money for {entity}.",
    "An acquaintance of the family was in hospital with {entity}.",
    "Two months ago, his flatmate read about {entity}.",
    "Her yoga instructor swears by a remedy for {entity}.",
    "His former employer made drugs against {entity}.",
    "The babysitter thinks that she has {entity}.",
    "Someone on the bus talked loudly about {entity}.",
    "Her daughter's classmate missed school with {entity}.",
    "A celebrity whom he admires announced {entity}.",
    "His grandmother's gardener was treated for {entity}.",
    "The patient's horse is named {entity}.",
    "He has just watched a documentary on {entity}.",
    "Her star sign is Cancer and her moon is in Pisces.",
    "So to speak, the whole office has {entity}.",
    "Their start-up died of {entity}, as he likes to joke.",
    "The roof of her house, a victim of {entity}, leaks.",
    "His yacht is called {entity}.",
    "She won a quiz by spelling {entity}.",
    "His favourite song compares love to {entity}.",
    "The team that he supports has defensive {entity}.",
    "Her garden shows what she calls {entity} of the roses.",
    "In his crossword, seven down was {entity}.",
)


HALVES = {"seen": TEMPLATES[: len(TEMPLATES) // 2], "unseen": TEMPLATES[len(TEMPLATES) // 2 :]}
SYSTEMS = {"with the filter": True, "without": False}
TOP, _GAIN = 10, "nDCG@10"


def distracted(query: str, aside: str) -> str:
    """The distraction first, then the question: what is asked comes last."""
    return f"{aside} {query}"


def distract(suite: DistractionSuite, questions: Sequence[Question], shelf: Searches, *, clock: Clock) -> Outcome:
    """Asks every question plainly and distracted, with the filter and without it."""
    if not isinstance(shelf, Varied):
        raise BadInputError("This engine has no variants.", where=suite.kind, expected="a home with its own index")
    chance = random.Random(suite.seed)  # noqa: S311
    asides = [{half: drawn(chance, question.text, templates, suite.entities) for half, templates in HALVES.items()}
              for question in questions]  # fmt: skip
    found: dict[str, list[dict[str, list[str]]]] = {}
    times: dict[str, list[float]] = {}
    for name, on in SYSTEMS.items():
        engine = shelf.variant({"query": {"asides": on}})
        calls = [_asking(engine, suite, question, aside) for question, aside in zip(questions, asides, strict=True)]
        replies = timed(name, calls, clock)
        found[name], times[name] = replies.values, replies.times
    details = tuple(
        {"id": question.id, "query": question.text, "as_of": question.as_of or suite.as_of,
         "relevant": question.relevant, "asides": asides[at], "hits": {name: own[at] for name, own in found.items()}}
        for at, question in enumerate(questions)
    )  # fmt: skip
    systems = (Scored(name, own, 3 * len(times[name]), sum(times[name]), [each / 3 for each in times[name]])
               for name, own in statistics(details).items())  # fmt: skip
    return Outcome(len(details), tuple(systems), details, provenance=shelf.provenance())


def drawn(chance: random.Random, query: str, templates: Sequence[str], entities: Sequence[str]) -> str:
    """One template with an entity of which the query has no word."""
    words = {*re.findall(r"\w+", query.casefold())}
    foreign = [entity for entity in entities if words.isdisjoint(re.findall(r"\w+", entity.casefold()))]
    return chance.choice(templates).format(entity=chance.choice(foreign or list(entities)))


def statistics(details: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Statistic]]:
    """Every system's statistics, from what the details say.

    nDCG@10 of the plain question, and for each half: the share of the first 10 that stays, how often the first goes,
    nDCG@10.
    """
    relevant = {detail["id"]: detail["relevant"] for detail in details}
    found: dict[str, dict[str, Statistic]] = {}
    for name in details[0]["hits"] if details else ():
        hits = [detail["hits"][name] for detail in details]

        def gain(asked: str, hits: Sequence[Mapping[str, Sequence[str]]] = hits) -> Statistic:
            ranked = {question: own[asked] for question, own in zip(relevant, hits, strict=True)}
            return mean(ranking([_GAIN], relevant, ranked)[_GAIN])

        found[name] = {_GAIN: gain("plain")}
        for half in HALVES:
            found[name] |= {
                f"overlap@{TOP} {half}": mean([overlap(own["plain"], own[half]) for own in hits]),
                f"flips {half}": mean([float(own["plain"][:1] != own[half][:1]) for own in hits]),
                f"{_GAIN} {half}": gain(half),
            }
    return found


def overlap(before: Sequence[str], after: Sequence[str]) -> float:
    """The share of a ranking that stays, wherever it then stands; nothing stays whole."""
    return len({*before} & {*after}) / len(before) if before else 1.0


def _asking(
    engine: Searches, suite: DistractionSuite, question: Question, asides: Mapping[str, str]
) -> Callable[[], dict[str, Any]]:
    def search(query: str) -> list[str]:
        as_of = question.as_of or suite.as_of
        return [hit["id"] for hit in engine.search(query, top=TOP, retriever=suite.retriever, as_of=as_of)["hits"]]

    return lambda: {
        "plain": search(question.text),
        **{half: search(distracted(question.text, aside)) for half, aside in asides.items()},
    }
