"""A trainer without torch: it keeps to the files of a job's folder and does as it is told.

The metadata of the job say how: `steps` (a number), `ending` (see `ENDINGS`), `pause` (seconds
between two steps), `checkpoint_every` (steps), `block_at` (a step before which it makes a file
`waits` and waits for another, `go`), `weights` (`whole`: its model is no adapter). It imports
nothing of ours, so that it also shows that the files are enough.

What it learns is a hash over its steps: a run that was stopped and went on learns the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

FOLDER = Path(sys.argv[-1])
CHECKPOINTS = FOLDER / "checkpoints"
PAUSE = threading.Event()


class Run:
    """Where the training is."""

    step = 0
    learned = ""
    told_to_end = False
    whole = False


def write(name: str, value: object) -> None:
    partial = FOLDER / f".{name}"
    partial.write_text(json.dumps(value))
    partial.rename(FOLDER / name)


def add(name: str, value: object) -> None:
    with (FOLDER / name).open("a") as file:
        file.write(json.dumps(value) + "\n")


def tell(message: str) -> None:
    now = datetime.now(UTC).isoformat()
    id_ = f"ev-{time.time_ns():020d}-{os.getpid()}"
    add("events.jsonl", {"id": id_, "created_at": now, "message": message})


def write_weights(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_text(Run.learned.ljust(64, "."))


def save_model() -> None:
    partial = FOLDER / "model.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    if Run.whole:
        (partial / "config.json").write_text('{"model_type": "llama"}')
        (partial / "model.safetensors").write_text(Run.learned.ljust(64, "."))
        (partial / "tokenizer.json").write_text("{}")
    else:
        write_weights(partial)
    partial.rename(FOLDER / "model")


def save_checkpoint() -> None:
    folder = CHECKPOINTS / f"checkpoint-{Run.step}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_weights(folder)
    (folder / "optimizer.pt").write_bytes(bytes(1000))
    (folder / "trainer_state.json").write_text(json.dumps({"learned": Run.learned}))
    manifest = {
        "step": Run.step,
        "epoch": Run.step / 10,
        "created_at": datetime.now(UTC).isoformat(),
        "files": {file.name: file.stat().st_size for file in folder.iterdir()},
        "metrics": {"loss": 1 / max(Run.step, 1)},
        "score": -abs(Run.step - 2.0),
    }
    (folder / ".manifest").write_text(json.dumps(manifest))
    (folder / ".manifest").rename(folder / "manifest.json")


def load_checkpoint() -> None:
    """Goes on from the newest that is whole, and forgets what was told after it."""
    whole = [folder for folder in CHECKPOINTS.glob("checkpoint-*") if is_whole(folder)]
    if whole:
        newest = max(whole, key=lambda folder: int(folder.name.partition("-")[2]))
        Run.step = int(newest.name.partition("-")[2])
        Run.learned = json.loads((newest / "trainer_state.json").read_text())["learned"]
    metrics = FOLDER / "metrics.jsonl"
    if metrics.exists():
        lines = metrics.read_text().splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("}\n") and is_before(line)]
        (FOLDER / ".metrics").write_text("".join(kept))
        (FOLDER / ".metrics").rename(metrics)


def is_before(line: str) -> bool:
    try:
        return bool(json.loads(line)["step"] <= Run.step)
    except ValueError:
        return False


def is_whole(folder: Path) -> bool:
    try:
        files = json.loads((folder / "manifest.json").read_text())["files"]
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError):
        return False


def stop_where_asked() -> None:
    if Run.told_to_end or (FOLDER / "pause").exists():
        save_checkpoint()
        sys.exit(0)


def on_sigterm(*_: object) -> None:
    if (FOLDER / "cancel").exists():
        os._exit(1)
    Run.told_to_end = True


def fail(code: str, message: str) -> NoReturn:
    write("failure.json", {"code": code, "message": message})
    sys.exit(1)


def end_ok() -> None:
    save_model()
    write("result.json", {"trained_tokens": 1234})


def end_fail() -> None:
    fail("row_too_long", "row 3 has 99 tokens")


def end_nan() -> None:
    fail("nan_loss", "the loss is no number any more")


def end_without_memory() -> None:
    fail("out_of_memory", "the memory was not enough")


def end_crash() -> None:
    print("the last words, with sk-abcdefghijklmnopqrstuvwxyz in them", flush=True)
    os.abort()


def end_raise() -> None:
    raise RuntimeError("out of ideas")


def end_babble() -> None:
    for number in range(200):
        print(f"line {number} ".ljust(200, "."))
    sys.exit(3)


def end_exit0_without_model() -> None:
    (FOLDER / "model.partial").mkdir()


def end_hang() -> None:
    while True:
        PAUSE.wait(0.05)
        stop_where_asked()


def end_deaf_to_all() -> None:
    while True:
        PAUSE.wait(0.05)


def end_over_the_limit() -> None:
    # As a container's limit does; Python says MemoryError then.
    limit = 300 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    bytearray(2 * limit)


def end_killed_in_checkpoint() -> None:
    Run.step += 1
    folder = CHECKPOINTS / f"checkpoint-{Run.step}"
    folder.mkdir(parents=True)
    write_weights(folder)
    os.kill(os.getpid(), signal.SIGKILL)


def end_no_room_for_checkpoint() -> None:
    if (FOLDER / "room").exists():
        end_ok()
        return
    folder = CHECKPOINTS / "checkpoint-99999"
    folder.mkdir(parents=True)
    with (folder / "optimizer.pt").open("wb") as rest:
        for size in (2**20, 2**10, 1):
            fill(rest.fileno(), bytes(size))
    # No word of it: there is no room for any.
    sys.exit(1)


def end_ignore_sigterm() -> None:
    # Deaf, and so is its child; both must be gone in the end.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        end_deaf_to_all()
    write("deaf.json", True)
    end_deaf_to_all()


def end_leave_a_child() -> None:
    if os.fork() == 0:
        end_deaf_to_all()
    end_ok()


def end_leave_a_daemon() -> None:
    if os.fork() == 0:
        os.setsid()
        end_deaf_to_all()
    end_ok()


def end_fill_disk() -> None:
    with (FOLDER / "rest").open("wb") as rest:
        for size in (2**20, 2**10, 1):
            fill(rest.fileno(), bytes(size))
    sys.exit(1)


def fill(handle: int, block: bytes) -> None:
    try:
        while os.write(handle, block) > 0:
            pass
    except OSError:
        return


ENDINGS: dict[str, Callable[[], None]] = {
    "ok": end_ok,
    "fail": end_fail,
    "nan": end_nan,
    "without_memory": end_without_memory,
    "over_the_limit": end_over_the_limit,
    "killed_in_checkpoint": end_killed_in_checkpoint,
    "no_room_for_checkpoint": end_no_room_for_checkpoint,
    "crash": end_crash,
    "raise": end_raise,
    "babble": end_babble,
    "exit0_without_model": end_exit0_without_model,
    "hang": end_hang,
    "ignore_sigterm": end_ignore_sigterm,
    "leave_a_child": end_leave_a_child,
    "leave_a_daemon": end_leave_a_daemon,
    "fill_disk": end_fill_disk,
}


def learn(wishes: dict[str, str], steps: int) -> None:
    every = int(wishes.get("checkpoint_every", "0"))
    while Run.step < steps:
        PAUSE.wait(float(wishes.get("pause", "0.01")))
        if int(wishes.get("block_at", "0")) == Run.step + 1:
            wait_for_go()
        Run.step += 1
        Run.learned = hashlib.sha256(f"{Run.learned} {Run.step}".encode()).hexdigest()[:40]
        loss = 1 / Run.step
        add("metrics.jsonl", {"step": Run.step, "name": "loss", "value": loss})
        write("progress.json", {"step": Run.step, "steps": steps, "loss": loss})
        if every and Run.step % every == 0:
            save_checkpoint()
        stop_where_asked()


def wait_for_go() -> None:
    write("waits", True)
    while not (FOLDER / "go").exists():
        PAUSE.wait(0.02)


def main() -> None:
    signal.signal(signal.SIGTERM, on_sigterm)
    wishes = json.loads((FOLDER / "spec.json").read_text()).get("metadata", {})
    Run.whole = wishes.get("weights") == "whole"
    add("starts.jsonl", os.getpid())
    print("training begins", flush=True)
    load_checkpoint()
    write(
        "choices.json",
        {"settings": {"precision": "float32, no bfloat16 here"}, "warnings": ["tiny rows"]},
    )
    learn(wishes, int(wishes.get("steps", "2")))
    tell("all steps are done")
    ENDINGS[wishes.get("ending", "ok")]()


if __name__ == "__main__":
    main()
