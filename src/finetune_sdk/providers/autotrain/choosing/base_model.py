"""What the Hub knows of a base model."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from finetune_sdk.errors import (
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)
from finetune_sdk.providers.autotrain.hub import Hub, repos, stack
from finetune_sdk.providers.autotrain.settings import NAME

_TOKENIZER = "tokenizer_config.json"

MERGED = "merged"
"""The branch on which a job leaves whole weights beside its adapter."""


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """A model that can be trained.

    Attributes:
        id: of the repository.
        revision: other than the newest commit.
        architecture: `model_type` of its configuration; None where the Hub does not say.
        parameters: numbers in its weights; None likewise.
        tokenizer: the class of its tokenizer; None likewise.
    """

    id: str
    revision: str | None = None
    architecture: str | None = None
    parameters: int | None = None
    tokenizer: str | None = None


def look(hub: Hub, model: str) -> BaseModel:
    """The model that a job would start from.

    Raises:
        NotFoundError: the Hub has none of that name, or does not show it to this token.
        PermissionDeniedError: it is gated, and this account has not been let in.
        UnsupportedError: it has no weights that can be trained.
    """
    repo, _, revision = model.partition("@")
    info: Any = hub.ask(
        "read",
        lambda api: api.model_info(_id(repo), revision=revision or None),
        what=f"the model {model!r}",
    )
    names = repos.names(info)
    if info.gated:
        _let_in(hub, repo)
    if "adapter_config.json" in names and "config.json" not in names:
        return _merged(hub, repo, revision)
    _check_weights(model, names)
    config = _table(info.config)
    return BaseModel(
        id=repo,
        revision=revision or None,
        architecture=_text(config.get("model_type")),
        parameters=repos.whole(getattr(info.safetensors, "total", None)),
        tokenizer=_tokenizer(hub, repo, str(info.sha)) if _TOKENIZER in names else None,
    )


def _tokenizer(hub: Hub, repo: str, commit: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        path = hub.ask(
            "read",
            lambda api: api.hf_hub_download(repo, _TOKENIZER, revision=commit, local_dir=folder),
            what=f"the tokenizer of {repo!r}",
        )
        try:
            found: object = json.loads(Path(path).read_bytes())
        except ValueError:
            return None
    return _text(_table(found).get("tokenizer_class"))


def _id(repo: str) -> str:
    tools = stack.utils()
    try:
        tools.validate_repo_id(repo)
    except tools.HFValidationError as error:
        raise InvalidRequestError(
            f"{NAME}: {repo!r:.100} is no id of the Hub ({error}); a model here is one of the "
            "Hub, such as 'HuggingFaceTB/SmolLM2-135M-Instruct'",
            provider=NAME,
            param="model",
        ) from None
    return repo


def _let_in(hub: Hub, repo: str) -> None:
    # The description of a gated model is public, its files are not.
    try:
        hub.ask("read", lambda api: api.auth_check(repo), what=f"the model {repo!r}")
    except PermissionDeniedError as error:
        raise PermissionDeniedError(
            f"{NAME}: the model {repo!r} is gated: accept its terms at {hub.place}/{repo} with the "
            "account of this token, or choose another one; nothing was started",
            provider=NAME,
            code="GatedRepo",
            status_code=error.status_code,
        ) from None


def _merged(hub: Hub, repo: str, revision: str) -> BaseModel:
    """The whole weights of what is an adapter."""
    found = None if revision else hub.find(lambda api: _branch(api, repo), what=repo)
    if not found:
        raise UnsupportedError(
            f"{NAME}: {repo!r} is an adapter, and there is no branch `{MERGED}` with whole "
            "weights to train on; train its base model, or make it with "
            "`options=[AutoTrainOptions(merge_adapter=True)]`"
        )
    return look(hub, f"{repo}@{MERGED}")


def _branch(api: Any, repo: str) -> bool:
    return any(one.name == MERGED for one in api.list_repo_refs(repo).branches)


def _check_weights(model: str, names: list[str]) -> None:
    if "config.json" not in names:
        raise NotFoundError(
            f"{NAME}: {model!r} on the Hub has no config.json: it is no model of transformers",
            provider=NAME,
        )


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
