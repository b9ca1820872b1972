"""A cluster's API and a submission's name, by a job's own record."""

from __future__ import annotations

import os
from collections.abc import Mapping

from finetune_sdk.providers.local.cluster import layout
from finetune_sdk.providers.local.cluster.api import RayApi
from finetune_sdk.providers.local.cluster.record import Cluster, Submitted
from finetune_sdk.providers.local.cluster.storage import Storage
from finetune_sdk.providers.local.jobs.folder import JobFolder


def api_of(cluster: Cluster, environ: Mapping[str, str] = os.environ) -> RayApi:
    """The job API, with the token that the environment has for it."""
    return RayApi(cluster.address, environ.get(cluster.token_env) or None, cluster.token_env)


def name_of(folder: JobFolder, submitted: Submitted) -> str:
    """The submission's id: the same for all who would submit this attempt, so there is one."""
    return f"{folder.id}-{submitted.attempt}"


def place_of(folder: JobFolder, cluster: Cluster, submitted: Submitted) -> Storage:
    """The attempt's folder in the storage."""
    return Storage(cluster.storage).inside(layout.attempt(folder.id, submitted.attempt))
