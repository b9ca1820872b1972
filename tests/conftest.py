"""What every test stands on: no state of the user's, no profile from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.listening"]

# How long a machine takes, which others use too, is no test's matter.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A mutant is judged in the same way each time, by what others have found in none.
settings.register_profile(
    "mutants", settings.get_profile("ours"), max_examples=25, derandomize=True, database=None
)
settings.load_profile(os.environ.get("FINETUNE_HYPOTHESIS", "ours"))


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    for name in ("FINETUNE_CONFIG", "FINETUNE_PROFILE", "FINETUNE_TRUSTED_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FINETUNE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
