"""A job that everything is known of and nothing was sent for: guarded, checked, converted."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from finetune_sdk import datasets
from finetune_sdk.datasets import FORMATS, Counting, Dataset, RowRules
from finetune_sdk.datasets.codes import CODES
from finetune_sdk.errors import ConfigurationError, DatasetValidationError
from finetune_sdk.providers import base
from finetune_sdk.providers.base import CanEstimate
from finetune_sdk.resources.context import Context, unsupported
from finetune_sdk.resources.defaults import with_defaults
from finetune_sdk.resources.guard import Guarded, guard
from finetune_sdk.resources.local_rows import Stamp, stamped
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.request import JobRequest, Rows, base_model, method_of, spec_of
from finetune_sdk.resources.rules import counting_for, row_rules
from finetune_sdk.types import (
    NOT_SENT,
    ConversionReport,
    DatasetFile,
    DatasetReport,
    HubDataset,
    JobSpec,
    Method,
)

_SHOWN = 10
"""Findings on good rows that are told with the job."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A job before anything is sent.

    Attributes:
        spec: its files are stand-ins.
        training: the rows as the provider would get them.
        validation: as `training`.
        given: the rows to learn from as the caller gave them.
        training_report: None where the provider holds the rows.
        conversion: how the training rows were rewritten; None where they go as they are.
        warnings: what the guard let pass, and what is left behind.
        left_behind: keys of the rows that nobody reads there, in words.
        stamps: of the rows before they were checked.
    """

    spec: JobSpec
    training: Dataset | DatasetFile
    validation: Dataset | DatasetFile | None
    given: Dataset | DatasetFile
    given_validation: Dataset | DatasetFile | None
    training_report: DatasetReport | None
    validation_report: DatasetReport | None
    conversion: ConversionReport | None
    warnings: tuple[str, ...]
    left_behind: tuple[str, ...]
    stamps: Sequence[tuple[Dataset, Stamp]]

    @property
    def held(self) -> JobSpec:
        """The spec with the files that the provider holds already; for the others stand-ins."""
        validation = self.validation
        files = {
            "training_file": _held_or_not(self.training),
            "validation_file": None if validation is None else _held_or_not(validation),
        }
        return self.spec.model_copy(update=files)

    def rows(self) -> base.Rows:
        """What a provider gets to see of the rows beforehand."""
        training, validation, report = self.training, self.validation, self.training_report
        held = training.rows if isinstance(training, DatasetFile) else None
        return base.Rows(
            training=training if isinstance(training, Dataset) else None,
            validation=validation if isinstance(validation, Dataset) else None,
            count=report.rows if report else held,
            tokens=report.tokens if report else None,
        )

    def row_warnings(self) -> Iterator[str]:
        """What was found on rows that are good enough."""
        for report in (self.training_report, self.validation_report):
            if report is not None:
                yield from map(str, report.findings[:_SHOWN])


def _held_or_not(rows: Dataset | DatasetFile) -> DatasetFile:
    return rows if isinstance(rows, DatasetFile) else NOT_SENT


def draft(context: Context, request: JobRequest) -> Draft:
    """Drafts the job.

    Raises:
        UnsupportedError: the provider cannot do it.
        DatasetValidationError: rows are wrong.
        DatasetError: rows would have to be rewritten, and something in them would be lost.
        ConfigurationError: an argument is wrong.
    """
    check_allowed(request.allow)
    check_limit(request.max_cost)
    passed = _guarded(context, request)
    model = base_model(context, request.model, resolved=request.resolved)
    given = _loaded(context, request.training_data)
    wanted = None if "validation_data" in passed.dropped else request.validation_data
    given_validation = None if wanted is None else _loaded(context, wanted)
    rules = row_rules(
        passed.method.name, passed.support, provider=context.provider.name, allow=request.allow
    )
    stamps = stamped(given, given_validation)
    counting = _counting(context, model, passed, rules)
    reports = _checked(given, given_validation, rules, counting)
    training, conversion = _rewritten(given, reports[0], passed)
    validation, lost = None, list(_left_behind(given, conversion))
    if given_validation is not None:
        validation, again = _rewritten(given_validation, reports[1], passed)
        lost.extend(_left_behind(given_validation, again))
    return Draft(
        spec=spec_of(request, model, passed),
        training=training,
        validation=validation,
        given=given,
        given_validation=given_validation,
        training_report=reports[0],
        validation_report=reports[1],
        conversion=conversion,
        warnings=(*passed.warnings, *lost),
        left_behind=tuple(lost),
        stamps=stamps,
    )


def sibling(context: Context, made: Draft, request: JobRequest) -> Draft:
    """The draft of a job that learns from the same rows in another way: they are not read again.

    Raises:
        UnsupportedError: the provider cannot do it.
        ConfigurationError: an argument is wrong.
    """
    passed = _guarded(context, request)
    spec = spec_of(request, made.spec.model, passed)
    if _look_at_rows(spec.method) != _look_at_rows(made.spec.method):
        return draft(context, request)
    return replace(made, spec=spec, warnings=(*passed.warnings, *made.left_behind))


def _look_at_rows(method: Method) -> tuple[object, ...]:
    """What of a method decides which rows are good, and how their tokens are counted."""
    return method.name, method.max_length, getattr(method, "train_on", None)


def _guarded(context: Context, request: JobRequest) -> Guarded:
    method = with_defaults(context, method_of(request.method))
    return guard(context, method, request.options, request.fields(), strict=request.strict)


def check_allowed(allow: Collection[str]) -> None:
    """Only some findings may be lived with.

    Raises:
        ConfigurationError: another code is named.
    """
    waivable = sorted(name for name, code in CODES.items() if code.waivable)
    if is_a(allow, str) or not is_a(allow, Collection):
        raise ConfigurationError(f"`allow` is {allow!r:.80}; it takes a list of codes")
    for name in allow:
        if name not in waivable:
            raise ConfigurationError(
                f"`allow` has {name!r}; findings that one may decide to live with are "
                f"{', '.join(waivable)}"
            )


def check_limit(limit: object) -> None:
    """A cost limit is an amount of money.

    Raises:
        ConfigurationError: it is none.
    """
    if limit is None:
        return
    if is_a(limit, bool) or not (isinstance(limit, (int, float)) and 0 <= limit < math.inf):
        raise ConfigurationError(f"`max_cost` is {limit!r}; it is in US dollars, 0 or more")


def _loaded(context: Context, source: Rows) -> Dataset | DatasetFile:
    if isinstance(source, HubDataset):
        return _on_the_hub(context, source)
    return source if isinstance(source, DatasetFile) else datasets.load(source)


def _on_the_hub(context: Context, source: HubDataset) -> DatasetFile:
    if not context.opened.capabilities.hub_datasets:
        raise unsupported(
            context,
            f"rows that lie on the Hugging Face Hub ({source.id!r})",
            lambda other: other.capabilities.hub_datasets,
            note="download them (`hf download --repo-type dataset`) and name the file",
        )
    return source.file


def _counting(context: Context, model: str, passed: Guarded, rules: RowRules) -> Counting | None:
    provider = context.provider
    encoding = provider.encoding(model) if isinstance(provider, CanEstimate) else None
    if encoding is None:
        return None
    return counting_for(encoding, model, passed.method, passed.support, rules)


def _checked(
    training: Dataset | DatasetFile,
    validation: Dataset | DatasetFile | None,
    rules: RowRules,
    counting: Counting | None,
) -> tuple[DatasetReport | None, DatasetReport | None]:
    measured = replace(rules, validation=True, min_rows=1)
    first = second = None
    if isinstance(training, Dataset) and isinstance(validation, Dataset):
        first, second = datasets.check_both(
            training, validation, rules=rules, validation_rules=measured, counting=counting
        )
    elif isinstance(training, Dataset):
        first = datasets.check(training, rules=rules, counting=counting)
    elif isinstance(validation, Dataset):
        second = datasets.check(validation, rules=measured)
    for report in (first, second):
        if report is not None and not report.ok:
            raise DatasetValidationError(report)
    return first, second


def _rewritten(
    given: Dataset | DatasetFile, report: DatasetReport | None, passed: Guarded
) -> tuple[Dataset | DatasetFile, ConversionReport | None]:
    """The rows in a format that the provider reads."""
    read = passed.support.rows or (FORMATS[passed.method.name],)
    if isinstance(given, DatasetFile) or report is None or report.format in read:
        return given, None
    said = given if given.format else datasets.load(given, format=report.format)
    # Keys that nobody reads, such as an `id`, are told of and left behind.
    converted = datasets.convert(said, to=read[0], allow_loss=("fields",))
    return converted.dataset, converted.report


def _left_behind(
    given: Dataset | DatasetFile, conversion: ConversionReport | None
) -> Iterator[str]:
    if conversion is None or isinstance(given, DatasetFile):
        return
    for loss in conversion.lost:
        words = f"left behind as {conversion.target}: {loss.message}, in {loss.rows} row(s)"
        yield f"{given.place}: {words}"
