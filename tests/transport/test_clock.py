"""The machine's own clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from finetune_sdk.transport.clock import SYSTEM_CLOCK


def test_now_is_told_in_utc() -> None:
    before = datetime.now(UTC)
    now = SYSTEM_CLOCK.now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)


def test_seconds_never_run_backwards() -> None:
    first = SYSTEM_CLOCK.monotonic()
    assert first <= SYSTEM_CLOCK.monotonic()


def test_it_sleeps_so_long_at_least() -> None:
    before = SYSTEM_CLOCK.monotonic()
    SYSTEM_CLOCK.sleep(0.01)
    asyncio.run(SYSTEM_CLOCK.sleep_async(0.01))
    assert SYSTEM_CLOCK.monotonic() - before >= 0.02
