"""From a protocol's PICO to a Boolean search: groups of terms, filters, translations, counts, and a check by seeds.

Each element that is searched is one group: its CORE (headings and the words it was asked by) and its EXPAND (other
names, drugs of a class, what a model proposed), OR within, AND between (TrialMind, arXiv 2406.17755). By default people
and interventions are searched: comparators and outcomes often stand in no record (Cochrane Handbook 4.4.2).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from consilience.errors import BadInputError
from consilience.indexes.boolean import run, strategy
from consilience.indexes.boolean.fields import key as value_key
from consilience.indexes.boolean.strategy import Line, Strategy
from consilience.indexes.boolean.syntax import (
    And,
    Mesh,
    Node,
    Not,
    Or,
    Ref,
    Term,
    Value,
    conjunction,
    disjunction,
    to_pubmed,
    tokens,
)
from consilience.screening.terms import GENERIC, Concept, Lexicon, alternatives, population, unknown_concept

if TYPE_CHECKING:
    from consilience.corpora.corpus import Clocks, Corpus
    from consilience.indexes import Index
    from consilience.models import Language
    from consilience.screening.protocol import Protocol

SEARCHED = ("population", "intervention")
# More kinds of a thing than this are left to the headings: a search nobody can read is a search nobody checks.
MOST_NARROWER = 60
# Terms of one group in a sub-query (LEADS, arXiv 2501.16255), and how many sub-queries are still of use.
CHUNK, MOST_SUBQUERIES = 5, 1000
_STEM = 4  # letters before an asterisk, by PubMed's rule
_OPEN = 6  # letters of a single word that may go on: shorter ones begin too many others (Soma, somatic)
_MOST_SEEDS = 1000
_SUGGESTED = 5

# "Cochrane Highly Sensitive Search Strategies", Cochrane Handbook, technical supplement to chapter 4, 2008 revision:
# as written there for PubMed and for Ovid MEDLINE.
FILTERS: Mapping[str, Mapping[str, str]] = {
    "cochrane-sensitive": {
        "pubmed": "(randomized controlled trial[pt] OR controlled clinical trial[pt] OR randomized[tiab] OR "
        "placebo[tiab] OR drug therapy[sh] OR randomly[tiab] OR trial[tiab] OR groups[tiab]) NOT (animals[mh] NOT "
        "humans[mh])",
        "ovid_medline": "((randomized controlled trial or controlled clinical trial).pt. or randomized.ab. or "
        "placebo.ab. or drug therapy.fs. or randomly.ab. or trial.ab. or groups.ab.) not (exp animals/ not humans.sh.)",
    },
    "cochrane-precise": {
        "pubmed": "(randomized controlled trial[pt] OR controlled clinical trial[pt] OR randomized[tiab] OR "
        "placebo[tiab] OR clinical trials as topic[mesh:noexp] OR randomly[tiab] OR trial[ti]) NOT (animals[mh] NOT "
        "humans[mh])",
        "ovid_medline": "((randomized controlled trial or controlled clinical trial).pt. or randomized.ab. or "
        "placebo.ab. or clinical trials as topic.sh. or randomly.ab. or trial.ti.) not (exp animals/ not humans.sh.)",
    },
}  # fmt: skip
DATABASES = ("pubmed", "ovid_medline", "ovid_embase", "central")


@dataclass(frozen=True, slots=True)
class Group:
    """What one element asks for: any of these; `core` in the protocol's own words, `expand` in others'."""

    element: str
    headings: tuple[Node, ...]
    core: tuple[Node, ...]
    expand: tuple[Node, ...]
    said: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The group as `screen query` tells it, every term in PubMed's syntax."""
        return {"element": self.element, "said": list(self.said), "headings": [to_pubmed(n) for n in self.headings],
                "core": [to_pubmed(node) for node in self.core], "expand": [to_pubmed(node) for node in self.expand],
                "proposed": list(self.proposed)}  # fmt: skip

    @property
    def terms(self) -> tuple[Node, ...]:
        """All of it, headings first."""
        return (*self.headings, *self.core, *self.expand)


@dataclass(frozen=True, slots=True)
class Search:
    """A search: its groups, the filter it ends with, and its lines as one strategy in PubMed's syntax."""

    groups: tuple[Group, ...]
    filter: str
    strategy: Strategy
    named: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The strategy as it is pasted into PubMed's history, one numbered line each; one line alone has no number."""
        return _numbered([line.text for line in self.strategy.lines], "#")

    @property
    def pubmed(self) -> str:
        """The whole search as one query."""
        return to_pubmed(self.strategy.whole())

    def without_expand(self) -> Search:
        """The same in the protocol's own words and headings only."""
        groups = tuple(replace(group, expand=()) for group in self.groups)
        told, named = _lines(groups, self.filter)
        return replace(self, groups=groups, strategy=told, named=named)

    def subqueries(self, size: int = CHUNK) -> list[str]:
        """The same search in pieces, for a service that takes short queries: what they find together is its result."""
        chunks = [[disjunction(part) for part in _chunks(group.terms, size)] for group in self.groups]
        many = int(np.prod([len(parts) for parts in chunks]))
        if many > MOST_SUBQUERIES:
            raise BadInputError(f"{many:,} sub-queries of {size} terms", where="chunk", expected="longer ones")
        ending = f" AND ({FILTERS[self.filter]['pubmed']})" if self.filter else ""
        return [f"{to_pubmed(conjunction(parts))}{ending}" for parts in itertools.product(*chunks)]


def _chunks(terms: Sequence[Node], size: int) -> Iterator[Sequence[Node]]:
    yield from (terms[at : at + size] for at in range(0, len(terms), size))


# ---------------------------------------------------------------- making it


def search_of(protocol: Protocol, lexicon: Lexicon, *, filter: str = "", elements: Sequence[str] = SEARCHED,
              proposed: Mapping[str, Sequence[str]] | None = None) -> Search:  # fmt: skip
    """The search of a protocol; a BadInputError when nothing of its PICO can be searched for."""
    if filter and filter not in FILTERS:
        raise BadInputError(f"no filter {filter!r}", where="filter", expected=", ".join(FILTERS))
    found = concepts_of(protocol, lexicon)
    groups = [_group(element, found[element], (proposed or {}).get(element, ()), lexicon)
              for element in elements if found.get(element)]  # fmt: skip
    warnings = [f"the protocol's {element} names nothing to search for" for element in elements
                if not found.get(element)]  # fmt: skip
    if groups and not any(protocol.pico.get(element) for element in SEARCHED):
        said = ", ".join(name for each in groups for name in each.said)
        warnings.insert(0, f"the protocol has no PICO: of its question {said} alone is searched for")
    if not groups:
        raise BadInputError("the protocol names nothing to search for", where="pico",
                            expected="population, intervention")  # fmt: skip
    told, named = _lines(groups, filter)
    return Search(tuple(groups), filter, told, named, tuple(warnings))


def concepts_of(protocol: Protocol, lexicon: Lexicon) -> dict[str, list[Concept]]:
    """The things that each element of a protocol's PICO asks for, alternatives of one another.

    Without a population the question stands for it.
    """
    found: dict[str, list[Concept]] = {}
    for element, lines in protocol.pico.items():
        text = "; ".join(lines)
        named = population(text, lexicon).heads if element == "population" else alternatives(text, lexicon)
        found[element] = list({concept.core: concept for concept in named}.values())
    if not any(found.get(element) for element in SEARCHED) and protocol.question:
        found["population"] = [concept for *_, concept in lexicon.mentioned(protocol.question)][:1]
    return {element: named for element, named in found.items() if named}


def _group(element: str, concepts: Sequence[Concept], proposed: Sequence[str], lexicon: Lexicon) -> Group:
    headings = dict.fromkeys(Mesh(name) for concept in concepts for name in concept.headings)
    own = [(concept, lexicon.written(name)) for concept in concepts for name in concept.core]
    core = dict.fromkeys(node for concept, name in own for node in _asked(concept, name))
    wide = [name for concept in concepts for name in
            (*concept.other, *(concept.narrower if len(concept.narrower) <= MOST_NARROWER else ()))]  # fmt: skip
    new = [concept for phrase in proposed if (concept := unknown_concept(phrase))]
    more = [node for name in wide for node in _spelled(lexicon.written(name))]
    more += [node for concept in new for node in _asked(concept, lexicon.written(concept.core[0]))]
    kept = _pruned([*core, *more])
    return Group(element, tuple(headings), tuple(node for node in kept if node in core),
                 tuple(node for node in kept if node not in core),
                 tuple(concept.said for concept in concepts), tuple(proposed))  # fmt: skip


def _asked(concept: Concept, name: str) -> list[Node]:
    """A known thing by its name; the telling words of an unknown phrase wherever they stand."""
    words = name.split()
    if concept.known or len(words) == 1:
        return _spelled(name)
    return [conjunction(disjunction(Term((form,), "tiab") for form in _forms(word)) for word in words)]


# Between the two sides of the Atlantic, in normal keys (`kg.names.normal_word` takes the American).
_BRITISH = (("tumor", "tumour"), ("emia", "aemia"), ("esoph", "oesoph"), ("pediatr", "paediatr"), ("edema", "oedema"),
            ("estrogen", "oestrogen"), ("hemat", "haemat"), ("hemo", "haemo"), ("diarrhea", "diarrhoea"),
            ("gynec", "gynaec"), ("anesth", "anaesth"), ("orthoped", "orthopaed"), ("cecal", "caecal"),
            ("fetal", "foetal"), ("celiac", "coeliac"), ("leuke", "leukae"), ("hemorrh", "haemorrh"),
            ("ischemi", "ischaemi"))  # fmt: skip


def _spelled(name: str) -> list[Node]:
    """A name as a phrase whose last word may go on, in both spellings."""
    british = name
    for american, other in _BRITISH:
        if other not in british:
            british = british.replace(american, other)
    # By the words that a reader of queries would see in it: what is pasted must be read as what was meant.
    spellings = [words for each in dict.fromkeys((name, british)) if (words := tokens(each))]
    # Instead of all its endings, a short single word has its plural: `pain`, `pains`.
    plural = [(f"{only[0]}s",) for only in spellings if len(only) == 1 and only[0].isalpha()
              and _STEM <= len(only[0]) < _OPEN]  # fmt: skip
    return [Term(tuple(_open(words)), "tiab") for words in (*spellings, *plural)]


def _open(words: Sequence[str]) -> Iterator[str]:
    last = words[-1]
    yield from words[:-1]
    if len(last) >= _OPEN and re.search(r"[^aeiou]y$", last):
        last = last[:-1]  # `therapy` and `therapies`
    is_open = len(last) >= (_STEM if len(words) > 1 else _OPEN) and last.isalpha()
    yield f"{last}*" if is_open and not (len(words) == 1 and last.endswith("s")) else last


def _forms(word: str) -> list[str]:
    """A word by what its forms share: `chemotherapy` -> `chemotherap*`; in both spellings."""
    stem = re.sub(r"(?:ations?|ions?|ies|y|al|ed|ing)$", "", word) if len(word) > 6 else word
    stem = stem if len(stem) >= 5 else word
    return [" ".join(term.words) for term in _spelled(stem) if isinstance(term, Term)]


def _pruned(nodes: Iterable[Node]) -> list[Node]:
    """The terms without those that a shorter one among them finds anyway; order kept."""
    kept = list(dict.fromkeys(nodes))
    plain = [node.words for node in kept if isinstance(node, Term)]
    short: dict[str, list[tuple[str, ...]]] = {}
    for words in plain:
        short.setdefault(words[0].rstrip("*")[:_STEM], []).append(words)
    return [node for node in kept if not (isinstance(node, Term) and _is_found_by(node.words, short))]


def _is_found_by(words: tuple[str, ...], short: Mapping[str, Sequence[tuple[str, ...]]]) -> bool:
    """Say whether a phrase holds another of the phrases, word by word."""
    for at, word in enumerate(words):
        for other in short.get(word.rstrip("*")[:_STEM], ()):
            if other != words and len(other) <= len(words) - at and all(map(_covers, other, words[at:])):
                return True
    return False


def _covers(general: str, word: str) -> bool:
    return general == word or (general.endswith("*") and word.rstrip("*").startswith(general[:-1]))


# ---------------------------------------------------------------- its lines


def _lines(groups: Sequence[Group], filter: str) -> tuple[Strategy, dict[str, str]]:
    """Lines for each group's headings, core and expand, their union, the intersection, the filter; and their names."""
    lines: list[Line] = []
    named: dict[str, str] = {}

    def add(node: Node, what: str) -> Ref:
        name = str(len(lines) + 1)
        lines.append(Line(name, to_pubmed(node), node))
        named[name] = what
        return Ref(name)

    unions: list[Node] = []
    for group in groups:
        parts = [add(disjunction(nodes), f"{group.element}, {what}") for what, nodes in
                 (("headings", group.headings), ("core", group.core), ("expand", group.expand)) if nodes]  # fmt: skip
        unions.append(parts[0] if len(parts) == 1 else add(Or(tuple(parts)), group.element))
    whole: Node = unions[0] if len(unions) == 1 else add(And(tuple(unions)), "all elements")
    if filter:
        ending = strategy.read(FILTERS[filter]["pubmed"], "pubmed").lines[0]
        lines.append(Line(str(len(lines) + 1), FILTERS[filter]["pubmed"], ending.node))
        named[lines[-1].name] = f"filter, {filter}"
        add(And((whole, Ref(lines[-1].name))), "all elements, filtered")
    return Strategy("pubmed", tuple(lines)), named


# ---------------------------------------------------------------- other databases


def translated(search: Search, database: str) -> str:
    """The search in the syntax of a database, one numbered line each."""
    if database == "pubmed":
        return search.text
    told = []
    for line in search.strategy.lines:
        is_filter = search.named[line.name].startswith("filter")
        body = _filter_in(search.filter, database) if is_filter else _written(line.node, database)
        told.append(body)
    return _numbered(told, "#" if database == "central" else "")


def _numbered(lines: Sequence[str], sign: str) -> str:
    if len(lines) == 1:
        return lines[0]
    return "\n".join(f"{sign}{number} {text}" for number, text in enumerate(lines, start=1))


def _filter_in(name: str, database: str) -> str:
    # CENTRAL holds trials only, and Embase has a filter of its own, which we do not have the exact text of.
    return FILTERS[name].get(database, "")


def translations(search: Search) -> tuple[dict[str, str], list[str]]:
    """The search for each database, and what a searcher has to look after there."""
    told, named = _lines(search.groups, "")
    plain = replace(search, filter="", strategy=told, named=named)
    found = {name: translated(search if name in ("pubmed", "ovid_medline") else plain, name) for name in DATABASES}
    notes = ["Embase: headings are MeSH's; choose those of Emtree"]
    if search.filter:
        notes.append("Embase: add the Cochrane filter for Embase; CENTRAL needs none: both are given without one")
    return found, notes


def _written(node: Node, database: str) -> str:
    match node:
        case And(parts):
            return _joined(parts, "and", database)
        case Or(parts):
            return _joined(parts, "or", database)
        case Not(kept, dropped):
            return f"{_grouped(kept, database)} not {_grouped(dropped, database)}"
        case Ref(line):
            return f"#{line}" if database == "central" else line
        case Mesh(heading, _, explode, _):
            if database == "central":
                return f'[mh {"" if explode else "^"}"{heading}"]'
            if database == "ovid_embase":  # Emtree has its names in plain order
                heading = " ".join(reversed(heading.lower().split(", ")))
            name = f'"{heading}"' if re.search(r"\b(?:and|or|not)\b|[/()]", heading, re.I) else heading
            return f"{'exp ' if explode else ''}{name}/"
        case Term(words):
            if database == "central":
                phrase = " NEXT ".join(words)
                return f"({phrase}):ti,ab,kw" if len(words) > 1 else f"{phrase}:ti,ab,kw"
            return f"{' '.join(_quoted(word) for word in words)}.ti,ab,kf."
        case Value(text, "pt"):
            return f"{text}:pt" if database == "central" else f"{text}.pt."
    raise TypeError(f"a {type(node).__name__} that no search of ours has")


def _quoted(word: str) -> str:
    return f'"{word}"' if word in ("and", "or", "not", "adj") else word


def _joined(parts: Sequence[Node], operator: str, database: str) -> str:
    return f" {operator.upper() if database == 'central' else operator} ".join(_grouped(p, database) for p in parts)


def _grouped(node: Node, database: str) -> str:
    written = _written(node, database)
    return f"({written})" if isinstance(node, And | Or | Not) else written


# ---------------------------------------------------------------- counting, and checking by seeds


@dataclass(frozen=True, slots=True)
class Seed:
    """A study known beforehand: whether the corpus has it, the search finds it, and if not, which groups lack it."""

    seed: str
    known: bool
    found: bool
    missed_by: tuple[str, ...] = ()
    suggestion: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The seed as `screen query` tells it."""
        return {"seed": self.seed, "known": self.known, "found": self.found, "missed_by": list(self.missed_by),
                "suggestion": list(self.suggestion)}  # fmt: skip


def counted(search: Search, index: Index, clocks: Clocks) -> list[tuple[run.Counted, np.ndarray[Any, Any]]]:
    """Each line with how many documents in sight of a home's corpus it finds, and which rows these are."""
    return list(index.lexical.run(index.sights.of(clocks)).lines(search.strategy))


def validated(
    search: Search, lines: Sequence[tuple[run.Counted, np.ndarray[Any, Any]]], seeds: Sequence[str], corpus: Corpus,
    clocks: Clocks, lexicon: Lexicon,
) -> list[Seed]:  # fmt: skip
    """Which seeds the search finds in the corpus; of one it misses, by which groups and what would have found it.

    A suggestion is a term of the seed that the group does not have; whether it suits the question is for a person.
    """
    masks = {search.named[line.line.name]: mask for line, mask in lines}
    found = []
    for seed in dict.fromkeys(seeds[:_MOST_SEEDS]):
        row = _row_of(seed, corpus, clocks)
        if row is None:
            found.append(Seed(seed, False, False))
            continue
        missed = [group for group in search.groups if not _union(masks, group)[row]]
        is_found = bool(lines[-1][1][row])
        ended = ["filter"] if not is_found and not missed else []
        suggestion = () if is_found else tuple(dict.fromkeys(
            term for group in missed for term in _suggested(corpus, row, group, lexicon)))  # fmt: skip
        missing = (*(group.element for group in missed), *ended)
        found.append(Seed(seed, True, is_found, () if is_found else missing, suggestion))
    return found


def _union(masks: Mapping[str, np.ndarray[Any, Any]], group: Group) -> np.ndarray[Any, Any]:
    names = (group.element, *(f"{group.element}, {what}" for what in ("headings", "core", "expand")))
    return next(masks[name] for name in names if name in masks)


def _row_of(seed: str, corpus: Corpus, clocks: Clocks) -> int | None:
    """The row of a seed in sight, by PMID, `PMID:...` or DOI."""
    from consilience.errors import NotFoundError

    plain = seed.strip()
    for name in (plain, f"PMID:{plain}", f"DOI:{plain}"):
        try:
            return corpus.row_of(name, clocks)
        except (NotFoundError, BadInputError):
            continue
    return None


# What kind of thing each element is looked for among.
_KINDS = {"population": ("Disease", "Outcome"), "intervention": ("Chemical", "Procedure"),
          "comparator": ("Chemical", "Procedure"), "outcome": ("Outcome", "Disease")}  # fmt: skip
_CHECK_TAGS = frozenset({"humans", "animals", "male", "female", "adult", "aged", "middle aged", "child", "adolescent",
                         "infant", "young adult", "aged 80 and over", "child preschool", "infant newborn"})  # fmt: skip


def _suggested(corpus: Corpus, row: int, group: Group, lexicon: Lexicon) -> list[str]:
    """Headings and names in a document's title that are of the element's kind; failing that, its title's own words."""
    document = corpus.document(row)
    title = document.fields.get("title", "")
    kinds = _KINDS.get(group.element, ())
    vocabulary = lexicon.linker.vocabulary
    headings = [name for name, *_ in document.meta.get("mesh", ()) if value_key(name) not in _CHECK_TAGS]
    mentions = lexicon.linker.mentions(title)
    named = [mention.text for mention in mentions if mention.type in kinds]
    of_kind = [name for name in headings if (entry := vocabulary.terms.get(_key(name))) and entry[1] in kinds]
    told = [*(f'"{name}"[mh]' for name in of_kind), *(f'"{name.lower()}"[tiab]' for name in named)]
    if not told:
        words = dict.fromkeys(word for word in re.findall(r"[a-z][a-z-]{4,}", title.lower()) if word not in GENERIC)
        told = [f'"{word}"[tiab]' for word in words]
    return told[:_SUGGESTED]


def _key(name: str) -> str:
    from consilience.kg.names import key

    return key(name)


# ---------------------------------------------------------------- the whole of `screen query`


def told(
    protocol: Protocol, lexicon: Lexicon, *, index: Index | None = None, corpus: Corpus | None = None,
    clocks: Clocks | None = None, filter: str = "", model: Language | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The search of a protocol as `screen query` tells it; counts and seeds need a home's index."""
    from consilience.screening.propose import proposals

    proposed, notes = proposals(protocol, model) if model else ({}, [])
    search = search_of(protocol, lexicon, filter=filter, proposed=proposed)
    lines = counted(search, index, clocks) if index and clocks else []
    counts = {line.line.name: line.count for line, _ in lines}
    seeds = (validated(search, lines, protocol.seeds, corpus, clocks, lexicon)
             if lines and corpus is not None and clocks else [])  # fmt: skip
    found, others = translations(search)
    cautions = index.cautions(search.strategy) if index else []
    return {
        "title": protocol.title, "groups": [group.as_json() for group in search.groups], "filter": filter or None,
        "lines": [{"line": line.name, "what": search.named[line.name], "text": line.text,
                   "count": counts.get(line.name)} for line in search.strategy.lines],
        "count": counts.get(search.strategy.lines[-1].name), "pubmed": search.pubmed, "translations": found,
        "subqueries": _subqueries(search, notes), "seeds": [seed.as_json() for seed in seeds],
        "warnings": [*search.warnings, *notes, *others, *cautions],
    }  # fmt: skip


def _subqueries(search: Search, notes: list[str]) -> list[str]:
    try:
        return search.subqueries()
    except BadInputError as error:
        notes.append(f"no sub-queries: {error.message}")
        return []
