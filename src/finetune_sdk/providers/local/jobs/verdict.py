"""How a job ended: judged by the trainer's exit code and what it left in the folder."""

from __future__ import annotations

import signal
from collections import deque

from finetune_sdk.providers.local import faults, files
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.reading import is_complete
from finetune_sdk.providers.local.jobs.records import Exit, Failure, Result, now
from finetune_sdk.transport import redact
from finetune_sdk.types import JobError

_LONGEST = 2000
_LAST_LINES = 20


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


def failed(folder: JobFolder, code: int, *, secrets: tuple[str, ...]) -> Exit:
    """Why the trainer did not succeed: its own word, else what its end looks like.

    Args:
        code: of its exit; below zero the signal that ended it.
    """
    error = _told(folder) or _guessed(folder, code)
    message = redact(error.message, *secrets)[:_LONGEST]
    return failure(error.code, message)


def failure(code: str | None, message: str) -> Exit:
    return Exit(status="failed", finished_at=now(), error=JobError(code=code, message=message))


def _told(folder: JobFolder) -> JobError | None:
    try:
        told = Failure.of(folder)
    except ValueError:
        return None
    return JobError(code=told.code, message=told.message) if told else None


def _guessed(folder: JobFolder, code: int) -> JobError:
    if code == 0:
        message = (
            "the trainer ended with exit code 0, but left no complete model and result in "
            f"{str(folder.path)!r}; read its log with `jobs.logs`"
        )
        return JobError(code="incomplete_model", message=message)
    if faults.is_full(folder.path):
        return JobError(code="disk_full", message=str(faults.disk_full(folder.home)))
    if code == -signal.SIGKILL:
        message = (
            "the trainer was killed (signal 9), most likely because memory ran out; lower "
            "`micro_batch_size` (LocalOptions) or `max_length`, or train with `lora`"
        )
        return JobError(code="killed_out_of_memory_likely", message=message)
    return JobError(code="trainer_crashed", message=f"the trainer {_ended(code)}{_tail(folder)}")


def _ended(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"was ended by signal {-code}"


def _tail(folder: JobFolder) -> str:
    lines = deque(files.read_lines(folder.log), maxlen=_LAST_LINES)
    if not lines:
        return " and printed nothing"
    # The end of a traceback says most, so it is the front that is cut.
    return "; its last lines:\n" + "\n".join(lines)[-_LONGEST + 100 :]
