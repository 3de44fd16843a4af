"""What is claimed: claims by shard, and the graph's table of the snapshot."""

from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from consilience.kg import EXTRACTOR, build
from consilience.refresh import ALL_SHARDS
from pipelines import checks
from pipelines.defs.partitions import shards
from pipelines.defs.resources import WRITER, HomeResource
from pipelines.steps import FOLLOWS, FRESH, checked, cut, result, shards_of, tracked


@dg.asset(
    key_prefix="kg",
    group_name="kg",
    pool=WRITER,
    kinds={"parquet"},
    partitions_def=shards,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=EXTRACTOR,
    deps=[dg.AssetKey(["corpora", "passages"])],
    automation_condition=FOLLOWS,
)
def claims(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """The claims of each document's versions, each with its quote; no version is read twice by the same rules."""
    wanted = shards_of(context)
    with home.refreshing() as refresh:
        cut(refresh, wanted)
        for shard in tracked(wanted, "claims"):
            read = refresh.claims([shard])
            context.add_asset_metadata({"versions_read": read}, partition_key=f"{shard:02d}")
        return result(context, [refresh.extractor.version, refresh.target[0]], extractor=refresh.extractor.version)


@dg.asset(
    key_prefix="kg",
    group_name="kg",
    pool=WRITER,
    kinds={"duckdb", "parquet"},
    code_version=build.VERSION,
    deps=[dg.AssetKey(["corpora", "snapshot"]), claims],
    automation_condition=FOLLOWS,
    freshness_policy=FRESH,
)
def graph(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """Every claim with its dates and its fate: what is closed by a retraction or a newer guideline, and since when."""
    with home.refreshing() as refresh:
        cut(refresh, ALL_SHARDS)
        refresh.claims()
        written = refresh.graph()
        name, _, version = refresh.target
        rows = pq.read_metadata(build.table_path(refresh.store.rooms, name, version)).num_rows
        return result(context, [name, version], version=version, written=written, **{"dagster/row_count": rows})


@dg.asset_check(asset=graph, blocking=True)
def quotes_are_verbatim(home: HomeResource) -> dg.AssetCheckResult:
    """The quote of every claim is what its document's version says at its place."""
    refresh, corpus = home.built()

    table = build.table_path(refresh.store.rooms, corpus.name, refresh.target[2])
    return checked(checks.quotes_are_verbatim(corpus, table))
