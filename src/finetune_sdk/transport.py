"""What every talk with a provider shares: the clock that it waits by, and what it never tells."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the resources see it. Tests bring their own."""

    def now(self) -> datetime:
        """The wall clock in UTC: for showing, never for deadlines."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards: for deadlines."""
        ...

    def sleep(self, seconds: float) -> None: ...

    async def sleep_async(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = SystemClock()

# Shapes of keys that vendors publish, and the places where anything is a secret. Each pattern is
# linear: no nested repeats, so that hostile text cannot make it slow.
_SECRETS = re.compile(
    r"""
    \b(?:sk|rk|pk)-[A-Za-z0-9_-]{16,}            # OpenAI and those who copy its shape
    | \bhf_[A-Za-z0-9]{16,}                      # Hugging Face
    | \beyJ[A-Za-z0-9_-]{16,}[A-Za-z0-9_.-]*     # JSON web tokens
    | (?<=://)[^/\s:@]{1,256}:[^/\s@]{1,256}(?=@)    # user:password of a URL
    | (?i:(?<=bearer\s))[A-Za-z0-9._~+/=-]{8,}   # Authorization headers
    """,
    re.VERBOSE,
)


def redact(text: str, *secrets: str) -> str:
    """`text` without the given secrets and without anything that looks like a key."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    return _SECRETS.sub("[redacted]", text)
