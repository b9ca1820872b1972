"""What this provider can do: values, as tables. What TRL itself lacks is said with the reason."""

from __future__ import annotations

from finetune_sdk.datasets.rules import Content
from finetune_sdk.providers.base import Capabilities, MethodSupport
from finetune_sdk.providers.local.options import LocalDeploymentOptions, LocalOptions
from finetune_sdk.similarity import REFUSED
from finetune_sdk.types import MethodName, RowFormat

_SHARED = frozenset({"epochs", "batch_size", "learning_rate", "lora", "max_length"})
_CONTENT: frozenset[Content] = frozenset({"text", "tools", "weight", "name"})
_PAIRS: tuple[RowFormat, ...] = ("preference", "preference_trl")

_METHODS = {
    MethodName.SUPERVISED: MethodSupport(
        hyperparameters=_SHARED | {"train_on"},
        train_on=("assistant", "all"),
        content=_CONTENT,
    ),
    MethodName.DPO: MethodSupport(
        hyperparameters=_SHARED | {"beta"}, rows=_PAIRS, content=_CONTENT
    ),
    MethodName.ORPO: MethodSupport(
        hyperparameters=_SHARED | {"beta"},
        rows=_PAIRS,
        content=_CONTENT,
        note=(
            "TRL keeps it in `trl.experimental.orpo`, where anything may change or go in any "
            "release without notice"
        ),
    ),
    MethodName.KTO: MethodSupport(
        hyperparameters=_SHARED | {"beta", "desirable_weight", "undesirable_weight"},
        content=_CONTENT,
        # How far the model has moved is told from an answer under another row's prompt.
        min_rows=2,
    ),
    MethodName.REWARD: MethodSupport(
        hyperparameters=_SHARED | {"center_rewards_coefficient"},
        rows=_PAIRS,
        content=_CONTENT,
        note="what comes out scores answers and cannot chat, so it cannot be deployed",
    ),
    MethodName.REINFORCEMENT: MethodSupport(
        hyperparameters=_SHARED
        | {"grader", "rewards", "reward_weights"}
        | {"num_generations", "max_completion_length", "temperature", "beta"},
        content=_CONTENT,
        graders=frozenset({"string_check", "text_similarity", "python"}),
    ),
}

CAPABILITIES = Capabilities(
    methods=_METHODS,
    fields=frozenset({"seed", "suffix", "metadata", "validation_data"}),
    options=LocalOptions,
    deployment_options=LocalDeploymentOptions,
    hub_models=True,
    poll_interval=(0.5, 2.0),
    notes={
        "learning_rate_multiplier": (
            "there is no rate of the provider's own to multiply here; give `learning_rate`"
        ),
        "image": "the trainer reads text only",
        **{
            measure: f"as an `evaluation_metric` of text similarity: {reason}"
            for measure, reason in REFUSED.items()
        },
    },
)
