from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consilience import contract, new_review
from consilience.errors import BadInputError
from consilience.records import Deletion
from consilience.screening.living import changes, update
from consilience.screening.protocol import Protocol, protocol_yaml
from consilience.screening.review import Review
from tests.making import TinyHome, advice, clocks, paper


@pytest.fixture
def home(tmp_path: Path) -> TinyHome:
    """Three papers on velorine and one on something else."""
    made = TinyHome.make(tmp_path / "home")
    made.load("pubmed26n0001.xml", *(paper(number, f"Velorine, trial {number}") for number in (1, 2, 3)),
              paper(9, "Rest"), known=1)  # fmt: skip
    return made


def review(folder: Path, search: str = "velorine[tiab]") -> Review:
    plan = folder / "plan.yaml"
    plan.write_text(protocol_yaml(Protocol("Velorine", reviewers=("ada",), stop=("none",), search=search)))
    return new_review(folder / "review", protocol=plan, now="2020-03-01")[0]


def brought_up(own: Review, home: TinyHome, known: int = 10_000, *, dry_run: bool = False) -> dict[str, Any]:
    index = home.index()
    return contract.validated("screen-update", update(own, index.corpus, index, clocks(known=known), dry_run=dry_run))


def test_only_what_is_new_is_taken_in(tmp_path: Path, home: TinyHome) -> None:
    own = review(tmp_path)
    told = brought_up(own, home)
    assert (told["found"], told["new"], told["imported"]) == (3, 3, 3)
    for id in own.state.units():
        own.decide(id, "exclude", reviewer="ada")
    home.load("pubmed26n0002.xml", paper(4, "Velorine, trial 4"), known=2)
    told = brought_up(own, home)
    assert (told["found"], told["new"]) == (4, 1)
    status = own.status()["stages"]["title_abstract"]
    assert (status["exclude"], status["pending"]) == (3, 1)
    assert own.records()[own.next()["id"]]["pmid"] == "4"


def test_an_update_of_what_did_not_change_writes_nothing(tmp_path: Path, home: TinyHome) -> None:
    own = review(tmp_path)
    brought_up(own, home)
    before = own.state.seq
    assert brought_up(own, home)["new"] == 0
    assert own.state.seq == before


def test_a_record_without_a_number_is_known_by_its_id_and_a_recommendation_is_no_record(
    tmp_path: Path, home: TinyHome
) -> None:
    plain = replace(paper(5, "Velorine by hand"), id="REC:0123456789ab", pmid="", source="records", source_version="")
    home.load("hand.jsonl", plain, known=2, kind="records")
    home.load("advice.jsonl", advice("1", "2010-01-01", text="velorine"), known=3, kind="guidelines")
    own = review(tmp_path, search="velorine[tiab] OR sleep[tiab] OR rest[tiab]")
    assert brought_up(own, home)["imported"] == 5
    assert brought_up(own, home)["new"] == 0
    assert {own.records()[id]["pmid"] for id in own.state.units()} == {"1", "2", "3", "9", ""}


def test_a_dry_run_tells_and_takes_nothing_in(tmp_path: Path, home: TinyHome) -> None:
    own = review(tmp_path)
    before = own.state.seq
    told = brought_up(own, home, dry_run=True)
    assert (told["new"], told["imported"], own.state.seq) == (3, 0, before)


def test_what_befell_decided_records_reaches_status_next_and_export_and_no_decision_is_lost(
    tmp_path: Path, home: TinyHome
) -> None:
    own = review(tmp_path)
    brought_up(own, home)
    for id in own.state.units():
        own.decide(id, "include", reviewer="ada")
    home.load(
        "pubmed26n0002.xml", paper(1, "Velorine, trial 1", links=[("RetractionIn", "77")]), Deletion("2"), known=2
    )
    told = brought_up(own, home)
    flags = {each["document"]: each["status"] for each in told["flags"]}
    assert flags == {"PMID:1": "retracted", "PMID:2": "deleted"}
    assert own.status()["stages"]["title_abstract"]["include"] == 3
    assert any("PMID:1 was decided on and is retracted" in each for each in own.status()["warnings"])
    shown = contract.validated("screen-next", own.next(stage="full_text", count=3))
    assert [each["flag"] for each in (shown, *shown["more"])] == ["retracted", "deleted", None]
    own.export(tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text().count("retracted") >= 1


def test_a_record_that_has_a_doi_alone_is_flagged_by_it(tmp_path: Path, home: TinyHome) -> None:
    own = review(tmp_path)
    export = tmp_path / "export.csv"
    export.write_text("title,doi\nCormexil and pain,10.5555/Cormexil\n")
    own.import_file(export)
    known = paper(40, "Cormexil and pain", doi="10.5555/cormexil", links=[("RetractionIn", "77")])
    home.load("pubmed26n0002.xml", known, known=2)
    told = brought_up(own, home)
    assert [(each["document"], each["status"]) for each in told["flags"]] == [("PMID:40", "retracted")]


def test_a_retraction_that_is_taken_back_lifts_its_flag(tmp_path: Path, home: TinyHome) -> None:
    own = review(tmp_path)
    home.load("pubmed26n0002.xml", paper(1, "Velorine, trial 1", links=[("ExpressionOfConcernIn", "77")]), known=2)
    brought_up(own, home)
    assert [flag.status for flag in own.state.flags.values()] == ["concern"]
    home.load("pubmed26n0003.xml", paper(1, "Velorine, trial 1"), known=3)
    told = brought_up(own, home)
    assert told["lifted"] and not own.state.flags


def test_changes_tell_which_decisions_stand_on_what_was_retracted(tmp_path: Path, home: TinyHome) -> None:
    own = review(tmp_path)
    brought_up(own, home)
    first, second, _ = own.state.units()
    own.decide(first, "include", reviewer="ada")
    own.decide(second, "include", reviewer="ada")
    own.decide(second, "exclude", reviewer="ada")
    home.load("pubmed26n0002.xml", paper(1, "Velorine, trial 1", links=[("RetractionIn", "77")]), known=2)
    rows = list(changes(own, home.corpus(), clocks(known=1), clocks(known=200)))
    told = {(row["what"], row["before"], row["after"]) for row in rows}
    assert told == {("retracted", "include", "retracted"), ("decided anew", "include", "exclude")}
    contract.validated("changes", {"rows": rows})


def test_a_protocol_without_a_search_cannot_be_updated(tmp_path: Path, home: TinyHome) -> None:
    with pytest.raises(BadInputError, match="names no search"):
        brought_up(review(tmp_path, search=""), home)
