"""How good it is: an asset a suite, run over what questions see now."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from consilience.evaluation import charts
from pipelines.defs.resources import HomeResource, told_plainly
from pipelines.steps import FRESH_WEEKLY, result

# The suites of a home; those that need public data fail, saying what to set, where it is not laid out.
SUITES = (
    "answering", "bioasq", "claims-clinifact", "claims-healthver", "claims-scifact", "dials", "mutants", "outdated",
    "pubmedqa", "pubmedqa-retrieval", "retrieval", "scifact", "screening", "stages",
)  # fmt: skip
# These ask what comes with every home, of its own documents: every week.
AT_HOME = ("answering", "dials", "mutants", "outdated", "retrieval")

Told = dg.MaterializeResult[Any] | dg.AssetCheckResult


def suite(name: str) -> dg.AssetsDefinition:
    """The asset of one suite: its measures, and the report it left."""

    @dg.asset(
        key=["evaluation", name.replace("-", "_")],
        group_name="evaluation",
        kinds={"markdown"},
        description=f"The suite evaluation/{name}.yaml, run on this home.",
        deps=[dg.AssetKey(["indexes", "current"])],
        freshness_policy=FRESH_WEEKLY if name in AT_HOME else None,
        check_specs=[dg.AssetCheckSpec("baselines_hold", asset=["evaluation", name.replace("-", "_")])],
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
    return result(context, folder.name, n=report["n"], system=report["system"], page=page,
                  table=_table(report), **_pictures(report, folder), **figures)  # fmt: skip


def _table(report: Mapping[str, Any]) -> dg.TableMetadataValue:
    """A row a system and measure: the figure, its interval, and what the suite's own system is ahead by."""
    systems = {report["system"]: report["measures"], **report["baselines"]}
    rows = [
        dg.TableRecord({"system": system, "measure": measure, "value": of["value"], "low": (of["ci95"] or [None])[0],
                        "high": (of["ci95"] or [None])[-1], "behind": (of.get("difference") or {}).get("value"),
                        "p": (of.get("difference") or {}).get("p")})
        for system, own in systems.items() for measure, of in own.items() if of["value"] is not None
    ]  # fmt: skip
    columns = [dg.TableColumn("system", "string"), dg.TableColumn("measure", "string"),
               *(dg.TableColumn(name, "float") for name in ("value", "low", "high", "behind", "p"))]  # fmt: skip
    return dg.MetadataValue.table(rows, schema=dg.TableSchema(columns))


def _pictures(report: Mapping[str, Any], folder: Path) -> dict[str, dg.MarkdownMetadataValue]:
    """Each picture of the report as an inline PNG; none without matplotlib."""
    details = [json.loads(line) for line in (folder / "details.jsonl").read_text(encoding="utf-8").splitlines()]
    return {
        f"picture_{name}": dg.MetadataValue.md(f"![{name}](data:image/png;base64,{b64encode(png).decode()})")
        for name, png in charts.drawn(report, details, "png").items()
    }


def _held(report: Mapping[str, Any]) -> dg.AssetCheckResult:
    lost = [hold for hold in report["holds"] if hold["held"] is False]
    told = "; ".join(f"{hold['system']} {hold['measure']}: {hold['found']} against {hold['value']}" for hold in lost)
    return dg.AssetCheckResult(check_name="baselines_hold", passed=not lost, description=told or "nothing was lost")


(
    answering, bioasq, claims_clinifact, claims_healthver, claims_scifact, dials, mutants, outdated,
    pubmedqa, pubmedqa_retrieval, retrieval, scifact, screening, stages,
) = map(suite, SUITES)  # fmt: skip
