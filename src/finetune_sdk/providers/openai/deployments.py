"""Deployments: here a tuned model answers without more, so all there is are our records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from finetune_sdk.errors import ConflictError, NotFoundError
from finetune_sdk.providers._openai_talk.records import Records
from finetune_sdk.providers.openai.settings import NAME
from finetune_sdk.types import Deployment, DeploymentSpec, DeploymentStatus, Page


@dataclass(frozen=True)
class Deployments:
    """The deployments of an account.

    Attributes:
        records: of this machine.
        url: where they answer.
    """

    records: Records
    url: str

    def create(self, spec: DeploymentSpec, *, now: datetime) -> Deployment:
        """Writes a record; the one of that name where it is of the same model.

        Raises:
            ConflictError: the name is taken by another model.
        """
        there = self.records.read(spec.name)
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
        self.records.write(made)
        return made

    def get(self, name: str) -> Deployment:
        """Raises:
        NotFoundError: there is none of that name.
        """
        found = self.records.read(name)
        if found is None:
            raise NotFoundError(
                f"there is no deployment {name!r} of this account on this machine; "
                "`deployments.create` makes one",
                provider=NAME,
            )
        return found

    def list(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        """Newest first."""
        records = self.records.all()
        found = sorted(records, key=lambda one: (one.created_at, one.name), reverse=True)
        start = int(cursor or 0)
        end = start + limit
        return Page(tuple(found[start:end]), str(end) if end < len(found) else None)

    def delete(self, name: str) -> None:
        """Removes a record; the model stays, and answers whoever names it."""
        self.records.remove(name)
