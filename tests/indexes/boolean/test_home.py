"""The commands: what a strategy says and counts, and a tree that changes what it explodes to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consilience import open_home
from consilience.api import Home
from consilience.cli import run
from consilience.contract import validated
from consilience.errors import BadInputError
from consilience.records import MeshHeading
from tests.making import TinyHome, at, paper

TREE = "mesh_id\tmesh_name\tmesh_tree_number\nD1\tMetals\tD01\nD2\tZinc\tD01.5\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = TinyHome.make(tmp_path / "home")
    made.load("pubmed26n0001.xml", paper(99000001, "Zinc lozenges", mesh=(MeshHeading("Zinc", "D2"),)),
              paper(99000002, "Velorine", mesh=(MeshHeading("Metals", "D1"),)), known=0)  # fmt: skip
    opened = open_home(made.rooms.root, now=at(1))
    opened.refresh(offline=True)
    return opened


def test_a_tree_explodes_from_the_moment_it_is_there(home: Home, tmp_path: Path) -> None:
    before = validated("boolean", home.boolean("exp Metals/"))
    assert (before["count"], before["mesh"]) == (1, None)
    assert before["warnings"] == ["not exploded: no MeSH tree is loaded: Metals"]
    assert home.search("exp Metals/")["warnings"] == before["warnings"]
    path = tmp_path / "tree.tsv"
    path.write_text(TREE)
    kept = validated("ingest-mesh", home.ingest_mesh(path))
    assert (kept["edition"], kept["headings"], kept["changed"]) == ("000001", 2, True)
    after = home.boolean("exp Metals/")
    assert (after["count"], after["mesh"], after["warnings"]) == (2, "000001", [])
    assert {hit["id"] for hit in home.search("Metals[mh]")["hits"]} == {"PMID:99000001", "PMID:99000002"}


def test_a_strategy_is_shown_line_by_line(home: Home) -> None:
    told = validated("boolean", home.boolean("zinc.ti.\nVelorine.ti.\nor/1-2\nlimit 3 to yr=2010"))
    assert told["syntax"] == "ovid" and told["pubmed"] == "(zinc[ti] OR velorine[ti]) AND 2010[dp]"
    assert [(line["line"], line["count"]) for line in told["lines"]] == [("1", 1), ("2", 1), ("3", 2), ("4", 2)]
    assert told["count"] == 2


def test_the_syntax_of_a_search_is_told_and_may_be_set(home: Home) -> None:
    assert home.search("zinc lozenges")["syntax"] == "words"
    assert home.search("zinc[ti]")["syntax"] == "pubmed"
    assert home.search("zinc NOT lozenges")["hits"] == []
    assert home.search("zinc NOT lozenges", syntax="words", retriever="lexical")["hits"]
    assert home.search("zinc lozenges", syntax="pubmed")["syntax"] == "pubmed"
    with pytest.raises(BadInputError, match="no syntax"):
        home.search("zinc", syntax="dialog")


def test_the_command_reads_a_file_and_points_at_faults(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "strategy.txt"
    path.write_text("zinc.ti.\n1 and 7\n")
    root = str(home.rooms.root)
    assert run(["boolean", "--file", str(path), "--home", root, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["where"].startswith("line 2, column 7\n")
    path.write_text("zinc.ti.\n1 and lozenges.ti.\n")
    assert run(["boolean", "--file", str(path), "--home", root, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 1
    assert run(["boolean", "zinc", "--file", str(path), "--home", root]) == 2
