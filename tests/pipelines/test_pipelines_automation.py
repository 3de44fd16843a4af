from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipelines.definitions import defs
from pipelines.defs import automation
from pipelines.defs.resources import HomeResource

from .conftest import Built, new_home


@pytest.fixture
def home(tmp_path: Path) -> HomeResource:
    return HomeResource(path=str(new_home(tmp_path / "home")))


def tick(home: HomeResource, cursor: str | None = None) -> dg.SensorResult:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"home": home})
        found = automation.new_pubmed_files(context)
    assert isinstance(found, dg.SensorResult)
    return found


def asked(found: dg.SensorResult) -> list[str | None]:
    return [request.partition_key for request in found.run_requests or []]


def test_each_file_is_asked_for_once(home: HomeResource) -> None:
    first = tick(home)
    assert asked(first) == ["pubmed26n0001", "pubmed26n0002"]
    assert [key for request in first.dynamic_partitions_requests or [] for key in request.partition_keys] == asked(
        first
    )
    assert asked(tick(home, first.cursor)) == []


def test_a_lost_cursor_asks_under_the_same_run_keys(home: HomeResource) -> None:
    keys = [[request.run_key for request in tick(home).run_requests or []] for _ in range(2)]
    assert keys[0] == keys[1]


def test_a_file_that_arrives_or_changes_is_asked_for(home: HomeResource) -> None:
    first = tick(home)
    folder = home.rooms().root / "corpora" / "sample"
    shutil.copy(folder / "pubmed26n0001.xml.gz", folder / "pubmed26n0003.xml.gz")
    second = tick(home, first.cursor)
    assert asked(second) == ["pubmed26n0003"]
    shutil.copy(folder / "pubmed26n0002.xml.gz", folder / "pubmed26n0003.xml.gz")
    third = tick(home, second.cursor)
    assert asked(third) == ["pubmed26n0003"]
    assert (second.run_requests or [])[0].run_key != (third.run_requests or [])[0].run_key


def test_one_tick_reads_no_more_files_than_it_has_time_for(home: HomeResource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automation, "FILES_A_TICK", 1)
    first = tick(home)
    second = tick(home, first.cursor)
    assert [asked(first), asked(second), asked(tick(home, second.cursor))] == [["pubmed26n0001"], ["pubmed26n0002"], []]


def test_nothing_more_is_asked_for_after_a_whole_refresh(built: Built) -> None:
    first = dg.evaluate_automation_conditions(defs=defs(), instance=built.instance)
    second = dg.evaluate_automation_conditions(defs=defs(), instance=built.instance, cursor=first.cursor)
    assert (first.total_requested, second.total_requested) == (0, 0)


def test_a_shard_made_anew_makes_the_snapshot_anew(built: Built) -> None:
    first = dg.evaluate_automation_conditions(defs=defs(), instance=built.instance)
    event = dg.AssetMaterialization(dg.AssetKey(["corpora", "passages"]), partition="07")
    built.instance.report_runless_asset_event(event)
    second = dg.evaluate_automation_conditions(defs=defs(), instance=built.instance, cursor=first.cursor)
    assert second.get_num_requested(dg.AssetKey(["corpora", "snapshot"])) == 1


def test_once_a_day_the_sources_and_then_all_shards_are_asked_for_whatever_was_made(built: Built) -> None:
    midnight = datetime.now(tz=UTC).replace(hour=0, minute=0) + timedelta(days=1)

    def at(hour: int, before: dg.EvaluateAutomationConditionsResult | None) -> dg.EvaluateAutomationConditionsResult:
        return dg.evaluate_automation_conditions(
            defs=defs(), instance=built.instance, evaluation_time=midnight + timedelta(hours=hour, minutes=10),
            cursor=before.cursor if before else None,
        )  # fmt: skip

    first = at(3, None)
    second = at(4, first)
    third = at(5, second)
    asked = [{key.to_user_string(): found.get_num_requested(key) for key in KEYS} for found in (first, second, third)]
    assert sum(asked[0].values()) == 0
    assert {name for name, count in asked[1].items() if count} == {
        "corpora/latest_update", "corpora/guideline_records", "corpora/record_files", "corpora/retraction_records",
    }  # fmt: skip
    shards = ["corpora/citations", "corpora/passages", "indexes/embeddings", "kg/claims"]
    assert [asked[2][name] for name in shards] == [64, 64, 64, 64]


KEYS = list(defs().resolve_asset_graph().get_all_asset_keys())
