"""`client.models`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import CanDownloadModels, CanListModels
from finetune_sdk.resources import downloads, serving, steps
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import pages
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.request import base_model
from finetune_sdk.types import Checkpoint, Job, Model


class Models:
    """What can be tuned at this provider, and what was."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def list(self, *, limit: int | None = None) -> Iterator[Model]:
        """The models; pages are fetched as it goes.

        Raises:
            UnsupportedError: the provider lists none.
        """
        lister = self._lister("models.list")
        found = pages(
            self._context, lambda n, at: lister.list_models(limit=n, cursor=at), limit=limit
        )
        return steps.iterate(found, self._context.clock)

    def get(self, model: Model | str, /) -> Model:
        """The model as it stands.

        Raises:
            ConfigurationError: it is neither a model nor an id.
            NotFoundError: there is none of that id.
        """
        lister, model_id = self._lister("models.get"), _id(model)
        return self._context.call(lambda: lister.get_model(model_id))

    def delete(self, model: Model | str, /) -> None:
        """Deletes a fine-tuned model.

        Raises:
            ConfigurationError: it is neither a model nor an id.
            ConflictError: it is in use.
            NotFoundError: there is none of that id.
            UnsupportedError: it is a base model.
        """
        lister, model_id = self._lister("models.delete"), _id(model)
        self._context.call(lambda: lister.delete_model(model_id))

    def download(
        self, model: Model | Job | Checkpoint | str, folder: str | os.PathLike[str], /
    ) -> Path:
        """Copies a fine-tuned model's files to a folder of yours, whole or not at all.

        Args:
            model: a model, a finished job (or its handle), a checkpoint, or a model's id.
            folder: it does not exist yet, or is empty.

        Returns:
            The folder.

        Raises:
            ConfigurationError: something is in the folder, or it cannot be written.
            NotFoundError: there is no such model.
            UnsupportedError: the provider gives its models' files to nobody.
        """
        context = self._context
        source = context.need(CanDownloadModels, "models.download")
        model_id = (
            model.id
            if isinstance(model, Model)
            else base_model(context, serving.job_of(context, model))
        )
        return downloads.fill(
            folder, lambda part: context.call(lambda: source.download_model(model_id, part))
        )

    def _lister(self, verb: str) -> CanListModels:
        return self._context.need(CanListModels, verb)


def _id(model: Model | str) -> str:
    if isinstance(model, Model):
        return model.id
    if not is_a(model, str):
        raise ConfigurationError(f"`model` is {model!r:.80}; it takes a model, or a model's id")
    return model
