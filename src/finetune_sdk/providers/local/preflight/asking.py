"""Has something found out by a process of its own, before there is a job.

Loading transformers takes seconds and half a gigabyte, which do not belong into the process of
the caller.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import cast

from finetune_sdk import errors
from finetune_sdk.errors import (
    ConfigurationError,
    DatasetFileError,
    FineTuneError,
    InvalidRequestError,
    ProviderError,
    QuotaExceededError,
    ServerError,
)
from finetune_sdk.providers.local import faults
from finetune_sdk.providers.local.environment import child_environment, secrets
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.process import signal_group
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.transport import redact

_SHOWN = 1000

_OPTIONS = frozenset(
    {"invalid_option", "invalid_hyperparameter", "unknown_hyperparameter", "reward_not_found"}
)
_ROWS = frozenset(
    {"row_too_long", "wrong_row", "too_few_rows", "nothing_to_learn", "unsupported_content"}
)


def ask(module: str, draft: JobFolder, environ: Mapping[str, str], *, patience: float) -> object:
    """What a module of ours finds out about a job whose `spec.json` is in a folder.

    Args:
        module: run as a program of `answering`.
        patience: seconds until it is given up.

    Raises:
        TimeoutError: it was given up.
        DatasetFileError: a row cannot be learned.
        ConfigurationError: an option is wrong.
        QuotaExceededError: the memory or the disk of this machine is too small.
        InvalidRequestError: it cannot be learned so for another reason.
        ServerError: the look itself failed.
    """
    try:
        done = _run(module, draft, environ, patience)
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    answer = _answer(done, environ)
    if error := answer.get("error"):
        raise _ours(cast("Mapping[str, object]", error))
    if failure := answer.get("failure"):
        raise _translated(cast("Mapping[str, object]", failure), draft)
    return answer["found"]


def _run(
    module: str, draft: JobFolder, environ: Mapping[str, str], patience: float
) -> subprocess.CompletedProcess[bytes]:
    # Files, not pipes: a process that a reward's module leaves behind would hold pipes open.
    with TemporaryFile() as out, TemporaryFile() as err:
        folders = (str(draft.path), str(draft.home.root))
        argv = [sys.executable, "-P", "-m", module, *folders]
        # What looks ends when its input does: with a Ctrl-C at any moment, and with our own end.
        theirs, ours = os.pipe()
        try:
            process = subprocess.Popen(
                argv,
                env=child_environment(environ),
                cwd=draft.path,
                stdin=theirs,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            code = _end_of(process, patience)
        finally:
            os.close(theirs)
            os.close(ours)
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(argv, code, out.read(), err.read())


def _end_of(process: subprocess.Popen[bytes], patience: float) -> int:
    """Waits for a process, and ends all that it started; gives its exit code."""
    try:
        return process.wait(patience)
    finally:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _answer(
    done: subprocess.CompletedProcess[bytes], environ: Mapping[str, str]
) -> dict[str, object]:
    try:
        answer: object = json.loads(done.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        said = redact(done.stderr.decode(errors="replace"), *secrets(environ)).strip()
        raise ServerError(
            f"the look at the job ended with exit code {done.returncode} and no answer; nothing "
            f"was made; its last words: {said[-_SHOWN:] or 'none'}",
            provider=NAME,
            code="inspection_failed",
        )
    return cast("dict[str, object]", answer)


def _ours(told: Mapping[str, object]) -> FineTuneError:
    kind: object = getattr(errors, str(told["kind"]))
    message = str(told["message"])
    if isinstance(kind, type) and issubclass(kind, ProviderError):
        code = cast("str | None", told["code"])
        status = cast("int | None", told["status_code"])
        return kind(message, provider=NAME, code=code, status_code=status)
    known = (errors.UnsupportedError, ConfigurationError)
    return next((one(message) for one in known if one is kind), ConfigurationError(message))


def _translated(told: Mapping[str, object], draft: JobFolder) -> FineTuneError:
    """A failure of the trainer as the error of a create."""
    code, message = str(told["code"]), str(told["message"])
    if code in _ROWS:
        return DatasetFileError(message, code=code)
    if code in _OPTIONS:
        return ConfigurationError(message)
    if code == "disk_full":
        return faults.disk_full(draft.home)
    if code == "out_of_memory":
        return QuotaExceededError(message, provider=NAME, code="not_enough_memory")
    return InvalidRequestError(message, provider=NAME, code=code)
