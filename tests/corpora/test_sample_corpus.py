"""The embedded sample corpus is what its source says, is valid PubMed XML, and never passes for real."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lxml import etree

HOME = Path(__file__).resolve().parents[2]
SAMPLE = HOME / "corpora" / "sample"
NOTICE = "Synthetic record invented for the consilience project; not a real publication."
FILES = ("pubmed26n0001.xml.gz", "pubmed26n0002.xml.gz")


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_build", SAMPLE / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def tree(name: str) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(gzip.decompress((SAMPLE / name).read_bytes()), parser)


@pytest.fixture(scope="module")
def articles() -> dict[str, list[Any]]:
    return {name: tree(name).findall("PubmedArticle") for name in FILES}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def pmid(article: Any) -> str:
    return str(article.findtext("MedlineCitation/PMID"))


def type_uis(article: Any) -> set[str]:
    return {kind.get("UI") for kind in article.iterfind(".//PublicationType")}


def test_the_files_are_what_the_builder_makes_from_the_stories(build: ModuleType) -> None:
    made = build.outputs(build.read())
    assert {str(path) for path in made} >= {f"corpora/sample/{name}" for name in FILES}
    for path, text in made.items():
        assert build.read_output(HOME / path) == text, f"{path}: run corpora/sample/build.py"


def test_building_twice_gives_the_same_bytes(build: ModuleType, tmp_path: Path) -> None:
    text = "<a>é</a>\n"
    for name in ("one.gz", "two.gz"):
        build.write(tmp_path / name, text)
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    assert gzip.decompress((tmp_path / "one.gz").read_bytes()).decode() == text


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_valid_by_the_dtd_it_names(name: str) -> None:
    entrez = pytest.importorskip("Bio.Entrez")
    dtd = etree.DTD(str(Path(entrez.__file__).parent / "DTDs" / "pubmed_250101.dtd"))
    parsed = tree(name)
    assert parsed.getroottree().docinfo.system_url.endswith("pubmed_250101.dtd")
    assert dtd.validate(parsed), dtd.error_log.filter_from_errors()


def test_every_record_says_it_is_synthetic(articles: dict[str, list[Any]]) -> None:
    for article in (each for group in articles.values() for each in group):
        said = [*article.iterfind(".//CopyrightInformation"), *article.iterfind(".//GeneralNote")]
        assert [each.text for each in said] == [NOTICE], pmid(article)
        assert article.findtext(".//Journal/Title").startswith("Synthetic Journal of ")


def test_identifiers_lie_in_the_ranges_kept_for_examples(articles: dict[str, list[Any]]) -> None:
    for article in (each for group in articles.values() for each in group):
        assert all(int(each.text) >= 99000001 for each in article.iter("PMID"))
        dois = [each.text for each in article.iter("ArticleId", "ELocationID") if "." in each.text]
        assert dois and all(doi.startswith("10.5555/") for doi in dois)
        assert all(each.text.startswith("NCT99000") for each in article.iter("AccessionNumber"))


def test_the_baseline_holds_at_least_150_records_each_once(articles: dict[str, list[Any]]) -> None:
    pmids = [pmid(each) for each in articles[FILES[0]]]
    assert len(pmids) >= 150
    assert len(set(pmids)) == len(pmids)


def test_abstracts_are_long_enough_to_read(articles: dict[str, list[Any]]) -> None:
    for article in articles[FILES[0]]:
        words = " ".join("".join(each.itertext()) for each in article.iter("AbstractText")).split()
        assert not words or 50 <= len(words) <= 190, (pmid(article), len(words))


def test_the_baseline_has_every_shape_of_date_and_several_designs(articles: dict[str, list[Any]]) -> None:
    dates = [each for article in articles[FILES[0]] for each in article.iter("PubDate")]
    shapes = Counter("+".join(child.tag for child in each) for each in dates)
    assert set(shapes) == {"Year", "Year+Month", "Year+Month+Day", "Year+Season", "MedlineDate"}
    designs = Counter(ui for article in articles[FILES[0]] for ui in type_uis(article))
    assert designs["D016449"] >= 40
    assert all(designs[ui] for ui in ("D017418", "D000078182", "D064888", "D002363", "D016421", "D016454"))


def test_several_trials_are_reported_in_more_than_one_record(articles: dict[str, list[Any]]) -> None:
    trials = Counter(each.text for article in articles[FILES[0]] for each in article.iter("AccessionNumber"))
    assert sum(1 for reports in trials.values() if reports > 1) >= 8


def test_the_update_retracts_revises_corrects_adds_and_deletes(articles: dict[str, list[Any]]) -> None:
    before = {pmid(each): each for each in articles[FILES[0]]}
    after = {pmid(each): each for each in articles[FILES[1]]}
    kinds = {
        (link.get("RefType"), pmid(article), link.findtext("PMID"))
        for article in after.values()
        for link in article.iter("CommentsCorrections")
    }
    pairs = {kind: (one, other) for kind, one, other in kinds}
    for there, back in (
        ("RetractionIn", "RetractionOf"),
        ("ErratumIn", "ErratumFor"),
        ("ExpressionOfConcernIn", "ExpressionOfConcernFor"),
    ):
        assert pairs[there] == pairs[back][::-1]
    retracted, notice = pairs["RetractionIn"]
    assert "D016441" in type_uis(after[retracted]) - type_uis(before[retracted])
    assert type_uis(after[notice]) == {"D016440"}
    corrected = pairs["ErratumIn"][0]
    texts = ["".join(group[corrected].find(".//Abstract").itertext()) for group in (before, after)]
    assert texts[0] != texts[1]
    assert len(set(after) - set(before)) >= 5
    deleted = [each.text for each in tree(FILES[1]).iterfind("DeleteCitation/PMID")]
    assert deleted and set(deleted) <= set(before) and not set(deleted) & set(after)


def test_revised_records_carry_a_later_date_of_revision(articles: dict[str, list[Any]]) -> None:
    def revised(article: Any) -> date:
        return date(
            *(int(article.findtext(f"MedlineCitation/DateRevised/{part}")) for part in ("Year", "Month", "Day"))
        )

    before = {pmid(each): revised(each) for each in articles[FILES[0]]}
    changed = [each for each in articles[FILES[1]] if pmid(each) in before]
    assert len(changed) == 3
    assert all(revised(each) > before[pmid(each)] for each in changed)


def test_the_two_versions_of_each_guideline_disagree(articles: dict[str, list[Any]]) -> None:
    known = {pmid(each) for group in articles.values() for each in group}
    found = rows(SAMPLE / "guidelines.jsonl")
    versions: dict[str, dict[str, str]] = {}
    for row in found:
        assert isinstance(row["recommendation"], str)
        assert set(row["evidence"]) <= known and row["evidence"]
        if row["recommendation"] == "1":
            versions.setdefault(row["guideline"], {})[row["status"]] = row["text"]
    assert len(versions) == 2
    for texts in versions.values():
        assert ("recommend against" in texts["current"]) or texts["current"].startswith("Do not use")
        assert "against" not in texts["superseded"] and "not" not in texts["superseded"]


def test_guidelines_rest_on_what_was_published_before_them(build: ModuleType) -> None:
    last_days = {str(one.pmid): one.last_day for one in build.read().by_id.values()}
    for row in rows(SAMPLE / "guidelines.jsonl"):
        assert row["remarks"].endswith("Invented example, not clinical advice.")
        assert all(last_days[each] <= date.fromisoformat(row["published"]) for each in row["evidence"])


def test_screening_labels_follow_the_protocol_as_far_as_types_can_tell(articles: dict[str, list[Any]]) -> None:
    found = rows(SAMPLE / "screening.jsonl")
    by_pmid = {pmid(each): each for each in articles[FILES[0]]}
    included = {row["pmid"] for row in found if row["label_included"] == 1}
    assert {row["pmid"] for row in found} == set(by_pmid)
    assert {row["label_included"] for row in found} == {0, 1}
    assert 20 <= len(included) <= 30
    for one in included:
        assert "D016449" in type_uis(by_pmid[one])
        assert "Humans" in {each.text for each in by_pmid[one].iter("DescriptorName")}


def test_questions_are_asked_on_dates_when_their_evidence_was_out(build: ModuleType) -> None:
    source = build.read()
    last_days = {f"PMID:{one.pmid}": one.last_day for one in source.by_id.values()}
    found = rows(HOME / "evaluation" / "data" / "sample.jsonl")
    assert len({row["id"] for row in found}) == len(found) >= 30
    assert {row["verdict"] for row in found} == {"yes", "no", "mixed", "insufficient"}
    for row in found:
        assert all(last_days[each] <= date.fromisoformat(row["as_of"]) for each in row["relevant"]), row["id"]


def test_most_stories_are_asked_twice_with_different_verdicts() -> None:
    verdicts: dict[str, set[str]] = {}
    for row in rows(HOME / "evaluation" / "data" / "sample.jsonl"):
        verdicts.setdefault(row["question"], set()).add(row["verdict"])
    assert sum(1 for found in verdicts.values() if len(found) > 1) >= 10
