"""Jobs on HF Jobs at a Hub on loopback: what the tests of that runner stand on."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune_sdk import FineTuneClient
from finetune_sdk.providers.autotrain import AutoTrainOptions
from finetune_sdk.providers.autotrain.provider import AutoTrainProvider
from finetune_sdk.testing import VirtualClock
from finetune_sdk.transport import Clock
from finetune_sdk.types import Job, Plan
from tests.autotrain.hubs import MODEL, pushes, seeded
from tests.standins.hub import Hub, JobCourse, JobRecord
from tests.standins.hub.rights import READS

ROWS: Sequence[Mapping[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"What comes after {number}?"},
            {"role": "assistant", "content": f"{number + 1}."},
        ]
    }
    for number in range(12)
]
VALID: Sequence[Mapping[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"What comes before {number}?"},
            {"role": "assistant", "content": f"{number - 1}."},
        ]
    }
    for number in range(1, 4)
]
PAIRS: Sequence[Mapping[str, object]] = [
    {
        "prompt": [{"role": "user", "content": f"What comes after {number}?"}],
        "chosen": [{"role": "assistant", "content": f"{number + 1}."}],
        "rejected": [{"role": "assistant", "content": f"{number - 1}."}],
    }
    for number in range(12)
]
SOON = 7 * 86_400.0


class Bench:
    """A Hub with base models, and clients of it."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.hub = seeded(Hub(self.clock, folder))
        self.hub.jobs.course = JobCourse(running=30, finish=pushes)
        self.folder = folder

    def provider(self, home: str = "home", **more: Any) -> AutoTrainProvider:
        words: dict[str, Any] = {
            "token": self.hub.token,
            "endpoint": self.hub.url,
            "home": self.folder / home,
            "clock": self.clock,
            "environ": {},
        }
        return AutoTrainProvider(**{**words, **more})

    @contextmanager
    def client(self, home: str = "home", **more: Any) -> Generator[FineTuneClient]:
        with FineTuneClient(self.provider(home, **more)) as client:
            yield client

    @property
    def jobs(self) -> list[JobRecord]:
        return list(self.hub.jobs)

    @property
    def body(self) -> dict[str, Any]:
        """What the only job was asked with."""
        (job,) = self.jobs
        return job.spec

    @property
    def course(self) -> dict[str, Any]:
        """What the container of the only job is told."""
        return parsed(self.body["environment"]["FINETUNE_COURSE"])

    @property
    def config(self) -> dict[str, Any]:
        """TRL's configuration in that."""
        return parsed(self.course["files"]["config.json"])

    @property
    def written(self) -> list[str]:
        """Requests that change something, or try to."""
        return [
            f"{one.method} {one.path}"
            for one in self.hub.requests
            if one.method not in ("GET", "HEAD") and not READS.fullmatch(one.path)
        ]

    def create(self, client: FineTuneClient, **more: Any) -> Job:
        """A job; `options` are AutoTrain's own."""
        return client.jobs.create(**_words(more))

    def plan(self, client: FineTuneClient, **more: Any) -> Plan:
        """The plan of such a job."""
        return client.jobs.plan(**_words(more))

    def wait(self, client: FineTuneClient, job: Job) -> Job:
        return client.jobs.wait(job, timeout=SOON, progress=False)

    def advance(self, seconds: float) -> None:
        """Lets so much of the virtual time pass."""
        assert isinstance(self.clock, VirtualClock)
        self.clock.advance(seconds)


def _words(more: dict[str, Any]) -> dict[str, Any]:
    options = [AutoTrainOptions(**more.get("options", {}))]
    return {"model": MODEL, "training_data": ROWS, **more, "options": options}


def parsed(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


@contextmanager
def opened(folder: Path, clock: Clock | None = None) -> Generator[Bench]:
    bench = Bench(folder, clock)
    with bench.hub:
        yield bench
