"""What changed between two versions, of what kind, and which of them is in force on a day."""

from __future__ import annotations

import io
import json
import random
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from consilience import contract, open_home
from consilience.cli import run
from consilience.corpora import guidelines
from consilience.corpora.guideline_changes import Advice, Aligned, align, changes, compared
from consilience.corpora.guidelines.kinds import differences, kinds
from consilience.errors import NotFoundError
from tests.making import TinyHome, clocks, in_sight

FIXTURES = Path(__file__).parent / "fixtures" / "guidelines"
SOCIETY, ASPIRIN = "Consilience Example Society", "aspirin-primary-prevention"


def kinds_of(before: str, after: str) -> tuple[str, ...]:
    return kinds(differences(before, after))


# ---------------------------------------------------------------- kinds of change

BASE = "Adults with insomnia should receive velorine 45 mg at night if the sleep score is above 12."


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("Adults", "Children", "clinical_context"),
        ("insomnia", "narcolepsy", "clinical_context"),
        ("above 12", "above 15", "threshold"),
        ("above", "below", "threshold"),
        ("45 mg", "60 mg", "implementation"),
        ("at night", "in the morning", "implementation"),
        ("velorine 45 mg", "intravenous velorine 45 mg", "implementation"),
        ("should", "may", "intensity"),
        ("should receive", "could be offered", "intensity"),
        ("should", "should not", "modality"),
        ("velorine", "sertraline", "modality"),
    ],
)
def test_one_change_of_a_kind_is_told_as_that_kind(old: str, new: str, kind: str) -> None:
    assert kinds_of(BASE, BASE.replace(old, new)) == (kind,)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("Offer rest to adults aged 50 years.", "Offer rest to adults aged 60 years.", "clinical_context"),
        ("Screen every 2 years.", "Screen every 3 years.", "implementation"),
        ("Treat at 140/90 mmHg.", "Treat at 130/80 mmHg.", "threshold"),
        ("Keep tidal volume ≤ 6 ml/kg.", "Keep tidal volume ≤ 8 ml/kg.", "threshold"),
        ("Give 5 mg/kg daily.", "Give 10 mg/kg daily.", "implementation"),
        ("Offer metformin if eGFR is 45 ml/min.", "Offer metformin if eGFR is 30 ml/min.", "threshold"),
        ("Offer rest.", "Consider rest.", "intensity"),
        ("Offer rest.", "Do not offer rest.", "modality"),
    ],
)
def test_a_number_is_told_by_what_it_counts(before: str, after: str, kind: str) -> None:
    assert kinds_of(before, after) == (kind,)
    assert kinds_of(after, before) == (kind,)


def test_several_changes_are_told_each_with_its_words() -> None:
    after = BASE.replace("Adults", "Children").replace("45 mg", "30 mg").replace("should", "may")
    found = differences(BASE, after)
    assert [(BASE[slice(*d.before)], after[slice(*d.after)], d.kind) for d in found] == [
        ("Adults", "Children", "clinical_context"), ("should", "may", "intensity"), ("45", "30", "implementation"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "after",
    [BASE, BASE.upper(), BASE.replace(" ", "\u2009 "), BASE.rstrip("."), BASE.replace("if", "– if"), f"“{BASE}”"],
)
def test_the_same_words_are_no_change_whatever_their_case_blanks_and_marks(after: str) -> None:
    assert differences(BASE, after) == []


def test_another_way_of_saying_the_same_has_no_kind() -> None:
    change, told, found = compared(Advice("1", "Treat patients with oedema."), Advice("1", "Treat people with edema."))
    assert (change, told) == ("reworded", ()) and len(found) == 2


def test_a_new_grade_is_a_change_of_intensity_though_the_words_stay() -> None:
    old, new = Advice("1", BASE, "strong", "for"), Advice("1", BASE, "weak", "for")
    assert compared(old, new) == ("changed", ("intensity",), [])
    assert compared(Advice("1", BASE, "ungraded", "for"), new)[0] == "unchanged"
    assert compared(old, Advice("1", BASE, "strong", "against"))[1] == ("modality",)


def test_spans_cover_their_words_in_texts_of_any_characters() -> None:
    draw = random.Random(0)
    alphabet = ["aspirin", "≤", "6", "ml/kg", "sollte", "½", "naïve", "🩺", "(e.g.", "50%", ",", "not", "\u00a0"]
    for _ in range(300):
        before, after = (" ".join(draw.choices(alphabet, k=draw.randint(0, 12))) for _ in range(2))
        for each in differences(before, after):
            for text, (start, end) in ((before, each.before), (after, each.after)):
                assert 0 <= start <= end <= len(text) and text[start:end] == text[start:end].strip()
            assert each.before != each.after or each.before != (0, 0)


# ---------------------------------------------------------------- alignment


def test_recommendations_are_paired_by_words_then_number_then_likeness() -> None:
    before = [Advice("1", "Offer velorine at night."), Advice("2", "Do not use sedatives in shift workers."),
              Advice("3", "Ask about caffeine at every visit."), Advice("4", "Keep the bedroom dark.")]  # fmt: skip
    after = [Advice("1", "Offer velorine in the morning."), Advice("2", "Ask about caffeine at every visit."),
             Advice("7", "Avoid sedatives in older shift workers."), Advice("9", "Teach relaxation.")]  # fmt: skip
    found = align(before, after)
    assert [(a.before, a.after, a.by) for a in found] == [
        (0, 0, "number"), (2, 1, "text"), (1, 2, "similarity"), (None, 3, "none"), (3, None, "none")]  # fmt: skip


def test_a_number_given_to_another_recommendation_does_not_pair_them() -> None:
    assert align([Advice("1", "Offer velorine at night.")], [Advice("1", "Teach relaxation to parents.")]) == [
        Aligned(None, 0, "none"), Aligned(0, None, "none")]  # fmt: skip


# ---------------------------------------------------------------- versions of a guideline in a home


@pytest.fixture(scope="module")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds the sample guidelines and nothing else."""
    root = TinyHome.make(tmp_path_factory.mktemp("guidelines") / "home").rooms.root
    home = open_home(root, now="2026-01-01T00:00:00Z")
    home.ingest_guidelines([root / "corpora" / "sample" / "guidelines.jsonl"])
    home.refresh()
    return root


def test_the_last_two_versions_are_compared_unless_others_are_named(small_home: Path) -> None:
    home = open_home(small_home, now="2026-03-01T00:00:00Z")
    found = contract.validated("guideline-changes", home.guideline_changes(SOCIETY, ASPIRIN))
    assert (found["from"]["version"], found["to"]["version"]) == ("2002", "2019")
    first = found["rows"][0]
    assert (first["recommendation"], first["change"], "modality" in first["kinds"]) == ("1", "changed", True)
    assert "recommend low-dose aspirin" in first["before"]["quote"]
    assert [(d["before"], d["after"]["quote"]) for d in first["differences"] if d["kind"] == "modality"] == [
        (None, "against the routine use of")]  # fmt: skip
    named = home.guideline_changes(SOCIETY, ASPIRIN, "2002", "2019")
    assert contract.canonical(found) == contract.canonical(contract.validated("guideline-changes", named))


def test_a_version_against_itself_has_no_changes(small_home: Path) -> None:
    found = open_home(small_home, now="2026-03-01T00:00:00Z").guideline_changes(SOCIETY, ASPIRIN, "2002", "2002")
    assert found["counts"] == {"added": 0, "removed": 0, "unchanged": 2, "reworded": 0, "changed": 0}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((SOCIETY, "nothing"), "no guideline"),
        ((SOCIETY, ASPIRIN, "1999", None), "no version 1999"),
        ((SOCIETY, ASPIRIN, None, "2002"), "before 2002"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(small_home: Path, words: tuple[Any, ...], told: str) -> None:
    with pytest.raises(NotFoundError, match=told) as missing:
        open_home(small_home, now="2026-03-01T00:00:00Z").guideline_changes(*words)
    assert ASPIRIN in missing.value.expected or "2002" in missing.value.expected


def test_the_clocks_hide_later_versions(small_home: Path) -> None:
    home = open_home(small_home, now="2026-03-01T00:00:00Z")
    with pytest.raises(NotFoundError, match="before 2002"):
        home.guideline_changes(SOCIETY, ASPIRIN, as_of="2010")
    with pytest.raises(NotFoundError, match="no guideline"):
        home.guideline_changes(SOCIETY, ASPIRIN, known_at="2020-01-01")


def test_the_command_prints_the_same_object_and_a_readable_form(small_home: Path) -> None:
    words = ["guideline-changes", SOCIETY, ASPIRIN, "--home", str(small_home)]
    with redirect_stdout(io.StringIO()) as printed:
        assert run([*words, "--json"]) == 0
    found = json.loads(printed.getvalue())
    assert found["schema"] == "consilience/guideline-changes/1" and found["counts"]["changed"] == 1
    with redirect_stdout(io.StringIO()) as plain:
        assert run(words) == 0
    assert 'modality: nothing -> "against the routine use of"' in plain.getvalue()
    with redirect_stdout(io.StringIO()):
        assert run(["guideline-changes", SOCIETY, "nothing", "--home", str(small_home)]) == 2


# ---------------------------------------------------------------- in force on the day, whatever the form

# A later version of each fixture: the file, what is changed in it, a number, and the kinds that makes.
LATER = [
    ("rest.magicapp.json", [("2021-05-03", "2023-06-01"), ('"version": "1.0"', '"version": "2.0"'), ("STRONG", "WEAK")],
     "2-1", ["intensity"]),
    ("rest.fhir.json", [("2021-05-03", "2023-06-01"), ('"version": "1.0.0"', '"version": "2.0.0"'),
                        ("velorine at night for adults", "velorine at night for children")], "1", ["clinical_context"]),
    ("rest.fsh", [("2021-05-03", "2023-06-01"), ('version = "1.0"', 'version = "2.0"'),
                  ("should receive", "may receive")], "7b", ["intensity"]),
    ("rest.html", [("2021-05-03", "2023-06-01"), ("a nap of 20 minutes", "a nap of 10 minutes")], "1.2.1",
     ["implementation"]),
    ("rest.nxml", [("<day>3</day><month>5</month><year>2021", "<day>1</day><month>6</month><year>2023"),
                   ("<month>7</month><year>2021", "<month>8</month><year>2023"), ("a 2021 clinical", "a 2023 clinical"),
                   ("over 70 years", "over 65 years")], "3.1", ["clinical_context"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edits", "number", "told"), LATER, ids=[each[0] for each in LATER])
def test_of_two_versions_the_one_of_the_day_is_in_force_and_the_older_is_labelled(
    tmp_path: Path, name: str, edits: list[tuple[str, str]], number: str, told: list[str]
) -> None:
    text = (FIXTURES / name).read_text()
    later = text
    for old, new in edits:
        assert old in later
        later = later.replace(old, new)
    home = TinyHome.make(tmp_path / "home")
    versions = []
    for known, content in ((1, text), (2, later)):
        path = tmp_path / f"{known}" / name
        path.parent.mkdir()
        path.write_text(content)
        records = guidelines.found(guidelines.read(path))
        home.load(f"{known}-{name}", *records, known=known, kind="guidelines")
        versions.append(next(r for r in records if r.guideline["recommendation"] == number))
    corpus = home.corpus()
    old_id, new_id = (record.id for record in versions)

    def status(document: str, as_of: str | None, known: int = 10_000) -> str:
        return corpus.status(document, clocks(as_of, known)).name

    assert (status(old_id, "2022-01-01"), status(old_id, "2024-01-01")) == ("active", "superseded")
    assert old_id in in_sight(corpus, clocks("2022-01-01")) and new_id not in in_sight(corpus, clocks("2022-01-01"))
    assert status(new_id, "2024-01-01") == "active"
    assert status(old_id, "2024-01-01", known=1) == "active"  # the later version had not been loaded by then
    assert new_id not in in_sight(corpus, clocks("2024-01-01", known=1))
    said = versions[0].guideline
    found = changes(corpus, said["issuer"], said["guideline"], clocks("2024-01-01"), from_version=None, to_version=None)
    by_number = {row["recommendation"]: row for row in found["rows"]}
    assert by_number[number]["kinds"] == told
    assert found["counts"]["changed"] == 1 and found["counts"]["unchanged"] == len(found["rows"]) - 1


def test_a_guideline_that_replaces_another_puts_all_of_it_out_of_force(tmp_path: Path) -> None:
    page = (FIXTURES / "rest.html").read_text()
    older = page.replace("NG999", "CG998").replace("ng999", "cg998").replace("2021-05-03", "2009-05-01")
    older = older.replace("This guideline updates and replaces NICE guideline CG998 (May 2009).", "")
    home = TinyHome.make(tmp_path / "home")
    for known, content in ((1, older), (2, page)):
        path = tmp_path / f"{known}.html"
        path.write_text(content)
        home.load(path.name, *guidelines.found(guidelines.read(path)), known=known, kind="guidelines")
    corpus = home.corpus()
    old, new = "GL:NICE/CG998/1.1.1@2009-05-01", "GL:NICE/NG999/1.1.1@2021-05-03"
    assert corpus.status(old, clocks("2020-01-01")).name == "active"
    assert [corpus.status(each, clocks("2022-01-01")).name for each in (old, new)] == ["superseded", "active"]
    assert corpus.status(old, clocks("2022-01-01", known=1)).name == "active"


# ---------------------------------------------------------------- what a careless comparison overlooks


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("Treat if the T-score is -2.5.", "Treat if the T-score is 2.5.", "threshold"),
        ("Treat if glucose is above 7 mmol/L.", "Treat if glucose is above 7 mg/dL.", "threshold"),
        ("Treat if glucose is above 7 mmol/L.", "Treat if glucose is above 126 mg/dL.", "threshold"),
        ("Treat if LDL is 3 mmol/l or more.", "Treat if LDL is 3 mmol/l or less.", "threshold"),
        ("Give aspirin 75 mg daily.", "Give aspirin 75 g daily.", "implementation"),
        ("Give thyroxine 50 µg.", "Give thyroxine 50 mg.", "implementation"),
        ("Offer rest to adults.", "Offer rest to adults aged 50 and over.", "clinical_context"),
        ("Offer velorine or naps.", "Offer velorine and naps.", "modality"),
        ("Give alteplase within 4.5 hours.", "Give alteplase within 24 hours.", "implementation"),
        ("Offer metformin first line.", "Offer dapagliflozin first line.", "modality"),
        ("Offer statins to adults.", "Offer statins to adults with diabetes.", "clinical_context"),
    ],
)
def test_signs_units_and_small_words_are_told(before: str, after: str, kind: str) -> None:
    assert kinds_of(before, after) == (kind,)
    assert kinds_of(after, before) == (kind,)


def test_one_unit_in_two_spellings_is_no_change() -> None:
    assert kinds_of("Give thyroxine 50 µg.", "Give thyroxine 50 micrograms.") == ()


def test_another_order_and_other_numbers_are_no_change_and_a_split_one_adds_one() -> None:
    old = [Advice("1", "Offer velorine at night."), Advice("2", "Do not offer sedatives."),
           Advice("3", "Ask about caffeine and offer sleep diaries at every visit.")]  # fmt: skip
    assert {(a.before, a.after, a.similarity) for a in align(old, [old[1], old[0], old[2]])} == {
        (1, 0, 1.0), (0, 1, 1.0), (2, 2, 1.0)}  # fmt: skip
    assert [(a.before, a.after) for a in align(old, [Advice(f"9.{a.number}", a.text) for a in old])] == [
        (0, 0), (1, 1), (2, 2)]  # fmt: skip
    split = [*old[:2], Advice("3", "Ask about caffeine at every visit."), Advice("4", "Offer sleep diaries.")]
    assert [(a.before, a.after) for a in align(old, split)] == [(0, 0), (1, 1), (2, 2), (None, 3)]


def test_new_remarks_alone_are_shown_and_change_no_recommendation(tmp_path: Path) -> None:
    home = TinyHome.make(tmp_path / "home")
    for known, dose in ((1, "45 mg"), (2, "90 mg")):
        row = {"issuer": "B", "guideline": "Rest", "version": f"{known}", "status": "current", "recommendation": "1",
               "published": f"202{known}", "text": "Offer velorine.", "remarks": f"Give {dose}."}  # fmt: skip
        path = tmp_path / f"{known}.jsonl"
        path.write_text(json.dumps(row) + "\n")
        home.load(path.name, *guidelines.found(guidelines.read(path)), known=known, kind="guidelines")
    (row,) = changes(home.corpus(), "B", "Rest", clocks("2024-01-01"), from_version=None, to_version=None)["rows"]
    assert (row["change"], row["kinds"]) == ("reworded", [])
    ((was, now),) = [(d["before"]["quote"], d["after"]["quote"]) for d in row["differences"]]
    assert (was, now) == ("Give 45 mg.", "Give 90 mg.")
