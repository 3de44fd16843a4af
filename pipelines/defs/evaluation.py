"""How good it is: an asset a suite, run over what questions see now."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.defs.resources import HomeResource, told_plainly
from pipelines.steps import FRESH_WEEKLY, result

# The suites of a home; those that need public data fail, saying what to set, where it is not laid out.
SUITES = ("answering", "retrieval", "screening")
# These ask the questions that come with every home, of its own documents.
AT_HOME = ("answering", "retrieval")

Told = dg.MaterializeResult[Any] | dg.AssetCheckResult


def suite(name: str) -> dg.AssetsDefinition:
    """The asset of one suite: its measures, and the report it left."""

    @dg.asset(
        key=["evaluation", name],
        group_name="evaluation",
        kinds={"markdown"},
        description=f"The suite evaluation/{name}.yaml, run on this home.",
        deps=[dg.AssetKey(["indexes", "current"])],
        freshness_policy=FRESH_WEEKLY if name in AT_HOME else None,
        check_specs=[dg.AssetCheckSpec("baselines_hold", asset=["evaluation", name])],
    )
    def evaluated(
        context: dg.AssetExecutionContext, home: HomeResource
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        with told_plainly():
            report = home.open().evaluate(name)
        yield _told(context, report, home.rooms().root)
        yield _held(report)

    return evaluated


def _told(context: dg.AssetExecutionContext, report: Mapping[str, Any], root: Path) -> dg.MaterializeResult[Any]:
    figures = {name: measure["value"] for name, measure in report["measures"].items() if measure["value"] is not None}
    folder = root / report["report"]
    page = dg.MetadataValue.md((folder / "report.md").read_text(encoding="utf-8"))
    return result(context, folder.name, n=report["n"], system=report["system"], page=page, **figures)


def _held(report: Mapping[str, Any]) -> dg.AssetCheckResult:
    lost = [hold for hold in report["holds"] if hold["held"] is False]
    told = "; ".join(f"{hold['system']} {hold['measure']}: {hold['found']} against {hold['value']}" for hold in lost)
    return dg.AssetCheckResult(check_name="baselines_hold", passed=not lost, description=told or "nothing was lost")


answering, retrieval, screening = map(suite, SUITES)
