from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from consilience.errors import BadInputError, RefusedFileError
from consilience.screening import read_labelled, simulate
from consilience.screening.files import write_file

Row = dict[str, Any]


def review(records: int = 200, includes: int = 20, *, seed: int = 0) -> list[Row]:
    """A review whose includes share words with each other, and chance words with the rest."""
    draw = random.Random(seed)
    common = [f"word{number:03d}" for number in range(150)]
    topic = ["statin", "placebo", "randomised", "cholesterol", "myocardial"]
    chosen = set(draw.sample(range(records), includes))
    return [
        {
            "pmid": str(1000 + row),
            "title": " ".join(draw.sample(common, 4) + (draw.sample(topic, 2) if row in chosen else [])),
            "abstract": " ".join(draw.sample(common, 25) + (draw.sample(topic, 3) if row in chosen else [])),
            "label_included": int(row in chosen),
        }
        for row in range(records)
    ]


def without_usage(result: Mapping[str, Any]) -> str:
    return json.dumps({key: value for key, value in result.items() if key != "usage"})


def test_the_order_is_every_record_but_the_priors_once() -> None:
    rows = review()
    result = simulate(rows)
    priors = result["config"]["priors"]
    assert len(priors) == 2
    assert sorted([*result["order"], *priors]) == sorted(row["pmid"] for row in rows)
    assert (result["records"], result["includes"]) == (198, 19)


def test_the_object_has_the_keys_of_the_contract_and_no_more() -> None:
    result = simulate(review(60, 8))
    top = {"records", "includes", "order", "wss@95", "recall@10%", "atd", "loss", "stop", "config", "usage"}
    assert set(result) == top
    assert set(result["stop"]) == {"rule", "at", "recall", "saved", "claim"}


def test_the_measures_are_those_of_the_order_given() -> None:
    rows = review()
    included = {row["pmid"]: row["label_included"] for row in rows}
    result = simulate(rows)
    ranks = [rank for rank, name in enumerate(result["order"], start=1) if included[name]]
    assert result["atd"] == pytest.approx(sum(ranks) / len(ranks))
    assert result["recall@10%"] == pytest.approx(sum(rank <= 20 for rank in ranks) / 19)
    assert result["wss@95"] == pytest.approx(1 - ranks[18] / 198 - 0.05)  # ceil(.95 * 19) = 19
    assert result["stop"]["saved"] == pytest.approx(1 - result["stop"]["at"] / 198)
    assert result["stop"]["recall"] == pytest.approx(sum(rank <= result["stop"]["at"] for rank in ranks) / 19)


def test_what_can_be_learnt_is_learnt() -> None:
    found = [simulate(review(400, 40, seed=seed), seed=seed) for seed in range(3)]
    assert min(result["wss@95"] for result in found) > 0.6
    assert max(result["loss"] for result in found) < 0.1


def test_the_same_seed_gives_the_same_bytes_and_another_other_priors() -> None:
    rows = review()
    assert without_usage(simulate(rows, seed=3)) == without_usage(simulate(rows, seed=3))
    assert simulate(rows, seed=3)["config"]["priors"] != simulate(rows, seed=4)["config"]["priors"]


SPELLINGS: list[Callable[[int], Any]] = [
    str,
    bool,
    lambda label: "Included" if label else "Excluded",
    lambda label: " included " if label else "EXCLUDED",
    lambda label: "true" if label else "False",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_labels_may_be_spelt_in_several_ways(spelling: Callable[[int], Any]) -> None:
    rows = review(60, 8)
    respelt = [{**row, "label_included": spelling(row["label_included"])} for row in rows]
    assert without_usage(simulate(respelt)) == without_usage(simulate(rows))


@pytest.mark.parametrize("bad", [None, "", 2, -1, "yes", "maybe", 0.5, [1], {"label": 1}])
def test_any_other_label_is_refused_by_its_row(bad: Any) -> None:
    rows = review(30, 5)
    rows[17]["label_included"] = bad
    with pytest.raises(BadInputError) as caught:
        simulate(rows)
    assert caught.value.where == "row 17"


def test_a_label_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInputError, match="no label under 'decision'"):
        simulate(review(30, 5), label="decision")


@pytest.mark.parametrize(("label", "missing"), [(0, "include"), (1, "exclude")])
def test_a_review_of_one_kind_is_refused(label: int, missing: str) -> None:
    with pytest.raises(BadInputError, match=missing):
        simulate([{**row, "label_included": label} for row in review(20, 5)])


def test_an_empty_review_is_refused() -> None:
    with pytest.raises(BadInputError):
        simulate([])


def test_given_priors_are_left_out_of_the_order_and_every_count() -> None:
    rows = review()
    includes = [row["pmid"] for row in rows if row["label_included"]][:3]
    excludes = [row["pmid"] for row in rows if not row["label_included"]][:2]
    result = simulate(rows, prior_ids=[*includes, *excludes])
    assert not {*includes, *excludes} & set(result["order"])
    assert (result["records"], result["includes"]) == (195, 17)
    assert result["config"]["priors"] == [*includes, *excludes]


@pytest.mark.parametrize("wanted", [0, 1])
def test_priors_of_one_kind_are_enough_to_begin(wanted: int) -> None:
    rows = review()
    prior = next(row["pmid"] for row in rows if row["label_included"] == wanted)
    result = simulate(rows, prior_ids=[prior])
    assert result["records"] == 199
    assert result["loss"] < 0.3


def test_an_unknown_prior_is_refused() -> None:
    with pytest.raises(BadInputError, match="999"):
        simulate(review(30, 5), prior_ids=["999"])


def test_a_duplicate_pmid_is_not_de_duplicated() -> None:
    rows = review(60, 8)
    rows[10]["pmid"] = rows[11]["pmid"] = rows[12]["pmid"] = "77"
    rows[10]["label_included"] = rows[11]["label_included"] = rows[12]["label_included"] = 0
    priors = [next(row["pmid"] for row in rows if row["label_included"] == wanted) for wanted in (1, 0)]
    result = simulate(rows, prior_ids=priors)
    assert result["order"].count("77") == 3
    assert result["records"] == 58


def test_a_record_is_named_by_pmid_then_id_then_row() -> None:
    rows = review(30, 5)
    for row in rows:
        del row["pmid"]
    rows[4]["pmid"] = 123
    rows[5] |= {"pmid": None, "id": "x5"}
    rows[6] |= {"pmid": " ", "id": ""}
    result = simulate(rows)
    names = {*result["order"], *result["config"]["priors"]}
    assert names == {*range(30), 123, "x5"} - {4, 5}


def test_records_without_any_text_are_read_in_the_order_of_their_rows() -> None:
    rows: list[Row] = [{"title": None, "abstract": None, "label_included": row % 2} for row in range(20)]
    result = simulate(rows)
    assert result["order"] == sorted(result["order"])


def test_headings_and_keywords_tell_records_apart_as_a_list_or_as_text() -> None:
    rows: list[Row] = [
        {"pmid": str(row), "title": "A study", "abstract": None, "label_included": int(row % 5 == 0)}
        for row in range(40)
    ]
    for row in rows:
        row["mesh"] = ["Humans", "Statins"] if row["label_included"] else ["Humans", "Fishes"]
    listed = simulate(rows)
    assert listed["loss"] == 0
    joined = [{**row, "mesh": None, "keywords": "; ".join(row["mesh"])} for row in rows]
    assert simulate(joined)["order"] == listed["order"]


def test_two_records_leave_nothing_to_measure() -> None:
    result = simulate([{"title": "a b", "label_included": 1}, {"title": "c d", "label_included": 0}])
    assert (result["records"], result["order"], result["wss@95"], result["loss"]) == (0, [], None, None)
    assert result["stop"]["recall"] is None


def test_without_a_rule_everything_is_read() -> None:
    stop = simulate(review(60, 8), stop="none")["stop"]
    assert (stop["rule"], stop["at"], stop["recall"], stop["saved"]) == ("none", 58, 1.0, 0.0)


def test_an_unknown_rule_is_refused_before_work_starts() -> None:
    with pytest.raises(BadInputError) as caught:
        simulate(review(30, 5), stop="knee")
    assert "buscar" in caught.value.expected


@pytest.mark.parametrize("options", [{"batch": 0}, {"seed": -1}, {"seed": 1 << 32}, {"target": 95.0}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        simulate(review(30, 5), **options)


def test_a_batch_reads_so_many_records_between_trainings() -> None:
    whole = simulate(review(60, 8), batch=1000)
    assert len(whole["order"]) == 58
    assert whole["config"]["batch"] == 1000


def test_seconds_come_from_the_clock_passed_in() -> None:
    ticks = iter([10.0, 12.5])
    assert simulate(review(30, 5), clock=lambda: next(ticks))["usage"]["seconds"] == 2.5


# ---------------------------------------------------------------- files


def test_a_table_and_json_lines_are_read_row_for_row(tmp_path: Path) -> None:
    rows = review(30, 5)
    rows[3]["pmid"] = rows[4]["pmid"]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "r.jsonl").write_text(lines)
    with gzip.open(tmp_path / "r.jsonl.gz", "wt") as packed:
        packed.write(lines)
    for suffix, delimiter in ((".csv", ","), (".tsv", "\t")):
        with (tmp_path / f"r{suffix}").open("w", newline="") as stream:
            table = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
            table.writeheader()
            table.writerows(rows)
    expected = simulate(rows)["order"]
    for name in ("r.jsonl", "r.jsonl.gz", "r.csv", "r.tsv"):
        assert simulate(read_labelled(tmp_path / name))["order"] == expected


def test_columns_of_other_tools_are_understood(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("Primary_Title,Notes_Abstract,Label_Included\nOne,Two,Included\n")
    (row,) = read_labelled(tmp_path / "r.csv")
    assert (row["title"], row["abstract"], row["label_included"]) == ("One", "Two", "Included")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl", b""),
        ("r.jsonl", b"not json\n"),
        ("r.jsonl", b'{"title": "a", "label_included": 1}\n[1]\n'),
        ("r.jsonl", b'{"title": "\xff"}\n'),
        ("r.jsonl.gz", b"\x1f\x8bbroken"),
        ("r.csv", b"a,b\n1,2\n"),
        ("r.csv", b"title,label_included\n1,2,3,4\n"),
    ],
)
def test_a_file_that_is_not_what_it_claims_is_refused_whole(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RefusedFileError) as caught:
        read_labelled(tmp_path / name)
    assert caught.value.where == name


def test_other_suffixes_and_missing_files_are_bad_input(tmp_path: Path) -> None:
    (tmp_path / "r.pdf").write_bytes(b"")
    for name in ("r.pdf", "none.csv", "none.ris"):
        with pytest.raises(BadInputError):
            read_labelled(tmp_path / name)


def test_labels_of_asreview_in_ris_give_the_same_order_as_a_table(tmp_path: Path) -> None:
    rows = review(60, 8)
    records = [{"id": f"r{place:016x}", **row, "label": row["label_included"]} for place, row in enumerate(rows)]
    for name in ("r.ris", "r.xlsx", "r.nbib"):
        write_file(records, tmp_path / name)
        assert simulate(read_labelled(tmp_path / name))["order"] == simulate(rows)["order"]


# ---------------------------------------------------------------- real reviews


@pytest.mark.real
def test_adhd_is_ranked_far_better_than_by_chance(data_dir: Path) -> None:
    records = read_labelled(data_dir / "screening" / "cohen2006.jsonl.gz")
    result = simulate([record for record in records if record["review"] == "ADHD"], seed=0)
    assert (result["records"], result["includes"]) == (849, 19)
    assert result["wss@95"] > 0.45
    assert result["loss"] < 0.09
