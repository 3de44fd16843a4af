"""The verifier's suite: does it tell what evidence says from what a rule, or a person, made of it?

Every supported claim is also put wrong by rule, a kind at a time (`models.perturbations`), and held against the same
evidence. What people marked as refuted is the harder half: no rule made it, and none of the checks was made for it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consilience.errors import BadInputError, first_problem
from consilience.evaluation.bootstrap import Floats, Statistic, Weights, ratio
from consilience.evaluation.datasets import Row, rows
from consilience.evaluation.definition import VerifierSuite
from consilience.evaluation.engine import Judging
from consilience.evaluation.outcome import Clock, Outcome, Scored, ordered
from consilience.kg.link import Linker
from consilience.models import Entailment, Judgement
from consilience.models.checks import Mismatch, mismatches
from consilience.models.cues import read
from consilience.models.perturbations import KINDS, Named, mutants
from consilience.models.verifier import score
from consilience.text import sentences

# A title that says something has a finite verb; `Effects of X on Y` says nothing that could be wrong.
_SAYS = re.compile(
    r"\b(?:is|are|was|were|does|did|has|have|can|may|reduces?|increases?|improves?|prevents?|causes?|predicts?|inhibits?"
    r"|induces?|promotes?|decreases?|enhances?|attenuates?|protects?|impairs?|affects?|lowers?|regulates?|suppresses?)\b"
)
_SAYS_LITTLE = re.compile(r"[?:]|\b(?:effects?|influence|role|comparison|study|trial)s? of\b", re.IGNORECASE)
_LAST = 3  # sentences of an abstract that conclude it
_EACH = 1  # mutants of every kind


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and the text it is held against; `right` says whether people took it to say so.

    `context` is the rest of the text's document; `number` is the item's own id in its set, by which a judge that has
    not learnt from it is found.
    """

    id: str
    claim: str
    evidence: str
    right: bool
    context: str
    number: str


@dataclass(frozen=True, slots=True)
class Case:
    """One claim as it is judged: of which pair, and whether it is `right`, `refuted` by people, or a mutant's kind."""

    pair: int
    kind: str
    claim: str


Judges = Callable[[Pair], Entailment]


# ---------------------------------------------------------------- what is read


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    claim: str = Field(min_length=1)
    evidence: str = Field(min_length=1)
    label: Literal["supported", "refuted", "insufficient"] = "supported"
    context: str = ""
    group: str = ""
    note: str = ""


def _plain(path: Path, _: Mapping[str, Row]) -> Iterator[Pair]:
    for row in rows(path):
        try:
            line = _Line.model_validate(row)
        except ValidationError as failure:
            raise BadInputError(
                first_problem(failure), where=path.name, expected="the forms of evaluation/README.md"
            ) from None
        if line.label != "insufficient":
            yield Pair(line.id, line.claim, line.evidence, line.label == "supported", line.context, line.id)


def _scifact(path: Path, abstracts: Mapping[str, Row]) -> Iterator[Pair]:
    """Claims against the rationale sentences that people marked, the abstract for context."""
    for row in rows(path):
        for place, told in enumerate(row["evidence"]):
            abstract = abstracts[str(told["doc_id"])]
            lines = [sentence.strip() for sentence in abstract["abstract"]]
            yield Pair(f"{row['id']}-{place}", row["claim"], " ".join(lines[n] for n in told["sentences"]),
                       told["label"] == "SUPPORT", " ".join([abstract["title"], *lines]), str(row["id"]))  # fmt: skip


def _healthver(path: Path, _: Mapping[str, Row]) -> Iterator[Pair]:
    for number, row in enumerate(rows(path)):
        if row["label"] != "Neutral":
            right = row["label"] == "Supports"
            yield Pair(f"{row['id']}-{number}", row["claim"].strip(), row["evidence"], right, "", str(number))


def _pubmedqa(path: Path, _: Mapping[str, Row]) -> Iterator[Pair]:
    """The sentences of a paper's conclusion against the rest of its abstract."""
    for row in rows(path):
        told = " ".join(row["contexts"])
        for place, (start, end) in enumerate(sentences(row["long_answer"])):
            yield Pair(f"{row['pmid']}-{place}", row["long_answer"][start:end], told, True, "", str(row["pmid"]))


def _titles(path: Path, _: Mapping[str, Row]) -> Iterator[Pair]:
    """Titles that say what was found against the last sentences of their abstract."""
    for row in rows(path):
        title, abstract = str(row.get("title") or "").strip(" []."), str(row.get("abstract") or "")
        if not 40 <= len(title) <= 200 or not _SAYS.search(title) or _SAYS_LITTLE.search(title):
            continue
        ends = list(sentences(abstract))[-_LAST:]
        if len(ends) == _LAST:
            name = str(row.get("pmid") or row.get("id"))
            yield Pair(name, f"{title}.", abstract[ends[0][0] :], True, abstract, name)


_FORMS: dict[str, Callable[[Path, Mapping[str, Row]], Iterator[Pair]]] = {
    "plain": _plain, "scifact": _scifact, "healthver": _healthver, "pubmedqa": _pubmedqa, "titles": _titles,
}  # fmt: skip
_TELLING_KEYS = {"cited_doc_ids": "scifact", "topic_ip": "healthver", "long_answer": "pubmedqa", "abstract": "titles"}


def pairs(path: Path, form: str | None, corpus: Sequence[Path] = ()) -> list[Pair]:
    """Every claim of a file that people took to be supported or refuted, in file order; `corpus` holds abstracts."""
    first: Row = next(rows(path), {})
    name = form or next((form for key, form in _TELLING_KEYS.items() if key in first), "plain")
    try:
        abstracts = {str(row["doc_id"]): row for file in corpus for row in rows(file)}
        found = list(_FORMS[name](path, abstracts))
    except (KeyError, TypeError, AttributeError, IndexError) as failure:
        where, told = path.name, f"A line does not have the {name} form, or names a document that is not there"
        raise BadInputError(f"{told} ({failure}).", where=where, expected=f"the keys of {name}") from failure
    if not any(pair.right for pair in found):
        raise BadInputError("The file holds no supported claim.", where=path.name, expected="at least one")
    return found


# ---------------------------------------------------------------- what is judged


def cases(given: Sequence[Pair], linker: Linker, seed: int) -> list[Case]:
    """Every pair's claim, and of the supported ones the mutants; entities are swapped for others of the same file."""
    named = [
        [Named(m.start, m.end, m.type) for m in linker.mentions(pair.claim) if m.type in ("Chemical", "Disease")]
        for pair in given
    ]
    others: dict[str, Counter[str]] = defaultdict(Counter)
    for pair, found in zip(given, named, strict=True):
        for one in found:
            others[one.type][pair.claim[one.start : one.end]] += 1
    names = {kind: sorted(counted) for kind, counted in others.items()}
    made: list[Case] = []
    for place, (pair, found) in enumerate(zip(given, named, strict=True)):
        made.append(Case(place, "right" if pair.right else "refuted", pair.claim))
        if pair.right:
            wrong = mutants(pair.claim, seed=seed, each=_EACH, named=found, others=names)
            made += [Case(place, mutant.kind, mutant.text) for mutant in wrong]
    return made


def tell_apart(
    suite: VerifierSuite, given: Sequence[Pair], engine: object, linker: Linker, *, clock: Clock,
    judges: Judges | None = None,
) -> Outcome:  # fmt: skip
    """Has every system score every claim; `judges` finds for each pair a judge that has not learnt from it."""
    if not isinstance(engine, Judging):
        raise BadInputError("This engine hands out no judge.", where=suite.kind, expected="a home")
    made = cases(given, linker, suite.seed)
    start = clock()
    judged = _judged(made, given, judges or (lambda _: engine.entailment()))
    heard = clock()
    checked = [mismatches(c.claim, given[c.pair].evidence, context=given[c.pair].context, names=linker) for c in made]
    done = clock()
    # The judge's word and the checks' are the verifier's: what costs neither costs nothing.
    seconds = {"verifier": done - start, "entailment": heard - start, "checks": done - heard}
    scores: dict[str, Callable[[], Floats]] = {
        "verifier": lambda: np.array([score(j, m) for j, m in zip(judged, checked, strict=True)]),
        "entailment": lambda: np.array([score(j, ()) for j in judged]),
        "checks": lambda: np.array([score(_UNDECIDED, m) for m in checked]),
        "features": lambda: np.array(
            [score(j, ()) for j in _judged(made, given, lambda _: engine.entailment("features"))]
        ),
        "word_overlap": lambda: np.array([_overlap(c.claim, given[c.pair].evidence) for c in made]),
        "majority": lambda: np.zeros(len(made)),
    }
    names = ordered(suite.systems, suite.systems[0])
    found = {name: scores[name]() for name in names}
    passing = np.array([_passes(j, m) for j, m in zip(judged, checked, strict=True)])
    systems = tuple(
        Scored(name, {**_aurocs(made, found[name], len(given)),
                      **(_decisions(made, passing, len(given)) if name == "verifier" else {})},
               len(made) if name in seconds else 0, seconds.get(name, 0.0))
        for name in names
    )  # fmt: skip
    counts = Counter(case.kind for case in made)
    return Outcome(
        len(given), systems, details=tuple(_details(made, given, found, checked, passing)),
        groups={kind: {"claims": {"value": counts[kind], "ci95": None, "n": counts[kind]}} for kind in sorted(counts)},
        provenance={"models": {"entailment": engine.entailment().name}, "cases": dict(sorted(counts.items())),
                    "unseen": judges is not None},
    )  # fmt: skip


_UNDECIDED = Judgement(0.0, 0.0, 1.0)


def _judged(made: Sequence[Case], given: Sequence[Pair], judges: Judges) -> list[Judgement]:
    """Every case's judgement; cases that go to the same judge go together."""
    by_judge: dict[int, tuple[Entailment, list[int]]] = {}
    for at, case in enumerate(made):
        judge = judges(given[case.pair])
        by_judge.setdefault(id(judge), (judge, []))[1].append(at)
    told: dict[int, Judgement] = {}
    for judge, places in by_judge.values():
        asked = [(made[at].claim, given[made[at].pair].evidence) for at in places]
        told |= dict(zip(places, judge.judge(asked), strict=True))
    return [told[at] for at in range(len(made))]


def _passes(judgement: Judgement, found: Sequence[Mismatch]) -> bool:
    return not found and judgement.supports > max(judgement.refutes, judgement.neutral)


def _overlap(claim: str, evidence: str) -> float:
    asked = read(claim).whole.content
    return len(asked & read(evidence).whole.content) / (len(asked) or 1)


# ---------------------------------------------------------------- figures


def _aurocs(made: Sequence[Case], found: Floats, n: int) -> dict[str, Statistic]:
    """Over all that is wrong by rule, over each kind, and over what people refuted."""
    kinds = np.array([case.kind for case in made])
    of = np.array([case.pair for case in made])
    right = kinds == "right"
    wrong = {"": np.isin(kinds, KINDS), **{f"_{kind}": kinds == kind for kind in (*KINDS, "refuted")}}
    return {
        f"auroc{name}": auroc(found[right | mask], right[right | mask], of[right | mask])
        for name, mask in wrong.items()
        if mask.any()
    }


def auroc(scores: Floats, positive: np.ndarray[Any, Any], of: np.ndarray[Any, Any]) -> Statistic:
    """The chance that a right claim scores above a wrong one, ties half; `of` names the question of each score."""
    order = np.argsort(scores, kind="stable")
    ranked, right, unit = scores[order], positive[order].astype(np.float64), of[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] > ranked[:-1]])

    def statistic(weights: Weights) -> Floats:
        drawn = weights[:, unit]
        above = np.add.reduceat(drawn * right, starts, axis=1)
        below = np.add.reduceat(drawn * (1 - right), starts, axis=1)
        beaten = np.cumsum(below, axis=1) - below / 2
        whole = above.sum(axis=1) * below.sum(axis=1)
        return np.divide((above * beaten).sum(axis=1), whole, out=np.full(len(weights), np.nan), where=whole > 0)

    return Statistic(statistic)


def _decisions(made: Sequence[Case], passing: np.ndarray[Any, Any], n: int) -> dict[str, Statistic]:
    """The share of right claims that pass, and of wrong ones that do not, by kind."""
    found: dict[str, Statistic] = {}
    for kind in ("right", *KINDS, "refuted"):
        hits, tries = [0.0] * n, [0.0] * n
        for case, passes in zip(made, passing, strict=True):
            if case.kind == kind:
                tries[case.pair] += 1
                hits[case.pair] += passes if kind == "right" else not passes
        if any(tries):
            found["kept" if kind == "right" else f"caught_{kind}"] = ratio(hits, tries)
    return found


def _details(
    made: Sequence[Case], given: Sequence[Pair], found: Mapping[str, Floats], checked: Sequence[Sequence[Mismatch]],
    passing: np.ndarray[Any, Any],
) -> Iterator[dict[str, Any]]:  # fmt: skip
    for at, case in enumerate(made):
        yield {"id": given[case.pair].id, "kind": case.kind, "claim": case.claim, "passes": bool(passing[at]),
               "reasons": [one.why for one in checked[at]],
               "scores": {name: round(float(values[at]), 6) for name, values in found.items()}}  # fmt: skip
