"""What the assets share: which shards a run is about, and what it tells Dagster of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
from rich.console import Console
from rich.progress import track

from consilience.home import fingerprint
from consilience.refresh import Refresh
from pipelines.checks import Finding

# What follows the shards is made again when they are, and only from what passed its checks.
FOLLOWS = dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()
# The refresh is daily. Only what has no partitions is held to it: one partition redone would turn the rest green.
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=3), warn_window=timedelta(days=2))


def shards_of(context: dg.AssetExecutionContext) -> list[int]:
    """The shards of a run: `["00", "07"]` -> `[0, 7]`."""
    return [int(key) for key in context.partition_keys]


def tracked(shards: Sequence[int], step: str) -> Iterable[int]:
    """The shards one by one, with a progress bar on stderr where somebody is watching."""
    return track(shards, step, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def cut(refresh: Refresh, shards: Sequence[int]) -> list[int]:
    """Bring citations and passages of these shards up to the last commit; return the shards newly cut.

    After the assets above this only looks at names. But a file may have been loaded since they ran, and what is built
    from shards that lag behind would miss it for good: its name says that the file is in.
    """
    refresh.citations(shards)
    return refresh.passages(shards)


def count_rows(context: dg.AssetExecutionContext, shard: int, rows: int) -> None:
    """Tell how many rows one shard has."""
    context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=f"{shard:02d}")


def result(context: dg.AssetExecutionContext, version: object, /, **metadata: Any) -> dg.MaterializeResult[Any]:
    """A materialisation whose data version is the hash of what it was made from; its figures go to the log too."""
    context.log.info(
        ", ".join(f"{name} {value}" for name, value in metadata.items() if isinstance(value, str | int | float))
    )
    return dg.MaterializeResult(data_version=dg.DataVersion(fingerprint(version)), metadata=metadata)


def checked(finding: Finding, *, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR) -> dg.AssetCheckResult:
    """A finding, as Dagster shows it."""
    figures: Mapping[str, Any] = finding.figures
    return dg.AssetCheckResult(passed=finding.holds, severity=severity, description=finding.told, metadata=figures)
