"""Between the app and the client: takes what the app sends, sends on what OpenAI would."""

from __future__ import annotations

import json
import logging
import traceback
import uuid
from collections.abc import Callable
from contextlib import suppress

from finetune_sdk.providers.local.serving.asgi import (
    App,
    Message,
    Send,
    header,
    json_headers,
    one_body,
    send_json,
)
from finetune_sdk.providers.local.serving.refusal import Refusal
from finetune_sdk.providers.local.serving.reply import EventStream, read_reply
from finetune_sdk.providers.local.serving.request import Request
from finetune_sdk.providers.local.serving.shapes import list_of, object_of

_LOG = logging.getLogger("finetune_sdk")
_FRAMES = 3


class Relay:
    """One request on its way to the app, and its answer on the way back.

    Args:
        name: what the model is called outside.
        clean: takes out of an error's text what no answer may hold.
    """

    def __init__(
        self, request: Request, send: Send, *, name: str, clean: Callable[[str], str]
    ) -> None:
        self._request = request
        self._send = send
        self._name = name
        self._clean = clean
        # The app takes it for the reply's id.
        self._id = f"chatcmpl-{uuid.uuid4().hex}".encode()
        self._events = EventStream(name=name, stop=request.stop, usage=request.usage, clean=clean)
        self._status = 500
        self._streams = False
        self._body = b""

    async def run(self, app: App, scope: Message) -> None:
        """Asks the app, and answers the client whatever happens."""
        body = self._request.body
        # Headers made anew: the key and whatever else was sent is none of the app's business.
        headers = json_headers(body, self._id)
        inner = {**scope, "query_string": b"", "headers": headers}
        try:
            await app(inner, one_body(body), self._take)
        except Refusal as refusal:
            await self._fail(refusal)
        except Exception as error:  # noqa: BLE001 - the client must get an answer
            _log(error)
            await self._fail(_server_error(500, f"{type(error).__name__}: {error}"))
        else:
            await self._finish()

    async def _take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = header(message["headers"], b"content-type")
            self._status = message["status"]
            self._streams = kind.startswith(b"text/event-stream")
            if self._streams:
                await self._start_stream()
        elif self._streams:
            await self._send_events(self._events.feed(message.get("body", b"")))
        else:
            self._body += message.get("body", b"")

    async def _finish(self) -> None:
        if self._streams:
            await self._send_events(self._events.close(), last=True)
        elif self._status == 200:
            await self._send_reply()
        else:
            await self._fail(_refusal(self._status, self._body))

    async def _fail(self, refusal: Refusal) -> None:
        if self._streams:
            await self._send_events(self._events.fail(str(refusal)), last=True)
            return
        body = refusal.cleaned(self._clean).body()
        await send_json(self._send, refusal.status, body, request_id=self._id)

    async def _send_reply(self) -> None:
        try:
            body = read_reply(self._body, name=self._name, stop=self._request.stop)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _log(error)
            await self._fail(_server_error(500, "the model server's reply cannot be read"))
        else:
            await send_json(self._send, 200, body, request_id=self._id)

    async def _start_stream(self) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache"),
            (b"x-request-id", self._id),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _send_events(self, events: bytes, *, last: bool = False) -> None:
        if events or last:
            await self._send({"type": "http.response.body", "body": events, "more_body": not last})


def _refusal(status: int, body: bytes) -> Refusal:
    """An error of FastAPI, which has a shape of its own, or of whatever is below it."""
    text = body.decode(errors="replace")
    with suppress(ValueError):
        detail = (object_of(json.loads(body)) or {}).get("detail", text)
        parts = [str((object_of(part) or {}).get("msg")) for part in list_of(detail) or []]
        text = "; ".join(parts) or str(detail)
    return Refusal(status, text) if status < 500 else _server_error(status, text)


def _server_error(status: int, message: str) -> Refusal:
    return Refusal(status, message, type="server_error")


def _log(error: Exception) -> None:
    # Where, and not what: the message may quote the request.
    frames = traceback.format_tb(error.__traceback__)[-_FRAMES:]
    _LOG.error("a request failed: %s\n%s", type(error).__name__, "".join(frames))
