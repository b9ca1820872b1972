"""Making, finding and ending deployments on this machine.

One lock keeps creating and deleting apart, between processes too. A server's own lock, which its
creator takes and the server inherits, says that it lives.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, cast

from finetune_sdk.errors import ConflictError, NotFoundError, ServerError
from finetune_sdk.providers.local import faults, files
from finetune_sdk.providers.local.environment import child_environment
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import release, take
from finetune_sdk.providers.local.models import weights
from finetune_sdk.providers.local.process import start_detached
from finetune_sdk.providers.local.serving import choosing, preflight
from finetune_sdk.providers.local.serving.folder import DeploymentFolder
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import (
    Connection,
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    JobError,
    Page,
)

_PROGRAM = "finetune_sdk.providers.local.serving"
_OF_VLLM = "VLLM_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# Longer than a server needs: it looks every 0.2 s, and its last resort comes after 5 s.
_STOP_SECONDS = 15.0
_OTHERS_SECONDS = 30.0
# Whoever looks whether a lock is held holds it himself for a moment.
_LOOK_SECONDS = 5.0
_GONE = JobError(
    code="server_gone",
    message="its server is gone: the process was ended, or the machine went down; "
    "delete the deployment and create it again",
)


class _Ahead(NamedTuple):
    """What is known before anything is made.

    Attributes:
        port: that is wished for.
        note: what to warn of.
        choice: who serves.
    """

    port: int | None
    note: str | None
    choice: choosing.Choice


@dataclass(frozen=True)
class LocalDeployments:
    """The deployments of one state folder.

    Attributes:
        environ: what the servers' environment is taken from.
        vllm_command: what the caller calls vLLM by; empty is `vllm`, where that is on the path.
        devices: where the system shows GPUs.
    """

    home: LocalHome
    environ: Mapping[str, str] = field(repr=False)
    vllm_command: Sequence[str] = ()
    devices: Path = Path("/dev")

    def create(self, spec: DeploymentSpec) -> Deployment:
        """Starts a server and returns at once. The same spec again is the same deployment.

        One whose server is gone is started again, and expires when it would have.

        Raises:
            ConfigurationError: an option is wrong, or the installed transformers cannot serve.
            ConflictError: the name is taken by a deployment of something else, or the port is.
            MissingDependencyError: the extra `local` is not installed.
            NotFoundError: there is no such model.
            ServerError: the server's process could not be started.
            UnsupportedError: it is a reward model.
        """
        folder = self._folder(spec.name)
        if not _is_running(folder, spec):
            ahead = self._look_ahead(spec)
            with self._alone():
                # Somebody may have been quicker.
                if not _is_running(folder, spec):
                    self._start(folder, spec, ahead)
        return _read(folder)

    def get(self, name: str) -> Deployment:
        """The deployment as it stands.

        Raises:
            NotFoundError: there is none of that name.
        """
        if not _NAME.fullmatch(name):
            raise _not_found(name)
        return _read(self._folder(name))

    def list(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        """The deployments by name; a cursor is the last page's last name."""
        names = tuple(name for name in self._names() if cursor is None or name > cursor)
        items = tuple(self._present(names[:limit]))
        return Page(items, names[limit - 1] if len(names) > limit else None)

    def delete(self, name: str) -> None:
        """Ends the server and removes the folder with its key. One that is gone is no error.

        Raises:
            ServerError: the server does not end.
        """
        if not _NAME.fullmatch(name) or not self._folder(name).path.exists():
            return
        with self._alone():
            folder = self._folder(name)
            if folder.path.exists():
                self._remove(folder)

    def connect(self, name: str) -> Connection:
        """How to talk to a deployment that is ready.

        Raises:
            ConflictError: it is not ready.
            NotFoundError: there is none of that name.
        """
        deployment = self.get(name)
        if deployment.status is not DeploymentStatus.READY or deployment.url is None:
            reason = f": {deployment.error.message}" if deployment.error else ""
            raise ConflictError(
                f"the deployment {name!r} is {deployment.status}, not ready{reason}",
                provider=NAME,
                code="not_ready",
            )
        folder = self._folder(name)
        # The other one answers one after another: 44 questions took as long four at once
        # (measured, on a CPU).
        return Connection(
            base_url=deployment.url,
            api_key=folder.key(),
            model=deployment.id,
            at_once=None if folder.vllm else 1,
        )

    def _folder(self, name: str) -> DeploymentFolder:
        return DeploymentFolder(self.home.deployments / name)

    def _draft(self, name: str) -> DeploymentFolder:
        """The folder while it is being made or removed: no name begins with a dot."""
        return DeploymentFolder(self.home.deployments / f".{name}")

    def _names(self) -> Sequence[str]:
        if not self.home.deployments.is_dir():
            return ()
        paths = self.home.deployments.iterdir()
        return sorted(path.name for path in paths if _NAME.fullmatch(path.name) and path.is_dir())

    def _present(self, names: Sequence[str]) -> Generator[Deployment]:
        for name in names:
            try:
                yield _read(self._folder(name))
            except NotFoundError:
                continue
            except ServerError as error:
                # One that is broken must not hide the others, nor itself.
                yield _broken(name, str(error))

    @contextmanager
    def _alone(self) -> Generator[None]:
        self.home.make(self.home.deployments)
        lock = take(self.home.make(self.home.locks) / "deployments.lock", patience=_OTHERS_SECONDS)
        if lock is None:
            raise ConflictError(
                "another process is creating or deleting a deployment; try again",
                provider=NAME,
                code="busy",
                retryable=True,
            )
        try:
            # Drafts are made and removed under this lock: what is here was left by one who died.
            for draft in self.home.deployments.glob(".*"):
                shutil.rmtree(draft, ignore_errors=True)
            yield
        finally:
            release(lock)

    def _look_ahead(self, spec: DeploymentSpec) -> _Ahead:
        """All that would make it fail."""
        options = preflight.read_options(spec)
        choice = choosing.choose(options, self.vllm_command, self.environ, devices=self.devices)
        preflight.refuse_reward(spec.model)
        preflight.check_packages(choice.server)
        note = weights.find(spec.model, self.home, self.environ).note
        return _Ahead(options.port, note, choice)

    def _start(self, folder: DeploymentFolder, spec: DeploymentSpec, ahead: _Ahead) -> None:
        with closing(preflight.bind(ahead.port)) as listener:
            is_new = not folder.exists
            ahead = ahead._replace(port=listener.getsockname()[1])
            lock = self._lay(spec, ahead) if is_new else _revive(folder, ahead)
            try:
                self._launch(folder, keep=(listener.fileno(), lock))
            except BaseException:
                if is_new:
                    self._discard(folder)
                raise
            finally:
                # Closed and not let go of: the server holds it from here on.
                os.close(lock)

    def _lay(self, spec: DeploymentSpec, ahead: _Ahead) -> int:
        """Makes the folder, whole or not at all; gives the server's lock, held."""
        draft = self._draft(spec.name)
        draft.path.mkdir(mode=0o700)
        files.write_atomic(draft.path / "spec.json", spec.to_json())
        files.write_atomic(draft.path / "key", f"sk-{secrets.token_urlsafe(32)}")
        draft.enter("creating", created_at=datetime.now(UTC).isoformat())
        lock = _revive(draft, ahead)
        draft.path.rename(self.home.deployments / spec.name)
        return lock

    def _launch(self, folder: DeploymentFolder, *, keep: tuple[int, int]) -> None:
        # -P: what lies in the working folder is no module of ours.
        program = [sys.executable, "-P", "-m", _PROGRAM, str(folder.path)]
        # Threads that wait for each other sleep: as fast, and half the CPU time where others work.
        environ = {"OMP_WAIT_POLICY": "PASSIVE", **child_environment(self.environ)}
        if folder.vllm:
            own = self.environ.items()
            environ |= {name: value for name, value in own if name.startswith(_OF_VLLM)}
        start_detached(
            [*program, *map(str, keep)],
            environ=environ,
            cwd=folder.path,
            log=folder.log,
            keep=keep,
        )

    def _remove(self, folder: DeploymentFolder) -> None:
        folder.request_stop()
        lock = take(folder.lock, patience=_STOP_SECONDS)
        if lock is None:
            raise ServerError(
                f"the server of the deployment {folder.name!r} does not end; its log may say "
                f"why: {folder.log}",
                provider=NAME,
                code="does_not_end",
            )
        try:
            self._discard(folder)
        finally:
            release(lock)

    def _discard(self, folder: DeploymentFolder) -> None:
        draft = self._draft(folder.name)
        # First out of sight at one stroke, so that nobody finds half of it.
        folder.path.rename(draft.path)
        shutil.rmtree(draft.path)


def _is_running(folder: DeploymentFolder, spec: DeploymentSpec) -> bool:
    try:
        present, served = _read(folder), folder.spec()
    except (NotFoundError, FileNotFoundError):
        return False
    if not served.serves_the_same(spec):
        raise ConflictError(
            f"the name {spec.name!r} is taken by a deployment of {served.model!r}, or of the same "
            "with other options; choose another `name`, or delete that deployment first",
            provider=NAME,
            code="name_taken",
        )
    return present.status in (DeploymentStatus.CREATING, DeploymentStatus.READY)


def _revive(folder: DeploymentFolder, ahead: _Ahead) -> int:
    """Writes the state of a server that starts now; gives its lock, held."""
    folder.forget_stop()
    folder.enter(
        "creating",
        port=ahead.port,
        error=None,
        warnings=[ahead.note] if ahead.note else [],
        server=str(ahead.choice),
        command=list(ahead.choice.command),
    )
    lock = take(folder.lock, patience=_LOOK_SECONDS)
    if lock is None:
        raise ConflictError(
            f"the server of the deployment {folder.name!r} is still ending; try again",
            provider=NAME,
            code="busy",
            retryable=True,
        )
    return lock


def _read(folder: DeploymentFolder) -> Deployment:
    try:
        spec = folder.spec()
        # The state first: a server that says ready and then dies is seen as gone, never as ready.
        state = folder.state()
        return _deployment(folder, spec, state)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError) as error:
        if not folder.path.is_dir():
            raise _not_found(folder.name) from None
        raise ServerError(
            f"the folder of the deployment {folder.name!r} is broken; delete the deployment "
            f"and create it again ({folder.path})",
            provider=NAME,
            code="broken_folder",
            retryable=False,
        ) from error


def _broken(name: str, reason: str) -> Deployment:
    return Deployment(
        id=name,
        name=name,
        provider=NAME,
        status=DeploymentStatus.UNKNOWN,
        raw_status="broken_folder",
        model="unknown",
        warnings=(reason,),
    )


def _deployment(
    folder: DeploymentFolder, spec: DeploymentSpec, state: Mapping[str, object]
) -> Deployment:
    status, error = _status(folder, state)
    ready = status is DeploymentStatus.READY
    return Deployment(
        id=spec.name,
        name=spec.name,
        provider=NAME,
        status=status,
        raw_status=str(state.get("phase", "")),
        model=spec.model,
        job_id=spec.job_id,
        url=f"http://127.0.0.1:{int(str(state['port']))}/v1" if ready else None,
        created_at=datetime.fromisoformat(str(state["created_at"])),
        expires_at=spec.expires_at,
        cost_per_hour=0.0,
        error=error,
        warnings=tuple(cast("list[str]", state.get("warnings", []))),
        settings={"server": str(state["server"])} if "server" in state else {},
        raw={"log": str(folder.log)},
    )


def _status(
    folder: DeploymentFolder, state: Mapping[str, object]
) -> tuple[DeploymentStatus, JobError | None]:
    phase = state.get("phase")
    if phase == "failed":
        return DeploymentStatus.FAILED, JobError.model_validate(state.get("error"))
    if not folder.lives:
        return DeploymentStatus.FAILED, _full(folder) or _GONE
    if folder.stopping:
        return DeploymentStatus.DELETING, None
    known = {"creating": DeploymentStatus.CREATING, "ready": DeploymentStatus.READY}
    return known.get(str(phase), DeploymentStatus.UNKNOWN), None


def _full(folder: DeploymentFolder) -> JobError | None:
    # A server that cannot write its state cannot say why it ended.
    if not faults.is_full(folder.path):
        return None
    return JobError(code="disk_full", message=str(faults.disk_full(folder.home)))


def _not_found(name: str) -> NotFoundError:
    return NotFoundError(
        f"there is no deployment {name!r} on this machine", provider=NAME, code="not_found"
    )
