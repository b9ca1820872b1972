"""What is found out before a job is made, by the door of the process that looks."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import JsonValue

from finetune_sdk.errors import QuotaExceededError, UnsupportedError
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created, now
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.preflight.answering import answer
from finetune_sdk.providers.local.preflight.capacity import Capacity
from finetune_sdk.providers.local.preflight.inspect import find, inspect
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    Lora,
    Method,
    Reinforcement,
    Reward,
    Supervised,
)
from tests.training.jobs import CAKES, VENDOR_WARNINGS, chat, failure, make_job, settings, train
from tests.training.tiny import make_tiny_model

SINGLE = LocalOptions(precision="float32")
"""The same bytes on every machine."""


def copy_of(tiny: Path, folder: Path, **config: object) -> Path:
    """The tiny model with other words in its config.json; its weights are not looked at."""
    shutil.copytree(tiny, folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **config}), encoding="utf-8")
    return folder


def blank(weights: Path) -> None:
    """Leaves the head of a safetensors file, with nothing behind it but a hole in the disk."""
    whole = weights.read_bytes()
    weights.write_bytes(whole[: 8 + int.from_bytes(whole[:8], "little")])
    os.truncate(weights, len(whole))


def test_what_will_be_is_told_with_its_reasons(tiny: Path, tmp_path: Path) -> None:
    model = copy_of(tiny, tmp_path / "model")
    (model / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n", encoding="utf-8")
    folder = make_job(tmp_path, model, validation=CAKES[:4], options=SINGLE)
    told = inspect(folder).settings
    assert told["rows"] == "16; one adds at most 45 tokens to a batch, a row may have 256"
    assert told["licence"] == "mit, as the model's README.md says"
    assert "what it adds to the prompt" in told["chat_template"]
    assert told["memory"].startswith("378 kB weights + 524 kB adapter, gradients and optimizer + ")
    assert "of memory" not in told["memory"]
    assert " + 1.6 MB for 4 checkpoints = 1.8 MB, of " in told["disk"]
    assert told["micro_batch_size"] == "8, because a whole batch fits into memory at once"
    # Nothing was made, and nothing was said in a job that is not there yet.
    assert [file.name for file in folder.path.iterdir()] == ["spec.json"]


@VENDOR_WARNINGS
def test_the_weights_are_not_read_and_the_trainer_says_the_same(tiny: Path, tmp_path: Path) -> None:
    model = copy_of(tiny, tmp_path / "model")
    blank(model / "model.safetensors")
    method = Supervised(epochs=1)
    before = inspect(make_job(tmp_path, model, method=method, name="ftjob-2")).settings
    after = settings(train(make_job(tmp_path, tiny, method=method)))
    assert {"precision", "learning_rate", "train_on"} < set(after)
    assert after.items() <= before.items()


def refused(folder: JobFolder) -> tuple[str, str]:
    with pytest.raises(TrainingFailure) as caught:
        inspect(folder)
    return caught.value.code, str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (LocalOptions(lr_scheduler="cosinus"), "`LocalOptions.lr_scheduler` is 'cosinus'"),
        (LocalOptions(trl={"neftune_alpha": 5}), "near it: 'neftune_noise_alpha'"),
        (LocalOptions(trl={"max_steps": 5}), "say `epochs` of the method"),
        (LocalOptions(micro_batch_size=3), "does not divide `batch_size` 8"),
        (LocalOptions(trl={"dataloader_drop_last": True}), "every row is learned from"),
        (LocalOptions(trl={"adam_beta1": "x"}), "'adam_beta1' to 'x', which is no number"),
        (LocalOptions(trl={"adam_epsilon": None}), "'adam_epsilon' to None, which is no number"),
        (LocalOptions(trl={"full_determinism": "no"}), "to 'no', which is not True or False"),
        (
            LocalOptions(trl={"accelerator_config": {"gradient_accumulation_kwargs": {}}}),
            "'gradient_accumulation_kwargs' in 'accelerator_config', which is not taken there",
        ),
        (LocalOptions(trl={"accelerator_config": "x.json"}), "give a mapping"),
        (LocalOptions(early_stopping_patience=2), "give `validation_data`"),
    ],
)
def test_an_option_that_cannot_be_followed(
    tiny: Path, tmp_path: Path, options: LocalOptions, words: str
) -> None:
    code, message = refused(make_job(tmp_path, tiny, options=options))
    assert code in ("invalid_option", "unknown_hyperparameter", "invalid_hyperparameter")
    assert words in message


@pytest.mark.parametrize("trl", [{"optim": "nope"}, {"debug": "nope"}])
def test_values_that_trl_refuses(tiny: Path, tmp_path: Path, trl: dict[str, JsonValue]) -> None:
    folder = make_job(tmp_path, tiny, options=LocalOptions(trl=trl))
    code, message = refused(folder)
    assert code == "invalid_hyperparameter"
    assert message.startswith("TRL refuses: ")


@pytest.mark.parametrize(
    "method", [Supervised(), DPO(), ORPO(), KTO(), Reward(), Reinforcement(rewards=("a:b",))]
)
def test_fields_of_trl_that_are_good(tiny: Path, tmp_path: Path, method: Method) -> None:
    (tmp_path / "a.py").write_text("def b(completions, **_): return [0.0] * len(completions)")
    row: dict[str, object] = {"prompt": "a", "chosen": "b", "rejected": "c"}
    if isinstance(method, KTO):
        row = {"prompt": "a", "completion": "b", "label": True}
    options = LocalOptions(
        trl={"adam_beta1": 1 / 2, "optim": "adamw_torch", "torch_compile_backend": None}
    )
    rows = CAKES if isinstance(method, Supervised) else [row] * 5
    folder = make_job(tmp_path, tiny, rows, method=method, options=options)
    Created(created_at=now(), notes=(), modules=str(tmp_path)).save(folder)
    settings = inspect(folder).settings
    assert "micro_batch_size" in settings
    weighs = "decide how they are weighed" in settings["micro_batch_size"]
    assert weighs == isinstance(method, (DPO, ORPO, KTO, Reward))


@pytest.mark.parametrize(
    ("trl", "words"),
    [
        ({"generation_kwargs": {"max_new_tokens": 9}}, "`max_completion_length` of the method"),
        ({"generation_kwargs": {"num_return_sequences": 9}}, "`num_generations` of the method"),
        ({"chat_template_kwargs": {}}, "before TRL sees them"),
    ],
)
def test_fields_of_generation_that_are_ours(
    tiny: Path, tmp_path: Path, trl: dict[str, JsonValue], words: str
) -> None:
    method = Reinforcement(rewards=("a:b",))
    folder = make_job(tmp_path, tiny, method=method, options=LocalOptions(trl=trl))
    code, message = refused(folder)
    assert code == "unknown_hyperparameter"
    assert words in message


def test_a_field_of_another_methods_class(tiny: Path, tmp_path: Path) -> None:
    pair = {"prompt": "a", "chosen": "b", "rejected": "c"}
    options = LocalOptions(trl={"packing": True})
    folder = make_job(tmp_path, tiny, [pair], method=DPO(), options=options)
    assert "`DPOConfig` does not know" in refused(folder)[1]


def test_layers_that_are_not_there(tiny: Path, tmp_path: Path) -> None:
    method: Method = Supervised(lora=Lora(target_modules=("q_proj", "1.mlp.up_proj", "lm_head")))
    assert "memory" in inspect(make_job(tmp_path, tiny, method=method, name="ftjob-2")).settings
    # Of several names each must be there: peft would train the others alone.
    method = Supervised(lora=Lora(target_modules=("q_proj", "nothing", "proj")))
    code, message = refused(make_job(tmp_path, tiny, method=method))
    assert code == "invalid_hyperparameter"
    assert "names 'nothing', 'proj', and" in message
    assert "it has down_proj, embed_tokens, gate_proj, k_proj" in message


def renamed(tiny: Path, folder: Path) -> Path:
    copy_of(tiny, folder)
    safetensors = import_module("safetensors.torch")
    weights = safetensors.load_file(folder / "model.safetensors")
    other = {name.replace("layers.1.", "layers.7."): one for name, one in weights.items()}
    safetensors.save_file(other, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def cut_off(tiny: Path, folder: Path) -> Path:
    copy_of(tiny, folder)
    os.truncate(folder / "model.safetensors", 10_000)
    return folder


def garbage(tiny: Path, folder: Path) -> Path:
    copy_of(tiny, folder)
    (folder / "model.safetensors").write_bytes(b"version https://git-lfs.example/spec/v1")
    return folder


def sharded(tiny: Path, folder: Path) -> Path:
    copy_of(tiny, folder, num_hidden_layers=3)
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    index = {"weight_map": {"model.norm.weight": "part.safetensors"}}
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, **index}), encoding="utf-8")
    return folder


Broken = Callable[[Path, Path], Path]

BROKEN: list[tuple[Broken, str]] = [
    (partial(copy_of, tie_word_embeddings=False), "'lm_head.weight';"),
    (partial(copy_of, num_hidden_layers=3), "'model.layers.2."),
    (partial(copy_of, num_hidden_layers=1), "no place in it for 'model.layers.1."),
    (partial(copy_of, hidden_size=128), "another shape 'model.embed_tokens.weight'"),
    (renamed, "'model.layers.1."),
    (sharded, "'model.layers.2."),
    (garbage, "cannot be read as safetensors"),
    (cut_off, "cannot be read as safetensors"),
]


@VENDOR_WARNINGS
@pytest.mark.parametrize(("broken", "words"), BROKEN)
def test_weights_that_are_not_the_models_are_refused_by_all(
    tiny: Path, tmp_path: Path, broken: Broken, words: str
) -> None:
    """Before the job, and by the trainer, which may be the first that has them."""
    folder = make_job(tmp_path, broken(tiny, tmp_path / "model"))
    for code, message in (refused(folder), failure(folder)):
        assert code == "model_unusable"
        assert words in message


@VENDOR_WARNINGS
def test_a_reward_model_draws_its_head_by_lot_and_no_more(tiny: Path, tmp_path: Path) -> None:
    pairs = [{"prompt": "a", "chosen": "cake", "rejected": "salt"}] * 4
    bare = copy_of(tiny, tmp_path / "bare", tie_word_embeddings=False)
    method = Reward(epochs=1)
    headless = make_job(tmp_path, bare, pairs, method=method)
    assert "memory" in inspect(headless).settings
    train(headless)
    taller = copy_of(tiny, tmp_path / "taller", num_hidden_layers=3)
    folder = make_job(tmp_path, taller, pairs, method=method, name="ftjob-2")
    for code, message in (refused(folder), failure(folder)):
        assert code == "model_unusable"
        assert "'model.layers.2." in message
        assert "score" not in message


@VENDOR_WARNINGS
def test_weights_by_other_names_that_transformers_knows(tiny: Path, tmp_path: Path) -> None:
    """Without the head and its prefix, and with what an old version kept beside."""
    folder = copy_of(tiny, tmp_path / "model")
    safetensors, torch = import_module("safetensors.torch"), import_module("torch")
    weights = safetensors.load_file(folder / "model.safetensors")
    bare = {name.removeprefix("model."): one for name, one in weights.items()}
    bare["layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    bare["layers.0.self_attn.masked_bias"] = torch.ones(1)
    safetensors.save_file(bare, folder / "model.safetensors", metadata={"format": "pt"})
    job = make_job(tmp_path, folder, method=Supervised(epochs=1))
    assert "memory" in inspect(job).settings
    train(job)


@VENDOR_WARNINGS
def test_a_tokenizer_with_code_of_its_own(tiny: Path, tmp_path: Path) -> None:
    model = copy_of(tiny, tmp_path / "model")
    path = model / "tokenizer_config.json"
    own = {**json.loads(path.read_bytes()), "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    path.write_text(json.dumps(own), encoding="utf-8")
    folder = make_job(tmp_path, model)
    with pytest.raises(UnsupportedError, match="tokenizer_config"):
        inspect(folder)
    code, message = failure(folder)
    assert code == "model_unusable"
    assert "`trust_remote_code` is off here" in message


@pytest.mark.parametrize("sum_", ["1 // 0", "(10.0 ** 308) ** 2"])
def test_a_template_that_cannot_count(tiny: Path, tmp_path: Path, sum_: str) -> None:
    options = LocalOptions(chat_template="{{ messages | length // 1 and " + sum_ + " }}")
    code, message = refused(make_job(tmp_path, tiny, options=options))
    assert code == "chat_template"
    assert "refuses these messages" in message


def test_a_row_that_is_too_long_and_a_model_without_a_template(tiny: Path, tmp_path: Path) -> None:
    long = make_job(tmp_path, tiny, [*CAKES, chat("hello", "cake " * 300)])
    code, message = refused(long)
    assert code == "row_too_long"
    assert "line 17 has " in message
    bare = make_tiny_model(tmp_path / "bare", template=None)
    assert refused(make_job(tmp_path, bare, name="ftjob-2"))[0] == "chat_template"


def test_rows_that_take_too_long_are_left_to_the_trainer(tiny: Path, tmp_path: Path) -> None:
    long = [*CAKES, chat("hello", "cake " * 300)]
    folder = make_job(tmp_path, tiny, long)
    told = inspect(folder, patience=1e-6).settings
    assert told["rows"] == "not all were looked at in 1e-06 s; a row may have 256"
    assert told["memory"].startswith("at least ")
    (note,) = inspect(folder, patience=1e-6).warnings
    assert "the trainer looks at the rest" in note
    # A limit on time must not make wrong what is known without the rows.
    wrong = make_job(tmp_path, tiny, long, name="ftjob-2", options=LocalOptions(micro_batch_size=3))
    with pytest.raises(TrainingFailure, match="does not divide"):
        inspect(wrong, patience=1e-6)


def test_a_machine_that_is_too_small(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path, tiny, options=SINGLE)
    with pytest.raises(QuotaExceededError) as caught:
        inspect(folder, room=lambda _: Capacity(500_000_000, None))
    assert caught.value.code == "not_enough_memory"
    for words in (" = 659 MB, of 500 MB", "`LocalOptions.micro_batch_size`, which is 8", "smaller"):
        assert words in str(caught.value)
    assert "lora" not in str(caught.value).rpartition("has;")[2]
    (busy,) = inspect(folder, room=lambda _: Capacity(700_000_000, 600_000_000)).warnings
    assert "needs about 659 MB of memory, and 600 MB are free now" in busy
    assert inspect(folder, room=lambda _: Capacity(700_000_000, 690_000_000)).warnings == ()
    assert (
        inspect(folder, room=lambda _: None)
        .settings["memory"]
        .endswith("this machine has is not known")
    )


def test_a_disk_that_is_too_small(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path, tiny, options=LocalOptions(keep_checkpoints=10**9))
    with pytest.raises(
        QuotaExceededError, match=r"lower `LocalOptions\.keep_checkpoints`"
    ) as caught:
        inspect(folder)
    assert caught.value.code == "disk_full"


def test_a_model_that_cannot_be_built_is_not_reckoned_up(tiny: Path, tmp_path: Path) -> None:
    # The tokenizer of such a model may be fine, and the trainer has the last word.
    model = copy_of(tiny, tmp_path / "model", hidden_act="of-its-own")
    folder = make_job(tmp_path, model)
    assert "memory" not in inspect(folder).settings
    (note,) = inspect(folder).warnings
    assert "not reckoned up for this model (" in note


def test_every_answer_is_json(tiny: Path, tmp_path: Path) -> None:
    good = make_job(tmp_path, tiny)
    wrong = make_job(tmp_path, tiny, name="ftjob-2", options=LocalOptions(lr_scheduler="x"))
    gone = make_job(tmp_path, tmp_path / "nowhere" / "at" / "all", name="ftjob-3")
    kinds: list[Mapping[str, object]] = [answer(one, find) for one in (good, wrong, gone)]
    assert [set(kind) for kind in kinds] == [{"found"}, {"failure"}, {"error"}]
    assert json.loads(json.dumps(kinds)) == kinds
    error = kinds[2]["error"]
    assert isinstance(error, dict)
    assert error["kind"] == "NotFoundError"


def test_what_was_noted_before_is_not_said_again(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path, tiny)
    small = Capacity(700_000_000, 600_000_000)
    first = inspect(folder, room=lambda _: small).warnings
    assert first
    Created(created_at=now(), notes=first).save(folder)
    assert inspect(folder, room=lambda _: small).warnings == ()
