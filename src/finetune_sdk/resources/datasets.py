"""`client.datasets`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from finetune_sdk import datasets
from finetune_sdk.datasets import Dataset
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.rules import method_name, row_rules
from finetune_sdk.types import DatasetReport, Method, MethodName

Source = str | os.PathLike[str] | Dataset | Iterable[Mapping[str, object]]


class Datasets:
    """Rows to learn from: reading, checking, splitting. Nothing here is sent anywhere."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def load(self, source: Source, /, *, name: str | None = None) -> Dataset:
        """A dataset of a JSONL file or of rows. A file is read as it is needed, in flat memory.

        Args:
            source: a path, or rows.
            name: how findings name it; the path by default.

        Raises:
            DatasetError: there is no such file, or it cannot be read.
        """
        return datasets.load(source, name=name)

    def check(
        self,
        dataset: Source,
        /,
        *,
        method: Method | MethodName | str | None = None,
        limit: int = 1000,
    ) -> DatasetReport:
        """Every fault of every row, as this client's provider would meet them.

        Args:
            dataset: what to check.
            method: what the rows are for, or its name, such as `"dpo"`; supervised by default.
            limit: at most so many findings are listed; all are counted.

        Raises:
            ConfigurationError: there is no such method.
            DatasetError: there is no such file, or it cannot be read.
        """
        name = method_name(method)
        rules = row_rules(name, self._context.provider.capabilities.methods.get(name))
        return datasets.check(datasets.load(dataset), rules=rules, limit=limit)

    def split(
        self, dataset: Source, /, *, parts: Sequence[float] = (0.9, 0.1), seed: int = 0
    ) -> tuple[Dataset, ...]:
        """The rows in so many parts, drawn by the seed; equal rows are never on two sides.

        Args:
            dataset: what to split.
            parts: shares that sum to 1.
            seed: the same seed gives the same parts on every machine.

        Raises:
            ConfigurationError: the shares do not sum to 1.
            DatasetError: it cannot be read, or is too small for so many parts.
        """
        return datasets.split(datasets.load(dataset), parts=parts, seed=seed)
