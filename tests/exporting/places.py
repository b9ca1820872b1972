"""All places on loopback, a config that has a profile of each, and finished jobs there.

They go by this machine's clock: a job of theirs has ended when it is first looked at. The local
place has real folders and processes, and a trainer without torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import FineTuneClient, Job, Supervised
from finetune_sdk.transport import SYSTEM_CLOCK
from tests.autotrain.hubs import MEASURED, STARTED, pushes, seeded
from tests.autotrain.hubs import MODEL as HUB_MODEL
from tests.cli.plugin import install
from tests.local.small_jobs import Bench
from tests.standins.azure.service import AzureService
from tests.standins.hub import Hub
from tests.standins.hub import JobCourse as HubCourse
from tests.standins.openai import JobCourse, OpenAIService

KEY = "sk-canarycanarycanarycanary"
GPT = "gpt-4.1-mini-2025-04-14"
NAMES = ("openai", "azure_openai", "autotrain", "local")
PROFILES: Mapping[str, str] = {
    "openai": "far",
    "azure_openai": "azure-eu",
    "autotrain": "hub",
    "local": "desk",
}
ROWS: Sequence[Mapping[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"Wie viel ist {number} + {number}?"},
            {"role": "assistant", "content": f"{2 * number} ✓"},
        ]
    }
    for number in range(12)
]
VALID: Sequence[Mapping[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"Und {number} + 1?"},
            {"role": "assistant", "content": str(number + 1)},
        ]
    }
    for number in range(3)
]
# The rate that each place reads.
RATES: Mapping[str, Mapping[str, float]] = {
    "openai": {"learning_rate_multiplier": 1.5},
    "azure_openai": {"learning_rate_multiplier": 1.5},
    "autotrain": {"learning_rate": 0.01},
    "local": {"learning_rate": 0.01},
}
_AT_ONCE = JobCourse(validating=0, queued=0, running=0, steps=6, checkpoints_every=3)
_CONFIG = """
[profiles.far]
provider = "openai"
base_url = "{openai}"

[profiles.azure-eu]
provider = "azure_openai"
endpoint = "{azure}"

[profiles.hub]
provider = "autotrain"
endpoint = "{hub}"
engine = "trl"
hardware = "t4-small"

[profiles.desk]
provider = "boxed"

# This machine's clock may be past the days that the stand-in tells.
[sunsets.azure_openai]
new_jobs_end = 2100-01-01
source = "a test"
as_of = 2026-01-01

[models.small]
far = "{gpt}"
azure-eu = "{gpt}"
hub = "{small}"
desk = "{tiny}"
"""


@dataclass
class World:
    """The places, and the clients of one user of theirs.

    Attributes:
        folder: of the config and of what the user keeps.
        tiny: the folder that `[models]` calls the local place's model.
    """

    folder: Path
    openai: OpenAIService
    azure: AzureService
    hub: Hub
    tiny: Path

    @property
    def config(self) -> Path:
        return self.folder / "finetune.toml"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def client(self, place: str, *, home: str = "home") -> FineTuneClient:
        """A client of the place's profile."""
        folder = self.folder / home
        return FineTuneClient(PROFILES[place], config=self.config, home=folder)

    def model(self, place: str) -> str:
        """The place's own name of the model called `small`."""
        return {"autotrain": HUB_MODEL, "local": str(self.tiny)}.get(place, GPT)

    def paid(self, place: str) -> int:
        """Creates that came in there, whatever became of them."""
        counts: Mapping[str, Callable[[], int]] = {
            "openai": lambda: len(self.openai.posts("/fine_tuning/jobs")),
            "azure_openai": lambda: len(self.azure.posts("/fine_tuning/jobs")),
            "autotrain": lambda: self.hub.count("POST", "/api/jobs/[^/]+"),
            "local": lambda: len([*(self.home / "local" / "jobs").glob("ftjob*")]),
        }
        return counts[place]()

    def finished(self, place: str, **words: Any) -> Job:
        """A job that has succeeded there, with all the words that a job can have."""
        with self.client(place) as client:
            job = client.jobs.create(**{**self.words(place), **words})
            return client.jobs.wait(job, progress=False, timeout=120)

    def words(self, place: str) -> dict[str, Any]:
        """All the words that a job can have at the place."""
        return {
            "model": self.model(place),
            "training_data": ROWS,
            "validation_data": VALID,
            "method": Supervised.model_validate({"epochs": 2, "batch_size": 4, **RATES[place]}),
            "suffix": "recipes",
            "seed": 7,
            "metadata": {"team": "blue"} | ({"checkpoint_every": "1"} if place == "local" else {}),
        }


@contextmanager
def world(folder: Path, tiny: Path) -> Generator[World]:
    """Starts all places; ends them, and the local jobs, at last."""
    azure = AzureService(SYSTEM_CLOCK)
    hub = seeded(Hub(SYSTEM_CLOCK, folder))
    with OpenAIService(SYSTEM_CLOCK, key=KEY) as openai, azure, hub:
        openai.course = azure.course = _AT_ONCE
        hub.jobs.course = HubCourse(
            scheduling=0, running=0, lines=(STARTED, *MEASURED), finish=pushes
        )
        made = World(folder, openai, azure, hub, tiny)
        text = _CONFIG.format(
            openai=openai.url,
            azure=azure.endpoint,
            hub=hub.url,
            gpt=GPT,
            small=HUB_MODEL,
            tiny=tiny,
        )
        made.config.write_text(text)
        with _environment(made):
            yield made
            Bench(made.home).clear()


@contextmanager
def _environment(made: World) -> Generator[None]:
    boxed = install(made.folder / "site", "a-box", boxed="tests.local.small_jobs:BoxProvider")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(boxed)  # pyright: ignore[reportUnknownMemberType]
        for name in ("OPENAI_BASE_URL", "HF_ENDPOINT", "FINETUNE_PROFILE"):
            patch.delenv(name, raising=False)
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("AZURE_OPENAI_API_KEY", made.azure.key)
        patch.setenv("HF_TOKEN", made.hub.token)
        patch.setenv("FINETUNE_HOME", str(made.home))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def straight(service: OpenAIService, body: Mapping[str, object], **headers: str) -> str:
    """A job that somebody made at a service without this package; gives its id."""
    answer = service.handle(
        "POST",
        f"{service.root}/fine_tuning/jobs",
        {"content-type": "application/json", **headers},
        json.dumps(body).encode(),
    )
    found: Any = answer.json()
    assert isinstance(found, dict), found
    return str(found["id"])  # pyright: ignore[reportUnknownArgumentType]
