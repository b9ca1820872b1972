"""What is found out before a job is made, by the door of the process that looks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from finetune_sdk.errors import QuotaExceededError
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created, now
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.preflight.capacity import Capacity
from finetune_sdk.providers.local.preflight.inspect import answer, inspect
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.types import DPO, Lora, Method, Supervised
from tests.training.jobs import CAKES, VENDOR_WARNINGS, chat, make_job, settings, train
from tests.training.tiny import make_tiny_model


def copy_of(tiny: Path, folder: Path, **config: object) -> Path:
    """The tiny model with other words in its config.json; its weights are not looked at."""
    shutil.copytree(tiny, folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **config}), encoding="utf-8")
    return folder


def test_what_will_be_is_told_with_its_reasons(tiny: Path, tmp_path: Path) -> None:
    model = copy_of(tiny, tmp_path / "model")
    (model / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n", encoding="utf-8")
    folder = make_job(tmp_path, model, validation=CAKES[:4])
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
    (model / "model.safetensors").write_bytes(b"")
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
        (LocalOptions(early_stopping_patience=2), "give `validation_data`"),
    ],
)
def test_an_option_that_cannot_be_followed(
    tiny: Path, tmp_path: Path, options: LocalOptions, words: str
) -> None:
    code, message = refused(make_job(tmp_path, tiny, options=options))
    assert code in ("invalid_option", "unknown_hyperparameter")
    assert words in message


def test_a_field_of_another_methods_class(tiny: Path, tmp_path: Path) -> None:
    pair = {"prompt": "a", "chosen": "b", "rejected": "c"}
    options = LocalOptions(trl={"packing": True})
    folder = make_job(tmp_path, tiny, [pair], method=DPO(), options=options)
    assert "`DPOConfig` does not know" in refused(folder)[1]


def test_layers_that_are_not_there(tiny: Path, tmp_path: Path) -> None:
    method: Method = Supervised(lora=Lora(target_modules=("q_proj", "nothing")))
    assert "memory" in inspect(make_job(tmp_path, tiny, method=method, name="ftjob-2")).settings
    method = Supervised(lora=Lora(target_modules=("nothing",)))
    code, message = refused(make_job(tmp_path, tiny, method=method))
    assert code == "invalid_hyperparameter"
    assert "it has down_proj, gate_proj, k_proj" in message


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
    (note,) = inspect(folder, patience=1e-6).notes
    assert "the trainer looks at the rest" in note
    # A limit on time must not make wrong what is known without the rows.
    wrong = make_job(tmp_path, tiny, long, name="ftjob-2", options=LocalOptions(micro_batch_size=3))
    with pytest.raises(TrainingFailure, match="does not divide"):
        inspect(wrong, patience=1e-6)


def test_a_machine_that_is_too_small(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path, tiny)
    with pytest.raises(QuotaExceededError) as caught:
        inspect(folder, room=lambda _: Capacity(500_000_000, None))
    assert caught.value.code == "not_enough_memory"
    for words in (" = 660 MB, of 500 MB", "`LocalOptions.micro_batch_size`, which is 8", "smaller"):
        assert words in str(caught.value)
    assert "lora" not in str(caught.value).rpartition("has;")[2]
    (busy,) = inspect(folder, room=lambda _: Capacity(700_000_000, 600_000_000)).notes
    assert "needs about 660 MB of memory, and 600 MB are free now" in busy
    assert inspect(folder, room=lambda _: Capacity(700_000_000, 690_000_000)).notes == ()
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
    (note,) = inspect(folder).notes
    assert "not reckoned up for this model (" in note


def test_every_answer_is_json(tiny: Path, tmp_path: Path) -> None:
    good = make_job(tmp_path, tiny)
    wrong = make_job(tmp_path, tiny, name="ftjob-2", options=LocalOptions(lr_scheduler="x"))
    gone = make_job(tmp_path, tmp_path / "nowhere" / "at" / "all", name="ftjob-3")
    kinds: list[Mapping[str, object]] = [answer(one.path) for one in (good, wrong, gone)]
    assert [set(kind) for kind in kinds] == [{"found"}, {"failure"}, {"error"}]
    assert json.loads(json.dumps(kinds)) == kinds
    error = kinds[2]["error"]
    assert isinstance(error, dict)
    assert error["kind"] == "NotFoundError"


def test_what_was_noted_before_is_not_said_again(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path, tiny)
    small = Capacity(700_000_000, 600_000_000)
    first = inspect(folder, room=lambda _: small).notes
    assert first
    Created(created_at=now(), notes=first).save(folder)
    assert inspect(folder, room=lambda _: small).notes == ()
