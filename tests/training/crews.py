"""Trainings in several processes, started as the supervisor starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.team import Team
from finetune_sdk.providers.local.options import LocalOptions, Parallel
from finetune_sdk.types import Method
from tests.training.jobs import make_job

Row = Mapping[str, object]
PROCESSES = 2
PYTHON = (sys.executable, "-W", "ignore", "-P", "-m")
TRAINER = "finetune_sdk.providers.local.training"
CREW = (*PYTHON, "finetune_sdk.providers.local.jobs.crew", str(PROCESSES), "--", *PYTHON, TRAINER)
TORCHRUN = (
    *(*PYTHON, "torch.distributed.run", "--nproc-per-node", str(PROCESSES)),
    # Port 0: torchrun takes a free one.
    *("--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "-m", TRAINER),
)


def job(
    home: Path,
    model: Path,
    rows: Iterable[Row],
    method: Method,
    *,
    name: str,
    micro: int,
    validation: Iterable[Row] | None = None,
    parallel: Parallel | None = None,
) -> JobFolder:
    """A job whose numbers are told at each step, in arithmetic that is the same everywhere."""
    options = LocalOptions(
        micro_batch_size=micro,
        precision="float32",
        logging_steps=1,
        eval_steps=2,
        save_steps=2,
        keep_checkpoints=20,
        parallel=parallel,
    )
    return make_job(
        home, model, rows, name=name, validation=validation, method=method, options=options
    )


def start(folder: JobFolder, command: Sequence[str] = CREW) -> subprocess.Popen[bytes]:
    """Starts as many processes as there are in a crew."""
    if not (folder.path / "team.json").exists():
        Team(processes=PROCESSES).save(folder)
    with folder.log.open("ab") as log:
        return subprocess.Popen(
            [*command, str(folder.path)],
            cwd=folder.path,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "GLOO_SOCKET_IFNAME": "lo"},
        )


def train(folder: JobFolder, command: Sequence[str] = CREW) -> JobFolder:
    """Trains in several processes.

    Raises:
        AssertionError: it failed; the message has the reason.
    """
    assert start(folder, command).wait(timeout=300) == 0, folder.log.read_text(encoding="utf-8")
    return folder
