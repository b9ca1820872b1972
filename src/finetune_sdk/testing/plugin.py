"""The pytest plugin: fixtures on a fake, and the marker that says how it goes.

pytest loads it at each start. So it imports nothing of ours until a test asks for a fixture.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from finetune_sdk import AsyncFineTuneClient, FineTuneClient
    from finetune_sdk.testing import FakeProvider, Faking

MARKER = "finetune"


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(*scripts, **words): how `fake_provider` goes: scripts for `enqueue`, and "
        "keywords of `FakeProvider`",
    )


@pytest.fixture
def fake_provider(request: pytest.FixtureRequest) -> FakeProvider:
    """A fake that goes as the test's `@pytest.mark.finetune(...)` says.

    Override it in a `conftest.py`, and the other fixtures follow.
    """
    try:
        return _made(*_said(request.node))
    except (TypeError, ValueError) as error:
        pytest.fail(f"@pytest.mark.{MARKER}: {error}", pytrace=False)


@pytest.fixture
def finetune_client(fake_provider: FakeProvider, tmp_path: Path) -> Iterator[FineTuneClient]:
    """A client of `fake_provider`, whose state folder goes with the test."""
    from finetune_sdk import FineTuneClient

    with FineTuneClient(fake_provider, home=tmp_path / "finetune") as client:
        yield client


@pytest.fixture
def async_finetune_client(
    fake_provider: FakeProvider, tmp_path: Path
) -> Iterator[AsyncFineTuneClient]:
    """An asynchronous client of `fake_provider`, for any plugin that runs coroutines, or none."""
    from finetune_sdk import AsyncFineTuneClient
    from finetune_sdk.testing.instead import close_async

    client = AsyncFineTuneClient(fake_provider, home=tmp_path / "finetune")
    yield client
    close_async(client)


@pytest.fixture
def finetune_faking(fake_provider: FakeProvider) -> Iterator[Faking]:
    """All that the test opens by a name stands on `fake_provider`: see `testing.faking`."""
    from finetune_sdk.testing import faking

    with faking(provider=fake_provider) as found:
        yield found


def _said(node: pytest.Item) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The scripts of the innermost marker that has any, and the keywords of all."""
    scripts: tuple[Any, ...] = ()
    words: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers(MARKER))):
        scripts = mark.args or scripts
        words |= mark.kwargs
    return scripts, words


def _made(scripts: tuple[Any, ...], words: dict[str, Any]) -> FakeProvider:
    from finetune_sdk.testing import FakeProvider

    known = inspect.signature(FakeProvider).parameters
    if unknown := words.keys() - set(known):
        raise ValueError(f"there is no word {min(unknown)!r}; there are: {', '.join(known)}")
    fake = FakeProvider(**words)
    fake.enqueue(*scripts)
    return fake
