"""Claims against texts: does what a judge says of them agree with people, and what of that is the claim alone?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from consilience.errors import BadInputError
from consilience.evaluation import calibration
from consilience.evaluation.bootstrap import Floats, Statistic, Weights, mean
from consilience.evaluation.claimsets import LABELS, Case
from consilience.evaluation.definition import ClaimsSuite
from consilience.evaluation.engine import Grounded, Judging, attempt
from consilience.evaluation.measures import UNDECIDED, accuracy, f1_of, macro_f1
from consilience.evaluation.outcome import Clock, Outcome, Replies, Scored, ordered, timed, usable
from consilience.models import Entailment
from consilience.reasoning import verify_claim, verify_text

if TYPE_CHECKING:
    from consilience.evaluation.folds import Folds

Shares = dict[str, float]
Call = Callable[[], dict[str, Any]]
_SIDES = LABELS[:2]
# Cut finer, the bins of a few hundred claims hold too few to tell their commonest label.
_OVERLAP_BINS = 5
_WORD = re.compile(r"[a-z0-9]{3,}")
_FUNCTION_WORDS = frozenset(
    "the and for are was were with that this from has have had not than may can its their been into which does".split()
)


def claim(suite: ClaimsSuite, cases: Sequence[Case], engine: object, *, clock: Clock,
          folds: Folds | None = None) -> Outcome:  # fmt: skip
    """Has every claim judged by every system, each by a judge of `folds` that has not learnt from it, if given."""
    if not isinstance(engine, Judging):
        raise BadInputError("This engine hands out no judge.", where=suite.kind, expected="a home")
    ways = _ways(suite, engine, folds)
    names = ordered(suite.systems, suite.systems[0])
    skipped: dict[str, str] = {}
    asked: dict[str, Replies] = {}
    for name in (name for name in names if name in ways):
        replies = timed(name, (_attempted(ways[name], case) for case in cases), clock)
        if usable(name, replies, main=name == names[0], skipped=skipped):
            asked[name] = replies
    given = {name: [reply.get("probabilities") or {} for reply in replies.values] for name, replies in asked.items()}
    simple = {"majority": _majority, "word_overlap": _by_overlap}
    given |= {name: simple[name](cases) for name in names if name in simple}
    details = tuple(
        {"id": case.id, "claim": case.claim, "gold": case.label, "group": case.group,
         "probabilities": {name: given[name][at] for name in names if name in given}}
        for at, case in enumerate(cases)
    )  # fmt: skip
    systems = tuple(_scored(name, of, asked.get(name)) for name, of in statistics(details).items())
    judge = engine.entailment()
    return Outcome(
        len(cases), systems, details, skipped,
        tuple(f"{name}: {len(of.failures)} claims failed and count as wrong" for name, of in asked.items()
              if of.failures),
        curves=calibration.curves({name: _columns(name, details) for name in asked}),
        provenance={"models": {"entailment": judge.name}, "labels": dict(Counter(case.label for case in cases))},
    )  # fmt: skip


def _ways(suite: ClaimsSuite, engine: Judging, folds: Folds | None) -> dict[str, Callable[[Case], dict[str, Any]]]:
    """How each system is asked for what it makes of a case."""
    name = suite.format or "plain"
    plain: list[Entailment] = []

    def judges(case: Case) -> Entailment:
        return folds.judge(name, case.number) if folds else engine.entailment()

    def features(case: Case) -> dict[str, Any]:
        if not plain:
            plain.append(engine.entailment("features"))
        return _read(case, lambda text: _judged(plain[0], case.claim, text))

    def over(case: Case, against: Sequence[str]) -> dict[str, Any]:
        if not isinstance(engine, Grounded):
            raise BadInputError("This engine has no documents.", where=suite.kind, expected="a home")
        ground = engine.ground(suite.as_of)
        return verify_claim(case.claim, folds.ground(ground, name, case.number) if folds else ground, against=against)

    return {
        "verify": lambda case: _read(
            case, lambda text: dict(verify_text(case.claim, text, judges(case))["probabilities"])
        ),
        "against": lambda case: over(case, [document for document, _ in case.texts]),
        "retrieved": lambda case: over(case, ()),
        "judge": lambda case: _read(case, lambda text: _judged(judges(case), case.claim, text)),
        "features": features,
        "claim_alone": lambda case: {"probabilities": _judged(judges(case), case.claim, "")},
    }


def _attempted(way: Callable[[Case], dict[str, Any]], case: Case) -> Call:
    return lambda: attempt(lambda: way(case))


def _read(case: Case, judged: Callable[[str], Shares]) -> dict[str, Any]:
    """What the most telling of a claim's texts says: the one least likely to say nothing, of equals the first."""
    each = [judged(text) for _, text in case.texts]
    return {"probabilities": min(each, key=lambda shares: shares["insufficient"])}


def _judged(judge: Entailment, claim: str, text: str) -> Shares:
    (told,) = judge.judge([(claim, text)])
    return {"supported": told.supports, "refuted": told.refutes, "insufficient": told.neutral}


def _majority(cases: Sequence[Case]) -> list[Shares]:
    return [_shares([case.label for case in cases])] * len(cases)


def _shares(labels: Sequence[str]) -> Shares:
    counts = Counter(labels)
    return {name: counts[name] / max(len(labels), 1) for name in LABELS}


def _by_overlap(cases: Sequence[Case]) -> list[Shares]:
    """How often each label is given where as many words of the claim stand in the text: told by the other half."""
    overlaps = np.array([max(_overlap(case.claim, text) for _, text in case.texts) for case in cases])
    found: list[Shares] = [{} for _ in cases]
    for half in (0, 1):
        other = np.arange(len(cases)) % 2 != half
        if not other.any():
            return _majority(cases)
        edges = np.quantile(overlaps[other], np.linspace(0, 1, _OVERLAP_BINS + 1)[1:-1])
        bins = np.searchsorted(edges, overlaps, side="right")
        labels = {at: [case.label for case, there in zip(cases, other & (bins == at), strict=True) if there]
                  for at in range(_OVERLAP_BINS)}  # fmt: skip
        everyone = [case.label for case, there in zip(cases, other, strict=True) if there]
        for place in np.flatnonzero(~other):
            found[place] = _shares(labels[int(bins[place])] or everyone)
    return found


def _overlap(claim: str, text: str) -> float:
    words = {*_WORD.findall(claim.lower())} - _FUNCTION_WORDS
    return len(words & {*_WORD.findall(text.lower())}) / (len(words) or 1)


def verdict(shares: Mapping[str, float]) -> str:
    """The likeliest label; of equals the more cautious; of none, as after a failure, `undecided`."""
    order = ("insufficient", "refuted", "supported")
    return max(order, key=lambda name: (shares[name], -order.index(name))) if shares else UNDECIDED


def statistics(details: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Statistic]]:
    """Every system's statistics, from what the details say.

    `sides` looks only at claims that people called supported or refuted, and at which of the two is likelier.
    """
    gold = [each["gold"] for each in details]
    sided = np.array([float(each in _SIDES) for each in gold])
    found: dict[str, dict[str, Statistic]] = {}
    for name in details[0]["probabilities"] if details else ():
        shares = [each["probabilities"][name] for each in details]
        predicted = [verdict(own) for own in shares]
        of: dict[str, Statistic] = {
            "macro-F1": macro_f1(gold, predicted, LABELS),
            "accuracy": mean(accuracy(gold, predicted)),
            **{f"F1 {label}": f1_of(gold, predicted, label) for label in LABELS},
        }
        if sided.any():
            leaning = [_side(own) for own in shares]
            of["macro-F1 sides"] = _only(sided, macro_f1(gold, leaning, _SIDES))
            of["accuracy sides"] = _only(sided, mean(accuracy(gold, leaning)))
        if name not in ("majority", "word_overlap"):
            of |= calibration.statistics(*_columns(name, details))
        found[name] = of
    return found


def _side(shares: Mapping[str, float]) -> str:
    return max(reversed(_SIDES), key=lambda name: shares[name]) if shares else UNDECIDED


def _only(there: Floats, of: Statistic) -> Statistic:
    """The statistic of some questions alone; undefined where a resample has none of them."""

    def some(weights: Weights) -> Floats:
        kept = weights * there
        total = kept.sum(axis=1, keepdims=True)
        scaled = np.divide(kept * weights.shape[1], total, out=np.full_like(kept, np.nan), where=total > 0)
        return of.of(scaled)

    return Statistic(some)


def _columns(name: str, details: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    shares = [each["probabilities"][name] for each in details]
    sure = [max(own.values(), default=0.0) for own in shares]
    return sure, [float(verdict(own) == each["gold"]) for own, each in zip(shares, details, strict=True)]


def _scored(name: str, own: Mapping[str, Statistic], replies: Replies | None) -> Scored:
    return Scored(name, own, len(replies.values), replies.seconds, replies.times) if replies else Scored(name, own)
