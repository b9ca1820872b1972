"""What Resource Manager demands of a deployment, and how it says no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.standins.azure.deployment import StoredDeployment
from tests.standins.openai import Answer
from tests.standins.openai.wire import Json, answered, as_object, inner

if TYPE_CHECKING:
    from tests.standins.azure.arm import Arm

SKUS = {
    "standard",
    "globalstandard",
    "datazonestandard",
    "developertier",
    "developer",
    "provisionedmanaged",
    "globalprovisionedmanaged",
    "datazoneprovisionedmanaged",
}


class ArmError(Exception):
    """An error as Resource Manager words it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = fault(code, message)

    @property
    def answer(self) -> Answer:
        return answered({"error": self.body}, self.status)


def fault(code: str, message: str, details: Iterable[Json] = ()) -> Json:
    """What stands under `error`."""
    found = list(details)
    return {"code": code, "message": message, **({"details": found} if found else {})}


def azure_error(code: str, message: str) -> Json:
    """A body as both planes write it, for a fault's `Reply`."""
    return {"error": fault(code, message)}


def check_put(arm: Arm, name: str, body: object) -> tuple[Json, Json, Json]:
    """The sku, the properties and the tags of a request that is good."""
    asked = as_object(body) or {}
    sku, properties = sku_of(asked), inner(asked, "properties")
    model = inner(properties, "model")
    if str(sku["name"]).lower() not in SKUS:
        message = f"The specified SKU '{sku['name']}' of account deployment is not supported."
        raise ArmError(400, "InvalidResourceProperties", message)
    _check_model(arm, model)
    check_quota(arm, name, sku)
    return sku, properties, inner(asked, "tags")


def sku_of(asked: Json) -> Json:
    sku = inner(asked, "sku")
    if not isinstance(sku.get("name"), str):
        message = "The request has no 'sku' with a name."
        raise ArmError(400, "InvalidRequestContent", message)
    return check_capacity({"capacity": 1, **sku})


def check_capacity(sku: Json) -> Json:
    if type(sku["capacity"]) is not int or sku["capacity"] < 1:
        message = "The capacity of a sku is a whole number above 0."
        raise ArmError(400, "InvalidRequestContent", message)
    return sku


def check_quota(arm: Arm, name: str, sku: Json) -> None:
    """The capacity of all deployments of a kind stays within what the region gives."""
    kind = str(sku["name"])
    limit = {known.lower(): most for known, most in arm.quota.items()}.get(kind.lower())
    if limit is None:
        return
    used = sum(one.capacity for one in arm.billing() if _others(one, name, kind))
    if used + int(sku["capacity"]) > limit:
        message = (
            f"This operation requires {sku['capacity']} new capacity of {kind}, which is more than"
            f" the available capacity {limit - used}: the usage is {used}, the limit {limit}."
        )
        raise ArmError(400, "InsufficientQuota", message)


def _others(one: StoredDeployment, name: str, kind: str) -> bool:
    return one.name.lower() != name.lower() and str(one.sku["name"]).lower() == kind.lower()


def _check_model(arm: Arm, model: Json) -> None:
    if "source" in model or "sourceAccount" in model:
        return  # It lies in another account.
    name, version = str(model.get("name")), str(model.get("version"))
    if not arm.data.deployable(name, version):
        shown = f"Format:{model.get('format')},Name:{name},Version:{version}"
        message = f"The model '{shown}' of account deployment is not supported."
        raise ArmError(400, "DeploymentModelNotSupported", message)
