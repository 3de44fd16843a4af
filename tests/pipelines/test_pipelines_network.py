"""Fetching through Dagster, from a server that is sometimes ill: partitions, retries, shortfalls, the sensor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from consilience import refresh
from consilience.api import Home
from consilience.corpora import shortfalls
from consilience.corpora.fold import BASELINE
from pipelines.defs import automation, corpora, remote
from pipelines.defs.resources import HomeResource
from pipelines.run import PUBLISHED, START, _run, refresh_all
from pipelines.steps import PATIENT
from tests.loopback import FileServer, network, packed, status

from .conftest import NOW, new_home

FIRST = 99_000_901
ONE, TWO, THREE = "pubmed26n0001", "pubmed26n0002", "pubmed26n0003"
ALL = [ONE, TWO, THREE]


class Quick(HomeResource):
    """A home whose network waits in no time, and asks once."""

    def open(self) -> Home:
        opened = super().open()
        opened.network = network(tries=1)
        return opened


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        running.put("baseline", f"{ONE}.xml.gz", packed(FIRST, FIRST + 1))
        running.put("baseline", f"{TWO}.xml.gz", packed(FIRST + 2))
        running.put("updatefiles", f"{THREE}.xml.gz", packed(FIRST + 3))
        yield running


@pytest.fixture
def home(tmp_path: Path, server: FileServer) -> Quick:
    path = new_home(tmp_path / "home")
    said = f"{{enabled: true, baseline: '{server.url}baseline/', updates: '{server.url}updatefiles/'}}"
    (path / "corpora" / "pubmed.yaml").write_text(f"files: []\nremote: {said}\n")
    (path / "corpora" / "guidelines.yaml").write_text("files: []\n")
    return Quick(path=str(path), now=NOW)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions("pubmed_files", ALL)
        yield made


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda policy, attempt: 0)


def fetch(home: HomeResource, instance: dg.DagsterInstance, stem: str) -> dg.ExecuteInProcessResult:
    return dg.materialize([remote.pubmed_files], instance=instance, partition_key=stem, resources={"home": home},
                          raise_on_error=False)  # fmt: skip


def fetch_all(home: HomeResource, instance: dg.DagsterInstance) -> bool:
    return _run(instance, home, PUBLISHED, ONE, THREE)


def tick(home: HomeResource, cursor: str | None = None) -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"home": home})
        return automation.published_pubmed_files(context)


def is_open(home: HomeResource) -> list[tuple[str, str]]:
    return [(each["source"], each["kind"]) for each in shortfalls.outstanding(home.rooms())]


def fetched(instance: dg.DagsterInstance) -> set[str]:
    return instance.get_materialized_partitions(dg.AssetKey(["corpora", "pubmed_files"]))


# ---------------------------------------------------------------- the sensor


def test_a_home_that_was_not_told_to_asks_nobody(tmp_path: Path, server: FileServer) -> None:
    found = tick(Quick(path=str(new_home(tmp_path / "home")), now=NOW))
    assert isinstance(found, dg.SkipReason)
    assert "no remote source is enabled" in str(found.skip_message)
    assert server.seen == []


def test_each_listed_file_is_asked_for_once_a_day_until_it_is_here(home: Quick, server: FileServer) -> None:
    first = tick(home)
    assert [request.partition_key for request in first.run_requests] == ALL
    assert [key for request in first.dynamic_partitions_requests for key in request.partition_keys] == ALL
    assert len(server.seen) == 2
    again = tick(home, first.cursor)
    assert not again.run_requests
    assert "3 listed files are missing" in str(again.skip_reason)
    morrow = tick(Quick(path=home.path, now="2026-02-01T12:00:00Z"), again.cursor)
    keys = [[request.run_key for request in found.run_requests] for found in (first, morrow)]
    assert len(keys[1]) == 3
    assert not set(keys[0]) & set(keys[1])


def test_what_is_here_is_not_asked_for(home: Quick, instance: dg.DagsterInstance) -> None:
    assert fetch(home, instance, TWO).success
    assert [request.partition_key for request in tick(home).run_requests] == [ONE, THREE]


def test_a_service_that_is_out_of_order_fails_the_tick_by_one_sentence(home: Quick, server: FileServer) -> None:
    server.faults.extend([status(502)] * 2)
    with pytest.raises(dg.Failure, match="could not be listed: the service is out of order"):
        tick(home)


# ---------------------------------------------------------------- fetching


def test_three_files_are_fetched_in_one_run_and_each_tells_its_fate(home: Quick, instance: dg.DagsterInstance) -> None:
    assert fetch_all(home, instance)
    assert fetched(instance) == set(ALL)
    records = instance.fetch_materializations(dg.AssetKey(["corpora", "pubmed_files"]), limit=10).records
    assert len({record.run_id for record in records}) == 1
    assert {str(r.asset_materialization.metadata["status"].value) for r in records if r.asset_materialization} == {
        "fetched"
    }
    assert instance.get_runs()[0].tags[START] == ONE
    assert home.open().store.commits() == []  # loading is another step


@pytest.mark.usefixtures("at_once")
def test_a_fault_of_the_network_is_tried_again(home: Quick, instance: dg.DagsterInstance, server: FileServer) -> None:
    server.fail(f"{ONE}.xml.gz", status(502), status(502))
    made = fetch(home, instance, ONE)
    assert made.success
    assert made.retry_attempts_for_node("corpora__pubmed_files") == 2
    assert is_open(home) == []


@pytest.mark.usefixtures("at_once")
def test_a_fault_that_stays_is_a_shortfall_and_keeps_no_other_file_back(
    home: Quick, instance: dg.DagsterInstance, server: FileServer
) -> None:
    server.fail(f"{TWO}.xml.gz", *[status(502)] * (PATIENT.max_retries + 1))
    assert not fetch_all(home, instance)
    assert fetched(instance) == {ONE, THREE}
    assert is_open(home) == [(f"{TWO}.xml.gz", "outage")]
    found = remote.no_shortfall_is_open(home)
    assert isinstance(found, dg.AssetCheckResult)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_wrong_checksum_is_not_tried_again(home: Quick, instance: dg.DagsterInstance, server: FileServer) -> None:
    server.put("baseline", f"{ONE}.xml.gz", packed(FIRST), checksum="0" * 32)
    made = fetch(home, instance, ONE)
    assert not made.success
    assert made.retry_attempts_for_node("corpora__pubmed_files") == 0
    assert is_open(home) == [(f"{ONE}.xml.gz", "checksum")]


def test_an_error_of_ours_is_not_tried_again(
    home: Quick, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a mistake")

    monkeypatch.setattr(remote.network, "fetch", broken)
    made = fetch(home, instance, ONE)
    assert not made.success
    assert made.retry_attempts_for_node("corpora__pubmed_files") == 0


def test_without_the_network_what_lies_here_will_do_and_nothing_else(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = HomeResource(path=str(new_home(tmp_path / "home")), now=NOW)
    assert fetch(home, instance, ONE).success
    assert not fetch(home, instance, THREE).success


def test_the_policy_waits_longer_each_time_and_never_in_step() -> None:
    policy = remote.pubmed_files.op.retry_policy
    assert policy is PATIENT
    assert (policy.backoff, policy.jitter) == (dg.Backoff.EXPONENTIAL, dg.Jitter.FULL)
    assert remote.pubmed_files.op.pool == "ncbi"
    assert corpora.pubmed_records.op.pool == "home"


# ---------------------------------------------------------------- the whole way


@pytest.mark.usefixtures("at_once")
def test_a_refresh_lists_fetches_and_loads_and_makes_yesterdays_shortfall_good(
    home: Quick, instance: dg.DagsterInstance, server: FileServer
) -> None:
    server.fail(f"{TWO}.xml.gz", *[status(502)] * (PATIENT.max_retries + 1))
    server.put("updatefiles", f"{THREE}.xml.gz", b"no gzip at all")
    assert not refresh_all(home, instance)
    assert [commit.file for commit in home.open().store.commits()] == [f"{ONE}.xml.gz"]
    assert {source for source, _ in is_open(home)} == {f"{TWO}.xml.gz", f"{THREE}.xml.gz"}
    assert refresh.current(home.rooms()) is not None  # what could be had is seen
    server.put("updatefiles", f"{THREE}.xml.gz", packed(FIRST + 3))
    assert refresh_all(home, instance)
    assert is_open(home) == []
    assert home.open().status()["documents"]["active"] == 4
    kinds = [(commit.kind, commit.file) for commit in home.open().store.commits()]
    assert (BASELINE, "pubmed26n0001-n0002") in kinds  # declared once all of it was loaded, and not before
    event = instance.get_latest_materialization_event(dg.AssetKey(["corpora", "latest_update"]))
    assert event is not None
    assert event.asset_materialization is not None
    told = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert (told["listed"], told["left"], told["last"]) == (3, 0, f"{THREE}.xml.gz")
