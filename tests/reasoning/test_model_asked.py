"""`ask --model` from end to end: a home, a command, a server over HTTP, and a key that is nowhere to be found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consilience import open_home
from consilience.cli.entry import run
from consilience.contract import canonical, validated
from consilience.corpora.web import Network
from consilience.errors import BadInputError
from tests.chatting import KEY, ChatServer, Mind, says, velorine_home
from tests.loopback import Ticking, network, status

NOW = "2026-03-01T00:00:00Z"
QUESTION = "Does velorine reduce pain in adults?"


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small home with vectors that need no model."""
    return velorine_home(tmp_path_factory.mktemp("asked"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    with ChatServer() as opened:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{opened.url}v1")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("CONSILIENCE_NOW", NOW)
        yield opened


def asked(home: Path, **more: Any) -> dict[str, Any]:
    opened = open_home(home, now=NOW)
    opened.network = network(Ticking())
    answer = opened.ask(QUESTION, **{"model": "openai:tiny", **more})
    validated("ask", answer)
    return answer


def forget_replies(home: Path) -> None:
    shutil.rmtree(home / "indexes" / "store" / "language", ignore_errors=True)


def test_an_answer_names_its_model_and_tells_what_it_took(module_home: Path, server: ChatServer) -> None:
    forget_replies(module_home)
    answer = asked(module_home)
    plain = open_home(module_home, now=NOW).ask(QUESTION)
    assert answer["provenance"]["models"]["language"] == "openai:tiny"
    assert plain["provenance"]["models"]["language"] is None
    assert answer["provenance"]["config"] != plain["provenance"]["config"]
    assert answer["usage"]["tokens"] == 750 * len(server.heard) > 0
    assert plain["usage"]["tokens"] == 0
    assert [chain["name"] for chain in answer["chains"]][-1] == "written"
    assert answer["verdict"] == plain["verdict"]


def test_what_was_asked_before_is_remembered_until_the_snapshot_goes(module_home: Path, server: ChatServer) -> None:
    forget_replies(module_home)
    first = asked(module_home)
    count = len(server.heard)
    second = asked(module_home)
    assert len(server.heard) == count
    assert (canonical(first), second["usage"]["tokens"]) == (canonical(second), 0)
    pointer = first["provenance"]["snapshot"]
    assert [folder.name for folder in (module_home / "indexes" / "store" / "language").iterdir()] == [pointer]


def test_a_recording_replays_the_same_bytes_without_a_server(
    module_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = tmp_path / "tape.jsonl"
    with ChatServer(Mind("mixed")) as opened, monkeypatch.context() as patched:
        patched.setenv("OPENAI_BASE_URL", f"{opened.url}v1")
        patched.setenv("OPENAI_API_KEY", KEY)
        patched.setenv("CONSILIENCE_CASSETTE", str(tape))
        recorded = asked(module_home)
        assert opened.heard
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    replayed = asked(module_home, model=f"recorded:{tape}")
    assert canonical(replayed) == canonical(recorded)
    assert replayed["usage"]["tokens"] == recorded["usage"]["tokens"] > 0
    assert KEY not in tape.read_text()


def test_a_budget_that_is_spent_fails_the_chain_and_not_the_answer(module_home: Path, server: ChatServer) -> None:
    settings = module_home / "corpora" / "language.yaml"
    before = settings.read_text()
    settings.write_text("tokens: 100\n")
    try:
        forget_replies(module_home)
        answer = asked(module_home)
    finally:
        settings.write_text(before)
    assert answer["chains"][-1]["error"] == "the language model's budget of tokens is spent"
    assert server.heard == []
    plain = open_home(module_home, now=NOW).ask(QUESTION)
    assert answer["sentences"] == plain["sentences"]


def test_the_key_is_nowhere(
    module_home: Path, server: ChatServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    forget_replies(module_home)
    server.mind = lambda heard: Mind("yes", [(f"The key is {KEY}.", [1]), (heard.sources[0]["text"], [1])])(heard) \
        if heard.form == "Conclusion" else Mind(questions=[f"What is {KEY}?", f"Is it {KEY}?"])(heard)  # fmt: skip
    server.faults.append(status(500, KEY.encode()))
    command = ["ask", QUESTION, "--model", "openai:tiny", "--home", str(module_home), "--save", "keyless", "--trace"]
    assert run([*command, "--json"]) == 0
    assert run(command) == 0
    server.faults.append(status(401, KEY.encode()))
    forget_replies(module_home)
    assert run([*command, "--json"]) == 0
    shown = capfd.readouterr()
    assert len(server.heard) > 3
    assert all(heard.headers["Authorization"] == f"Bearer {KEY}" for heard in server.heard)
    assert KEY not in shown.out + shown.err
    held = [path for folder in (module_home, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert any(path.parent.name == "keyless" for path in held)
    assert not [path for path in held if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize("model", ["gpt", "openai:", "recorded:/nowhere/tape.jsonl"])
def test_a_model_that_is_none_is_found_before_work_starts(
    module_home: Path, server: ChatServer, capfd: pytest.CaptureFixture[str], model: str
) -> None:
    assert run(["ask", QUESTION, "--model", model, "--home", str(module_home), "--json"]) == 2
    told = json.loads(capfd.readouterr().out)
    assert told["error"]["code"] == "bad_input"
    assert server.heard == []


def test_a_line_of_a_batch_names_its_own_model(module_home: Path, server: ChatServer, tmp_path: Path) -> None:
    server.faults.append(says("nonsense"))
    lines = [{"id": 1, "question": QUESTION, "model": "openai:tiny"}, {"id": 2, "question": QUESTION},
             {"id": 3, "question": QUESTION, "model": "gpt"}]  # fmt: skip
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = ["--batch", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out.jsonl")]
    assert run(["ask", *files, "--home", str(module_home)]) == 1
    one, two, three = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert one["result"]["provenance"]["models"]["language"] == "openai:tiny"
    assert two["result"]["provenance"]["models"]["language"] is None
    assert three["error"]["code"] == "bad_input"


def test_a_saved_question_is_asked_again_with_its_model(module_home: Path, server: ChatServer) -> None:
    home = open_home(module_home, now=NOW)
    home.network = network(Ticking())
    home.ask(QUESTION, model="openai:tiny", save="worded")
    again = home.questions("worded", again=True)
    validated("questions", again)
    (told,) = again["questions"]
    assert [each["options"]["model"] for each in told["history"]] == ["openai:tiny"] * 2
    assert told["changed"]["same"] is True


def test_a_server_is_never_asked_without_a_model(module_home: Path, server: ChatServer) -> None:
    open_home(module_home, now=NOW).ask(QUESTION)
    assert server.heard == []


def test_the_network_of_a_home_is_the_one_that_is_used(module_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    home = open_home(module_home, now=NOW)
    assert isinstance(home.network, Network)
    with pytest.raises(BadInputError, match="no server"):
        home.ask(QUESTION, model="openai:tiny")
