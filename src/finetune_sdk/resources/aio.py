"""The asynchronous resources: the same verbs, on threads of their own and native pauses.

Each class holds its synchronous twin and documents nothing anew. `list`, `watch` and `events` are
`async for`. A cancelled await does not undo a create: shield it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from finetune_sdk.datasets import Dataset
from finetune_sdk.providers.base import (
    CanDeploy,
    CanListCheckpoints,
    CanListMetrics,
    CanListModels,
    CanReadLogs,
)
from finetune_sdk.resources import _openai_client, serving, steps, waiting
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.datasets import Datasets, Source
from finetune_sdk.resources.deployments import READY_TIMEOUT, Deployments
from finetune_sdk.resources.jobs import Jobs
from finetune_sdk.resources.models import Models
from finetune_sdk.resources.paging import Fetch, pages
from finetune_sdk.resources.progress import drawn
from finetune_sdk.resources.steps import Offload, Quiet, Steps
from finetune_sdk.resources.submit import Rows
from finetune_sdk.resources.waiting import Patience, several
from finetune_sdk.types import (
    ChatReply,
    Checkpoint,
    Connection,
    DatasetReport,
    Deployment,
    Job,
    JobEvent,
    Method,
    MethodName,
    Metric,
    Model,
    ProviderOptions,
)

if TYPE_CHECKING:
    import openai

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


class AsyncJobs(Asynchronous):
    """`Jobs`, asynchronous."""

    async def create(
        self,
        *,
        model: str | Job | Checkpoint,
        training_data: Rows,
        validation_data: Rows | None = None,
        method: Method | None = None,
        suffix: str | None = None,
        seed: int | None = None,
        metadata: Mapping[str, str] | None = None,
        max_cost: float | None = None,
        options: Sequence[ProviderOptions] = (),
        idempotency_key: str | None = None,
        strict: bool = True,
    ) -> Job:
        """See `Jobs.create`."""
        return await self._do(
            lambda: Jobs(self._context).create(
                model=model,
                training_data=training_data,
                validation_data=validation_data,
                method=method,
                suffix=suffix,
                seed=seed,
                metadata=metadata,
                max_cost=max_cost,
                options=options,
                idempotency_key=idempotency_key,
                strict=strict,
            )
        )

    async def get(self, job: Job | str, /) -> Job:
        """See `Jobs.get`."""
        return await self._do(lambda: Jobs(self._context).get(job))

    async def list(self, *, limit: int | None = None) -> AsyncIterator[Job]:
        """See `Jobs.list`."""
        context = self._context
        async for job in self._pages(
            lambda n, at: context.provider.list_jobs(limit=n, cursor=at), limit
        ):
            yield context.stamp(job)

    async def cancel(self, job: Job | str, /) -> Job:
        """See `Jobs.cancel`."""
        return await self._do(lambda: Jobs(self._context).cancel(job))

    async def pause(self, job: Job | str, /) -> Job:
        """See `Jobs.pause`."""
        return await self._do(lambda: Jobs(self._context).pause(job))

    async def resume(self, job: Job | str, /) -> Job:
        """See `Jobs.resume`."""
        return await self._do(lambda: Jobs(self._context).resume(job))

    async def recover(self, idempotency_key: str, /) -> Job:
        """See `Jobs.recover`."""
        return await self._do(lambda: Jobs(self._context).recover(idempotency_key))

    async def wait(
        self,
        job: Job | str,
        /,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        progress: bool | None = None,
        on_event: Callable[[JobEvent], None] | None = None,
    ) -> Job:
        """See `Jobs.wait`. `on_event` is called on the event loop."""
        context = self._context
        patience = Patience(timeout=timeout, poll_interval=poll_interval)
        with drawn(progress) as on_look:
            looks = waiting.wait(
                context, context.job_id(job), patience, on_event=on_event, on_look=on_look
            )
            return await self._run(looks)

    def watch(
        self,
        jobs: Iterable[Job | str] | Job | str | None = None,
        /,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
    ) -> AsyncIterator[Job]:
        """See `Jobs.watch`."""
        context = self._context
        ids = None if jobs is None else [context.job_id(job) for job in several(jobs)]
        patience = Patience(timeout=timeout, poll_interval=poll_interval)
        return self._iterate(waiting.watch(context, ids, patience))

    def events(self, job: Job | str, /, *, follow: bool = False) -> AsyncIterator[JobEvent]:
        """See `Jobs.events`."""
        context, job_id = self._context, self._context.job_id(job)
        return self._iterate(waiting.follow(context, job_id, forever=follow))

    def metrics(self, job: Job | str, /) -> AsyncIterator[Metric]:
        """See `Jobs.metrics`."""
        job_id = self._context.job_id(job)
        teller = self._context.need(CanListMetrics, "jobs.metrics")
        return self._pages(lambda n, at: teller.list_metrics(job_id, limit=n, cursor=at))

    def checkpoints(self, job: Job | str, /) -> AsyncIterator[Checkpoint]:
        """See `Jobs.checkpoints`."""
        job_id = self._context.job_id(job)
        keeper = self._context.need(CanListCheckpoints, "jobs.checkpoints")
        return self._pages(lambda n, at: keeper.list_checkpoints(job_id, limit=n, cursor=at))

    def logs(self, job: Job | str, /) -> AsyncIterator[str]:
        """See `Jobs.logs`."""
        job_id = self._context.job_id(job)
        reader = self._context.need(CanReadLogs, "jobs.logs")
        return self._pages(lambda n, at: reader.read_logs(job_id, limit=n, cursor=at))


class AsyncDatasets(Asynchronous):
    """`Datasets`, asynchronous."""

    async def load(self, source: Source, /, *, name: str | None = None) -> Dataset:
        """See `Datasets.load`."""
        return await self._do(lambda: Datasets(self._context).load(source, name=name))

    async def check(
        self,
        dataset: Source,
        /,
        *,
        method: Method | MethodName | str | None = None,
        limit: int = 1000,
    ) -> DatasetReport:
        """See `Datasets.check`."""
        return await self._do(
            lambda: Datasets(self._context).check(dataset, method=method, limit=limit)
        )

    async def split(
        self, dataset: Source, /, *, parts: Sequence[float] = (0.9, 0.1), seed: int = 0
    ) -> tuple[Dataset, ...]:
        """See `Datasets.split`."""
        return await self._do(
            lambda: Datasets(self._context).split(dataset, parts=parts, seed=seed)
        )


class AsyncModels(Asynchronous):
    """`Models`, asynchronous."""

    def list(self, *, limit: int | None = None) -> AsyncIterator[Model]:
        """See `Models.list`."""
        lister = self._context.need(CanListModels, "models.list")
        return self._pages(lambda n, at: lister.list_models(limit=n, cursor=at), limit)

    async def get(self, model: Model | str, /) -> Model:
        """See `Models.get`."""
        return await self._do(lambda: Models(self._context).get(model))

    async def delete(self, model: Model | str, /) -> None:
        """See `Models.delete`."""
        await self._do(lambda: Models(self._context).delete(model))

    async def download(
        self, model: Model | Job | Checkpoint | str, folder: str | os.PathLike[str], /
    ) -> Path:
        """See `Models.download`."""
        return await self._do(lambda: Models(self._context).download(model, folder))


class AsyncDeployments(Asynchronous):
    """`Deployments`, asynchronous; `openai` gives an `AsyncOpenAI`."""

    async def create(
        self,
        model: Job | Checkpoint | str,
        /,
        *,
        name: str,
        options: Sequence[ProviderOptions] = (),
        max_cost_per_hour: float | None = None,
    ) -> Deployment:
        """See `Deployments.create`."""
        return await self._do(
            lambda: Deployments(self._context).create(
                model, name=name, options=options, max_cost_per_hour=max_cost_per_hour
            )
        )

    async def get(self, deployment: Deployment | str, /) -> Deployment:
        """See `Deployments.get`."""
        return await self._do(lambda: Deployments(self._context).get(deployment))

    async def list(self, *, limit: int | None = None) -> AsyncIterator[Deployment]:
        """See `Deployments.list`."""
        context = self._context
        server = context.need(CanDeploy, "deployments.list")
        async for found in self._pages(
            lambda n, at: server.list_deployments(limit=n, cursor=at), limit
        ):
            yield context.stamp_deployment(found)

    async def wait(
        self,
        deployment: Deployment | str,
        /,
        *,
        timeout: float | None = READY_TIMEOUT,
    ) -> Deployment:
        """See `Deployments.wait`."""
        context = self._context
        context.need(CanDeploy, "deployments.wait")
        name = context.deployment_name(deployment)
        return await self._run(serving.wait(context, name, timeout))

    async def delete(self, deployment: Deployment | str, /) -> None:
        """See `Deployments.delete`."""
        await self._do(lambda: Deployments(self._context).delete(deployment))

    async def chat(
        self,
        deployment: Deployment | str,
        messages: Sequence[Mapping[str, object]],
        /,
        *,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, object]] | None = None,
        timeout: float | None = None,
    ) -> ChatReply:
        """See `Deployments.chat`."""
        connection = await self._connect(deployment)
        body = _openai_client.chat_body(
            messages,
            temperature=temperature,
            top_p=top_p,
            max_tokens=max_tokens,
            seed=seed,
            stop=stop,
            tools=tools,
            timeout=timeout,
        )
        provider = self._context.opened.name
        with _openai_client.told(connection, provider):
            async with _openai_client.open_async_client(connection) as client:
                answer = await _openai_client.ask_async(client, connection, body)
            return _openai_client.reply_of(answer, provider)

    async def openai(self, deployment: Deployment | str, /) -> openai.AsyncOpenAI:
        """A ready `openai.AsyncOpenAI` that talks to the deployment: close it when done."""
        return _openai_client.open_async_client(await self._connect(deployment))

    async def _connect(self, deployment: Deployment | str) -> Connection:
        context = self._context
        context.need(CanDeploy, "deployments.chat")
        name = context.deployment_name(deployment)
        return await self._run(serving.connect(context, name, READY_TIMEOUT))
