"""The routes of fine-tuning jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tests.standins.openai.call import Call
from tests.standins.openai.checks import check_creation
from tests.standins.openai.course import JobCourse, invalid
from tests.standins.openai.events import events, note
from tests.standins.openai.job import StoredJob
from tests.standins.openai.pages import Query, Rows, bounded, one, page, rows
from tests.standins.openai.state import ALIASES, State, StoredFile
from tests.standins.openai.wire import Json, Refusal

FEWEST = 10
Job = TypeVar("Job", bound=StoredJob)


def create(call: Call) -> Json:
    body, state = call.json(), call.state
    check_creation(body)
    model = _model(state, body["model"])
    return state.view(start(state, {**body, "model": model}, StoredJob))


def start(state: State, asked: Json, kind: Callable[..., Job]) -> Job:
    """A job of this kind, from a request that was found good but for its files."""
    files = [
        _file(state, asked[name], name)
        for name in ("training_file", "validation_file")
        if asked.get(name) is not None
    ]
    job = kind(
        number=state.count("job"),
        asked=asked,
        course=_course(state, files),
        born=state.now(),
        created=state.clock.now().timestamp(),
    )
    job.tokens = files[0].blob.size // 4 * job.epochs
    if job.course.result != "none":
        job.result_id = state.file_id()
    state.add_job(job)
    return job


def listed(call: Call) -> Json:
    state, now = call.state, call.state.now()
    found = [job for job in reversed(state.jobs.values()) if now - job.born >= call.lens.lag]
    if not call.lens.any_metadata:
        found = [job for job in found if _has(job, call.query)]
    return page(rows(found, state.view), call.query, call.lens)


def retrieve(call: Call) -> Json:
    return call.state.view(find(call))


def cancel(call: Call) -> Json:
    job, now = living(call), call.state.now()
    note(job, now, "The job has been cancelled")
    job.cancel(now)
    return call.state.view(job)


def pause(call: Call) -> Json:
    job, now = living(call), call.state.now()
    if job.paused is not None:
        raise Refusal(400, f"Job is already paused: {job.id}")
    note(job, now, "The job has been paused")
    job.pause(now)
    return call.state.view(job)


def resume(call: Call) -> Json:
    job, now = living(call), call.state.now()
    if job.paused is None:
        raise Refusal(400, f"Job is not paused: {job.id}")
    job.resume(now)
    note(job, now, "The job has been resumed")
    return call.state.view(job)


def list_events(call: Call) -> Json:
    return page(events(find(call), call.state.now()), call.query, call.lens)


def list_checkpoints(call: Call) -> Json:
    made = find(call).checkpoints(call.state.now())
    ids = {row["id"]: place for place, row in enumerate(made)}
    found = Rows(len(made), made.__getitem__, ids.get)
    return bounded(page(found, call.query, call.lens, usual=10))


def _model(state: State, name: str) -> str:
    full = ALIASES.get(name, name)
    model = state.models.get(full)
    if model is None or not model.tunable:
        message = f"Model {name} is not available for fine-tuning or does not exist."
        raise Refusal(400, message, param="model", code="model_not_available")
    return full


def _file(state: State, file_id: str, param: str) -> StoredFile:
    file = state.files.get(file_id)
    if file is None:
        raise Refusal(400, f"invalid {param}: {file_id}", param=param, code="invalid_file")
    if file.purpose != "fine-tune":
        message = f"File '{file_id}' has the purpose '{file.purpose}', and not 'fine-tune'."
        raise Refusal(400, message, param=param, code="invalid_file_purpose")
    if state.strict_files and state.word(file.id, file.status(state.now())) != "processed":
        raise Refusal(400, f"File '{file_id}' is not ready.", param=param, code="file_not_ready")
    return file


def _course(state: State, files: list[StoredFile]) -> JobCourse:
    course = state.next_course()
    for name, file in zip(("training_file", "validation_file"), files, strict=False):
        if file.error is not None:
            message = f"The job failed due to an invalid {name.replace('_', ' ')}. {file.error}"
            return invalid(course, {"code": f"invalid_{name}", "param": name, "message": message})
    if (count := files[0].blob.lines) < FEWEST:
        message = f"Training file has {count} example(s), but must have at least {FEWEST} examples"
        error = {"code": "invalid_n_examples", "param": "training_file", "message": message}
        return invalid(course, dict(error))
    return course


def _has(job: StoredJob, query: Query) -> bool:
    """It has the metadata that is asked for."""
    if one(query, "metadata") == "null" and job.metadata:
        return False
    return all(
        job.metadata.get(name[len("metadata[") : -1]) == values[-1]
        for name, values in query.items()
        if name.startswith("metadata[")
    )


def find(call: Call) -> StoredJob:
    job = call.state.jobs.get(call.id)
    if job is None:
        message = f"Could not find fine tune: {call.id}"
        raise Refusal(404, message, param="fine_tune_id", code="fine_tune_not_found")
    return job


def living(call: Call) -> StoredJob:
    job = find(call)
    if job.ended(call.state.now()):
        raise Refusal(400, f"Job has already completed: {job.id}")
    return job
