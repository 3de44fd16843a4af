"""BioASQ's own measures: exact answers of yes/no, factoid and list questions, and snippets held against gold ones.

As defined for Task B, Phase B (Malakasiotis, Androutsopoulos et al., *Evaluation measures for Task B*): a factoid is
answered by up to five names, best first; strict accuracy counts the first, lenient accuracy any, MRR 1 / rank of the
first that is right. A list is held against the gold list by precision, recall and F1, each a mean over questions.
Every gold item is a set of synonyms, any of which will do, letter for letter but for case. `alike` beside a measure
says that names are compared as the graph compares them: without plural, hyphen, accent or article.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consilience.evaluation.bootstrap import Statistic, ratio
from consilience.evaluation.measures import ANSWERS, accuracy, macro_f1
from consilience.kg.names import key
from consilience.records import normal_space

# How many names a factoid may be answered by.
FACTOID_ANSWERS = 5
KINDS = ("polar", "factoid", "list", "summary")
_ARTICLE = re.compile(r"^(a|an|the) ", re.IGNORECASE)

Gold = Sequence[Collection[str]]
Same = Callable[[str], str]
Stretch = tuple[str, str, int, int]
"""A document, one of its fields, and half-open offsets into it."""


def official(name: str) -> str:
    """What two names share when the official measure takes them for one."""
    return normal_space(name).casefold()


def alike(name: str) -> str:
    """What two names share when people would: `the IL-β receptors` and `IL beta receptor`."""
    return key(_ARTICLE.sub("", normal_space(name))) or official(name)


def reciprocal_rank(gold: Gold, given: Sequence[str], same: Same = official) -> float:
    """1 / rank of the first of at most five names that is a synonym of any gold one; 0 where none is.

    Strict accuracy is whether it is 1, lenient accuracy whether it is more than 0.
    """
    known = {same(synonym) for synonyms in gold for synonym in synonyms}
    ranks = (rank for rank, name in enumerate(given[:FACTOID_ANSWERS], start=1) if same(name) in known)
    return 1 / rank if (rank := next(ranks, None)) else 0.0


@dataclass(frozen=True, slots=True)
class Overlap:
    """Precision, recall and their harmonic mean, of one question."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean; 0 where both are."""
        return 2 * self.precision * self.recall / whole if (whole := self.precision + self.recall) else 0.0

    @classmethod
    def of(cls, common: float, given: float, gold: float) -> Overlap:
        """What is common as shares of what was given and of what is gold; 0 where there is nothing to share."""
        return cls(common / given if given else 0.0, common / gold if gold else 0.0)


def listed(gold: Gold, given: Sequence[str], same: Same = official) -> Overlap:
    """A list held against the gold one: a gold item counts once, however many of its synonyms are given."""
    names = {same(name) for name in given}
    found = sum(any(same(synonym) in names for synonym in synonyms) for synonyms in gold)
    # What is given twice, in two spellings that are the same, is one item; two synonyms of one item are two.
    return Overlap.of(min(found, len(names)), len(names), len(gold))


def snippets(gold: Iterable[Stretch], given: Iterable[Stretch]) -> Overlap:
    """Given stretches held against gold ones by the characters they share; what two of them cover counts once."""
    due, shown = _covered(gold), _covered(given)
    common = sum(_common(due[place], shown[place]) for place in due.keys() & shown.keys())
    return Overlap.of(common, sum(map(_length, shown.values())), sum(map(_length, due.values())))


def documents(gold: Collection[str], given: Iterable[str]) -> Overlap:
    """Given documents held against gold ones."""
    shown = set(given)
    return Overlap.of(len(shown & set(gold)), len(shown), len(set(gold)))


def _covered(stretches: Iterable[Stretch]) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """The stretches of every field in order, those that touch made one."""
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for document, field, start, end in sorted(stretches):
        own = found.setdefault((document, field), [])
        if own and start <= own[-1][1]:
            own[-1] = own[-1][0], max(end, own[-1][1])
        else:
            own.append((start, end))
    return found


def _length(stretches: Sequence[tuple[int, int]]) -> int:
    return sum(end - start for start, end in stretches)


def _common(some: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> int:
    return sum(max(0, min(end, last) - max(start, first)) for start, end in some for first, last in others)


# ---------------------------------------------------------------- a suite's figures


def scores(kind: str, gold: Gold, reply: Mapping[str, Any]) -> dict[str, float]:
    """The figures of one factoid or list question; of other kinds none."""
    given = [str(item.get("text", "")) for item in reply.get("items") or ()]
    if kind == "factoid":
        rank, near = reciprocal_rank(gold, given), reciprocal_rank(gold, given, alike)
        return {"strict": float(rank == 1), "lenient": float(rank > 0), "MRR": rank,
                "strict alike": float(near == 1), "lenient alike": float(near > 0), "MRR alike": near}  # fmt: skip
    if kind == "list":
        exact = listed(gold, given)
        return {"list P": exact.precision, "list R": exact.recall, "list F1": exact.f1,
                "list F1 alike": listed(gold, given, alike).f1}  # fmt: skip
    return {}


def statistics(details: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Statistic]]:
    """Every system's statistics, from what the details say: each a mean over the questions of its kind."""
    found: dict[str, dict[str, Statistic]] = {}
    for name in details[0]["systems"] if details else ():
        told = [each["systems"][name] for each in details]
        found[name] = {**_polar(details, told), **_means(told)}
    return found


def _polar(details: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> dict[str, Statistic]:
    gold = [each["answer"] or "" for each in details]
    if not any(gold):
        return {}
    asked = [float(bool(answer)) for answer in gold]
    # Of another kind of question there is neither an answer due nor one given.
    given = [str(own["answer"]) if answer else "" for own, answer in zip(told, gold, strict=True)]
    right = [value * is_asked for value, is_asked in zip(accuracy(gold, given), asked, strict=True)]
    return {"yes/no accuracy": ratio(right, asked), "yes/no macro-F1": macro_f1(gold, given, ANSWERS["yes/no"])}


def _means(told: Sequence[Mapping[str, Any]]) -> dict[str, Statistic]:
    names = dict.fromkeys(name for own in told for name in own["scores"])
    return {
        name: ratio([own["scores"].get(name, 0.0) for own in told], [float(name in own["scores"]) for own in told])
        for name in names
    }
