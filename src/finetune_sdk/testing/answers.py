"""What deployments of the fake answer, from a table or a function, by OpenAI's wire."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from finetune_sdk.errors import (
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
)
from finetune_sdk.providers._openai_talk import stack
from finetune_sdk.testing.clock import VirtualClock

logger = logging.getLogger("finetune_sdk")

Message = Mapping[str, object]
Body = Mapping[str, object]
Reply = str | Message
"""The assistant's text, or its whole message: with `tool_calls`, for instance."""

Answer = Reply | ProviderError
"""An error is answered by its status."""

Function = Callable[[Sequence[Message]], Answer] | Callable[[Sequence[Message]], Awaitable[Answer]]
Replies = Mapping[str, Answer] | Function
"""By the text of the last message, or a function of all messages."""

Chat = Callable[[str, Body], None]
"""Hears of each request: the deployment's name, and the whole body."""

NOT_IN_TABLE = "This is a fake reply."
"""To what no table speaks of."""

_STATUS: Mapping[type[ProviderError], int] = {
    InvalidRequestError: 400,
    AuthenticationError: 401,
    PermissionDeniedError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    RateLimitError: 429,
    QuotaExceededError: 429,
}
_IN_PARTS = frozenset({"role", "content", "tool_calls"})
_CODE: Mapping[type[ProviderError], str] = {QuotaExceededError: "insufficient_quota"}


class Answers:
    """A server of chat completions without a network."""

    def __init__(self, replies: Replies | None, clock: VirtualClock, hear: Chat) -> None:
        _check(replies)
        self._replies, self._clock, self._hear = replies, clock, hear

    def transport(self) -> object:
        """A transport of the HTTP library under `openai`, for its clients of both kinds."""
        http = stack.library()

        def sync(_: object, request: Any) -> Any:
            request.read()
            answer = self._handle(request)
            return _finished(answer) if inspect.iscoroutine(answer) else answer

        async def later(_: object, request: Any) -> Any:
            await request.aread()
            answer = self._handle(request)
            return await answer if inspect.iscoroutine(answer) else answer

        ways = {"handle_request": sync, "handle_async_request": later}
        return type("FakeTransport", (http.BaseTransport, http.AsyncBaseTransport), ways)()

    def _handle(self, request: Any) -> Any:
        """The answer; a coroutine of it where the reply is to be awaited."""
        if not str(request.url).endswith("/chat/completions"):
            words = f"the fake serves chat/completions and nothing at {request.url}"
            return self._refused(request, NotFoundError(words, provider="fake"))
        # Twice: what a function does to its messages must not be seen in what was asked.
        body, heard = (cast("Body", json.loads(request.content)) for _ in range(2))
        try:
            self._hear(str(body.get("model")), heard)
            reply = self._reply(cast("list[Message]", body.get("messages", [])))
            if not inspect.isawaitable(reply):
                return self._answered(body, reply)
        except Exception as error:  # noqa: BLE001 - the function is the test's
            return self._refused(request, error)
        return self._later(request, body, reply)

    async def _later(self, request: Any, body: Body, reply: Awaitable[Answer]) -> Any:
        try:
            return self._answered(body, await reply)
        except Exception as error:  # noqa: BLE001 - the function is the test's
            return self._refused(request, error)

    def _reply(self, messages: Sequence[Message]) -> Answer | Awaitable[Answer]:
        if callable(self._replies):
            return self._replies(messages)
        return (self._replies or {}).get(_text(messages[-1]) if messages else "", NOT_IN_TABLE)

    def _answered(self, body: Body, reply: Answer) -> Any:
        if isinstance(reply, ProviderError):
            raise reply
        http, message = stack.library(), _message(reply)
        if not body.get("stream"):
            return http.Response(200, json=self._whole(body, message))
        events = "".join(f"data: {chunk}\n\n" for chunk in self._chunks(body, message))
        return http.Response(200, text=events, headers={"content-type": "text/event-stream"})

    def _whole(self, body: Body, message: Message) -> dict[str, object]:
        same = {"finish_reason": _reason(message), "message": message}
        choices = [{"index": index, **same} for index in _indices(body)]
        return self._part("chat.completion", body, *choices)

    def _chunks(self, body: Body, message: Message) -> Iterator[str]:
        """A stream as OpenAI sends it: word by word, the reason to stop, the usage, the end."""
        kind = "chat.completion.chunk"
        for index, delta in itertools.product(_indices(body), _deltas(message)):
            reason = None if delta else _reason(message)
            choice = {"index": index, "delta": delta, "finish_reason": reason}
            yield json.dumps(self._part(kind, body, choice))
        if cast("Body", body.get("stream_options") or {}).get("include_usage"):
            yield json.dumps({**self._part(kind, body), "usage": None})
        yield "[DONE]"

    def _part(self, kind: str, body: Body, *choices: Message) -> dict[str, object]:
        # Without `usage`: tokens are not counted, and no number would be true.
        return {
            "id": "chatcmpl-fake",
            "object": kind,
            "created": int(self._clock.now().timestamp()),
            "model": body.get("model"),
            "choices": choices,
        }

    def _refused(self, request: Any, error: Exception) -> Any:
        http = stack.library()
        if isinstance(error, ConnectionFailedError):
            raise http.ConnectError(str(error), request=request)
        if isinstance(error, ResponseDecodeError):
            return http.Response(200, text=str(error))
        if isinstance(error, ProviderError):
            return http.Response(_status(error), json=_told(error), headers=_headers(error))
        logger.exception("`replies` raised; it is answered with 500", exc_info=error)
        words = f"`replies` raised {type(error).__name__}: {error}"
        return http.Response(500, json={"error": {"message": words}})


def _check(replies: object) -> None:
    """A test that nobody type-checks is told at once what it may say."""
    if replies is None or callable(replies):
        return
    if not isinstance(replies, Mapping):
        raise TypeError(
            f"`replies` is {replies!r:.80}; it takes a table by the last message, or a function of "
            "all messages"
        )
    for said, reply in cast("Mapping[object, object]", replies).items():
        if not isinstance(said, str):
            raise TypeError(f"`replies` has the key {said!r:.80}; it is the text of a message")
        if not isinstance(reply, ProviderError):
            _message(reply)


def _text(message: Message) -> str:
    """What a message says, its parts of text in a row."""
    content = message.get("content")
    if not isinstance(content, list):
        return str(content or "")
    parts = cast("list[Message]", content)
    return "".join(str(part.get("text") or "") for part in parts)


def _message(reply: object) -> Message:
    if isinstance(reply, str):
        return {"role": "assistant", "content": reply}
    if isinstance(reply, Mapping):
        return {"role": "assistant", **cast("Message", reply)}
    raise TypeError(f"{reply!r:.80} is no reply: that is a text, a whole message, or our error")


def _deltas(message: Message) -> Iterator[Mapping[str, object]]:
    yield {"role": "assistant"}
    for word in re.findall(r"\s*\S+|\s+", str(message.get("content") or "")):
        yield {"content": word}
    calls = cast("Sequence[Message]", message.get("tool_calls") or ())
    for index, call in enumerate(calls):
        yield {"tool_calls": [{"index": index, **call}]}
    more = {name: word for name, word in message.items() if name not in _IN_PARTS}
    if more:
        yield more
    yield {}


def _indices(body: Body) -> range:
    """Of the choices that are asked for, which are all the same."""
    wanted = body.get("n")
    return range(wanted if isinstance(wanted, int) and wanted > 0 else 1)


def _reason(message: Message) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"


def _status(error: ProviderError) -> int:
    return error.status_code or _STATUS.get(type(error), 500)


def _told(error: ProviderError) -> dict[str, object]:
    code = error.code or _CODE.get(type(error))
    param = error.param if isinstance(error, InvalidRequestError) else None
    return {"error": {"message": str(error), "code": code, "param": param, "type": None}}


def _headers(error: ProviderError) -> dict[str, str]:
    wait = error.retry_after
    return {} if wait is None else {"retry-after": f"{wait:.3f}"}


def _finished(answer: Coroutine[object, object, Any]) -> Any:
    """What it comes to, for a client that awaits nothing."""
    # On a thread of its own: a loop may be running on this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, answer).result()
