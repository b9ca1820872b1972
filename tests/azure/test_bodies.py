"""Every body that we send to Azure, by its schemas, the packages' types and our overlay."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from azure.mgmt.cognitiveservices import models
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from finetune_sdk import AzureDeploymentOptions, AzureOpenAIOptions, FineTuneClient
from finetune_sdk.datasets import load
from finetune_sdk.providers._openai_talk import uploads
from finetune_sdk.providers._openai_wire.wandb import WandbIntegration, WandbProject
from finetune_sdk.providers.azure_openai.capabilities import CAPABILITIES
from finetune_sdk.providers.azure_openai.limits import body, check
from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.providers.azure_openai.settings import AzureSettings
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import DPO, Grader, Job, Method, MethodName, Reinforcement, Supervised
from tests.azure.bench import HELLO, ROWS, profile_of
from tests.azure.bodies import (
    HAS_SPECS,
    OVERLAY,
    arm_faults,
    check_requests,
    faults_of,
    overlay_faults,
    package_faults,
    schema_faults,
)
from tests.openai.test_encode import GRADERS, METHODS, spec
from tests.openai.test_provider import PAIRS, PROMPTS
from tests.standins.azure import Asked, Azure
from tests.standins.openai import Fault, Recorded, Reply

JOBS = "/fine_tuning/jobs"
MODEL, REASONING = "gpt-4.1-mini-2025-04-14", "o4-mini-2025-04-16"
OTHER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/other"
WANDB = WandbIntegration(
    wandb=WandbProject(project="p", name="n", entity="e", tags=("first", "second"))
)
SHARED: dict[str, Any] = {"epochs": 3, "batch_size": 8, "learning_rate_multiplier": 0.5}
FULL: list[Method] = [
    Supervised(**SHARED),
    DPO(**SHARED, beta=0.1),
    Reinforcement(
        **SHARED,
        grader=GRADERS[0],
        reasoning_effort="medium",
        compute_multiplier=1.5,
        eval_interval=5,
        eval_samples=2,
    ),
]
TYPES = ("Standard", "GlobalStandard", "developerTier")
VALID = {"validation_file": {"id": "file-2"}}


def faults(found: Mapping[str, object], name: str = "Create", path: str = JOBS) -> list[str]:
    """What is known against a body of the data plane."""
    sent = json.loads(json.dumps(found))
    return [
        *overlay_faults(sent, name),
        *package_faults(sent, path, "data"),
        *schema_faults(sent, path, "POST", "data"),
    ]


# The overlay itself


def test_the_overlay_is_dated_and_has_sources() -> None:
    assert date.fromisoformat(OVERLAY["read"]) <= date(2026, 12, 31)
    for one in OVERLAY["requests"]:
        assert one["sources"]
        assert set(one["sources"]) <= OVERLAY["sources"].keys()
    used = {source for one in OVERLAY["requests"] for source in one["sources"]}
    assert used == OVERLAY["sources"].keys()
    assert {one["body"] for one in OVERLAY["requests"] if "body" in one} <= OVERLAY["$defs"].keys()


def test_the_overlay_is_a_schema_that_lets_nothing_unknown_pass() -> None:
    loose = {"metadata", "tags", "items", "sampling_params", "graders", "stop"}
    for name, found in OVERLAY["$defs"].items():
        Draft202012Validator.check_schema(found)
        assert not list(_open(found, name, loose))


def _open(found: Any, name: str, loose: set[str]) -> Generator[str]:
    """Objects with keys that nobody knows."""
    if not isinstance(found, dict):
        return
    table = cast("dict[str, Any]", found)
    if table.get("type") == "object" and table.get("additionalProperties") is not False:
        if name not in loose:
            yield name
        return
    for word, one in {**table.get("properties", {}), "items": table.get("items")}.items():
        yield from _open(one, word, loose)


# Bodies of a create


@pytest.mark.parametrize("method", FULL, ids=lambda method: method.name.value)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("marked", [True, False])
def test_a_create_with_everything_is_as_is_known(method: Method, kind: str, marked: bool) -> None:
    whole = spec(
        method,
        call="d" * 64,
        **VALID,
        suffix="s-_" * 13 + "s",
        seed=2**31 - 1,
        metadata={f"k{n}": "v" * 512 for n in range(14)},
        options={"integrations": [WANDB.model_dump(mode="json", exclude_unset=True)] * 5},
    )
    check(whole)
    assert faults(body(whole, kind, marked=marked)) == []


@pytest.mark.parametrize("grader", GRADERS, ids=lambda grader: grader.type)
def test_every_grader_is_as_is_known(grader: Grader) -> None:
    found = body(spec(Reinforcement(grader=grader), **VALID), "Standard", marked=True)
    assert faults(found) == []


def test_every_method_and_grader_that_we_support_is_checked_here() -> None:
    assert {method.name for method in FULL} == CAPABILITIES.methods.keys()
    support = CAPABILITIES.methods[MethodName.REINFORCEMENT]
    assert {grader.type for grader in GRADERS} == support.graders


def test_every_hyperparameter_that_we_support_is_checked_here() -> None:
    for method in FULL:
        here = method.given()
        # Whom it trains on is Azure's own choice, and not sent.
        assert CAPABILITIES.methods[method.name].hyperparameters - {"train_on"} == here


@settings(max_examples=150, deadline=None)
@given(method=METHODS)
def test_every_method_is_as_is_known(method: Method) -> None:
    assert faults(body(spec(method, **VALID), "GlobalStandard", marked=True)) == []


# All that is sent on the way of a job and of a deployment


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Azure]:
    """What reached either plane is looked at when a test ends."""
    with Azure(VirtualClock(), tmp_path) as azure:
        azure.authority.lifetime = 10**8
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.authority.ca_file))
        yield azure
        check_requests(azure, newer=NEWER)


NEWER = {"priority"}


@pytest.fixture
def client(azure: Azure, tmp_path: Path) -> Generator[FineTuneClient]:
    provider = AzureOpenAIProvider(
        profile=AzureSettings(**profile_of(azure)),
        home=tmp_path,
        clock=azure.clock,
        environ=azure.environ,
    )
    with FineTuneClient(provider, home=tmp_path) as client:
        yield client


def done(client: FineTuneClient, **words: Any) -> Job:
    given: dict[str, Any] = {"model": MODEL, "training_data": ROWS, **words}
    return client.jobs.wait(client.jobs.create(**given), progress=False)


ROWS_OF: Mapping[MethodName, Any] = {
    MethodName.SUPERVISED: ROWS,
    MethodName.DPO: PAIRS,
    MethodName.REINFORCEMENT: PROMPTS,
}


@pytest.mark.parametrize("method", FULL, ids=lambda method: method.name.value)
def test_what_reaches_the_data_plane_is_as_is_known(
    azure: Azure, client: FineTuneClient, method: Method
) -> None:
    rows = ROWS_OF[method.name]
    job = client.jobs.create(
        model=REASONING if method.name is MethodName.REINFORCEMENT else MODEL,
        training_data=rows,
        validation_data=rows[:11],
        method=method,
        suffix="recipes",
        seed=7,
        metadata={"team": "a"},
        idempotency_key="one",
        options=[AzureOpenAIOptions(integrations=(WANDB,), training_type="developerTier")],
    )
    (sent,) = azure.data.posts(JOBS)
    assert sent.json["trainingType"] == "developerTier"
    assert sent.json["integrations"] == [WANDB.model_dump(mode="json")]
    azure.clock.sleep(100)
    client.jobs.resume(client.jobs.pause(job))
    found = client.jobs.wait(job, progress=False)
    list(client.jobs.metrics(found))
    list(client.jobs.checkpoints(found))
    list(client.jobs.events(found))
    list(client.jobs.list())
    list(client.datasets.list())
    list(client.models.list())
    client.models.get(found.fine_tuned_model or "")
    client.datasets.delete(client.datasets.upload(rows))
    client.models.delete(found.fine_tuned_model or "")
    client.jobs.cancel(client.jobs.create(model=MODEL, training_data=ROWS))
    assert check_requests(azure) >= 5


def test_a_create_without_metadata_is_as_is_known(azure: Azure, client: FineTuneClient) -> None:
    azure.data.metadata = "refused"
    done(client, metadata={"team": "a"})
    assert ["metadata" in one.json for one in azure.data.posts(JOBS)] == [True, False]


def test_a_lost_create_is_looked_for_as_is_known(azure: Azure, client: FineTuneClient) -> None:
    azure.data.faults.add(Fault(method="POST", path=JOBS, action=Reply(500, after=True)))
    done(client)
    assert len(azure.data.jobs) == 1
    assert any(one.query for one in azure.data.requests if one.path == JOBS)


def test_a_field_that_is_newer_than_us_is_sent_and_is_no_fault_if_it_is_meant(
    azure: Azure, client: FineTuneClient
) -> None:
    options = [AzureOpenAIOptions(extra_body={"priority": "low"})]
    with pytest.raises(Exception, match="priority"):
        done(client, options=options)
    (sent,) = azure.data.posts(JOBS)
    assert len(faults_of(sent, "data")) == 2  # By the overlay, and by the package.
    assert faults_of(sent, "data", newer=NEWER) == []


def test_a_copy_of_a_checkpoint_is_as_is_known(azure: Azure, client: FineTuneClient) -> None:
    checkpoint = next(client.jobs.checkpoints(done(client)))
    provider: Any = client.provider
    provider.copy_checkpoint(checkpoint, destination=OTHER, region="swedencentral")
    provider.get_checkpoint_copy(checkpoint)
    asked = [one for one in azure.data.requests if one.path.endswith("/copy")]
    assert [one.method for one in asked] == ["POST", "GET"]
    assert asked[0].json == {"destinationResourceId": OTHER, "region": "swedencentral"}


@pytest.mark.parametrize(
    "options",
    [
        AzureDeploymentOptions(),
        AzureDeploymentOptions(sku="Standard", capacity=1),
        AzureDeploymentOptions(sku="DeveloperTier", content_filter="Microsoft.DefaultV2"),
        AzureDeploymentOptions(sku="GlobalProvisionedManaged", source=OTHER, format="OpenAI"),
    ],
    ids=lambda options: options.sku,
)
def test_what_reaches_resource_manager_is_as_is_known(
    azure: Azure, client: FineTuneClient, options: AzureDeploymentOptions
) -> None:
    job = done(client)
    made = client.deployments.create(job, name="recipes", ttl=3600, options=[options])
    made = client.deployments.wait(made)
    client.deployments.chat(made, HELLO, temperature=0, top_p=0.5, max_tokens=9, seed=1, stop=["x"])
    list(client.deployments.list())
    client.deployments.delete(made)
    (put,) = azure.arm.puts
    assert put.json["tags"].keys() == {"finetune_sdk_job", "finetune_sdk_expires"}
    assert put.query == {"api-version": ["2025-09-01"]}
    assert check_requests(azure) >= 3


def test_a_checkpoint_and_a_base_model_are_deployed_as_is_known(
    azure: Azure, client: FineTuneClient
) -> None:
    checkpoint = next(client.jobs.checkpoints(done(client)))
    served: list[Any] = [checkpoint, MODEL]
    for number, model in enumerate(served):
        client.deployments.wait(client.deployments.create(model, name=f"d{number}"))
    said = [put.json["properties"]["model"] for put in azure.arm.puts]
    assert [(one["name"], one["version"]) for one in said] == [
        (checkpoint.model, "1"),
        ("gpt-4.1-mini", "2025-04-14"),
    ]


def test_the_reason_of_a_failure_is_asked_for_as_is_known(
    azure: Azure, client: FineTuneClient
) -> None:
    azure.arm.fail("InternalServerError", "No room.")
    client.deployments.create(done(client), name="recipes")
    azure.clock.sleep(100)
    assert client.deployments.get("recipes").error is not None
    assert any("operationResults" in one.path for one in azure.arm.requests)


def test_a_file_in_parts_is_as_is_known(
    azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "ONE_REQUEST", 100)
    monkeypatch.setattr(uploads, "PART", 512)
    azure.data.takes_uploads = True
    provider = AzureOpenAITrainer(
        endpoint=azure.data.endpoint,
        api_key=azure.data.key,
        profile=AzureSettings(uploads=True),
        home=tmp_path,
        environ={},
    )
    with FineTuneClient(provider, home=tmp_path) as client:
        client.datasets.upload(load(list(ROWS)))
    assert check_requests(azure) >= 3


# Whether the check itself sees anything

GOOD: dict[str, Any] = {
    "model": "m",
    "training_file": "f",
    "trainingType": "Standard",
    "suffix": "s",
    "seed": 1,
    "metadata": {"a": "b"},
    "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
    "integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": ["t"]}}],
}
DEPLOYMENT: dict[str, Any] = {
    "sku": {"name": "Standard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": "m", "version": "1", "source": OTHER}},
    "tags": {"a": "b"},
}


def with_(place: str, value: object, good: Mapping[str, Any] = GOOD) -> dict[str, Any]:
    """The good body, and something else at a place; None is left out."""
    found = json.loads(json.dumps(good))
    *way, last = place.split(".")
    inner = found
    for name in way:
        inner = inner[int(name) if name.isdecimal() else name]
    inner.pop(last, None)
    if value is not None:
        inner[last] = value
    return cast("dict[str, Any]", found)


def test_good_bodies_have_no_faults() -> None:
    assert faults(GOOD) == []
    assert overlay_faults(DEPLOYMENT, "Deployment") == []
    assert arm_faults(DEPLOYMENT, models.Deployment) == []
    assert schema_faults(DEPLOYMENT, "/deployments/{id}", "PUT", "management") == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("trainingType", None),
        ("trainingType", "globalstandard"),
        ("trainingType", 1),
        ("training_type", "Standard"),
        ("suffix", "a.b"),
        ("suffix", "s" * 41),
        ("suffix", ""),
        ("seed", -1),
        ("seed", 2**31),
        ("model", None),
        ("training_file", None),
        ("method", None),
        ("method.type", "kto"),
        ("method.supervised.hyperparameters.epochs", 3),
        ("method.supervised.hyperparameters.n_epochs", 2.5),
        ("method.supervised.hyperparameters.n_epochs", "many"),
        ("method.supervised.hyperparameters.beta", 0.1),
        ("method.supervised.grader", {}),
        ("method", {"type": "reinforcement", "reinforcement": {}}),
        ("metadata.a", 7),
        ("metadata.a", "v" * 513),
        ("integrations.0.wandb.run", "x"),
        ("integrations.0.wandb", {}),
        ("hyperparameters", {"n_epochs": 3}),
        ("priority", "low"),
    ],
)
def test_a_wrong_body_is_seen_by_the_overlay(place: str, value: object) -> None:
    assert overlay_faults(with_(place, value), "Create")


def test_reinforcement_without_a_validation_file_is_seen() -> None:
    found = body(spec(FULL[2]), "Standard", marked=True)
    assert len(overlay_faults(json.loads(json.dumps(found)), "Create")) == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("sku.name", "developertier"),
        ("sku.name", None),
        ("sku.capacity", 0),
        ("sku.capacity", "50"),
        ("sku.family", "x"),
        ("properties.model.version", None),
        ("properties.model.version", 1),
        ("properties.model.source", "/subscriptions/s"),
        ("properties.model.id", "x"),
        ("properties.provisioningState", "Succeeded"),
        ("properties.ttl", 1),
        ("tags.a", 1),
        ("location", "eastus2"),
    ],
)
def test_a_wrong_deployment_is_seen_by_the_overlay(place: str, value: object) -> None:
    assert overlay_faults(with_(place, value, DEPLOYMENT), "Deployment")


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        ("name", "recipes", "body.name is unknown"),  # It is read only.
        ("location", "x", "body.location is unknown"),
        ("properties.provisioningState", "Succeeded", "body.properties.provisioningState"),
        ("properties.model.callRateLimit", {}, "body.properties.model.callRateLimit is unknown"),
        ("properties.model.id", "x", "body.properties.model.id is unknown"),
        ("properties.model", "m", "body.properties.model is 'm', and no object"),
        ("sku.capacity", "1", "body.sku.capacity is '1', and no int"),
        ("sku.capacity", True, "body.sku.capacity is True, and no int"),
        ("tags", ["a"], "body.tags is ['a'], and no {str}"),
    ],
)
def test_a_wrong_deployment_is_seen_by_the_package(place: str, value: object, fault: str) -> None:
    found = arm_faults(with_(place, value, DEPLOYMENT), models.Deployment)
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.skipif(not HAS_SPECS, reason="FINETUNE_SPECS names no folder with Azure's specs")
@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("suffix", "s" * 65),
        ("seed", -1),
        ("metadata.a", 7),
        ("method.type", "kto"),
        ("method.supervised.hyperparameters.n_epochs", 2.5),
        ("integrations.0.wandb", {}),
        ("training_file", None),
    ],
)
def test_what_is_beyond_a_limit_is_seen_by_the_schema(place: str, value: object) -> None:
    assert schema_faults(with_(place, value), JOBS, "POST", "data")


@pytest.mark.skipif(not HAS_SPECS, reason="FINETUNE_SPECS names no folder with Azure's specs")
@pytest.mark.parametrize(
    ("path", "plane", "found"),
    [
        ("/files", "data", {"file": "x", "purpose": "vision"}),
        (f"{JOBS}/{{id}}/checkpoints/{{id}}/copy", "data", {"region": "r"}),
        ("/deployments/{id}", "management", {"sku": {"name": "Standard"}}),
        ("/deployments/{id}", "management", {"sku": {}, "properties": {}}),
    ],
)
def test_other_bodies_are_seen_by_the_schema_too(path: str, plane: str, found: Any) -> None:
    method = "POST" if plane == "data" else "PUT"
    assert schema_faults(found, path, method, plane)


def recorded(method: str, path: str, **more: Any) -> Recorded:
    return Recorded(
        method, path, more.pop("query", {}), more.pop("headers", {}), more.pop("body", b""), **more
    )


@pytest.mark.parametrize(
    ("request_", "plane"),
    [
        (recorded("POST", "/nowhere"), "data"),
        (recorded("PATCH", JOBS), "data"),
        (recorded("PUT", "/deployments/d", json=DEPLOYMENT, body=b"{}"), "data"),
        (recorded("POST", f"{JOBS}/j/cancel", body=b"{}"), "data"),
        (recorded("POST", JOBS), "data"),
        (recorded("GET", JOBS, query={"api-version": ["preview"]}), "data"),
        (recorded("GET", f"{JOBS}/j/checkpoints/c/copy"), "data"),
        (recorded("PATCH", "/deployments/d", json=DEPLOYMENT, body=b"{}"), "management"),
        (recorded("GET", "/deployments/d", query={"$expand": ["x"]}), "management"),
        (recorded("DELETE", "/accounts"), "management"),
    ],
)
def test_a_wrong_request_is_seen(request_: Recorded, plane: str) -> None:
    assert len(faults_of(request_, plane)) == 1


def test_requests_of_both_planes_are_told_apart(azure: Azure, client: FineTuneClient) -> None:
    list(client.deployments.list())
    list(client.jobs.list())
    assert all(isinstance(one, Asked) for one in azure.arm.requests)
    assert not any(isinstance(one, Asked) for one in azure.data.requests)
