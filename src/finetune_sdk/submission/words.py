"""What is said of a submission: unknown outcomes, and jobs that were made before."""

from __future__ import annotations

from finetune_sdk.errors import ProviderError, SubmissionUnknownError
from finetune_sdk.submission.journal import Row
from finetune_sdk.types import Job


def unknown(owner: str, row: Row, lost: ProviderError | None, why: str) -> SubmissionUnknownError:
    """The error for a create of which nobody knows what became, with the ways on."""
    first = f"{str(lost).rstrip('. ')}. " if lost else ""
    error = SubmissionUnknownError(
        f"{first}Nobody can tell whether {owner!r} has made the job of the submission "
        f"{row.id!r}: {why}. Nothing was sent twice. The ways on: look again later with "
        f'`jobs.recover("{row.id}")`; create it again knowingly, with an `idempotency_key` of '
        f'its own; or give it up with `jobs.recover("{row.id}", abandon=True)`, after which '
        "the same call makes a new job",
        submission_id=row.id,
    )
    for note in getattr(lost, "__notes__", ()):
        error.add_note(note)
    return error


def nothing(owner: str, key: str) -> str:
    """That no job of a key is listed."""
    if key.startswith("sub-"):
        return (
            f"the journal of this machine has no submission {key!r:.80}, and {owner!r} lists no "
            "job of such a key: look at the id (`finetune doctor` lists those that are open), and "
            "at $FINETUNE_HOME, where the journal lies"
        )
    return (
        f"{owner!r} lists no job of the key {key!r:.80}; unless its list lags behind, the create "
        "did not arrive: create it again with the same `idempotency_key`, which makes it once. A "
        "job that was made without a key is in `jobs.list`"
    )


def warned(job: Job, warning: str) -> Job:
    """The job with one more warning."""
    return job.model_copy(update={"warnings": (*job.warnings, warning)})


def with_others(job: Job, others: list[Job], key: str) -> Job:
    """The job, with a warning that names the others of its key."""
    if not others:
        return job
    named = ", ".join(f"{other.id} ({other.status.value})" for other in others)
    return warned(
        job,
        f"the key {key!r:.80} made {len(others)} more: {named}; none was cancelled, end "
        "what is too many with `jobs.cancel`",
    )
