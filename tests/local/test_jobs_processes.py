"""Who may die, and what becomes of the job then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.launcher import Launcher
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import TRAINER, Bench, all_processes, command_line, environment, kill
from tests.support import eventually

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
def test_a_job_outlives_its_caller(bench: Bench, number: signal.Signals) -> None:
    words = [sys.executable, "-m", "tests.local.callers", "linger", str(bench.home)]
    with subprocess.Popen(
        words,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as caller:
        assert caller.stdout is not None
        job = bench.provider.get_job(caller.stdout.readline().strip())
        # To the whole group, as Ctrl-C in a terminal and the end of a terminal do.
        os.killpg(caller.pid, number)
    assert caller.returncode == -number
    assert not job.status.terminal
    assert bench.ended(job).status is JobStatus.SUCCEEDED


def test_a_trainer_without_its_supervisor_still_runs_and_then_is_lost(bench: Bench) -> None:
    job = _orphaned(bench)
    assert bench.get(job).status is JobStatus.RUNNING

    kill(bench.trainer(job))
    job = bench.get(job)
    assert (job.status, job.raw_status) == (JobStatus.PAUSED, "lost")
    # Neither reading nor the same call nor a supervisor that comes late starts it anew.
    assert bench.create(ending="hang").status is JobStatus.PAUSED
    Launcher(trainer=TRAINER, environ=bench.environ).start(JobFolder(bench.folder(job)))
    assert not bench.processes()


def test_a_trainer_that_did_all_without_its_supervisor_has_succeeded(bench: Bench) -> None:
    job = bench.running(bench.create(steps="20", pause="0.05"))
    kill(bench.supervisor(job))

    assert bench.ended(job).status is JobStatus.SUCCEEDED


def test_a_trainer_without_its_supervisor_can_be_cancelled(bench: Bench) -> None:
    job = _orphaned(bench)
    bench.provider.cancel_job(job.id)

    assert bench.ended(job).status is JobStatus.CANCELLED
    assert not bench.processes()


def test_a_deaf_trainer_without_its_supervisor_can_be_cancelled(bench: Bench) -> None:
    bench.grace = 0.3
    bench.provider = bench.another()
    job = bench.create(ending="ignore_sigterm")
    eventually(lambda: (bench.folder(job) / "deaf.json").exists())
    kill(bench.supervisor(job))
    bench.provider.cancel_job(job.id)

    assert bench.ended(job).status is JobStatus.CANCELLED
    bench.clear()


def test_a_lost_job_can_be_cancelled(bench: Bench) -> None:
    job = _orphaned(bench)
    kill(bench.trainer(job))
    assert bench.get(job).status is JobStatus.PAUSED

    assert bench.provider.cancel_job(job.id).status is JobStatus.CANCELLED


def test_a_supervisor_that_is_told_to_go_takes_its_trainer_along(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    kill(bench.supervisor(job), signal.SIGTERM)

    job = bench.until(job, JobStatus.PAUSED)
    assert job.raw_status == "lost"
    eventually(lambda: not bench.processes())


def test_a_supervisor_takes_no_notice_of_a_terminal(bench: Bench) -> None:
    job = bench.running(bench.create(steps="20", pause="0.05"))
    supervisor = bench.supervisor(job)
    assert os.getsid(supervisor) == supervisor
    kill(supervisor, signal.SIGINT)
    kill(supervisor, signal.SIGHUP)

    job = bench.ended(job)
    # Its own words: one who found the job without it says something else.
    last = bench.provider.list_events(job.id, limit=1, cursor=None).items[0]
    assert last.message == "the job succeeded"


def test_the_trainer_sees_no_key_of_others(bench: Bench) -> None:
    provider = bench.another(
        OPENAI_API_KEY="sk-planted",
        AWS_SECRET_ACCESS_KEY="planted",
        HTTPS_PROXY="http://alice:planted@proxy:3128",
        HTTP_PROXY="http://proxy:3128",
        PYTHONSTARTUP="/planted.py",
        HF_TOKEN="hf_token",
        HF_HOME="/models",
    )
    job = bench.running(provider.create_job(bench.spec(ending="hang")))

    for pid in (bench.supervisor(job), bench.trainer(job)):
        seen = environment(pid)
        assert not any("planted" in value for value in seen.values())
        assert seen["HTTP_PROXY"] == "http://proxy:3128"
        # Gated models cannot be had without it; by the environment only.
        assert seen["HF_TOKEN"] == "hf_token"
        assert seen["HF_HOME"] == "/models"
        assert seen["PATH"] == os.environ["PATH"]
        assert "hf_token" not in command_line(pid)


def test_the_processes_hold_nothing_of_the_caller(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))

    for pid in (bench.supervisor(job), bench.trainer(job)):
        opened = {Path(f"/proc/{pid}/fd/{n}").readlink() for n in (0, 1, 2)}
        assert opened <= {Path(os.devnull), bench.folder(job) / "trainer.log"}
        assert Path(f"/proc/{pid}/cwd").readlink() == bench.folder(job)


def test_no_process_is_left_when_jobs_have_ended(bench: Bench) -> None:
    before = {pid for pid in all_processes() if _is_ours(pid)}
    for number, ending in enumerate(["ok", "fail", "crash", "leave_a_child"]):
        bench.ended(bench.create(str(number), ending=ending))

    eventually(lambda: not bench.processes())
    assert {pid for pid in all_processes() if _is_ours(pid)} == before


def _orphaned(bench: Bench) -> Job:
    job = bench.running(bench.create(ending="hang"))
    kill(bench.supervisor(job))
    return job


def _is_ours(pid: int) -> bool:
    # Zombies have no arguments any more, but they do have a parent.
    try:
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return False
    return int(parent) == os.getpid()
