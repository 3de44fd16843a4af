"""The contract's objects for a reader at a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from consilience.records import normal_space

ADVICE = "Not individual medical advice."

Obj = Mapping[str, Any]


def show(name: str, obj: Obj) -> None:
    """Print an object on stdout; in a pipe nothing is wrapped or coloured."""
    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())
    for line in RENDERERS.get(name, plainly)(obj):
        console.print(line)
    sys.stdout.flush()


def plain(value: object) -> str:
    """Text from a document without control, zero-width and bidirectional marks, which could hide or steer."""
    return normal_space(str(value))


def line(*parts: tuple[str, str] | str) -> Text:
    """One line of styled and plain parts."""
    return Text.assemble(*((plain_ends(p), "") if isinstance(p, str) else (plain_ends(p[0]), p[1]) for p in parts))


def plain_ends(text: str) -> str:
    """`plain`, but with the blanks at either end that keep two parts of a line apart."""
    head = text[: len(text) - len(text.lstrip(" "))]
    tail = text[len(text.rstrip(" ")) :] if text.strip(" ") else ""
    return head + plain(text) + tail


def plainly(obj: Obj) -> Iterator[Text]:
    """Every key and value, for objects that need no more."""
    for key, value in obj.items():
        if key not in ("warnings", "usage"):
            shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
            yield line((f"{key}: ", "bold"), "none" if shown is None else str(shown))


def source(citation: Obj, label: str) -> Iterator[Text]:
    """One cited passage: where it stands, what it is worth, its words."""
    dated = (citation["published"] or "undated") if "published" in citation else None
    facts = ", ".join(fact for fact in (dated, *map(citation.get, ("design", "study", "stance"))) if fact)
    title, told = citation.get("title") or "", f" ({facts})" if facts else ""
    yield line((f"{label} ", "cyan"), (f"{citation['id']} ", "bold"), *label_of(citation), title, told)
    yield line(f'    {citation["field"]} {citation["start"]}-{citation["end"]}: "{citation["quote"]}"')


def label_of(document: Obj) -> Iterator[tuple[str, str]]:
    """What must be seen before a document is believed: RETRACTED, SUPERSEDED, preprint."""
    status = document.get("status")
    if status and status != "active":
        yield (f"{status.upper()} ", "bold red")
    if document.get("retracted_since"):
        yield (f"RETRACTED SINCE {document['retracted_since']} ", "bold red")
    if document.get("preprint"):
        yield ("preprint ", "yellow")


def ask(obj: Obj) -> Iterator[Text]:
    """An answer with numbered citations, or why there is none; then its quotes and disagreements."""
    yield line((obj["question"], "bold"))
    if obj["abstained"]:
        yield line(("No answer: ", "yellow"), f"{obj['abstained']['reason']}. {obj['abstained']['detail']}")
    elif obj.get("verdict"):
        yield line((obj["verdict"], "bold"), f" (probability {obj['probabilities'][obj['verdict']]:.2f})")
    for sentence in obj["sentences"]:
        yield line(sentence["text"], " ", (numbers(sentence["citations"]), "cyan"))
    for item in obj.get("items") or ():
        yield line("- ", item["text"], " ", (numbers(item["citations"]), "cyan"))
    certainty = obj["certainty"]
    basis = certainty["basis"].replace("_", " ")
    reasons = "".join(f"; {reason}" for reason in certainty["reasons"])
    yield line(("Certainty: ", "bold"), f"{certainty['level'].replace('_', ' ')} ({basis}{reasons})")
    yield from disagreements(obj["disagreements"])
    yield from chains(obj["chains"])
    yield from sources(obj["citations"])
    yield line(f"As of {obj['as_of']}, known at {obj['known_at']}. {ADVICE}")


def disagreements(found: Iterable[Obj]) -> Iterator[Text]:
    """Where the evidence parts, with both sides."""
    for each in found:
        sides = f" (for {numbers(each['supporting'])}, against {numbers(each['refuting'])})"
        yield line(("Disagreement: ", "bold yellow"), each["claim"], sides, f" {each['explanation'] or ''}")


def chains(found: Iterable[Obj]) -> Iterator[Text]:
    """How each chain of reasoning came out."""
    for each in found:
        verdict = f"failed: {each['error']}" if each["error"] else each["verdict"] or "no verdict"
        yield line((f"Chain {each['name']}: ", "bold"), f"{verdict}, {studies(each)}")


def sources(citations: Iterable[Obj]) -> Iterator[Text]:
    """The numbered passages."""
    for index, citation in enumerate(citations, start=1):
        yield from source(citation, f"[{index}]")


def verify(obj: Obj) -> Iterator[Text]:
    """A verdict on a claim and the passages it rests on."""
    yield line((obj["claim"], "bold"))
    yield line((obj["verdict"], "bold"), f" (probability {obj['probabilities'][obj['verdict']]:.2f})")
    yield from sources(obj["citations"])
    yield line(ADVICE)


def search(obj: Obj) -> Iterator[Text]:
    """Hits, best first, each with its passage."""
    for hit in obj["hits"]:
        facts = ", ".join(fact for fact in (hit["published"] or "undated", hit["design"]) if fact)
        rank, score = f"{hit['rank']:>3}. ", f" ({facts}) {hit['score']:.4f}"
        yield line((rank, "cyan"), (f"{hit['id']} ", "bold"), *label_of(hit), hit["title"], score)
        yield line(f'     "{hit["span"]["quote"]}"')
    if not obj["hits"]:
        yield line("Nothing found.")


def document(obj: Obj) -> Iterator[Text]:
    """One document: its standing, then its text."""
    yield line((f"{obj['id']} ", "bold"), *label_of(obj), f"version {obj['version']} of {len(obj['versions'])}")
    yield line(f"published {obj['published'] or 'at an unknown date'}, {obj['design'] or 'design unknown'}")
    for name, text in obj["fields"].items():
        yield line((f"{name}: ", "bold"), text)


def edges(obj: Obj) -> Iterator[Text]:
    """Edges of the graph, each with its time, its belief and its evidence on both sides."""
    for row in obj["rows"]:
        step = f"path {row['path']}, step {row['hop']}: " if "hop" in row else ""
        subject, target = row.get("subject_name") or row["subject"], row.get("object_name") or row["object"]
        yield line((step, "cyan"), (f"{subject} {row['predicate']} {target}", "bold"), f"  {standing(row)}")
        if row["closed_by"]:
            yield line(f"  closed by {row['closed_by']}")
        for point in row.get("timeline") or ():
            yield line((f"  {point['date']} ", "cyan"), f"belief {point['belief']:.2f}, {studies(point)}")
        for sign, side in (("+", "supporting"), ("-", "refuting")):
            for span in row[side]:
                yield from source(span, f"  {sign}")
    if not obj["rows"]:
        yield line("The graph holds nothing on this.")


def standing(edge: Obj) -> str:
    """When an edge holds, how far it is believed, on how many studies."""
    held = f"{edge['holds_from'] or 'always'} to {edge['holds_until'] or 'now'}"
    return f"{held}, belief {edge['belief']:.2f}, {studies(edge)}"


def studies(counted: Obj) -> str:
    """`1 independent study`, `2 independent studies`."""
    count = counted["independent_studies"]
    return f"{count} independent {'study' if count == 1 else 'studies'}"


def changes(obj: Obj) -> Iterator[Text]:
    """What changed, when, and because of what."""
    for row in obj["rows"]:
        because = ", ".join(row["because"])
        yield line(
            (f"{row['at']} ", "cyan"), f"{row['what']} {row['id']}: {row['before']} -> {row['after']} ({because})"
        )


def ingest(obj: Obj) -> Iterator[Text]:
    """What became of each file."""
    for each in obj["files"]:
        error = f": {each['error']['message']}" if each.get("error") else ""
        counts = f"{each['records']} records, {each['deletions']} deletions, {each['quarantined']} quarantined"
        style = "bold red" if each["status"] == "refused" else "green"
        yield line((f"{each['status']} ", style), f"{each['file']} ({counts}){error}")
    yield line("Run `consilience refresh` to bring indexes and graph to date.")


def doctor(obj: Obj) -> Iterator[Text]:
    """Each check, and what to do about the ones that failed."""
    for check in obj["checks"]:
        mark = ("ok   ", "green") if check["ok"] else ("FAIL ", "bold red")
        repair = f" Repair: {check['repair']}" if check.get("repair") and not check["ok"] else ""
        yield line(mark, (f"{check['name']}: ", "bold"), check["detail"], repair)


def evaluation(obj: Obj) -> Iterator[Text]:
    """Measures with their intervals."""
    yield line((f"{obj['suite']} ", "bold"), f"({obj['n']} cases)")
    for name, measure in obj["measures"].items():
        value = "undefined" if measure["value"] is None else f"{measure['value']:.4f}"
        interval = "".join(f" [{low:.4f}, {high:.4f}]" for low, high in [measure["ci95"]] if measure["ci95"])
        yield line((f"{name}: ", "bold"), value, interval)


def simulation(obj: Obj) -> Iterator[Text]:
    """What prioritised screening would have saved."""
    yield from plainly({key: value for key, value in obj.items() if key not in ("order", "config")})


def numbers(indices: Iterable[int]) -> str:
    """`[0, 2]` -> `[1][3]`: readers count from one."""
    return "".join(f"[{index + 1}]" for index in indices) or "none"


RENDERERS: dict[str, Callable[[Obj], Iterator[Text]]] = {
    "ask": ask,
    "changes": changes,
    "doctor": doctor,
    "evaluate": evaluation,
    "graph-about": edges,
    "graph-conflicts": edges,
    "graph-history": edges,
    "graph-paths": edges,
    "ingest": ingest,
    "screen-simulate": simulation,
    "search": search,
    "show": document,
    "verify": verify,
}
