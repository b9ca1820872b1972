"""The Hugging Face Hub and its cache on this machine: is a model there, and may we have it?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from finetune_sdk.errors import (
    AuthenticationError,
    ConnectionFailedError,
    FineTuneError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)
from finetune_sdk.providers.local.settings import NAME

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.hf_api import HfApi, ModelInfo

_TIMEOUT = 5.0
"""Seconds that a look at the Hub may take: it stands before every job."""

_TRUE = frozenset({"1", "ON", "YES", "TRUE"})
# Configuration, tokenizer and licence, then weights: never a pickle, never code.
_CARD = ("*.json", "*.txt", "*.model", "*.jinja", "README.md", "LICENSE*")
_WANTED = ("*.safetensors", *_CARD)
# Copies in other formats, which some repositories keep beside the weights.
_UNWANTED = ("*/*", "consolidated*")


def absence(model: str, environ: Mapping[str, str]) -> str | None:
    """None when the Hub has the model and lets us have it, else why the Hub cannot be reached.

    Raises:
        NotFoundError: the Hub has no such model, or does not show it to us.
        PermissionDeniedError: the model is gated and access was not granted.
        AuthenticationError: the Hub does not know the token.
        UnsupportedError: the model has no safetensors, or needs its own code.
    """
    if environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE:
        return "HF_HUB_OFFLINE is set"
    from huggingface_hub.errors import HfHubHTTPError

    try:
        info = _ask(model, environ)
    except HfHubHTTPError as error:
        return _refused(model, error)
    except Exception as error:  # noqa: BLE001 - which package carries HTTP for the Hub has changed
        return type(error).__name__
    _check_content(model, info)
    return None


def cached(model: str, environ: Mapping[str, str]) -> Path | None:
    """The model's folder in the Hub's cache, if all of it is there; the network is not asked."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(model, "config.json", cache_dir=cache(environ))
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if not missing(folder) else None


def download(model: str, environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Fetches what is not in the Hub's cache yet; gives the folder there.

    Raises:
        ConnectionFailedError: the download failed.
        NotFoundError: the repository lacks a part of a model.
    """
    say(f"fetching {model} from the Hub")
    folder = _snapshot(model, environ, _WANTED)
    _refuse_parts(model, missing(folder))
    return folder


def download_card(model: str, environ: Mapping[str, str]) -> Path:
    """Fetches all but the weights into the Hub's cache; gives the folder there.

    Raises:
        ConnectionFailedError: the download failed.
        NotFoundError: the repository lacks a configuration or a tokenizer.
    """
    folder = _snapshot(model, environ, _CARD)
    _refuse_parts(model, [name for name in missing(folder) if not name.endswith(".safetensors")])
    return folder


def _snapshot(model: str, environ: Mapping[str, str], patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]

    try:
        folder = snapshot_download(
            model,
            cache_dir=cache(environ),
            endpoint=environ.get("HF_ENDPOINT"),
            token=environ.get("HF_TOKEN"),
            allow_patterns=list(patterns),
            ignore_patterns=list(_UNWANTED),
        )
    except Exception as error:
        raise ConnectionFailedError(
            f"fetching {model!r} from the Hub failed ({type(error).__name__}: {error}); try again, "
            "what was fetched is kept",
            provider=NAME,
            code="download_failed",
        ) from error
    return Path(folder)


def _refuse_parts(model: str, lacking: Sequence[str]) -> None:
    if lacking:
        raise NotFoundError(
            f"the model {model!r} of the Hub is not whole: {', '.join(lacking)} is missing; choose "
            "another one, or name a folder of yours",
            provider=NAME,
        )


def missing(folder: Path) -> list[str]:
    """What a model's folder lacks to be whole: weights as safetensors, configuration, tokenizer."""
    lacking = [] if (folder / "config.json").is_file() else ["config.json"]
    if (folder / "model.safetensors.index.json").is_file():
        shards = _shards(folder / "model.safetensors.index.json")
        lacking += [name for name in shards if not (folder / name).is_file()]
    elif not any(folder.glob("*.safetensors")):
        lacking.append("*.safetensors")
    names = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
    if not any((folder / name).is_file() for name in names):
        lacking.append("tokenizer.json")
    return lacking


def _shards(index: Path) -> list[str]:
    try:
        content: object = json.loads(index.read_bytes())
    except ValueError:
        return [f"a readable {index.name}"]
    files = _object(_object(content).get("weight_map")).values()
    return sorted({str(name) for name in files})


def _object(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def cache(environ: Mapping[str, str]) -> Path:
    """The folder of the Hub's cache."""
    # The order that huggingface_hub documents; it reads its own environment only at import.
    if named := environ.get("HF_HUB_CACHE"):
        return Path(named).expanduser()
    if home := environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    root = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "huggingface" / "hub"


def _ask(model: str, environ: Mapping[str, str]) -> ModelInfo:
    from huggingface_hub import HfApi

    api: HfApi = HfApi(endpoint=environ.get("HF_ENDPOINT"), token=environ.get("HF_TOKEN"))
    info = api.model_info(model, timeout=_TIMEOUT)
    if info.gated:
        # The description of a gated model is public, its files are not.
        api.auth_check(model)
    return info


def _refused(model: str, error: HfHubHTTPError) -> str:
    """Raises what the Hub means, or gives the words for a Hub that is out of order."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        raise _gated(model, status) from error
    if isinstance(error, RepositoryNotFoundError) or status == 404:
        raise NotFoundError(
            f"the Hub has no model {model!r} that you may see; check the spelling, name a folder "
            "of yours, or set HF_TOKEN if the model is private",
            provider=NAME,
            status_code=status,
        ) from error
    if status == 401:
        raise AuthenticationError(
            "the Hub does not know the token in HF_TOKEN (or of `hf auth login`); make a new one "
            "at https://huggingface.co/settings/tokens",
            provider=NAME,
            status_code=status,
        ) from error
    if status == 403:
        raise _gated(model, status) from error
    return f"it answers {status}"


def _gated(model: str, status: int) -> FineTuneError:
    return PermissionDeniedError(
        f"the model {model!r} is gated: accept its terms at https://huggingface.co/{model} and set "
        "HF_TOKEN to a token of that account",
        provider=NAME,
        status_code=status,
    )


def _check_content(model: str, info: ModelInfo) -> None:
    names = [file.rfilename for file in info.siblings or []]
    config = cast("object", info.config)  # pyright: ignore[reportUnknownMemberType]
    if _object(config).get("auto_map"):
        raise own_code(model)
    if "config.json" not in names and "adapter_config.json" in names:
        raise UnsupportedError(
            f"{model!r} on the Hub is an adapter, not a model; download it and name its folder as "
            "`model`, or name the base model that it was made for"
        )
    if not any(name.endswith(".safetensors") for name in names):
        raise no_safetensors(f"the model {model!r} on the Hub")


def no_safetensors(what: str) -> UnsupportedError:
    """The error of weights that are pickles or in another format."""
    return UnsupportedError(
        f"{what} has no weights as safetensors; pickled weights (*.bin, *.pt) can run code when "
        "they are loaded and are never read here; choose a model that has *.safetensors, or "
        "convert it with a program that you trust"
    )


def own_code(what: str) -> UnsupportedError:
    """The error of a model that wants to run code of its own."""
    return UnsupportedError(
        f"{what!r} brings code of its own (`auto_map` in its config.json), and `trust_remote_code` "
        "is off here and cannot be switched on; choose a model that transformers knows by itself"
    )
