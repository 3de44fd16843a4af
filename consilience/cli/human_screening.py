"""The objects of a review for a reader at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.text import Text

from consilience.cli.human import line, plain

Obj = Mapping[str, Any]
_STYLE = {"include": "green", "exclude": "red", "unclear": "yellow", "conflict": "magenta"}
_LABEL = {"YES": "green", "PARTIAL": "yellow", "NO": "red", "UNCERTAIN": "dim"}


def new(obj: Obj) -> Iterator[Text]:
    """What was made, and what to do first."""
    yield line((f"{obj['review']}: ", "bold"), f"{obj['title']} ({obj['mode']})")
    yield line("Edit protocol.yaml there; then consilience screen import, rank, next.")


def imported(obj: Obj) -> Iterator[Text]:
    """Each file, and what came of it."""
    for each in obj["files"]:
        if each["status"] == "refused":
            yield line((f"{each['file']}: ", "bold"), ("refused ", "bold red"), each["error"]["message"])
            continue
        parts = [f"{each['records']} records", f"{each['new']} new", f"{each['duplicates']} duplicates"]
        parts += [f"{each['decided']} decided by their labels"] if each["decided"] else []
        yield line((f"{each['file']}: ", "bold"), f"{each['format']}, {', '.join(parts)}")


def labelled(obj: Obj) -> Iterator[Text]:
    """Each record with its labels and the words they rest on."""
    for row in obj["rows"]:
        yield line((f"{row['id']} ", "bold"), f"{row['score']:+.2f}")
        for each in row["criteria"]:
            quote = f" “{each['span']['text']}”" if each["span"] else ""
            yield line("  ", (each["label"], _LABEL[each["label"]]), f" {each['criterion']}{quote} ({each['by']})")


def searched(obj: Obj) -> Iterator[Text]:
    """Each line with its count, the seeds that are missed, and the query as a whole."""
    for each in obj["lines"]:
        count = "" if each["count"] is None else f"{each['count']:>8} "
        yield line((f"#{each['line']} {count}", "bold"), (f"{each['what']}: ", "dim"), each["text"])
    for seed in obj["seeds"]:
        if not seed["found"]:
            told = f"missed by {', '.join(seed['missed_by'])}" if seed["known"] else "not in the corpus"
            yield line((f"{seed['seed']}: ", "bold red"), f"{told}; {' '.join(seed['suggestion'])}")
    yield line(("As one query: ", "bold"), obj["pubmed"])
    yield line("Translations for Ovid and CENTRAL are in the ledger, and in the reply with --json.")
    yield line("As search: in protocol.yaml, the query is what screen update goes by.")


def ranked(obj: Obj) -> Iterator[Text]:
    """What the order was learnt from."""
    yield line(f"What is unread of {obj['units']} records is in order, learnt from {obj['labelled']} labels; ",
               (obj["order"][:12], "dim"))  # fmt: skip


def upcoming(obj: Obj) -> Iterator[Text]:
    """The record to judge, its text as it stands, and how to say what it is."""
    if obj["id"] is None:
        yield line(f"Nothing is left for {obj['reviewer']} at {obj['stage']}.")
    for each in [obj, *(obj.get("more") or ())]:
        if each["id"] is not None:
            yield from record(each)
    if obj["stage"] == "title_abstract":
        yield from standing(obj["stop"])
    if obj["id"] is not None:
        yield line(f"{obj['remaining']} wait for {obj['reviewer']}. ", (f"screen decide DIR {obj['id']} "
                   "include|exclude|unclear", "dim"))  # fmt: skip


def record(obj: Obj) -> Iterator[Text]:
    """One record: where it is from, what it says, what the rules say of it."""
    found = obj["record"]
    score = f" {obj['score']:.3f}" if obj["score"] is not None else ""
    names = " ".join(name for name in (f"PMID:{found['pmid']}" if found.get("pmid") else "", found.get("doi")) if name)
    yield line((obj["id"], "bold cyan"), f"{score} {names}", (f" {obj['flag']}" if obj["flag"] else "", "bold red"))
    yield line((found.get("title") or "(no title)", "bold"))
    told = (found.get("journal"), str(found.get("year") or ""), ", ".join((found.get("authors") or [])[:3]))
    yield line((". ".join(part for part in told if part), "dim"))
    yield line(found.get("abstract") or "(no abstract)")
    for each in obj["criteria"]:
        quote = f": {each['span']['text']}" if each["span"] and each["span"].get("text") else ""
        yield line(("  " + each["label"], _LABEL.get(each["label"], "")), f" {each['criterion']}{quote}")
    yield line("")


def standing(stop: Obj) -> Iterator[Text]:
    """Where the stop rule stands, in a line."""
    reached = ("reached", "bold green") if stop.get("reached") else ("not reached", "")
    told = ": screen stop DIR says what it claims" if stop.get("reached") else ""
    ended = f"; a person ended screening on {stop['accepted'][:10]}" if stop.get("accepted") else ""
    yield line(f"Stop rule {stop.get('rule')} ", reached, told, ended)


def report(obj: Obj) -> Iterator[Text]:
    """Where the report is, and the flow in a line."""
    flow, missing = obj["prisma"], "" if obj["complete"] else " (not finished)"
    kept = f"{flow['new_reports']} reports of {flow['new_studies']} studies included{missing}"
    yield line((f"{obj['file']}: ", "bold"), f"{flow['records_screened']} records screened, {kept}")
    yield from (line(each) for each in obj["flows"])


def page(obj: Obj) -> Iterator[Text]:
    """Where to look, and how to end it."""
    yield line(("Screen at ", "bold"), obj["url"], ("  (Ctrl-C ends it; every decision is in the ledger)", "dim"))


def study(obj: Obj) -> Iterator[Text]:
    """Which reports are of one study."""
    yield line((f"{obj['study']}: ", "bold"), ", ".join(obj["ids"]))


def decided(obj: Obj) -> Iterator[Text]:
    """What was decided, and its place in the ledger."""
    again = "" if obj.get("changed", True) else " (stood already)"
    by = obj.get("reviewer") or obj.get("by")
    style = _STYLE.get(obj["decision"], "")
    entry = f"ledger entry {obj['ledger']['seq']} {obj['ledger']['sha256'][:12]}"
    yield line((obj["id"], "bold cyan"), " ", (obj["decision"], style), f" by {by}, {obj['stage']}{again}; {entry}")


def batch(obj: Obj) -> Iterator[Text]:
    """What came of many decisions."""
    yield line(f"{obj['lines']} lines: {obj['decided']} decided, {obj['stood']} stood already, ",
               (f"{len(obj['failed'])} failed", "bold red" if obj["failed"] else ""))  # fmt: skip
    for each in obj["failed"]:
        yield line(("  line ", ""), (str(each["line"]), "bold"), f": {each['error']['message']}")


def conflicts(obj: Obj) -> Iterator[Text]:
    """Each record that is disputed, and who says what."""
    for row in obj["rows"]:
        yield line((row["id"], "bold cyan"), f" {row['title']}")
        for each in row["decisions"]:
            why = f" ({each['reason']})" if each["reason"] else ""
            quote = f" “{plain(each['quote']['quote'])}”" if each["quote"] else ""
            yield line(f"  {each['reviewer']}: ", (each["decision"], _STYLE[each["decision"]]), f"{why}{quote}")
    if not obj["rows"]:
        yield line(f"No conflicts at {obj['stage']}.")


def status(obj: Obj) -> Iterator[Text]:
    """How far the review is."""
    protocol = obj["protocol"]
    yield line((obj["title"], "bold"), f" ({obj['mode']}; protocol {protocol['version']}, {protocol['digest']}, "
               f"{protocol['versions']} versions)")  # fmt: skip
    yield line(f"{obj['records']} records, {obj['duplicates']} duplicates, {obj['units']} to screen")
    for stage, counts in obj["stages"].items():
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if name != "units" and count)
        yield line((f"{stage}: ", "bold"), f"{counts['units']}: {told or 'nothing yet'}")
    for reason, count in obj["reasons"].items():
        yield line(f"  {count} {reason}")
    for each in obj["judged"]:
        if each["stage"] == "title_abstract" or each["remaining"] or each["include"] + each["exclude"]:
            counts = f"{each['include']} include, {each['exclude']} exclude, {each['unclear']} unclear"
            waits = f", {each['waiting']} wait for another" if each["waiting"] else ""
            yield line(
                f"  {each['reviewer']} ({each['type']}), {each['stage']}: {counts}{waits}; {each['remaining']} left"
            )
    for each in obj["agreement"]:
        kappa, pabak = ("undefined" if value is None else f"{value:.3f}" for value in (each["kappa"], each["pabak"]))
        yield line(f"  {' and '.join(each['reviewers'])}, {each['stage']}: kappa {kappa}, PABAK {pabak} "
                   f"over {each['records']} records")  # fmt: skip
    for each in obj["flags"]:
        yield line((f"  {each['status']} ", "bold red"), f"{each['document']}: {each['outcomes']['title_abstract']}")
    yield from standing(obj["stop"])


def stop(obj: Obj) -> Iterator[Text]:
    """Each rule, its statistic and its claim."""
    for each in obj["rules"]:
        value, limit = each.get("value"), each.get("limit")
        figure = f"{each.get('statistic')} {value:.4g} (limit {limit:.4g})" if value is not None else "no figure yet"
        yield line((f"{each['rule']}: ", "bold"), ("reached" if each["reached"] else "not reached", ""), f"; {figure}")
        yield line(f"  {each.get('claim') or ''}")
    yield line(f"{obj['unread']} are unread.")
    if obj["accepted"]:
        ended = obj["accepted"]
        yield line(
            ("Screening was ended ", "bold"), f"by {ended['by']} at {ended['at'][:10]}, {ended['unread']} unread"
        )
    elif obj["together"].get("reached"):
        yield line("A person ends screening: screen stop DIR --accept --by NAME")


def updated(obj: Obj) -> Iterator[Text]:
    """What is new, and what befell what is old."""
    yield line(f"{obj['found']} found, {obj['new']} new, {obj['imported']} taken in, {obj['duplicates']} duplicates")
    for each in obj["flags"]:
        yield line(
            (f"{each['status']} ", "bold red"), f"{each['document']} ({each['outcome']}), before {each['before']}"
        )


def exported(obj: Obj) -> Iterator[Text]:
    """The file, and how to have it again."""
    yield line((f"{obj['file']}: ", "bold"), f"{obj['records']} records ({obj['which']}), {obj['sha256'][:12]}; "
               f"again: --again {obj['ledger']['seq']}")  # fmt: skip


def ledger(obj: Obj) -> Iterator[Text]:
    """That the chain holds, its last hash, and what no person did."""
    if obj.get("salvaged") is not None:
        yield line(("Salvaged: ", "bold"), f"{obj['salvaged']} entries were sound and stay; "
                   "the broken file lies beside them as ledger.broken-*.jsonl")  # fmt: skip
    yield line(f"{obj['entries']} entries hold; write this down elsewhere: ", (obj["head"], "bold"))
    for each in obj["machines"]:
        yield line(f"  {each['type']} {each['name']} {each['version']}: {each['entries']} of kind {each['kind']}")


def duplicates(obj: Obj) -> Iterator[Text]:
    """Each cluster, and why its records are one paper."""
    for row in obj["rows"]:
        yield line((row["master"], "bold cyan"), f" {row['title']}")
        for each in row["members"]:
            yield line(f"  {each['id']}: {each['basis']}")
    for pair in obj["possible"]:
        yield line(("perhaps one paper: ", "yellow"), f"{pair['a']} and {pair['b']}: {pair['basis']}")
    yield line(f"{obj['duplicates']} of {obj['records']} records are duplicates")


RENDERERS: dict[str, Callable[[Obj], Iterator[Text]]] = {
    "screen-adjudicate": decided,
    "screen-batch": batch,
    "screen-conflicts": conflicts,
    "screen-decide": decided,
    "screen-duplicates": duplicates,
    "screen-export": exported,
    "screen-import": imported,
    "screen-ledger": ledger,
    "screen-new": new,
    "screen-next": upcoming,
    "screen-page": page,
    "screen-label": labelled,
    "screen-query": searched,
    "screen-rank": ranked,
    "screen-report": report,
    "screen-status": status,
    "screen-stop": stop,
    "screen-study": study,
    "screen-update": updated,
}
