"""Jobs on Spaces at a Hub on loopback: what the tests of two runners stand on."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune_sdk import FineTuneClient
from finetune_sdk.providers.autotrain import AutoTrainOptions
from finetune_sdk.providers.autotrain.on_spaces import AutoTrainSpaceProvider
from finetune_sdk.testing import VirtualClock
from finetune_sdk.transport import Clock
from finetune_sdk.types import Job
from tests.standins.autotrain_app import AutoTrainApp
from tests.standins.hub import Hub
from tests.standins.hub.space import SpaceCourse, SpaceRecord
from tests.standins.openai import Action, Fault

MODEL = "alice/tiny"
HARDWARE = "t4-small"
TIMEOUT = 3600
ROWS: Sequence[Mapping[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"What comes after {number}?"},
            {"role": "assistant", "content": f"{number + 1}."},
        ]
    }
    for number in range(12)
]
CONFIG = b'{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}'
SPACES = "/api/spaces/alice/autotrain-[^/]+"


class Bench:
    """A Hub with a base model, and clients of it.

    Attributes:
        app: where jobs are started by an AutoTrain app; None starts them on Spaces from here.
        url: of a real app; that of `app` by default.
    """

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.hub = Hub(self.clock, folder)
        self.app: AutoTrainApp | None = None
        self.url: str | None = None
        self.folder = folder
        self.hub.repos.add(
            "model",
            MODEL,
            {"config.json": CONFIG, "model.safetensors": b"weights"},
            safetensors={"parameters": {"F32": 100_000}, "total": 100_000},
        )

    @property
    def space(self) -> SpaceRecord:
        """The only Space that there is."""
        (found,) = self.spaces
        return found

    @property
    def spaces(self) -> list[SpaceRecord]:
        return [self.hub.spaces[name] for kind, name in self.hub.repos if kind == "space"]

    @contextmanager
    def client(self, home: str = "home", **more: Any) -> Generator[FineTuneClient]:
        url = self.app.url if self.app else self.url
        words: dict[str, Any] = {
            "runner": "server" if url else "space",
            "server_url": url,
            "token": self.hub.token,
            "endpoint": self.hub.url,
            "home": self.folder / home,
            "clock": self.clock,
            "environ": {},
        }
        provider = AutoTrainSpaceProvider(**{**words, **more})
        with FineTuneClient(provider, home=self.folder / home) as client:
            yield client

    def create(self, client: FineTuneClient, **more: Any) -> Job:
        options: dict[str, Any] = {
            "hardware": HARDWARE,
            "timeout": TIMEOUT,
            **more.pop("options", {}),
        }
        words: dict[str, Any] = {"model": MODEL, "training_data": ROWS, **more}
        return client.jobs.create(**words, options=[AutoTrainOptions(**options)])

    def course(self, **words: Any) -> None:
        """How the Spaces go that are made from now on."""
        self.hub.spaces.course = SpaceCourse(**words)

    def fault(self, method: str, path: str, action: Action, **more: Any) -> None:
        self.hub.faults.add(Fault(method=method, path=path, action=action, **more))

    def wait(self, client: FineTuneClient, job: Job) -> Job:
        return client.jobs.wait(job, timeout=10 * 86_400, progress=False)

    def advance(self, seconds: float) -> None:
        """Lets so much of the virtual time pass."""
        assert isinstance(self.clock, VirtualClock)
        self.clock.advance(seconds)


@contextmanager
def opened(folder: Path, clock: Clock | None = None) -> Generator[Bench]:
    bench = Bench(folder, clock)
    with bench.hub:
        try:
            yield bench
        finally:
            bench.hub.spaces.stop()
