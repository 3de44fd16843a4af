"""The linking suite: seeded damage, near neighbours, and scores that count what was joined wrongly or not at all."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from consilience import open_home
from consilience.contract import validated
from consilience.errors import BadInputError
from consilience.evaluation import suite as suites
from consilience.evaluation.damage import DAMAGES, NEIGHBOURS, OF_ONE_STUDY, copied, neighbour
from consilience.evaluation.definition import LinkingSuite, load_suite
from consilience.evaluation.linking import wilson
from consilience.records import Record
from tests.making import paper

TOPICS = "fever tremor gout asthma migraine anaemia eczema angina sepsis stroke rickets scurvy".split()
DRUGS = "velorine sertaline ondapril mirtazol quinexan lovatide".split()


def made(number: int) -> Record:
    drug, topic = DRUGS[number % len(DRUGS)], TOPICS[number // len(DRUGS) % len(TOPICS)]
    people = (f"Nordal{number} Kari", f"Özeki{number} Taro M")
    return paper(
        99000000 + number, f"Long-acting {drug} in patients with severe {topic}: study {number}", authors=people,
        journal="Journal of Synthetic Medicine", doi=f"10.5555/s.{number}", published=f"{1990 + number % 20}-05-01",
        extra={"volume": str(number % 90 + 1), "medline_pgn": f"{number}1-{number % 10}9"},
        abstract=f"We gave {drug} to {number} people with {topic}. " * 8,
    )  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    rows = []
    for number in range(140):
        record = made(number)
        told = f" NCT{number:08d}" if number % 10 == 7 else ""
        rows.append({
            "pmid": record.pmid, "doi": record.doi, **record.fields, "year": record.events[0].when.start.year,
            "authors": list(record.authors), "volume": record.extra["volume"], "pages": record.extra["medline_pgn"],
            "abstract": record.fields["abstract"] + told,
        })  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def defined(folder: Path, **keys: Any) -> Path:
    path = folder / "linking.yaml"
    given = {"kind": "linking", "data": "absent.jsonl", "records": 60, "copies": 30, "neighbours": 18, **keys}
    path.write_text("".join(f"{name}: {value}\n" for name, value in given.items()), encoding="utf-8")
    return path


def run(path: Path, data: Path) -> dict[str, Any]:
    return suites.run(
        path, None, data=data, temporary=None, shelving=None, runs=path.parent / "runs", clock=lambda: 0.0  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_each_damage_is_seeded_and_leaves_a_record(name: str) -> None:
    changed = 0
    for number in range(20):
        one, two = (DAMAGES[name](made(number), random.Random(number)) for _ in range(2))
        assert one == two and one.fields
        changed += one != made(number)
    assert changed > 5


def test_a_copy_has_no_pmid_and_says_what_was_done_to_it() -> None:
    for number in range(40):
        copy, done = copied(made(number), "copy", random.Random(number))
        assert copy.id == "copy" and not copy.pmid and not copy.corrections and 1 <= len(done) <= 4


@pytest.mark.parametrize("kind", sorted(NEIGHBOURS))
def test_each_neighbour_differs_in_what_makes_it_one(kind: str) -> None:
    near = neighbour(made(3), kind, "near", random.Random(0))
    assert near.id == "near" and near.doi != made(3).doi and near.fields["title"]
    assert {"erratum", "preprint"} <= OF_ONE_STUDY < set(NEIGHBOURS)


def test_a_suite_over_own_data_finds_copies_and_parts_neighbours(tmp_path: Path, data: Path) -> None:
    result = run(defined(tmp_path), data)
    validated("evaluate", result)
    found = {name: measure["value"] for name, measure in result["measures"].items()}
    assert found["sensitivity"] >= 0.9 and found["specificity"] >= 0.98 and found["study_sensitivity"] >= 0.8
    for baseline in ("exact_doi", "exact_title"):
        assert result["baselines"][baseline]["sensitivity"]["value"] < found["sensitivity"]
    assert result["groups"]["part II"]["specificity"]["n"] == 3
    unaided = result["groups"]["no common DOI"]["sensitivity"]
    assert 0 < unaided["n"] == 30 - round(30 * result["baselines"]["exact_doi"]["sensitivity"]["value"])
    assert result["groups"]["registration"]["study_sensitivity"]["value"] == 1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_copies(tmp_path: Path, data: Path) -> None:
    path = defined(tmp_path)
    first, again = run(path, data), run(path, data)
    assert first == again
    other = run(defined(tmp_path, seed=5), data)
    assert other["groups"] != first["groups"]


def test_development_and_final_records_are_never_the_same(tmp_path: Path, data: Path) -> None:
    from consilience.evaluation.linking import _pool

    pools = []
    for half in ("development", "final"):
        loaded = load_suite(defined(tmp_path, half=half))
        assert isinstance(loaded, LinkingSuite)
        pools.append({case.record.id for case in _pool(loaded, "x", data, random.Random(0)) if not case.marks})
    assert pools[0] and pools[1] and not pools[0] & pools[1]


def test_an_unknown_key_is_refused_and_missing_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError):
        load_suite(defined(tmp_path, copys=3))
    with pytest.raises(BadInputError, match=r"absent\.jsonl"):
        suites.planned(defined(tmp_path))


def test_wilson_agrees_with_its_textbook_example() -> None:
    # Newcombe 1998, table I: 81 of 263 is .2553 to .3662 by the score method.
    assert wilson(81, 263) == pytest.approx([0.2553, 0.3662], abs=1e-4)
    low, high = wilson(20, 20)
    assert high == 1 and low < 0.9


@pytest.mark.real
def test_on_real_records_the_goals_of_the_field_are_met(tmp_path: Path, data_dir: Path) -> None:
    path = defined(tmp_path, half="development", records=1200, copies=400, neighbours=240, seed=9)
    result = run(path, data_dir / "pubmed_xml" / "pubmed20n0014.xml.gz")
    assert result["measures"]["sensitivity"]["value"] >= 0.97
    assert result["measures"]["specificity"]["value"] >= 0.99


def test_the_packaged_suite_is_listed(sample_home: Path) -> None:
    opened = open_home(sample_home, now="2026-03-01")
    assert "linking" in suites.suites(opened.rooms.evaluation)
