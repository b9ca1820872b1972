"""What this provider can do: values, as tables. What TRL itself lacks is said with the reason."""

from __future__ import annotations

from finetune_sdk.providers.base import Capabilities, MethodSupport
from finetune_sdk.providers.local.options import LocalDeploymentOptions, LocalOptions
from finetune_sdk.types import MethodName

_SUPERVISED = MethodSupport(
    hyperparameters=frozenset(
        {"epochs", "batch_size", "learning_rate", "lora", "max_length", "train_on"}
    ),
    train_on=("assistant", "all"),
    content=frozenset({"text", "tools"}),
)

CAPABILITIES = Capabilities(
    methods={MethodName.SUPERVISED: _SUPERVISED},
    fields=frozenset({"seed", "suffix", "metadata", "validation_data"}),
    options=LocalOptions,
    deployment_options=LocalDeploymentOptions,
    poll_interval=(0.5, 2.0),
    notes={
        "learning_rate_multiplier": (
            "there is no rate of the provider's own to multiply here; give `learning_rate`"
        ),
        "image": "the trainer reads text only",
    },
)
