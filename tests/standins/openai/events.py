"""The events of a job, made when they are asked for: a hundred thousand of them cost nothing."""

from __future__ import annotations

from tests.standins.openai.course import full, metrics
from tests.standins.openai.job import StoredJob
from tests.standins.openai.pages import Rows
from tests.standins.openai.wire import Json, as_object

Said = tuple[float, str, str]
"""The age of a job when something is said, the level, and the message."""


def events(job: StoredJob, now: float) -> Rows:
    """All events until now, newest first."""
    count = _count(job, now)
    prefix = f"ftevent-{job.number:012d}"

    def row(place: int) -> Json:
        return {"id": f"{prefix}{count - 1 - place:012d}", **_event(job, count - 1 - place, now)}

    def find(wanted: str) -> int | None:
        number = wanted.removeprefix(prefix)
        place = count - 1 - int(number) if number.isdecimal() else -1
        return place if 0 <= place < count else None

    return Rows(count, row, find)


def note(job: StoredJob, now: float, message: str) -> None:
    """Adds an event that the job's course does not foresee."""
    job.notes[_count(job, now)] = (job.created + now - job.born, message)


def _count(job: StoredJob, now: float) -> int:
    age = job.age(now)
    around = sum(said[0] <= age for said in (*_opening(job), *_closing(job)))
    return around + job.course.step(age) * (1 + job.course.chatter) + len(job.notes)


def _event(job: StoredJob, index: int, now: float) -> Json:
    if (noted := job.notes.get(index)) is not None:
        return _message(int(noted[0]), "info", noted[1])
    index -= sum(place < index for place in job.notes)
    opening = _opening(job)
    if index < len(opening):
        return _at(job, opening[index], now)
    index -= len(opening)
    step, extra = divmod(index, 1 + job.course.chatter)
    if step < job.course.steps:
        return _of_step(job, step + 1, extra, now)
    return _at(job, _closing(job)[index - job.course.steps * (1 + job.course.chatter)], now)


def _opening(job: StoredJob) -> list[Said]:
    course, files = job.course, f"training file: {job.asked['training_file']}"
    if job.validated:
        files += f" and validation file: {job.asked['validation_file']}"
    said = [(0.0, f"Created fine-tuning job: {job.id}"), (0.0, f"Validating {files}")]
    if course.steps:
        said += [(course.validating, "Files validated, moving job to queued state")]
        said += [(course.start, "Fine-tuning job started")]
    return [(age, "info", message) for age, message in said]


def _closing(job: StoredJob) -> list[Said]:
    course = job.course
    if course.outcome == "failed":
        return [(course.end, "error", _reason(course.error))]
    if course.outcome == "cancelled":
        return [(course.end, "info", "The job has been cancelled")]
    named = (course.end + course.model_after, "info", f"New fine-tuned model created: {job.model}")
    return sorted([named, (course.end, "info", "The job has successfully completed")], key=_age)


def _age(said: Said) -> float:
    return said[0]


def _reason(error: object) -> str:
    found = error if isinstance(error, str) else (as_object(error) or {}).get("message")
    return found if isinstance(found, str) else "The job failed."


def _at(job: StoredJob, said: Said, now: float) -> Json:
    age, level, message = said
    return _message(job.time(age, now), level, message)


def _of_step(job: StoredJob, step: int, extra: int, now: float) -> Json:
    at = job.time(job.course.age(step), now)
    if extra:
        return _message(at, "info", f"Note {extra} at step {step}")
    found, total = metrics(step, validated=job.validated), job.course.steps
    message = f"Step {step}/{total}: training loss={found['train_loss']:.2f}"
    if job.validated:
        message += f", validation loss={found['valid_loss']:.2f}"
    every = job.course.checkpoints_every
    shown = full(found) if every and step % every == 0 else found
    data = {"step": step, "total_steps": total, **shown}
    return {**_message(at, "info", message), "type": "metrics", "data": data}


def _message(at: int, level: str, message: str) -> Json:
    return {
        "object": "fine_tuning.job.event",
        "created_at": at,
        "level": level,
        "message": message,
        "data": {},
        "type": "message",
    }
