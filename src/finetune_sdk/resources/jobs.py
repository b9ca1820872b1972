"""`client.jobs`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from finetune_sdk.providers.base import CanListMetrics, CanReadLogs
from finetune_sdk.resources import steps, waiting
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import pages
from finetune_sdk.resources.progress import drawn
from finetune_sdk.resources.submit import JobRequest, Rows, submit
from finetune_sdk.resources.waiting import Patience, fetch
from finetune_sdk.types import Job, JobEvent, Method, Metric, ProviderOptions


class Jobs:
    """Fine-tuning jobs of one provider. A verb takes a `Job`, its handle or its id."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def create(
        self,
        *,
        model: str | Job,
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
        """Creates a job and gives it at once; `wait` for its end.

        Args:
            model: a name of `[models]`, the provider's own name of a base model, or a finished
                job to train on.
            training_data: a JSONL file, rows, a `Dataset`, or a `DatasetFile` of this provider.
            validation_data: rows to measure on and not to learn from.
            method: how to learn; `Supervised()` by default.
            suffix: a word for the name of what comes out.
            seed: makes the run repeatable where the provider can.
            metadata: your own words, kept with the job.
            max_cost: US dollars, held against the high end of the estimate.
            options: what one provider alone knows; entries for other providers are passed over.
            idempotency_key: the same key with the same call gives the same job.
            strict: False turns what the provider cannot do into an entry of `job.warnings`.

        Raises:
            UnsupportedError: the provider cannot do it; before anything is sent.
            DatasetValidationError: rows are wrong; before anything is sent.
            CostLimitError: the estimate is over `max_cost`, or there is none.
            IdempotencyConflictError: the key was used with another call.
            ConfigurationError: an argument is wrong.
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
            strict=strict,
        )
        return submit(self._context, request)

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
            JobPausedError: somebody paused it, or its machine went down.
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
        jobs: Iterable[Job | str] | None = None,
        /,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
    ) -> Iterator[Job]:
        """Gives each job whenever it changed, until all have ended; one listing a look.

        Args:
            jobs: which ones; None is all that have not ended now.
            timeout: seconds, as in `wait`.
            poll_interval: seconds between looks, as in `wait`.

        Raises:
            WaitTimeoutError: `timeout` is over.
            StatusUnavailableError: no contact for 30 minutes.
        """
        context = self._context
        ids = None if jobs is None else [context.job_id(job) for job in jobs]
        patience = Patience(timeout=timeout, poll_interval=poll_interval)
        return steps.iterate(waiting.watch(context, ids, patience), context.clock)

    def events(self, job: Job | str, /, *, follow: bool = False) -> Iterator[JobEvent]:
        """What the job said, oldest first, each once.

        Args:
            job: which one.
            follow: go on until the job has ended.
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

    def logs(self, job: Job | str, /) -> Iterator[str]:
        """What the training process itself wrote, a line each, oldest first.

        Raises:
            UnsupportedError: the provider shows none.
        """
        context, job_id = self._context, self._context.job_id(job)
        reader = context.need(CanReadLogs, "jobs.logs")
        found = pages(context, lambda n, at: reader.read_logs(job_id, limit=n, cursor=at))
        return steps.iterate(found, context.clock)
