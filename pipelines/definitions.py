"""Everything Dagster is told, in one function."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg

# The refresh is daily; one that is missed twice is told, and three times is a failure.
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=3), warn_window=timedelta(days=2))


@dg.definitions
def defs() -> dg.Definitions:
    """Collect assets, checks, jobs and resources; what a refresh ends in has to be fresh."""
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return loaded.map_asset_specs(func=_fresh)


def _fresh(spec: dg.AssetSpec) -> dg.AssetSpec:
    # One partition redone would turn a partitioned asset green, whatever the others are.
    refreshed = spec.partitions_def is None and spec.group_name != "evaluation"
    return dg.apply_freshness_policy(spec, FRESH) if refreshed else spec
