"""Requests to Inference Endpoints: their own host, and the names of one namespace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from finetune_sdk.errors import (
    ConflictError,
    MissingDependencyError,
    NotFoundError,
    UnsupportedError,
)
from finetune_sdk.providers._openai_wire.values import Table, rows, table
from finetune_sdk.providers.autotrain.hosting.instances import Instance, instance_of
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.settings import HOSTS, NAME
from finetune_sdk.transport.addresses import host_of
from finetune_sdk.transport.policy import Use

T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """Where the endpoints of a namespace are managed.

    The package's own objects for endpoints are never asked: their requests carry no token
    (huggingface_hub 2.4.0, `InferenceEndpoint.from_raw`).
    """

    hub: Hub

    def find(self, name: str) -> Table | None:
        """The endpoint of that name; None where there is none."""
        space = self.hub.namespace
        return self._ask("read", lambda api: _there(api, name, space), what=_called(name))

    def list(self) -> tuple[Table, ...]:
        """All endpoints of the namespace, whoever made them."""
        space = self.hub.namespace
        found = self._ask(
            "read",
            lambda api: [one.raw for one in api.list_inference_endpoints(space)],
            what=f"the deployments of {space!r}",
        )
        return tuple(rows(found))

    def make(self, name: str, arguments: dict[str, Any]) -> tuple[Table, bool]:
        """The endpoint, and whether it is certain that this call has made it.

        Its name makes it once: what is sent again after an answer was lost finds the first one,
        or is refused as that is there.
        """
        space, tries = self.hub.namespace, 0

        def once(api: Any) -> tuple[Table, bool]:
            nonlocal tries
            tries += 1
            there = _there(api, name, space) if tries > 1 else None
            if there is not None:
                return there, False
            return _raw(api.create_inference_endpoint(name, namespace=space, **arguments)), True

        try:
            return self._ask("put", once, what=_called(name))
        except ConflictError:
            there = self.find(name)
            if there is None:
                raise
            return there, False

    def delete(self, name: str) -> None:
        """Ends the endpoint; one that is gone already is no error."""
        space = self.hub.namespace
        try:
            self._ask(
                "delete",
                lambda api: api.delete_inference_endpoint(name, namespace=space),
                what=_called(name),
            )
        except NotFoundError:
            return

    def pause(self, name: str) -> Table:
        """Stops the endpoint and what it costs."""
        space = self.hub.namespace
        return self._ask(
            "put",
            lambda api: _raw(api.pause_inference_endpoint(name, namespace=space)),
            what=_called(name),
        )

    def resume(self, name: str) -> Table:
        """Starts the endpoint again; one that runs is left as it is."""
        space = self.hub.namespace
        return self._ask(
            "put",
            lambda api: _raw(api.resume_inference_endpoint(name, namespace=space)),
            what=_called(name),
        )

    def hardware(self) -> tuple[Instance, ...]:
        """The machines that the namespace can see, those that it cannot have, too."""
        space = self.hub.namespace
        found: Any = self._ask(
            "read",
            lambda api: api.list_inference_endpoints_hardware(namespace=space),
            what="the hardware of Inference Endpoints",
        )
        return tuple(map(instance_of, found))

    def _ask(self, use: Use, call: Callable[[Any], T], *, what: str) -> T:
        return self.hub.ask(use, call, what=what, place=self._place())

    def _place(self) -> str:
        """The address of the service, which the package alone knows.

        Raises:
            UnsupportedError: it is not that of this Hub, so that the token does not go there.
        """
        place = _address()
        if {host_of(self.hub.place), host_of(place)} <= HOSTS:
            return place
        if host_of(place) == host_of(self.hub.place):
            return place
        raise UnsupportedError(
            f"{NAME}: Inference Endpoints are those of huggingface.co, and `endpoint` is another "
            f"Hub, {host_of(self.hub.place)!r}, whose token goes nowhere else; serve its models "
            "from your own machine: `models.download`, then a profile of the provider `local`",
            able=("local",),
        )


def _address() -> str:
    try:
        from huggingface_hub import constants
    except ImportError:
        raise MissingDependencyError("huggingface_hub", "huggingface") from None
    return str(constants.INFERENCE_ENDPOINTS_ENDPOINT)


def _there(api: Any, name: str, space: str) -> Table | None:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return _raw(api.get_inference_endpoint(name, namespace=space))
    except HfHubHTTPError as error:
        response: Any = error.response
        if response is None or response.status_code != 404:
            raise
        return None


def _raw(found: Any) -> Table:
    return table(found.raw)


def _called(name: str) -> str:
    return f"the deployment {name!r}"
