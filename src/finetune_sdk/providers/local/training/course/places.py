"""Where a training stands, and the checkpoint that it can go on from."""

from __future__ import annotations

import json
import zipfile
from importlib import import_module
from pathlib import Path

from pydantic import BaseModel

from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.checkpoints import Saved
from finetune_sdk.providers.local.training import ranks
from finetune_sdk.providers.local.training.course.keeping import Keeper
from finetune_sdk.providers.local.training.course.reporting import Told
from finetune_sdk.providers.local.training.course.standing import Standing
from finetune_sdk.providers.local.training.failures import TrainingFailure


class Carried(BaseModel):
    """What the trainer held besides its checkpoint: see `carrying`."""

    loss: float
    logged: int
    numbers: dict[str, list[float]]


class Place(BaseModel):
    """Where a training stands: what a checkpoint's manifest holds for going on.

    Attributes:
        steps: of the whole training.
    """

    steps: int
    told: Told
    standing: Standing
    carried: Carried


def newest(keeper: Keeper) -> tuple[Saved, Place] | None:
    """The newest checkpoint that can be gone on from; damaged ones are set aside.

    Of several processes the first looks, for all.

    Raises:
        TrainingFailure: there were checkpoints, and all are damaged.
        OSError: one cannot be read now.
    """
    return ranks.agree(_newest(keeper) if ranks.first() else None)


def _newest(keeper: Keeper) -> tuple[Saved, Place] | None:
    damaged = list[str]()
    while saved := keeper.newest():
        try:
            return saved, _open(saved)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - each format has its own for what is torn
            damaged.append(_set_aside(keeper, saved, error))
    if damaged:
        message = f"{damaged[-1]}, and there is no older one to go on from; make a new job"
        raise TrainingFailure("checkpoint_damaged", message)
    return None


def _set_aside(keeper: Keeper, saved: Saved, error: Exception) -> str:
    kept = checkpoints.set_aside(saved)
    words = f"{saved.path.name} is damaged ({error}) and kept as {kept.name!r}"
    keeper.folder.tell(words, type="warning", level="warning")
    return words


def _open(saved: Saved) -> Place:
    """Opens all files as going on would, before anything that takes long is loaded."""
    for name in saved.manifest.files:
        _try(saved.path / name)
    import_module("transformers").TrainerState.load_from_json(saved.path / "trainer_state.json")
    return Place.model_validate(saved.manifest.state)


def _try(path: Path) -> None:
    if path.suffix == ".json":
        json.loads(path.read_bytes())
    elif path.suffix == ".safetensors":
        with import_module("safetensors").safe_open(path, framework="numpy"):
            pass
    elif path.suffix in (".pt", ".pth"):
        _try_torch(path)


def _try_torch(path: Path) -> None:
    # What torch writes is a zip file with checksums, which torch itself does not compare.
    with zipfile.ZipFile(path) as file:
        torn = file.testzip()
    if torn is not None:
        raise ValueError(f"the checksum of {torn} in {path.name} is wrong")
