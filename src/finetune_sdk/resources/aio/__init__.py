"""The asynchronous resources: the same verbs, on threads of their own and native pauses.

Each class holds its synchronous twin and documents nothing anew. `list`, `watch` and `events` are
`async for`. A cancelled await does not undo a create: shield it.
"""

from finetune_sdk.resources.aio.datasets import AsyncDatasets
from finetune_sdk.resources.aio.deployments import AsyncDeployments
from finetune_sdk.resources.aio.evaluations import AsyncEvaluations
from finetune_sdk.resources.aio.jobs import AsyncJobs
from finetune_sdk.resources.aio.models import AsyncModels

__all__ = ["AsyncDatasets", "AsyncDeployments", "AsyncEvaluations", "AsyncJobs", "AsyncModels"]
