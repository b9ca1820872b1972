"""What the program in the container is told to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from finetune_sdk.autotrain import AutoTrainSpec
from finetune_sdk.providers.autotrain import inside
from finetune_sdk.providers.autotrain.choosing.base_model import MERGED
from finetune_sdk.providers.autotrain.choosing.rows import Rows, made_here, parts
from finetune_sdk.providers.autotrain.order import Order
from finetune_sdk.providers.autotrain.record import kept_of, mark
from finetune_sdk.types import DatasetFile, MethodName

PAIRS = (MethodName.DPO, MethodName.ORPO, MethodName.REWARD)
_LOOK = 15.0
"""Seconds between two looks for checkpoints."""
_MARGIN = 120.0
"""Seconds before the end of a job in which nothing more is pushed."""

# The versions that the tests train with; TRL's arguments change between its own.
_PACKAGES = (
    "trl==1.16.0",
    "transformers>=5.23,<6",
    "peft>=0.21,<1",
    "accelerate>=1.15,<2",
    "datasets>=5.2,<6",
)
_QUANTIZED = ("bitsandbytes>=0.49,<1",)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_UV = "astral-sh/uv"
_CONDA = ("conda", "run", "--no-capture-output", "-p", "/app/env")
"""Where AutoTrain's container has it; its own backend for NVCF says the same."""


def command(order: Order) -> list[str]:
    """What the container runs."""
    program = ["python", "-c", inside.LOADER]
    if order.engine == "autotrain":
        return [*_CONDA, *program]
    if _UV not in order.image:
        return program
    packages = [*_PACKAGES, *(_QUANTIZED if order.description.llm.quantization else ())]
    return [
        "uv",
        "run",
        "--no-project",
        *(word for name in packages for word in ("--with", name)),
        *program,
    ]


def course_of(order: Order, rows: Mapping[str, Rows]) -> dict[str, Any]:
    """What the program is told: no secret, and nothing to look up.

    Args:
        order: the job.
        rows: where they lie, by `train` and `validation`.
    """
    here = _here(order.description, validation="validation" in rows)
    make = _autotrain if order.engine == "autotrain" else _trl
    return {
        "engine": order.engine,
        "repo": order.repo,
        "key": mark(order.spec.key),
        "rows": {name: one.told() for name, one in rows.items()},
        "turns": False,
        "pairs": order.engine == "autotrain" and order.spec.method.name in PAIRS,
        "base": _base(order),
        "output": order.project,
        "merge": MERGED if _merges(order) else None,
        "kept": kept_of(order.namespace, order.project, order.spec.training_file.id),
        "seconds": order.seconds - _MARGIN,
        "look": _LOOK,
        **make(order, here),
    }


def pinned(
    file: DatasetFile | None, course: str | None, role: Literal["train", "validation"]
) -> DatasetFile | None:
    """A dataset of the Hub at the commit that the job reads: it may change under its name.

    Args:
        file: as the job was asked for it.
        course: what the program was told, as text; whatever is wrong with it, it is no error.
        role: of the rows.
    """
    if file is None or made_here(file.id):
        return file
    try:
        revision = json.loads(course or "")["rows"][role]["revision"]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return file
    if not isinstance(revision, str) or not _COMMIT.fullmatch(revision):
        return file
    repo, words = parts(file.id)
    query = urlencode({**words, "revision": revision})
    return file.model_copy(update={"id": f"{repo}?{query}"})


def _base(order: Order) -> dict[str, str] | None:
    """The base model, where it is not the newest commit."""
    if order.revision is None:
        return None
    return {"repo_id": order.spec.model.partition("@")[0], "revision": order.revision}


def _here(description: AutoTrainSpec, *, validation: bool) -> AutoTrainSpec:
    """The description of the same project inside of the container, which pushes nothing itself."""
    data = description.data.model_copy(
        update={
            "path": "data",
            "train_split": "train",
            "valid_split": "validation" if validation else None,
        }
    )
    return description.model_copy(
        update={"data": data, "hub": None, "backend": "local", "log": "none"}
    )


def _merges(order: Order) -> bool:
    """Whether whole weights are wanted beside the adapter; a reward model answers nobody."""
    said = order.spec.options.get("merge_adapter")
    # AutoTrain merges by itself where it is asked to; TRL does not.
    wanted = said is None or (said is True and order.engine == "trl")
    return order.description.llm.peft and wanted and order.spec.method.name != "reward"


def _autotrain(_: Order, here: AutoTrainSpec) -> dict[str, Any]:
    return {
        "command": ["autotrain", "--config", "config.yaml"],
        "files": {"config.yaml": here.to_yaml()},
    }


def _trl(order: Order, here: AutoTrainSpec) -> dict[str, Any]:
    train_on = getattr(order.spec.method, "train_on", None)
    run = here.to_trl(train_on=train_on)
    arguments = {**run.arguments, **_overrides(order, run.arguments)}
    return {
        "turns": bool(arguments.get("assistant_only_loss")),
        "command": ["trl", run.command, "--config", "config.json"],
        # JSON is YAML, and has no words that mean something else.
        "files": {"config.json": json.dumps(arguments, indent=1)},
    }


def _overrides(order: Order, arguments: Mapping[str, object]) -> dict[str, object]:
    """What the container asks for: numbers in the log, and checkpoints to keep."""
    said: dict[str, object] = {"disable_tqdm": True}
    if arguments.get("save_strategy") == "no":
        said["save_strategy"] = "epoch"
    if order.machine.gpus == 0:
        said["use_cpu"] = True
    if order.revision:
        said["model_name_or_path"] = inside.BASE
    return said
