"""What this provider can do: values, as tables."""

from __future__ import annotations

from dataclasses import replace

from finetune_sdk.datasets.rules import Content, ImageLimits
from finetune_sdk.providers.azure_openai.options import (
    AzureDeploymentOptions,
    AzureOpenAIOptions,
)
from finetune_sdk.providers.support import Capabilities, MethodSupport
from finetune_sdk.types import GraderType, MethodName

_SHARED = frozenset({"epochs", "batch_size", "learning_rate_multiplier"})
_CONTENT: frozenset[Content] = frozenset({"text", "tools", "weight", "name"})
_WITH_IMAGES: frozenset[Content] = frozenset({*_CONTENT, "image"})

MIN_ROWS = 10
"""Fewer are refused (Microsoft's guide to fine-tuning, 2026-10)."""

# Microsoft's guide to vision fine-tuning, 2026-10.
_IMAGES = ImageLimits(per_row=64, bytes=10 * 1024 * 1024, rows=50_000)

# Microsoft's guide to reinforcement fine-tuning, 2026-10.
_GRADERS: frozenset[GraderType] = frozenset(
    {"string_check", "text_similarity", "score_model", "python", "multi"}
)

TRAINING = Capabilities(
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
            graders=_GRADERS,
        ),
    },
    fields=frozenset({"seed", "suffix", "metadata", "validation_data"}),
    options=AzureOpenAIOptions,
    poll_interval=(5.0, 60.0),
    notes={
        "learning_rate": "only a factor on its own rate can be said: `learning_rate_multiplier`",
        "lora": "how the weights are trained is Azure's choice, and cannot be said",
        "deployments": "it trains only: to deploy, and to chat with what is deployed, say "
        "`subscription_id`, `resource_group`, `account` and a `credential` in the profile",
    },
)
"""Without a subscription."""

CAPABILITIES = replace(
    TRAINING,
    deployment_options=AzureDeploymentOptions,
    notes={name: why for name, why in TRAINING.notes.items() if name != "deployments"},
)
"""With one."""
