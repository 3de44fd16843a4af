"""What a hostile file, a slip of the hand or a curious reviewer could once do to a review."""

from __future__ import annotations

import json
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from consilience.errors import BadInputError, ConsilienceError, RefusedFileError, StoreDamagedError
from consilience.screening import ending, report
from consilience.screening.deciding import Wish
from consilience.screening.files import read_file, write_file
from consilience.screening.ledger import FIRST
from consilience.screening.page import Page
from consilience.screening.protocol import Protocol
from consilience.screening.review import Actor, Review

PAPER = {"title": "A trial of velorine for the prevention of stroke in adults with fibrillation", "year": 2001,
         "authors": ["Smith J"], "journal": "Lancet", "volume": "1", "pages": "1-9", "doi": "10.1/abc"}  # fmt: skip
RULE = {"type": "rule", "name": "update"}


def made(folder: Path, *records: dict[str, Any], mode: str = "single", **plan: Any) -> Review:
    plan = {"stop": ("none",), **plan}
    review = Review.create(folder / "review", Protocol("Velorine", reviewers=("ada", "bob"), mode=mode, **plan))  # type: ignore[arg-type]
    if records:
        took(review, *records)
    return review


def took(review: Review, *records: dict[str, Any]) -> list[str]:
    path = review.folder.parent / f"{len(review.state.imports)}.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    review.import_file(path)
    return list(review.state.imports[-1].ids)


def different(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"title": f"Paper {first + number} about {first + number} bees", "pmid": str(900 + first + number)}
            for number in range(count)]  # fmt: skip


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"title": "A", "x": 1e999}'),
        ("a.csv", 'title,extra\r\nA,"{""x"": NaN}"\r\n'),
        ("a.csv", 'title,extra\r\nA,"{""x"": ' + "[" * 900 + "1" + "]" * 900 + '}"\r\n'),
        ("a.csv", 'title,extra\r\nA,"{""x\\ud800"": ""1""}"\r\n'),
        ("a.jsonl", '{"title": "A", "x": 123456789012345678901234567890}'),
    ],
)
def test_a_record_that_was_taken_in_can_be_read_again(tmp_path: Path, name: str, text: str) -> None:
    review = made(tmp_path)
    (tmp_path / name).write_text(text)
    review.import_file(tmp_path / name)
    shown = review.next(reviewer="ada")
    assert shown["record"]["title"] == "A"
    assert "1.23" not in json.dumps(review.records()[shown["id"]]["extra"])


def changed_workbook(folder: Path, old: bytes, new: bytes) -> Path:
    write_file([{"id": "r0123456789abcdef", "title": "A trial", "abstract": "It helped."}], folder / "r.xlsx")
    with zipfile.ZipFile(folder / "r.xlsx") as given, zipfile.ZipFile(folder / "s.xlsx", "w") as made:
        for part in given.namelist():
            data = given.read(part)
            if part == "xl/worksheets/sheet1.xml":
                data, count = re.subn(old, new, data)
                assert count == 1
            made.writestr(part, data)
    return folder / "s.xlsx"


CELL = b'<c t="inlineStr"><is><t>x</t></is></c></row></sheetData>'


def test_a_stray_cell_in_the_last_corner_of_a_sheet_costs_little(tmp_path: Path) -> None:
    path = changed_workbook(tmp_path, b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')
    assert len(read_file(path).records) == 1
    path = changed_workbook(tmp_path, b"</sheetData>", b'<row r="1048576">' + CELL)
    assert len(read_file(path).records) == 2


def test_a_row_beyond_the_last_of_a_sheet_is_refused(tmp_path: Path) -> None:
    path = changed_workbook(tmp_path, b"</sheetData>", b'<row r="4000000000">' + CELL)
    with pytest.raises(RefusedFileError, match="beyond the last"):
        read_file(path)


def test_a_workbook_whose_bytes_were_changed_is_refused(tmp_path: Path) -> None:
    write_file([{"id": "r0123456789abcdef", "title": "A trial"}], tmp_path / "r.xlsx")
    data = bytearray((tmp_path / "r.xlsx").read_bytes())
    with zipfile.ZipFile(tmp_path / "r.xlsx") as archive:
        begins = archive.getinfo("xl/styles.xml").header_offset
    data[begins + 60 : begins + 90] = b"\xff" * 30
    (tmp_path / "r.xlsx").write_bytes(data)
    with pytest.raises(RefusedFileError):
        read_file(tmp_path / "r.xlsx")


def test_bibtex_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bib"
    path.write_text('@article{k,\n title = {\\"a ' + "{" * 3000 + "x" + "}" * 3000 + "}\n}\n")
    with pytest.raises(RefusedFileError, match="too deep"):
        read_file(path)


# ---------------------------------------------------------------- the ledger and what stands beside it


@pytest.mark.parametrize("name", ["ledger.jsonl", "protocol.yaml", "Ledger.HEAD", "records/x.jsonl"])
def test_no_output_takes_the_place_of_the_reviews_own_files(tmp_path: Path, name: str) -> None:
    review = made(tmp_path, *different(2))
    before = (review.folder / "ledger.jsonl").read_bytes()
    for write in (
        lambda: review.export(review.folder / name, format="csv", which="all"),
        lambda: review.report(review.folder / name),
        lambda: review.report(flows=[review.folder / "x" / ".." / name]),
    ):
        with pytest.raises(BadInputError, match="own"):
            write()
    assert (review.folder / "ledger.jsonl").read_bytes() == before
    review.report(review.folder / "mine.html")


def test_an_entry_that_cannot_be_understood_is_told_every_time(tmp_path: Path) -> None:
    review = made(tmp_path, *different(2))
    other = Review.open(review.folder)
    review.ledger.append("decision", {"type": "person", "name": "ada"}, {"id": "of a later version"})
    for _ in range(2):
        with pytest.raises(ConsilienceError, match="cannot be understood"):
            other.reload()


def test_a_sound_ledger_is_not_called_broken(tmp_path: Path) -> None:
    review = made(tmp_path, *different(2))
    before = review.state.head
    assert Review.salvage(review.folder)["salvaged"] == review.state.seq
    assert Review.open(review.folder).state.head == before != FIRST
    assert not list(review.folder.glob("ledger.broken-*"))


def test_nobody_is_no_actor(tmp_path: Path) -> None:
    review = made(tmp_path, *different(2))
    one, two = review.state.units()
    path = tmp_path / "labelled.jsonl"
    path.write_text('{"title": "A", "label_included": 1}\n')
    for act in (
        lambda: review.merge([one, two], by=" "),
        lambda: review.split(one, by=""),
        lambda: review.import_file(path, decided_by=""),
    ):
        with pytest.raises(BadInputError, match="who"):
            act()
    assert len(review.state.imports) == 1


def test_nothing_is_given_out_of_records_that_were_changed(tmp_path: Path) -> None:
    review = made(tmp_path, *different(2))
    (path,) = (review.folder / "records").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b"bees", b"wasp"))
    for give in (lambda: review.export(tmp_path / "x.csv", which="all"), lambda: review.report(tmp_path / "x.html")):
        with pytest.raises(StoreDamagedError, match="not what its name says"):
            give()
    assert not list(tmp_path.glob("x.*"))


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    review = made(tmp_path, *different(2))
    (tmp_path / "taken.csv").mkdir()
    for path in (tmp_path / "taken.csv", tmp_path / "0.jsonl" / "x.csv"):
        with pytest.raises(BadInputError, match="cannot be written"):
            review.export(path, which="all")
    assert not review.state.exports


# ---------------------------------------------------------------- decisions


def test_no_machine_supersedes_what_a_person_decided(tmp_path: Path) -> None:
    review = made(tmp_path, *different(1))
    (id,) = review.state.units()
    review.decide(id, "include", reviewer="ada")
    for word in ("exclude", "withdraw"):
        with pytest.raises(BadInputError, match="as a person"):
            review.decide(id, word, reviewer="ada", actor=Actor("ada", "model", "1"))
    assert review.state.outcome(id, "title_abstract").result == "include"


def test_a_batch_may_carry_a_record_through_both_stages(tmp_path: Path) -> None:
    review = made(tmp_path, *different(1))
    (id,) = review.state.units()
    wishes = [Wish(id, "include", "ada"), Wish(id, "include", "ada", "full_text"), Wish(id, "include", "bob")]
    told: list[dict[str, Any]] = []
    assert review.decide_all(wishes, each=lambda _, one: told.append(one)) == (3, 0)
    assert [each["ledger"]["seq"] for each in told] == [3, 4, 5]


def test_what_is_unclear_at_full_text_is_not_given_out_as_included(tmp_path: Path) -> None:
    review = made(tmp_path, *different(1))
    (id,) = review.state.units()
    review.decide(id, "include", reviewer="ada")
    review.decide(id, "unclear", reviewer="ada", stage="full_text")
    assert review.export(tmp_path / "in.csv")["records"] == 0
    assert review.export(tmp_path / "open.jsonl", which="undecided")["records"] == 1
    assert json.loads((tmp_path / "open.jsonl").read_text())["label"] is None


def test_an_export_in_capitals_can_be_made_again(tmp_path: Path) -> None:
    review = made(tmp_path, *different(1))
    told = review.export(tmp_path / "X.RIS", which="all")
    assert review.export(tmp_path / "again", again=told["ledger"]["seq"])["sha256"] == told["sha256"]


def test_a_fuller_duplicate_takes_neither_the_face_nor_the_flag(tmp_path: Path) -> None:
    review = made(tmp_path, PAPER)
    (old,) = review.state.units()
    review.decide(old, "exclude", reviewer="ada")
    flag = {"id": old, "status": "retracted", "since": None, "notice": "", "document": "PMID:5"}
    review.append("update", RULE, {"flags": [flag]})
    (new,) = took(review, {**PAPER, "pmid": "5", "abstract": "Words of it. " * 20})
    assert review.state.clusters == {old: (old, new)}
    review.split(new, by="ada")
    review.merge([new, old], by="ada")
    assert review.state.units() == [new]
    assert review.state.flag_of(new) is not None
    review.export(tmp_path / "x.jsonl", which="all")
    assert json.loads((tmp_path / "x.jsonl").read_text())["extra"]["screening_flag"] == "retracted"


def test_what_people_parted_does_not_meet_again_by_way_of_a_third(tmp_path: Path) -> None:
    review = made(tmp_path, {"title": PAPER["title"], "pmid": "5"}, {"title": "Of bees", "pmid": "77"}, PAPER)
    one, bees, three = (each for each in review.state.places)
    for id in (one, three):
        if len(review.state.members_of(id)) > 1:
            review.split(id, by="ada")
    review.merge([bees, three], by="ada")
    review.split(three, by="ada")
    review.merge([one, bees], by="ada")
    took(review, {**PAPER, "pmid": "5"})
    assert review.state.master_of(bees) != review.state.master_of(three)


# ---------------------------------------------------------------- stopping


def test_the_ranker_claims_nothing_of_records_it_has_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    review = made(tmp_path, *different(4), stop=("quantile",))
    units = review.state.units()
    order = SimpleNamespace(calibrated=True, through=lambda state: ((id, {units[0]: 0.9}.get(id, 0.1) if id in units
                            else None) for id in state.units()))  # fmt: skip
    monkeypatch.setattr(Review, "order", lambda self: order)
    review.decide(units[0], "include", reviewer="ada")
    found = ending.seen_of(review)
    assert found.chances is not None
    assert len(found.chances) == found.records - len(found.labels) == 3
    took(review, *different(4, first=50))
    assert ending.seen_of(review).chances is None


def test_an_adjudication_that_lost_its_parties_stops_nothing(tmp_path: Path) -> None:
    review = made(tmp_path, PAPER, *different(1), mode="dual")
    one, two = review.state.units()
    review.decide(one, "include", reviewer="ada")
    review.decide(one, "exclude", reviewer="bob")
    review.merge([two, one], by="ada")
    review.adjudicate(one, "include", by="eve")
    review.split(two, by="ada")
    assert review.status()["stop"]["read"] == 2


# ---------------------------------------------------------------- blinding


def test_a_half_judged_record_is_told_nowhere(tmp_path: Path) -> None:
    review = made(tmp_path, *different(2), mode="dual")
    id = review.state.units()[0]
    review.decide(id, "include", reviewer="ada")
    seq = review.decide(id, "exclude", reviewer="ada")["ledger"]["seq"]
    page = Page(review, 1)
    assert b"exclude on" not in bytes(page.screen({"reviewer": "bob", "saved": str(seq)}).body)
    assert b"exclude on" in bytes(page.screen({"reviewer": "ada", "saved": str(seq)}).body)
    assert [counts for *_, counts in report._deciders(review.state)] == [{"waiting": 1}]
    first, last = (SimpleNamespace(known_at=datetime(year, 1, 1, tzinfo=UTC)) for year in (1, 9999))
    assert review.changes(None, first, last) == []  # type: ignore[arg-type]
    review.decide(id, "exclude", reviewer="bob")
    assert [each["after"] for each in review.changes(None, first, last)] == ["exclude"]  # type: ignore[arg-type]
