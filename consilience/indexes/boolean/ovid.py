"""Ovid's syntax for MEDLINE, translated line by line into the tree that PubMed's syntax is read into.

`adjN` binds first, then AND and NOT, then OR. Words without a field are looked for as `.mp.`; what is between `[` and
`]` is a remark. What cannot be translated is an error that points at it: a line is never half understood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from consilience.indexes.boolean import vocabulary
from consilience.indexes.boolean.pubmed import Parsed, checked_dates, is_near_operand, value
from consilience.indexes.boolean.syntax import (
    DEEPEST,
    QUOTES,
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
    conjunction,
    disjunction,
    fault,
    is_too_deep,
    leaves,
    tokens,
)
from consilience.indexes.languages import code_of

# Ovid's fields for MEDLINE (Ovid field guide), by ours. Title, abstract and author keywords are one in PubMed's [tiab].
_FIELDS: dict[str, tuple[str, ...]] = {
    "mp": ("tw",), "tw": ("tiab",), "ti": ("ti",), "ab": ("ab",), "ot": ("tt",), "kf": ("ot",), "kw": ("ot",),
    "af": ("all",), "hw": ("hw",), "sh": ("heading",), "de": ("heading",), "me": ("heading",), "pt": ("pt",),
    "fs": ("sh",), "xs": ("sh+",), "fx": ("sh+",), "rn": ("rn", "nm"), "nm": ("nm",), "nw": ("nm",), "rw": ("nm",),
    "jn": ("ta",), "jw": ("ta",), "jx": ("ta",), "nj": ("ta",), "au": ("au",), "fa": ("au",), "lg": ("la",),
    "la": ("la",), "ui": ("uid",), "an": ("uid",), "pm": ("uid",), "do": ("aid",), "ed": ("edat",), "ez": ("edat",),
    "dt": ("crdt",), "da": ("crdt",), "dp": ("dp",), "yr": ("dp",), "up": ("lr",), "tt": ("tt",), "is": ("ta",),
}  # fmt: skip
_CODE = r"[a-z]{2}"
_KNOWN = "|".join(_FIELDS)
_SUFFIX = re.compile(rf"\s*\.\s*({_CODE}(?:\s*[,.]\s*(?:{_KNOWN})\b|,{_CODE}\b)*)\s*[.,]*(?=\s|\)|\[|$)", re.I)
_BLANK = re.compile(r"(?:\s|\[[^\]]*\])+")  # remarks are blanks
_QUALIFIERS = re.compile(rf"({_CODE}(?:\s*,\s*{_CODE})*)(?=\s|\)|\[|\.|$)", re.I)
_ADJ = re.compile(r"adj(\d{0,2})\Z", re.I)
_LIST = r"((?:\d{1,9}\s*-\s*)?\d{1,9}(?:\s*,\s*(?:\d{1,9}\s*-\s*)?\d{1,9})*)"
_SETS = re.compile(rf"\s*(?:(and|or)\s*/?\s*{_LIST}|{_LIST}\s*/\s*(and|or))\s*(?=[)\[]|$)", re.I)
_LIMIT = re.compile(r"\s*limit\s+#?(\d+)\s+to\s+", re.I)
_SAME_SET = re.compile(r"\s*(?:remove duplicates from|(?:from)\s+(?=\d+\s*$))\s*#?(\d+)\s*$", re.I)
_WORD = re.compile(r"""[^\s()"\[\]/]+""")
_EXPECTED = "words.ti,ab.  Heading/  exp Heading/  adj3  and or not  or/1-5  limit 5 to humans"
# Limits of Ovid MEDLINE that are headings, publication types or languages.
_AGES = {"all infant": ("Infant",), "all child": ("Infant", "Child", "Adolescent"), "all adult": ("Adult",),
         "all aged": ("Aged",), "adolescent": ("Adolescent",), "newborn infant": ("Infant, Newborn",)}  # fmt: skip
_TYPES = ("clinical trial", "randomized controlled trial", "controlled clinical trial", "meta analysis",
          "meta-analysis", "systematic review", "review", "journal article", "case reports", "multicenter study",
          "observational study", "comparative study", "practice guideline", "guideline", "letter", "editorial",
          "comment", "news")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Loose:
    """Words whose field is not known yet: it may stand behind a parenthesis further on."""

    text: str
    at: int


_Part = object  # a Node, or one that still holds _Loose


@dataclass(frozen=True, slots=True)
class _Group:
    """An operator over parts whose fields are not known yet."""

    kind: str  # and | or | not | adj
    parts: tuple[_Part, ...]
    gap: int = 0
    ordered: bool = False
    at: int = 0


def parse(text: str, *, number: int = 1, lines: Sequence[str] = ()) -> Parsed:
    """Read line `number` of a strategy; `lines` are the names of the earlier ones, "1" to "n"."""
    check_wildcards(text, number)
    reader = _Reader(text.translate(QUOTES), number, lines)
    try:
        node = reader.whole()
    except RecursionError:
        node = None
    if node is None or is_too_deep(node):
        raise fault("the line nests too deep", text, 0, number=number, expected="several lines that name one another")
    return Parsed(node, reader.warnings)


@dataclass
class _Reader:
    text: str
    number: int
    lines: Sequence[str]
    warnings: list[str] = field(default_factory=list)
    at: int = 0
    depth: int = 0
    turns: int = 0

    # ------------------------------------------------------------ whole lines

    def whole(self) -> Node:
        if limit := _LIMIT.match(self.text):
            return self._limit(limit)
        if same := _SAME_SET.match(self.text):
            self._warn("duplicates are one document here already")
            return self._ref(same[1], same.start(1))
        node = self._fielded(self._alternatives(), ("mp",))
        self._skip()
        if self.at < len(self.text):
            what = "a ) that closes nothing" if self.text[self.at] == ")" else "this cannot be read"
            raise self._fault(what)
        return node

    def _warn(self, message: str) -> None:
        self.warnings.append(f"line {self.number}: {message}")

    def _fault(self, message: str, at: int | None = None, expected: str = _EXPECTED) -> Exception:
        return fault(message, self.text, self.at if at is None else at, number=self.number, expected=expected)

    def _skip(self) -> None:
        if found := _BLANK.match(self.text, self.at):
            self.at = found.end()

    def _word(self) -> str:
        """The next word, not taken."""
        found = _WORD.match(self.text, self.at)
        return found[0] if found else ""

    # ------------------------------------------------------------ operators

    def _alternatives(self) -> _Part:
        self._skip()
        if sets := _SETS.match(self.text, self.at):
            return self._sets(sets)
        found = [self._conjunct()]
        while self._takes("or"):
            found.append(self._conjunct())
        if len(found) > 1 and any(compound for _, compound in found):
            self._warn("AND and NOT are taken before OR, as Ovid does")
        parts = tuple(part for part, _ in found)
        return parts[0] if len(parts) == 1 else _Group("or", parts)

    def _conjunct(self) -> tuple[_Part, bool]:
        """Operands between ORs, and whether there are several."""
        left, compound = self._adjacent(), False
        while True:
            if self._takes("and"):
                run = left.parts if compound and isinstance(left, _Group) and left.kind == "and" else (left,)
                left = _Group("and", (*run, self._adjacent()))
            elif self._takes("not"):
                self._turn()
                left = _Group("not", (left, self._adjacent()))
            else:
                return left, compound
            compound = True

    def _turn(self) -> None:
        """Count what nests without parentheses."""
        self.turns += 1
        if self.turns > 2 * DEEPEST:
            raise self._fault(f"more than {2 * DEEPEST} NOT or adj in one line", expected="several lines")

    def _adjacent(self) -> _Part:
        left = self._operand()
        while True:
            self._skip()
            start = self.at
            found = _ADJ.match(self._word())
            if not found:
                return left
            self._turn()
            self.at += found.end()
            right = self._operand()
            gap = max(int(found[1] or 1) - 1, 0)
            left = _Group("adj", (left, right), gap, ordered=not found[1], at=start)

    def _takes(self, operator: str) -> bool:
        self._skip()
        if self._word().lower() != operator:
            return False
        self.at += len(operator)
        return True

    # ------------------------------------------------------------ operands

    def _operand(self) -> _Part:
        self._skip()
        start = self.at
        if start >= len(self.text):
            raise self._fault("the line ends where a term is expected")
        if self.text[start] == "(":
            return self._parenthesis(start)
        if heading := self._heading():
            return heading
        if self.text[start] == ")":
            raise self._fault("a ) stands where a term is expected")
        text = self._loose()
        if suffix := self._suffix():
            return self._fielded(_Loose(text, start), suffix)
        plain = text.strip().lstrip("#")
        if re.fullmatch(r"[\d\s]+", plain):
            if len(plain.split()) > 1:
                raise self._fault(
                    "an operator is missing between two line numbers", start + text.find(plain.split()[1])
                )
            return self._ref(plain, start)
        if "/" in re.sub(r'"[^"]*"', "", text):
            self._warn(f"{text.strip()!r} is read as words: a heading ends in a / that a blank follows")
        return _Loose(text, start)

    def _parenthesis(self, start: int) -> _Part:
        if self.depth == DEEPEST:
            raise self._fault(f"parentheses nest deeper than {DEEPEST}")
        self.depth += 1
        self.at += 1
        turns = self.turns
        inner = self._alternatives()
        self.turns = turns
        self._skip()
        if self.at >= len(self.text):
            raise self._fault("nothing closes this (", start)
        if self.text[self.at] != ")":
            raise self._fault("this cannot be read")
        self.at += 1
        self.depth -= 1
        suffix = self._suffix()
        return self._fielded(inner, suffix) if suffix else inner

    def _loose(self) -> str:
        """Words and phrases up to an operator, a parenthesis or a field."""
        start = end = self.at
        while self.at < len(self.text):
            if _SUFFIX.match(self.text, self.at):
                break
            character = self.text[self.at]
            if character == '"':
                close = self.text.find('"', self.at + 1)
                if close < 0:
                    raise self._fault("nothing closes this quotation mark")
                self.at = end = close + 1
                continue
            if character in "()":
                break
            if character == "[":
                opening = self.at
                self._skip()
                if self.at == opening:
                    raise self._fault("nothing closes this [")
                continue
            if character.isspace() or character == "/":
                self.at += 1
                continue
            word = self._word()
            if not word:
                raise self._fault("this cannot be read")
            if word.lower() in ("and", "or", "not") or _ADJ.match(word):
                break
            # The field of `asthma.ti.` stands inside the word.
            dots = (place for place, sign in enumerate(word) if sign == "." and place)
            cut = next((place for place in dots if _SUFFIX.match(self.text, self.at + place)), len(word))
            self.at += cut
            end = self.at
            if cut < len(word):
                break
        text = self.text[start:end]
        if not tokens(text):
            raise self._fault("a term is expected here", start)
        return text

    def _suffix(self) -> tuple[str, ...]:
        found = _SUFFIX.match(self.text, self.at)
        if not found:
            return ()
        codes = tuple(re.findall(_CODE, found[1].lower()))
        if unknown := [code for code in codes if code not in _FIELDS]:
            raise self._fault(f"no field .{unknown[0]}.", found.start(1), ", ".join(f".{code}." for code in _FIELDS))
        self.at = found.end()
        return codes

    def _heading(self) -> Node | None:
        """`exp *Asthma/dt, pc [Drug Therapy, ...]`, if one begins here."""
        marks = _MARKS.match(self.text, self.at)
        begin = marks.end() if marks else self.at
        found = _QUOTED.match(self.text, begin) or _PLAIN.match(self.text, begin)
        if not found or not marks:
            return None
        name = " ".join(found[1].split())
        if self.text[begin] != '"':
            operators = {word.lower() for word in _OPERATOR.findall(name)}
            # After exp or * an "and" may be part of the name: exp Wounds and Injuries/.
            if _SUFFIX.search(name + " ") or operators - ({"and"} if marks[0] else set()):
                return None
        if not tokens(name):
            raise self._fault("no heading stands before the /")
        start = self.at
        self.at = found.end()
        codes: list[str] = []
        if after := _QUALIFIERS.match(self.text, self.at):
            codes = re.findall(_CODE, after[1].lower())
            if unknown := [code for code in codes if code not in vocabulary.QUALIFIERS]:
                raise self._fault(f"no subheading {unknown[0]!r}", after.start(1), "two letters, as in Asthma/dt")
            self.at = after.end()
        elif self.at < len(self.text) and not _AFTER_HEADING.match(self.text, self.at):
            self.at = start
            return None
        explode = "exp" in marks[0].lower()
        if late := re.compile(r"\s+exp(?=\s*(?:\)|$))", re.I).match(self.text, self.at):  # Embase's other way round
            explode, self.at = True, late.end()
        kind = re.sub(r"\s*\[[^\]]*\]", "", name)
        if "[publication type]" in name.lower():
            return Value(kind.lower(), "pt", explode)
        names = [vocabulary.QUALIFIERS[code] for code in codes] or [""]
        return disjunction(Mesh(kind, qualifier, explode, "*" in marks[0]) for qualifier in names)

    # ------------------------------------------------------------ sets and limits

    def _ref(self, name: str, at: int) -> Node:
        if name not in self.lines:
            raise self._fault(f"there is no earlier line {name}", at, "the number of an earlier line")
        return Ref(name)

    def _sets(self, found: re.Match[str]) -> Node:
        operator = (found[1] or found[4]).lower()
        listed, start = (found[2], found.start(2)) if found[2] else (found[3], found.start(3))
        refs: list[Node] = []
        for piece in re.finditer(r"(\d+)(?:\s*-\s*(\d+))?", listed):
            low, high = int(piece[1]), int(piece[2] or piece[1])
            for name in dict.fromkeys((low, high)):
                self._ref(str(name), start + piece.start())
            refs += [Ref(str(name)) for name in range(low, high + 1)]
        if not refs:
            raise self._fault("a range of lines runs backwards", start)
        self.at = found.end()
        return conjunction(refs) if operator == "and" else disjunction(refs)

    def _limit(self, found: re.Match[str]) -> Node:
        base = self._ref(found[1], found.start(1))
        end = len(re.sub(r"\s*(?:\[[^\]]*\]\s*)*$", "", self.text))
        body, at = self.text[found.end() : end], found.end()
        if body.startswith("(") and body.endswith(")"):
            body, at = body[1:-1], at + 1
        pieces = re.finditer(r"(?:(?!\s+and\s+|\s+or\s+)[\s\S])+", body, re.I)
        parts = [self._one_limit(piece[0], at + piece.start()) for piece in pieces]
        joined = disjunction(parts) if re.search(r"\s+or\s+", body, re.I) else conjunction(parts)
        if re.search(r"\s+or\s+", body, re.I) and re.search(r"\s+and\s+", body, re.I):
            raise self._fault("a limit with both AND and OR says two things", at)
        return conjunction([base, joined])

    def _one_limit(self, text: str, at: int) -> Node:
        plain = " ".join(text.lower().replace('"', " ").split()).removeprefix("and ").removeprefix("or ")
        if dated := re.fullmatch(r"(yr|ed|ez|dt|da|dp|up|year|rd|entry date)\s*=\s*(.+)", plain):
            return self._limit_dates(dated[1], dated[2], at)
        language_of = plain.removesuffix(" language")
        if code_of(language_of):
            return value(language_of, "la")
        if plain in ("human", "humans", "animal", "animals", "male", "female"):
            return Mesh({"human": "Humans", "animal": "Animals"}.get(plain, plain.capitalize()), explode=False)
        name = re.sub(r"\s*[,/]?\s*all$", "", plain)
        if name in _TYPES:
            return Value(name, "pt", plain != name)
        age = re.sub(r"\s*\(.*", "", plain)
        if age in _AGES:
            return disjunction(Mesh(heading) for heading in _AGES[age])
        raise self._fault("this limit has no translation", at + len(text) - len(text.lstrip()),
                          'english language, humans, yr="2005 -Current", ed=20050101-20101231')  # fmt: skip

    def _limit_dates(self, code: str, text: str, at: int) -> Node:
        name = {"yr": "dp", "year": "dp", "dp": "dp", "dt": "crdt", "da": "crdt", "up": "lr", "rd": "lr"}
        found = re.fullmatch(r"(\d{4}|\d{8})(?:\s*-\s*(\d{4}|\d{8}|current))?", text)
        if found:
            low, high = found[1], found[2] or found[1]
            asked = Dates(name.get(code, "edat"), _day(low), "3000" if high == "current" else _day(high))
            if checked := checked_dates(asked):
                return checked
        raise self._fault("this is no range of dates", at, 'yr="2005 -Current" or ed=20050101-20101231')

    # ------------------------------------------------------------ fields

    def _fielded(self, part: _Part, codes: tuple[str, ...]) -> Node:
        """The tree with every loose word looked for in these fields; where one already has a field, that stays."""
        names = [name for code in codes for name in _FIELDS[code]]
        if {"ti", "ab"} <= set(names):  # [tiab] has the author keywords too
            names = ["tiab", *(name for name in names if name not in ("ti", "ab", "ot"))]
        names = list(dict.fromkeys(names))
        if isinstance(part, _Group) and part.kind == "adj":
            # The field behind the last word of a chain is that of all of it: beta adj block$.tw.
            return disjunction(self._near(part, name) for name in _fields_in(part) or names)
        if isinstance(part, _Group):
            inner = [self._fielded(each, codes) for each in part.parts]
            if part.kind == "not":
                return Not(inner[0], inner[1])
            return conjunction(inner) if part.kind == "and" else disjunction(inner)
        if isinstance(part, _Loose):
            return disjunction(self._leaf(part, name) for name in names)
        return part  # type: ignore[return-value]

    def _near(self, part: _Part, name: str) -> Node:
        """Words near one another, in one field: an OR beside adj stays inside it."""
        if isinstance(part, _Loose):
            return self._leaf(part, name)
        if isinstance(part, Term | Or | Near) and is_near_operand(part):
            return part
        if isinstance(part, _Group) and part.kind == "or":
            return disjunction(self._near(each, name) for each in part.parts)
        if isinstance(part, _Group) and part.kind == "adj":
            left, right = (self._near(each, name) for each in part.parts)
            near = Near(left, right, part.gap, part.ordered)
            if is_near_operand(near):
                return near
        at = part.at if isinstance(part, _Group) and part.kind == "adj" else self._at_of(part)
        raise self._fault("beside adj stand words, phrases and ORs of them, of one text field", at)

    def _at_of(self, part: _Part) -> int | None:
        while isinstance(part, _Group):
            part = part.parts[0]
        return part.at if isinstance(part, _Loose) else None

    def _leaf(self, words: _Loose, name: str) -> Node:
        text = words.text
        if name in vocabulary.TEXTS:
            found = tuple(_wildcards(word) for word in _tokens(text))
            if not any(found):
                raise self._fault("a term is expected here", words.at)
            return Term(found, name)
        plain = " ".join(text.replace('"', " ").split())
        if name == "heading":
            return Mesh(plain, explode=False)
        if name in vocabulary.DATES:
            return self._date_leaf(plain, name, words.at)
        if name in ("sh", "sh+"):
            return Value(vocabulary.qualifier(plain), "sh", name == "sh+")
        if name == "au":
            return Value(plain.lower().replace("$", "*"), "au", broad=False)
        return value(plain.replace("$", "*"), name, broad=name != "pt")

    def _date_leaf(self, text: str, name: str, at: int) -> Node:
        digits = text.rstrip("*$")
        if re.fullmatch(r"\d{4}(\d{2}(\d{2})?)?", digits):
            return Dates(name, _day(digits), _day(digits))
        raise self._fault(f"{text!r} is no date", at, "2017* or 20170131")


def _fields_in(part: _Part) -> list[str]:
    """The fields that words inside a group have already."""
    if isinstance(part, _Group):
        return list(dict.fromkeys(name for each in part.parts for name in _fields_in(each)))
    if isinstance(part, _Loose):
        return []
    return list(dict.fromkeys(leaf.field for leaf in leaves(part) if isinstance(leaf, Term)))  # type: ignore[arg-type]


# A heading is what stands before the slash: in quotation marks, or words, some of which may be in parentheses.
_MARKS = re.compile(r"(?:exp\s+|\*\s*){0,3}", re.I)
_QUOTED = re.compile(r"\"([^\"/]{1,250})\"\s*/")
_PLAIN = re.compile(r"([^\s()\"\[\]/.*](?:[^()\"\[\]/\n]|(?<=\S)\([^()\"/]{1,60}\)){0,250}?)\s*/")
_OPERATOR = re.compile(r"\b(?:and|or|not|exp|adj\d*)\b", re.I)
_AFTER_HEADING = re.compile(r"\s|\)|\[|\.")


def _day(digits: str) -> str:
    return "/".join(piece for piece in (digits[:4], digits[4:6], digits[6:8]) if piece)


def _tokens(text: str) -> tuple[str, ...]:
    """Words with Ovid's marks made ours: `$`, `:` and `*` end a stem, `$2` lets two letters follow."""
    marked = re.sub(r"(?<=\w)[$:](?=\W|\d|$)", "*", text)
    return tokens(marked.replace("$", "*"))


def _wildcards(word: str) -> str:
    return re.sub(r"(?<=.)\*(\d)$", lambda found: "?" * int(found[1]), word)
