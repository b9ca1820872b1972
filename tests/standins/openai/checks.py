"""What the service demands of a request that creates a job, in the vendor's words."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from tests.standins.openai.wire import Json, Refusal, as_list, as_object, inner

KNOWN = {
    "model",
    "training_file",
    "validation_file",
    "hyperparameters",
    "suffix",
    "integrations",
    "seed",
    "method",
    "metadata",
}
METHODS = ("supervised", "dpo", "reinforcement")
EFFORTS = ("default", "low", "medium", "high")
Test = Callable[[Any], bool]


def check_creation(body: Json) -> None:
    """Refuses what the specification does not allow."""
    for name in body.keys() - KNOWN:
        raise _bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    check_texts(body, ("model", "training_file"))
    if body.get("validation_file") is not None:
        check_texts(body, ("validation_file",))
    _suffix(body.get("suffix"))
    _seed(body.get("seed"))
    check_metadata(body.get("metadata"))
    _integrations(body.get("integrations"))
    _hyperparameters(body.get("hyperparameters"), "hyperparameters", "supervised")
    _method(body.get("method"))


def check_texts(body: Json, names: Collection[str]) -> None:
    """Each of them is there, and a text."""
    for name in names:
        if body.get(name) is None:
            message = f"Missing required parameter: '{name}'."
            raise _bad(message, name, "missing_required_parameter")
        if not isinstance(body[name], str):
            raise wrong(name, "a string", body[name])


def check_metadata(given: Any) -> None:
    """At most 16 pairs, keys of at most 64 characters, values of at most 512."""
    if given is None:
        return
    pairs = as_object(given)
    if pairs is None:
        raise wrong("metadata", "an object", given)
    if len(pairs) > 16:
        message = f"Invalid 'metadata': too many properties, {len(pairs)}, where 16 are allowed."
        raise _bad(message, "metadata", "object_above_max_properties")
    for key, value in pairs.items():
        _pair(key, value)


def _pair(key: str, value: Any) -> None:
    if len(key) > 64:
        raise _long("metadata", 64, len(key))
    if not isinstance(value, str):
        raise wrong(f"metadata.{key}", "a string", value)
    if len(value) > 512:
        raise _long(f"metadata.{key}", 512, len(value))


def _suffix(given: Any) -> None:
    if given is None:
        return
    if not isinstance(given, str):
        raise wrong("suffix", "a string", given)
    if not given:
        raise _bad("Invalid 'suffix': empty string.", "suffix", "empty_string")
    if len(given) > 64:
        raise _long("suffix", 64, len(given))


def _seed(given: Any) -> None:
    if given is not None and not _whole(0, 2_147_483_647)(given):
        raise wrong("seed", "an integer from 0 to 2147483647", given)


def _integrations(given: Any) -> None:
    wanted = as_list(given)
    if given is not None and (wanted is None or not all(map(_is_wandb, wanted))):
        raise wrong("integrations", "a list of settings of W&B", given)


def _is_wandb(given: Any) -> bool:
    one = as_object(given) or {}
    return one.get("type") == "wandb" and bool(inner(one, "wandb").get("project"))


def _method(given: Any) -> None:
    if given is None:
        return
    method = as_object(given) or {}
    kind = method.get("type")
    if kind not in METHODS:
        raise _bad("Invalid 'method.type'.", "method.type", "invalid_value")
    for other in (method.keys() & set(METHODS)) - {kind}:
        raise _bad(f"Unknown parameter: 'method.{other}'.", "method", "unknown_parameter")
    settings = inner(method, kind)
    if kind == "reinforcement" and not inner(settings, "grader"):
        name = "method.reinforcement.grader"
        raise _bad(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    _hyperparameters(settings.get("hyperparameters"), f"method.{kind}.hyperparameters", kind)


def _hyperparameters(given: object, where: str, kind: str) -> None:
    values = {} if given is None else as_object(given)
    if values is None:
        raise wrong(where, "an object", given)
    for name, value in values.items():
        # Names that it does not know are accepted: the specification leaves them open.
        test = {**COMMON, **OF_METHOD[kind]}.get(name)
        if test is not None and not test(value):
            raise wrong(f"{where}.{name}", "a value in its range", value)


def _whole(least: int, most: float) -> Test:
    return lambda given: type(given) is int and least <= given <= most


def _auto(test: Test) -> Test:
    return lambda given: given == "auto" or test(given)


def _number(above: float, most: float) -> Test:
    return lambda given: type(given) in (int, float) and above < given <= most


COMMON: dict[str, Test] = {
    "n_epochs": _auto(_whole(1, 50)),
    "batch_size": _auto(_whole(1, 256)),
    "learning_rate_multiplier": _auto(_number(0, float("inf"))),
}
OF_METHOD: dict[str, dict[str, Test]] = {
    "supervised": {},
    "dpo": {"beta": _auto(_number(0, 2))},
    "reinforcement": {
        "reasoning_effort": EFFORTS.__contains__,
        "compute_multiplier": _auto(_number(1e-5, 10)),
        "eval_interval": _auto(_whole(1, float("inf"))),
        "eval_samples": _auto(_whole(1, float("inf"))),
    },
}


def wrong(name: str, expected: str, given: object) -> Refusal:
    """The vendor's answer to a value of the wrong kind."""
    message = f"Invalid type for '{name}': expected {expected}, but got {type(given).__name__}."
    return _bad(message, name, "invalid_type")


def _long(name: str, most: int, found: int) -> Refusal:
    message = (
        f"Invalid '{name}': string too long. Expected a string with maximum length {most},"
        f" but got a string with length {found} instead."
    )
    return _bad(message, name, "string_above_max_length")


def _bad(message: str, param: str, code: str) -> Refusal:
    return Refusal(400, message, param=param, code=code)
