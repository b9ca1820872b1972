"""Pay once, at a Hub that fails in every way: what the tests of it stand on.

A `Bench` is the Hub on loopback with its virtual clock, a state folder, and all that was said.
After each test it holds against the oracle: at most one paid job for an intent, the token nowhere
but in the one header and the one secret, a journal that opens, no thread and no file left open.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import huggingface_hub
import pytest

from finetune_sdk import FineTuneClient, FineTuneError, Job
from finetune_sdk.providers.autotrain.hub import stack
from finetune_sdk.providers.autotrain.provider import AutoTrainProvider
from finetune_sdk.submission import Journal
from finetune_sdk.submission.opening import FOLDER
from finetune_sdk.testing import VirtualClock
from finetune_sdk.transport import Clock
from tests.autotrain.hubs import COURSES, MODEL, seeded
from tests.standins.hub import Account, Hub
from tests.standins.openai import Action, Edit, Fault
from tests.submission.bench import check_left_open, left_open, submissions, told
from tests.support import Heard

E = TypeVar("E", bound=FineTuneError)

JOBS, JOB = "/api/jobs/alice", "/api/jobs/alice/[0-9a-f]{24}"
DATASETS = "/api/datasets/alice/finetune-[^/]+"
COMMITS = f"{DATASETS}/commit/main"
# It has not the shape of a token: what hides it must know it.
TOKEN = "planted-canary-of-the-token"
SOURCES = ("openai", "httpx", "httpx2", "httpcore", "httpcore2", "huggingface_hub")
ROWS: Sequence[Mapping[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"What comes after {number}?"},
            {"role": "assistant", "content": f"{number + 1}."},
        ]
    }
    for number in range(12)
]


class Bench:
    """A Hub that fails, and clients of it.

    Attributes:
        home: the state folder.
        intents: so many jobs may be made and no more.
        said: everything that a caller was told.
    """

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.clock = clock or VirtualClock()
        self.hub = seeded(Hub(self.clock, folder))
        self.hub.accounts[TOKEN] = Account("alice")
        self.hub.jobs.course = COURSES["short"]
        self.intents = 1
        self.said: list[str] = []
        self._clients: list[FineTuneClient] = []

    # Clients and their calls

    def provider(self, **words: Any) -> AutoTrainProvider:
        given: dict[str, Any] = {
            "token": TOKEN,
            "endpoint": self.hub.url,
            "home": self.home,
            "clock": self.clock,
            "environ": {},
        }
        return AutoTrainProvider(**{**given, **words})

    def client(self, **words: Any) -> FineTuneClient:
        """A new client, as another process has it; the words are those of its provider."""
        provider = self.provider(**words)
        client = FineTuneClient(provider, home=words.get("home", self.home))
        self._clients.append(client)
        return client

    def create(self, client: FineTuneClient | None = None, **words: Any) -> Job:
        job = (client or self.client()).jobs.create(**call(**words))
        self.said.append(job.to_json())
        return job

    def fails(self, kind: type[E], function: Callable[[], object]) -> E:
        """The error that the function raises."""
        with pytest.raises(kind) as caught:
            function()
        self.said += told(caught.value)
        return caught.value

    def refuses(self, kind: type[E], client: FineTuneClient | None = None, **words: Any) -> E:
        """The error that a create raises."""
        return self.fails(kind, lambda: self.create(client, **words))

    # What goes wrong

    def hurt(
        self,
        action: Action,
        *,
        method: str | None = "POST",
        path: str = JOBS,
        times: int | None = 1,
        after: int = 0,
    ) -> None:
        """Lets some requests, the next create by default, go wrong."""
        fault = Fault(method=method, path=path, action=action, times=times, after=after)
        self.hub.faults.add(fault)

    def pass_over_filters(self) -> None:
        """Each list of jobs has all of them, whatever was asked for."""
        action = Edit(lambda _: [one.view() for one in reversed(list(self.hub.jobs))])
        self.hurt(action, method="GET", times=None)

    def hide_jobs(self) -> None:
        """No list shows a job any more."""
        self.hub.jobs.lag = 1e6

    # What came of it

    @property
    def posts(self) -> int:
        """Creates that came in."""
        return self.hub.count("POST", JOBS)

    @property
    def searches(self) -> int:
        """Lists of jobs that were asked for."""
        return self.hub.count("GET", JOBS)

    @property
    def made(self) -> list[str]:
        """The jobs at the Hub, oldest first."""
        return [job.id for job in self.hub.jobs]

    @property
    def datasets(self) -> list[str]:
        return [name for kind, name in self.hub.repos if kind == "dataset"]

    @property
    def written(self) -> int:
        """Requests that change something."""
        return sum(one.method not in ("GET", "HEAD") for one in self.hub.requests)

    @property
    def states(self) -> list[str]:
        """How the submissions stand, oldest first."""
        return [state for _, state in submissions(self.home)]

    def check(self, log: str) -> None:
        """Holds what happened against the oracle."""
        assert len(self.made) <= self.intents
        if self.home.exists():
            Journal(self.home / FOLDER).unsettled()
        written = [path.read_bytes() for path in self.home.rglob("*") if path.is_file()]
        spoken = [text.encode() for text in (*self.said, log)]
        for secret in (TOKEN, self.hub.token):
            assert not any(secret.encode() in text for text in spoken + written)
            assert not any(secret in one.target for one in self.hub.requests)
            assert not any(secret.encode() in text for text in stored(self.hub))

    def close(self) -> None:
        for client in self._clients:
            client.close()


def bench_of(
    folder: Path, caplog: pytest.LogCaptureFixture, clock: Clock | None = None
) -> Generator[Bench]:
    """The fixture `bench` of each file: a bench that is held against the oracle at its end."""
    for name in ("", *SOURCES):
        caplog.set_level(logging.DEBUG, name)
    _warm_up()
    before = left_open()
    bench = Bench(folder, clock)
    with Heard() as heard, bench.hub:
        yield bench
        bench.close()
        stack.utils().close_session()  # The connections are the package's own.
    bench.check("\n".join(heard.lines))
    check_left_open(before)


@cache
def _warm_up() -> None:
    """Opens what the package opens once for a process, and keeps."""
    with Hub() as hub, tempfile.TemporaryDirectory() as folder:
        hub.repos.add("model", "alice/any", {"README.md": b"any"})
        api: Any = huggingface_hub.HfApi(endpoint=hub.url, token=hub.token)
        api.snapshot_download("alice/any", local_dir=folder)
        api.upload_folder(repo_id="alice/any", folder_path=folder)
    stack.utils().close_session()


@contextmanager
def transport(inner: Any) -> Generator[None]:
    """Lets the one client of the package send by this."""

    library, inside = stack.library(), import_module("huggingface_hub.utils._http")
    huggingface_hub.set_client_factory(
        lambda: library.Client(transport=inner, follow_redirects=True, timeout=None)
    )
    try:
        yield
    finally:
        huggingface_hub.set_client_factory(inside.default_client_factory)


def stored(hub: Hub) -> Generator[bytes]:
    """All that the Hub keeps, but for the secrets of its jobs."""
    for key in hub.repos:
        repo = hub.repos[key]
        for commit in (*repo.commits, *repo.branches.values()):
            yield from commit.files.values()
            yield repr((commit.title, commit.message, [*commit.files])).encode()
    for job in hub.jobs:
        yield json.dumps({name: job.spec[name] for name in job.spec if name != "secrets"}).encode()
        yield "\n".join(line for _, line in job.said).encode()


def call(**words: Any) -> dict[str, Any]:
    """The words of one create."""
    return {"model": MODEL, "training_data": ROWS, **words}
