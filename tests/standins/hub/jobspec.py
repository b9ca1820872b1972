"""What the Hub demands of a request that runs a job."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.standins.hub.flavors import FLAVORS
from tests.standins.openai.wire import Json, as_list, as_object

Test = Callable[[Any], bool]
MOST = 9_007_199_254_740_991
ELSEWHERE = ("cpu-performance", "cpu-xl", "sprx8", "zero-a10g", "inf2x6")
"""What the schema names, and no price list."""
KNOWN = {flavor.name for flavor in FLAVORS} | {"rtx-pro-6000x2", "rtx-pro-6000x4", *ELSEWHERE}
SOURCES = ("bucket", "model", "dataset", "space")


def broken_rule(body: Json) -> str | None:
    """The first rule that a body breaks; None where it keeps all."""
    if "flavor" not in body:
        return "flavor is required"
    if "dockerImage" not in body and "spaceId" not in body:
        return "dockerImage or spaceId is required"
    for name, rule in RULES.items():
        if name in body and not rule(body[name]):
            return f"{name} is not valid"
    return None


def are_labels(given: Any) -> bool:
    """Labels as the Hub takes them."""
    return _mapping("[a-zA-Z0-9._-]{1,100}", "[a-zA-Z0-9._-]{0,100}")(given)


def _text(given: Any) -> bool:
    return isinstance(given, str)


def _whole(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 < given <= MOST


def _items(least: int, shortest: int) -> Test:
    def test(given: Any) -> bool:
        items = as_list(given)
        if items is None or len(items) < least:
            return False
        return all(isinstance(one, str) and len(one) >= shortest for one in items)

    return test


def _mapping(keys: str, values: str = r"[\s\S]*") -> Test:
    def test(given: Any) -> bool:
        pairs = as_object(given)
        return pairs is not None and all(
            re.fullmatch(keys, key) and isinstance(value, str) and re.fullmatch(values, value)
            for key, value in pairs.items()
        )

    return test


def _volumes(given: Any) -> bool:
    volumes = as_list(given)
    return bool(volumes) and all(_volume(as_object(one) or {}) for one in volumes or ())


def _volume(given: Json) -> bool:
    mount, source = given.get("mountPath"), given.get("source")
    texts = all(isinstance(given.get(name, ""), str) for name in ("revision", "path"))
    return (
        given.get("type") in SOURCES
        and isinstance(source, str)
        and isinstance(mount, str)
        and mount.startswith("/")
        and texts
        and isinstance(given.get("readOnly", False), bool)
    )


RULES: Mapping[str, Test] = {
    "flavor": KNOWN.__contains__,
    "dockerImage": _text,
    "spaceId": _text,
    "command": _items(1, 1),
    "arguments": _items(0, 0),
    "environment": _mapping("[a-zA-Z][_a-zA-Z0-9]+"),
    "secrets": _mapping("[a-zA-Z][_a-zA-Z0-9]*"),
    "arch": ("amd64", "arm64").__contains__,
    "timeoutSeconds": lambda given: given is None or _whole(given),
    "attempts": _whole,
    "labels": are_labels,
    "volumes": _volumes,
}
