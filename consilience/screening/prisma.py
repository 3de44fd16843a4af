"""PRISMA 2020: how many records, reports and studies a review found, dropped and kept, in numbers that add up.

Three things are counted apart. A record is one line of one export, a report is what several records of one paper stand
for (a cluster), and a study may have several reports. Page and others, BMJ 2021;372:n71; field names and columns are
those of the PRISMA2020 package (Haddaway and others, Campbell Systematic Reviews 2022).
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from consilience.records import normal_space
from consilience.screening.ledger import Entry
from consilience.screening.protocol import STAGES, Stage
from consilience.screening.state import NOT_RETRIEVED, State, Via, fold

# How a record was found, and the field that counts it.
SOURCES: Mapping[Via, str] = {
    "database": "database_results",
    "register": "register_results",
    "website": "website_results",
    "organisation": "organisation_results",
    "citation": "citations_results",
}
SEARCHED: tuple[Via, ...] = ("database", "register")

Screened = Literal["awaiting", "unread", "automatic", "other", "excluded", "sought"]
Assessed = Literal["awaiting", "not_retrieved", "excluded", "included"]
Reasons = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one report: how the records that stand for it were found, and how far it came.

    `screened` says what title and abstract led to: `unread` where reading was stopped before it, `automatic` where no
    person was asked, `other` where it was taken out for another reason. `assessed` counts only for what is sought. Of a
    report of a `previous` version `found_by` names only the records that came since, which are duplicates of it.
    """

    found_by: tuple[Via, ...]
    study: str
    screened: Screened = "awaiting"
    assessed: Assessed = "awaiting"
    reason: str = ""
    previous: bool = False

    @property
    def searched(self) -> bool:
        """Whether a database or a register has it; then it is on the left of the flow."""
        return any(via in SEARCHED for via in self.found_by)


@dataclass(frozen=True, slots=True)
class Flow:
    """The numbers of a PRISMA 2020 flow under the field's own names; numbers that do not add up are refused.

    The last seven are ours: what still waits, how much was left unread by a stop, and what the side of
    other methods has no box for.
    """

    previous_studies: int
    previous_reports: int
    database_results: int
    register_results: int
    website_results: int
    organisation_results: int
    citations_results: int
    duplicates: int
    excluded_automatic: int
    excluded_other: int
    records_screened: int
    records_excluded: int
    dbr_sought_reports: int
    dbr_notretrieved_reports: int
    dbr_assessed: int
    dbr_excluded: Reasons
    other_sought_reports: int
    other_notretrieved_reports: int
    other_assessed: int
    other_excluded: Reasons
    new_studies: int
    new_reports: int
    total_studies: int
    total_reports: int
    awaiting_screening: int = 0
    dbr_awaiting: int = 0
    other_awaiting: int = 0
    stopped_unread: int = 0
    other_duplicates: int = 0
    other_unscreened: int = 0
    other_screened_out: int = 0

    def __post_init__(self) -> None:
        if wrong := [told for told, holds in self.arithmetic() if not holds]:
            raise ValueError(f"the PRISMA numbers do not add up: {'; '.join(wrong)}")

    @property
    def complete(self) -> bool:
        """Whether every record has been judged and every report sought has been read or given up."""
        return not (self.awaiting_screening or self.dbr_awaiting or self.other_awaiting or self.other_unscreened)

    def arithmetic(self) -> list[tuple[str, bool]]:
        """Every sum of the flow and whether it holds; what awaits a decision stands between two boxes."""
        found = self.database_results + self.register_results
        removed = self.duplicates + self.excluded_automatic + self.excluded_other
        elsewhere = self.website_results + self.organisation_results + self.citations_results
        aside = self.other_duplicates + self.other_unscreened + self.other_screened_out
        dbr_read = self.dbr_sought_reports - self.dbr_notretrieved_reports - self.dbr_awaiting
        other_read = self.other_sought_reports - self.other_notretrieved_reports - self.other_awaiting
        kept = self.dbr_assessed - _sum(self.dbr_excluded) + self.other_assessed - _sum(self.other_excluded)
        return [
            ("records screened", self.records_screened == found - removed - self.awaiting_screening),
            ("reports sought", self.dbr_sought_reports == self.records_screened - self.records_excluded),
            ("reports sought by other methods", self.other_sought_reports == elsewhere - aside),
            ("reports assessed", self.dbr_assessed == dbr_read),
            ("reports assessed by other methods", self.other_assessed == other_read),
            ("new reports", self.new_reports == kept),
            ("total studies", self.total_studies == self.previous_studies + self.new_studies),
            ("total reports", self.total_reports == self.previous_reports + self.new_reports),
            ("studies beside reports", self.new_studies <= self.new_reports),
            ("records left unread", self.stopped_unread <= self.excluded_automatic + self.other_screened_out),
            ("no number below 0", all(number >= 0 for number in self.numbers().values())),
        ]

    def numbers(self) -> dict[str, int]:
        """Every number by its name; the reports excluded as one sum."""
        return {name: _sum(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def as_json(self) -> dict[str, Any]:
        """The numbers by name, reasons as rows of reason and count."""
        fields = asdict(self)
        for name in ("dbr_excluded", "other_excluded"):
            fields[name] = [{"reason": reason, "reports": count} for reason, count in fields[name]]
        return fields


def _sum(reasons: Reasons) -> int:
    return sum(count for _, count in reasons)


def flow(fates: Iterable[Fate]) -> Flow:
    """The numbers of all reports together.

    A report that a database or register has is counted there, whoever else named it too. Reports of an earlier version
    of the review count as previous if they were kept, and otherwise not at all.
    """
    told = list(fates)
    new = [fate for fate in told if not fate.previous]
    old = {fate.study for fate in told if fate.previous and _kept(fate)}
    found = Counter(via for fate in told for via in fate.found_by)
    searched, others = [fate for fate in new if fate.searched], [fate for fate in new if not fate.searched]
    screened, aside = Counter(fate.screened for fate in searched), Counter(fate.screened for fate in others)
    dbr, other = _assessed(searched), _assessed(others)
    previous_reports, new_reports = (
        sum(_kept(fate) and fate.previous is before for fate in told) for before in (True, False)
    )
    new_studies = len({fate.study for fate in new if _kept(fate)} - old)
    in_searches = sum(found[via] for via in SEARCHED)
    return Flow(
        previous_studies=len(old),
        previous_reports=previous_reports,
        **{field: found[via] for via, field in SOURCES.items()},
        duplicates=in_searches - len(searched),
        excluded_automatic=screened["automatic"] + screened["unread"],
        excluded_other=screened["other"],
        records_screened=screened["excluded"] + screened["sought"],
        records_excluded=screened["excluded"],
        dbr_sought_reports=screened["sought"],
        dbr_notretrieved_reports=dbr["not_retrieved"],
        dbr_assessed=dbr["excluded"] + dbr["included"],
        dbr_excluded=_reasons(searched),
        other_sought_reports=aside["sought"],
        other_notretrieved_reports=other["not_retrieved"],
        other_assessed=other["excluded"] + other["included"],
        other_excluded=_reasons(others),
        new_studies=new_studies,
        new_reports=new_reports,
        total_studies=len(old) + new_studies,
        total_reports=previous_reports + new_reports,
        awaiting_screening=screened["awaiting"],
        dbr_awaiting=dbr["awaiting"],
        other_awaiting=other["awaiting"],
        stopped_unread=screened["unread"] + aside["unread"],
        other_duplicates=found.total() - in_searches - len(others),
        other_unscreened=aside["awaiting"],
        other_screened_out=len(others) - aside["sought"] - aside["awaiting"],
    )  # fmt: skip


def _kept(fate: Fate) -> bool:
    return fate.screened == "sought" and fate.assessed == "included"


def _assessed(fates: Sequence[Fate]) -> Counter[str]:
    return Counter(fate.assessed for fate in fates if fate.screened == "sought")


def _reasons(fates: Sequence[Fate]) -> Reasons:
    """Reasons at full text with their counts, the most frequent first."""
    found = Counter(
        normal_space(fate.reason) or "no reason given"
        for fate in fates
        if fate.screened == "sought" and fate.assessed == "excluded"
    )
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))


# ---------------------------------------------------------------- from a ledger


def flow_of(entries: Sequence[Entry]) -> Flow:
    """The flow that a ledger's entries amount to."""
    return flow(fates(fold(entries), known_before(entries)))


def known_before(entries: Sequence[Entry]) -> frozenset[str]:
    """The records of the previous version: those of a finished review to which an update then brought more."""
    state, known, done = State(), frozenset[str](), 0
    for place, entry in enumerate(entries):
        if entry.kind == "import" and entry.body.get("living"):
            state.extend(entries[done:place])
            done = place
            if state.places and not any(_waiting(state, stage) for stage in STAGES):
                known = frozenset(state.records)
    return known


def _waiting(state: State, stage: Stage) -> int:
    counts = state.counts(stage)
    return counts["pending"] + counts["conflict"] + (counts["unclear"] if stage == "full_text" else 0)


def fates(state: State, before: frozenset[str] = frozenset()) -> Iterator[Fate]:
    """What became of every unit; `before` are the records of the previous version."""
    names = studies(state)
    for unit in state.units():
        members = state.members_of(unit)
        screened, (assessed, reason) = _screened(state, unit), _read(state, unit)
        settled = screened != "awaiting" and (screened != "sought" or assessed != "awaiting")
        previous = settled and not before.isdisjoint(members)
        found_by = (state.imports[state.places[each][0]].via for each in members if not (previous and each in before))
        study = next((names[each] for each in members if each in names), unit)
        yield Fate(tuple(found_by), study, screened, assessed, reason, previous)


def studies(state: State) -> dict[str, str]:
    """The study that a record was said to report on, by record; the last note that names it counts."""
    told = (note.body for note in state.notes if note.body.get("study"))
    return {id: body["study"] for body in told for id in body["ids"]}


def _screened(state: State, unit: str) -> Screened:
    result = state.outcome(unit, "title_abstract").result
    if result == "exclude":
        return "excluded" if people_in(state, unit, "title_abstract") else "automatic"
    if result in ("pending", "conflict"):
        return "awaiting"
    return "unread" if result == "unscreened" else "sought"


def people_in(state: State, unit: str, stage: Stage) -> bool:
    """Whether a person's judgement is among those in force on a unit."""
    last = state.adjudication(unit, stage)
    made = [*state.decisions(unit, stage).values(), *([last] if last else [])]
    return any(each.actor["type"] == "person" for each in made)


def _read(state: State, unit: str) -> tuple[Assessed, str]:
    outcome = state.outcome(unit, "full_text")
    if outcome.result == "include":
        return "included", ""
    if outcome.result != "exclude":
        return "awaiting", ""
    return (
        ("not_retrieved", "") if normal_space(outcome.reason).lower() == NOT_RETRIEVED else ("excluded", outcome.reason)
    )


# ---------------------------------------------------------------- the counts as a table

COLUMNS = ("data", "node", "box", "description", "boxtext", "tooltips", "url", "n")
_ABSENT = "NA"
# Field, box and words of every line of the field's own template, in its order; a field of NA is a heading.
LINES: Sequence[tuple[str, str, str]] = (
    (_ABSENT, "prevstud", "Previous studies"),
    ("previous_studies", "box1", "Studies included in previous version of review"),
    ("previous_reports", "box1", "Reports of studies included in previous version of review"),
    (_ABSENT, "newstud", "Identification of new studies via databases and registers"),
    ("database_results", "box2", "Databases"),
    ("register_results", "box2", "Registers"),
    (_ABSENT, "othstud", "Identification of new studies via other methods"),
    ("website_results", "box11", "Websites"),
    ("organisation_results", "box11", "Organisations"),
    ("citations_results", "box11", "Citation searching"),
    ("duplicates", "box3", "Duplicate records"),
    ("excluded_automatic", "box3", "Records marked as ineligible by automation tools"),
    ("excluded_other", "box3", "Records removed for other reasons"),
    ("records_screened", "box4", "Records screened"),
    ("records_excluded", "box5", "Records excluded"),
    ("dbr_sought_reports", "box6", "Reports sought for retrieval"),
    ("dbr_notretrieved_reports", "box7", "Reports not retrieved"),
    ("other_sought_reports", "box12", "Reports sought for retrieval"),
    ("other_notretrieved_reports", "box13", "Reports not retrieved"),
    ("dbr_assessed", "box8", "Reports assessed for eligibility"),
    ("dbr_excluded", "box9", "Reports excluded"),
    ("other_assessed", "box14", "Reports assessed for eligibility"),
    ("other_excluded", "box15", "Reports excluded"),
    ("new_studies", "box10", "New studies included in review"),
    ("new_reports", "box10", "Reports of new included studies"),
    ("total_studies", "box16", "Total studies included in review"),
    ("total_reports", "box16", "Reports of total included studies"),
    ("identification", "identification", "Identification"),
    ("screening", "screening", "Screening"),
    ("included", "included", "Included"),
)


def as_csv(numbers: Flow) -> str:
    """The counts in the columns of the PRISMA2020 template, which draws a flow of its own from them."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(COLUMNS)
    for field, box, words in LINES:
        value = getattr(numbers, field, 0)
        shown = listed(value) if isinstance(value, tuple) else value
        lines.writerow((field, _ABSENT, box, words, words, _ABSENT, _ABSENT, shown))
    return out.getvalue()


def listed(reasons: Reasons) -> str:
    """`Reason1, n; Reason2, n`: a reason's own commas and semicolons become bars, and none is read as a formula."""
    plain = str.maketrans(",;", "||")
    return "; ".join(f"{reason.translate(plain).lstrip('=+-@ ')}, {count}" for reason, count in reasons)
