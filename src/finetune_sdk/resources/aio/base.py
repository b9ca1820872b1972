"""A context, and a way to run its calls off the event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar, cast

from finetune_sdk.resources import steps
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import Fetch, pages
from finetune_sdk.resources.steps import Offload, Quiet, Steps

T = TypeVar("T")
R = TypeVar("R")


class Asynchronous:
    """A context, and a way to run its calls off the event loop."""

    def __init__(self, context: Context, offload: Offload) -> None:
        self._context = context
        self._offload = offload

    async def _do(self, function: Callable[[], R]) -> R:
        return cast("R", await self._offload(function))

    async def _run(self, work: Quiet[R]) -> R:
        return await steps.run_async(work, self._context.clock, self._offload)

    def _iterate(self, work: Steps[T, None]) -> AsyncIterator[T]:
        return steps.iterate_async(work, self._context.clock, self._offload)

    def _pages(self, fetch: Fetch[T], limit: int | None = None) -> AsyncIterator[T]:
        return self._iterate(pages(self._context, fetch, limit=limit))
