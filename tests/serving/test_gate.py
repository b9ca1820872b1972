"""The gate: the key, the routes, sizes, names, errors, and one request at a time."""

from __future__ import annotations

import asyncio
import json
import logging
import threading

import pytest

from finetune_sdk.providers.local.serving.asgi import MOST_BYTES, Message, Receive, Send
from finetune_sdk.providers.local.serving.refusal import Refusal
from finetune_sdk.providers.local.serving.request import CHAT, COMPLETIONS
from tests.serving.standin import FOLDER, KEY, MESSAGES, REPLY, Answer, StandIn, ask, chat, gate

BODY = {"model": "recipes", "messages": MESSAGES}


@pytest.mark.parametrize("key", [None, "", "sk-wrong", KEY[:-1], f"{KEY}x"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", CHAT), ("POST", COMPLETIONS), ("GET", "/v1/models"), ("GET", "/nowhere")],
)
def test_without_the_key_there_is_nothing(key: str | None, method: str, path: str) -> None:
    app = StandIn()
    answer = asyncio.run(ask(gate(app), path, BODY, method=method, key=key))
    assert answer.status == 401
    assert answer.error["code"] == "invalid_api_key"
    assert app.bodies == []
    assert KEY not in answer.body.decode()


def test_health_needs_no_key_and_tells_nothing_else() -> None:
    answer = asyncio.run(ask(gate(StandIn()), "/health", method="GET", key=None, raw=b""))
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


def test_the_one_model_is_listed() -> None:
    answer = asyncio.run(ask(gate(StandIn()), "/v1/models", method="GET", raw=b""))
    model = {"id": "recipes", "object": "model", "created": 7, "owned_by": "local"}
    assert answer.json() == {"object": "list", "data": [model]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/responses"),
        ("POST", "/load_model"),
        ("POST", "/reset"),
        ("POST", "/v1/systemone"),
        ("POST", "/v1/audio/transcriptions"),
        ("GET", CHAT),
        ("OPTIONS", "/v1/models"),
        ("POST", "/v1/models"),
        ("POST", f"{CHAT}/"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
    ],
)
def test_every_other_route_is_closed(method: str, path: str) -> None:
    app = StandIn()
    answer = asyncio.run(ask(gate(app), path, BODY, method=method))
    assert answer.status == 404
    assert set(answer.error) == {"message", "type", "param", "code"}
    assert app.bodies == []


def test_the_app_gets_its_own_name_of_the_model_and_neither_key_nor_cookie() -> None:
    app = StandIn()
    assert chat(app).status == 200
    assert app.bodies[0]["model"] == "."
    assert app.bodies[0]["messages"] == MESSAGES
    names = {name for name, _ in app.scopes[0]["headers"]}
    assert names == {b"content-type", b"content-length", b"x-request-id"}


def test_a_reply_comes_back_under_the_served_name() -> None:
    answer = chat(StandIn())
    assert answer.json() == {**REPLY, "model": "recipes"}
    assert answer.headers["content-length"] == str(len(answer.body))
    assert FOLDER not in str(answer.headers)


@pytest.mark.parametrize("model", ["other", ".", FOLDER, f"{FOLDER}@main", "recipes@main"])
def test_another_model_is_not_found(model: str) -> None:
    answer = chat(StandIn(), model=model)
    assert answer.status == 404
    assert (answer.error["code"], answer.error["param"]) == ("model_not_found", "model")


def test_a_request_without_a_model_is_told_which_there_is() -> None:
    answer = asyncio.run(ask(gate(StandIn()), CHAT, {"messages": MESSAGES}))
    assert answer.status == 400
    assert "'recipes'" in str(answer.error["message"])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[1]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"model": "recipes", "messages": ' + b"[" * 960 + b"]" * 960 + b"}",
        b'{"model": "recipes", "messages": [{"role": "user", "content": "\\ud800"}]}',
    ],
)
def test_a_body_that_is_no_request_is_refused(raw: bytes) -> None:
    app = StandIn()
    answer = asyncio.run(ask(gate(app), raw=raw))
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert app.bodies == []


@pytest.mark.parametrize(("size", "status"), [(MOST_BYTES, 400), (MOST_BYTES + 1, 413)])
def test_a_body_may_have_eight_mebibytes(size: int, status: int) -> None:
    assert asyncio.run(ask(gate(StandIn()), raw=b" " * size)).status == status


def test_a_body_that_hides_its_size_is_stopped_too() -> None:
    asked = 0

    async def endless() -> Message:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b" " * 2**20, "more_body": True}

    answer = Answer()

    async def send(message: Message) -> None:
        answer.status = message.get("status", answer.status)

    headers = [(b"authorization", f"Bearer {KEY}".encode())]
    scope: Message = {"type": "http", "method": "POST", "path": CHAT, "headers": headers}
    asyncio.run(gate(StandIn())(scope, endless, send))
    assert (answer.status, asked) == (413, 9)


@pytest.mark.parametrize(
    ("app", "status", "words"),
    [
        (StandIn([b"Internal Server Error"], 500, "text/plain"), 500, "Internal Server Error"),
        (StandIn([b'{"detail": "no /home/x"}'], 400), 400, "no /home/x"),
        (StandIn([b'{"detail": [{"msg": "a"}, {"msg": "b"}]}'], 422), 422, "a; b"),
        (StandIn([json.dumps({"detail": f"no {FOLDER}"}).encode()], 400), 400, "no [redacted]"),
        (StandIn([b"<html>"], 200), 500, "the model server's reply cannot be read"),
        (StandIn([b"{}"], 200), 500, "the model server's reply cannot be read"),
        (StandIn([], 500, crash=ValueError(f"{FOLDER} {KEY}")), 500, "ValueError: [redacted] "),
        (StandIn([], 500, crash=Refusal(400, "too long", code="c")), 400, "too long"),
    ],
)
def test_errors_of_the_app_come_in_openais_shape(app: StandIn, status: int, words: str) -> None:
    answer = chat(app)
    assert answer.status == status
    assert set(answer.error) == {"message", "type", "param", "code"}
    assert str(answer.error["message"]).startswith(words)
    assert (answer.error["type"] == "server_error") is (status >= 500)
    assert KEY not in answer.body.decode()


def test_the_log_says_where_it_failed_and_nothing_of_the_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        chat(StandIn([], 500, crash=ValueError("the words of the user")))
    assert "ValueError" in caplog.text
    assert "standin.py" in caplog.text
    assert "the words of the user" not in caplog.text


class Slow:
    """Answers when it is let; says how many are in it at once."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.entered = asyncio.Event()
        self.inside = 0
        self.most = 0
        self.asked = 0
        self.behind = StandIn()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.asked += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.set()
        await self.let.wait()
        await self.behind(scope, receive, send)
        self.inside -= 1


def test_requests_take_turns() -> None:
    async def scene() -> None:
        app = Slow()
        one = gate(app)
        requests = [asyncio.ensure_future(ask(one, body=BODY)) for _ in range(5)]
        await app.entered.wait()
        app.let.set()
        answers = await asyncio.gather(*requests)
        assert [answer.status for answer in answers] == [200] * 5
        assert (app.asked, app.most) == (5, 1)

    asyncio.run(scene())


def test_who_hangs_up_while_waiting_is_never_computed_for() -> None:
    async def scene() -> None:
        app = Slow()
        one = gate(app)
        first = asyncio.ensure_future(ask(one, body=BODY))
        await app.entered.wait()
        await ask(one, body=BODY, gone=asyncio.sleep(0))
        app.let.set()
        assert (await first).status == 200
        assert app.asked == 1
        assert (await ask(one, body=BODY)).status == 200

    asyncio.run(scene())


def test_who_hangs_up_ends_the_computation_and_the_next_one_is_not_ended() -> None:
    async def scene() -> None:
        give_up = threading.Event()
        flags: list[bool] = []

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            flags.append(give_up.is_set())
            await StandIn()(scope, receive, send)

        one = gate(app, give_up=give_up)
        await ask(one, body=BODY, gone=asyncio.sleep(0))
        await ask(one, body=BODY)
        assert flags == [True, False]

    asyncio.run(scene())
