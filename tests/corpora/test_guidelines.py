"""Recommendations from JSON lines: what is kept as given, and what is normalised beside it."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from consilience.corpora import guidelines
from consilience.corpora.guidelines import direction_of, grade_of
from consilience.corpora.guidelines.grades import STRENGTHS, certainty_of, statement_type
from consilience.errors import RefusedFileError
from consilience.records import Quarantined, Record

REQUIRED = {
    "issuer": "Rest/Body",
    "guideline": "Sleep",
    "version": "2.10",
    "status": "current",
    "published": "2019-04",
    "recommendation": "1.2.3",
    "text": "We recommend that adults rest at night.",
}


def read(path: Path, *lines: Any) -> list[Record | Quarantined]:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return list(guidelines.read(path))


def one(tmp_path: Path, **values: Any) -> Record:
    (found,) = read(tmp_path / "g.jsonl", {**REQUIRED, **values})
    assert isinstance(found, Record), found
    return found


def fault(tmp_path: Path, **values: Any) -> Quarantined:
    found, good = read(tmp_path / "g.jsonl", {**REQUIRED, **values}, REQUIRED)
    assert isinstance(found, Quarantined) and isinstance(good, Record)
    return found


def test_a_recommendation_is_one_dated_record(tmp_path: Path) -> None:
    record = one(tmp_path)
    assert (record.id, record.source) == ("GL:Rest%2FBody/Sleep/1.2.3@2.10", "guidelines")
    assert record.fields == {"title": "Rest/Body: Sleep", "text": REQUIRED["text"]}
    assert [(e.kind, e.when.start, e.when.end) for e in record.events] == [
        ("published", date(2019, 4, 1), date(2019, 4, 30))
    ]
    assert record.source_version == "2.10"
    assert {name: record.guideline[name] for name in ("issuer", "guideline", "version", "status")} == {
        name: REQUIRED[name] for name in ("issuer", "guideline", "version", "status")
    }


def test_everything_given_is_kept_beside_its_normal_form(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        title="Rest at night",
        strength="Strong",
        certainty="Very low",
        system="GRADE",
        remarks="Naps\u2009 count.",
        jurisdiction="Nowhere",
        population="adults",
        supersedes="GL:Rest%2FBody/Sleep/1.2.3@2.9",
        evidence=[123, "PMID: 124", "https://doi.org/10.1000/X", {"pmid": "125", "raw": "Doe"}, {"raw": "Roe"}],
        license="CC0",
        colour="blue",
    )
    assert record.fields == {"title": "Rest at night", "text": REQUIRED["text"], "remarks": "Naps count."}
    said = record.guideline
    assert (said["strength"], said["strength_norm"], said["direction"]) == ("Strong", "strong", "for")
    assert (said["certainty"], said["certainty_norm"], said["system"]) == ("Very low", "very_low", "GRADE")
    assert said["grade_map"] == guidelines.GRADE_MAP
    assert said["supersedes"] == ["GL:Rest%2FBody/Sleep/1.2.3@2.9"]
    assert said["evidence"][4] == {"raw": "Roe"}
    assert said["evidence_ids"] == ["PMID:123", "PMID:124", "DOI:10.1000/x", "PMID:125"]
    assert record.license == "CC0" and record.extra == {"colour": "blue"}
    json.dumps(dict(said))


def test_a_missing_grade_is_ungraded_whatever_the_words_say(tmp_path: Path) -> None:
    said = one(tmp_path, system="NICE", text="Do not offer sedatives.").guideline
    assert (said["strength_norm"], said["certainty_norm"]) == ("ungraded", "ungraded")
    assert (said["direction"], said["direction_basis"]) == ("against", "wording")
    assert "strength" not in said


@pytest.mark.parametrize(
    ("system", "raw", "strength", "direction"),
    [
        ("grade", "Strong", "strong", None),
        ("grade", "conditional", "weak", None),
        ("grade", "Weak (conditional) recommendation", "weak", None),
        ("grade", "Conditional recommendation against", "weak", "against"),
        ("grade", "strong in favour of", "strong", "for"),
        ("grade", "Grade 1B", "strong", None),
        ("grade", "2C", "weak", None),
        ("grade", "good practice statement", "ungraded", None),
        ("magicapp", "WEAK", "weak", None),
        ("magicapp", "NOTSET", "ungraded", None),
        ("magicapp", "INFO", "ungraded", None),
        ("nice", "offer", "strong", "for"),
        ("nice", "Do not offer", "strong", "against"),
        ("nice", "consider", "weak", "for"),
        ("nice", "must", "ungraded", None),
        ("uspstf", "A", "strong", "for"),
        ("uspstf", "B", "moderate", "for"),
        ("uspstf", "C", "weak", "for"),
        ("uspstf", "Grade D", "moderate", "against"),
        ("uspstf", "I", "ungraded", "neither"),
        ("acc/aha", "COR 1", "strong", "for"),
        ("acc/aha", "2a", "moderate", "for"),
        ("acc/aha", "3: No Benefit", "moderate", "against"),
        ("acc/aha", "Class III (Harm)", "strong", "against"),
        ("esc", "I", "strong", "for"),
        ("esc", "IIa", "moderate", "for"),
        ("esc", "Class IIb", "weak", "for"),
        ("esc", "III", "moderate", "against"),
        ("sign", "A", "ungraded", None),
        ("ocebm", "1", "ungraded", None),
        ("", "strong", "strong", None),
        ("", "A", "ungraded", None),
        ("grade", "", "ungraded", None),
    ],
)
def test_a_grade_is_read_by_its_own_system(system: str, raw: str, strength: str, direction: str | None) -> None:
    grade = grade_of(raw, system)
    assert (grade.strength, grade.direction) == (strength, direction)


@pytest.mark.parametrize(
    ("system", "raw", "level", "code"),
    [
        ("grade", "Very low certainty of evidence", "very_low", "very low"),
        ("grade", "B", "moderate", "b"),
        ("magicapp", "VERY_LOW", "very_low", "very low"),
        ("uspstf", "moderate", "moderate", "moderate"),
        ("acc/aha", "LOE: B-NR", "ungraded", "b-nr"),
        ("esc", "Level of evidence C", "ungraded", "c"),
        ("sign", "1++", "ungraded", "1++"),
        ("ocebm", "Level 2", "ungraded", "2"),
        ("nice", "high", "ungraded", ""),
        ("", "low", "low", "low"),
        ("grade", "", "ungraded", ""),
    ],
)
def test_a_level_of_evidence_keeps_its_own_scale(system: str, raw: str, level: str, code: str) -> None:
    assert certainty_of(raw, system) == (level, code)


def test_a_code_that_is_no_strength_is_kept_as_its_systems_code() -> None:
    assert (grade_of("A", "sign").strength, grade_of("A", "sign").code) == ("ungraded", "a")
    assert grade_of("Class IIa", "esc").code == "2a"
    assert {"grade", "magicapp", "nice", "uspstf", "acc/aha", "esc", "sign", "ocebm"} <= STRENGTHS.keys()


@pytest.mark.parametrize(
    ("raw", "system", "kind"),
    [
        ("Good practice statement", "GRADE", "good_practice"),
        ("Expert consensus", "", "consensus"),
        ("INFO", "MAGICapp", "info"),
        ("must", "NICE", "statutory"),
        ("must", "", "recommendation"),
        ("strong", "GRADE", "recommendation"),
        ("", "", "recommendation"),
    ],
)
def test_a_statement_without_a_grade_says_what_it_is(raw: str, system: str, kind: str) -> None:
    assert statement_type(raw, system) == kind


def test_a_direction_that_is_stated_outranks_grade_and_wording(tmp_path: Path) -> None:
    said = one(tmp_path, direction="against", system="NICE", strength="offer").guideline
    assert (said["direction"], said["direction_basis"]) == ("against", "stated")
    assert "direction" in fault(tmp_path, direction="sideways").reason


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("We recommend rest.", "for"),
        ("Offer rest to people who do not sleep.", "for"),
        ("If aspirin is contraindicated, give rest.", "for"),
        ("Do not offer sedatives to adults.", "against"),
        ("We recommend that clinicians do not prescribe sedatives.", "against"),
        ("The panel recommends strongly against sedatives.", "against"),
        ("Sedatives should not be used when rest is possible.", "against"),
        ("Sedatives are not routinely recommended.", "against"),
        ("Avoid sedatives.", "against"),
        ("There is insufficient evidence to recommend for or against rest.", "neither"),
        ("We make no recommendation about rest.", "neither"),
        ("Use sedatives only in the context of a clinical trial.", "neither"),
        ("Rest has many forms.", "neither"),
    ],
)
def test_the_direction_is_read_from_the_advice_and_not_from_its_conditions(text: str, direction: str) -> None:
    assert direction_of(text) == direction


def test_the_grade_outranks_the_wording_and_says_so_when_they_differ(tmp_path: Path) -> None:
    said = one(tmp_path, system="NICE", strength="offer", text="Do not offer sedatives.").guideline
    assert (said["direction"], said["direction_basis"]) == ("for", "grade")
    assert len(said["warnings"]) == 1


@pytest.mark.parametrize("name", sorted(REQUIRED))
@pytest.mark.parametrize("value", [None, "", "  ", ["x"]])
def test_a_required_key_that_is_missing_quarantines_the_line(tmp_path: Path, name: str, value: Any) -> None:
    assert name in fault(tmp_path, **{name: value}).reason


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"version": 1.1}, "1.10 and 1.1"),
        ({"recommendation": 1.2}, "1.10 and 1.1"),
        ({"published": "soon"}, "no date"),
        ({"status": "sleeping"}, "the status 'sleeping' is none of"),
        ({"evidence": [{"pmid": "x"}]}, "not a number"),
        ({"strength": {"grade": "A"}}, "strength"),
    ],
)
def test_a_faulty_line_is_set_aside_with_its_reason(tmp_path: Path, values: dict[str, Any], reason: str) -> None:
    assert reason in fault(tmp_path, **values).reason


def test_a_whole_number_as_version_is_taken(tmp_path: Path) -> None:
    assert one(tmp_path, version=3, recommendation=7).id == "GL:Rest%2FBody/Sleep/7@3"


def test_a_status_in_other_words_is_normalised_and_kept(tmp_path: Path) -> None:
    said = one(tmp_path, status="Stood down").guideline
    assert (said["status"], said["status_raw"]) == ("stood_down", "Stood down")
    assert one(tmp_path, status="replaced").guideline["status"] == "superseded"


def test_a_packed_file_reads_as_the_plain_one(tmp_path: Path) -> None:
    plain = read(tmp_path / "g.jsonl", REQUIRED)
    (tmp_path / "g.jsonl.gz").write_bytes(gzip.compress((tmp_path / "g.jsonl").read_bytes()))
    assert list(guidelines.read(tmp_path / "g.jsonl.gz")) == plain


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError):
        read(tmp_path / "g.jsonl", "<html>", REQUIRED)
