"""A job on a cluster that nobody here follows any more."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from finetune_sdk.providers.local.cluster import layout
from finetune_sdk.providers.local.cluster.reach import api_of, name_of, place_of
from finetune_sdk.providers.local.cluster.record import Cluster, Submitted
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import State


def lives(folder: JobFolder) -> bool:
    """Something of the job may live on a cluster.

    Raises:
        ValueError: a file cannot be understood.
    """
    submitted = Submitted.of(folder)
    return submitted is not None and submitted.live


def goes_on(folder: JobFolder) -> bool:
    """It was followed until who followed it was cut short; what trains there knows nothing of it.

    Raises:
        ValueError: a file cannot be understood.
    """
    state = State.of(folder)
    return state is not None and state.phase == "running" and lives(folder)


def hand_on(folder: JobFolder, environ: Mapping[str, str]) -> None:
    """Hands on the wish that it ends or pauses, where one was made.

    Raises:
        ProviderError: the cluster does not answer.
        ValueError: a file cannot be understood.
    """
    stops = folder.cancel_requested
    if not (stops or folder.pause.exists()):
        return
    cluster, submitted = Cluster.of(folder), Submitted.of(folder)
    if cluster is None or submitted is None or not submitted.live:
        return
    with suppress(OSError):
        wish = {"cancel": True} if stops else {"pause": True}
        place_of(folder, cluster, submitted).write_json(layout.WISH, wish)
    if stops:
        api_of(cluster, environ).stop(name_of(folder, submitted))
        submitted.model_copy(update={"live": False}).save(folder)
