"""Trainings that are paused, told to go, killed, or run out of memory: what is left goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.__main__ import main
from finetune_sdk.types import Supervised
from tests.support import eventually
from tests.training.conftest import NO_HUB
from tests.training.jobs import CAKES, VENDOR_WARNINGS, chat, events, make_job, metrics, train
from tests.training.warm import Warm

pytestmark = VENDOR_WARNINGS

METHOD = Supervised(epochs=2, learning_rate=1e-2)
ENDLESS = Supervised(epochs=100_000, learning_rate=1e-2)
SELDOM = LocalOptions(save_steps=10**6, logging_steps=1)


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """A process that trains what it is given, without loading anything anew."""
    process = Warm(OMP_NUM_THREADS="1", HF_ENDPOINT=NO_HUB)
    yield process
    process.close()


def steps(folder: JobFolder) -> list[int]:
    return [one.manifest.step for one in checkpoints.complete(folder.checkpoints)]


def weights(folder: JobFolder) -> bytes:
    return (folder.model / "adapter_model.safetensors").read_bytes()


def has_no_outcome(folder: JobFolder) -> bool:
    return not folder.model.exists() and not any(map(folder.read, ("result", "failure")))


def test_paused_after_every_step(tiny: Path, tmp_path: Path) -> None:
    straight = train(make_job(tmp_path, tiny, name="ftjob-s", validation=CAKES[:3], method=METHOD))
    job = make_job(tmp_path, tiny, validation=CAKES[:3], method=METHOD)
    for step in (1, 2, 3):
        job.request_pause()
        assert main(job.path) == 0
        assert has_no_outcome(job)
        assert steps(job)[-1] == step
        assert (job.read("progress") or {})["steps"] == 4
    # There is nothing to save for later in what is done.
    assert main(job.path) == 0
    assert weights(job) == weights(straight)
    for split in ("train", "validation"):
        assert metrics(job, "loss", split) == metrics(straight, "loss", split)
    said = [event.message for event in events(job) if event.type == "epoch"]
    assert said == [event.message for event in events(straight) if event.type == "epoch"]


def test_paused_where_there_is_no_room_to_save(
    tiny: Path, tmp_path: Path, four_mebibytes: Path
) -> None:
    """LOC-10: before the first checkpoint to end would lose all, so it is learned to the end."""
    method = METHOD.model_copy(update={"lora": False})
    straight = train(make_job(tmp_path, tiny, method=method))
    (_, last) = checkpoints.complete(straight.checkpoints)
    model = sum(path.stat().st_size for path in straight.model.iterdir())
    job = make_job(four_mebibytes, tiny, method=method, options=SELDOM)
    # Room for the model, and half of what going on needs besides.
    room = (model + last.bytes) // 2
    with (four_mebibytes / "filler").open("wb") as file:
        file.write(bytes(shutil.disk_usage(four_mebibytes).free - room))
    job.request_pause()
    job.request_resume()
    train(job)
    assert (job.model / "model.safetensors").read_bytes() == (
        straight.model / "model.safetensors"
    ).read_bytes()
    assert not job.pause.exists()
    assert not job.resume.exists()
    assert list(job.checkpoints.iterdir()) == []
    (event,) = (event for event in events(job) if event.level == "warning")
    assert "no room to save" in event.message


def test_told_to_go(tiny: Path, tmp_path: Path, warm: Warm) -> None:
    job = make_job(tmp_path, tiny, method=ENDLESS, options=SELDOM)
    pid = warm.train(job)
    eventually(lambda: (job.path / "metrics.jsonl").exists(), timeout=60)
    os.kill(pid, signal.SIGTERM)
    assert warm.wait(pid) == 0
    assert has_no_outcome(job)
    (step,) = steps(job)
    assert step == len(metrics(job, "loss"))


def test_told_to_end(tiny: Path, tmp_path: Path, warm: Warm) -> None:
    job = make_job(tmp_path, tiny, method=ENDLESS, options=SELDOM)
    pid = warm.train(job)
    eventually(lambda: (job.path / "metrics.jsonl").exists(), timeout=60)
    job.request_cancel()
    os.kill(pid, signal.SIGTERM)
    assert warm.wait(pid) == -signal.SIGTERM
    assert has_no_outcome(job)
    assert steps(job) == []


def test_told_to_go_before_the_first_step(tmp_path: Path) -> None:
    """There is nothing to save yet, so nobody has to wait for it."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from finetune_sdk.providers.local.jobs.folder import JobFolder\n"
        "from finetune_sdk.providers.local.training.course.pausing import Stop\n"
        f"with Stop(JobFolder(Path({str(tmp_path)!r}))).listening():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == -signal.SIGTERM


def test_killed_while_it_learns(tiny: Path, tmp_path: Path, warm: Warm) -> None:
    """LOC-13, with a real kill at any moment."""
    method = Supervised(epochs=8, learning_rate=1e-3)
    options = LocalOptions(save_steps=3, logging_steps=2)
    straight = make_job(tmp_path, tiny, name="ftjob-s", method=method, options=options)
    job = make_job(tmp_path, tiny, method=method, options=options)
    other, pid = warm.train(straight), warm.train(job)
    eventually(lambda: bool(steps(job)), timeout=60)
    os.kill(pid, signal.SIGKILL)
    assert warm.wait(pid) == -signal.SIGKILL
    assert warm.wait(other) == 0
    assert warm.wait(warm.train(job)) == 0
    assert any(event.type == "continued" for event in events(job))
    assert weights(job) == weights(straight)
    assert metrics(job, "loss") == metrics(straight, "loss")


def test_killed_in_the_writer_of_checkpoints(tiny: Path, tmp_path: Path, warm: Warm) -> None:
    """LOC-11: whatever is torn, the newest whole one can be read and is the one that was told."""
    options = LocalOptions(save_steps=1)
    job = make_job(tmp_path, tiny, method=ENDLESS, options=options)
    left = warm.kills(job, times=50)
    assert len(left) == 50
    for kill in left:
        assert kill["newest"] >= kill["told"]
        assert kill["whole"] >= 2
        assert kill["half"] <= 2
    assert sum(kill["half"] for kill in left) >= 10, "too few were hit while they wrote"
    assert len({kill["newest"] for kill in left}) > 1


def test_out_of_memory(tiny: Path, tmp_path: Path, warm: Warm) -> None:
    """LOC-05: a limit on memory is told as what to lower, and what was learned is kept."""
    rows = [*CAKES, *(chat("hello", "flour " * 30) for _ in range(240))]
    method = Supervised(epochs=1, batch_size=256, lora=False)
    # What these rows share would be computed once otherwise, and there would be room.
    options = LocalOptions(micro_batch_size=256, shared_prefix=False)
    job = make_job(tmp_path, tiny, rows, method=method, options=options)
    assert warm.wait(warm.train(job, room=100 * 2**20)) == 1
    told = job.read("failure") or {}
    assert told["code"] == "out_of_memory"
    for word in ("micro_batch_size", "gradient_checkpointing", "LoRA", "smaller model"):
        assert word in str(told["message"])
