"""The job's folder as all processes but the first see it: they read, and say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import JsonValue

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.types import Metric


class Quiet(JobFolder):
    """Takes what is written for written: the first process writes the same."""

    def write(self, name: str, value: Mapping[str, object]) -> None:
        pass

    def tell(
        self,
        message: str,
        *,
        type: str = "message",  # noqa: A002 - the field's own name
        level: Literal["info", "warning", "error"] = "info",
        data: dict[str, JsonValue] | None = None,
    ) -> None:
        pass

    def measure(self, metric: Metric) -> None:
        pass

    def drop_halves(self) -> None:
        pass
