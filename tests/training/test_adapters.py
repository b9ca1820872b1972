"""Adapters as models: merged once, with the same answers, and trained further."""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.errors import ConflictError
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import JobFolder, take
from finetune_sdk.providers.local.models import converting, weights
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.types import Supervised
from tests.training.jobs import VENDOR_WARNINGS, make_job, metrics, train
from tests.training.tiny import CHATML

pytestmark = VENDOR_WARNINGS

TEXT = "what is this? this is a cake of flour"


@pytest.fixture(scope="module")
def job(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> JobFolder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        template = CHATML.replace("<|im_end|>", "<|endoftext|>")
        options = LocalOptions(chat_template=template)
        return train(make_job(tmp_path_factory.mktemp("home"), tiny, options=options))


def find(folder: Path, home: LocalHome) -> weights.Weights:
    return weights.find(str(folder), home, {"HF_HUB_OFFLINE": "1"})


def logits(model: Any, folder: Path) -> Any:
    torch, transformers = import_module("torch"), import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        return model(**tokenizer(TEXT, return_tensors="pt")).logits


def load(folder: Path) -> Any:
    return import_module("transformers").AutoModelForCausalLM.from_pretrained(folder)


def test_merged_weights_answer_as_the_adapter_does(job: JobFolder, tiny: Path) -> None:
    torch, peft = import_module("torch"), import_module("peft")
    said: list[str] = []
    merged = weights.fetch(find(job.model, job.home), job.home, said.append)
    assert merged == job.path / "merged"
    assert not (merged / "adapter_config.json").exists()
    adapted = peft.PeftModel.from_pretrained(load(tiny), job.model)
    expected, got = logits(adapted, tiny), logits(load(merged), merged)
    assert torch.allclose(got, expected, atol=1e-5)
    assert not torch.allclose(got, logits(load(tiny), tiny), atol=1e-2)
    assert said == [f"merging the adapter into {tiny}, once"]
    # What was taught to end an answer ends it when served.
    stops = import_module("transformers").GenerationConfig.from_pretrained(merged).eos_token_id
    assert sorted(stops) == [1, 2]
    assert (merged / "chat_template.jinja").read_text(encoding="utf-8").count("endoftext") == 1


def test_merging_happens_once(job: JobFolder) -> None:
    said: list[str] = []
    first = weights.fetch(find(job.model, job.home), job.home, said.append)
    before = (first / "model.safetensors").stat().st_mtime_ns
    said.clear()
    assert weights.fetch(find(job.model, job.home), job.home, said.append) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == before
    assert said == []


def test_an_adapter_of_the_users_own_is_merged_in_the_state_folder(
    job: JobFolder, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(job.model, own)
    home = LocalHome.of(tmp_path / "home")
    first = weights.fetch(find(own, home), home, print)
    assert first.parent == home.models
    assert {path.name for path in tmp_path.iterdir()} == {"own", "home"}
    # Merged weights are no base model that anybody asked for by name.
    assert first.name not in [model.id for model in weights.known(home)]
    os.utime(own / "adapter_model.safetensors", ns=(1, 1))
    assert weights.fetch(find(own, home), home, print) != first


def test_a_finished_job_can_be_trained_further(job: JobFolder, tmp_path: Path) -> None:
    method = Supervised(epochs=1, learning_rate=1e-3)
    home = job.home.root.parent
    further = train(make_job(home, job.model, name="ftjob-further", method=method))
    assert metrics(further, "loss")[0] < metrics(job, "loss")[0] - 0.1
    found = find(further.model, job.home)
    assert found.base is not None
    assert found.base.path == job.path / "merged"
    assert weights.fetch(found, job.home, print) == further.path / "merged"


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    home = LocalHome.of(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").write_text("half", encoding="utf-8")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        converting.once(home.models / "model", home, fail)
    assert list(home.models.iterdir()) == []


def test_two_processes_do_not_make_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = LocalHome.of(tmp_path)
    monkeypatch.setattr(converting, "_PATIENCE", 0.05)
    held = take(home.make(home.locks) / "models-model.lock")
    assert held is not None
    try:
        with pytest.raises(ConflictError, match="another process"):
            converting.once(home.models / "model", home, lambda _: None)
    finally:
        os.close(held)
    assert converting.once(home.models / "model", home, lambda _: None).is_dir()
