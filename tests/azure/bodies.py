"""Every request that was sent to Azure, held against what is known of its API.

Always: an overlay of ours, dated and with its sources, which has what the published schemas lack
and refuses what it does not know; and the types of Microsoft's and OpenAI's own packages. And the
published schemas, where `FINETUNE_SPECS` names a folder that has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from azure.mgmt.cognitiveservices import models
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.openai.bodies import BODIES, walk
from tests.standins.azure import Asked, Azure
from tests.standins.openai import Recorded
from tests.standins.openai.multipart import read_form
from tests.standins.test_azure_specs import ARM, DATA, FOLDER, SPECS, spec

HAS_SPECS = bool(SPECS) and FOLDER.is_dir()
OVERLAY: Any = json.loads(Path(__file__).with_name("overlay.json").read_text())
TRAINING_TYPE = "trainingType"
"""What the package of OpenAI does not know of a create."""

Key = Collection[str]
Table = Mapping[str, Any]


def check_requests(azure: Azure, *, newer: Key = ()) -> int:
    """Fails where anything that reached either plane is not as it is known to be.

    Args:
        azure: what it was sent to.
        newer: keys of bodies that were sent knowingly though nobody knows them.

    Returns:
        How many bodies were checked.
    """
    bodies = 0
    for one in (*azure.data.requests, *azure.arm.requests):
        plane = "management" if isinstance(one, Asked) else "data"
        assert faults_of(one, plane, newer=newer) == [], f"{one.method} {one.path}"
        bodies += bool(one.body)
    return bodies


def faults_of(one: Recorded, plane: str, *, newer: Key = ()) -> list[str]:
    """What is wrong with one request."""
    known = _request(one, plane)
    if known is None:
        return ["a request that nobody knows"]
    found = [f"a query {name!r}" for name in one.query.keys() - set(known.get("query", ()))]
    found += [
        f"no header {name!r}"
        for name, value in known.get("headers", {}).items()
        if one.headers.get(name) != value
    ]
    if "body" not in known:
        return [*found, *["a body"] * bool(one.body)]
    body = _body(one)
    if body is None:
        return [*found, "no body"]
    return [*found, *_of_body({k: v for k, v in body.items() if k not in newer}, known, plane)]


def _of_body(body: Table, known: Table, plane: str) -> Iterator[str]:
    yield from overlay_faults(body, known["body"])
    yield from package_faults(body, known["path"], plane)
    yield from schema_faults(body, known["path"], known["method"], plane)


def _request(one: Recorded, plane: str) -> Table | None:
    return next(
        (
            known
            for known in OVERLAY["requests"]
            if (known["plane"], known["method"]) == (plane, one.method)
            and re.fullmatch(known["path"].replace("{id}", "[^/]+"), one.path)
        ),
        None,
    )


def _body(one: Recorded) -> Table | None:
    kind = one.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        parts = read_form(kind, [one.body], keep=True)
        return {name: part.text for name, part in parts.items()}
    return cast("Table | None", one.json)


# The overlay


@lru_cache
def _overlay(name: str) -> Any:
    registry = cast("Any", Registry)().with_resource("urn:ours", DRAFT202012.create_resource(_DEFS))
    return Draft202012Validator({"$ref": f"urn:ours#/$defs/{name}"}, registry=registry)


_DEFS: Any = {"$defs": OVERLAY["$defs"]}


def overlay_faults(body: Table, name: str) -> list[str]:
    """What the overlay says against a body."""
    return [f"{name}: {error.message:.300}" for error in _overlay(name).iter_errors(body)]


# The packages' types


def package_faults(body: Table, path: str, plane: str) -> list[str]:
    """What the types of the package that sends it say against a body."""
    if plane == "management":
        return arm_faults(body, models.Deployment)
    sent = next((one for shape, one in BODIES.items() if re.fullmatch(shape, path)), None)
    if sent is None:
        return []  # The copy of a checkpoint, which that package does not know.
    return walk({key: value for key, value in body.items() if key != TRAINING_TYPE}, sent.kind)


def arm_faults(body: object, kind: Any, where: str = "body") -> list[str]:
    """Keys that a model of Microsoft's package does not have, or that are not ours to say."""
    if not isinstance(body, dict):
        return [f"{where} is {body!r:.60}, and no object"]
    given = cast("dict[str, object]", body)
    known = {
        said["key"]: said["type"]
        for name, said in kind._attribute_map.items()
        if not kind._validation.get(name, {}).get("readonly")
    }
    found = [f"{where}.{name} is unknown" for name in given.keys() - known.keys()]
    for name in given.keys() & known.keys():
        found += _arm_value(given[name], known[name], f"{where}.{name}")
    return sorted(found)


def _arm_value(value: object, kind: str, where: str) -> list[str]:
    plain = {"str": str, "int": int, "bool": bool, "{str}": dict}.get(kind)
    if plain is None:
        return arm_faults(value, getattr(models, kind), where)
    good = isinstance(value, plain) and (plain is bool or not isinstance(value, bool))
    return [] if good else [f"{where} is {value!r:.60}, and no {kind}"]


# The published schemas


@lru_cache
def _published(file: str, path: str, method: str) -> Any:
    """What a file says of a body; None where it does not have it."""
    whole = spec(file)
    found = whole["paths"].get(path, {}).get(method.lower(), {}).get("requestBody")
    if found is None:
        return None
    (kind,) = found["content"].values()
    registry = cast("Any", Registry)().with_resource(
        "urn:azure", DRAFT202012.create_resource(whole)
    )
    schema = json.loads(json.dumps(kind["schema"]).replace('"#/', '"urn:azure#/'))
    return Draft202012Validator(schema, registry=registry)


def schema_faults(body: Table, path: str, method: str, plane: str) -> list[str]:
    """What the published schemas say against a body; nothing where there are none."""
    if not HAS_SPECS:
        return []
    file = DATA if plane == "data" else ARM
    name = next((one for one in spec(file)["paths"] if _shape(one).endswith(path)), None)
    found = None if name is None else _published(file, name, method)
    return [] if found is None else [f"{error.message:.300}" for error in found.iter_errors(body)]


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "{id}", path)
