"""Deployments: made from jobs and models, reached by OpenAI's wire."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    DeploymentFailedError,
    DeploymentStatus,
    FineTuneClient,
    InvalidRequestError,
    Job,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    RateLimitError,
    ServerError,
    UnsupportedError,
    WaitTimeoutError,
)
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import Connection, Deployment, DeploymentSpec
from tests.resources.bare import BareProvider

ROWS = [
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
]
QUESTION = [{"role": "user", "content": "why?"}]


@pytest.fixture
def fake() -> FakeProvider:
    return FakeProvider(replies={"why?": "because"})


@pytest.fixture
def client(fake: FakeProvider) -> Iterator[FineTuneClient]:
    with FineTuneClient(fake) as opened:
        yield opened


@pytest.fixture
def job(client: FineTuneClient) -> Job:
    return client.jobs.wait(client.jobs.create(model="base", training_data=ROWS), progress=False)


def test_a_job_is_deployed_and_answers(client: FineTuneClient, job: Job) -> None:
    deployment = client.deployments.create(job, name="recipes")
    assert deployment.job_id == job.id
    assert deployment.model == job.fine_tuned_model
    reply = client.deployments.chat(deployment, QUESTION, temperature=0)
    assert reply.content == "because"
    assert str(reply) == "because"
    assert reply.finish_reason == "stop"


def test_a_handle_of_a_job_is_deployed_too(client: FineTuneClient, job: Job) -> None:
    assert client.deployments.create(job.handle, name="recipes").model == job.fine_tuned_model


def test_a_base_model_is_deployed_by_name(client: FineTuneClient) -> None:
    deployment = client.deployments.create("base", name="plain")
    assert (deployment.model, deployment.job_id) == ("base", None)


def test_a_job_that_runs_has_nothing_to_deploy(client: FineTuneClient) -> None:
    running = client.jobs.create(model="base", training_data=ROWS)
    with pytest.raises(ConfigurationError, match="has made no model"):
        client.deployments.create(running, name="recipes")


def test_replies_may_come_from_a_function() -> None:
    def count(messages: Sequence[Mapping[str, object]]) -> str:
        return str(len(messages))

    with FineTuneClient(FakeProvider(replies=count)) as client:
        client.deployments.create("base", name="plain")
        assert client.deployments.chat("plain", [*QUESTION, *QUESTION]).content == "2"


def test_existing_openai_code_talks_to_it(client: FineTuneClient) -> None:
    deployment = client.deployments.create("base", name="plain")
    with client.deployments.openai(deployment) as ready:
        answer = ready.chat.completions.create(
            model=deployment.id, messages=[{"role": "user", "content": "why?"}]
        )
    assert answer.choices[0].message.content == "because"


def test_the_fake_streams_word_by_word() -> None:
    with FineTuneClient(FakeProvider(replies={"why?": "because of that"})) as client:
        client.deployments.create("base", name="plain")
        with client.deployments.openai("plain") as ready:
            stream = ready.chat.completions.create(
                model="plain", messages=[{"role": "user", "content": "why?"}], stream=True
            )
            words = [chunk.choices[0].delta.content for chunk in stream]
    assert words == [None, "because", " of", " that", None]


def test_the_same_name_and_model_is_the_same_deployment(client: FineTuneClient) -> None:
    first = client.deployments.create("base", name="plain")
    assert client.deployments.create("base", name="plain") == first
    with pytest.raises(ConflictError, match="plain"):
        client.deployments.create("other", name="plain")
    assert [d.name for d in client.deployments.list()] == ["plain"]


@pytest.mark.parametrize("name", ["", "a/b", "../x", "-x", "x" * 65, "a b"])
def test_a_name_that_is_none_is_refused(client: FineTuneClient, name: str) -> None:
    with pytest.raises(ConfigurationError, match="`name`"):
        client.deployments.create("base", name=name)


def test_options_that_are_none_are_refused(client: FineTuneClient) -> None:
    nonsense: Any = [1]
    with pytest.raises(ConfigurationError, match="`options`"):
        client.deployments.create("base", name="plain", options=nonsense)
    assert list(client.deployments.list()) == []


def test_deleting_twice_is_no_error(client: FineTuneClient) -> None:
    client.deployments.create("base", name="plain")
    client.deployments.delete("plain")
    client.deployments.delete("plain")
    with pytest.raises(NotFoundError):
        client.deployments.get("plain")


class SlowProvider(FakeProvider):
    """Deployments take a while, and one never comes."""

    def __init__(self, seconds: float = 30) -> None:
        super().__init__()
        self._seconds = seconds

    def get_deployment(self, name: str, /) -> Deployment:
        found = super().get_deployment(name)
        late = self.clock.monotonic() < self._seconds
        status = DeploymentStatus.CREATING if late else DeploymentStatus.READY
        if found.model == "broken" and not late:
            status = DeploymentStatus.FAILED
        return found.model_copy(update={"status": status})


@pytest.mark.parametrize("seconds", [30, 1700])
def test_chat_waits_for_one_that_is_being_made(seconds: float) -> None:
    with FineTuneClient(SlowProvider(seconds)) as client:
        deployment = client.deployments.create("base", name="plain")
        assert client.deployments.chat(deployment, QUESTION).content
        assert client.deployments.wait(deployment).status is DeploymentStatus.READY


def test_patience_with_a_deployment_ends() -> None:
    with FineTuneClient(SlowProvider()) as client:
        client.deployments.create("base", name="plain")
        with pytest.raises(WaitTimeoutError, match="'plain' is not ready"):
            client.deployments.wait("plain", timeout=10)


def test_a_deployment_that_failed_raises() -> None:
    with FineTuneClient(SlowProvider()) as client:
        client.deployments.create("broken", name="plain")
        with pytest.raises(DeploymentFailedError, match="is failed"):
            client.deployments.chat("plain", QUESTION)


def test_what_an_hour_costs_is_held_against_the_limit(client: FineTuneClient) -> None:
    assert client.deployments.create("base", name="free", max_cost_per_hour=0).cost_per_hour == 0


class Stub(BaseHTTPRequestHandler):
    """Answers as a server of OpenAI's wire might, by the path."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Authorization"].removeprefix("Bearer ")
        status = int(self.path.split("/")[2])
        body = json.dumps({"error": {"message": f"no, {key}", "code": "busy"}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is printed."""


class FarProvider(FakeProvider):
    """Its deployments are behind an address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def connect(self, name: str, /) -> Connection:
        return Connection(base_url=self._address, api_key="canary-key-1", model=name)


@pytest.fixture
def stub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (429, RateLimitError),
        (500, ServerError),
        (418, ProviderError),
    ],
)
def test_what_a_server_refuses_is_ours_without_the_key(
    stub: str, status: int, kind: type[ProviderError], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy of the environment is not asked for what is on this machine.
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with FineTuneClient(FarProvider(f"{stub}/s/{status}")) as client:
        client.deployments.create("base", name="plain")
        with pytest.raises(kind) as caught:
            client.deployments.chat("plain", QUESTION)
    assert caught.value.status_code == status
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with FineTuneClient(FarProvider(address)) as client:
        client.deployments.create("base", name="plain")
        with pytest.raises(ConnectionFailedError, match="no answer from"):
            client.deployments.chat("plain", QUESTION)


def test_models_are_listed_and_deleted(client: FineTuneClient, job: Job) -> None:
    (model,) = client.models.list()
    assert (model.id, model.job_id) == (job.fine_tuned_model, job.id)
    client.models.delete(model)
    with pytest.raises(NotFoundError):
        client.models.get(model.id)


def test_a_spec_goes_to_json_and_back() -> None:
    spec = DeploymentSpec(name="x", model="base")
    assert DeploymentSpec.from_json(spec.to_json()) == spec


def test_a_deployment_is_paused_and_goes_on(client: FineTuneClient, job: Job) -> None:
    made = client.deployments.create(job, name="recipes")
    paused = client.deployments.pause(made)
    assert (paused.status, paused.handle) == (DeploymentStatus.PAUSED, "fake:recipes")
    assert client.deployments.get(made) == paused
    assert client.deployments.pause(paused.handle).status is DeploymentStatus.PAUSED
    resumed = client.deployments.resume("recipes")
    assert resumed.status is DeploymentStatus.READY
    assert client.deployments.chat(made, QUESTION).content == "because"


def test_one_that_is_paused_is_not_waited_for(client: FineTuneClient, fake: FakeProvider) -> None:
    made = client.deployments.create("base", name="plain")
    client.deployments.pause(made)
    before = fake.clock.monotonic()
    for call in (
        lambda: client.deployments.wait(made),
        lambda: client.deployments.chat(made, QUESTION),
    ):
        with pytest.raises(DeploymentFailedError, match=r"`deployments\.resume`") as caught:
            call()
        assert caught.value.deployment.status is DeploymentStatus.PAUSED
    assert fake.clock.monotonic() == before


def test_pausing_what_is_not_there_says_so(client: FineTuneClient) -> None:
    for verb in (client.deployments.pause, client.deployments.resume):
        with pytest.raises(NotFoundError):
            verb("nobody")


def test_a_provider_without_these_verbs_pauses_nothing() -> None:
    with FineTuneClient(BareProvider()) as client:
        for verb in (client.deployments.pause, client.deployments.resume):
            with pytest.raises(UnsupportedError, match=r"deployments\.(pause|resume)"):
                verb("plain")


async def _paused() -> list[DeploymentStatus]:
    async with AsyncFineTuneClient(FakeProvider()) as client:
        made = await client.deployments.create("base", name="plain")
        paused = await client.deployments.pause(made)
        resumed = await client.deployments.resume(made)
        return [paused.status, resumed.status]


def test_the_asynchronous_client_pauses_too() -> None:
    assert asyncio.run(_paused()) == [DeploymentStatus.PAUSED, DeploymentStatus.READY]


class BusyProvider(FakeProvider):
    """Its place is at other changes for so many tries."""

    def __init__(self, tries: float) -> None:
        super().__init__()
        self.left = tries
        self.asked = 0

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        self._turn()
        return super().create_deployment(spec)

    def delete_deployment(self, name: str, /) -> None:
        self._turn()
        super().delete_deployment(name)

    def _turn(self) -> None:
        self.asked += 1
        self.left -= 1
        if self.left >= 0:
            raise ConflictError("busy", provider="fake", code="RequestConflict", retryable=True)


def test_a_busy_place_is_waited_for() -> None:
    provider = BusyProvider(4)
    with FineTuneClient(provider) as client:
        made = client.deployments.create("base", name="plain")
        provider.left = 2
        client.deployments.delete(made)
        assert list(client.deployments.list()) == []
    assert provider.asked == 5 + 3


def test_a_place_that_stays_busy_is_told_after_a_quarter_of_an_hour() -> None:
    provider = BusyProvider(float("inf"))
    with FineTuneClient(provider) as client:
        before = provider.clock.monotonic()
        with pytest.raises(ConflictError, match="busy"):
            client.deployments.create("base", name="plain")
        assert 900 <= provider.clock.monotonic() - before < 931


async def _cancelled(provider: BusyProvider) -> None:
    async with AsyncFineTuneClient(provider) as client:
        making = asyncio.ensure_future(client.deployments.create("base", name="plain"))
        while not provider.asked:
            await asyncio.sleep(0)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        provider.left = 0
        assert [one async for one in client.deployments.list()] == []


def test_a_create_that_is_cancelled_while_it_waits_makes_nothing() -> None:
    provider = BusyProvider(float("inf"))
    asyncio.run(_cancelled(provider))
    assert list(FineTuneClient(provider).deployments.list()) == []


@pytest.mark.parametrize("limit", [float("nan"), -1, "2", True])
def test_a_limit_that_is_none_is_refused(client: FineTuneClient, limit: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_cost_per_hour"):
        client.deployments.create("base", name="plain", max_cost_per_hour=limit)
    assert list(client.deployments.list()) == []


def test_a_name_that_nobody_has_made_is_told_at_once(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    before = fake.clock.monotonic()
    for call in (
        lambda: client.deployments.wait("typo"),
        lambda: client.deployments.chat("typo", QUESTION),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert fake.clock.monotonic() == before


def test_a_job_of_another_profile_names_the_client_to_open(client: FineTuneClient) -> None:
    with pytest.raises(ConfigurationError, match='FineTuneClient\\("azure-key"\\)'):
        client.deployments.create("azure-key:ftjob-1", name="plain")


class RefusedProvider(FarProvider):
    """Its keys end by themselves."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.renewed = 0

    def connect(self, name: str, /) -> Connection:
        def refused() -> bool:
            self.renewed += 1
            return True

        return replace(super().connect(name), renew=lambda: "canary-key-2", refused=refused)


def test_a_key_that_is_refused_is_renewed_once(stub: str) -> None:
    provider = RefusedProvider(f"{stub}/s/401")
    with FineTuneClient(provider) as client:
        client.deployments.create("base", name="plain")
        with pytest.raises(AuthenticationError) as caught:
            client.deployments.chat("plain", QUESTION)
    assert provider.renewed == 1
    assert "canary" not in "".join(traceback.format_exception(caught.value))
