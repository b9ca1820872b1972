"""Group G5 of the faults on HF Jobs: jobs that really run, and do not end as they seem to."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from finetune_sdk import JobFailedError, JobStatus, NotFoundError, ProviderError
from finetune_sdk.providers.autotrain import AutoTrainOptions
from tests.autotrain.bench import SOURCES, TOKEN, Bench, bench_of
from tests.autotrain.containers import FAILS_WITH_NIL, TRAINS, Trainer
from tests.autotrain.hubs import ADAPTER, repo_of
from tests.standins.hub import JobCourse, broken
from tests.standins.openai import Action
from tests.support import eventually

MODELS = "/api/models/alice/[^/]+/commit/main"
KEY = "mine"


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog)


def trained(bench: Bench, program: str) -> Trainer:
    return Trainer(bench, bench.folder / "bin", program)


def model_of(bench: Bench) -> dict[str, bytes]:
    """The files of the only job's model."""
    (job,) = bench.hub.jobs
    return bench.hub.repos["model", repo_of(job)].files()


# HF-07: it has trained, and the push fails


@pytest.mark.parametrize(
    "refusal",
    [
        broken(403, "You don't have the required permissions"),
        broken(504, "Gateway timeout"),
        broken(400, "a secret was found in adapter_config.json"),
        broken(403, f"no such right for {TOKEN}"),
    ],
    ids=["no right", "a gateway", "a secret", "it tells the token"],
)
def test_hf_07_a_model_that_cannot_be_pushed_is_kept_and_put_there_without_training_again(
    bench: Bench, refusal: Action, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", *SOURCES):
        caplog.set_level(logging.INFO, name)  # The vendor's loggers tell the headers of answers.
    trainer = trained(bench, TRAINS)
    bench.hurt(refusal, path=MODELS, times=None)
    client = bench.client()
    job = trainer.ended(client, bench.create(client, idempotency_key=KEY))
    assert (job.status, job.raw_status) == (JobStatus.FAILED, "ERROR")
    assert job.error is not None
    assert job.error.code == "push_failed"
    assert job.fine_tuned_model is None
    (dataset,) = bench.datasets
    kept = bench.hub.repos["dataset", dataset].files()
    assert any(name.endswith("/adapter_model.safetensors") for name in kept)
    assert any("jobs.recover" in event.message for event in client.jobs.events(job))
    with pytest.raises(JobFailedError):
        client.jobs.wait(job, progress=False)

    # As long as it goes wrong, it reads failed; then from anywhere, and any number of times.
    if b"Gateway" not in getattr(refusal, "body", b""):
        bench.fails(ProviderError, lambda: client.jobs.recover(KEY))
        assert client.jobs.get(job).status is JobStatus.FAILED
    bench.hub.faults.clear()
    elsewhere = bench.client(home=bench.folder / "another machine")
    for one in (elsewhere, client):
        found = one.jobs.recover(KEY)
        assert found is not None
        assert (found.id, found.status, found.error) == (job.id, JobStatus.SUCCEEDED, None)
        assert one.jobs.get(job).fine_tuned_model == repo_of(bench.hub.jobs[job.id])
    assert model_of(bench)["adapter_model.safetensors"] == b"weights of ."
    assert (len(trainer.runs), bench.posts) == (1, 1)


def test_hf_07_a_gateway_that_comes_back_is_waited_for(bench: Bench) -> None:
    trainer = trained(bench, TRAINS)
    bench.hurt(broken(504, "Gateway timeout"), path=MODELS, times=4)
    client = bench.client()
    job = trainer.ended(client, bench.create(client))
    assert job.status is JobStatus.SUCCEEDED
    assert (len(bench.hub.faults.hits), len(trainer.runs)) == (4, 1)


def test_hf_07_in_a_job_with_hardly_any_time_a_push_is_tried_all_the_same(bench: Bench) -> None:
    trainer = trained(bench, TRAINS)
    client = bench.client()
    options = [AutoTrainOptions(timeout=60)]
    assert trainer.ended(client, bench.create(client, options=options)).status == "succeeded"


def test_hf_07_what_can_be_kept_nowhere_is_told_and_not_made_up(bench: Bench) -> None:
    """The Hub finds a secret in the weights themselves, wherever they go."""
    trainer = trained(bench, TRAINS)
    bench.hub.repos.refuses.add("adapter_model.safetensors")
    bench.hurt(broken(403, "no"), path="/api/datasets/.*/commit/main", after=1, times=None)
    client = bench.client()
    job = trainer.ended(client, bench.create(client, idempotency_key=KEY))
    assert job.error is not None
    assert job.error.code == "push_failed"
    assert "could not be kept" in job.error.message
    lost = bench.fails(NotFoundError, lambda: client.jobs.recover(KEY))
    assert lost.code == "not_kept"
    assert client.jobs.get(job).status is JobStatus.FAILED


def test_hf_07_a_repository_that_may_not_be_made_is_known_before_anything_is_learned(
    bench: Bench,
) -> None:
    trainer = trained(bench, TRAINS)
    client = bench.client()
    bench.hurt(broken(403, "no more repositories"), path="/api/repos/create", after=1, times=None)
    job = trainer.ended(client, bench.create(client))
    assert job.error is not None
    assert job.error.code == "repository"
    assert trainer.runs == []


# HF-04: what AutoTrain's exit code says means nothing


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (FAILS_WITH_NIL, "ValueError: the rows are wrong"),
        ("", "without weights"),
        ("pathlib.Path(project).mkdir(); pathlib.Path(project, 'README.md').touch()", "without"),
        ("save('checkpoint-5')", "without weights"),
        ("sys.exit(3)", "ended with 3"),
        ("raise RuntimeError('CUDA out of memory')", "CUDA out of memory"),
    ],
    ids=["exception", "nothing", "a card", "a checkpoint", "code 3", "raises"],
)
def test_hf_04_a_training_that_failed_is_a_job_that_failed(
    bench: Bench, program: str, words: str
) -> None:
    trainer = trained(bench, program)
    client = bench.client()
    job = trainer.ended(client, bench.create(client))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "training_failed"
    assert words in job.error.message
    assert "adapter_model.safetensors" not in model_of(bench)
    assert bench.hub.jobs[job.id].stage == "ERROR"


def test_weights_that_were_written_before_the_failure_are_kept(bench: Bench) -> None:
    # AutoTrain writes an adapter, and then fails to merge it.
    trainer = trained(bench, f"{TRAINS}\n{FAILS_WITH_NIL}")
    client = bench.client()
    job = trainer.ended(client, bench.create(client, idempotency_key="mine"))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error.code, "the rows are wrong" in job.error.message) == ("push_failed", True)
    assert "adapter_model.safetensors" not in model_of(bench)
    assert client.jobs.recover("mine").status is JobStatus.SUCCEEDED
    assert "adapter_model.safetensors" in model_of(bench)


def test_hf_04_a_job_that_completed_without_a_model_has_failed(bench: Bench) -> None:
    bench.hub.jobs.course = JobCourse()
    job = bench.create()
    bench.clock.sleep(60)
    # What was pushed a moment ago may not be shown yet.
    assert bench.client().jobs.get(job).status is JobStatus.RUNNING
    bench.clock.sleep(120)
    found = bench.client().jobs.get(job)
    assert (found.status, found.raw_status) == (JobStatus.FAILED, "COMPLETED")
    assert found.error is not None
    assert found.error.code == "no_model"


def test_hf_04_weights_that_are_older_than_the_job_are_not_its_own(bench: Bench) -> None:
    bench.hub.jobs.course = JobCourse()
    job = bench.create()
    repo = bench.hub.repos.add("model", repo_of(bench.hub.jobs[job.id]), ADAPTER)
    earlier = repo.head.date - timedelta(seconds=1)
    repo.commits[:] = [replace(one, date=earlier) for one in repo.commits]
    bench.clock.sleep(200)
    assert bench.client().jobs.get(job).status is JobStatus.FAILED


def test_the_weights_of_another_job_are_not_its_own(bench: Bench) -> None:
    bench.hub.jobs.course = JobCourse()
    job = bench.create()
    marked = {**ADAPTER, "finetune.json": b'{"key": "of another job"}'}
    bench.clock.sleep(10)
    bench.hub.repos.add("model", repo_of(bench.hub.jobs[job.id]), marked)
    bench.clock.sleep(200)
    assert bench.client().jobs.get(job).status is JobStatus.FAILED


def test_a_job_that_outlasts_its_timeout_has_failed_and_says_so(bench: Bench) -> None:
    bench.hub.jobs.course = JobCourse(running=1e9)
    job = bench.create(options=[AutoTrainOptions(timeout=600)])
    bench.clock.sleep(700)
    found = bench.client().jobs.get(job)
    assert found.status is JobStatus.FAILED
    assert found.error is not None
    assert found.error.code == "timed_out"
    assert bench.hub.jobs[job.id].billed == 600


# On the way


def test_checkpoints_are_on_the_hub_while_the_training_goes_on(bench: Bench) -> None:
    program = "save('checkpoint-5', state=True); save('checkpoint-7'); until('go'); save()"
    trainer = trained(bench, program)
    client = bench.client()
    job = bench.create(client)
    eventually(lambda: [one.step for one in client.jobs.checkpoints(job)] == [5])
    assert client.jobs.get(job).status is JobStatus.RUNNING
    (found,) = client.jobs.checkpoints(job)
    assert found.model == f"{repo_of(bench.hub.jobs[job.id])}@checkpoint-5"
    trainer.allow("go")
    assert trainer.ended(client, job).status is JobStatus.SUCCEEDED
    # One without its state was not whole.
    assert [one.step for one in client.jobs.checkpoints(job)] == [5]
    assert model_of(bench)["adapter_model.safetensors"] == b"weights of ."


def test_a_checkpoint_that_is_lost_is_told_and_stops_nothing(bench: Bench) -> None:
    trainer = trained(bench, "save('checkpoint-5', state=True); save()")
    bench.hurt(broken(403, "no"), path="/api/models/.*/commit/checkpoint-5", times=None)
    client = bench.client()
    job = trainer.ended(client, bench.create(client))
    assert job.status is JobStatus.SUCCEEDED
    warned = [one.message for one in client.jobs.events(job) if one.level == "warning"]
    assert any("checkpoint-5" in message for message in warned)


def test_a_cancel_in_the_middle_ends_the_process_and_the_bill(bench: Bench) -> None:
    trainer = trained(bench, "until('never')")
    client = bench.client()
    job = bench.create(client)
    pid = trainer.running()["pid"]
    assert client.jobs.cancel(job).status is JobStatus.CANCELLED
    eventually(lambda: not alive(pid))
    billed = bench.hub.jobs[job.id].billed
    bench.clock.sleep(3600)
    assert bench.hub.jobs[job.id].billed == billed
    assert client.jobs.get(job).status is JobStatus.CANCELLED
    assert client.jobs.cancel(job).status is JobStatus.CANCELLED
    assert bench.hub.count("POST", f"/api/jobs/alice/{job.id}/cancel") == 1


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


# HF-10: where the token is


def test_hf_10_the_token_is_in_no_argument_no_file_and_no_log(bench: Bench) -> None:
    """What the Hub stores is looked at in the bench, after each test."""
    trainer = trained(bench, "until('go'); save()")
    client = bench.client()
    job = bench.create(client)
    run = trainer.running()
    assert len(run["commands"]) == 3
    assert not any(TOKEN in command for command in run["commands"])
    # The trainer may need it for a gated model; what is ours it needs not.
    assert "HF_TOKEN" in run["environ"]
    assert not any(name.startswith("FINETUNE_") for name in run["environ"])
    # In the running container: nothing of it is left behind when that ends.
    files = [path for path in bench.hub.folder.rglob("*") if path.is_file()]
    assert any(path.name == "config.yaml" for path in files)
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    trainer.allow("go")
    assert trainer.ended(client, job).status is JobStatus.SUCCEEDED
    (record,) = bench.hub.jobs
    assert record.spec["secrets"] == {"HF_TOKEN": TOKEN}
    client.jobs.export(job, bench.folder / "exported")
    bench.said += [
        path.read_text() for path in (bench.folder / "exported").rglob("*") if path.is_file()
    ]


def test_hf_10_a_trainer_that_prints_the_token_does_not_get_it_told(bench: Bench) -> None:
    trainer = trained(bench, "print('x ' + os.environ['HF_TOKEN'][::-1]); sys.exit(1)")
    client = bench.client()
    job = trainer.ended(client, bench.create(client))
    assert job.error is not None
    line = f"ValueError: no right for {TOKEN}"
    (record,) = bench.hub.jobs
    record.said.append((record.started or 0.0, line))
    fresh = bench.client()
    try:
        told = [*fresh.jobs.logs(job), fresh.jobs.get(job).to_json()]
    finally:
        record.said.pop()
    assert "ValueError: no right for [redacted]" in told
    assert not any(TOKEN in text for text in told)
