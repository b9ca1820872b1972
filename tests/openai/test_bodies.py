"""Every body that we send, by the vendor's own types and by its published schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from openai.types.fine_tuning import (
    dpo_hyperparameters_param,
    job_create_params,
    reinforcement_hyperparameters_param,
    supervised_hyperparameters_param,
)

from finetune_sdk import FineTuneClient, Job, OpenAIOptions
from finetune_sdk.providers._openai_talk import uploads
from finetune_sdk.providers._openai_wire.encode import job_body
from finetune_sdk.providers.openai.capabilities import CAPABILITIES
from finetune_sdk.providers.openai.options import WandbIntegration, WandbProject
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import DPO, Method, MethodName, Reinforcement, Supervised
from tests.openai.bodies import (
    HAS_SPECS,
    QUERIES,
    Sent,
    check_recorded,
    faults_of,
    schema_faults,
    walk,
)
from tests.openai.test_encode import GRADERS, METHODS, spec
from tests.standins.openai import OpenAIService, Recorded

MODEL = "gpt-4.1-mini-2025-04-14"
CREATE = Sent(job_create_params.JobCreateParams, "CreateFineTuningJobRequest")
ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Say {number}."},
            {"role": "assistant", "content": str(number)},
        ]
    }
    for number in range(12)
]
WANDB = WandbIntegration(
    wandb=WandbProject(project="p", name="n", entity="e", tags=("first", "second"))
)


def faults(body: Mapping[str, object]) -> list[str]:
    """What the vendor says against the body of a create."""
    sent = json.loads(json.dumps(body))
    return walk(sent, CREATE.kind) + schema_faults(sent, CREATE.schema)


def hyperparameters(method: Method) -> set[str]:
    body = cast("dict[str, Any]", job_body(spec(method))["method"])
    return set(body[method.name.value]["hyperparameters"])


# Bodies of a create

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


@pytest.mark.parametrize("method", FULL, ids=lambda method: method.name.value)
@pytest.mark.parametrize("marked", [True, False])
def test_a_create_with_everything_is_as_the_vendor_says(method: Method, marked: bool) -> None:
    whole = spec(
        method,
        call="d" * 64,
        validation_file={"id": "file-2"},
        suffix="s" * 64,
        seed=2**31 - 1,
        metadata={f"k{n}": "v" * 512 for n in range(14)},
        options={"integrations": [WANDB.model_dump(mode="json", exclude_unset=True)] * 5},
    )
    assert faults(job_body(whole, marked=marked)) == []


@pytest.mark.parametrize("grader", GRADERS, ids=lambda grader: grader.type)
def test_every_grader_is_as_the_vendor_says(grader: Any) -> None:
    assert faults(job_body(spec(Reinforcement(grader=grader)))) == []


def test_every_method_and_grader_that_we_support_is_checked_here() -> None:
    assert {method.name for method in FULL} == CAPABILITIES.methods.keys()
    support = CAPABILITIES.methods[MethodName.REINFORCEMENT]
    assert {grader.type for grader in GRADERS} == support.graders


@settings(max_examples=250, deadline=None)
@given(method=METHODS)
def test_every_method_is_as_the_vendor_says(method: Method) -> None:
    assert faults(job_body(spec(method))) == []


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        (FULL[0], supervised_hyperparameters_param.SupervisedHyperparametersParam),
        (FULL[1], dpo_hyperparameters_param.DpoHyperparametersParam),
        (FULL[2], reinforcement_hyperparameters_param.ReinforcementHyperparametersParam),
    ],
)
def test_every_hyperparameter_that_the_vendor_has_can_be_said(method: Method, kind: Any) -> None:
    assert hyperparameters(method) == set(kind.__annotations__)


def test_everything_else_that_the_vendor_has_can_be_said() -> None:
    whole = spec(
        validation_file={"id": "f"},
        suffix="s",
        seed=1,
        options={"integrations": [WANDB.model_dump(mode="json")]},
    )
    old = {"hyperparameters"}  # They stand in `method`.
    assert set(job_body(whole)) == set(job_create_params.JobCreateParams.__annotations__) - old


# All that is sent on the way of a job


@pytest.fixture
def service() -> Iterator[OpenAIService]:
    with OpenAIService(VirtualClock()) as service:
        yield service


def client_of(service: OpenAIService, folder: Path) -> FineTuneClient:
    provider = OpenAIProvider(
        api_key=service.key, base_url=service.url, home=folder, clock=service.clock, environ={}
    )
    return FineTuneClient(provider, home=folder)


def created(client: FineTuneClient, **more: Any) -> Job:
    return client.jobs.create(model=MODEL, training_data=ROWS, **more)


def test_what_reaches_the_service_is_as_the_vendor_says(
    service: OpenAIService, tmp_path: Path
) -> None:
    with client_of(service, tmp_path) as client:
        words = {
            "validation_data": ROWS,
            "method": FULL[0],
            "suffix": "recipes",
            "seed": 1,
            "metadata": {"team": "a"},
            "options": [OpenAIOptions(integrations=(WANDB,))],
        }
        job = created(client, **words, idempotency_key="one")
        client.jobs.pause(job)
        client.jobs.resume(job)
        done = client.jobs.wait(job, progress=False, on_event=lambda _: None)
        list(client.jobs.metrics(job))
        list(client.jobs.checkpoints(job))
        list(client.jobs.list())
        list(client.datasets.list())
        list(client.models.list())
        client.jobs.cancel(created(client))
        made = client.deployments.create(done, name="recipes")
        said = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
        client.deployments.chat(
            made, said, temperature=0, top_p=0.5, max_tokens=9, seed=1, stop=["x"]
        )
        client.models.delete(done.fine_tuned_model or "")
    assert check_recorded(service) >= 5
    places = {one.path for one in service.requests if one.method == "POST"}
    assert {"/files", "/fine_tuning/jobs", "/chat/completions"} <= places


def test_a_large_file_is_sent_as_the_vendor_says(
    service: OpenAIService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "ONE_REQUEST", 100)
    monkeypatch.setattr(uploads, "PART", 512)
    with client_of(service, tmp_path) as client:
        client.datasets.upload(ROWS)
    parts = [one for one in service.requests if one.path.endswith("/parts")]
    assert len(parts) == 2
    assert check_recorded(service) == len(parts) + 2


def test_an_upload_that_is_given_up_is_as_the_vendor_says(
    service: OpenAIService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "ONE_REQUEST", 100)
    monkeypatch.setattr(uploads, "PART", 1024 * 1024)
    monkeypatch.setattr("tests.standins.openai.uploads.LARGEST_PART", 10)
    with client_of(service, tmp_path) as client, pytest.raises(Exception, match="64 MB"):
        client.datasets.upload(ROWS)
    assert service.requests[-1].path.endswith("/cancel")
    check_recorded(service)


# Whether the check itself sees anything

GOOD: dict[str, Any] = {
    "model": "m",
    "training_file": "f",
    "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
    "metadata": {"a": "b"},
    "integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": ["t"]}}],
    "seed": 1,
}


def with_(place: str, value: object) -> dict[str, Any]:
    """The good body, and something else at a place."""
    body = json.loads(json.dumps(GOOD))
    *way, last = place.split(".")
    inner = body
    for name in way:
        inner = inner[int(name) if name.isdecimal() else name]
    inner[last] = value
    return cast("dict[str, Any]", body)


def test_a_good_body_has_no_faults() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        ("n_epochs", 3, "body.n_epochs is unknown"),
        ("method.supervised.hyperparameters.epochs", 3, "hyperparameters.epochs is unknown"),
        ("method.supervised.hyperparameters.n_epochs", 2.5, "n_epochs is 2.5, "),
        ("method.supervised.hyperparameters.n_epochs", True, "n_epochs is True, "),
        ("method.supervised.hyperparameters.n_epochs", "many", "n_epochs is 'many', none of"),
        ("method.type", "kto", "body.method.type is 'kto', none of"),
        ("method.kto", {}, "body.method.kto is unknown"),
        ("integrations.0.wandb.run", "x", "body.integrations[0].wandb.run is unknown"),
        ("integrations.0.type", "mlflow", "body.integrations[0].type is 'mlflow', none of"),
        ("integrations", {}, "body.integrations is {}, and no list"),
        ("metadata.a", 7, "body.metadata.a is 7, and no"),
        ("metadata", ["x"], "body.metadata is ['x'], and no object"),
        ("seed", "1", "body.seed is '1', and no"),
        ("training_file", None, "body.training_file is None, and no"),
    ],
)
def test_a_wrong_body_is_seen(place: str, value: object, fault: str) -> None:
    assert any(fault in found for found in walk(with_(place, value), CREATE.kind))


@pytest.mark.parametrize("name", ["model", "training_file"])
def test_what_is_missing_is_seen(name: str) -> None:
    body = {key: value for key, value in GOOD.items() if key != name}
    assert walk(body, CREATE.kind) == [f"body.{name} is missing"]


def graded(grader: dict[str, Any]) -> dict[str, Any]:
    return with_("method", {"type": "reinforcement", "reinforcement": {"grader": grader}})


@pytest.mark.parametrize(
    "grader",
    [
        {"type": "string_check", "name": "n", "input": "i", "reference": "r", "operation": "is"},
        {"type": "python", "name": "n", "source": "s", "code": "s"},
        {"type": "python", "source": "s"},
        {"type": "alien", "name": "n"},
        {"type": "multi", "name": "n", "calculate_output": "x"},
        {"type": "multi", "name": "n", "calculate_output": "x", "graders": [], "x": 1},
        {
            "type": "multi",
            "name": "n",
            "calculate_output": "x",
            "graders": {"a": {"type": "python", "name": "n"}},
        },
    ],
)
def test_a_wrong_grader_is_seen(grader: dict[str, Any]) -> None:
    assert walk(graded(grader), CREATE.kind)


@pytest.mark.skipif(not HAS_SPECS, reason="FINETUNE_SPECS names no folder with OpenAI's spec")
@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("suffix", "s" * 65),
        ("seed", -1),
        ("seed", 2**31),
        ("metadata.a", 7),
        ("method.type", "kto"),
        ("method.supervised.hyperparameters.n_epochs", 51),
        ("method.supervised.hyperparameters.batch_size", 257),
        ("integrations.0.wandb", {}),
    ],
)
def test_what_is_beyond_a_limit_is_seen_by_the_schema(place: str, value: object) -> None:
    assert schema_faults(with_(place, value), CREATE.schema)


def recorded(method: str, path: str, **more: Any) -> Recorded:
    return Recorded(method, path, more.pop("query", {}), {}, more.pop("body", b""), **more)


@pytest.mark.parametrize(
    "request_",
    [
        recorded("POST", "/nowhere"),
        recorded("POST", "/fine_tuning/jobs/j/cancel", body=b"{}"),
        recorded("POST", "/fine_tuning/jobs", json=GOOD, body=b"{}", query={"dry_run": ["1"]}),
        recorded("GET", "/models", body=b"{}"),
        recorded("GET", "/fine_tuning/jobs", query={"order": ["asc"]}),
        recorded("DELETE", "/files/f", query={"force": ["1"]}),
    ],
)
def test_a_wrong_request_is_seen(request_: Recorded) -> None:
    assert len(faults_of(request_)) == 1


@pytest.mark.parametrize(
    "request_",
    [
        recorded("POST", "/fine_tuning/jobs/j/cancel"),
        recorded("POST", "/fine_tuning/jobs", json=GOOD, body=b"{}"),
        recorded("GET", "/fine_tuning/jobs", query={"metadata[finetune_sdk_key]": ["k"]}),
        recorded("GET", "/files", query={"limit": ["9"], "after": ["f"], "purpose": ["fine-tune"]}),
    ],
)
def test_a_good_request_has_no_faults(request_: Recorded) -> None:
    assert faults_of(request_) == []


def test_a_key_that_was_sent_knowingly_is_no_fault() -> None:
    newer = recorded("POST", "/fine_tuning/jobs", json={**GOOD, "priority": "low"}, body=b"{}")
    assert faults_of(newer) == ["body.priority is unknown"]
    assert faults_of(newer, newer={"priority"}) == []


def test_the_types_of_queries_have_keys() -> None:
    assert all(kind.__annotations__ for kind in QUERIES.values())
