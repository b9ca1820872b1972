"""`client.jobs`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, overload

from finetune_sdk.providers.base import (
    CanListCheckpoints,
    CanListMetrics,
    CanPause,
    CanReadLogs,
    CanVerifyWebhooks,
)
from finetune_sdk.resources import planning, recovery, steps, waiting
from finetune_sdk.resources.paging import pages
from finetune_sdk.resources.progress import drawn
from finetune_sdk.resources.request import JobRequest, Rows
from finetune_sdk.resources.trying import Trying
from finetune_sdk.resources.waiting import Patience, fetch, several
from finetune_sdk.types import (
    Checkpoint,
    Job,
    JobEvent,
    Method,
    Metric,
    Plan,
    PlannedJob,
    ProviderOptions,
    WebhookEvent,
)


class Jobs(Trying):
    """Fine-tuning jobs of one provider. A verb takes a `Job`, its handle or its id."""

    def plan(
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
        """What `create` with the same words would do, cost and risk. Nothing is made or sent.

        All that `create` looks at is looked at here, so it may take seconds. `create(plan.spec)`
        makes the job that was planned, once.

        Args:
            model: as in `create`; so are all others.

        Raises:
            FineTuneError: as `create` would, but for `max_cost`, which is not held against here.
        """
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
        return planning.plan(self._context, request)

    @overload
    def create(self, spec: PlannedJob | Plan, /) -> Job: ...

    @overload
    def create(
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

    def create(
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
        """Creates a job and gives it at once; `wait` for its end.

        Rows of a format that the provider does not read are rewritten, where nothing is lost.

        Args:
            spec: what `plan` gave, or its `plan.spec`, and no other word beside it: the job that
                was planned, once, however often it is created.
            model: a name of `[models]`, the provider's own name of a base model, or a finished
                job or a checkpoint to train on.
            training_data: a file, rows, a table, a `Dataset`, a `DatasetFile` of this provider, or
                a `HubDataset` where the provider reads from there.
            validation_data: rows to measure on and not to learn from.
            method: how to learn; `Supervised()` by default.
            suffix: a word for the name of what comes out.
            seed: makes the run repeatable where the provider can.
            metadata: your own words, kept with the job.
            max_cost: US dollars, held against the high end of the estimate.
            options: what one provider alone knows; entries for other providers are passed over.
            idempotency_key: the same key with the same call gives the same job.
            allow: codes of findings that you have decided to live with, such as
                `secret_in_text`: they are warnings, then.
            strict: False turns what the provider cannot do into an entry of `job.warnings`.

        Raises:
            UnsupportedError: the provider cannot do it; before anything is sent.
            DatasetValidationError: rows are wrong; before anything is sent.
            DatasetError: rows would have to be rewritten and something in them would be lost.
            CostLimitError: the estimate is over `max_cost`, or there is none.
            IdempotencyConflictError: the key was used with another call.
            SubmissionUnknownError: the create left, and nobody can tell whether it arrived. The
                same call again looks for it and sends nothing.
            SunsetError: the provider takes no such job any more; names those that do.
            ConfigurationError: an argument is wrong, or rows have changed since they were planned.
            ProviderError: the provider refused or failed.
        """
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
        return planning.create(self._context, spec, request)

    def get(self, job: Job | str, /) -> Job:
        """The job as it stands now.

        Raises:
            NotFoundError: the provider knows none of that id.
        """
        return fetch(self._context, self._context.job_id(job))

    def list(self, *, limit: int | None = None) -> Iterator[Job]:
        """The jobs, newest first; pages are fetched as it goes.

        Args:
            limit: at most so many; None is all.
        """
        context = self._context
        found = pages(
            context, lambda n, at: context.provider.list_jobs(limit=n, cursor=at), limit=limit
        )
        return map(context.stamp, steps.iterate(found, context.clock))

    def cancel(self, job: Job | str, /) -> Job:
        """Ends the job and gives it as it then stands; one that has ended is given back as it is.

        Raises:
            NotFoundError: the provider knows none of that id.
        """
        context, job_id = self._context, self._context.job_id(job)
        return context.stamp(context.call(lambda: context.provider.cancel_job(job_id)))

    def pause(self, job: Job | str, /) -> Job:
        """Asks the job to save what it has learned and to stop; `resume` goes on from there.

        The job comes as it then stands: it may read `pausing` for a while. One that is paused
        already is given back as it is.

        Raises:
            ConflictError: it has ended.
            NotFoundError: the provider knows none of that id.
            UnsupportedError: the provider cannot pause.
        """
        context, job_id = self._context, self._context.job_id(job)
        pauser = context.need(CanPause, "jobs.pause")
        return context.stamp(context.call(lambda: pauser.pause_job(job_id)))

    def resume(self, job: Job | str, /) -> Job:
        """Goes on with a job that is paused, whoever or whatever paused it.

        One that runs or waits for its turn is given back as it is.

        Raises:
            ConflictError: it has ended.
            NotFoundError: the provider knows none of that id.
            UnsupportedError: the provider cannot pause.
        """
        context, job_id = self._context, self._context.job_id(job)
        pauser = context.need(CanPause, "jobs.resume")
        return context.stamp(context.call(lambda: pauser.resume_job(job_id)))

    @overload
    def recover(self, submission: str, /, *, abandon: Literal[False] = False) -> Job: ...

    @overload
    def recover(self, submission: str, /, *, abandon: bool) -> Job | None: ...

    def recover(self, submission: str, /, *, abandon: bool = False) -> Job | None:
        """The job that a create has made, where its answer was lost.

        Nothing is made and nothing is cancelled. Lists lag behind, so it is looked for during half
        a minute. Where several jobs were made it is the oldest; its warnings name the others.

        Args:
            submission: the id that `SubmissionUnknownError` named, or the `idempotency_key` that
                `create` was given.
            abandon: where no job is found, give None and the submission up: the same call then
                makes a new job, even if the lost one shows up later after all.

        Raises:
            NotFoundError: nothing was sent, or nobody knows of it; says how to go on.
            SubmissionUnknownError: no job is found, and it may yet show up.
        """
        return recovery.recover(self._context, submission, abandon=abandon)

    def wait(
        self,
        job: Job | str,
        /,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        progress: bool | None = None,
        on_event: Callable[[JobEvent], None] | None = None,
    ) -> Job:
        """Waits until the job has ended and gives the one that succeeded. It never writes.

        A look that fails is not a job that failed: it is repeated for 30 minutes. Ctrl-C leaves
        the job alone.

        Args:
            job: which one.
            timeout: seconds; 0 looks once, None (or infinity) waits without end.
            poll_interval: seconds between looks; by default the provider's, growing.
            progress: draw a bar; None does on a terminal or in a notebook.
            on_event: called once for each event, in order; its exceptions are logged.

        Raises:
            JobFailedError: it failed or was cancelled.
            JobPausedError: somebody paused it, its machine went down, or it ran out of memory or
                disk; says how to go on.
            WaitTimeoutError: `timeout` is over; the job goes on.
            StatusUnavailableError: no contact for 30 minutes; the job may go on.
        """
        context = self._context
        patience = Patience(timeout=timeout, poll_interval=poll_interval)
        with drawn(progress) as on_look:
            looks = waiting.wait(
                context, context.job_id(job), patience, on_event=on_event, on_look=on_look
            )
            return steps.run(looks, context.clock)

    def watch(
        self,
        jobs: Iterable[Job | str] | Job | str | None = None,
        /,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
    ) -> Iterator[Job]:
        """Gives each job whenever it changed, until none goes on; one listing a look.

        A paused job does not go on by itself: it is given like any other, and is watched further
        as long as another one runs or waits. When all that are left are paused, watching ends.

        Args:
            jobs: which ones; None is all that have not ended now.
            timeout: seconds, as in `wait`.
            poll_interval: seconds between looks, as in `wait`.

        Raises:
            WaitTimeoutError: `timeout` is over.
            StatusUnavailableError: no contact for 30 minutes.
        """
        context = self._context
        ids = None if jobs is None else [context.job_id(job) for job in several(jobs)]
        patience = Patience(timeout=timeout, poll_interval=poll_interval)
        return steps.iterate(waiting.watch(context, ids, patience), context.clock)

    def events(self, job: Job | str, /, *, follow: bool = False) -> Iterator[JobEvent]:
        """What the job said, oldest first, each once.

        Args:
            job: which one.
            follow: go on until the job has ended or is paused.
        """
        context, job_id = self._context, self._context.job_id(job)
        return steps.iterate(waiting.follow(context, job_id, forever=follow), context.clock)

    def metrics(self, job: Job | str, /) -> Iterator[Metric]:
        """The numbers that the job measured, oldest first.

        Raises:
            UnsupportedError: the provider tells none.
        """
        context, job_id = self._context, self._context.job_id(job)
        teller = context.need(CanListMetrics, "jobs.metrics")
        found = pages(context, lambda n, at: teller.list_metrics(job_id, limit=n, cursor=at))
        return steps.iterate(found, context.clock)

    def checkpoints(self, job: Job | str, /) -> Iterator[Checkpoint]:
        """The models that the job has saved on the way, newest first, while it runs too.

        Each can be the `model` of `jobs.create` and of `deployments.create`.

        Raises:
            UnsupportedError: the provider tells none.
        """
        context, job_id = self._context, self._context.job_id(job)
        keeper = context.need(CanListCheckpoints, "jobs.checkpoints")
        found = pages(context, lambda n, at: keeper.list_checkpoints(job_id, limit=n, cursor=at))
        return steps.iterate(found, context.clock)

    def logs(self, job: Job | str, /) -> Iterator[str]:
        """What the training process itself wrote, a line each, oldest first.

        Raises:
            UnsupportedError: the provider shows none.
        """
        context, job_id = self._context, self._context.job_id(job)
        reader = context.need(CanReadLogs, "jobs.logs")
        found = pages(context, lambda n, at: reader.read_logs(job_id, limit=n, cursor=at))
        return steps.iterate(found, context.clock)

    def parse_webhook(self, payload: bytes, headers: Mapping[str, str], /) -> WebhookEvent:
        """What a provider's call to your web server says of a job. Nothing is sent for it.

        Args:
            payload: the body, byte by byte as it came: it is signed.
            headers: of the request.

        Raises:
            AuthenticationError: it is not signed by the provider, or too old.
            FineTuneError: no secret is set, it speaks of no job, or the provider calls nobody.
        """
        context = self._context
        reader = context.need(CanVerifyWebhooks, "jobs.parse_webhook")
        event = context.call(lambda: reader.parse_webhook(payload, headers))
        return event.model_copy(update={"profile": context.profile})
