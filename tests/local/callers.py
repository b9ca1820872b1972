"""Programs that use the local provider and come to grief; run as `python -m tests.local.callers`.

linger HOME      makes a job of twenty steps, prints its id, and waits to be ended
many HOME        makes the same job from twenty processes at once, prints all ids
stranger HOME    becomes nobody, then tries to make, list and cancel; prints the errors
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from finetune_sdk.errors import FineTuneError
from tests.local.small_jobs import Bench

NOBODY = 65534


def linger(bench: Bench) -> None:
    # As at a terminal: a runner in the background hands down that these are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    print(bench.create(steps="20", pause="0.05").id, flush=True)
    signal.pause()


def many(bench: Bench) -> None:
    spec = bench.spec(ending="hang")
    gate, opener = os.pipe()
    for _ in range(20):
        if os.fork() == 0:
            os.close(opener)
            os.read(gate, 1)
            os.write(1, f"{bench.provider.create_job(spec).id}\n".encode())
            os._exit(0)
    os.close(opener)
    for _ in range(20):
        os.wait()


def stranger(bench: Bench) -> None:
    spec = bench.spec()
    job = bench.create("mine", ending="hang")
    provider = bench.provider
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    for verb in (
        lambda: provider.create_job(spec),
        lambda: provider.list_jobs(limit=1, cursor=None),
        lambda: provider.get_job(job.id),
        lambda: provider.cancel_job(job.id),
    ):
        try:
            verb()
        except FineTuneError as error:
            print(f"{type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    {"linger": linger, "many": many, "stranger": stranger}[sys.argv[1]](Bench(Path(sys.argv[2])))
