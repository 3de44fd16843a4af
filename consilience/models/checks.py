"""Deterministic checks of a claim against its evidence: number, unit, negation, direction, entity, population."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from consilience.models.cues import OPPOSITES, Sentence, read, stem
from consilience.models.kinds import ENTITIES, GROUPS
from consilience.models.numbers import numbers, same_number
from consilience.models.opposites import OPPOSED
from consilience.text import sentences, words

# What is compared in reasons asks less: any sentence with a fifth of the claim's words, if none has many more of them.
# Chosen on rule-made mutants of SciFact claims, PubMedQA answers and titles.
_SOME_TOPIC, _AS_NEAR = 0.2, 0.8
# Of all words of two sentences this share is common: one is the other, a word or two apart.
_COPY = 0.8
_DENIAL = re.compile(
    r"\b(?:not|no|never|neither|nor|none|cannot|without|fail(?:s|ed|ing)? to)\b|n['’]t\b", re.IGNORECASE
)
# Stems that half of all names have, and that tell none of them.
_COMMON = frozenset(
    stem(word) for word in "disease syndrome disorder receptor acute chronic protein agent factor".split()
)
_LONGEST = 20_000  # characters read, as in `cues`
_POLES = (("up", "down"), ("good", "bad"))
_SAID = {"up": "more", "down": "less", "good": "better", "bad": "worse"}
# The types of name whose exchange makes another claim; an outcome is said in many words.
_TYPES = frozenset({"Chemical", "Disease", "Gene"})
# A gene, a trial, an acronym: capitals and digits, at least two characters, `IL-6`, `TNF`, `p53`, `mTOR`.
_SYMBOL = re.compile(r"(?<![\w-])(?=[\w-]*[A-Z0-9])(?:[A-Z][A-Za-z]?[A-Z0-9][\w-]*|[a-z]{1,2}[A-Z]\w+|p\d{2})(?![\w])")
_LEVEL = re.compile(r"\s?(?:confidence|credible|CI\b|CrI\b|limits)", re.IGNORECASE)


def _opposites() -> dict[str, frozenset[str]]:
    """Stem to the stems of its opposites: the pairs of cues and those of direction, single words only."""
    found = {word: set(others) for word, others in OPPOSITES.items()}
    for word, (other, *_) in OPPOSED.items():
        if " " not in word:
            found.setdefault(stem(word), set()).add(stem(other))
            found.setdefault(stem(other), set()).add(stem(word))
    return {word: frozenset(others - {word}) for word, others in found.items()}


_OPPOSITES = _opposites()


class Mentioned(Protocol):
    """A thing named in a text."""

    @property
    def text(self) -> str:
        """As the text writes it."""
        ...

    @property
    def type(self) -> str:
        """Its type, as the vocabulary names them."""
        ...

    @property
    def identifier(self) -> str:
        """What it is, whatever it is called."""
        ...


class Names(Protocol):
    """What finds names of things in texts: `kg.link.Linker` does."""

    def definitions(self, *texts: str) -> Mapping[str, tuple[str, str] | None]:
        """Abbreviations that the texts explain."""
        ...

    def mentions(self, text: str, defined: Mapping[str, tuple[str, str] | None] | None = None) -> Sequence[Mentioned]:
        """The things a text names."""
        ...


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that a claim says otherwise than its evidence.

    `replaced` when the evidence says another of its kind in its place; else it says none, or the claim's own stands
    elsewhere in its document.
    """

    kind: str
    replaced: bool
    why: str


def mismatches(claim: str, evidence: str, *, context: str = "", names: Names | None = None) -> tuple[Mismatch, ...]:
    """All that the checks find wrong with a claim, in the order number, negation, direction, entity, population.

    `context` is the rest of the evidence's document, which may say of what and of whom the evidence speaks.
    """
    around = f"{evidence}\n{context}" if context else evidence
    return (
        *_number_mismatches(claim, evidence),
        *turns(claim, evidence),
        *_entity_mismatches(claim, evidence, around, names),
        *_population_mismatches(claim, evidence, around),
    )


def turns(claim: str, evidence: str) -> tuple[Mismatch, ...]:
    """Where a claim turns its evidence about: a negation and a direction that the other has not, if any."""
    aligned = list(_aligned(claim, evidence))
    return (*_negation_mismatches(aligned), *_direction_mismatches(aligned))


def _number_mismatches(claim: str, evidence: str) -> Iterator[Mismatch]:
    given = numbers(evidence)
    for number in numbers(claim):
        # `95% CI` names the kind of interval, not a result.
        if _LEVEL.match(claim[number.end :]) or any(same_number(number, other) for other in given):
            continue
        said = claim[number.start : number.end].strip()
        written = [other for other in given if other.written == number.written and other.unit != "p"]
        if written and not number.unit:
            continue
        comparable = [other for other in given if other.dimension == number.dimension] or written
        there = ", ".join(dict.fromkeys(evidence[other.start : other.end].strip() for other in comparable[:4]))
        if comparable:
            yield Mismatch("number", True, f"the claim says {said}, the evidence {there}")
        else:
            yield Mismatch("number", False, f"the evidence has no {said}")


def _negation_mismatches(aligned: Sequence[_Aligned]) -> Iterator[Mismatch]:
    for asked, near in aligned:
        pairs = [(_denies(asked.read, one.read), _denies(one.read, asked.read)) for one in near]
        if pairs and all(here != there for here, there in pairs):
            denies = pairs[0][0]
        elif any(_is_copy(asked, one) and asked.denials % 2 != one.denials % 2 for one in near):
            denies = asked.denials > min(one.denials for one in near)
        else:
            continue
        who, whom = ("claim", "evidence") if denies else ("evidence", "claim")
        yield Mismatch("negation", True, f"the {who} denies what the {whom} affirms")
        return


def _denies(one: Sentence, other: Sentence) -> bool:
    """Whether a sentence denies a direction, a worth, a difference, or a word that the other has too."""
    return one.negated or bool(one.denied & other.content)


def _is_copy(one: _Said, other: _Said) -> bool:
    """Whether two sentences are nearly the same words: then one `not` more makes the opposite."""
    return len(one.read.content & other.read.content) >= _COPY * len(one.read.content | other.read.content)


def _direction_mismatches(aligned: Sequence[_Aligned]) -> Iterator[Mismatch]:
    for asked, those in aligned:
        near = [one.read for one in those]
        why = _turned_about(asked.read, near) or _turned_round(asked.read, near) or _antonym(asked.read, near)
        if why:
            yield Mismatch("direction", True, why)
            return


def _turned_about(asked: Sentence, near: Sequence[Sentence]) -> str:
    """Words that go up in one and down in the other, where they are more than those that go the same way."""
    shared = [(word, asked.signs[word] == one.signs[word]) for one in near for word in asked.signs.keys() & one.signs]
    opposite = sorted({word for word, same in shared if not same})
    same = sum(same for _, same in shared)
    return f"the claim turns round what becomes of {opposite[0]}-" if opposite and len(shared) > 2 * same else ""


def _turned_round(asked: Sentence, near: Sequence[Sentence]) -> str:
    """Whether the claim says only one of a pair of poles, and every near sentence only the other."""
    for plus, minus in _POLES:
        sides = [(plus in one.cues) - (minus in one.cues) for one in (asked, *near)]
        if near and sides[0] and all(side == -sides[0] for side in sides[1:]):
            said, there = (_SAID[plus], _SAID[minus])[:: sides[0]]
            return f"the claim says {said}, the evidence {there}"
    return ""


def _antonym(asked: Sentence, near: Sequence[Sentence]) -> str:
    """A word of the claim that is not in the evidence, whose opposite is."""
    there = frozenset[str]().union(*(one.stems for one in near))
    for word in sorted(asked.stems - there):
        if turned := _OPPOSITES.get(word, frozenset()) & there:
            return f"the claim says {word}-, the evidence {min(turned)}-"
    return ""


def _entity_mismatches(claim: str, evidence: str, around: str, names: Names | None) -> Iterator[Mismatch]:
    """Names of the claim that the evidence has not; where it names others of their type, the context is no excuse."""
    defined = names.definitions(around, claim) if names else {}
    asked = _named(claim, names, defined)
    near, far = (_Names(text, _named(text, names, defined)) for text in (evidence, around))
    for text, kind, identifier in asked:
        beside, there_is = near.of_type(kind), far.has(text, identifier)
        if near.has(text, identifier) or (there_is and not beside):
            continue
        others = beside or far.of_type(kind)
        # `breast tumours` may well be the breast cancer meant: half the words in common make it doubtful.
        telling = [part for part in _stems(text) if part not in _COMMON]
        replaced = bool(others) and not there_is and 2 * len(far.stems.intersection(telling)) < max(1, len(telling))
        there = f"names {', '.join(others[:3])}, not {text}" if others else f"does not name {text}"
        yield Mismatch("entity", replaced, f"the evidence {there}")
    covered = _flat(" ".join(text for text, _, _ in asked))
    for symbol in dict.fromkeys(part for found in _SYMBOL.finditer(claim) for part in _parts(found.group())):
        if _flat(symbol) not in covered and _flat(symbol) not in far.flat and not _spelt_out(symbol, around):
            yield Mismatch("entity", False, f"the evidence does not name {symbol}")


class _Names:
    """What a text names: by identifier, by its words, by its letters."""

    def __init__(self, text: str, named: Sequence[tuple[str, str, str]]) -> None:
        self.stems = frozenset(_stems(text))
        self.flat = _flat(text)
        self._named = named
        self._known = frozenset(identifier for _, _, identifier in named)

    def of_type(self, kind: str) -> list[str]:
        """The names of one type, as written, each once."""
        return sorted({text for text, other, _ in self._named if other == kind})

    def has(self, text: str, identifier: str) -> bool:
        """Whether it names this thing, or has all words of its name."""
        return identifier in self._known or self.stems.issuperset(_stems(text)) or _flat(text) in self.flat


def _parts(symbol: str) -> list[str]:
    """The names that hyphens join: `RANK-RANKL` is two, `IL-6` is one, `HIV-positive` is one and a word."""
    parts = symbol.split("-")
    named = [part for part in parts if _SYMBOL.fullmatch(part)]
    return named if len(named) > 1 or any(part.islower() and len(part) > 2 for part in parts[1:]) else [symbol]


def _named(text: str, names: Names | None, defined: Mapping[str, tuple[str, str] | None]) -> list[tuple[str, str, str]]:
    """(as written, type, identifier) of what a text names; common names count where the vocabulary lacks them."""
    found = [(m.text, m.type, m.identifier) for m in names.mentions(text, defined) if m.type in _TYPES] if names else []
    folded = f" {' '.join(words(text))} "
    covered = " ".join(name.lower() for name, _, _ in found)
    listed = [
        (name, kind, name)
        for kind, those in ENTITIES.items()
        for name in those
        if f" {' '.join(words(name))} " in folded and name.lower() not in covered
    ]
    return found + listed


def _stems(text: str) -> list[str]:
    return [stem(part) for word in words(text) for part in re.split(r"[-'’./]", word) if part]


def _flat(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def _spelt_out(symbol: str, text: str) -> bool:
    """Whether the initials of words that follow one another in the text spell the symbol: `AF`, atrial fibrillation."""
    letters = re.sub(r"[^a-z]", "", symbol.lower().removesuffix("s"))
    if len(letters) < 2:
        return False
    initials = "".join(part[0] for word in words(text) for part in word.split("-") if part)
    return letters in initials


def _population_mismatches(claim: str, evidence: str, around: str) -> Iterator[Mismatch]:
    """Groups of the claim that the evidence has not; where it names another of their axis, the context is no excuse."""
    asked, near, far = groups(claim), groups(evidence), groups(around)
    for axis in sorted(asked):
        given = near.get(axis) or far.get(axis, {})
        missing = sorted(asked[axis].keys() - given.keys())
        # That it speaks of people needs no saying.
        if not missing or (missing == ["human"] and not given):
            continue
        said = asked[axis][missing[0]]
        if given:
            there = ", ".join(sorted(given.values()))
            elsewhere = missing[0] in far.get(axis, {})
            yield Mismatch("population", not elsewhere, f"the claim is about {said}, the evidence about {there}")
        else:
            yield Mismatch("population", False, f"the evidence does not speak of {said}")


def groups(text: str) -> dict[str, dict[str, str]]:
    """Of whom a text speaks: by axis (age, sex, species ...) the groups, each with the word that says so."""
    found: dict[str, dict[str, str]] = {}
    for word in words(text):
        for part in (word, *word.split("-")) if "-" in word else (word,):
            for axis, group in GROUPS.get(part, ()):
                found.setdefault(axis, {}).setdefault(group, part)
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence as written, and as read."""

    text: str
    read: Sentence

    @property
    def denials(self) -> int:
        """How many words of it deny."""
        return len(_DENIAL.findall(self.text))


def _said(text: str) -> list[_Said]:
    return [_Said(text[start:end], read(text[start:end]).whole) for start, end in sentences(text[:_LONGEST])]


_Aligned = tuple[_Said, list[_Said]]


def _aligned(claim: str, evidence: str) -> Iterator[_Aligned]:
    """Each sentence of the claim with those of the evidence that share about as many of its words as any does.

    One that stands in the evidence word for word is no claim of its own.
    """
    given = _said(evidence)
    verbatim = {one.text for one in given}
    for asked in _said(claim):
        shared = [(len(asked.read.content & one.read.content), one) for one in given]
        most = max((count for count, _ in shared), default=0)
        if most and most >= _SOME_TOPIC * len(asked.read.content) and asked.text not in verbatim:
            yield asked, [one for count, one in shared if count >= _AS_NEAR * most]
