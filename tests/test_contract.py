import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from consilience.contract import SCHEMAS, canonical, json_schema, stable, validated
from consilience.errors import (
    BadInputError,
    BudgetError,
    BusyError,
    ConsilienceError,
    NotFoundError,
    RefusedFileError,
    ShortfallError,
    StoreDamagedError,
)
from consilience.records import Span, sha256

ABSTRACT = "Aspirin reduced stroke (RR 0.80) in 1\u2009200 adults. 😀 No bleeding."
QUOTE = "Aspirin reduced stroke"


def span(quote: str = QUOTE) -> dict[str, Any]:
    start = ABSTRACT.index(quote)
    made = Span("PMID:1", "0123456789ab", "abstract", start, start + len(quote), quote, sha256(ABSTRACT))
    return made.as_json()


def citation(**changes: Any) -> dict[str, Any]:
    known = {
        "title": "A trial",
        "published": "2003-05-01",
        "design": "rct",
        "status": "active",
        "study": "NCT:NCT00000001",
    }
    return {**span(), "stance": "supports", **known, **changes}


def answer(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "question": "Does aspirin prevent stroke?",
        "kind": "polar",
        "as_of": "2020-01-01",
        "known_at": "2020-01-01T00:00:00Z",
        "abstained": None,
        "verdict": "yes",
        "probabilities": {"yes": 0.7, "no": 0.1, "mixed": 0.1, "insufficient": 0.1},
        "sentences": [{"text": "Aspirin reduced stroke.", "citations": [0]}],
        "citations": [citation()],
        "items": [],
        "confidence": 0.7,
        "certainty": {"level": "high", "basis": "design_prior", "reasons": ["one randomised trial"]},
        "disagreements": [],
        "chains": [
            {
                "name": "passages",
                "question": "q",
                "verdict": "yes",
                "confidence": 0.7,
                "independent_studies": 1,
                "steps": [],
                "error": None,
            }
        ],
        "warnings": [],
        "provenance": {"snapshot": "s", "index": "i", "kg": "k", "config": "c", "models": {}, "code": "0.1.0"},
        "usage": {"seconds": 0.1, "tokens": 0, "cost": 0},
    }
    return {**made, **changes}


POINT = {"date": "2003-05-01", "belief": 0.8, "independent_studies": 1}


def edge(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "subject": "MESH:D001241",
        "predicate": "prevents",
        "object": "MESH:D020521",
        "holds_from": "2003-05-01",
        "holds_until": None,
        "known_from": "2020-01-01T00:00:00Z",
        "known_until": None,
        "belief": 0.8,
        "independent_studies": 1,
        "supporting": [span()],
        "refuting": [],
        "closed_by": None,
    }
    return {**made, **changes}


def simulation(**changes: Any) -> dict[str, Any]:
    stop = {"rule": "budget", "at": 1, "recall": 1.0, "saved": 0.5, "claim": None}
    made: dict[str, Any] = {
        "records": 2,
        "includes": 1,
        "order": ["9", 7],
        "wss@95": 0.45,
        "recall@10%": None,
        "atd": 1.0,
    }
    return {**made, "loss": 0.0, "stop": stop, "config": {"model": "nb"}, "usage": {"seconds": 1.0}, **changes}


GOOD: dict[str, dict[str, Any]] = {
    "ask": answer(),
    "citation": citation(),
    "error": BadInputError("empty question", where="question", expected="some words").as_json(),
    "extract": {
        "id": "PMID:1",
        "entities": [
            {
                "field": "abstract",
                "start": 0,
                "end": 7,
                "text": "Aspirin",
                "type": "chemical",
                "identifiers": ["MESH:D001241"],
            }
        ],
        "relations": [
            {
                "subject": "MESH:D001241",
                "predicate": "prevents",
                "object": "MESH:D020521",
                "negated": False,
                "confidence": 0.9,
                "span": span(),
            }
        ],
    },
    "graph-history": {"rows": [edge(crossed_half=["2003-05-01"], timeline=[POINT])]},
    "graph-about": {"rows": [], "warnings": []},
    "graph-changes": {
        "rows": [
            {
                "at": "2020-01-01T00:00:00Z",
                "what": "claim",
                "id": "c1",
                "before": "active",
                "after": None,
                "because": ["PMID:2"],
            }
        ]
    },
    "evaluate": {
        "suite": "retrieval",
        "data": "sample.jsonl",
        "n": 3,
        "measures": {"nDCG@10": {"value": 0.5, "ci95": [0.4, 0.6]}},
        "baselines": {},
        "provenance": {"snapshot": "s"},
        "usage": {"seconds": 1},
    },
    "ingest": {
        "files": [
            {"file": "a.xml", "status": "loaded", "records": 2, "deletions": 0, "quarantined": 0, "sha256": "0" * 64},
            {
                "file": "b.xml",
                "status": "refused",
                "records": 0,
                "deletions": 0,
                "quarantined": 0,
                "sha256": None,
                "error": RefusedFileError("truncated").as_json()["error"],
            },
        ],
        "records": 2,
        "deletions": 0,
        "quarantined": 0,
        "commit": 1,
        "warnings": [],
        "usage": {"seconds": 1.5},
    },
    "refresh": {"pending": 2, "warnings": [], "usage": {"seconds": 0.1}},
    "screen-simulate": simulation(),
    "search": {
        "query": "aspirin",
        "as_of": "2020-01-01",
        "known_at": "2020-01-01T00:00:00.5Z",
        "retriever": "hybrid",
        "hits": [
            {
                "rank": 1,
                "id": "PMID:1",
                "version": "0123456789ab",
                "title": "A trial",
                "published": None,
                "design": None,
                "status": "retracted",
                "score": 0.5,
                "parts": {"lexical": 3, "dense": None},
                "span": span(),
            }
        ],
        "warnings": ["1 undated document is hidden"],
        "usage": {"seconds": 0.01},
    },
    "show": {
        "id": "PMID:1",
        "version": "0123456789ab",
        "status": "active",
        "preprint": False,
        "published": "2003-05-01",
        "design": "rct",
        "fields": {"abstract": ABSTRACT},
        "sha256": {"abstract": sha256(ABSTRACT)},
        "versions": [{"version": "0123456789ab", "known_from": "2020-01-01T00:00:00Z", "known_until": None}],
    },
    "span": span("😀 No bleeding"),
    "status": {
        "documents": {"active": 1, "retracted": 0, "superseded": 0, "concern": 0, "corrected": 0, "deleted": 0},
        "passages": 1,
        "claims": 1,
        "entities": 2,
        "snapshot": "s",
        "index": None,
        "kg": None,
        "refreshed_at": None,
        "pending": 1,
        "shortfalls": [],
    },
    "verify": {
        "claim": "Aspirin prevents stroke",
        "verdict": "supported",
        "citations": [citation()],
        "probabilities": {"supported": 0.8, "refuted": 0.1, "insufficient": 0.1},
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_a_valid_json_schema_of_2020_12(name: str) -> None:
    schema = json_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$id"]
    assert schema["title"] == f"consilience/{name}/1"


@pytest.mark.parametrize("name", GOOD)
def test_a_good_object_passes_the_models_and_the_printed_schema(name: str) -> None:
    whole = validated(name, GOOD[name])
    Draft202012Validator(json_schema(name)).validate(whole)
    if name not in ("span", "citation"):
        assert next(iter(whole.items())) == ("schema", f"consilience/{name}/1")
    assert {key: value for key, value in whole.items() if key != "schema"} == GOOD[name]


@pytest.mark.parametrize("name", GOOD)
def test_an_unknown_key_is_refused_by_the_models_and_by_the_printed_schema(name: str) -> None:
    bad = {**GOOD[name], "surprise": 1}
    with pytest.raises(ValidationError):
        validated(name, bad)
    named = {"schema": f"consilience/{name}/1"} if "schema" in json_schema(name)["properties"] else {}
    assert not Draft202012Validator(json_schema(name)).is_valid({**named, **bad})


@pytest.mark.parametrize("name", GOOD)
def test_every_required_key_is_missed(name: str) -> None:
    for key in set(json_schema(name)["required"]) - {"schema"}:
        with pytest.raises(ValidationError):
            validated(name, {k: v for k, v in GOOD[name].items() if k != key})


def test_the_words_of_a_command_name_its_schema() -> None:
    assert json_schema("graph history") == json_schema("graph-history") == json_schema("graph_history")


def test_an_unknown_schema_says_which_exist() -> None:
    with pytest.raises(NotFoundError) as caught:
        json_schema("answer")
    assert "ask" in caught.value.expected
    assert caught.value.exit_status == 2


def test_usage_may_carry_further_keys_and_nothing_else_may() -> None:
    validated("ask", answer(usage={"seconds": 1, "tokens": 0, "cost": 0, "energy": 3}))
    validated("ask", answer(provenance={**answer()["provenance"], "libraries": {"numpy": "1"}}))
    with pytest.raises(ValidationError):
        validated("ask", answer(certainty={**answer()["certainty"], "note": ""}))


BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "a sentence without a citation": {"sentences": [{"text": "So.", "citations": []}]},
    "a citation that is not there": {"sentences": [{"text": "So.", "citations": [1]}]},
    "a negative citation": {"sentences": [{"text": "So.", "citations": [-1]}]},
    "an item without a citation": {"items": [{"text": "aspirin", "citations": []}]},
    "a disagreement with a citation that is not there": {
        "disagreements": [{"claim": "c", "supporting": [0], "refuting": [1], "explanation": None}]
    },
    "an abstention with sentences": {"abstained": {"reason": "no_evidence", "detail": ""}, "verdict": "insufficient"},
    "a polar abstention with another verdict": {"abstained": {"reason": "no_evidence", "detail": ""}, "sentences": []},
    "a polar answer without a verdict": {"verdict": None},
    "a list answer with a verdict": {"kind": "list"},
    "a factoid answer without items": {"kind": "factoid", "verdict": None, "probabilities": None, "items": None},
    "probabilities that do not sum to one": {
        "probabilities": {"yes": 0.7, "no": 0.1, "mixed": 0.1, "insufficient": 0.0}
    },
    "a reason for abstaining that is not known": {"abstained": {"reason": "tired", "detail": ""}},
    "a day that does not exist": {"as_of": "2020-02-30"},
    "an instant without a zone": {"known_at": "2020-01-01T00:00:00"},
    "a probability that is no number": {"confidence": float("nan")},
    "a number as a string": {"confidence": "0.7"},
    "a quote longer than its offsets": {"citations": [citation(end=3)]},
}


@pytest.mark.parametrize("fault", BAD_ANSWERS)
def test_an_answer_is_refused_for(fault: str) -> None:
    with pytest.raises(ValueError):
        validated("ask", answer(**BAD_ANSWERS[fault]))


def test_an_abstention_is_an_answer() -> None:
    abstained = {"reason": "no_evidence", "detail": "nothing was found"}
    probabilities = {"yes": 0, "no": 0, "mixed": 0, "insufficient": 1}
    validated("ask", answer(abstained=abstained, verdict="insufficient", probabilities=probabilities, sentences=[]))
    validated("ask", answer(abstained=abstained, kind="summary", verdict=None, probabilities=None, sentences=[]))


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_probabilities_pass_exactly_when_they_sum_to_one(shares: list[float]) -> None:
    names = ("supported", "refuted", "insufficient")
    obj = {**GOOD["verify"], "probabilities": dict(zip(names, shares, strict=True))}
    if abs(sum(shares) - 1) < 0.9e-6:
        validated("verify", obj)
    elif abs(sum(shares) - 1) > 1.1e-6:
        with pytest.raises(ValidationError):
            validated("verify", obj)


def test_a_mention_must_fill_its_offsets() -> None:
    obj = copy.deepcopy(GOOD["extract"])
    obj["entities"][0]["end"] = 9
    with pytest.raises(ValidationError, match="cannot span"):
        validated("extract", obj)


def test_hits_are_ranked_from_one_without_a_gap() -> None:
    obj = copy.deepcopy(GOOD["search"])
    obj["hits"][0]["rank"] = 2
    with pytest.raises(ValidationError, match="ranks"):
        validated("search", obj)


def test_a_refused_file_must_say_why() -> None:
    obj = copy.deepcopy(GOOD["ingest"])
    del obj["files"][1]["error"]
    with pytest.raises(ValidationError, match="refused"):
        validated("ingest", obj)


def test_a_refresh_says_what_it_did_or_what_is_pending() -> None:
    with pytest.raises(ValidationError, match="pending"):
        validated("refresh", {"warnings": [], "usage": {"seconds": 1}})


@pytest.mark.parametrize(
    "changes", [{"order": ["9"]}, {"includes": 3}, {"stop": {**simulation()["stop"], "saved": 0.6}}]
)
def test_a_simulation_whose_counts_disagree_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validated("screen simulate", simulation(**changes))


def test_canonical_drops_what_differs_between_runs_and_only_that() -> None:
    one = validated("ask", answer())
    again = validated("ask", answer(known_at="2021-01-01T00:00:00Z", usage={"seconds": 9, "tokens": 1, "cost": 0}))
    again["provenance"]["snapshot"] = "t"
    assert canonical(one) == canonical(dict(reversed(again.items())))
    assert canonical(one) != canonical(validated("ask", answer(as_of="2020-01-02")))
    assert set(one) - set(stable(one)) == {"usage", "known_at"}
    assert set(one["provenance"]) - set(stable(one)["provenance"]) == {"snapshot"}


def test_canonical_is_compact_sorted_json_that_leaves_its_object_alone() -> None:
    one = validated("ask", answer())
    before = copy.deepcopy(one)
    text = canonical(one)
    assert json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True, separators=(",", ":")) == text
    assert one == before


def test_status_keeps_its_snapshot_under_canonical() -> None:
    assert json.loads(canonical(validated("status", GOOD["status"])))["snapshot"] == "s"


@pytest.mark.parametrize(
    "kind",
    [
        BadInputError,
        NotFoundError,
        RefusedFileError,
        ShortfallError,
        StoreDamagedError,
        BusyError,
        BudgetError,
        ConsilienceError,
    ],
)
def test_every_error_of_ours_is_an_error_object(kind: type[ConsilienceError]) -> None:
    whole = validated("error", kind("it failed", where="here", expected="better").as_json())
    assert whole["error"] == {"code": kind.code, "message": "it failed", "where": "here", "expected": "better"}


def test_a_failure_code_that_is_not_in_the_contract_is_refused() -> None:
    with pytest.raises(ValidationError):
        validated("error", {"error": {"code": "oops", "message": "m", "where": "", "expected": ""}})
