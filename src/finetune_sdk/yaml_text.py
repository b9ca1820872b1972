"""YAML, as far as people's files need it: its value, and the line of each word."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# PyYAML has no types.

from __future__ import annotations

from collections.abc import Sequence
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


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """The line, from 1, of what these keys lead to, or of as much of the way as is there.

    Args:
        text: YAML that `read` could read.
        keys: names, and positions in lists.
    """
    import yaml

    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    line: int | None = None
    for key in keys:
        found = _step(node, key)
        if found is None:
            break
        line, node = found
    return line


def _step(node: Any, key: str) -> tuple[int, Any] | None:
    """The line of what is under the key of a table or a list, and the value there."""
    import yaml

    pairs: list[tuple[Any, Any]] = []
    if isinstance(node, yaml.MappingNode):
        pairs = [(name, value) for name, value in node.value if str(name.value) == key]
    elif isinstance(node, yaml.SequenceNode) and key.isdecimal():
        pairs = [(item, item) for item in node.value[int(key) :][:1]]
    return next(((at.start_mark.line + 1, value) for at, value in pairs), None)


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
