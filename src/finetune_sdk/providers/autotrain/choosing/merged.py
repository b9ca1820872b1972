"""The whole weights of an adapter, which its job leaves beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from finetune_sdk.errors import UnsupportedError
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.settings import NAME

BRANCH = "merged"
"""Where a job leaves them."""

_WHOLE = re.compile(r"(?!adapter)[^/]+\.(?:safetensors|gguf)|pytorch_model[^/]*\.bin")
_ADAPTER = re.compile(r"adapter_(?:config\.json|model\.(?:safetensors|bin))")


def is_whole(name: str) -> bool:
    """Whether a file has weights that are more than an adapter."""
    return _WHOLE.fullmatch(name) is not None


def find(hub: Hub, repo: str) -> str | None:
    """The commit with the whole weights of an adapter; None where there are none.

    Raises:
        UnsupportedError: they are older than the adapter, so that they are those of another one.
    """
    commit = hub.find(lambda api: _head(api, repo), what=f"the branches of {repo!r}")
    if commit is None:
        return None
    whole = hub.find(lambda api: _written(api, repo, commit, _WHOLE), what=repo)
    if not whole:
        return None  # The branch has something else.
    adapter = hub.find(lambda api: _written(api, repo, "main", _ADAPTER), what=repo)
    if adapter and max(whole) < max(adapter):
        raise _stale(repo, max(whole), max(adapter))
    return commit


def _head(api: Any, repo: str) -> str | None:
    branches: Iterable[Any] = api.list_repo_refs(repo).branches
    return next((str(one.target_commit) for one in branches if one.name == BRANCH), None)


def _written(api: Any, repo: str, revision: str, wanted: re.Pattern[str]) -> list[datetime]:
    """When each of these files was changed last."""
    # What the Hub tells of a revision is its newest change, which may be that of a README.
    found: Iterable[Any] = api.list_repo_tree(repo, revision=revision, expand=True)
    return [
        one.last_commit.date
        for one in found
        if wanted.fullmatch(one.path) and one.last_commit is not None
    ]


def _stale(repo: str, whole: datetime, adapter: datetime) -> UnsupportedError:
    return UnsupportedError(
        f"{NAME}: the adapter of {repo!r} is of {adapter:%Y-%m-%d %H:%M}, and the whole weights "
        f"on its branch `{BRANCH}` are of {whole:%Y-%m-%d %H:%M}: those of an older adapter. Merge "
        "it with peft's `merge_and_unload` after `models.download` and push that to the branch, or "
        "train it again with `options=[AutoTrainOptions(merge_adapter=True)]`; "
        f"'{repo}@{BRANCH}' means the older weights. Nothing was started"
    )
