"""Whole trainings of the tiny model, by the entry that the process uses."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.types import Lora, Supervised
from tests.training.jobs import (
    CAKES,
    VENDOR_WARNINGS,
    chat,
    events,
    failure,
    make_job,
    metrics,
    settings,
    train,
)
from tests.training.tiny import CHATML, make_tiny_model

pytestmark = VENDOR_WARNINGS

FULL = Supervised(epochs=2, learning_rate=1e-2, lora=False)


def tensors(folder: Path, name: str = "model.safetensors") -> dict[str, Any]:
    loaded: dict[str, Any] = import_module("safetensors.torch").load_file(folder / name)
    return loaded


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def lora_job(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> JobFolder:
    """A LoRA job with validation data, trained once and looked at by many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        return train(make_job(tmp_path_factory.mktemp("home"), tiny, validation=CAKES[:5]))


def test_lora_writes_an_adapter_and_its_tokenizer_and_no_pickle(
    lora_job: JobFolder, tiny: Path
) -> None:
    assert files(lora_job.model) == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((lora_job.model / "adapter_config.json").read_bytes())
    assert config["base_model_name_or_path"] == str(tiny)
    assert (config["r"], config["lora_alpha"]) == (16, 32)
    names = tensors(lora_job.model, "adapter_model.safetensors")
    assert all("lora_" in name for name in names)
    assert any("mlp.down_proj" in name for name in names)
    assert not any("lm_head" in name for name in names)


def test_the_loss_goes_down_and_is_told(lora_job: JobFolder) -> None:
    losses = metrics(lora_job, "loss")
    assert len(losses) == 4
    assert losses[-1] < losses[0] - 0.2
    for name in ("learning_rate", "grad_norm", "token_accuracy", "tokens"):
        assert len(metrics(lora_job, name)) == 4
    measured = metrics(lora_job, "loss", "validation")
    assert len(measured) == 2
    assert measured[1] < measured[0]


def test_progress_and_result_tell_the_end(lora_job: JobFolder) -> None:
    progress = lora_job.read("progress")
    assert progress is not None
    assert (progress["step"], progress["steps"], progress["seconds_left"]) == (4, 4, 0.0)
    assert progress["loss"] == metrics(lora_job, "loss")[-1]
    tokens = lora_job.read("result") or {}
    # ChatML writes every letter of the header: real tokens of two epochs, padding aside.
    assert tokens == {"trained_tokens": metrics(lora_job, "tokens")[-1]}
    said = [event.message for event in events(lora_job)]
    rows = next(words for words in said if words.startswith("training data: 16 rows"))
    assert int(rows.split(" tokens")[0].split()[-1]) * 2 == tokens["trained_tokens"]
    assert sum("is done" in words for words in said) == 2
    assert any("validation loss" in words for words in said)
    assert [event.id for event in events(lora_job)] == sorted(e.id for e in events(lora_job))


def test_choices_come_with_their_reasons(lora_job: JobFolder) -> None:
    chosen = settings(lora_job)
    assert chosen["device"] == "cpu"
    assert chosen["threads"] == "1, as OMP_NUM_THREADS says"
    assert chosen["batch_size"] == "8, the default"
    assert chosen["micro_batch_size"].startswith("8, because")
    assert "bfloat16" in chosen["precision"]
    assert chosen["train_on"].startswith("assistant")
    # What the caller has set is not ours to explain.
    assert "learning_rate" not in chosen


def test_full_training_changes_every_weight(tiny: Path, tmp_path: Path) -> None:
    folder = train(make_job(tmp_path, tiny, method=FULL))
    assert "model.safetensors" in files(folder.model)
    assert not {"training_args.bin", "README.md"} & files(folder.model)
    before, after = tensors(tiny), tensors(folder.model)
    assert before.keys() == after.keys()
    for name, weight in before.items():
        assert not bool((weight == after[name]).all()), name
    assert metrics(folder, "loss")[-1] < metrics(folder, "loss")[0] - 0.2
    config = json.loads((folder.model / "config.json").read_bytes())
    # Off while training; a served model without it is slow.
    assert config["use_cache"] is True


def test_the_same_seed_gives_the_same_weights(tiny: Path, tmp_path: Path) -> None:
    method = Supervised(epochs=1, lora=Lora(rank=2, dropout=0.1))
    made = [
        train(make_job(tmp_path, tiny, name=f"ftjob-{i}", method=method, seed=seed))
        for i, seed in enumerate((3, 3, 4))
    ]
    first, second, other = (tensors(one.model, "adapter_model.safetensors") for one in made)
    assert all(bool((first[name] == second[name]).all()) for name in first)
    assert not all(bool((first[name] == other[name]).all()) for name in first)


def test_part_of_an_epoch(tiny: Path, tmp_path: Path) -> None:
    method = Supervised(epochs=1.5, batch_size=4)
    folder = train(make_job(tmp_path, tiny, method=method, validation=CAKES[:2]))
    assert len(metrics(folder, "loss")) == 6
    assert len(metrics(folder, "loss", "validation")) == 2
    assert "epoch 1.5 of 1.5" in [e.message for e in events(folder) if e.type == "epoch"][-1]


def test_speed_settings_do_not_change_what_is_learned(tiny: Path, tmp_path: Path) -> None:
    plain = LocalOptions(precision="float32")
    quick = train(make_job(tmp_path, tiny, name="ftjob-q", method=FULL, options=plain))
    options = LocalOptions(
        precision="float32",
        micro_batch_size=2,
        gradient_checkpointing=True,
        threads=2,
        shared_prefix=False,
        labelled_only=False,
        attention="eager",
    )
    slow = train(make_job(tmp_path, tiny, name="ftjob-s", method=FULL, options=options))
    assert metrics(slow, "loss") == pytest.approx(metrics(quick, "loss"), abs=1e-5)
    assert settings(slow)["micro_batch_size"] == "2, as `LocalOptions.micro_batch_size` says"
    assert settings(slow)["gradient_checkpointing"].startswith("on, as")


def test_bfloat16_on_request_keeps_trained_weights_in_float32(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(precision="bfloat16")
    folder = train(make_job(tmp_path, tiny, options=options, validation=CAKES[:3]))
    adapter = tensors(folder.model, "adapter_model.safetensors")
    assert {str(weight.dtype) for weight in adapter.values()} == {"torch.float32"}
    assert metrics(folder, "loss")[-1] < metrics(folder, "loss")[0]
    assert metrics(folder, "loss", "validation")[-1] < metrics(folder, "loss")[0]


def test_options_and_trl_fields_reach_the_trainer(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(
        lr_scheduler="constant", logging_steps=2, trl={"optim": "adamw_torch", "adam_beta2": 0.9}
    )
    folder = train(make_job(tmp_path, tiny, options=options))
    assert metrics(folder, "learning_rate") == [1e-2, 1e-2]


def test_a_chat_template_of_the_callers_own_is_trained_and_kept(tmp_path: Path) -> None:
    bare = make_tiny_model(tmp_path / "bare", template=None)
    code, message = failure(make_job(tmp_path, bare, name="ftjob-bare"))
    assert code == "chat_template"
    assert "LocalOptions(chat_template=...)" in message
    folder = train(make_job(tmp_path, bare, options=LocalOptions(chat_template=CHATML)))
    assert (folder.model / "chat_template.jinja").read_text(encoding="utf-8") == CHATML


def test_an_end_of_turn_that_generation_does_not_know_is_added(tiny: Path, tmp_path: Path) -> None:
    template = CHATML.replace("<|im_end|>", "<|endoftext|>")
    folder = train(make_job(tmp_path, tiny, options=LocalOptions(chat_template=template)))
    config = json.loads((folder.model / "generation_config.json").read_bytes())
    assert sorted(config["eos_token_id"]) == [1, 2]


def test_rows_without_anything_to_learn_are_left_out_and_said(tiny: Path, tmp_path: Path) -> None:
    silent = {
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "one", "weight": 0},
        ]
    }
    folder = train(make_job(tmp_path, tiny, [*CAKES, silent]))
    choices = folder.read("choices")
    assert choices is not None
    assert choices["warnings"] == [
        "1 row(s) of the training data have nothing to learn and are left out"
    ]
    assert [event.level for event in events(folder) if event.type == "warning"] == ["warning"]


def test_rows_longer_than_the_model_can_read(tiny: Path, tmp_path: Path) -> None:
    rows = [chat("hello", "one"), chat("hello", "flour " * 200)]
    code, message = failure(make_job(tmp_path, tiny, rows))
    assert code == "row_too_long"
    assert "longer than 256 tokens: line 2 has" in message


def test_rows_longer_than_max_length(tiny: Path, tmp_path: Path) -> None:
    method = Supervised(max_length=20)
    code, message = failure(make_job(tmp_path, tiny, method=method, validation=CAKES))
    assert code == "row_too_long"
    assert "longer than 20 tokens" in message


def test_validation_rows_are_checked_before_training(tiny: Path, tmp_path: Path) -> None:
    rows = [chat("hello", "flour " * 200)]
    folder = make_job(tmp_path, tiny, validation=rows)
    code, message = failure(folder)
    assert code == "row_too_long"
    assert "validation data" in message
    assert not (folder.path / "metrics.jsonl").exists()


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("learnin_rate", "does not know"),
        ("adam_beta_2", "near it: 'adam_beta2'"),
        ("output_dir", "the provider's"),
        ("num_train_epochs", r"`epochs` of the method"),
        ("trust_remote_code", "never run"),
        ("packing", "before TRL sees them"),
    ],
)
def test_fields_that_have_no_home_are_an_error(
    tiny: Path, tmp_path: Path, field: str, words: str
) -> None:
    code, message = failure(make_job(tmp_path, tiny, options=LocalOptions(trl={field: 1})))
    assert code == "unknown_hyperparameter"
    assert field in message
    assert words in message


@pytest.mark.parametrize(
    "options",
    [
        LocalOptions(trl={"optim": "adamm"}),
        LocalOptions(lr_scheduler="cosinus"),
    ],
)
def test_values_that_trl_refuses(tiny: Path, tmp_path: Path, options: LocalOptions) -> None:
    code, message = failure(make_job(tmp_path, tiny, options=options))
    assert code == "invalid_hyperparameter"
    assert "TRL refuses" in message


def test_layers_that_are_not_there(tiny: Path, tmp_path: Path) -> None:
    method = Supervised(lora=Lora(target_modules=("q_proj", "q_project")))
    code, message = failure(make_job(tmp_path, tiny, method=method))
    assert code == "invalid_hyperparameter"
    assert "names 'q_project', and the model has no such layer" in message


def test_a_micro_batch_that_does_not_divide(tiny: Path, tmp_path: Path) -> None:
    code, message = failure(make_job(tmp_path, tiny, options=LocalOptions(micro_batch_size=3)))
    assert code == "invalid_option"
    assert "does not divide `batch_size` 8" in message


def test_a_training_that_runs_away(tiny: Path, tmp_path: Path) -> None:
    method = Supervised(epochs=3, learning_rate=1e30, lora=False)
    options = LocalOptions(max_grad_norm=1e30, warmup_steps=0)
    code, message = failure(make_job(tmp_path, tiny, method=method, options=options))
    assert code == "nan_loss"
    assert "`learning_rate`" in message


def test_weights_that_broke_at_the_last_step_are_not_saved(tiny: Path, tmp_path: Path) -> None:
    """The loss of the only step is fine; what it makes of the weights is not."""
    method = Supervised(epochs=1, batch_size=16, learning_rate=1e38, lora=False)
    options = LocalOptions(warmup_steps=0, lr_scheduler="constant", trl={"adam_epsilon": 0.0})
    code, _ = failure(make_job(tmp_path, tiny, method=method, options=options))
    assert code == "nan_loss"


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    code, message = failure(make_job(tmp_path, tmp_path / "nowhere" / "model"))
    assert code == "model_not_found"
    assert "nowhere" in message


def test_an_unexpected_error_is_told_and_logged(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_job(tmp_path, tiny)
    data = folder.home.files / f"{folder.spec().training_file.id}.jsonl"
    data.write_text('{"messages": 7}\n', encoding="utf-8")
    code, message = failure(folder)
    assert code == "trainer_error"
    assert message.startswith("TypeError: ")
    assert "Traceback" in capsys.readouterr().err
