"""What a job asks of a cluster and what the cluster has, in words."""

from __future__ import annotations

from collections.abc import Mapping

from finetune_sdk.providers.local.cluster.record import Cluster

_SHOWN = ("CPU", "GPU")


def words(cluster: Cluster, resources: Mapping[str, tuple[float, float]]) -> str:
    """Why it waits.

    Args:
        resources: what is in use and what there is, by Ray's names; empty where not known.
    """
    count = f"{cluster.processes} times " if cluster.processes > 1 else ""
    return f"waits for the cluster: it asks for {count}{cluster.asked}; {_has(resources)}"


def _has(resources: Mapping[str, tuple[float, float]]) -> str:
    if not resources:
        return "what the cluster has, it does not tell"
    pairs = [(name, *resources.get(name, (0.0, 0.0))) for name in _SHOWN]
    told = [f"{total:g} {name}s, {total - used:g} of them free" for name, used, total in pairs]
    return f"the cluster has {' and '.join(told)}"
