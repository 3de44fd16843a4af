"""What we read: files by name, then citations and passages by shard, then one state of it all."""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from consilience.corpora import fold, guidelines, manifest, pubmed, segments
from consilience.corpora.corpus import Corpus
from consilience.corpora.passages import VERSION as PASSAGES
from consilience.corpora.passages import folder_of as passages_folder
from consilience.corpora.snapshot import VERSION as SNAPSHOT
from consilience.corpora.snapshot import folder_of
from consilience.refresh import ALL_SHARDS, current
from pipelines import checks
from pipelines.defs.partitions import pubmed_files, shards
from pipelines.defs.resources import WRITER, HomeResource, told_plainly
from pipelines.steps import FOLLOWS, FRESH, checked, count_rows, cut, result, shards_of


@dg.asset(
    key_prefix="corpora",
    group_name="corpora",
    pool=WRITER,
    kinds={"xml", "parquet"},
    partitions_def=pubmed_files,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=pubmed.VERSION,
)
def pubmed_records(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """The facts of each PubMed file, one commit a file; a file loaded before changes nothing."""
    opened, wanted = home.open(), set(context.partition_keys)
    with told_plainly():
        files = manifest.local_files(opened.rooms)
        lines = {stem: opened.ingest_pubmed([path])["files"][0] for stem, path in files.items() if stem in wanted}
        known = {commit.file for commit in opened.store.commits() if commit.kind == "pubmed"}
    for stem, line in lines.items():
        context.add_asset_metadata(_metadata(line), partition_key=stem)
    # A file may go once it is loaded: its facts stay.
    missing = sorted(s for s in wanted - set(lines) if not known & {s + suffix for suffix in manifest.PUBMED_SUFFIXES})
    _fail_on([*_refusals(lines.values()), *(f"{stem}: no such file in corpora/pubmed.yaml" for stem in missing)])
    return result(context, [[stem, line["sha256"]] for stem, line in lines.items()], files=len(lines))


@dg.asset(
    key_prefix="corpora",
    group_name="corpora",
    pool=WRITER,
    kinds={"json", "parquet"},
    code_version=guidelines.VERSION,
)
def guideline_records(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """The recommendations of each guideline file, one commit a file."""
    opened = home.open()
    with told_plainly():
        files = manifest.guideline_files(opened.rooms)
        lines = {stem: opened.ingest_guidelines([path])["files"][0] for stem, path in files.items()}
        known = [commit.records for commit in opened.store.commits() if commit.kind == "guidelines"]
    _fail_on(_refusals(lines.values()))
    version = [[stem, line["sha256"]] for stem, line in lines.items()]
    return result(context, version, files=len(lines), **{"dagster/row_count": sum(known)})


@dg.asset(
    key_prefix="corpora",
    group_name="corpora",
    pool=WRITER,
    kinds={"parquet"},
    partitions_def=shards,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=fold.VERSION,
    deps=[dg.AssetDep(pubmed_records, partition_mapping=dg.AllPartitionMapping()), guideline_records],
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
        rows = {"dagster/row_count": corpus.table.num_rows}
        return result(context, corpus.name, name=corpus.name, passages=corpus.passages.num_rows, **rows)


@dg.asset_check(asset=snapshot, blocking=True)
def documents_are_unique(home: HomeResource) -> dg.AssetCheckResult:
    """Each document has one version in force."""
    return checked(checks.documents_are_unique(home.built()[1]))


@dg.asset_check(asset=snapshot, blocking=True)
def documents_stay(home: HomeResource) -> dg.AssetCheckResult:
    """No more than 0.5 % of the documents vanish unless DeleteCitation took them; a warning, since NLM may."""
    refresh, corpus = home.built()
    seen = current(refresh.store.rooms)
    before = Corpus(refresh.store, seen.snapshot) if seen else None
    if before and not folder_of(refresh.store, before.name).exists():
        before = None
    return checked(checks.documents_stay(corpus, before), severity=dg.AssetCheckSeverity.WARN)


def _metadata(line: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: line[name] for name in ("status", "records", "deletions", "quarantined")}
    return {**told, "sha256": line["sha256"] or "", "dagster/partition_row_count": line["records"]}


def _refusals(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{line['file']}: {line['error']['message']}" for line in lines if line["status"] == "refused"]


def _fail_on(refusals: list[str]) -> None:
    """Fail after all files were tried: the good ones stay loaded."""
    if refusals:
        raise dg.Failure(f"{len(refusals)} files were refused: {'; '.join(refusals[:20])}")
