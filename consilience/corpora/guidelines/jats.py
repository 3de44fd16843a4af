"""Practice guidelines in JATS, as PubMed Central holds them.

An article is one when its type, subject or title says so. Recommendations are, most certain first: statements and
boxed texts called recommendations, paragraphs labelled `Recommendation 3:`, rows of tables of class and level, and the
items or "we recommend" paragraphs of sections headed Recommendations. Grades are read where they are set apart from the
sentence: in brackets, in a label, in a cell of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from consilience.corpora.guidelines.grades import grade_of
from consilience.corpora.guidelines.markup import Element, prose
from consilience.corpora.guidelines.model import GuidelineDocument, Pair, Recommendation, slug

_I = re.IGNORECASE
_CALLED = re.compile(
    r"\bguidelines?\b|\bguidance\b|\bconsensus statement\b|\bposition (?:statement|paper)\b"
    r"|\brecommendations? (?:for|on|from|of)\b|\brecommendation statement\b",
    _I,
)
# A study of a guideline is none.
_ABOUT = re.compile(
    r"\b(?:adherence|compliance|implementation|impact|appraisal|quality|survey|evaluation|barriers|protocol)\b"
    r"|\bsystematic review of\b",
    _I,
)
_TYPES = re.compile(r"guideline", _I)
_LABEL = re.compile(
    r"^(?:(?:key |clinical |practice )?recommendations?|statement)\s*(?:no\.?\s*|#\s*)?"
    r"((?:[A-Z]{1,3}[.-]?)?\d+(?:\.\d+)*[a-z]?)?\s*(?:[:.–—-]|\)|$)\s*",
    _I,
)
_ITEM = re.compile(r"^\(?((?:[A-Z]{1,3}[.-])?\d{1,3}(?:\.\d{1,3})*[a-z]?)[.):]\s+")
_HEADED = re.compile(
    r"^(?:\d+(?:\.\d+)*\.?\s+)?(?:(?:summary|list) of |key |clinical |the |our |practice )*recommendations?\b", _I
)
_ADVISES = re.compile(
    r"\b(?:we|panel|committee|society|task force|working group|group|authors)\b.{0,60}?\b(?:recommend|suggest)s?\b"
    r"|^(?:it is|.{0,160}\b(?:is|are)) (?:\w+ )?(?:recommended|suggested)\b",
    _I,
)
_TABLE_HEAD = re.compile(r"recommendation|statement", _I)
_COLUMNS = {"strength": r"^(?:cor|class|strength|grade|class a|class of recommendation|strength of recommendation)\b",
            "certainty": r"^(?:loe|level|quality|certainty|evidence|level b|level of evidence)\b"}  # fmt: skip
_FRONT_KINDS = frozenset(("pub", "epub", "ppub", "collection", "epub-ppub", "pmc-release", "ecorrected", "preprint"))
# "This article updates the one linked to."
_UPDATES = ("updated-article", "predecessor")
_XLINK = "{http://www.w3.org/1999/xlink}href"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_MOST_SPANNED = 1000
_CALLOUTS = frozenset(("xref", "fn"))
_EMPTIED = re.compile(r"\s*[\[(][\s,;–-]*[\])]")

_STRENGTH = re.compile(
    r"((?<!no )(?<!not a )\b(?:strong|weak|conditional|discretionary)(?:\s*\([^)]*\))?,? recommendation"
    r"(?: (?:for|against)\b(?! either\b))?)"
    r"|strength of (?:the )?recommendation\s*[:=,]?\s*((?:strong|weak|conditional|[A-D])(?: (?:for|against))?)\b"
    r"|\b(?:class|COR)(?: of recommendation)?\s*[:=]?\s*"
    r"((?:III|3)\s*[:(,–-]?\s*(?:no benefit|harm)|IIa|IIb|III|I|2a|2b|1|3)(?![\w-])"
    r"|\bgrade\s*[:=]?\s*([12][A-D]?|[A-D]|I)(?:\s+recommendation)?(?!\w)"
    r"|(\bgood practice (?:statement|point)|\bbest practice statement|\bungraded\b"
    r"|\b(?:expert )?consensus(?:-based)? (?:statement|recommendation))",
    _I,
)
_CERTAINTY = re.compile(
    r"(\b(?:very[ -]low|low|moderate|high))[- ](?:quality|certainty)\b"
    r"|(?:quality|certainty|strength) of (?:the )?evidence\s*[:=,]?\s*(very low|low|moderate|high)\b"
    r"|\b(?:LOE|level of evidence|evidence level|level)\s*[:=]?\s*"
    r"(B-NR|B-R|C-LD|C-EO|[1-4](?:\+\+|\+|-)|[1-5][abc]?|[ABC])(?![\w+])",
    _I,
)
_ASIDE = re.compile(r"[\[(]([^\[\]()]{3,200}(?:\([^()]{1,60}\)[^\[\]()]{0,80})?)[\])]")
_BODY_OF = (
    (re.compile(r"\bUS Preventive Services Task Force\b|\bUSPSTF\b", _I), "USPSTF"),
    (re.compile(r"\bEuropean Society of Cardiology\b|\bESC\b"), "ESC"),
    (re.compile(r"\bAmerican (?:Heart Association|College of Cardiology)\b|\bACC/AHA\b|\bAHA/ACC\b"), "ACC/AHA"),
    (re.compile(r"\bScottish Intercollegiate Guidelines Network\b"), "SIGN"),
)  # fmt: skip


@dataclass(slots=True)
class _Found:
    """One recommendation as it stands in the article."""

    element: Element
    text: str
    method: str
    number: str = ""
    grade: str = ""  # what stands beside it: label, title, cells
    strength: str = ""
    certainty: str = ""
    remarks: str = ""
    cited: list[Element] = field(default_factory=list)


def article(root: Element) -> Element | None:
    """The article of a JATS file, its namespaces dropped: the root, or the first one of an article set."""
    for element in root.iter():
        if isinstance(element.tag, str) and "}" in element.tag:
            element.tag = etree.QName(element).localname
    return root if root.tag == "article" else next(root.iter("article"), None)


def is_guideline(found: Element) -> bool:
    """Whether an article calls itself a guideline, by type, subject or title; studies about guidelines do not."""
    if _TYPES.search(found.get("article-type") or ""):
        return True
    subjects = " ; ".join(prose(each) for each in found.iterfind("front/article-meta/article-categories//subject"))
    title = _meta(found, "title-group/article-title")
    return bool(_TYPES.search(subjects)) or bool(_CALLED.search(title) and not _ABOUT.search(title))


def pairs(found: Element) -> Iterator[Pair]:
    """The recommendations of a guideline article, in its order."""
    document = _document(found)
    system = _system(found, document)
    references = {ref.get("id"): ref for ref in found.iter("ref") if ref.get("id")}
    body = found.find("body")
    count = 0
    for each in _recommendations(body) if body is not None else ():
        strength = each.strength or _graded(_STRENGTH, each)
        certainty = each.certainty or _graded(_CERTAINTY, each)
        count += not each.number
        yield (
            document,
            Recommendation(
                number=each.number or f"r{count}",
                text=each.text,
                remarks=each.remarks,
                section=_section(each.element),
                strength=strength,
                certainty=certainty,
                system=system if _fits(system, strength, certainty) else "",
                anchor=each.element.get("id") or "",
                method=each.method,
                evidence=tuple(_cited(each, references)),
            ),
        )


# --- the document


def _document(found: Element) -> GuidelineDocument:
    ids = {each.get("pub-id-type"): prose(each) for each in found.iterfind("front/article-meta/article-id")}
    dates = tuple(_dates(found))
    title = _meta(found, "title-group/article-title")
    earliest = min((raw for _, raw in dates), default="")
    license_ = found.find("front/article-meta/permissions/license")
    links = found.iterfind("front/article-meta/related-article")
    updated = [each for each in links if each.get("related-article-type") in _UPDATES and each.get(_XLINK)]
    return GuidelineDocument(
        issuer=_issuer(found),
        guideline=slug(title) or ids.get("doi", ""),
        version=_meta(found, "article-version") or earliest,
        status="current",
        published=earliest,
        format="jats",
        title=title,
        doi=ids.get("doi", ""),
        pmid=ids.get("pmid", ""),
        url=f"https://doi.org/{ids['doi']}" if ids.get("doi") else "",
        language=(found.get(_XML_LANG) or "")[:20],
        license=prose(license_)[:500] if license_ is not None else "",
        license_url=(license_.get(_XLINK) or "")[:500] if license_ is not None else "",
        supersedes=tuple(map(_doi, updated)),
        dates=dates,
    )  # fmt: skip


def _fits(system: str, strength: str, certainty: str) -> bool:
    """Whether a grade is one of the system's own; GRADE is often named where classes and levels are another's."""
    if system != "GRADE":
        return bool(strength or certainty)
    return bool(grade_of(strength, "grade").code if strength else len(certainty) > 1)


def _doi(link: Element) -> str:
    address = str(link.get(_XLINK))[:300]
    return f"DOI:{address.lower()}" if link.get("ext-link-type") == "doi" else address


def _meta(found: Element, path: str) -> str:
    element = found.find(f"front/article-meta/{path}")
    return prose(element, without=_CALLOUTS) if element is not None else ""


def _issuer(found: Element) -> str:
    """The body that signs the article, else its publisher, else its journal."""
    for group in found.iterfind("front/article-meta/contrib-group"):
        for collab in group.iter("collab"):
            named = collab.find("institution") if collab.find("institution") is not None else collab
            if name := prose(named, without=frozenset(("contrib-group", "xref", "fn", "address"))):
                return name[:200]
    journal = found.find("front/journal-meta")
    places = ("publisher/publisher-name", "journal-title-group/journal-title", "journal-title")
    names = [journal.find(place) for place in places] if journal is not None else []
    return next((prose(name)[:200] for name in names if name is not None and prose(name)), "unknown issuer")


def _dates(found: Element) -> Iterator[tuple[str, str]]:
    for date in found.iterfind("front/article-meta/pub-date"):
        kind = date.get("pub-type") or date.get("date-type") or date.get("publication-format") or "pub"
        parts = [prose(part) for name in ("year", "month", "day") if (part := date.find(name)) is not None]
        if kind in _FRONT_KINDS and parts:
            numeric = all(part.isdecimal() for part in parts)
            yield kind, "-".join(part.zfill(2) for part in parts) if numeric else " ".join(parts)


def _system(found: Element, document: GuidelineDocument) -> str:
    """The grading system the article names: its body's own, or GRADE where it says that it used it."""
    named = f"{document.issuer} {document.title}"
    body = next((system for pattern, system in _BODY_OF if pattern.search(named)), "")
    if body:
        return body
    return "GRADE" if re.search(r"\bGRADE\b|Grading of Recommendations,? Assessment", prose(found)) else ""


# --- recommendations


def _recommendations(body: Element) -> Iterator[_Found]:
    """Each recommendation once: what a box or a table says is not looked for again inside it."""
    taken: set[Element] = set()
    seen: set[str] = set()
    for element in body.iter("statement", "boxed-text", "table-wrap", "p", "list", "sec"):
        if taken and any(each in taken for each in element.iterancestors()):
            continue
        found = list(_READERS[element.tag](element))
        if found and element.tag != "sec":
            taken.add(element)
        for each in found:
            if element.tag == "sec":
                taken.add(each.element)
            key = re.sub(r"\W+", " ", each.text.lower()).strip()
            if key and key not in seen:
                seen.add(key)
                yield each


def _statement(element: Element) -> Iterator[_Found]:
    label = " ".join(_words(each) for each in element if each.tag in ("label", "title"))
    kind = element.get("content-type") or element.get("specific-use") or ""
    if not re.search(r"recommend|practice (?:point|statement)", f"{label} {kind}", _I):
        return
    text = " ".join(_words(each) for each in element if each.tag not in ("label", "title"))
    number = re.search(r"\b((?:[A-Z]{1,3}[.-]?)?\d+(?:\.\d+)*[a-z]?)[.:]?\s*$", label) or _LABEL.match(label)
    yield _Found(element, text.strip(), "statement", (number[1] or "") if number else "", grade=label)


def _boxed(element: Element) -> Iterator[_Found]:
    title = " ".join(_words(each) for each in (element.find("label"), element.find("caption"), element.find("title"),
                                               element.find("sec/title")) if each is not None)  # fmt: skip
    parts = [each for each in element.iter("list-item", "p") if not _inside(each, element, ("list-item", "caption"))]
    labelled = [each for each in (_labelled(part, "boxed") for part in parts) if each is not None]
    if labelled:
        yield from labelled
        return
    if not re.search(r"recommend", title, _I) or not parts:
        return
    number = _LABEL.match(title)
    listed = [part for part in parts if part.tag == "list-item"]
    if len(listed) > 1 or (number and not number[1] and len(parts) > 1):
        yield from (_item(part, "boxed") for part in (listed or parts))
        return
    body, aside = _words(parts[0]), " ".join(_words(part) for part in parts[1:])
    yield _Found(element, body, "boxed", (number[1] or "") if number else "", grade=f"{title} {aside}",
                 remarks=aside, cited=[element])  # fmt: skip


def _paragraph(element: Element) -> Iterator[_Found]:
    if (found := _labelled(element, "labelled")) is not None:
        follows = element.getnext()
        if found.text.endswith(":") and follows is not None and follows.tag == "list":
            found.text = f"{found.text} {_words(follows)}"  # "offer rest to people with:" goes on in the list
            found.cited = [element, follows]
        yield found


def _labelled(element: Element, method: str) -> _Found | None:
    """A paragraph that begins `Recommendation 3:`, or `Recommendation:`, and goes on."""
    text = _words(element)
    label = _LABEL.match(text)
    if not label or len(text) - label.end() < 15 or not re.match(r"(?:\w+ )?recommendation", text, _I):
        return None
    # "Recommendations: we agreed ..." opens a paragraph about them.
    if not label[1] and not re.search(r"[:.–—-]\s*$", label[0]):
        return None
    return _Found(element, text[label.end() :], method, label[1] or "")


def _sectioned(element: Element) -> Iterator[_Found]:
    title = element.find("title")
    if title is None or not _HEADED.search(_words(title)):
        return
    number = _LABEL.match(_words(title))
    listed = [i for each in element.iterfind("list") for i in each.iterfind("list-item")]
    if number and number[1] and not listed and (first := element.find("p")) is not None:
        yield _Found(first, _words(first), "section", number[1], grade=_words(title))
        return
    for part in [*element.iterfind("p"), *listed]:
        item = _item(part, "section")
        if part.tag == "list-item" or item.number or _ADVISES.search(item.text):
            yield item


def _item(element: Element, method: str) -> _Found:
    label = element.find("label")
    text = _words(element, without=frozenset(("label",)))
    number = _ITEM.match(_words(label) + " ") if label is not None else None
    if number is None and (number := _ITEM.match(text)):
        text = text[number.end() :]
    if (named := _LABEL.match(text)) and named[1]:
        return _Found(element, text[named.end() :], method, named[1])
    return _Found(element, text, method, number[1] if number else "")


def _table(element: Element) -> Iterator[_Found]:
    """Rows of a table whose columns are class, level and recommendation, as cardiology's guidelines print them."""
    header: dict[str, int] = {}
    held: dict[int, tuple[int, str]] = {}
    for row in element.iter("tr"):
        words = [*_spread(row, held)]
        if not header:
            header = _header(words)
        elif len(words) == header["width"] and len(set(words)) > 1 and len(words[header["text"]]) > 20:
            text = words[header["text"]]
            number = _ITEM.match(text)
            yield _Found(
                row,
                text[number.end() :] if number else text,
                "table",
                number[1] if number else "",
                strength=words[header["strength"]],
                certainty=words[header["certainty"]] if "certainty" in header else "",
            )


def _spread(row: Element, held: dict[int, tuple[int, str]]) -> Iterator[str]:
    """The words under each column of a row, merged cells repeated; `held` has those that reach down to later rows."""
    cells = [each for each in row if each.tag in ("td", "th")]
    column = 0
    while cells or column in held:
        if column in held:
            left, text = held.pop(column)
            if left > 1:
                held[column] = (left - 1, text)
            yield text
            column += 1
            continue
        cell = cells.pop(0)
        text, wide, deep = _words(cell), _span_of(cell, "colspan"), _span_of(cell, "rowspan")
        for each in range(column, column + wide):
            if deep > 1:
                held[each] = (deep - 1, text)
            yield text
        column += wide


def _span_of(cell: Element, name: str) -> int:
    raw = cell.get(name) or "1"
    return min(max(int(raw[:4]), 1), _MOST_SPANNED) if raw.isdecimal() else 1


def _header(words: list[str]) -> dict[str, int]:
    found = {"width": len(words)}
    for place, word in enumerate(words):
        for name, pattern in _COLUMNS.items():
            if re.search(pattern, word, _I) and name not in found:
                found[name] = place
                break
        else:
            if _TABLE_HEAD.search(word) and "text" not in found:
                found["text"] = place
    return found if {"strength", "text"} <= found.keys() else {}


def _none(_: Element) -> Iterator[_Found]:
    yield from ()


_READERS = {"statement": _statement, "boxed-text": _boxed, "p": _paragraph, "sec": _sectioned, "table-wrap": _table,
            "list": _none}  # fmt: skip


# --- words, grades, evidence


def _words(element: Element, *, without: frozenset[str] = frozenset()) -> str:
    """The text without the call-outs of references, which would stand in it as bare numbers."""
    callouts = {each for each in element.iter("xref") if each.get("ref-type") in ("bibr", "fn", "table-fn", None)}
    if not callouts:
        return prose(element, without=without)
    copy = etree.fromstring(etree.tostring(element, with_tail=False), etree.XMLParser(resolve_entities=False))
    for each in list(copy.iter("xref")):
        if each.get("ref-type") in ("bibr", "fn", "table-fn", None):
            parent = each.getparent()
            each.tag = "script"  # dropped by `prose`, its tail kept
            if parent is not None and parent.tag == "sup":
                parent.tag = "script"
    return re.sub(r"\s+([.,;:])", r"\1", _EMPTIED.sub("", prose(copy, without=without)))


def _graded(pattern: re.Pattern[str], found: _Found) -> str:
    """A grade set apart: in brackets within the text, or anywhere in the label, title or line that grades it."""
    last = found.text[found.text.rfind(". ", 0, -1) + 1 :]
    lone = last if len(last) < 160 and _STRENGTH.search(last) and _CERTAINTY.search(last) else ""
    for place in (*_ASIDE.findall(found.text), found.grade, lone):
        if grade := pattern.search(place):
            return next(part for part in grade.groups() if part)
    return ""


def _cited(found: _Found, references: dict[Any, Element]) -> Iterator[dict[str, str]]:
    for call in (c for root in (found.cited or [found.element]) for c in root.iter("xref")):
        for name in (call.get("rid") or "").split():
            if name in references:
                yield from _reference(references[name])


def _reference(ref: Element) -> Iterator[dict[str, str]]:
    ids = {each.get("pub-id-type"): prose(each) for each in ref.iter("pub-id")}
    given = {"pmid": ids.get("pmid", ""), "doi": ids.get("doi", ""), "raw": prose(ref)[:500]}
    yield {name: text for name, text in given.items() if text and (name != "pmid" or text.isdecimal())}


def _section(element: Element) -> tuple[str, ...]:
    titles = [_words(each.find("title")) for each in element.iterancestors("sec") if each.find("title") is not None]
    return tuple(title for title in reversed(titles) if title)


def _inside(element: Element, root: Element, tags: tuple[str, ...]) -> bool:
    for each in element.iterancestors():
        if each is root:
            return False
        if each.tag in tags:
            return True
    return False
