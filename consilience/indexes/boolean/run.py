"""Running a Boolean query: compiled to the engine where the engine is exact, decided here where it is not.

The answer is a set: every row in sight that the query describes, as a mask over the rows of the corpus.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from consilience.corpora.corpus import Corpus
from consilience.errors import BadInputError
from consilience.indexes.boolean import fields, spans
from consilience.indexes.boolean.mesh import Tree
from consilience.indexes.boolean.strategy import Line, Strategy
from consilience.indexes.boolean.syntax import (
    All,
    And,
    Dates,
    Mesh,
    Near,
    Node,
    Not,
    Or,
    Ref,
    Term,
    Value,
    children,
    leaves,
    positive,
    to_pubmed,
)
from consilience.indexes.filters import Mask, Sight

if TYPE_CHECKING:
    import tantivy

_WILD = re.compile(r"[*?#]")
_DAY_FIELDS = {"edat": "b_edat", "crdt": "b_edat", "mhda": "b_mhda", "lr": "b_lr", "dcom": "b_dcom"}
# More pairs of alternatives beside one NEAR are not named to the engine one by one.
_ALTERNATIVES = 100
_Sequence: TypeAlias = list[list[str]]
"""Words that follow one another, at each place its alternatives."""
# PubMed asks for four letters before an asterisk; fewer run here, and the reply says so.
_STEM = 4


class Engine(Protocol):
    """What a query is run on: an index with the fields of `fields.add_fields`."""

    @property
    def schema(self) -> tantivy.Schema:
        """The schema queries are made for."""
        ...

    def matching(self, query: tantivy.Query, sight: Sight) -> npt.NDArray[np.int64]:
        """Every row in sight that a query of the engine matches."""
        ...


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of a strategy as it was run: how many documents in sight it finds."""

    line: Line
    count: int

    def as_json(self) -> dict[str, Any]:
        """The line object of the contract."""
        return {
            "line": self.line.name,
            "text": self.line.text,
            "pubmed": to_pubmed(self.line.node),
            "count": self.count,
        }


class Run:
    """One strategy on one sight; `cautions` tells what is run otherwise than PubMed would."""

    def __init__(self, engine: Engine, corpus: Corpus, sight: Sight, tree: Callable[[], Tree | None]) -> None:
        self._engine, self._corpus, self._sight, self._tree = engine, corpus, sight, tree
        self._analyzer = fields.tokenizer()
        self._lines: dict[str, Mask] = {}
        self._folded: dict[str, str] = {}

    def lines(self, strategy: Strategy) -> Iterator[tuple[Counted, Mask]]:
        """Each line in order, with the rows it finds."""
        for line in strategy.lines:
            found = self._lines[line.name] = self.mask(line.node)
            yield Counted(line, int(found.sum())), found

    def whole(self, strategy: Strategy) -> Mask:
        """The rows of the last line."""
        return [found for _, found in self.lines(strategy)][-1]

    # ------------------------------------------------------------ sets

    def mask(self, node: Node) -> Mask:
        """The rows in sight that a node describes, shape: rows of the corpus."""
        if isinstance(node, Ref):
            return self._lines[node.line]
        query = self._query(node)
        if query is not None:
            return self._rows(query)
        match node:
            case Not(kept, dropped):
                return self.mask(kept) & ~self.mask(dropped)
            case And(parts) | Or(parts):
                return self._combined(parts, both=isinstance(node, And))
            case Near() | Term():
                return self._decided(node)
        raise TypeError(f"a {type(node).__name__} that nothing runs")

    def _combined(self, parts: Sequence[Node], *, both: bool) -> Mask:
        """The parts the engine can take go to it as one query; the others are sets of their own."""
        queries = [(part, self._query(part)) for part in parts]
        direct = [query for _, query in queries if query is not None]
        masks = [self.mask(part) for part, query in queries if query is None]
        if direct:
            masks.append(self._rows(_all(direct) if both else _any(direct)))
        combined: Mask = np.logical_and.reduce(masks) if both else np.logical_or.reduce(masks)
        return combined

    def _rows(self, query: tantivy.Query) -> Mask:
        found = np.zeros(len(self._sight.allowed), bool)
        found[self._engine.matching(query, self._sight)] = True
        return found

    # ------------------------------------------------------------ one query of the engine

    def _query(self, node: Node) -> tantivy.Query | None:
        """The engine's query for a node; None where it would not be exact."""
        import tantivy

        match node:
            case Term(_, field, None):
                return _any([self._phrase(node.words, name) for name in fields.TEXTS[field]])
            case Term(words, field, int(gap)) if len(words) == 2:
                return self._near_query(Near(Term(words[:1], field), Term(words[1:], field), gap))
            case Value():
                return self._value(node)
            case Mesh():
                return self._mesh(node)
            case Dates():
                return self._dates(node)
            case All():
                return tantivy.Query.all_query()
            case Near():
                return self._near_query(node)
            case And(parts) | Or(parts):
                queries = [self._query(part) for part in parts]
                known = [query for query in queries if query is not None]
                if len(known) < len(queries):
                    return None
                return _all(known) if isinstance(node, And) else _any(known)
            case Not(kept, dropped):
                first, second = self._query(kept), self._query(dropped)
                if first is None or second is None:
                    return None
                return tantivy.Query.boolean_query([(tantivy.Occur.Must, first), (tantivy.Occur.MustNot, second)])
        return None

    def _phrase(self, words: Sequence[str], name: str) -> tantivy.Query:
        import tantivy

        folded = [self._fold(word) for word in words]
        if len(folded) == 1:
            if _WILD.search(folded[0]):
                return self._regex(name, fields.regex(folded[0]))
            return tantivy.Query.term_query(self._engine.schema, name, folded[0], index_option="basic")
        if any(_WILD.search(word) for word in folded):
            wild: list[Any] = [fields.regex(word) for word in folded]
            return tantivy.Query.regex_phrase_query(self._engine.schema, name, wild)
        plain: list[Any] = folded
        return tantivy.Query.phrase_query(self._engine.schema, name, plain)

    def _regex(self, name: str, pattern: str) -> tantivy.Query:
        import tantivy

        try:
            return tantivy.Query.regex_query(self._engine.schema, name, pattern)
        except ValueError:  # a machine of more states than the engine makes
            raise BadInputError("wildcards that say too much at once", where="query",
                                expected="fewer of * ? #, fewer words") from None  # fmt: skip

    def _fold(self, word: str) -> str:
        """A word of a query as the index has it; wildcards stay."""
        known = self._folded.get(word)
        if known is None:
            pieces = re.split(r"([*?#])", word)
            known = "".join(p if p in "*?#" else "".join(self._analyzer.analyze(p)) for p in pieces)
            self._folded[word] = known
        return known

    def _near_query(self, node: Near) -> tantivy.Query | None:
        """Two sets of single words near one another: exact, if no word can be of both."""
        left, right = self._sequences(node.left), self._sequences(node.right)
        if left is None or right is None or len(left) != 1 or len(right) != 1 or (node.ordered and node.gap):
            return None
        (first,), (second,) = left, right
        if len(first) > 1 or len(second) > 1 or not _apart(first[0], second[0]):
            return None
        return _any([self._side_by_side(node, first, second, name) for name in fields.TEXTS[_field_of(node)]])

    def _side_by_side(self, node: Near, left: _Sequence, right: _Sequence, name: str) -> tantivy.Query:
        """All words of both sides in their order, with room for the gap; either side may be first."""
        import tantivy

        first, second = ([_alternatives(place) for place in side] for side in (left, right))
        orders: list[Any] = [[*first, *second], *([] if node.ordered else [[*second, *first]])]
        found = (tantivy.Query.regex_phrase_query(self._engine.schema, name, order, node.gap) for order in orders)
        return _any(list(found))

    def _sequences(self, node: Node) -> list[_Sequence] | None:
        """The alternatives on one side of a NEAR: all single words as one, each phrase for itself; None if nested."""
        parts = node.parts if isinstance(node, Or) else (node,)
        single: list[str] = []
        phrases: list[_Sequence] = []
        for part in parts:
            if not isinstance(part, Term) or part.gap is not None:
                return None
            words = [self._fold(word) for word in part.words]
            if len(words) == 1:
                single += words
            else:
                phrases.append([[word] for word in words])
        return [*([[single]] if single else []), *phrases]

    def _decided(self, node: Near | Term) -> Mask:
        """What the engine cannot decide: it names the texts that have the words, their places are looked at here."""
        find = spans.finder(node, self._fold)
        found = np.zeros(len(self._sight.allowed), bool)
        for name in fields.TEXTS[_field_of(node)]:
            sure, likely = self._sides(node, name) if isinstance(node, Near) else ([], [self._likely(node, name)])
            if sure:
                found |= self._rows(_any(sure))
            if likely:
                for row in np.flatnonzero(self._rows(_any(likely)) & ~found).tolist():
                    found[row] = bool(find(self._tokens(row, name)))
        return found

    def _sides(self, node: Near, name: str) -> tuple[list[tantivy.Query], list[tantivy.Query]]:
        """Queries that find nothing else than a NEAR in one field, and queries that may; together they find it all."""
        left, right = self._sequences(node.left), self._sequences(node.right)
        if left is None or right is None or len(left) * len(right) > _ALTERNATIVES:
            return [], [self._likely(node, name)]
        sure: list[tantivy.Query] = []
        likely: list[tantivy.Query] = []
        for first in left:
            for second in right:
                single = len(first) == len(second) == 1 and not (node.ordered and node.gap)
                exact = single and _apart(first[0], second[0])
                (sure if exact else likely).append(self._side_by_side(node, first, second, name))
        return sure, likely

    def _likely(self, node: Node, name: str) -> tantivy.Query:
        """Texts of one field without which a node cannot be found."""
        match node:
            case Term(words, _, None):
                return self._phrase(words, name)
            case Term(words):
                return _all([self._phrase((word,), name) for word in words])
            case Or(parts):
                return _any([self._likely(part, name) for part in parts])
        return _all([self._likely(part, name) for part in children(node)])

    def _tokens(self, row: int, name: str) -> list[str]:
        """The words of one field of one document; between two values one place stays empty, as in the engine."""
        document = self._corpus.document(row)
        texts = fields.words_of(document.fields, document.meta)[name]
        analysed = [self._analyzer.analyze(text) for text in texts]
        return [token for number, words in enumerate(analysed) for token in (*([""] if number else []), *words)]

    # ------------------------------------------------------------ values, headings, days

    def _value(self, node: Value) -> tantivy.Query:
        import tantivy

        if node.field == "design":
            return tantivy.Query.term_query(self._engine.schema, "design", node.text, index_option="basic")
        name, text = f"b_{node.field}", fields.pattern(node.text)
        if node.field == "uid":
            text = text.removeprefix("pmid ")
        if node.field == "nm":  # a substance goes by its words too
            words = [fields.regex(text), f".* {fields.regex(text)}", f"{fields.regex(text)} .*",
                     f".* {fields.regex(text)} .*"]  # fmt: skip
            return self._regex(name, "|".join(words))
        if _WILD.search(text):
            return self._regex(name, fields.regex(text))
        if node.field == "au" and node.broad:
            plain = fields.regex(text)
            more = f"{plain}.*" if " " in text else f"{plain}|{plain} .*"
            return self._regex(name, more)
        if node.field == "pt" and node.broad:
            return self._set(name, self._exploded(node.text))
        return self._set(name, [text])

    def _mesh(self, node: Mesh) -> tantivy.Query:

        name = "b_majr" if node.major else "b_mh"
        tail = f"/{fields.key(node.qualifier)}" if node.qualifier else ""
        text = fields.pattern(node.heading)
        if _WILD.search(text):
            return self._regex(name, fields.regex(text + tail))
        terms = self._exploded(node.heading) if node.explode else self._named(node.heading)
        return self._set(name, [f"{term}{tail}" for term in terms])

    def _exploded(self, heading: str) -> list[str]:
        tree = self._tree()
        found = tree.find(heading) if tree else None
        if tree is None or found is None:
            return [fields.key(heading)]
        return [term for each in tree.narrower(found) for term in (fields.key(each.name), fields.key(each.ui))]

    def _named(self, heading: str) -> list[str]:
        """A heading by its own name and, where the tree knows it, by that of which it is another name."""
        tree = self._tree()
        found = tree.find(heading) if tree else None
        return [fields.key(heading), *([fields.key(found.name), fields.key(found.ui)] if found else [])]

    def _set(self, name: str, terms: Iterable[str]) -> tantivy.Query:
        import tantivy

        return tantivy.Query.term_set_query(self._engine.schema, name, list(dict.fromkeys(terms)))

    def _dates(self, node: Dates) -> tantivy.Query:
        """Days in a range; a publication date as coarse as its source counts if it may lie there."""
        low, high = _first_day(node.low), _last_day(node.high)
        if node.field != "dp":
            return self._between(_DAY_FIELDS[node.field], low, high)
        return _all([self._between("b_dp_last", low, None), self._between("b_dp_first", None, high)])

    def _between(self, name: str, low: int | None, high: int | None) -> tantivy.Query:
        import tantivy

        return tantivy.Query.range_query(self._engine.schema, name, tantivy.FieldType.Integer, low, high)


def cautions(strategy: Strategy, tree: Callable[[], Tree | None]) -> list[str]:
    """What of a strategy is run otherwise than PubMed or Ovid would, a sentence a kind; never silently."""
    told: dict[str, dict[str, None]] = {}
    for leaf in (leaf for line in strategy.lines for leaf in leaves(line.node)):
        for kind, name in _caution(leaf, tree):
            told.setdefault(kind, {})[name] = None
    return [*strategy.warnings, *(_sentence(kind, list(named)) for kind, named in told.items())]


def _caution(leaf: Node, tree: Callable[[], Tree | None]) -> Iterator[tuple[str, str]]:
    match leaf:
        case Mesh(heading, _, True) | Value(heading, "pt", True) if not _WILD.search(heading):
            known = tree()
            if known is None:
                yield "not exploded: no MeSH tree is loaded", heading
            elif known.find(heading) is None:
                yield "not exploded: the MeSH tree has no such heading", heading
        case Value(text, "sh", True):
            yield "found without the subheadings below it", text
        case Term(words):
            for word in words:
                if _WILD.search(word) and len(_WILD.split(word)[0]) < _STEM:
                    yield "PubMed asks for four letters before an asterisk", word


def _sentence(kind: str, named: Sequence[str]) -> str:
    shown = ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")
    return f"{kind}: {shown}"


def _any(queries: Sequence[tantivy.Query]) -> tantivy.Query:
    return _joined(queries, both=False)


def _all(queries: Sequence[tantivy.Query]) -> tantivy.Query:
    return _joined(queries, both=True)


def _joined(queries: Sequence[tantivy.Query], *, both: bool) -> tantivy.Query:
    import tantivy

    if len(queries) == 1:
        return queries[0]
    occur = tantivy.Occur.Must if both else tantivy.Occur.Should
    return tantivy.Query.boolean_query([(occur, query) for query in queries])


def _field_of(node: Node) -> str:
    """The one text field of a proximity query."""
    return next(leaf.field for leaf in leaves(node) if isinstance(leaf, Term))


def _alternatives(words: Sequence[str]) -> str:
    joined = "|".join(map(fields.regex, words))
    return f"({joined})" if len(words) > 1 else joined


def _apart(left: Sequence[str], right: Sequence[str]) -> bool:
    """Say whether no word can be meant by both sides: one word is not near itself."""
    plain = {word for word in (*left, *right) if not _WILD.search(word)}
    if len(plain) == len({*left, *right}):
        return not {*left} & {*right}
    stems = [[_WILD.split(word)[0] for word in side] for side in (left, right)]
    ends = sorted(set(stems[0]))
    return not any(a.startswith(b) or b.startswith(a) for a in ends for b in stems[1])


def _first_day(text: str) -> int:
    year, month, day, *_ = [*map(int, text.split("/")), 1, 1]
    return _number(year, month, min(day, 31))


def _last_day(text: str) -> int:
    pieces = [int(piece) for piece in text.split("/")]
    if len(pieces) == 3:
        return _number(*pieces)
    year, month = (pieces[0], 12) if len(pieces) == 1 else pieces
    return _number(year + month // 12, month % 12 + 1, 1) - 1


def _number(year: int, month: int, day: int) -> int:
    """Days since 1970; a day its month has not is the month's last."""
    first = date(min(max(year, 1), 9998), month, 1)
    after = (first + timedelta(days=31)).replace(day=1)
    return (min(first + timedelta(days=day - 1), after - timedelta(days=1)) - date(1970, 1, 1)).days


def _sought(strategy: Strategy) -> Iterator[Node]:
    """The leaves of the last line and of the lines it names, each line once."""
    nodes = {line.name: line.node for line in strategy.lines}
    waiting = [strategy.lines[-1].node]
    while waiting:
        for leaf in positive(waiting.pop()):
            if not isinstance(leaf, Ref):
                yield leaf
            elif leaf.line in nodes:
                waiting.append(nodes.pop(leaf.line))


def scored_text(strategy: Strategy) -> str:
    """The words that what is found may have, for ranking it: those under NOT are left out."""
    found: dict[str, None] = {}
    for leaf in _sought(strategy):
        text = " ".join(leaf.words) if isinstance(leaf, Term) else leaf.heading if isinstance(leaf, Mesh) else ""
        found.update(dict.fromkeys(word for word in _WILD.sub(" ", text).split()))
    return " ".join(found)
