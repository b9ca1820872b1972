"""What Resource Manager answers: who may ask, what there is, and what a request does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.standins.azure.checks import ArmError, check_capacity, check_put, check_quota, fault
from tests.standins.azure.deployment import Operation, StoredDeployment
from tests.standins.azure.door import WRITES, Asked
from tests.standins.azure.models import base_of
from tests.standins.openai import Answer
from tests.standins.openai.wire import Json, answered, as_object, inner

if TYPE_CHECKING:
    from tests.standins.azure.arm import Arm

AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
CHALLENGE = 'Bearer authorization_uri="{url}/{tenant}", error="invalid_token"'
VERBS = {"GET": "read", "DELETE": "delete"}


def answer(arm: Arm, asked: Asked) -> Answer:
    """One request. It raises an `ArmError` where it says no."""
    arm.versions.append(asked.one("api-version"))
    if not any(arm.authority.valid(asked.bearer, one) for one in AUDIENCES):
        return _unknown(arm)
    if not asked.one("api-version"):
        message = "The api-version query parameter (?api-version=) is required."
        raise ArmError(400, "MissingApiVersionParameter", message)
    parts = [unquote(part) for part in asked.target.strip("/").split("/")]
    _expect(parts[1:2], arm.subscription, "SubscriptionNotFound", "subscription")
    _permit(arm, asked)
    if parts[-2] in ("operationResults", "operationLocations"):
        return _operation(arm, asked.target, *parts[-2:])
    _expect(parts[3:4], arm.group, "ResourceGroupNotFound", "resource group")
    _expect(parts[7:8], arm.account, "ResourceNotFound", "account")
    return _routed(arm, asked, parts[8:])


def _routed(arm: Arm, asked: Asked, rest: list[str]) -> Answer:
    if rest == ["deployments"] and asked.method == "GET":
        return _list(arm, asked)
    if len(rest) != 2 or rest[0] != "deployments" or asked.method not in ROUTES:
        raise ArmError(404, "InvalidResourceType", "There is no such type of resource.")
    if asked.method in WRITES:
        _alone(arm)
    return ROUTES[asked.method](arm, rest[1], asked)


def _unknown(arm: Arm) -> Answer:
    body = fault("InvalidAuthenticationToken", "The access token is invalid.")
    challenge = CHALLENGE.format(url=arm.authority.url, tenant=arm.authority.tenant)
    refused = answered({"error": body}, 401)
    return Answer(401, {**refused.headers, "www-authenticate": challenge}, refused.body)


def _permit(arm: Arm, asked: Asked) -> None:
    if ("deploy" if asked.method in WRITES else "read") in arm.roles:
        return
    verb = VERBS.get(asked.method, "write")
    action = f"Microsoft.CognitiveServices/accounts/deployments/{verb}"
    message = (
        f"The client '{arm.authority.client_id}' does not have authorization to perform action"
        f" '{action}' over scope '{asked.target}' or the scope is invalid."
    )
    raise ArmError(403, "AuthorizationFailed", message)


def _alone(arm: Arm) -> None:
    """The account makes one change at a time."""
    now = arm.clock.monotonic()
    if any(one.start <= now < one.end for one in arm.operations.values()):
        message = (
            "Another operation is being performed on the parent resource"
            f" '{arm.account_id}'. Please try again later."
        )
        raise ArmError(409, "RequestConflict", message)


def _operation(arm: Arm, path: str, kind: str, wanted: str) -> Answer:
    operation, now = arm.operations.get(wanted), arm.clock.monotonic()
    if operation is None:
        raise ArmError(404, "NotFound", f"There is no operation '{wanted}'.")
    if kind == "operationResults":
        return answered(operation.view(path, now))
    if operation.status(now) == "InProgress":
        return Answer(202, {"location": _address(arm, "operationLocations", operation)})
    return Answer(204)


def _get(arm: Arm, name: str, asked: Asked) -> Answer:
    return answered(_found(arm, name).view(arm.clock.monotonic()))


def _list(arm: Arm, asked: Asked) -> Answer:
    every, now = arm.billing(), arm.clock.monotonic()
    start = int(asked.one("$skiptoken") or 0)
    end = start + arm.page
    body: Json = {"value": [one.view(now) for one in every[start:end]]}
    if end < len(every):
        query = f"api-version={asked.one('api-version')}&$skiptoken={end}"
        body["nextLink"] = f"{arm.url}{arm.account_id}/deployments?{query}"
    return answered(body)


def _put(arm: Arm, name: str, asked: Asked) -> Answer:
    sku, properties, tags = check_put(arm, name, asked.json)
    old, made = arm.find(name), _made(arm, name, sku, properties)
    made.tags, made.failure = tags, arm.failures.popleft() if arm.failures else None
    if old is not None:
        made.follow(old)
    arm.deployments[made.name.lower()] = made
    operation = arm.begin(made.ready, made.failure)
    status = 201 if old is None else 200
    return _told(arm, answered(made.view(made.changed), status), operation)


def _made(arm: Arm, name: str, sku: Json, properties: Json) -> StoredDeployment:
    now, wall = arm.clock.monotonic(), arm.clock.now()
    model, ready = str(inner(properties, "model")["name"]), now + arm.creating
    return StoredDeployment(
        id=f"{arm.account_id}/deployments/{name}",
        name=name,
        sku=sku,
        asked=properties,
        born=now,
        created=wall,
        changed=now,
        modified=wall,
        ready=ready,
        serves=ready + arm.servable_after,
        custom=base_of(model) != model or model.startswith("ftchkpt-"),
    )


def _patch(arm: Arm, name: str, asked: Asked) -> Answer:
    found, body = _found(arm, name), as_object(asked.json) or {}
    sku = check_capacity({**found.sku, **inner(body, "sku")})
    check_quota(arm, name, sku)
    found.sku, found.modified = sku, arm.clock.now()
    if "tags" in body:
        found.tags = inner(body, "tags")
    return answered(found.view(arm.clock.monotonic()))


def _delete(arm: Arm, name: str, asked: Asked) -> Answer:
    if arm.find(name) is None and arm.absent == 204:
        return Answer(204)
    found = _found(arm, name)
    found.gone = arm.clock.monotonic() + arm.deleting
    operation = arm.begin(found.gone)
    location = {"location": _address(arm, "operationLocations", operation)}
    return _told(arm, Answer(202, location), operation)


ROUTES: dict[str, Callable[[Arm, str, Asked], Answer]] = {
    "GET": _get,
    "PUT": _put,
    "PATCH": _patch,
    "DELETE": _delete,
}


def _told(arm: Arm, said: Answer, operation: Operation) -> Answer:
    headers = {"azure-asyncoperation": _address(arm, "operationResults", operation)}
    return Answer(said.status, {**said.headers, **headers}, said.body, handled=True)


def _address(arm: Arm, kind: str, operation: Operation) -> str:
    region = f"/subscriptions/{arm.subscription}/providers/Microsoft.CognitiveServices/locations"
    return f"{arm.url}{region}/eastus2/{kind}/{operation.id}?api-version=2025-09-01"


def _found(arm: Arm, name: str) -> StoredDeployment:
    found = arm.find(name)
    if found is None:
        path = f"Microsoft.CognitiveServices/accounts/{arm.account}/deployments/{name}"
        message = f"The Resource '{path}' under resource group '{arm.group}' was not found."
        raise ArmError(404, "ResourceNotFound", message)
    return found


def _expect(found: list[str], wanted: str, code: str, what: str) -> None:
    if [one.lower() for one in found] != [wanted.lower()]:
        shown = found[0] if found else ""
        raise ArmError(404, code, f"The {what} '{shown}' could not be found.")
