"""Limits for the requests of `huggingface_hub`, which has none of its own.

Its one client is the process's, waits for ever and follows each redirect, and the package has no
other place for limits than a new client for everybody. A hook on the client that is there changes
nothing for anybody else: it acts within `limited` alone (docs/decisions/0026).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from finetune_sdk.providers.autotrain.hub import stack
from finetune_sdk.transport.addresses import host_of

_CONNECT_SECONDS = 10.0
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LARGEST = 64 * 1024 * 1024
"""Bytes of an answer; the largest that is asked for is a page of a list."""


class OverdueError(Exception):
    """The answer is not whole at the deadline."""


class TooLargeError(Exception):
    """The answer is larger than any that is asked for."""


class ElsewhereError(Exception):
    """The server sends what was to be written to another host. Nothing went there."""


@dataclass
class Limits:
    """Of one call.

    Attributes:
        place: the address that it goes to.
        left: seconds until its deadline.
        largest: bytes of an answer; None for a download, whose size is its own.
        sent: hosts that something was sent to.
    """

    place: str
    left: Callable[[], float]
    largest: int | None = _LARGEST
    sent: list[str] = field(default_factory=list[str])


_limits: ContextVar[Limits | None] = ContextVar("limits", default=None)


@contextmanager
def limited(limits: Limits) -> Generator[None]:
    """Holds the package's requests of this thread to the limits while the block runs."""
    _hook()
    token = _limits.set(limits)
    try:
        yield
    finally:
        _limits.reset(token)


def _hook() -> None:
    # The lists themselves: what somebody else has hooked stays, and their own client keeps ours.
    hooks: dict[str, list[Callable[[Any], object]]] = stack.utils().get_session().event_hooks
    for name, hook in (("request", _before), ("response", _after)):
        if hook not in hooks.setdefault(name, []):
            hooks[name].append(hook)


def _before(request: Any) -> None:
    limits = _limits.get()
    if limits is None:
        return
    host = host_of(str(request.url))
    if request.method not in _SAFE and host != host_of(limits.place):
        raise ElsewhereError(host)
    left = max(limits.left(), 0.001)
    said: dict[str, float | None] = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {
        name: min(_CONNECT_SECONDS if name in ("connect", "pool") else left, said.get(name) or left)
        for name in ("connect", "read", "write", "pool")
    }
    limits.sent.append(host)


def _after(response: Any) -> None:
    limits = _limits.get()
    if limits is not None:
        response.stream = _kind()(response.stream, limits)


def _kind() -> Any:
    """Our stream, as one of the HTTP library that is under the package."""
    base: Any = stack.library().SyncByteStream

    class Limited(base):  # type: ignore[misc]
        def __init__(self, inner: Any, limits: Limits) -> None:
            self._inner, self._limits = inner, limits

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in self._inner:
                size += len(chunk)
                if self._limits.left() < 0:
                    raise OverdueError
                if self._limits.largest is not None and size > self._limits.largest:
                    raise TooLargeError
                yield chunk

        def close(self) -> None:
            self._inner.close()

    return Limited
