"""`Jobs`, asynchronous."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, overload

from finetune_sdk.providers.base import (
    CanListCheckpoints,
    CanListMetrics,
    CanReadLogs,
)
from finetune_sdk.resources import planning, waiting
from finetune_sdk.resources.aio.base import Asynchronous
from finetune_sdk.resources.jobs import Jobs
from finetune_sdk.resources.progress import drawn
from finetune_sdk.resources.request import JobRequest, Rows
from finetune_sdk.resources.waiting import Patience, several
from finetune_sdk.types import (
    Checkpoint,
    ExportedJob,
    Goal,
    Job,
    JobEvent,
    Method,
    Metric,
    Migration,
    Plan,
    PlannedJob,
    ProviderOptions,
    Split,
    Sweep,
    Trial,
    WebhookEvent,
)


class HasAsyncJobs(Protocol):
    """An open asynchronous client."""

    jobs: AsyncJobs


class _Opened(NamedTuple):
    """A place as the synchronous verb takes it."""

    jobs: Jobs


class AsyncJobs(Asynchronous):
    """`Jobs`, asynchronous."""

    async def plan(
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
        allow: Collection[str] = (),
        strict: bool = True,
    ) -> Plan:
        """See `Jobs.plan`."""
        return await self._do(
            lambda: Jobs(self._context).plan(
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
                allow=allow,
                strict=strict,
            )
        )

    @overload
    async def create(self, spec: PlannedJob | Plan, /) -> Job: ...

    @overload
    async def create(
        self,
        spec: None = None,
        /,
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
        allow: Collection[str] = (),
        strict: bool = True,
    ) -> Job: ...

    async def create(
        self,
        spec: PlannedJob | Plan | None = None,
        /,
        *,
        model: str | Job | Checkpoint = "",
        training_data: Rows = (),
        validation_data: Rows | None = None,
        method: Method | None = None,
        suffix: str | None = None,
        seed: int | None = None,
        metadata: Mapping[str, str] | None = None,
        max_cost: float | None = None,
        options: Sequence[ProviderOptions] = (),
        idempotency_key: str | None = None,
        allow: Collection[str] = (),
        strict: bool = True,
    ) -> Job:
        """See `Jobs.create`."""
        request = JobRequest(
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
            allow=allow,
            strict=strict,
        )
        gone = threading.Event()
        try:
            return await self._do(
                lambda: planning.create(
                    self._context, spec, request, heard=lambda: not gone.is_set()
                )
            )
        except asyncio.CancelledError:
            # The thread goes on; the same call again then gets its job.
            gone.set()
            raise

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

    @overload
    async def recover(self, submission: str, /, *, abandon: Literal[False] = False) -> Job: ...

    @overload
    async def recover(self, submission: str, /, *, abandon: bool) -> Job | None: ...

    async def recover(self, submission: str, /, *, abandon: bool = False) -> Job | None:
        """See `Jobs.recover`."""
        return await self._do(lambda: Jobs(self._context).recover(submission, abandon=abandon))

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

    async def export(self, job: Job | str, folder: str | os.PathLike[str], /) -> ExportedJob:
        """See `Jobs.export`."""
        return await self._do(lambda: Jobs(self._context).export(job, folder))

    async def migrate(
        self,
        job: Job | str | os.PathLike[str] | Migration,
        /,
        *,
        to: str | HasAsyncJobs,
        model: str | Job | Checkpoint | None = None,
        training_data: Rows | None = None,
        validation_data: Rows | None = None,
        hyperparameters: Mapping[str, object] | None = None,
        suffix: str | None = None,
        seed: int | None = None,
        metadata: Mapping[str, str] | None = None,
        max_cost: float | None = None,
        options: Sequence[ProviderOptions] = (),
        idempotency_key: str | None = None,
        allow: Collection[str] = (),
        strict: bool = True,
        folder: str | os.PathLike[str] | None = None,
        plan_only: bool = False,
        trust_programs: bool = False,
    ) -> Migration:
        """See `Jobs.migrate`; `to` is a name, or an open asynchronous client."""
        place = to if isinstance(to, str) else _Opened(Jobs(to.jobs._context))
        return await self._do(
            lambda: Jobs(self._context).migrate(
                job,
                to=place,
                model=model,
                training_data=training_data,
                validation_data=validation_data,
                hyperparameters=hyperparameters,
                suffix=suffix,
                seed=seed,
                metadata=metadata,
                max_cost=max_cost,
                options=options,
                idempotency_key=idempotency_key,
                allow=allow,
                strict=strict,
                folder=folder,
                plan_only=plan_only,
                trust_programs=trust_programs,
            )
        )

    async def sweep(
        self,
        *,
        model: str | Job | Checkpoint,
        training_data: Rows,
        validation_data: Rows | None = None,
        method: Method | None = None,
        grid: Mapping[str, Sequence[object]] | None = None,
        trials: Sequence[Mapping[str, object]] | None = None,
        at_once: int = 2,
        max_cost: float | None = None,
        metric: str | None = "loss",
        split: Split | None = None,
        goal: Goal | None = None,
        name: str | None = None,
        suffix: str | None = None,
        seed: int | None = None,
        metadata: Mapping[str, str] | None = None,
        options: Sequence[ProviderOptions] = (),
        allow: Collection[str] = (),
        strict: bool = True,
        plan_only: bool = False,
        timeout: float | None = None,
        poll_interval: float | None = None,
        progress: bool | None = None,
        on_trial: Callable[[Trial], None] | None = None,
    ) -> Sweep:
        """See `Jobs.sweep`. `on_trial` is called on the event loop."""
        from finetune_sdk.resources import sweeping
        from finetune_sdk.resources.sweeping.table import filled

        request = sweeping.SweepRequest(
            model=model,
            training_data=training_data,
            validation_data=validation_data,
            method=method,
            grid=grid,
            trials=trials,
            at_once=at_once,
            max_cost=max_cost,
            metric=metric,
            split=split,
            goal=goal,
            name=name,
            suffix=suffix,
            seed=seed,
            metadata=metadata,
            options=options,
            allow=allow,
            strict=strict,
            plan_only=plan_only,
            patience=Patience(timeout=timeout, poll_interval=poll_interval),
            on_trial=on_trial,
        )
        with filled(False if plan_only else progress) as on_look:
            return await self._run(sweeping.sweep(self._context, request, on_look=on_look))

    async def parse_webhook(self, payload: bytes, headers: Mapping[str, str], /) -> WebhookEvent:
        """See `Jobs.parse_webhook`."""
        return await self._do(lambda: Jobs(self._context).parse_webhook(payload, headers))
