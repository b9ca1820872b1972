"""How several processes keep a model follows from its size and their memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.preflight import reckoning, spreading
from finetune_sdk.providers.local.preflight.arithmetic import Load, disk, memory
from finetune_sdk.providers.local.preflight.capacity import Capacity
from finetune_sdk.types import MethodName
from tests.local.test_preflight_arithmetic import LOAD, SMOL

FOUR = replace(LOAD, device="cuda", lora=None, processes=4)
NAME = "gradients and optimizer"


def bill(load: Load) -> dict[str, int]:
    return dict(memory(SMOL, load).items)


def test_a_copy_needs_what_one_process_does_and_its_gradients_once_more() -> None:
    one, copy = bill(replace(FOUR, processes=1)), bill(replace(FOUR, parallel="ddp"))
    assert copy["buckets"] == SMOL.parameters * 4
    assert {name: copy[name] for name in one if name != "buckets"} == {
        name: count for name, count in one.items() if name != "buckets"
    }


def test_parts_are_shares_and_what_is_whole_for_a_moment() -> None:
    one, part = bill(replace(FOUR, processes=1)), bill(replace(FOUR, parallel="fsdp"))
    assert part["weights"] == one["weights"] // 4
    assert part[NAME] == one[NAME] // 4
    assert part["activations"] == one["activations"]
    # Two layers of 3.5 million numbers, and the words at both ends.
    layer = sum(576 * outputs for outputs in (576, 192, 192, 576, 1536, 1536, 1536))
    assert part["gathered"] == (2 * layer + 2 * 49152 * 576) * 4
    assert "buckets" not in {name for name, count in part.items() if count}


def test_what_is_chosen() -> None:
    copy = memory(SMOL, replace(FOUR, parallel="ddp")).total
    part = memory(SMOL, replace(FOUR, parallel="fsdp")).total
    assert part < copy
    options = LocalOptions()
    roomy = spreading.choose(options, SMOL, FOUR, Capacity(copy, None))
    tight = spreading.choose(options, SMOL, FOUR, Capacity(copy - 1, None))
    assert roomy is not None
    assert tight is not None
    assert (roomy.name, tight.name) == ("ddp", "fsdp")
    assert "a whole copy in each process needs 6.6 GB" in str(tight)
    kto = spreading.choose(
        options, SMOL, replace(FOUR, method=MethodName.KTO), Capacity(copy - 1, None)
    )
    assert kto is not None
    assert (kto.name, "the only way for this method" in kto.why) == ("ddp", True)
    unknown = spreading.choose(options, None, FOUR, None)
    assert unknown is not None
    assert unknown.name == "ddp"


def test_what_is_asked_for_is_taken() -> None:
    asked = spreading.choose(LocalOptions(parallel="fsdp"), SMOL, FOUR, Capacity(10**15, None))
    assert str(asked) == "fsdp, as `LocalOptions.parallel` says"
    assert spreading.choose(LocalOptions(), SMOL, replace(FOUR, processes=1), None) is None


@pytest.mark.parametrize(("device", "total"), [("cuda", 80), ("cpu", 20)])
def test_each_has_a_gpu_or_its_part_of_the_memory(device: str, total: int) -> None:
    load = replace(FOUR, device="cuda" if device == "cuda" else "cpu")
    assert reckoning.share(Capacity(80, 40), load) == Capacity(total, total // 2)
    assert reckoning.share(None, load) is None


def test_what_a_training_in_parts_goes_on_from_is_written_besides() -> None:
    whole = disk(SMOL, None, keep=1, beside=0)
    parts = disk(SMOL, None, keep=1, beside=0, parted=True)
    assert parts.total - whole.total == 3 * SMOL.parameters * 4
