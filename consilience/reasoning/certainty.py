"""How certain a body of evidence is, in GRADE's words: a design prior with reasons, unless a source states a level.

Design sets where it starts; disagreement (between studies, or within what one publication pools), distance from the
question and imprecision take away; a large effect that observational studies report plainly adds. Risk of bias and
unpublished studies are not seen, and that is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from consilience.corpora.corpus import Corpus
from consilience.reasoning.verify import Unit

NO_STUDY = {"level": "ungraded", "basis": "design_prior", "reasons": ["no study bears on it"]}
LEVELS = ("very_low", "low", "moderate", "high")
# Where a body of evidence of each tier starts (GRADE: randomised high, observational low).
_START = (3, 3, 1, 0, 0)
# Nothing is more certain than the verdict it stands beside: (least confidence, highest level).
_CAPS = ((0.75, 3), (0.6, 2), (0.5, 1))
# Of what speaks for the verdict, so much on the other side is disagreement, and so much more is grave.
_INCONSISTENT, _TORN = 0.25, 0.75
# Heterogeneity (I squared, in percent) that is considerable, and that may not matter (Cochrane handbook 10.10.2).
_CONSIDERABLE, _LITTLE = 75.0, 40.0
# Below this share of the question covered by its nearest study the evidence is indirect.
_DIRECT = 0.7
# Fewer people than this in all leave a wide margin, whatever a sentence says (GRADE asks for some 400 events).
_FEW = 200
# GRADE's large and very large effects, as ratios, and the ratios beyond which an interval holds an effect that matters.
_LARGE, _VERY_LARGE = 2.0, 5.0
_MATTERS = (0.75, 1.25)

_GAP = r"\s{0,2}"
_HETEROGENEITY = re.compile(
    rf"\bI(?:2|²|\^2|{_GAP}-?squared?)(?:{_GAP}\([^)]{{0,12}}\))?{_GAP}(?:=|:|of|was)?{_GAP}"
    rf"(?P<value>\d{{1,3}}(?:[.·]\d{{1,3}})?){_GAP}%",
    re.IGNORECASE,
)
_INTERVAL = re.compile(
    rf"(?:\b(?:CI|CrI)\b|(?:confidence|credible) intervals?){_GAP}(?:[(\[][^)\]]{{0,12}}[)\]])?{_GAP}[\[(=:,]?{_GAP}"
    rf"(?:of|was|from)?{_GAP}(?P<low>[-−]?\d{{1,6}}(?:[.·]\d{{1,6}})?){_GAP}%?{_GAP}(?:-|–|—|to|,|;|and){_GAP}"
    r"(?P<high>[-−]?\d{1,6}(?:[.·]\d{1,6})?)",
    re.IGNORECASE,
)
_ACRONYM = r"(?-i:\ba?(?:OR|RR|HR|IRR|SMR)s?\b)"
_RATIO = re.compile(rf"{_ACRONYM}|\b(?:odds|hazards?|risk|rate) ratios?\b|\brelative risks?\b", re.IGNORECASE)
_DIFFERENCE = re.compile(r"difference|reduction of|increase of|change", re.IGNORECASE)
_EFFECT = re.compile(rf"(?:{_RATIO.pattern})[^.;]{{0,24}}?(?P<value>\d{{1,4}}[.·]\d{{1,4}})", re.IGNORECASE)
# How far before its interval an effect is named.
_BEFORE = 80


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval as reported: its ends, and whether of a ratio (no effect: 1) or of a difference (no effect: 0)."""

    low: float
    high: float
    ratio: bool

    @property
    def crosses(self) -> bool:
        """Whether no effect lies within it."""
        return self.low <= (1.0 if self.ratio else 0.0) <= self.high

    @property
    def holds_an_effect(self) -> bool:
        """Whether it also holds an effect that would matter, so that it shows no absence of one."""
        return self.ratio and self.crosses and (self.low < _MATTERS[0] or self.high > _MATTERS[1])


def intervals(text: str) -> list[Interval]:
    """The confidence intervals that a text reports, in order."""
    found = []
    for match in _INTERVAL.finditer(text):
        low, high = (_value(match[name]) for name in ("low", "high"))
        before = text[max(0, match.start() - _BEFORE) : match.start()]
        ratio = bool(_RATIO.search(before)) and not _DIFFERENCE.search(before)
        if low <= high and (not ratio or low >= 0):
            found.append(Interval(low, high, ratio))
    return found


def certainty(
    units: Sequence[Unit], opposing: Sequence[Unit], corpus: Corpus, *, confidence: float = 1.0, verdict: str = "yes"
) -> dict[str, Any]:
    """The contract's `certainty` object for the units that carry a verdict, beside those that oppose it.

    A level that a guideline states itself wins, unless the verdict beside it is as good as open; nothing is called more
    certain than the verdict is likely.
    """
    if not units:
        return dict(NO_STUDY)
    stated = _stated(units, corpus)
    if stated and confidence >= _CAPS[-1][0]:
        return {"level": stated[0], "basis": "stated", "reasons": [f"stated by {stated[1]}"]}
    best = min(unit.tier for unit in units)
    designs = Counter(unit.finding.design.replace("_", " ") for unit in units)
    level, reasons = _START[best], ["design: " + ", ".join(f"{n} {name}" for name, n in sorted(designs.items()))]
    taken = 0
    for step, reason in _downgrades(units, opposing, corpus, best, verdict):
        taken += step
        reasons.append(reason)
    if not taken and best > 1 and (gain := _large(units, corpus)):
        level += gain[0]
        reasons.append(gain[1])
    level = max(0, min(3, level - taken))
    highest = next((top for least, top in _CAPS if confidence >= least), 0)
    if level > highest:
        level = highest
        reasons.append(f"capped: the verdict beside it is only {confidence:.2f} likely")
    if stated:
        reasons.append(f"{stated[1]} states {stated[0].replace('_', ' ')}, of its own recommendation")
    reasons.append("not assessed: risk of bias, publication bias")
    return {"level": LEVELS[level], "basis": "design_prior", "reasons": reasons}


def _downgrades(
    units: Sequence[Unit], opposing: Sequence[Unit], corpus: Corpus, best: int, verdict: str
) -> Iterator[tuple[int, str]]:
    against = sum(u.weight for u in opposing if u.tier <= best) / (sum(u.weight for u in units) or 1.0)
    if against >= _INCONSISTENT:
        yield (2 if against >= _TORN else 1), "inconsistency: studies of the same standing disagree"
    elif why := _inconsistent(units, corpus, best):
        yield 1, f"inconsistency: {why}"
    if max(unit.finding.relevance for unit in units) < _DIRECT:
        yield 1, "indirectness: no study matches the whole question"
    elif all(unit.finding.design == "preclinical" for unit in units):
        yield 1, "indirectness: no study is of people"
    if why := _imprecise(units, corpus, best, verdict):
        yield 1, f"imprecision: {why}"


def _inconsistent(units: Sequence[Unit], corpus: Corpus, best: int) -> str:
    """Why a body of evidence is not known to be consistent within itself; empty where it is.

    A synthesis that stands alone has to say that what it pools agrees: nothing beside it does.
    """
    pooled = [unit for unit in units if unit.tier == 0]
    shares = [_value(found["value"]) for unit in pooled for found in _HETEROGENEITY.finditer(_text(unit, corpus))]
    if shares and max(shares) >= _CONSIDERABLE:
        return f"what is pooled differs considerably (I squared {max(shares):g} %)"
    randomised = [unit for unit in units if _START[unit.tier] == _START[0]]
    if best == 0 and len(randomised) < 2 and not (shares and max(shares) < _LITTLE):
        return "a single publication of its standing, which does not say that what it pools agrees"
    return ""


def _imprecise(units: Sequence[Unit], corpus: Corpus, best: int, verdict: str) -> str:
    """Why the evidence is imprecise, the plainest reason; empty if nothing shows it."""
    leading = [unit for unit in units if unit.tier == best]
    reported = [interval for unit in leading for interval in intervals(_text(unit, corpus))]
    if reported and verdict == "no" and all(interval.holds_an_effect for interval in reported):
        return "the intervals also hold an effect that would matter"
    if reported and verdict != "no" and all(interval.crosses for interval in reported):
        return "the intervals include no effect"
    sizes = [corpus.document(unit.finding.row).sample_size for unit in leading]
    known = [size for size in sizes if size]
    if best > 0 and known and len(known) == len(sizes) and sum(known) < _FEW:
        return f"{sum(known)} participants in all"
    if best > 0 and len(leading) < 2:
        return "it rests on a single study of its standing"
    return ""


def _large(units: Sequence[Unit], corpus: Corpus) -> tuple[int, str] | None:
    """How much a large effect adds where nothing was taken away: the smallest that the units report."""
    ratios = [max(value, 1 / value) for unit in units for value in _effects(_text(unit, corpus)) if value > 0]
    smallest = min(ratios, default=0.0)
    if smallest < _LARGE or any(i.crosses for unit in units for i in intervals(_text(unit, corpus))):
        return None
    return (2 if smallest >= _VERY_LARGE else 1), f"large effect: a ratio of {smallest:.1f} or more"


def _effects(text: str) -> list[float]:
    return [_value(match["value"]) for match in _EFFECT.finditer(text)]


def _value(text: str) -> float:
    return float(text.replace("−", "-").replace("·", "."))


def _text(unit: Unit, corpus: Corpus) -> str:
    """What a unit's document reports; a guideline by its own words alone."""
    return " ".join(corpus.document(unit.finding.row).fields.values())


def _stated(units: Sequence[Unit], corpus: Corpus) -> tuple[str, str] | None:
    """A level that a guideline in force states itself, and which."""
    for unit in units:
        guideline = corpus.document(unit.finding.row).meta.get("guideline", {})
        level = str(guideline.get("certainty_norm") or guideline.get("certainty") or "").lower().replace(" ", "_")
        if level in LEVELS:
            return level, unit.finding.document
    return None
