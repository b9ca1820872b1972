"""Job folders made by hand, and the trainer's own entry to run them in this process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.__main__ import main
from finetune_sdk.types import DatasetFile, JobEvent, JobSpec, Method, Metric, Supervised

Row = Mapping[str, object]

VENDOR_WARNINGS = pytest.mark.filterwarnings(
    # peft 0.21 asks a model by the name that transformers 5.23 has deprecated.
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)


def chat(*turns: str) -> dict[str, object]:
    """A row: the user and the assistant in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(turns)]
    return {"messages": messages}


CAKES: Sequence[Row] = [
    chat(f"what is {i}?", "this is a cake" + " of flour" * (i % 5)) for i in range(16)
]
"""Rows of unlike length that say nearly the same: the loss on them goes down at once."""


def put_rows(home: LocalHome, rows: Iterable[Row]) -> DatasetFile:
    """Stores rows as the provider does."""
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file = DatasetFile(id=f"file-{hashlib.sha256(data).hexdigest()[:24]}")
    home.files.mkdir(parents=True, exist_ok=True)
    (home.files / f"{file.id}.jsonl").write_bytes(data)
    return file


def make_job(
    home: Path,
    model: Path | str,
    rows: Iterable[Row] = CAKES,
    *,
    name: str = "ftjob-1",
    validation: Iterable[Row] | None = None,
    method: Method | None = None,
    options: LocalOptions | None = None,
    seed: int | None = None,
) -> JobFolder:
    """A job's folder, as the launcher leaves it to the trainer."""
    local = LocalHome.of(home)
    spec = JobSpec(
        key=name,
        model=str(model),
        method=method or Supervised(epochs=2, learning_rate=1e-2),
        training_file=put_rows(local, rows),
        validation_file=None if validation is None else put_rows(local, validation),
        seed=seed,
        options=(options or LocalOptions()).model_dump(mode="json", exclude_none=True),
    )
    folder = JobFolder(local.jobs / name)
    folder.path.mkdir(parents=True)
    (folder.path / "spec.json").write_text(spec.to_json(), encoding="utf-8")
    return folder


def train(folder: JobFolder) -> JobFolder:
    """Trains in this process.

    Raises:
        AssertionError: it failed; the message has the reason.
    """
    assert main(folder.path) == 0, folder.read("failure")
    return folder


def failure(folder: JobFolder) -> tuple[str, str]:
    """Trains what must fail; gives the code and the message."""
    assert main(folder.path) == 1
    read = folder.read("failure")
    assert read is not None
    assert not folder.model.exists()
    assert folder.read("result") is None
    return str(read["code"]), str(read["message"])


def metrics(folder: JobFolder, name: str, split: str = "train") -> list[float]:
    """The values of a metric, in order."""
    lines = (folder.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    found = (Metric.from_json(line) for line in lines)
    return [metric.value for metric in found if (metric.name, metric.split) == (name, split)]


def events(folder: JobFolder) -> list[JobEvent]:
    """What the job said, oldest first."""
    lines = (folder.path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [JobEvent.from_json(line) for line in lines]


def settings(folder: JobFolder) -> dict[str, str]:
    """What the trainer chose, by name."""
    choices = folder.read("choices")
    assert choices is not None
    chosen = choices["settings"]
    assert isinstance(chosen, dict)
    return {str(name): str(words) for name, words in chosen.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
