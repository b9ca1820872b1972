"""What every talk with a provider shares: the clock that it waits by, and what it never tells."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
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

KEYS: Mapping[str, str] = MappingProxyType(
    {
        "an OpenAI key": r"\b(?:sk|rk|pk)-[A-Za-z0-9_-]{16,}",
        "a Hugging Face token": r"\bhf_[A-Za-z0-9]{16,}",
        "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
        "an AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        "a Google key": r"\bAIza[A-Za-z0-9_-]{35}",
        "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{16,}",
        "a Stripe key": r"\b(?:sk|rk)_live_[A-Za-z0-9]{16,}",
        "a JSON web token": r"\beyJ[A-Za-z0-9_-]{16,}[A-Za-z0-9_.-]*",
        "a private key": r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----",
    }
)
"""Shapes of keys, as vendors publish them; some are copied by others, the first one by many."""

# And the places where anything is a secret. Each pattern is linear: no nested repeats, so that
# hostile text cannot make it slow.
_SECRETS = re.compile(
    "|".join(
        (
            *KEYS.values(),
            r"(?<=://)[^/\s:@]{1,256}:[^/\s@]{1,256}(?=@)",  # user:password of a URL
            r"(?i:(?<=bearer\s))[A-Za-z0-9._~+/=-]{8,}",  # Authorization headers
        )
    )
)


def redact(text: str, *secrets: str) -> str:
    """`text` without the given secrets and without anything that looks like a key."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    return _SECRETS.sub("[redacted]", text)
