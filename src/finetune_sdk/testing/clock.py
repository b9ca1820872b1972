"""A clock that moves when somebody sleeps: ten days pass in a moment."""

from __future__ import annotations

import asyncio
import math
import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When a virtual clock begins, so that a test sees the same dates each time."""

LONGEST = timedelta(days=730)
"""Between two things that happen: who sleeps longer, look by look, waits for what never ends."""

MOST_SLEEPS = 1_000_000
"""The same, for short sleeps."""

_FEW_SLEEPS = 10_000
"""Nobody has waited long for these, however much time they let pass."""


class VirtualClock:
    """Time that stands still but for `sleep` and `advance`. Several fakes may share one."""

    def __init__(self, start: datetime = START) -> None:
        """Stands at `start`.

        Raises:
            ValueError: `start` has no time zone.
        """
        if start.tzinfo is None:
            raise ValueError(f"`start` is {start!r}; it needs a time zone, such as UTC")
        self._start = start
        self._seconds = 0.0
        self._most = (datetime.max.replace(tzinfo=UTC) - start).total_seconds() - 1
        self._sleeps, self._slept = 0, 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The virtual wall clock, in UTC."""
        return self._start.astimezone(UTC) + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Virtual seconds since this clock was made."""
        return self._seconds

    def advance(self, seconds: float | timedelta) -> None:
        """Lets so much time pass at once; a number is of seconds.

        Raises:
            ValueError: it is negative or no number.
        """
        self._pass(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Something has happened that may be waited for: sleeps are counted from here."""
        self._sleeps, self._slept = 0, 0.0

    def advance_to(self, moment: datetime) -> None:
        """Lets time pass until then.

        Raises:
            ValueError: it is in the past, or has no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError(f"`moment` is {moment!r}; it needs a time zone, such as UTC")
        self.advance(moment - self.now())

    def sleep(self, seconds: float) -> None:
        """Lets so many seconds pass.

        Raises:
            RuntimeError: it is one of a million sleeps, or of two years of sleeps, since anything
                was made or changed: what is waited for does not end.
        """
        self._pass(seconds)
        self._sleeps, self._slept = self._sleeps + 1, self._slept + seconds
        long = self._slept > LONGEST.total_seconds() and self._sleeps > _FEW_SLEEPS
        if long or self._sleeps > MOST_SLEEPS:
            raise RuntimeError(
                f"slept {self._sleeps} times, until {self.now():%F}: what is waited for never "
                "ends; give the wait a `timeout`, or the fake another script"
            )

    async def sleep_async(self, seconds: float) -> None:
        """Lets so many seconds pass, and others on the event loop go on."""
        self.sleep(seconds)
        await asyncio.sleep(0)

    def _pass(self, seconds: float) -> None:
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"`seconds` is {seconds!r}; time only goes on")
        with self._lock:
            if self._seconds + seconds > self._most:
                raise ValueError(f"`seconds` is {seconds!r}; no date is later than the year 9999")
            self._seconds += seconds

    def __repr__(self) -> str:
        return f"<VirtualClock at {self.now():%F %T} UTC>"
