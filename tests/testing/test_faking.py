"""Code that opens its own clients, on a fake and unchanged."""

from __future__ import annotations

import asyncio
import gc
import threading
import unittest
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import AsyncFineTuneClient, ConfigurationError, FineTuneClient, Supervised
from finetune_sdk.testing import FakeProvider, JobScript, faking
from tests.testing.both import QUESTION, ROWS

CONFIG = """
profile = "cheap"

[profiles.cheap]
provider = "azure_openai"
endpoint = "https://nowhere.example.com"

[profiles.cheap.hyperparameters]
epochs = 5

[profiles.cheap.options]
training_type = "GlobalStandard"

[profiles.others]
provider = "of_another_package"

[models.small]
others = "their-model"
cheap = "gpt-4.1-mini-2025-04-14"
openai = "gpt-4.1-nano-2025-04-14"
"""


def tune(place: str | None) -> str:
    """Code under test: it knows no fake."""
    with FineTuneClient(place) as client:
        job = client.jobs.create(model="small", training_data=ROWS)
        return client.jobs.wait(job, progress=False).handle


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "finetune.toml"
    path.write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return path


@pytest.mark.parametrize("name", ["openai", "azure_openai", "autotrain", "local", "mine", None])
def test_any_name_is_good_without_a_file_a_key_or_an_extra(name: str | None) -> None:
    with faking() as stage:
        handle = tune(name)
    assert handle == f"{name or 'fake'}:ftjob-fake-1"
    assert [spec.model for spec in stage.provider.specs] == ["small"]


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("openai", "gpt-4.1-nano-2025-04-14"),
        ("cheap", "gpt-4.1-mini-2025-04-14"),
        ("others", "their-model"),
    ],
)
def test_the_models_of_the_config_hold(name: str, model: str) -> None:
    with faking() as stage:
        tune(name)
    assert stage.provider.specs[0].model == model


@pytest.mark.usefixtures("config")
def test_the_hyperparameters_of_the_config_hold_and_its_options_are_of_another() -> None:
    with faking() as stage:
        handle = tune(None)
        assert FineTuneClient("cheap").jobs.get(handle).handle == handle
    assert handle == "cheap:ftjob-fake-1"
    (spec,) = stage.provider.specs
    assert (spec.method, spec.options) == (Supervised(epochs=5), {})


@pytest.mark.usefixtures("config")
def test_a_providers_name_stands_for_its_profiles() -> None:
    with faking("azure_openai") as stage:
        tune("cheap")
    assert len(stage.provider.specs) == 1


def test_names_leave_others_as_they_are() -> None:
    with faking("openai") as stage:
        tune("openai")
        with FineTuneClient("fake") as other:
            assert other.provider is not stage.provider
            assert list(other.jobs.list()) == []
        with pytest.raises(ConfigurationError, match="is no profile and no provider"):
            FineTuneClient("mine")
        with pytest.raises(ConfigurationError, match="no profile is chosen"):
            FineTuneClient()


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(("said", "opened"), [("opnai", "openai"), ("openai", "cheap")])
def test_what_was_forgotten_is_not_opened_for_real(
    said: str, opened: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-that-would-be-sent")
    words = f"nothing stands for {opened!r} in this test, which has `faking` of: {said};"
    with faking(said), pytest.raises(ConfigurationError, match=words):
        tune(opened)


@pytest.mark.parametrize("leave", ["local", ["local", "others"]])
@pytest.mark.parametrize("names", [(), ("openai",)])
def test_what_is_left_is_the_real_one(names: Sequence[str], leave: str | list[str]) -> None:
    with faking(*names, leave=leave) as stage:
        tune("openai")
        with FineTuneClient("local") as real:
            assert real.provider.name == "local"
    assert len(stage.provider.specs) == 1


@pytest.mark.usefixtures("config")
def test_a_name_that_the_config_does_not_know_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with faking(), pytest.raises(ConfigurationError, match="did you mean `cheap`"):
        tune("chaep")
    monkeypatch.setenv("FINETUNE_PROFILE", "nope")
    with faking(), pytest.raises(ConfigurationError, match=r"named by \$FINETUNE_PROFILE, is no"):
        tune(None)


def test_it_ends_with_its_block_and_after_an_exception_too() -> None:
    with pytest.raises(LookupError), faking("mine"):
        raise LookupError
    with faking("mine"):
        FineTuneClient("mine").close()
    with pytest.raises(ConfigurationError, match="is no profile and no provider"):
        FineTuneClient("mine")


@pytest.mark.parametrize("names", [(FakeProvider(),), (None,), (5,)])
def test_names_are_names_and_the_provider_a_fake(names: Any) -> None:
    with pytest.raises(TypeError, match=r"`names` is .*; it takes a str"), faking(*names):
        pass
    wrong: Any = "openai"
    with pytest.raises(TypeError, match="`provider` is 'openai'; it takes"), faking(provider=wrong):
        pass


def test_a_client_that_outlives_its_block_is_no_fake_any_more() -> None:
    with faking("openai"):
        client = FineTuneClient("openai")
        job = client.jobs.create(model="small", training_data=ROWS)
    for use in (lambda: client.jobs.get(job), lambda: client.provider):
        with pytest.raises(ConfigurationError, match="`faking` lasted, which has ended"):
            use()
    client.close()


def test_it_nests_and_the_innermost_stands() -> None:
    with faking() as all_of_them:
        with faking("local") as one:
            tune("local")
            tune("openai")
        tune("local")
    assert len(one.provider.specs) == 1
    assert len(all_of_them.provider.specs) == 2


def test_a_job_moves_from_one_fake_to_another() -> None:
    with faking("openai") as left, faking("local") as right:
        with FineTuneClient("openai") as client:
            job = client.jobs.wait(
                client.jobs.create(model="small", training_data=ROWS), progress=False
            )
            moved = client.jobs.migrate(job, to="local", model="small")
        assert moved.job is not None
        assert right.provider.rows(moved.job) == left.provider.rows(job)
        assert right.provider.specs[0].metadata["migrated_from"].endswith(job.id)


def test_other_threads_see_it() -> None:
    with faking() as stage, ThreadPoolExecutor(4) as threads:
        made = set(threads.map(tune, ["openai", "local", "mine", "openai"]))
    assert len(made) == 4
    assert len(stage.provider.specs) == 4


def test_blocks_may_end_in_another_order_than_they_began() -> None:
    entered, left = threading.Event(), threading.Event()

    def other() -> int:
        with faking("mine") as stage:
            entered.set()
            assert left.wait(30)
            tune("mine")
            return len(stage.provider.specs)

    with ThreadPoolExecutor(1) as threads:
        with faking("mine"):
            later = threads.submit(other)
            assert entered.wait(30)
        left.set()
        assert later.result() == 1
    with pytest.raises(ConfigurationError):
        FineTuneClient("mine")


def test_it_gives_clients_and_closes_them() -> None:
    async def ask(client: AsyncFineTuneClient) -> str:
        await client.deployments.create("base", name="x")
        return (await client.deployments.chat("x", QUESTION)).content

    before = threading.active_count()
    with faking(provider=FakeProvider(replies={"why?": "because"})) as stage:
        job = stage.client.jobs.create(model="base", training_data=ROWS)
        assert stage.client is stage.client
        assert asyncio.run(ask(stage.async_client)) == "because"
        assert stage.provider.specs[0].model == job.model
        assert stage.home.is_dir()
    assert stage.provider.calls.names.count("close") == 2
    assert threading.active_count() == before
    assert not stage.home.exists()


def test_it_may_be_used_on_a_running_loop() -> None:
    async def main() -> str:
        with faking() as stage:
            async with AsyncFineTuneClient("openai") as client:
                job = await client.jobs.create(model="base", training_data=ROWS)
            return (await stage.async_client.jobs.get(job.id)).id

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asyncio.run(main()) == "ftjob-fake-1"
        gc.collect()


def test_nothing_is_written_to_the_users_state(tmp_path: Path) -> None:
    with faking() as stage:
        with FineTuneClient("openai") as client:
            job = client.jobs.create(model="base", training_data=ROWS, idempotency_key="mine")
            client.jobs.migrate(client.jobs.wait(job, progress=False), to="local")
        assert any(stage.home.iterdir())
    assert not (tmp_path / "home").exists()


def test_a_client_of_ones_own_provider_is_left_alone() -> None:
    mine = FakeProvider()
    with faking() as stage, FineTuneClient(mine) as client:
        client.jobs.create(model="base", training_data=ROWS)
    assert (len(mine.specs), len(stage.provider.specs)) == (1, 0)


class WithoutPytest(unittest.TestCase):
    """As `unittest` writes it."""

    def test_a_job_that_fails(self) -> None:
        stage = self.enterContext(faking("openai"))
        stage.provider.enqueue(JobScript(fails_at_step=30))
        with self.assertRaisesRegex(Exception, "the script says so"):  # noqa: PT027
            tune("openai")
