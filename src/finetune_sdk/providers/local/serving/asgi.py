"""The few shapes and moves of ASGI that the gate needs.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from finetune_sdk.providers.local.serving.refusal import Refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

MOST_BYTES = 8 * 1024 * 1024
"""Of a request's body."""

JSON = b"application/json"


def header(headers: Headers, name: bytes) -> bytes:
    """The first value of a header; empty where there is none."""
    return next((value for given, value in headers if given == name), b"")


def json_headers(body: bytes, request_id: bytes = b"") -> list[tuple[bytes, bytes]]:
    """Headers of a JSON body, of a request or an answer."""
    headers = [(b"content-type", JSON), (b"content-length", str(len(body)).encode())]
    return [*headers, (b"x-request-id", request_id)] if request_id else headers


async def read_body(headers: Headers, receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        Refusal: it is too large; the rest of it is not read.
    """
    promised = header(headers, b"content-length")
    _check_size(int(promised) if promised.isdigit() else 0)
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the client hung up before it had sent the body")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        _check_size(len(body))
    return body


async def hung_up(receive: Receive) -> None:
    """Comes back when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def one_body(body: bytes) -> Receive:
    """A client that sends `body` and stays."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    return receive


async def send_json(send: Send, status: int, body: bytes, *, request_id: bytes = b"") -> None:
    """A whole answer."""
    headers = json_headers(body, request_id)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise Refusal(413, f"the body is larger than {MOST_BYTES} bytes", code="request_too_large")
