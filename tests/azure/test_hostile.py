"""Answers that neither plane of Azure would give: only our errors come out, and in time.

The generator of answers is that of the tests of OpenAI. A failure shows what was answered.
"""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests
import urllib3
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.adapters import BaseAdapter, HTTPAdapter

from finetune_sdk.datasets import Dataset, load
from finetune_sdk.providers._openai_talk import stack
from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.testing import VirtualClock
from finetune_sdk.testing.clock import START
from finetune_sdk.types import Checkpoint, DatasetFile, DeploymentSpec, JobSpec, Supervised
from tests.azure.bench import ROWS
from tests.openai.test_hostile import (
    AT,
    CHECKPOINT,
    EVENT,
    FILE,
    HEADERS,
    JOB,
    LEAVES,
    RAW,
    STATUSES,
    UPLOAD,
    VERBS,
    Dice,
    only_our_errors,
    page,
)

MODEL = "gpt-4.1-mini-2025-04-14"
OTHER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/other"
SPEC = JobSpec(
    key="k" * 32,
    call="c",
    model=MODEL,
    method=Supervised(epochs=3),
    training_file=DatasetFile(id="file-1", name="rows"),
    validation_file=DatasetFile(id="file-2"),
    seed=7,
    metadata={"team": "a"},
)
CHECK = Checkpoint(
    id="ftchkpt-1",
    job_id="ftjob-1",
    provider="azure_openai",
    model="ftchkpt-1",
    step=1,
    created_at=START,
)

# Good answers, from which bad ones are made.

AZURE_JOB: dict[str, Any] = {
    **JOB,
    "status": "pending",
    "organization_id": None,
    "result_files": None,
    "updated_at": AT,
    "trainingType": "globalStandard",
    "error": {"message": "The provided training data failed RAI checks", "code": "c"},
}
AZURE_MODEL: dict[str, Any] = {
    "id": MODEL,
    "object": "model",
    "created_at": AT,
    "status": "succeeded",
    "capabilities": {"fine_tune": True, "inference": True},
    "lifecycle_status": "generally-available",
    "deprecation": {"fine_tune": 1_791_936_000, "inference": 1_823_472_000},
}
COPY = {"checkpointedModelName": "ftchkpt-1", "fineTuningJobId": "ftjob-1", "status": "Completed"}
UNTUNABLE = {"error": {"code": "c", "message": "The specified base model does not support tuning"}}
DEPLOYMENT: dict[str, Any] = {
    "id": "/subscriptions/s/deployments/recipes",
    "name": "recipes",
    "type": "Microsoft.CognitiveServices/accounts/deployments",
    "etag": '"x"',
    "sku": {"name": "GlobalStandard", "capacity": 50},
    "tags": {"finetune_sdk_job": "ftjob-1", "finetune_sdk_expires": "2026-01-01T00:00:00+00:00"},
    "systemData": {
        "createdAt": "2026-01-01T00:00:00.000000Z",
        "lastModifiedAt": "2026-01-01T00:00:00.000000Z",
    },
    "properties": {
        "model": {"format": "OpenAI", "name": f"{MODEL}.ft-1", "version": "1"},
        "provisioningState": "Succeeded",
        "currentCapacity": 50,
        "capabilities": {"chatCompletion": "true"},
        "rateLimits": [{"key": "token", "renewalPeriod": 60, "count": 50_000}],
    },
}
REFUSAL: dict[str, Any] = {
    "error": {"code": "RequestConflict", "message": "Another operation", "details": [{"code": "x"}]}
}
OPERATION = {"id": "o", "name": "o", "status": "Failed", "error": {"code": "c", "message": "m"}}
DATA: list[Any] = [
    *[AZURE_JOB, JOB, FILE, AZURE_MODEL, UPLOAD, EVENT, COPY, UNTUNABLE, {"id": "x"}],
    *[page(one, one) for one in (AZURE_JOB, EVENT, CHECKPOINT, FILE, AZURE_MODEL)],
    {**AZURE_JOB, "status": "succeeded", "fine_tuned_model": f"{MODEL}.ft-1", "error": None},
]
MANAGED: list[Any] = [
    *[DEPLOYMENT, REFUSAL, OPERATION, {"value": [DEPLOYMENT, DEPLOYMENT]}, {"value": None}],
    *[{**DEPLOYMENT, "properties": {"provisioningState": word}} for word in ("Failed", "Alien")],
    {"value": [DEPLOYMENT], "nextLink": "https://evil.example/next"},
]
PLACE = "https://management.azure.com"
ELSEWHERE: list[tuple[str, str]] = [
    *[("azure-asyncoperation", url) for url in (f"{PLACE}/operation", "https://evil.example", "x")],
    *[("location", url) for url in (f"{PLACE}/other", "https://evil.example/", "//", "x")],
    *[("www-authenticate", how) for how in ("Bearer", 'Bearer claims="x"', "\u00e9", "Basic x=")],
]


class AzureDice(Dice):
    """Draws answers of both planes."""

    count: int

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._good = DATA

    def of_manager(self, request: requests.PreparedRequest) -> requests.Response:
        """What Microsoft's client gets for a request."""
        self._good = MANAGED
        draw: random.Random = self._random
        status, body = draw.choice(STATUSES), self._body()
        headers = dict(draw.choices([*HEADERS, *ELSEWHERE], k=draw.choice((0, 1, 2))))
        self._good = DATA
        self.count += 1
        self.last.append((f"{request.method} {request.url}", status, headers, body))
        return response_of(request, status, headers, body)

    def _body(self) -> bytes:
        draw: random.Random = self._random
        kind = draw.random()
        if kind < 0.15:
            return draw.choice(RAW)
        body = json.dumps(self._changed(draw.choice(self._good), 1.0)).encode()
        return body[: draw.randrange(len(body))] if kind > 0.97 else body


def response_of(
    request: requests.PreparedRequest, status: int, headers: Mapping[str, str], body: bytes
) -> requests.Response:
    raw = urllib3.HTTPResponse(
        body=io.BytesIO(body), headers=dict(headers), status=status, preload_content=False
    )
    adapter: Any = HTTPAdapter()
    found: requests.Response = adapter.build_response(request, raw)
    return found


class Constant(AzureDice):
    """Answers the same to everything."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(0)
        self._fixed = status, body

    def answer(self, request: Any) -> Any:
        status, body = self._fixed
        self.last.append((str(request.method), status, {}, body))
        return stack.library().Response(status, stream=stack.library().ByteStream(body))

    def of_manager(self, request: requests.PreparedRequest) -> requests.Response:
        status, body = self._fixed
        self.last.append((str(request.method), status, {}, body))
        return response_of(request, status, {}, body)


class Wire(BaseAdapter):
    """Whom the one provider of these tests talks to, on both planes.

    Attributes:
        hosts: that Resource Manager's client has asked.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dice: AzureDice = AzureDice(0)
        self.hosts: set[str] = set()

    def handle(self, request: Any) -> Any:
        request.read()
        return self.dice.answer(request)

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.hosts.add((request.url or "").split("/")[2])
        return self.dice.of_manager(request)

    def close(self) -> None:
        pass


class Given:
    def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken("a-token-of-nobody-0123456789", int(time.time()) + 10**6)


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="module")
def provider(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One for all: no answer may spoil it for the next one."""
    library = stack.library()

    def client(**words: Any) -> Any:
        return library.Client(transport=library.MockTransport(wire.handle), **words)

    def session() -> requests.Session:
        made = requests.Session()
        made.mount("https://", wire)
        return made

    kind: Any = RequestsTransport

    class Transport(kind):  # type: ignore[misc]
        def open(self) -> None:
            self.session = session()

        def close(self) -> None:
            pass

    made = AzureOpenAIProvider(
        endpoint="https://my-resource.example",
        credential=Given(),
        subscription_id="s",
        resource_group="g",
        account="a",
        management_transport=Transport(session=session(), session_owner=False),
        home=tmp_path_factory.mktemp("hostile"),
        environ={},
        clock=VirtualClock(),
        profile=None,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack, "client_class", lambda: client)
        wire.dice = Constant(200, b'{"data": []}')
        made.list_models(limit=1, cursor=None)  # It is opened with the first request.
    yield made
    made.close()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return load(path)


SERVED = DeploymentSpec(name="recipes", model=f"{MODEL}.ft-1", job_id="ftjob-1")
OWN: dict[str, Callable[[Any, Dataset], object]] = {
    "create_job": lambda p, _: p.create_job(SPEC),
    "preflight_job": lambda p, _: p.preflight_job(SPEC),
    "find_jobs": lambda p, _: p.find_jobs(SPEC.key, spec=SPEC, since=p.clock.now()),
    "delete_model": lambda p, _: p.delete_model(f"{MODEL}.ft-1"),
    "copy": lambda p, _: p.copy_checkpoint(CHECK, destination=OTHER, region="r"),
    "copied": lambda p, _: p.get_checkpoint_copy(CHECK),
    "connect": lambda p, _: p.connect("recipes"),
}
MANAGING: dict[str, Callable[[Any, Dataset], object]] = {
    "create_deployment": lambda p, _: p.create_deployment(SERVED),
    "get_deployment": lambda p, _: p.get_deployment("recipes"),
    "list_deployments": lambda p, _: p.list_deployments(limit=2, cursor=None),
    "delete_deployment": lambda p, _: p.delete_deployment("recipes"),
}
ALL: dict[str, Callable[[Any, Dataset], object]] = {**VERBS, **OWN, **MANAGING}

EXAMPLES, ROUNDS = 12, 4
"""Seeds, and how often each verb is called for a seed."""


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**64))
def test_whatever_is_answered_only_our_errors_come_out(
    wire: Wire, provider: Any, rows: Dataset, seed: int
) -> None:
    """SEC-13."""
    wire.dice = AzureDice(seed)
    for _ in range(ROUNDS):
        for verb in ALL.values():
            only_our_errors(verb, provider, rows, wire.dice)
    assert wire.dice.count >= ROUNDS * (len(ALL) - 1)


@pytest.mark.parametrize("body", RAW, ids=lambda body: repr(body[:30]))
@pytest.mark.parametrize("status", [200, 400, 404, 409, 500])
def test_known_evil_is_no_exception_of_pythons(
    wire: Wire, provider: Any, rows: Dataset, body: bytes, status: int
) -> None:
    """SEC-13."""
    wire.dice = Constant(status, body)
    for verb in {**OWN, **MANAGING}.values():
        only_our_errors(verb, provider, rows, wire.dice)


@pytest.mark.parametrize("value", LEAVES, ids=lambda value: repr(value)[:30])
def test_each_field_may_be_anything(wire: Wire, provider: Any, rows: Dataset, value: Any) -> None:
    """SEC-13."""
    for good, verbs in (
        (AZURE_JOB, ("get_job", "create_job")),
        (AZURE_MODEL, ("get_model", "preflight_job")),
        (COPY, ("copied",)),
        (DEPLOYMENT, ("get_deployment", "create_deployment")),
    ):
        for name in good:
            for status in (200, 400):
                wire.dice = Constant(status, json.dumps({**good, name: value}).encode())
                for verb in verbs:
                    only_our_errors(ALL[verb], provider, rows, wire.dice)


@pytest.mark.parametrize("value", LEAVES, ids=lambda value: repr(value)[:30])
def test_each_field_within_a_deployment_may_be_anything(
    wire: Wire, provider: Any, rows: Dataset, value: Any
) -> None:
    """SEC-13."""
    for part in ("sku", "tags", "systemData", "properties"):
        for name in DEPLOYMENT[part]:
            odd = {**DEPLOYMENT, part: {**DEPLOYMENT[part], name: value}}
            for body in (odd, {"value": [odd]}):
                wire.dice = Constant(200, json.dumps(body).encode())
                for verb in ("get_deployment", "list_deployments"):
                    only_our_errors(ALL[verb], provider, rows, wire.dice)


def test_no_other_host_was_asked_by_then(wire: Wire, provider: Any, rows: Dataset) -> None:
    wire.dice = AzureDice(7)
    for _ in range(50):
        for verb in MANAGING.values():
            only_our_errors(verb, provider, rows, wire.dice)
    assert wire.hosts == {"management.azure.com"}


def test_a_good_answer_is_read_after_all_that(wire: Wire, provider: Any) -> None:
    wire.dice = Constant(200, json.dumps({**AZURE_JOB, "error": None}).encode())
    assert provider.get_job("ftjob-1").id == "ftjob-1"
    wire.dice = Constant(200, json.dumps(DEPLOYMENT).encode())
    assert provider.get_deployment("recipes").model == f"{MODEL}.ft-1"
