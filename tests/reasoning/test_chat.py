"""A server of chat completions over real HTTP: what goes out, what comes back, and all that may go wrong."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from consilience.corpora.web import Network
from consilience.errors import BadInputError
from consilience.home import Rooms, init
from consilience.models.language import Asking, LanguageError
from consilience.reasoning.chat import ChatServer as Client
from consilience.reasoning.language import Desk
from tests.chatting import KEY, ChatServer, completion, dripping, hanging, huge, moved, says
from tests.loopback import Fault, Ticking, body, network, reset, short, status

ASKING = Asking("tiny", "Do this.", "With that.", {"title": "Conclusion"}, {"max_tokens": 64})


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(lambda heard: f"you said {heard.data}") as opened:
        yield opened


def client(server: ChatServer, clock: Ticking | None = None, key: str = KEY) -> Client:
    named = {"OPENAI_BASE_URL": f"{server.url}v1", "OPENAI_API_KEY": key}
    return Client.of(named, network(clock))


def test_one_request_asks_for_structured_output_without_tools_and_the_key_is_in_a_header(server: ChatServer) -> None:
    reply = client(server)(ASKING, 30)
    assert (reply.text, reply.sent, reply.received) == ("you said With that.", 700, 50)
    (heard,) = server.heard
    assert heard.path == "/v1/chat/completions"
    assert heard.headers["Authorization"] == f"Bearer {KEY}"
    assert heard.request["response_format"]["json_schema"]["strict"] is True
    assert not {"tools", "functions", "tool_choice"} & heard.request.keys()
    assert KEY not in json.dumps(heard.request)


def test_without_a_key_none_is_sent(server: ChatServer) -> None:
    client(server, key="")(ASKING, 30)
    assert "Authorization" not in server.heard[0].headers


@pytest.mark.parametrize("first", [status(429), status(503), status(500), reset, short])
def test_what_passes_is_asked_again(server: ChatServer, first: Fault) -> None:
    server.faults.append(first)
    assert client(server)(ASKING, 30).text == "you said With that."
    assert len(server.heard) == 2


def test_a_server_that_says_when_is_asked_again_then(server: ChatServer) -> None:
    clock = Ticking()
    server.faults.append(status(429, Retry_After="7"))
    assert client(server, clock)(ASKING, 30).text == "you said With that."
    assert clock.slept[0] == 7


def test_a_server_that_asks_for_longer_than_is_left_is_not_waited_for(server: ChatServer) -> None:
    clock = Ticking()
    server.faults.append(status(429, Retry_After="31"))
    with pytest.raises(LanguageError, match="limits our rate"):
        client(server, clock)(ASKING, 30)
    assert (len(server.heard), clock.slept) == (1, [])


def test_a_server_out_of_order_is_asked_four_times(server: ChatServer) -> None:
    server.faults.extend([status(500, KEY.encode())] * 9)
    with pytest.raises(LanguageError, match=r"out of order \(HTTP 500\)"):
        client(server)(ASKING, 30)
    assert len(server.heard) == 4


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (status(400, b"no such parameter"), "refused the request (HTTP 400)"),
        (status(401, KEY.encode()), "refused the request (HTTP 401)"),
        (status(404), "refused the request (HTTP 404)"),
        (status(204), "refused the request (HTTP 204)"),
        (moved("http://127.0.0.1:9/v1/chat/completions"), "redirects, which is refused"),
        (huge(4), "longer than 1,048,576 bytes"),
        (body(b"not json"), "in a form of its own"),
        (body(b'{"choices": []}'), "in a form of its own"),
        (body(b'{"choices": [{"message": {"content": null, "refusal": "no"}}]}'), "in a form of its own"),
        (body(b'{"choices": [{"message": {"content": "\\ud800"}}]}'), "in a form of its own"),
        (body(b"\xff\xfe"), "in a form of its own"),
        (body(b"[" * 100_000), "in a form of its own"),
    ],
)
def test_what_will_not_get_better_is_asked_once(server: ChatServer, fault: Fault, told: str) -> None:
    server.faults.append(fault)
    with pytest.raises(LanguageError) as raised:
        client(server)(ASKING, 30)
    assert told in raised.value.message
    assert len(server.heard) == 1


def test_a_redirect_takes_nothing_to_where_it_points(server: ChatServer) -> None:
    with ChatServer() as elsewhere:
        server.faults.append(moved(f"{elsewhere.url}v1/chat/completions"))
        with pytest.raises(LanguageError, match="redirects"):
            client(server)(ASKING, 30)
        assert elsewhere.heard == []


@pytest.mark.parametrize("slow", [hanging, dripping])
def test_a_server_that_never_ends_is_cut_off(server: ChatServer, slow: object) -> None:
    over = threading.Event()
    server.faults.append(slow(over))  # type: ignore[operator]
    named = {"OPENAI_BASE_URL": f"{server.url}v1"}
    try:
        with pytest.raises(LanguageError, match=r"did not answer in time|too slowly"):
            Client.of(named, Network())(ASKING, 0.2)
    finally:
        over.set()
    assert len(server.heard) == 1


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -5, "completion_tokens": 1},
                                   {"prompt_tokens": "many", "completion_tokens": 10**40}])  # fmt: skip
def test_a_server_that_does_not_count_is_counted_for(server: ChatServer, usage: object) -> None:
    server.faults.append(says("four words it is", usage=usage))
    reply = client(server)(ASKING, 30)
    assert (reply.sent, reply.received) == (ASKING.most[0], 6)


def test_a_key_that_a_server_repeats_is_struck_out(server: ChatServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in KEY)
    server.faults.extend([says(f"I was given {KEY}"), body(completion("HERE").replace(b"HERE", escaped.encode()))])
    asked = client(server)
    assert asked(ASKING, 30).text == "I was given [key]"
    assert asked(ASKING, 30).text == "[key]"
    server.faults.extend([status(500, KEY.encode(), Location=KEY)] * 4)
    with pytest.raises(LanguageError) as raised:
        asked(ASKING, 30)
    shown = [raised.getrepr(style="long"), repr(asked), caplog.text, str(raised.value.as_json())]
    assert raised.value.__context__ is None
    assert not any(KEY in str(each) for each in shown)


@pytest.mark.parametrize("key", ["with blank", "neu\xe4", "new\nline"])
def test_a_key_that_no_header_takes_is_not_told(server: ChatServer, key: str) -> None:
    with pytest.raises(BadInputError) as raised:
        client(server, key=key)
    assert key not in str(raised.value.as_json())


@pytest.mark.parametrize(
    "base",
    ["", "example.org", "http://example.org/v1", "https://user:word@example.org/v1", "https://example.org/v1?key=1",
     "file:///etc/passwd"],
)  # fmt: skip
def test_only_a_plain_and_private_address_is_asked(base: str) -> None:
    with pytest.raises(BadInputError):
        Client.of({"OPENAI_BASE_URL": base}, network())


# ---------------------------------------------------------------- by name


def desk(rooms: Rooms, **environment: str) -> Desk:
    return Desk(rooms, "snapshot", environment, network())


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return init(tmp_path / "home")


@pytest.mark.parametrize("name", [None, "none"])
def test_by_default_no_model_writes(rooms: Rooms, name: str | None) -> None:
    assert desk(rooms).language(name) is None


@pytest.mark.parametrize(
    "name", ["", "gpt", "openai", "openai:", "openai: x", "recorded:", "none:x", "openai:\n", "OPENAI:x"]
)
def test_a_name_that_is_none_says_which_there_are(rooms: Rooms, name: str) -> None:
    with pytest.raises(BadInputError, match="no language model") as raised:
        desk(rooms, OPENAI_BASE_URL="http://127.0.0.1:1/v1").language(name)
    assert raised.value.expected == "none, openai:MODEL, recorded:FILE"


def test_without_an_address_nothing_is_asked(rooms: Rooms) -> None:
    with pytest.raises(BadInputError, match="no server"):
        desk(rooms).language("openai:tiny")


def settle(rooms: Rooms, text: str) -> None:
    (rooms.root / "corpora" / "language.yaml").write_text(text)


def test_a_home_sets_limits_parameters_and_prices(rooms: Rooms) -> None:
    settle(rooms, "tokens: 500\ncost: 0.5\nparameters: {seed: 3, max_completion_tokens: 70, temperature: null}\n"
                  "prices: {tiny: {sent: 1, received: 2}}\n")  # fmt: skip
    language = desk(rooms, OPENAI_BASE_URL="http://127.0.0.1:1/v1").language("openai:tiny")
    assert language is not None
    assert language.meter.limits.tokens == 500
    assert language.meter.price.of(1_000_000, 1_000_000) == 3
    assert language.parameters == {"seed": 3, "max_completion_tokens": 70}


def test_a_home_from_before_has_our_settings(rooms: Rooms) -> None:
    (rooms.root / "corpora" / "language.yaml").unlink()
    language = desk(rooms, OPENAI_BASE_URL="http://127.0.0.1:1/v1").language("openai:tiny")
    assert language is not None
    assert language.parameters == {"temperature": 0.0, "max_tokens": 1024}


@pytest.mark.parametrize(
    "text", ["tokens: -1", "url: http://x", "parameters: {tools: [1]}", "cost: 0.1", "prices: {tiny: 3}"]
)
def test_settings_that_cannot_be_are_refused(rooms: Rooms, text: str) -> None:
    settle(rooms, text)
    with pytest.raises(BadInputError) as raised:
        desk(rooms, OPENAI_BASE_URL="http://127.0.0.1:1/v1").language("openai:tiny")
    assert raised.value.where == "corpora/language.yaml"
