"""What becomes of a deployment: when it answers, when it ends, and what breaks on the way."""

from __future__ import annotations

import threading
from typing import Any, cast

import openai
import pytest
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from finetune_sdk.testing import VirtualClock
from tests.standins.azure import Azure, azure_error
from tests.standins.azure.clients import (
    BASE,
    Deployer,
    data_client,
    refused,
    wanted,
)
from tests.standins.openai import (
    Action,
    CutBody,
    DropAfter,
    DropBefore,
    Fault,
    Hang,
    Refuse,
    Reply,
)

DAY = 24 * 3600
HELLO: Any = [{"role": "user", "content": "hello"}]


def test_a_deployment_answers_only_some_time_after_it_succeeded(
    arm: Deployer, azure: Azure, clock: VirtualClock, tuned: str
) -> None:
    azure.arm.servable_after = 600
    with data_client(azure) as client:
        chat = client.chat.completions
        arm.make("recipes", wanted(tuned))
        assert arm.state("recipes") == "Succeeded"
        for name in ("recipes", tuned, "none"):
            with pytest.raises(openai.NotFoundError) as caught:
                chat.create(model=name, messages=HELLO)
            assert caught.value.code == "DeploymentNotFound"
        with pytest.raises(openai.NotFoundError):
            chat.create(model="recipes", messages=[])
        clock.advance(600)
        with pytest.raises(openai.BadRequestError):
            chat.create(model="recipes", messages=[])
        assert chat.create(model="recipes", messages=HELLO).model == tuned
        with pytest.raises(openai.NotFoundError):
            chat.create(model=tuned, messages=HELLO)
    assert azure.data.chats == {"recipes": 1}


def test_an_unused_deployment_of_a_tuned_model_is_deleted(
    arm: Deployer, azure: Azure, clock: VirtualClock, tuned: str
) -> None:
    arm.make("base", wanted(BASE))
    arm.make("used", wanted(tuned))
    arm.make("unused", wanted(tuned))
    clock.advance(14 * DAY)
    with data_client(azure) as client:
        client.chat.completions.create(model="used", messages=HELLO)
        clock.advance(2 * DAY)
        assert arm.names() == ["base", "used"]
        assert tuned in [one.id for one in client.models.list()]
        clock.advance(13 * DAY)
        assert arm.names() == ["base"]


def test_a_developers_deployment_lives_for_a_day(
    arm: Deployer, clock: VirtualClock, tuned: str
) -> None:
    arm.make("recipes", wanted(tuned, "DeveloperTier"))
    clock.advance(DAY - 61)
    assert arm.names() == ["recipes"]
    clock.advance(1)
    assert arm.names() == []


def test_a_deployed_model_cannot_be_deleted(arm: Deployer, azure: Azure, tuned: str) -> None:
    arm.make("recipes", wanted(tuned))
    with data_client(azure) as client:
        with pytest.raises(openai.ConflictError) as caught:
            client.models.delete(tuned)
        assert caught.value.code == "conflict"
        arm.delete("recipes")
        assert client.models.delete(tuned).deleted


class Meet(Action):
    """Two requests wait for each other."""

    def __init__(self) -> None:
        self.both = threading.Barrier(2, timeout=30)

    @property
    def before(self) -> float:
        self.both.wait()
        return 0.0


def test_writes_at_once_are_counted(arm: Deployer, azure: Azure) -> None:
    arm.make("zero", wanted(BASE))
    assert azure.arm.most_in_flight == 1
    azure.arm.faults.add(Fault(method="PUT", path="/deployments/.*", action=Meet(), times=2))

    def put(name: str) -> None:
        arm.deployments.begin_create_or_update(*arm.place, name, wanted(BASE), polling=False)

    azure.arm.creating = 0.0
    threads = [threading.Thread(target=put, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert azure.arm.most_in_flight == 2
    assert sorted(arm.names()) == ["one", "two", "zero"]


def test_faults_are_planned_as_elsewhere(arm: Deployer, azure: Azure) -> None:
    put = {"method": "PUT", "path": "/deployments/recipes"}
    told = azure_error("ServerTimeout", "Later.")
    azure.arm.faults.add(
        Fault(**cast("Any", put), action=Reply(503, told)),
        Fault(**cast("Any", put), action=DropAfter()),
    )
    with pytest.raises(HttpResponseError) as caught:
        arm.make("recipes", wanted(BASE))
    assert refused(caught.value) == (503, "ServerTimeout")
    assert azure.arm.billing() == []
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        arm.make("recipes", wanted(BASE))
    assert len(azure.arm.puts) == 2
    assert [one.name for one in azure.arm.billing()] == ["recipes"]


@pytest.mark.parametrize(
    "action",
    [Refuse(), DropBefore(), DropBefore(reset=True), DropAfter(reset=True), Hang(), CutBody(9)],
)
def test_connections_break_under_tls_too(arm: Deployer, azure: Azure, action: Action) -> None:
    azure.arm.faults.add(Fault(method="GET", path="/deployments", action=action))
    with pytest.raises(AzureError):
        list(arm.deployments.list(*arm.place, read_timeout=1))
    assert len(azure.arm.faults.hits) == 1
    assert arm.names() == []
