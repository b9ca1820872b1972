"""The laws, over the local provider: its real supervisor, with a small trainer without torch."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import LocalDeploymentOptions
from finetune_sdk.providers.base import FineTuneProvider, ProviderSettings
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.testing import ProviderConformance
from finetune_sdk.testing.conformance import JobKind
from tests.local.small_jobs import TRAINER, Bench
from tests.serving import fake_vllm
from tests.training.tiny import make_tiny_model

CANARY = "hf_canarycanarycanarycanary"
ENVIRON = {"HF_TOKEN": CANARY, "PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"}
ENDINGS: Mapping[JobKind, str] = {"short": "ok", "endless": "hang", "failing": "fail"}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="for Linux and macOS")


def looks_answered(tmp_path: Path) -> Path:
    """A folder that lets each look at a job, and no other process, answer at once."""
    folder = tmp_path / "quick"
    folder.mkdir()
    code = """
import os, sys
if any("preflight" in word for word in sys.orig_argv):
    print('{"found": {"seconds": {"low": 1, "high": 2}, "settings": {"time": "1 to 2 s"}}}')
    sys.stdout.flush()
    os._exit(3)
"""
    (folder / "sitecustomize.py").write_text(code)
    return folder


class TestLocal(ProviderConformance):
    secrets = (CANARY,)

    @pytest.fixture(autouse=True)
    def _nothing_is_left(self, tmp_path: Path) -> Generator[None]:
        notes = ("--notes", str(tmp_path), "--mood", "well")
        self.vllm = (sys.executable, fake_vllm.__file__, *notes)
        self.environ = {**ENVIRON, "PYTHONPATH": str(looks_answered(tmp_path))}
        yield
        for home in (tmp_path, tmp_path / "provider"):
            Bench(home).clear()

    def open_provider(self, folder: Path) -> FineTuneProvider:
        return LocalProvider(
            home=folder,
            trainer=TRAINER,
            environ=self.environ,
            cancel_grace=2.0,
            vllm_command=self.vllm,
        )

    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        wishes = {
            "ending": ENDINGS[kind],
            "steps": "3",
            "checkpoint_every": "1",
            "weights": "whole",
        }
        return {"metadata": wishes}

    def say_unknown_word(self, provider: FineTuneProvider, job_id: str) -> None:
        folder = provider.get_job(job_id).raw["folder"]
        Path(str(folder), "state.json").write_text('{"phase": "alien"}')

    def writes(self, provider: FineTuneProvider) -> int:
        return sum(1 for _ in Path(provider.account).glob("*/*"))

    def settings(self, folder: Path) -> ProviderSettings:
        values = {"vllm_command": list(self.vllm)}
        return ProviderSettings(values=values, home=folder, environ=ENVIRON)

    def deploy_words(self, provider: FineTuneProvider) -> Mapping[str, Any]:
        return {"options": [LocalDeploymentOptions(server="vllm")]}

    def open_loader(self, folder: Path) -> FineTuneProvider:
        """Without a trainer of its own: what that makes of a row, it alone would know."""
        return LocalProvider(home=folder, environ=ENVIRON)

    def loadable_model(self, folder: Path) -> str:
        return str(make_tiny_model(folder / "tiny"))
