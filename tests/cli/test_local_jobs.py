"""What a command can do with real jobs on this machine: their folders, processes and terminals."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from finetune_sdk.types import Checkpoint, Job, JobStatus
from tests.cli.conftest import Command
from tests.cli.test_processes import RUN
from tests.local.small_jobs import Bench

RECIPE = """\
model: a-base-model
training_data: train.jsonl
metadata: {pause: '0.02', steps: '60', checkpoint_every: '5'}
"""


@pytest.fixture
def job(finetune: Command, box: Bench, project: Path) -> Job:
    (project / "r.yaml").write_text(RECIPE)
    made = finetune("run", "r.yaml", "--detach", "--json")
    assert made.code == 0, made.err
    return Job.from_json(made.out)


def test_a_job_is_paused_looked_at_and_resumed_to_its_end(
    finetune: Command, box: Bench, job: Job, project: Path
) -> None:
    box.running(job)
    assert finetune("jobs", "pause", job.handle).code == 0
    stopped = finetune("jobs", "wait", job.handle)
    assert stopped.code == 1
    assert stopped.err.rstrip().endswith(f"Next: finetune jobs resume {job.handle}")
    saved = [
        Checkpoint.model_validate(one)
        for one in finetune("jobs", "checkpoints", job.handle, "--json").documents
    ]
    assert saved
    at = box.get(job).progress
    assert at is not None
    assert saved[0].step == at.step < 60
    assert finetune("jobs", "resume", job.handle).code == 0
    done = finetune("jobs", "wait", job.handle)
    assert done.code == 0, done.err
    assert box.get(job).status is JobStatus.SUCCEEDED
    steps = [one["step"] for one in finetune("jobs", "metrics", job.handle, "--json").documents]
    assert sorted(set(map(int, map(str, steps)))) == list(range(1, 61))
    assert finetune("models", "download", job.handle, "mine").code == 0
    assert (project / "mine" / "adapter_model.safetensors").exists()


def test_an_export_of_this_machine_goes_to_another_place(
    finetune: Command, box: Bench, job: Job
) -> None:
    box.ended(job)
    done = finetune("export", job.handle, "out")
    assert done.code == 0, done.err
    assert "--to PROFILE --model MODEL" in done.err
    assert "--to local" not in done.err


def test_a_terminal_gets_the_curve_without_asking(box: Bench, job: Job) -> None:
    pty = pytest.importorskip("pty")
    box.ended(job)
    main, terminal = pty.openpty()
    environ = {**os.environ, "COLUMNS": "60", "TERM": "xterm", "PYTHONUTF8": "1"}
    subprocess.run(
        [*RUN, "jobs", "show", job.handle],
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env=environ,
        check=True,
    )
    os.close(terminal)
    shown = os.read(main, 65536).decode()
    os.close(main)
    curve = [line for line in shown.splitlines() if "┤" in line]
    assert len(curve) == 8
    assert max(map(len, curve)) <= 60


def test_what_nobody_needs_is_shown_and_cleaned(finetune: Command, box: Bench, job: Job) -> None:
    box.ended(job)
    listed = finetune("local", "clean", "--profile", "box", "--json")
    assert listed.code == 0, listed.err
    assert {str(one["path"]) for one in listed.documents}
    done = finetune("local", "clean", "--profile", "box", "--yes")
    assert done.code == 0, done.err
    assert finetune("local", "clean", "--profile", "box", "--json").documents == []
    assert box.get(job).fine_tuned_model
