"""The verb of `client.jobs` that makes many jobs to find the best."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from finetune_sdk.resources import steps
from finetune_sdk.resources.leaving import Leaving
from finetune_sdk.resources.request import Rows
from finetune_sdk.resources.waiting import Patience
from finetune_sdk.types import (
    Checkpoint,
    Goal,
    Job,
    Method,
    ProviderOptions,
    Split,
    Sweep,
    Trial,
)


class Trying(Leaving):
    """What makes many jobs to find the best."""

    def sweep(
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
        """Makes a job for each of many values, waits for all of them, and says which is best.

        Each trial is one job, however often the same call is made: after a crash, Ctrl-C or from
        another process it goes on with the jobs that are there. More values make only the new
        ones. A job that failed stays in the table and ends nothing; another `name` tries it anew.

        A paused job keeps its place, and is waited for while others go on. When only paused ones
        are left, or no money for the next one, the sweep comes back as it is: `complete` is False
        and `warnings` say how to go on.

        Args:
            model: as in `create`; so are all words that are not named here.
            method: what all trials share.
            grid: for each name a list of values; every combination is a trial. A name is one of
                the method's hyperparameters, a part of `lora` as in `lora.rank`, or `seed`. A
                value of None is the provider's own choice.
            trials: instead of a grid: for each trial a table of names and values.
            at_once: jobs that have begun and not ended, at most.
            max_cost: US dollars for all jobs together, held against the high ends of their
                estimates before anything is sent. Where jobs turn out dearer, no other one begins
                that would pass it.
            metric: what a job is compared by: the last number of that name that it measured. None
                compares nothing.
            split: the rows that it is measured on; those of `validation_data` where there are any.
            goal: whether less of it is better (`"min"`) or more; known of losses, accuracies and
                rewards.
            name: tells this sweep from others. The same name with the same values is the same
                job, and with another call beside them an error; without a name the whole call
                tells them.
            plan_only: nothing is made: the trials with what each would cost, and with the jobs
                that an earlier call has made.
            timeout: seconds; None waits without end.
            poll_interval: seconds between looks; by default the provider's, growing.
            progress: draw a table that fills; None does on a terminal or in a notebook.
            on_trial: called whenever a trial has changed; its exceptions are logged.

        Raises:
            ConfigurationError: a name or a value is wrong, or two trials are the same.
            UnsupportedError: the provider cannot do one of them, or tells no metrics.
            CostLimitError: all jobs together may cost more than `max_cost`; nothing was sent.
            IdempotencyConflictError: the name was used with another call.
            SubmissionUnknownError: nobody can tell whether a job was made. No other one is begun;
                those that run go on, and the same call looks for it again.
            WaitTimeoutError: `timeout` is over; the jobs go on, and so does the same call.
            StatusUnavailableError: no contact for 30 minutes; the jobs may go on.
            FineTuneError: all else that `create` raises before anything is sent. What the provider
                refuses of one trial alone is told in its `trouble`.
        """
        # Most programs make one job, and start quicker without.
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
        context = self._context
        with filled(False if plan_only else progress) as on_look:
            return steps.run(sweeping.sweep(context, request, on_look=on_look), context.clock)
