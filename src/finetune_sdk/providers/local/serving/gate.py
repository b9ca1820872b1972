"""The gate in front of whatever answers: who may ask, and what.

Pure ASGI. What is behind it has no key of the caller's and more routes than we want; here is what
makes it safe to leave running on 127.0.0.1.
"""

from __future__ import annotations

import hmac
import json
from typing import Protocol

from finetune_sdk.providers.local.serving.asgi import (
    Headers,
    Message,
    Receive,
    Send,
    header,
    read_body,
    send_json,
)
from finetune_sdk.providers.local.serving.refusal import Refusal
from finetune_sdk.providers.local.serving.request import CHAT, COMPLETIONS

_OK = b'{"status": "ok"}'


class Answerer(Protocol):
    """What is behind the gate."""

    async def __call__(
        self, scope: Message, body: bytes, receive: Receive, send: Send, /
    ) -> None: ...


class Gate:
    """An ASGI app that lets through what a deployment is for.

    Args:
        answerer: answers at `/v1/chat/completions` and `/v1/completions`.
        name: what the model is called outside.
        created: when the deployment was made, in seconds since 1970.
        key: what a caller must show.
    """

    def __init__(self, answerer: Answerer, *, name: str, created: int, key: str) -> None:
        self._answerer = answerer
        self._name = name
        self._created = created
        self._key = key

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, receive, send)
        except Refusal as refusal:
            await send_json(send, refusal.status, refusal.body())

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        route = f"{scope['method']} {scope['path']}"
        if route == "GET /health":
            await send_json(send, 200, _OK)
            return
        self._check_key(scope["headers"])
        if route == "GET /v1/models":
            await send_json(send, 200, self._models())
        elif route in (f"POST {CHAT}", f"POST {COMPLETIONS}"):
            body = await read_body(scope["headers"], receive)
            await self._answerer(scope, body, receive, send)
        else:
            raise Refusal(404, f"there is no {route} at a local deployment", code="not_found")

    def _check_key(self, headers: Headers) -> None:
        scheme, _, key = header(headers, b"authorization").partition(b" ")
        same = hmac.compare_digest(key.strip(), self._key.encode())
        if not same or scheme.lower() != b"bearer":
            raise Refusal(
                401,
                "the key is missing or wrong; send it as `Authorization: Bearer ...`",
                code="invalid_api_key",
            )

    def _models(self) -> bytes:
        model = {
            "id": self._name,
            "object": "model",
            "created": self._created,
            "owned_by": "local",
        }
        return json.dumps({"object": "list", "data": [model]}).encode()
