"""The asynchronous client: the same resources and names, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.resources.aio import (
    AsyncDatasets,
    AsyncDeployments,
    AsyncEvaluations,
    AsyncJobs,
    AsyncModels,
)
from finetune_sdk.resources.opening import open_context

THREADS = 8
"""Calls to the provider that run at once; a job is polled every few seconds, so few are enough."""


class AsyncFineTuneClient:
    """`FineTuneClient` for asyncio. Verbs are awaited; `list`, `watch`, `events` are `async for`.

    A cancelled await does not undo a create: shield it.

    Attributes:
        datasets: rows to learn from.
        jobs: fine-tuning jobs.
        deployments: models that answer.
        models: what can be tuned, and what was.
        evaluations: whether it was worth it.
    """

    def __init__(
        self,
        profile_or_provider: str | FineTuneProvider | None = None,
        *,
        config: str | Path | None = None,
        home: str | Path | None = None,
    ) -> None:
        """Opens a provider; the arguments are those of `FineTuneClient`.

        Raises:
            ConfigurationError: there is no such profile, or something in the file is wrong.
        """
        self._context = open_context(profile_or_provider, config=config, home=home)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="finetune_sdk")
        self.datasets = AsyncDatasets(self._context, self._offload)
        self.jobs = AsyncJobs(self._context, self._offload)
        self.deployments = AsyncDeployments(self._context, self._offload)
        self.models = AsyncModels(self._context, self._offload)
        self.evaluations = AsyncEvaluations(self._context, self._offload)

    @property
    def provider(self) -> FineTuneProvider:
        """The provider itself: the way out to what we do not cover."""
        return self._context.provider

    @property
    def profile(self) -> str:
        """The name in front of this client's handles: the profile's, or the provider's."""
        return self._context.owner

    async def close(self) -> None:
        """Lets go of connections and threads. Jobs and deployments go on. Twice is allowed."""
        # First the threads: a create whose await was cancelled gets its answer.
        await asyncio.to_thread(self._executor.shutdown)
        self._context.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.profile!r}>"

    async def _offload(self, function: Callable[[], object]) -> object:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)
