"""The service without sockets: a transport of the library under `openai` that asks it directly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import cast

from tests.standins.http import http
from tests.standins.openai.service import OpenAIService
from tests.standins.openai.wire import Answer

HEADERS = 200
"""About so many bytes of headers come before a body."""


class InProcess(http.BaseTransport):
    """Asks the service. Time that a fault takes passes by the service's clock, so that a wait
    beyond the client's timeout is a `ReadTimeout` at once where that clock is a virtual one.

    Attributes:
        strays: requests for another address, where nobody is.
    """

    def __init__(self, service: OpenAIService) -> None:
        self.service = service
        self.strays: list[http.Request] = []

    def handle_request(self, request: http.Request) -> http.Response:
        if not str(request.url).startswith(f"{self.service.url}/"):
            self.strays.append(request)
            raise http.ConnectError("nobody is there", request=request)
        answer = self._asked(request)
        _break(answer, request)
        self._wait(answer, request)
        headers = dict(answer.headers)
        if answer.cut is None:
            return http.Response(answer.status, headers=headers, content=answer.body)
        return http.Response(answer.status, headers=headers, stream=_CutBody(answer, request))

    def _asked(self, request: http.Request) -> Answer:
        target = request.url.raw_path.decode("ascii")
        exchange = self.service.begin(request.method, target, request.headers)
        if before := exchange.action.before:
            self.service.clock.sleep(before)
        return exchange.answer(cast("Iterable[bytes]", request.stream))

    def _wait(self, answer: Answer, request: http.Request) -> None:
        """Lets the time of the answer pass, or the client's, if that is shorter."""
        limit = _limit(request)
        hangs = answer.ending == "hang"
        longest = max(answer.before + answer.wait, answer.drip, answer.drip_headers)
        if hangs or longest > limit:
            if math.isfinite(limit):
                self.service.clock.sleep(max(limit - answer.before, 0.0))
            raise http.ReadTimeout("no answer came in time", request=request)
        drops = answer.drip * len(answer.body) + answer.drip_headers * HEADERS
        if answer.wait + drops:
            self.service.clock.sleep(answer.wait + drops)


def _limit(request: http.Request) -> float:
    found = request.extensions.get("timeout", {}).get("read")
    return float("inf") if found is None else float(found)


def _break(answer: Answer, request: http.Request) -> None:
    if answer.ending == "refuse":
        raise http.ConnectError("connection refused", request=request)
    if answer.ending in ("drop", "reset"):
        raise http.ReadError("the connection was closed", request=request)


class _CutBody(http.SyncByteStream):
    def __init__(self, answer: Answer, request: http.Request) -> None:
        self._answer, self._request = answer, request

    def __iter__(self) -> Iterator[bytes]:
        yield self._answer.body[: self._answer.cut]
        raise http.ReadError("the body has no end", request=self._request)
