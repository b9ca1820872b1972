"""The arithmetic of memory and disk, against counts made by hand and trainings that were measured.

The measured ones are whole trainings on a CPU in float32 with torch 2.13 and glibc: the peak of
the trainer's resident memory, as the kernel tells it (`ru_maxrss`).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_sdk.providers.local.preflight.arithmetic import (
    Linear,
    Load,
    Shape,
    disk,
    memory,
    size,
    targets,
    trained,
)
from finetune_sdk.types import Lora, MethodName

KINDS = {
    "self_attn.q_proj": (576, 576),
    "self_attn.k_proj": (576, 192),
    "self_attn.v_proj": (576, 192),
    "self_attn.o_proj": (576, 576),
    "mlp.gate_proj": (576, 1536),
    "mlp.up_proj": (576, 1536),
    "mlp.down_proj": (1536, 576),
}
SMOL = Shape(
    parameters=134_515_008,
    linears=tuple(
        Linear(f"model.layers.{layer}.{name}", *table)
        for layer in range(30)
        for name, table in KINDS.items()
    ),
    layers=30,
    hidden=576,
    vocabulary=49152,
)
"""SmolLM2-135M."""

LOAD = Load(
    method=MethodName.SUPERVISED,
    device="cpu",
    precision="float32",
    checkpointing=False,
    rows=8,
    longest=155,
    lora=Lora(),
)


@pytest.mark.parametrize(
    ("change", "measured"),
    [
        ({"rows": 1, "longest": 74}, 1.327e9),
        ({}, 4.166e9),
        ({"longest": 455}, 10.054e9),
        ({"longest": 835}, 17.659e9),
        ({"checkpointing": True}, 2.554e9),
        ({"checkpointing": True, "longest": 455}, 5.185e9),
        ({"lora": None, "longest": 75}, 3.568e9),
        ({"lora": None}, 4.830e9),
        ({"method": MethodName.DPO, "rows": 4, "longest": 184}, 3.740e9),
        ({"method": MethodName.KTO, "rows": 4, "longest": 83}, 2.765e9),
        ({"method": MethodName.ORPO, "rows": 4, "longest": 184}, 3.431e9),
        ({"method": MethodName.REWARD, "rows": 4, "longest": 184}, 2.808e9),
        (
            {
                "method": MethodName.DPO,
                "rows": 2,
                "longest": 184,
                "lora": None,
                "reference": True,
            },
            3.913e9,
        ),
    ],
)
def test_the_estimate_is_not_below_what_was_measured_and_not_twice_as_much(
    change: dict[str, object], measured: float
) -> None:
    bill = memory(SMOL, replace(LOAD, **change))  # type: ignore[arg-type]
    assert measured <= bill.total <= 2 * measured
    assert sum(bill.items.values()) == bill.total


def test_adapters_by_the_names_of_their_layers() -> None:
    assert trained(SMOL, Lora(rank=16)) == 4_884_480  # what peft counts
    some = Lora(rank=4, target_modules=("q_proj", "mlp.up_proj"))
    assert len(targets(SMOL, some)) == 60
    assert trained(SMOL, some) == 30 * 4 * (576 + 576 + 576 + 1536)
    assert targets(SMOL, Lora(target_modules=("proj",))) == ()
    assert trained(SMOL, None) == SMOL.parameters


def test_each_way_to_save_memory_saves() -> None:
    on_gpu = replace(LOAD, device="cuda", precision="bfloat16")
    whole = memory(SMOL, LOAD).total
    for change in (
        {"rows": 4},
        {"longest": 100},
        {"checkpointing": True},
        {"device": "cuda"},
        {"precision": "bfloat16"},
    ):
        assert memory(SMOL, replace(LOAD, **change)).total < whole
    assert memory(SMOL, replace(LOAD, lora=None)).total > whole
    parts = memory(SMOL, on_gpu).items
    assert parts["weights"] == 2 * SMOL.parameters
    checkpointed = memory(SMOL, replace(on_gpu, checkpointing=True)).items
    assert checkpointed["activations"] < parts["activations"] / 5


def test_training_all_weights_in_half_precision_keeps_them_whole_and_casts_them() -> None:
    full = memory(SMOL, replace(LOAD, lora=None, precision="bfloat16")).items
    assert full["weights"] == (4 + 2) * SMOL.parameters
    assert full["gradients and optimizer"] == (4 + 8) * SMOL.parameters


def test_a_copy_to_be_held_to_is_counted_and_a_score_needs_no_vocabulary() -> None:
    dpo = replace(LOAD, method=MethodName.DPO, lora=None)
    copied = memory(SMOL, replace(dpo, reference=True)).total - memory(SMOL, dpo).total
    assert copied == 4 * SMOL.parameters
    assert memory(SMOL, replace(LOAD, method=MethodName.REWARD)).items["scores"] == 0
    # TRL scores all tokens at once, our own loss a stretch at a time.
    long = replace(LOAD, longest=2000)
    whole = memory(SMOL, replace(long, method=MethodName.ORPO)).items["scores"]
    assert whole == 16 * 8 * 2000 * 49152
    assert memory(SMOL, long).items["scores"] == 16 * 2**26


def test_the_disk_holds_two_checkpoints_more_than_are_kept() -> None:
    bill = disk(SMOL, None, keep=3, beside=1000, base=7)
    checkpoint = 12 * SMOL.parameters + 1000
    model = 4 * SMOL.parameters + 1000
    assert bill.items == {"base model": 7, "model": model, "for 5 checkpoints": 5 * checkpoint}
    assert disk(SMOL, Lora(), keep=3, beside=0).total < bill.total / 20


def test_the_bill_in_words() -> None:
    assert str(disk(SMOL, Lora(), keep=2, beside=0)) == (
        "20 MB model + 234 MB for 4 checkpoints = 254 MB"
    )
    assert [size(n) for n in (0, 9_400, 9.44e6, 99e6, 1.25e9, 25.3e9, 3e12)] == [
        "0 kB",
        "9 kB",
        "9.4 MB",
        "99 MB",
        "1.2 GB",
        "25 GB",
        "3.0 TB",
    ]
