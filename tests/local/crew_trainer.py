"""A trainer of several processes, without torch: the first is the small trainer, the others wait.

The metadata of the job say how the last of them does (`other`, see `OTHERS`).
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(sys.argv[-1])
RANK = int(os.environ["RANK"])
PAUSE = threading.Event()
NAMES = (
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
    *("CUDA_VISIBLE_DEVICES", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"),
)


def until(done: Callable[[], bool]) -> None:
    while not done():
        PAUSE.wait(0.02)


def leave(*_: object) -> None:
    os._exit(0)


def others_wait() -> None:
    signal.signal(signal.SIGTERM, leave)
    until(lambda: (FOLDER / "result.json").exists() or (FOLDER / "pause").exists())


def others_are_killed() -> None:
    signal.signal(signal.SIGTERM, leave)
    if (FOLDER / "resumed").exists():
        others_wait()
        return
    until((FOLDER / "checkpoints" / "checkpoint-2" / "manifest.json").exists)
    (FOLDER / "resumed").touch()
    os.kill(os.getpid(), signal.SIGKILL)


def others_fail() -> None:
    (FOLDER / "failure.json").write_text(
        json.dumps({"code": "row_too_long", "message": "the second process has read row 3"})
    )
    sys.exit(1)


def others_crash() -> None:
    print("the last words of the second process", flush=True)
    sys.exit(7)


def others_are_deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork():
        (FOLDER / "deaf").touch()
    until(lambda: False)


OTHERS: dict[str, Callable[[], None]] = {
    "wait": others_wait,
    "killed": others_are_killed,
    "fail": others_fail,
    "crash": others_crash,
    "deaf": others_are_deaf,
}


def main() -> None:
    told = {name: os.environ[name] for name in NAMES if name in os.environ}
    (FOLDER / f"rank-{RANK}.json").write_text(json.dumps({**told, "pid": os.getpid()}))
    if RANK == 0:
        runpy.run_path(str(Path(__file__).with_name("small_trainer.py")), run_name="__main__")
        return
    wishes = json.loads((FOLDER / "spec.json").read_text()).get("metadata", {})
    OTHERS[wishes.get("other", "wait")]()


if __name__ == "__main__":
    main()
