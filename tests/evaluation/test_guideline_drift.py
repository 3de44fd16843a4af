"""The guideline-changes suite: fair to the classifier's word lists, and better than the baseline."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from consilience import open_home
from consilience.contract import validated
from consilience.corpora.guidelines import kinds as classifier
from consilience.errors import BadInputError
from consilience.evaluation import suite as suites
from consilience.evaluation.guideline_drift import RULES, WORDINGS, english, perturbed

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "corpora" / "sample" / "guidelines.jsonl"


def run(folder: Path, data: Path | None = None) -> dict[str, Any]:
    suite = ROOT / "evaluation" / "guideline-changes.yaml"
    nothing: Any = None  # this suite needs no engine
    return suites.run(suite, nothing, data=data, temporary=nothing, shelving=nothing, runs=folder, clock=lambda: 0.0)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run(tmp_path_factory.mktemp("runs"))


def beats_the_baseline(found: dict[str, Any], measure: str) -> bool:
    low: float = found["baselines"]["most_frequent_kind"][measure]["difference"]["ci95"][0]
    return low > 0


def test_held_out_substitutes_use_no_word_that_names_their_kind() -> None:
    """Numbers, units and prepositions are a closed class; the words that carry the change are not in our lists."""
    for rule in RULES:
        if rule.wording != "held_out" or rule.kind not in ("modality", "clinical_context", "intensity"):
            continue
        words = {classifier._plain(t.word) for t in classifier.tokens(rule.instead)} - classifier._FUNCTION
        own = [w for w in words if classifier._of_words({w}) == rule.kind]
        said = [w for w in words if rule.kind == "intensity" and classifier._DIRECTIVE.match(w)]
        assert not own and not said, (rule, own, said)


def test_every_kind_has_rules_of_every_wording() -> None:
    assert {(rule.kind, rule.wording) for rule in RULES} == {
        (kind, wording) for kind in classifier.KINDS for wording in WORDINGS}  # fmt: skip


def test_a_rule_changes_what_it_says_and_nothing_else() -> None:
    for case in perturbed(english(SAMPLE)):
        start = next(n for n, (a, b) in enumerate(zip(case.before + "\0", case.after + "\0", strict=False)) if a != b)
        assert re.search(case.rule.pattern, case.before) and case.after[:start] == case.before[:start]


def test_the_suite_keeps_the_contract_and_beats_the_most_frequent_kind_on_words_it_has_not(
    found: dict[str, Any],
) -> None:
    validated("evaluate", found)
    assert found["data"] == "../corpora/sample/guidelines.jsonl" and found["provenance"]["changes"] > 100
    assert all(beats_the_baseline(found, name) for name in ("accuracy", "accuracy_held_out", "accuracy_fresh"))
    assert found["measures"]["accuracy_known"]["value"] >= 0.95


def test_identical_texts_and_other_spellings_are_no_change(found: dict[str, Any]) -> None:
    assert found["measures"]["unchanged"]["value"] == 1


def test_the_confusion_counts_every_case_and_each_miss_is_shown(tmp_path: Path) -> None:
    found = run(tmp_path)
    confusion, *missed = map(json.loads, (Path(found["report"]) / "details.jsonl").read_text().splitlines())
    counted = {kind: row for kind, row in confusion.items() if kind != "id"}
    assert sum(sum(row.values()) for row in counted.values()) == found["provenance"]["changes"]
    assert sum(n for kind, row in counted.items() for told, n in row.items() if told != kind) == len(missed) > 0
    assert all(m["before"] != m["after"] and m["kind"] != m["taken_for"] for m in missed)


def test_own_data_may_be_any_guideline_file_and_one_no_rule_fits_is_named(tmp_path: Path) -> None:
    own = run(tmp_path, ROOT / "tests" / "corpora" / "fixtures" / "guidelines" / "rest.html")
    assert own["data"] == "rest.html" and own["warnings"] and own["n"] >= 1
    row = {"issuer": "B", "guideline": "G", "version": "1", "status": "current", "published": "2020",
           "recommendation": "1", "text": "Ruhe."}  # fmt: skip
    path = tmp_path / "g.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(BadInputError, match=r"g\.jsonl"):
        run(tmp_path, path)


def test_the_home_knows_the_suite(sample_home: Path) -> None:
    opened = open_home(sample_home, now="2026-03-01T00:00:00Z")
    assert opened.evaluate("guideline-changes")["system"] == "rules"


@pytest.mark.real
def test_on_celida_too_the_classifier_beats_the_baseline(tmp_path: Path, data_dir: Path) -> None:
    found = run(tmp_path, data_dir / "guidelines" / "celida_covid19_sepsis_recommendations.tar.gz")
    assert found["n"] == 5 and beats_the_baseline(found, "accuracy_held_out")
