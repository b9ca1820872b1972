"""What the service made of a job: what it passed over, and why it refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetune_sdk.errors import InvalidRequestError
from finetune_sdk.types import Job, JobSpec

UNSAFE_DATA, UNSAFE_MODEL = "unsafe_training_data", "unsafe_model"
"""Our codes of jobs that Azure's safety checks have refused."""

# The words of the two refusals are those of Microsoft's page on safety evaluation (2026-03).
_DATA = re.compile(r"training data failed RAI checks", re.IGNORECASE)
_MODEL = re.compile(r"unable to be deployed|scores above acceptable thresholds", re.IGNORECASE)
_NO_TUNING = re.compile(r"base model does not support fine-?tuning", re.IGNORECASE)


def passed_over(job: Job, spec: JobSpec) -> Iterator[str]:
    """What was asked for and is not what the service says, in words.

    Some versions of the service take a hyperparameter and go by one of their own (openai-python's
    issue 1276).
    """
    told = job.method.given() if job.method else frozenset[str]()
    for name in sorted(spec.method.given() & _READ_BACK):
        asked = getattr(spec.method, name)
        if name not in told:
            yield f"`{name}` is {asked!r}, and the service does not say that it goes by it"
        elif (theirs := getattr(job.method, name)) != asked:
            yield f"`{name}` is {asked!r}, and the service says that it goes by {theirs!r}"
    if spec.seed is not None and job.seed not in (None, spec.seed):
        yield f"`seed` is {spec.seed!r}, and the service says that it goes by {job.seed!r}"
    if not spec.metadata.items() <= job.metadata.items() and _LEFT_OUT not in str(job.warnings):
        yield "the service does not say that it keeps your `metadata`"


_LEFT_OUT = "takes no `metadata`"
_READ_BACK = frozenset({"epochs", "batch_size", "learning_rate_multiplier", "beta"})


def explained(job: Job) -> Job:
    """A job whose refusal by a safety check says what to do."""
    error = job.error
    if error is None:
        return job
    for words, code, advice in (
        (_DATA, UNSAFE_DATA, "mend or leave out such rows; nothing was charged"),
        (_MODEL, UNSAFE_MODEL, "mend or leave out the rows that teach it; nothing was charged"),
    ):
        if words.search(error.message):
            told = f"{error.message.rstrip('. ')} ({advice})"
            return job.model_copy(
                update={"error": error.model_copy(update={"code": code, "message": told})}
            )
    return job


def understood(
    error: InvalidRequestError, spec: JobSpec, training_type: str
) -> InvalidRequestError:
    """A refusal; a misleading one says what it may mean."""
    if not _NO_TUNING.search(str(error)[:4000]):
        return error
    return InvalidRequestError(
        f"{error}: Azure says this of several things. Look whether `model` is {spec.model!r} with "
        "the right version (a base model's day stands in its name), whether the resource's region "
        f"takes it, and whether it can be tuned with `training_type` {training_type!r}: "
        "Microsoft's page on the models that can be fine-tuned has a table of the three",
        provider=error.provider,
        code=error.code,
        status_code=error.status_code,
        request_id=error.request_id,
        param=error.param,
    )
