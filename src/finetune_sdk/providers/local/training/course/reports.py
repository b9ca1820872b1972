"""Where the numbers go beside the job's own folder: transformers' own integrations."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.training.failures import TrainingFailure

_PACKAGES: Mapping[str, tuple[str, ...]] = {"tensorboard": ("tensorboard", "tensorboardX")}
"""Packages of which one is needed, where they are not named as the place itself."""

# Numbers go out where the job says so; what the process prints, and code, do not.
_WANDB = {
    "WANDB_CONSOLE": "off",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_LOG_MODEL": "false",
    "WANDB_RESUME": "allow",
}


def check(places: Iterable[str]) -> None:
    """Looks for the packages that the places need.

    Raises:
        TrainingFailure: one is not installed.
    """
    for place in places:
        packages = _PACKAGES.get(place, (place,))
        if not any(find_spec(package) for package in packages):
            raise TrainingFailure(
                "missing_package",
                f"`LocalOptions.report_to` names {place!r}, and the package {packages[0]!r} is not "
                f"installed; `pip install {packages[0]}`, or leave it out",
            )


class Reports:
    """The places that a job reports to.

    Args:
        step: of the checkpoint that the training goes on from, else 0.
    """

    def __init__(self, folder: JobFolder, places: Iterable[str], *, step: int) -> None:
        self._folder, self._places, self._step = folder, places, step

    @cached_property
    def callbacks(self) -> list[Any]:
        """What listens to the trainer for them; opened when it is asked for."""
        return [_open(place, self._folder, self._step) for place in self._places]

    @contextmanager
    def silent(self, trainer: Any) -> Generator[None]:
        """Within it nothing that the trainer tells goes out."""
        for one in self.callbacks:
            trainer.remove_callback(one)
        try:
            yield
        finally:
            for one in self.callbacks:
                trainer.add_callback(one)

    def measured(self, numbers: Mapping[str, float], args: Any, state: Any, control: Any) -> None:
        """Passes the numbers on the validation rows on; those of training go by themselves."""
        logs = {f"eval_{name}": value for name, value in numbers.items()}
        for one in self.callbacks:
            one.on_log(args, state, control, logs=dict(logs))


def _open(place: str, folder: JobFolder, step: int) -> Any:
    integrations = import_module("transformers.integrations")
    if place == "tensorboard":
        return integrations.TensorBoardCallback(_writer(folder, step))
    if place == "wandb":
        os.environ.update(_WANDB)
        os.environ["WANDB_RUN_ID"] = folder.id
        os.environ["WANDB_DIR"] = str(folder.path)
        return integrations.WandbCallback()
    return integrations.TrackioCallback()


def _writer(folder: JobFolder, step: int) -> Any:
    # The class of whichever package is there; transformers looks in the same order.
    package = "torch.utils.tensorboard" if find_spec("tensorboard") else "tensorboardX"
    writer = import_module(package).SummaryWriter
    # Steps that are taken again replace what was told of them before.
    again = {"purge_step": step + 1} if step else {}
    return writer(log_dir=str(folder.path / "tensorboard"), **again)
