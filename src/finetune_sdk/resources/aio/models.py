"""`Models`, asynchronous."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from finetune_sdk.providers.base import (
    CanListModels,
)
from finetune_sdk.resources.aio.base import Asynchronous
from finetune_sdk.resources.models import Models
from finetune_sdk.types import (
    Checkpoint,
    Job,
    Model,
)


class AsyncModels(Asynchronous):
    """`Models`, asynchronous."""

    def list(self, *, limit: int | None = None) -> AsyncIterator[Model]:
        """See `Models.list`."""
        lister = self._context.need(CanListModels, "models.list")
        return self._pages(lambda n, at: lister.list_models(limit=n, cursor=at), limit)

    async def get(self, model: Model | str, /) -> Model:
        """See `Models.get`."""
        return await self._do(lambda: Models(self._context).get(model))

    async def delete(self, model: Model | str, /) -> None:
        """See `Models.delete`."""
        await self._do(lambda: Models(self._context).delete(model))

    async def download(
        self, model: Model | Job | Checkpoint | str, folder: str | os.PathLike[str], /
    ) -> Path:
        """See `Models.download`."""
        return await self._do(lambda: Models(self._context).download(model, folder))
