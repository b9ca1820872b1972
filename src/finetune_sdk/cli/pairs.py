"""`--option key=value`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from finetune_sdk.errors import ConfigurationError


def text_pairs(words: Sequence[str] | None, option: str) -> dict[str, str]:
    """The pairs, values as they are.

    Raises:
        ConfigurationError: one has no `=`, or a key comes twice.
    """
    pairs: dict[str, str] = {}
    for word in words or ():
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"`{option}` takes KEY=VALUE; got {word!r}")
        if key in pairs:
            raise ConfigurationError(f"`{option}` has {key!r} twice")
        pairs[key] = value
    return pairs


def option_pairs(words: Sequence[str] | None, option: str) -> dict[str, object]:
    """The pairs; a value that begins as a JSON object or list is read as such.

    Raises:
        ConfigurationError: as in `text_pairs`, or the JSON cannot be read.
    """
    return {key: _read(key, text, option) for key, text in text_pairs(words, option).items()}


def _read(key: str, text: str, option: str) -> object:
    # A chat template begins as JSON never does.
    if not text.startswith(("{", "[")) or text.startswith(("{%", "{{", "{#")):
        return text
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"`{option} {key}` is no valid JSON: {error}") from None
    return value
