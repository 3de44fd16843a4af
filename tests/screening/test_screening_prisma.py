"""PRISMA numbers add up, whatever people and machines did, and the picture shows them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consilience.records import canonical_json, sha256
from consilience.screening import diagram
from consilience.screening.ledger import Entry, Ledger
from consilience.screening.prisma import COLUMNS, Fate, Flow, as_csv, fates, flow, flow_of, known_before, listed
from consilience.screening.protocol import protocol_of
from consilience.screening.state import fold

ANN, BEN = {"type": "person", "name": "ann"}, {"type": "person", "name": "ben"}
TOOL = {"type": "model", "name": "judge", "version": "3"}
RULE = {"type": "rule", "name": "importer"}


class Told:
    """Entries as a ledger holds them, made in memory: the chain is the ledger's own business."""

    def __init__(self, mode: str = "single") -> None:
        self.entries: list[Entry] = []
        body = protocol_of({"title": "T", "mode": mode, "reviewers": ["ann", "ben"]}).as_json()
        self.add("protocol", ANN, {"protocol": body})

    def add(self, kind: str, actor: dict[str, str], body: dict[str, Any]) -> None:
        seq = len(self.entries) + 1
        self.entries.append(
            Entry(seq, "2026-01-02T00:00:00Z", kind, actor, body, "0" * 64, sha256(canonical_json([seq, body])))
        )

    def bring(self, *ids: str, source: str = "database", living: bool = False) -> None:
        file = {"file": "a.ris", "raw": "0", "records": "0", "counts": {}}
        self.add("import", RULE, {**file, "ids": list(ids), "via": source, "database": "D", "living": living})

    def merge(self, master: str, *others: str) -> None:
        self.add("merge", RULE, {"clusters": [{"master": master, "members": [master, *others]}]})

    def link(self, study: str, *ids: str) -> None:
        self.add("note", ANN, {"study": study, "ids": list(ids)})

    def decide(
        self, id: str, word: str, *, stage: str = "title_abstract", by: dict[str, str] = ANN, reason: str = ""
    ) -> None:
        self.add("decision", by, {"id": id, "stage": stage, "reviewer": by["name"], "decision": word, "reason": reason})

    def read(self, id: str, word: str, reason: str = "") -> None:
        self.decide(id, word, stage="full_text", reason=reason)

    @property
    def flow(self) -> Flow:
        return flow_of(self.entries)


def finished() -> Told:
    told = Told()
    told.bring("a", "b", "c", "d", "e")
    told.bring("f", "g", source="register")
    told.merge("a", "f")
    for id, word in {
        "a": "include",
        "b": "exclude",
        "c": "include",
        "d": "unclear",
        "e": "exclude",
        "g": "include",
    }.items():
        told.decide(id, word, by=TOOL if id == "e" else ANN)
    told.read("a", "include")
    told.read("c", "exclude", "wrong population")
    told.read("d", "exclude", "not retrieved")
    told.read("g", "include")
    return told


def test_every_box_of_a_finished_review_has_its_number() -> None:
    found = finished().flow
    assert (found.database_results, found.register_results, found.duplicates) == (5, 2, 1)
    assert (found.excluded_automatic, found.records_screened, found.records_excluded) == (1, 5, 1)
    assert (found.dbr_sought_reports, found.dbr_notretrieved_reports, found.dbr_assessed) == (4, 1, 3)
    assert found.dbr_excluded == (("wrong population", 1),)
    assert (found.new_reports, found.new_studies, found.total_studies) == (2, 2, 2)
    assert found.complete


def test_an_exclusion_that_a_person_shares_is_no_automatic_one() -> None:
    told = finished()
    told.decide("e", "exclude", by=BEN)
    assert (told.flow.excluded_automatic, told.flow.records_excluded) == (0, 2)


def test_records_left_unread_by_a_stop_are_the_automation_s_and_are_told_apart() -> None:
    told = Told()
    told.bring("a", "b", "c")
    told.decide("a", "exclude")
    assert told.flow.awaiting_screening == 2
    told.add("accept_stop", ANN, {"rule": "audit"})
    assert (told.flow.excluded_automatic, told.flow.stopped_unread, told.flow.awaiting_screening) == (2, 2, 0)


def test_reports_of_one_study_count_as_one_study() -> None:
    told = finished()
    told.link("ASCOT", "a", "g")
    assert (told.flow.new_reports, told.flow.new_studies) == (2, 1)


def test_what_an_earlier_version_kept_is_previous_and_what_repeats_it_a_duplicate() -> None:
    told = finished()
    told.bring("h", "i", living=True)
    told.add("update", RULE, {"flags": []})
    told.merge("a", "h")
    told.decide("i", "include")
    told.read("i", "include")
    found = told.flow
    assert (found.previous_reports, found.new_reports, found.total_reports) == (2, 1, 3)
    assert (found.database_results, found.duplicates, found.records_screened) == (2, 1, 1)


def test_an_update_amid_screening_begins_no_new_version() -> None:
    told = finished()
    told.bring("j")
    told.bring("k", living=True)
    assert not known_before(told.entries)
    assert told.flow.previous_reports == 0


def test_a_reopened_report_of_an_earlier_version_waits_again() -> None:
    told = finished()
    told.bring("h", living=True)
    told.decide("h", "exclude")
    told.add("withdrawn", ANN, {"id": "c", "stage": "title_abstract", "reviewer": "ann"})
    assert told.flow.awaiting_screening == 1


def test_a_report_known_from_a_database_counts_there_whoever_else_names_it() -> None:
    told = Told()
    told.bring("a", "b")
    told.bring("c", "d", source="citation")
    told.merge("a", "c")
    told.decide("d", "include")
    told.read("d", "include")
    found = told.flow
    assert (found.citations_results, found.other_duplicates, found.other_sought_reports) == (2, 1, 1)
    assert (found.duplicates, found.awaiting_screening, found.new_reports) == (0, 2, 1)


def test_numbers_that_do_not_add_up_are_refused() -> None:
    numbers = {name: getattr(finished().flow, name) for name in Flow.__slots__}
    with pytest.raises(ValueError, match="records screened"):
        Flow(**{**numbers, "duplicates": 2})


# ---------------------------------------------------------------- whatever happens

IDS = [f"r{number}" for number in range(8)]
SOURCES = st.sampled_from(["database", "register", "website", "organisation", "citation"])
WORDS = st.sampled_from(["include", "exclude", "unclear"])
STAGES = st.sampled_from(["title_abstract", "full_text"])
ACTORS = st.sampled_from([ANN, BEN, TOOL])
REASONS = st.sampled_from(["", "not retrieved", "Not Retrieved ", "wrong design", "=HYPERLINK(1)", "a, b; c"])
SEVERAL = st.lists(st.sampled_from(IDS), min_size=2, max_size=4, unique=True)
STEPS = st.one_of(
    st.tuples(st.just("decision"), st.sampled_from(IDS), STAGES, ACTORS, WORDS, REASONS),
    st.tuples(st.just("adjudication"), st.sampled_from(IDS), STAGES, ACTORS, WORDS, REASONS),
    st.tuples(st.just("withdrawn"), st.sampled_from(IDS), STAGES, ACTORS),
    st.tuples(st.just("import"), SOURCES, st.integers(1, 4), st.booleans()),
    st.tuples(st.just("merge"), SEVERAL),
    st.tuples(st.just("split"), st.sampled_from(IDS)),
    st.tuples(st.just("study"), SEVERAL),
    st.tuples(st.just("accept_stop")),
)


def played(mode: str, steps: Sequence[Any]) -> Told:
    """The steps that make sense where they stand; others, such as decisions on records not there yet, are left out."""
    told, known = Told(mode), list[str]()
    for kind, *rest in steps:
        if kind == "import":
            fresh = [id for id in IDS if id not in known][: rest[1]]
            known += fresh
            told.bring(*fresh, source=rest[0], living=rest[2])
        elif kind in ("decision", "adjudication", "withdrawn") and rest[0] in known:
            id, stage, actor, *said = rest
            body = {"id": id, "stage": stage, "reviewer": actor["name"]}
            told.add(kind, actor, {**body, **dict(zip(("decision", "reason"), said, strict=False))})
        elif kind == "merge" and (own := [id for id in rest[0] if id in known])[1:]:
            told.merge(*own)
        elif kind == "split" and rest[0] in known:
            told.add("split", ANN, {"ids": [rest[0]]})
        elif kind == "study":
            told.link(*rest[0])
        elif kind == "accept_stop":
            told.add(kind, ANN, {"rule": "audit"})
    return told


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mode=st.sampled_from(["single", "dual", "liberal"]), steps=st.lists(STEPS, max_size=40))
def test_the_numbers_add_up_after_any_sequence_of_entries(mode: str, steps: list[Any]) -> None:
    told = played(mode, [("import", "database", 3, False), *steps])
    state = fold(told.entries)
    found = flow_of(told.entries)  # refuses numbers that do not add up
    previous = [fate for fate in fates(state, known_before(told.entries)) if fate.previous]
    numbers = found.numbers()
    ends = (
        "excluded_automatic", "excluded_other", "records_excluded", "dbr_notretrieved_reports", "dbr_excluded",
        "other_notretrieved_reports", "other_excluded", "new_reports", "awaiting_screening", "dbr_awaiting",
        "other_awaiting", "other_unscreened", "other_screened_out",
    )  # fmt: skip
    # Every unit ends in one box and no other.
    assert sum(numbers[name] for name in ends) + len(previous) == state.count_units()


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(STEPS, max_size=40))
def test_no_two_boxes_of_the_picture_overlap(steps: list[Any]) -> None:
    picture = diagram.layout(played("single", [("import", "database", 3, False), *steps]).flow)
    for one, other in combinations(picture.boxes, 2):
        apart = one.x + one.width < other.x or other.x + other.width < one.x
        assert apart or one.y + one.height < other.y or other.y + other.height < one.y
    for box in picture.boxes:
        assert box.x >= 0 and box.x + box.width <= picture.width
        assert box.y >= 0 and box.y + box.height <= picture.height


# ---------------------------------------------------------------- told as a table and as a picture


def test_the_table_has_the_field_s_columns_and_one_line_a_number() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(finished().flow))))
    assert tuple(rows[0]) == COLUMNS
    by_name = {row["data"]: row["n"] for row in rows}
    assert (by_name["database_results"], by_name["dbr_excluded"]) == ("5", "wrong population, 1")
    assert {name for name in by_name if name != "NA"} >= set(Flow.__slots__[:24])


def test_a_reason_can_neither_split_the_list_nor_begin_a_formula() -> None:
    assert listed((("=1+1, or; more", 2), ("-", 1))) == "1+1| or| more, 2; , 1"


def hostile() -> Flow:
    kept = [
        Fate(("database",), str(n), "sought", "excluded", f"</text><script>{n}</script> & so on") for n in range(30)
    ]
    return flow(kept)


def test_the_picture_is_well_formed_holds_every_number_and_takes_no_markup_from_reasons() -> None:
    text = diagram.svg(hostile())
    root = ElementTree.fromstring(text)  # our own text
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    words = "".join(root.itertext()).replace("\u00a0", " ")
    assert "(n = 30)" in words and "Further reasons (n = 18)" in words
    assert diagram.svg(hostile()) == text


def test_the_png_is_the_same_picture_twice() -> None:
    pytest.importorskip("matplotlib")
    first = diagram.png(finished().flow, dots=60)
    assert first.startswith(b"\x89PNG") and diagram.png(finished().flow, dots=60) == first


def test_a_ledger_on_disk_gives_the_same_flow(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", lambda: datetime(2026, 1, 2, tzinfo=UTC))
    told = finished()
    ledger.append_all((entry.kind, entry.actor, entry.body) for entry in told.entries)
    assert flow_of(Ledger(tmp_path / "ledger.jsonl", ledger.now).entries()) == told.flow
