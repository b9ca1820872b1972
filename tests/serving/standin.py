"""A small stand-in for the app of transformers, and a client that talks ASGI in-process."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from finetune_sdk.providers.local.serving.asgi import App, Message, Receive, Send
from finetune_sdk.providers.local.serving.gate import Gate
from finetune_sdk.providers.local.serving.request import CHAT, Served
from finetune_sdk.providers.local.serving.turns import Turns
from finetune_sdk.transport import redact

KEY = "sk-the-key-of-this-deployment"
FOLDER = "/home/somebody/models/secret-folder"
SERVED = Served(name="recipes", target=".")
MESSAGES: list[dict[str, object]] = [{"role": "user", "content": "hello"}]
REPLY: dict[str, object] = {
    "id": "1",
    "object": "chat.completion",
    "model": f"{FOLDER}@main",
    "choices": [
        {
            "index": 0,
            "finish_reason": "length",
            "message": {"role": "assistant", "content": "one two three"},
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6},
}


@dataclass
class StandIn:
    """Answers every request with `pieces`, and keeps what it was asked."""

    pieces: Sequence[bytes] = field(default_factory=lambda: [json.dumps(REPLY).encode()])
    status: int = 200
    kind: str = "application/json"
    crash: Exception | None = None
    bodies: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    scopes: list[Message] = field(default_factory=list[Message])

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        self.bodies.append(json.loads((await receive())["body"]))
        headers = [(b"content-type", self.kind.encode()), (b"x-folder", FOLDER.encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self.crash is not None:
            raise self.crash
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@dataclass
class Answer:
    """What a client got."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    def json(self) -> dict[str, object]:
        return cast("dict[str, object]", json.loads(self.body))

    @property
    def error(self) -> dict[str, object]:
        return cast("dict[str, object]", self.json()["error"])

    @property
    def events(self) -> list[str]:
        return [event.removeprefix("data: ") for event in self.body.decode().split("\n\n")[:-1]]


def gate(app: App, *, served: Served = SERVED, give_up: threading.Event | None = None) -> Gate:
    turns = Turns(
        app,
        served=served,
        give_up=give_up or threading.Event(),
        clean=lambda text: redact(text, KEY, FOLDER),
    )
    return Gate(turns, name=served.name, created=7, key=KEY)


async def ask(
    app: App,
    path: str = CHAT,
    body: object = None,
    *,
    method: str = "POST",
    key: str | None = KEY,
    raw: bytes | None = None,
    gone: Awaitable[object] | None = None,
) -> Answer:
    """Sends one request; the client hangs up when `gone` comes true."""
    sent = raw if raw is not None else json.dumps(body).encode()
    headers = [(b"content-length", str(len(sent)).encode()), (b"cookie", b"private")]
    if key is not None:
        headers.append((b"authorization", f"Bearer {key}".encode()))
    scope: Message = {"type": "http", "method": method, "path": path, "headers": headers}
    answer = Answer()
    await app(scope, _client(sent, gone), _taker(answer))
    return answer


def chat(app: App, served: Served = SERVED, /, **fields: object) -> Answer:
    """One chat request through a gate around `app`."""
    body = {"model": served.name, "messages": MESSAGES, **fields}
    return asyncio.run(ask(gate(app, served=served), CHAT, body))


def _client(body: bytes, gone: Awaitable[object] | None) -> Receive:
    pieces = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> Message:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}
        await (gone or asyncio.Event().wait())
        return {"type": "http.disconnect"}

    return receive


def _taker(answer: Answer) -> Callable[[Message], Awaitable[None]]:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    return send
