"""A rule for every field of a request. Pure.

The app of transformers accepts far more of OpenAI's fields than it honours. Here a field is
honoured, or it makes no difference to the answer and is dropped, or the request is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

from finetune_sdk.providers.local.serving.messages import read_messages
from finetune_sdk.providers.local.serving.refusal import invalid, unsupported
from finetune_sdk.providers.local.serving.shapes import list_of, object_of

Rule = Callable[[str, object], object]
"""From a field's name and value to what the app gets; None is nothing."""

_MOST_STOPS = 4
# A smaller temperature overflows in the division, and its answer is the greedy one anyway.
_COLDEST = 1e-4


def _is_number(value: object, low: float, high: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and low <= value <= high


def _number(low: float, high: float) -> Rule:
    def rule(name: str, value: object) -> object:
        if not _is_number(value, low, high):
            raise invalid(name, value, f"a number from {low:g} to {high:g}")
        return value

    return rule


def _integer(low: int, high: int) -> Rule:
    def rule(name: str, value: object) -> object:
        if not isinstance(value, int) or not _is_number(value, low, high):
            raise invalid(name, value, f"a whole number from {low} to {high}")
        return value

    return rule


def _only(allowed: str, *values: object) -> Rule:
    """Values that change nothing; every other would not be honoured."""

    def rule(name: str, value: object) -> object:
        # True is 1 in Python, and not on the wire.
        if not any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in values):
            raise unsupported(name, allowed)
        return None

    return rule


def _without_effect(_name: str, _value: object) -> object:
    """Words for the keeper of a service; the answer is the same without them."""
    return None


def _temperature(name: str, value: object) -> object:
    passed = cast("float", _number(0, 2)(name, value))
    return 0.0 if passed < _COLDEST else passed


def _flag(name: str, value: object) -> object:
    if not isinstance(value, bool):
        raise invalid(name, value, "true or false")
    return value


def _stop(name: str, value: object) -> object:
    texts = [value] if isinstance(value, str) else list_of(value)
    if texts is None or len(texts) > _MOST_STOPS:
        raise invalid(name, value, f"a text or a list of up to {_MOST_STOPS}")
    if not all(isinstance(text, str) and text for text in texts):
        raise invalid(name, value, "made of texts that are not empty")
    return texts or None


def _stream_options(name: str, value: object) -> object:
    options = object_of(value)
    if options is None:
        raise invalid(name, value, "an object")
    for key, inner in options.items():
        rule = _STREAM_OPTIONS.get(key)
        if rule is None:
            raise unsupported(f"{name}.{key}")
        rule(f"{name}.{key}", inner)
    return options


def _logit_bias(name: str, value: object) -> object:
    biases = object_of(value)
    if biases is None:
        raise invalid(name, value, "an object from token ids to numbers")
    for token, bias in biases.items():
        if not token.isdecimal() or not _is_number(bias, -100, 100):
            raise invalid(name, {token: bias}, "an object from token ids to numbers, -100 to 100")
    # The app takes no whole number here.
    return {token: float(cast("float", bias)) for token, bias in biases.items()} or None


def _prompt(name: str, value: object) -> object:
    texts = list_of(value)
    prompt = texts[0] if texts and len(texts) == 1 else value
    if not isinstance(prompt, str) or not prompt:
        raise invalid(name, value, "one text that is not empty")
    return prompt


def _tools(name: str, value: object) -> object:
    tools = list_of(value)
    if tools is None or not all(object_of(tool) for tool in tools):
        raise invalid(name, value, "a list of objects")
    return tools or None


def _tool_choice(name: str, value: object) -> object:
    if value not in ("auto", "none"):
        raise unsupported(name, "'auto' or 'none'")
    return value


_STREAM_OPTIONS: dict[str, Rule] = {
    "include_obfuscation": _only("false", False),
    "include_usage": _flag,
}
_BOTH: dict[str, Rule] = {
    "max_tokens": _integer(1, 2**31 - 1),
    "seed": _integer(-(2**63), 2**63 - 1),
    "stop": _stop,
    "stream": _flag,
    "stream_options": _stream_options,
    "temperature": _temperature,
    "top_p": _number(0, 1),
    "frequency_penalty": _only("0", 0),
    "n": _only("1", 1),
    "presence_penalty": _only("0", 0),
    "user": _without_effect,
}
CHAT_FIELDS: dict[str, Rule] = {
    **_BOTH,
    "logit_bias": _logit_bias,
    "max_completion_tokens": _integer(1, 2**31 - 1),
    "messages": read_messages,
    "tool_choice": _tool_choice,
    "tools": _tools,
    "logprobs": _only("false", False),
    "metadata": _without_effect,
    "modalities": _only("['text']", ["text"]),
    "parallel_tool_calls": _only("true", True),
    "prompt_cache_key": _without_effect,
    "response_format": _only("{'type': 'text'}", {"type": "text"}),
    "safety_identifier": _without_effect,
    "service_tier": _only("'auto' or 'default'", "auto", "default"),
    "store": _only("false", False),
    "top_logprobs": _only("0", 0),
}
COMPLETION_FIELDS: dict[str, Rule] = {
    **_BOTH,
    "prompt": _prompt,
    "best_of": _only("1", 1),
    "echo": _only("false", False),
    "logit_bias": _only("empty", {}),
}
