"""The laws, over the local provider: its real supervisor, with a small trainer without torch."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.testing import ProviderConformance
from finetune_sdk.testing.conformance import JobKind
from tests.local.small_jobs import TRAINER, Bench

CANARY = "hf_canarycanarycanarycanary"
ENDINGS: Mapping[JobKind, str] = {"short": "ok", "endless": "hang", "failing": "fail"}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="for Linux and macOS")


class TestLocal(ProviderConformance):
    secrets = (CANARY,)

    @pytest.fixture(autouse=True)
    def _nothing_is_left(self, tmp_path: Path) -> Generator[None]:
        yield
        Bench(tmp_path).clear()

    def open_provider(self, folder: Path) -> FineTuneProvider:
        environ = {"HF_TOKEN": CANARY, "PATH": "/usr/bin:/bin"}
        return LocalProvider(home=folder, trainer=TRAINER, environ=environ, cancel_grace=2.0)

    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        wishes = {"ending": ENDINGS[kind], "steps": "3", "checkpoint_every": "1"}
        return {"metadata": wishes}

    def say_unknown_word(self, provider: FineTuneProvider, job_id: str) -> None:
        folder = provider.get_job(job_id).raw["folder"]
        Path(str(folder), "state.json").write_text('{"phase": "alien"}')
