"""MAGICapp's guideline JSON: sections within sections, recommendations with strength and HTML text.

The shape is the one its public clients read (sources §3.1): `{"name", "sections": [{"heading", "text",
"recommendations": [{"text", "remarks", "strength"}], "subSections": [...]}]}`; institution, short code and dates
stand in the catalogue entry, whose keys are looked for beside `name` (a file saved with both).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from consilience.corpora.citations import items, scalar
from consilience.corpora.guidelines.markup import text_of
from consilience.corpora.guidelines.model import GuidelineDocument, Pair, Recommendation, slug
from consilience.errors import SkipRecordError

_MAX_DEPTH = 20
_MAX_FRAGMENT = 4 << 20
# MAGICapp writes GRADE's certainty as one word or with an underscore.
_CERTAINTY = {"very_low": "very low", "verylow": "very low"}
Section = Mapping[str, Any]


def is_guideline(body: Mapping[str, Any]) -> bool:
    """Whether a JSON object has MAGICapp's shape."""
    return isinstance(body.get("sections"), list) and "resourceType" not in body


def pairs(body: Mapping[str, Any]) -> Iterator[Pair]:
    """The recommendations of one guideline, in its order, numbered by their place unless they carry a number."""
    document = _document(body)
    for advice in _sections(_mappings(body["sections"]), (), ()):
        yield document, advice


def _document(body: Mapping[str, Any]) -> GuidelineDocument:
    title = _text(body, "name", "title")
    version = _text(body, "version", "versionName") or ".".join(
        part for name in ("majorVersion", "minorVersion") if (part := _text(body, name))
    )
    published = _text(body, "publishDate", "publishedDate", "published")
    status = _text(body, "status") or ("draft" if title.upper().startswith("DRAFT") else "current")
    return GuidelineDocument(
        issuer=_text(body, "institutionName", "institution", "owner") or "MAGICapp",
        guideline=_text(body, "shortCode", "guidelineId") or slug(title),
        version=version or _text(body, "publishedId") or published,
        status=status.lower(),
        published=published,
        format="magicapp",
        title=title,
        language=_text(body, "language"),
        url=_text(body, "url"),
        doi=_text(body, "doi"),
        license=_text(body, "license"),
        last_reviewed=_text(body, "lastReviewed"),
    )


def _text(body: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = body.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and (text := scalar(value, name)):
            return text
    return ""


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in items(value) if isinstance(each, Mapping)]


def _sections(sections: list[Section], path: tuple[str, ...], place: tuple[int, ...]) -> Iterator[Recommendation]:
    if len(place) >= _MAX_DEPTH:
        return
    for index, section in enumerate(sections, start=1):
        heading = text_of(_fragment(section, "heading"))
        here, spot = (*path, *([heading] if heading else [])), (*place, index)
        for count, advice in enumerate(_mappings(section.get("recommendations")), start=1):
            yield _recommendation(advice, here, ".".join(map(str, spot)) + f"-{count}")
        yield from _sections(_mappings(section.get("subSections")), here, spot)


def _recommendation(advice: Mapping[str, Any], section: tuple[str, ...], place: str) -> Recommendation:
    strength = _text(advice, "strength")
    certainty = _text(advice, "certainty", "certaintyOfEvidence", "qualityOfEvidence")
    pico = next(iter(_mappings(advice.get("picos"))), advice)
    return Recommendation(
        number=_text(advice, "number", "recommendationNumber") or place,
        text=text_of(_fragment(advice, "text")),
        remarks=text_of(_fragment(advice, "remarks")),
        section=section,
        population=text_of(_fragment(pico, "population")),
        intervention=text_of(_fragment(pico, "intervention")),
        comparator=text_of(_fragment(pico, "comparator")),
        strength=strength,
        certainty=_CERTAINTY.get(certainty.lower(), certainty),
        system="MAGICapp",
        anchor=_text(advice, "recommendationId", "id"),
    )


def _fragment(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None or isinstance(value, Mapping | list):
        return ""
    text = str(value)
    if len(text) > _MAX_FRAGMENT and "data:" not in text:
        raise SkipRecordError(f"{name} is longer than {_MAX_FRAGMENT >> 20} MiB")
    return text
