"""The commands of a review: each opens its folder, calls one method of the review and returns the object."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from consilience.cli.batch import parsed, read_lines
from consilience.cli.commands import InFiles, command, screen_app
from consilience.cli.session import Session
from consilience.errors import BadInputError, ConsilienceError, StoreDamagedError

if TYPE_CHECKING:
    from consilience.screening.deciding import Wish
    from consilience.screening.review import Actor, Review

Stage = Literal["title_abstract", "full_text"]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the review.")]
RecordId = Annotated[str, typer.Argument(metavar="ID", help="An id that `screen next` gives, or PMID:... or DOI:...")]
Reviewer = Annotated[
    str | None, typer.Option("--reviewer", metavar="NAME", help="Who judges; needed where the protocol names several.")
]
AtStage = Annotated[Stage, typer.Option("--stage", help="Which stage of screening.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; kept in the ledger.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; needed to exclude at full text.")]
Criterion = Annotated[
    str, typer.Option("--criterion", metavar="NAME", help="The criterion of the protocol it rests on.")
]
Quote = Annotated[str, typer.Option("--quote", metavar="TEXT", help="The record's own words that it rests on.")]
ActorType = Annotated[
    Literal["person", "model", "rule"],
    typer.Option("--actor", help="What the reviewer is; a model or rule is told so."),
]
ActorVersion = Annotated[
    str, typer.Option("--actor-version", metavar="TEXT", help="Which version of the model or rule.")
]

# A batch line's keys beside its id and decision, as `decide` has them.
_KEYS = ("id", "decision", "reviewer", "stage", "reason", "criterion", "quote", "actor", "actor_version")


def opened(directory: Path) -> Review:
    """The review of a folder, on the clock of the command line; what a home is made of is not imported for it."""
    from consilience.screening.review import Review

    # What is read stays: to look for garbage among 100,000 records again and again takes as long as to read them.
    gc.disable()
    try:
        return Review.open(directory)
    finally:
        gc.enable()


# ---------------------------------------------------------------- making, filling


@command(screen_app, "new", object_name="screen-new")
def screen_new(
    session: Session,
    directory: Folder,
    protocol: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="The protocol, as YAML.")
    ] = None,
    question: Annotated[str | None, typer.Option(metavar="TEXT", help="The question, in place of a protocol.")] = None,
    title: Annotated[str, typer.Option(metavar="TEXT", help="The title; the question unless given.")] = "",
    reviewer: Annotated[list[str], typer.Option(metavar="NAME", help="A reviewer; may be repeated.")] = [],  # noqa: B006
    mode: Annotated[
        Literal["single", "dual", "liberal"], typer.Option(help="How many decisions a record needs.")
    ] = "single",
) -> Mapping[str, Any]:
    """Make a review in a new or empty folder: a protocol to edit and a ledger that keeps all that is done."""
    from consilience.api import new_review

    return new_review(directory, protocol=protocol, question=question, title=title, reviewers=reviewer, mode=mode)[1]


@command(screen_app, "import", object_name="screen-import")
def screen_import(
    session: Session,
    directory: Folder,
    files: InFiles,
    via: Annotated[str, typer.Option(help="How they were found: database, register, website, organisation, citation.")]
    = "database",
    database: Annotated[str, typer.Option(metavar="NAME", help="Which database or register, such as PubMed.")] = "",
    decided_by: Annotated[
        str | None, typer.Option("--decided-by", metavar="NAME", help="Make decisions of this name of their labels.")
    ] = None,
) -> Mapping[str, Any]:  # fmt: skip
    """Take exports in: RIS, NBIB, CSV, TSV, XLSX, EndNote XML, BibTeX, PubMed XML, JSONL; duplicates are linked."""
    review = opened(directory)
    return review.import_files(files, via=via, database=database, decided_by=decided_by)


@command(screen_app, "update", object_name="screen-update")
def screen_update(
    session: Session,
    directory: Folder,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is new, and take nothing in.")] = False,
) -> Mapping[str, Any]:
    """Take in what the protocol's search finds in the home and the review has not; flag what was retracted since."""
    return session.open().screen_update(opened(directory), dry_run=dry_run)


@command(screen_app, "query", object_name="screen-query")
def screen_query(
    session: Session,
    directory: Folder,
    filter: Annotated[
        str, typer.Option("--filter", metavar="NAME", help="cochrane-sensitive or cochrane-precise: trials alone.")
    ] = "",
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="A language model to propose terms: openai:MODEL, recorded:FILE.")
    ] = None,
) -> Mapping[str, Any]:
    """Make the Boolean search of the protocol's PICO, counted in the home, checked by the seeds, in four syntaxes."""
    return session.open().screen_query(opened(directory), filter=filter, model=model)


@command(screen_app, "label", object_name="screen-label")
def screen_label(
    session: Session,
    directory: Folder,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids that `screen next` gives, or PMID:, DOI:")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="A language model to ask where the rules are silent.")
    ] = None,
) -> Mapping[str, Any]:
    """Label records by the protocol's criteria, each label with the words it rests on; a label decides nothing."""
    from consilience.screening import labelling

    if model is None:  # nothing of a home is needed
        return labelling.labelled(opened(directory), ids)
    return session.open().screen_label(opened(directory), ids, model=model)


@command(screen_app, "duplicates", object_name="screen-duplicates")
def screen_duplicates(
    session: Session,
    directory: Folder,
    merge: Annotated[list[str], typer.Option(metavar="ID", help="One paper: give it twice or more; first is master.")]
    = [],  # noqa: B006
    split: Annotated[str | None, typer.Option(metavar="ID", help="Take this record out of its cluster.")] = None,
    by: By = "",
) -> Mapping[str, Any]:  # fmt: skip
    """Show which records are one paper and why; join some, or take one out: nothing is deleted by it."""
    review = opened(directory)
    if merge and split is not None:
        raise BadInputError("--merge and --split exclude each other", where="duplicates", expected="one of the two")
    if (merge or split is not None) and not by.strip():
        raise BadInputError("who says so?", where="--by", expected="a name")
    entry = review.merge(merge, by=by) if merge else review.split(split, by=by) if split is not None else None
    ledger = {"ledger": {"seq": entry.seq, "sha256": entry.sha256}} if entry else {}
    return {**review.duplicates(), **ledger}


# ---------------------------------------------------------------- judging


@command(screen_app, "rank", object_name="screen-rank")
def screen_rank(
    session: Session,
    directory: Folder,
    seed: Annotated[int | None, typer.Option(min=0, help="The protocol's unless given.")] = None,
) -> Mapping[str, Any]:
    """Order what is unread by all that was decided so far."""
    return opened(directory).rank(seed=seed)


@command(screen_app, "next", object_name="screen-next")
def screen_next(
    session: Session,
    directory: Folder,
    reviewer: Reviewer = None,
    stage: AtStage = "title_abstract",
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many; those after the first stand in `more`.")] = 1,
) -> Mapping[str, Any]:
    """Show the record to judge next, without what anybody else decided on it."""
    return opened(directory).next(reviewer=reviewer, stage=stage, count=count)


@command(screen_app, "decide", object_name="screen-decide")
def screen_decide(
    session: Session,
    directory: Folder,
    record: Annotated[str | None, typer.Argument(metavar="ID")] = None,
    decision: Annotated[str | None, typer.Argument(metavar="include|exclude|unclear|withdraw")] = None,
    reviewer: Reviewer = None,
    stage: AtStage = "title_abstract",
    reason: Reason = "",
    criterion: Criterion = "",
    quote: Quote = "",
    actor: ActorType = "person",
    actor_version: ActorVersion = "",
    batch: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", exists=True, dir_okay=False, help="A decision a line, with the same words."),
    ] = None,
) -> Mapping[str, Any] | int:
    """Record a decision, or a file of them; the same one twice is free, so a batch may be run again after a kill."""
    if (batch is None) == (record is None or decision is None):
        raise BadInputError("what is decided?", where="decide", expected="ID and a decision, or --batch FILE.jsonl")
    review = opened(directory)
    words: dict[str, Any] = {"reviewer": reviewer, "stage": stage, "reason": reason, "criterion": criterion,
                             "quote": quote or None, "actor": actor, "actor_version": actor_version}  # fmt: skip
    if batch is None:
        made = wish_of({"id": record, "decision": decision, **words}, review, where="decide")
        return {**review.grant(made), "warnings": review.told()}
    told = run_batch(review, batch, words)
    status = session.deliver("screen-batch", told)
    return status or (1 if told["failed"] else 0)


def run_batch(review: Review, path: Path, words: Mapping[str, Any]) -> dict[str, Any]:
    """Grant every line of a file, the command's own words standing where a line has none."""
    began = time.monotonic()
    failed: list[dict[str, Any]] = []
    numbers: list[int] = []
    lines = 0

    def wishes() -> Iterator[Wish]:
        nonlocal lines
        for number, raw in enumerate(read_lines(path), start=1):
            lines = number
            try:
                wish = wish_of({**words, **parsed(raw, where=f"line {number}")}, review, where=f"line {number}")
            except StoreDamagedError:
                raise
            except ConsilienceError as error:
                failed.append({"line": number, "error": error.as_json()["error"]})
                continue
            numbers.append(number)
            yield wish

    def each(index: int, told: Mapping[str, Any]) -> None:
        if "error" in told:
            failed.append({"line": numbers[index], "error": told["error"]})

    made, stood = review.decide_all(wishes(), each=each)
    return {"lines": lines, "decided": made, "stood": stood, "failed": sorted(failed, key=lambda one: one["line"]),
            "warnings": review.told(), "usage": {"seconds": time.monotonic() - began}}  # fmt: skip


def wish_of(line: Mapping[str, Any], review: Review, *, where: str) -> Wish:
    """A decision as a line or a command words it; an unknown key or a wrong type is found before work starts."""
    from consilience.screening.deciding import Wish

    if unknown := sorted(line.keys() - set(_KEYS)):
        raise BadInputError(f"unknown key {unknown[0]!r}", where=where, expected=", ".join(_KEYS))
    for key in ("id", "decision"):
        if not isinstance(line.get(key), str):
            raise BadInputError(f"{key} is missing, or no text", where=where, expected='{"id": ..., "decision": ...}')
    for key in _KEYS:
        value = line.get(key)
        fits = value is None or isinstance(value, str) or (key == "quote" and isinstance(value, dict))
        if not fits:
            raise BadInputError(f"{key} is no text", where=where, expected=f'"{key}": text')
    return Wish(line["id"], line["decision"], line.get("reviewer"), line.get("stage") or "title_abstract",
                line.get("reason") or "", line.get("criterion") or "", line.get("quote") or None,
                _actor(line, review))  # fmt: skip


def _actor(line: Mapping[str, Any], review: Review) -> Actor | None:
    from consilience.screening.ledger import ACTORS
    from consilience.screening.review import Actor

    kind = line.get("actor") or "person"
    if kind not in ACTORS:
        raise BadInputError(f"{kind!r} is no actor", where="actor", expected=", ".join(ACTORS))
    if kind == "person":
        return None
    return Actor(review.reviewer(line.get("reviewer")), kind, line.get("actor_version") or "")


@command(screen_app, "conflicts", object_name="screen-conflicts")
def screen_conflicts(session: Session, directory: Folder, stage: AtStage = "title_abstract") -> Mapping[str, Any]:
    """List the records on which reviewers disagree."""
    return opened(directory).conflicts(stage=stage)


@command(screen_app, "adjudicate", object_name="screen-adjudicate")
def screen_adjudicate(
    session: Session,
    directory: Folder,
    record: RecordId,
    decision: Annotated[Literal["include", "exclude", "unclear"], typer.Argument(metavar="include|exclude|unclear")],
    by: By,
    stage: AtStage = "title_abstract",
    reason: Reason = "",
    criterion: Criterion = "",
    quote: Quote = "",
) -> Mapping[str, Any]:
    """Settle a conflict; the decisions of the reviewers stay in the ledger."""
    return opened(directory).adjudicate(
        record, decision, by=by, stage=stage, reason=reason, criterion=criterion, quote=quote or None
    )


# ---------------------------------------------------------------- how it stands


@command(screen_app, "status", object_name="screen-status")
def screen_status(session: Session, directory: Folder) -> Mapping[str, Any]:
    """Say how far the review is, how far its reviewers agree, and what was retracted since."""
    return opened(directory).status()


@command(screen_app, "stop", object_name="screen-stop")
def screen_stop(
    session: Session,
    directory: Folder,
    accept: Annotated[bool, typer.Option("--accept", help="End screening at title and abstract, by a person.")] = False,
    by: By = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; needed while no rule is reached.")] = "",
) -> Mapping[str, Any]:
    """Say where each stop rule stands and what it claims; only a person ends screening."""
    if not accept and (by or reason):
        raise BadInputError("nothing is to be accepted", where="--accept", expected="stop --accept --by NAME")
    review = opened(directory)
    return review.accept_stop(by=by, reason=reason) if accept else review.stop()


@command(screen_app, "export", object_name="screen-export")
def screen_export(
    session: Session,
    directory: Folder,
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False)],
    format: Annotated[
        str | None, typer.Option(help="ris, nbib, csv, tsv, xlsx, endnote, bibtex, jsonl; by the name unless given.")
    ] = None,
    which: Annotated[
        str, typer.Option(help="included, sought, excluded, undecided, all, or records with their duplicates.")
    ] = "included",
    again: Annotated[
        int | None, typer.Option(metavar="ENTRY", help="Write the file of an earlier export, by its ledger entry.")
    ] = None,
) -> Mapping[str, Any]:
    """Write records with what was decided on them; from its ledger entry the file can be made again."""
    return opened(directory).export(file, format=format, which=which, again=again)


@command(screen_app, "study", object_name="screen-study")
def screen_study(
    session: Session,
    directory: Folder,
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A name of the study, such as its acronym or number.")],
    ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    by: By = "",
) -> Mapping[str, Any]:
    """Say that several reports are of one study, which the PRISMA flow then counts once."""
    return opened(directory).study(study, ids, by=by)


@command(screen_app, "report", object_name="screen-report")
def screen_report(
    session: Session,
    directory: Folder,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", dir_okay=False, help="report.html in DIR unless given.")
    ] = None,
    flow: Annotated[
        list[Path], typer.Option("--flow", metavar="FILE", help="The PRISMA flow alone: .svg, .png, .csv; repeatable.")
    ] = [],  # noqa: B006
) -> Mapping[str, Any]:
    """Write the review's report as one HTML page: PRISMA flow, decisions, agreement, and what machines did."""
    return opened(directory).report(out, flows=flow)


@command(screen_app, "page", object_name="screen-page")
def screen_page(
    session: Session,
    directory: Folder,
    port: Annotated[int, typer.Option(min=0, max=65535, help="On this machine alone; 0 takes a free one.")] = 8765,
    rerank: Annotated[bool, typer.Option(help="Rank anew, beside the screening, whenever enough was judged.")] = True,
) -> int:
    """Screen in a browser, by keyboard, on this machine; until interrupted."""

    def begun(url: str) -> None:
        session.deliver("screen-page", {"review": str(directory), "url": url})

    opened(directory).page(port=port, rerank=rerank, begun=begun)
    return 0


@command(screen_app, "ledger", object_name="screen-ledger")
def screen_ledger(
    session: Session,
    directory: Folder,
    head: Annotated[
        str | None, typer.Option(metavar="SHA256", help="A hash that was written down elsewhere: it must be there.")
    ] = None,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Keep the sound entries of a broken ledger, the broken file beside it.")
    ] = False,
) -> Mapping[str, Any]:
    """Verify the ledger and the files it names; exit 3 and say how to repair when anything was changed."""
    if salvage:
        from consilience.api import salvage_review

        return salvage_review(directory)
    return opened(directory).verify(head=head)
