"""The verbs of deployments, for a provider to take over whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_sdk.prices import FREE, Price
from finetune_sdk.providers.base import CanDeploy, CanPauseDeployments
from finetune_sdk.types import Page

if TYPE_CHECKING:
    from finetune_sdk.providers.autotrain.hosting.hosting import Hosting
    from finetune_sdk.types import Connection, Deployment, DeploymentSpec


class HostingVerbs(CanDeploy, CanPauseDeployments):
    """Deploys by `_hosting`, wherever jobs run."""

    _hosting: Hosting

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        return self._hosting.create(spec)

    def get_deployment(self, name: str, /) -> Deployment:
        return self._hosting.get(name)

    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]:  # noqa: ARG002
        """All of the namespace on one page, whoever made them."""
        return Page(self._hosting.list())

    def delete_deployment(self, name: str, /) -> None:
        self._hosting.delete(name)

    def pause_deployment(self, name: str, /) -> Deployment:
        return self._hosting.pause(name)

    def resume_deployment(self, name: str, /) -> Deployment:
        return self._hosting.resume(name)

    def cost_per_hour(self, spec: DeploymentSpec, /) -> float | None:
        return self._hosting.cost(spec)

    def request_price(self, model: str, /, *, tuned: bool) -> Price:  # noqa: ARG002
        return FREE

    def connect(self, name: str, /) -> Connection:
        return self._hosting.connect(name)
