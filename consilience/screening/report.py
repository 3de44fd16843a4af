"""The report of a review: one HTML page, made of the ledger, that says what people and machines decided, and on what.

The same ledger gives the same bytes. Every value is a stranger's text and is escaped; the page fetches nothing and runs
nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilience.errors import BadInputError
from consilience.records import canonical_json, sha256
from consilience.screening import curve, diagram, prisma
from consilience.screening.ledger import Entry
from consilience.screening.protocol import ELEMENTS, STAGES, Stage
from consilience.screening.state import Decision, State
from consilience.screening.workflow import Agreement, agreement, first_judgements

if TYPE_CHECKING:
    from jinja2 import Environment

    from consilience.screening.review import Review

FILE = "report.html"
STAGE_NAMES: Mapping[Stage, str] = {"title_abstract": "Title and abstract", "full_text": "Full text"}
_ROWS = 2000  # of one table; the ledger has them all, and the page says how many are not shown
_Z = 1.959963984540054  # the normal quantile of 97.5 %


def templates() -> Environment:
    """The templates of screening: every value is escaped, one that is missing is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(loader=PackageLoader("consilience.screening"), autoescape=True, undefined=StrictUndefined,
                        trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    found.filters["json"] = canonical_json
    return found


def write(review: Review, path: Path | None = None, *, flows: Sequence[Path] = ()) -> dict[str, Any]:
    """Write the report, `report.html` in the review unless another path is given; the `screen report` object.

    `flows` are further files for the flow alone, by their suffix: .svg, .png or .csv.
    """
    from consilience.home import write_atomically

    review.reload()
    review.records().check()
    flow = prisma.flow_of(review.ledger.entries())
    made = {each: _flow_file(flow, each) for each in flows}  # what cannot be made is found before anything is written
    target = path if path is not None else review.folder / FILE
    text = report(review)
    for each, data in {target: text.encode(), **made}.items():
        try:
            write_atomically(each, data)
        except OSError as error:
            raise BadInputError(f"{each} cannot be written: {error.strerror}", where=str(each),
                                expected="a file you may write") from None  # fmt: skip
    state = review.state
    return {
        "file": str(target), "sha256": sha256(text), "complete": flow.complete, "prisma": flow.as_json(),
        "flows": [str(each) for each in made], "ledger": {"seq": state.seq, "sha256": state.head},
        "warnings": review.told(),
    }  # fmt: skip


def _flow_file(flow: prisma.Flow, path: Path) -> bytes:
    makers = {".svg": lambda: diagram.svg(flow).encode(), ".png": lambda: diagram.png(flow),
              ".csv": lambda: prisma.as_csv(flow).encode()}  # fmt: skip
    if path.suffix.lower() not in makers:
        raise BadInputError(f"no flow is written as {path.name}", where="--flow", expected=", ".join(makers))
    return makers[path.suffix.lower()]()


def report(review: Review) -> str:
    """The page."""
    state, entries = review.reload(), review.ledger.entries()
    flow = prisma.flow_of(entries)
    values = {
        "review": review, "state": state, "protocol": review.protocol, "stages": STAGE_NAMES,
        "elements": ELEMENTS, "last": entries[-1],
        "versions": [entry for entry in entries if entry.kind == "protocol"], "deciders": _deciders(state),
        "flow": flow, "studies": prisma.studies(state), "flow_svg": diagram.svg(flow), "flow_rows": _flow_rows(flow),
        "curve_svg": curve.svg(*_read(state), ended=_ended(state, entries)), "curve_text": _curve_text(state),
        "bases": Counter(state.basis_of(id) for id in state.records if state.master_of(id) != id).most_common(),
        "stops": _last_stops(state), "agreements": list(agreements(state)), "confusions": list(confusions(state)),
        "kept": list(_reports(review, flow, "include")), "dropped": list(_reports(review, flow, "exclude")),
        "tools": _tools(entries), "machine": _shown(_machine(entries, state)), "labels": _labels(entries),
        "ranks": _shown(state.ranks), "rows": _ROWS,
    }  # fmt: skip
    return templates().get_template("report.html").render(values)


# ---------------------------------------------------------------- numbers


def _flow_rows(flow: prisma.Flow) -> list[tuple[str, str]]:
    told = [(field, words) for field, _, words in prisma.LINES if hasattr(flow, field)]
    shown = {field: getattr(flow, field) for field, _ in told}
    return [(f"{words} ({field})", prisma.listed(value) if isinstance(value, tuple) else f"{value:,}")
            for (field, words), value in zip(told, shown.values(), strict=True)]  # fmt: skip


def _read(state: State) -> tuple[list[int], int]:
    """1 or 0 for each unit judged at title and abstract, in the order of first decisions, and the number of units."""
    found = state.outcomes("title_abstract").values()
    return [int(each.result != "exclude") for each in found if each.result != "pending"], state.count_units()


def _curve_text(state: State) -> str:
    labels, records = _read(state)
    return f"{len(labels):,} of {records:,} were read, {sum(labels):,} of them carried on."


def _ended(state: State, entries: Sequence[Entry]) -> int | None:
    """How many units had been judged when screening was ended."""
    if state.accepted is None:
        return None
    before = State()
    before.extend(entries[: state.accepted.seq - 1])
    return len(_read(before)[0])


def _last_stops(state: State) -> list[Entry]:
    """The last word of each stop rule that the ledger holds."""
    return list({entry.body.get("rule"): entry for entry in state.stops}.values())


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval (Wilson 1927); None of none."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % interval."""
        if not self.whole:
            return None
        p, n, z2 = self.part / self.whole, self.whole, _Z * _Z
        middle, half = p + z2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return max(0.0, (middle - half) / (1 + z2 / n)), min(1.0, (middle + half) / (1 + z2 / n))

    def __str__(self) -> str:
        if self.value is None or self.interval is None:
            return "undefined (0 of 0)"
        low, high = self.interval
        return f"{self.value:.3f} [{low:.3f}, {high:.3f}] ({self.part} of {self.whole})"


def kappa_interval(found: Agreement) -> tuple[float, float] | None:
    """The 95 % interval of Cohen's kappa for a large sample (Fleiss, Cohen and Everitt, Psychol Bull 1969;72:323)."""
    if found.kappa is None or found.observed is None or not found.records:
        return None
    n, kappa = found.records, found.kappa
    cells = {(1, 1): found.both_on, (1, 0): found.only_first, (0, 1): found.only_second, (0, 0): found.both_off}
    first = {a: sum(count for (i, _), count in cells.items() if i == a) / n for a in (0, 1)}
    second = {b: sum(count for (_, j), count in cells.items() if j == b) / n for b in (0, 1)}
    expected = sum(first[each] * second[each] for each in (0, 1))
    same = sum(cells[each, each] / n * (1 - (first[each] + second[each]) * (1 - kappa)) ** 2 for each in (0, 1))
    other = (1 - kappa) ** 2 * sum(cells[a, b] / n * (second[a] + first[b]) ** 2 for a, b in ((0, 1), (1, 0)))
    variance = (same + other - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    half = _Z * math.sqrt(max(variance, 0.0))
    return max(-1.0, kappa - half), min(1.0, kappa + half)


@dataclass(frozen=True, slots=True)
class Agreed:
    """How far two reviewers agree at a stage, in words for a table."""

    stage: Stage
    found: Agreement

    @property
    def kappa(self) -> str:
        """Cohen's kappa with its interval."""
        interval = kappa_interval(self.found)
        if self.found.kappa is None or interval is None:
            return "undefined: one of the two always said the same"
        return f"{self.found.kappa:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"

    @property
    def pabak(self) -> str:
        """The prevalence- and bias-adjusted kappa."""
        return "undefined" if self.found.pabak is None else f"{self.found.pabak:.3f}"


def agreements(state: State) -> Iterator[Agreed]:
    """Every two people who judged records in common, by stage."""
    for stage in STAGES:
        judged = [_of_people(first_judgements(state.history(id, stage))) for id in state.decided(stage)]
        names = sorted({name for unit in judged if len(unit) > 1 for name in unit})
        pairs = (agreement(a, b, judged) for place, a in enumerate(names) for b in names[place + 1 :])
        yield from (Agreed(stage, found) for found in pairs if found.records)


def _of_people(found: Mapping[str, Decision]) -> dict[str, Decision]:
    return {name: each for name, each in found.items() if each.actor["type"] == "person"}


@dataclass(frozen=True, slots=True)
class Confusion:
    """What an automated reviewer said beside what people said of the same records; unclear counts as include."""

    stage: Stage
    tool: str
    both: int
    tool_only: int
    people_only: int
    neither: int
    alone: int

    @property
    def sensitivity(self) -> Share:
        """Of what people carried on, the share that the tool did, too."""
        return Share(self.both, self.both + self.people_only)

    @property
    def specificity(self) -> Share:
        """Of what people excluded, the share that the tool did, too."""
        return Share(self.neither, self.neither + self.tool_only)

    @property
    def precision(self) -> Share:
        """Of what the tool carried on, the share that people did, too."""
        return Share(self.both, self.both + self.tool_only)


def confusions(state: State) -> Iterator[Confusion]:
    """Every automated reviewer against people, by stage; `alone` counts what no person judged, or people left open."""
    for stage in STAGES:
        counts: dict[str, Counter[tuple[bool, bool | None]]] = {}
        for id in state.decided(stage):
            for name, each in state.decisions(id, stage).items():
                if each.actor["type"] != "person":
                    tool = " ".join(part for part in (name, each.actor.get("version", "")) if part)
                    pair = (each.decision != "exclude", _people_say(state, id, stage))
                    counts.setdefault(tool, Counter())[pair] += 1
        for tool, found in sorted(counts.items()):
            yield Confusion(stage, tool, found[True, True], found[True, False], found[False, True], found[False, False],
                            found[True, None] + found[False, None])  # fmt: skip


def _people_say(state: State, id: str, stage: Stage) -> bool | None:
    """Whether people carried a unit on: an adjudication, else what all of them say; None where they do not."""
    last = state.adjudication(id, stage)
    if last is not None and last.actor["type"] == "person":
        return last.decision != "exclude"
    said = {each.decision != "exclude" for each in _of_people(state.decisions(id, stage)).values()}
    return said.pop() if len(said) == 1 else None


# ---------------------------------------------------------------- lists


def _deciders(state: State) -> list[tuple[Stage, str, str, Counter[str]]]:
    found: dict[tuple[Stage, str, str], Counter[str]] = {}
    for stage in STAGES:
        for id in state.decided(stage):
            for name, each in state.decisions(id, stage).items():
                # Of what still waits no word is counted: it would tell the other reviewer.
                word = "waiting" if state.outcome(id, stage).result == "pending" else each.decision
                found.setdefault((stage, name, each.actor["type"]), Counter())[word] += 1
    return [(stage, name, kind, counts) for (stage, name, kind), counts in found.items()]


@dataclass(frozen=True, slots=True)
class Listed:
    """A report in a list: its id, a citation, why it is there, and what the home's corpus says of it."""

    id: str
    citation: str
    reason: str
    study: str
    flag: str


def _reports(review: Review, flow: prisma.Flow, result: str) -> Iterator[Listed]:
    """The reports with this result at full text."""
    state = review.state
    names = prisma.studies(state)
    for id in state.units("full_text"):
        outcome = state.outcome(id, "full_text")
        if outcome.result == result:
            flag = state.flag_of(id)
            yield Listed(id, _citation(review.records()[id]), outcome.reason, names.get(id, ""),
                         flag.status if flag else "")  # fmt: skip


def _citation(record: Mapping[str, Any]) -> str:
    authors = [str(author) for author in record.get("authors") or ()]
    who = ", ".join(authors[:3]) + (" and others" if len(authors) > 3 else "")
    numbers = [f"{name}:{record[key]}" for name, key in (("PMID", "pmid"), ("doi", "doi")) if record.get(key)]
    parts = [who, record.get("title") or "[no title]", record.get("journal"), record.get("year"), *numbers]
    return ". ".join(str(part).rstrip(".") for part in parts if part)


def _tools(entries: Iterable[Entry]) -> list[tuple[tuple[str, ...], int, int, int]]:
    """What acted without a person: kind of act, type, name and version; how often, its first and its last entry."""
    found: dict[tuple[str, ...], list[int]] = {}
    for entry in entries:
        if entry.actor["type"] != "person":
            key = (entry.kind, entry.actor["type"], entry.actor["name"], entry.actor.get("version", ""))
            found.setdefault(key, []).append(entry.seq)
    return [(key, len(seqs), seqs[0], seqs[-1]) for key, seqs in found.items()]


def _machine(entries: Iterable[Entry], state: State) -> list[Entry]:
    """Every judgement on a record that no person made, but of what still waits: its other reviewer is to see none."""
    found = (each for each in entries if each.kind in ("decision", "adjudication") and each.actor["type"] != "person")
    return [each for each in found if state.outcome(each.body["id"], each.body["stage"]).result != "pending"]


def _labels(entries: Iterable[Entry]) -> list[tuple[str, str, str, Counter[str]]]:
    """What rules said of criteria beside records that were decided on: criterion, label, judge, and the decisions."""
    found: dict[tuple[str, str, str], Counter[str]] = {}
    for entry in entries:
        hint = (entry.body.get("hint") if entry.kind in ("decision", "adjudication") else None) or {}
        for criterion, label in sorted(hint.get("labels", {}).items()):
            found.setdefault((criterion, label, hint["judge"]), Counter())[entry.body["decision"]] += 1
    return [(*key, counts) for key, counts in sorted(found.items())]


def _shown(entries: Sequence[Entry]) -> tuple[Sequence[Entry], int]:
    """The last rows of a long list, and how many are left out."""
    return entries[-_ROWS:], max(0, len(entries) - _ROWS)
