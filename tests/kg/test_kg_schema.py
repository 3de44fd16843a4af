"""The definitions of kg/ are validated, and an unknown key is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from consilience.errors import BadInputError
from consilience.kg.schema import certainty, schema, vocabularies


def test_the_twelve_predicates_join_known_types() -> None:
    found = schema()
    assert len(found.predicates) == 12
    assert all({*p.subjects, *p.objects} <= found.types.keys() for p in found.predicates.values())
    assert all(p.biolink.startswith("biolink:") for p in found.predicates.values())


def test_better_designs_start_with_more_weight() -> None:
    table = certainty()
    tiers = [
        "meta_analysis",
        "rct",
        "controlled_trial",
        "cohort",
        "cross_sectional",
        "case_report",
        "editorial",
        "notice",
    ]
    weights = [table.weight(tier) for tier in tiers]
    assert weights == sorted(weights, reverse=True)
    assert table.weight("never heard of") == table.weight(None) == table.weights["unknown"]


def test_mesh_identifiers_win() -> None:
    assert [source.prefix for source in vocabularies().priority][:2] == ["MESH", "MONDO"]


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "certainty.yaml").write_text("version: 1\ncap: 0.9\nweights: {unknown: 0.1}\nwieghts: {}\n")
    with pytest.raises(BadInputError):
        certainty(tmp_path)
