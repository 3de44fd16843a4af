"""A rule with a proof: records drawn at random from the unread bound how many includes are left, whatever the ranking.

Let R be the number of includes among all records. A draw from the unread, when r are found and u unread, is an include
with the probability (R - r) / u: known for each R. So for the true R the ratio of a mixture of these likelihoods over
the likelihood of R is a martingale of mean 1, and exceeds 1 / alpha at any time with a probability of at most alpha
(Ville; the prior-posterior ratio of Waudby-Smith and Ramdas, 2020). Reading by rank may come between the draws, and
looks may be as many as one likes. The price is the draws: to exclude m + 1 left, at least 1 - alpha^(1 / (m + 1)) of
the unread must be drawn, 63 % of them with m = 2 (40 includes), 19 % with m = 14 (280).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from consilience.screening.stopping.rule import BEYOND, Flags, Labels, Next, Seen, Vector, allowed
from consilience.screening.stopping.tail import risk

WIDE = 400  # totals looked at beyond the smallest one; a likelihood that still grows there proves nothing
TURNS_AT = 0.5  # below this risk of the tail model (uncalibrated) draws begin: most are then of excludes


@dataclass(frozen=True, slots=True)
class Audit:
    """An anytime-valid test of the hypothesis that the target is missed, on records drawn at random."""

    target: float
    confidence: float
    name: ClassVar[str] = "audit"
    audits: ClassVar[bool] = True
    statistic: ClassVar[str] = "anytime-valid p that the target is missed"

    def every(self, records: int) -> int:
        """A look at every tenth record, or at two hundred in all where there are more."""
        return max(10, records // 200)

    def value(self, seen: Seen) -> float | None:
        """The p; 1 before anything was drawn."""
        return 1.0 if seen.audited is None else anytime_p(seen.labels, seen.audited, seen.records, self.target)

    def wants(self, seen: Seen) -> Next:
        """A draw at random once the tail model thinks it as likely as not that the target is met."""
        return "audit" if risk(seen, self.target) < TURNS_AT else "rank"

    def claim(self) -> str:
        """What may be said when the rule stops, and what that rests on."""
        return (
            f"Recall of at least {self.target:g} among these records with a confidence of {self.confidence:g}: over "
            "the random draws of the audit, whatever the ranking and however often one looks, a review that stops by "
            f"this rule misses the target with a probability of at most {1 - self.confidence:.3g}. {BEYOND}"
        )

    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the claim to hold."""
        return ("the audited records were drawn uniformly from the unread and judged as carefully as any other",)

    def as_json(self) -> dict[str, Any]:
        """The rule's name and parameters."""
        return {
            "rule": self.name, "target": self.target, "confidence": self.confidence, "turns_at": TURNS_AT,
        }  # fmt: skip


def anytime_p(labels: Labels, audited: Flags, records: int, target: float) -> float:
    """The largest likelihood of a total that misses the target, over the mixture's; at most 1."""
    draws = np.flatnonzero(audited)
    if not len(draws):
        return 1.0
    before = np.concatenate(([0], labels.cumsum()))
    found, known = before[draws], int(before[-1])
    unread = records - draws
    hit = labels[draws] == 1
    first = int(np.floor(known / target + 1e-9)) + 1  # the smallest total that misses the target
    most = records - len(labels) + known  # the largest total there can be
    if first > most:
        return 0.0

    def likelihood(totals: Labels) -> Vector:
        left = totals[:, None] - found
        chance = np.clip(left / unread, 0.0, 1.0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.where(hit, np.log(chance), np.log1p(-chance)).sum(axis=1))

    # The mixture is geometric in how many are left at the first draw, half as many as may be left in the mean. It was
    # fixed before that draw, so it changes how many draws are needed, never the guarantee.
    expected = max(0.5, allowed(int(found[0]), target) / 2)
    totals = np.arange(known, min(most, known + WIDE) + 1)
    mixed = likelihood(totals) + (totals - found[0]) * np.log(expected / (1 + expected)) - np.log(1 + expected)
    missing = likelihood(np.arange(first, min(most, first + WIDE) + 1))
    best = int(missing.argmax())  # the likelihood is log-concave in the total: one peak
    if best == WIDE and best < most - first:
        return 1.0
    return float(np.exp(min(0.0, missing[best] - np.logaddexp.reduce(mixed))))


def audit_next(ids: Iterable[str], *, seed: int) -> str:
    """Of the unread ids the one that the audit draws: that of the smallest digest with the seed.

    The digests order all ids at random once and for all, and no ranking knows them: so each draw is uniform over the
    unread, and a resumed review draws what an unbroken one would have.
    """
    return min(ids, key=lambda id: audit_key(id, seed))


def audit_key(id: str, seed: int) -> bytes:
    """The place of an id in the random order of audits."""
    return hashlib.sha256(f"{seed}\n{id}".encode()).digest()
