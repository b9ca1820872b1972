"""Their jobs -> ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from pydantic import JsonValue

from finetune_sdk.providers._openai_wire.encode import CALL, KEY
from finetune_sdk.providers._openai_wire.methods import method_of
from finetune_sdk.providers._openai_wire.values import (
    Table,
    deep,
    moment,
    table,
    text,
    whole,
)
from finetune_sdk.types import DatasetFile, Job, JobError, JobStatus
from finetune_sdk.types.handle import is_id

STATUSES: Mapping[str, JobStatus] = {
    # What Azure OpenAI says first; the others are of both.
    "created": JobStatus.PENDING,
    "pending": JobStatus.PENDING,
    "notrunning": JobStatus.PENDING,
    "scheduling": JobStatus.QUEUED,
    "validating_files": JobStatus.VALIDATING,
    "queued": JobStatus.QUEUED,
    "running": JobStatus.RUNNING,
    "pausing": JobStatus.PAUSING,
    "paused": JobStatus.PAUSED,
    "resuming": JobStatus.QUEUED,
    "cancelling": JobStatus.CANCELLING,
    "succeeded": JobStatus.SUCCEEDED,
    "failed": JobStatus.FAILED,
    "cancelled": JobStatus.CANCELLED,
    "canceled": JobStatus.CANCELLED,
}

_KNOWN = frozenset(
    {
        "id", "object", "status", "model", "fine_tuned_model", "training_file", "validation_file",
        "created_at", "finished_at", "seed", "metadata", "trained_tokens", "error", "method",
        "hyperparameters", "suffix", "user_provided_suffix",
    }
)  # fmt: skip
_METHOD = frozenset({"method", "hyperparameters"})
_LONGEST_METADATA = 64


def job_of(found: Table, *, provider: str) -> Job | None:
    """A job; None where it has no id that it could be asked for by, and so is none."""
    id_ = text(found.get("id"))
    if id_ is None or not is_id(id_):
        return None
    status, word = status_of(found.get("status"))
    model = text(found.get("fine_tuned_model"))
    succeeded, method = status is JobStatus.SUCCEEDED, method_of(found)
    return Job(
        id=id_,
        provider=provider,
        # Succeeded is who has a model; until it is named there is something to be done yet.
        status=JobStatus.RUNNING if succeeded and not model else status,
        raw_status=word,
        model=text(found.get("model")) or "unknown",
        method=method,
        fine_tuned_model=model if succeeded else None,
        training_file=_file(found.get("training_file")),
        validation_file=_file(found.get("validation_file")),
        created_at=moment(found.get("created_at")),
        finished_at=moment(found.get("finished_at")),
        suffix=text(found.get("user_provided_suffix")) or text(found.get("suffix")),
        seed=whole(found.get("seed")),
        metadata=_own_words(found),
        trained_tokens=whole(found.get("trained_tokens")),
        error=error_of(found.get("error"), failed=status is JobStatus.FAILED),
        raw=_unread(found, _KNOWN if method else _KNOWN - _METHOD),
    )


def status_of(value: object) -> tuple[JobStatus, str]:
    """Where a job stands, and the word that says so."""
    word = value if isinstance(value, str) else repr(value)
    return STATUSES.get(word.strip().lower(), JobStatus.UNKNOWN), word[:80]


def error_of(value: object, *, failed: bool) -> JobError | None:
    """Why a job failed. An object of nulls says nothing, and servers send it with good jobs."""
    said = table(value)
    code = text(said.get("code"))
    message = text(said.get("message")) or text(value)
    if message is None and code is None:
        return JobError(message="the provider gave no reason") if failed else None
    return JobError(code=code, message=message or code or "", param=text(said.get("param")))


def over(job: Job) -> bool:
    """It ends or has ended; one that succeeded has, before its model is named too."""
    said = status_of(job.raw_status)[0]
    return said.terminal or said is JobStatus.CANCELLING


def held(job: Job) -> bool:
    """It is paused, or about to be."""
    return job.status in (JobStatus.PAUSED, JobStatus.PAUSING)


def marks(found: Table) -> tuple[str | None, str | None]:
    """Our key and our digest of the call, where a job has them."""
    said = table(found.get("metadata"))
    return text(said.get(KEY)), text(said.get(CALL))


def _own_words(found: Table) -> dict[str, str]:
    said = list(table(found.get("metadata")).items())[:_LONGEST_METADATA]
    return {
        name: value for name, value in said if isinstance(value, str) and name not in (KEY, CALL)
    }


def _unread(found: Table, known: Collection[str]) -> dict[str, JsonValue]:
    # What JSON was decoded to is JSON.
    return {
        name: cast("JsonValue", value)
        for name, value in found.items()
        if name not in known and value is not None and not deep(value)
    }


def _file(value: object) -> DatasetFile | None:
    id_ = text(value)
    return DatasetFile(id=id_) if id_ else None
