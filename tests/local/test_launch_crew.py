"""Several processes train one job: they live, end and are told of as one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import ProviderSettings
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import slots
from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held, release
from finetune_sdk.providers.local.jobs.slots import Slot
from finetune_sdk.providers.local.jobs.team import team_of
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import SUPERVISOR, Bench, children, kill
from tests.support import eventually

TRAINER = Path(__file__).with_name("crew_trainer.py")
CREW = "finetune_sdk.providers.local.jobs.crew"
GPUS = tuple(Slot(str(number)) for number in range(4))


class CrewBench(Bench):
    """Jobs of two processes."""

    def another(self, **environ: str) -> LocalProvider:
        return LocalProvider(
            home=self.home,
            trainer=(sys.executable, str(TRAINER)),
            environ={**self.environ, **environ},
            cancel_grace=self.grace,
            launcher="torchrun",
            processes=2,
        )

    def crew(self, job: Job) -> int:
        """What has started the processes."""
        return self._only(lambda line: job.id in line and CREW in line and SUPERVISOR not in line)

    def ranks(self, job: Job) -> list[dict[str, str]]:
        """What the processes were told, once both have begun."""
        files = [self.folder(job) / f"rank-{rank}.json" for rank in range(2)]
        eventually(lambda: all(file.exists() and file.read_text().endswith("}") for file in files))
        return [json.loads(file.read_text()) for file in files]


@pytest.fixture
def crew(tmp_path: Path) -> Generator[CrewBench]:
    if sys.platform == "win32":
        pytest.skip("the local provider is for Linux and macOS")
    before = children()
    bench = CrewBench(tmp_path / "Rezepte für Ärzte 食", grace=1.0)
    yield bench
    bench.clear()
    assert children() == before


def test_each_process_is_told_what_torchrun_would_tell_it(crew: CrewBench) -> None:
    job = crew.create(ending="hang")
    first, second = crew.ranks(job)
    assert [one["RANK"] for one in (first, second)] == ["0", "1"]
    assert [one["LOCAL_RANK"] for one in (first, second)] == ["0", "1"]
    assert {one["WORLD_SIZE"] for one in (first, second)} == {"2"}
    assert {one["LOCAL_WORLD_SIZE"] for one in (first, second)} == {"2"}
    # They meet on this machine alone, and each has its own port for it.
    assert {one["MASTER_ADDR"] for one in (first, second)} == {"127.0.0.1"}
    assert first["MASTER_PORT"] == second["MASTER_PORT"]
    assert first["GLOO_SOCKET_IFNAME"].startswith("lo")
    assert first["NCCL_SOCKET_IFNAME"].startswith("lo")
    # Whoever may signal one group reaches all of them.
    groups = {os.getpgid(int(one["pid"])) for one in (first, second)}
    assert groups == {os.getpgid(crew.crew(job))}


def test_a_whole_job_and_what_is_told_of_it(crew: CrewBench) -> None:
    job = crew.ended(crew.create())
    assert job.status is JobStatus.SUCCEEDED
    assert job.settings["launcher"] == "torchrun"
    assert job.settings["processes"] == "2, as `processes` says"
    eventually(lambda: not crew.processes())


def test_loc_16_deaf_processes_and_their_children_are_ended(crew: CrewBench) -> None:
    job = crew.create(ending="ignore_sigterm", other="deaf")
    for name in ("deaf.json", "deaf"):
        eventually((crew.folder(job) / name).exists)
    # Two trainers, a child of each, the crew and the supervisor.
    eventually(lambda: len(crew.processes()) == 6)
    crew.provider.cancel_job(job.id)
    assert crew.ended(job).status is JobStatus.CANCELLED
    eventually(lambda: not crew.processes())


def test_loc_05_a_killed_process_ends_all_and_the_job_goes_on_later(crew: CrewBench) -> None:
    job = crew.create(other="killed", steps="6", checkpoint_every="2", pause="0.3")
    job = crew.until(job, JobStatus.PAUSED)
    assert job.raw_status == "killed_out_of_memory_likely"
    assert job.error is not None
    assert "is kept" in job.error.message
    eventually(lambda: not crew.processes())

    crew.provider.resume_job(job.id)
    job = crew.ended(job)
    assert job.status is JobStatus.SUCCEEDED
    straight = crew.ended(crew.create("straight", steps="6"))
    learned = [
        (crew.folder(one) / "model" / "adapter_model.safetensors").read_text()
        for one in (job, straight)
    ]
    assert learned[0] == learned[1]


def test_a_kill_of_what_started_them_leaves_none(crew: CrewBench) -> None:
    job = crew.running(crew.create(ending="hang"))
    crew.ranks(job)
    kill(crew.crew(job))
    job = crew.ended(job)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "killed_out_of_memory_likely"
    eventually(lambda: not crew.processes())


@pytest.mark.parametrize("with_crew", [False, True])
def test_without_a_supervisor_they_hold_the_lock_and_can_be_cancelled(
    crew: CrewBench, with_crew: bool
) -> None:
    job = crew.running(crew.create(ending="hang"))
    crew.ranks(job)
    supervisor, starter = crew.supervisor(job), crew.crew(job)
    kill(supervisor)
    if with_crew:
        kill(starter)
    assert len(crew.processes(lambda line: CREW not in line)) == 2
    assert crew.get(job).status is JobStatus.RUNNING
    assert is_held(JobFolder(crew.folder(job)).lock)
    crew.provider.cancel_job(job.id)
    eventually(lambda: crew.get(job).status is JobStatus.CANCELLED)
    eventually(lambda: not crew.processes())


def test_the_reason_of_any_process_is_the_jobs(crew: CrewBench) -> None:
    job = crew.ended(crew.create(ending="hang", other="fail"))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "row_too_long"
    assert job.error.message == "the second process has read row 3"


def test_an_exit_code_comes_through(crew: CrewBench) -> None:
    job = crew.ended(crew.create(ending="hang", other="crash"))
    assert job.error is not None
    assert job.error.code == "trainer_crashed"
    assert "exit code 7" in job.error.message
    assert "the last words of the second process" in job.error.message


def test_a_job_stays_launched_as_it_was_made(crew: CrewBench) -> None:
    job = crew.running(crew.create(steps="6", block_at="3", checkpoint_every="1"))
    crew.provider.pause_job(job.id)
    (crew.folder(job) / "go").touch()
    crew.until(job, JobStatus.PAUSED)
    for rank in range(2):
        (crew.folder(job) / f"rank-{rank}.json").unlink()

    other = LocalProvider(home=crew.home, trainer=(sys.executable, str(TRAINER)))
    other.resume_job(job.id)
    assert crew.ended(job).status is JobStatus.SUCCEEDED
    assert len(crew.ranks(job)) == 2


def test_a_signal_to_what_started_them_reaches_all(crew: CrewBench) -> None:
    job = crew.running(crew.create(ending="hang", checkpoint_every="1"))
    crew.ranks(job)
    os.kill(crew.crew(job), signal.SIGTERM)
    job = crew.until(job, JobStatus.PAUSED)
    assert job.raw_status == "trainer_ended_from_outside"
    eventually(lambda: not crew.processes())


def test_two_crews_never_want_one_port() -> None:
    """Each holds its port from before its processes begin until the first one has taken it."""
    show = "import os, time; os.write(1, os.environb[b'MASTER_PORT'] + b'\\n'); time.sleep(60)"
    words = [sys.executable, "-m", CREW, "2", "--", sys.executable, "-c", show]
    crews = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        lines = [[one.stdout.readline() for _ in range(2)] for one in crews if one.stdout]
        assert all(first == second for first, second in lines)
        assert len({first for first, _ in lines}) == len(crews)
    finally:
        for one in crews:
            one.terminate()
        for one in crews:
            one.communicate(timeout=30)


def test_as_many_gpus_as_processes_or_none(tmp_path: Path) -> None:
    home = LocalHome(tmp_path)
    folder = JobFolder(home.jobs / "ftjob-0123456789abcdef")
    folder.path.mkdir(parents=True)
    home.make(home.locks)
    claimed = slots.claim(folder, GPUS, 3)
    assert claimed is not None
    slot, handles = claimed
    assert slot.environment() == {"CUDA_VISIBLE_DEVICES": "0,1,2"}
    assert slot.name == "gpu-0 and gpu-1 and gpu-2"
    assert slots.claim(folder, GPUS, 2) is None
    # Who gets none holds none.
    last = slots.claim(folder, GPUS, 1)
    assert last is not None
    assert last[0] == Slot("3")
    for handle in (*handles, *last[1]):
        release(handle)
    again = slots.claim(folder, GPUS, 4)
    assert again is not None
    assert len(again[1]) == 4
    for handle in again[1]:
        release(handle)


def test_processes_share_the_one_place_on_a_cpu() -> None:
    assert slots.needed(4, (Slot(None),)) == 1
    assert slots.needed(4, GPUS) == 4


@pytest.mark.parametrize(
    ("processes", "machine", "expected"),
    [
        (None, GPUS, 4),
        (2, GPUS, 2),
        (None, (Slot(None),), 1),
        (3, (Slot(None),), 3),
    ],
)
def test_how_many(processes: int | None, machine: tuple[Slot, ...], expected: int) -> None:
    team = team_of(processes, machine)
    assert team.processes == expected
    assert team.why


def test_more_processes_than_gpus() -> None:
    with pytest.raises(ConfigurationError, match="`processes` is 4, and this machine shows 2 GPU"):
        team_of(4, GPUS[:2])


def test_processes_need_a_launcher_for_several(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="`processes` is 2, and `launcher` 'process'"):
        LocalProvider(home=tmp_path, processes=2)
    with pytest.raises(ConfigurationError, match="processes"):
        LocalProvider(home=tmp_path, launcher="torchrun", processes=0)


def test_a_profile_says_it(tmp_path: Path) -> None:
    values: dict[str, object] = {"launcher": "torchrun", "processes": 2}
    LocalProvider.open(ProviderSettings(values=values, home=tmp_path, environ={})).close()
    values = {"launcher": "accelerate"}
    with pytest.raises(ConfigurationError, match="launcher"):
        LocalProvider.open(ProviderSettings(values=values, home=tmp_path, environ={}))
