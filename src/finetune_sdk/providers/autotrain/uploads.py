"""Rows as private datasets of the Hub, one repository for each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from finetune_sdk.datasets import Dataset
from finetune_sdk.errors import (
    DatasetError,
    DatasetFileError,
    InvalidRequestError,
    UnsupportedError,
)
from finetune_sdk.providers.autotrain import fetching
from finetune_sdk.providers.autotrain.choosing.rows import PREFIX, ROWS, made_here, parts
from finetune_sdk.providers.autotrain.hub import Hub, repos, stack
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport.deadlines import upload_seconds
from finetune_sdk.types import DatasetFile


def send(hub: Hub, dataset: Dataset, *, key: str) -> DatasetFile:
    """Uploads the rows to a private dataset whose name derives from the key.

    Raises:
        DatasetFileError: the Hub refuses it.
        ProviderError: it did not arrive; the same call again goes on with it.
    """
    repo = f"{hub.namespace}/{PREFIX}{sha256(key.encode()).hexdigest()[:16]}"
    with _file(dataset) as path:
        size = path.stat().st_size
        seconds = upload_seconds(size)

        def put(api: Any) -> str:
            api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
            made = api.upload_file(
                path_or_fileobj=path,
                path_in_repo=ROWS,
                repo_id=repo,
                repo_type="dataset",
                commit_message=f"Rows of {dataset.name}",
            )
            return str(made.oid)

        try:
            hub.ask("upload", put, what=f"the dataset {repo!r}", seconds=seconds)
        except InvalidRequestError as error:
            words = f"the rows of {dataset.place!r} were refused; {error}"
            raise DatasetFileError(words, code=error.code) from None
    return DatasetFile(id=repo, name=dataset.name, bytes=size)


def bytes_of(dataset: Dataset) -> int:
    """How large the rows are as they are sent: each is written anew."""
    return sum(len(line) + 1 for line in dataset.lines())


def listed(hub: Hub) -> Iterator[DatasetFile]:
    """Our datasets, newest first."""
    namespace = hub.namespace
    found: list[Any] = hub.ask(
        "read",
        lambda api: list(api.list_datasets(author=namespace, sort="created_at")),
        what=f"the datasets of {namespace!r}",
    )
    for one in found:
        if _is_ours(hub, str(one.id)):
            yield DatasetFile(id=str(one.id), created_at=one.created_at)


def get(hub: Hub, file_id: str) -> DatasetFile:
    """Raises:
    NotFoundError: the Hub has none of that id, or does not show it to this token.
    """
    repo, words = parts(file_id)
    info: Any = hub.ask(
        "read",
        lambda api: api.dataset_info(repo, revision=words.get("revision"), files_metadata=True),
        what=f"the dataset {repo!r}",
    )
    sizes = repos.sizes(info)
    return DatasetFile(id=file_id, bytes=sizes.get(ROWS), created_at=info.created_at)


def delete(hub: Hub, file_id: str) -> None:
    """Deletes one of ours.

    Raises:
        NotFoundError: there is none of that id.
        UnsupportedError: it was not made here.
    """
    if not _is_ours(hub, file_id):
        get(hub, file_id)
        raise UnsupportedError(
            f"{NAME}: the dataset {file_id!r} was not made here, and is not ours to delete; "
            "delete it on the Hub itself"
        )
    hub.ask(
        "delete",
        lambda api: api.delete_repo(file_id, repo_type="dataset"),
        what=f"the dataset {file_id!r}",
    )


def download(hub: Hub, file_id: str, path: Path) -> None:
    """Writes rows to `path`: one of ours, or those of a dataset that was there before.

    Raises:
        NotFoundError: it is gone, or the Hub does not show it to this token.
        UnsupportedError: it is a dataset of the Hub in a form that is not read here.
    """
    if not made_here(file_id):
        fetching.fetch(hub, file_id, path)
        return
    repo, _ = parts(file_id)
    with tempfile.TemporaryDirectory() as folder:
        found = hub.ask(
            "read",
            lambda api: api.hf_hub_download(
                repo, ROWS, repo_type="dataset", local_dir=folder, tqdm_class=stack.silent()
            ),
            what=f"the dataset {repo!r}",
            seconds=3600.0,
            largest=None,
        )
        shutil.copyfile(found, path)


def _is_ours(hub: Hub, repo: str) -> bool:
    return repo.startswith(f"{hub.namespace}/{PREFIX}")


@contextmanager
def _file(dataset: Dataset) -> Generator[Path]:
    """The rows as a file of JSON lines: each is written anew, so that none has another form."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, ROWS)
        try:
            with path.open("wb") as file:
                for line in dataset.lines():
                    file.write(line + b"\n")
        except OSError as error:
            raise DatasetError(
                f"the rows of {dataset.place!r} cannot be written to {folder!r}: {error.strerror}"
            ) from error
        yield path
