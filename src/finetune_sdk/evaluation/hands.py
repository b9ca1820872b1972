"""Threads at work, for which nobody has to wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Hands(Generic[T]):
    """So many threads.

    Those of a `ThreadPoolExecutor` are waited for at the end of the process: who stops it in the
    middle would have to sit there until a server that is slow, or hangs, has answered.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._work: SimpleQueue[tuple[Future[T], Callable[[], T]] | None] = SimpleQueue()
        for _ in range(count):
            Thread(target=self._run, name="finetune_sdk-evaluation", daemon=True).start()

    def begin(self, work: Callable[[], T]) -> Future[T]:
        """What the work gives, or raises, once a thread has done it."""
        future: Future[T] = Future()
        self._work.put((future, work))
        return future

    def let_go(self) -> None:
        """Each ends with what it is at; what none has begun is not done."""
        with suppress(Empty):
            while True:
                self._work.get_nowait()
        for _ in range(self._count):
            self._work.put(None)

    def _run(self) -> None:
        while (one := self._work.get()) is not None:
            future, work = one
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised again where it is looked at
                future.set_exception(error)
