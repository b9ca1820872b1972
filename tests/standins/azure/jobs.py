"""The routes of jobs where Azure's differ from OpenAI's."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from tests.standins.azure.job import AzureJob
from tests.standins.openai import jobs
from tests.standins.openai.call import Call
from tests.standins.openai.checks import check_creation, check_texts
from tests.standins.openai.wire import Json, Refusal, inner

if TYPE_CHECKING:
    from tests.standins.azure.service import AzureService

SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,40}")
UNTUNABLE = "The specified base model does not support fine-tuning."
PREVIEW = "aoai-copy-ft-checkpoints"


@dataclass(frozen=True, slots=True)
class Copy:
    """A checkpoint on its way to another resource."""

    job_id: str
    checkpoint: str
    asked: Json
    start: float


def service_of(call: Call) -> AzureService:
    return cast("AzureService", call.state)


def refuse(message: str, param: str | None = None) -> Refusal:
    return Refusal(400, message, param=param, code="invalidPayload")


def create(call: Call) -> Json:
    body, service = call.json(), service_of(call)
    tier = body.pop("trainingType", None)
    check_creation(body)
    _check_suffix(body.get("suffix"))
    # The live service says the same for both.
    if tier is None or not service.tunes(body["model"]):
        raise refuse(UNTUNABLE)
    if inner(body, "method").get("type") == "reinforcement" and not body.get("validation_file"):
        raise refuse("A validation file is required for reinforcement.", "validation_file")
    _settle_metadata(service, body)
    kind = partial(
        AzureJob,
        tier=tier,
        words=service.words,
        shown=service.shows,
        ignored=frozenset(service.ignores),
        resuming=service.resuming,
    )
    return service.view(jobs.start(service, body, kind))


def listed(call: Call) -> Json:
    blind = service_of(call).metadata != "kept"
    return jobs.listed(replace(call, lens=replace(call.lens, any_metadata=True)) if blind else call)


def pause(call: Call) -> Json:
    job, now = jobs.living(call), call.state.now()
    if job.paused is None and (job.status(now) != "running" or not job.course.step(job.age(now))):
        raise refuse(f"Job {job.id} cannot be paused before its first step.")
    return jobs.pause(call)


def copy(call: Call) -> Json:
    job_id, checkpoint = _checkpoint(call)
    body, service = call.json(), service_of(call)
    check_texts(body, ("destinationResourceId", "region"))
    service.copies[job_id, checkpoint] = Copy(job_id, checkpoint, body, service.now())
    return copied(call)


def copied(call: Call) -> Json:
    job_id, checkpoint = _checkpoint(call)
    service = service_of(call)
    found = service.copies.get((job_id, checkpoint))
    if found is None:
        raise Refusal(404, f"There is no copy of {checkpoint}.")
    done = service.now() >= found.start + service.copying
    return {
        "checkpointedModelName": checkpoint,
        "fineTuningJobId": job_id,
        "status": "Completed" if done else "InProgress",
    }


def _checkpoint(call: Call) -> tuple[str, str]:
    if call.headers.get(PREVIEW) != "preview":
        raise Refusal(404, "Resource not found")
    job, checkpoint = jobs.find(replace(call, ids=call.ids[:1])), call.ids[1]
    if checkpoint not in {row["id"] for row in job.checkpoints(call.state.now())}:
        raise Refusal(404, f"There is no checkpoint {checkpoint}.")
    return job.id, checkpoint


def _check_suffix(given: str | None) -> None:
    if given is not None and SUFFIX.fullmatch(given) is None:
        message = "The suffix may have at most 40 letters, digits, dashes and underscores."
        raise refuse(message, "suffix")


def _settle_metadata(service: AzureService, body: Json) -> None:
    if service.metadata == "refused" and "metadata" in body:
        raise refuse("The field 'metadata' is not supported.", "metadata")
    if service.metadata == "dropped":
        body.pop("metadata", None)
