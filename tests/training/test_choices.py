"""Machines, jobs and failures as tables: pure, and so quick."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from finetune_sdk.errors import (
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    UnsupportedError,
)
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training import hardware, methods, wire
from finetune_sdk.providers.local.training.failures import TrainingFailure, explain
from finetune_sdk.providers.local.training.hardware import Choices, Machine
from finetune_sdk.providers.local.training.owned import OWNED
from finetune_sdk.providers.local.training.recipe import recipe as recipe_of
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    DatasetFile,
    JobSpec,
    Lora,
    Method,
    MethodName,
    Reinforcement,
    Reward,
    Supervised,
)

OLD_CPU = Machine("cpu", bfloat16=False, cores=4)


def choose(
    machine: Machine = OLD_CPU,
    options: LocalOptions | None = None,
    *,
    batch_size: int = 8,
    rows: int = 100,
    longest: int = 100,
) -> Choices:
    return hardware.choose(
        machine, options or LocalOptions(), batch_size=batch_size, rows=rows, longest=longest
    )


@pytest.mark.parametrize(
    ("machine", "precision", "checkpointing"),
    [
        (OLD_CPU, "float32", False),
        (Machine("cpu", bfloat16=True, cores=4), "bfloat16", False),
        (Machine("mps", bfloat16=False, cores=4), "float32", False),
        (Machine("cuda", bfloat16=True, cores=4), "bfloat16", True),
        (Machine("cuda", bfloat16=False, cores=4), "float32", True),
    ],
)
def test_precision_and_checkpointing_follow_from_the_machine(
    machine: Machine, precision: str, checkpointing: bool
) -> None:
    choices = choose(machine)
    assert (choices.precision, choices.gradient_checkpointing) == (precision, checkpointing)
    assert choices.reasons["precision"].startswith(f"{precision}, because")
    assert choices.device == machine.device


def test_options_win_over_the_machine() -> None:
    options = LocalOptions(
        precision="bfloat16", gradient_checkpointing=True, micro_batch_size=2, threads=3
    )
    choices = choose(options=options)
    assert choices.precision == "bfloat16"
    assert choices.gradient_checkpointing
    assert (choices.micro_batch_size, choices.threads) == (2, 3)
    for name in ("precision", "gradient_checkpointing", "micro_batch_size", "threads"):
        assert choices.reasons[name].endswith(f"as `LocalOptions.{name}` says")


def test_threads_are_the_cores_unless_the_environment_says_so() -> None:
    assert choose().threads == 4
    assert choose(Machine("cpu", bfloat16=False, cores=4, asked_threads=2)).threads == 2


def test_float16_is_not_for_a_cpu() -> None:
    with pytest.raises(TrainingFailure, match="'float32'") as caught:
        choose(options=LocalOptions(precision="float16"))
    assert caught.value.code == "invalid_option"


@pytest.mark.parametrize(
    ("longest", "batch_size", "rows", "micro"),
    [(100, 8, 100, 8), (1000, 8, 100, 4), (4000, 8, 100, 1), (9000, 8, 100, 1), (1000, 8, 3, 8)],
)
def test_long_rows_are_computed_in_smaller_parts(
    longest: int, batch_size: int, rows: int, micro: int
) -> None:
    choices = choose(longest=longest, batch_size=batch_size, rows=rows)
    assert choices.micro_batch_size == micro
    assert batch_size % micro == 0


@pytest.mark.parametrize(("cells", "micro"), [(None, 4), ([1000] * 8, 4), ([1000] + [400] * 7, 8)])
def test_what_is_never_padded_takes_the_room_of_its_tokens(
    cells: list[int] | None, micro: int
) -> None:
    choices = hardware.choose(
        OLD_CPU, LocalOptions(), batch_size=8, rows=8, longest=1000, cells=cells
    )
    assert choices.micro_batch_size == micro


@pytest.mark.parametrize("told", ["AVX2", "avx512_core", "AVX512_CORE_VNNI"])
def test_a_cpu_that_is_told_not_to_has_no_bfloat16(told: str) -> None:
    assert not hardware.look({"ONEDNN_MAX_CPU_ISA": told}).bfloat16
    native = hardware.look({}).bfloat16
    assert hardware.look({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"}).bfloat16 == native


def test_the_cpu_tells_what_it_can_do(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("model name : x\nflags\t\t: fpu avx2 avx512_bf16\n", encoding="utf-8")
    assert "avx512_bf16" in hardware.cpu_flags(info)
    assert hardware.cpu_flags(tmp_path / "missing") == frozenset()


def spec(method: Method, *, seed: int | None = None) -> JobSpec:
    file = DatasetFile(id="file-1")
    return JobSpec(key="k", model="m", method=method, training_file=file, seed=seed)


def test_what_the_caller_leaves_open_is_filled_in_and_explained() -> None:
    recipe = recipe_of(spec(Supervised()), LocalOptions())
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (3.0, 8, 2e-4)
    assert (recipe.lora, recipe.seed) == (Lora(), 42)
    assert recipe.reasons["learning_rate"] == "0.0002, the default for LoRA"
    full = recipe_of(spec(Supervised(lora=False)), LocalOptions())
    assert (full.lora, full.learning_rate) == (None, 2e-5)
    assert "lora" not in full.reasons


def test_what_the_caller_says_is_taken() -> None:
    method = Supervised(epochs=0.5, batch_size=4, learning_rate=1e-3, lora=Lora(rank=4))
    recipe = recipe_of(spec(method, seed=0), LocalOptions(warmup_steps=0, weight_decay=0.1))
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (0.5, 4, 1e-3)
    assert (recipe.seed, recipe.warmup_steps, recipe.weight_decay) == (0, 0, 0.1)
    assert recipe.lora == Lora(rank=4)
    assert not {"epochs", "batch_size", "learning_rate", "lora", "seed"} & recipe.reasons.keys()


def config(method: Supervised, options: LocalOptions, *, rows: int) -> dict[str, object]:
    recipe = recipe_of(spec(method), options)
    choices = choose(options=options, batch_size=recipe.batch_size)
    common = wire.arguments(recipe, choices, rows=rows, output=Path("out"))
    return {**common, **wire.supervised(recipe)}


@pytest.mark.parametrize(
    ("epochs", "rows", "steps", "warmup"), [(1, 80, 10, 1), (1, 8000, 1000, 50), (0.5, 81, 6, 1)]
)
def test_logging_and_warmup_follow_from_the_number_of_steps(
    epochs: float, rows: int, steps: int, warmup: int
) -> None:
    recipe = recipe_of(spec(Supervised(epochs=epochs)), LocalOptions())
    assert recipe.steps(rows) == steps
    made = config(Supervised(epochs=epochs), LocalOptions(), rows=rows)
    assert made["warmup_steps"] == warmup
    assert made["logging_steps"] == max(1, steps // 100)


def test_a_batch_is_accumulated_from_micro_batches() -> None:
    options = LocalOptions(micro_batch_size=2)
    made = config(Supervised(batch_size=6), options, rows=10)
    assert made["per_device_train_batch_size"] == 2
    assert made["gradient_accumulation_steps"] == 3


def fields_of(name: MethodName) -> set[str]:
    return {field.name for field in dataclasses.fields(methods.kind(name).config())}


def test_words_of_ours_stand_for_fields_that_trl_has() -> None:
    """A field that TRL renames would otherwise slip past the table."""
    known = {name: fields_of(name) for name in MethodName}
    assert OWNED.keys() <= set[str]().union(*known.values())
    made = config(Supervised(), LocalOptions(), rows=10)
    assert made.keys() <= known[MethodName.SUPERVISED]
    recipe = recipe_of(spec(DPO()), LocalOptions())
    shared = made.keys() - wire.supervised(recipe).keys()
    assert all(shared <= fields for fields in known.values())
    for name in (MethodName.DPO, MethodName.REWARD, MethodName.ORPO):
        assert wire.pairs(recipe, 4).keys() <= known[name]
    assert wire.answers(recipe, 4).keys() <= known[MethodName.KTO]
    choices = choose(options=LocalOptions(), batch_size=recipe.batch_size)
    assert wire.reinforcement(recipe, choices, 8).keys() <= known[MethodName.REINFORCEMENT]


@pytest.mark.parametrize(
    ("method", "lora", "full"),
    [
        (Supervised, 2e-4, 2e-5),
        (DPO, 5e-6, 5e-7),
        (ORPO, 8e-5, 8e-6),
        (KTO, 5e-6, 5e-7),
        (Reward, 1e-4, 1e-5),
        (partial(Reinforcement, rewards=("a:b",)), 1e-5, 1e-6),
    ],
)
def test_each_method_has_learning_rates_of_its_own(
    method: Callable[..., Method], lora: float, full: float
) -> None:
    assert recipe_of(spec(method()), LocalOptions()).learning_rate == lora
    assert recipe_of(spec(method(lora=False)), LocalOptions()).learning_rate == full


def test_rows_of_some_methods_cannot_be_grouped_by_length() -> None:
    assert recipe_of(spec(DPO()), LocalOptions(group_by_length=True)).group_by_length
    recipe = recipe_of(spec(KTO()), LocalOptions())
    assert not recipe.group_by_length
    assert recipe.reasons["group_by_length"].startswith("off, because KTO")
    with pytest.raises(TrainingFailure, match="group_by_length") as caught:
        recipe_of(spec(KTO()), LocalOptions(group_by_length=True))
    assert caught.value.code == "invalid_option"


def test_rows_meet_by_chance_unless_they_are_told_not_to() -> None:
    recipe = recipe_of(spec(Supervised()), LocalOptions())
    assert not recipe.group_by_length
    assert recipe.reasons["group_by_length"].startswith("off, because which rows meet")


def test_rows_that_are_held_against_each_other_are_computed_together() -> None:
    options = LocalOptions()
    for batch_size, micro in ((8, 2), (6, 2), (9, 3), (7, 7)):
        choices = hardware.choose(
            OLD_CPU, options, batch_size=batch_size, rows=100, longest=9000, least=2
        )
        assert choices.micro_batch_size == micro


def test_a_micro_batch_of_ones_own_keeps_them_together() -> None:
    for batch_size, words in ((8, "give 2,"), (9, "give 3,")):
        with pytest.raises(TrainingFailure, match=words) as caught:
            hardware.choose(
                OLD_CPU,
                LocalOptions(micro_batch_size=1),
                batch_size=batch_size,
                rows=100,
                longest=100,
                least=2,
            )
        assert caught.value.code == "invalid_option"


def test_layers_of_lora() -> None:
    assert wire.lora_config(Lora(), "CAUSAL_LM")["target_modules"] == "all-linear"
    assert wire.lora_config(Lora(target_modules=("q_proj",)), "CAUSAL_LM")["target_modules"] == [
        "q_proj"
    ]


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), "out_of_memory"),
        (RuntimeError("[enforce fail] can't allocate memory"), "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk_full"),
        (caused(ValueError("cannot save"), OSError(errno.EDQUOT, "quota")), "disk_full"),
        (QuotaExceededError("full", provider="local"), "disk_full"),
        (NotFoundError("no model", provider="local"), "model_not_found"),
        (PermissionDeniedError("gated", provider="local"), "model_not_allowed"),
        (ConflictError("busy", provider="local"), "trainer_error"),
        (UnsupportedError("own code"), "model_unusable"),
        (TrainingFailure("nan_loss", "ran away"), "nan_loss"),
        (ZeroDivisionError("division by zero"), "trainer_error"),
    ],
)
def test_whatever_ends_a_training_has_a_code(error: Exception, code: str) -> None:
    assert explain(error).code == code


def test_too_little_memory_names_what_to_lower() -> None:
    message = str(explain(RuntimeError("CUDA out of memory\nlong text")))
    assert "micro_batch_size" in message
    assert "long text" not in message


def test_an_unknown_error_keeps_its_type_and_words() -> None:
    assert str(explain(KeyError("x"))) == "KeyError: 'x'"
