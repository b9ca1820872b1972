"""A fake behind each of the two clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from finetune_sdk.testing import FakeProvider
from tests.testing.both import Both


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def open_both(request: pytest.FixtureRequest) -> Iterator[Callable[[FakeProvider], Both]]:
    """Opens the client of one kind; all are closed at the end."""
    opened: list[Both] = []

    def opener(fake: FakeProvider) -> Both:
        opened.append(Both(fake, asynchronous=request.param))
        return opened[-1]

    yield opener
    for one in opened:
        one.close()


@pytest.fixture
def both(open_both: Callable[[FakeProvider], Both]) -> Both:
    """One of a fake as it is by default."""
    return open_both(FakeProvider())
