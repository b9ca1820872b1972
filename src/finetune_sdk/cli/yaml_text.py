"""YAML, as far as a recipe needs it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# PyYAML has no types.

from __future__ import annotations

from typing import Any

from finetune_sdk.errors import ConfigurationError


def read(text: str, *, source: str) -> object:
    """The value that the text describes.

    Raises:
        ConfigurationError: it is no YAML, or a key stands twice; names `source` and the line.
    """
    import yaml

    try:
        _refuse_twins(yaml.compose(text, Loader=yaml.SafeLoader))
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigurationError(f"{source}{line}: no valid YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise ConfigurationError(f"{source}: no valid YAML") from None


def _refuse_twins(node: Any) -> None:
    """YAML lets a key stand twice, and the loader would drop the first without a word."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twins(item)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        if str(key.value) in seen:
            raise yaml.MarkedYAMLError(
                problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark
            )
        seen.add(str(key.value))
        _refuse_twins(value)
