"""`client.datasets`."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from finetune_sdk import datasets
from finetune_sdk.datasets import FORMATS, Conversion, Dataset
from finetune_sdk.datasets.dataset import Source
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import CanManageDatasets
from finetune_sdk.resources import counting, steps, tokenizing
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.drafting import check_allowed
from finetune_sdk.resources.paging import pages
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.rules import method_name, method_object, row_rules
from finetune_sdk.types import (
    DatasetFile,
    DatasetReport,
    Method,
    MethodName,
    RowFormat,
    TokenPiece,
    TokenReport,
)


class Datasets:
    """Rows to learn from: read, checked, converted, split; and those that a provider holds."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def load(
        self,
        source: Source,
        /,
        *,
        name: str | None = None,
        format: RowFormat | None = None,  # noqa: A002 - the word of the field
    ) -> Dataset:
        """A dataset of a file, of rows or of a table. Files are read as they are needed.

        Args:
            source: a path (JSONL, JSON, CSV, TSV or Parquet; the first four also packed by gzip
                or zstd), rows, a table of pandas, polars or pyarrow, or a Hugging Face dataset.
            name: how findings name it; the path by default.
            format: what the rows look like; found out where it is not said.

        Raises:
            DatasetError: there is no such file, or it cannot be read.
            MissingDependencyError: a package that reads it is not installed.
        """
        return datasets.load(source, name=name, format=format)

    def check(
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
        """Every fault of every row, as this client's provider would meet them.

        Args:
            dataset: what to check.
            method: what the rows are for, or its name, such as `"dpo"`; supervised by default.
            limit: at most so many findings are listed; all are counted.
            validation: the rows are measured on, not learned from.
            against: the training data of which no row should stand in `dataset`.
            near_duplicates: look for rows that are nearly the same; None does for up to 16 MiB.
            allow: codes of findings that you have decided to live with.

        Raises:
            ConfigurationError: there is no such method, or a code that may not be allowed.
            DatasetError: there is no such file, or it cannot be read.
        """
        check_allowed(allow)
        name = method_name(method)
        provider = self._context.provider
        support = provider.capabilities.methods.get(name)
        rules = row_rules(name, support, provider=provider.name, allow=allow)
        if validation or against is not None:
            rules = replace(rules, validation=True, min_rows=1)
        return datasets.check(
            datasets.load(dataset),
            rules=rules,
            limit=limit,
            near_duplicates=near_duplicates,
            against=None if against is None else datasets.load(against),
        )

    def count(
        self, dataset: Source, /, *, model: str, method: Method | MethodName | str | None = None
    ) -> TokenReport:
        """The tokens of the rows, as the model counts them. Exact, or it says why it is not.

        Models of OpenAI are counted here; those of the local provider by their own tokenizer and
        chat template, in a process of its own, which takes some seconds.

        Args:
            dataset: what to count.
            model: a name of `[models]`, or the provider's own name of a model.
            method: what the rows are for; supervised by default.

        Raises:
            UnsupportedError: neither this provider nor we know how the model counts.
            DatasetError: there is no such file, or it cannot be read.
        """
        loaded = datasets.load(dataset)
        return counting.count(self._context, loaded, model, method_object(method))

    def tokens(
        self, dataset: Source, /, *, model: str, method: Method | MethodName | str | None = None
    ) -> list[tuple[TokenPiece, ...]]:
        """Rows as a job would learn them: token by token, and which of them carry loss.

        The profile's hyperparameters and options hold, `train_on` and a chat template among them.
        It takes some seconds. Give a few rows: the tokens of all are held in memory.

        Args:
            dataset: the rows.
            model: a name of `[models]`, or the provider's own name of a model.
            method: what the rows are for; supervised by default.

        Returns:
            The tokens of each row, in order. Their texts together are what the model reads.

        Raises:
            UnsupportedError: this provider does not show them, or not for the method.
            DatasetValidationError: rows are wrong.
            DatasetError: there is no such file, or it cannot be read.
        """
        loaded = datasets.load(dataset)
        return tokenizing.tokens(self._context, loaded, model, method_object(method))

    def convert(
        self,
        dataset: Source,
        /,
        *,
        to: RowFormat | None = None,
        method: Method | MethodName | str | None = None,
        allow_loss: Collection[str] = (),
    ) -> Conversion:
        """The rows in another format, with a report of what was renamed and lost.

        Args:
            dataset: what to convert.
            to: the format; by default the one that this client's provider reads best.
            method: what the rows are for, where `to` is not said; supervised by default.
            allow_loss: names of what may be lost, as the error names them; or `["all"]`.

        Raises:
            DatasetError: something would be lost, or a file cannot be read.
            ConfigurationError: rows of this format cannot be turned into the other.
        """
        name = method_name(method)
        support = self._context.provider.capabilities.methods.get(name)
        best = (*support.rows, FORMATS[name])[0] if support else FORMATS[name]
        content = support.content if support and to is None else datasets.EVERYTHING
        return datasets.convert(
            datasets.load(dataset), to=to or best, content=content, allow_loss=allow_loss
        )

    def split(
        self,
        dataset: Source,
        /,
        *,
        parts: Sequence[float] = (0.9, 0.1),
        seed: int = 0,
        stratify: str | None = None,
    ) -> tuple[Dataset, ...]:
        """The rows in so many parts, drawn by the seed; no row is nearly one of another part.

        Args:
            dataset: what to split.
            parts: shares that sum to 1.
            seed: the same seed gives the same parts on every machine.
            stratify: JSON pointer to a value, such as `/label`, of which each part gets its share.

        Raises:
            ConfigurationError: the shares do not sum to 1, or there are too many values.
            DatasetError: it cannot be read, or is too small for so many parts.
        """
        return datasets.split(datasets.load(dataset), parts=parts, seed=seed, stratify=stratify)

    def upload(self, dataset: Source, /) -> DatasetFile:
        """Brings the rows to the provider, for `training_data` of several jobs. Nothing is paid.

        They are not checked: `check` does that, and `jobs.create` where it is given rows.

        Raises:
            DatasetError: there is no such file, or it cannot be read.
            DatasetFileError: the provider refused it.
            ProviderError: it did not arrive.
        """
        rows, context = datasets.load(dataset), self._context
        return context.call(
            lambda: context.provider.upload_dataset(rows, key=f"upload-{uuid.uuid4().hex}")
        )

    def list(self, *, limit: int | None = None) -> Iterator[DatasetFile]:
        """The dataset files that the provider holds, newest first; pages are fetched as it goes.

        Raises:
            UnsupportedError: the provider lists none.
        """
        keeper = self._keeper("datasets.list")
        found = pages(
            self._context, lambda n, at: keeper.list_dataset_files(limit=n, cursor=at), limit=limit
        )
        return steps.iterate(found, self._context.clock)

    def get(self, file: DatasetFile | str, /) -> DatasetFile:
        """The dataset file as it stands.

        Raises:
            NotFoundError: the provider has none of that id.
            UnsupportedError: the provider lists none.
        """
        keeper, file_id = self._keeper("datasets.get"), _id(file)
        return self._context.call(lambda: keeper.get_dataset_file(file_id))

    def delete(self, file: DatasetFile | str, /) -> None:
        """Deletes a dataset file at the provider. Jobs that have learned from it go on.

        Raises:
            NotFoundError: the provider has none of that id.
            UnsupportedError: the provider lists none.
        """
        keeper, file_id = self._keeper("datasets.delete"), _id(file)
        self._context.call(lambda: keeper.delete_dataset_file(file_id))

    def _keeper(self, verb: str) -> CanManageDatasets:
        return self._context.need(CanManageDatasets, verb)


def _id(file: DatasetFile | str) -> str:
    if isinstance(file, DatasetFile):
        return file.id
    if not is_a(file, str) or not file:
        raise ConfigurationError(f"`file` is {file!r:.80}; it takes a dataset file, or its id")
    return file
