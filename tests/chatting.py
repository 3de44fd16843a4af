"""A real HTTP server of `/v1/chat/completions` on the loopback address: a model that says what a test has it say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consilience import init_home, open_home
from tests.loopback import Fault, Handler, Loopback, Seen, body, status

KEY = "canary-9e1f0c7ad2b84d55"
Says = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Heard:
    """One request of a client: where to, with which headers, and the JSON in it."""

    path: str
    headers: Mapping[str, str]
    request: Mapping[str, Any]

    @property
    def data(self) -> str:
        """The user's message."""
        return str(self.request["messages"][1]["content"])

    @property
    def form(self) -> str:
        """The name of the form that is wanted: Conclusion, Refutation, SubQuestions."""
        return str(self.request["response_format"]["json_schema"]["schema"]["title"])

    @property
    def sources(self) -> list[Mapping[str, Any]]:
        """The numbered quotations of the data."""
        lines = self.data.split("<data>\n", 1)[1].split("\n</data>", 1)[0]
        return [json.loads(line) for line in lines.split("\n")]


def completion(text: str, **more: Any) -> bytes:
    """A reply that says a text, as the interface gives it."""
    said = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    whole = {"id": "c", "object": "chat.completion", "model": "tiny", "choices": [said],
             "usage": {"prompt_tokens": 700, "completion_tokens": 50, "total_tokens": 750}}  # fmt: skip
    return json.dumps({**whole, **more}).encode()


def says(text: str, **more: Any) -> Fault:
    """One reply, whatever was asked."""
    return body(completion(text, **more))


def moved(to: str) -> Fault:
    """A redirect, which would take the key elsewhere."""
    return status(307, b"", Location=to)


def huge(megabytes: int) -> Fault:
    """A reply that goes on for longer than anyone should read."""

    def send(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(megabytes << 20))
        handler.end_headers()
        for _ in range(megabytes):
            handler.wfile.write(b" " * (1 << 20))

    return send


def hanging(until: threading.Event) -> Fault:
    """No reply at all while the event is not set."""

    def wait(handler: Handler) -> None:
        until.wait(30)
        handler.close_connection = True

    return wait


def dripping(until: threading.Event) -> Fault:
    """A blank now and then: every one of them begins an ordinary time-out anew."""

    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not until.is_set():
            handler.wfile.write(b" ")
            time.sleep(0.02)

    return drip


class _ChatHandler(Handler):
    def do_POST(self) -> None:  # noqa: N802
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server: ChatServer = self.server.owner  # type: ignore[attr-defined]
        with server.lock:
            server.heard.append(Heard(self.path, dict(self.headers), json.loads(raw)))
        self._do({})


@dataclass
class Mind:
    """What a well-behaved model says: to each form its own reply; by default it quotes the first source."""

    verdict: str = "yes"
    sentences: Sequence[tuple[str, list[int]]] | None = None
    unsupported: Sequence[int] = ()
    questions: Sequence[str] = field(default_factory=tuple)

    def __call__(self, heard: Heard) -> str:
        """The reply, as text."""
        if heard.form == "SubQuestions":
            return json.dumps({"questions": list(self.questions)})
        if heard.form == "Refutation":
            return json.dumps({"unsupported": list(self.unsupported)})
        told = self.sentences if self.sentences is not None else [(heard.sources[0]["text"], [1])]
        return json.dumps({"verdict": self.verdict, "sentences": [{"text": t, "citations": c} for t, c in told]})


class ChatServer(Loopback):
    """Says what its `mind` says, after the faults that are queued."""

    def __init__(self, mind: Callable[[Heard], str] | None = None) -> None:
        super().__init__()
        self.mind: Callable[[Heard], str] = mind or Mind()
        self.heard: list[Heard] = []
        self._server.RequestHandlerClass = _ChatHandler

    def answer(self, handler: Handler, seen: Seen) -> None:
        """The reply of the mind to the last request."""
        del seen
        handler.send(200, completion(self.mind(self.heard[-1])))

    def of_form(self, name: str) -> list[Heard]:
        """The requests for one form."""
        return [heard for heard in self.heard if heard.form == name]


def velorine_home(folder: Path, language: str = "") -> Path:
    """A small home of three trials, with vectors that need no model and, if given, settings of the language model."""
    home = folder / "home"
    init_home(home)
    profile = home / "indexes" / "exact.yaml"
    profile.write_text(profile.read_text().replace("embedding: minilm", "embedding: hashed"))
    if language:
        (home / "corpora" / "language.yaml").write_text(language)
    trials = [
        {"pmid": str(99000001 + each), "title": f"Velorine for pain in {group}: a trial", "year": 2010 + each,
         "abstract": f"METHODS: We randomised {group}. CONCLUSIONS: Velorine significantly reduced pain in {group}.",
         "publication_types": ["Randomized Controlled Trial"]}
        for each, group in enumerate(["adults", "older adults", "adults after surgery"])
    ]  # fmt: skip
    (folder / "trials.jsonl").write_text("".join(json.dumps(trial) + "\n" for trial in trials))
    opened = open_home(home, now="2026-01-01T00:00:00Z")
    opened.ingest_records([folder / "trials.jsonl"])
    opened.refresh()
    return home
