"""Waiting and paging, written once for the synchronous and the asynchronous client.

A `Steps` generator does no I/O of its own: it yields what it wants (a call, a pause, an item to
hand out), and a driver does it, by blocking or on the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

from finetune_sdk.transport import Clock

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Call:
    """Please call this; send me what it gives, throw me what it raises."""

    function: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Pause:
    """Please come back after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Emit(Generic[T]):
    """Please hand this out."""

    item: T


Steps = Generator[Call | Pause | Emit[T], Any, R]
"""Hands out T on its way and ends with R."""

Quiet = Generator[Call | Pause, Any, R]
"""Hands out nothing and ends with R."""

Offload = Callable[[Callable[[], object]], Awaitable[object]]


def ask(function: Callable[[], R]) -> Quiet[R]:
    """`value = yield from ask(function)`: what the function gives, wherever it ran."""
    return cast("R", (yield Call(function)))


def iterate(steps: Steps[T, R], clock: Clock) -> Generator[T, None, R]:
    """Drives the steps here and now; ends with their result."""
    send = _sender(steps, None)
    try:
        while True:
            try:
                step = send()
            except StopIteration as end:
                return cast("R", end.value)
            if isinstance(step, Emit):
                yield step.item
                send = _sender(steps, None)
            elif isinstance(step, Pause):
                clock.sleep(step.seconds)
                send = _sender(steps, None)
            else:
                send = _called(steps, step)
    finally:
        steps.close()


def run(steps: Quiet[R], clock: Clock) -> R:
    """Drives steps that hand out nothing to their result."""
    driven: Generator[None, None, R] = iterate(steps, clock)
    while True:
        try:
            next(driven)
        except StopIteration as end:
            return cast("R", end.value)


async def iterate_async(
    steps: Steps[T, object], clock: Clock, offload: Offload
) -> AsyncIterator[T]:
    """Drives the steps on the event loop: calls on threads, pauses native."""
    send = _sender(steps, None)
    try:
        while True:
            try:
                step = send()
            except StopIteration:
                return
            if isinstance(step, Emit):
                yield step.item
                send = _sender(steps, None)
            elif isinstance(step, Pause):
                await clock.sleep_async(step.seconds)
                send = _sender(steps, None)
            else:
                outcome = await offload(partial(_outcome, step))
                send = _answer(steps, cast("_Outcome", outcome))
    finally:
        steps.close()


async def run_async(steps: Quiet[R], clock: Clock, offload: Offload) -> R:
    """Drives steps that hand out nothing to their result, on the event loop."""

    def keep() -> Steps[R, None]:
        yield Emit((yield from steps))

    result, *_ = [item async for item in iterate_async(keep(), clock, offload)]
    return result


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: object = None
    error: Exception | None = None


def _outcome(call: Call) -> _Outcome:
    try:
        return _Outcome(value=call.function())
    except Exception as error:  # noqa: BLE001 - it is thrown into the steps
        return _Outcome(error=error)


def _sender(steps: Steps[T, R], value: object) -> Callable[[], Call | Pause | Emit[T]]:
    return lambda: steps.send(value)


def _answer(steps: Steps[T, R], outcome: _Outcome) -> Callable[[], Call | Pause | Emit[T]]:
    error = outcome.error
    if error is not None:
        return lambda: steps.throw(error)
    return _sender(steps, outcome.value)


def _called(steps: Steps[T, R], call: Call) -> Callable[[], Call | Pause | Emit[T]]:
    return _answer(steps, _outcome(call))
