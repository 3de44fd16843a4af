"""Records of one document are clustered by the rules of the corpora; near neighbours and people's word stay apart."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience.corpora import pubmed
from consilience.evaluation.damage import NEIGHBOURS, copied, neighbour
from consilience.records import Record
from consilience.screening.dedup import Cluster, clusters, flags
from consilience.screening.files.fields import Found, record
from consilience.screening.files.others import of_citation

TITLE = "Bed rest against early walking after an operation of the knee: a randomised trial"


def made(name: str, **values: Any) -> dict[str, Any]:
    usual = {
        "title": TITLE, "abstract": "", "authors": ["Doe J", "Roe R"], "journal": "Lancet", "year": 2003, "volume": "3",
        "pages": "12-19", "pmid": "", "doi": "", "publication_types": [], "extra": {},
    }  # fmt: skip
    return {"id": name, **usual, **values}


def members(records: Sequence[Mapping[str, Any]], **options: Any) -> list[tuple[str, ...]]:
    return [cluster.members for cluster in clusters(records, **options)]


def test_one_pmid_is_one_document_whatever_the_title() -> None:
    records = [made("a", pmid="99000001"), made("b", pmid="99000001", title="[Bettruhe nach Knieoperation]", pages="")]
    (cluster,) = clusters(records)
    assert (cluster.members, cluster.basis[0].basis) == (("a", "b"), "PMID")


def test_one_doi_is_one_document_in_any_spelling_of_the_title() -> None:
    records = [made("a", doi="10.5555/a"), made("b", doi="10.5555/a", title=TITLE.upper() + ".", year=2004, authors=[])]
    assert members(records) == [("a", "b")]


def test_title_with_people_and_place_is_enough() -> None:
    other = made("b", title=TITLE.replace("randomised", "randomized"), authors=["Doe, Jane", "Roe, R."], pages="12")
    assert members([made("a"), other, made("c", title="Another trial of something else")]) == [("a", "b")]


APART = {
    "a preprint": {"doi": "10.1101/2003.01.01.1", "journal": "medRxiv", "volume": "", "pages": ""},
    "an erratum": {"title": f"Erratum: {TITLE}", "pages": "99"},
    "a reply": {"title": f"Reply: {TITLE}", "pages": "99"},
    "another part": {"title": f"{TITLE}. Part II", "pages": "99"},
    "a conference abstract": {"publication_types": ["Conference Abstract"], "pages": "S12"},
    "another PMID": {"pmid": "99000002", "pages": "99"},
    "another year": {"year": 2007},
    "other people": {"authors": ["Poe E", "Foe F"], "pages": "99"},
}


@pytest.mark.parametrize("changes", APART.values(), ids=APART.keys())
def test_near_neighbours_stay_apart(changes: dict[str, Any]) -> None:
    assert members([made("a", pmid="99000001"), made("b", **changes)]) == []


def test_the_fullest_record_is_the_master_and_nothing_is_left_out() -> None:
    records = [made("a"), made("b", pmid="99000001"), made("c", pmid="99000001", abstract="It helped. " * 30)]
    (cluster,) = clusters(records)
    assert (cluster.master, cluster.members) == ("c", ("a", "b", "c"))
    assert len(cluster.basis) == 2


def test_of_equals_the_first_is_the_master() -> None:
    assert clusters([made("b"), made("a")])[0].master == "b"


def test_a_record_without_pmid_joins_no_two_pmids() -> None:
    records = [made("a", pmid="99000001"), made("b", pages=""), made("c", pmid="99000002", pages="99", volume="4")]
    assert members(records) == [("a", "b")]


def test_what_people_parted_stays_apart() -> None:
    records = [made("a"), made("b"), made("c")]
    assert members(records) == [("a", "b", "c")]
    assert members(records, apart=[("b", "a")]) == [("a", "c")]
    assert members(records, apart=[("a", "b"), ("a", "c")]) == [("b", "c")]


def test_a_trial_and_year_in_common_is_a_flag_and_no_cluster() -> None:
    records = [
        made("a", title="Walking after surgery of the knee", abstract="NCT01234567.", pages="1"),
        made("b", title="Pain after surgery: more of the rest trial", abstract="See NCT01234567", pages="9"),
        made("c", title="Sleep after surgery", abstract="NCT01234567", year=2009, pages="30"),
    ]
    assert members(records) == []
    assert [(flag.a, flag.b, flag.basis) for flag in flags(records)] == [("a", "b", "NCT01234567, 2003")]


def test_records_without_anything_are_not_one() -> None:
    blank: dict[str, Any] = {"title": "", "authors": [], "journal": "", "year": None, "volume": "", "pages": ""}
    assert members([made("a", **blank), made("b", **blank)]) == []
    assert members([]) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(range(12)), min_size=2, max_size=14))
def test_clusters_part_the_records_and_hold_one_pmid_each(kinds: list[int]) -> None:
    variants: list[dict[str, Any]] = [
        {}, {"pmid": "99000001"}, {"pmid": "99000002", "pages": "99"}, {"doi": "10.5555/a"}, {"year": 2004},
        {"pages": ""}, {"title": f"{TITLE}. Part II"}, {"title": "Another trial altogether"}, {"authors": []},
        {"journal": "medRxiv"}, {"doi": "10.5555/b", "pages": "12"}, {"year": None},
    ]  # fmt: skip
    records = [made(f"r{place:02d}", **variants[kind]) for place, kind in enumerate(kinds)]
    found = clusters(records)
    everyone = [name for cluster in found for name in cluster.members]
    assert len(everyone) == len(set(everyone)) <= len(records)
    assert all(cluster.master in cluster.members and len(cluster.members) > 1 for cluster in found)
    pmids = {each["id"]: each["pmid"] for each in records}
    assert all(len({pmids[name] for name in cluster.members} - {""}) <= 1 for cluster in found)
    assert clusters(records) == found


# ---------------------------------------------------------------- real records, damaged as other databases would


@pytest.mark.real
def test_damaged_copies_of_real_records_are_found_and_real_records_stay_apart(data_dir: Path) -> None:
    source = pubmed.read(data_dir / "pubmed_xml" / "pubmed20n0014.xml.gz")
    real = list(islice((item for item in source if isinstance(item, Record) and item.fields.get("title")), 6000))
    chance = random.Random(2026)
    citations: list[tuple[Record, str]] = [(citation, citation.id) for citation in real]
    citations += [(copied(citation, "x", chance)[0], citation.id) for citation in chance.sample(real, 2000)]
    citations += [
        (neighbour(citation, chance.choice(sorted(NEIGHBOURS)), "x", chance), f"near {place}")
        for place, citation in enumerate(chance.sample(real, 800))
    ]
    chance.shuffle(citations)
    records = [
        record(Found(place, of_citation(citation)), file="x", digest="d", number=place)
        for place, (citation, _) in enumerate(citations, start=1)
    ]
    truth = {made["id"]: origin for made, (_, origin) in zip(records, citations, strict=True)}
    right, wrong = _pairs(clusters(records), truth)
    assert right / 2000 > 0.97
    assert wrong / (right + wrong) < 0.005


def _pairs(found: Sequence[Cluster], truth: Mapping[str, str]) -> tuple[int, int]:
    """Pairs of clusters that are of one document, and those that are not."""
    right = wrong = 0
    for cluster in found:
        sizes = Counter(truth[name] for name in cluster.members).values()
        same = sum(size * (size - 1) // 2 for size in sizes)
        right += same
        wrong += len(cluster.members) * (len(cluster.members) - 1) // 2 - same
    return right, wrong
