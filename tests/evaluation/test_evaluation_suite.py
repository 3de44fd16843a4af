"""Suites run end to end over a small real engine."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from consilience.errors import BadInputError, StoreDamagedError
from consilience.evaluation import planned, run, suites

QUESTIONS = [
    {"id": "a", "question": "Does velorine lower mortality in a randomised trial?", "verdict": "yes", "relevant": [1]},
    {"id": "b", "question": "Did music improve mood?", "verdict": "no", "relevant": ["PMID:10", "PMID:9"]},
    {"id": "c", "question": "Is zorbatine toxic?", "verdict": "insufficient", "relevant": []},
    {"id": "d", "question": "Does corlastat cause muscle pain?", "verdict": "no", "relevant": ["PMID:8"]},
    {"id": "e", "question": "Does early walking shorten hospital stay?", "verdict": "yes", "relevant": ["PMID:11"]},
]


@pytest.fixture
def write_suite(tmp_path) -> Any:
    def write(name: str, **keys: Any) -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"data": "questions.jsonl", **keys}))
        return path

    return write


@pytest.fixture
def evaluate(engine, temporary, shelving, tmp_path, write_lines) -> Any:
    write_lines("questions.jsonl", *QUESTIONS)
    ticks = iter(range(10_000))

    def call(path: Path, **options: Any) -> dict[str, Any]:
        tried = options.pop("engine", engine)
        given = {"data": None, "temporary": temporary, "runs": tmp_path / "runs", "clock": lambda: next(ticks)}
        given["shelving"] = shelving if tried is engine else lambda _: nullcontext(tried)
        return run(path, tried, **{**given, **options})

    return call


def test_a_retrieval_suite_compares_its_systems_on_the_questions_with_something_to_find(write_suite, evaluate) -> None:
    result = evaluate(write_suite("finding", kind="retrieval"))
    assert (result["suite"], result["n"], result["system"]) == ("finding", 4, "hybrid")
    assert set(result["baselines"]) == {"lexical", "rank_bm25", "random", "ceiling"}
    assert result["skipped"] == {"dense": "There is no dense index."}
    assert result["warnings"] == ["1 questions left out: no known relevant document"]
    assert result["measures"]["RR"]["value"] == 1.0
    difference = result["baselines"]["lexical"]["nDCG@10"]["difference"]
    assert difference == {"value": 0.0, "ci95": [0.0, 0.0], "p": 1.0, "wins": 0, "ties": 4, "losses": 0}
    assert result["baselines"]["ceiling"]["nDCG@10"]["value"] == 1.0


def test_an_answering_suite_never_leaves_an_abstention_out(write_suite, evaluate) -> None:
    result = evaluate(write_suite("verdicts", kind="answering"))
    assert result["n"] == 5
    # One chain reads one text each: a, c, e right, b right ("did not"), d wrong by design of the key.
    assert result["baselines"]["one_chain"]["accuracy"]["value"] == 0.8
    assert result["baselines"]["bm25_only"]["accuracy"]["value"] == 0.8
    assert result["baselines"]["majority"]["accuracy"]["value"] == 0.4
    assert result["measures"]["abstained"]["value"] == 0.2
    assert result["measures"]["quotes_hold"]["value"] == 1.0
    assert result["baselines"]["one_chain"]["citation_precision"]["value"] == 1.0
    assert result["baselines"]["one_chain"]["citation_recall"]["value"] == 0.8
    assert result["provenance"]["index"] == "bm25"
    assert set(result["usage"]["seconds_per_question"]) == {"all_chains", "one_chain", "bm25_only"}


def test_the_kind_of_answers_is_told_from_the_whole_file_even_when_a_sample_is_asked(
    write_suite, evaluate, write_lines
) -> None:
    rows = [{"id": str(place), "question": "Did music improve mood?", "answer": "no"} for place in range(30)]
    data = write_lines("mine.jsonl", *rows, {"id": "m", "question": "Is zorbatine toxic?", "answer": "maybe"})
    result = evaluate(write_suite("verdicts", kind="answering"), data=data, limit=3)
    assert result["n"] == 3
    assert result["provenance"]["answers"] == "yes/no/maybe"
    assert result["provenance"]["sample"] == {"n": 3, "seed": 0}
    assert result["data"] == "mine.jsonl"


def test_a_suite_with_a_corpus_runs_in_a_throw_away_home(write_suite, evaluate, write_lines) -> None:
    write_lines("claims.jsonl", {"id": 1, "claim": "Quillane heals bone", "cited_doc_ids": [7]})
    docs = [{"doc_id": 7, "title": "Quillane", "abstract": ["It heals bone."]}]
    docs += [{"doc_id": n, "title": "Another", "abstract": [f"Text number {n}."]} for n in (8, 9, 7)]
    write_lines("docs.jsonl", *docs)
    corpus = {"path": "docs.jsonl", "format": "scifact"}
    path = write_suite("claims", kind="retrieval", data="claims.jsonl", format="scifact", corpus=corpus)
    result = evaluate(path)
    assert result["measures"]["nDCG@10"]["value"] == 1.0
    assert result["baselines"]["rank_bm25"]["nDCG@10"]["value"] == 1.0
    assert list(result["provenance"]["corpus_sha256"]) == ["docs.jsonl"]


def test_the_reference_is_left_out_with_its_reason_when_the_corpus_is_too_big(write_suite, evaluate) -> None:
    result = evaluate(write_suite("finding", kind="retrieval", reference_cap=5))
    assert result["skipped"]["rank_bm25"] == "more than 5 documents (reference_cap)"


def test_a_screening_suite_runs_every_review_from_every_seed(write_suite, evaluate, write_lines, engine) -> None:
    rows = [
        {"review": review, "pmid": str(place), "title": f"{topic} text {place}" if hit else f"other {place}", "x": hit}
        for review, topic in (("one/..", "velorine"), ("two", "tamsidol"))
        for place, hit in enumerate([1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0])
    ]
    write_lines("labelled.jsonl", *rows)
    path = write_suite("reviews", kind="screening", data="labelled.jsonl", group="review", label="x", seeds=[0, 1, 2])
    result = evaluate(path)
    assert engine.simulations == 6
    assert (result["n"], result["system"], list(result["groups"])) == (2, "screener", ["one/..", "two"])
    assert result["measures"]["wss@95"]["value"] == pytest.approx(1 - 2 / 10 - 0.05)
    assert result["measures"]["loss"]["value"] == 0.0
    # Two includes among ten: the second is expected at place 2 * 11 / 3 of a random order.
    assert result["baselines"]["random_order"]["wss@95"]["value"] == pytest.approx(1 - 22 / 30 - 0.05, abs=1e-6)
    assert result["baselines"]["random_order"]["loss"]["value"] == 0.5


def test_equal_runs_write_one_report_with_the_same_bytes_but_for_usage(write_suite, evaluate, tmp_path) -> None:
    path = write_suite("verdicts", kind="answering")
    first, second = evaluate(path), evaluate(path)
    other = evaluate(path, runs=tmp_path / "elsewhere")
    assert first["report"] == second["report"]
    assert [folder.name for folder in (tmp_path / "runs").iterdir()] == [Path(other["report"]).name]
    reports = [json.loads((Path(result["report"]) / "report.json").read_text()) for result in (first, other)]
    assert [report.pop("usage") is not None for report in reports] == [True, True]
    assert json.dumps(reports[0]) == json.dumps(reports[1])
    details = [(Path(result["report"]) / "details.jsonl").read_bytes() for result in (first, other)]
    assert details[0] == details[1]
    pages = [(Path(result["report"]) / "report.md").read_text().split("## Usage")[0] for result in (first, other)]
    assert pages[0] == pages[1]


def test_other_answers_are_another_report(write_suite, evaluate) -> None:
    path = write_suite("verdicts", kind="answering")
    assert evaluate(path)["report"] != evaluate(path, limit=4)["report"]


@pytest.mark.parametrize("kind", ["retrieval", "answering", "screening"])
def test_an_unknown_key_of_a_suite_is_refused(write_suite, evaluate, kind) -> None:
    with pytest.raises(BadInputError, match="sytems"):
        evaluate(write_suite("odd", kind=kind, sytems=["lexical"]))


@pytest.mark.parametrize(
    "keys",
    [{"kind": "tasting"}, {}, {"kind": "retrieval", "measures": ["nDCG@ten"]}, {"kind": "answering", "systems": []}],
)
def test_a_suite_that_cannot_be_run_is_refused_before_it_starts(write_suite, evaluate, keys) -> None:
    with pytest.raises(BadInputError):
        evaluate(write_suite("odd", **keys))


def test_yaml_aliases_are_not_followed(evaluate, tmp_path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("kind: retrieval\ndata: &a questions.jsonl\ndescription: *a\n")
    with pytest.raises(BadInputError, match="aliases"):
        evaluate(path)


def test_a_missing_data_file_says_what_to_set(write_suite, evaluate, tmp_path, monkeypatch) -> None:
    path = write_suite("far", kind="answering", data="qa/far.jsonl")
    monkeypatch.delenv("CONSILIENCE_DATA", raising=False)
    with pytest.raises(BadInputError) as missing:
        evaluate(path)
    assert "CONSILIENCE_DATA" in missing.value.expected
    (tmp_path / "public" / "qa").mkdir(parents=True)
    (tmp_path / "public" / "qa" / "far.jsonl").write_text(json.dumps(QUESTIONS[0]) + "\n")
    monkeypatch.setenv("CONSILIENCE_DATA", str(tmp_path / "public"))
    assert evaluate(path)["n"] == 1


def test_numbers_to_hold_are_checked_against_their_own_questions_only(write_suite, evaluate, tmp_path) -> None:
    hold = {"suite": "verdicts", "n": 5, "measure": "accuracy"}
    rows = [
        {**hold, "system": "majority", "value": 0.41, "tolerance": 0.01},
        {**hold, "system": "one_chain", "value": 0.9, "tolerance": 0.05},
        {**hold, "system": "one_chain", "value": 0.8, "tolerance": 0, "n": 500},
        {**hold, "system": "all_chains", "value": 0.8, "tolerance": 0, "suite": "another"},
    ]
    (tmp_path / "baselines.yaml").write_text(yaml.safe_dump({"kind": "baselines", "holds": rows}))
    result = evaluate(write_suite("verdicts", kind="answering"))
    assert [hold["held"] for hold in result["holds"]] == [True, False, None]


def test_one_failed_question_counts_as_wrong_and_the_run_goes_on(write_suite, evaluate, engine) -> None:
    class Moody(type(engine)):
        def ask(self, question: str, **options: Any) -> dict[str, Any]:
            if "music" in question:
                raise BadInputError("Not today.")
            return super().ask(question, **options)

    result = evaluate(write_suite("verdicts", kind="answering"), engine=Moody(engine.held))
    assert result["baselines"]["one_chain"]["accuracy"]["value"] == 0.6
    assert "one_chain: 1 questions failed and count as wrong" in result["warnings"]


def test_a_damaged_store_stops_the_run(write_suite, evaluate, engine) -> None:
    class Broken(type(engine)):
        def search(self, query: str, **options: Any) -> dict[str, Any]:
            raise StoreDamagedError("The store contradicts itself.")

    with pytest.raises(StoreDamagedError):
        evaluate(write_suite("finding", kind="retrieval"), engine=Broken(engine.held))


def test_the_system_a_suite_is_about_must_work(write_suite, evaluate) -> None:
    with pytest.raises(BadInputError, match="no dense index"):
        evaluate(write_suite("finding", kind="retrieval", systems=["dense", "lexical"]))


def test_a_cell_of_the_report_cannot_break_its_table(write_suite, evaluate, write_lines) -> None:
    rows = [{"review": name, "title": f"t{p}", "x": int(p < 3)} for name in ("a|b", "c\nd") for p in range(8)]
    write_lines("labelled.jsonl", *rows)
    path = write_suite("reviews", kind="screening", data="labelled.jsonl", group="review", label="x", seeds=[0])
    page = (Path(evaluate(path)["report"]) / "report.md").read_text()
    assert "| a\\|b |" in page
    assert "| c d |" in page


DEFINITIONS = Path(__file__).parents[2] / "evaluation"


@pytest.mark.parametrize("name", suites(DEFINITIONS))
def test_every_definition_that_ships_is_valid_and_finds_its_files_or_says_what_to_set(name) -> None:
    try:
        assert planned(DEFINITIONS / f"{name}.yaml").path.stem == name
    except BadInputError as missing:
        assert "CONSILIENCE_DATA" in missing.expected


@pytest.mark.real
def test_plain_bm25_on_scifact_gives_the_figure_everyone_gets(data_dir) -> None:
    from consilience.evaluation.datasets import questions, records
    from consilience.evaluation.measures import ranking
    from consilience.evaluation.reference import ReferenceBM25

    corpus = records(data_dir / "evidence/scifact_corpus.jsonl.gz", "scifact")
    reference = ReferenceBM25((row["id"], f"{row['title']} {row['abstract']}") for row in corpus)
    claims = questions(data_dir / "evidence/scifact_claims.jsonl.gz")
    ranked = {claim.id: reference.search(claim.text, 100) for claim in claims}
    (scores,) = ranking(["nDCG@10"], {claim.id: claim.relevant for claim in claims}, ranked).values()
    assert sum(scores) / len(scores) == pytest.approx(0.667, abs=0.01)


def test_what_is_not_judged_is_taken_for_no_document_however_that_one_is_called(
    write_suite, evaluate, tmp_path, write_lines
) -> None:
    asked = {"id": "a", "query": "velorine mortality", "relevant": ["not judged 1", " 1", "1 "]}
    write_lines("odd.jsonl", asked)
    result = evaluate(write_suite("finding", kind="retrieval"), data=tmp_path / "odd.jsonl")
    assert result["measures"]["R@100"]["value"] == 0.0
