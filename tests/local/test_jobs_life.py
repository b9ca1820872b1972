"""A job from its start to its end, whichever that is."""

from __future__ import annotations

import signal

import pytest

from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import JobStatus
from tests.local.small_jobs import Bench, kill


def test_a_job_succeeds_and_says_what_came_out(bench: Bench) -> None:
    made = bench.create(steps="3")
    job = bench.ended(made)

    assert job.status is JobStatus.SUCCEEDED
    assert job.fine_tuned_model == str(bench.folder(job) / "model")
    assert job.trained_tokens == 1234
    assert job.error is None
    assert job.settings == {"precision": "float32, no bfloat16 here"}
    assert "tiny rows" in job.warnings
    assert job.created_at is not None
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.created_at <= job.started_at <= job.finished_at
    assert job.metadata == {"steps": "3"}
    assert made.fine_tuned_model is None


def test_a_job_tells_its_events_metrics_and_log(bench: Bench) -> None:
    job = bench.ended(bench.create(steps="3"))

    events = bench.provider.list_events(job.id, limit=100, cursor=None).items
    assert [event.type for event in reversed(events)] == [
        "created",
        "running",
        "message",
        "succeeded",
    ]
    metrics = bench.provider.list_metrics(job.id, limit=100, cursor=None).items
    assert [(metric.step, metric.name) for metric in metrics] == [
        (1, "loss"),
        (2, "loss"),
        (3, "loss"),
    ]
    assert bench.provider.read_logs(job.id, limit=100, cursor=None).items == ("training begins",)


def test_a_running_job_says_how_far_it_is(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang", steps="4"))

    seen = bench.get(job)
    assert seen.progress is not None
    assert seen.progress.steps == 4
    assert seen.raw_status == "running"
    assert seen.fine_tuned_model is None
    assert bench.ended(bench.provider.cancel_job(job.id)).progress is None


def test_a_failure_that_the_trainer_knows_keeps_its_code(bench: Bench) -> None:
    job = bench.ended(bench.create(ending="fail"))

    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.message) == ("row_too_long", "row 3 has 99 tokens")
    last = bench.provider.list_events(job.id, limit=1, cursor=None).items[0]
    assert (last.type, last.level, last.message) == ("failed", "error", "row 3 has 99 tokens")


@pytest.mark.parametrize(
    ("ending", "code", "words"),
    [
        ("crash", "trainer_crashed", ("SIGABRT", "the last words, with [redacted] in them")),
        ("raise", "trainer_crashed", ("exit code 1", "RuntimeError: out of ideas")),
        ("babble", "trainer_crashed", ("exit code 3", "line 199 ")),
        ("exit0_without_model", "incomplete_model", ("no complete model",)),
    ],
)
def test_a_failure_that_the_trainer_does_not_know_is_read_from_its_end(
    bench: Bench, ending: str, code: str, words: tuple[str, ...]
) -> None:
    job = bench.ended(bench.create(ending=ending))

    assert job.status is JobStatus.FAILED
    assert job.fine_tuned_model is None
    assert job.error is not None
    assert job.error.code == code
    assert len(job.error.message) <= 2000
    for word in words:
        assert word in job.error.message
    assert not (bench.folder(job) / "model.partial").exists()


def test_a_killed_trainer_is_taken_for_one_without_memory(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    kill(bench.trainer(job), signal.SIGKILL)

    job = bench.ended(job)
    assert job.error is not None
    assert job.error.code == "killed_out_of_memory_likely"
    assert "`micro_batch_size`" in job.error.message


def test_a_trainer_that_is_not_there_fails_the_job(bench: Bench) -> None:
    provider = LocalProvider(home=bench.home, trainer=["/no/such/trainer"])
    job = bench.ended(provider.create_job(bench.spec()))

    assert job.error is not None
    assert job.error.code == "trainer_not_started"
    assert "'/no/such/trainer'" in job.error.message


def test_what_the_trainer_leaves_running_is_ended(bench: Bench) -> None:
    job = bench.ended(bench.create(ending="leave_a_child"))

    assert job.status is JobStatus.SUCCEEDED
    bench.clear()


def test_a_model_that_got_lost_is_no_success(bench: Bench) -> None:
    job = bench.ended(bench.create())
    (bench.folder(job) / "model" / "adapter_model.safetensors").unlink()

    job = bench.get(job)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "incomplete_model"
    assert job.fine_tuned_model is None


def test_nonsense_of_a_trainer_does_not_hide_its_job(bench: Bench) -> None:
    job = bench.ended(bench.create())
    (bench.folder(job) / "choices.json").write_text('{"settings": [1]}')

    job = bench.get(job)
    assert job.status is JobStatus.SUCCEEDED
    assert any("choices.json" in warning for warning in job.warnings)


def test_the_log_has_no_secrets_and_no_drawn_bars(bench: Bench) -> None:
    job = bench.ended(bench.create())
    log = "10%\r20%\rdone \nkey sk-abcdefghijklmnopqrstuvwxyz\nplanted-token\nno end"
    (bench.folder(job) / "trainer.log").write_text(log)

    reader = bench.another(HF_TOKEN="planted-token")
    lines = reader.read_logs(job.id, limit=100, cursor=None).items
    assert lines == ("done ", "key [redacted]", "[redacted]", "no end")
