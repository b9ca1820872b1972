"""A trainer without torch: it keeps to the files of a job's folder and does as it is told.

The metadata of the job say how: `steps` (a number), `ending` (see `ENDINGS`), `pause` (seconds
between two steps). It imports nothing of ours, so that it also shows that the files are enough.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(sys.argv[-1])
PAUSE = threading.Event()


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


def save_model() -> None:
    partial = FOLDER / "model.partial"
    partial.mkdir()
    (partial / "adapter_config.json").write_text("{}")
    (partial / "adapter_model.safetensors").write_bytes(bytes(64))
    partial.rename(FOLDER / "model")


def end_ok() -> None:
    save_model()
    write("result.json", {"trained_tokens": 1234})


def end_fail() -> None:
    write("failure.json", {"code": "row_too_long", "message": "row 3 has 99 tokens"})
    sys.exit(1)


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


def end_ignore_sigterm() -> None:
    # Deaf, and so is its child; both must be gone in the end.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        end_hang()
    write("deaf.json", True)
    end_hang()


def end_leave_a_child() -> None:
    if os.fork() == 0:
        end_hang()
    end_ok()


def end_leave_a_daemon() -> None:
    if os.fork() == 0:
        os.setsid()
        end_hang()
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


def main() -> None:
    wishes = json.loads((FOLDER / "spec.json").read_text()).get("metadata", {})
    steps = int(wishes.get("steps", "2"))
    add("starts.jsonl", os.getpid())
    print("training begins", flush=True)
    write(
        "choices.json",
        {"settings": {"precision": "float32, no bfloat16 here"}, "warnings": ["tiny rows"]},
    )
    for step in range(1, steps + 1):
        PAUSE.wait(float(wishes.get("pause", "0.01")))
        add("metrics.jsonl", {"step": step, "name": "loss", "value": 1 / step})
        write("progress.json", {"step": step, "steps": steps, "loss": 1 / step})
    tell("all steps are done")
    ENDINGS[wishes.get("ending", "ok")]()


if __name__ == "__main__":
    main()
