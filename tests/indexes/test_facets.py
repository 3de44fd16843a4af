"""Facets: what rows bear, and that building on earlier ones is building anew."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from consilience.corpora.corpus import Corpus
from consilience.errors import StoreDamagedError
from consilience.indexes import facets, languages
from consilience.indexes.facets import Facets
from consilience.records import Deletion, MeshHeading
from tests.making import TinyHome, advice, ids, paper, record


def headings(*names: str) -> tuple[MeshHeading, ...]:
    return tuple(MeshHeading(name, f"D{sum(map(ord, name)):06d}") for name in names)


@pytest.mark.parametrize(
    ("names", "species"),
    [
        (["Humans"], {"humans"}),
        (["Animals", "Mice"], {"animals"}),
        (["Humans", "Animals"], {"humans", "animals"}),
        (["Aged, 80 and over", "Stroke"], {"humans"}),
        (["Rats"], {"animals"}),
        (["Male", "Female", "Pregnancy"], {""}),
        ([], {""}),
    ],
)
def test_species_are_read_from_the_check_tags(names: list[str], species: set[str]) -> None:
    meta = {"mesh": [[name, "", False, []] for name in names]}
    assert {value for name, value in facets.values_of(meta, "pubmed") if name == "species"} == species


def test_a_recommendation_speaks_of_humans() -> None:
    assert ("species", "humans") in set(facets.values_of({}, "guidelines"))


def test_headings_go_by_name_and_by_ui_in_any_case_and_languages_by_one_code() -> None:
    meta = {"mesh": [["Aspirin", "D001241", True, ["pharmacology"]], ["No Number", "", False, []]],
            "publication_types": [["Review", "D016454"]], "languages": ["English", "fra", "Klingon"]}  # fmt: skip
    assert set(facets.values_of(meta, "pubmed")) == {
        ("mesh", "aspirin"), ("mesh", "d001241"), ("mesh", "no number"), ("species", ""),
        ("publication_types", "review"), ("publication_types", "d016454"),
        ("languages", "eng"), ("languages", "fre"), ("languages", "klingon"),
    }  # fmt: skip


def test_a_language_goes_by_any_of_its_codes_and_by_its_name() -> None:
    for name in ("ger", "deu", "DE", " German ", "de-AT", "de_CH"):
        assert languages.code_of(name) == "ger"
    assert languages.code_of("Klingon") is None and languages.code_of("") is None
    assert all(languages.code_of(code) == languages.code_of(name) == code for code, name in languages.NAMES.items())


def load(home: TinyHome, chance: random.Random, step: int) -> Corpus:
    names = ["Humans", "Animals", "Aspirin", "Zinc", "Stroke"]
    items = [
        make(number, mesh=headings(*chance.sample(names, chance.randrange(4))),
             languages=tuple(chance.sample(["eng", "ger"], chance.randrange(3))), source_version=str(step))
        for number in chance.sample(range(30), 12) for make in [paper]
    ]  # fmt: skip
    home.load(f"pubmed26n{step + 1:04d}.xml", *items, Deletion(str(chance.randrange(30)), "1"), known=step)
    home.load(f"more{step}.jsonl", record(99, f"Step {chance.randrange(2)}"), known=step, kind="records")
    return home.corpus()


@pytest.mark.parametrize("seed", range(3))
def test_facets_built_on_earlier_ones_are_those_built_anew(tmp_path: Path, seed: int) -> None:
    chance, home = random.Random(seed), TinyHome.make(tmp_path / "home")
    earlier: tuple[Facets, dict[tuple[str, str], int]] | None = None
    for step in range(4):
        corpus = load(home, chance, step)
        updated, anew = tmp_path / f"{step}-updated", tmp_path / f"{step}-anew"
        read = facets.build(updated, corpus, *(earlier or ()))
        assert facets.build(anew, corpus) == corpus.alive.sum()
        assert earlier is None or read < corpus.alive.sum()
        for name in ("values.parquet", "rows.npy"):
            assert (updated / name).read_bytes() == (anew / name).read_bytes()
        keys = zip(corpus.table["id"].to_pylist(), corpus.table["version"].to_pylist(), strict=True)
        earlier = Facets(updated), {key: row for row, key in enumerate(keys) if corpus.alive[row]}


def test_a_mask_has_the_rows_that_bear_one_of_the_values_and_no_memory_of_a_deleted_document(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", paper(1, mesh=headings("Aspirin")), paper(2, mesh=headings("Zinc", "Aspirin")),
              paper(3), paper(4, mesh=headings("Aspirin")), known=0)  # fmt: skip
    home.load("pubmed26n0002.xml", Deletion("4", "1"), known=1)
    home.load("advice.jsonl", advice("1", "2001"), known=1, kind="guidelines")
    corpus = home.corpus()
    facets.build(tmp_path / "facets", corpus)
    built, size = Facets(tmp_path / "facets"), corpus.table.num_rows

    def bearing(name: facets.Property, *values: str) -> list[str]:
        rows = (built.mask(name, values, size) & corpus.alive).nonzero()[0].tolist()
        return sorted(set(ids(corpus, rows)))

    assert bearing("mesh", "zinc") == ["PMID:2"]
    assert bearing("mesh", "aspirin", "zinc") == ["PMID:1", "PMID:2", "PMID:4"]  # 4 as it was before it went
    assert bearing("mesh", "unheard of") == []
    assert bearing("mesh", facets.BARE) == ["GL:Sleep Body/Rest/1@1", "PMID:3"]
    assert not built.mask("mesh", ["aspirin"], size)[~corpus.alive].any()


@pytest.mark.parametrize("name", ["values.parquet", "rows.npy"])
def test_facets_that_are_torn_or_missing_are_damage(tmp_path: Path, name: str) -> None:
    home = TinyHome.make(tmp_path / "home")
    home.load("pubmed26n0001.xml", paper(1), known=0)
    facets.build(tmp_path / "facets", home.corpus())
    for content in (b"torn", None):
        (tmp_path / "facets" / name).unlink()
        if content:
            (tmp_path / "facets" / name).write_bytes(content)
        with pytest.raises(StoreDamagedError, match="facets"):
            Facets(tmp_path / "facets")
