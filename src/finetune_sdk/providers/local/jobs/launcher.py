"""Starting a supervisor, and being sure that it lives."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from finetune_sdk.errors import ServerError
from finetune_sdk.providers.local import faults
from finetune_sdk.providers.local.cluster.record import Cluster
from finetune_sdk.providers.local.environment import (
    child_environment,
    relay_environment,
    reports_of,
)
from finetune_sdk.providers.local.jobs import slots
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created
from finetune_sdk.providers.local.jobs.team import Team, processes_of, team_of
from finetune_sdk.providers.local.process import start_detached
from finetune_sdk.providers.local.settings import NAME

_SUPERVISOR = "finetune_sdk.providers.local.jobs.supervisor"
_TRAINER = "finetune_sdk.providers.local.training"
_CREW = "finetune_sdk.providers.local.jobs.crew"
_RELAY = "finetune_sdk.providers.local.cluster"
_STOPPING = 30.0
"""Seconds that a cluster has for its part of ending a job, beside the trainer's own."""


@dataclass(frozen=True)
class Launcher:
    """Starts supervisors.

    Attributes:
        trainer: program and arguments instead of our own trainer.
        environ: what the processes inherit from, by a list of what may pass.
        grace: seconds between asking a trainer to end and killing it.
        stalled_after: seconds without a word of a trainer, before that is said.
        cluster: where new jobs train; None is this machine. One that is made stays where it is.
        several: new jobs are trained by several processes; one that is made stays as it is.
        processes: so many; None is one for each GPU.
    """

    trainer: Sequence[str] | None = None
    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    grace: float = 10.0
    stalled_after: float = 600.0
    cluster: Cluster | None = None
    several: bool = False
    processes: int | None = None

    def team(self) -> Team | None:
        """How a new job is launched; None is as one process.

        Raises:
            ConfigurationError: this machine has not so many GPUs.
        """
        return team_of(self.processes, slots.of_machine(self.environ)) if self.several else None

    def start(self, folder: JobFolder) -> None:
        """Comes back when a supervisor holds the job's lock: a new one, or one that had it.

        Raises:
            ServerError: it did not start; the job is there and can be woken later.
        """
        try:
            start_detached(
                self._command(folder),
                environ=environment_of(folder, self.environ),
                cwd=folder.path,
                log=folder.log,
            )
        except ServerError as error:
            if faults.is_full(folder.path):
                raise faults.disk_full(folder.home) from error
            raise ServerError(
                f"the job {folder.id!r} is made, but its supervisor did not start: {error}; the "
                "same call again, or `jobs.get`, tries again",
                provider=NAME,
                code="supervisor_not_started",
                effect="done",
            ) from error

    def _command(self, folder: JobFolder) -> list[str]:
        # `-P`: nothing that lies in the working folder is ever imported by accident.
        python = (_python(folder), "-P", "-m")
        trainer, grace = tuple(self.trainer or (*python, _TRAINER)), self.grace
        if cluster := Cluster.of(folder):
            trainer, grace = (*python, _RELAY), cluster.grace + _STOPPING
        elif (processes := processes_of(folder)) > 1:
            trainer = (*python, _CREW, str(processes), "--", *trainer)
        limits = ("--grace", str(grace), "--stalled-after", str(self.stalled_after))
        return [*python, _SUPERVISOR, *limits, str(folder.path), "--", *trainer]


def environment_of(folder: JobFolder, environ: Mapping[str, str]) -> dict[str, str]:
    """The part of `environ` that a job's supervisor may see, and whoever it starts."""
    passes = child_environment(environ, reports_of(folder.path / "spec.json"))
    if cluster := Cluster.of(folder):
        passes |= relay_environment(environ, cluster.token_env)
    return passes


def _python(folder: JobFolder) -> str:
    """The interpreter that made the job, while it is there: who looks may have another one."""
    try:
        created = Created.of(folder)
    except (ValueError, OSError):
        created = None
    made_with = created.python if created else None
    return made_with if made_with and os.access(made_with, os.X_OK) else sys.executable
