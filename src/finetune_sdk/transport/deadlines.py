"""How long a whole call may take, its retries and the body of its answer included."""

from __future__ import annotations

from finetune_sdk.transport.clock import Clock

CALL_SECONDS = 30.0
"""A call's deadline where nobody has said another one."""

_UPLOAD_START = 60.0
_SLOWEST_UPLOAD = 256 * 1024  # bytes a second


def upload_seconds(size: int) -> float:
    """The deadline of an upload of so many bytes: a minute, and a line of 2 Mbit/s at least."""
    return _UPLOAD_START + size / _SLOWEST_UPLOAD


class Deadline:
    """A moment on the monotonic clock, which no change of the wall clock moves."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.monotonic() + seconds

    def extend(self, seconds: float) -> None:
        """Later by so much: a wait that the server asks for is none of ours."""
        self._end += seconds

    def left(self) -> float:
        """Seconds until then; below nil when it is over."""
        return self._end - self._clock.monotonic()
