"""One citation from loose values: the identifiers, dates, headings and types that records carry.

The values come from JSON lines, tables and reference managers, so each may be missing, null, a number or text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from consilience.corpora.dates import parse_date
from consilience.errors import SkipRecordError
from consilience.records import (
    MeshHeading,
    PublicationEvent,
    PublicationType,
    Record,
    canonical_json,
    doi_curie,
    normal_doi,
    normal_space,
    pmid_curie,
    sha256,
)

# NLM's unique identifiers (MeSH publication types); labels are renamed, these are not.
PUBLICATION_TYPE_UI = {
    "Case Reports": "D002363",
    "Clinical Trial": "D016430",
    "Clinical Trial, Phase I": "D017426",
    "Clinical Trial, Phase II": "D017427",
    "Clinical Trial, Phase III": "D017428",
    "Comment": "D016420",
    "Comparative Study": "D003160",
    "Controlled Clinical Trial": "D018848",
    "Editorial": "D016421",
    "Guideline": "D016431",
    "Journal Article": "D016428",
    "Letter": "D016422",
    "Meta-Analysis": "D017418",
    "Multicenter Study": "D016448",
    "Observational Study": "D064888",
    "Practice Guideline": "D017065",
    "Pragmatic Clinical Trial": "D065007",
    "Preprint": "D000076942",
    "Published Erratum": "D016425",
    "Randomized Controlled Trial": "D016449",
    "Retracted Publication": "D016441",
    "Retraction of Publication": "D016440",
    "Retraction Notice": "D016440",
    "Review": "D016454",
    "Systematic Review": "D000078182",
}
_UI_OF = {label.lower(): ui for label, ui in PUBLICATION_TYPE_UI.items()}
_LABEL_OF = {ui: label for label, ui in PUBLICATION_TYPE_UI.items()}
# The keys of the contract; any other is kept as `extra`.
KEYS = frozenset(
    ("id", "pmid", "doi", "title", "abstract", "published", "year", "mesh", "publication_types", "keywords")
)
_MAX_ID = 512


def citation(values: Mapping[str, Any], source: Literal["nbib", "records"] = "records") -> Record:
    """The record that contract keys describe: `{"pmid": 7, "title": "A", "year": 2003}` is `PMID:7`."""
    fields = {name: text for name in ("title", "abstract") if (text := _prose(values.get(name), name))}
    if not fields:
        raise SkipRecordError("neither title nor abstract")
    given, pmid, raw_doi = given_id(values.get("id")), pmid_of(values.get("pmid")), scalar(values.get("doi"), "doi")
    if given.startswith("PMID:"):
        named = pmid_of(given)
        if pmid and pmid != named:
            raise SkipRecordError(f"the id is {given} but the pmid is {pmid}")
        pmid = named
    doi = normal_doi(raw_doi)
    events, warnings = _events(values)
    extra = {name: value for name, value in values.items() if name not in KEYS and value is not None}
    extra |= {"date_warnings": warnings} if warnings else {}
    extra |= {"doi_raw": raw_doi} if raw_doi and not doi else {}
    return Record(
        id=given or citation_id(pmid, doi, fields),
        source=source,
        fields=fields,
        pmid=pmid,
        doi=doi,
        events=events,
        publication_types=tuple(publication_type(item) for item in items(values.get("publication_types"))),
        mesh=tuple(mesh_heading(item) for item in items(values.get("mesh"))),
        keywords=tuple(k for item in items(values.get("keywords")) if (k := scalar(item, "keywords"))),
        extra=extra,
    )


def citation_id(pmid: str, doi: str, fields: Mapping[str, str]) -> str:
    """The id of a record that was given none: by PMID, else DOI, else a hash of title and abstract."""
    if pmid:
        return pmid_curie(pmid)
    if doi:
        return doi_curie(doi)
    return "REC:" + sha256(canonical_json([fields.get("title", ""), fields.get("abstract", "")]))[:16]


def given_id(value: Any) -> str:
    """An id given on import, kept as it is."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SkipRecordError("the id is neither text nor a number")
    text = str(value)
    if text != normal_space(text) or len(text) > _MAX_ID:
        raise SkipRecordError("the id holds stray blanks or hidden characters, or is too long")
    return text


def pmid_of(value: Any) -> str:
    """The digits of a PMID given as 7, "7", 7.0 or "PMID: 7"; "" when there is none, for which 0 also stands."""
    text = scalar(value, "pmid")
    found = re.fullmatch(r"(?:PMID:? ?)?(\d{1,8})(?:\.0+)?", text, re.IGNORECASE | re.ASCII)
    if text and not found:
        raise SkipRecordError(f"the pmid {text[:40]!r} is not a number")
    return found.group(1).lstrip("0") if found else ""


def scalar(value: Any, name: str) -> str:
    """A single value as text with white space normalised; null is ""."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SkipRecordError(f"{name} is neither text nor a number")
    return normal_space(str(value))


def items(value: Any) -> list[Any]:
    """A list as it is; text is split on semicolons, as tables write lists; null is empty."""
    if value is None:
        return []
    if isinstance(value, list):
        return [item for item in value if item is not None and item != ""]
    if isinstance(value, str):
        return [part.strip() for part in value.split(";") if part.strip()]
    return [value]


def publication_type(item: Any) -> PublicationType:
    """A publication type from its label, its UI, or `{"name", "ui"}`; well-known labels get their UI."""
    if isinstance(item, Mapping):
        name, ui = scalar(item.get("name"), "publication_types"), scalar(item.get("ui"), "publication_types")
    else:
        name, ui = scalar(item, "publication_types"), ""
    if not ui and re.fullmatch(r"D\d{6,9}", name, re.ASCII):
        name, ui = "", name
    if not name and not ui:
        raise SkipRecordError("a publication type has neither name nor ui")
    return PublicationType(name or _LABEL_OF.get(ui, ui), ui or _UI_OF.get(name.lower(), ""))


def mesh_heading(item: Any) -> MeshHeading:
    """A heading from `{"name", "ui"}` or from MEDLINE's notation, e.g. `*Asthma/drug therapy/*genetics`."""
    if isinstance(item, Mapping):
        name = scalar(item.get("name"), "mesh")
        if not name:
            raise SkipRecordError("a mesh heading has no name")
        qualifiers = tuple(scalar(q, "mesh") for q in items(item.get("qualifiers")))
        return MeshHeading(name, scalar(item.get("ui"), "mesh"), item.get("major") is True, qualifiers)
    # Qualifiers are lower case; a slash before a capital belongs to the descriptor.
    parts = re.split(r"/ ?(?=\*?[a-z])", scalar(item, "mesh"))
    name, *rest = (part.lstrip("*").rstrip() for part in parts)
    return MeshHeading(name, major=any(part.startswith("*") for part in parts), qualifiers=tuple(rest))


def _events(values: Mapping[str, Any]) -> tuple[tuple[PublicationEvent, ...], list[str]]:
    raw = next((v for v in (values.get("published"), values.get("year")) if v is not None and v != ""), None)
    if raw is None:
        return (), []
    text = normal_space(str(raw)) if isinstance(raw, str | int | float) else ""
    when = parse_date(re.sub(r"^(\d{4})\.0+$", r"\1", text))  # tables write whole numbers as 2003.0
    if when is None:
        return (), [f"no date could be read from {str(raw)[:80]!r}"]
    return (PublicationEvent("published", when),), []


def _prose(value: Any, name: str) -> str:
    if isinstance(value, list):
        return " ".join(part for item in value if (part := scalar(item, name)))
    return scalar(value, name)
