"""A page of headings, tables, lists and pictures, told as Markdown or as HTML that stands alone."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the page's own."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Cells under a head; the first column names the row, the others hold figures."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG picture under its file's name, with what it shows in words."""

    file: str
    shows: str
    svg: bytes


Block = Heading | Words | Table | Items | Picture

# What CommonMark would read as HTML, or as the end of a link's words.
_BEGINS = re.compile(r"(\\*)(<(?=[A-Za-z/!?])|\](?=[(\[:]))")
_PIPE = re.compile(r"(\\*)(\|)")
# No script runs, nothing is fetched: the page holds all it shows.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 76rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .6rem 0 1.4rem; font-variant-numeric: tabular-nums; font-size: 13.5px }
th, td { border-bottom: 1px solid #ddd; padding: .28rem .7rem; text-align: right; vertical-align: top }
th:first-child, td:first-child { text-align: left; font-weight: 600 }
.wide { overflow-x: auto } img { max-width: 100% } li { overflow-wrap: anywhere } h2 { margin-top: 2rem }
"""


def markdown(blocks: Sequence[Block]) -> str:
    """The page as Markdown; pictures are named as files beside it."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_line(text)}"
        case Words(text):
            return _line(text)
        case Table(head, rows):
            lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
            cells = [[_escaped(_PIPE, _line(cell)) for cell in line] for line in lines]
            return "\n".join("| " + " | ".join(line) + " |" for line in cells)
        case Items(items):
            return "\n".join(f"- {_line(item)}" for item in items)
        case Picture(file, shows, _):
            return f"![{_line(shows)}]({file})"


def _line(text: str) -> str:
    """One line in which no HTML, link or picture begins, whatever it is told."""
    return _escaped(_BEGINS, " ".join(text.split()))


def _escaped(pattern: re.Pattern[str], text: str) -> str:
    """A backslash before what the pattern finds; those that stand there already stay backslashes."""
    return pattern.sub(r"\1\1\\\2", text)


def html(title: str, blocks: Sequence[Block]) -> str:
    """The page as one HTML file with everything in it; whatever it is told stays text."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Words(text):
            return f"<p>{escape(text)}</p>"
        case Table(head, rows):
            lines = [_cells("th", head), *(_cells("td", row) for row in rows)]
            return '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"
        case Items(items):
            return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
        case Picture(_, shows, svg):
            # As an image: a picture's own scripts, if it had any, would not run.
            return f'<p><img alt="{escape(shows)}" src="data:image/svg+xml;base64,{b64encode(svg).decode()}"></p>'


def _cells(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
