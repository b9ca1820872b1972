"""A training that was cut short and goes on learns what one learns that never was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.course import carrying, places
from finetune_sdk.providers.local.training.course.keeping import Keeper
from finetune_sdk.types import Lora, Metric, Supervised
from tests.training.jobs import (
    CAKES,
    VENDOR_WARNINGS,
    events,
    failure,
    make_job,
    metrics,
    train,
)

pytestmark = VENDOR_WARNINGS

ROWS = CAKES[:14]
"""Four steps an epoch; the last has half a batch."""


class Case(NamedTuple):
    """A kind of training, and the steps at which it is cut short."""

    lora: Lora | bool
    grouped: bool
    cuts: tuple[int, ...]


CASES = {
    # In the first epoch, at its end, and in the midst of the last: three steps behind a log line.
    "full, grouped by length": Case(lora=False, grouped=True, cuts=(2, 4, 11)),
    "full, shuffled": Case(lora=False, grouped=False, cuts=(11,)),
    "LoRA with dropout, grouped by length": Case(Lora(rank=4, dropout=0.2), True, (2, 11)),
    "LoRA with dropout, shuffled": Case(Lora(rank=4, dropout=0.2), False, (6,)),
}


def lines(folder: JobFolder) -> list[Metric]:
    text = (folder.path / "metrics.jsonl").read_text(encoding="utf-8")
    told = (Metric.from_json(line) for line in text.splitlines())
    return [metric.model_copy(update={"created_at": None}) for metric in told]


def weights(folder: JobFolder) -> bytes:
    (path,) = folder.model.glob("*.safetensors")
    return path.read_bytes()


def cut(straight: JobFolder, step: int, name: str) -> JobFolder:
    """The job as a kill leaves it that comes after a checkpoint was sealed and more was told."""
    folder = JobFolder(straight.path.with_name(name))
    shutil.copytree(straight.path, folder.path)
    shutil.rmtree(folder.model)
    (folder.path / "result.json").unlink()
    for saved in checkpoints.complete(folder.checkpoints):
        if saved.manifest.step > step:
            shutil.rmtree(saved.path)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_the_same_weights_and_the_same_numbers(name: str, tiny: Path, tmp_path: Path) -> None:
    case = CASES[name]
    method = Supervised(epochs=3, batch_size=4, learning_rate=5e-3, lora=case.lora)
    options = LocalOptions(
        micro_batch_size=2,
        group_by_length=case.grouped,
        save_steps=1,
        keep_checkpoints=20,
        logging_steps=4,
        eval_steps=3,
    )
    straight = train(
        make_job(tmp_path, tiny, ROWS, validation=CAKES[:3], method=method, options=options)
    )
    assert len(metrics(straight, "loss")) == 3
    for step in case.cuts:
        resumed = train(cut(straight, step, f"ftjob-{step}"))
        assert weights(resumed) == weights(straight), step
        assert lines(resumed) == lines(straight), step
        assert resumed.read("result") == straight.read("result")
        assert [e.data for e in events(resumed) if e.type == "continued"] == [{"step": step}]


def test_what_is_done_on_the_side_draws_nothing_from_the_trainings_chance() -> None:
    random, torch = import_module("random"), import_module("torch")
    numpy = import_module("numpy.random")

    def draw() -> tuple[float, float, float]:
        return random.random(), float(numpy.rand()), float(torch.rand(()))

    for module, seed in ((random, 1), (numpy, 2), (torch.random, 3)):
        (module.manual_seed if module is torch.random else module.seed)(seed)
    with carrying.untouched():
        first = draw()
    assert draw() == first


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def flip(path: Path) -> None:
    """One bit in the midst: in numbers, which torch reads as they are."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def make_foreign(path: Path) -> None:
    """What another version of this package may have meant by it."""
    manifest = json.loads(path.read_bytes())
    path.write_text(json.dumps({**manifest, "state": {"steps": 4}}), encoding="utf-8")


def make_foreign_to_transformers(path: Path) -> None:
    text = json.dumps({"a_field_of_another_version": 1})
    path.write_text(text.ljust(path.stat().st_size), encoding="utf-8")


DAMAGES: list[tuple[str, Callable[[Path], None]]] = [
    ("optimizer.pt", zero),
    ("optimizer.pt", flip),
    ("rng_state.pth", zero),
    ("adapter_model.safetensors", zero),
    ("adapter_config.json", zero),
    ("trainer_state.json", make_foreign_to_transformers),
    ("manifest.json", make_foreign),
]


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_serves(
    tiny: Path, tmp_path: Path
) -> None:
    options = LocalOptions(save_steps=1, keep_checkpoints=20)
    straight = train(make_job(tmp_path, tiny, ROWS, options=options))
    newest = checkpoints.complete(straight.checkpoints)[-1].manifest.step
    for number, (name, damage) in enumerate(DAMAGES):
        job = cut(straight, newest, f"ftjob-damaged-{number}")
        damage(job.checkpoints / f"checkpoint-{newest}" / name)
        found = places.newest(Keeper(job, keep=2))
        assert found is not None
        assert found[0].manifest.step == newest - 1, (name, damage)
        (event,) = (one for one in events(job) if one.type == "warning")
        assert f"checkpoint-{newest} is damaged" in event.message
        assert (job.checkpoints / f"checkpoint-{newest}.damaged" / name).exists()

    job = cut(straight, newest, "ftjob-again")
    zero(job.checkpoints / f"checkpoint-{newest}" / "optimizer.pt")
    assert weights(train(job)) == weights(straight)
    assert lines(job) == lines(straight)
    # The torn one was learned again, and may be torn again.
    shutil.rmtree(job.model)
    zero(job.checkpoints / f"checkpoint-{newest}" / "optimizer.pt")
    assert weights(train(job)) == weights(straight)


def test_nothing_but_damaged_checkpoints(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(save_steps=3)
    job = cut(train(make_job(tmp_path, tiny, ROWS, options=options)), 3, "ftjob-damaged")
    for saved in checkpoints.complete(job.checkpoints):
        zero(saved.path / "optimizer.pt")
    code, message = failure(job)
    assert code == "checkpoint_damaged"
    assert "checkpoint-3.damaged" in message
    assert "no older one" in message
