"""Deployments at an Azure that fails in every way: what the tests of them stand on.

A `Bench` is Azure on loopback with its clock, a state folder, and all that was said. After each
test it holds against the oracle: no secret in anything that was said, logged or written, one change
at a time, no thread and no file left open.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from finetune_sdk import Deployment, FineTuneClient, FineTuneError
from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.providers.azure_openai.settings import AzureSettings
from finetune_sdk.testing import VirtualClock
from finetune_sdk.testing.clock import START
from finetune_sdk.transport import Clock
from tests.standins.azure import Asked, Azure
from tests.standins.azure.clients import BASE, tuned_model, wanted
from tests.standins.openai import Action, Answer, Fault
from tests.submission.bench import check_left_open, left_open, told
from tests.support import Heard

E = TypeVar("E", bound=FineTuneError)
T = TypeVar("T")

DAY = 24 * 3600.0
NAME = "recipes"
DEPLOYMENT = f"/deployments/{NAME}"
HELLO: Sequence[Mapping[str, object]] = [{"role": "user", "content": "hello"}]
ROWS: Sequence[Mapping[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"What comes after {number}?"},
            {"role": "assistant", "content": f"{number + 1}."},
        ]
    }
    for number in range(12)
]


class SharedClock:
    """A virtual clock of several processes: the size of a file is its seconds."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._path = path

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return float(self._path.stat().st_size)

    def sleep(self, seconds: float) -> None:
        # What is appended comes behind what another process appends at the same time.
        with self._path.open("ab") as file:
            file.write(b"." * math.ceil(seconds))

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Retold(Action):
    """It was done, and the answer has other headers."""

    headers: Mapping[str, str]

    def bend(self, answer: Answer) -> Answer:
        return replace(answer, headers={**answer.headers, **self.headers})


@dataclass(frozen=True, slots=True)
class Later(Action):
    """Time passes before the service looks at the request."""

    clock: Clock
    seconds: float

    @property
    def before(self) -> float:
        self.clock.sleep(self.seconds)
        return 0.0


class Bench:
    """Azure, and clients of it.

    Attributes:
        home: the state folder.
        said: everything that a caller was told.
    """

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.clock = clock or VirtualClock()
        self.azure = Azure(self.clock, folder)
        # Virtual weeks pass in a moment of the clock that the token's own life goes by.
        self.azure.authority.lifetime = int(100 * DAY)
        self.arm = self.azure.arm
        self.said: list[str] = []
        self._tuned: str | None = None
        self._clients: list[FineTuneClient] = []

    # Clients and their calls

    def profile(self, **words: Any) -> AzureSettings:
        return AzureSettings(**{**profile_of(self.azure), **words})

    def provider(self, home: Path | None = None, **words: Any) -> AzureOpenAIProvider:
        """The words are those of the provider; what is left out is good."""
        given: dict[str, Any] = {
            "profile": self.profile(),
            "home": home or self.home,
            "clock": self.clock,
            "environ": self.azure.environ,
        }
        return AzureOpenAIProvider(**{**given, **words})

    def client(self, home: Path | None = None, **words: Any) -> FineTuneClient:
        """A new client, as another process has it."""
        return self.opened(self.provider(home, **words), home)

    def opened(self, provider: Any, home: Path | None = None) -> FineTuneClient:
        client = FineTuneClient(provider, home=home or self.home)
        self._clients.append(client)
        return client

    def create(
        self,
        client: FineTuneClient | None = None,
        model: Any = None,
        name: str = NAME,
        **words: Any,
    ) -> Deployment:
        """A deployment of the tuned model, where no other one is said."""
        client = client or self.client()
        made = client.deployments.create(model or self.tuned, name=name, **words)
        self.said.append(made.to_json())
        return made

    def ready(self, client: FineTuneClient | None = None, **words: Any) -> Deployment:
        """The same, once it answers."""
        client = client or self.client()
        return client.deployments.wait(self.create(client, **words), timeout=None)

    def fails(self, kind: type[E], function: Callable[[], object]) -> E:
        """The error that the function raises, and no other kind of it."""
        with pytest.raises(kind) as caught:
            function()
        assert type(caught.value) is kind
        self.said += told(caught.value)
        return caught.value

    def refuses(self, kind: type[E], client: FineTuneClient | None = None, **words: Any) -> E:
        """The error that a create raises."""
        return self.fails(kind, lambda: self.create(client, **words))

    # What goes wrong, and what goes on

    def hurt(
        self,
        action: Action,
        *,
        method: str | None = "PUT",
        path: str = DEPLOYMENT,
        times: int | None = 1,
        after: int = 0,
    ) -> None:
        """Lets some requests of Resource Manager, the next PUT by default, go wrong."""
        fault = Fault(method=method, path=path, action=action, times=times, after=after)
        self.arm.faults.add(fault)

    def strangers(self, name: str, model: str = "", **more: Any) -> None:
        """A deployment that somebody else makes."""
        token = self.azure.authority.issue("https://management.azure.com").text
        path = f"{self.arm.account_id}/deployments/{name}?api-version=2025-09-01"
        body = {**wanted(model or self.tuned), **more}
        headers = {"authorization": f"Bearer {token}"}
        assert self.arm.handle("PUT", path, headers, json.dumps(body).encode()).status == 201
        self.clock.sleep(self.arm.creating)

    # What came of it

    @property
    def tuned(self) -> str:
        """A model that a job has made."""
        if self._tuned is None:
            self._tuned = tuned_model(self.azure)
        return self._tuned

    @property
    def there(self) -> list[str]:
        """The deployments that cost by the hour now."""
        return sorted(one.name for one in self.arm.billing())

    @property
    def puts(self) -> int:
        return len(self.arm.puts)

    @property
    def deletes(self) -> int:
        return sum(one.method == "DELETE" for one in self.arm.requests)

    @property
    def probes(self) -> list[Asked]:
        """Chat calls that came in, answered or not."""
        found: Any = self.azure.data.requests
        return [one for one in found if one.path == "/chat/completions"]

    def check(self, log: str) -> None:
        """Holds what happened against the oracle."""
        assert self.arm.most_in_flight <= 1
        written = [path.read_bytes() for path in self.home.rglob("*") if path.is_file()]
        spoken = [text.encode() for text in (*self.said, log)]
        for secret in self.secrets:
            assert not any(secret.encode() in text for text in spoken + written)

    @property
    def secrets(self) -> list[str]:
        authority = self.azure.authority
        tokens = [token.text for token in authority.issued]
        return [authority.secret, self.azure.data.key, *tokens]

    def close(self) -> None:
        for client in self._clients:
            client.close()


def bench_of(
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock | None = None,
) -> Generator[Bench]:
    """The fixture `bench` of each file: a bench that is held against the oracle at its end."""
    for name in ("", "azure", "urllib3", "msal", "openai", "finetune_sdk"):
        caplog.set_level(logging.DEBUG, name)
    before = left_open()
    bench = Bench(folder, clock)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bench.azure.authority.ca_file))
    with Heard() as heard, bench.azure:
        yield bench
        bench.close()
    bench.check("\n".join(heard.lines))
    # Some of them hold an exception, and so the connection that it came from.
    caplog.get_records("call").clear()
    check_left_open(before)


def profile_of(azure: Azure) -> dict[str, Any]:
    """What a profile of it says."""
    return {
        "endpoint": azure.data.endpoint,
        "management_url": azure.arm.url,
        "credential": "service_principal",
        "subscription_id": azure.subscription,
        "resource_group": azure.group,
        "account": azure.account,
    }


def at_once(count: int, function: Callable[[int], T]) -> list[T]:
    """What the function gives on threads that begin together."""
    gate, given = threading.Barrier(count), list[T]()

    def run(number: int) -> None:
        gate.wait()
        given.append(function(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return given


# Processes


def place_of(bench: Bench) -> str:
    """What another process needs to know."""
    words = {"profile": profile_of(bench.azure), "environ": bench.azure.environ}
    return json.dumps({**words, "home": str(bench.home)})


def client_of(place: str, clock: Clock | None = None, **words: Any) -> FineTuneClient:
    """A client in another process."""
    known = json.loads(place)
    # The package under Microsoft's own reads it from there alone.
    os.environ["REQUESTS_CA_BUNDLE"] = known["environ"]["REQUESTS_CA_BUNDLE"]
    home = Path(words.pop("home", known["home"]))
    provider = AzureOpenAIProvider(
        profile=AzureSettings(**known["profile"]),
        home=home,
        clock=clock or VirtualClock(),
        environ=known["environ"],
        **words,
    )
    return FineTuneClient(provider, home=home)


__all__ = [
    "BASE",
    "DAY",
    "DEPLOYMENT",
    "HELLO",
    "NAME",
    "ROWS",
    "Bench",
    "Later",
    "Retold",
    "SharedClock",
    "at_once",
    "bench_of",
    "client_of",
    "place_of",
    "profile_of",
]
