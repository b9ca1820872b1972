"""Deployments: here a tuned model answers without more, so all there is are our records."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError, ConflictError, NotFoundError
from finetune_sdk.providers.openai.settings import NAME
from finetune_sdk.types import Deployment, DeploymentSpec, DeploymentStatus, Page


@dataclass(frozen=True)
class Records:
    """The deployments of an account, a file each.

    Attributes:
        folder: of this account; it may not exist yet.
        url: where they answer.
    """

    folder: Path
    url: str

    def create(self, spec: DeploymentSpec, *, now: datetime) -> Deployment:
        """Writes a record; the one of that name where it is of the same model.

        Raises:
            ConflictError: the name is taken by another model.
        """
        there = self._read(self._path(spec.name))
        if there is not None:
            if there.model != spec.model:
                raise ConflictError(
                    f"the name {spec.name!r} is taken by a deployment of {there.model!r}; delete "
                    "that one first, or choose another name",
                    provider=NAME,
                )
            return there
        made = Deployment(
            id=spec.model,
            name=spec.name,
            provider=NAME,
            status=DeploymentStatus.READY,
            raw_status="ready",
            model=spec.model,
            job_id=spec.job_id,
            url=self.url,
            created_at=now,
            expires_at=spec.expires_at,
            cost_per_hour=0.0,
        )
        self._write(made)
        return made

    def get(self, name: str) -> Deployment:
        """Raises:
        NotFoundError: there is none of that name.
        """
        found = self._read(self._path(name))
        if found is None:
            raise NotFoundError(
                f"there is no deployment {name!r} of this account on this machine; "
                "`deployments.create` makes one",
                provider=NAME,
            )
        return found

    def list(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        """Newest first."""
        found = sorted(self._all(), key=lambda one: (one.created_at, one.name), reverse=True)
        start = int(cursor or 0)
        end = start + limit
        return Page(tuple(found[start:end]), str(end) if end < len(found) else None)

    def delete(self, name: str) -> None:
        """Removes a record; the model stays, and answers whoever names it."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _all(self) -> Iterator[Deployment]:
        for path in self.folder.glob("*.json") if self.folder.is_dir() else ():
            found = self._read(path)
            if found is not None:
                yield found

    def _read(self, path: Path) -> Deployment | None:
        try:
            return Deployment.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise ConfigurationError(
                f"{str(path)!r} is no record of a deployment any more ({type(error).__name__}); "
                "remove it, and create the deployment again: nothing is lost"
            ) from None

    def _write(self, made: Deployment) -> None:
        part = self.folder / f".{secrets.token_hex(8)}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("x", encoding="utf-8") as file:
                file.write(made.model_dump_json(indent=2, exclude_none=True))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path(made.name))
        except OSError as error:
            part.unlink(missing_ok=True)
            raise ConfigurationError(
                f"the record of the deployment cannot be written to {str(self.folder)!r}: "
                f"{error.strerror}; set FINETUNE_HOME to a folder that you may write to"
            ) from None
