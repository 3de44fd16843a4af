"""What a record says to each criterion: YES, PARTIAL, NO or UNCERTAIN, with the words that say it.

By rules, without a model: the things a criterion asks for are looked for by all their names in title, abstract and
headings; a study design is told as the corpora tell it. NO is never read from silence: it needs words of its own (an
animal study, a review where trials are asked for, an age that is not asked for). A quotation that does not stand in
the record fails closed: the label becomes UNCERTAIN. The score is LEADS' (arXiv 2501.16255): the mean of 1, .5, 0, -1.

Our entailment models were tried beside the rules on the two guidelines of Q2CRBench and left out: alone they order far
worse (AUC .74 and .63, against .91 and .84), at equal weight they cost .03 to .05, at a third of it they add .01.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from consilience.corpora.citations import PUBLICATION_TYPE_UI
from consilience.corpora.design import TITLE_CUES, Design, design_of
from consilience.home import fingerprint
from consilience.kg.names import WORD, key, normal_word
from consilience.records import MeshHeading, PublicationType, Record
from consilience.screening.protocol import Criterion, Protocol
from consilience.screening.terms import Concept, Lexicon, alternatives, population, unknown_concept

VERSION = "judge.1"
Label = Literal["YES", "PARTIAL", "NO", "UNCERTAIN"]
LABELS: tuple[Label, ...] = get_args(Label)
VALUES: Mapping[Label, float] = {"YES": 1.0, "PARTIAL": 0.5, "UNCERTAIN": 0.0, "NO": -1.0}
# Fields that hold a list of values: a span's `start` is the place of the value in it.
LISTS = ("mesh", "keywords", "publication_types")
_TEXTS = ("title", "abstract")
_LONGEST_TEXT = 20_000
# Whom and what a study is about stands in its title or headings; what only its abstract names may be background, and
# answers PARTIAL (nine Cohen reviews and two guidelines of Q2CRBench: mean AUC .793 instead of .767).
_ABOUT = ("population", "intervention")
_NEGATORS = frozenset("no not without non nor neither exclude excluding excluded".split())
_REACH = 3  # words back in which a negation is looked for
_WINDOW = 12  # words among which all words of an unknown phrase must stand
_MOST_WORDS = 200_000  # remembered at a time
_ACRONYM = 3  # letters: a name so short counts in capitals only


@dataclass(frozen=True, slots=True)
class Quote:
    """The words in a record that a label rests on: offsets in a text, or the place of a value in a list."""

    field: str
    start: int
    end: int
    text: str

    def as_json(self) -> dict[str, Any]:
        """The span by name."""
        return {"field": self.field, "start": self.start, "end": self.end, "text": self.text}

    def stands_in(self, record: Mapping[str, Any]) -> bool:
        """Say whether the record has these words at this place."""
        held = record.get(self.field)
        if self.field in LISTS:
            values = _values(held)
            return 0 <= self.start < len(values) and values[self.start] == self.text and self.end == self.start + 1
        return isinstance(held, str) and bool(self.text) and held[self.start : self.end] == self.text


@dataclass(frozen=True, slots=True)
class CriterionLabel:
    """One criterion's label of one record, by whom (`rule` or a model's name), and what it rests on."""

    criterion: str
    label: Label
    span: Quote | None = None
    by: str = "rule"

    def as_json(self) -> dict[str, Any]:
        """The label as `screen next` tells it."""
        return {"criterion": self.criterion, "label": self.label, "span": self.span.as_json() if self.span else None,
                "by": self.by}  # fmt: skip


def checked(label: CriterionLabel, record: Mapping[str, Any]) -> CriterionLabel:
    """The label if its quotation stands in the record; else UNCERTAIN: nothing rests on words that are not there."""
    if label.label == "UNCERTAIN" or (label.span is not None and label.span.stands_in(record)):
        return label
    return CriterionLabel(label.criterion, "UNCERTAIN", None, label.by)


def score(labels: Iterable[CriterionLabel], weights: Mapping[str, float] | None = None) -> float:
    """The weighted mean of YES 1, PARTIAL .5, UNCERTAIN 0, NO -1; a criterion without a weight weighs 1; 0 of none."""
    pairs = [((weights or {}).get(label.criterion, 1.0), VALUES[label.label]) for label in labels]
    whole = sum(weight for weight, _ in pairs)
    return sum(weight * value for weight, value in pairs) / whole if whole > 0 else 0.0


# ---------------------------------------------------------------- what a criterion asks for

# The design that a word of a criterion asks for; each design may answer to several.
_ASKED = (
    (r"\bnon-?random", ("controlled_trial", "cohort", "observational", "case_control")),
    (r"(?<!non)(?<!non[- ])\brandomi[sz]ed|\brcts?\b|\bplacebo-controlled", ("rct",)),
    (r"(?<!randomi[sz]ed )(?<!controlled )\b(?:controlled (?:clinical )?|clinical )trials?\b|\bquasi",
     ("controlled_trial", "rct")),
    (r"\bobservational", ("observational", "cohort", "case_control", "cross_sectional")),
    (r"\bcohort|\bprospective|\bretrospective", ("cohort", "observational")),
    (r"\bcase-control", ("case_control",)), (r"\bcross-sectional|\bsurveys?\b", ("cross_sectional",)),
    (r"\bsystematic reviews?|\bmeta-?analys", ("systematic_review", "meta_analysis")),
    (r"\bcase (?:reports?|series)", ("case_report",)), (r"\bguidelines?\b", ("guideline",)),
    (r"\b(?:editorial|comment|letter)s?\b", ("editorial", "comment", "letter")),
    (r"(?<!systematic )\breviews?\b", ("review",)), (r"\banimal|\bpreclinical|\bin vitro", ("preclinical",)),
)  # fmt: skip
# Designs that report no study of people: where a study is asked for they answer NO. Others, told wrongly more often,
# only leave a question open.
_NO_STUDY = frozenset({"review", "editorial", "comment", "notice", "guideline", "case_report", "preclinical",
                       "meta_analysis", "systematic_review"})  # fmt: skip
# A trial may be told as one of these; asked for a randomised one, they are half an answer.
_HALF = {"rct": frozenset({"controlled_trial"}), "controlled_trial": frozenset({"cohort", "observational"})}


@dataclass(frozen=True, slots=True)
class Test:
    """One criterion, ready to be looked for.

    `wanted` is a list of lists: of each some thing must be there, the first list before all. `designs` is what a
    criterion of design asks for, `ages` what people may be: rarely written, they are never missed, but others speak
    against a record. Where `animals` are what the review is about, they do not.
    """

    name: str
    kind: str
    element: str
    wanted: tuple[tuple[Concept, ...], ...] = ()
    designs: tuple[str, ...] = ()
    ages: tuple[Concept, ...] = ()
    animals: bool = False

    def as_json(self) -> dict[str, Any]:
        """The test by name."""
        return {"name": self.name, "kind": self.kind, "element": self.element, "designs": list(self.designs),
                "wanted": [[concept.as_json() for concept in each] for each in self.wanted],
                "ages": [concept.as_json() for concept in self.ages], "animals": self.animals}  # fmt: skip

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Test:
        """What `as_json` wrote."""
        wanted = tuple(tuple(map(Concept.read, each)) for each in given["wanted"])
        ages = tuple(map(Concept.read, given["ages"]))
        designs, animals = tuple(given["designs"]), bool(given["animals"])
        return cls(given["name"], given["kind"], given["element"], wanted, designs, ages, animals)


def criteria_of(protocol: Protocol) -> tuple[Criterion, ...]:
    """The protocol's criteria for title and abstract; one for each element of its PICO if it has none."""
    if protocol.criteria:
        return tuple(each for each in protocol.criteria if each.stage == "title_abstract")
    return tuple(Criterion(element, "; ".join(lines), "inclusion", element)  # type: ignore[arg-type]
                 for element, lines in protocol.pico.items() if "".join(lines).strip())  # fmt: skip


def test_of(criterion: Criterion, lexicon: Lexicon, about: str = "") -> Test:
    """What a criterion asks for: its terms if it has any, else what its text names; `about` is the review's title."""
    text = criterion.text
    designs: tuple[str, ...] = ()
    ages: tuple[Concept, ...] = ()
    if criterion.element == "design":
        told = f"{text} {' '.join(criterion.terms)}".lower()
        designs = tuple(dict.fromkeys(name for pattern, names in _ASKED if re.search(pattern, told) for name in names))
    wanted: list[list[Concept]] = []
    if criterion.terms and criterion.element != "design":
        named = (lexicon.concept(term) or unknown_concept(term) for term in criterion.terms)
        wanted = [[concept for concept in named if concept]]
    elif criterion.element == "population":
        sought = population(text, lexicon)
        ages = sought.ages if sought.heads != sought.ages else ()
        wanted = [list(sought.heads), *([concept] for concept in sought.beside)]
    elif criterion.element in ("intervention", "comparator", "outcome"):
        wanted = [alternatives(text, lexicon)]
    elif criterion.element == "other":
        wanted = [[concept for *_, concept in lexicon.mentioned(text)]]
    return Test(criterion.name, criterion.kind, criterion.element,
                tuple(tuple(each) for each in wanted if each), designs, ages,
                _OF_ANIMALS.search(f"{about} {text}") is not None)  # fmt: skip


# ---------------------------------------------------------------- reading a record

_Place = tuple[int, int]
_Names = dict[str, dict[int, dict[tuple[str, ...], list[int]]]]


@dataclass(frozen=True, slots=True)
class _Read:
    """One record, read once: for each thing where it was found first, and its headings and design."""

    found: Mapping[int, Quote]
    headings: Mapping[str, int]
    design: Design
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Judge:
    """The criteria of one protocol, compiled: a record takes half a millisecond. Read-only but for caches."""

    tests: tuple[Test, ...]
    lexicon: str
    _words: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, protocol: Protocol, lexicon: Lexicon) -> Judge:
        """The judge of a protocol's criteria."""
        about = f"{protocol.title} {protocol.question}"
        return cls(tuple(test_of(each, lexicon, about) for each in criteria_of(protocol)), lexicon.version)

    @cached_property
    def key(self) -> str:
        """The hash of all that a label depends on beside the record."""
        return fingerprint([VERSION, self.as_json()])

    def as_json(self) -> dict[str, Any]:
        """All of it, to be kept: making it again takes seconds."""
        return {"version": VERSION, "lexicon": self.lexicon, "tests": [test.as_json() for test in self.tests]}

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Judge:
        """What `as_json` wrote; a ValueError for what another version wrote."""
        if given.get("version") != VERSION:
            raise ValueError("a judge of another version")
        return cls(tuple(map(Test.read, given["tests"])), given["lexicon"])

    def labels(self, record: Mapping[str, Any]) -> tuple[CriterionLabel, ...]:
        """One label for each criterion, in the protocol's order."""
        read = self._read(record)
        return tuple(checked(self._label(test, number, read), record) for number, test in enumerate(self.tests))

    # ---------------------------------------------------------------- labels

    def _label(self, test: Test, number: int, read: _Read) -> CriterionLabel:
        if test.element == "design" and test.designs:
            label, span = _by_design(test, read)
        else:
            label, span = self._by_things(number, read)
        if test.kind == "exclusion":
            # Silence does not clear a record of a reason to exclude it.
            return CriterionLabel(test.name, "NO" if label == "YES" else "UNCERTAIN", span if label == "YES" else None)
        if test.element == "population" and (against := self._against(number, read)):
            return CriterionLabel(test.name, "NO", against)
        return CriterionLabel(test.name, label, span)

    def _by_things(self, number: int, read: _Read) -> tuple[Label, Quote | None]:
        hits = [_best(read.found[thing] for thing in group if thing in read.found) for group in self._groups[number]]
        there = [hit for hit in hits if hit is not None]
        if not there:
            return "UNCERTAIN", None
        is_about = self.tests[number].element not in _ABOUT or there[0].field != "abstract"
        return "YES" if len(there) == len(hits) and is_about else "PARTIAL", there[0]

    def _against(self, number: int, read: _Read) -> Quote | None:
        """What speaks against a record's people: only animals, or only ages and sexes that are not asked for."""
        test = self.tests[number]
        headings = read.headings
        if not test.animals and "animal" in headings and "human" not in headings:
            return _value_quote(read.record, "mesh", headings["animal"])
        if not (test.animals or headings) and (found := _animals(read)):
            return found
        against = set.intersection(*(set(map(key, each.against)) for each in test.ages)) if test.ages else set[str]()
        asked = {key(name) for each in test.ages for name in each.headings}
        others = sorted(against & headings.keys(), key=headings.__getitem__)
        if not others or asked & headings.keys() or any(thing in read.found for thing in self._aged[number]):
            return None
        return _value_quote(read.record, "mesh", headings[others[0]])

    # ---------------------------------------------------------------- compiled once

    @cached_property
    def _things(self) -> tuple[Concept, ...]:
        found = [concept for test in self.tests for each in (*test.wanted, test.ages) for concept in each]
        return tuple(dict.fromkeys(found))

    @cached_property
    def _aged(self) -> tuple[tuple[int, ...], ...]:
        """For each test the numbers of the ages and sexes it asks for."""
        number = {concept: at for at, concept in enumerate(self._things)}
        return tuple(tuple(number[concept] for concept in test.ages) for test in self.tests)

    @cached_property
    def _groups(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """For each test, for each of its lists, the numbers of its things."""
        number = {concept: at for at, concept in enumerate(self._things)}
        return tuple(tuple(tuple(number[concept] for concept in each) for each in test.wanted) for test in self.tests)

    @cached_property
    def _names(self) -> _Names:
        """Every name of every thing, by its first word and its length."""
        names: _Names = {}
        for number, concept in enumerate(self._things):
            spoken = (*concept.core, *concept.other, *concept.narrower) if concept.known else ()
            single = [name for name in concept.core if " " not in name] if not concept.known else []
            for name in (*spoken, *single):
                words = tuple(name.split())
                names.setdefault(words[0], {}).setdefault(len(words), {}).setdefault(words, []).append(number)
        return names

    @cached_property
    def _loose(self) -> list[tuple[int, frozenset[str]]]:
        """The words of phrases that no vocabulary knows."""
        return [(number, frozenset(name.split())) for number, concept in enumerate(self._things)
                if not concept.known for name in concept.core if " " in name]  # fmt: skip

    @cached_property
    def _indexed(self) -> dict[str, list[int]]:
        """The things that a heading tells."""
        told: dict[str, list[int]] = {}
        for number, concept in enumerate(self._things):
            for name in dict.fromkeys(map(key, (*concept.headings, *concept.below))):
                told.setdefault(name, []).append(number)
        return told

    # ---------------------------------------------------------------- reading

    def _read(self, record: Mapping[str, Any]) -> _Read:
        found: dict[int, Quote] = {}
        for name in _TEXTS:
            text = record.get(name)
            if isinstance(text, str) and text:
                self._search(name, text[:_LONGEST_TEXT], found)
        headings: dict[str, int] = {}
        for place, value in enumerate(_values(record.get("mesh"))):
            name = self._heading(value)
            headings.setdefault(name, place)
            for thing in self._indexed.get(name, ()):
                found.setdefault(thing, Quote("mesh", place, place + 1, value))
        for place, value in enumerate(_values(record.get("keywords"))):
            here: dict[int, Quote] = {}
            self._search("keywords", value, here)
            for thing in here:
                found.setdefault(thing, Quote("keywords", place, place + 1, value))
        return _Read(found, headings, self._design(record), record)

    def _design(self, record: Mapping[str, Any]) -> Design:
        if not any(test.designs for test in self.tests):
            return Design("unknown", "none")
        return design_of(_as_record(record))

    def _search(self, name: str, text: str, found: dict[int, Quote]) -> None:
        """Note where each thing stands first in a text, unless it is negated there."""
        tokens = [(match.start(), match.end()) for match in WORD.finditer(text)]
        words = [self._word(text[start:end]) for start, end in tokens]
        names = self._names
        for at, word in enumerate(words):
            by_length = names.get(word)
            if by_length is None:
                continue
            for length, known in by_length.items():
                things = known.get(tuple(words[at : at + length]))
                if things is None or all(thing in found for thing in things) or _is_negated(words, at):
                    continue
                start, end = tokens[at][0], tokens[at + length - 1][1]
                if length == 1 and len(word) <= _ACRONYM and not text[start:end].isupper():
                    continue
                for thing in things:
                    found.setdefault(thing, Quote(name, start, end, text[start:end]))
        for thing, wanted in self._loose:
            if thing not in found and wanted <= set(words) and (place := _together(words, wanted)):
                start, end = tokens[place[0]][0], tokens[place[1]][1]
                found[thing] = Quote(name, start, end, text[start:end])

    def _word(self, raw: str) -> str:
        known = self._words.get(raw)
        return self._noted(raw, normal_word(raw)) if known is None else known

    def _heading(self, value: str) -> str:
        known = self._words.get(f"*{value}")  # no word begins so
        return self._noted(f"*{value}", key(_heading_name(value))) if known is None else known

    def _noted(self, raw: str, plain: str) -> str:
        if len(self._words) > _MOST_WORDS:
            self._words.clear()
        self._words[raw] = plain
        return plain


def _is_negated(words: Sequence[str], at: int) -> bool:
    return any(word in _NEGATORS for word in words[max(0, at - _REACH) : at])


def _together(words: Sequence[str], wanted: frozenset[str]) -> _Place | None:
    """The first stretch of a few words that holds all of a set."""
    last: dict[str, int] = {}
    for at, word in enumerate(words):
        if word in wanted:
            last[word] = at
            if len(last) == len(wanted) and at - min(last.values()) < _WINDOW:
                return min(last.values()), at
    return None


def _best(quotes: Iterator[Quote]) -> Quote | None:
    """The quotation that tells most: of the title, then a heading, then the abstract."""
    order = {"title": 0, "mesh": 1, "keywords": 2, "abstract": 3}
    return min(quotes, key=lambda quote: (order[quote.field], quote.start), default=None)


# ---------------------------------------------------------------- designs


def _by_design(test: Test, read: _Read) -> tuple[Label, Quote | None]:
    design = read.design
    span = _design_quote(read)
    if design.name in test.designs:
        return "YES", span
    if design.name in _NO_STUDY and not (test.animals and design.name == "preclinical"):
        return "NO", span
    if any(design.name in _HALF.get(name, ()) for name in test.designs):
        return "PARTIAL", span
    # A cohort where trials are asked for: trials are prospective and follow people up, and are indexed so, too.
    is_sure = design.basis == "pt" or (design.basis == "mesh" and design.name in ("case_control", "cross_sectional"))
    return ("NO", span) if is_sure and design.name not in ("unknown", "letter") else ("UNCERTAIN", None)


def _design_quote(read: _Read) -> Quote | None:
    """The publication type, heading or words by which a design was told."""
    record, design = read.record, read.design
    if design.basis == "pt":
        return next((_value_quote(record, "publication_types", place)
                     for place, value in enumerate(_values(record.get("publication_types")))
                     if design_of(_with_types(value)).name == design.name), None)  # fmt: skip
    if design.basis == "mesh":
        for place, value in enumerate(_values(record.get("mesh"))):
            named = Record(id="", source="records", fields={}, mesh=(MeshHeading(_heading_name(value)),))
            if design_of(named).name == design.name:
                return _value_quote(record, "mesh", place)
        return None
    return next(_cues(record, design.name), None)


def _cues(record: Mapping[str, Any], design: str) -> Iterator[Quote]:
    from consilience.corpora.design import ABSTRACT_CUES

    for name, cues in (("title", TITLE_CUES), ("abstract", ABSTRACT_CUES)):
        text = record.get(name)
        if isinstance(text, str):
            for cue in cues:
                if cue.design == design and (found := cue.pattern.search(text)) and found[0]:
                    yield Quote(name, found.start(), found.end(), found[0])


_ANIMALS = re.compile(r"\b(?:rats?|mice|mouse|murine|rabbits?|guinea pigs?|hamsters?|zebrafish|in vitro)\b", re.I)
_OF_ANIMALS = re.compile(
    r"\b(?:animals?|preclinical|rodents?|rats?|mice|mouse|murine|in vivo|in vitro|veterinary)\b", re.I
)
_HUMANS = re.compile(r"\b(?:patients?|humans?|women|men|volunteers?|participants?|children|adults)\b", re.I)


def _animals(read: _Read) -> Quote | None:
    """The animal in a title, where neither title nor abstract speaks of people."""
    title = str(read.record.get("title") or "")
    found = _ANIMALS.search(title)
    if found and not _HUMANS.search(f"{title} {read.record.get('abstract') or ''}"):
        return Quote("title", found.start(), found.end(), found[0])
    return None


# ---------------------------------------------------------------- records as they come

_UI_OF = {name.lower(): ui for name, ui in PUBLICATION_TYPE_UI.items()}


def _values(held: object) -> list[str]:
    """The values of a list field; a text with semicolons or bars, as tables have them, is one, too."""
    if isinstance(held, str):
        return [value.strip() for value in re.split(r"[;|]", held) if value.strip()]
    return [value for value in held if isinstance(value, str)] if isinstance(held, list | tuple) else []


def _heading_name(value: str) -> str:
    """A heading without its star and its subheadings: `*Asthma/drug therapy` -> `Asthma`."""
    return value.lstrip("*").split("/")[0].strip()


def _value_quote(record: Mapping[str, Any], name: str, place: int) -> Quote:
    return Quote(name, place, place + 1, _values(record.get(name))[place])


def _with_types(*names: str) -> Record:
    types = tuple(PublicationType(name, _UI_OF.get(name.lower(), "")) for name in names)
    return Record(id="", source="records", fields={}, publication_types=types)


def _as_record(record: Mapping[str, Any]) -> Record:
    fields = {name: str(record.get(name) or "")[:_LONGEST_TEXT] for name in _TEXTS}
    types = _with_types(*_values(record.get("publication_types"))).publication_types
    mesh = tuple(MeshHeading(_heading_name(value)) for value in _values(record.get("mesh")))
    return Record(id="", source="records", fields=fields, publication_types=types, mesh=mesh)


# ---------------------------------------------------------------- many records


def criterion_scores(records: Iterable[Mapping[str, Any]], judge: Judge) -> npt.NDArray[np.float32]:
    """The value of every label, shape (records, criteria): 1, .5, 0 or -1."""
    rows = [[VALUES[label.label] for label in judge.labels(record)] for record in records]
    return np.asarray(rows, np.float32).reshape(len(rows), len(judge.tests))
