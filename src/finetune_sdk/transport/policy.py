"""One policy for requests that fail: what is tried again, after how long, and how often.

The table, by what a request is for (`Use`). "Look" means: not sent again here; `submission` looks
for what it may have made.

                                                     read      create   put, delete  upload
    not sent: refused, DNS, TLS, connect timeout     again     again    again        again
    lost: read timeout, reset, 408, 5xx, unreadable  again     look     again        again
    429 or 503 that asks to wait, up to 120 s        wait      429 of the provider's own: wait;
                                                               else look; all others: wait
    429 of the provider's own that asks for nothing  back off  back off back off     back off
    a longer wait; a day's limit; a quota; a bill    fail at once, everywhere
    401                                              a new credential once, everywhere
    everything else                                  fail

An error says itself where it belongs: `retryable`, `effect` (what the request may have done) and
`retry_after`. So whatever raises a `ProviderError` goes by this table.

Between two tries: full jitter (a random part of 0.5 s, doubled each time, at most 20 s; the AWS
Architecture Blog's "Exponential Backoff And Jitter", 2015), or the wait that was asked for and as
much again of jitter as makes a second. 5 tries at most, and never beyond the call's deadline, to
which waits that were asked for do not count. A budget for all calls of a provider keeps a failing
service from being asked five times as often.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Literal, TypeVar

import tenacity

from finetune_sdk.errors import AuthenticationError, ProviderError
from finetune_sdk.transport.clock import Clock
from finetune_sdk.transport.deadlines import CALL_SECONDS, Deadline

T = TypeVar("T")

Use = Literal["read", "create", "put", "delete", "upload"]
"""What a request is for. `create` is the step that spends."""

LONGEST_WAIT = 120.0
"""Seconds; a server that asks for more is an error, so that nobody waits unknowingly."""

TRIES = 5
_BASE, _FACTOR, _CAP = 0.5, 2.0, 20.0


class Budget:
    """Retries that all calls share: each costs one, each success gives a tenth back.

    The numbers are those of gRPC's retry throttling (gRFC A6): of 10 retries half may be used
    before a success is needed.
    """

    SIZE = 10.0
    BACK = 0.1

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = self.SIZE

    def take(self) -> bool:
        """Takes one retry; False where there is none to take."""
        with self._lock:
            if self._left <= self.SIZE / 2:
                return False
            self._left -= 1
            return True

    def succeeded(self) -> None:
        """A request was answered."""
        with self._lock:
            self._left = min(self._left + self.BACK, self.SIZE)


class Policy:
    """Runs single requests by the table."""

    def __init__(self, clock: Clock, *, jitter: Callable[[], float] = random.random) -> None:
        """Makes a policy with a budget of its own.

        Args:
            clock: waits, and is waited by.
            jitter: gives numbers from 0 to 1.
        """
        self._clock = clock
        self._jitter = jitter
        self._budget = Budget()

    def run(
        self,
        use: Use,
        attempt: Callable[[Deadline], T],
        *,
        seconds: float = CALL_SECONDS,
        renew: Callable[[], bool] | None = None,
    ) -> T:
        """What the attempt gives, tried again where the table says so.

        Args:
            use: what the request is for.
            attempt: one request; raises `ProviderError`s. It gets the deadline of the call.
            seconds: for everything together.
            renew: gets a new credential, and says whether there is one; asked once.

        Raises:
            ProviderError: the last one.
        """
        deadline = Deadline(self._clock, seconds)
        call = _Call(use, deadline, self._budget, self._jitter, renew)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(call.may_go_on),
            wait=lambda _: call.pause,
            sleep=self._clock.sleep,
        )
        value = retrying(attempt, deadline)
        self._budget.succeeded()
        return value


class _Call:
    """One call on its way through the table."""

    def __init__(
        self,
        use: Use,
        deadline: Deadline,
        budget: Budget,
        jitter: Callable[[], float],
        renew: Callable[[], bool] | None,
    ) -> None:
        self._use: Use = use
        self._deadline = deadline
        self._budget = budget
        self._jitter = jitter
        self._renew = renew
        self._tries = 0
        self.pause = 0.0

    def may_go_on(self, error: BaseException) -> bool:
        """Whether the request is sent again, after `pause` seconds."""
        if not isinstance(error, ProviderError):
            return False
        self._tries += 1
        if self._tries == TRIES:
            return False
        if isinstance(error, AuthenticationError):
            return self._renewed()
        if not may_retry(self._use, error):
            return False  # What is not tried again costs nothing.
        self.pause = self._pause(error)
        if error.retry_after is not None:
            self._deadline.extend(self.pause)
        return self.pause < self._deadline.left() and self._budget.take()

    def _renewed(self) -> bool:
        renew, self._renew, self.pause = self._renew, None, 0.0
        return renew is not None and renew()

    def _pause(self, error: ProviderError) -> float:
        if error.retry_after is not None:
            # Never earlier than asked for; a little later, so that not all come at once.
            return error.retry_after + self._jitter()
        return self._jitter() * min(_BASE * _FACTOR ** (self._tries - 1), _CAP)


def may_retry(use: Use, error: ProviderError) -> bool:
    """Whether the table lets a request that failed so be sent again."""
    if not error.retryable or (error.retry_after or 0.0) > LONGEST_WAIT:
        return False
    # A create that may have arrived is looked for, never sent again.
    return use != "create" or error.effect == "none"
