"""What of a job is written where it runs, so that any process reads it back from there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import cast

from pydantic import ValidationError

from finetune_sdk.providers.autotrain.choosing.rows import made_here
from finetune_sdk.providers.autotrain.order import Order
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.types import Job, JobSpec, JobStatus

LABEL, KEY, CALL = "finetune-anywhere", "finetune-key", "finetune-call"
"""Names of labels: they hold letters, digits, dots, dashes and lines, 100 of them at most."""

VERSION = 1

_REPO = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
"""An id of a repository, as the Hub takes it."""


def mark(key: str) -> str:
    """What of a key stands in names and labels: 40 hexadecimal digits."""
    return sha256(key.encode()).hexdigest()[:40]


def labels(spec: JobSpec) -> dict[str, str]:
    """By which a lost submission is found."""
    return {LABEL: str(VERSION), KEY: mark(spec.key), CALL: mark(spec.call)}


def kept_of(namespace: str, project: str, rows: str) -> str:
    """The dataset that keeps a model: that of its rows, where it is ours."""
    ours = made_here(rows) and rows.startswith(f"{namespace}/")
    return rows if ours else f"{namespace}/{project}-kept"


def encode(order: Order) -> str:
    """The record of a job, as JSON. There is no secret in it."""
    record = {
        "version": VERSION,
        "spec": order.spec.model_dump(mode="json", exclude_none=True),
        "namespace": order.namespace,
        "project": order.project,
        "engine": order.engine,
        "hardware": order.machine.name,
        "timeout": order.seconds,
        "settings": dict(order.settings),
    }
    return json.dumps(record, ensure_ascii=False)


class Record:
    """A record that was read back. Whatever is wrong with it, it is no error."""

    def __init__(self, text: str | None) -> None:
        self._values = _table(text)
        self.spec = _spec(self._values.get("spec"))

    @property
    def repo(self) -> str | None:
        """Where the model is to be."""
        namespace, project = self._values.get("namespace"), self._values.get("project")
        if not isinstance(namespace, str) or not isinstance(project, str):
            return None
        repo = f"{namespace}/{project}"
        return repo if _REPO.fullmatch(repo) else None

    @property
    def kept(self) -> tuple[str, str] | None:
        """The dataset and the folder in it where a model is kept that could not be pushed."""
        if self.repo is None or self.spec is None:
            return None
        namespace, _, project = self.repo.partition("/")
        return kept_of(namespace, project, self.spec.training_file.id), project

    @property
    def timeout(self) -> float | None:
        """Seconds after which it is ended."""
        found = self._values.get("timeout")
        return float(found) if isinstance(found, int | float) else None

    def job(
        self,
        id_: str,
        *,
        status: JobStatus,
        raw_status: str | None,
        created_at: datetime | None,
        started_at: datetime | None = None,
        finished_at: datetime | None = None,
        model: str = "unknown",
    ) -> Job:
        """The job of the record.

        Args:
            model: where the record does not say it.
        """
        spec = self.spec
        return Job(
            id=id_,
            provider=NAME,
            status=status,
            raw_status=raw_status,
            model=spec.model if spec else model,
            method=spec.method if spec else None,
            training_file=spec.training_file if spec else None,
            validation_file=spec.validation_file if spec else None,
            created_at=created_at,
            started_at=started_at,
            finished_at=finished_at,
            suffix=spec.suffix if spec else None,
            seed=spec.seed if spec else None,
            metadata=dict(spec.metadata) if spec else {},
            settings=self._settings(),
        )

    def _settings(self) -> dict[str, str]:
        found = self._values.get("settings")
        if not isinstance(found, dict):
            return {}
        told = cast("Mapping[object, object]", found)
        return {str(name): str(value) for name, value in told.items()}


def _table(text: str | None) -> Mapping[str, object]:
    try:
        found: object = json.loads(text or "{}")
    except (ValueError, TypeError, RecursionError):
        return {}
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}


def _spec(value: object) -> JobSpec | None:
    try:
        return JobSpec.model_validate(value)
    except ValidationError:
        return None
