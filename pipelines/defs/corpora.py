"""What we read: files by name, then citations and passages by shard, then one state of it all."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from consilience.api import Home
from consilience.corpora import fold, guidelines, manifest, pubmed, recordfiles, retractions, segments
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.passages import VERSION as PASSAGES
from consilience.corpora.passages import folder_of as passages_folder
from consilience.corpora.snapshot import VERSION as SNAPSHOT
from consilience.corpora.snapshot import folder_of
from consilience.home import Rooms
from consilience.refresh import ALL_SHARDS, Refresh, current
from pipelines import checks, network
from pipelines.defs import remote
from pipelines.defs.partitions import pubmed_files, shards
from pipelines.defs.resources import WRITER, HomeResource, told_plainly
from pipelines.steps import FOLLOWS, FRESH, chart, checked, count_rows, cut, daily, result, shards_of, warned


@dg.asset(
    key_prefix="corpora",
    group_name="corpora",
    pool=WRITER,
    kinds={"xml", "parquet"},
    partitions_def=pubmed_files,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=pubmed.VERSION,
    deps=[remote.pubmed_files],
)
def pubmed_records(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """The facts of each PubMed file, one commit a file; a file loaded before changes nothing."""
    opened, wanted = home.open(), set(context.partition_keys)
    with told_plainly():
        files = manifest.local_files(opened.rooms)
        lines = {stem: opened.ingest_pubmed([path])["files"][0] for stem, path in files.items() if stem in wanted}
        network.note_loaded(opened, lines.values(), files.values())
        known = {commit.file for commit in opened.store.commits() if commit.kind == "pubmed"}
    for stem, line in lines.items():
        context.add_asset_metadata(_metadata(line), partition_key=stem)
    # A file may go once it is loaded: its facts stay.
    missing = sorted(s for s in wanted - set(lines) if not known & {s + suffix for suffix in manifest.PUBMED_SUFFIXES})
    _fail_on([*_refusals(lines.values()), *(f"{stem}: no such file in corpora/pubmed.yaml" for stem in missing)])
    return result(context, [[stem, line["sha256"]] for stem, line in lines.items()], files=len(lines))


Files = Callable[[Rooms], dict[str, Path]]
Ingest = Callable[[Home, list[Path]], dict[str, Any]]


def named(name: str, kind: str, files: Files, ingest: Ingest, *, version: str, told: str) -> dg.AssetsDefinition:
    """The asset of the files that one manifest names: all of them, each loaded once for each content it had."""

    @dg.asset(
        key=["corpora", name],
        group_name="corpora",
        pool=WRITER,
        kinds={"yaml", "parquet"},
        code_version=version,
        description=told,
        automation_condition=daily("0 4 * * *"),
        freshness_policy=FRESH,
    )
    def loaded(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
        opened = home.open()
        with told_plainly():
            lines = {stem: ingest(opened, [path])["files"][0] for stem, path in files(opened.rooms).items()}
            known = [commit.records + commit.marks for commit in opened.store.commits() if commit.kind == kind]
        _fail_on(_refusals(lines.values()))
        made_of = [[stem, line["sha256"]] for stem, line in lines.items()]
        return result(context, made_of, files=len(lines), **{"dagster/row_count": sum(known)})

    return loaded


guideline_records = named(
    "guideline_records", "guidelines", manifest.guideline_files, Home.ingest_guidelines, version=guidelines.VERSION,
    told="The recommendations of each guideline file, one commit a file.",
)  # fmt: skip
record_files = named(
    "record_files", "records", manifest.record_files, Home.ingest_records, version=recordfiles.VERSION,
    told="The citations of each file of records, one commit a file.",
)  # fmt: skip
retraction_records = named(
    "retraction_records", "retractions", manifest.retraction_files, Home.ingest_retractions,
    version=retractions.VERSION, told="What the lists of retractions say befell which papers, one commit a list.",
)  # fmt: skip


@dg.asset(
    key_prefix="corpora",
    group_name="corpora",
    pool=WRITER,
    kinds={"parquet"},
    partitions_def=shards,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=fold.VERSION,
    deps=[
        dg.AssetDep(pubmed_records, partition_mapping=dg.AllPartitionMapping()),
        remote.latest_update,
        guideline_records,
        record_files,
        retraction_records,
    ],
    automation_condition=daily("0 5 * * *"),
)
def citations(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """Which version of each document was in force when: the facts, folded in the order they state."""
    wanted = shards_of(context)
    with home.refreshing() as refresh:
        written = refresh.citations(wanted)
        for shard in wanted:
            last = fold.touched_last(refresh.commits, shard)
            path = fold.history_path(refresh.store, shard, last)
            count_rows(context, shard, pq.read_metadata(path).num_rows if last else 0)
        return result(context, [fold.VERSION, refresh.target[0]], shards_written=len(written))


@dg.asset(
    key_prefix="corpora",
    group_name="corpora",
    pool=WRITER,
    kinds={"parquet"},
    partitions_def=shards,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=PASSAGES,
    deps=[citations],
    automation_condition=FOLLOWS,
)
def passages(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """Every version of each document, cut into pieces with stable names."""
    wanted = shards_of(context)
    with home.refreshing() as refresh:
        written = cut(refresh, wanted)
        for shard in wanted:
            paths = segments.paths(passages_folder(refresh.store, shard))
            count_rows(context, shard, sum(pq.read_metadata(path).num_rows for path in paths))
        return result(context, [PASSAGES, refresh.target[0]], shards_written=len(written))


@dg.asset(
    key_prefix="corpora",
    group_name="corpora",
    pool=WRITER,
    kinds={"parquet"},
    code_version=SNAPSHOT,
    deps=[citations, passages],
    automation_condition=FOLLOWS,
    freshness_policy=FRESH,
)
def snapshot(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """One state of the corpus: every version ever in force, its passages, and what befell it."""
    with home.refreshing() as refresh:
        cut(refresh, ALL_SHARDS)
        corpus = refresh.snapshot()
        designs, days = checks.designs(corpus), checks.records_a_day(refresh.commits)
        return result(
            context, corpus.name, name=corpus.name, passages=corpus.passages.num_rows,
            documents=sum(designs.values()), records=sum(c.records for c in refresh.commits),
            by_design=chart(designs, "documents by design"), by_day=chart(days, "records a day"),
            **{"dagster/row_count": corpus.table.num_rows},
        )  # fmt: skip


@dg.asset_check(asset=snapshot, blocking=True)
def documents_are_unique(home: HomeResource) -> dg.AssetCheckResult:
    """Each document has one version in force."""
    return checked(checks.documents_are_unique(home.built()[1]))


@dg.asset_check(asset=snapshot, blocking=True)
def documents_stay(home: HomeResource) -> dg.AssetCheckResult:
    """No more than 0.5 % of the documents vanish unless DeleteCitation took them; a warning, since NLM may."""
    refresh, corpus = home.built()
    return warned(checks.documents_stay(corpus, _before(refresh)))


@dg.asset_check(asset=snapshot)
def deletions_are_few(home: HomeResource) -> dg.AssetCheckResult:
    """No more than 2 % of the documents were deleted since the last refresh; a warning, since NLM may."""
    refresh, corpus = home.built()
    return warned(checks.deletions_are_few(corpus, _before(refresh)))


@dg.asset_check(asset=snapshot)
def quarantine_is_small(home: HomeResource) -> dg.AssetCheckResult:
    """Less than 1 % of what was read could not be used; a warning, with the reasons."""
    refresh, _ = home.built()
    return warned(checks.quarantine_is_small(refresh.store, refresh.commits))


@dg.asset_check(asset=snapshot)
def guidelines_have_one_version(home: HomeResource) -> dg.AssetCheckResult:
    """Of each guideline one version at most is in force today; a warning, since issuers may publish two in a day."""
    corpus, now = home.built()[1], home.instant()
    return warned(checks.guidelines_have_one_version(corpus, Clocks(now.date(), now, explicit=False)))


def _before(refresh: Refresh) -> Corpus | None:
    """The snapshot that questions still see, if it is there."""
    seen = current(refresh.store.rooms)
    before = Corpus(refresh.store, seen.snapshot) if seen else None
    return before if before and folder_of(refresh.store, before.name).exists() else None


def _metadata(line: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: line[name] for name in ("status", "records", "deletions", "quarantined")}
    return {**told, "sha256": line["sha256"] or "", "dagster/partition_row_count": line["records"]}


def _refusals(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{line['file']}: {line['error']['message']}" for line in lines if line["status"] == "refused"]


def _fail_on(refusals: list[str]) -> None:
    """Fail after all files were tried: the good ones stay loaded."""
    if refusals:
        raise dg.Failure(f"{len(refusals)} files were refused: {'; '.join(refusals[:20])}")
