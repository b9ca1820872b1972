"""Sockets that end at the deadline of the call they are used for.

The HTTP library's own timeouts are of one read each: a server that sends a byte now and then, in
its headers too, would hold a call for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_SHORTEST = 0.001

Left = Callable[[], float | None]
"""Seconds until the deadline of the call that this thread makes; None where it makes none."""


class OverdueError(Exception):
    """The deadline has passed, and the other side goes on talking: no timeout of a socket ends."""


def hold(client: Any, left: Left) -> None:
    """Has all sockets of a client end at the deadline.

    The library lets nobody in but by these private names. Where they are others one day, a test of
    ours says so, and the timeouts of each single read are left.
    """
    transports = [getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()]
    for transport in transports:
        pool: Any = getattr(transport, "_pool", None)
        inner = getattr(pool, "_network_backend", None)
        if inner is not None:
            pool._network_backend = _Backend(inner, left)


class _Stream:
    """A connection, in the words of `httpcore`."""

    def __init__(self, inner: Any, left: Left) -> None:
        self._inner = inner
        self._left = left
        self.close = inner.close
        self.get_extra_info = inner.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        return self._inner.read(max_bytes, self._rest(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._rest(timeout))

    def _rest(self, timeout: float | None) -> float | None:
        remains = self._left()
        if remains is not None and remains <= 0:
            raise OverdueError
        return _cut(timeout, self._left)

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        limit = _cut(timeout, self._left)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, limit), self._left)


class _Backend:
    """What opens connections, in the words of `httpcore`."""

    def __init__(self, inner: Any, left: Left) -> None:
        self._inner = inner
        self._left = left
        self.sleep = inner.sleep

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, **more: Any
    ) -> _Stream:
        limit = _cut(timeout, self._left)
        return _Stream(self._inner.connect_tcp(host, port, timeout=limit, **more), self._left)

    def connect_unix_socket(self, path: str, timeout: float | None = None, **more: Any) -> _Stream:
        limit = _cut(timeout, self._left)
        return _Stream(self._inner.connect_unix_socket(path, timeout=limit, **more), self._left)


def _cut(timeout: float | None, left: Left) -> float | None:
    remains = left()
    if remains is None:
        return timeout
    return max(remains if timeout is None else min(timeout, remains), _SHORTEST)
