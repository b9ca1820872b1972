"""Jobs on HF Jobs: what is sent, what is told of them, and when one has succeeded."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from finetune_sdk import AsyncFineTuneClient, FineTuneClient, JobFailedError
from finetune_sdk.errors import ConfigurationError, NotFoundError
from finetune_sdk.providers.autotrain import AutoTrainOptions
from finetune_sdk.types import DPO, ORPO, Job, JobStatus, Lora, Reward, Supervised
from tests.autotrain.hubs import ADAPTER, MEASURED, MODEL, WEIGHTS, pushes, repo_of, said
from tests.autotrain.on_jobs import PAIRS, ROWS, VALID, Bench, opened
from tests.standins.hub import Hub, JobCourse, JobRecord
from tests.standins.hub.driving import client as api_of
from tests.standins.hub.driving import run

SPECS = os.environ.get("FINETUNE_SPECS")
SCHEMA = Path(SPECS or ".", "huggingface", "jobspec.schema.json")
needs_schema = pytest.mark.skipif(
    not SCHEMA.is_file(), reason="FINETUNE_SPECS names no folder with the Hub's schema"
)
CLM = "autotrain.trainers"


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def client(bench: Bench) -> Generator[FineTuneClient]:
    with bench.client() as opened_:
        yield opened_


# What is sent

CALLS: dict[str, dict[str, Any]] = {
    "supervised": {"method": Supervised(epochs=2, learning_rate=1e-4, train_on="all")},
    "dpo": {"method": DPO(beta=0.3), "training_data": PAIRS},
    "reward": {"method": Reward(), "training_data": PAIRS},
    "orpo": {"method": ORPO(), "training_data": PAIRS},
    "whole weights": {"method": Supervised(lora=False)},
    "words": {
        "suffix": "Größe & <tags>: 'x'",
        "metadata": {"team": "küche", "run": "1/2"},
        "seed": 7,
        "idempotency_key": "a key: with/blanks",
    },
}
BOTH = [(name, engine) for name in CALLS for engine in ("autotrain", "trl") if name != "orpo"]


@needs_schema
@pytest.mark.parametrize(("name", "engine"), [*BOTH, ("orpo", "autotrain")])
def test_the_body_of_a_job_is_what_the_hub_demands(
    bench: Bench, client: FineTuneClient, name: str, engine: str
) -> None:
    bench.create(client, **CALLS[name], options={"engine": engine})
    validator: Any = Draft202012Validator(json.loads(SCHEMA.read_text()))
    faults = [error.message for error in validator.iter_errors(bench.body)]
    assert faults == []


@needs_schema
def test_a_job_with_validation_data_is_what_the_hub_demands(
    bench: Bench, client: FineTuneClient
) -> None:
    bench.create(client, validation_data=VALID)
    validator: Any = Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert list(validator.iter_errors(bench.body)) == []


def test_a_job_has_labels_by_which_it_is_found(bench: Bench, client: FineTuneClient) -> None:
    bench.create(client, idempotency_key="k", suffix="numbers")
    labels = bench.body["labels"]
    assert labels["finetune-anywhere"] == "1"
    assert len(labels["finetune-key"]) == len(labels["finetune-call"]) == 40
    assert labels["name"].startswith("numbers-")
    with bench.client("elsewhere") as other:
        assert bench.create(other, idempotency_key="k", suffix="numbers").id == bench.jobs[0].id
    assert len(bench.jobs) == 1


def test_the_token_is_in_the_secrets_alone(bench: Bench, client: FineTuneClient) -> None:
    job = bench.wait(client, bench.create(client))
    body, token = dict(bench.body), bench.hub.token
    assert body.pop("secrets") == {"HF_TOKEN": token}
    assert token not in json.dumps(body)
    assert token not in job.to_json()
    assert token not in repr(client.provider) + "".join(client.jobs.logs(job))


@pytest.mark.parametrize("name", ["supervised", "dpo", "orpo", "reward", "whole weights"])
def test_the_container_gets_autotrains_own_file(
    bench: Bench, client: FineTuneClient, name: str
) -> None:
    bench.create(client, **CALLS[name], options={"engine": "autotrain"})
    course = bench.course
    assert course["command"] == ["autotrain", "--config", "config.yaml"]
    assert bench.body["command"][:2] == ["conda", "run"]
    config = yaml.safe_load(course["files"]["config.yaml"])
    assert config["backend"] == "local"
    assert "hub" not in config
    assert config["data"]["path"] == "data"
    assert config["data"]["valid_split"] is None
    assert config["params"]["peft"] is (name != "whole weights")
    assert config["params"]["quantization"] is None
    assert config["base_model"] == MODEL


def test_autotrains_file_has_what_was_asked(bench: Bench, client: FineTuneClient) -> None:
    method = Supervised(
        epochs=3, learning_rate=2e-4, batch_size=8, max_length=512, lora=Lora(rank=4, alpha=8)
    )
    bench.create(client, method=method, options={"scheduler": "cosine", "hardware": "l4x1"})
    params = yaml.safe_load(bench.course["files"]["config.yaml"])["params"]
    assert (params["epochs"], params["lr"], params["block_size"]) == (3, 2e-4, 512)
    assert params["batch_size"] * params["gradient_accumulation"] == 8
    assert (params["lora_r"], params["lora_alpha"], params["scheduler"]) == (4, 8, "cosine")
    assert params["mixed_precision"] == "bf16"


@pytest.mark.parametrize(
    ("name", "command"), [("supervised", "sft"), ("dpo", "dpo"), ("reward", "reward")]
)
def test_the_container_gets_trls_configuration(
    bench: Bench, client: FineTuneClient, name: str, command: str
) -> None:
    bench.create(client, **CALLS[name], options={"engine": "trl"})
    assert bench.course["command"] == ["trl", command, "--config", "config.json"]
    assert bench.body["command"][:2] == ["uv", "run"]
    assert "trl==1.16.0" in bench.body["command"]
    config = bench.config
    assert config["push_to_hub"] is False
    assert config["dataset_name"] == "data"
    assert config["use_peft"] is True
    assert config["eval_strategy"] == "no"
    # A checkpoint for each pass, or there are none to keep.
    assert config["save_strategy"] == "epoch"
    if name == "dpo":
        assert config["beta"] == 0.3


def test_trl_measures_on_the_validation_data(bench: Bench, client: FineTuneClient) -> None:
    job = bench.create(client, validation_data=VALID)
    config, rows = bench.config, bench.course["rows"]
    assert (config["dataset_test_split"], config["eval_strategy"]) == ("validation", "epoch")
    assert set(rows) == {"train", "validation"}
    assert rows["train"]["repo"] != rows["validation"]["repo"]
    held = bench.hub.repos["dataset", rows["validation"]["repo"]].files()["rows.jsonl"]
    assert len(held.splitlines()) == len(VALID)
    assert job.validation_file is not None
    assert job.validation_file.id == rows["validation"]["repo"]


@pytest.mark.parametrize(("train_on", "only"), [("assistant", True), ("all", False), (None, True)])
def test_trl_learns_what_was_asked(
    bench: Bench, client: FineTuneClient, train_on: Any, only: bool
) -> None:
    bench.create(client, method=Supervised(train_on=train_on), options={"engine": "trl"})
    assert bench.config["assistant_only_loss"] is only


def test_an_image_of_ones_own_has_trl_in_it(bench: Bench, client: FineTuneClient) -> None:
    bench.create(client, options={"engine": "trl", "image": "huggingface/trl:1.16.0"})
    assert bench.body["dockerImage"] == "huggingface/trl:1.16.0"
    assert bench.body["command"][:2] == ["python", "-c"]


# What is told


def test_a_job_goes_its_way(bench: Bench, client: FineTuneClient) -> None:
    job = bench.create(client)
    assert (job.status, job.raw_status) == (JobStatus.QUEUED, "SCHEDULING")
    bench.advance(6)
    job = client.jobs.get(job)
    assert (job.status, job.raw_status) == (JobStatus.RUNNING, "RUNNING")
    assert job.started_at is not None
    assert job.fine_tuned_model is None
    bench.advance(60)
    job = client.jobs.get(job)
    assert (job.status, job.raw_status) == (JobStatus.SUCCEEDED, "COMPLETED")
    assert job.finished_at is not None
    assert job.fine_tuned_model == repo_of(bench.jobs[0])


def test_another_process_reads_the_whole_job_back(bench: Bench, client: FineTuneClient) -> None:
    made = bench.create(
        client,
        method=Supervised(epochs=2, learning_rate=1e-4),
        suffix="numbers",
        seed=7,
        metadata={"team": "küche"},
        validation_data=VALID,
    )
    with bench.client("elsewhere") as other:
        found = other.jobs.get(made.handle)
    assert found == made.model_copy(update={"warnings": found.warnings})
    assert found.method == Supervised(epochs=2, learning_rate=1e-4)
    assert (found.suffix, found.seed, found.metadata) == ("numbers", 7, {"team": "küche"})
    assert Job.from_json(found.to_json()) == found


def test_a_handle_of_another_place_is_refused(bench: Bench, client: FineTuneClient) -> None:
    job = bench.create(client)
    with pytest.raises(ConfigurationError, match="openai"):
        client.jobs.get(f"openai:{job.id}")


@pytest.mark.parametrize("job_id", ["0" * 24, "none", "../x", "a/b", "", "ä"])
def test_a_job_that_is_not_there_is_not_found(client: FineTuneClient, job_id: str) -> None:
    with pytest.raises((NotFoundError, ConfigurationError)):
        client.jobs.get(job_id)


def test_jobs_are_listed_over_pages_newest_first(bench: Bench, client: FineTuneClient) -> None:
    bench.hub.jobs.page_size = 3
    made: list[str] = []
    for number in range(8):
        made.append(bench.create(client, metadata={"n": str(number)}).id)
        bench.advance(1)
    assert [one.id for one in client.jobs.list()] == made[::-1]
    assert [one.id for one in client.jobs.list(limit=4)] == made[:3:-1]


def test_jobs_of_others_in_the_namespace_are_not_listed(
    bench: Bench, client: FineTuneClient
) -> None:
    theirs = run(api_of(bench.hub, bench.hub.token), labels={"name": "theirs"})
    ours = bench.create(client)
    assert [one.id for one in client.jobs.list()] == [ours.id]
    # Whoever asks for it by its id gets what can be told.
    found = client.jobs.get(theirs)
    assert (found.model, found.method) == ("unknown", None)


def test_somebody_elses_success_is_no_model_of_ours(bench: Bench, client: FineTuneClient) -> None:
    bench.hub.jobs.course = JobCourse()
    theirs = run(api_of(bench.hub, bench.hub.token))
    bench.advance(1000)
    assert client.jobs.get(theirs).status is JobStatus.FAILED


def test_a_job_that_is_cancelled_costs_no_more(bench: Bench, client: FineTuneClient) -> None:
    bench.hub.jobs.course = JobCourse(running=1e9)
    job = bench.create(client)
    bench.advance(100)
    assert client.jobs.cancel(job).status is JobStatus.CANCELLED
    billed = bench.hub.jobs[job.id].billed
    bench.advance(1000)
    assert bench.hub.jobs[job.id].billed == billed < 100
    with pytest.raises(JobFailedError, match="cancelled"):
        client.jobs.wait(job, progress=False)
    assert client.jobs.cancel(job).status is JobStatus.CANCELLED


def test_a_job_that_has_ended_is_cancelled_no_more(bench: Bench, client: FineTuneClient) -> None:
    job = bench.wait(client, bench.create(client))
    before = bench.hub.count("POST", ".*/cancel")
    assert client.jobs.cancel(job) == job
    assert bench.hub.count("POST", ".*/cancel") == before


# Whether it has succeeded


def course(bench: Bench, **words: Any) -> None:
    bench.hub.jobs.course = JobCourse(running=30, **words)


def ended(bench: Bench, client: FineTuneClient, **words: Any) -> Job:
    job = bench.create(client, **words)
    bench.advance(10_000)
    return client.jobs.get(job)


SWALLOWED = (
    f"INFO     | 2030-01-01 00:02:00 | {CLM}.clm.train_clm_sft:train:11 - Starting training",
    f"ERROR    | 2030-01-01 00:03:00 | {CLM}.common:wrapper:215 - train has failed due to an "
    "exception: Traceback (most recent call last):",
    "ValueError: rows are too short",
)


def test_success_without_weights_is_a_failure_with_the_logs_reason(
    bench: Bench, client: FineTuneClient
) -> None:
    course(bench, lines=SWALLOWED)
    job = ended(bench, client)
    assert (job.status, job.raw_status) == (JobStatus.FAILED, "COMPLETED")
    assert job.fine_tuned_model is None
    assert job.error is not None
    assert job.error.code == "no_model"
    assert "ValueError: rows are too short" in job.error.message
    with pytest.raises(JobFailedError, match="rows are too short"):
        client.jobs.wait(job, progress=False)


def test_weights_that_are_older_than_the_job_are_not_its_own(
    bench: Bench, client: FineTuneClient
) -> None:
    def keeps(hub: Hub, job: JobRecord) -> None:
        pushes(hub, job)
        repo = hub.repos["model", repo_of(job)]
        repo.commits[-1] = replace(repo.head, date=job.date - timedelta(seconds=1))

    course(bench, finish=keeps)
    job = ended(bench, client)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "no_model"


def only(*names: str) -> Any:
    def push(hub: Hub, job: JobRecord) -> None:
        hub.repos.add("model", repo_of(job), dict.fromkeys(names, WEIGHTS), private=True)

    return push


@pytest.mark.parametrize(
    "names",
    [
        ("adapter_model.safetensors",),
        ("model.safetensors",),
        ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
    ],
)
def test_weights_are_in_any_of_their_files(
    bench: Bench, client: FineTuneClient, names: tuple[str, ...]
) -> None:
    course(bench, finish=only(*names))
    assert ended(bench, client).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    "names",
    [(), ("README.md",), ("adapter_config.json",), ("checkpoint-5/model.safetensors",)],
)
def test_other_files_are_no_weights(
    bench: Bench, client: FineTuneClient, names: tuple[str, ...]
) -> None:
    course(bench, finish=only(*names))
    assert ended(bench, client).status is JobStatus.FAILED


def test_weights_alone_are_no_success(bench: Bench, client: FineTuneClient) -> None:
    course(bench, finish=pushes, outcome="ERROR", lines=("ValueError: after all",))
    job = ended(bench, client)
    assert job.status is JobStatus.FAILED
    assert job.fine_tuned_model is None


def test_a_stage_that_nobody_knows_is_no_end(bench: Bench, client: FineTuneClient) -> None:
    job = bench.create(client)
    bench.hub.jobs.say(job.id, "THINKING")
    found = client.jobs.get(job)
    assert (found.status, found.raw_status) == (JobStatus.UNKNOWN, "THINKING")
    assert not found.status.terminal
    bench.hub.jobs.say(job.id, None)
    assert bench.wait(client, job).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        (
            (
                "Traceback (most recent call last):",
                "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
            ),
            "out_of_memory",
            "CUDA out of memory",
        ),
        (
            ("Traceback (most recent call last):", "ValueError: bad rows"),
            "training_failed",
            "ValueError: bad rows",
        ),
        ((), "training_failed", "its log does not say why"),
    ],
)
def test_a_failure_carries_the_reason_of_its_log(
    bench: Bench, client: FineTuneClient, lines: tuple[str, ...], code: str, words: str
) -> None:
    course(bench, outcome="ERROR", lines=lines)
    job = ended(bench, client)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == code
    assert words in job.error.message


def test_our_own_program_says_best_why(bench: Bench, client: FineTuneClient) -> None:
    lines = (
        "ValueError: one of many",
        said(bench.hub, "failed", code="training_failed", message="ValueError: the one"),
        "RuntimeError: a later noise",
    )
    course(bench, outcome="ERROR", lines=lines)
    job = ended(bench, client)
    assert job.error is not None
    assert (job.error.code, job.error.message) == ("training_failed", "ValueError: the one")


def test_a_job_whose_time_is_up_failed(bench: Bench, client: FineTuneClient) -> None:
    bench.hub.jobs.course = JobCourse(running=1e9)
    job = bench.create(client, options={"timeout": 3600})
    bench.advance(5000)
    found = client.jobs.get(job)
    assert found.status is JobStatus.FAILED
    assert found.error is not None
    assert "timed out" in found.error.message or "timeout" in found.error.message
    assert bench.hub.jobs[job.id].billed == 3600


# What it says of itself

AUTOTRAINS = (
    f"INFO     | 2030-01-01 00:01:00 | {CLM}.clm.train_clm_sft:train:11 - Starting training",
    f"WARNING  | 2030-01-01 00:01:01 | {CLM}.common:x:1 - a warning",
    f"INFO     | 2030-01-01 00:01:10 | {CLM}.common:on_log:367 - "
    "{'loss': 5.5, 'grad_norm': 0.29, 'learning_rate': 0.0005, 'epoch': 0.5}",
    f"INFO     | 2030-01-01 00:01:20 | {CLM}.common:on_log:367 - "
    "{'loss': 4.5, 'grad_norm': nan, 'learning_rate': 0.0003, 'epoch': 1.0}",
    f"INFO     | 2030-01-01 00:01:30 | {CLM}.common:on_log:367 - "
    "{'train_runtime': 12.5, 'train_loss': 5.0, 'epoch': 1.0}",
    f"INFO     | 2030-01-01 00:01:31 | {CLM}.common:on_log:367 - "
    "{'loss': __import__('os').getcwd(), 'epoch': 2.0}",
)


def test_events_come_in_order_and_once(bench: Bench, client: FineTuneClient) -> None:
    lines = (
        said(bench.hub, "started", 10, engine="trl"),
        said(bench.hub, "checkpoint", 20, name="checkpoint-5"),
        said(bench.hub, "trained", 30),
        said(bench.hub, "pushed", 40, repo="alice/x"),
    )
    course(bench, lines=lines, finish=pushes)
    job = bench.create(client)
    heard: list[str] = []
    client.jobs.wait(job, progress=False, on_event=lambda event: heard.append(event.id))
    events = list(client.jobs.events(job))
    assert [event.message for event in events] == [
        "the container has started; engine trl",
        "the checkpoint checkpoint-5 is on the Hub",
        "the training has ended",
        "the model is on the Hub: alice/x",
    ]
    assert heard == [event.id for event in events]
    times = [event.created_at for event in events]
    assert times == sorted(times)
    assert job.created_at is not None
    assert times[0] > job.created_at


def test_autotrains_own_lines_are_events_and_numbers(bench: Bench, client: FineTuneClient) -> None:
    course(bench, lines=AUTOTRAINS, finish=pushes)
    job = bench.wait(client, bench.create(client))
    events = list(client.jobs.events(job))
    assert [(event.level, event.message) for event in events[:2]] == [
        ("info", "Starting training"),
        ("warning", "a warning"),
    ]
    numbers = list(client.jobs.metrics(job))
    assert [(one.name, one.step, one.value, one.epoch) for one in numbers] == [
        ("loss", 1, 5.5, 0.5),
        ("grad_norm", 1, 0.29, 0.5),
        ("learning_rate", 1, 0.0005, 0.5),
        ("loss", 2, 4.5, 1.0),
        ("learning_rate", 2, 0.0003, 1.0),
        ("train_runtime", 2, 12.5, 1.0),
        ("train_loss", 2, 5.0, 1.0),
    ]
    assert {one.split for one in numbers} == {"train"}


def test_steps_are_those_of_the_optimizer(bench: Bench, client: FineTuneClient) -> None:
    course(bench, lines=MEASURED, finish=pushes)
    job = bench.wait(client, bench.create(client, options={"logging_steps": 10}))
    losses = [one for one in client.jobs.metrics(job) if one.name == "loss"]
    assert [one.step for one in losses] == [*range(10, 101, 10)]
    assert [one.unit for one in losses] == ["nats"] * 10
    config = yaml.safe_load(bench.course["files"]["config.yaml"])
    assert config["params"]["logging_steps"] == 10


def test_what_trl_measures_on_other_rows_is_told_apart(
    bench: Bench, client: FineTuneClient
) -> None:
    lines = (
        "{'loss': '2.5', 'mean_token_accuracy': '0.5', 'epoch': '0.5'}",
        "{'loss': '2.0', 'epoch': '1'}",
        "{'eval_loss': '2.25', 'eval_mean_token_accuracy': '0.75', 'epoch': '1'}",
    )
    course(bench, lines=lines, finish=pushes)
    job = bench.wait(client, bench.create(client, validation_data=VALID))
    found = {(one.split, one.name, one.step): one.value for one in client.jobs.metrics(job)}
    assert found == {
        ("train", "loss", 1): 2.5,
        ("train", "token_accuracy", 1): 0.5,
        ("train", "loss", 2): 2.0,
        ("validation", "loss", 2): 2.25,
        ("validation", "token_accuracy", 2): 0.75,
    }


def test_the_log_is_told_as_it_was_written(bench: Bench, client: FineTuneClient) -> None:
    lines = tuple(f"line {number}" for number in range(300))
    course(bench, lines=(*lines, f"token={bench.hub.token}"), finish=pushes)
    job = bench.wait(client, bench.create(client))
    told = list(client.jobs.logs(job))
    assert told[:-1] == list(lines)
    assert bench.hub.token not in told[-1]


def test_checkpoints_are_on_branches_newest_first(bench: Bench, client: FineTuneClient) -> None:
    job = bench.wait(client, bench.create(client))
    found = list(client.jobs.checkpoints(job))
    assert [one.step for one in found] == [10, 5]
    assert [one.model for one in found] == [
        f"{job.fine_tuned_model}@checkpoint-{step}" for step in (10, 5)
    ]
    assert all(one.job_id == job.id and one.bytes for one in found)


def test_a_job_that_has_just_begun_has_nothing_to_tell(
    bench: Bench, client: FineTuneClient
) -> None:
    job = bench.create(client)
    assert list(client.jobs.events(job)) == []
    assert list(client.jobs.metrics(job)) == []
    assert list(client.jobs.logs(job)) == []
    assert list(client.jobs.checkpoints(job)) == []


# What is done with it


def test_a_job_is_exported_with_all_that_is_its_own(bench: Bench, client: FineTuneClient) -> None:
    course(bench, lines=MEASURED, finish=pushes)
    job = bench.wait(client, bench.create(client, validation_data=VALID, suffix="numbers"))
    made = client.jobs.export(job, bench.folder / "out")
    assert made.lineage.gaps == ()
    assert (made.lineage.base_model, made.lineage.fine_tuned_model) == (MODEL, job.fine_tuned_model)
    roles = {str(one.role): Path(made.folder, one.name) for one in made.lineage.files}
    assert set(roles) == {"training", "validation"}
    rows = [json.loads(line) for line in roles["training"].read_text().splitlines()]
    assert rows == list(ROWS)
    assert bench.hub.token not in "".join(
        one.read_text() for one in Path(made.folder).rglob("*") if one.is_file()
    )


def whole(hub: Hub, job: JobRecord) -> None:
    """What our program does at its end: an adapter, and whole weights on a branch."""
    pushes(hub, job)
    repo = hub.repos["model", repo_of(job)]
    repo.branches["merged"] = repo.head
    files = {"config.json": b'{"model_type": "llama"}', "model.safetensors": WEIGHTS}
    hub.repos.commit(repo, files, branch="merged", gone=ADAPTER)


def test_a_finished_job_is_trained_on_by_its_whole_weights(
    bench: Bench, client: FineTuneClient
) -> None:
    course(bench, finish=whole)
    first = bench.wait(client, bench.create(client))
    options = {"hardware": "t4-small", "timeout": 3600}
    second = bench.create(client, model=first, options=options)
    assert second.model == first.fine_tuned_model
    assert "trl" in second.settings["engine"]
    assert "'merged'" in second.settings["engine"]
    told = json.loads(bench.jobs[-1].spec["environment"]["FINETUNE_COURSE"])
    assert told["base"] == {"repo_id": first.fine_tuned_model, "revision": "merged"}
    assert json.loads(told["files"]["config.json"])["model_name_or_path"] == "base"


def test_a_job_that_has_not_ended_is_not_trained_on(bench: Bench, client: FineTuneClient) -> None:
    job = bench.create(client)
    with pytest.raises(ConfigurationError, match="has made no model"):
        bench.create(client, model=job)
    assert len(bench.jobs) == 1


def test_the_async_client_does_the_same(bench: Bench) -> None:
    course(bench, lines=MEASURED, finish=pushes)

    async def both() -> tuple[Job, list[str], int]:
        async with AsyncFineTuneClient(bench.provider()) as client:
            job = await client.jobs.create(
                model=MODEL, training_data=ROWS, options=[AutoTrainOptions(hardware="t4-small")]
            )
            done = await client.jobs.wait(job, progress=False)
            listed = [one.id async for one in client.jobs.list()]
            metrics = [one async for one in client.jobs.metrics(job)]
            return done, listed, len(metrics)

    job, listed, count = asyncio.run(both())
    assert job.status is JobStatus.SUCCEEDED
    assert listed == [job.id]
    assert count == 20
