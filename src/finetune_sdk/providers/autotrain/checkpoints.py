"""Models that a job has put on branches of its repository on the way."""

from __future__ import annotations

import re
from typing import Any

from finetune_sdk.providers.autotrain.hub import Hub, repos
from finetune_sdk.providers.autotrain.runners.truth import is_weights
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.types import Checkpoint, Job

_BRANCH = re.compile(r"checkpoint-([0-9]{1,9})")


def listed(hub: Hub, job: Job, repo: str | None) -> list[Checkpoint]:
    """The checkpoints of a job, newest first.

    Args:
        hub: where they lie.
        job: whose they are.
        repo: where it puts its model; None where nobody knows.
    """
    if repo is None:
        return []
    names = hub.find(lambda api: _branches(api, repo), what=f"the model {repo!r}") or []
    steps = sorted((int(found[1]), name) for name in names if (found := _BRANCH.fullmatch(name)))
    made = [_checkpoint(hub, job, repo, step, name) for step, name in reversed(steps)]
    return [one for one in made if one is not None]


def _branches(api: Any, repo: str) -> list[str]:
    return [str(one.name) for one in api.list_repo_refs(repo).branches]


def _checkpoint(hub: Hub, job: Job, repo: str, step: int, branch: str) -> Checkpoint | None:
    """A checkpoint that is whole: all of its files come with one commit."""
    info: Any = hub.find(
        lambda api: api.model_info(repo, revision=branch, files_metadata=True),
        what=f"the checkpoint {branch!r} of {repo!r}",
    )
    names = repos.sizes(info) if info else {}
    at = info.last_modified if info else None
    if not any(map(is_weights, names)) or at is None or (job.created_at and at < job.created_at):
        return None
    return Checkpoint(
        id=f"{job.id}/{branch}",
        job_id=job.id,
        provider=NAME,
        model=f"{repo}@{branch}",
        step=step,
        created_at=at,
        bytes=sum(names.values()) or None,
    )
