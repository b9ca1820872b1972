"""What the fake can do: everything, so that any call can be rehearsed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from finetune_sdk.datasets import EVERYTHING, FORMATS
from finetune_sdk.datasets.rules import SPELLINGS
from finetune_sdk.providers.base import Capabilities, MethodSupport
from finetune_sdk.types import GraderType, MethodName

_SHARED = frozenset(
    {"epochs", "batch_size", "learning_rate", "learning_rate_multiplier", "lora", "max_length"}
)
_OWN: Mapping[MethodName, frozenset[str]] = {
    MethodName.SUPERVISED: frozenset({"train_on"}),
    MethodName.DPO: frozenset({"beta"}),
    MethodName.ORPO: frozenset({"beta"}),
    MethodName.KTO: frozenset({"beta", "desirable_weight", "undesirable_weight"}),
    MethodName.REWARD: frozenset({"center_rewards_coefficient"}),
    MethodName.REINFORCEMENT: frozenset(
        {"grader", "rewards", "reward_weights", "num_generations", "max_completion_length"}
        | {"temperature", "beta", "reasoning_effort", "compute_multiplier"}
        | {"eval_interval", "eval_samples"}
    ),
}

CAPABILITIES = Capabilities(
    methods={
        name: MethodSupport(
            hyperparameters=_SHARED | own,
            train_on=("assistant", "all"),
            rows=(FORMATS[name], *(s for s, base in SPELLINGS.items() if base == FORMATS[name])),
            content=EVERYTHING,
            graders=frozenset(get_args(GraderType)),
        )
        for name, own in _OWN.items()
    },
    fields=frozenset({"seed", "suffix", "metadata", "validation_data"}),
    # Its time costs nothing, so looks may grow rare; yet half an hour without contact has several.
    poll_interval=(5.0, 600.0),
)
