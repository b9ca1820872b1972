"""What the Hub knows of a base model."""

from __future__ import annotations

import json
import re
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
from finetune_sdk.providers.autotrain.choosing import merged
from finetune_sdk.providers.autotrain.hub import Hub, repos, stack
from finetune_sdk.providers.autotrain.settings import NAME

_TOKENIZER = "tokenizer_config.json"

MERGED = merged.BRANCH
"""The branch on which a job leaves whole weights beside its adapter."""

_WEIGHTS = re.compile(r"(?!adapter|consolidated)[^/]+\.safetensors|pytorch_model[^/]*\.bin")
"""What `from_pretrained` of transformers loads; a `consolidated` file is Mistral's own."""

_OTHER = re.compile(
    r"\w+For(?:MaskedLM|PreTraining|SequenceClassification|TokenClassification|QuestionAnswering"
    r"|MultipleChoice|NextSentencePrediction|CTC|(?:Image|Audio|Video)Classification"
    r"|ObjectDetection|\w+Segmentation|DepthEstimation|SpeechSeq2Seq)"
    # Encoders with decoders, of which the classes for causal language models know none.
    r"|(?:U?MT5|LongT5|T5|SwitchTransformers)ForConditionalGeneration"
)
_GGUF = ": GGUF is for inference, and its card names the model that it was made of"


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
        UnsupportedError: it has no weights that can be trained, or is no model that writes.
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
    if "adapter_config.json" in names and not any(map(_WEIGHTS.fullmatch, names)):
        return _merged(hub, repo, revision)
    _check_weights(model, names)
    config = _table(info.config)
    _check_kind(model, config)
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
    if revision or merged.find(hub, repo) is None:
        raise UnsupportedError(
            f"{NAME}: {repo!r} is an adapter, and there is no branch `{MERGED}` with whole "
            "weights to train on; train its base model, or make it with "
            "`options=[AutoTrainOptions(merge_adapter=True)]`"
        )
    return look(hub, f"{repo}@{MERGED}")


def _check_weights(model: str, names: list[str]) -> None:
    if "config.json" not in names:
        raise NotFoundError(
            f"{NAME}: {model!r} on the Hub has no config.json: it is no model of transformers",
            provider=NAME,
        )
    if not any(map(_WEIGHTS.fullmatch, names)):
        gguf = any(name.endswith(".gguf") for name in names)
        raise UnsupportedError(
            f"{NAME}: {model!r} has no weights that can be trained, which are `*.safetensors` or "
            f"`pytorch_model*.bin` beside its config.json{_GGUF if gguf else ''}; nothing was "
            "started"
        )


def _check_kind(model: str, config: Mapping[str, object]) -> None:
    said = config.get("architectures")
    kinds = (
        [str(one)[-200:] for one in cast("list[object]", said)] if isinstance(said, list) else []
    )
    # What nobody knows here may well be a language model.
    if kinds and all(map(_OTHER.fullmatch, kinds)):
        raise UnsupportedError(
            f"{NAME}: {model!r} is a {kinds[0]:.80}, which is no language model that writes on "
            "(`...ForCausalLM`): it would have to learn to write from nothing, or cannot be "
            "loaded; choose another model. Nothing was started"
        )


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
