"""The trainer's process: `python -m finetune_sdk.providers.local.training <job folder>`."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.training import hardware, ranks
from finetune_sdk.providers.local.training.failures import explain
from finetune_sdk.providers.local.training.quiet import Quiet

_LOG = logging.getLogger("finetune_sdk.training")

_ENVIRONMENT = {
    # Its threads and those of torch would share the cores, and it warns at a fork.
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}

# Threads that wait by spinning, on cores that others use too, slowed steps down tenfold; threads
# that sleep were put on one core by the system unless they were bound (measured, libgomp).
_THREADS = {"OMP_WAIT_POLICY": "passive", "OMP_PROC_BIND": "true"}


def main(path: Path) -> int:
    """Trains the job of a folder; gives the exit code."""
    folder = JobFolder(path) if ranks.first() else Quiet(path)
    try:
        from finetune_sdk.providers.local.training.run import train

        tokens = train(folder)
        # Without a result it is not done: it was asked to stop, and goes on later.
        if tokens is not None:
            folder.write("result", {"trained_tokens": tokens})
    except Exception as error:  # noqa: BLE001 - whatever it is, the job must say why
        _fail(JobFolder(path), error)
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """Ends this process at once.

    Where several trained, threads of torch's backends may still be there when Python takes its
    modules down, and then end the process by a signal (seen with gloo, torch 2.13): all that was
    learned is saved by now. A broken group would also wait for the others.
    """
    # What was to be done at the end, such as to tell a service that it is over.
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _fail(folder: JobFolder, error: Exception) -> None:
    traceback.print_exception(error)
    failure = explain(error)
    # Of several processes the one that failed first knows why.
    if ranks.is_lost(error) or (ranks.world() > 1 and folder.read("failure")):
        return
    # On a full disk there may be no room for the reason either; the log has it.
    with suppress(OSError):
        folder.write("failure", {"code": failure.code, "message": str(failure)})
    _LOG.error("%s: %s", failure.code, failure)


def prepare() -> None:
    """Sets up this process, before torch is loaded."""
    os.environ.update(_ENVIRONMENT)
    # Several processes would bind their threads to the same cores.
    alone = ranks.world() == 1
    if alone and hardware.cores() > 1 and "OMP_NUM_THREADS" not in os.environ:
        for name, value in _THREADS.items():
            os.environ.setdefault(name, value)
    if alone:
        # One process trains on one GPU; with more of them visible, transformers takes them all.
        shown = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
        os.environ["CUDA_VISIBLE_DEVICES"] = shown.split(",")[0]
    logging.basicConfig(
        # One of several speaks for all.
        level=logging.INFO if ranks.first() else logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s",
    )


if __name__ == "__main__":
    prepare()
    status = main(Path(sys.argv[1]))
    if ranks.world() > 1:
        _leave(status)
    sys.exit(status)
