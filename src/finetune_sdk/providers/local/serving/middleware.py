"""The gate around the app of transformers: who may ask, what, and one after the other.

Pure ASGI. The app has no key, more routes than we want, names the model by its path, and sets the
random seed for the whole process; here is what makes it safe to leave running on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
from collections.abc import Awaitable, Callable

from finetune_sdk.providers.local.serving.asgi import (
    App,
    Headers,
    Message,
    Receive,
    Send,
    header,
    hung_up,
    read_body,
    send_json,
)
from finetune_sdk.providers.local.serving.refusal import Refusal
from finetune_sdk.providers.local.serving.relay import Relay
from finetune_sdk.providers.local.serving.request import CHAT, COMPLETIONS, Served, read_request
from finetune_sdk.transport import redact

_OK = b'{"status": "ok"}'


class Gate:
    """An ASGI app that lets through what `app` does well.

    Args:
        app: answers at `/v1/chat/completions` and `/v1/completions`.
        key: what a caller must show.
        give_up: set while the client of the answer that is being made has hung up.
    """

    def __init__(self, app: App, *, served: Served, key: str, give_up: threading.Event) -> None:
        self._app = app
        self._served = served
        self._key = key
        self._give_up = give_up
        # The model computes one answer at a time anyway; like this, seeds do not mix.
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
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
            request = read_request(scope["path"], body, self._served)
            relay = Relay(request, send, name=self._served.name, clean=self._clean)
            await self._in_turn(receive, lambda: relay.run(self._app, scope))
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
            "id": self._served.name,
            "object": "model",
            "created": self._served.created,
            "owned_by": "local",
        }
        return json.dumps({"object": "list", "data": [model]}).encode()

    async def _in_turn(self, receive: Receive, work: Callable[[], Awaitable[None]]) -> None:
        """Does the work when its turn comes; ends it early when the client hangs up."""
        gone = asyncio.ensure_future(hung_up(receive))
        turn = asyncio.ensure_future(self._turn.acquire())
        try:
            await asyncio.wait({gone, turn}, return_when=asyncio.FIRST_COMPLETED)
            if turn.done():
                await self._unless(gone, asyncio.ensure_future(work()))
        finally:
            gone.cancel()
            turn.cancel()
            # It may have come in the very moment in which the client went.
            if turn.done() and not turn.cancelled():
                self._turn.release()

    async def _unless(self, gone: asyncio.Future[None], work: asyncio.Future[None]) -> None:
        try:
            await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                self._give_up.set()
            # To its end: the model must be free before the next turn.
            await work
        finally:
            self._give_up.clear()

    def _clean(self, text: str) -> str:
        return redact(text, self._key, *self._served.private)
