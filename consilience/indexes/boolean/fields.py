"""What of a document Boolean queries look in: words as they stand, with their places, and whole values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from consilience.corpora.store import TEXT_FIELDS
from consilience.indexes.boolean.vocabulary import spelt

if TYPE_CHECKING:
    import tantivy

NAME = "plain"
# Words, by the fields of the engine; each holds its own places, so no phrase runs from one into another.
WORDS = ("b_ti", "b_ab", "b_ot", "b_tt", "b_mw", "b_nw", "b_rest")
_TEXT, _RECORD = ("b_ti", "b_ab", "b_ot"), ("b_tt", "b_mw", "b_nw")
# What PubMed's field tags look in (User Guide, "Search field descriptions"); [hw] is Ovid's.
TEXTS: Mapping[str, tuple[str, ...]] = {
    "ti": ("b_ti",), "ab": ("b_ab",), "ot": ("b_ot",), "tt": ("b_tt",), "hw": ("b_mw",),
    "tiab": _TEXT, "tw": (*_TEXT, *_RECORD), "all": WORDS,
}  # fmt: skip
# Whole values, each under its key; a heading also under its identifier, and again with each of its subheadings.
VALUES = ("b_mh", "b_majr", "b_sh", "b_pt", "b_au", "b_ta", "b_la", "b_nm", "b_rn", "b_uid", "b_aid")
# Days since 1970; a publication date is as coarse as its source, so it has a first and a last.
DAYS = ("b_dp_first", "b_dp_last", "b_edat", "b_mhda", "b_lr", "b_dcom")


def tokenizer() -> tantivy.TextAnalyzer:
    """What turns a prepared text into words: lower case, folded, no stemming, no stop-words."""
    import tantivy

    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    return builder.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.ascii_fold()).build()


def add_fields(builder: tantivy.SchemaBuilder) -> None:
    """Add every field of ours to a schema."""
    for name in WORDS:
        builder.add_text_field(name, tokenizer_name=NAME)
    for name in VALUES:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in DAYS:
        builder.add_integer_field(name, indexed=False, fast=True)


def document_fields(texts: Mapping[str, str], meta: Mapping[str, Any]) -> dict[str, Any]:
    """The values of every field of ours for one document; a field without one is left out."""
    found: dict[str, Any] = {name: list(values) for name, values in (*_words(texts, meta), *_values(meta))}
    return {**{name: values for name, values in found.items() if values}, **dict(_days(meta))}


def words_of(texts: Mapping[str, str], meta: Mapping[str, Any]) -> dict[str, list[str]]:
    """The texts of each field of words, ready for the tokenizer."""
    return {name: list(values) for name, values in _words(texts, meta)}


def _words(texts: Mapping[str, str], meta: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[str]]]:
    extra: Mapping[str, Any] = meta.get("extra") or {}
    others = [each["text"] for each in extra.get("other_abstracts", ()) if each.get("text")]
    bodies = [texts[name] for name in TEXT_FIELDS if name != "title" and texts.get(name)]
    headings = [" ".join([name, *qualifiers]) for name, _, _, qualifiers in meta.get("mesh", ())]
    kinds = [name for name, _ in meta.get("publication_types", ())]
    people = [*meta.get("authors", ()), *(place for person in extra.get("author_list", ()) or ()
              if isinstance(person, Mapping) for place in person.get("affiliations", ()) or ())]  # fmt: skip
    rest = [meta.get("journal"), extra.get("medline_ta"), *people, *meta.get("registry_ids", ()),
            meta.get("doi"), meta.get("pmid"), extra.get("country")]  # fmt: skip
    for name, values in (
        ("b_ti", [texts.get("title")]), ("b_ab", [*bodies, *others]), ("b_ot", meta.get("keywords", ())),
        ("b_tt", [extra.get("vernacular_title")]), ("b_mw", headings),
        ("b_nw", [*kinds, *(name for name, *_ in meta.get("chemicals", ()))]), ("b_rest", rest),
    ):  # fmt: skip
        yield name, [spelt(str(value)) for value in values if value]


def _values(meta: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[str]]]:
    extra: Mapping[str, Any] = meta.get("extra") or {}
    headings = meta.get("mesh", ())
    yield "b_mh", dict.fromkeys(term for heading in headings for term in _heading(heading))
    yield "b_majr", dict.fromkeys(term for heading in headings if heading[2] for term in _heading(heading))
    yield "b_sh", dict.fromkeys(key(name) for *_, qualifiers in headings for name in qualifiers)
    yield "b_pt", [term for name, ui in meta.get("publication_types", ()) for term in (key(name), key(ui)) if term]
    yield "b_au", [key(name) for name in meta.get("authors", ())]
    journal = (meta.get("journal"), extra.get("medline_ta"), extra.get("iso_abbreviation"), extra.get("issn"))
    yield "b_ta", dict.fromkeys(key(name) for name in (*journal, extra.get("issn_linking")) if name)
    yield "b_la", [key(name) for name in meta.get("languages", ())]
    chemicals = meta.get("chemicals", ())
    yield "b_nm", dict.fromkeys(term for name, ui, _ in chemicals for term in (key(name), key(ui)) if term)
    yield "b_rn", dict.fromkeys(key(number) for *_, number in chemicals if number and number != "0")
    yield "b_uid", [str(meta["pmid"])] if meta.get("pmid") else []
    yield "b_aid", [key(meta[name]) for name in ("doi", "pmcid") if meta.get(name)]


def _heading(heading: tuple[str, str, bool, list[str]]) -> Iterator[str]:
    name, ui, _, qualifiers = heading
    for term in (key(name), key(ui)):
        if term:
            yield term
            yield from (f"{term}/{key(qualifier)}" for qualifier in qualifiers)


def _days(meta: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    extra: Mapping[str, Any] = meta.get("extra") or {}
    history: Mapping[str, Any] = extra.get("history") or {}
    published: Mapping[str, Any] = meta.get("published") or {}
    for name, text in (
        ("b_dp_first", published.get("start")), ("b_dp_last", published.get("end")),
        ("b_edat", extra.get("entrez") or history.get("entrez") or history.get("pubmed")),
        ("b_mhda", history.get("medline")), ("b_lr", meta.get("revised")), ("b_dcom", extra.get("completed")),
    ):  # fmt: skip
        if (day := _day(text)) is not None:
            yield name, day


def _day(text: object) -> int | None:
    try:
        return (date.fromisoformat(str(text)[:10]) - date(1970, 1, 1)).days
    except ValueError:
        return None


_NOT_WORD = re.compile(r"[\W_]+")


def key(text: str) -> str:
    """What a whole value is compared by: lower case, without accents, every run of other signs one blank.

    >>> key("Sacroiliac-Joint"), key("Diabetes Mellitus, Type 2")
    ('sacroiliac joint', 'diabetes mellitus type 2')
    """
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", spelt(text))
        text = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return _NOT_WORD.sub(" ", text.lower()).strip()


def pattern(text: str) -> str:
    """The key of a value with wildcards: `*`, `?` and `#` stay, the rest is as `key` makes it."""
    pieces = re.split(r"([*?#])", text)
    found = ""
    for piece in pieces:
        if piece in ("*", "?", "#") and piece:
            found += piece
            continue
        inner = key(piece)
        if not inner:
            found += " " if piece.strip() != piece and found else ""
            continue
        before = " " if found and not piece[0].isalnum() else ""
        found += before + inner + (" " if not piece[-1].isalnum() else "")
    return " ".join(found.split())


def regex(text: str) -> str:
    """A word or a value with wildcards as a regular expression of the engine; what is no letter is escaped."""
    marks = {"*": ".*", "?": ".?", "#": "."}
    return "".join(marks.get(sign) or (sign if sign.isalnum() or sign in " /" else f"\\{sign}") for sign in text)
