"""How a job ended: judged by the trainer's exit code and what it left in the folder."""

from __future__ import annotations

import signal
from collections import deque
from dataclasses import dataclass

from finetune_sdk.providers.local import faults, files
from finetune_sdk.providers.local.cluster import ending
from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.reading import is_complete
from finetune_sdk.providers.local.jobs.records import Exit, Failure, Result, now
from finetune_sdk.transport import redact
from finetune_sdk.types import JobError

_LONGEST = 2000
_LAST_LINES = 20

_FROM_OUTSIDE = frozenset(
    {
        "cluster_lost",
        "disk_full",
        "killed_out_of_memory_likely",
        "out_of_memory",
        "trainer_ended_from_outside",
        "trainer_not_started",
    }
)
"""Codes that say nothing against the run itself: with a checkpoint it can go on later."""

_UNFOLLOWED = (
    "the process that follows the job on the cluster was ended; the job goes on there, and "
    "`jobs.resume` follows it again"
)
_ENDED_BY_OTHERS = frozenset({-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP})
_MEMORY = ("MemoryError", "Cannot allocate memory", "out of memory")


@dataclass(frozen=True)
class Halt:
    """The job stopped and can go on.

    Attributes:
        error: what stopped it from outside; None where somebody asked for the pause.
    """

    error: JobError | None = None


Verdict = Exit | Halt


def succeeded(folder: JobFolder) -> Exit | None:
    """The trainer has done all: the model is complete and the result, written last, is there."""
    if not (is_complete(folder.model) and (folder.path / "result.json").is_file()):
        return None
    try:
        result = Result.of(folder)
    except ValueError:
        result = None
    tokens = result.trained_tokens if result else None
    return Exit(status="succeeded", finished_at=now(), trained_tokens=tokens)


def cancelled() -> Exit:
    return Exit(status="cancelled", finished_at=now())


def stopped(folder: JobFolder, code: int, *, secrets: tuple[str, ...]) -> Verdict:
    """Why the trainer did not succeed: its own word, else what its end looks like.

    Args:
        code: of its exit; below zero the signal that ended it.
    """
    told = _told(folder)
    if told is None and code == 0 and folder.pause.exists():
        return Halt()
    if told is None and ending.lives(folder):
        return Halt(JobError(code="relay_ended", message=_UNFOLLOWED))
    return weighed(folder, told or guessed(folder, code), secrets=secrets)


def told(folder: JobFolder, *, secrets: tuple[str, ...]) -> Verdict | None:
    """What the trainer itself said, where nobody was left to see its end."""
    error = _told(folder)
    return None if error is None else weighed(folder, error, secrets=secrets)


def weighed(folder: JobFolder, error: JobError, *, secrets: tuple[str, ...] = ()) -> Verdict:
    """An end from outside takes nothing of what a checkpoint has kept; any other is the end."""
    words = redact(error.message, *secrets)[:_LONGEST]
    saved = checkpoints.complete(folder.checkpoints)
    if error.code in _FROM_OUTSIDE and saved:
        words += (
            f"; what was learned up to step {saved[-1].manifest.step} is kept: `jobs.resume` goes "
            "on from there, or give that checkpoint (`jobs.checkpoints`) as `model` to a new job"
        )
        return Halt(JobError(code=error.code, message=words))
    return Exit(status="failed", finished_at=now(), error=JobError(code=error.code, message=words))


def _told(folder: JobFolder) -> JobError | None:
    try:
        told = Failure.of(folder)
    except ValueError:
        return None
    return JobError(code=told.code, message=told.message) if told else None


def guessed(folder: JobFolder, code: int) -> JobError:
    """What an end looks like of which the trainer has said nothing."""
    if code in _ENDED_BY_OTHERS or (code == 0 and checkpoints.complete(folder.checkpoints)):
        message = "somebody told the trainer to end, and it was not `jobs.cancel` or `jobs.pause`"
        return JobError(code="trainer_ended_from_outside", message=message)
    if code == 0:
        message = (
            "the trainer ended with exit code 0, but left no complete model and result in "
            f"{str(folder.path)!r}; read its log with `jobs.logs`"
        )
        return JobError(code="incomplete_model", message=message)
    return _out_of_something(folder, code) or JobError(
        code="trainer_crashed", message=f"the trainer {_ended(code)}{_tail(folder)}"
    )


def _out_of_something(folder: JobFolder, code: int) -> JobError | None:
    if faults.is_full(folder.path):
        return JobError(code="disk_full", message=str(faults.disk_full(folder.home)))
    if code == -signal.SIGKILL:
        message = f"the trainer was killed (signal 9), most likely because memory ran out; {_LESS}"
        return JobError(code="killed_out_of_memory_likely", message=message)
    last = next(iter(_last_lines(folder, 1)), "")
    if code > 0 and any(words in last for words in _MEMORY):
        return JobError(code="out_of_memory", message=f"the memory was not enough; {_LESS}")
    return None


_LESS = (
    "free some memory, or train with less: lower `micro_batch_size` (LocalOptions) or "
    "`max_length`, or train with `lora`"
)


def _ended(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"was ended by signal {-code}"


def _tail(folder: JobFolder) -> str:
    lines = _last_lines(folder, _LAST_LINES)
    if not lines:
        return " and printed nothing"
    # The end of a traceback says most, so it is the front that is cut.
    return "; its last lines:\n" + "\n".join(lines)[-_LONGEST + 100 :]


def _last_lines(folder: JobFolder, count: int) -> deque[str]:
    return deque(files.read_lines(folder.log), maxlen=count)
