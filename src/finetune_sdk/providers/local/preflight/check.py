"""What is looked at before a job is made: all that would make it fail at its first step."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError, MissingDependencyError
from finetune_sdk.providers.local import faults
from finetune_sdk.providers.local.cluster.asking import ask
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.course import reports
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.transport import redact

if TYPE_CHECKING:
    from finetune_sdk.providers.local.cluster.record import Cluster
    from finetune_sdk.providers.local.home import LocalHome
    from finetune_sdk.providers.local.jobs.folder import JobFolder
    from finetune_sdk.types import JobSpec

FREE_BYTES = 64 * 2**20
"""Less free disk than this and a job is not begun: an adapter of a small model needs as much."""

_PACKAGES = ("torch", "transformers", "trl", "peft", "datasets")


def check(
    spec: JobSpec,
    folder: JobFolder,
    environ: Mapping[str, str],
    *,
    own_trainer: bool,
    cluster: Cluster | None = None,
) -> tuple[str, ...]:
    """Looks at all that a job needs and makes nothing.

    Args:
        folder: of the job; it need not be there.
        own_trainer: our trainer will run; another program knows its own needs.
        cluster: where it would train; None is this machine.

    Returns:
        What the caller should know.

    Raises:
        ConfigurationError: an option is wrong.
        NotFoundError: a dataset file or the base model is not there.
        QuotaExceededError: the disk is as good as full.
        MissingDependencyError: the extra `local`, or a package that is reported to, is not
            installed.
        ProviderError: the cluster does not answer, or not to us.
    """
    _check_options(spec)
    for file in (spec.training_file, spec.validation_file):
        if file is not None:
            folder.rows(file)
    _check_disk(folder.home)
    notes = ask(cluster, spec, environ) if cluster else ()
    if not own_trainer:
        return notes
    _check_packages(spec)
    return (*notes, *_check_weights(spec.model, folder.home, environ))


def _check_options(spec: JobSpec) -> None:
    try:
        LocalOptions.model_validate(spec.options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        allowed = ", ".join(f"`{name}`" for name in LocalOptions.model_fields)
        raise ConfigurationError(
            f"the option `{key}` of `local` is {redact(repr(first['input']))}: {first['msg']}; "
            f"`LocalOptions` takes {allowed}"
        ) from None


def _check_disk(home: LocalHome) -> None:
    free = shutil.disk_usage(_existing(home.root)).free
    if free < FREE_BYTES:
        raise faults.disk_full(home, f"{free / 2**20:.0f} MiB free, a job needs at least 64 MiB")


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _check_packages(spec: JobSpec) -> None:
    for package in _PACKAGES:
        # A look at the file system: importing torch takes seconds.
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(package, "local")
    if LocalOptions.model_validate(spec.options).parallel == "deepspeed":
        _check_deepspeed()
    for place in LocalOptions.model_validate(spec.options).report_to or ():
        try:
            reports.check([place])
        except TrainingFailure:
            raise MissingDependencyError(place, None) from None


def _check_deepspeed() -> None:
    if importlib.util.find_spec("deepspeed") is None:
        raise MissingDependencyError("deepspeed", None)


def _check_weights(model: str, home: LocalHome, environ: Mapping[str, str]) -> tuple[str, ...]:
    from finetune_sdk.providers.local.models import weights

    note = weights.find(model, home, environ).note
    return () if note is None else (note,)
