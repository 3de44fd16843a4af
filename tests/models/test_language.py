"""A model at arm's length: replies that fit, one repair, budgets, memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from consilience.errors import BadInputError, BudgetError
from consilience.models.cassette import Cassette
from consilience.models.language import (
    Asking,
    LanguageError,
    LanguageModel,
    Limits,
    Meter,
    Price,
    Reply,
    json_in,
)


class Number(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    number: Annotated[int, Field(ge=0)]


@dataclass
class Scripted:
    """A server that says its lines, the last one for ever, and counts how often it was asked."""

    lines: Sequence[str | LanguageError]
    asked: list[Asking] = field(default_factory=list)

    def __call__(self, asking: Asking, seconds: float) -> Reply:
        self.asked.append(asking)
        line = self.lines[min(len(self.asked), len(self.lines)) - 1]
        if isinstance(line, LanguageError):
            raise line
        return Reply(line, 100, 10)


def model(server: Scripted | Cassette, *, kept: Path | None = None, **limits: float | None) -> LanguageModel:
    meter = Meter(Limits(**limits), Price(1.0, 10.0))  # type: ignore[arg-type]
    return LanguageModel("openai:tiny", "tiny", server, meter, {"max_tokens": 64}, kept)


def number(language: LanguageModel, data: str = "seven") -> int:
    return language.complete("Say the number.", data, form=Number).number


def test_a_reply_that_fits_is_returned_and_paid_for() -> None:
    language = model(Scripted(['{"number": 7}']))
    assert number(language) == 7
    assert language.spent == {"tokens": 110, "cost": 0.0002}


@pytest.mark.parametrize("text", ['```json\n{"number": 7}\n```', 'Sure! {"number": 7} Anything else?'])
def test_what_a_server_without_schemas_puts_around_the_json_is_left_out(text: str) -> None:
    assert number(model(Scripted([text]))) == 7


@pytest.mark.parametrize(
    "bad", ["", "seven", '{"number": "7"}', '{"number": 7, "more": 1}', '{"number": -1}', '{"number": 7',
            '{"number": true}', "[" * 100_000, '{"number": NaN}', '{"number": 1e999}', "null", '{"a":' * 50_000],
)  # fmt: skip
def test_a_reply_that_does_not_fit_is_asked_for_once_more_and_no_oftener(bad: str) -> None:
    healed = Scripted([bad, '{"number": 7}'])
    assert number(model(healed)) == 7
    assert "did not fit the schema" in healed.asked[1].data
    lost = Scripted([bad])
    with pytest.raises(LanguageError, match="out of schema, twice"):
        number(model(lost))
    assert len(lost.asked) == 2


@given(st.text(max_size=200))
def test_no_text_gets_past_the_form(text: str) -> None:
    try:
        assert number(model(Scripted([text]))) >= 0
    except LanguageError as error:
        assert error.message == "the language model answered out of schema, twice"


def test_the_json_of_a_text_without_any_is_the_text() -> None:
    assert json_in("} {") == "} {"


@pytest.mark.parametrize(
    ("limits", "what"),
    [({"tokens": 50}, "tokens"), ({"calls": 0}, "calls"), ({"seconds": 0.0}, "seconds"), ({"cost": 1e-6}, "cost")],
)
def test_a_call_that_might_overspend_is_not_made(limits: dict[str, float], what: str) -> None:
    server = Scripted(['{"number": 7}'])
    with pytest.raises(BudgetError, match=f"budget of {what} is spent"):
        number(model(server, **limits))
    assert server.asked == []


def test_a_budget_holds_over_all_calls_and_a_failed_call_costs_its_call_alone() -> None:
    server = Scripted([LanguageError("down"), '{"number": 7}'])
    language = model(server, calls=2)
    with pytest.raises(LanguageError, match="down"):
        number(language)
    assert number(language) == 7
    assert language.spent["tokens"] == 110
    with pytest.raises(BudgetError, match="calls"):
        number(language, "eight")


def test_a_good_reply_is_remembered_and_a_bad_one_is_not(tmp_path: Path) -> None:
    server = Scripted(["no", '{"number": 7}', '{"number": 8}'])
    assert number(model(server, kept=tmp_path)) == 7
    assert len(server.asked) == 2
    again = model(server, kept=tmp_path)
    assert number(again) == 8  # the first asking had no good reply, and is made again
    assert number(model(server, kept=tmp_path)) == 8
    assert len(server.asked) == 3
    assert again.spent["tokens"] == 110


def test_what_is_remembered_depends_on_all_that_was_asked(tmp_path: Path) -> None:
    server = Scripted(['{"number": 7}'])
    number(model(server, kept=tmp_path))
    number(model(server, kept=tmp_path), "another text")
    other = LanguageModel("openai:big", "big", server, Meter(), {"max_tokens": 64}, tmp_path)
    number(other)
    warmer = LanguageModel("openai:tiny", "tiny", server, Meter(), {"max_tokens": 64, "temperature": 1}, tmp_path)
    number(warmer)
    assert len({asking.key for asking in server.asked}) == len(server.asked) == 4


@pytest.mark.parametrize("damage", [b"", b"{", b'{"reply": {"number": "x"}}', b"\xff", b'{"reply": 1}'])
def test_a_damaged_memory_is_asked_for_again(tmp_path: Path, damage: bytes) -> None:
    server = Scripted(['{"number": 7}'])
    number(model(server, kept=tmp_path))
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(damage)
    assert number(model(server, kept=tmp_path)) == 7
    assert len(server.asked) == 2


def test_a_recording_is_played_without_a_server(tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    server = Scripted(["no", '{"number": 7}'])
    recorded = model(Cassette(tape, server))
    assert number(recorded) == 7
    played = Cassette(tape)
    assert played.model == "tiny"
    replayed = model(played)
    assert number(replayed) == 7
    assert replayed.spent == recorded.spent
    with pytest.raises(LanguageError, match="no reply to what is asked"):
        number(replayed, "something else")
    assert len(server.asked) == 2


def test_a_recording_keeps_failures_too(tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    with pytest.raises(LanguageError, match="the server is down"):
        number(model(Cassette(tape, Scripted([LanguageError("the server is down")]))))
    with pytest.raises(LanguageError, match="the server is down"):
        number(model(Cassette(tape)))


def test_what_was_torn_off_a_recording_was_never_said(tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    number(model(Cassette(tape, Scripted(['{"number": 7}']))))
    whole = tape.read_bytes()
    tape.write_bytes(whole + whole[:40])
    assert number(model(Cassette(tape))) == 7
    assert number(model(Cassette(tape, Scripted(['{"number": 8}']))), "eight") == 8
    assert [number(model(Cassette(tape)), data) for data in ("seven", "eight")] == [7, 8]


@pytest.mark.parametrize("line", [b"{}\n", b"nonsense\n", b'{"asking": "a", "model": 1}\n'])
def test_a_damaged_recording_is_refused(tmp_path: Path, line: bytes) -> None:
    tape = tmp_path / "tape.jsonl"
    tape.write_bytes(line)
    with pytest.raises(BadInputError, match="damaged"):
        Cassette(tape)


def test_a_recording_that_is_not_there_or_of_two_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be read"):
        Cassette(tmp_path / "none.jsonl")
    tape = tmp_path / "tape.jsonl"
    lines = [{"asking": "a", "model": name, "error": "x"} for name in ("one", "two")]
    lines[1]["asking"] = "b"
    tape.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(BadInputError, match="2 models"):
        _ = Cassette(tape).model
