"""Jobs that really run: the program in the container trains a tiny model and pushes it."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from finetune_sdk import JobFailedError
from finetune_sdk.transport import SYSTEM_CLOCK
from finetune_sdk.types import DPO, Job, JobStatus, Supervised
from tests.autotrain.on_jobs import PAIRS, ROWS, VALID, Bench, opened
from tests.autotrain.real import VENV, holding, needs_autotrain, tiny_files
from tests.standins.hub import Image

needs_trl = pytest.mark.skipif(
    importlib.util.find_spec("trl") is None, reason="trl is not installed"
)
pytestmark = [pytest.mark.timeout(900)]
MODEL = "org/tiny"
BROKEN = "org/broken"
TOTAL = {"parameters": {"F32": 100_000}, "total": 100_000}
WORDS: dict[str, Any] = {
    "model": MODEL,
    "method": Supervised(epochs=2, learning_rate=1e-2, max_length=64),
    "suffix": "numbers",
    "options": {"hardware": "cpu-basic", "timeout": 3600},
}
PAIRED = {**WORDS, "method": DPO(learning_rate=1e-3, max_length=64), "training_data": PAIRS}


@contextmanager
def running(folder: Path) -> Generator[Bench]:
    """A Hub whose jobs really run, with a model that can be trained and one that cannot."""
    files = tiny_files(folder / "tiny")
    with opened(folder, SYSTEM_CLOCK) as bench:
        bench.hub.images["ghcr.io/astral-sh/uv"] = Image(bin=Path(sys.executable).parent)
        bench.hub.images["huggingface/autotrain-advanced"] = Image(bin=Path(VENV, "bin"))
        bench.hub.repos.add("model", MODEL, files, safetensors=TOTAL)
        # It can be looked at, and not trained.
        config = {"config.json": files["config.json"], "model.safetensors": b"broken"}
        bench.hub.repos.add("model", BROKEN, config, safetensors=TOTAL)
        yield bench


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with running(tmp_path) as found:
        yield found


class Trained(NamedTuple):
    """A job that has ended, and where."""

    bench: Bench
    job: Job


def train(bench: Bench, engine: str, **more: Any) -> Job:
    words = {**WORDS, **more}
    with bench.client(engine=engine) as client:
        job = bench.create(client, **words)
        return client.jobs.wait(job, timeout=600, poll_interval=1, progress=False)


def check_told(bench: Bench, job: Job, *, losses: int) -> None:
    """What happened is told: events, numbers, the log."""
    with bench.client() as client:
        events = list(client.jobs.events(job))
        metrics = [one for one in client.jobs.metrics(job) if one.name == "loss"]
        lines = list(client.jobs.logs(job))
    assert [one.id for one in events] == sorted({one.id for one in events})
    assert events[0].message.startswith("the container has started")
    assert any("the model is on the Hub" in one.message for one in events)
    trained = [one for one in metrics if one.split == "train"]
    assert [one.step for one in trained] == [*range(1, losses + 1)]
    assert all(one.value > 0 for one in trained)
    assert bench.hub.token not in "\n".join(lines)


def check_hidden(bench: Bench) -> None:
    """The token is in no file of anybody's."""
    token = bench.hub.token
    assert holding(token, bench.folder) == []
    repos = [bench.hub.repos[key] for key in bench.hub.repos]
    states = [one for repo in repos for one in (*repo.commits, *repo.branches.values())]
    assert all(token.encode() not in one for state in states for one in state.files.values())


def answers(folder: Path, base: Path | None = None) -> list[int]:
    """What a model goes on with: that it loads, and computes.

    Args:
        base: of an adapter.
    """
    transformers, peft = import_module("transformers"), import_module("peft")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(base or folder)
    if base is not None:
        model = peft.PeftModel.from_pretrained(model, folder)
    asked = tokenizer("What comes after 3?", return_tensors="pt")
    found = model.generate(**asked, max_new_tokens=4, do_sample=False)
    return [int(token) for token in found[0]]


# TRL


@pytest.fixture(scope="module")
def by_trl(tmp_path_factory: pytest.TempPathFactory) -> Generator[Trained]:
    with running(tmp_path_factory.mktemp("trl")) as bench:
        yield Trained(bench, train(bench, "trl", validation_data=VALID))


@needs_trl
def test_trl_trains_and_pushes(by_trl: Trained) -> None:
    bench, job = by_trl
    assert (job.status, job.raw_status) == (JobStatus.SUCCEEDED, "COMPLETED")
    check_told(bench, job, losses=4)
    check_hidden(bench)
    with bench.client() as client:
        measured = [one for one in client.jobs.metrics(job) if one.split == "validation"]
        steps = [one.step for one in client.jobs.checkpoints(job)]
    assert steps == sorted(steps, reverse=True)
    assert 4 in steps
    assert [one.step for one in measured if one.name == "loss"] == [2, 4]


@needs_trl
@pytest.mark.filterwarnings("ignore")
def test_the_adapter_and_its_whole_weights_load_and_say_the_same(
    by_trl: Trained, tmp_path: Path
) -> None:
    bench, job = by_trl
    with bench.client() as client:
        adapter = client.models.download(job, tmp_path / "adapter")
        merged = client.models.download(f"{job.fine_tuned_model}@merged", tmp_path / "merged")
        newest = client.models.download(next(iter(client.jobs.checkpoints(job))), tmp_path / "c")
    assert (adapter / "adapter_model.safetensors").is_file()
    assert (newest / "adapter_model.safetensors").is_file()
    assert (merged / "model.safetensors").is_file()
    assert answers(adapter, bench.folder / "tiny") == answers(merged)


@needs_trl
def test_the_branch_with_whole_weights_has_no_adapter(by_trl: Trained) -> None:
    # Whoever loads it would take the adapter, and the base model with it.
    bench, job = by_trl
    assert job.fine_tuned_model is not None
    files = bench.hub.repos["model", job.fine_tuned_model].branches["merged"].files
    assert [name for name in files if name.startswith("adapter_")] == []


@needs_trl
def test_a_finished_job_is_trained_on(by_trl: Trained, tmp_path: Path) -> None:
    bench, first = by_trl
    second = train(bench, "auto", model=first)
    assert second.status is JobStatus.SUCCEEDED
    assert second.model == first.fine_tuned_model
    with bench.client() as client:
        losses = {
            job.id: [one.value for one in client.jobs.metrics(job) if one.name == "loss"]
            for job in (first, second)
        }
        folder = client.models.download(second, tmp_path / "second")
    told = json.loads((folder / "adapter_config.json").read_text())
    assert (told["base_model_name_or_path"], told["revision"]) == (
        first.fine_tuned_model,
        "merged",
    )
    # It goes on from where the first one ended.
    assert losses[second.id][0] < losses[first.id][0]


@needs_trl
def test_trl_that_fails_says_why(bench: Bench) -> None:
    with pytest.raises(JobFailedError) as caught:
        train(bench, "trl", model=BROKEN)
    job = caught.value.job
    assert (job.status, job.raw_status) == (JobStatus.FAILED, "ERROR")
    assert job.error is not None
    assert "Error" in job.error.message
    assert "CalledProcessError" not in job.error.message
    check_hidden(bench)


# AutoTrain 0.8.36


@needs_autotrain
def test_autotrain_trains_and_pushes(bench: Bench) -> None:
    options = {**WORDS["options"], "gradient_accumulation": 1, "block_size": 32}
    method = Supervised(epochs=2, learning_rate=1e-2)
    job = train(bench, "autotrain", options=options, method=method)
    assert (job.status, job.raw_status) == (JobStatus.SUCCEEDED, "COMPLETED")
    with bench.client() as client:
        losses = [one for one in client.jobs.metrics(job) if one.name == "loss"]
    check_told(bench, job, losses=len(losses))
    assert len(losses) > 2
    assert losses[-1].value < losses[0].value
    check_hidden(bench)


@needs_autotrain
@pytest.mark.filterwarnings("ignore")
def test_autotrain_learns_preferences_of_chats(bench: Bench, tmp_path: Path) -> None:
    job = train(bench, "autotrain", **PAIRED)
    assert job.status is JobStatus.SUCCEEDED
    with bench.client() as client:
        names = {one.name for one in client.jobs.metrics(job)}
        folder = client.models.download(job, tmp_path / "adapter")
    assert {"loss", "rewards/margins"} <= names
    assert (folder / "adapter_model.safetensors").is_file()
    check_hidden(bench)


@needs_autotrain
def test_autotrain_that_fails_and_says_it_went_well_has_failed(bench: Bench) -> None:
    with pytest.raises(JobFailedError) as caught:
        train(bench, "autotrain", model=BROKEN, training_data=ROWS)
    job = caught.value.job
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert "Error" in job.error.message
    check_hidden(bench)
