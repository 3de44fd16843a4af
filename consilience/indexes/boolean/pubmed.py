"""PubMed's syntax: operators left to right, field tags, phrases, truncation, ranges, `#1 AND #2`.

As PubMed does, what is unbalanced or unknown punctuation is passed over, and a warning says so. There is no automatic
term mapping: an untagged word is looked for in all fields, untagged words beside one another must all be there.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, field

from consilience.indexes.boolean import vocabulary
from consilience.indexes.boolean.syntax import (
    DEEPEST,
    QUOTES,
    All,
    Dates,
    Mesh,
    Near,
    Node,
    Not,
    Or,
    Ref,
    Term,
    Value,
    check_wildcards,
    children,
    conjunction,
    disjunction,
    fault,
    is_too_deep,
    tokens,
)
from consilience.indexes.languages import code_of

_TOKEN = re.compile(r"""(?P<blank>\s+)|(?P<open>\()|(?P<close>\))|"(?P<quoted>[^"]*)"|(?P<tag>\[[^\][]{1,60}\])|
    (?P<word>[^\s()"\[\]]+)|(?P<other>.)""", re.X | re.S)  # fmt: skip
_DATE = re.compile(r"\d{4}(?:/\d{1,2}(?:/\d{1,2})?)?")
_RANGE = re.compile(rf"({_DATE.pattern})(?::({_DATE.pattern}))?")
_NEAR = re.compile(r"(NEAR|ADJ)/(\d{1,3})", re.I)
_PREFIX = re.compile(r"([a-z]+):(.*)", re.I | re.S)
# What a query wrote before a word, before field tags were read: `title:zinc`.
_PREFIXES = {"title": "ti", "text": "tiab", "mesh": "hw", "design": "design"}
_EXPECTED = 'words, "phrases", AND, OR, NOT, (groups), title:word, tags such as [tiab] and [mh]'


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass
class Parsed:
    """A query read, and what had to be passed over to read it."""

    node: Node
    warnings: list[str] = field(default_factory=list)


def parse(text: str, *, number: int = 1, lines: Container[str] = (), bare: bool = False) -> Parsed:
    """Read one line; `lines` are the earlier ones that `#1` may name, and with `bare` a plain `1` or `2a` too."""
    reader = _Reader(text.translate(QUOTES), number, lines, bare)
    try:
        node = reader.whole()
    except RecursionError:
        node = None
    if node is None or is_too_deep(node):
        raise fault("the query nests too deep", text, 0, number=number, expected="several lines that name one another")
    return Parsed(node, reader.warnings)


class _Reader:
    """One pass over the tokens of a line."""

    def __init__(self, text: str, number: int, lines: Container[str], bare: bool) -> None:
        self.text, self.number, self.lines, self.bare = text, number, lines, bare
        self.warnings: list[str] = []
        self.tokens = self._scan()
        self.next = 0
        self.depth = self.turns = 0

    def _scan(self) -> list[_Token]:
        check_wildcards(self.text, self.number)
        found = []
        for match in _TOKEN.finditer(self.text):
            kind = match.lastgroup or ""
            if kind == "quoted" and not match["quoted"].strip():
                continue
            if kind in ("open", "close", "quoted", "tag", "word"):
                found.append(_Token(kind, match[kind], match.start()))
            elif kind == "other":
                self._pass_over(f"a stray {match[0]} ", match.start())
        return found

    def _pass_over(self, what: str, at: int) -> None:
        self.warnings.append(f"line {self.number}, column {at + 1}: {what.strip()} is passed over")

    def _peek(self) -> _Token | None:
        return self.tokens[self.next] if self.next < len(self.tokens) else None

    def _fault(self, message: str, at: int | None = None, expected: str = _EXPECTED) -> Exception:
        token = self._peek()
        place = at if at is not None else token.at if token else len(self.text)
        return fault(message, self.text, place, number=self.number, expected=expected)

    def whole(self) -> Node:
        node = self._expression()
        while token := self._peek():  # only a closing parenthesis stops an expression
            self.next += 1
            self._pass_over("a ) that closes nothing", token.at)
            node = self._more(node)
        return node

    def _expression(self) -> Node:
        return self._more(self._operand())

    def _more(self, node: Node) -> Node:
        """What follows a first operand, operator by operator from the left."""
        run: list[Node] = [node]
        kind = ""
        while (token := self._peek()) and token.kind != "close":
            operator = _operator(token)
            if operator:
                self.next += 1
                after = self._peek()
                if operator == "AND" and after and _operator(after) == "NOT":  # "AND NOT" is NOT
                    operator = "NOT"
                    self.next += 1
            else:
                operator = "AND"
                if _is_noise(token):
                    self.next += 1
                    self._pass_over(f"{token.text!r}", token.at)
                    continue
            right = self._operand()
            if operator in ("AND", "OR"):
                if kind != operator:
                    self._turn(token)
                    run = [_joined(kind, run)]
                run.append(right)
                kind = operator
                continue
            self._turn(token)
            left = _joined(kind, run)
            run, kind = [Not(left, right) if operator == "NOT" else self._near(left, right, operator, token.at)], ""
        return _joined(kind, run)

    def _turn(self, token: _Token) -> None:
        """Count the turns from one operator to another: each one nests what stands before it."""
        self.turns += 1
        if self.turns > 2 * DEEPEST:
            raise self._fault(f"operators change more than {2 * DEEPEST} times", token.at, "groups, or several lines")

    def _near(self, left: Node, right: Node, operator: str, at: int) -> Node:
        word, gap = operator.split("/")
        near = Near(left, right, int(gap), ordered=word == "ADJ")
        if not is_near_operand(near):
            raise self._fault(f"beside {operator} stand words, phrases and ORs of them, of one text field", at)
        return near

    def _operand(self) -> Node:
        token = self._peek()
        if token is None:
            raise self._fault("the query ends where a term is expected")
        if token.kind == "close":
            raise self._fault("a ) stands where a term is expected")
        if token.kind == "tag":
            raise self._fault(f"the field tag {token.text} follows no word or phrase")
        if _operator(token):
            raise self._fault(f"{token.text} stands where a term is expected")
        if token.kind == "open":
            return self._group(token)
        if token.kind == "quoted":
            self.next += 1
            return self._tagged(token.text, token.at, quote=True)
        return self._words()

    def _group(self, opening: _Token) -> Node:
        if self.depth == DEEPEST:
            raise self._fault(f"parentheses nest deeper than {DEEPEST}")
        self.depth += 1
        self.next += 1
        turns = self.turns
        node = self._expression()
        self.turns = turns
        self.depth -= 1
        token = self._peek()
        if token is None:
            self._pass_over("a ( that nothing closes", opening.at)
            return node
        self.next += 1
        token = self._peek()
        if token and token.kind == "tag":
            raise self._fault("a field tag belongs behind each word or phrase, not behind a group")
        return node

    def _words(self) -> Node:
        """Words up to an operator, a parenthesis, a phrase or a tag."""
        first = self.next
        while (token := self._peek()) and token.kind == "word" and not _operator(token):
            self.next += 1
        run = self.tokens[first : self.next]
        if token and token.kind == "tag":
            start, end = run[0].at, run[-1].at + len(run[-1].text)
            return self._tagged(self.text[start:end], start, quote=False)
        found = [node for word in run if (node := self._untagged(word))]
        if found and token and token.kind == "quoted" and run[-1].text.endswith(":"):
            return self._prefixed(found[:-1], run[-1], token)
        if not found:
            if self._peek() is None:
                raise self._fault("no word stands where a term is expected", run[0].at)
            return self._operand()
        return conjunction(found)

    def _untagged(self, token: _Token) -> Node | None:
        text = token.text
        if text.startswith("#") and text[1:].isalnum():
            return self._ref(text[1:], token.at)
        if self.bare and text.rstrip(".,;") in self.lines:
            return Ref(text.rstrip(".,;"))
        if (prefix := _PREFIX.fullmatch(text)) and (prefix[2] or prefix[1].lower() in _PREFIXES):
            if not prefix[2]:
                return Term((prefix[1].lower(),))
            return self._field(prefix[2], self._prefix(prefix[1], token.at), token.at, quote=False)
        words = tokens(text)
        if not words:
            self._pass_over(repr(text), token.at)
            return None
        return self._field(text, "all", token.at, quote=False)

    def _prefixed(self, before: list[Node], word: _Token, phrase: _Token) -> Node:
        """`title:"common cold"`: the prefix is the last word of a run, the phrase comes next."""
        name = self._prefix(word.text.rstrip(":"), word.at)
        self.next += 1
        return conjunction([*before, self._field(phrase.text, name, phrase.at, quote=True)])

    def _prefix(self, name: str, at: int) -> str:
        if name.lower() not in _PREFIXES:
            raise self._fault(f"no field {name!r}", at)
        return _PREFIXES[name.lower()]

    def _ref(self, name: str, at: int) -> Node:
        if name not in self.lines:
            raise self._fault(f"there is no earlier line #{name}", at, "the number of an earlier line")
        return Ref(name)

    def _tagged(self, text: str, at: int, *, quote: bool) -> Node:
        token = self._peek()
        if token is None or token.kind != "tag":
            words = tokens(text)
            if not words:
                raise self._fault("a phrase without a word", at)
            return Term(words)
        self.next += 1
        body = " ".join(token.text[1:-1].lower().split())
        name, _, option = (piece.strip() for piece in body.partition(":"))
        known = vocabulary.TAGS.get(name)
        if known is None:
            raise self._fault(f"no field [{name}]", token.at, ", ".join(f"[{tag}]" for tag in _SHOWN))
        return self._field(text, known, at, quote=quote, option=option)

    def _field(self, text: str, name: str, at: int, *, quote: bool, option: str = "") -> Node:
        if name in vocabulary.DATES:
            return self._dates(text, name, at)
        if name == "sb":
            return self._subset(text, at)
        if name in ("mh", "majr"):
            return self._heading(text, name == "majr", option != "noexp", at)
        words = tokens(text)
        if not words:
            raise self._fault("nothing to look for stands before the field tag", at)
        if name in vocabulary.VALUES:
            return value(text, name, broad=option != "noexp" and not (name == "au" and quote))
        if words == ("hasabstract",) and name in ("all", "tw"):
            raise self._unkept(text, at)
        if option and not re.fullmatch(r"~\d{1,3}", option):
            raise self._fault(f"no option {option!r} of [{name}]", at, "[tiab:~3]")
        if option and len(words) < 2:
            option = ""
        return Term(words, name, int(option[1:]) if option else None)

    def _heading(self, text: str, major: bool, explode: bool, at: int) -> Node:
        name, _, asked = text.partition("/")
        plain = " ".join(name.split()).strip(" ,")
        if plain.lower().startswith("exp "):  # Ovid's habit; PubMed explodes anyway
            plain = plain[4:]
            self._pass_over("exp before a heading", at)
        if not tokens(plain):
            raise self._fault("no heading stands before the field tag", at)
        return Mesh(plain, vocabulary.qualifier(asked) if asked.strip() else "", explode, major)

    def _subset(self, text: str, at: int) -> Node:
        if text.strip().lower() == "all":
            return All()
        if text.strip().lower() in ("humans", "animals"):
            return Mesh(text.strip().capitalize(), explode=False)
        if code_of(text):
            return value(text, "la")
        raise self._unkept(text, at)

    def _unkept(self, text: str, at: int) -> Exception:
        return self._fault(
            f"the subset {text.strip()!r} is not kept here", at, "all[sb], humans[filter], english[filter]"
        )

    def _dates(self, text: str, name: str, at: int) -> Node:
        found = _RANGE.fullmatch("".join(text.split()).replace("-", "/"))
        if found is None:
            raise self._fault(f"{text!r} is no date", at, "2010, 2010/05/31 or 2010:2015")
        low, high = found[1], found[2] or found[1]
        token = self._peek()
        if found[2] is None and token and token.kind == "word" and token.text.startswith(":"):
            if token.text == ":":
                self.next += 1
            else:  # 2010[dp]:2015[dp]
                self.tokens[self.next] = _Token("word", token.text[1:], token.at + 1)
            end = self._operand()
            if not isinstance(end, Dates) or end.field != name:
                raise self._fault("a range of dates has the same field tag at both ends", at, '"2010"[dp] : "2015"[dp]')
            high = end.high
        return checked_dates(Dates(name, padded(low), padded(high))) or self._no_date(text, at)

    def _no_date(self, text: str, at: int) -> Node:
        raise self._fault(f"{text!r} is no range of dates", at, "2010, 2010/05/31 or 2010:2015")


_SHOWN = ("tiab", "ti", "ab", "tw", "all", "mh", "majr", "sh", "pt", "au", "ta", "la", "dp", "nm", "ot", "uid")


def _operator(token: _Token) -> str:
    if token.kind != "word":
        return ""
    if _NEAR.fullmatch(token.text):
        return token.text.upper()
    return token.text.upper() if token.text.lower() in ("and", "or", "not") else ""


def _is_noise(token: _Token) -> bool:
    return token.kind == "word" and not tokens(token.text) and token.text != ":"


def _joined(kind: str, run: list[Node]) -> Node:
    return run[0] if len(run) == 1 else disjunction(run) if kind == "OR" else conjunction(run)


def is_near_operand(node: Node) -> bool:
    """Say whether a node may stand beside NEAR: words of one text field, alternatives of them, or another NEAR."""
    return _near_field(node) != ""


def _near_field(node: Node) -> str:
    if isinstance(node, Term):
        return node.field if node.gap is None else ""
    if isinstance(node, Or | Near):
        found = {_near_field(part) for part in children(node)}
        return found.pop() if len(found) == 1 else ""
    return ""


def value(text: str, name: str, *, broad: bool = True) -> Value:
    """A value as it is compared: blanks single, lower case, two-letter subheadings and languages by their name."""
    plain = " ".join(text.lower().replace('"', " ").split()).strip(" ,;")
    if name == "sh":
        plain = vocabulary.qualifier(plain)
    if name == "la":
        plain = vocabulary.language(plain)
    return Value(plain, name, broad if name in ("au", "pt", "sh") else True)


def padded(text: str) -> str:
    """A date with two digits for month and day: `2010/1/5` -> `2010/01/05`."""
    year, *rest = text.split("/")
    return "/".join([year, *(part.zfill(2) for part in rest)])


def checked_dates(asked: Dates) -> Dates | None:
    """The same if its months and days exist and it does not run backwards."""
    for text in (asked.low, asked.high):
        _, month, day, *_ = [*map(int, text.split("/")), 1, 1]
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return None
    return asked if asked.low <= asked.high or asked.high.startswith(asked.low[: len(asked.high)]) else None
