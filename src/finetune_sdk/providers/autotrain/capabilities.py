"""What this provider can do: values, as tables."""

from __future__ import annotations

from dataclasses import replace

from finetune_sdk.providers.autotrain.options import (
    AutoTrainDeploymentOptions,
    AutoTrainOptions,
)
from finetune_sdk.providers.support import Capabilities, MethodSupport
from finetune_sdk.types import MethodName

_SHARED = frozenset({"epochs", "batch_size", "learning_rate", "lora", "max_length"})

CAPABILITIES = Capabilities(
    methods={
        MethodName.SUPERVISED: MethodSupport(
            hyperparameters=_SHARED | {"train_on"},
            # By AutoTrain itself; TRL, which is taken for what it cannot, learns the turns alone.
            train_on=("all", "assistant"),
            rows=("chat",),
            content=frozenset({"text", "tools"}),
        ),
        MethodName.DPO: MethodSupport(hyperparameters=_SHARED | {"beta"}, rows=("preference_trl",)),
        MethodName.ORPO: MethodSupport(
            hyperparameters=_SHARED,
            rows=("preference_trl",),
            note="trained by AutoTrain itself, which always weighs the preference by 0.1",
        ),
        MethodName.REWARD: MethodSupport(hyperparameters=_SHARED, rows=("preference_trl",)),
    },
    fields=frozenset({"seed", "suffix", "metadata", "validation_data"}),
    options=AutoTrainOptions,
    deployment_options=AutoTrainDeploymentOptions,
    hub_datasets=True,
    hub_models=True,
    poll_interval=(5.0, 60.0),
    notes={
        "learning_rate_multiplier": "AutoTrain has no rate of its own to multiply: say "
        "`learning_rate`",
        "kto": "neither AutoTrain 0.8.36 nor its command line knows it",
        "reinforcement": "AutoTrain 0.8.36 does not know it",
        "pause": "what has run so far would be lost with the container",
    },
)
"""On HF Jobs."""

ON_SPACES = replace(
    CAPABILITIES,
    methods={
        name: replace(
            support,
            train_on=("all",) if name is MethodName.SUPERVISED else support.train_on,
        )
        for name, support in CAPABILITIES.methods.items()
    },
    fields=CAPABILITIES.fields - {"validation_data"},
    notes={
        **CAPABILITIES.notes,
        "validation_data": 'AutoTrain crashes on it: write `runner = "jobs"`, where TRL takes over',
        "train_on": 'AutoTrain learns all tokens: write `runner = "jobs"`, where TRL takes over',
        "checkpoints": "AutoTrain puts none on the Hub from a Space",
    },
)
"""On a Space, or by an AutoTrain server."""
