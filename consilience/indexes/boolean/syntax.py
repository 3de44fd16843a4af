"""What a Boolean query says, whatever it was written in: a frozen tree, and its text in PubMed's syntax."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from consilience.errors import BadInputError
from consilience.indexes.boolean.vocabulary import spelt

# Untrusted text: what no searcher's strategy comes near, and no machine minds.
LONGEST, DEEPEST, LARGEST = 200_000, 50, 20_000
# Typographic quotes as those of the keyboard: one sign for one, so that columns stay what the user sees.
QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "″": '"', "‘": "'", "’": "'"})
# Wildcards in one word; each one multiplies what the engine has to try.
_WILDEST = 10


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or a phrase of adjacent words, in a text field; `*` is any ending, `?` one letter at most, `#` just one.

    With a `gap` the words may stand in any order with so many others between them: `"hip pain"[tiab:~2]`.
    """

    words: tuple[str, ...]
    field: str = "all"
    gap: int | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A whole value of a field that is no prose: an author, a journal, a publication type, a subheading.

    `broad` asks for what PubMed adds by itself: narrower publication types, an author's further initials.
    """

    text: str
    field: str
    broad: bool = True


@dataclass(frozen=True, slots=True)
class Mesh:
    """A MeSH heading, with the narrower ones if exploded, with one subheading if there is one."""

    heading: str
    qualifier: str = ""
    explode: bool = True
    major: bool = False


@dataclass(frozen=True, slots=True)
class Dates:
    """Days from `low` to `high`, each `YYYY`, `YYYY/MM` or `YYYY/MM/DD` and included whole."""

    field: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class All:
    """Every document."""


@dataclass(frozen=True, slots=True)
class Ref:
    """What an earlier line of the strategy found."""

    line: str


@dataclass(frozen=True, slots=True)
class And:
    """What every part finds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """What any part finds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What one part finds and the other does not."""

    kept: Node
    dropped: Node


@dataclass(frozen=True, slots=True)
class Near:
    """Two things in one field with at most `gap` words between them, in any order unless `ordered`.

    Each is a Term without a gap, an Or of such, or another Near. PubMed knows none of this; Ovid writes `adj3`.
    """

    left: Node
    right: Node
    gap: int
    ordered: bool = False


Node: TypeAlias = Term | Value | Mesh | Dates | All | Ref | And | Or | Not | Near
_Chain = TypeVar("_Chain", And, Or)


def conjunction(parts: Iterable[Node]) -> Node:
    """All of them, nested conjunctions made one; a single part stays as it is."""
    return _chain(And, parts)


def disjunction(parts: Iterable[Node]) -> Node:
    """Any of them, nested disjunctions made one, each part once; a single part stays as it is."""
    return _chain(Or, parts)


def _chain(kind: type[_Chain], parts: Iterable[Node]) -> Node:
    flat: dict[Node, None] = {}
    for part in parts:
        flat.update(dict.fromkeys(part.parts) if isinstance(part, kind) else {part: None})
    return next(iter(flat)) if len(flat) == 1 else kind(tuple(flat))


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a compound node; a leaf has none."""
    match node:
        case And(parts) | Or(parts):
            return parts
        case Not(left, right) | Near(left, right):
            return left, right
    return ()


def is_too_deep(node: Node) -> bool:
    """Say whether a tree nests deeper than what walks it by recursion can take; found without recursion."""
    level: tuple[Node, ...] = (node,)
    for _ in range(3 * DEEPEST):
        level = tuple(part for each in level for part in children(each))
        if not level:
            return False
    return True


def leaves(node: Node) -> Iterator[Node]:
    """Every leaf, left to right, without recursion."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if inner := children(found):
            waiting.extend(reversed(inner))
        else:
            yield found


def positive(node: Node) -> Iterator[Node]:
    """Every leaf that a found document may have: those under NOT are left out."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        inner = (found.kept,) if isinstance(found, Not) else children(found)
        if inner:
            waiting.extend(reversed(inner))
        else:
            yield found


# ---------------------------------------------------------------- writing it down

_BARE = re.compile(r"[0-9a-z]+\*?")
_RESERVED = frozenset({"and", "or", "not"})


def to_pubmed(node: Node) -> str:
    """The query in PubMed's syntax, every term tagged, every group in parentheses: what `pubmed.parse` reads back.

    Beyond PubMed's own: `NEAR/3`, `ADJ/3` (ordered), `?` and `#` inside a word, the field [hw] (words of headings).
    """
    match node:
        case And(parts):
            return " AND ".join(map(_grouped, parts))
        case Or(parts):
            return " OR ".join(map(_grouped, parts))
        case Not(kept, dropped):
            return f"{_grouped(kept)} NOT {_grouped(dropped)}"
        case Near(left, right, gap, ordered):
            return f"{_grouped(left)} {'ADJ' if ordered else 'NEAR'}/{gap} {_grouped(right)}"
        case Term(words, field, gap):
            text = " ".join(words)
            bare = _BARE.fullmatch(text) and text not in _RESERVED and gap is None
            return f"{text if bare else quoted(text)}[{field}{'' if gap is None else f':~{gap}'}]"
        case Value(text, "au", True):
            return f"{text}[au]"
        case Value(text, field, broad):
            return f"{quoted(text)}[{field}{'' if broad or field in _NEVER_BROAD else ':noexp'}]"
        case Mesh(heading, qualifier, explode, major):
            name = f"{heading}/{qualifier}" if qualifier else heading
            return f"{quoted(name)}[{'majr' if major else 'mh'}{'' if explode else ':noexp'}]"
        case Dates(field, low, high):
            return f"{low if low == high else f'{low}:{high}'}[{field}]"
        case Ref(line):
            return f"#{line}"
        case All():
            return "all[sb]"


# Fields in which PubMed adds nothing: `broad` says nothing there.
_NEVER_BROAD = frozenset({"au", "ta", "la", "nm", "rn", "uid", "aid", "design"})


def _grouped(node: Node) -> str:
    return f"({to_pubmed(node)})" if children(node) else to_pubmed(node)


def quoted(text: str) -> str:
    """The text in double quotes."""
    return f'"{text}"'


def beyond_pubmed(node: Node) -> list[str]:
    """What of the query PubMed itself would not take, a sentence each."""
    told = {}
    for part in _walk(node):
        if isinstance(part, Near):
            told["NEAR and ADJ run here; PubMed has no such operators"] = True
        if isinstance(part, Term) and any(mark in word for word in part.words for mark in "?#"):
            told["? and # inside a word run here; PubMed has no such wildcards"] = True
        if isinstance(part, Term) and part.field == "hw":
            told["[hw], words of headings, runs here; PubMed has no such field"] = True
    return list(told)


def _walk(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(children(found))


# ---------------------------------------------------------------- saying where it went wrong


def fault(message: str, line: str, at: int, *, number: int = 1, expected: str = "") -> BadInputError:
    """The error that points at a character of a line: its number, its column, and the place with a caret below."""
    start = max(0, at - 40)
    piece = line[start : at + 30].replace("\t", " ")
    where = f"line {number}, column {at + 1}\n  {piece}\n  {' ' * (at - start)}^"
    return BadInputError(message, where=where, expected=expected)


def check_wildcards(line: str, number: int) -> None:
    """Point at the first word of a line with more wildcards than are run."""
    for found in _PIECE.finditer(line):
        if sum(map(found[0].count, "*?#$")) > _WILDEST and tokens(found[0]):
            raise fault(f"a word with more than {_WILDEST} wildcards", line, found.start(), number=number,
                        expected="fewer of * ? #")  # fmt: skip


_PIECE = re.compile(r"""[^\s()"\[\]]+""")


def tokens(text: str) -> tuple[str, ...]:
    """The words of a piece of a query, lower case, wildcards kept: `Peri-ampull*` -> (`peri`, `ampull*`)."""
    return tuple(word for word in _WORD.findall(spelt(text).lower()) if word.strip("*?#"))


_WORD = re.compile(r"(?:[^\W_]|[*?#])+")
