"""A model that was trained and could not be put in its place, put there from here."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune_sdk.errors import NotFoundError
from finetune_sdk.providers.autotrain import log
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.runners.jobs import NOT_PUSHED
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.types import Job

_SECONDS = 6 * 3600.0


def needed(job: Job) -> bool:
    """Whether the job has trained, and its model is not where it should be."""
    return job.error is not None and job.error.code == NOT_PUSHED


def put(hub: Hub, repo: str, lines: Sequence[str]) -> None:
    """Puts the model of a job in its place, from where the job has kept it.

    Args:
        hub: where both are.
        repo: where it belongs.
        lines: of the job's log, which says where it was kept.

    Raises:
        NotFoundError: it was not kept.
    """
    place = log.kept(lines)
    if place is None:
        raise NotFoundError(
            f"{NAME}: the job could not put its model on the Hub, and not keep it there either; "
            "its checkpoints may be there (`jobs.checkpoints`)",
            provider=NAME,
            code="not_kept",
        )
    kept, path = place
    with tempfile.TemporaryDirectory() as folder:

        def move(api: Any) -> None:
            api.snapshot_download(
                kept, repo_type="dataset", allow_patterns=[f"{path}/*"], local_dir=folder
            )
            api.create_repo(repo, private=True, exist_ok=True)
            api.upload_folder(
                repo_id=repo,
                folder_path=Path(folder, path),
                commit_message="Trained by finetune-anywhere",
            )

        hub.ask("upload", move, what=f"the model {repo!r}", seconds=_SECONDS, largest=None)
