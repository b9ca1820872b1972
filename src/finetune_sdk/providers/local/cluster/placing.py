"""Where a new job trains, by the settings of its maker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finetune_sdk.providers.local.cluster.record import Cluster
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.team import Team
from finetune_sdk.providers.local.settings import EXAMPLE, LocalSettings
from finetune_sdk.transport.addresses import address


def cluster_of(
    settings: LocalSettings, *, trainer: Sequence[str] | None, grace: float
) -> Cluster | None:
    """Where jobs of these settings train; None is this machine.

    Args:
        trainer: program and arguments that train instead of our own trainer.
        grace: seconds between asking a trainer to end and killing it.

    Raises:
        ConfigurationError: the address is none that a token may be sent to.
    """
    if settings.address is None or settings.storage is None:
        return None
    place = settings.storage
    return Cluster(
        address=address(settings.address, word="address", example=EXAMPLE),
        storage=place if "://" in place else str(Path(place).expanduser().absolute()),
        token_env=settings.token_env,
        processes=settings.processes or 1,
        cpus_per_process=settings.cpus_per_process,
        gpus_per_process=settings.gpus_per_process,
        grace=grace,
        trainer=None if trainer is None else tuple(trainer),
    )


def settle(cluster: Cluster, folder: JobFolder) -> None:
    """Writes into a job's folder that it trains there, by so many processes."""
    cluster.save(folder)
    if cluster.processes > 1:
        team_of(cluster.processes).save(folder)


def team_of(processes: int) -> Team:
    """The processes, as a trainer reads of them."""
    return Team(processes=processes, why="as `processes` says")
