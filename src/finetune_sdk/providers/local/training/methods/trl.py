"""What we take from TRL: its classes, by name, and the numbers that its trainers measure."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Any, cast

from finetune_sdk.providers.local.training import ranks
from finetune_sdk.providers.local.training.failures import TrainingFailure

EXPERIMENTAL = "trl.experimental.orpo"
"""Where TRL keeps ORPO."""

# How fast it went, and counts of what was seen in training.
_NO_MEASURE = frozenset(
    {
        "runtime",
        "samples_per_second",
        "steps_per_second",
        "model_preparation_time",
        "num_tokens",
        "step_time",
    }
)


def named(name: str, module: str = "trl") -> Any:
    """A class of TRL.

    Raises:
        TrainingFailure: the installed TRL has none of that name.
    """
    try:
        with warnings.catch_warnings():
            # It says at import what `Capabilities` says before: that it may change.
            warnings.filterwarnings("ignore", message="You are importing from 'trl.experimental'")
            return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise TrainingFailure(
            "method_not_installed",
            f"the installed TRL {version('trl')} has no `{module}.{name}` ({error}); TRL 1.16 has "
            'it: pip install "trl==1.16.*"',
        ) from error


def measured(trainer: Any, seed: int) -> dict[str, float]:
    """The numbers on a trainer's validation rows, by TRL's names with `_` for `/`.

    Chance and all flags are put back afterwards: the training goes on as if nothing had been
    measured.
    """
    torch = import_module("torch")
    was_training: bool = trainer.model.training
    control = cast("dict[str, Any]", vars(trainer.control))
    flags = dict(control)
    with torch.random.fork_rng(), _whole(trainer):
        torch.manual_seed(seed)
        logs: dict[str, Any] = trainer.evaluate()
    trainer.model.train(was_training)
    # What is told of the measurement would count as told of the step.
    control.update(flags)
    found = {name.removeprefix("eval_"): value for name, value in logs.items() if "eval_" in name}
    return {
        name.replace("/", "_"): float(value)
        for name, value in found.items()
        if value is not None and name not in _NO_MEASURE
    }


@contextmanager
def _whole(trainer: Any) -> Generator[None]:
    """Within it each of several processes measures all rows, and so the numbers of one.

    Where rows are shared out and do not come out even, accelerate measures some twice.
    """
    if ranks.world() == 1:
        yield
        return
    data = import_module("accelerate.data_loader")
    own, device = trainer.accelerator.prepare, trainer.accelerator.device

    def prepare(loader: Any) -> Any:
        return data.prepare_data_loader(
            loader, device, num_processes=1, process_index=0, put_on_device=True
        )

    trainer.accelerator.prepare = prepare
    try:
        yield
    finally:
        trainer.accelerator.prepare = own


def whole_batches(rows: int, most: int) -> int:
    """Rows to measure at once so that all batches are alike: TRL takes the mean of their means."""
    return (
        next(size for size in range(min(rows, most), 0, -1) if rows % size == 0) if rows else most
    )


def dataset(columns: dict[str, list[Any]]) -> Any:
    """Columns as the `datasets` package holds them; None where they are empty."""
    datasets = import_module("datasets")
    datasets.disable_progress_bars()
    rows: Iterable[Any] = next(iter(columns.values()))
    return datasets.Dataset.from_dict(columns) if rows else None
