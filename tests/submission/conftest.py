"""A service, and clients of it on one machine or two."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient
from tests.submission.bench import Bench, bench_of


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    """OpenAI's; a file that asks more services has its own."""
    yield from bench_of(tmp_path, caplog)


@pytest.fixture
def client(bench: Bench) -> FineTuneClient:
    return bench.client()


@pytest.fixture
def elsewhere(bench: Bench) -> FineTuneClient:
    """A client on another machine: the same account, and nothing in its state folder."""
    return bench.client(bench.folder / "elsewhere")
