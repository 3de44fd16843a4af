"""The benchmark of ranking: what it tells, not how fast anything is."""

from __future__ import annotations

from consilience.evaluation.benchmark_screening import measure, mixed

RECORDS = [
    {"title": f"Trial {number}", "abstract": f"drug{number} against placebo in patients with disease{number}"}
    for number in range(9)
]


def test_records_are_mixed_of_two_the_same_way_each_time() -> None:
    made = mixed(RECORDS, 50)
    assert len(made) == 50
    assert made == mixed(RECORDS, 50)
    assert any("drug" in row["abstract"] and "disease" in row["abstract"] for row in made)


def test_every_step_is_told_in_seconds_and_memory() -> None:
    told = measure(mixed(RECORDS, 60), 20, "placebo")
    assert (told["records"], told["labels"]) == (60, 20)
    assert told["terms"] > 60
    for step in ("features", "features_cached", "start", "order"):
        assert set(told[step]) == {"seconds", "cpu_seconds"}
    assert told["peak_mib"] >= told["peak_mib_before"] > 10
