"""Finding the job of a create whose answer was lost."""

from __future__ import annotations

from finetune_sdk.errors import ConfigurationError, NotFoundError
from finetune_sdk.providers.base import CanFindJob
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.plain import is_a
from finetune_sdk.types import Job


def recover(context: Context, key: str) -> Job:
    """The oldest job of the key; its warnings name the others.

    Raises:
        ConfigurationError: it is no key.
        NotFoundError: there is none.
    """
    if not is_a(key, str) or not key or not _is_text(key):
        raise ConfigurationError(
            f"`idempotency_key` is {key!r:.80}; it is the text that `jobs.create` was given"
        )
    finder = context.need(CanFindJob, "jobs.recover")
    found = context.call(lambda: finder.find_jobs(key))
    if not found:
        raise NotFoundError(_nothing(context, key), provider=context.opened.name)
    first, *others = found
    return context.stamp(_warned(first, others, key))


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _nothing(context: Context, key: str) -> str:
    return (
        f"{context.owner!r} has no job of the key {key!r:.80}, so the create did not arrive; "
        "create it again with the same `idempotency_key`, which makes it once. A job that "
        "was made without a key is in `jobs.list`"
    )


def _warned(job: Job, others: list[Job], key: str) -> Job:
    if not others:
        return job
    named = ", ".join(f"{other.id} ({other.status.value})" for other in others)
    warning = (
        f"the key {key!r:.80} made {len(others)} more: {named}; none was cancelled, end "
        "what is too many with `jobs.cancel`"
    )
    return job.model_copy(update={"warnings": (*job.warnings, warning)})
