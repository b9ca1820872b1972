"""Deployments, made by Microsoft's own package."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from finetune_sdk.testing import VirtualClock
from tests.standins.azure import Azure
from tests.standins.azure.clients import (
    BASE,
    Deployer,
    credential,
    data_client,
    management,
    refused,
    wanted,
)

DAY = 24 * 3600
HELLO: Any = [{"role": "user", "content": "hello"}]


def test_a_deployment_is_made_while_time_goes_on(
    arm: Deployer, azure: Azure, clock: VirtualClock, tuned: str
) -> None:
    body = {**wanted(tuned, capacity=50), "tags": {"made": "by us"}}
    poller = arm.begin("recipes", body)
    assert arm.state("recipes") == "Accepted"
    clock.advance(10)
    assert arm.state("recipes") == "Creating"
    clock.advance(50)
    made = poller.result()
    assert (made.name, made.sku.name, made.sku.capacity) == ("recipes", "GlobalStandard", 50)
    assert (made.properties.model.name, made.tags) == (tuned, {"made": "by us"})
    assert made.properties.provisioning_state == "Succeeded"
    assert made.system_data.created_at == clock.now() - timedelta(seconds=60)
    assert made.properties.capabilities["chatCompletion"] == "true"
    assert [limit.count for limit in made.properties.rate_limits] == [50, 50_000]
    assert [put.json["sku"]["capacity"] for put in azure.arm.puts] == [50]
    assert set(azure.arm.versions) == {"2025-09-01"}
    assert [one.name for one in azure.arm.billing()] == ["recipes"]


def test_a_second_put_changes_it(arm: Deployer, clock: VirtualClock, tuned: str) -> None:
    first = arm.make("recipes", wanted(tuned))
    clock.advance(60)
    second = arm.make("recipes", wanted(tuned, capacity=9))
    assert second.sku.capacity == 9
    assert second.system_data.created_at == first.system_data.created_at
    assert second.system_data.last_modified_at > first.system_data.last_modified_at
    assert arm.names() == ["recipes"]


def test_the_wire_says_what_is_new_and_where_to_look(azure: Azure, clock: VirtualClock) -> None:
    token = azure.authority.issue("https://management.core.windows.net/").text
    headers = {"authorization": f"Bearer {token}"}
    path = f"{azure.arm.account_id}/deployments/recipes?api-version=2025-09-01"
    body = json.dumps(wanted(BASE)).encode()
    for status in (201, 200):
        answer = azure.arm.handle("PUT", path, headers, body)
        assert answer.status == status
        assert answer.headers["azure-asyncoperation"].startswith(azure.arm.url)
        clock.advance(60)
    answer = azure.arm.handle("DELETE", path, headers)
    assert answer.status == 202
    assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
    where = answer.headers["location"].removeprefix(azure.arm.url)
    assert azure.arm.handle("GET", where, headers).status == 202
    clock.advance(20)
    assert azure.arm.handle("GET", where, headers).status == 204
    assert azure.arm.handle("DELETE", path, headers).status == 204
    answer = azure.arm.handle("GET", path.partition("?")[0], headers)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "MissingApiVersionParameter")


def test_only_the_operation_tells_why_it_failed(
    arm: Deployer, azure: Azure, clock: VirtualClock
) -> None:
    azure.arm.fail("ModelNotDeployable", "It says bad things.", [{"code": "Rai", "message": "x"}])
    poller = arm.begin("recipes", wanted(BASE))
    clock.advance(60)
    with pytest.raises(HttpResponseError, match="bad things") as caught:
        poller.result()
    assert refused(caught.value) == (200, "ModelNotDeployable")
    assert arm.state("recipes") == "Failed"
    assert "bad things" not in str(arm.get("recipes").as_dict())
    assert arm.make("recipes", wanted(BASE)).properties.provisioning_state == "Succeeded"


def test_an_account_does_one_thing_at_a_time(
    arm: Deployer, azure: Azure, clock: VirtualClock
) -> None:
    arm.begin("one", wanted(BASE))
    changes: list[Callable[[], object]] = [
        lambda: arm.begin("two", wanted(BASE)),
        lambda: arm.deployments.begin_delete(*arm.place, "one"),
        lambda: arm.deployments.begin_update(*arm.place, "one", {"tags": {"a": "b"}}),
    ]
    for change in changes:
        with pytest.raises(ResourceExistsError) as caught:
            change()
        assert refused(caught.value) == (409, "RequestConflict")
    clock.advance(60)
    arm.make("two", wanted(BASE))
    assert arm.names() == ["one", "two"]


def test_a_deletion_takes_its_time(arm: Deployer, clock: VirtualClock) -> None:
    arm.make("recipes", wanted(BASE))
    poller = arm.deployments.begin_delete(*arm.place, "recipes", polling_interval=0)
    assert arm.state("recipes") == "Deleting"
    clock.advance(20)
    poller.result()
    with pytest.raises(ResourceNotFoundError):
        arm.get("recipes")
    arm.delete("recipes")


def test_deleting_what_is_not_there_may_be_an_error(arm: Deployer, azure: Azure) -> None:
    azure.arm.absent = 404
    with pytest.raises(ResourceNotFoundError):
        arm.delete("recipes")


def test_a_list_comes_by_the_page(arm: Deployer, azure: Azure) -> None:
    azure.arm.page = 2
    for name in "abcde":
        arm.make(name, wanted(BASE))
    assert arm.names() == list("abcde")
    assert [one.path for one in azure.arm.requests].count("/deployments") == 3


def test_tags_and_capacity_can_be_changed(arm: Deployer) -> None:
    arm.make("recipes", wanted(BASE))
    change = {"tags": {"made": "by us"}, "sku": {"name": "GlobalStandard", "capacity": 3}}
    arm.deployments.begin_update(*arm.place, "recipes", change, polling_interval=0).result()
    found = arm.get("recipes")
    assert (found.tags, found.sku.capacity) == ({"made": "by us"}, 3)


def test_capacity_has_an_end(arm: Deployer, azure: Azure) -> None:
    azure.arm.quota = {"GlobalStandard": 10}
    arm.make("one", wanted(BASE, capacity=8))
    with pytest.raises(HttpResponseError) as caught:
        arm.make("two", wanted(BASE, capacity=3))
    assert refused(caught.value) == (400, "InsufficientQuota")
    arm.make("two", wanted(BASE, "Standard", capacity=3))
    arm.make("one", wanted(BASE, capacity=10))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (wanted("gpt-4.1-mini-2025-04-14.ft-0"), "DeploymentModelNotSupported"),
        (wanted("ftchkpt-0"), "DeploymentModelNotSupported"),
        (wanted(BASE, "Gold"), "InvalidResourceProperties"),
        (wanted(BASE, capacity=0), "InvalidRequestContent"),
        ({"properties": wanted(BASE)["properties"]}, "InvalidRequestContent"),
    ],
)
def test_a_bad_request_makes_nothing(arm: Deployer, azure: Azure, body: Any, code: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        arm.make("recipes", body)
    assert refused(caught.value) == (400, code)
    assert azure.arm.billing() == []


def test_a_model_of_another_account_is_taken(arm: Deployer) -> None:
    source = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"
    made = arm.make("recipes", wanted("gpt-4.1-mini-2025-04-14.ft-0", source=source))
    assert made.properties.model.source == source


def test_a_checkpoint_can_be_deployed(
    arm: Deployer, azure: Azure, clock: VirtualClock, tuned: str
) -> None:
    with data_client(azure) as client:
        job_id = client.fine_tuning.jobs.list().data[0].id
        kept = client.fine_tuning.jobs.checkpoints.list(job_id).data[0]
        arm.make("kept", wanted(kept.fine_tuned_model_checkpoint))
        reply = client.chat.completions.create(model="kept", messages=HELLO)
    assert reply.model == kept.id


@pytest.mark.parametrize(
    ("subscription", "group", "account", "code"),
    [
        ("other", None, None, "SubscriptionNotFound"),
        (None, "other", None, "ResourceGroupNotFound"),
        (None, None, "other", "ResourceNotFound"),
    ],
)
def test_what_is_not_there_is_named(
    azure: Azure, subscription: str | None, group: str | None, account: str | None, code: str
) -> None:
    with credential(azure) as secret, management(azure, secret, subscription) as client:
        place = (group or azure.group, account or azure.account)
        with pytest.raises(ResourceNotFoundError) as caught:
            list(client.deployments.list(*place))
    assert refused(caught.value) == (404, code)


def test_a_reader_cannot_deploy(arm: Deployer, azure: Azure) -> None:
    arm.make("recipes", wanted(BASE))
    azure.arm.roles = {"read"}
    with pytest.raises(HttpResponseError) as caught:
        arm.make("two", wanted(BASE))
    assert refused(caught.value) == (403, "AuthorizationFailed")
    with pytest.raises(HttpResponseError) as caught:
        arm.delete("recipes")
    assert refused(caught.value) == (403, "AuthorizationFailed")
    assert arm.names() == ["recipes"]


def test_a_revoked_token_is_refused(arm: Deployer, azure: Azure) -> None:
    arm.names()
    azure.authority.revoke_all()
    with pytest.raises(ClientAuthenticationError) as caught:
        arm.names()
    assert refused(caught.value) == (401, "InvalidAuthenticationToken")
    assert "Bearer" in cast("Any", caught.value.response).headers["www-authenticate"]


class Key:
    """A credential that takes the data plane's key for a token."""

    def __init__(self, key: str) -> None:
        self.key = key

    def get_token(self, *scopes: str, **more: object) -> AccessToken:
        return AccessToken(self.key, int(time.time()) + 3600)


@pytest.mark.parametrize("audience", [None, "https://ai.azure.com"])
def test_what_the_data_plane_takes_is_no_token_here(azure: Azure, audience: str | None) -> None:
    taken = azure.authority.issue(audience).text if audience else azure.data.key
    with (
        management(azure, Key(taken)) as client,
        pytest.raises(ClientAuthenticationError),
    ):
        list(client.deployments.list(azure.group, azure.account))
