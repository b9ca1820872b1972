"""What Azure says of deployments and jobs, read whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from finetune_sdk import AzureDeploymentOptions, Deployment, Job
from finetune_sdk.errors import InvalidRequestError
from finetune_sdk.providers.azure_openai import wire
from finetune_sdk.providers.azure_openai.readback import explained, passed_over, understood
from finetune_sdk.types import (
    DPO,
    DatasetFile,
    DeploymentSpec,
    DeploymentStatus,
    JobError,
    JobSpec,
    JobStatus,
    Supervised,
)

SOURCE = "/subscriptions/s/resourceGroups/g/providers/p/accounts/a"
FOUND: dict[str, Any] = {
    "id": "/subscriptions/s",
    "name": "recipes",
    "sku": {"name": "Standard", "capacity": 7},
    "properties": {
        "model": {
            "format": "OpenAI",
            "name": "gpt-4o",
            "version": "2024-08-06",
            "source": SOURCE,
        },
        "provisioningState": "Succeeded",
        "raiPolicyName": "strict",
    },
    "systemData": {"createdAt": "2026-01-01T12:00:00Z"},
    "tags": {"finetune_sdk_job": "ftjob-1"},
    "etag": None,
}


def read(found: dict[str, Any]) -> Deployment:
    made = wire.deployment_of(found, url="https://a.example", hourly=1.7)
    assert made is not None
    return made


def test_a_deployment_is_read_whole() -> None:
    kept = {key: FOUND[key] for key in ("id", "sku", "properties", "systemData", "tags")}
    assert read(FOUND) == Deployment(
        id="recipes",
        name="recipes",
        provider="azure_openai",
        status=DeploymentStatus.READY,
        raw_status="Succeeded",
        model="gpt-4o-2024-08-06",
        job_id="ftjob-1",
        url="https://a.example",
        created_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
        cost_per_hour=0.0,
        raw=kept,
    )


def test_what_it_was_made_with_is_read_back() -> None:
    made = read(FOUND)
    settings: dict[str, Any] = {
        "sku": "Standard",
        "capacity": 7,
        "format": "OpenAI",
        "version": "2024-08-06",
        "source": SOURCE,
        "content_filter": "strict",
    }
    assert wire.settings_of(made) == settings
    assert AzureDeploymentOptions(**settings).model_dump() == settings
    assert wire.sku_of(made) == ("Standard", 7)


def test_what_a_tuned_model_costs_is_told() -> None:
    tuned = {"name": f"gpt-4o-2024-08-06.ft-{'0' * 32}-recipes", "version": "1"}
    found = {**FOUND, "properties": {"model": tuned}}
    assert (read(found).model, read(found).cost_per_hour) == (tuned["name"], 1.7)
    assert read({**found, "sku": {"name": "Gold"}}).cost_per_hour is None


def test_what_it_does_not_say_is_not_made_up() -> None:
    bare = read({"name": "recipes"})
    assert set(wire.settings_of(bare).values()) == {None}
    assert wire.sku_of(bare) == ("", None)
    assert (bare.model, bare.raw_status, bare.raw) == ("", "None", {})


def test_what_was_said_is_sent() -> None:
    options = AzureDeploymentOptions(source=SOURCE, content_filter="strict", capacity=3)
    sent = wire.body(
        DeploymentSpec(name="recipes", model="gpt-4o-2024-08-06", options=options.model_dump())
    )
    model = FOUND["properties"]["model"]
    assert sent == {
        "sku": {"name": "GlobalStandard", "capacity": 3},
        "properties": {"model": model, "raiPolicyName": "strict"},
    }
    assert wire.wanted_model(sent) == "gpt-4o-2024-08-06"


@pytest.mark.parametrize(("word", "going"), [("Deleting", True), ("Succeeded", False)])
def test_who_is_going_is_known(word: str, going: bool) -> None:
    assert wire.is_going({"properties": {"provisioningState": word}}) is going
    assert not wire.is_going({"provisioningState": "Deleting"})


def test_every_moment_is_in_utc() -> None:
    said = wire.when("2026-01-01T13:00:00+01:00")
    assert said is not None
    assert said.isoformat() == "2026-01-01T12:00:00+00:00"


# What the service made of a job


def job(**fields: Any) -> Job:
    given = {"id": "ftjob-1", "provider": "azure_openai", "status": JobStatus.FAILED}
    return Job.model_validate({**given, "raw_status": "failed", "model": "m", **fields})


def spec(**words: Any) -> JobSpec:
    return JobSpec.model_validate(
        {
            "model": "m",
            "training_file": DatasetFile(id="file-1"),
            "method": Supervised(),
            "key": "k",
            **words,
        }
    )


ASKED = Supervised(epochs=3, batch_size=8, learning_rate_multiplier=2)


@pytest.mark.parametrize(
    ("asked", "told", "words"),
    [
        ({"method": ASKED}, {"method": ASKED}, []),
        (
            {"method": ASKED},
            {"method": Supervised(epochs=2, batch_size=8)},
            [
                "`epochs` is 3.0, and the service says that it goes by 2.0",
                "`learning_rate_multiplier` is 2.0, and the service does not say that it goes by "
                "it",
            ],
        ),
        (
            {"method": DPO(beta=0.5)},
            {"method": DPO(beta=0.1)},
            ["`beta` is 0.5, and the service says that it goes by 0.1"],
        ),
        (
            {"method": Supervised(batch_size=8)},
            {"method": None},
            ["`batch_size` is 8, and the service does not say that it goes by it"],
        ),
        ({"seed": 7}, {"seed": 7}, []),
        ({"seed": 7}, {"seed": None}, []),
        ({}, {"seed": 8}, []),
        ({"seed": 7}, {"seed": 8}, ["`seed` is 7, and the service says that it goes by 8"]),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b", "c": "d"}}, []),
        (
            {"metadata": {"a": "b"}},
            {"metadata": {"a": "c"}},
            ["the service does not say that it keeps your `metadata`"],
        ),
        (
            {"metadata": {"a": "b"}},
            {"warnings": ("this server takes no `metadata`",)},
            [],
        ),
    ],
)
def test_what_was_passed_over_is_told(
    asked: dict[str, Any], told: dict[str, Any], words: list[str]
) -> None:
    method = {"method": Supervised()}
    assert list(passed_over(job(**{**method, **told}), spec(**{**method, **asked}))) == words


@pytest.mark.parametrize(
    ("said", "code", "advice"),
    [
        (
            "The training data failed RAI checks.",
            "unsafe_training_data",
            "mend or leave out such rows; nothing was charged",
        ),
        (
            "This model is unable to be deployed.",
            "unsafe_model",
            "mend or leave out the rows that teach it; nothing was charged",
        ),
        (
            "It scores above acceptable thresholds in 2 kinds.",
            "unsafe_model",
            "mend or leave out the rows that teach it; nothing was charged",
        ),
    ],
)
def test_a_safety_check_says_what_to_do(said: str, code: str, advice: str) -> None:
    error = JobError(code="1", message=said, param="p")
    expected = JobError(code=code, message=f"{said[:-1]} ({advice})", param="p")
    assert explained(job(error=error)) == job(error=expected)


@pytest.mark.parametrize("error", [None, JobError(message="out of memory")])
def test_another_failure_is_told_as_it_is(error: JobError | None) -> None:
    assert explained(job(error=error)) == job(error=error)


def test_a_misleading_refusal_says_what_it_may_mean() -> None:
    said = InvalidRequestError(
        "The base model does not support fine-tuning",
        provider="azure_openai",
        code="c",
        status_code=400,
        request_id="r",
        param="model",
    )
    error = understood(said, spec(), "Standard")
    assert str(error) == (
        "The base model does not support fine-tuning: Azure says this of several things. Look "
        "whether `model` is 'm' with the right version (a base model's day stands in its name), "
        "whether the resource's region takes it, and whether it can be tuned with "
        "`training_type` 'Standard': Microsoft's page on the models that can be fine-tuned has a "
        "table of the three"
    )
    assert (error.provider, error.code, error.status_code) == ("azure_openai", "c", 400)
    assert (error.request_id, error.param) == ("r", "model")
    other = InvalidRequestError("no such file", provider="azure_openai")
    assert understood(other, spec(), "Standard") is other
