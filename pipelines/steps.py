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
from pipelines.charts import bars
from pipelines.checks import SHOWN, Finding

# What follows is made again when what it stands on was, and only from what passed its checks.
FOLLOWS = dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()
# The refresh is daily. Only what has no partitions is held to it: one partition redone would turn the rest green.
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=3), warn_window=timedelta(days=2))
FRESH_WEEKLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=16), warn_window=timedelta(days=9))
# Over the network only, and beside the library's own tries within seconds: 1, 3 and 7 minutes at most.
PATIENT = dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL)


def daily(cron: str) -> dg.AutomationCondition[Any]:
    """Once a day, whatever was or was not made above: eager conditions can miss what comes while they are at work.

    `on_cron` would wait until every file above was made anew, and most never are.
    """
    on = dg.AutomationCondition
    tick: dg.AutomationCondition[Any] = on.cron_tick_passed(cron)
    free = ~on.any_deps_in_progress() & ~on.in_progress()
    return (tick.since_last_handled() & free).with_label(f"daily({cron})")


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
    """A finding, as Dagster shows it: its figures over time, its rows as a table, its counts as bars."""
    shown: dict[str, Any] = dict(finding.figures)
    if finding.rows:
        shown["rows"] = table(finding.rows)
    if finding.counts:
        shown["chart"] = chart(finding.counts, "what was counted")
    return dg.AssetCheckResult(passed=finding.holds, severity=severity, description=finding.told, metadata=shown)


def warned(finding: Finding) -> dg.AssetCheckResult:
    """A finding that is told and keeps nothing back."""
    return checked(finding, severity=dg.AssetCheckSeverity.WARN)


def table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows of plain values, all with the same columns, at most 100."""
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows[:SHOWN]])


def chart(counts: Mapping[str, float], title: str) -> dg.MarkdownMetadataValue:
    """Counts as bars."""
    return dg.MetadataValue.md(bars(counts, title))
