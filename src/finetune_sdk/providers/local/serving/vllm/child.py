"""vLLM as a process: started, ready, ended."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.options import LocalDeploymentOptions
from finetune_sdk.providers.local.process import signal_group
from finetune_sdk.providers.local.serving.vllm import command, keeper
from finetune_sdk.transport import redact

_LOOK_SECONDS = 0.2
_ANSWER_SECONDS = 5.0
_LAST_LINES = 10
_LONGEST = 1500
_READY = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Child:
    """One vLLM that serves one model.

    Attributes:
        key: what it wants to be shown; known to nobody else.
        socket: where it listens.
    """

    def __init__(
        self,
        program: Sequence[str],
        *,
        model: Path,
        name: str,
        options: LocalDeploymentOptions,
        environ: Mapping[str, str],
        lock: int,
    ) -> None:
        """Starts it.

        Args:
            lock: descriptor that holds the deployment's lock, until all of vLLM is gone.
        """
        self.key = secrets.token_urlsafe(32)
        # Not in the deployment's own folder: a socket's path has room for about a hundred bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="finetune-vllm-"))
        self.socket = self._folder / "vllm"
        wanted = command.arguments(
            program, model=model, name=name, socket=self.socket, options=options
        )
        self._keeper = subprocess.Popen(
            [sys.executable, "-P", keeper.__file__, str(self._folder), *wanted],
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
            stderr=sys.stderr,
            env=command.environment(environ, self.key),
            start_new_session=True,
            pass_fds=(lock,),
        )

    def wait_until_ready(self) -> bool:
        """True when it answers, False when it has ended before it did."""
        while not self._answers():
            if self._keeper.poll() is not None:
                self._clear()
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def watch(self, ended: Callable[[], None]) -> None:
        """Has `ended` called when it has ended by itself."""

        def wait() -> None:
            self._keeper.wait()
            self._clear()
            ended()

        threading.Thread(target=wait, daemon=True, name="vllm").start()

    def last_words(self, log: Path) -> str:
        """How it ended, with the end of its log."""
        lines = deque(files.read_lines(log), maxlen=_LAST_LINES)
        said = redact("\n".join(lines), self.key)[-_LONGEST:]
        return f"vLLM ended with exit code {self._keeper.poll()}; its last lines:\n{said}"

    def _clear(self) -> None:
        """Ends what a keeper that was killed has left."""
        with suppress(OSError, ValueError):
            group = int((self._folder / keeper.GROUP).read_text(encoding="ascii"))
            signal_group(group, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_ANSWER_SECONDS)
            line.connect(os.fspath(self.socket))
            line.sendall(_READY)
            return line.recv(64).split(b" ")[1:2] == [b"200"]
        return False
