"""What changed from one version of a guideline to another, recommendation by recommendation, with verbatim spans."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from consilience.corpora import snapshot
from consilience.corpora.corpus import Clocks, Corpus, Document
from consilience.corpora.guidelines.kinds import (
    KINDS,
    Difference,
    Kind,
    differences,
    kinds,
    similarity,
    telling,
    tokens,
)
from consilience.errors import NotFoundError
from consilience.records import canonical_json

Change = Literal["added", "removed", "unchanged", "reworded", "changed"]

# Under one number, less in common than this is another recommendation that got the number; without a number, less
# than half is too little to speak of the same one.
_SAME_NUMBER, _NO_NUMBER = 0.4, 0.5


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation as far as versions are compared: its number, its words, its grade."""

    number: str
    text: str
    strength: str = "ungraded"
    direction: str = "neither"
    remarks: str = ""


@dataclass(frozen=True, slots=True)
class Aligned:
    """A recommendation in two versions, or in one of them alone."""

    before: int | None
    after: int | None
    by: Literal["text", "number", "similarity", "none"]
    similarity: float | None = None


def align(before: Sequence[Advice], after: Sequence[Advice]) -> list[Aligned]:
    """Pair the recommendations of two versions: same words, else same number, else the most alike.

    In the order of the later version, with what is gone at the end.
    """
    words = [[tokens(each.text) for each in side] for side in (before, after)]
    old, new = ([tuple(t.word for t in each) for each in side] for side in words)
    bags, counts = ([telling(each) for each in side] for side in words)
    found: dict[int, Aligned] = {}
    left = set(range(len(before)))

    def pair(i: int, j: int, by: Literal["text", "number", "similarity"], alike: float) -> None:
        found[j] = Aligned(i, j, by, alike)
        left.discard(i)

    for j, advice in enumerate(after):
        if same := [i for i in sorted(left) if old[i] == new[j]]:
            i = min(same, key=lambda i: (before[i].number != advice.number, i))
            pair(i, j, "number" if before[i].number == advice.number else "text", 1.0)
    numbers = {before[i].number: i for i in sorted(left, reverse=True)}
    for j, advice in enumerate(after):
        i = numbers.get(advice.number, -1)
        if j not in found and i in left and (alike := similarity(bags[i], counts[j])) >= _SAME_NUMBER:
            pair(i, j, "number", alike)
    scored = [(similarity(bags[i], counts[j]), i, j)
              for j in range(len(after)) if j not in found for i in sorted(left)]  # fmt: skip
    for alike, i, j in sorted(scored, key=lambda each: (-each[0], each[1], each[2])):
        if alike >= _NO_NUMBER and i in left and j not in found:
            pair(i, j, "similarity", alike)
    return [found.get(j, Aligned(None, j, "none")) for j in range(len(after))] + [
        Aligned(i, None, "none") for i in sorted(left)
    ]


def compared(before: Advice, after: Advice) -> tuple[Change, tuple[Kind, ...], list[Difference]]:
    """How one recommendation changed: the change, its kinds, and the differences in the words.

    A change of grade counts even where the words stayed; the certainty of the evidence is not the advice.
    """
    found = differences(before.text, after.text)
    told = set(kinds(found))
    if "ungraded" not in (before.strength, after.strength) and before.strength != after.strength:
        told.add("intensity")
    if {before.direction, after.direction} == {"for", "against"}:
        told.add("modality")
    ordered = tuple(kind for kind in KINDS if kind in told)
    return ("changed" if ordered else "reworded" if found else "unchanged"), ordered, found


# --- versions in a corpus


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a guideline as known and published on the clocks."""

    version: str
    published: date
    documents: tuple[Document, ...]

    def as_json(self) -> dict[str, Any]:
        """What the reply says of it."""
        return {
            "version": self.version,
            "published": self.published.isoformat(),
            "recommendations": len(self.documents),
        }


def changes(
    corpus: Corpus, issuer: str, guideline: str, clocks: Clocks, *, from_version: str | None, to_version: str | None
) -> dict[str, Any]:
    """The changes between two versions of a guideline, by default the last two; drafts are no versions."""
    known = editions(corpus, issuer, guideline, clocks)
    before, after = _chosen(known, f"{issuer}/{guideline}", from_version, to_version)
    old, new = [_advice(d) for d in before.documents], [_advice(d) for d in after.documents]
    rows = [_row(each, old, new, before.documents, after.documents) for each in align(old, new)]
    counts = Counter(row["change"] for row in rows)
    return {
        "issuer": issuer,
        "guideline": guideline,
        "from": before.as_json(),
        "to": after.as_json(),
        "versions": [each.version for each in known],
        "rows": rows,
        "counts": {name: counts[name] for name in ("added", "removed", "unchanged", "reworded", "changed")},
    }


def editions(corpus: Corpus, issuer: str, guideline: str, clocks: Clocks) -> list[Edition]:
    """The versions of a guideline, oldest first."""
    visible = corpus.visible(clocks) & corpus.among("guideline", [canonical_json([issuer, guideline])])
    by_version: dict[str, list[Document]] = {}
    for row in visible.nonzero()[0].tolist():
        document = corpus.document(row)
        by_version.setdefault(str(document.meta["guideline"]["version"]), []).append(document)
    if not by_version:
        raise NotFoundError(
            f"no guideline {issuer}/{guideline} on these clocks", where=guideline, expected=_known(corpus, clocks)
        )
    order = {name: snapshot.place([{"id": d.id, "published": d.published} for d in documents], name)
             for name, documents in by_version.items()}  # fmt: skip
    return [Edition(name, order[name][0], tuple(sorted(by_version[name], key=_by_number)))
            for name in sorted(by_version, key=lambda name: order[name])]  # fmt: skip


def _by_number(document: Document) -> tuple[list[tuple[int, str]], str]:
    return snapshot.natural(str(document.meta["guideline"]["recommendation"])), document.id


def _known(corpus: Corpus, clocks: Clocks) -> str:
    here = corpus.table.filter(corpus.visible(clocks))["guideline"].drop_null().unique().to_pylist()
    names = sorted("/".join(json.loads(name)) for name in here)
    return "one of " + "; ".join(names[:10]) if names else "consilience ingest guidelines, then refresh"


def _chosen(known: Sequence[Edition], name: str, first: str | None, last: str | None) -> tuple[Edition, Edition]:
    there = {each.version: each for each in known}
    expected = ", ".join(there)
    for asked in (first, last):
        if asked is not None and asked not in there:
            raise NotFoundError(f"no version {asked} of {name} on these clocks", where=asked, expected=expected)
    after = there[last] if last is not None else known[-1]
    earlier = [each for each in known if each is not after and known.index(each) < known.index(after)]
    before = there[first] if first is not None else earlier[-1] if earlier else None
    if before is None:
        raise NotFoundError(
            f"no version of {name} before {after.version} is known", where=after.version, expected=f"two of {expected}"
        )
    return before, after


def _advice(document: Document) -> Advice:
    said: Mapping[str, Any] = document.meta["guideline"]
    return Advice(str(said["recommendation"]), document.fields["text"], str(said.get("strength_norm", "ungraded")),
                  str(said.get("direction", "neither")), document.fields.get("remarks", ""))  # fmt: skip


def _row(
    aligned: Aligned, old: Sequence[Advice], new: Sequence[Advice], olds: Sequence[Document], news: Sequence[Document]
) -> dict[str, Any]:
    i, j = aligned.before, aligned.after
    row: dict[str, Any] = {
        "recommendation": new[j].number if j is not None else old[i].number if i is not None else "",
        "was": old[i].number if i is not None else None,
        "aligned_by": aligned.by,
        "similarity": None if aligned.similarity is None else round(aligned.similarity, 4),
        "before": _whole(olds[i]) if i is not None else None,
        "after": _whole(news[j]) if j is not None else None,
        "before_grade": _grade(olds[i]) if i is not None else None,
        "after_grade": _grade(news[j]) if j is not None else None,
    }
    if i is None or j is None:
        return {**row, "change": "added" if i is None else "removed", "kinds": [], "differences": []}
    change, told, found = compared(old[i], new[j])
    parts = [{"kind": each.kind, "before": _part(olds[i], each.before), "after": _part(news[j], each.after)}
             for each in found]  # fmt: skip
    if [t.word for t in tokens(old[i].remarks)] != [t.word for t in tokens(new[j].remarks)]:
        # Remarks give doses as well as reasons: shown whole, for a reader to judge.
        parts.append({"kind": None, "before": _remarks(olds[i]), "after": _remarks(news[j])})
        change = "reworded" if change == "unchanged" else change
    return {**row, "change": change, "kinds": list(told), "differences": parts}


def _remarks(document: Document) -> dict[str, Any] | None:
    text = document.fields.get("remarks", "")
    return document.span("remarks", 0, len(text)).as_json() if text else None


def _whole(document: Document) -> dict[str, Any]:
    return document.span("text", 0, len(document.fields["text"])).as_json()


def _part(document: Document, place: tuple[int, int]) -> dict[str, Any] | None:
    return document.span("text", *place).as_json() if place[0] < place[1] else None


def _grade(document: Document) -> dict[str, Any]:
    said = document.meta["guideline"]
    return {"strength": said.get("strength"), "strength_norm": said.get("strength_norm", "ungraded"),
            "certainty": said.get("certainty"), "certainty_norm": said.get("certainty_norm", "ungraded"),
            "direction": said.get("direction", "neither"), "system": said.get("system")}  # fmt: skip
