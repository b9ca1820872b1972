"""What a model's name says."""

from __future__ import annotations


def base_model(model: str) -> str:
    """The base model of a fine-tuned one: `ft:base:org::id`, or Azure's `base.ft-id`."""
    if model.startswith("ft:"):
        return model.split(":")[1]
    return model.partition(".ft-")[0]
