"""Deployments on Inference Endpoints: what their tests stand on.

A `Bench` is the Hub on loopback with its clock, and clients of it. After each test it holds
against the oracle that the token is in nothing that was said, logged, or sent but in the one
header.
"""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import huggingface_hub
import pytest
from huggingface_hub import constants

from finetune_sdk import Deployment, FineTuneClient, FineTuneError
from finetune_sdk.providers.autotrain.options import AutoTrainDeploymentOptions
from finetune_sdk.providers.autotrain.provider import AutoTrainProvider
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import DeploymentSpec
from tests.standins.hub import Hub
from tests.standins.hub.endpoint import EndpointRecord
from tests.standins.hub.endpoints import Endpoints
from tests.standins.openai import Action, Fault

E = TypeVar("E", bound=FineTuneError)

NAME = "recipes"
MODEL = "alice/soup"
HELLO: Sequence[Mapping[str, object]] = [{"role": "user", "content": "hello"}]
ALL, ONE = "/v2/endpoint/alice", f"/v2/endpoint/alice/{NAME}"
CHAT = f"/endpoints/alice/{NAME}/v1/chat/completions"
WHOLE = {"config.json": b"{}", "model.safetensors": b"weights"}
ADAPTER = {"adapter_config.json": b"{}", "adapter_model.safetensors": b"adapter"}
MINUTE = 60.0


class Bench:
    """The Hub, and clients of it.

    Attributes:
        said: everything that a caller was told.
    """

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.hub = Hub(self.clock, folder)
        self.home = folder / "home"
        self.said: list[str] = []
        self._clients: list[FineTuneClient] = []

    def provider(self, **words: Any) -> AutoTrainProvider:
        """Another one, as another process would open it."""
        told: dict[str, Any] = {"token": self.hub.token, "endpoint": self.hub.url, **words}
        return AutoTrainProvider(home=self.home, clock=self.clock, environ={}, **told)

    def client(self, **words: Any) -> FineTuneClient:
        client = FineTuneClient(self.provider(**words), home=self.home)
        self._clients.append(client)
        return client

    def create(self, client: FineTuneClient | None = None, **words: Any) -> Deployment:
        """A deployment of the model, where no other one is said; options by their names."""
        known = AutoTrainDeploymentOptions.model_fields
        options = AutoTrainDeploymentOptions(
            **{name: words.pop(name) for name in list(words) if name in known}
        )
        model, name = words.pop("model", MODEL), words.pop("name", NAME)
        client = client or self.client()
        made = client.deployments.create(model, name=name, options=[options], **words)
        self.said.append(made.to_json())
        return made

    def ready(self, client: FineTuneClient | None = None, **words: Any) -> Deployment:
        """The same, once it answers."""
        client = client or self.client()
        return client.deployments.wait(self.create(client, **words))

    def get(self) -> Deployment:
        """The deployment, as another process sees it."""
        made = self.client().deployments.get(NAME)
        self.said.append(made.to_json())
        return made

    def fails(self, kind: type[E], function: Callable[[], object]) -> E:
        """The error that the function raises, and no other kind of it."""
        with pytest.raises(kind) as caught:
            function()
        error = caught.value
        assert type(error) is kind
        again: Exception = pickle.loads(pickle.dumps(error))  # noqa: S301 - made a line above
        self.said += [str(error), repr(error), str(again.__dict__)]
        self.said += traceback.format_exception(error)
        return error

    def refuses(self, kind: type[E], **words: Any) -> E:
        """The error that a create raises, which makes nothing."""
        before = len(self.hub.endpoints)
        error = self.fails(kind, lambda: self.create(**words))
        assert len(self.hub.endpoints) == before
        return error

    def hurt(
        self,
        action: Action,
        *,
        method: str | None = "POST",
        path: str = ALL,
        times: int | None = 1,
        after: int = 0,
    ) -> None:
        """Lets some requests, the next create by default, go wrong."""
        fault = Fault(method=method, path=path, action=action, times=times, after=after)
        self.hub.faults.add(fault)

    def strangers(self, name: str = NAME, **more: Any) -> None:
        """An endpoint that somebody else makes."""
        api: Any = huggingface_hub.HfApi(endpoint=self.hub.url, token=self.hub.token)
        asked: dict[str, Any] = {
            "repository": MODEL,
            "framework": "pytorch",
            "accelerator": "gpu",
            "vendor": "aws",
            "region": "us-east-1",
            "instance_type": "nvidia-a10g",
            "instance_size": "x1",
        }
        api.create_inference_endpoint(name, namespace="alice", **{**asked, **more})

    @property
    def made(self) -> EndpointRecord:
        endpoints: Endpoints = self.hub.endpoints
        return endpoints[NAME]

    @property
    def posts(self) -> int:
        return self.hub.count("POST", ALL)

    def check(self, log: str) -> None:
        """Holds what happened against the oracle."""
        for token in self.hub.accounts:
            assert not any(token in text for text in (*self.said, log))
            for asked in self.hub.requests:
                assert token not in asked.target
                # A job gets it, as a secret: no deployment does.
                if asked.path.startswith(("/v2/", "/endpoints/")):
                    assert token.encode() not in asked.body

    def close(self) -> None:
        for client in self._clients:
            client.close()


def bench_of(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    """The fixture `bench` of each file: a bench that is held against the oracle at its end."""
    for name in ("", "huggingface_hub", "openai", "finetune_sdk"):
        caplog.set_level(logging.DEBUG, name)
    bench = Bench(folder)
    with bench.hub as hub:
        monkeypatch.setattr(constants, "INFERENCE_ENDPOINTS_ENDPOINT", hub.endpoints.url)
        hub.repos.add("model", MODEL, WHOLE)
        yield bench
        bench.close()
    bench.check(caplog.text)


@dataclass(frozen=True, slots=True)
class Meanwhile(Action):
    """Somebody else does something just before the service looks at the request."""

    do: Callable[[], object]

    @property
    def read(self) -> None:
        # The first that is asked of an action, while others are still let in.
        self.do()


def spec(**more: Any) -> DeploymentSpec:
    """What a provider is told to serve."""
    told: dict[str, Any] = {"name": NAME, "model": MODEL, **more}
    return DeploymentSpec(**told)
