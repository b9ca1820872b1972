"""How much of an answer is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from finetune_sdk.providers._openai_talk import sockets, stack

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer at most. A page of 100 jobs has 70,000, a result file of a long job a few
millions."""


class RefusedAnswerError(Exception):
    """An answer that is not read on."""


def new_http_client(left: sockets.Left, most: Callable[[], int], *, direct: bool) -> Any:
    """The package's own HTTP client, following no redirect, with an end to every answer.

    Args:
        left: every read and write of a socket ends then.
        most: bytes that this thread reads of an answer.
        direct: past the proxies of the environment, which would see the key.
    """

    def limit(response: Any) -> None:
        _limit(response, most())

    settings = stack.past_proxies() if direct else {}
    hooks = {"response": [limit]}
    client = stack.client_class()(follow_redirects=False, event_hooks=hooks, **settings)
    sockets.hold(client, left)
    return client


def _limit(response: Any, most: int) -> None:
    """Replaces the stream of a response by one that ends at `most` bytes.

    Raises:
        RefusedAnswerError: it is packed, which was not asked for: a small answer may unpack to a
            huge one.
    """
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise RefusedAnswerError(f"it is packed as {packed[:20]!r}, which was not asked for")
    response.stream = _stream_class(stack.library())(response.stream, most)


@lru_cache(maxsize=2)
def _stream_class(library: Any) -> Any:
    class Limited(library.SyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, most: int) -> None:
            self._inner = inner
            self._most = most

        def __iter__(self) -> Iterator[bytes]:
            count = 0
            for chunk in self._inner:
                count += len(chunk)
                if count > self._most:
                    raise RefusedAnswerError(f"it has more than {self._most} bytes")
                yield chunk

        def close(self) -> None:
            self._inner.close()

    return Limited
