"""What the words of a protocol name: each thing with its other names, its MeSH headings and what lies below it.

Names come from the packaged vocabularies (MeSH headings, MONDO, drugs), from a home's MeSH tree where there is one, and
from `terms.v1.yaml`. All are compared as `kg.names.key` makes them: singular, lower case, without hyphens.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib import resources
from typing import Any

import yaml

from consilience.home import fingerprint
from consilience.indexes.boolean.mesh import Tree
from consilience.kg import concepts as packaged
from consilience.kg.link import Linker
from consilience.kg.names import WORD, key, normal_word

_LONGEST_NAME = 6  # words: beyond, a vocabulary describes rather than names
_SHORTEST_NAME = 3  # letters: in capitals or not, fewer mean too much else
_SHORTEST_CASED = 5  # letters: in small letters, brands and acronyms as short as these are words (Soma, AIDS)
# `susceptibility to X` is no name of X, nor is a name that only says where it stands.
_NO_NAME = re.compile(r"\b(?:susceptibility|resistance to|somatic|disease disease|type [ivx\d]+ [ivx\d]+)\b|^\d")
_LISTS = ("names", "people", "stems")
_TUMORS = ("cancer", "neoplasm", "carcinoma", "tumor")


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that a protocol asks for; every name is a normal key, every heading as MeSH writes it.

    `core` is what it was asked by, `other` its other names, `narrower` those of its kinds, `against` the check tags
    that speak against it. If not `known`, the words of `core` need not stand together.
    """

    said: str
    core: tuple[str, ...]
    other: tuple[str, ...] = ()
    narrower: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    known: bool = True

    def as_json(self) -> dict[str, Any]:
        """The concept by name, lists for tuples."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Concept:
        """What `as_json` wrote."""
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
        return cls(**plain)


class Lexicon:
    """Finds the things that a text names, and all that is known of their names; read-only."""

    def __init__(self, linker: Linker, wider: Mapping[str, Sequence[str]], actions: Mapping[str, Sequence[str]],
                 tree: Tree | None = None) -> None:  # fmt: skip
        self.linker, self.tree = linker, tree
        self._told = table()
        self._things: dict[str, list[str]] = {}
        for name, (identifier, _, _) in linker.vocabulary.terms.items():
            self._things.setdefault(identifier, []).append(name)
        self._actions = actions
        self._diseases = _identifiers(linker)
        self._kinds: dict[str, list[str]] = {}
        for disease, above in wider.items():
            for each in above:
                self._kinds.setdefault(each, []).append(disease)
        self._lines = {name: {key(own): line for line in reversed(self._told[name]) for own in line["names"]}
                       for name in _LISTS}  # fmt: skip
        vocabulary = linker.vocabulary.hash, tree.edition if tree else "", len(wider), len(actions)
        self.version = fingerprint([self._told, vocabulary])

    @classmethod
    def load(cls, tree: Tree | None = None) -> Lexicon:
        """That of the installed vocabularies and a home's MeSH tree; takes seconds."""
        from consilience.kg.build import vocabulary

        return cls(Linker(vocabulary()), packaged.wider_diseases(), packaged.drug_actions(), tree)

    @property
    def people(self) -> Container[str]:
        """The names of ages, sexes and states."""
        return self._lines["people"]

    # ---------------------------------------------------------------- one thing

    def concept(self, phrase: str) -> Concept | None:
        """The thing that a whole phrase names, None if no vocabulary has it."""
        asked = key(phrase)
        entry = self.linker.vocabulary.terms.get(asked)
        identifier = entry[0] if entry else ""
        told = self._lines["names"].get(asked)
        people = self._lines["people"].get(asked)
        drugs, tumor = self._class(asked), self._tumor(asked)
        if not (identifier or told or people or drugs or tumor):
            return None
        line = people or told or {}
        headings = self._headings(identifier, tumor, line)
        names = [*map(key, line.get("names", ())), *self._things.get(identifier, ()), *self._entries(headings)]
        site = asked.rsplit(" ", 1)[0]
        names += [f"{site} {kind}" for kind in _TUMORS] if tumor else []
        other = self._usable([asked, *names])[1:]
        below = self._below(headings)
        kinds = [*drugs, *self._narrower(identifier, headings), *map(key, below)]
        narrower = [name for name in self._usable([asked, *kinds])[1:] if name not in other]
        return Concept(phrase.strip(), (asked,), tuple(other), tuple(narrower), headings, below,
                       tuple(line.get("against", ())))  # fmt: skip

    def _class(self, asked: str) -> list[str]:
        """The drugs of a class that is known by name: those it lists, and those of its stems."""
        line = self._lines["stems"].get(asked)
        if line is None:
            return []
        endings = tuple(line.get("endings", ()))
        found = [name for name in self._drugs if name.endswith(endings)] if endings else []
        return [*map(key, line.get("drugs", ())), *found]

    @cached_property
    def _drugs(self) -> list[str]:
        terms = self.linker.vocabulary.terms
        return sorted(name for name, (_, kind, _) in terms.items() if kind == "Chemical" and " " not in name)

    def _headings(self, identifier: str, tumor: str, line: Mapping[str, Any]) -> tuple[str, ...]:
        found = list(line.get("headings", ()))
        if identifier.startswith("MESH:"):
            found.append(self.linker.vocabulary.names[identifier])
        elif tumor:
            found.append(tumor)
        return tuple(dict.fromkeys(found))

    def _tumor(self, asked: str) -> str:
        """The heading of tumours of a site, for `bladder cancer` and the like; "" if there is none."""
        words = asked.split()
        if len(words) < 2 or words[-1] not in _TUMORS:
            return ""
        return self._told["sites"].get(words[-2]) or self._heading_of(f"{words[-2]} neoplasm")

    def _heading_of(self, name: str) -> str:
        entry = self.linker.vocabulary.terms.get(key(name))
        return self.linker.vocabulary.names[entry[0]] if entry and entry[0].startswith("MESH:") else ""

    def _entries(self, headings: Iterable[str]) -> Iterator[str]:
        """The headings as names, and their entry terms."""
        for name in headings:
            heading = self.tree.find(name) if self.tree else None
            yield key(name)
            if "," in name:
                yield key(" ".join(reversed(name.split(", "))))
            yield from (key(entry) for entry in (heading.entries if heading else ()))

    def _below(self, headings: Iterable[str]) -> tuple[str, ...]:
        """The headings below some, by the home's tree."""
        if self.tree is None:
            return ()
        found = [heading for name in headings if (heading := self.tree.find(name))]
        own = {heading.ui for heading in found}
        below = {each.ui: each.name for heading in found for each in self.tree.narrower(heading)}
        return tuple(name for ui, name in sorted(below.items()) if ui not in own)

    def _narrower(self, identifier: str, headings: Iterable[str]) -> Iterator[str]:
        """Names of the kinds of a disease, and of the drugs of an action."""
        of_headings = [entry[0] for name in headings if (entry := self.linker.vocabulary.terms.get(key(name)))]
        things = dict.fromkeys([identifier, *of_headings])
        for thing in things:
            yield from map(key, self._actions.get(thing, ()))
            for disease in self._diseases.get(thing, (thing,)):
                for kind in self._kinds.get(disease, ()):
                    yield from self._things.get(self._known_as.get(kind, kind), ())

    @cached_property
    def _known_as(self) -> dict[str, str]:
        return {other: identifier for identifier, others in self._diseases.items() for other in others}

    def _usable(self, names: Iterable[str]) -> list[str]:
        """Names worth searching by, each once; of two orders of the same words the one that ends as names do."""
        kept: dict[tuple[str, ...], str] = {}
        for place, name in enumerate(dict.fromkeys(names)):
            words = name.split()
            longest = max(map(len, words), default=0)
            if place == 0:  # what was asked itself, in its own order
                kept[tuple(sorted(words))] = name
                continue
            if len(words) > _LONGEST_NAME or longest < _SHORTEST_NAME or len(set(words)) < len(words):
                continue
            if _NO_NAME.search(name) or (len(words) == 1 and len(name) <= _SHORTEST_CASED and self._is_cased(name)):
                continue
            order = tuple(sorted(words))
            held = kept.get(order)
            is_better = held and held != next(iter(kept.values()))
            if held is None or (is_better and self._ends[words[-1]] > self._ends[held.rsplit(" ", 1)[-1]]):
                kept[order] = name
        return list(kept.values())

    def _is_cased(self, name: str) -> bool:
        entry = self.linker.vocabulary.terms.get(name)
        return bool(entry and entry[2])

    @cached_property
    def _ends(self) -> Counter[str]:
        """How often each word ends a name: `inhibitor` often, `immune` hardly ever."""
        return Counter(name.rsplit(" ", 1)[-1] for name in self.linker.vocabulary.terms)

    def written(self, name: str) -> str:
        """A normal key as it is written: `diabete mellitus` -> `diabetes mellitus`, the vocabularies' own spelling."""
        return " ".join(self._surface.get(word, word) for word in name.split())

    @cached_property
    def _surface(self) -> dict[str, str]:
        """Words that no name has in their normal form, as most names have them."""
        seen: dict[str, Counter[str]] = {}
        for name in self.linker.vocabulary.names.values():
            for word in re.findall(r"[a-z]{4,}", name.lower()):
                seen.setdefault(normal_word(word), Counter())[word] += 1
        return {plain: min(raw, key=lambda word: (-raw[word], word)) for plain, raw in seen.items() if plain not in raw}

    # ---------------------------------------------------------------- things in a text

    def mentioned(self, text: str) -> list[tuple[int, int, Concept]]:
        """The things that a text names, in order, by half-open offsets: longest names first, ours before packaged."""
        tokens = [(found.start(), found.end(), key(found[0])) for found in WORD.finditer(text)]
        linked = {mention.start: mention for mention in self.linker.mentions(text)}
        found: list[tuple[int, int, Concept]] = []
        at = 0
        while at < len(tokens):
            length = self._longest(text, tokens, at)
            mention = linked.get(tokens[at][0])
            if mention and mention.end >= tokens[at + max(length, 1) - 1][1]:
                end, concept = mention.end, self.concept(mention.text) or self._by_identifier(mention.identifier)
            elif length:
                end = tokens[at + length - 1][1]
                concept = self.concept(text[tokens[at][0] : end])
            else:
                at += 1
                continue
            if concept is not None:
                found.append((tokens[at][0], end, concept))
            while at < len(tokens) and tokens[at][0] < end:
                at += 1
        return found

    def _longest(self, text: str, tokens: Sequence[tuple[int, int, str]], at: int) -> int:
        """How many words from here are a name of ours; 0 if none."""
        for length in range(min(_LONGEST_NAME, len(tokens) - at), 0, -1):
            span = text[tokens[at][0] : tokens[at + length - 1][1]]
            if not re.search(r"[;:()]|, ", span):
                name = " ".join(word for *_, word in tokens[at : at + length])
                if any(name in self._lines[kind] for kind in _LISTS) or (length == 2 and self._tumor(name)):
                    return length
        return 0

    def _by_identifier(self, identifier: str) -> Concept | None:
        return self.concept(self.linker.vocabulary.names[identifier])


def _identifiers(linker: Linker) -> dict[str, tuple[str, ...]]:
    """For each thing that MeSH names too, what MONDO calls it."""
    found = linker.vocabulary.cross_references()
    return {thing: tuple(other for other in others if other.startswith("MONDO:")) for thing, others in found.items()}


def table() -> dict[str, Any]:
    """The names, people, sites and stems of `terms.v1.yaml`."""
    text = (resources.files("consilience.screening") / "terms.v1.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


# ---------------------------------------------------------------- what a protocol says, in things

# Words that say nothing of what is sought.
GENERIC = frozenset(
    "patient participant subject people person individual treatment treated treating therapy intervention management "
    "care use using receiving undergoing received alone only different type types standard outcome rate risk incidence "
    "occurrence efficacy effectiveness comparison comparative study studies trial clinical versus compared control "
    "based regimen including include combined combination plus additional other either any various diagnosis level "
    "high low early late new grade stage score effect effects value number group therapeutic with the and for not "
    "who have were was are that this from than without after before under over per all none planned structured form "
    "systematic dose each against setting modality offered whom which their both been has had did does".split()
)  # fmt: skip
_LEAD = re.compile(
    r"^(?:(?:adult|the|a|an|all|any|human|some)\s+)*(?:patients?|participants?|people|persons?|subjects?|individuals?)\s+"
    r"(?:with|who|having|suffering from|diagnosed with|undergoing|receiving|treated with)?\s*|"
    r"^(?:the )?(?:treatments?|therapy|use|occurrence|incidence|management|risk|rates?)\s+(?:with|of)\s+", re.I,
)  # fmt: skip
_SPLIT = re.compile(
    r"\s*(?:;|\n|,|(?:^|(?<=[\s;]))\d+[.)]\s|\band/or\b|\bor\b|\band\b|\bversus\b|\bvs\.?(?=\s)|\bplus\b|\s\+\s|"
    r"\bincluding\b|\bsuch as\b|\bspecifically\b|\be\.g\.,?|\bcombined with\b|\bwith\b|[()])\s*", re.I,
)  # fmt: skip
_NOTHING = re.compile(r"\W*(?:n/?a|none|not applicable|no (?:treatment|comparator|intervention).*|nil)?\W*", re.I)
# From here to the next comma nothing is sought.
_ABSENT = re.compile(r"\b(?:no|not|without|never|exclud\w+|did not|absence of)\b[^,;.)\n]*", re.I)


# An abbreviation in brackets, which is no thing of its own.
_SHORT = re.compile(r"\(((?=[^()]*[A-Z][^()]*[A-Z0-9])[A-Za-z0-9+/-]{2,10})\)")
_STAGE = re.compile(r"\bnon-?\s?metastatic\b", re.I)
# Things too wide to seek beside others.
_VAGUE = frozenset({"monoclonal antibody", "antibody", "human", "thyroid", "hormone", "drug", "plasma", "cell", "tki"})


def is_nothing(text: str) -> bool:
    """Say whether an element asks for nothing: `N/A`, `No treatment with ...`, an empty line."""
    return _NOTHING.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class People:
    """Who is sought: alternatives of one another, what must be there beside (`with gout`), and which ages and sexes.

    A search asks for the first only: what else is required of people often stands nowhere in a record.
    """

    heads: tuple[Concept, ...]
    beside: tuple[Concept, ...] = ()
    ages: tuple[Concept, ...] = ()


def population(text: str, lexicon: Lexicon) -> People:
    """Who a text asks for."""
    plain, short = _plain(text)
    found = _abbreviated(lexicon.mentioned(plain), short)
    taken = [(start, end) for start, end, _ in found]
    aged = [entry for entry in found if entry[2].core[0] in lexicon.people]
    things = [entry for entry in found if entry not in aged]
    ages = tuple(_once(aged))
    if not things:
        unknown = [concept for phrase in phrases(plain, taken)[:1] if (concept := unknown_concept(phrase))]
        return People(tuple(unknown) or ages, (), ages)
    heads, beside = [things[0]], list[tuple[int, int, Concept]]()
    for entry in things[1:]:
        between = plain[heads[-1][1] : entry[0]]
        is_alternative = not beside and _OR.search(between) and not _BESIDE.search(between)
        (heads if is_alternative else beside).append(entry)
    listed = [unknown_concept(phrase) for at, phrase in placed(plain, taken) if heads[0][1] <= at < heads[-1][0]]
    named = [*_once(heads), *(concept for concept in listed if concept)]
    return People(tuple(named), tuple(_once(beside, but=named)), ages)


# Between two alternatives: a comma, a slash or an `or`; and no word that makes the second a further condition.
_OR = re.compile(r"[,;/]|\bor\b|\band/or\b", re.I)
_BESIDE = re.compile(r"\b(?:with|receiv\w+|undergo\w+|treated|after|following|who|whose|in|and(?!/or))\b", re.I)


def _plain(text: str) -> tuple[str, list[tuple[int, str]]]:
    """The text with blanks for what is not sought and for bracketed abbreviations, and these with their places."""
    plain = _ABSENT.sub(_blank, _STAGE.sub(_blank, text))
    short = [(found.start(), key(found[1])) for found in _SHORT.finditer(plain)]
    return _SHORT.sub(_blank, plain), short


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _abbreviated(
    found: Iterable[tuple[int, int, Concept]], short: Sequence[tuple[int, str]]
) -> list[tuple[int, int, Concept]]:
    """The things of a text, each with the abbreviation that the text gives right behind it."""
    told = []
    for start, end, concept in found:
        own = [name for at, name in short if 0 <= at - end <= 2 and len(name) >= _SHORTEST_NAME]
        new = tuple(name for name in own if name not in (*concept.core, *concept.other))
        told.append((start, end, replace(concept, other=(*concept.other, *new))))
    return told


def _once(entries: Iterable[tuple[int, int, Concept]], but: Sequence[Concept] = ()) -> list[Concept]:
    """Each thing once; two are one if what one was asked by is a name of the other."""
    kept: list[Concept] = []
    for *_, concept in entries:
        if not any(_is_same(concept, other) for other in (*but, *kept)):
            kept.append(concept)
    return kept


def _is_same(first: Concept, second: Concept) -> bool:
    names = {*first.core, *first.other}, {*second.core, *second.other}
    return bool({*first.core} & names[1] or {*second.core} & names[0])


def alternatives(text: str, lexicon: Lexicon) -> list[Concept]:
    """What is done, compared or measured: every thing that is named, and every phrase in which nothing is."""
    if is_nothing(text):
        return []
    plain, short = _plain(text)
    found = _abbreviated(lexicon.mentioned(plain), short)
    concepts = _once(found)
    concepts = [concept for concept in concepts if concept.core[0] not in _VAGUE] or concepts
    for phrase in phrases(plain, [(start, end) for start, end, _ in found]):
        if (concept := unknown_concept(phrase)) is not None:
            concepts.append(concept)
    kept: dict[str, Concept] = {}
    for concept in concepts:
        kept.setdefault(" ".join(concept.core), concept)
    return list(kept.values())


def phrases(text: str, taken: Sequence[tuple[int, int]] = ()) -> list[str]:
    """The noun phrases of a text between its separators, those left out in which something taken lies."""
    return [phrase for _, phrase in placed(text, taken)]


def placed(text: str, taken: Sequence[tuple[int, int]] = ()) -> list[tuple[int, str]]:
    """Those phrases, and where each begins."""
    edges = [0, *(edge for found in _SPLIT.finditer(text) for edge in found.span()), len(text)]
    pieces = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if text[start:end].strip()]
    free = [(s, e) for s, e in pieces if not any(start < e and s < end for start, end in taken)]
    plain = ((start, _LEAD.sub("", text[start:end].strip()).strip(" .:-")) for start, end in free)
    return [(start, phrase) for start, phrase in plain if phrase]


def unknown_concept(phrase: str) -> Concept | None:
    """A phrase that no vocabulary has, by its telling words; None if it has none."""
    words = [key(found[0]) for found in WORD.finditer(phrase)]
    telling = [word for word in words if word not in GENERIC and len(word) >= _SHORTEST_NAME and not word.isdigit()]
    if not telling or len(telling) > _LONGEST_NAME:
        return None
    return Concept(phrase, (" ".join(telling),), known=False)
