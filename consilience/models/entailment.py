"""Entailment from transparent features: what the claim asks, what the evidence says, how far they overlap."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from consilience.errors import BadInputError, StoreDamagedError
from consilience.models import Embedding, Entailment, Judgement
from consilience.models.cues import OPPOSITES, Reading, Sentence, merged, read
from consilience.models.numbers import has_number, without_sizes
from consilience.models.plain import HashedVectors

Matrix = npt.NDArray[np.float64]
# How much the cues count beside a network, and the least share that either gives.
_CUES, _LEAST = 0.35, 1e-4

VERSION = "v1"
LABELS = ("supports", "refutes", "neutral")
_VIEWS = ("best", "mean", "last")
_SIGNED = ("direction", "worth", "harm", "relation", "null", "significant", "p", "equal", "bare", "signs", "denied")
_PLAIN = ("hedge", "unclear", "contrast", "negation", "null", "polar")
# Length, number of sentences and "is it a question" are left out on purpose: they tell data sets apart, not answers.
_PAIR = (
    "coverage", "coverage_best", "coverage_last", "precision", "in_order", "numbers_missing", "numbers_clash",
    "antonym", "claim_negated", "claim_null", "claim_direction", "claim_worth", "claim_relation", "claim_hedge",
    "claim_number",
)  # fmt: skip
FEATURES = (
    *_PAIR,
    *(f"{view}:{side}:{name}" for view in _VIEWS for name in _SIGNED for side in ("pro", "con")),
    *(f"{view}:{name}" for view in _VIEWS for name in _PLAIN),
    *(f"best*coverage:{side}:{name}" for name in _SIGNED for side in ("pro", "con")),
)


class FeatureEntailment:
    """A multinomial logistic regression over cue features; its weights are a small file in the package.

    With an all-MiniLM-L6-v2 embedding it also weighs how near claim and evidence are; with any other it does not.
    """

    def __init__(self, embedding: Embedding | None = None, *, weights: Mapping[str, Any] | None = None) -> None:
        chosen = packaged_weights() if weights is None else weights
        fits = embedding is not None and embedding.name.startswith(chosen["embedding"])
        self._embedding = embedding if fits else None
        self._layer = Layer(chosen["models"]["embedding" if fits else "plain"])
        self.name = f"features/{chosen['version']}" + (f"+{embedding.name}" if fits and embedding else "")

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """One judgement for each (claim, evidence text) pair, in order."""
        if not pairs:
            return []
        matrix = features(pairs)
        if self._embedding is not None:
            matrix = np.hstack([matrix, nearness(pairs, self._embedding)])
        return [Judgement(*row) for row in self._layer.probabilities(matrix).tolist()]


class Layer:
    """Standardised features times weights, then a softmax."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._mean, self._scale = np.array(stored["mean"]), np.array(stored["scale"])
        self._coefficients, self._intercept = np.array(stored["coefficients"]), np.array(stored["intercept"])
        if tuple(stored["features"][: len(FEATURES)]) != FEATURES:
            raise StoreDamagedError(
                "the entailment weights were made for other features",
                where="consilience/models",
                expected="weights made by python -m consilience.models.train_entailment",
            )

    def probabilities(self, matrix: Matrix) -> Matrix:
        """Rows of three probabilities in the order of `LABELS`."""
        # One row at a time, so that a judgement's bits do not depend on its batch.
        scores = ((matrix - self._mean) / self._scale)[:, None, :] * self._coefficients
        totals = scores.sum(axis=2) + self._intercept
        powers = np.exp(totals - totals.max(axis=1, keepdims=True))
        return cast(Matrix, powers / powers.sum(axis=1, keepdims=True))


def packaged_weights() -> dict[str, Any]:
    """The weights that come with the package."""
    text = files("consilience.models").joinpath(f"entailment.{VERSION}.json").read_text(encoding="utf-8")
    return cast(dict[str, Any], json.loads(text))


def features(pairs: Sequence[tuple[str, str]]) -> Matrix:
    """One row of `FEATURES` for each (claim, evidence text) pair; a text that comes again is read once."""
    known: dict[str, Reading] = {}

    def reading(text: str) -> Reading:
        if text not in known:
            known[text] = read(text)
        return known[text]

    rows = [_row(reading(claim), reading(evidence)) for claim, evidence in pairs]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(FEATURES))


def nearness(pairs: Sequence[tuple[str, str]], embedding: Embedding) -> Matrix:
    """The cosine of claim and evidence, one column; each distinct text is embedded once."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    place = {text: row for row, text in enumerate(texts)}
    vectors = embedding.encode(texts).astype(np.float64)
    left, right = (vectors[[place[pair[side]] for pair in pairs]] for side in (0, 1))
    return cast(Matrix, (left * right).sum(axis=1, keepdims=True))


def _row(claim: Reading, evidence: Reading) -> list[float]:
    asked = claim.whole
    found = evidence.sentences or (merged(()),)
    shares = [_share(asked.content, sentence.content) for sentence in found]
    best = max(range(len(found)), key=lambda index: (shares[index], index))
    total = sum(shares) or 1.0
    signed = [_signed(asked, sentence) for sentence in found]
    plain = [[float(name in sentence.cues) for name in _PLAIN[:-1]] + [float(sentence.negated)] for sentence in found]
    mean_signed = [
        sum(w * row[i] for w, row in zip(shares, signed, strict=True)) / total for i in range(2 * len(_SIGNED))
    ]
    mean_plain = [sum(w * row[i] for w, row in zip(shares, plain, strict=True)) / total for i in range(len(_PLAIN))]
    return [
        *_overlap(asked, merged(found), shares),
        *signed[best], *mean_signed, *signed[-1],
        *plain[best], *mean_plain, *plain[-1],
        *(shares[best] * value for value in signed[best]),
    ]  # fmt: skip


def _overlap(asked: Sentence, whole: Sentence, shares: Sequence[float]) -> list[float]:
    pairs = set(zip(asked.order, asked.order[1:], strict=False))
    kept = pairs & set(zip(whole.order, whole.order[1:], strict=False))
    missing = asked.numbers - whole.numbers
    overlap = (_share(asked.content, whole.content), max(shares), shares[-1], _share(whole.content, asked.content))
    numbers = (len(missing) / (len(asked.numbers) or 1), bool(missing and whole.numbers))
    claim = (
        "negation" in asked.cues, bool(asked.cues & {"null", "equal"}), asked.direction != 0, _worth(asked) != 0,
        "relation" in asked.cues, "hedge" in asked.cues, bool(asked.numbers),
    )  # fmt: skip
    return [
        *overlap,
        len(kept) / (len(pairs) or 1),
        *map(float, numbers),
        float(_antonym(asked, whole)),
        *map(float, claim),
    ]


def _share(wanted: frozenset[str], found: frozenset[str]) -> float:
    return len(wanted & found) / (len(wanted) or 1)


def _antonym(claim: Sentence, evidence: Sentence) -> bool:
    """Whether a word of the claim is absent from the evidence while its opposite is there."""
    absent = claim.stems - evidence.stems
    return any(OPPOSITES[word] & evidence.stems for word in absent if word in OPPOSITES)


def _worth(sentence: Sentence) -> int:
    return ("good" in sentence.cues) - ("bad" in sentence.cues)


def _signed(claim: Sentence, evidence: Sentence) -> list[float]:
    """For each signed cue, how much it speaks for (pro) and against (con) the claim."""
    cues = evidence.cues
    up, down = float("up" in cues), float("down" in cues)
    no_up, no_down = float("not-up" in cues), float("not-down" in cues)
    good, bad = float("good" in cues), float("bad" in cues)
    no_good, no_bad = float("not-good" in cues), float("not-bad" in cues)
    turned = ("negation" in claim.cues) != bool(claim.cues & {"null", "equal"})
    direction = _claim_direction(claim)
    worth = _claim_worth(claim)
    harm = _harm_worth(claim)
    net_harm = _harm_worth(evidence)
    shared = claim.signs.keys() & evidence.signs.keys()
    same = sum(claim.signs[word] == evidence.signs[word] for word in shared)
    both = claim.content & evidence.content
    clash = len(both & (claim.denied ^ evidence.denied))
    pairs = [
        _along(direction, up + no_down, down + no_up),
        _along(worth, good + no_bad, bad + no_good),
        _along(harm or worth, float(net_harm > 0) + good, float(net_harm < 0) + bad),
        (float("relation" in cues), float("not-relation" in cues)),
        (0.0, float("null" in cues)),
        (float("significant" in cues), float("not-significant" in cues)),
        (float("p-low" in cues), float("p-high" in cues)),
        (0.0, float("equal" in cues)),
        (float(not evidence.negated), float(evidence.negated)),
    ]
    turned_pairs = [value for pro, con in pairs for value in ((con, pro) if turned else (pro, con))]
    signs = (same / (len(shared) or 1), (len(shared) - same) / (len(shared) or 1))
    return [*turned_pairs, *signs, (len(both) - clash) / (len(both) or 1), clash / (len(both) or 1)]


def _along(sign: int, plus: float, minus: float) -> tuple[float, float]:
    if sign == 0:
        return 0.0, 0.0
    return (plus, minus) if sign > 0 else (minus, plus)


def _claim_direction(claim: Sentence) -> int:
    cues = claim.cues
    return bool(cues & {"up", "not-up"}) - bool(cues & {"down", "not-down"})


def _claim_worth(claim: Sentence) -> int:
    cues = claim.cues
    return bool(cues & {"good", "not-good"}) - bool(cues & {"bad", "not-bad"})


def _harm_worth(sentence: Sentence) -> int:
    """+1 when a harm goes down (`reduces mortality`), -1 when it goes up."""
    return -_claim_direction(sentence) if "harm" in sentence.cues else 0


def default_entailment(embedding: Embedding | None) -> str:
    """The name of the model that judges where none is named: `minilm` where its packages are, else `features`.

    A home whose vectors are hashed asks for no learned model at all, so it gets none.
    """
    from consilience.models.crossing import is_at_hand

    hashed = embedding is not None and isinstance(embedding, HashedVectors)
    return "minilm" if not hashed and is_at_hand() else "features"


class Joined:
    """A network and the cue features together: a network hears more, and features are never taken in by its habits.

    Shares are the weighted geometric mean of both. Chosen on HealthVer, CliniFact validation and, by folds, PubMedQA
    conclusions together: it gains on each (the card has the figures). A network learnt from changed numbers to hear
    any number as a contradiction, so a claim without one is held against its evidence without sizes.
    """

    def __init__(self, network: Entailment, cues: Entailment | None = None) -> None:
        self._network, self._cues = network, cues or FeatureEntailment()
        self.name = f"{network.name}+{self._cues.name}"

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """One judgement for each (claim, evidence text) pair, in order."""
        if not pairs:
            return []
        plain = [(claim, evidence if has_number(claim) else without_sizes(evidence)) for claim, evidence in pairs]
        heard, cued = (_logs(judge.judge(plain)) for judge in (self._network, self._cues))
        powers = np.exp((1 - _CUES) * heard + _CUES * cued)
        return [Judgement(*row) for row in (powers / powers.sum(axis=1, keepdims=True)).tolist()]


def _logs(judged: Sequence[Judgement]) -> Matrix:
    return cast(Matrix, np.log(np.array([[one.supports, one.refutes, one.neutral] for one in judged]) + _LEAST))


def _minilm(_: Embedding | None) -> Entailment:
    from consilience.models.crossing import CrossEncoder

    return Joined(CrossEncoder())


ENTAILMENTS: dict[str, Callable[[Embedding | None], Entailment]] = {"minilm": _minilm, "features": FeatureEntailment}


def entailment_by_name(name: str, embedding: Embedding | None = None) -> Entailment:
    """The entailment model called `name`.

    One of `minilm`, `features`, `transformers:<model>@<revision>`, or one of another package.
    """
    if name in ENTAILMENTS:
        return ENTAILMENTS[name](embedding)
    kind, _, described = name.partition(":")
    if kind == "transformers" and described:
        from consilience.models.nli import TransformersEntailment

        return TransformersEntailment(described)
    others = {found.name: found for found in entry_points(group="consilience.entailments")}
    if name in others:
        return cast(Entailment, others[name].load()(embedding))
    known = ", ".join([*ENTAILMENTS, *sorted(others), "transformers:<model>@<revision>"])
    raise BadInputError(f"no entailment model is called {name!r}", where="entailment", expected=f"one of {known}")
