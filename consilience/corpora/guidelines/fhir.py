"""Recommendations as FHIR resources: PlanDefinitions rated by extensions or by an ArtifactAssessment.

Read are CPG-on-FHIR (a PlanDefinition with cqf-strengthOfRecommendation and cqf-qualityOfEvidence on itself, on an
action, or on the citation in its documentation) and EBMonFHIR (an ArtifactAssessment whose components rate strength,
direction and certainty). References are followed inside the file alone; nothing is fetched.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from consilience.corpora.citations import items, scalar
from consilience.corpora.dates import parse_date
from consilience.corpora.guidelines.markup import text_of
from consilience.corpora.guidelines.model import GuidelineDocument, Pair, Recommendation, slug
from consilience.records import normal_space

Resource = Mapping[str, Any]

_STRENGTH = re.compile(r"(?:^|/)cqf-strength-?of-?recommendation$", re.IGNORECASE)
_QUALITY = re.compile(r"(?:^|/)cqf-quality-?of-?evidence$", re.IGNORECASE)
_DIRECTION = re.compile(r"(?:^|/)cpg-direction-?of-?recommendation$", re.IGNORECASE)
_PART_OF = re.compile(r"(?:^|/)(?:cpg-)?partOf$", re.IGNORECASE)
# `recommendation`, `cpg-recommendationdefinition`: not `recommendation-plan`, which is how one is carried out.
_PROFILE = re.compile(r"(?:^|[/-])recommendation-?(?:definition|justification)?$", re.IGNORECASE)
_COLLECTION = re.compile(r"/([^/]+)/recommendations?/", re.IGNORECASE)
# "15 - Prophylaxis", "Sepsis M.1 - Volume", "Recommendation 3: Rest".
_NUMBER = re.compile(r"^(?:.{0,60}?\s)?((?:[A-Z]\.)?\d+(?:\.\d+)*[a-z]?)\s*(?:[-–—:]\s|$)")
_RATED = {"strength": r"strength-of-recommendation", "direction": r"direction-of-recommendation",
          "certainty": r"^overall|certainty|quality-of-evidence", "system": r"rating-system"}  # fmt: skip
_SUPERSEDES = frozenset(("predecessor", "replaces", "amends"))
_CITES = frozenset(("citation", "documentation", "derived-from", "justification", "cites", "supported-with"))
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class _Library:
    """The resources of one file by what may refer to them."""

    all: tuple[Resource, ...]
    by_name: Mapping[str, Resource]

    def named(self, reference: Any) -> Resource:
        """The resource a canonical, a `Reference` or a bare id points at within the file; `{}` when it is elsewhere."""
        raw = reference.get("reference") if isinstance(reference, Mapping) else reference
        name = _plain(raw).split("|")[0]
        return self.by_name.get(name) or self.by_name.get(name.rsplit("/", 1)[-1], {})


def unbundled(body: Resource) -> list[Resource]:
    """The resources of a file: those of a Bundle, contained ones, or the one it is."""
    found, queue = [], [(body, 0)]
    while queue:
        resource, depth = queue.pop(0)
        found.append(resource)
        inner = [entry.get("resource") for entry in _maps(resource.get("entry"))] + _maps(resource.get("contained"))
        if depth < _MAX_DEPTH:
            queue += [(each, depth + 1) for each in inner if isinstance(each, Mapping)]
    return found


def pairs(resources: Iterable[Resource], form: str = "fhir") -> Iterator[Pair]:
    """The recommendations of one file in its order; those of one collection are one document."""
    library = _library(resources)
    plans = [r for r in library.all if r.get("resourceType") == "PlanDefinition"]
    stated = [plan for plan in plans if _is_recommendation(plan)]
    found: dict[tuple[str, str], list[tuple[Resource, list[Recommendation]]]] = defaultdict(list)
    for plan in stated or [plan for plan in plans if _rated_actions(plan)]:
        found[_collection(plan, library)].append((plan, _recommendations(plan, library)))
    for rating in _loose_ratings(library, plans):
        found[_collection(rating, library)].append((rating, [_of_rating(rating)]))
    for (issuer, guideline), advised in found.items():
        document = _document(issuer, guideline, [plan for plan, _ in advised], library, form)
        for plan, group in advised:
            # A retired plan or a draft beside active ones is out of force on its own; an assessment has no such status.
            status = document.status if _is_rating(plan) else _plain(plan.get("status")).lower()
            yield from ((replace(document, status=status), advice) for advice in group)


def _library(resources: Iterable[Resource]) -> _Library:
    every = tuple(resources)
    names: dict[str, Resource] = {}
    for resource in every:
        for name in (resource.get("id"), resource.get("url")):
            if isinstance(name, str) and name:
                names.setdefault(name, resource)
    return _Library(every, names)


def _is_recommendation(plan: Resource) -> bool:
    profiles = [p for p in items(_map(plan.get("meta")).get("profile")) if isinstance(p, str)]
    return any(_PROFILE.search(p.split("|")[0]) for p in profiles) or bool(_extended(plan, _STRENGTH))


# --- the document


def _collection(resource: Resource, library: _Library) -> tuple[str, str]:
    """Issuer and guideline of a resource: what it says it is part of, else the collection in its address."""
    issuer = _plain(resource.get("publisher")) or next(
        (name for each in library.all if (name := _plain(each.get("publisher")))), ""
    )
    for insert in _maps(resource.get("_insert")):
        arguments = items(insert.get("arguments"))
        if insert.get("name") == "canonical-url" and len(arguments) > 1:
            return issuer, str(arguments[0])
    part = _extended(resource, _PART_OF)
    address = _COLLECTION.search(_plain(resource.get("url")))
    named = (_plain(part).split("|")[0].rsplit("/", 1)[-1] if isinstance(part, str) else "") or (
        address[1] if address else ""
    )
    return issuer, named or _cited_guideline(resource) or _whole(library) or _plain(resource.get("name")) or _plain(
        resource.get("id"))  # fmt: skip


def _cited_guideline(resource: Resource) -> str:
    related = _maps(resource.get("relatedArtifact"))
    names = (
        _plain(each.get("display")) or _plain(each.get("label")) for each in related if each.get("type") == "part-of"
    )
    return next((slug(name) for name in names if name), "")


def _whole(library: _Library) -> str:
    wholes = [r for r in library.all if r.get("resourceType") in ("Composition", "ImplementationGuide", "Library")]
    titles = (_plain(each.get("name")) or _plain(each.get("title")) for each in wholes)
    bundle = (_plain(r.get("id")) for r in library.all if r.get("resourceType") == "Bundle")
    return next((slug(title) for title in titles if title), "") or next((name for name in bundle if name), "")


def _document(
    issuer: str, guideline: str, plans: Sequence[Resource], library: _Library, form: str
) -> GuidelineDocument:
    """The document its recommendations make up: the latest date and its version, since a release carries them all.

    Resources are versioned one by one; were each its own version, a new text of one recommendation would put all
    the others out of force.
    """
    latest = max(plans, key=lambda plan: (_day(plan), _plain(plan.get("version"))))
    statuses = {_plain(plan.get("status")).lower() for plan in plans}
    related = [each for plan in plans for each in _maps(plan.get("relatedArtifact"))]
    return GuidelineDocument(
        issuer=issuer or "unknown issuer",
        guideline=guideline,
        version=_plain(latest.get("version")) or _plain(latest.get("date"))[:10],
        status=next(iter(statuses)) if len(statuses) == 1 else "active" if "active" in statuses else "draft",
        published=_plain(latest.get("date"))[:10],
        format=form,
        title=next((t for r in library.all if r.get("resourceType") in ("Composition", "ImplementationGuide")
                    and (t := _plain(r.get("title")))), "") or guideline,
        url=_plain(latest.get("url")),
        language=_plain(latest.get("language")),
        license=_plain(latest.get("copyright")),
        jurisdiction=next((t for each in _maps(latest.get("jurisdiction")) if (t := _concept(each))), ""),
        last_reviewed=_plain(latest.get("lastReviewDate")),
        review_due=_plain(_map(latest.get("effectivePeriod")).get("end")),
        supersedes=tuple(sorted({name for each in related if each.get("type") in _SUPERSEDES
                                 and (name := _plain(each.get("resource")) or _plain(each.get("url")))})),
    )  # fmt: skip


def _day(plan: Resource) -> str:
    when = parse_date(_plain(plan.get("date"))[:10])
    return when.end.isoformat() if when else ""


# --- recommendations


def _recommendations(plan: Resource, library: _Library) -> list[Recommendation]:
    """One for the plan, or one for each of its actions that has a grade of its own."""
    whole = _of_plan(plan, library)
    actions = _rated_actions(plan)
    if len(actions) < 2:
        return [whole]
    return [
        replace(
            whole,
            number=_plain(action.get("prefix")) or f"{whole.number}.{place}",
            text=_text(action) or whole.text,
            title=_plain(action.get("title")) or whole.title,
            anchor=_plain(action.get("id")) or _plain(action.get("linkId")) or whole.anchor,
            **_grades(action, plan, {}),
        )
        for place, action in enumerate(actions, start=1)
    ]


def _of_plan(plan: Resource, library: _Library) -> Recommendation:
    actions = list(_actions(plan))
    carried = [r for a in actions if (r := library.named(a.get("definitionCanonical") or a.get("definitionUri")))]
    steps = [r for p in carried for a in _actions(p) if (r := library.named(a.get("definitionCanonical")))]
    described = [text for r in carried if (text := _text(r)) and text != _text(plan)]
    population = [
        _text(library.named(p.get("subjectCanonical") or p.get("subjectReference"))) for p in (plan, *carried)
    ]
    goals = [_plain(_map(g.get("description")).get("text")) for p in (plan, *carried) for g in _maps(p.get("goal"))]
    rating = next((r for r in library.all if _is_rating(r) and _rated(r, library) is plan), {})
    grades = _grades(plan, next(iter(_rated_actions(plan)), {}), rating)
    name = _plain(plan.get("name"))
    number = _NUMBER.search(name) or _NUMBER.search(_plain(plan.get("title")))
    return Recommendation(
        number=number[1] if number else name or _plain(plan.get("id")),
        text=_text(plan) or next(iter(described), ""),
        title=_plain(plan.get("title")),
        remarks=" ".join(dict.fromkeys(described)),
        population="; ".join(dict.fromkeys(text for text in population if text)),
        intervention="; ".join(dict.fromkeys(goal for goal in goals if goal)) or "; ".join(_products(steps)),
        anchor=_plain(plan.get("id")),
        codes=tuple({code["code"]: code for code in _codes(plan)}.values()),
        evidence=tuple(_evidence(plan)),
        extra={"resource_version": v} if (v := _plain(plan.get("version"))) else {},
        **(grades if grades["direction"] else {**grades, "direction": _direction_of_steps(steps or actions)}),
    )


def _text(resource: Resource) -> str:
    """The words of a recommendation: its description (Markdown or HTML), else its title."""
    raw = resource.get("description")
    text = raw if isinstance(raw, str) else ""
    plain = text_of(text) if re.search(r"<\w+[^>]*>", text) else normal_space(text)
    return plain or _plain(resource.get("textEquivalent")) or _plain(resource.get("title"))


def _actions(resource: Resource, depth: int = 0) -> Iterator[Resource]:
    for action in _maps(resource.get("action")):
        yield action
        if depth < _MAX_DEPTH:
            yield from _actions(action, depth + 1)


def _rated_actions(plan: Resource) -> list[Resource]:
    return [action for action in _actions(plan) if _extended(action, _STRENGTH)]


def _direction_of_steps(steps: Sequence[Resource]) -> str:
    """Against when all that it names is not to be done (`doNotPerform`); FHIR has no other word on it."""
    return "against" if steps and all(step.get("doNotPerform") is True for step in steps) else ""


def _products(steps: Sequence[Resource]) -> list[str]:
    return list(dict.fromkeys(t for step in steps if (t := _concept(_map(step.get("productCodeableConcept"))))))


def _codes(plan: Resource) -> Iterator[dict[str, str]]:
    for concept in [*_maps(plan.get("topic")), *(_map(a.get("code")) for a in _actions(plan))]:
        for coding in _maps(concept.get("coding")):
            named = {name: text for name in ("system", "code", "display") if (text := _plain(coding.get(name)))}
            if "code" in named:
                yield named


def _evidence(plan: Resource) -> Iterator[dict[str, str]]:
    for each in _maps(plan.get("relatedArtifact")):
        if each.get("type") in _CITES:
            raw = _plain(each.get("citation")) or _plain(each.get("display"))
            address = _plain(each.get("url")) or _plain(_map(each.get("document")).get("url"))
            pmid = re.search(r"pubmed[^\d]{1,40}(\d{1,8})\b", address) or re.search(r"\bPMID:? ?(\d{1,8})\b", raw)
            doi = re.search(r"10\.\d{4,9}/\S+", f"{address} {raw}")
            found = {"pmid": pmid[1] if pmid else "", "doi": doi[0] if doi else "", "raw": raw or address}
            if kept := {name: text for name, text in found.items() if text}:
                yield kept


# --- grades


def _grades(first: Resource, second: Resource, rating: Resource) -> dict[str, Any]:
    """Strength, certainty, direction and system: from the resource, else from what stands second, else a rating."""
    rated = _ratings(rating)
    read = {
        name: _concept(_extended(first, pattern)) or _concept(_extended(second, pattern)) or rated.get(name, "")
        for name, pattern in (("strength", _STRENGTH), ("certainty", _QUALITY), ("direction", _DIRECTION))
    }
    told = re.search(r"against|for", f"{read['direction']} {rated.get('direction', '')}".lower())
    return {**read, "direction": told[0] if told else "", "system": rated.get("system", "")}


def _extended(resource: Resource, address: re.Pattern[str]) -> Any:
    """The value of an extension on an element, on its documentation or on its related artifacts."""
    places = [resource]
    for name in ("documentation", "relatedArtifact"):
        for each in _maps(resource.get(name)):
            places += [each, _map(each.get("document"))]
    for place in places:
        for extension in _maps(place.get("extension")):
            if address.search(_plain(extension.get("url")) or _plain(extension.get("_slice"))):
                return next((v for name, v in extension.items() if name.startswith("value")), None)
    return None


def _ratings(rating: Resource) -> dict[str, str]:
    found: dict[str, str] = {}
    queue = [(each, 0) for each in _maps(rating.get("content"))]
    while queue:
        part, depth = queue.pop(0)
        code = " ".join(_plain(c.get("code")) for c in _maps(_map(part.get("type")).get("coding"))).lower()
        value = next((t for c in _maps(part.get("classifier")) if (t := _concept(c))), "")
        for name, pattern in _RATED.items():
            if value and re.search(pattern, code):
                found.setdefault(name, value)
        if depth < _MAX_DEPTH:
            queue += [(each, depth + 1) for each in _maps(part.get("component"))]
    return found


def _loose_ratings(library: _Library, plans: Sequence[Resource]) -> list[Resource]:
    """Assessments that rate strength and say the recommendation themselves, their plan not being in the file."""
    return [r for r in library.all if _is_rating(r) and "strength" in _ratings(r) and _rated(r, library) not in plans]


def _is_rating(resource: Resource) -> bool:
    return resource.get("resourceType") == "ArtifactAssessment"


def _rated(rating: Resource, library: _Library) -> Resource:
    return library.named(rating.get("artifactReference") or rating.get("artifactCanonical"))


def _of_rating(rating: Resource) -> Recommendation:
    summary = next((t for c in _maps(rating.get("content")) if (t := _plain(c.get("summary")))), "")
    described = next((_plain(e.get("valueMarkdown")) for e in _maps(rating.get("extension"))
                      if _plain(e.get("url")).endswith("description")), "")  # fmt: skip
    name = _plain(rating.get("name")) or _plain(rating.get("title"))
    number = _NUMBER.search(name)
    return Recommendation(
        number=number[1] if number else _plain(rating.get("id")) or slug(name),
        text=described or summary or _plain(rating.get("title")),
        title=_plain(rating.get("title")),
        remarks=summary if described else "",
        anchor=_plain(rating.get("id")),
        **_grades({}, {}, rating),
    )


# --- small things


def _concept(value: Any) -> str:
    """A CodeableConcept or a Coding in words: its text, else the display or code of its first coding."""
    if isinstance(value, str):
        return _plain(value)
    concept = _map(value)
    codings = _maps(concept.get("coding")) or [concept]
    return _plain(concept.get("text")) or next(
        (text for c in codings if (text := _plain(c.get("display")) or _plain(c.get("code")))), ""
    )


def _plain(value: Any) -> str:
    return scalar(value, "value") if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: Any) -> list[Mapping[str, Any]]:
    found = value if isinstance(value, list) else [value]
    return [each for each in found if isinstance(each, Mapping)]
