"""Jobs, events, files, models and checkpoints, read whole."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from finetune_sdk.providers._openai_wire.encode import CALL, KEY, job_body, metadata
from finetune_sdk.providers._openai_wire.events import event_of, metrics_of, named
from finetune_sdk.providers._openai_wire.holdings import (
    checkpoint_of,
    ended_with_base,
    file_of,
    model_of,
    with_best,
)
from finetune_sdk.providers._openai_wire.jobs import job_of
from finetune_sdk.providers._openai_wire.results import metrics_of_file
from finetune_sdk.providers._openai_wire.values import deep, shown
from finetune_sdk.types import (
    DPO,
    Checkpoint,
    DatasetFile,
    Job,
    JobError,
    JobEvent,
    JobSpec,
    JobStatus,
    Metric,
    Model,
    Supervised,
)

SECONDS = 1_790_000_000
THEN = datetime.fromtimestamp(SECONDS, UTC)


def test_a_job_is_read_whole() -> None:
    hyperparameters = {
        "n_epochs": 3,
        "batch_size": 8,
        "learning_rate_multiplier": 2,
        "beta": 0.5,
    }
    said = {
        "id": "ftjob-1",
        "object": "fine_tuning.job",
        "status": "failed",
        "model": "base",
        "created_at": SECONDS,
        "finished_at": SECONDS + 60,
        "training_file": "file-1",
        "validation_file": "file-2",
        "suffix": "recipes",
        "seed": 7,
        "trained_tokens": 900,
        "metadata": {"team": "a", KEY: "k", CALL: "c"},
        "error": {"code": "bad", "message": "no", "param": "training_file"},
        "method": {"type": "dpo", "dpo": {"hyperparameters": hyperparameters}},
        "hyperparameters": hyperparameters,
        "newer": [1],
    }
    assert job_of(said, provider="mine") == Job(
        id="ftjob-1",
        provider="mine",
        status=JobStatus.FAILED,
        raw_status="failed",
        model="base",
        method=DPO(epochs=3, batch_size=8, learning_rate_multiplier=2, beta=0.5),
        training_file=DatasetFile(id="file-1"),
        validation_file=DatasetFile(id="file-2"),
        created_at=THEN,
        finished_at=datetime.fromtimestamp(SECONDS + 60, UTC),
        suffix="recipes",
        seed=7,
        metadata={"team": "a"},
        trained_tokens=900,
        error=JobError(code="bad", message="no", param="training_file"),
        raw={"newer": [1]},
    )


@pytest.mark.parametrize(
    ("level", "ours"),
    [("warn", "warning"), ("warning", "warning"), ("error", "error"), ("odd", "info"), (7, "info")],
)
def test_an_event_is_read_whole(level: object, ours: Any) -> None:
    said = {
        "id": "e-1",
        "created_at": SECONDS,
        "level": level,
        "message": "Step 1",
        "type": "metrics",
        "data": {"step": 1, "train_loss": 0.5},
    }
    assert event_of(said) == JobEvent(
        id="e-1",
        created_at=THEN,
        level=ours,
        message="Step 1",
        type="metrics",
        data={"step": 1, "train_loss": 0.5},
    )


def test_an_event_without_words_is_one() -> None:
    assert event_of({"id": "e-1"}) == JobEvent(
        id="e-1",
        created_at=datetime(1970, 1, 1, tzinfo=UTC),
        level="info",
        message="",
        type="message",
    )


def test_what_an_event_measures_is_told_with_its_moment() -> None:
    said = {
        "type": "metrics",
        "created_at": SECONDS,
        "data": {"step": 3, "total_steps": 9, "train_loss": 0.5, "my_valid": 1, "odd": "x"},
    }
    assert list(metrics_of(said)) == [
        Metric(step=3, name="loss", value=0.5, split="train", created_at=THEN),
        Metric(step=3, name="my_valid", value=1, split="validation", created_at=THEN),
    ]
    assert not list(metrics_of({**said, "type": "message"}))
    assert not list(metrics_of({**said, "data": {"train_loss": 0.5}}))


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("full_valid_loss", ("full_loss", "validation")),
        ("mine", ("mine", "train")),
        ("invalid_rows", ("invalid_rows", "validation")),
    ],
)
def test_a_number_has_a_name_and_its_rows(name: str, ours: tuple[str, str]) -> None:
    assert named(name) == ours


def test_a_result_file_is_read_row_by_row() -> None:
    body = b"step,train_loss,valid_loss\n1,0.5,\n-1,9,9\nx,9,9\n2,odd, 0.25\n3,nan,1\n"
    found = [
        (one.step, one.name, one.split, one.value) for one in metrics_of_file(body, provider="m")
    ]
    assert found == [
        (1, "loss", "train", 0.5),
        (2, "loss", "validation", 0.25),
        (3, "loss", "validation", 1.0),
    ]


# Holdings


def model(id_: str, **fields: object) -> Model | None:
    return model_of({"id": id_, **fields}, provider="mine")


def test_a_tuned_model_ends_with_its_base_where_it_has_no_word_of_its_own() -> None:
    tuned = "ft:base:acme::1"
    found = ended_with_base(
        [
            None,
            model("base", shutdown_date="2027-01-14"),
            model(tuned),
            model("ft:base:acme::2", shutdown_date="2027-02-02T00:00:00Z"),
            model("ft:gone:acme::3"),
            model("other"),
        ]
    )
    days = [None if one is None else str(one.shutdown_date) for one in found]
    assert days == [None, "2027-01-14", "2027-01-14", "2027-02-02", "None", "None"]
    assert found[2] is not None
    assert (found[2].id, found[2].provider, found[2].base_model) == (tuned, "mine", "base")


def test_a_file_and_a_model_are_read_whole() -> None:
    said = {"id": "f", "filename": "a.jsonl", "bytes": 9, "created_at": SECONDS}
    file = DatasetFile(id="f", name="a.jsonl", bytes=9, created_at=THEN)
    assert file_of(said) == file
    made = model("ft:base:acme::1", created=SECONDS, shutdown_date="2027-01-14")
    assert made == Model(
        id="ft:base:acme::1",
        provider="mine",
        kind="fine_tuned",
        base_model="base",
        created_at=THEN,
        shutdown_date=date(2027, 1, 14),
    )


def checkpoint(id_: str, **fields: Any) -> Checkpoint:
    said = {"id": id_, "fine_tuned_model_checkpoint": "m", "step_number": 5, **fields}
    found = checkpoint_of(said, provider="mine", job_id="ftjob-1")
    assert found is not None
    return found


def test_a_checkpoint_is_read_whole() -> None:
    metrics = {"step": 5, "train_loss": 0.5, "valid_loss": 0.4, "mine": 1}
    assert checkpoint("c", created_at=SECONDS, metrics=metrics) == Checkpoint(
        id="c",
        job_id="ftjob-1",
        provider="mine",
        model="m",
        step=5,
        created_at=THEN,
        metrics={"loss": 0.5, "validation_loss": 0.4, "mine": 1},
    )
    assert checkpoint("c").created_at == datetime(1970, 1, 1, tzinfo=UTC)


def test_the_loss_on_all_rows_says_which_checkpoint_is_best() -> None:
    found = with_best(
        [
            checkpoint("a", metrics={"valid_loss": 0.1, "full_valid_loss": 0.9}),
            checkpoint("b", metrics={"valid_loss": 0.2}),
            checkpoint("c"),
        ]
    )
    assert [(one.id, one.best) for one in found] == [("a", False), ("b", True), ("c", False)]
    assert with_best([]) == ()


# What is sent


def spec(**words: Any) -> JobSpec:
    given = {"model": "m", "training_file": DatasetFile(id="file-1"), "method": Supervised()}
    return JobSpec.model_validate({**given, "key": "k", **words})


def test_a_body_has_what_was_said_and_no_more() -> None:
    assert job_body(spec(), marked=False) == {
        "model": "m",
        "training_file": "file-1",
        "method": {"type": "supervised", "supervised": {}},
    }
    wandb = {"type": "wandb", "wandb": {"project": "p"}}
    full = spec(
        method=DPO(epochs=3, batch_size=8, learning_rate_multiplier=0.5, beta=0.1),
        validation_file=DatasetFile(id="file-2"),
        suffix="s",
        seed=0,
        call="c",
        metadata={"a": "b"},
        options={"integrations": [{"wandb": {"project": "p"}}, wandb], "extra_body": {"x": 1}},
    )
    hyperparameters = {
        "n_epochs": 3,
        "batch_size": 8,
        "learning_rate_multiplier": 0.5,
        "beta": 0.1,
    }
    assert job_body(full) == {
        "model": "m",
        "training_file": "file-1",
        "method": {"type": "dpo", "dpo": {"hyperparameters": hyperparameters}},
        "validation_file": "file-2",
        "suffix": "s",
        "seed": 0,
        "metadata": {"a": "b", KEY: "k", CALL: "c"},
        "integrations": [wandb, wandb],
        "x": 1,
    }
    assert metadata(spec()) == {KEY: "k"}


# Values


def test_what_is_as_deep_as_our_types_hold_is_kept() -> None:
    value: Any = 1
    for _ in range(99):
        value = {"a": [], "b": value}
    assert not deep(value)
    assert deep([value])


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "nothing at all"), (b"x" * 121, repr("x" * 120)), (b"\xff", repr("\ufffd"))],
)
def test_an_answer_is_shown_by_its_beginning(body: bytes, words: str) -> None:
    assert shown(body) == words
