"""Killing the real writer of checkpoints, at whatever it is doing."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.training import run
from finetune_sdk.providers.local.training.course import learning
from finetune_sdk.types import JobEvent

_FIRST = 3
"""The step after which copies of the trainer are made."""


def kill(folder: JobFolder, times: int) -> list[dict[str, Any]]:
    """Trains a job for some steps; then, so many times, lets a copy go on and kills it.

    Each copy takes further steps and saves a checkpoint after each. Gives what each kill left.
    """
    left: list[dict[str, Any]] = []

    class Copied(learning.Course):
        def stepped(self, args: Any, state: Any, control: Any) -> None:
            super().stepped(args, state, control)
            if state.global_step == _FIRST and _kill_copies(folder, times, left):
                # The trainer itself is at its end; a copy goes on.
                control.should_training_stop = True
                self.stopped = True

    own = learning.Course
    learning.Course = Copied  # type: ignore[misc]
    try:
        run.train(folder)
    finally:
        learning.Course = own  # type: ignore[misc]
    return left


def _kill_copies(folder: JobFolder, times: int, left: list[dict[str, Any]]) -> bool:
    """True in the trainer, False in a copy."""
    before = folder.path / "before"
    shutil.copytree(folder.checkpoints, before)
    chance = random.Random(20)  # noqa: S311 - no secret
    for _ in range(times):
        shutil.rmtree(folder.checkpoints)
        shutil.copytree(before, folder.checkpoints)
        (folder.path / "events.jsonl").unlink(missing_ok=True)
        pid = os.fork()
        if not pid:
            return False
        _wait_for(folder, chance.choice((0, 0, _FIRST, _FIRST + 1)))
        time.sleep(chance.uniform(0, 0.1))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        left.append(_seen(folder))
    return True


def _wait_for(folder: JobFolder, step: int) -> None:
    while step and step not in _told(folder):
        time.sleep(0.002)


def _seen(folder: JobFolder) -> dict[str, Any]:
    whole = checkpoints.complete(folder.checkpoints)
    for saved in whole:
        _read_all(saved.path, saved.manifest.step)
    return {
        "newest": whole[-1].manifest.step,
        "whole": len(whole),
        "half": len(list(folder.checkpoints.iterdir())) - len(whole),
        "told": max(_told(folder), default=_FIRST - 1),
    }


def _told(folder: JobFolder) -> list[int]:
    try:
        text = (folder.path / "events.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    # A last line without its end is still being written.
    lines = text.split("\n")[:-1]
    said = [JobEvent.from_json(line) for line in lines]
    return [int(str(event.data["step"])) for event in said if event.type == "checkpoint"]


def _read_all(path: Path, step: int) -> None:
    torch = import_module("torch")
    import_module("safetensors.torch").load_file(path / "adapter_model.safetensors")
    for name in ("optimizer.pt", "scheduler.pt"):
        torch.load(path / name, weights_only=True)
    torch.load(path / "rng_state.pth", weights_only=False)
    state = json.loads((path / "trainer_state.json").read_bytes())
    if state["global_step"] != step:
        raise AssertionError(f"{path} holds step {state['global_step']}")
