"""A request on its way to vLLM, and the answer on its way back.

vLLM speaks OpenAI's wire by itself, so what is asked and answered is left as it is, but for the
model's name, which must be the deployment's, and for errors, which must not tell where things lie.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_sdk.providers.local.serving.asgi import (
    JSON,
    Message,
    Receive,
    Send,
    hung_up,
    send_json,
)
from finetune_sdk.providers.local.serving.refusal import Refusal
from finetune_sdk.providers.local.serving.request import check_model, parse

if TYPE_CHECKING:
    import h11

_BLOCK = 2**16


class Forward:
    """Answers by asking vLLM, as many at a time as are asked.

    Args:
        socket: where it listens.
        key: that it wants to be shown.
        name: of the deployment.
        clean: takes out of an error's text what no answer may hold.
    """

    def __init__(self, socket: Path, *, key: str, name: str, clean: Callable[[str], str]) -> None:
        self._socket = socket
        self._key = key
        self._name = name
        self._clean = clean

    async def __call__(self, scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        """Answers one request."""
        check_model(parse(body).get("model"), self._name)
        gone = asyncio.ensure_future(hung_up(receive))
        work = asyncio.ensure_future(self._ask(scope["path"], body, send))
        try:
            await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                # The line to vLLM is closed with it, and there the answer is given up.
                work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        finally:
            gone.cancel()

    async def _ask(self, path: str, body: bytes, send: Send) -> None:
        try:
            async with aclosing(self._events(path, body)) as events:
                await self._pass_on(events, send)
        except OSError:
            raise Refusal(502, "the model's server is gone", type="server_error") from None

    async def _pass_on(self, events: AsyncGenerator[h11.Event], send: Send) -> None:
        import h11

        status, refused = 500, b""
        async for event in events:
            if isinstance(event, h11.Response):
                status = event.status_code
                if status < 400:
                    await send(_start(event))
            elif isinstance(event, h11.Data):
                if status < 400:
                    await send(_part(bytes(event.data)))
                else:
                    refused += bytes(event.data)
        if status < 400:
            await send(_part(b"", last=True))
        else:
            text = self._clean(refused.decode(errors="replace"))
            await send_json(send, status, text.encode())

    async def _events(self, path: str, body: bytes) -> AsyncGenerator[h11.Event]:
        import h11

        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            wire = h11.Connection(h11.CLIENT)
            headers = [
                ("host", "localhost"),
                ("authorization", f"Bearer {self._key}"),
                ("content-type", JSON.decode()),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            request = h11.Request(method="POST", target=path, headers=headers)
            for part in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(wire.send(part) or b"")
            await writer.drain()
            while not isinstance(event := await _next(wire, reader), h11.EndOfMessage):
                yield event
        finally:
            writer.close()


async def _next(wire: h11.Connection, reader: asyncio.StreamReader) -> h11.Event:
    import h11

    while (event := wire.next_event()) is h11.NEED_DATA:
        wire.receive_data(await reader.read(_BLOCK))
    if not isinstance(event, h11.Event) or isinstance(event, h11.ConnectionClosed):
        raise ConnectionResetError
    return event


def _start(answer: h11.Response) -> Message:
    kept = [pair for pair in answer.headers if pair[0] in (b"content-type", b"cache-control")]
    return {"type": "http.response.start", "status": answer.status_code, "headers": kept}


def _part(data: bytes, *, last: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": not last}
