"""A training that was cut short and goes on learns what one learns that never was."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.course import carrying
from finetune_sdk.types import Lora, Metric, Supervised
from tests.training.jobs import CAKES, VENDOR_WARNINGS, events, make_job, metrics, train

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
