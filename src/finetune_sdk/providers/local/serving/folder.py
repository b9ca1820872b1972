"""A deployment is a folder. Who writes what:

spec.json     the creator, before the folder has its name: what is served
key           the creator: what a caller must show; the one secret that lies in a file
server.lock   taken by the creator, inherited by the server: somebody lives
state.json    the creator, then the server: the phase, the port, since when, which server and why,
              and what went wrong
server.log    what the server's process printed
stop          whoever deletes: please end
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import is_held
from finetune_sdk.types import DeploymentSpec

Phase = Literal["creating", "ready", "failed"]


@dataclass(frozen=True)
class DeploymentFolder:
    """The files of one deployment.

    Attributes:
        path: the folder; its name is the deployment's.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def home(self) -> LocalHome:
        return LocalHome(self.path.parent.parent)

    @property
    def lock(self) -> Path:
        return self.path / "server.lock"

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def exists(self) -> bool:
        return (self.path / "spec.json").exists()

    @property
    def lives(self) -> bool:
        """A server's process holds the lock."""
        return is_held(self.lock)

    def spec(self) -> DeploymentSpec:
        return DeploymentSpec.from_json((self.path / "spec.json").read_bytes())

    def key(self) -> str:
        return (self.path / "key").read_text(encoding="utf-8")

    @property
    def vllm(self) -> list[str]:
        """The command of vLLM that serves it; empty where another server does."""
        return list(map(str, cast("list[object]", self.state().get("command", []))))

    def state(self) -> dict[str, object]:
        return files.read_json(self.path / "state.json") or {}

    def enter(self, phase: Phase, **changes: object) -> None:
        """Writes the phase, and whatever else has changed in the state."""
        now = datetime.now(UTC).isoformat()
        state: Mapping[str, object] = {**self.state(), **changes, "phase": phase, "since": now}
        files.write_json(self.path / "state.json", state)

    @property
    def stopping(self) -> bool:
        return self._stop.exists()

    def request_stop(self) -> None:
        self._stop.touch(mode=0o600)

    def forget_stop(self) -> None:
        self._stop.unlink(missing_ok=True)

    def identity(self) -> tuple[int, int] | None:
        """Of the lock's file: another one, or none, is another deployment or none."""
        try:
            status = os.stat(self.lock)  # noqa: PTH116 - for its device and inode
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @property
    def _stop(self) -> Path:
        return self.path / "stop"
