"""What NLM publishes: each file fetched, and whether all of them are here. Off until corpora/pubmed.yaml enables it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from consilience.corpora import pubmed, shortfalls
from consilience.corpora.manifest import local_files
from pipelines import checks, network
from pipelines.defs.partitions import pubmed_files as file_names
from pipelines.defs.resources import NCBI, HomeResource, told_plainly
from pipelines.steps import FRESH, PATIENT, daily, result, warned


class _NetworkError(Exception):
    """What the asset's retry policy is for; everything else fails at once."""


@dg.asset(
    key_prefix="corpora",
    group_name="corpora",
    pool=NCBI,
    kinds={"https", "xml"},
    partitions_def=file_names,
    backfill_policy=dg.BackfillPolicy.single_run(),
    retry_policy=PATIENT,
    code_version=pubmed.VERSION,
)
def pubmed_files(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """The bytes of each file that NLM publishes, held to their checksum; nothing is loaded yet."""
    stems = list(context.partition_keys)
    with _retried_for_the_network_only():
        found = _found(home, stems)
        if found.may_pass and context.retry_number < PATIENT.max_retries:
            first = next(iter(found.faults.values()))
            raise _NetworkError(f"{len(found.faults)} of {len(stems)} files were not fetched: {first.detail}")
        for stem in stems:
            context.add_asset_metadata(found.told(stem), partition_key=stem)
        if found.faults:
            _tell(context, home, found, stems)
    return result(context, sorted(stems), files=len(stems), fetched=len(found.new))


def _found(home: HomeResource, stems: list[str]) -> network.Fetched:
    opened = home.open()
    with told_plainly():
        remote = network.source(opened)
        if remote is not None:
            return network.fetch(opened, remote, stems)
    if missing := sorted(set(stems) - local_files(opened.rooms).keys()):
        told = f"{', '.join(missing[:20])}: not here, and no remote source is enabled in corpora/pubmed.yaml"
        raise dg.Failure(told, allow_retries=False)
    return network.Fetched(frozenset(), {}, ())


def _tell(context: dg.AssetExecutionContext, home: HomeResource, found: network.Fetched, stems: list[str]) -> None:
    """Write the shortfalls down, keep the good files as made, and fail by name."""
    with told_plainly():
        network.report(home.open(), found.shortfalls)
    for stem in stems:
        if stem not in found.faults:
            context.log_event(dg.AssetMaterialization(context.asset_key, partition=stem, metadata=found.told(stem)))
    told = "; ".join(f"{stem}: {fault.kind}" for stem, fault in list(found.faults.items())[:20])
    raise dg.Failure(f"{len(found.faults)} of {len(stems)} files were not fetched: {told}", allow_retries=False)


@contextmanager
def _retried_for_the_network_only() -> Iterator[None]:
    try:
        yield
    except (_NetworkError, dg.Failure, dg.RetryRequested):
        raise
    except Exception as error:
        raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error


@dg.asset(
    key_prefix="corpora",
    group_name="corpora",
    pool=NCBI,
    kinds={"https"},
    deps=[dg.AssetDep(dg.AssetKey(["corpora", "pubmed_records"]), partition_mapping=dg.AllPartitionMapping())],
    automation_condition=daily("0 4 * * *"),
    freshness_policy=FRESH,
)
def latest_update(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[Any]:
    """How far this home has come with what NLM lists; a baseline that is loaded whole is declared so."""
    opened = home.open()
    with told_plainly():
        remote = network.source(opened)
        if remote is None:
            return result(context, None, remote="not enabled in corpora/pubmed.yaml")
        mirror = network.settle(opened, remote)
    names = list(mirror.generation.files)
    last, left = (names[-1] if names else ""), network.missing(opened, names)
    return result(context, names, listed=len(names), left=len(left), last=last,
                  warnings=mirror.outcome.warnings)  # fmt: skip


@dg.asset_check(asset=latest_update)
def no_shortfall_is_open(home: HomeResource) -> dg.AssetCheckResult:
    """All that was announced was had; a warning, for answers say so too."""
    return warned(checks.no_shortfall_is_open(shortfalls.outstanding(home.rooms())))
