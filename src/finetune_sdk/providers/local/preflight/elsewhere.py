"""What an inspection tells of a job that trains on a cluster: nothing of this machine."""

from __future__ import annotations

from collections.abc import Iterable

from finetune_sdk.providers.local.cluster.record import Cluster
from finetune_sdk.types import Inspection

_CHOSEN = "chosen where it trains, when it begins"
_UNCHECKED = "not checked: what the cluster's machines have, this one cannot know"
_TIME = "not told: the speed of the cluster's machines is not known here"


def elsewhere(cluster: Cluster, chosen: Iterable[str], found: Inspection) -> Inspection:
    """The same inspection without what was found out about this machine.

    Args:
        chosen: names of the settings that go by the machine.
    """
    settings = {
        **found.settings,
        **dict.fromkeys(chosen, _CHOSEN),
        "runs_on": str(cluster),
        "memory": _UNCHECKED,
        "disk": _UNCHECKED,
        "time": _TIME,
    }
    return found.model_copy(update={"settings": settings, "seconds": None})
