"""What goes wrong between a fake and whoever asks it.

`fail_next` says what comes out of the provider in the end. The other faults are of single requests
of the service, and go through the same policy of retries as those of the real providers: what a
retry mends is never seen outside.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from finetune_sdk.errors import (
    AuthenticationError,
    ConnectionFailedError,
    FineTuneError,
    ProviderError,
    RateLimitError,
)
from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.transport.policy import Policy, Use

T = TypeVar("T")

USES: Mapping[str, Use] = {
    "upload_dataset": "upload",
    "create_job": "create",
    "get_job": "read",
    "list_jobs": "read",
    "find_jobs": "read",
    "cancel_job": "put",
    "pause_job": "put",
    "resume_job": "put",
    "list_events": "read",
    "list_metrics": "read",
    "list_checkpoints": "read",
    "read_logs": "read",
    "list_models": "read",
    "get_model": "read",
    "delete_model": "delete",
    "download_model": "read",
    "download_dataset": "read",
    "create_deployment": "put",
    "get_deployment": "read",
    "list_deployments": "read",
    "pause_deployment": "put",
    "resume_deployment": "put",
    "delete_deployment": "delete",
}
"""What each call that sends something is for; the others send nothing, and nothing gets lost."""


@dataclass
class _Fault:
    """Of the next request of one call; `done` where the request itself has gone through."""

    error: ProviderError
    done: bool = False


@dataclass(frozen=True)
class _Span:
    """From `begin` to `end`, in seconds of the clock, these calls are refused; none are all."""

    calls: Collection[str]
    begin: float
    end: float
    error: Callable[[], ProviderError]

    def holds(self, call: str, now: float) -> bool:
        return self.begin <= now < self.end and (not self.calls or call in self.calls)


class Faults:
    """The faults of one fake, and the policy that its requests go by."""

    def __init__(self, clock: VirtualClock, provider: str) -> None:
        self._clock, self._provider = clock, provider
        # Half of the longest jitter each time, so that a test sees the same times.
        self._policy = Policy(clock, jitter=lambda: 0.5)
        self._ends: dict[str, deque[FineTuneError]] = {}
        self._requests: dict[str, deque[_Fault]] = {}
        self._spans: list[_Span] = []
        self._lock = threading.Lock()

    # What a test says.

    def fail(self, call: str, errors: Collection[FineTuneError]) -> None:
        """The next calls end with these."""
        if not errors:
            raise ValueError(f"no error is given for {call!r}")
        with self._lock:
            self._ends.setdefault(call, deque()).extend(errors)

    def limit(self, call: str, times: int, retry_after: float | None) -> None:
        """The next requests of the call are too many."""
        if retry_after is not None and retry_after < 0:
            raise ValueError(f"`retry_after` is {retry_after!r}; it is in seconds, 0 or more")
        self._add(call, times, lambda: _Fault(self._too_many(retry_after)))

    def lose(self, call: str, times: int, *, made: bool) -> None:
        """The next requests of the call arrive or not, and nobody is told."""
        self._add(call, times, lambda: _Fault(self._lost(), done=made))

    def refuse(
        self,
        calls: Collection[str],
        *,
        after: float,
        seconds: float,
        revoked: bool,
    ) -> None:
        """From a moment on, for so long, there is no service, or no key that it takes."""
        for call in calls:
            _check(call)
        if after < 0 or seconds <= 0:
            raise ValueError(
                f"`after` is {after!r} and `seconds` is {seconds!r}; "
                "the first is 0 or more, the second above 0"
            )
        begin = self._clock.monotonic() + after
        error = self._unauthorized if revoked else self._unreachable
        with self._lock:
            self._spans.append(_Span(calls, begin, begin + seconds, error))

    def clear(self) -> None:
        """None of it goes wrong any more."""
        with self._lock:
            self._ends.clear()
            self._requests.clear()
            self._spans.clear()

    # What a call meets.

    def end(self, call: str) -> None:
        """Ends the call as the test said.

        Raises:
            FineTuneError: the next one of `fail`.
        """
        with self._lock:
            waiting = self._ends.get(call)
            error = waiting.popleft() if waiting else None
        if error is not None:
            raise error

    def through(self, call: str, body: Callable[[], T]) -> T:
        """What the body gives, sent as requests are.

        Raises:
            ProviderError: the last one that no retry mends.
        """
        if not (self._requests or self._spans):
            return body()
        return self._policy.run(USES[call], lambda _: self._request(call, body))

    def _request(self, call: str, body: Callable[[], T]) -> T:
        fault = self._met(call)
        if fault is None:
            return body()
        if fault.done:
            body()
        raise fault.error

    def _met(self, call: str) -> _Fault | None:
        now = self._clock.monotonic()
        with self._lock:
            for span in self._spans:
                if span.holds(call, now):
                    return _Fault(span.error())
            waiting = self._requests.get(call, deque())
            fault = waiting.popleft() if waiting else None
            if not waiting:
                # Without faults, calls take the short way again.
                self._requests.pop(call, None)
            return fault

    def _add(self, call: str, times: int, make: Callable[[], _Fault]) -> None:
        _check(call)
        if times < 1:
            raise ValueError(f"`times` is {times!r}; it is 1 or more")
        with self._lock:
            self._requests.setdefault(call, deque()).extend(make() for _ in range(times))

    def _too_many(self, retry_after: float | None) -> RateLimitError:
        asked = "" if retry_after is None else f"; again in {retry_after:g} s"
        return RateLimitError(
            f"too many requests, as the test says{asked}",
            provider=self._provider,
            code="rate_limit_exceeded",
            status_code=429,
            retry_after=retry_after,
        )

    def _lost(self) -> ConnectionFailedError:
        return ConnectionFailedError(
            "the answer got lost, as the test says", provider=self._provider, effect="unknown"
        )

    def _unreachable(self) -> ConnectionFailedError:
        return ConnectionFailedError(
            "the service is down, as the test says", provider=self._provider
        )

    def _unauthorized(self) -> AuthenticationError:
        return AuthenticationError(
            "the key is revoked, as the test says",
            provider=self._provider,
            code="invalid_api_key",
            status_code=401,
        )


def _check(call: str) -> None:
    if call not in USES:
        raise ValueError(
            f"{call!r} is no call that goes through retries; these do: {', '.join(sorted(USES))}"
        )


FOREVER = math.inf
"""Seconds of a fault that only `mend` ends."""
