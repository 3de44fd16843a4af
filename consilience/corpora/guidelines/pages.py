"""Guideline pages in HTML, as NICE publishes them: chapters, numbered headings, recommendations 1.1.1, 1.1.2.

A recommendation begins at a paragraph, heading or list item numbered below its section (or at an item of an ordered
list in a section numbered 1.1) and ends at the next one. Only on NICE's own pages is the verb a grade (its manual says
so: offer, do not offer, consider, must); elsewhere the words are kept and the recommendation is ungraded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lxml import etree

from consilience.corpora.guidelines.markup import Element, html, is_hidden, own_text, prose
from consilience.corpora.guidelines.model import GuidelineDocument, Pair, Recommendation, slug
from consilience.records import guideline_prefix, normal_space
from consilience.text import sentences

_NUMBER = re.compile(r"^(\d{1,3}(?:\.\d{1,3}){2,3}[a-z]?)(?:[.:)]?\s+|$)")
_SECTION = re.compile(r"^(\d{1,3}\.\d{1,3})\s+\S")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_NICE = re.compile(r"^(?:NICE|National Institute for Health and (?:Care|Clinical) Excellence)\b")
_REFERENCE = re.compile(r"/(?:guidance|advice)/([a-z]+\d+)(?:/|$)", re.IGNORECASE)
# "[2018]", "[2012, amended 2018]", "[new 2021]": NICE's word on when a recommendation was last looked at.
_CHANGED = re.compile(r"\[((?:new |updated |amended )?(?:19|20)\d\d(?:[^\]]{0,60})?)\]\s*$", re.IGNORECASE)
_VERBS = re.compile(r"^(do not offer|offer|consider)\b|\b(must(?: not)?)\b", re.IGNORECASE)
_GONE = re.compile(
    r"\bthis guid(?:ance|eline) (?:has (?:now )?been|was|is) (?:now )?(?:updated and )?"
    r"(withdrawn|replaced|stood down)\b",
    re.IGNORECASE,
)
_DRAFT = re.compile(
    r"^draft\b|\bdraft (?:guid(?:ance|eline)s? )?for consultation\b|\bconsultation draft\b", re.IGNORECASE
)
# What NICE prints behind the last recommendation of a section.
_AFTER = re.compile(r"^(?:for a short explanation of why|full details of the evidence)\b", re.IGNORECASE)
# "This guideline updates and replaces NICE guideline CG76 and CG99 (January 2009)."
_REPLACES = re.compile(r"\bthis guid(?:ance|eline) (?:updates and )?replaces\b([^.]{0,200})", re.IGNORECASE)
_OURS = re.compile(r"\b(?:NG|CG|TA|PH|SC|SG|HST|IPG|MPG|QS)\d{1,4}\b")
_STATUS = {"withdrawn": "withdrawn", "replaced": "superseded", "stood down": "stood_down"}
_FURNITURE = frozenset(("nav", "header", "footer", "aside", "form"))


@dataclass(slots=True)
class _Open:
    """A recommendation while its paragraphs are read."""

    number: str
    section: tuple[str, ...]
    anchor: str
    pieces: list[str] = field(default_factory=list)


def pairs(text: str) -> Iterator[Pair]:
    """The numbered recommendations of a page, in its order; none is an answer."""
    tree = html(text)
    if tree is None:
        return
    document = _document(tree)
    nice = bool(_NICE.search(document.issuer))
    for found in _numbered(tree):
        words = " ".join(piece for piece in found.pieces if piece)
        changed = _CHANGED.search(words)
        yield (
            document,
            Recommendation(
                number=found.number,
                text=words,
                section=found.section,
                anchor=found.anchor,
                change=changed[1] if changed else "",
                method="numbered",
                strength=_verb(words) if nice else "",
                system="NICE" if nice else "",
            ),
        )


def _verb(text: str) -> str:
    """The verb that opens the advice; of several with different grades, all, so that none is taken for the grade."""
    found: list[str] = []
    for start, end in sentences(text):
        for opening, must in _VERBS.findall(text[start:end]):
            found.append((opening or must).lower())
    return "; ".join(dict.fromkeys(found))


# --- the document


def _document(tree: Element) -> GuidelineDocument:
    said = _metadata(tree)
    address = said.get("canonical") or said.get("og:url") or said.get("url", "")
    named = _REFERENCE.search(urlsplit(address).path)
    on_nice = (urlsplit(address).hostname or "").lower().removeprefix("www.") == "nice.org.uk"
    title = said.get("title") or _first(tree, "h1") or _first(tree, "title")
    issued, modified = said.get("issued", ""), said.get("modified", "")
    text = prose(tree)
    gone = _GONE.search(text[:5000])
    replaced = [name for words in _REPLACES.findall(text) for name in _OURS.findall(words)] if on_nice else []
    return GuidelineDocument(
        issuer="NICE" if on_nice else said.get("publisher") or (urlsplit(address).hostname or "") or "unknown issuer",
        guideline=said.get("identifier") or (named[1].upper() if named else slug(title)),
        version=said.get("version") or modified or issued,
        status=_STATUS[gone[1].lower()] if gone else "draft" if _DRAFT.search(f"{title} {text[:5000]}") else "current",
        published=modified or issued,
        format="html",
        title=title.removesuffix(" | NICE").removesuffix(" | Guidance"),
        country="GB" if on_nice else "",
        url=address,
        language=(tree.get("lang") or "")[:20],
        license=said.get("rights", ""),
        last_reviewed=said.get("valid", ""),
        supersedes=tuple(guideline_prefix("NICE", name) for name in dict.fromkeys(replaced)),
    )


_META = {
    "dcterms.issued": "issued", "dc.date.issued": "issued", "citation_publication_date": "issued",
    "article:published_time": "issued", "dcterms.modified": "modified", "dc.date.modified": "modified",
    "article:modified_time": "modified", "dcterms.identifier": "identifier", "dc.identifier": "identifier",
    "dc.title": "title", "dcterms.title": "title", "citation_title": "title", "dc.publisher": "publisher",
    "dcterms.publisher": "publisher", "citation_publisher": "publisher", "og:site_name": "publisher",
    "dcterms.rights": "rights", "dc.rights": "rights", "og:url": "og:url", "dcterms.hasversion": "version",
    "citation_version": "version", "dcterms.valid": "valid",
}  # fmt: skip


def _metadata(tree: Element) -> dict[str, str]:
    said: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = (meta.get("name") or meta.get("property") or "").lower()
        content = " ".join((meta.get("content") or "").split())[:500]
        if name in _META and content:
            key = _META[name]
            said.setdefault(key, content[:10] if key in ("issued", "modified") else content)
    for link in tree.iter("link"):
        if (link.get("rel") or "").lower() == "canonical":
            said.setdefault("canonical", (link.get("href") or "")[:500])
    return said


def _first(tree: Element, tag: str) -> str:
    found = next(tree.iter(tag), None)
    return " ".join(found.text_content().split())[:500] if found is not None else ""


# --- recommendations


def _numbered(tree: Element) -> Iterator[_Open]:
    """Recommendations in the order of the page, from the parts a reader takes for the guideline's text."""
    state: _Open | None = None
    headings: dict[int, str] = {}
    section = ""
    items: Counter[Element] = Counter()
    begun: set[Element] = set()
    for block, text in _blocks(_main(tree)):
        level = _HEADINGS.index(block.tag) + 1 if block.tag in _HEADINGS else 0
        number = _NUMBER.match(text)
        listed = "" if number or not section else _place_in_list(block, section, items, begun)
        if number or listed:
            if state:
                yield state
            path = tuple(headings[each] for each in sorted(headings))
            state = _Open(number[1] if number else listed, path, _anchor(block), [])
            state.pieces.append(text[number.end() :] if number else text)
        elif level:
            if state:
                yield state
            state = None
            headings = {each: kept for each, kept in headings.items() if each < level} | {level: text}
            found = _SECTION.match(text)
            section = found[1] if found else section if level > 4 else ""
        elif state and _AFTER.match(text):
            yield state
            state = None
        elif state:
            state.pieces.append(text)
    if state:
        yield state


def _main(tree: Element) -> list[Element]:
    """The chapters of the page, outermost; without any, its `main` or the whole of it."""
    chapters = {d: None for d in tree.iter("div", "section") if "chapter" in (d.get("class") or "").split()}
    outer = [c for c in chapters if not any(a in chapters for a in c.iterancestors())]
    return outer or list(tree.iter("main")) or [tree]


def _blocks(roots: list[Element]) -> Iterator[tuple[Element, str]]:
    """The text of the page in order, block by block, none of it left out.

    Headings, paragraphs and cells come whole; of a list item or a division, each run of words between the blocks in it.
    """
    for root in roots:
        stack: list[tuple[Element, list[str]]] = [(root, [])]
        skipped: Element | None = None
        for event, node in etree.iterwalk(root, events=("start", "end")):
            inner = node.tag in _INNER
            if event == "start":
                if skipped is not None:
                    continue
                if node.tag in _WHOLE or is_hidden(node) or _is_furniture(node):
                    skipped = node
                    if node.tag in _WHOLE and not is_hidden(node):
                        yield from _run(stack[-1])
                        if text := prose(node):
                            yield node, text
                    continue
                if inner:
                    yield from _run(stack[-1])
                    stack.append((node, []))
                stack[-1][1].append(" " if node.tag == "br" else own_text(node))
                continue
            if skipped is None and inner and len(stack) > 1:
                yield from _run(stack.pop())
            if skipped is node:
                skipped = None
            if skipped is None and node is not root:
                stack[-1][1].append(node.tail or "")
        yield from _run(stack[0])


def _run(holder: tuple[Element, list[str]]) -> Iterator[tuple[Element, str]]:
    block, pieces = holder
    text = normal_space("".join(pieces))
    pieces.clear()
    if text:
        yield block, text


_WHOLE = frozenset((*_HEADINGS, "p", "td", "th", "dt", "dd"))
_INNER = frozenset(
    ("ul", "ol", "li", "div", "table", "tr", "section", "dl", "article", "main", "body", "blockquote", "pre")
)
_NOTES = re.compile(r"(?:^|\s)(?:foot|end)notes?(?:\s|$)", re.IGNORECASE)


def _is_furniture(element: Element) -> bool:
    return (
        element.tag in _FURNITURE
        or element.get("role") == "doc-endnotes"
        or bool(_NOTES.search(element.get("class") or ""))
    )


def _place_in_list(block: Element, section: str, items: Counter[Element], begun: set[Element]) -> str:
    """`1.1.3` for the third item of an ordered list below the section headed 1.1; `items` counts them list by list.

    An item has a number once: what comes later of one that is `begun` goes on with it.
    """
    item = block if block.tag == "li" else block.getparent()
    if item is None or item.tag != "li" or (block is not item and item.index(block) > 0):
        return ""
    parent = item.getparent()
    if item in begun or parent is None or parent.tag != "ol" or any(a.tag == "li" for a in parent.iterancestors()):
        return ""
    begun.add(item)
    start = parent.get("start") or "1"
    first = int(start[:4]) if start.isdecimal() else 1
    items[parent] += 1
    return f"{section}.{first + items[parent] - 1}"


def _anchor(block: Element) -> str:
    for node in (block, *block.iterancestors()):
        if node.get("id"):
            return str(node.get("id"))[:200]
        if node.tag in ("section", "body") or "chapter" in (node.get("class") or ""):
            return ""
    return ""
