"""Which commit of which repository is served."""

from __future__ import annotations

import re
from typing import Any

from finetune_sdk.errors import InvalidRequestError, NotFoundError, UnsupportedError
from finetune_sdk.providers.autotrain.choosing import merged
from finetune_sdk.providers.autotrain.hosting.wire import Weights
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.settings import NAME

_ADAPTER = "adapter_config.json"
_ID = re.compile(r"[\w.-]{1,96}(?:/[\w.-]{1,96})?")


def served(hub: Hub, model: str) -> Weights:
    """What an engine loads for a model: a repository's id, or `ID@REVISION`.

    An engine loads whole weights. Of an adapter those are served that its job has left on the
    branch `merged`.

    Raises:
        InvalidRequestError: it is no id of the Hub, or there are no weights in it.
        NotFoundError: the Hub does not have it, or does not show it to this token.
        UnsupportedError: it is an adapter, and nobody has merged it since it was made.
    """
    repo, _, revision = model.partition("@")
    if not _ID.fullmatch(repo):
        raise _wrong(
            f"{model!r:.100} is no model of the Hub; write its id, such as 'alice/recipes'"
        )
    commit, files = _state(hub, repo, revision or None)
    if any(map(merged.is_whole, files)):
        return Weights(repo, commit)
    if _ADAPTER not in files:
        raise _wrong(
            f"{model!r} has no weights at its commit {commit[:7]}, so nothing can serve it"
        )
    whole = None if revision else merged.find(hub, repo)
    if whole is None:
        raise _unmerged(model)
    return Weights(repo, whole)


def _state(hub: Hub, repo: str, revision: str | None) -> tuple[str, tuple[str, ...]]:
    def look(api: Any) -> tuple[str, tuple[str, ...]]:
        info = api.model_info(repo, revision=revision)
        return str(info.sha), tuple(str(one.rfilename) for one in info.siblings or ())

    found = hub.find(look, what=f"the model {repo!r}")
    if found is None:
        at = f" at {revision!r}" if revision else ""
        raise NotFoundError(
            f"{NAME}: the Hub has no model {repo!r}{at}, or does not show it to this token",
            provider=NAME,
            status_code=404,
        )
    return found


def _unmerged(model: str) -> UnsupportedError:
    return UnsupportedError(
        f"{NAME}: {model!r} is a LoRA adapter, which Inference Endpoints do not serve without its "
        f"base model, and nobody has left its whole weights on the branch `{merged.BRANCH}` of its "
        "repository, where those of the newest commit are looked for; train it with "
        "`options=[AutoTrainOptions(merge_adapter=True)]`, or merge it with peft's "
        "`merge_and_unload` after `models.download` and push that to the branch; nothing was made"
    )


def _wrong(words: str) -> InvalidRequestError:
    return InvalidRequestError(f"{NAME}: {words}", provider=NAME, param="model")
