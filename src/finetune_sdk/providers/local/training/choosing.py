"""All settings of speed and memory of a job, from its words, its model and this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple

from finetune_sdk.providers.local.options import Parallel
from finetune_sdk.providers.local.training import hardware, loss, parting
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.providers.local.training.shared import fitness
from finetune_sdk.types import MethodName

_OTHER_SCORES = {
    MethodName.ORPO: "ORPO counts the prompt's tokens too",
    MethodName.REWARD: "a reward model scores texts, not tokens",
}
"""Methods whose scores are not those of labelled tokens alone, and why."""

_AT_ONCE = {
    "neftune_noise_alpha": "noise that follows from how much is computed at once",
    **dict.fromkeys(
        ("torch_compile", "torch_compile_backend", "torch_compile_mode"),
        "layers that are compiled for one shape",
    ),
    "use_transformers_continuous_batching": "an attention of its own",
}
_SCORED = {
    "cast_lm_head_to_fp32": "a head in another precision",
    "label_smoothing_factor": "the scores of all words at each place",
    "use_weighting": "more numbers of each score",
}
"""TRL's fields that ask for what a shortcut does not give, and what that is."""
_TOGETHER = (
    "`LocalOptions.parallel` is {!r}, which is how several processes train together, and this job "
    "has one; set `launcher` to 'torchrun' in the profile, and `processes` to 2 or more, or leave "
    "it out"
)
_ONE_GPU = (
    "`processes` is {}, and the GPU of this machine is one that several processes cannot share "
    "(torch has no way for Apple's); leave it out"
)


class _Way(NamedTuple):
    """Whether a shortcut is taken, and why."""

    on: bool
    why: str

    def __str__(self) -> str:
        return f"{'on' if self.on else 'off'}, {self.why}"


def choose(order: Order, lesson: Lesson | None) -> Choices:
    """The settings; they depend on nothing that changes from one look to the next.

    Args:
        lesson: None where not all rows were looked at.

    Raises:
        TrainingFailure: an option does not fit.
    """
    machine = hardware.look(os.environ)
    if machine.device == "mps" and order.processes > 1:
        raise TrainingFailure("invalid_option", _ONE_GPU.format(order.processes))
    config = import_module("transformers").AutoConfig.from_pretrained(
        order.base, trust_remote_code=False
    )
    shared, labelled = (
        _shared(order, config, machine.device),
        _labelled(order, config, machine.device),
    )
    choices = hardware.choose(
        machine,
        order.options,
        batch_size=order.recipe.batch_size,
        processes=order.processes,
        rows=lesson.rows if lesson else 1,
        longest=lesson.longest if lesson else 1,
        # Where it weighs rows, the micro batch must not follow from a choice of speed.
        cells=lesson.cells() if lesson and shared.on and not lesson.weighs else None,
        least=lesson.least if lesson else 1,
        weighs=bool(lesson and lesson.weighs),
    )
    reasons = {"shared_prefix": str(shared), "labelled_only": str(labelled)}
    return replace(
        choices,
        parallel=_parallel(order, machine.device),
        shared_prefix=shared.on,
        labelled_only=labelled.on,
        reasons={**choices.reasons, **reasons, **_words(order), **_last(lesson, choices)},
    )


def _last(lesson: Lesson | None, choices: Choices) -> dict[str, str]:
    """Words on an epoch's last batch, where its parts do not come out even."""
    left = lesson.rows % choices.at_once if lesson and lesson.weighs else 0
    if choices.processes == 1 or not left or not choices.at_once % left:
        return {}
    words = (
        f"some of its rows count twice: {choices.processes} processes compute {choices.at_once} "
        f"rows at once, and {left} are left over at the end of an epoch"
    )
    return {"last_batch": words}


def _parallel(order: Order, device: str) -> Parallel | None:
    if order.processes == 1:
        if order.options.parallel:
            raise TrainingFailure("invalid_option", _TOGETHER.format(order.options.parallel))
        return None
    asked = order.options.parallel or order.parallel or "ddp"
    parting.refuse(asked, order.spec.method.name, device)
    return asked


def _shared(order: Order, config: Any, device: str) -> _Way:
    asked = order.options.shared_prefix
    if asked is False:
        return _Way(False, "as `LocalOptions.shared_prefix` says")
    obstacle = _obstacle(order, config)
    if obstacle:
        return _refused("shared_prefix", obstacle, asked=asked)
    if asked:
        return _Way(True, "as `LocalOptions.shared_prefix` says")
    if device != "cpu":
        why = "because it was measured on CPUs alone; `LocalOptions(shared_prefix=True)` tries it"
        return _Way(False, why)
    if fitness.drops(config, order.recipe.lora):
        why = (
            "because dropout leaves out other numbers where fewer are computed; "
            "`LocalOptions(shared_prefix=True)` does not mind"
        )
        return _Way(False, why)
    return _Way(
        True, "because what rows of a batch begin with alike is computed once, and padding never"
    )


def _obstacle(order: Order, config: Any) -> str | None:
    if order.options.attention == "eager":
        return "its attention is 'eager'"
    return _field(order, _AT_ONCE) or fitness.obstacle(config)


def _field(order: Order, fields: Mapping[str, str]) -> str | None:
    given = (name for name in fields if order.options.trl.get(name))
    return next((f"`{name}` of TRL asks for {fields[name]}" for name in given), None)


def _labelled(order: Order, config: Any, device: str) -> _Way:
    asked, method = order.options.labelled_only, order.spec.method.name
    if asked is False:
        return _Way(False, "as `LocalOptions.labelled_only` says")
    obstacle = _OTHER_SCORES.get(method) or _field(order, _SCORED) or loss.obstacle(config)
    if obstacle:
        return _refused("labelled_only", obstacle, asked=asked)
    if device == "cuda":
        return _Way(False, "because TRL's own kernels see to it on this GPU")
    if device != "cpu":
        return _refused("labelled_only", "it is done on CPUs alone", asked=asked)
    if asked:
        return _Way(True, "as `LocalOptions.labelled_only` says")
    return _Way(True, "because scores of tokens without loss are not needed")


def _refused(name: str, obstacle: str, *, asked: bool | None) -> _Way:
    if asked:
        raise refusal(name, obstacle)
    return _Way(False, f"because {obstacle}")


def refusal(name: str, obstacle: str) -> TrainingFailure:
    """The failure of a shortcut that was asked for and cannot be taken."""
    return TrainingFailure(
        "invalid_option",
        f"`LocalOptions.{name}` is True, which cannot be done here: {obstacle}; leave it out",
    )


def _words(order: Order) -> dict[str, str]:
    options = order.options
    words = {
        "attention": f"{options.attention}, as `LocalOptions.attention` says"
        if options.attention
        else "sdpa, torch's own kernels, where the model has it"
    }
    if "optim" not in options.trl:
        words["optimizer"] = "adamw_torch_fused: all weights in one pass"
    return words
