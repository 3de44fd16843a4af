"""A question -> at most four parts that can be looked for alone, and its PICO slots. Rules first, a writer if given.

Parts widen what is retrieved and nothing else: findings are judged for the question as it was asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

from consilience.kg.link import Linker
from consilience.records import normal_space

PARTS = 4
# Writes sub-questions of a question; each is held to the same rules as ours.
Writer = Callable[[str], Sequence[str]]

_LONGEST_PART = 500
_PEOPLE = (
    r"(?:(?:pregnant|older|elderly|young(?:er)?|healthy|obese|critically ill|hospitali[sz]ed|premature|preterm) )*"
    r"(?:adults|children|adolescents|teenagers|infants|newborns|neonates|toddlers|women|men|boys|girls|"
    r"(?:non-?)?smokers|athletes|students|veterans|outpatients|inpatients|patients|people|persons|the elderly)"
)
_GROUP = re.compile(rf"\b{_PEOPLE}\b", re.IGNORECASE)
_JOIN = re.compile(r"(?:, | and | or |, and |, or |/| and/or | as well as )(?:the |in |on |for |with )?", re.IGNORECASE)
# What takes both: `the association between aspirin and stroke` is of no part of it alone.
_TOGETHER = re.compile(
    r"\b(?:between|both|together|combin\w+(?: (?:of|with))?|compar\w+(?: (?:of|with))?)\s+(?:the )?$", re.IGNORECASE
)
# Things of these types may stand beside one another: a drug beside an operation, a disease beside a score.
_FAMILY = {"Chemical": "given", "Procedure": "given", "Disease": "wanted", "Outcome": "wanted"}
_PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|these|those|he|she|his|her|him|hers|the (?:former|latter))\b",
    re.IGNORECASE,
)
# What a pronoun at the head of a later question stands for: the first thing of the one before.
_ANAPHOR = re.compile(
    r"\b(?:it|they|them|(?:this|these|the) (?:drugs?|medicines?|treatments?|interventions?|therapy|therapies))\b",
    re.IGNORECASE,
)
_END = re.compile(r"(?<=\?)\s+")
_PLURAL = re.compile(r"^(do|are|were|have)\b", re.IGNORECASE)
_SINGULAR = {"do": "Does", "are": "Is", "were": "Was", "have": "Has"}

_POPULATION = re.compile(
    r"\b(?:in|among|for)\s+(?P<it>(?:(?!(?:in|of|for|with|among|on|and)\b)[\w-]+\s+){0,3}?"
    rf"{_PEOPLE}(?:(?:,| and| or) {_PEOPLE})*"
    r"(?:\s+(?:with|without|after|undergoing|receiving|aged|at risk of)\s+[^,?;:]{1,80}?)?)"
    r"(?=\s*(?:[,?;:.]|$|\b(?:versus|vs|compared)\b))",
    re.IGNORECASE,
)
_COMPARATOR = re.compile(
    r"\b(?:versus|vs\.?|compared (?:with|to)|rather than|instead of|than)\s+(?P<it>[^,?;:]{1,80}?)"
    r"(?=\s*(?:[,?;:.]|$)|\s(?:in|for|among|on|to|at|after|during|better|worse|superior|inferior|more|less|effective)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A question in parts: none where it has a single topic, else two to four; and what PICO slots it fills."""

    question: str
    parts: tuple[str, ...] = ()
    slots: Mapping[str, str] = field(default_factory=dict)  # population, intervention, comparator, outcome


@dataclass(frozen=True, slots=True)
class _Thing:
    start: int
    end: int
    type: str


def decompose(question: str, linker: Linker, writer: Writer | None = None) -> Decomposition:
    """Take a question apart; what a writer gives that keeps to the rules stands, else what our rules give."""
    text = normal_space(question)
    written = _sound(text, writer(text), linker) if writer else ()
    return Decomposition(text, written or _sound(text, _by_rule(text, linker), linker), slots(text, linker))


def _sound(question: str, parts: Iterable[str], linker: Linker) -> tuple[str, ...]:
    """Those parts that can stand alone: without pronouns, about a thing we know, and not the question itself."""
    plain = dict.fromkeys(normal_space(part) for part in parts)
    alone = [
        part for part in plain
        if 0 < len(part) <= _LONGEST_PART and part.casefold() != question.casefold()
        and not _PRONOUN.search(part) and linker.mentions(part)
    ]  # fmt: skip
    return tuple(alone[:PARTS]) if len(alone) > 1 else ()


def _by_rule(question: str, linker: Linker) -> list[str]:
    """The parts of each of the questions asked: its coordinated things one at a time."""
    asked = [each for each in _END.split(question) if each]
    found: list[str] = []
    meant = ""
    for each in asked:
        plain = _ANAPHOR.sub(meant, each) if meant else each
        mentions = linker.mentions(plain)
        meant = meant or (mentions[0].text if mentions else "")
        found += _singly(plain, linker)
    return found


def _singly(text: str, linker: Linker) -> list[str]:
    """A text once for each choice among its coordinations; as many of them as make no more than four."""
    chosen: list[list[_Thing]] = []
    count = 1
    for group in _coordinations(text, linker):
        if count * len(group) <= PARTS:
            chosen.append(group)
            count *= len(group)
    return [_with_only(text, chosen, picked) for picked in product(*chosen)]


def _with_only(text: str, groups: Sequence[Sequence[_Thing]], picked: Sequence[_Thing]) -> str:
    made, at = [], 0
    for group, thing in zip(groups, picked, strict=True):
        made += [text[at : group[0].start], text[thing.start : thing.end]]
        at = group[-1].end
    made.append(text[at:])
    whole = "".join(made)
    return _agreeing(whole, text, groups)


def _agreeing(part: str, text: str, groups: Sequence[Sequence[_Thing]]) -> str:
    """`Do aspirin and zinc help` -> `Does aspirin help`: the verb follows a subject that was coordinated."""
    verb = _PLURAL.match(text)
    if verb is None or not groups or groups[0][0].start != verb.end() + 1:
        return part
    first = part[verb.end() + 1 :].split(" ", 1)[0]
    plural = first.endswith("s") and not first.endswith(("is", "us", "ss"))
    return part if plural else _SINGULAR[verb[0].lower()] + part[verb.end() :]


def _coordinations(text: str, linker: Linker) -> list[list[_Thing]]:
    """Runs of things of one type joined by `and`, `or` and commas: drugs, outcomes, groups of people."""
    runs: list[list[_Thing]] = []
    run: list[_Thing] = []
    for before, thing in pairwise([None, *_things(text, linker)]):
        assert thing is not None
        if before and before.type == thing.type and _JOIN.fullmatch(text[before.end : thing.start]):
            run.append(thing)
            continue
        runs.append(run)
        run = [thing]
    return [run for run in (*runs, run) if len(run) > 1 and not _TOGETHER.search(text[: run[0].start])]


def _things(text: str, linker: Linker) -> list[_Thing]:
    named = [_Thing(m.start, m.end, _FAMILY.get(m.type, m.type)) for m in linker.mentions(text)]
    people = [
        _Thing(found.start(), found.end(), "People")
        for found in _GROUP.finditer(text)
        if not any(found.start() < n.end and n.start < found.end() for n in named)
    ]
    return sorted([*named, *people], key=lambda thing: thing.start)


def slots(question: str, linker: Linker) -> dict[str, str]:
    """What a question says of population, intervention, comparator and outcome; those it leaves open are not there."""
    found = {}
    taken: list[tuple[int, int]] = []
    for name, pattern in (("comparator", _COMPARATOR), ("population", _POPULATION)):
        if said := pattern.search(question):
            found[name] = said["it"].strip()
            taken.append(said.span("it"))
    free = [m for m in linker.mentions(question) if not any(a <= m.start < b for a, b in taken)]
    given = [m for m in free if m.type in ("Chemical", "Procedure")]
    wanted = [m for m in free if m.type in ("Disease", "Outcome")]
    if given:
        found["intervention"] = given[0].text
    if wanted:
        found["outcome"] = wanted[-1].text
    return {name: found[name] for name in ("population", "intervention", "comparator", "outcome") if name in found}
