"""Programs that use the local provider and come to grief; run as `python -m tests.local.callers`.

linger HOME      makes a job of twenty steps, prints its id, and waits to be ended
many HOME        makes the same job from twenty processes at once, prints all ids
stranger HOME    becomes nobody, then tries to make, list and cancel; prints the errors
reader HOME      becomes nobody, who may not write there, and uploads; prints the error
die HOME STEP    makes a job and is killed right after a step: `draft`, `made` or `started`
wait HOME ID     waits for the job; prints every event as it comes, then the status
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import FineTuneError
from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.jobs import launcher, store
from finetune_sdk.types import JobEvent
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


def reader(bench: Bench) -> None:
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    try:
        bench.upload()
    except FineTuneError as error:
        print(f"{type(error).__name__}: {error}", flush=True)


def die(bench: Bench) -> None:
    """The steps are hooked here: nothing of it is in what is shipped."""
    module, name = {
        "draft": (files, "write_atomic"),
        "made": (store, "_rename"),
        "started": (launcher, "start_detached"),
    }[sys.argv[3]]
    step = getattr(module, name)

    def last(*arguments: Any, **words: Any) -> None:
        step(*arguments, **words)
        os.kill(os.getpid(), signal.SIGKILL)

    spec = bench.spec(block_at="2")
    setattr(module, name, last)
    bench.provider.create_job(spec)


def wait(bench: Bench) -> None:
    with FineTuneClient(bench.provider) as client:
        job = client.jobs.wait(sys.argv[3], progress=False, poll_interval=0.05, on_event=_print)
    print(job.status, flush=True)


def _print(event: JobEvent) -> None:
    print(event.id, event.type, flush=True)


if __name__ == "__main__":
    programs = (linger, many, stranger, reader, die, wait)
    program = next(one for one in programs if one.__name__ == sys.argv[1])
    program(Bench(Path(sys.argv[2])))
