"""What is looked at in the caller's own process before a job is made: LOC-20 and LOC-21."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from finetune_sdk import datasets
from finetune_sdk.errors import FineTuneError, MissingDependencyError, NotFoundError
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import JobSpec, Supervised
from tests.local.small_jobs import ROWS


def create(home: Path, model: object, options: LocalOptions | None = None) -> None:
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}
    provider = LocalProvider(home=home, environ=offline)
    spec = JobSpec(
        key="one",
        model=str(model),
        method=Supervised(),
        training_file=provider.upload_dataset(datasets.load(ROWS), key="rows"),
        options=(options or LocalOptions()).model_dump(mode="json", exclude_none=True),
    )
    provider.create_job(spec)


def put(folder: Path, **files: object) -> Path:
    """A folder with files, named with `_` for `.`; a `dict` is written as JSON."""
    folder.mkdir()
    for name, content in files.items():
        head, _, suffix = name.rpartition("_")
        (folder / f"{head}.{suffix}").write_text(json.dumps(content), encoding="utf-8")
    return folder


def pickled_adapter(root: Path) -> Path:
    return put(root / "adapter", adapter_config_json={}, adapter_model_bin="")


def pickled_model(root: Path) -> Path:
    return put(root / "model", config_json={}, tokenizer_json={}, pytorch_model_bin="")


def own_code(root: Path) -> Path:
    config = {"auto_map": {"AutoModelForCausalLM": "modeling.Model"}}
    return put(root / "model", config_json=config, tokenizer_json={}, model_safetensors="")


def without_base(root: Path) -> Path:
    config = {"base_model_name_or_path": str(root / "gone" / "for" / "good")}
    return put(root / "adapter", adapter_config_json=config, adapter_model_safetensors="")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (pickled_adapter, "pickled weights .* can run code"),
        (pickled_model, "pickled weights .* can run code"),
        (own_code, "`trust_remote_code` is off here"),
        (without_base, r"base model of the adapter .* is not there"),
    ],
)
def test_a_model_that_is_not_safe_or_not_whole_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(FineTuneError, match=words):
        create(tmp_path / "home", make(tmp_path))
    assert not (tmp_path / "home" / "local" / "jobs").exists()


def test_a_model_that_is_not_here_is_refused_offline_before_a_row_is_read(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="HF_HUB_OFFLINE is set"):
        create(tmp_path / "home", "owner/model")
    assert not (tmp_path / "home" / "local" / "jobs").exists()


@pytest.mark.skipif(find_spec("wandb") is not None, reason="wandb is installed")
def test_a_place_to_report_to_whose_package_is_missing(tmp_path: Path) -> None:
    model = put(tmp_path / "model", config_json={}, tokenizer_json={}, model_safetensors="")
    options = LocalOptions(report_to=("wandb",))
    with pytest.raises(MissingDependencyError, match=r"pip install wandb$") as caught:
        create(tmp_path / "home", model, options)
    assert caught.value.extra is None
    assert not (tmp_path / "home" / "local" / "jobs").exists()
