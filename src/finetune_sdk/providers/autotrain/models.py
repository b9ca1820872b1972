"""Models on the Hub: what was tuned here, and what can be."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetune_sdk.errors import NotFoundError, UnsupportedError
from finetune_sdk.providers.autotrain.hub import Hub, repos, stack
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.types import Model

_DOWNLOAD_SECONDS = 6 * 3600.0


def listed(hub: Hub) -> Iterator[Model]:
    """The models of the namespace, newest first; the Hub's base models are too many to list."""
    namespace = hub.namespace
    found: list[Any] = hub.ask(
        "read",
        lambda api: list(api.list_models(author=namespace, sort="created_at", full=True)),
        what=f"the models of {namespace!r}",
    )
    return (_model(one, namespace) for one in found)


def get(hub: Hub, model: str) -> Model:
    """Raises:
    NotFoundError: the Hub has none of that name, or does not show it to this token.
    """
    repo, _, revision = model.partition("@")
    info: Any = hub.ask(
        "read",
        lambda api: api.model_info(repo, revision=revision or None, files_metadata=True),
        what=f"the model {model!r}",
    )
    size = sum(repos.sizes(info).values())
    found = _model(info, hub.namespace)
    return found.model_copy(update={"id": model, "bytes": size or None})


def delete(hub: Hub, model: str) -> None:
    """Deletes a model of the namespace, with all of its commits.

    Raises:
        NotFoundError: there is none.
        UnsupportedError: it is of somebody else.
    """
    get(hub, model)
    if "@" in model or model.partition("/")[0] != hub.namespace:
        raise UnsupportedError(
            f"{NAME}: {model!r} is no model of {hub.namespace!r}, and not ours to delete"
        )
    hub.ask("delete", lambda api: api.delete_repo(model), what=f"the model {model!r}")


def download(hub: Hub, model: str, folder: Path) -> None:
    """Fills the folder with the files of a model.

    Raises:
        NotFoundError: there is none.
        ResponseDecodeError: a file's name leads out of the folder; nothing is written.
    """
    repo, _, revision = model.partition("@")

    def fetch(api: Any) -> None:
        info = api.model_info(repo, revision=revision or None)
        names = repos.names(info)
        repos.check_names(repo, names)
        _check_there(repo, names)
        api.snapshot_download(repo, revision=info.sha, local_dir=folder, tqdm_class=stack.silent())
        # What the package has noted for its next download there.
        shutil.rmtree(folder / ".cache", ignore_errors=True)

    hub.ask("read", fetch, what=f"the model {model!r}", seconds=_DOWNLOAD_SECONDS, largest=None)


def _check_there(repo: str, names: list[str]) -> None:
    if not names:
        raise NotFoundError(f"{NAME}: the repository {repo!r} is empty", provider=NAME)


def _model(info: Any, namespace: str) -> Model:
    card = repos.card(info)
    base, licence = card.get("base_model"), card.get("license")
    ours = str(info.id).partition("/")[0] == namespace
    return Model(
        id=str(info.id),
        provider=NAME,
        kind="fine_tuned" if ours else "base",
        base_model=base if isinstance(base, str) else None,
        created_at=info.created_at,
        parameters=repos.whole(getattr(info.safetensors, "total", None)),
        licence=f"{licence:.100}" if isinstance(licence, str) else None,
        source="the Hugging Face Hub",
    )
