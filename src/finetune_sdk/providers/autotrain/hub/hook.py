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

_CONNECT_SECONDS = 10.0
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BEGAN = "finetune_began"
"""Of a request's extensions, which go along with a redirect: where it was meant to go."""
_LARGEST = 64 * 1024 * 1024
"""Bytes of an answer; the largest that is asked for is a page of a list."""


class OverdueError(Exception):
    """The answer is not whole at the deadline."""


class TooLargeError(Exception):
    """The answer is larger than any that is asked for."""


class ElsewhereError(Exception):
    """The server sends what was to be written to another address. Nothing went there."""


class RepeatedError(Exception):
    """The package would ask once more: the last time there was no answer."""


@dataclass
class Limits:
    """Of one call.

    Attributes:
        place: the address that it goes to.
        left: seconds until its deadline.
        largest: bytes of an answer; None for a download, whose size is its own.
        patient: the package may try again by itself, as it goes on where it was cut off.
        asked: what was asked last and has no answer yet.
    """

    place: str
    left: Callable[[], float]
    largest: int | None = _LARGEST
    patient: bool = False
    asked: tuple[str, str] | None = field(default=None, repr=False)


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
    _check_address(request)
    _check_time(request, limits)
    left = max(limits.left(), 0.001)
    said: dict[str, float | None] = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {
        name: min(_CONNECT_SECONDS if name in ("connect", "pool") else left, said.get(name) or left)
        for name in ("connect", "read", "write", "pool")
    }


def _check_address(request: Any) -> None:
    """Refuses to follow, with what is to be written, to anywhere else, even in clear text."""
    here = f"{request.url.scheme}://{request.url.netloc.decode()}"
    method, there = request.extensions.setdefault(_BEGAN, (request.method, here))
    if method not in _SAFE and here != there:
        raise ElsewhereError(here)


def _check_time(request: Any, limits: Limits) -> None:
    """The package's own retries know of no deadline and of no clock but the system's."""
    asked = (str(request.method), str(request.url))
    if limits.left() <= 0:
        raise OverdueError
    if asked == limits.asked and not limits.patient:
        raise RepeatedError
    limits.asked = asked


def _after(response: Any) -> None:
    limits = _limits.get()
    if limits is None:
        return
    limits.asked = None
    response.stream = _kind()(response.stream, limits)
    if _is_trouble(response) and not (limits.patient and _asks(response) < limits.left()):
        response.read()
        stack.utils().hf_raise_for_status(response)


def _is_trouble(response: Any) -> bool:
    """After this the package itself would ask again."""
    return response.status_code in (408, 429) or response.status_code >= 500


def _asks(response: Any) -> float:
    """Seconds that the package would wait before it asks again."""
    limit = stack.utils().parse_ratelimit_headers(response.headers)
    after = str(response.headers.get("retry-after", ""))
    return max(
        float(limit.reset_in_seconds) if limit else 0.0, float(after) if after.isdecimal() else 0.0
    )


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
