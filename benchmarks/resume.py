"""A training that is killed and goes on, beside one that never was: do they end alike?

    python benchmarks/resume.py [threads]

For all weights and for LoRA with dropout, killed in the first epoch and in the third: real
trainers, `kill -9`, a tiny model that is made on the spot. Prints the hash of the weights that
came out of each, and the largest difference between their losses, step by step.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.training.jobs import CAKES, make_job  # noqa: E402
from tests.training.tiny import make_tiny_model  # noqa: E402

from finetune_sdk import LocalOptions, Lora, Supervised  # noqa: E402
from finetune_sdk.providers.local.jobs import checkpoints  # noqa: E402
from finetune_sdk.providers.local.jobs.folder import JobFolder  # noqa: E402

EPOCHS, BATCH = 4, 4
STEPS_AN_EPOCH = len(CAKES) // BATCH
KINDS: dict[str, Lora | bool] = {"full": False, "LoRA, dropout 0.1": Lora(rank=4, dropout=0.1)}
KILLED_IN = (1, 3)
"""Epochs, from 1."""


def main(threads: int) -> None:
    print(f"{EPOCHS} epochs of {STEPS_AN_EPOCH} steps, micro batches of 2, {threads} thread(s)")
    print(f"{'':20}{'killed after':>14}{'straight':>20}{'resumed':>20}{'largest loss diff':>19}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        model = make_tiny_model(home / "model")
        for kind, lora in KINDS.items():
            straight = job(home, model, f"{kind}-straight", lora)
            finish(straight, threads)
            for epoch in KILLED_IN:
                killed = job(home, model, f"{kind}-{epoch}", lora)
                step = kill(killed, threads, after=(epoch - 1) * STEPS_AN_EPOCH + 1)
                finish(killed, threads)
                show(kind, step, straight, killed)


def job(home: Path, model: Path, name: str, lora: Lora | bool) -> JobFolder:
    method = Supervised(epochs=EPOCHS, batch_size=BATCH, learning_rate=5e-3, lora=lora)
    options = LocalOptions(micro_batch_size=2, save_steps=1, logging_steps=1)
    validation = CAKES[:3]
    return make_job(home, model, name=name, method=method, options=options, validation=validation)


def start(folder: JobFolder, threads: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "finetune_sdk.providers.local.training", str(folder.path)]
    environ = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    with folder.log.open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environ)


def finish(folder: JobFolder, threads: int) -> None:
    if start(folder, threads).wait():
        raise SystemExit(folder.log.read_text(encoding="utf-8"))


def kill(folder: JobFolder, threads: int, *, after: int) -> int:
    """Kills the trainer once the checkpoint of a step is there; gives the step of the newest."""
    trainer = start(folder, threads)
    while newest(folder) < after and trainer.poll() is None:
        time.sleep(0.001)
    trainer.send_signal(signal.SIGKILL)
    if trainer.wait() != -signal.SIGKILL:
        raise SystemExit("the trainer was done before it could be killed")
    return newest(folder)


def newest(folder: JobFolder) -> int:
    saved = checkpoints.complete(folder.checkpoints)
    return saved[-1].manifest.step if saved else 0


def show(kind: str, step: int, straight: JobFolder, resumed: JobFolder) -> None:
    pairs = zip(losses(straight), losses(resumed), strict=True)
    difference = max(abs(one - other) for one, other in pairs)
    hashes = "".join(f"{weights(one):>20}" for one in (straight, resumed))
    print(f"{kind:20}{f'step {step}':>14}{hashes}{difference:19.3g}")


def weights(folder: JobFolder) -> str:
    (path,) = folder.model.glob("*.safetensors")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def losses(folder: JobFolder) -> list[float]:
    lines = (folder.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [row["value"] for row in map(json.loads, lines) if row["name"] == "loss"]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
