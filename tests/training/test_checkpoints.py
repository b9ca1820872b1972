"""Checkpoints of real trainings: whole models, kept and removed as the job says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.checkpoints import Saved
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.types import Supervised
from tests.training.jobs import (
    CAKES,
    VENDOR_WARNINGS,
    chat,
    events,
    failure,
    make_job,
    metrics,
    settings,
    train,
)
from tests.training.tiny import CHATML

pytestmark = VENDOR_WARNINGS

FULL = Supervised(epochs=2, learning_rate=1e-2, lora=False)

OTHERS = [chat("and 7 x 7?", "QQ ZZ 49!")]
"""What learning cakes makes worse, after a while."""


def saved(folder: JobFolder) -> list[Saved]:
    return checkpoints.complete(folder.checkpoints)


def steps(folder: JobFolder) -> list[int]:
    return [one.manifest.step for one in saved(folder)]


def folders(folder: JobFolder) -> set[str]:
    return {path.name for path in folder.checkpoints.iterdir()}


def weights(folder: Path) -> bytes:
    (path,) = folder.glob("*.safetensors")
    return path.read_bytes()


def test_a_checkpoint_is_a_whole_model(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(chat_template=CHATML.replace("<|im_end|>", "<|endoftext|>"))
    job = train(make_job(tmp_path, tiny, validation=CAKES[:3], options=options))
    first, last = saved(job)
    model = {path.name for path in job.model.iterdir()}
    assert set(last.manifest.model) == model
    assert {path.name for path in last.path.iterdir()} - model == {
        "manifest.json",
        "optimizer.pt",
        "rng_state.pth",
        "scheduler.pt",
        "trainer_state.json",
    }
    for name in model:
        assert (last.path / name).read_bytes() == (job.model / name).read_bytes(), name
    assert (first.manifest.step, last.manifest.step, last.manifest.epoch) == (2, 4, 2.0)
    assert last.manifest.metrics["loss"] == metrics(job, "loss")[-1]
    measured = metrics(job, "loss", "validation")
    assert last.manifest.metrics["validation_loss"] == measured[-1]
    assert [one.manifest.score for one in (first, last)] == [-loss for loss in measured]
    assert folders(job) == {"checkpoint-2", "checkpoint-4"}


def test_a_checkpoint_of_all_weights_can_be_served_and_trained(tiny: Path, tmp_path: Path) -> None:
    job = train(make_job(tmp_path, tiny, method=FULL))
    first = saved(job)[0].path
    assert json.loads((first / "config.json").read_bytes())["use_cache"] is True
    assert saved(job)[0].manifest.score is None
    further = train(make_job(tmp_path, first, name="ftjob-further", method=FULL))
    assert metrics(further, "loss")[0] < metrics(job, "loss")[0] - 0.2


def test_the_newest_are_kept_and_the_best(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(save_steps=1, keep_checkpoints=2, eval_steps=1)
    method = FULL.model_copy(update={"epochs": 4})
    job = train(make_job(tmp_path, tiny, validation=OTHERS, method=method, options=options))
    measured = metrics(job, "loss", "validation")
    assert len(measured) == 8
    best = measured.index(min(measured)) + 1
    assert best < 7, "the case is meant to get worse"
    assert steps(job) == [best, 7, 8]
    assert folders(job) == {f"checkpoint-{step}" for step in (best, 7, 8)}
    # Without early stopping it is the last weights that come out.
    assert weights(job.model) == weights(saved(job)[-1].path)


def test_a_checkpoint_has_only_measurements_of_its_own_step(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(save_steps=1, keep_checkpoints=9, eval_steps=2)
    job = train(make_job(tmp_path, tiny, validation=OTHERS, method=FULL, options=options))
    measured = [
        one.manifest.step for one in saved(job) if "validation_loss" in one.manifest.metrics
    ]
    assert measured == [2, 4]
    assert all("loss" in one.manifest.metrics for one in saved(job))


def test_early_stopping_brings_out_the_best(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(save_steps=100, eval_steps=1, early_stopping_patience=2)
    method = FULL.model_copy(update={"epochs": 20})
    job = train(make_job(tmp_path, tiny, validation=OTHERS, method=method, options=options))
    measured = metrics(job, "loss", "validation")
    best = measured.index(min(measured)) + 1
    assert len(measured) == best + 2 == len(metrics(job, "loss"))
    (chosen,) = (one for one in saved(job) if one.manifest.step == best)
    assert weights(job.model) == weights(chosen.path)
    assert settings(job)["early_stopping"].startswith(f"checkpoint-{best} comes out")
    assert [event.type for event in events(job)][-4:-1].count("early_stop") == 1
    assert not any("early" in event.message for event in events(job)[:-4])


def test_early_stopping_needs_rows_to_measure(tmp_path: Path, tiny: Path) -> None:
    options = LocalOptions(early_stopping_patience=1)
    code, message = failure(make_job(tmp_path, tiny, options=options))
    assert code == "invalid_option"
    assert "`validation_data`" in message


def test_measurements_at_steps_and_never_twice(tiny: Path, tmp_path: Path) -> None:
    def measured(name: str, every: int | None) -> tuple[list[int], bytes]:
        options = LocalOptions(eval_steps=every, logging_steps=2)
        method = Supervised(epochs=3, batch_size=4, learning_rate=1e-2)
        job = make_job(
            tmp_path, tiny, CAKES[:8], name=name, validation=OTHERS, method=method, options=options
        )
        train(job)
        text = (job.path / "metrics.jsonl").read_text(encoding="utf-8")
        rows = map(json.loads, text.splitlines())
        steps = [row["step"] for row in rows if (row["split"], row["name"]) == VALIDATION_LOSS]
        return steps, weights(job.model)

    by_epoch, weights_by_epoch = measured("ftjob-e", None)
    by_steps, weights_by_steps = measured("ftjob-s", 2)
    by_others, weights_by_others = measured("ftjob-o", 4)
    assert by_epoch == by_steps == [2, 4, 6]
    assert by_others == [4]
    # To look does not change what is learned.
    assert weights_by_epoch == weights_by_steps == weights_by_others


VALIDATION_LOSS = ("validation", "loss")


def test_metrics_have_their_step_split_and_unit(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(logging_steps=2)
    job = train(make_job(tmp_path, tiny, validation=OTHERS, options=options))
    text = (job.path / "metrics.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert {(row["name"], row["split"], row.get("unit")) for row in rows} == {
        ("loss", "train", "nats per token"),
        ("learning_rate", "train", None),
        ("grad_norm", "train", None),
        ("token_accuracy", "train", None),
        ("entropy", "train", "nats per token"),
        ("tokens", "train", "tokens"),
        ("loss", "validation", "nats per token"),
        ("token_accuracy", "validation", None),
    }
    assert {row["step"] for row in rows} == {2, 4}
    assert {row["epoch"] for row in rows if row["step"] == 4} == {2.0}


def test_what_a_killed_writer_leaves_is_removed(tiny: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path, tiny)
    half = job.checkpoints / "checkpoint-3"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    job.model.with_name("model.partial").mkdir()
    train(job)
    assert folders(job) == {"checkpoint-2", "checkpoint-4"}
    assert not job.model.with_name("model.partial").exists()


def test_what_was_learned_to_the_end_is_not_learned_again(tiny: Path, tmp_path: Path) -> None:
    job = train(make_job(tmp_path, tiny, method=FULL.model_copy(update={"epochs": 1.5})))
    before = {path.name: path.read_bytes() for path in job.model.iterdir()}
    told = (job.path / "metrics.jsonl").read_bytes()
    (job.path / "result.json").unlink()
    for path in job.model.iterdir():
        path.unlink()
    job.model.rmdir()
    train(job)
    assert {path.name: path.read_bytes() for path in job.model.iterdir()} == before
    assert (job.path / "metrics.jsonl").read_bytes() == told
    assert job.read("result") == {"trained_tokens": metrics(job, "tokens")[-1]}


@pytest.mark.parametrize("save_steps", [1, 2])
def test_a_training_that_runs_away_keeps_its_last_good_checkpoint(
    tiny: Path, tmp_path: Path, save_steps: int
) -> None:
    """LOC-14: the second epoch's rate is a leap. No weight that is no number is ever sealed."""
    method = Supervised(epochs=8, learning_rate=1e30, lora=False, batch_size=16)
    options = LocalOptions(
        warmup_steps=1,
        lr_scheduler="constant_with_warmup",
        max_grad_norm=1e30,
        save_steps=save_steps,
        logging_steps=8,
    )
    job = make_job(tmp_path, tiny, [*CAKES, *CAKES[:8]], method=method, options=options)
    code, message = failure(job)
    assert code == "nan_loss"
    assert "at step" in message
    good = saved(job)
    assert folders(job) == {one.path.name for one in good}
    if save_steps == 1:
        # The rate of the first step is zero.
        assert steps(job)[0] == 1
        further = make_job(tmp_path, good[0].path, name="ftjob-further")
        assert metrics(train(further), "loss")[-1] < 6


def test_a_disk_that_fills_in_a_checkpoint(
    tiny: Path, tmp_path: Path, four_mebibytes: Path
) -> None:
    """LOC-10: the partial one goes, the others stay, and with room again the job goes on."""
    method = FULL.model_copy(update={"epochs": 3})
    options = LocalOptions(save_steps=1, keep_checkpoints=20)
    job = make_job(four_mebibytes, tiny, method=method, options=options)
    code, message = failure(job)
    assert code == "disk_full"
    assert "free some space" in message
    # All that the partial one took is there again.
    assert shutil.disk_usage(four_mebibytes).free > 2**19
    kept = steps(job)
    assert kept == list(range(1, len(kept) + 1))
    assert folders(job) == {f"checkpoint-{step}" for step in kept}
    subprocess.run(["mount", "-o", "remount,size=64m", str(four_mebibytes)], check=True)
    straight = train(make_job(tmp_path, tiny, method=method, options=options))
    assert weights(train(job).model) == weights(straight.model)
    assert metrics(job, "loss") == metrics(straight, "loss")
