"""The app of transformers behind the gate: one request after the other.

The app names the model by its path, and sets the random seed for the whole process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from finetune_sdk.providers.local.serving.asgi import App, Message, Receive, Send, hung_up
from finetune_sdk.providers.local.serving.relay import Relay
from finetune_sdk.providers.local.serving.request import Served, read_request


class Turns:
    """Answers by what `app` does well.

    Args:
        app: answers at `/v1/chat/completions` and `/v1/completions`.
        give_up: set while the client of the answer that is being made has hung up.
        clean: takes out of an error's text what no answer may hold.
    """

    def __init__(
        self,
        app: App,
        *,
        served: Served,
        give_up: threading.Event,
        clean: Callable[[str], str],
    ) -> None:
        self._app = app
        self._served = served
        self._give_up = give_up
        self._clean = clean
        # The model computes one answer at a time anyway; like this, seeds do not mix.
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        """Answers one request, when its turn comes."""
        request = read_request(scope["path"], body, self._served)
        relay = Relay(request, send, name=self._served.name, clean=self._clean)
        await self._in_turn(receive, lambda: relay.run(self._app, scope))

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
