"""When it happens: the only place that knows Dagster."""

import warnings

# Dagster says so of every asset that has one; we know, and run many partitions at once on purpose.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy` of function `asset` is currently in beta")
