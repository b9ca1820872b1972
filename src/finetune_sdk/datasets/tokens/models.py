"""What a model's name says of its tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from finetune_sdk.types.names import base_model

_ENCODINGS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        # `tiktoken/model.py` of tiktoken 0.14 for both. Azure writes 3.5 without the point.
        "o200k_base": re.compile(r"(chatgpt-4o|gpt-4o|gpt-4\.1|gpt-4\.5|o1|o3|o4)(-.+)?|gpt-5.*"),
        "cl100k_base": re.compile(r"(gpt-4|gpt-3\.5|gpt-35)(-.+)?|babbage-002|davinci-002"),
    }
)
_LIMITS: Mapping[int, re.Pattern[str]] = MappingProxyType(
    {
        # The table of models that can be tuned in Azure's documentation, 2025-09, for gpt-4o and
        # gpt-4o-mini. That the family 4.1 has the same is known from use alone.
        65_536: re.compile(r"gpt-(4o|4\.1)(-.+)?"),
        # OpenAI's guide to fine-tuning, 2024; for the older one the cookbook's
        # Chat_finetuning_data_prep of 2023.
        16_385: re.compile(r"gpt-(3\.5|35)-turbo-0125"),
        4_096: re.compile(r"gpt-(3\.5|35)-turbo-0613"),
    }
)


def encoding_of(model: str) -> str | None:
    """The encoding that a model of OpenAI counts by; None where it is not known.

    Args:
        model: the name of a base model, or of a tuned one at OpenAI or Azure OpenAI.
    """
    base = base_model(model)
    return next((name for name, models in _ENCODINGS.items() if models.fullmatch(base)), None)


def limit_of(model: str) -> int | None:
    """The tokens of a training example that a model of OpenAI reads; None where it is not known.

    What is longer is cut off at its end.
    """
    base = base_model(model)
    return next((limit for limit, models in _LIMITS.items() if models.fullmatch(base)), None)
