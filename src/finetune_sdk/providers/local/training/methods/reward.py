"""Reward: learn to score answers. What comes out gives a number and cannot chat."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods import fitting, trl
from finetune_sdk.providers.local.training.methods.pairs import PairLesson
from finetune_sdk.providers.local.training.rows.preferences import Pair


class RewardLesson(PairLesson):
    """A reward model after Bradley and Terry: the better answer of a pair gets the higher score."""

    own = ("center_rewards_coefficient",)

    @classmethod
    def config(cls) -> Any:
        return trl.named("RewardConfig")

    def load(self, choices: Choices) -> Any:
        transformers = import_module("transformers")
        # The head that scores is new, and so drawn by lot.
        transformers.set_seed(self.order.recipe.seed)
        kind, keywords = transformers.AutoModelForSequenceClassification, self.loading(choices)
        model = fitting.loaded(kind, self.order.base, head=False, num_labels=1, **keywords)
        fitting.check_layers(model, self.order.recipe.lora)
        return model

    def columns(self, pairs: Sequence[Pair]) -> dict[str, list[Any]]:
        # What is scored is the whole conversation.
        return {
            "chosen_ids": [one.prompt + one.chosen for one in pairs],
            "rejected_ids": [one.prompt + one.rejected for one in pairs],
            "length": [one.longest for one in pairs],
        }

    def trainer(self, model: Any, choices: Choices, callbacks: list[Any]) -> Any:
        trainer = trl.named("RewardTrainer")(
            model=model,
            peft_config=self.adapter("SEQ_CLS"),
            callbacks=callbacks,
            **self.settings(choices),
        )
        # The head is trained whole, and so stays in float32 as adapters do.
        for weight in trainer.model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()
        return trainer

    def finish(self, model: Any) -> None:
        """It writes nothing, so there is nothing to stop at."""
