"""All places on loopback, once for the tests of a file, and a finished job at each."""

from __future__ import annotations

from collections.abc import Generator
from functools import cached_property
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient, Job, Migration
from finetune_sdk.providers.local.provider import LocalProvider
from tests.exporting.places import PROFILES, World, world
from tests.local.small_jobs import Bench
from tests.training.tiny import make_tiny_model


class Table:
    """Migrations between all places, each made once.

    Attributes:
        told: by source and target.
    """

    def __init__(self, place: World) -> None:
        self.place = place
        self.told: dict[tuple[str, str], Migration] = {}
        self.paid: dict[tuple[str, str], int] = {}

    def source(self, name: str) -> Job:
        """A finished job there; that of the local place has come from AutoTrain."""
        return self.trained if name == "local" else self._hosted[name]

    def made(self, source: str, target: str) -> Migration:
        """The migration of the source's job to the target."""
        pair = source, target
        if pair not in self.told:
            job, before = self.source(source), self.place.paid(target)
            with self.place.client(source) as client:
                self.told[pair] = client.jobs.migrate(job, to=PROFILES[target])
            self.paid[pair] = self.place.paid(target) - before
        return self.told[pair]

    def ended(self, source: str) -> Job:
        """The local job that came from there, once it has ended."""
        made = self.made(source, "local").job
        assert made is not None
        with self.place.client("local") as client:
            return client.jobs.wait(made, timeout=60, progress=False)

    @cached_property
    def trained(self) -> Job:
        return self.ended("autotrain")

    @cached_property
    def _hosted(self) -> dict[str, Job]:
        names = ("openai", "azure_openai", "autotrain")
        return {name: self.place.finished(name) for name in names}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    folder = tmp_path_factory.mktemp("world")
    with world(folder, folder / "tiny") as made:
        yield made


@pytest.fixture(scope="module")
def tiny(place: World) -> Path:
    """A model that really trains, where `[models]` has the local place's."""
    pytest.importorskip("torch", reason="here are the lowest versions of hosted providers alone")
    return make_tiny_model(place.tiny)


@pytest.fixture
def real(place: World, tmp_path: Path) -> Generator[FineTuneClient]:
    """The local provider with its own trainer. `place` says how many threads that takes."""
    del place
    home = tmp_path / "real"
    with FineTuneClient(LocalProvider(home=home), home=home) as client:
        yield client
    Bench(home).clear()


@pytest.fixture(scope="module")
def table(place: World) -> Table:
    return Table(place)
