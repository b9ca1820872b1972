"""What the provider is before it does anything: its settings, its table, its imports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from finetune_sdk.errors import (
    ConfigurationError,
    MissingDependencyError,
    NotFoundError,
    UnsupportedError,
)
from finetune_sdk.providers.base import ProviderSettings, Rows
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import CostEstimate, JobStatus, MethodName, NoEstimate, Supervised
from tests.local.small_jobs import TRAINER, Bench

VENDORS = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "openai",
    "huggingface_hub",
    "uvicorn",
    "fastapi",
)


def test_a_profile_opens_it(bench: Bench) -> None:
    values = {"launcher": "process"}
    settings = ProviderSettings(values=values, home=bench.home, environ=bench.environ)
    job = bench.ended(bench.create())
    with LocalProvider.open(settings) as provider:
        assert provider.get_job(job.id) == job


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"luncher": "process"}, "unknown key `luncher`"),
        ({"launcher": "slurm"}, "`launcher` is 'slurm'"),
        ({"price_per_hour": "much"}, "`price_per_hour` is 'much'"),
        # A config file comes with a project: it must not name a program to run.
        ({"trainer": ["python", "train.py"]}, "unknown key `trainer`"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, values: Mapping[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        LocalProvider.open(ProviderSettings(values=values, home=tmp_path))
    assert "it takes `launcher`" in str(caught.value)


def test_a_models_folder_may_be_named_from_here(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-model").mkdir()
    monkeypatch.chdir(tmp_path)
    job = bench.create("relative", model="my-model")
    assert job.model == str(tmp_path / "my-model")
    assert bench.create("other", model="not-here").model == "not-here"


def test_its_table_names_what_it_reads() -> None:
    support = LocalProvider.capabilities.methods[MethodName.SUPERVISED]

    unread = set(Supervised.model_fields) - support.hyperparameters - {"type"}
    assert unread == {"learning_rate_multiplier"}
    assert unread <= set(LocalProvider.capabilities.notes)


@pytest.mark.parametrize("price", [None, 0])
def test_it_costs_nothing_on_a_machine_of_ones_own(bench: Bench, price: float | None) -> None:
    provider = LocalProvider(home=bench.home, price_per_hour=price)
    estimate = provider.estimate_cost(bench.spec(), Rows(training=None))
    assert isinstance(estimate, CostEstimate)
    assert (estimate.low, estimate.high) == (0, 0)
    assert "electricity" in estimate.source


def test_what_a_program_of_ones_own_costs_is_not_known(bench: Bench) -> None:
    provider = LocalProvider(home=bench.home, trainer=TRAINER, price_per_hour=3)
    estimate = provider.estimate_cost(bench.spec(), Rows(training=None))
    assert isinstance(estimate, NoEstimate)
    assert "costs 3 US dollars" in estimate.reason
    assert "a program of your own trains" in estimate.reason


@pytest.mark.parametrize("price", [-1, float("nan"), float("inf")])
def test_a_price_is_a_number_of_dollars(bench: Bench, price: float) -> None:
    with pytest.raises(ConfigurationError, match="`price_per_hour` is "):
        LocalProvider(home=bench.home, price_per_hour=price)


def test_closing_leaves_jobs_alone(bench: Bench) -> None:
    job = bench.running(bench.create(steps="5", pause="0.1"))
    bench.provider.close()
    bench.provider.close()

    assert bench.ended(job).status is JobStatus.SUCCEEDED


def test_the_state_folder_is_the_one_that_the_environment_names(tmp_path: Path) -> None:
    provider = LocalProvider(environ={"FINETUNE_HOME": str(tmp_path / "named")})

    with pytest.raises(NotFoundError, match=str(tmp_path / "named" / "local" / "jobs")):
        provider.get_job("ftjob-0123456789abcdef")


def test_on_windows_it_names_the_way_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    with pytest.raises(UnsupportedError, match="WSL"):
        LocalProvider()


def test_its_table_can_be_read_without_a_vendor_and_on_windows() -> None:
    # None in sys.modules makes an import fail, as on Windows.
    program = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from finetune_sdk.providers.local.provider import LocalProvider\n"
        "print(*LocalProvider.capabilities.methods)\n"
        f"print([name for name in {VENDORS!r} if name in sys.modules])\n"
    )
    assert _run(program) == ["supervised dpo orpo kto reward reinforcement", "[]"]


def test_listing_jobs_loads_no_vendor(bench: Bench) -> None:
    program = (
        "import sys\n"
        "from finetune_sdk.providers.local.provider import LocalProvider\n"
        f"LocalProvider(home={str(bench.home)!r}).list_jobs(limit=1, cursor=None)\n"
        f"print([name for name in {VENDORS!r} if name in sys.modules])\n"
    )
    assert _run(program) == ["[]"]


def test_a_missing_package_is_said_before_anything_is_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = bench.spec()
    monkeypatch.setitem(sys.modules, "trl", None)

    with pytest.raises(MissingDependencyError, match=r"finetune-anywhere\[local\]"):
        LocalProvider(home=bench.home).create_job(spec)
    assert not (bench.home / "local" / "jobs").exists()


def _run(program: str) -> list[str]:
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()
