"""Errors -> one clear message and an exit code."""

from __future__ import annotations

import traceback
from enum import IntEnum
from typing import TYPE_CHECKING

from pydantic import ValidationError

from finetune_sdk.cli.session import command_line, say
from finetune_sdk.errors import (
    CostLimitError,
    DatasetValidationError,
    FineTuneError,
    JobFailedError,
    JobPausedError,
    StatusUnavailableError,
    SubmissionUnknownError,
)
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import CanPause, CanReadLogs
from finetune_sdk.resources.plain import sentences
from finetune_sdk.transport import redact

if TYPE_CHECKING:
    from finetune_sdk.types import Job


class ExitCode(IntEnum):
    """What `finetune` ends with."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    JOB_FAILED = 3
    SUBMISSION_UNKNOWN = 4
    STATUS_UNAVAILABLE = 5
    COST_LIMIT = 6
    GATE_NOT_MET = 7
    STOPPED = 130
    """By Ctrl-C; what was watched goes on. SIGTERM ends with 143, SIGHUP with 129."""


_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (JobFailedError, ExitCode.JOB_FAILED),
    (SubmissionUnknownError, ExitCode.SUBMISSION_UNKNOWN),
    (StatusUnavailableError, ExitCode.STATUS_UNAVAILABLE),
    (CostLimitError, ExitCode.COST_LIMIT),
)


def tell(error: Exception, *, debug: bool) -> ExitCode:
    """Says what went wrong, and what to do next; gives the exit code."""
    if isinstance(error, BrokenPipeError):
        return ExitCode.ERROR  # Whoever read us has gone, and wants no more words.
    if debug:
        say(redact("".join(traceback.format_exception(error)).rstrip()))
    say(redact(f"error: {_words(error)}"))
    if next_command := _next(error):
        say(f"Next: {command_line(*next_command)}")
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.ERROR)


def _words(error: Exception) -> str:
    if isinstance(error, FineTuneError):
        return str(error)
    if isinstance(error, ValidationError):
        return "\n".join(sentences(error))
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    return (
        f"{type(error).__name__}: {error}. This is a fault of finetune itself; "
        "run it again with --debug for the details"
    )


def _has(job: Job, mixin: type[object]) -> bool:
    try:
        return issubclass(registry.load(job.provider), mixin)
    except FineTuneError:
        return False


_METHOD_OF = {
    "preference": ("--method", "dpo"),
    "preference_trl": ("--method", "dpo"),
    "kto": ("--method", "kto"),
    "prompts": ("--method", "reinforcement"),
}
"""What `data check` must hear to hold rows against the same format again."""


def _next(error: Exception) -> tuple[str, ...]:
    if isinstance(error, JobFailedError):
        return "jobs", "logs" if _has(error.job, CanReadLogs) else "show", error.job.handle
    if isinstance(error, JobPausedError):
        return "jobs", "resume" if _has(error.job, CanPause) else "show", error.job.handle
    if isinstance(error, StatusUnavailableError):
        return "jobs", "wait", error.handle
    if isinstance(error, SubmissionUnknownError):
        return "jobs", "recover", error.submission_id
    if isinstance(error, DatasetValidationError):
        method = _METHOD_OF.get(error.report.format, ())
        return "data", "check", error.report.file, *method
    return ()
