"""Our loss beside TRL's own: the same numbers, from less work."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.local.training import loss
from finetune_sdk.providers.local.training.rows.encoding import Encoder, Example, encode_all
from tests.training.jobs import CAKES, VENDOR_WARNINGS
from tests.training.tiny import make_tokenizer

pytestmark = VENDOR_WARNINGS

Make = Callable[..., Any]


def examples() -> list[Example]:
    encoder = Encoder(make_tokenizer(), "assistant", print)
    return encode_all(CAKES, encoder, limit=256, name="data")[0]


def make_trainer(make: Make, tiny: Path, out: Path, *, lora: bool = False, **config: Any) -> Any:
    """A trainer of one epoch of CAKES."""
    settings: dict[str, Any] = {
        "output_dir": str(out),
        "num_train_epochs": 1,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "seed": 5,
        "bf16": False,
        "activation_checkpointing": False,
        "use_cpu": True,
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
        "save_strategy": "no",
        "disable_tqdm": True,
        **config,
    }
    trl, transformers, peft = map(import_module, ("trl", "transformers", "peft"))
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    adapter = peft.LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", lora_dropout=0.1)
    return make(
        model=model,
        args=trl.SFTConfig(**settings),
        train_dataset=import_module("datasets").Dataset.from_dict(loss.columns(examples())),
        processing_class=make_tokenizer(),
        data_collator=loss.Collator(0),
        peft_config=adapter if lora else None,
    )


def history(make: Make, tiny: Path, out: Path, *, lora: bool = False, **config: Any) -> list[Any]:
    """Trains; gives what was logged at each step."""
    trainer = make_trainer(make, tiny, out, lora=lora, **config)
    trainer.train()
    return [
        {name: step[name] for name in ("loss", "grad_norm", "mean_token_accuracy", "entropy")}
        for step in trainer.state.log_history
        if "loss" in step
    ]


def our_own(**settings: Any) -> Any:
    trainer = loss.trainer(**settings)
    assert loss.hindrance(trainer.model) is None
    loss.score_labelled(trainer.model)
    return trainer


def trls_own(**settings: Any) -> Any:
    return import_module("trl").SFTTrainer(**settings)


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize(("size", "accumulated"), [(8, 1), (4, 2), (3, 3)])
def test_it_is_trls_loss(
    tiny: Path, tmp_path: Path, size: int, accumulated: int, lora: bool
) -> None:
    config = {"per_device_train_batch_size": size, "gradient_accumulation_steps": accumulated}
    theirs = history(trls_own, tiny, tmp_path, lora=lora, **config)
    ours = history(our_own, tiny, tmp_path, lora=lora, **config)
    assert len(ours) == len(theirs) > 1
    for mine, their in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(their, rel=1e-4, abs=1e-5)
        assert mine["loss"] == pytest.approx(their["loss"], abs=1e-5)


def test_a_micro_batch_changes_no_number(tiny: Path, tmp_path: Path) -> None:
    """Rows of unlike length in one step: a mean of means would weigh them differently."""
    kwargs: dict[str, Any] = {"train_sampling_strategy": "sequential"}
    whole = history(
        our_own,
        tiny,
        tmp_path,
        per_device_train_batch_size=8,
        gradient_accumulation_steps=1,
        **kwargs,
    )
    parts = history(
        our_own,
        tiny,
        tmp_path,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=8,
        **kwargs,
    )
    for one, other in zip(whole, parts, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)


def test_rows_of_like_length_share_a_batch(tiny: Path, tmp_path: Path) -> None:
    def cells(strategy: str) -> int:
        trainer = make_trainer(loss.trainer, tiny, tmp_path, train_sampling_strategy=strategy)
        batches = list(trainer.get_train_dataloader())
        assert sum(len(batch["input_ids"]) for batch in batches) == len(CAKES)
        return sum(batch["input_ids"].numel() for batch in batches)

    real = sum(len(example.tokens) for example in examples())
    assert cells("sequential") > cells("group_by_length") >= real


def test_many_positions_are_scored_in_stretches(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = history(our_own, tiny, tmp_path)
    # 320 tokens in the vocabulary: three positions at once.
    monkeypatch.setattr(loss, "_LOGITS_AT_ONCE", 1000)
    for one, other in zip(history(our_own, tiny, tmp_path), whole, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)


def test_only_labelled_positions_reach_the_head(tiny: Path, tmp_path: Path) -> None:
    torch, transformers = import_module("torch"), import_module("transformers")
    utils = import_module("trl.trainer.utils")
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    utils.add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    loss.score_labelled(model)
    seen: list[int] = []

    def count(_module: Any, inputs: Any, _output: Any) -> None:
        seen.append(len(inputs[0]))

    model.lm_head.register_forward_hook(count)
    batch = loss.Collator(0)(
        [{"input_ids": one.tokens, "labels": one.labels} for one in examples()]
    )
    model(**batch, use_cache=False, fused_lm_head=True)
    assert seen == [sum(one.learned for one in examples())]
    # Generation and plain calls go the model's own way.
    plain = model(batch["input_ids"], attention_mask=batch["attention_mask"])
    assert plain.logits.shape[:2] == batch["input_ids"].shape
    assert torch.isfinite(plain.logits).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("final_logit_softcapping", 30.0), ("logit_scale", 0.5), ("logits_scaling", 8.0)],
)
def test_models_that_change_their_logits_are_left_to_trl(
    tiny: Path, name: str, value: float
) -> None:
    model = import_module("transformers").AutoModelForCausalLM.from_pretrained(tiny)
    setattr(model.config, name, value)
    assert "scores are more than" in (loss.hindrance(model) or "")


def test_validation_counts_every_token_the_same(tiny: Path) -> None:
    model = import_module("transformers").AutoModelForCausalLM.from_pretrained(tiny)
    import_module("trl.trainer.utils").add_fused_lm_head(
        model, outputs=("log_probs", "entropy", "is_top1")
    )
    loss.score_labelled(model)
    collator = loss.Collator(0)
    dicts = [{"input_ids": one.tokens, "labels": one.labels} for one in examples()]
    one_by_one = loss.evaluate(model, [collator([one]) for one in dicts])
    together = loss.evaluate(model, [collator(dicts)])
    assert one_by_one.mean == pytest.approx(together.mean, abs=1e-5)
    assert one_by_one.labelled == together.labelled == sum(one.learned for one in examples())
    torch = import_module("torch")
    with torch.no_grad():
        batch = collator(dicts)
        logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    expected = torch.nn.functional.cross_entropy(
        logits[:, :-1].reshape(-1, logits.shape[-1]), batch["labels"][:, 1:].reshape(-1)
    )
    assert together.mean == pytest.approx(expected.item(), abs=1e-5)
    assert not model.training
