"""How long a server asks to wait, in all the forms that are met in the field.

retry-after-ms: 300                     milliseconds; OpenAI and Azure OpenAI
Retry-After: 12 | 1.5                   seconds (RFC 9110, 10.2.3; fractions are met)
Retry-After: Wed, 21 Oct 2026 ... GMT   a moment (the same)
x-ratelimit-reset-requests: 6m0s | 20ms Go's durations; OpenAI, for the limit that is used up
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS: Mapping[str, float] = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|us|µs|h|m|s)")
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,9})?")
_RESETS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
)


def asked_wait(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that the answer asks to wait, 0 or more; None where it asks for nothing.

    Args:
        headers: of the answer, by names in lower case.
        now: the wall clock, for servers that name a moment; their own `Date` is taken where it is
            there, so that a clock that is wrong here does no harm.
    """
    if (thousandths := _number(headers.get("retry-after-ms"))) is not None:
        return thousandths / 1000
    asked = headers.get("retry-after", "").strip()
    if asked:
        seconds = _number(asked)
        return seconds if seconds is not None else _until(asked, headers, now)
    return _reset(headers)


def _number(text: str | None) -> float | None:
    found = _NUMBER.fullmatch(text.strip()) if text else None
    return float(found.group()) if found else None


def _until(text: str, headers: Mapping[str, str], now: datetime) -> float | None:
    then, here = _moment(text), _moment(headers.get("date", "")) or now
    return max((then - here).total_seconds(), 0.0) if then else None


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _reset(headers: Mapping[str, str]) -> float | None:
    """When the limit that is used up is full again."""
    waits = [
        wait
        for remaining, reset in _RESETS
        if _number(headers.get(remaining)) == 0
        and (wait := duration(headers.get(reset, ""))) is not None
    ]
    return max(waits, default=None)


def duration(text: str) -> float | None:
    """Seconds of a duration as Go writes it, such as `6m0s`; None where it is none."""
    parts = list(_PART.finditer(text.strip()))
    if not parts or "".join(part.group() for part in parts) != text.strip():
        return None
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)
