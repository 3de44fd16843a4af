"""Marked-up text from outside as a reader sees it: no scripts, no images, no tracked deletions, nothing hidden."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from consilience.records import normal_space

# lxml has no types of its own; everything that holds an element says so by this name.
Element = Any

_GONE = frozenset("script style noscript template head img svg picture object iframe audio video canvas del s strike "
                  "button input select graphic inline-graphic media".split())  # fmt: skip
# CKEditor's suggestion markers, which MAGICapp publishes as they are; ICE's, Froala's and Word's.
_DELETED = re.compile(
    r"(?:^|\s)(?:ck-suggestion-marker-deletion|ice-del|track-delete|fr-tracking-deleted|msodel|deleted|deletion)(?:\s|$)",
    re.IGNORECASE,
)
_HIDDEN_CLASS = re.compile(r"(?:^|\s)(?:visually-hidden|visuallyhidden|sr-only)(?:\s|$)")
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?<![\w-])(?:font-size|opacity)\s*:\s*0(?:\.0+)?(?![.\d])"
    r"|text-decoration[\w-]*\s*:[^;]*line-through|(?:text-indent|left|top)\s*:\s*-\d{3,}|clip\s*:\s*rect\(\s*0"
    r"|(?<![\w-])color\s*:\s*transparent"
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# Without its place a raised figure changes the number before it: 10<sup>9</sup> is no 109, "mg<sup>1</sup>" no "mg1".
_RAISED = str.maketrans("0123456789+-−abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")
_RAISABLE = re.compile(r"[\d+\-−]+(?:[,–][\d]+)*|[a-pr-z]|\d+[+-]")
_BLOCKS = frozenset("p div li ul ol dl dt dd br h1 h2 h3 h4 h5 h6 tr td th table section article blockquote "
                    "pre title label list list-item sec caption disp-quote def-item def break".split())  # fmt: skip
_DATA_URI = re.compile(r"""\b(?:src|href|srcset)\s*=\s*(?:"data:[^"]*"|'data:[^']*')""", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def html(text: str) -> Element | None:
    """The tree of an HTML page or fragment, or None when it holds nothing; nothing is fetched, no entity is loaded."""
    from lxml import html as lxml_html

    # Embedded images are half of what MAGICapp ships and say nothing (sources §3.1).
    bare = _CONTROL.sub(" ", _DATA_URI.sub("", text))
    if not bare.strip():
        return None
    parser = lxml_html.HTMLParser(
        no_network=True, remove_comments=True, remove_pis=True, huge_tree=False, encoding="utf-8"
    )
    try:
        return lxml_html.document_fromstring(bare.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:  # nothing but comments
        return None


def prose(element: Element, *, without: frozenset[str] = frozenset()) -> str:
    """The text of an element with white space normalised; elements called `without` are left out."""
    pieces: list[str] = []
    skipped: Element | None = None
    deleted = False
    for event, node in etree.iterwalk(element, events=("start", "end")):
        block = node.tag in _BLOCKS
        if event == "start" and node.tag in ("suggestion-start", "suggestion-end"):
            # CKEditor 5 marks both ends of a deletion, and the text stands between the marks.
            deleted = node.tag == "suggestion-start" and (node.get("name") or "").startswith("deletion")
        if event == "start":
            if skipped is None and (node.tag in without or is_hidden(node)):
                skipped = node
            if skipped is None:
                pieces += [" " if block else "", "" if deleted else own_text(node)]
            continue
        if skipped is node:
            skipped = None
        if skipped is None:
            pieces += [" " if block else "", (node.tail or "") if node is not element and not deleted else ""]
    return normal_space("".join(pieces))


def own_text(node: Element) -> str:
    """What stands in an element before its first child; raised figures and single letters stay raised."""
    text = node.text or ""
    return text.translate(_RAISED) if node.tag == "sup" and _RAISABLE.fullmatch(text.strip()) else text


def is_hidden(node: Element) -> bool:
    """Whether a reader would not see this element, or sees it struck out."""
    if not isinstance(node.tag, str) or node.tag in _GONE or node.get("hidden") is not None:
        return True
    if node.get("role") in ("deletion", "doc-noteref") or _is_callout(node):
        return True
    named, style = node.get("class") or "", _COMMENT.sub("", (node.get("style") or "").lower())
    return bool(_DELETED.search(named) or _HIDDEN_CLASS.search(named) or (style and _HIDDEN_STYLE.search(style)))


def _is_callout(node: Element) -> bool:
    """Whether an element is nothing but a raised link to a note of the same page."""
    if node.tag != "sup" or (node.text or "").strip() or len(node) != 1:
        return False
    return node[0].tag == "a" and (node[0].get("href") or "").startswith("#") and not (node[0].tail or "").strip()


def text_of(fragment: str) -> str:
    """The text of an HTML fragment: insertions kept, deletions and images dropped."""
    tree = html(f"<div>{fragment}</div>")
    return "" if tree is None else prose(tree)
