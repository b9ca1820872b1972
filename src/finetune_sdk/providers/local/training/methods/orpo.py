"""ORPO: learn the better answer and the preference at once, without a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finetune_sdk.providers.local.training import ranks
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods import trl
from finetune_sdk.providers.local.training.methods.pairs import PairLesson
from finetune_sdk.providers.local.training.rows.encoding import IGNORED
from finetune_sdk.providers.local.training.rows.preferences import Pair


class ORPOLesson(PairLesson):
    """Odds-ratio preference optimization (arXiv 2403.07691), as TRL keeps it: experimental."""

    @classmethod
    def config(cls) -> Any:
        return trl.named("ORPOConfig", trl.EXPERIMENTAL)

    def columns(self, pairs: Sequence[Pair]) -> dict[str, list[Any]]:
        return {
            **_labelled("chosen", [(one.prompt, one.chosen) for one in pairs]),
            **_labelled("rejected", [(one.prompt, one.rejected) for one in pairs]),
            "length": [one.longest for one in pairs],
        }

    def trainer(self, model: Any, choices: Choices, callbacks: list[Any]) -> Any:
        class EncodedTrainer(trl.named("ORPOTrainer", trl.EXPERIMENTAL)):  # type: ignore[misc]
            def tokenize_row(self, feature: dict[str, Any], *_: Any) -> dict[str, Any]:
                return feature  # the rows are tokens already

            def _track_num_input_tokens(self, inputs: dict[str, Any]) -> None:
                # The count of transformers looks for a key that this trainer's batches lack.
                masks = (inputs[f"{name}_attention_mask"] for name in ("chosen", "rejected"))
                tokens = sum(int(mask.sum()) for mask in masks)
                self.state.num_input_tokens_seen += sum(ranks.gather(tokens))

        tokenizer = self.order.tokenizer
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        settings = self.settings(choices)
        # No row is longer. None would be taken for 512, with a warning.
        settings["args"].max_length = self.order.limit()
        return EncodedTrainer(
            model=model, peft_config=self.adapter(), callbacks=callbacks, **settings
        )


def _labelled(name: str, texts: Sequence[tuple[list[int], list[int]]]) -> dict[str, list[Any]]:
    return {
        f"{name}_input_ids": [prompt + answer for prompt, answer in texts],
        f"{name}_attention_mask": [[1] * len(prompt + answer) for prompt, answer in texts],
        f"{name}_labels": [[IGNORED] * len(prompt) + answer for prompt, answer in texts],
    }
