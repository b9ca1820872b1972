"""What really runs a job: its command as a process group on this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.standins.hub.job import OVERTIME, JobRecord
from tests.standins.hub.mounts import Mounts

if TYPE_CHECKING:
    from tests.standins.hub.hub import Hub

CONDA = """#!/bin/sh
# conda run [options] COMMAND...: there is but one environment.
[ "$1" = run ] || { echo "conda: only run is here" >&2; exit 2; }
shift
while [ $# -gt 0 ]; do
    case "$1" in
        -p | -n | --prefix | --name | --cwd) shift 2 ;;
        -*) shift ;;
        *) break ;;
    esac
done
exec "$@"
"""


UV = """#!/bin/sh
# uv run [options] COMMAND...: there is but one environment.
[ "$1" = run ] || { echo "uv: only run is here" >&2; exit 2; }
shift
while [ $# -gt 0 ]; do
    case "$1" in
        --with | --python) shift 2 ;;
        -*) shift ;;
        *) break ;;
    esac
done
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Image:
    """What stands for a Docker image.

    Attributes:
        bin: the folder of its programs.
        python: what `python` and `python3` are; None takes those of `bin`.
    """

    bin: Path
    python: Path | None = None


class Process:
    """A job's process group, and the threads that look after it."""

    def __init__(self, hub: Hub, job: JobRecord, image: Image) -> None:
        self._hub, self._job = hub, job
        self._folder = hub.folder / job.id
        self._mounts = Mounts(hub, job.spec, self._folder / "mounts")
        self._environ = self._given(image)
        self._lives: subprocess.Popen[str] | None = None
        self._threads: list[threading.Thread] = []
        _furnish(self._folder, image)

    def start(self) -> None:
        job = self._job
        job.started, job.stage = self._hub.clock.monotonic(), "RUNNING"
        argv = [self._mounts.local(one) for one in job.argv]
        try:
            child = self._lives = subprocess.Popen(
                argv,
                executable=shutil.which(argv[0], path=self._environ["PATH"]),
                cwd=self._folder / "work",
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
                errors="replace",
            )
        except OSError as error:
            self._end("ERROR", f"the container did not start: {error.strerror}")
            return
        ear = threading.Thread(target=self._listen, args=(child,), daemon=True)
        limit = threading.Timer(job.timeout, self._time_out)
        keeper = threading.Thread(target=self._keep, args=(child, ear, limit), daemon=True)
        self._threads = [ear, limit, keeper]
        for thread in self._threads:
            thread.start()

    def kill(self) -> None:
        """Ends the whole group, at once."""
        if (child := self._lives) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ends the group; returns when no thread is left."""
        self.kill()
        for thread in self._threads:
            thread.join()

    def _given(self, image: Image) -> Mapping[str, str]:
        """Nothing of the test's own; what the job says, and where the Hub is."""
        hub, folder, spec = self._hub, self._folder, self._job.spec
        said = {**spec.get("environment", {}), **spec.get("secrets", {})}
        return {
            "PATH": os.pathsep.join([str(folder / "shims"), str(image.bin), "/usr/bin", "/bin"]),
            "HOME": str(folder / "home"),
            "HF_HOME": str(folder / "home" / "huggingface"),
            "TMPDIR": str(folder / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **{name: self._mounts.local(value) for name, value in said.items()},
            "HF_ENDPOINT": hub.url,
            "HF_API": hub.url,
            "HF_HUB_DISABLE_XET": "1",
            "JOB_ID": self._job.id,
        }

    def _keep(
        self, child: subprocess.Popen[str], ear: threading.Thread, limit: threading.Timer
    ) -> None:
        code = child.wait()
        limit.cancel()
        self.kill()  # In a container, nobody outlives the first process.
        self._lives = None
        ear.join()
        self._end(*(("COMPLETED", None) if code == 0 else ("ERROR", f"exit code {code}")))

    def _listen(self, child: subprocess.Popen[str]) -> None:
        if child.stdout is None:
            return
        with child.stdout as lines:
            for line in lines:
                self._say(line.rstrip("\n"))

    def _say(self, line: str) -> None:
        with self._hub.lock:
            self._job.said.append((self._hub.clock.monotonic(), line))

    def _time_out(self) -> None:
        self._end("ERROR", OVERTIME)
        self.kill()

    def _end(self, stage: str, message: str | None) -> None:
        """The first ending counts."""
        with self._hub.lock:
            if self._job.ended is None:
                self._job.end(self._hub.clock.monotonic(), stage, message)


def _furnish(folder: Path, image: Image) -> None:
    shims = {"conda": CONDA, "uv": UV}
    if image.python is not None:
        call = f'#!/bin/sh\nexec "{image.python}" "$@"\n'
        shims |= {"python": call, "python3": call}
    for name in ("shims", "work", "home", "tmp"):
        (folder / name).mkdir(parents=True)
    for name, script in shims.items():
        path = folder / "shims" / name
        path.write_text(script)
        path.chmod(0o755)
