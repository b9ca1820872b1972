"""The pytest plugin, in a pytest of its own: as a stranger's project would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

from finetune_sdk import AsyncFineTuneClient, FineTuneClient, JobFailedError, JobStatus
from finetune_sdk.testing import DeploymentScript, FakeProvider, Faking, JobScript
from tests.testing.both import QUESTION, ROWS, go

# Plugins of others may load what they like: here are those that a test is about.
STRANGE = ["--disable-plugin-autoload", "-p", "finetune_anywhere", "-p", "no:cacheprovider"]
STRICT = """
[pytest]
filterwarnings = error
addopts = --strict-markers --strict-config
"""


def pytest_in(folder: Path, files: dict[str, str], *arguments: str) -> str:
    """What pytest prints in a folder of these files."""
    for name, text in {"pytest.ini": STRICT, **files}.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *STRANGE, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONDEVMODE": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return done.stdout + done.stderr


def test_pytest_finds_it_by_its_entry_point() -> None:
    (found,) = [one for one in entry_points(group="pytest11") if one.name == "finetune_anywhere"]
    assert found.value == "finetune_sdk.testing.plugin"


# In this very pytest


def test_the_clients_stand_on_the_fake(
    fake_provider: FakeProvider,
    finetune_client: FineTuneClient,
    async_finetune_client: AsyncFineTuneClient,
) -> None:
    job = finetune_client.jobs.create(model="base", training_data=ROWS)
    assert finetune_client.provider is async_finetune_client.provider is fake_provider
    done = go(async_finetune_client.jobs.wait(job, progress=False))
    assert done.status is JobStatus.SUCCEEDED


@pytest.mark.finetune(JobScript(fails_at_step=3), DeploymentScript(creating=60), cost=5.0)
class TestMarked:
    def test_a_class_says_how_it_goes(self, finetune_client: FineTuneClient) -> None:
        plan = finetune_client.jobs.plan(model="base", training_data=ROWS)
        assert plan.cost is not None
        job = finetune_client.jobs.create(plan.spec)
        with pytest.raises(JobFailedError, match="the script says so"):
            finetune_client.jobs.wait(job, progress=False)
        made = finetune_client.deployments.create("base", name="x")
        assert made.status.value == "creating"

    @pytest.mark.finetune(JobScript(steps=7), replies={"why?": "because"})
    def test_a_test_says_it_again_for_itself(self, finetune_client: FineTuneClient) -> None:
        job = finetune_client.jobs.create(model="base", training_data=ROWS)
        done = finetune_client.jobs.wait(job, progress=False)
        assert done.progress is not None
        assert done.progress.steps == 7
        finetune_client.deployments.create("base", name="x")
        assert finetune_client.deployments.chat("x", QUESTION).content == "because"


@pytest.mark.finetune(script=JobScript(steps=9))
def test_code_that_opens_its_own_clients_stands_on_it_too(
    finetune_faking: Faking, fake_provider: FakeProvider
) -> None:
    with FineTuneClient("openai") as client:
        job = client.jobs.wait(client.jobs.create(model="base", training_data=ROWS), progress=False)
    assert finetune_faking.provider is fake_provider
    assert job.progress is not None
    assert job.progress.steps == 9


# In a stranger's

UNUSED = """
import sys

def test_nothing_of_it_is_loaded():
    ours = {name for name in sys.modules if name.partition(".")[0] == "finetune_sdk"}
    assert ours == {
        "finetune_sdk", "finetune_sdk._version",
        "finetune_sdk.testing", "finetune_sdk.testing.plugin",
    }
    heavy = {"pydantic", "pydantic_core", "msgspec", "tenacity", "openai", "httpx2", "asyncio"}
    assert not heavy & set(sys.modules)
"""


def test_it_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    told = pytest_in(tmp_path, {"test_unused.py": UNUSED})
    assert "1 passed" in told, told


USED = """
import asyncio, gc, threading
import pytest
from finetune_sdk import FineTuneClient
from finetune_sdk.testing import FakeProvider, JobScript

ROWS = [{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}]

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def story(client):
    job = await client.jobs.create(model="base", training_data=ROWS)
    assert [one async for one in client.jobs.events(job, follow=True)]
    await client.deployments.create("base", name="x")
    reply = await client.deployments.chat("x", [{"role": "user", "content": "why?"}])
    return (await client.jobs.wait(job, progress=False)).suffix, reply.content

@pytest.mark.anyio
async def test_on_anyio(async_finetune_client):
    assert await story(async_finetune_client) == (None, "because")

def test_by_hand(async_finetune_client):
    assert asyncio.run(story(async_finetune_client)) == (None, "because")

def test_it_was_left_clean():
    gc.collect()
    assert not [one.name for one in threading.enumerate() if "finetune" in one.name]

def test_never_awaited(async_finetune_client):
    assert async_finetune_client.profile == "fake"

def test_the_override_goes_first(fake_provider, finetune_client):
    assert finetune_client.provider is fake_provider
    assert type(fake_provider).__name__ == "Mine"
"""
OVERRIDE = """
import pytest
from finetune_sdk.testing import FakeProvider

class Mine(FakeProvider):
    pass

@pytest.fixture
def fake_provider():
    return Mine(replies={"why?": "because"})
"""
ON_ASYNCIO = """
import pytest
from test_used import story

@pytest.mark.asyncio
async def test_on_pytest_asyncio(async_finetune_client):
    assert await story(async_finetune_client) == (None, "because")

@pytest.mark.asyncio
async def test_the_next_one_has_a_loop_of_its_own(async_finetune_client):
    assert await story(async_finetune_client) == (None, "because")

def test_without_a_loop_in_between(finetune_client):
    assert finetune_client.profile == "fake"

@pytest.mark.asyncio
async def test_after_it(async_finetune_client):
    assert await story(async_finetune_client) == (None, "because")
"""


def test_it_goes_with_any_way_to_run_coroutines_and_leaves_nothing(tmp_path: Path) -> None:
    files, plugins = {"test_used.py": USED, "conftest.py": OVERRIDE}, ["-p", "anyio"]
    passing = 5
    if find_spec("pytest_asyncio") is not None:
        files["test_used_on_asyncio.py"] = ON_ASYNCIO
        files["pytest.ini"] = f"{STRICT}asyncio_default_fixture_loop_scope = function\n"
        passing, plugins = 9, [*plugins, "-p", "pytest_asyncio.plugin"]
    told = pytest_in(tmp_path, files, *plugins)
    assert f"{passing} passed" in told, told


WRONG = """
import pytest
from finetune_sdk.testing import JobScript

@pytest.mark.finetune(reply={"a": "b"})
def test_a_word_that_it_has_not(fake_provider): ...

@pytest.mark.finetune("slow")
def test_a_script_that_is_none(fake_provider): ...

@pytest.mark.finetune(script="slow")
def test_a_word_of_another_kind(fake_provider): ...

@pytest.mark.finetune(JobScript(fails_at_step=3))
def test_an_assert_that_fails(finetune_client, fake_provider):
    rows = [{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}]
    job = finetune_client.jobs.create(model="base", training_data=rows, suffix="recipes")
    assert not fake_provider.calls.named("create_job")
"""


def test_what_is_wrong_is_told_in_a_line(tmp_path: Path) -> None:
    told = pytest_in(tmp_path, {"test_wrong.py": WRONG})
    assert "1 failed, 3 errors" in told, told
    assert "@pytest.mark.finetune: there is no word 'reply'; there are: script, replies" in told
    assert "`scripts` is 'slow'; it takes a JobScript or a DeploymentScript" in told
    assert "`script` is 'slow'; it takes a JobScript" in told
    assert "assert not [create_job(<supervised of 'base': suffix='recipes'>)]" in told


def test_the_marker_explains_itself(pytestconfig: pytest.Config) -> None:
    (line,) = [one for one in pytestconfig.getini("markers") if one.startswith("finetune(")]
    assert line.startswith("finetune(*scripts, **words): how `fake_provider` goes")


def test_the_lazy_names_are_all_there() -> None:
    code = (
        "import json, sys, finetune_sdk.testing as t\n"
        "early = 'pydantic' in sys.modules\n"
        "found = [n for n in t.__all__ if n != 'ProviderConformance' and getattr(t, n)]\n"
        "listed = sorted(dir(t)) == sorted(t.__all__)\n"
        "print(json.dumps([early, len(found), len(t.__all__), listed, 'pytest' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    early, found, names, listed, pytest_loaded = json.loads(done.stdout)
    assert (early, found, listed, pytest_loaded) == (False, names - 1, True, False)
