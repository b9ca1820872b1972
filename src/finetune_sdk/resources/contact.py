"""Waiting for something far away: how long silence is borne, and how long between two looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeVar

from finetune_sdk.errors import (
    ConfigurationError,
    NotFoundError,
    ProviderError,
    StatusUnavailableError,
    WaitTimeoutError,
)
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.steps import Pause, Quiet, ask

T = TypeVar("T")

SILENCE_LIMIT = 30 * 60.0
"""Seconds from a first look that failed, without a good one, until the status is unavailable."""

NOT_FOUND_LIMIT = 5 * 60.0
"""Seconds that a 404 on something known is borne: lists of providers lag behind."""


class Contact:
    """Looks that fail are not jobs that failed: bears them until the silence is too long."""

    def __init__(self, context: Context, handle: str, *, known: bool = True) -> None:
        """Begins when nothing was seen yet.

        Args:
            known: it was seen before by somebody, so that a 404 may be a list that lags behind;
                else it may be a wrong name, until it was seen here.
        """
        self._clock = context.clock
        self._handle = handle
        self._known = known
        self._failing_since: float | None = None
        self._last: ProviderError | None = None

    def look(self, function: Callable[[], T]) -> Quiet[T | None]:
        """What the function gives, or None where this look failed and the next one may not.

        Raises:
            StatusUnavailableError: looks have failed for 30 minutes, and none did not.
        """
        try:
            value = yield from ask(function)
        except ProviderError as error:
            self._bear(error)
            return None
        self._failing_since, self._known = None, True
        return value

    @property
    def doubt(self) -> str:
        """To put behind what has not been seen; empty where the last look was a good one."""
        if self._failing_since is None:
            return ""
        silence = self._clock.monotonic() - self._failing_since
        return f", as far as one can see: no look has succeeded for {silence:.0f} s ({self._last})"

    def _bear(self, error: ProviderError) -> None:
        # Not from the last good look: a caller's `poll_interval` may be of hours.
        now, self._last = self._clock.monotonic(), error
        self._failing_since = now if self._failing_since is None else self._failing_since
        silence = now - self._failing_since
        if isinstance(error, NotFoundError):
            if silence >= NOT_FOUND_LIMIT or not self._known:
                raise error
        elif not error.retryable:
            raise error
        elif silence >= SILENCE_LIMIT:
            raise StatusUnavailableError(
                f"no contact for {silence / 60:.0f} minutes, last: {error}; the job may well go "
                f"on: look again later with {self._handle!r}",
                handle=self._handle,
            ) from error


class Pace:
    """The pauses between looks, and the end of patience."""

    def __init__(
        self,
        context: Context,
        *,
        timeout: float | None,
        interval: float | None,
        bounds: tuple[float, float],
    ) -> None:
        self._clock = context.clock
        self._timeout = _patience(timeout)
        self._deadline = self._clock.monotonic() + self._timeout
        self._last = not self._timeout
        self._interval, self._bounds = interval, bounds
        self._pauses = _pauses(interval, bounds)

    def anew(self) -> None:
        """Pauses are short again: something has begun."""
        self._pauses = _pauses(self._interval, self._bounds)

    def rest(self, what: str, doubt: str = "") -> Quiet[None]:
        """Pauses until the next look.

        Args:
            what: that has not happened.
            doubt: why that may be wrong.

        Raises:
            WaitTimeoutError: the last one was when time was up.
        """
        left = max(self._deadline - self._clock.monotonic(), 0.0)
        if self._last:
            raise WaitTimeoutError(
                f"{what} after {self._timeout:g} s{doubt}; it goes on, wait for it again"
            )
        pause = min(next(self._pauses), left)
        # A last look when time is up, and not before: others may have let this clock run.
        self._last = pause == left
        yield Pause(pause)


def _patience(timeout: float | None) -> float:
    if timeout is None:
        return math.inf
    if not is_a(timeout, int, float) or math.isnan(timeout) or timeout < 0:
        raise ConfigurationError(
            f"`timeout` is {timeout!r}; it is in seconds, 0 looks once, None waits without end"
        )
    return timeout


def _pauses(interval: float | None, bounds: tuple[float, float]) -> Iterator[float]:
    if interval is not None and not (
        is_a(interval, int, float) and math.isfinite(interval) and interval > 0
    ):
        raise ConfigurationError(f"`poll_interval` is {interval!r}; it is in seconds, above 0")
    return _growing(*((interval, interval) if interval is not None else bounds))


def _growing(first: float, longest: float) -> Iterator[float]:
    pause = first
    while True:
        yield pause
        pause = min(pause * 1.5, longest)
