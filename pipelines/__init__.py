"""When it happens: the only place that knows Dagster."""
