from __future__ import annotations

import hashlib
import shutil
import threading
from pathlib import Path

import dagster as dg
import pytest

from consilience import refresh
from consilience.api import open_home
from consilience.home import Rooms
from pipelines.definitions import defs
from pipelines.defs import corpora, indexes, kg, resources
from pipelines.run import materialize_all

from .conftest import NOW, Built, new_home

FILES = ["pubmed26n0001", "pubmed26n0002"]


def digests(home: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(home)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def events(instance: dg.DagsterInstance, key: list[str]) -> int:
    return len(instance.fetch_materializations(dg.AssetKey(key), limit=1000).records)


def test_one_call_makes_a_home_ready_for_questions(built: Built) -> None:
    assert built.success
    home = open_home(built.path, now=NOW)
    assert home.status()["documents"]["retracted"] >= 1
    assert home.status()["claims"] > 50
    assert home.view.pointer is not None
    assert built.refresh.is_done


def test_every_partition_was_materialised_and_tells_its_rows(built: Built) -> None:
    done = built.instance.get_materialized_partitions
    assert done(dg.AssetKey(["corpora", "pubmed_records"])) == set(FILES)
    assert len(done(dg.AssetKey(["corpora", "citations"]))) == len(done(dg.AssetKey(["kg", "claims"]))) == 64
    records = built.instance.fetch_materializations(dg.AssetKey(["corpora", "citations"]), limit=100).records
    told = [record.asset_materialization.metadata for record in records if record.asset_materialization]
    assert len({record.run_id for record in records}) == 1
    rows = sum(int(str(metadata["dagster/partition_row_count"].value)) for metadata in told)
    assert rows == built.resource.built()[1].table.num_rows


def test_through_dagster_and_without_it_the_same_is_made(built: Built, tmp_path: Path) -> None:
    home = open_home(new_home(tmp_path / "home"), now=NOW)
    sample = home.rooms.root / "corpora" / "sample"
    home.ingest_pubmed(sorted(sample.glob("*.xml.gz")))
    home.ingest_guidelines([sample / "guidelines.jsonl"])
    home.refresh()
    assert refresh.current(home.rooms) == refresh.current(built.resource.rooms())
    tables = [{name: digest for name, (digest, _) in digests(path).items() if name.endswith(".parquet")}
              for path in (home.rooms.root, built.path)]  # fmt: skip
    assert tables[0] == tables[1]


def test_a_second_run_changes_nothing(built: Built) -> None:
    before = digests(built.path)
    with dg.DagsterInstance.ephemeral() as instance:
        assert materialize_all(built.path, instance, now="2027-01-01T00:00:00Z")
    assert digests(built.path) == before


def test_the_daily_job_does_all_of_it(copied: Built) -> None:
    (copied.path / "corpora" / "store" / "current.json").unlink()
    config = {"resources": {"home": {"config": {"path": str(copied.path), "now": NOW}}}}
    job = defs().resolve_job_def("refresh_job")
    assert job.execute_in_process(instance=copied.instance, run_config=config).success
    assert events(copied.instance, ["indexes", "current"]) == 1
    assert copied.refresh.is_done


def test_a_refused_file_fails_the_run_and_keeps_nothing_back(copied: Built) -> None:
    folder = copied.path / "corpora" / "sample"
    (folder / "pubmed26n0003.xml.gz").write_bytes((folder / "pubmed26n0001.xml.gz").read_bytes()[:5000])
    shutil.copy(folder / "pubmed26n0002.xml.gz", folder / "pubmed26n0004.xml.gz")
    assert not materialize_all(copied.path, copied.instance, now=NOW)
    assert [commit.file for commit in copied.refresh.commits][-1] == "pubmed26n0004.xml.gz"
    assert copied.refresh.is_done


def test_files_of_another_home_are_no_concern_of_this_one(copied: Built) -> None:
    copied.instance.add_dynamic_partitions("pubmed_files", [FILES[0], "pubmed25n0009", FILES[1]])
    assert materialize_all(copied.path, copied.instance, now=NOW)
    assert copied.instance.get_materialized_partitions(dg.AssetKey(["corpora", "pubmed_records"])) == set(FILES)


def test_a_partition_without_a_file_fails_by_name(copied: Built) -> None:
    copied.instance.add_dynamic_partitions("pubmed_files", ["pubmed26n0999"])
    with pytest.raises(dg.Failure, match="pubmed26n0999: no such file"):
        dg.materialize(
            [corpora.pubmed_records], instance=copied.instance, partition_key="pubmed26n0999",
            resources={"home": copied.resource},
        )  # fmt: skip


def test_a_file_that_was_loaded_may_go(copied: Built) -> None:
    (copied.path / "corpora" / "sample" / "pubmed26n0001.xml.gz").unlink()
    copied.instance.add_dynamic_partitions("pubmed_files", FILES)
    made = dg.materialize(
        [corpora.pubmed_records], instance=copied.instance, partition_key=FILES[0], resources={"home": copied.resource}
    )
    assert made.success


def test_one_shard_can_be_made_alone(tmp_path: Path) -> None:
    path = new_home(tmp_path / "home")
    open_home(path, now=NOW).ingest_pubmed([path / "corpora" / "sample" / "pubmed26n0001.xml.gz"])
    with dg.DagsterInstance.ephemeral() as instance:
        made = dg.materialize(
            [corpora.citations, corpora.passages, indexes.embeddings], instance=instance, partition_key="07",
            resources={"home": resources.HomeResource(path=str(path), now=NOW)},
        )  # fmt: skip
    assert made.success
    store = Rooms(path).corpora
    shards = [{path.parent.name for path in (store / name).rglob("*.parquet")} for name in ("citations", "passages")]
    assert shards == [{"07"}, {"07"}]


def test_what_was_not_checked_is_not_published(copied: Built) -> None:
    seen = refresh.current(copied.resource.rooms())
    extra = copied.path / "new.jsonl"
    extra.write_text(
        '{"title": "A late record", "abstract": "It came after the index was built.", "doi": "10.5555/late"}\n'
    )
    assert copied.resource.open().ingest_records([extra])["records"] == 1
    with pytest.raises(dg.Failure, match="materialise corpora/snapshot, indexes/index, kg/graph"):
        dg.materialize([indexes.current], instance=copied.instance, resources={"home": copied.resource})
    assert refresh.current(copied.resource.rooms()) == seen


def test_a_busy_home_is_tried_again_until_it_is_free(copied: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "WAIT", 1)
    held, free = threading.Event(), threading.Event()

    def write() -> None:
        with copied.resource.rooms().writing():
            held.set()
            free.wait(20)

    writer = threading.Thread(target=write)
    writer.start()
    assert held.wait(5)
    threading.Timer(0.5, free.set).start()
    try:
        made = dg.materialize([kg.graph], instance=copied.instance, resources={"home": copied.resource})
    finally:
        free.set()
        writer.join()
    assert made.success
    assert made.retry_attempts_for_node("kg__graph") >= 1


def test_a_home_that_stays_busy_fails_in_the_end(copied: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "TRIES", 1)
    monkeypatch.setattr(resources, "WAIT", 0)
    with copied.resource.rooms().writing():
        made = dg.materialize(
            [kg.graph], instance=copied.instance, resources={"home": copied.resource}, raise_on_error=False
        )
    assert not made.success


def test_a_suite_leaves_its_measures_and_its_report(copied: Built) -> None:
    from pipelines.defs.evaluation import retrieval

    # The numbers to hold are MiniLM's; this home has hashed vectors, so it is held to what does not depend on them.
    hold = "{suite: retrieval, system: lexical, measure: nDCG@10, n: 42, value: 0.838, tolerance: 0.03}"
    (copied.path / "evaluation" / "baselines.yaml").write_text(f"kind: baselines\nholds: [{hold}]\n")
    made = dg.materialize([retrieval], instance=copied.instance, resources={"home": copied.resource})
    event = made.asset_materializations_for_node("evaluation__retrieval")[0]
    assert 0 < float(str(event.metadata["nDCG@10"].value)) <= 1
    assert str(event.metadata["page"].value).startswith("# retrieval")
    rows = event.metadata["table"].value.records
    assert {row.data["system"] for row in rows} == {"hybrid", "lexical", "dense", "rank_bm25", "random", "ceiling"}
    assert "data:image/png;base64," in str(event.metadata["picture_figures"].value)
    assert [check.passed for check in made.get_asset_check_evaluations()] == [True]


def test_a_home_that_names_no_file_is_refreshed_all_the_same(tmp_path: Path) -> None:
    path = new_home(tmp_path / "home")
    for name in ("pubmed", "guidelines"):
        (path / "corpora" / f"{name}.yaml").write_text("files: []\n")
    with dg.DagsterInstance.ephemeral() as instance:
        assert materialize_all(path, instance, now=NOW)
    assert refresh.Refresh.of(Rooms(path)).is_done


def test_lists_and_records_that_a_home_names_are_loaded_once(copied: Built) -> None:
    room = copied.path / "corpora"
    (room / "listed.csv").write_text("pmid,notice_pmid,date,kind\n99000001,,2026-01-05,retracted\n")
    (room / "more.jsonl").write_text('{"title": "A late record", "doi": "10.5555/late", "year": 2025}\n')
    (room / "retractions.yaml").write_text("files: [listed.csv]\n")
    (room / "records.yaml").write_text("files: [more.jsonl]\n")
    for _ in range(2):
        made = dg.materialize([corpora.retraction_records, corpora.record_files], instance=copied.instance,
                              resources={"home": copied.resource})  # fmt: skip
        event = made.asset_materializations_for_node("corpora__retraction_records")[0]
        assert event.metadata["dagster/row_count"].value == 1
    assert sorted(c.file for c in copied.refresh.commits if c.kind != "pubmed") == [
        "guidelines.jsonl", "listed.csv", "more.jsonl",
    ]  # fmt: skip


def test_a_home_of_before_that_has_no_such_manifests_loads_none(copied: Built) -> None:
    for name in ("retractions", "records"):
        (copied.path / "corpora" / f"{name}.yaml").unlink()
    made = dg.materialize([corpora.retraction_records, corpora.record_files], instance=copied.instance,
                          resources={"home": copied.resource})  # fmt: skip
    assert made.success
