"""How we find: vectors by shard, both indexes of the snapshot, and the pointer that questions follow."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from consilience import indexes, refresh
from consilience.corpora.corpus import Corpus
from consilience.corpora.snapshot import folder_of
from consilience.indexes.lexical import Lexical
from consilience.indexes.profile import CODE
from consilience.kg.build import table_path
from pipelines import checks
from pipelines.defs.partitions import shards
from pipelines.defs.resources import WRITER, HomeResource
from pipelines.steps import FOLLOWS, FRESH, chart, checked, cut, result, shards_of, tracked

SNAPSHOT, GRAPH = dg.AssetKey(["corpora", "snapshot"]), dg.AssetKey(["kg", "graph"])


@dg.asset(
    key_prefix="indexes",
    group_name="indexes",
    pool=WRITER,
    kinds={"numpy", "parquet"},
    partitions_def=shards,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=CODE,
    deps=[dg.AssetKey(["corpora", "passages"])],
    automation_condition=FOLLOWS,
)
def embeddings(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """A vector for each text that had none; vectors are kept by content and never made twice."""
    wanted = shards_of(context)
    with home.refreshing() as now:
        cut(now, wanted)
        for shard in tracked(wanted, "embeddings"):
            made = now.embeddings([shard])
            context.add_asset_metadata({"embedded": made}, partition_key=f"{shard:02d}")
        return result(context, [now.embedding.name, now.target[0]], model=now.embedding.name)


@dg.asset(
    key_prefix="indexes",
    group_name="indexes",
    pool=WRITER,
    kinds={"faiss", "tantivy"},
    code_version=CODE,
    deps=[SNAPSHOT, embeddings],
    automation_condition=FOLLOWS,
    freshness_policy=FRESH,
)
def index(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """The dense and the lexical index of the snapshot."""
    with home.refreshing() as now:
        cut(now, refresh.ALL_SHARDS)
        now.embeddings()
        built = now.index()
        rows = pq.read_metadata(_folder(now, now.snapshot()) / "dense" / "rows.parquet").num_rows
        return result(
            context, now.target[:2], profile=now.target[1], written=built.written, **{"dagster/row_count": rows}
        )


@dg.asset_check(asset=index, blocking=True)
def index_is_whole(home: HomeResource) -> dg.AssetCheckResult:
    """The dense index holds every passage of every live row, the lexical one every live row."""
    now, corpus = home.built()
    return checked(checks.index_is_whole(corpus, _folder(now, corpus)))


@dg.asset_check(asset=index, blocking=True)
def vectors_have_length(home: HomeResource) -> dg.AssetCheckResult:
    """No vector is zero."""
    return checked(checks.vectors_have_length(_folder(*home.built())))


@dg.asset_check(asset=index, blocking=True)
def near_is_exact_enough(home: HomeResource) -> dg.AssetCheckResult:
    """An approximate index finds 95 % of what exact search finds."""
    now, corpus = home.built()
    return checked(checks.near_is_exact_enough(corpus, indexes.Index(corpus, now.profile, now.embedding)))


@dg.asset_check(asset=index, blocking=True)
def what_was_retracted_is_barred(home: HomeResource) -> dg.AssetCheckResult:
    """Where the index finds a document that a record in force calls retracted, it is told as retracted."""
    now, corpus = home.built()
    lexical = Lexical(_folder(now, corpus) / "lexical", corpus, now.profile.lexical)
    return checked(checks.what_was_retracted_is_barred(corpus, lexical, home.instant()))


@dg.asset(
    key_prefix="indexes",
    group_name="indexes",
    pool=WRITER,
    kinds={"json"},
    deps=[SNAPSHOT, index, GRAPH],
    automation_condition=FOLLOWS,
    freshness_policy=FRESH,
)
def current(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """The pointer that questions follow: they see all of a refresh, once it passed its checks, or none of it."""
    with home.refreshing() as now:
        _must_be_built(now)
        seen = refresh.current(now.store.rooms)
        pointer = seen if seen and now.is_done else now.publish(home.instant())
        counts = home.open().status()["documents"]
        return result(
            context, now.target, **pointer.as_json(), **counts, by_status=chart(counts, "documents by status")
        )


def _folder(now: refresh.Refresh, corpus: Corpus) -> Path:
    return indexes.folder_of(corpus, now.profile)


def _must_be_built(now: refresh.Refresh) -> None:
    """Building here what is missing would publish it past its checks."""
    name, _, graph = now.target
    corpus = Corpus(now.store, name)
    made = {"corpora/snapshot": folder_of(now.store, name), "indexes/index": _folder(now, corpus),
            "kg/graph": table_path(now.store.rooms, name, graph)}  # fmt: skip
    if missing := [asset for asset, path in made.items() if not path.exists()]:
        told = f"a file was loaded, or a definition changed, after they were made: materialise {', '.join(missing)}"
        raise dg.Failure(told)
