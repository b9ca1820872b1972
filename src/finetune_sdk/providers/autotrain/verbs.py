"""The verbs that all of AutoTrain's runners do alike."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from finetune_sdk.errors import NotFoundError
from finetune_sdk.home import state_folder
from finetune_sdk.providers.autotrain import log, models, settings, uploads
from finetune_sdk.providers.autotrain.choosing import estimate
from finetune_sdk.providers.autotrain.choosing.orders import EVERY, Orders, Sizes
from finetune_sdk.providers.autotrain.hosting import Hosting
from finetune_sdk.providers.autotrain.hosting.verbs import HostingVerbs
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.hub.talk import stored_token
from finetune_sdk.providers.autotrain.order import Order
from finetune_sdk.providers.autotrain.runners.base import Runner
from finetune_sdk.providers.autotrain.settings import NAME, AutoTrainSettings
from finetune_sdk.providers.base import (
    CanDownloadModels,
    CanEstimate,
    CanExport,
    CanFindJob,
    CanInspect,
    CanListMetrics,
    CanListModels,
    CanManageDatasets,
    CanPreflight,
    CanReadLogs,
    FineTuneProvider,
    Rows,
    read_profile,
)
from finetune_sdk.transport import Clock
from finetune_sdk.types import CostEstimate, Inspection, NoEstimate, Page

if TYPE_CHECKING:
    from finetune_sdk.datasets import Dataset
    from finetune_sdk.types import DatasetFile, Job, JobEvent, JobSpec, Metric, Model

T = TypeVar("T")

_REMEMBERED = 32
_LOGS = 4
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class AutoTrainVerbs(
    FineTuneProvider,
    CanPreflight,
    CanInspect,
    CanEstimate,
    CanFindJob,
    CanListMetrics,
    CanReadLogs,
    CanListModels,
    CanDownloadModels,
    CanManageDatasets,
    CanExport,
    HostingVerbs,
):
    """What does not depend on where a job runs."""

    name: ClassVar[str] = NAME
    well_known_hosts: ClassVar[frozenset[str]] = settings.HOSTS
    shares_files: ClassVar[bool] = True

    def __init__(
        self,
        *,
        token: str | Callable[[], str] | None,
        profile: AutoTrainSettings,
        words: Mapping[str, object],
        home: Path | str | None,
        clock: Clock,
        environ: Mapping[str, str] | None,
    ) -> None:
        environ = os.environ if environ is None else environ
        said = {name: value for name, value in words.items() if value is not None}
        self._profile = read_profile(
            AutoTrainSettings, {**profile.model_dump(), **said}, provider=NAME
        )
        self._clock = clock
        self._folder = state_folder(home, environ) / NAME
        ambient = environ is os.environ
        self._hub = Hub(
            place=settings.place(self._profile, environ),
            credential=settings.credential(
                token, self._profile, environ, stored_token if ambient else lambda: None
            ),
            clock=clock,
            seconds=self._profile.timeout,
            namespace=self._profile.namespace,
        )
        self._orders = Orders(self._hub, self._profile, settings.images(environ))
        self._settled: dict[str, Order] = {}
        self._read: dict[str, Told] = {}
        self._runner = self._open_runner()
        self._hosting = Hosting(self._hub, clock)

    @abstractmethod
    def _open_runner(self) -> Runner:
        """The runner of the profile; sends nothing."""

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def account(self) -> str:
        return f"{self._hub.place}/{self._hub.namespace}"

    # Before a job

    def preflight_job(self, spec: JobSpec, /) -> Inspection:
        self._orders.check_rights()
        order = self._orders.make(spec)
        self._orders.check_free(spec)
        return Inspection(
            settings=dict(order.settings), warnings=order.warnings, epochs=_epochs(spec)
        )

    def inspect_job(self, spec: JobSpec, rows: Rows, /) -> Inspection:
        order = self._priced(spec, rows)
        return Inspection(
            settings=dict(order.settings),
            seconds=order.took,
            epochs=_epochs(spec),
            warnings=order.warnings,
        )

    def estimate_cost(self, spec: JobSpec, rows: Rows, /) -> CostEstimate | NoEstimate:
        order = self._priced(spec, rows)
        return estimate.cost(order.machine, order.took, order.seconds)

    # Jobs

    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
        return uploads.send(self._hub, dataset, key=key)

    def create_job(self, spec: JobSpec, /) -> Job:
        return self._runner.start(self._ordered(spec))

    def find_jobs(
        self, key: str, /, *, spec: JobSpec | None = None, since: datetime | None = None
    ) -> list[Job]:
        return self._runner.find(key, spec=spec, since=since)

    def get_job(self, job_id: str, /) -> Job:
        return self._runner.get(job_id)

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        return _page(self._runner.list(), lambda job: job.id, limit, cursor)

    def cancel_job(self, job_id: str, /) -> Job:
        return self._runner.cancel(job_id)

    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        told = self._told(job_id, anew=cursor is None)
        return _page(told.events, lambda event: event.id, limit, cursor)

    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:
        return _slice(self._told(job_id, anew=cursor is None).metrics, limit, cursor)

    def read_logs(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[str]:
        return _slice(self._told(job_id, anew=cursor is None).lines, limit, cursor)

    # Datasets

    def list_dataset_files(self, *, limit: int, cursor: str | None) -> Page[DatasetFile]:
        return _page(uploads.listed(self._hub), lambda file: file.id, limit, cursor)

    def get_dataset_file(self, file_id: str, /) -> DatasetFile:
        return uploads.get(self._hub, file_id)

    def delete_dataset_file(self, file_id: str, /) -> None:
        uploads.delete(self._hub, file_id)

    def download_dataset(self, file_id: str, path: Path, /) -> None:
        uploads.download(self._hub, file_id, path)

    # Models

    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]:
        return _page(models.listed(self._hub), lambda model: model.id, limit, cursor)

    def get_model(self, model_id: str, /) -> Model:
        return models.get(self._hub, model_id)

    def delete_model(self, model_id: str, /) -> None:
        models.delete(self._hub, model_id)

    def download_model(self, model_id: str, folder: Path, /) -> None:
        models.download(self._hub, model_id, folder)

    def close(self) -> None:
        """Nothing to close: the connections are the package's, and everybody's."""

    # Help

    def _ordered(self, spec: JobSpec) -> Order:
        """What is bought is what was told a price: the list of hardware may have changed since."""
        return self._orders.make(spec, settled=self._settled.get(spec.key))

    def _priced(self, spec: JobSpec, rows: Rows) -> Order:
        """The order that a price is told by, which holds for the job of that key."""
        order = self._orders.make(spec, sizes=_sizes(rows))
        _remember(self._settled, spec.key, order, at_most=_REMEMBERED)
        return order

    def _told(self, job_id: str, *, anew: bool) -> Told:
        """What a job has written; the pages behind the first one are of the same log."""
        told = None if anew else self._read.get(job_id)
        if told is None:
            job, lines = self._runner.get(job_id), self._runner.log(job_id)
            told = Told(lines, since=job.created_at or _BEGINNING, every=_every(job))
            _remember(self._read, job_id, told, at_most=_LOGS)
        return told


class Told:
    """What a job has written, read once for all of its pages."""

    def __init__(self, lines: Sequence[str], *, since: datetime, every: int) -> None:
        self.lines, self._since, self._every = lines, since, every

    @cached_property
    def events(self) -> list[JobEvent]:
        """Newest first."""
        return log.events(self.lines, since=self._since)[::-1]

    @cached_property
    def metrics(self) -> list[Metric]:
        return log.metrics(self.lines, since=self._since, every=self._every)


def _remember(kept: dict[str, T], name: str, value: T, *, at_most: int) -> None:
    """Keeps the newest, whoever else does the same at this moment."""
    kept.pop(name, None)
    kept[name] = value
    for old in list(kept)[:-at_most]:
        kept.pop(old, None)


def _epochs(spec: JobSpec) -> float:
    """AutoTrain's own number, where nobody says one."""
    return spec.method.epochs or 1.0


def _every(job: Job) -> int:
    """Optimizer steps between two of its measurements."""
    said = job.settings.get("logging_steps", "")
    return int(said) if re.fullmatch("[1-9][0-9]{0,8}", said) else EVERY


def _sizes(rows: Rows) -> Sizes:
    both = (rows.training, rows.validation)
    return Sizes(*(None if one is None else uploads.bytes_of(one) for one in both))


def _page(found: Iterable[T], name: Callable[[T], str], limit: int, cursor: str | None) -> Page[T]:
    """A page behind the item that the cursor names; from the beginning where that is gone."""
    items = list(found)
    names = [name(one) for one in items]
    if cursor is not None and cursor not in names:
        raise NotFoundError(f"{NAME}: the list has changed; read it anew", provider=NAME)
    start = 0 if cursor is None else names.index(cursor) + 1
    page = tuple(items[start : start + limit])
    more = start + limit < len(items)
    return Page(page, name(page[-1]) if page and more else None)


def _slice(found: Sequence[T], limit: int, cursor: str | None) -> Page[T]:
    start = int(cursor or 0)
    page = tuple(found[start : start + limit])
    return Page(page, str(start + limit) if start + limit < len(found) else None)
