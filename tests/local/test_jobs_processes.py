"""Who may die, and what becomes of the job then."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finetune_sdk.providers.local.environment import child_environment
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.launcher import Launcher
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import TRAINER, Bench, all_processes, command_line, environment, kill
from tests.support import eventually

ROOT = Path(__file__).parents[2]
_CHILD_SUBREAPER = 36
# What Python sets for itself where the locale is C.
_OF_PYTHON = ("LC_CTYPE",)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
def test_loc_03_a_job_outlives_its_caller(bench: Bench, number: signal.Signals) -> None:
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


def test_loc_04_a_trainer_without_its_supervisor_still_runs_and_then_is_lost(bench: Bench) -> None:
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


def test_loc_16_a_deaf_trainer_without_its_supervisor_can_be_cancelled(bench: Bench) -> None:
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


def test_loc_04_a_job_whose_supervisor_and_trainer_were_killed_goes_on(bench: Bench) -> None:
    job = bench.create(block_at="3", steps="4", checkpoint_every="2")
    bench.running(job)
    kill(bench.supervisor(job))
    # While its trainer lives nothing is started beside it.
    assert bench.provider.resume_job(job.id).status is JobStatus.RUNNING
    kill(bench.trainer(job))
    (bench.folder(job) / "go").touch()
    bench.provider.resume_job(job.id)

    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert len((bench.folder(job) / "starts.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(("step", "made"), [("draft", False), ("made", True), ("started", True)])
def test_loc_02_a_caller_that_is_killed_while_it_creates(
    bench: Bench, step: str, made: bool
) -> None:
    with _caller("die", bench, step) as caller:
        assert caller.wait(timeout=60) == -signal.SIGKILL

    found = bench.provider.find_jobs("one")
    assert len(found) == made
    assert [job.id for job in bench.provider.list_jobs(limit=9, cursor=None).items] == [
        job.id for job in found
    ]
    # The same call again finds what is there, and starts it once.
    job = bench.create(block_at="2")
    bench.running(job)
    assert len((bench.folder(job) / "starts.jsonl").read_text().splitlines()) == 1


def test_loc_07_the_number_of_a_process_is_never_trusted(bench: Bench) -> None:
    """A pid that was given out anew, to somebody who has nothing to do with the job."""
    with subprocess.Popen(["sleep", "60"], process_group=0) as stranger:
        job = _orphaned(bench)
        state = JobFolder(bench.folder(job)).read("state") or {}
        JobFolder(bench.folder(job)).write("state", {**state, "group": stranger.pid})
        bench.provider.cancel_job(job.id)

        assert bench.ended(job).status is JobStatus.CANCELLED
        assert stranger.poll() is None
        stranger.kill()


def test_a_trainer_of_which_nobody_noted_the_number_can_be_cancelled(bench: Bench) -> None:
    job = _orphaned(bench)
    state = JobFolder(bench.folder(job)).read("state") or {}
    JobFolder(bench.folder(job)).write("state", {**state, "group": None})
    bench.provider.cancel_job(job.id)

    assert bench.ended(job).status is JobStatus.CANCELLED
    assert not bench.processes()


def test_a_clock_that_was_set_back_gives_a_deaf_trainer_no_more_time(bench: Bench) -> None:
    job = bench.create(ending="ignore_sigterm")
    eventually(lambda: (bench.folder(job) / "deaf.json").exists())
    kill(bench.supervisor(job))
    (bench.folder(job) / "cancel").touch()
    os.utime(bench.folder(job) / "cancel", (2**32, 2**32))

    assert bench.ended(job).status is JobStatus.CANCELLED
    bench.clear()


def test_what_a_trainer_left_behind_does_not_keep_its_job_from_its_end(bench: Bench) -> None:
    bench.grace = 0.1
    bench.provider = bench.another()
    job = bench.create(ending="leave_a_daemon", block_at="2")
    eventually((bench.folder(job) / "waits").exists)
    kill(bench.supervisor(job))
    trainer = bench.trainer(job)
    (bench.folder(job) / "go").touch()
    eventually(lambda: trainer not in bench.processes())

    assert bench.ended(job).status is JobStatus.SUCCEEDED
    # Nor the next one from the machine.
    assert bench.ended(bench.create("second")).status is JobStatus.SUCCEEDED
    eventually(lambda: not bench.processes())


def test_who_only_looks_at_a_job_is_not_taken_for_its_trainer(bench: Bench) -> None:
    job = _orphaned(bench)
    program = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    lock = JobFolder(bench.folder(job)).lock.resolve()
    looker = subprocess.Popen(
        [sys.executable, "-c", program, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,
    )
    with looker:
        assert looker.stdout is not None
        looker.stdout.readline()
        bench.provider.cancel_job(job.id)
        assert bench.ended(job).status is JobStatus.CANCELLED
        assert looker.poll() is None
        looker.kill()


def test_loc_08_a_zombie_is_dead(bench: Bench) -> None:
    with _adopting_orphans():
        job = bench.running(bench.create(ending="hang", checkpoint_every="1"))
        supervisor, trainer = bench.supervisor(job), bench.trainer(job)
        kill(supervisor, signal.SIGSTOP)
        kill(trainer)
        kill(supervisor)
    # Nobody has taken note of their ends, so both numbers are still taken.
    assert Path(f"/proc/{supervisor}").exists()
    assert Path(f"/proc/{trainer}").exists()
    seen = bench.get(job)
    assert (seen.status, seen.raw_status) == (JobStatus.PAUSED, "lost")

    bench.provider.resume_job(job.id)
    bench.until(job, JobStatus.RUNNING)
    for pid in (supervisor, trainer):
        os.waitpid(pid, 0)


def test_loc_09_a_lock_file_is_no_lock(bench: Bench) -> None:
    jobs = bench.home / "local"
    job = bench.ended(bench.create("first"))
    assert (bench.folder(job) / "job.lock").exists()
    assert (jobs / "locks" / "cpu.lock").exists()

    assert bench.ended(bench.create("second")).status is JobStatus.SUCCEEDED


def test_loc_09_a_lock_that_is_held_is_respected(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    supervisor = bench.supervisor(job)
    Launcher(trainer=TRAINER, environ=bench.environ).start(JobFolder(bench.folder(job)))

    assert bench.supervisor(job) == supervisor
    assert len((bench.folder(job) / "starts.jsonl").read_text().splitlines()) == 1


def test_pol_13_a_waiter_that_is_killed_is_followed_by_another(bench: Bench) -> None:
    job = bench.create(block_at="2", steps="3")
    with _caller("wait", bench, job.id) as first:
        assert first.stdout is not None
        heard = [first.stdout.readline().split()[0]]
        first.kill()
    (bench.folder(job) / "go").touch()
    with _caller("wait", bench, job.id) as second:
        *lines, status = second.communicate(timeout=60)[0].splitlines()

    assert status == "succeeded"
    ids = [line.split()[0] for line in lines]
    events = bench.provider.list_events(job.id, limit=99, cursor=None).items
    # What the file has, each once: waiting writes nothing.
    assert ids == [event.id for event in reversed(events)]
    assert heard == ids[:1]
    assert [event.type for event in events].count("running") == 1


def test_a_supervisor_that_is_told_to_go_takes_its_trainer_along(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    kill(bench.supervisor(job), signal.SIGTERM)

    job = bench.until(job, JobStatus.PAUSED)
    assert job.raw_status == "lost"
    eventually(lambda: not bench.processes())
    # What was learned is saved on the way out, as when the machine goes down.
    assert job.progress is not None
    saved = bench.provider.list_checkpoints(job.id, limit=9, cursor=None).items
    assert [one.step for one in saved] == [job.progress.step]


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


def test_sec_12_the_trainer_sees_no_key_of_others(bench: Bench) -> None:
    planted = {
        "OPENAI_API_KEY": "sk-planted",
        "AWS_SECRET_ACCESS_KEY": "planted",
        "HTTPS_PROXY": "http://alice:planted@proxy:3128",
        "HTTP_PROXY": "http://proxy:3128",
        "PYTHONSTARTUP": "/planted.py",
        "WANDB_API_KEY": "planted",
        "A_VENDOR_THAT_NOBODY_KNOWS": "planted",
        "HF_TOKEN": "hf_token",
        "HF_HOME": "/models",
    }
    provider_environment = {**bench.environ, **planted}
    provider = bench.another(**planted)
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
        allowed = {*child_environment(provider_environment), "PYTHONUNBUFFERED", *_OF_PYTHON}
        assert set(seen) <= allowed


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


def _caller(program: str, bench: Bench, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.local.callers", program, str(bench.home), *more]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@contextmanager
def _adopting_orphans() -> Generator[None]:
    """Makes this process the parent of those whose own has died; it does not look after them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux" or libc.prctl(_CHILD_SUBREAPER, 1, 0, 0, 0):
        pytest.skip("orphans cannot be adopted here")
    try:
        yield
    finally:
        libc.prctl(_CHILD_SUBREAPER, 0, 0, 0, 0)


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
