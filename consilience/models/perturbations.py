"""Statements made wrong by rule: one number, unit, negation, direction, entity or population changed, nothing else.

A judge learns from them, and is measured on them: of a sentence and its mutant, the evidence supports only one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from consilience.models.kinds import ENTITIES, POPULATIONS
from consilience.models.numbers import NUMBER_WORDS, numbers
from consilience.models.opposites import OPPOSED, VERBS

KINDS = ("number", "unit", "negation", "direction", "entity", "population")

# What a number is multiplied by: no rounding explains any of them.
_FACTORS = (2.0, 0.5, 3.0, 1.5, 4.0)
_OTHER_UNIT = {
    "mg": "g", "g": "mg", "mcg": "mg", "µg": "mg", "μg": "mg", "ug": "mg", "ng": "mg", "kg": "g", "ml": "l",
    "dl": "ml", "l": "ml", "mmol": "µmol", "µmol": "mmol", "umol": "mmol", "nmol": "mmol", "cm": "mm", "mm": "cm",
    "m": "cm", "minute": "hour", "min": "h", "second": "minute", "hour": "day", "h": "min", "day": "week",
    "week": "month", "wk": "month", "month": "year", "year": "month", "yr": "month",
}  # fmt: skip
_RATES = {
    "once daily": "once weekly", "twice daily": "twice weekly", "daily": "weekly", "weekly": "monthly",
    "monthly": "yearly", "per day": "per week", "per week": "per day", "per month": "per year",
    "per year": "per month",
}  # fmt: skip
_RATE = re.compile(
    r"\b(?:"
    + "|".join(sorted(_RATES, key=len, reverse=True))
    + r")\b(?!\s+(?:routine|life|living|practice|activit|care))",
    re.IGNORECASE,
)
_NUMBER_WORD = re.compile(r"\b(?:" + "|".join(NUMBER_WORDS) + r")\b(?![- ](?:thirds?|fold|sided|tailed|way))", re.I)
_INTERVAL = re.compile(r"\s?(?:confidence interval|credible interval|CI\b|CrI\b|limits)", re.IGNORECASE)
_SUBORDINATE = re.compile(r"(?:if|when|although|since|while|because|as|though|whereas|given|despite)\b", re.IGNORECASE)
_AUXILIARY = re.compile(
    r"(?<!\bwho )(?<!\bthat )(?<!\bwhich )\b(?:is|are|was|were|can|may|could|should|would|will|might|did|does|do|"
    r"has been|have been|had been|must)\b"
    r"(?!\s+(?:not|no|never|neither|nor|cannot|longer|more|less)\b|-|\?)",
    re.IGNORECASE,
)
# What denies -> what affirms; the first that is found is undone.
_DENIALS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), put)
    for pattern, put in (
        (r"\bcannot\b", "can"),
        (r"\b(is|are|was|were|can|may|could|should|would|will|might|has|have|had|must) not\b(?! only)", r"\1"),
        (r"\bno significant (?=differences|changes|effects|associations|correlations|improvements)", "significant "),
        (r"\bno (?:statistically )?significant (?=\w)", "a significant "),
        (r"\bno (?=evidence\b)", ""),
        (r"\bno (difference|change|effect|association|correlation|improvement|benefit|relationship|increase|role)\b",
         r"a clear \1"),
        (r"\bno (differences|changes|effects|associations|correlations|improvements|benefits|complications)\b", r"\1"),
        (r"\bnot (?=(?:statistically )?(?:significant|associated|related|correlated|superior|inferior|effective)\w*)",
         ""),
        (r"\b(?:non-?significant|insignificant)(?=\b|ly)", "significant"),
        (r"\bwithout\b", "with"),
    )
)  # fmt: skip
_DENIES = re.compile(r"\b(?:not|no|never|neither|nor|none|cannot|fail\w*|lack\w*)\b|n['’]t\b", re.IGNORECASE)
_ARTICLE = re.compile(r"\b(an?)(\s+)$", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:-|–|to|and)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A statement made wrong: `text` is the original with `was`, at `start`, replaced by `now`."""

    kind: str
    text: str
    start: int
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Named:
    """An entity in a text by half-open offsets, as a linker finds it."""

    start: int
    end: int
    type: str


# A change: from, to (offsets, half-open), and the words to choose from that may stand there.
_Change = tuple[int, int, Sequence[str]]


def mutants(
    text: str,
    *,
    seed: int = 0,
    each: int = 1,
    named: Sequence[Named] | None = None,
    others: Mapping[str, Sequence[str]] | None = None,
) -> list[Mutant]:
    """Wrong copies of a sentence, at most `each` of every kind, in the order of `KINDS`; none where none applies.

    The same text and seed give the same mutants. `named` says where entities stand and `others` which names of their
    type may replace them; without them, a short list of common drugs, diseases and genes serves.
    """
    changes: dict[str, Callable[[], Iterator[_Change]]] = {
        "number": lambda: _numbers(text),
        "unit": lambda: _units(text),
        "negation": lambda: _negations(text),
        "direction": lambda: _swapped(text, _DIRECTION, OPPOSED),
        "entity": lambda: _once(_entities(text, named, others or ENTITIES), text),
        "population": lambda: _once(_swapped(text, _POPULATION, POPULATIONS), text),
    }
    made: list[Mutant] = []
    for kind in KINDS:
        places = sorted(changes[kind](), key=lambda change: _draw(seed, kind, text, change[0]))
        found = [mutant for place in places if (mutant := _mutant(kind, text, place, seed))]
        made += found[:each]
    return made


def _mutant(kind: str, text: str, change: _Change, seed: int) -> Mutant | None:
    start, end, words = change
    was = text[start:end]
    chosen = sorted(words, key=lambda word: _draw(seed, kind, text, start, word))
    for word in chosen:
        now = _cased(was, word)
        if now.casefold() == was.casefold():
            continue
        before = _with_article(text[:start], now) if now else text[:start]
        return Mutant(kind, before + now + text[end:], start, was, now)
    return None


def _draw(*parts: object) -> bytes:
    """What stands in for chance: the same parts always draw the same."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()


def _cased(was: str, now: str) -> str:
    """`now` with the capitals of `was`; a name that has capitals of its own keeps them."""
    if now != now.lower():
        return now
    if len(was) > 5 and was.isupper():  # a word of a title in capitals; a shorter one is an acronym
        return now.upper()
    return now[:1].upper() + now[1:] if was[:1].isupper() else now


def _with_article(before: str, now: str) -> str:
    """The text before a new word, its `a` or `an` made to fit."""
    found = _ARTICLE.search(before)
    if found is None or not now[0].isalpha():
        return before
    article = "an" if now[0].lower() in "aeiou" and not now.lower().startswith(("uni", "eu", "use")) else "a"
    return before[: found.start()] + _cased(found[1][0], article) + found[2]


def _numbers(text: str) -> Iterator[_Change]:
    for number in numbers(text):
        written = re.match(r"[-−]?[\d.,·]*\d", text[number.start :])
        if written is None or _INTERVAL.match(text[number.end :]) or number.unit == "calendar":
            continue
        end = number.start + written.end()
        # Of a range only the far end moves, upward: `5-10 mg` stays a range.
        if _opens_range(text[number.end :]):
            continue
        factors = [f for f in _FACTORS if f > 1] if _closes_range(text[: number.start]) else _FACTORS
        values = [_scaled(written.group(), factor) for factor in factors]
        fits = [v for v in values if v and not (number.unit == "%" and float(v.replace(",", "")) > 100)]
        if fits:
            yield number.start, end, fits
    for found in _NUMBER_WORD.finditer(text):
        value = NUMBER_WORDS[found.group().lower()]
        fits = [word for word, other in NUMBER_WORDS.items() if 1.5 * value <= other <= 4 * value]
        if fits:
            yield found.start(), found.end(), fits


def _scaled(written: str, factor: float) -> str:
    """A number as written, times a factor, with as many decimals; empty when that rounds to itself or to nothing."""
    plain = written.replace(",", "").replace("·", ".").replace("−", "-")
    decimals = len(plain.partition(".")[2])
    changed = f"{float(plain) * factor:.{decimals}f}"
    if float(changed) == float(plain) or float(changed) == 0 or abs(float(changed) / float(plain) - 1) < 0.2:
        return ""
    if "," in written:
        changed = f"{float(changed):,.{decimals}f}"
    if plain.lstrip("-").startswith("."):
        changed = changed.replace("0.", ".", 1)
    return changed.replace(".", "·") if "·" in written else changed


def _opens_range(after: str) -> bool:
    return (found := _BETWEEN.match(after)) is not None and after[found.end() :][:1].isdigit()


def _closes_range(before: str) -> bool:
    return re.search(r"\d\s*(?:%|[a-zA-Z]{1,3})?\s*(?:-|–|to|and)\s*$", before) is not None


def _units(text: str) -> Iterator[_Change]:
    for number in numbers(text):
        if not number.unit:
            continue
        written = text[number.start : number.end]
        found = re.match(r"[-−]?[\d.,·]*\d[\s-]?(?P<unit>[a-zA-Zµμ]+)", written)
        if found is None:
            continue
        unit = found["unit"].lower()
        singular = unit if unit in _OTHER_UNIT else unit.removesuffix("s")
        if other := _OTHER_UNIT.get(singular):
            plural = "s" if unit != singular and len(other) > 2 else ""
            yield number.start + found.start("unit"), number.start + found.end("unit"), [other + plural]
    for found in _RATE.finditer(text):
        yield found.start(), found.end(), [_RATES[found.group().lower()]]


def _negations(text: str) -> Iterator[_Change]:
    undone = list(_denials(text))
    # A second negation would not make the opposite, but a riddle.
    yield from undone if undone or _DENIES.search(text) else _denied(text)


def _denials(text: str) -> Iterator[_Change]:
    """Where a denial can be taken back."""
    for pattern, put in _DENIALS:
        for found in pattern.finditer(text):
            yield found.start(), found.end(), [found.expand(put)]
    for found in _DID_NOT.finditer(text):
        base = found["verb"].lower()
        third, past, _ = VERBS[base]
        yield found.start(), found.end(), [{"did": past, "does": third, "do": base}[found["aux"].lower()]]


def _denied(text: str) -> Iterator[_Change]:
    """Where the main clause can be denied: not the condition before its comma, nor what a `which` brings in."""
    main = text.find(",") + 1 if _SUBORDINATE.match(text) else 0
    found = _AUXILIARY.search(text, main) or _AUXILIARY.search(text)
    if found is not None:
        first, _, rest = found.group().partition(" ")
        yield found.start(), found.end(), ["cannot" if first.lower() == "can" else f"{first} not {rest}".rstrip()]
    elif (verb := _FINITE.search(text)) is not None:
        base, auxiliary = _BASES[verb["verb"].lower()]
        yield verb.start("verb"), verb.end("verb"), [f"{auxiliary} not {base}"]


def _swapped(text: str, pattern: re.Pattern[str], table: Mapping[str, Sequence[str]]) -> Iterator[_Change]:
    for found in pattern.finditer(text):
        yield found.start(), found.end(), table[re.sub(r"\s+", " ", found.group().lower())]


def _once(changes: Iterator[_Change], text: str) -> Iterator[_Change]:
    """Those whose word stands once: of a name that comes again, one place alone would be another sentence."""
    folded = text.casefold()
    return (change for change in changes if folded.count(text[change[0] : change[1]].casefold()) == 1)


def _entities(text: str, named: Sequence[Named] | None, others: Mapping[str, Sequence[str]]) -> Iterator[_Change]:
    here = text.casefold()
    for one in _listed(text, others) if named is None else named:
        fit = [name for name in others.get(one.type, ()) if name.casefold() not in here]
        if fit:
            yield one.start, one.end, fit


def _listed(text: str, others: Mapping[str, Sequence[str]]) -> Iterator[Named]:
    for kind, names in others.items():
        # A gene's name is told from a word by its capitals.
        flags = 0 if kind == "Gene" else re.IGNORECASE
        for found in _any_of(names, flags).finditer(text):
            yield Named(found.start(), found.end(), kind)


def _any_of(listed: Sequence[str] | Mapping[str, object], flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """Any of the words, the longest first, as a whole word and not a part of a hyphenated one."""
    joined = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in sorted(listed, key=lambda w: (-len(w), w)))
    return re.compile(rf"(?<![\w-])(?:{joined})(?![\w-]|['’])", flags)


_DIRECTION = _any_of(OPPOSED)
# `Pregnant men` would give itself away.
_POPULATION = re.compile(
    r"(?<!\bpregnant )(?<!menopausal )(?<!\bpostpartum )(?<!parous )" + _any_of(POPULATIONS).pattern, re.IGNORECASE
)
_BASES = {third: (base, "does") for base, (third, _, _) in VERBS.items()} | {
    past: (base, "did") for base, (_, past, _) in VERBS.items()
}
# A past form after these words is a participle or an adjective: `the reduced dose`, `was reduced by`.
_FINITE = re.compile(
    r"(?<!\bthe )(?<!\ba )(?<!\ban )(?<!\bof )(?<!\band )(?<!\bor )(?<!\bwith )(?<!\bby )(?<!\bin )(?<!\bto )"
    r"(?<!-)(?<=\w )\b(?P<verb>" + "|".join(sorted(_BASES, key=len, reverse=True)) + r")\b(?!-|\s+(?:in|of|by|with)\b)",
    re.IGNORECASE,
)
_DID_NOT = re.compile(
    r"\b(?P<aux>did|does|do) not (?:significantly )?(?P<verb>"
    + "|".join(sorted(VERBS, key=len, reverse=True))
    + r")\b",
    re.IGNORECASE,
)
