"""A client on a fake, and rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.testing import FakeProvider


@pytest.fixture
def fake() -> FakeProvider:
    return FakeProvider(cost=5.0)


@pytest.fixture
def client(fake: FakeProvider) -> Iterator[FineTuneClient]:
    with FineTuneClient(fake) as opened:
        yield opened
