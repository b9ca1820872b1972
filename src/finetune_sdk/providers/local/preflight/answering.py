"""What the processes share that find out something before there is a job.

`python -P -m <module> <folder> <home>` prints one JSON object about the job whose `spec.json` is in
the folder: `found` with what was asked for, or `error` (one of ours) or `failure` (the trainer's).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from finetune_sdk.errors import FineTuneError, ProviderError
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.preflight.draft import Draft
from finetune_sdk.providers.local.training.failures import explain

Find = Callable[[JobFolder], object]
"""What is found out about a job's folder, as JSON has it."""


def answer(folder: JobFolder, find: Find) -> dict[str, object]:
    """What is printed: whatever happens, one of three kinds of answer."""
    try:
        return {"found": find(folder)}
    except FineTuneError as error:
        return {"error": _told(error)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear why
        traceback.print_exception(error)
        failure = explain(error)
        return {"failure": {"code": failure.code, "message": str(failure)}}


def main(find: Find) -> None:
    """The program: answers the caller and ends, with the caller at the latest."""
    from finetune_sdk.providers.local.training.__main__ import prepare

    prepare()
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    folder, home = map(Path, sys.argv[1:])
    # What a library or a reward function prints must not get between.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        text = json.dumps(answer(Draft(folder, LocalHome(home)), find))
        with suppress(BrokenPipeError):
            out.write(text)


def _told(error: FineTuneError) -> Mapping[str, object]:
    told: dict[str, object] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, ProviderError):
        told |= {"code": error.code, "status_code": error.status_code}
    return told


def _end_with_the_caller() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)
