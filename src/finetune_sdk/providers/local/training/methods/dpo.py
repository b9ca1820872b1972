"""DPO: learn to prefer one answer to another, held to what the model said before."""

from __future__ import annotations

from typing import Any

from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods import trl
from finetune_sdk.providers.local.training.methods.pairs import PairLesson
from finetune_sdk.providers.local.training.order import Order

_PRECOMPUTE = "precompute_ref_log_probs"


def held_to(order: Order) -> str:
    """What the model is held to, in words."""
    if order.recipe.lora:
        return "the base model: the adapter is switched off to ask it"
    if order.options.trl.get(_PRECOMPUTE):
        return "the base model, asked once before training"
    return (
        "a second copy of the base model, kept in memory; "
        f"`LocalOptions(trl={{{_PRECOMPUTE!r}: True}})` asks once before training instead"
    )


def needs_copy(order: Order) -> bool:
    """A copy of the base model must be kept beside the one that is trained."""
    return order.recipe.lora is None and not order.options.trl.get(_PRECOMPUTE)


class DPOLesson(PairLesson):
    """Direct preference optimization (arXiv 2305.18290)."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self.reasons = {**self.reasons, "reference": held_to(order)}

    @classmethod
    def config(cls) -> Any:
        return trl.named("DPOConfig")

    def trainer(self, model: Any, choices: Choices, callbacks: list[Any]) -> Any:
        class EncodedTrainer(trl.named("DPOTrainer")):  # type: ignore[misc]
            def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
                return dataset  # the rows are tokens already

        return EncodedTrainer(
            model=model,
            ref_model=self.load(choices) if needs_copy(self.order) else None,
            peft_config=self.adapter(),
            callbacks=callbacks,
            **self.settings(choices),
        )
