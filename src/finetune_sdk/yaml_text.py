"""YAML, as far as people's files need it: its value, and the line of each word."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# PyYAML has no types.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from finetune_sdk.errors import ConfigurationError

_MOST = 100_000
"""Values of a text. A few lines of aliases can stand for billions."""


def read(text: str, *, source: str) -> object:
    """The value that the text describes.

    Raises:
        ConfigurationError: it is no YAML, a key stands twice, or its aliases stand for too many
            values; names `source` and the line.
    """
    import yaml

    try:
        _weight(yaml.compose(text, Loader=yaml.SafeLoader), {})
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


def _weight(node: Any, known: dict[int, int]) -> int:
    """How many values a node stands for, each alias written out.

    Args:
        node: of the text.
        known: what was weighed before. An alias is the node itself: whoever follows each of them
            may never come to an end.

    Raises:
        yaml.MarkedYAMLError: a key stands twice, of which the loader would drop the first without
            a word; or the values are too many.
    """
    import yaml

    if id(node) in known:
        return known[id(node)]
    known[id(node)] = _MOST + 1  # What holds itself has no end.
    weight = 1 + sum(_weight(one, known) for one in _inside(node))
    if weight > _MOST:
        raise yaml.MarkedYAMLError(
            problem=f"with its aliases written out it is more than {_MOST} values",
            problem_mark=node.start_mark,
        )
    known[id(node)] = weight
    return weight


def _inside(node: Any) -> Iterator[Any]:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    if isinstance(node, yaml.MappingNode):
        _refuse_twins(key for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for pair in node.value:
            yield from pair


def _refuse_twins(keys: Iterable[Any]) -> None:
    import yaml

    seen: set[str] = set()
    for key in keys:
        if key.value in seen:
            raise yaml.MarkedYAMLError(
                problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark
            )
        seen.add(key.value)
