"""Guidelines in every form that is read: exact rows, and what hostile or foreign files come to."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from consilience.corpora import guidelines
from consilience.errors import BadInputError, RefusedFileError
from consilience.records import Quarantined, Record

FIXTURES = Path(__file__).parent / "fixtures" / "guidelines"


def rows(path: Path) -> list[Record]:
    return guidelines.found(guidelines.read(path))


def told(record: Record, *names: str) -> tuple[Any, ...]:
    return tuple(record.guideline.get(name, "") for name in names)


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path) -> RefusedFileError:
    with pytest.raises(RefusedFileError) as refused:
        list(guidelines.read(path))
    assert refused.value.where == path.name
    return refused.value


GRADE = ("recommendation", "strength", "strength_norm", "direction", "certainty_norm", "statement_type")


# ---------------------------------------------------------------- MAGICapp


def test_magicapp_gives_its_recommendations_with_grade_and_place() -> None:
    found = rows(FIXTURES / "rest.magicapp.json")
    assert [told(record, *GRADE) for record in found] == [
        ("2-1", "STRONG", "strong", "for", "very_low", "recommendation"),
        ("2-2", "NOTSET", "ungraded", "for", "ungraded", "recommendation"),
        ("2.1-1", "WEAK", "weak", "against", "ungraded", "recommendation"),
        ("2.1-2", "INFO", "ungraded", "neither", "ungraded", "info"),
    ]
    assert found[2].guideline["section"] == ["Night", "Shift work"]
    assert found[0].id == "GL:Sleep Body/aB3xyZ/2-1@1.0"
    assert told(found[0], "population", "intervention", "comparator", "format", "language") == (
        "Adults with insomnia", "Velorine", "Placebo", "magicapp", "en")  # fmt: skip
    assert found[0].license == "CC BY 4.0"


def test_tracked_deletions_images_and_hidden_text_are_dropped_and_insertions_kept() -> None:
    fields = rows(FIXTURES / "rest.magicapp.json")[0].fields
    assert fields["text"] == (
        "We recommend velorine 45 mg at night for adults with insomnia. Start low. Stop after four weeks."
    )
    assert fields["remarks"] == "Ignore the noise."


def test_a_recommendation_that_is_nothing_but_an_image_is_set_aside() -> None:
    (bad,) = [each for each in guidelines.read(FIXTURES / "rest.magicapp.json") if isinstance(each, Quarantined)]
    assert bad.reason == "text is missing"


# ---------------------------------------------------------------- FHIR


def test_fhir_reads_the_strength_from_extensions_and_from_assessments() -> None:
    found = rows(FIXTURES / "rest.fhir.json")
    assert [told(record, *GRADE) for record in found] == [
        ("1", "Strong", "strong", "for", "low", "recommendation"),
        ("2", "Conditional recommendation", "weak", "against", "very_low", "recommendation"),
    ]
    assert [record.id for record in found] == ["GL:Sleep Body/rest/1@1.0.0", "GL:Sleep Body/rest/2@1.0.0"]
    assert found[0].fields["text"] == "We recommend velorine at night for adults with insomnia."
    assert told(found[0], "population", "system", "status_raw", "jurisdiction") == (
        "Adults with insomnia", "", "active", "Nowhere")  # fmt: skip
    assert found[0].guideline["evidence_ids"] == ["PMID:99000061"]
    assert found[1].guideline["direction_basis"] == "stated"


def test_one_new_text_makes_a_release_that_carries_the_other_recommendations_along(tmp_path: Path) -> None:
    body = json.loads((FIXTURES / "rest.fhir.json").read_text())
    body["entry"][1]["resource"].update(version="1.1.0", date="2022-01-09")
    found = rows(written(tmp_path, "g.json", json.dumps(body)))
    assert [(r.guideline["version"], r.guideline["published"]) for r in found] == [("1.1.0", "2022-01-09")] * 2
    assert [r.extra["resource_version"] for r in found] == ["1.1.0", "1.0.0"]


def test_actions_with_grades_of_their_own_are_recommendations_of_their_own(tmp_path: Path) -> None:
    def graded(strength: str) -> dict[str, Any]:
        return {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/cqf-strengthOfRecommendation",
                               "valueCodeableConcept": {"coding": [{"code": strength}]}}]}  # fmt: skip

    plan = {
        "resourceType": "PlanDefinition", "id": "p", "status": "active", "date": "2020", "publisher": "B",
        "name": "Recommendation 4 - Both",
        "action": [{"description": "Offer rest.", **graded("strong")},
                   {"description": "Consider naps.", "documentation": [{"document": graded("weak")}]}],
    }  # fmt: skip
    found = rows(written(tmp_path, "g.json", json.dumps(plan)))
    assert [(r.guideline["recommendation"], r.fields["text"], r.guideline["strength_norm"]) for r in found] == [
        ("4.1", "Offer rest.", "strong"), ("4.2", "Consider naps.", "weak")]  # fmt: skip


def test_fhir_without_a_recommendation_is_refused(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "x"}
    assert "no recommendation was found" in refusal(written(tmp_path, "g.json", json.dumps(patient))).message


# ---------------------------------------------------------------- FHIR shorthand


def test_shorthand_gives_the_model_its_words_its_population_and_its_direction() -> None:
    (record,) = rows(FIXTURES / "rest.fsh")
    assert record.id == "GL:Sleep Body/rest/7b@1.0"
    assert record.fields == {
        "title": "Velorine at night",
        "text": 'Adults with insomnia should receive velorine "at night" // not by day.',
        "remarks": "Velorine at night for adults",
    }
    assert told(record, "population", "intervention", "direction", "direction_basis", "format") == (
        "Adults with insomnia", "At least 7 hours of sleep; No naps", "against", "stated", "fsh")  # fmt: skip
    assert record.guideline["codes"] == [
        {"system": "http://snomed.info/sct", "code": "432102000", "display": "Administration of substance (procedure)"}
    ]


def tarball(tmp_path: Path, **members: bytes) -> Path:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name.replace("__", "/") + ".fsh")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return written(tmp_path, "g.tar.gz", packed.getvalue())


def test_shorthand_spread_over_the_files_of_a_tarball_is_read_as_one(tmp_path: Path) -> None:
    whole = (FIXTURES / "rest.fsh").read_bytes()
    head, sep, tail = whole.partition(b"Instance: RestPlan")
    (record,) = rows(tarball(tmp_path, a__plan=sep + tail, b__recommendation=head))
    assert record.guideline["population"] == "Adults with insomnia"


def test_a_tarball_without_shorthand_or_cut_off_is_refused(tmp_path: Path) -> None:
    whole = tarball(tmp_path, a=(FIXTURES / "rest.fsh").read_bytes()).read_bytes()
    assert "no sound" in refusal(written(tmp_path, "cut.tar.gz", whole[: len(whole) // 2])).message
    empty = tarball(tmp_path)
    assert "no .fsh file" in refusal(empty).message


@pytest.mark.real
def test_the_seven_recommendations_of_celida_come_through(data_dir: Path) -> None:
    found = rows(data_dir / "guidelines" / "celida_covid19_sepsis_recommendations.tar.gz")
    assert [(r.guideline["guideline"], r.guideline["recommendation"], r.guideline["direction"]) for r in found] == [
        ("covid19-inpatient-therapy", "15", "neither"), ("covid19-inpatient-therapy", "17", "neither"),
        ("covid19-inpatient-therapy", "18", "against"), ("covid19-inpatient-therapy", "35", "neither"),
        ("covid19-inpatient-therapy", "36a", "neither"), ("covid19-inpatient-therapy", "36b", "neither"),
        ("sepsis", "M.1", "neither"),
    ]  # fmt: skip
    assert all(told(r, "version", "published", "strength_norm") == ("1.0", "2022-02-14", "ungraded") for r in found)
    assert all(r.fields["text"].endswith(".") and r.guideline["population"] for r in found)
    assert "tidal volume should be ≤ 6 ml/kg" in found[3].fields["remarks"]


# ---------------------------------------------------------------- NICE


def test_a_nice_page_gives_its_numbered_recommendations_and_the_verb_is_the_grade() -> None:
    found = rows(FIXTURES / "rest.html")
    assert [(*told(r, *GRADE[:4], "statement_type"), r.fields["text"]) for r in found] == [
        ("1.1.1", "offer", "strong", "for", "recommendation",
         "Offer velorine to adults with insomnia. Take into account: age other medicines. [2018]"),
        ("1.1.2", "do not offer", "strong", "against", "recommendation",
         "Do not offer sedatives to adults. [2012, amended 2018]"),
        ("1.2.1", "consider", "weak", "for", "recommendation", "Consider a nap of 20 minutes."),
        ("1.2.2", "offer; consider", "ungraded", "for", "recommendation",
         "Offer light in the morning. Consider a walk at noon."),
        ("1.2.3", "must", "ungraded", "for", "statutory", "Prescribers must follow the law on controlled drugs."),
    ]  # fmt: skip
    assert told(found[1], "issuer", "guideline", "version", "country", "change", "section", "supersedes") == (
        "NICE", "NG999", "2021-05-03", "GB", "2012, amended 2018", ["Recommendations", "1.1 Night"],
        ["GL:NICE/CG998"])  # fmt: skip


def test_on_a_page_of_another_body_the_verb_is_no_grade(tmp_path: Path) -> None:
    page = (FIXTURES / "rest.html").read_text().replace("www.nice.org.uk", "guidelines.example.org")
    found = rows(written(tmp_path, "g.html", page))
    assert {told(r, "strength", "strength_norm", "issuer") for r in found} == {
        ("", "ungraded", "guidelines.example.org")}  # fmt: skip


def test_a_page_that_says_it_was_withdrawn_is(tmp_path: Path) -> None:
    page = (FIXTURES / "rest.html").read_text()
    page = page.replace("<h2", "<p>This guideline has been withdrawn.</p><h2", 1)
    assert {r.guideline["status"] for r in rows(written(tmp_path, "g.htm", page))} == {"withdrawn"}


# ---------------------------------------------------------------- JATS


def test_a_jats_guideline_gives_boxed_labelled_stated_and_listed_recommendations_once() -> None:
    found = rows(FIXTURES / "rest.nxml")
    assert [(*told(r, *GRADE, "extraction"), r.fields["text"]) for r in found] == [
        ("1", "strong recommendation", "strong", "for", "moderate", "recommendation", "boxed",
         "We recommend velorine for adults with insomnia (strong recommendation, moderate-certainty evidence)."),
        ("2", "conditional recommendation", "weak", "against", "very_low", "recommendation", "boxed",
         "We suggest against naps longer than 30 minutes (conditional recommendation, very low-certainty evidence)."),
        ("3.1", "1B", "strong", "against", "ungraded", "recommendation", "labelled",
         "Adults over 70 years should avoid sedatives (Grade 1B)."),
        ("4", "Good practice statement", "ungraded", "for", "ungraded", "good_practice", "statement",
         "Clinicians should ask about sleep at every visit."),
        ("r1", "", "ungraded", "for", "ungraded", "recommendation", "section",
         "Light should be offered in the morning to shift workers."),
    ]  # fmt: skip
    first = found[0]
    assert told(first, "issuer", "guideline", "pmid", "doi", "system", "supersedes", "evidence_ids") == (
        "Sleep Body", "rest-in-adults-a-clinical-practice-guideline", "99000901", "10.5555/rest.2021", "GRADE",
        ["DOI:10.5555/rest.2015"], ["PMID:99000061", "DOI:10.5555/naps"])  # fmt: skip
    assert [(e.kind, e.when.end.isoformat()) for e in first.events] == [("epub", "2021-05-03"), ("ppub", "2021-07-31")]
    assert (first.license, first.guideline["license_url"]) == (
        "CC BY 4.0, invented.", "https://creativecommons.org/licenses/by/4.0/")  # fmt: skip


def test_tables_of_class_and_level_are_read_row_by_row() -> None:
    found = rows(FIXTURES / "heart.xml")
    assert [told(r, "strength", "strength_norm", "certainty", "certainty_code", "direction") for r in found] == [
        ("1", "strong", "B-NR", "b-nr", "for"),
        ("2b", "weak", "C-LD", "c-ld", "for"),
        ("3: Harm", "strong", "A", "a", "against"),
    ]
    assert {told(r, "system", "certainty_norm") for r in found} == {("ACC/AHA", "ungraded")}


def test_an_article_that_is_no_guideline_is_refused_by_name_with_what_was_expected() -> None:
    refused = refusal(FIXTURES / "trial.xml")
    assert "no practice guideline" in refused.message and "article-type" in refused.expected


# ---------------------------------------------------------------- any file


def test_what_a_file_is_its_content_says(tmp_path: Path) -> None:
    for name, suffix in (
        ("rest.nxml", "json"),
        ("rest.magicapp.json", "xml"),
        ("rest.html", "xml"),
        ("rest.fsh", "html"),
    ):
        path = written(tmp_path, f"g.{suffix}", (FIXTURES / name).read_bytes())
        assert [r.id for r in rows(path)] == [r.id for r in rows(FIXTURES / name)]


@pytest.mark.parametrize("name", ["g.pdf", "g.docx", "g.txt"])
def test_a_suffix_that_is_not_read_names_those_that_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError) as refused:
        guidelines.read(written(tmp_path, name, "x"))
    assert all(form in refused.value.expected for form in ("JATS", "FHIR", "MAGICapp", ".fsh", ".jsonl"))


BOMB = "<!DOCTYPE article [" + "".join(
    f'<!ENTITY e{n + 1} "{"&e" + str(n) + ";" * 1}{"&e" + str(n) + ";"}">' for n in range(1, 30)
) + '<!ENTITY e1 "x">]><article article-type="guideline"><body><p>&e30;</p></body></article>'  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.json", ""),
        ("list.json", "[1, 2]"),
        ("other.json", '{"a": 1}'),
        ("cut.json", '{"sections": ['),
        ("deep.json", '{"sections": ' + "[" * 100_000),
        ("bomb.xml", BOMB),
        ("file.xml", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hosts">]><article><p>&x;</p></article>'),
        ("cut.xml", "<article><front>"),
        ("pubmed.xml", "<PubmedArticleSet><PubmedArticle/></PubmedArticleSet>"),
        ("plain.html", "<html><body><p>Nothing is numbered.</p></body></html>"),
        ("text.fsh", "no shorthand at all"),
        ("latin.html", b"<html><body>\xe9</body></html>"),
        ("not.tar.gz", b"\x1f\x8bnonsense"),
    ],
)  # fmt: skip
def test_hostile_and_foreign_files_are_refused_whole_and_named(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert refusal(written(tmp_path, name, content)).expected


def test_a_document_beyond_the_size_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guidelines, "MAX_DOCUMENT", 1000)
    assert "too large" in refusal(written(tmp_path, "g.json", '{"sections": []}' + " " * 1000)).message


def test_two_texts_under_one_number_do_not_hide_each_other(tmp_path: Path) -> None:
    page = (FIXTURES / "rest.html").read_text().replace(">1.1.2<", ">1.1.1<")
    numbers = [r.guideline["recommendation"] for r in rows(written(tmp_path, "g.html", page))]
    assert numbers[:2] == ["1.1.1", "1.1.1-2"]


def test_every_form_fills_the_same_required_keys() -> None:
    keys = {"issuer", "guideline", "version", "status", "published", "recommendation", "format", "strength_norm",
            "direction", "certainty_norm", "grade_map", "statement_type", "extraction"}  # fmt: skip
    for name in ("rest.magicapp.json", "rest.fhir.json", "rest.fsh", "rest.html", "rest.nxml", "heart.xml"):
        for record in rows(FIXTURES / name):
            assert keys <= record.guideline.keys(), name
            json.dumps(dict(record.guideline))
