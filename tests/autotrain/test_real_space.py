"""The runner `space` with the real AutoTrain 0.8.36 in the Space: `autotrain api`, as it is."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from finetune_sdk import DPO, JobFailedError
from finetune_sdk.types import Job, JobStatus, Supervised
from tests.autotrain.real import holding, needs_autotrain, real_bench
from tests.autotrain.spaces import HARDWARE, Bench
from tests.standins.hub import broken

pytestmark = [needs_autotrain, pytest.mark.timeout(600)]
METHOD = Supervised(epochs=3, learning_rate=1e-3, max_length=64)
EACH_STEP = {"gradient_accumulation": 1, "logging_steps": 1}


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with real_bench(tmp_path) as found:
        yield found


def test_it_trains_pushes_and_pauses(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.create(client, method=METHOD, options=EACH_STEP)
        job = client.jobs.wait(job, timeout=300, poll_interval=2, progress=False)
        lines = list(client.jobs.logs(job))
        metrics = list(client.jobs.metrics(job))
    assert job.status is JobStatus.SUCCEEDED
    _check_model(bench, job)
    assert any("Pushing model to hub" in line for line in lines)
    assert any(metric.name == "loss" for metric in metrics)
    assert bench.space.stage == "PAUSED"
    assert bench.space.repo.discussions[-1].title.endswith("✅")
    assert bench.space.billed[HARDWARE] > 0


def test_pairs_are_learned_with_their_prompt(bench: Bench) -> None:
    # AutoTrain takes the prompt of a pair from its chosen answer; ours has it beside.
    rows = [
        {
            "prompt": [{"role": "user", "content": f"Say {number}."}],
            "chosen": [{"role": "assistant", "content": str(number)}],
            "rejected": [{"role": "assistant", "content": "no"}],
        }
        for number in range(12)
    ]
    with bench.client() as client:
        job = bench.create(client, method=DPO(epochs=1), training_data=rows, options=EACH_STEP)
        job = client.jobs.wait(job, timeout=300, poll_interval=2, progress=False)
    assert job.status is JobStatus.SUCCEEDED
    _check_model(bench, job)


def test_the_token_is_in_no_file_argument_or_line(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.create(client, method=METHOD)
        client.jobs.wait(job, timeout=300, poll_interval=2, progress=False)
        lines = "\n".join(client.jobs.logs(job))
    token = bench.hub.token
    assert token not in lines
    assert holding(token, bench.folder) == []
    repos = [bench.hub.repos[key] for key in bench.hub.repos]
    assert all(token.encode() not in one for repo in repos for one in repo.files().values())
    assert all(token not in one.description for repo in repos for one in repo.discussions)


def test_a_training_that_fails_says_why(bench: Bench) -> None:
    # It can be looked at, and not trained.
    bench.hub.repos.add(
        "model",
        "alice/tiny",
        {"config.json": b'{"model_type": "llama"}', "model.safetensors": b"no weights"},
    )
    with bench.client() as client:
        job = bench.create(client, method=METHOD)
        with pytest.raises(JobFailedError) as caught:
            client.jobs.wait(job, timeout=300, poll_interval=2, progress=False)
    error = caught.value.job.error
    assert error is not None
    assert "Error" in error.message
    assert bench.space.stage == "PAUSED"


def test_a_model_that_could_not_be_pushed_is_pushed_again(bench: Bench) -> None:
    bench.fault("POST", "/api/models/alice/.+/commit/main", broken(504, "no"), times=3)
    with bench.client() as client:
        job = bench.create(client, method=METHOD)
        job = client.jobs.wait(job, timeout=300, poll_interval=2, progress=False)
    assert job.status is JobStatus.SUCCEEDED
    _check_model(bench, job)
    assert bench.space.trained == 1


def test_a_training_that_takes_too_long_is_ended_by_its_space(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.create(client, method=Supervised(epochs=100_000), options={"timeout": 60})
        with pytest.raises(JobFailedError) as caught:
            client.jobs.wait(job, timeout=300, poll_interval=2, progress=False)
    assert caught.value.job.error is not None
    assert caught.value.job.error.code == "timed_out"
    assert bench.space.stage == "PAUSED"


def _check_model(bench: Bench, job: Job) -> None:
    assert job.fine_tuned_model is not None
    files = bench.hub.repos["model", job.fine_tuned_model].files()
    assert len(files["adapter_model.safetensors"]) > 1000
    assert b"lora_alpha" in files["adapter_config.json"]
