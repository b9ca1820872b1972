"""A model that was trained and could not be put in its place, put there from here."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from finetune_sdk.errors import NotFoundError
from finetune_sdk.providers.autotrain.hub import Hub, stack
from finetune_sdk.providers.autotrain.record import Record
from finetune_sdk.providers.autotrain.runners.jobs import NOT_PUSHED
from finetune_sdk.providers.autotrain.runners.truth import is_weights
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.types import Job

_SECONDS = 6 * 3600.0


def needed(job: Job) -> bool:
    """Whether the job has trained, and its model is not where it should be."""
    return job.error is not None and job.error.code == NOT_PUSHED


def put(hub: Hub, record: Record) -> None:
    """Puts the model of a job in its place, from where the job has kept it.

    Both places are told by what was sent, and by nothing that the job's log says.

    Args:
        hub: where both are.
        record: of the job.

    Raises:
        NotFoundError: it was not kept, or nobody knows where.
    """
    repo, place = record.repo, record.kept
    if repo is None or place is None or not _is_own(hub, repo, place[0]):
        raise _nothing()
    kept, path = place
    with tempfile.TemporaryDirectory() as folder:

        def move(api: Any) -> None:
            api.snapshot_download(
                kept,
                repo_type="dataset",
                allow_patterns=[f"{path}/*"],
                local_dir=folder,
                tqdm_class=stack.silent(),
            )
            if not any(is_weights(one.name) for one in Path(folder).glob(f"{path}/*")):
                raise _nothing()
            api.create_repo(repo, private=True, exist_ok=True)
            api.upload_folder(
                repo_id=repo,
                folder_path=Path(folder, path),
                commit_message="Trained by finetune-anywhere",
            )

        hub.ask("upload", move, what=f"the model {repo!r}", seconds=_SECONDS, largest=None)


def _is_own(hub: Hub, *names: str) -> bool:
    return all(name.startswith(f"{hub.namespace}/") for name in names)


def _nothing() -> NotFoundError:
    return NotFoundError(
        f"{NAME}: the job could not put its model on the Hub, and not keep it there either; its "
        "checkpoints may be there (`jobs.checkpoints`)",
        provider=NAME,
        code="not_kept",
    )
