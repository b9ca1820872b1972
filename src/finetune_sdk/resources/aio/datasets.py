"""`Datasets`, asynchronous."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

from finetune_sdk.datasets import Conversion, Dataset
from finetune_sdk.datasets.dataset import Source
from finetune_sdk.providers.base import CanManageDatasets
from finetune_sdk.resources.aio.base import Asynchronous
from finetune_sdk.resources.datasets import Datasets
from finetune_sdk.types import (
    DatasetFile,
    DatasetReport,
    Method,
    MethodName,
    RowFormat,
    TokenPiece,
    TokenReport,
)


class AsyncDatasets(Asynchronous):
    """`Datasets`, asynchronous."""

    async def load(
        self,
        source: Source,
        /,
        *,
        name: str | None = None,
        format: RowFormat | None = None,  # noqa: A002 - the word of the field
    ) -> Dataset:
        """See `Datasets.load`."""
        return await self._do(
            lambda: Datasets(self._context).load(source, name=name, format=format)
        )

    async def check(
        self,
        dataset: Source,
        /,
        *,
        method: Method | MethodName | str | None = None,
        limit: int = 1000,
        validation: bool = False,
        against: Source | None = None,
        near_duplicates: bool | None = None,
        allow: Collection[str] = (),
    ) -> DatasetReport:
        """See `Datasets.check`."""
        return await self._do(
            lambda: Datasets(self._context).check(
                dataset,
                method=method,
                limit=limit,
                validation=validation,
                against=against,
                near_duplicates=near_duplicates,
                allow=allow,
            )
        )

    async def count(
        self, dataset: Source, /, *, model: str, method: Method | MethodName | str | None = None
    ) -> TokenReport:
        """See `Datasets.count`."""
        return await self._do(
            lambda: Datasets(self._context).count(dataset, model=model, method=method)
        )

    async def tokens(
        self, dataset: Source, /, *, model: str, method: Method | MethodName | str | None = None
    ) -> list[tuple[TokenPiece, ...]]:
        """See `Datasets.tokens`."""
        return await self._do(
            lambda: Datasets(self._context).tokens(dataset, model=model, method=method)
        )

    async def convert(
        self,
        dataset: Source,
        /,
        *,
        to: RowFormat | None = None,
        method: Method | MethodName | str | None = None,
        allow_loss: Collection[str] = (),
    ) -> Conversion:
        """See `Datasets.convert`."""
        return await self._do(
            lambda: Datasets(self._context).convert(
                dataset, to=to, method=method, allow_loss=allow_loss
            )
        )

    async def split(
        self,
        dataset: Source,
        /,
        *,
        parts: Sequence[float] = (0.9, 0.1),
        seed: int = 0,
        stratify: str | None = None,
    ) -> tuple[Dataset, ...]:
        """See `Datasets.split`."""
        return await self._do(
            lambda: Datasets(self._context).split(
                dataset, parts=parts, seed=seed, stratify=stratify
            )
        )

    async def upload(self, dataset: Source, /) -> DatasetFile:
        """See `Datasets.upload`."""
        return await self._do(lambda: Datasets(self._context).upload(dataset))

    def list(self, *, limit: int | None = None) -> AsyncIterator[DatasetFile]:
        """See `Datasets.list`."""
        keeper = self._context.need(CanManageDatasets, "datasets.list")
        return self._pages(lambda n, at: keeper.list_dataset_files(limit=n, cursor=at), limit)

    async def get(self, file: DatasetFile | str, /) -> DatasetFile:
        """See `Datasets.get`."""
        return await self._do(lambda: Datasets(self._context).get(file))

    async def delete(self, file: DatasetFile | str, /) -> None:
        """See `Datasets.delete`."""
        await self._do(lambda: Datasets(self._context).delete(file))
