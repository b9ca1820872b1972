"""The service without sockets: a transport of `httpx2` that asks it directly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import cast

import httpx2

from tests.standins.openai.service import OpenAIService
from tests.standins.openai.wire import Answer

HEADERS = 200
"""About so many bytes of headers come before a body."""


class InProcess(httpx2.BaseTransport):
    """Asks the service. Time that a fault takes passes by the service's clock, so that a wait
    beyond the client's timeout is a `ReadTimeout` at once where that clock is a virtual one.

    Attributes:
        strays: requests for another address, where nobody is.
    """

    def __init__(self, service: OpenAIService) -> None:
        self.service = service
        self.strays: list[httpx2.Request] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if not str(request.url).startswith(f"{self.service.url}/"):
            self.strays.append(request)
            raise httpx2.ConnectError("nobody is there", request=request)
        answer = self._asked(request)
        _break(answer, request)
        self._wait(answer, request)
        headers = dict(answer.headers)
        if answer.cut is None:
            return httpx2.Response(answer.status, headers=headers, content=answer.body)
        return httpx2.Response(answer.status, headers=headers, stream=_CutBody(answer, request))

    def _asked(self, request: httpx2.Request) -> Answer:
        target = request.url.raw_path.decode("ascii")
        exchange = self.service.begin(request.method, target, request.headers)
        if before := exchange.action.before:
            self.service.clock.sleep(before)
        return exchange.answer(cast("Iterable[bytes]", request.stream))

    def _wait(self, answer: Answer, request: httpx2.Request) -> None:
        """Lets the time of the answer pass, or the client's, if that is shorter."""
        limit = _limit(request)
        hangs = answer.ending == "hang"
        longest = max(answer.before + answer.wait, answer.drip, answer.drip_headers)
        if hangs or longest > limit:
            if math.isfinite(limit):
                self.service.clock.sleep(max(limit - answer.before, 0.0))
            raise httpx2.ReadTimeout("no answer came in time", request=request)
        drops = answer.drip * len(answer.body) + answer.drip_headers * HEADERS
        if answer.wait + drops:
            self.service.clock.sleep(answer.wait + drops)


def _limit(request: httpx2.Request) -> float:
    found = request.extensions.get("timeout", {}).get("read")
    return float("inf") if found is None else float(found)


def _break(answer: Answer, request: httpx2.Request) -> None:
    if answer.ending == "refuse":
        raise httpx2.ConnectError("connection refused", request=request)
    if answer.ending in ("drop", "reset"):
        raise httpx2.ReadError("the connection was closed", request=request)


class _CutBody(httpx2.SyncByteStream):
    def __init__(self, answer: Answer, request: httpx2.Request) -> None:
        self._answer, self._request = answer, request

    def __iter__(self) -> Iterator[bytes]:
        yield self._answer.body[: self._answer.cut]
        raise httpx2.ReadError("the body has no end", request=self._request)
