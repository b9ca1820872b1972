"""The command as a process of its own: signals, pipes, jobs that outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finetune_sdk.types import Job, JobStatus
from tests.cli.conftest import Command
from tests.local.small_jobs import Bench

RUN = [sys.executable, "-m", "finetune_sdk.cli"]
RECIPE = "model: a-base-model\ntraining_data: train.jsonl\nmetadata: {pause: '0.05', steps: '%d'}\n"


def _default_signals() -> None:
    # Whoever runs the tests in the background may have these ignored, and a child inherits that.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def started(*words: str) -> Generator[subprocess.Popen[str]]:
    """The command, running; killed when the test is over."""
    process = subprocess.Popen(
        [*RUN, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_default_signals,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def finished(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *words], capture_output=True, text=True, check=False)


def handle_of(line: str) -> str:
    assert line.startswith("The job is "), line
    return line.removeprefix("The job is ").strip()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_who_stops_watching_leaves_the_job_running(
    box: Bench, project: Path, number: signal.Signals, code: int
) -> None:
    (project / "r.yaml").write_text(RECIPE % 10_000)
    with started("run", "r.yaml") as process:
        assert process.stderr is not None
        handle = handle_of(process.stderr.readline())
        job = box.running(box.provider.get_job(handle.partition(":")[2]))
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait() == code
    assert f"the job {handle} goes on" in rest
    assert f"Next: finetune jobs wait {handle}" in rest
    assert "Traceback" not in rest
    assert box.get(job).status is JobStatus.RUNNING


def test_a_job_is_found_again_by_its_handle_from_another_process(
    finetune: Command, box: Bench, project: Path
) -> None:
    (project / "r.yaml").write_text(RECIPE % 3)
    detached = finished("run", "r.yaml", "--detach", "--json")
    assert detached.returncode == 0, detached.stderr
    handle = Job.from_json(detached.stdout).handle
    waited = finetune("jobs", "wait", handle)
    assert waited.code == 0, waited.err
    assert "succeeded" in waited.out
    assert finetune("jobs", "list", "--json").documents[0]["trained_tokens"] == 1234
    assert "training begins" in finetune("jobs", "logs", handle).out
    assert "all steps are done" in finetune("jobs", "show", handle).out


def test_a_job_is_cancelled_from_another_process(
    finetune: Command, box: Bench, project: Path
) -> None:
    (project / "r.yaml").write_text(RECIPE % 10_000)
    job = Job.from_json(finished("run", "r.yaml", "--detach", "--json").stdout)
    box.running(job)
    assert finetune("jobs", "cancel", job.handle).code == 0
    assert box.ended(job).status is JobStatus.CANCELLED
    assert finetune("jobs", "wait", job.handle).code == 3


@pytest.mark.parametrize("words", [["--help"], ["init", "--json"]])
def test_a_reader_that_goes_away_is_no_reason_for_words(tmp_path: Path, words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*RUN, *words], stdout=write, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path
    )
    os.close(write)
    assert done.stderr == ""
    assert done.returncode == 1


def test_a_closed_stdout_is_no_reason_for_a_traceback(tmp_path: Path) -> None:
    command = f'"{sys.executable}" -m finetune_sdk.cli init >&-'
    done = subprocess.run(
        ["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path
    )
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_behind_stdout_is_one_clear_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*RUN, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "error: No space left on device\n"


def test_a_terminal_that_is_narrow_still_shows_whole_handles(box: Bench, project: Path) -> None:
    pty = pytest.importorskip("pty")
    (project / "r.yaml").write_text(RECIPE % 1)
    job = Job.from_json(finished("run", "r.yaml", "--detach", "--json").stdout)
    box.ended(job)
    main, terminal = pty.openpty()
    environ = {**os.environ, "COLUMNS": "30", "NO_COLOR": "1", "TERM": "xterm"}
    subprocess.run(
        [*RUN, "jobs", "list"], stdout=terminal, stderr=subprocess.DEVNULL, env=environ, check=True
    )
    os.close(terminal)
    shown = os.read(main, 65536).decode()
    os.close(main)
    assert job.handle in shown
    assert "\x1b[3" not in shown


def test_the_doctor_asks_no_heavy_package_for_its_version(box: Bench, project: Path) -> None:
    code = (
        "import sys\nfrom finetune_sdk.cli import main\nassert main(['doctor']) == 0\n"
        "heavy = {'torch', 'transformers', 'openai', 'huggingface_hub'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
