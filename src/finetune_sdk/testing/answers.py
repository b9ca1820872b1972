"""What deployments of the fake answer, from a table or a function, by OpenAI's wire."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
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
Reply = str | Message
"""The assistant's text, or its whole message: with `tool_calls`, for instance."""

Function = Callable[[Sequence[Message]], Reply] | Callable[[Sequence[Message]], Awaitable[Reply]]
Replies = Mapping[str, Reply | ProviderError] | Function
"""By the last message, or a function of all messages. An error is answered by its status."""

Chat = Callable[[str, Mapping[str, object]], None]
"""Hears of each request: the deployment's name, and the whole body."""

NOT_IN_TABLE = "This is a fake reply."

_STATUS: Mapping[type[ProviderError], int] = {
    InvalidRequestError: 400,
    AuthenticationError: 401,
    PermissionDeniedError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    RateLimitError: 429,
    QuotaExceededError: 429,
}
_CODE: Mapping[type[ProviderError], str] = {QuotaExceededError: "insufficient_quota"}
# The client's own retries would sleep for real.
_ONCE = {"x-should-retry": "false"}


class Answers:
    """A server of chat completions without a network."""

    def __init__(self, replies: Replies | None, clock: VirtualClock, hear: Chat) -> None:
        self._replies, self._clock, self._hear = replies, clock, hear

    def transport(self) -> object:
        """A transport of the HTTP library under `openai`, for its clients of both kinds."""
        return stack.library().MockTransport(self._handle)

    def _handle(self, request: Any) -> Any:
        """The answer; awaited where the reply is to be awaited, and an event loop runs."""
        if not str(request.url).endswith("/chat/completions"):
            words = f"the fake serves chat/completions and nothing at {request.url}"
            return self._refused(request, NotFoundError(words, provider="fake"))
        body = cast("dict[str, object]", json.loads(request.content))
        try:
            self._hear(str(body.get("model")), body)
            reply = self._reply(cast("list[Message]", body.get("messages", [])))
            if not inspect.isawaitable(reply):
                return self._answered(body, reply)
        except Exception as error:  # noqa: BLE001 - the function is the test's
            return self._refused(request, error)
        later = self._later(request, body, reply)
        return later if _on_a_loop() else asyncio.run(later)

    async def _later(
        self, request: Any, body: Mapping[str, object], reply: Awaitable[Reply]
    ) -> Any:
        try:
            return self._answered(body, await reply)
        except Exception as error:  # noqa: BLE001 - the function is the test's
            return self._refused(request, error)

    def _reply(self, messages: Sequence[Message]) -> Reply | Awaitable[Reply]:
        if callable(self._replies):
            return self._replies(messages)
        last = str(messages[-1].get("content", "")) if messages else ""
        reply = (self._replies or {}).get(last, NOT_IN_TABLE)
        if isinstance(reply, ProviderError):
            raise reply
        return reply

    def _answered(self, body: Mapping[str, object], reply: Reply) -> Any:
        http, model, message = stack.library(), body.get("model"), _message(reply)
        if not body.get("stream"):
            return http.Response(200, json=self._whole(model, message))
        events = "".join(f"data: {chunk}\n\n" for chunk in self._chunks(model, message))
        return http.Response(200, text=events, headers={"content-type": "text/event-stream"})

    def _whole(self, model: object, message: Message) -> dict[str, object]:
        choice = {"index": 0, "finish_reason": _reason(message), "message": message}
        return self._part("chat.completion", model, choice)

    def _chunks(self, model: object, message: Message) -> Iterator[str]:
        """A stream as OpenAI sends it: word by word, the reason to stop, the end."""
        for delta in _deltas(message):
            reason = None if delta else _reason(message)
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            yield json.dumps(self._part("chat.completion.chunk", model, choice))
        yield "[DONE]"

    def _part(self, kind: str, model: object, choice: Mapping[str, object]) -> dict[str, object]:
        # Without `usage`: tokens are not counted, and no number would be true.
        return {
            "id": "chatcmpl-fake",
            "object": kind,
            "created": int(self._clock.now().timestamp()),
            "model": model,
            "choices": [choice],
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
        return http.Response(500, json={"error": {"message": words}}, headers=_ONCE)


def _message(reply: object) -> Message:
    if isinstance(reply, str):
        return {"role": "assistant", "content": reply}
    if isinstance(reply, Mapping):
        return {"role": "assistant", **cast("Message", reply)}
    raise TypeError(f"{reply!r:.80} is no reply: that is a text or a whole message")


def _deltas(message: Message) -> Iterator[Mapping[str, object]]:
    yield {"role": "assistant"}
    for word in re.findall(r"\s*\S+|\s+", str(message.get("content") or "")):
        yield {"content": word}
    calls = cast("Sequence[Message]", message.get("tool_calls") or ())
    for index, call in enumerate(calls):
        yield {"tool_calls": [{"index": index, **call}]}
    yield {}


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
    return _ONCE if wait is None else {**_ONCE, "retry-after": f"{wait:g}"}


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
