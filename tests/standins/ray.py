"""A stand-in of Ray's job API on loopback: it keeps what is submitted, and really runs it.

As Ray 2.60 does: a token is asked for, a job waits until there is room for what it asks, one that
waits is not stopped before it could begin, and one that is stopped hears SIGTERM first.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

TOKEN = "0123456789abcdef0123456789abcdef"
_KINDS = {"died": "JOB_SUPERVISOR_ACTOR_DIED", "no_room": "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"}


@dataclass
class Submission:
    """A job as Ray holds it."""

    body: dict[str, Any]
    log: Path
    word: str = "PENDING"
    message: str = "Job has not started yet."
    kind: str | None = None
    code: int | None = None
    process: subprocess.Popen[bytes] | None = None
    stopping: bool = False

    @property
    def cpus(self) -> float:
        return float(self.body.get("entrypoint_num_cpus") or 0)


@dataclass
class Cluster:
    """What is there, and what shall go wrong.

    Attributes:
        cpus: that jobs may have together.
        asked: methods and paths of all requests, with whether the token was right.
        lost: so many answers of submits are lost on the way; the jobs are there.
        down: nobody answers.
        word: that is told of every job in place of its own.
        elsewhere: words in a program that stand for others on the cluster's machines.
    """

    folder: Path
    version: str = "2.60.0"
    token: str | None = TOKEN
    cpus: float = 2.0
    submissions: dict[str, Submission] = field(default_factory=dict[str, Submission])
    asked: list[str] = field(default_factory=list[str])
    lost: int = 0
    down: bool = False
    word: str | None = None
    elsewhere: dict[str, str] = field(default_factory=dict[str, str])
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def submit(self, body: dict[str, Any]) -> bool:
        """False where there is one of that id."""
        with self.lock:
            name = body["submission_id"]
            if name in self.submissions:
                return False
            self.submissions[name] = Submission(body, self.folder / f"{name}.log")
            self.schedule()
            return True

    def schedule(self) -> None:
        """Begins what there is room for, and sees what has ended."""
        with self.lock:
            for one in self.submissions.values():
                self._see(one)
            for one in self.submissions.values():
                running = [other for other in self.submissions.values() if other.word == "RUNNING"]
                free = self.cpus - sum(other.cpus for other in running)
                if one.word == "PENDING" and one.cpus <= free:
                    self._begin(one)

    def _begin(self, one: Submission) -> None:
        patience = one.body.get("runtime_env", {}).get("env_vars", {})
        program = one.body["entrypoint"]
        for ours, theirs in self.elsewhere.items():
            program = program.replace(ours, theirs)
        with one.log.open("ab") as log:
            one.process = subprocess.Popen(  # noqa: S602 - as Ray does
                program,
                shell=True,
                start_new_session=True,
                stdout=log,
                stderr=log,
                env={**self.environ, **patience, "RAY_AUTH_TOKEN": str(self.token)},
                cwd=self.folder,
            )
        one.word, one.message = "RUNNING", "Job is currently running."
        if one.stopping:
            self._stop(one)

    def _see(self, one: Submission) -> None:
        code = one.process.poll() if one.process and one.word == "RUNNING" else None
        if code is None:
            return
        one.code = code
        log = one.log.read_text(errors="replace")[-20_000:]
        if one.stopping:
            one.word = "STOPPED"
        elif code == 0:
            one.word, one.message = "SUCCEEDED", "Job finished successfully."
        else:
            one.word, one.kind = "FAILED", "JOB_ENTRYPOINT_COMMAND_ERROR"
            one.message = f"Job entrypoint command failed with exit code {code}:\n{log}"

    def stop(self, name: str) -> None:
        with self.lock:
            one = self.submissions[name]
            one.stopping = True
            if one.word == "RUNNING":
                self._stop(one)

    def _stop(self, one: Submission) -> None:
        process = one.process
        assert process is not None
        processes = descendants(process.pid)
        for pid in processes:
            _signal(pid, signal.SIGTERM)
        patience = one.body.get("runtime_env", {}).get("env_vars", {})
        seconds = float(patience.get("RAY_JOB_STOP_WAIT_TIME_S", 3))

        def kill() -> None:
            until = time.monotonic() + seconds
            while time.monotonic() < until and process.poll() is None:
                time.sleep(0.05)
            for pid in processes:
                _signal(pid, signal.SIGKILL)

        threading.Thread(target=kill, daemon=True).start()

    def lose_node(self, name: str) -> None:
        """What the job runs on is gone at one moment, and the cluster finds out."""
        with self.lock:
            one = self.submissions[name]
            assert one.process is not None
            # Ray ends the group of the program, and not what has left it.
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()
            one.word, one.kind = "FAILED", _KINDS["died"]
            one.message = "Job supervisor actor died: The node has died."

    def fail(self, name: str, kind: str, message: str) -> None:
        with self.lock:
            one = self.submissions[name]
            one.word, one.kind, one.message = "FAILED", _KINDS.get(kind, kind), message

    def close(self) -> None:
        for one in self.submissions.values():
            if one.process is not None and one.process.poll() is None:
                for pid in descendants(one.process.pid):
                    _signal(pid, signal.SIGKILL)
                one.process.wait()

    def details(self, name: str) -> dict[str, Any] | None:
        with self.lock:
            self.schedule()
            one = self.submissions.get(name)
            if one is None:
                return None
            return {
                "type": "SUBMISSION",
                "submission_id": name,
                "status": self.word or one.word,
                "entrypoint": one.body["entrypoint"],
                "message": one.message,
                "error_type": one.kind,
                "driver_exit_code": one.code,
            }

    def tells(self, name: str) -> str:
        """The word for a submission now."""
        self.schedule()
        return self.submissions[name].word

    def usage(self) -> dict[str, Any]:
        with self.lock:
            used = sum(one.cpus for one in self.submissions.values() if one.word == "RUNNING")
        usage = {"CPU": [used, self.cpus], "memory": [0.0, 1e9]}
        report = {"loadMetricsReport": {"usage": usage}}
        return {"result": True, "msg": "", "data": {"clusterStatus": report}}


def descendants(pid: int) -> list[int]:
    """A process and all that it has started and that still call it their parent."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += descendants(int(child))
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


class _Handler(BaseHTTPRequestHandler):
    cluster: ClassVar[Cluster]

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        cluster = self.cluster
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size) or b"{}")
        sent = self.headers.get("Authorization")
        cluster.asked.append(f"{self.command} {self.path} {sent}")
        if cluster.down:
            self.connection.close()
            return
        if cluster.token is not None and sent != f"Bearer {cluster.token}":
            what = (403, "Forbidden: Invalid authentication token")
            missing = (401, "Unauthorized: Missing authentication token")
            self._say(*(what if sent else missing))
            return
        self._route(body)

    def _route(self, body: dict[str, Any]) -> None:
        parts = self.path.strip("/").split("/")
        if self.path == "/api/version":
            self._say(200, {"version": "4", "ray_version": self.cluster.version})
        elif self.path == "/api/cluster_status":
            self._say(200, self.cluster.usage())
        elif self.command == "POST" and self.path == "/api/jobs/":
            self._submit(body)
        elif parts[:2] == ["api", "jobs"] and parts[2] not in self.cluster.submissions:
            self._say(404, f"Job {parts[2]} does not exist")
        elif parts[-1] == "stop":
            self.cluster.stop(parts[2])
            self._say(200, {"stopped": True})
        else:
            self._say(200, self.cluster.details(parts[2]))

    def _submit(self, body: dict[str, Any]) -> None:
        made = self.cluster.submit(body)
        if self.cluster.lost:
            self.cluster.lost -= 1
            self.connection.close()
        elif made:
            self._say(200, {"submission_id": body["submission_id"]})
        else:
            self._say(500, "Traceback: ValueError: Job with submission_id already exists.")

    def _say(self, status: int, answer: object) -> None:
        content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Nobody reads it."""


def serve(cluster: Cluster) -> tuple[str, Callable[[], None]]:
    """The address of a server, and what ends it and all that it runs."""
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()
        cluster.close()

    return f"http://127.0.0.1:{server.server_address[1]}", end


def path_with_python() -> str:
    """A PATH on which `python` is this one."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
