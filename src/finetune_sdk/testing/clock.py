"""A clock that moves when somebody sleeps: ten days pass in a millisecond."""

from __future__ import annotations

import asyncio
import math
import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When every virtual clock begins, so that a test sees the same dates each time."""


class VirtualClock:
    """Time that stands still but for `sleep` and `advance`."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The virtual wall clock, from 2026-01-01 in UTC."""
        return START + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Virtual seconds since this clock was made."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Lets so many seconds pass at once.

        Raises:
            ValueError: it is negative or no number.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"`seconds` is {seconds!r}; time only goes on")
        with self._lock:
            self._seconds += seconds

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)
