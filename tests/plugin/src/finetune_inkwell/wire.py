"""Inkwell's words and ours. Pure: nothing is sent from here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from finetune_sdk.transport import Fault, Request
from finetune_sdk.types import (
    DatasetFile,
    Job,
    JobError,
    JobEvent,
    JobSpec,
    JobStatus,
    Metric,
    Page,
    Supervised,
)

T = TypeVar("T")
NAME, CALL, TAKEN = "inkwell", "finetune_call", "mark_taken"
STATES = {
    "drafted": JobStatus.PENDING,
    "lined_up": JobStatus.QUEUED,
    "inking": JobStatus.RUNNING,
    "dry": JobStatus.SUCCEEDED,
    "blotted": JobStatus.FAILED,
    "struck": JobStatus.CANCELLED,
}


def study(job_id: str, part: str = "") -> str:
    return f"/studies/{quote(job_id, safe='')}{part}"


def page(path: str, limit: int, cursor: str | None, **query: str) -> Request:
    place = {} if cursor is None else {"from": cursor}
    return Request("read", "GET", path, {"take": str(limit), **place, **query})


def new_study(spec: JobSpec) -> Request:
    method, proof = spec.method, spec.validation_file
    words = {
        "mark": spec.key,
        "base": spec.model,
        "scroll": spec.training_file.id,
        "proof_scroll": proof and proof.id,
        "passes": method.epochs,
        "stack": method.batch_size,
        "pace": method.learning_rate,
        "title": spec.suffix,
        "memo": {**spec.metadata, CALL: spec.call},
    }
    given = {name: value for name, value in words.items() if value is not None}
    return Request("create", "POST", "/studies", body=given)


def job_of(found: dict[str, Any]) -> Job:
    blot, memo, proof = found["blot"], found["memo"], found["proof_scroll"]
    passes, stack, pace = found["passes"], found["stack"], found["pace"]
    return Job(
        id=found["study"],
        provider=NAME,
        status=STATES.get(found["state"], JobStatus.UNKNOWN),
        raw_status=found["state"],
        model=found["base"],
        method=Supervised(epochs=passes, batch_size=stack, learning_rate=pace),
        training_file=DatasetFile(id=found["scroll"]),
        validation_file=DatasetFile(id=proof) if proof else None,
        fine_tuned_model=found["model"],
        created_at=found["drafted_at"],
        finished_at=found["ended_at"],
        suffix=found["title"],
        metadata={name: text for name, text in memo.items() if name != CALL},
        error=JobError(code=blot["kind"], message=blot["text"]) if blot else None,
        raw={"mark": found["mark"], "call": memo.get(CALL)},
    )


def event_of(entry: dict[str, Any]) -> JobEvent:
    return JobEvent(id=entry["entry"], created_at=entry["at"], message=entry["text"])


def metric_of(reading: dict[str, Any]) -> Metric:
    step, loss, proof = reading["step"], reading["loss"], reading["proof"]
    return Metric(step=step, name="loss", value=loss, split="validation" if proof else "train")


def page_of(items: str, make: Callable[[Any], T]) -> Callable[[Any], Page[T]]:
    return lambda answer: Page(tuple(map(make, answer[items])), answer["next"])


def fault_of(answer: dict[str, Any]) -> Fault:
    return Fault(answer["fault"]["text"], answer["fault"]["kind"])
