"""Finding the job of a create whose answer was lost."""

from __future__ import annotations

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import CanFindJob, CanRescue
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.plain import is_a
from finetune_sdk.types import Job, JobStatus


def recover(context: Context, submission: str, *, abandon: bool = False) -> Job | None:
    """The job of a submission; None where there is none and it was given up.

    Raises:
        ConfigurationError: it is neither a submission's id nor a key.
        NotFoundError: no job of it is listed, and nothing of it may be on its way.
        SubmissionUnknownError: nobody can tell.
    """
    if not is_a(submission, str) or not submission or not _is_text(submission):
        raise ConfigurationError(
            f"`submission` is {submission!r:.80}; it is the id that the error named, or the "
            "`idempotency_key` that `jobs.create` was given"
        )
    desk = context.desk()
    if not desk.knows(submission):
        context.need(CanFindJob, "jobs.recover")
    job = desk.recover(submission, abandon=abandon)
    return None if job is None else context.stamp(_rescued(context, job))


def _rescued(context: Context, job: Job) -> Job:
    """The job, with its model where it belongs, should the job itself not have got it there."""
    provider = context.provider
    if not isinstance(provider, CanRescue) or job.status is not JobStatus.FAILED:
        return job
    return context.call(lambda: provider.rescue_job(job.id))


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
