"""Keys that made a job before."""

from __future__ import annotations

from finetune_sdk.errors import ConflictError, IdempotencyConflictError
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import JobSpec


def refuse_other(folder: JobFolder, spec: JobSpec) -> None:
    """Refuses a spec that is not the one which its key made before.

    Raises:
        IdempotencyConflictError: it is another one.
        ConflictError: what is there cannot be read.
    """
    try:
        there = folder.spec()
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ConflictError(
            f"the job folder {str(folder.path)!r} of this key is there and cannot be read: "
            f"{reason}; move it away, or give another `idempotency_key`",
            provider=NAME,
        ) from error
    if _meaning(there) != _meaning(spec):
        raise other_call(folder, spec.key)


def other_call(folder: JobFolder, key: str) -> IdempotencyConflictError:
    """The error for a key that made another job."""
    return IdempotencyConflictError(
        f"the key {key!r} made the job {folder.id!r} before, with another call; give "
        "another `idempotency_key`, or the same call"
    )


def _meaning(spec: JobSpec) -> JobSpec:
    # Dataset files are named by their content; what else they say is for people. The digest of
    # the call says what the rest does, and older jobs have none.
    return spec.model_copy(
        update={
            "call": "",
            "training_file": spec.training_file.id,
            "validation_file": spec.validation_file and spec.validation_file.id,
        }
    )
