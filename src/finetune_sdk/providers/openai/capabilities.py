"""What this provider can do: values, as tables."""

from __future__ import annotations

from typing import get_args

from finetune_sdk.datasets.rules import Content, ImageLimits
from finetune_sdk.providers.openai.options import OpenAIOptions
from finetune_sdk.providers.support import Capabilities, MethodSupport
from finetune_sdk.types import GraderType, MethodName

_SHARED = frozenset({"epochs", "batch_size", "learning_rate_multiplier"})
_CONTENT: frozenset[Content] = frozenset({"text", "tools", "weight", "name"})

_WITH_IMAGES: frozenset[Content] = frozenset({*_CONTENT, "image"})

MIN_ROWS = 10
"""Fewer are refused (OpenAI's guide to supervised fine-tuning, 2026)."""

# From the guide to vision fine-tuning as it was remembered on 2026-11-22, not looked up.
_IMAGES = ImageLimits(per_row=10, bytes=10 * 1024 * 1024, rows=50_000)

CAPABILITIES = Capabilities(
    methods={
        MethodName.SUPERVISED: MethodSupport(
            hyperparameters=_SHARED | {"train_on"},
            content=_WITH_IMAGES,
            min_rows=MIN_ROWS,
            images=_IMAGES,
        ),
        MethodName.DPO: MethodSupport(
            hyperparameters=_SHARED | {"beta"},
            content=frozenset({"text", "tools", "name"}),
            min_rows=MIN_ROWS,
        ),
        MethodName.REINFORCEMENT: MethodSupport(
            hyperparameters=_SHARED
            | {"grader", "reasoning_effort", "compute_multiplier", "eval_interval", "eval_samples"},
            content=frozenset({"text", "tools", "name"}),
            min_rows=MIN_ROWS,
            graders=frozenset(get_args(GraderType)),
            note=(
                "OpenAI itself has no base model for it any more; servers that speak its protocol "
                "may"
            ),
        ),
    },
    fields=frozenset({"seed", "suffix", "metadata", "validation_data"}),
    options=OpenAIOptions,
    poll_interval=(5.0, 60.0),
    notes={
        "learning_rate": "only a factor on its own rate can be said: `learning_rate_multiplier`",
        "lora": "how the weights are trained is not told, and cannot be said",
    },
)
