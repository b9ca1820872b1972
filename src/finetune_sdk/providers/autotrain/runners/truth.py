"""Whether a job has succeeded. What it says of itself is half of it: the weights are the other."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from finetune_sdk.providers.autotrain.hub import Hub, stack
from finetune_sdk.types import JobError

_WEIGHTS = re.compile(r"(?:adapter_model|model(?:-\d{5}-of-\d{5})?)\.safetensors")
MANIFEST = "finetune.json"
"""What our program writes beside the weights: whose they are, and what belongs to them."""
_FAILED = "failed due to an exception"
_REASON = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)\b.*")
_TAIL = 200
_SHOWN = 500


@dataclass(frozen=True)
class Proof:
    """A model that lies in its repository.

    Attributes:
        repo: where.
        commit: its newest.
        at: when that was made.
        files: that are in it.
    """

    repo: str
    commit: str
    at: datetime
    files: tuple[str, ...]


def proof(hub: Hub, repo: str, *, since: datetime | None, key: object = None) -> Proof | None:
    """The weights in the repository, at a commit newer than `since`; None where there are none.

    Args:
        key: the mark of the job's key, which our program writes beside its weights: those of
            another job are none of this one. A model without a mark is whoever's.
    """

    def look(api: Any) -> Proof | None:
        info = api.model_info(repo)
        files = tuple(one.rfilename for one in info.siblings or ())
        at = info.last_modified or datetime.min.replace(tzinfo=UTC)
        if not any(is_weights(name) for name in files) or (since is not None and at < since):
            return None
        if key is not None and MANIFEST in files and _key(api, repo, str(info.sha)) != key:
            return None
        return Proof(repo, str(info.sha), at, files)

    return hub.find(look, what=f"the model {repo!r}")


def _key(api: Any, repo: str, commit: str) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = api.hf_hub_download(
            repo, MANIFEST, revision=commit, local_dir=folder, tqdm_class=stack.silent()
        )
        try:
            about: object = json.loads(Path(path).read_bytes())
        except (ValueError, RecursionError):
            return None
    return cast("dict[str, object]", about).get("key") if isinstance(about, dict) else None


def is_weights(name: str) -> bool:
    """Whether a file of that name, at a repository's root, holds a model."""
    return _WEIGHTS.fullmatch(name) is not None


def failure(lines: Sequence[str], *, message: str | None = None) -> JobError:
    """Why a job failed, as its log's tail says.

    Args:
        lines: of the log.
        message: the service's own words, where it has some.
    """
    reason = _reason(lines[-_TAIL:])
    told = [part for part in (message, reason) if part]
    code = "out_of_memory" if reason and "out of memory" in reason.lower() else "training_failed"
    return JobError(code=code, message=("; ".join(told) or _SILENT)[:_SHOWN])


_SILENT = "it ended without a model, and its log does not say why; `jobs.logs` has all of it"


def _reason(lines: Iterable[str]) -> str | None:
    """The last line that names an exception, or that AutoTrain itself calls the failure."""
    found: str | None = None
    for line in lines:
        plain = line.strip().rpartition(" - ")[2]
        if _REASON.match(plain) or (found is None and _FAILED in line):
            found = plain
    return found
