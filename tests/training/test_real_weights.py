"""One short training of a real language model: the weights that a package ships."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.models import licence, weights
from finetune_sdk.types import Lora, Supervised
from tests.support import needs_weights
from tests.training.jobs import VENDOR_WARNINGS, events, make_job, metrics, settings, train

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
RECIPES = Path(__file__).parents[2] / "examples" / "recipes" / "train.jsonl"


pytestmark = [
    VENDOR_WARNINGS,
    needs_weights,
    pytest.mark.skipif(find_spec("gguf") is None, reason="gguf is not installed"),
]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A state folder that does not stay: pytest would keep half a gigabyte of three runs."""
    yield tmp_path / "home"
    shutil.rmtree(tmp_path)


@pytest.mark.long
def test_recipes_are_learned(home: Path) -> None:
    lines = RECIPES.read_text(encoding="utf-8").splitlines()
    rows = sorted(map(json.loads, lines), key=lambda row: len(json.dumps(row)))[:8]
    method = Supervised(epochs=3, batch_size=4, learning_rate=2e-3, lora=Lora(rank=8))
    folder = train(make_job(home, MODEL, rows, method=method))
    losses = metrics(folder, "loss")
    assert len(losses) == 6
    assert losses[-1] < losses[0] / 2
    assert any("the Hub cannot be reached" in event.message for event in events(folder))
    assert settings(folder)["device"] in ("cpu", "cuda", "mps")
    converted = LocalHome.of(home).models / MODEL.replace("/", "--")
    assert (converted / "model.safetensors").stat().st_mode & 0o077 == 0
    card = converted.with_name(f"{converted.name}.card")
    assert not list(card.glob("*.safetensors"))
    assert licence.of(card) == licence.of(converted)
    assert licence.of(card).startswith("apache-2.0, as `general.license` of SmolLM2")
    config = json.loads((folder.model / "adapter_config.json").read_bytes())
    assert config["base_model_name_or_path"] == str(converted)
    assert [model.id for model in weights.known(folder.home)] == [MODEL]
