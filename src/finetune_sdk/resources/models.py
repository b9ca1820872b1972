"""`client.models`."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_sdk.providers.base import CanListModels
from finetune_sdk.resources import steps
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import pages
from finetune_sdk.types import Model


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
            NotFoundError: there is none of that id.
        """
        lister = self._lister("models.get")
        return self._context.call(lambda: lister.get_model(_id(model)))

    def delete(self, model: Model | str, /) -> None:
        """Deletes a fine-tuned model.

        Raises:
            ConflictError: it is in use.
            NotFoundError: there is none of that id.
            UnsupportedError: it is a base model.
        """
        lister = self._lister("models.delete")
        self._context.call(lambda: lister.delete_model(_id(model)))

    def _lister(self, verb: str) -> CanListModels:
        return self._context.need(CanListModels, verb)


def _id(model: Model | str) -> str:
    return model.id if isinstance(model, Model) else model
