"""The verbs of `client.jobs` that take a job out of its place."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.request import Rows
from finetune_sdk.types import Checkpoint, ExportedJob, Job, Migration, ProviderOptions


class HasJobs(Protocol):
    """An open client."""

    @property
    def jobs(self) -> Leaving: ...


class Leaving:
    """What takes a job out of its place."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def export(self, job: Job | str, folder: str | os.PathLike[str], /) -> ExportedJob:
        """Takes a job out of the provider, into `folder/<job id>`, whole or not at all.

        There are then `recipe.yaml` (for `finetune run`, at any provider), the rows, metrics,
        events, checkpoints, and `lineage.json`: digests, ids, dates, the hyperparameters in effect,
        and what could not be had and why. What an earlier export has is never lost.

        Args:
            job: which one, made with this package or not.
            folder: for this and other jobs; it is made where it is not there.

        Raises:
            NotFoundError: the provider knows none of that id.
            ConfigurationError: the folder cannot be written, or holds something else.
        """
        # Most programs leave no place, and start quicker without.
        from finetune_sdk.resources import exporting

        context = self._context
        return exporting.export(context, context.job_id(job), folder)

    def migrate(
        self,
        job: Job | str | os.PathLike[str] | Migration,
        /,
        *,
        to: str | HasJobs,
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
        """Makes a job again at another place, and says what became of each of its words.

        It is exported first, into `folder/<job id>`; its rows are taken from there. The same
        migration made twice is one job, even one that failed. A job that has not ended is refused
        without an `idempotency_key`: it may yet say something else.

        Args:
            job: which one; or, as a `Path`, the folder of one that was exported: then its place is
                not asked, and may be gone. Or what this verb has planned, and no other word but
                `to` beside it: it is made as it was planned.
            to: a profile's or a provider's name, by the same config file and state folder, or an
                open client.
            model: to train there. Without it `[models]` says which one stands for the job's, or it
                is the same where that can be tuned there; it is never chosen in silence.
            training_data: rows to learn from instead of the job's.
            validation_data: rows to measure on instead of the job's; an empty list leaves them
                out.
            hyperparameters: your word on any of the method's, by name; None as a value leaves one
                out. A `learning_rate_multiplier` is never turned into a `learning_rate`, nor back.
            suffix: instead of the job's; an empty one leaves it out.
            seed: instead of the job's.
            metadata: instead of the job's; `migrated_from` is added.
            max_cost: US dollars, as in `create`.
            options: what the target alone knows; no job tells which of them it was made with.
            idempotency_key: by default it derives from the job, the target and the whole call.
            allow: codes of findings to live with, as in `create`.
            strict: as in `create`, for what you say here.
            folder: for the export; by default one in the state folder.
            plan_only: nothing is made at the target; `job` of the result is None.
            trust_programs: a folder's `rewards`, and its grader in Python, may run: whoever wrote
                the folder wrote them.

        Raises:
            ConfigurationError: nothing says which model to train; names those that can be. Or the
                job has not ended, or a folder brings a program along.
            DatasetError: the job's rows are gone or cannot be had now, or would lose something
                there.
            UnsupportedError: the target cannot do the method; names the providers that can.
            FineTuneError: all that `create` raises.
        """
        if not is_a(to, str) and not isinstance(getattr(to, "jobs", None), Leaving):
            raise ConfigurationError(
                f"`to` is {to!r:.80}; it takes a profile's or a provider's name, or an open client"
            )
        from finetune_sdk.resources import migrating

        request = migrating.MigrationRequest(
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
        place = to if isinstance(to, str) else to.jobs._context
        return migrating.migrate(self._context, job, place, request)
