"""`launcher = "ray"`: jobs of the small trainer on a stand-in of a cluster."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient, __version__
from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    FineTuneError,
    ResponseDecodeError,
)
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import TRAINER, Bench, children, environment, kill
from tests.standins import ray
from tests.support import eventually


@dataclass
class RayBench(Bench):
    """Jobs whose place is a cluster."""

    address: str = ""
    cluster: ray.Cluster = field(default_factory=lambda: ray.Cluster(Path()))
    storage: Path = field(default_factory=Path)
    cpus: int = 1
    secret: str = ray.TOKEN
    url: str = ""

    def another(self, **environ: str) -> LocalProvider:
        return LocalProvider(
            home=self.home,
            trainer=TRAINER,
            environ={**self.environ, "CLUSTER_TOKEN": self.secret, **environ},
            cancel_grace=self.grace,
            launcher="ray",
            address=self.address,
            storage=self.url or self.storage,
            token_env="CLUSTER_TOKEN",
            cpus_per_process=self.cpus,
        )

    def said(self, job: Job, type_: str) -> list[str]:
        """What the job's events of a type say, oldest first."""
        events = self.provider.list_events(job.id, limit=100, cursor=None).items
        return [event.message for event in reversed(events) if event.type == type_]

    def steps(self, job: Job) -> list[int]:
        metrics = self.provider.list_metrics(job.id, limit=100, cursor=None).items
        return [metric.step or 0 for metric in metrics]

    def learned(self, job: Job) -> str:
        """What the small trainer has made of its steps."""
        assert job.fine_tuned_model, (job.error, self.cluster.submissions)
        return Path(job.fine_tuned_model, "adapter_model.safetensors").read_text()

    def saved(self, job: Job) -> bool:
        """A checkpoint has come home."""
        return bool(self.provider.list_checkpoints(job.id, limit=1, cursor=None).items)


def all_of(cluster: ray.Cluster) -> list[int]:
    """All processes whose temporary folder is the cluster's."""
    mark = f"TMPDIR={cluster.environ['TMPDIR']}\0"
    found = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in found if mark in _text(Path(f"/proc/{pid}/environ"))]


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@pytest.fixture
def bench(tmp_path: Path) -> Generator[RayBench]:
    if sys.platform == "win32":
        pytest.skip("the local provider is for Linux and macOS")
    before = children()
    environ = {**os.environ, "PATH": ray.path_with_python(), "TMPDIR": str(tmp_path)}
    cluster = ray.Cluster(tmp_path, environ=environ)
    address, end = ray.serve(cluster)
    bench = RayBench(
        tmp_path / "Rezepte für Ärzte 食",
        address=address,
        cluster=cluster,
        storage=tmp_path / "shared",
    )
    yield bench
    bench.clear()
    end()
    eventually(lambda: children() == before)
    assert all_of(cluster) == []


def test_a_job_trains_there_and_its_folder_says_so(bench: RayBench) -> None:
    # The answer is lost on its way back; the job is there, and is not submitted a second time.
    bench.cluster.lost = 1
    made = bench.create(steps="4", checkpoint_every="2", ending="ok")
    job = bench.ended(made)
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert list(bench.cluster.submissions) == [f"{job.id}-1"]
    assert job.trained_tokens == 1234
    assert job.settings["precision"] == "float32, no bfloat16 here"
    assert bench.steps(job) == [1, 2, 3, 4]
    saved = bench.provider.list_checkpoints(job.id, limit=10, cursor=None).items
    assert [one.step for one in saved] == [4, 2]
    assert bench.said(job, "message") == ["all steps are done"]
    assert "training begins" in bench.provider.read_logs(job.id, limit=100, cursor=None).items
    _assert_no_secret(bench, job)
    assert list((bench.storage / "jobs").iterdir()) == []


def _assert_no_secret(bench: RayBench, job: Job) -> None:
    """The token went to the cluster's address alone: no file has it, and no argument."""
    folders = (bench.home, bench.storage)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if ray.TOKEN.encode() in path.read_bytes()]
    assert ray.TOKEN not in str([one.body for one in bench.cluster.submissions.values()])
    assert ray.TOKEN not in job.to_json()


def test_a_trainer_sees_neither_the_token_nor_the_cluster(bench: RayBench) -> None:
    job = bench.running(bench.create(ending="hang"))
    (trainer,) = [pid for pid in all_of(bench.cluster) if _is_trainer(pid)]
    names = environment(trainer)
    assert "TMPDIR" in names
    assert not {"RAY_AUTH_TOKEN", "CLUSTER_TOKEN"} & names.keys()
    relay = environment(bench.trainer(job))
    assert relay["CLUSTER_TOKEN"] == ray.TOKEN
    assert "PYTEST_CURRENT_TEST" not in relay


def _is_trainer(pid: int) -> bool:
    line = _text(Path(f"/proc/{pid}/cmdline"))
    return line.startswith(f"{TRAINER[0]}\0{TRAINER[1]}\0")


def test_what_the_cluster_loses_goes_on_by_itself(bench: RayBench) -> None:
    straight = bench.ended(bench.create("straight", steps="6", checkpoint_every="2"))
    job = bench.create("lost", steps="6", checkpoint_every="2", block_at="4")
    eventually(lambda: bench.saved(job))
    bench.cluster.lose_node(f"{job.id}-1")
    eventually(lambda: _runs(bench, f"{job.id}-2"))
    _go_on(bench)
    ended = bench.ended(job)
    assert bench.learned(ended) == bench.learned(straight)
    assert bench.steps(job) == [1, 2, 3, 4, 5, 6]
    (words,) = bench.said(job, "lost")
    assert "the node has died" in words.lower()
    assert "it goes on from step 2 by itself (1 of 3)" in words


def _go_on(bench: RayBench) -> None:
    """Lets go of the trainer that waits for a word."""

    def waits() -> list[Path]:
        # Of one that was lost the folder goes after its processes.
        found = (path.parent for path in bench.cluster.folder.glob("finetune-*/**/waits"))
        living = [_text(Path(f"/proc/{pid}/cmdline")) for pid in all_of(bench.cluster)]
        return [folder for folder in found if any(str(folder) in line for line in living)]

    eventually(lambda: bool(waits()))
    for folder in waits():
        (folder / "go").touch()


@pytest.mark.long
def test_what_is_lost_again_and_again_waits_for_a_word(bench: RayBench) -> None:
    job = bench.create(steps="6", checkpoint_every="2", block_at="4")
    eventually(lambda: bench.saved(job))
    for number in (1, 2, 3, 4):
        name = f"{job.id}-{number}"
        eventually(partial(_runs, bench, name))
        bench.cluster.lose_node(name)
    paused = bench.until(job, JobStatus.PAUSED)
    assert paused.raw_status == "cluster_lost"
    assert paused.error
    assert "`jobs.resume` goes on from there" in paused.error.message
    bench.provider.resume_job(job.id)
    _go_on(bench)
    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert list(bench.cluster.submissions) == [f"{job.id}-{number}" for number in range(1, 6)]


def _runs(bench: RayBench, name: str) -> bool:
    one = bench.cluster.submissions.get(name)
    return one is not None and one.word == "RUNNING"


def test_a_failure_of_the_training_is_the_end(bench: RayBench) -> None:
    # A URL does as well as a path.
    bench.url = f"file://{bench.storage}"
    bench.provider = bench.another()
    job = bench.ended(bench.create(ending="fail", steps="1"))
    assert job.error
    assert (job.error.code, job.error.message) == ("row_too_long", "row 3 has 99 tokens")
    assert len(bench.cluster.submissions) == 1


@pytest.mark.long
def test_a_trainer_that_is_killed_there_reads_as_one_here(bench: RayBench) -> None:
    job = bench.create(steps="6", checkpoint_every="2", block_at="4")
    eventually(lambda: bench.saved(job))
    (trainer,) = [pid for pid in all_of(bench.cluster) if _is_trainer(pid)]
    kill(trainer)
    paused = bench.until(job, JobStatus.PAUSED)
    assert paused.raw_status == "killed_out_of_memory_likely"
    assert len(bench.cluster.submissions) == 1


@pytest.mark.long
def test_a_relay_that_is_killed_is_no_end_of_the_job(bench: RayBench) -> None:
    job = bench.create(steps="6", checkpoint_every="2", block_at="4")
    eventually(lambda: bench.saved(job))
    kill(bench.trainer(job))
    paused = bench.until(job, JobStatus.PAUSED)
    assert paused.raw_status == "relay_ended"
    bench.provider.resume_job(job.id)
    _go_on(bench)
    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert len(bench.cluster.submissions) == 1
    assert bench.steps(job) == [1, 2, 3, 4, 5, 6]
    assert bench.said(job, "message") == ["all steps are done"]


@pytest.mark.long
def test_after_a_power_cut_here_it_is_followed_again(bench: RayBench) -> None:
    job = bench.create(steps="4", block_at="3")
    bench.running(job)
    bench.power_cut()
    _go_on(bench)
    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert len(bench.cluster.submissions) == 1


@pytest.mark.long
def test_a_cancel_after_a_power_cut_reaches_the_cluster(bench: RayBench) -> None:
    job = bench.running(bench.create(ending="hang"))
    bench.power_cut()
    (bench.folder(job) / "cancel").touch()
    assert bench.ended(job).status is JobStatus.CANCELLED
    eventually(lambda: bench.cluster.tells(f"{job.id}-1") == "STOPPED")


def test_pause_saves_there_and_resume_goes_on(bench: RayBench) -> None:
    job = bench.running(bench.create(steps="400", pause="0.05"))
    bench.provider.pause_job(job.id)
    paused = bench.until(job, JobStatus.PAUSED)
    assert paused.raw_status == "paused"
    (checkpoint,) = bench.provider.list_checkpoints(job.id, limit=9, cursor=None).items
    bench.provider.resume_job(job.id)
    eventually(lambda: len(bench.cluster.submissions) == 2)
    step = checkpoint.step or 0
    eventually(lambda: bench.steps(job)[-1:] > [step])
    assert bench.steps(job) == list(range(1, len(bench.steps(job)) + 1))


def test_cancel_ends_a_deaf_trainer_and_its_children(bench: RayBench) -> None:
    bench.grace = 1.0
    bench.provider = bench.another()
    job = bench.create(ending="ignore_sigterm", steps="1")
    eventually(lambda: any(bench.cluster.folder.glob("finetune-*/**/deaf.json")))
    bench.provider.cancel_job(job.id)
    assert bench.ended(job).status is JobStatus.CANCELLED
    assert bench.cluster.tells(f"{job.id}-1") == "STOPPED"
    eventually(lambda: all_of(bench.cluster) == [])


def test_what_there_is_no_room_for_waits_and_says_why(bench: RayBench) -> None:
    bench.cpus = 7
    bench.provider = bench.another()
    job = bench.create()
    words = "waits for the cluster: it asks for 7 CPUs; the cluster has 2 CPUs, 2 of them free"
    eventually(lambda: any(words in warning for warning in bench.get(job).warnings))
    waiting = bench.get(job)
    assert waiting.status is JobStatus.QUEUED
    assert waiting.started_at is None
    # Nor does it hold back what trains on this machine.
    bench.cluster.fail(f"{job.id}-1", "no_room", "no room in 900 seconds")
    eventually(lambda: f"{job.id}-2" in bench.cluster.submissions)
    bench.provider.cancel_job(job.id)
    assert bench.ended(job).status is JobStatus.CANCELLED
    # Ray leaves what waits where it is; it must not train when there is room.
    bench.cluster.cpus = 8
    eventually(lambda: bench.cluster.tells(f"{job.id}-2") == "STOPPED")
    assert bench.steps(job) == []


@pytest.mark.long
def test_what_waits_for_room_can_be_paused_and_resumed(bench: RayBench) -> None:
    bench.cpus = 7
    bench.provider = bench.another()
    job = bench.until(bench.create(), JobStatus.QUEUED)
    bench.provider.pause_job(job.id)
    assert bench.until(job, JobStatus.PAUSED).raw_status == "paused"
    bench.provider.resume_job(job.id)
    eventually(lambda: f"{job.id}-2" in bench.cluster.submissions)
    bench.cluster.cpus = 8
    assert bench.ended(job).status is JobStatus.SUCCEEDED
    # The first one was let in as well, and has learned nothing.
    assert bench.steps(job) == [1, 2]
    assert bench.cluster.tells(f"{job.id}-1") == "STOPPED"


@pytest.mark.long
def test_a_pause_after_a_power_cut_reaches_the_cluster(bench: RayBench) -> None:
    job = bench.running(bench.create(steps="60", pause="0.1"))
    bench.power_cut()
    (bench.folder(job) / "pause").touch()
    ended = bench.storage / "jobs" / job.id / "attempts" / "1" / "ended.json"
    eventually(lambda: bench.get(job).status is JobStatus.PAUSED and ended.exists())
    bench.provider.resume_job(job.id)
    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert len(bench.cluster.submissions) == 2
    assert bench.steps(job) == list(range(1, 61))


@pytest.mark.long
def test_a_silent_cluster_and_a_strange_word_are_waited_out(bench: RayBench) -> None:
    job = bench.running(bench.create(ending="ok", steps="4", block_at="3"))
    bench.cluster.word = "REBALANCING"
    eventually(lambda: any("'REBALANCING'" in one for one in bench.said(job, "message")))
    bench.cluster.down, bench.cluster.word = True, None
    eventually(lambda: bool(bench.said(job, "unreachable")))
    assert bench.get(job).status is JobStatus.RUNNING
    bench.cluster.down = False
    eventually(lambda: bool(bench.said(job, "reachable")))
    _go_on(bench)
    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert ray.TOKEN not in str(bench.said(job, "unreachable"))


@pytest.mark.parametrize(
    ("ours", "theirs", "code", "words"),
    [
        ("/shared", "/not-mounted", "storage_not_shared", "not-mounted"),
        (f'"{__version__}"', '"0.0.1"', "other_version", 'pip install "finetune-anywhere'),
        pytest.param(
            "python -P",
            "python -S -P",
            "finetune_sdk_missing",
            'pip install "finetune-anywhere',
            marks=pytest.mark.long,
        ),
        pytest.param(
            "python -P",
            "no-such-python -P",
            "cluster_program_failed",
            "no-such-python",
            marks=pytest.mark.long,
        ),
    ],
)
def test_what_the_cluster_lacks_is_named(
    bench: RayBench, ours: str, theirs: str, code: str, words: str
) -> None:
    bench.cluster.elsewhere = {ours: theirs}
    job = bench.ended(bench.create())
    assert job.error
    assert job.error.code == code
    assert words in job.error.message
    assert len(bench.cluster.submissions) == 1


def _refused(bench: RayBench, kind: type[FineTuneError]) -> str:
    """The words by which a create is refused; nothing is made."""
    bench.provider = bench.another()
    with pytest.raises(kind) as caught:
        bench.create()
    assert bench.provider.list_jobs(limit=9, cursor=None).items == ()
    assert bench.cluster.submissions == {}
    assert bench.secret not in str(caught.value) or not bench.secret
    return str(caught.value)


def test_an_address_where_nobody_answers(bench: RayBench) -> None:
    bench.address = "http://127.0.0.1:9"
    assert "http://127.0.0.1:9" in _refused(bench, ConnectionFailedError)


def test_a_token_that_is_missing_or_wrong(bench: RayBench) -> None:
    bench.secret = "another-token-that-nobody-knows"
    assert "does not take the token" in _refused(bench, AuthenticationError)
    bench.secret = ""
    assert "asks for a token: set the environment variable CLUSTER_TOKEN" in _refused(
        bench, AuthenticationError
    )


@pytest.mark.parametrize("version", ["2.51.1", "3.0.0", "unknown"])
def test_a_version_of_ray_that_does_not_fit(bench: RayBench, version: str) -> None:
    bench.cluster.version = version
    words = _refused(bench, ConfigurationError)
    assert f"runs Ray {version}" in words
    assert "Ray 2.52 and newer" in words


def test_something_else_at_the_address(bench: RayBench) -> None:
    bench.address += "/api/cluster_status?"
    with pytest.raises(ConfigurationError):
        bench.another()
    bench.address = bench.address.replace("/api/cluster_status?", "/api/jobs")
    assert _refused(bench, ResponseDecodeError)


def test_a_storage_that_cannot_be_written(bench: RayBench) -> None:
    bench.storage = Path("/proc/nothing")
    assert "'/proc/nothing' cannot be written" in _refused(bench, ConfigurationError)


def test_a_password_in_the_storage_is_refused(bench: RayBench) -> None:
    with pytest.raises(ConfigurationError) as caught:
        LocalProvider(launcher="ray", address=bench.address, storage="ftp://me:pass-word@host/x")
    assert "a URL with a password" in str(caught.value)
    assert "pass-word" not in str(caught.value)


@pytest.mark.long
def test_an_open_cluster_is_pointed_out(bench: RayBench) -> None:
    bench.cluster.token = None
    job = bench.ended(bench.create(steps="1"))
    assert any("RAY_AUTH_MODE=token" in warning for warning in job.warnings)


PROFILE = """
profile = "box"
[profiles.box]
provider = "local"
launcher = "ray"
"""


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", "needs `address` and `storage` too"),
        ('address = "https://evil.example"\nstorage = "/mnt"', "finetune trust evil.example"),
        ('address = "http://10.0.0.5:8265"\nstorage = "/mnt"', "in clear text"),
        ('address = "evil.example:8265"\nstorage = "/mnt"', "`address` is 'evil.example:8265'"),
        ('address = "http://127.0.0.1:1"\nstorage = "sftp://evil.example/x"', "`storage` is"),
        ('address = "http://127.0.0.1:1"\nstorage = "ftp://u:pw@evil.example"', "like a secret"),
        ('address = "http://127.0.0.1:1"\nstorage = "/x"\nprocesses = 0', "`processes` is 0"),
    ],
)
def test_a_projects_file_sends_neither_token_nor_rows_where_it_likes(
    tmp_path: Path, lines: str, words: str
) -> None:
    path = tmp_path / "finetune.toml"
    path.write_text(PROFILE + lines)
    with pytest.raises(ConfigurationError) as caught:
        FineTuneClient(config=path)
    assert words in str(caught.value)


def test_a_profile_names_a_cluster(tmp_path: Path) -> None:
    path = tmp_path / "finetune.toml"
    path.write_text(PROFILE + 'address = "http://127.0.0.1:8265"\nstorage = "s3://bucket/runs"')
    FineTuneClient(config=path).close()


@pytest.mark.long
def test_a_relay_that_is_told_to_go_lets_the_job_go_on(bench: RayBench) -> None:
    job = bench.running(bench.create(steps="4", block_at="3"))
    os.kill(bench.supervisor(job), signal.SIGTERM)
    eventually(lambda: not bench.processes())
    _go_on(bench)
    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert len(bench.cluster.submissions) == 1
