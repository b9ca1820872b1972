"""Resource Manager's words for deployments, in both directions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk import AzureDeploymentOptions, Deployment
from finetune_sdk.providers.azure_openai import wire
from finetune_sdk.types import DeploymentSpec, DeploymentStatus
from tests.openai.test_wire_jobs import JSON

TUNED = f"gpt-4.1-mini-2025-04-14.ft-{'0' * 32}-recipes"
CHECKPOINT = f"ftchkpt-{'0' * 32}"
URL = "https://my-resource.openai.azure.com/openai/v1"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def spec(model: str = TUNED, **words: Any) -> DeploymentSpec:
    return DeploymentSpec(name="recipes", model=model, **words)


def read(found: Any) -> Deployment:
    made = wire.deployment_of({"name": "recipes", **found}, url=URL, hourly=1.7)
    assert made is not None
    return made


@pytest.mark.parametrize("word", wire.STATUSES)
def test_a_state_is_known_however_it_is_spelled(word: str) -> None:
    for spelled in (word, word.upper(), word.title(), f" {word} "):
        assert wire.status_of(spelled) == (wire.STATUSES[word], spelled)


@pytest.mark.parametrize("value", ["", "Alien", None, 7, [], {}, "x" * 1000])
def test_a_state_that_nobody_knows_is_unknown(value: object) -> None:
    status, word = wire.status_of(value)
    assert status is DeploymentStatus.UNKNOWN
    assert len(word) <= 80


@pytest.mark.parametrize(
    ("model", "name", "version"),
    [
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini", "2025-04-14"),
        ("gpt-4o-2024-08-06", "gpt-4o", "2024-08-06"),
        (TUNED, TUNED, "1"),
        (CHECKPOINT, CHECKPOINT, "1"),
        ("gpt-6-luna", "gpt-6-luna", "1"),
        ("gpt-4o-2024-8-6", "gpt-4o-2024-8-6", "1"),
    ],
)
def test_a_model_goes_there_and_comes_back(model: str, name: str, version: str) -> None:
    sent: Any = wire.body(spec(model))
    told = sent["properties"]["model"]
    assert told == {"format": "OpenAI", "name": name, "version": version}
    assert wire.model_of({"model": told}) == model


def test_a_version_that_is_said_wins() -> None:
    own = AzureDeploymentOptions(version="7", format="Meta").model_dump(exclude_unset=True)
    sent: Any = wire.body(spec("llama-2025-04-14", options=own))
    model = sent["properties"]["model"]
    assert (model["format"], model["version"]) == ("Meta", "7")


def test_what_is_not_said_is_not_sent() -> None:
    sent: Any = wire.body(spec())
    assert sent.keys() == {"sku", "properties"}
    assert sent["properties"].keys() == {"model"}
    assert sent["sku"] == {"name": "GlobalStandard", "capacity": 50}


def test_tags_carry_the_job_and_the_end_in_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5)))
    sent: Any = wire.body(spec(job_id="ftjob-1", expires_at=there))
    tags = {
        "finetune_sdk_job": "ftjob-1",
        "finetune_sdk_expires": "2026-01-01T12:00:00+00:00",
    }
    assert sent["tags"] == tags
    made = read({"tags": tags})
    assert (made.job_id, made.expires_at) == ("ftjob-1", NOON)


MOMENTS: list[tuple[object, datetime | None]] = [
    ("2026-01-01T12:00:00Z", NOON),
    ("2026-01-01T12:00:00.0000000Z", NOON),
    ("2026-01-01T13:00:00+01:00", NOON),
    ("2026-01-01T12:00:00", NOON),
    ("", None),
    ("soon", None),
    ("2026-13-01", None),
    (None, None),
    (7, None),
    ([], None),
]


@pytest.mark.parametrize(("said", "moment"), MOMENTS)
def test_a_moment_is_read_or_none(said: object, moment: datetime | None) -> None:
    assert wire.when(said) == moment


def test_when_it_changed_last_is_when_it_was_made_where_nothing_else_is_said() -> None:
    made = {"createdAt": "2026-01-01T12:00:00Z"}
    later = {**made, "lastModifiedAt": "2026-01-01T12:30:00Z"}
    assert wire.changed_at(read({"systemData": made})) == NOON
    assert wire.changed_at(read({"systemData": later})) == NOON + timedelta(minutes=30)
    assert wire.changed_at(read({})) is None


@pytest.mark.parametrize("sku", ["Standard", "globalstandard", "DATAZONESTANDARD"])
def test_a_tuned_model_is_billed_for_being_there(sku: str) -> None:
    assert wire.cost(TUNED, sku, 1.7) == wire.cost(CHECKPOINT, sku, 1.7) == 1.7
    assert wire.cost("gpt-4.1-mini-2025-04-14", sku, 1.7) == 0.0


@pytest.mark.parametrize("sku", ["DeveloperTier", "developertier", "Developer"])
def test_a_developers_tier_is_billed_by_the_token_alone(sku: str) -> None:
    assert wire.cost(TUNED, sku, 1.7) == 0.0


@pytest.mark.parametrize("sku", ["ProvisionedManaged", "GlobalProvisionedManaged", "Gold", ""])
def test_of_other_kinds_nobody_knows_what_they_cost(sku: str) -> None:
    assert wire.cost(TUNED, sku, 1.7) is wire.cost("gpt-4o-2024-08-06", sku, 1.7) is None


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ({"error": {"code": "Bad", "message": "No."}}, "Bad", "No."),
        ({"error": {"code": "Bad"}}, "Bad", "Bad"),
        ({"error": {"message": "No.", "details": [{"message": "Why."}]}}, None, "No.; Why."),
        ({"error": {"message": "No.", "details": [7, {}, {"message": 7}]}}, None, "No."),
        ({"error": {"message": "No.", "details": "x"}}, None, "No."),
    ],
)
def test_a_failure_is_told_with_its_details(operation: Any, code: str | None, message: str) -> None:
    found = wire.failure_of(operation)
    assert found is not None
    assert (found.code, found.message) == (code, message)


@pytest.mark.parametrize(
    "operation", [{}, {"error": None}, {"error": {}}, {"error": "x"}, {"error": {"code": 7}}]
)
def test_an_operation_that_says_nothing_has_no_failure(operation: Any) -> None:
    assert wire.failure_of(operation) is None


@pytest.mark.parametrize("name", [None, "", 7, [], {}])
def test_what_has_no_name_is_none(name: object) -> None:
    assert wire.deployment_of({"name": name}, url=URL, hourly=1.7) is None


FIELDS = ["properties", "sku", "tags", "systemData", "id", "etag", "more"]
INNER = [
    *["provisioningState", "model", "name", "version", "capacity", "createdAt", "lastModifiedAt"],
    *["finetune_sdk_job", "finetune_sdk_expires", "error", "details"],
]
ANY: st.SearchStrategy[Any] = JSON | st.dictionaries(st.sampled_from(INNER), JSON)


@settings(max_examples=100, deadline=None)
@given(found=st.dictionaries(st.sampled_from(FIELDS), ANY))
def test_whatever_it_says_of_a_name_is_a_deployment(found: dict[str, Any]) -> None:
    made = read(found)
    assert Deployment.from_json(made.to_json()) == made
    wire.changed_at(made)
    wire.sku_of(made)


@settings(max_examples=100, deadline=None)
@given(found=st.dictionaries(st.sampled_from(["error", "status"]), ANY))
def test_whatever_an_operation_says_is_a_failure_or_none(found: dict[str, Any]) -> None:
    told = wire.failure_of(found)
    assert told is None or told.message
