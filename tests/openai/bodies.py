"""Every body that was sent, held against what the vendor itself says of it.

Always: the types that its own package ships, whose keys are walked here, since where they are used
unknown ones pass. And its published schema, where `FINETUNE_SPECS` names a folder that has it.
"""

from __future__ import annotations

import os
import re
import types
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    Required,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import typing_extensions
import yaml
from jsonschema import Draft202012Validator
from openai.types import file_create_params, file_list_params, upload_create_params
from openai.types import upload_complete_params as upload_complete
from openai.types.chat import completion_create_params as chat
from openai.types.fine_tuning import job_create_params, job_list_events_params, job_list_params
from openai.types.fine_tuning.jobs import checkpoint_list_params
from openai.types.graders.label_model_grader_param import LabelModelGraderParam
from openai.types.graders.python_grader_param import PythonGraderParam
from openai.types.graders.score_model_grader_param import ScoreModelGraderParam
from openai.types.graders.string_check_grader_param import StringCheckGraderParam
from openai.types.graders.text_similarity_grader_param import TextSimilarityGraderParam
from openai.types.uploads import part_create_params
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from typing_extensions import is_typeddict

from tests.standins.openai import OpenAIService, Recorded
from tests.standins.openai.multipart import read_form

SPECS = os.environ.get("FINETUNE_SPECS")
FILE = Path(SPECS or ".", "openai", "fine-tuning.yaml")
HAS_SPECS = bool(SPECS) and FILE.is_file()

Key = Collection[str]


class Sent(NamedTuple):
    """What may be sent to a place: the package's type, and the name of the schema."""

    kind: Any
    schema: str


ID = "[^/]+"
BODIES: dict[str, Sent] = {
    "/fine_tuning/jobs": Sent(job_create_params.JobCreateParams, "CreateFineTuningJobRequest"),
    "/files": Sent(file_create_params.FileCreateParams, "CreateFileRequest"),
    "/uploads": Sent(upload_create_params.UploadCreateParams, "CreateUploadRequest"),
    f"/uploads/{ID}/parts": Sent(part_create_params.PartCreateParams, "AddUploadPartRequest"),
    f"/uploads/{ID}/complete": Sent(upload_complete.UploadCompleteParams, "CompleteUploadRequest"),
    "/chat/completions": Sent(
        chat.CompletionCreateParamsNonStreaming, "CreateChatCompletionRequest"
    ),
}
BARE = f"/fine_tuning/jobs/{ID}/(cancel|pause|resume)|/uploads/{ID}/cancel"
"""Places that take a POST without a body."""

QUERIES: dict[str, Any] = {
    "/fine_tuning/jobs": job_list_params.JobListParams,
    f"/fine_tuning/jobs/{ID}/events": job_list_events_params.JobListEventsParams,
    f"/fine_tuning/jobs/{ID}/checkpoints": checkpoint_list_params.CheckpointListParams,
    "/files": file_list_params.FileListParams,
}
GRADERS: dict[str, Any] = {
    "string_check": StringCheckGraderParam,
    "text_similarity": TextSimilarityGraderParam,
    "python": PythonGraderParam,
    "score_model": ScoreModelGraderParam,
    "label_model": LabelModelGraderParam,
}


def check_recorded(service: OpenAIService, *, newer: Key = ()) -> int:
    """Fails where anything that reached the stand-in is not as the vendor says.

    Args:
        service: what it was sent to. Forms are looked into where it keeps bytes.
        newer: keys of bodies that were sent knowingly though nobody knows them.

    Returns:
        How many bodies were checked.
    """
    bodies = 0
    for one in service.requests:
        found = faults_of(one, newer=newer)
        assert found == [], f"{one.method} {one.path}"
        bodies += bool(one.body)
    return bodies


def faults_of(one: Recorded, *, newer: Key = ()) -> list[str]:
    """What is wrong with one request."""
    if one.method == "POST":
        return list(_posted(one, newer))
    asked = {name.partition("[")[0] for name in one.query}
    known = _keys(_kind(QUERIES, one.path))
    return [f"a query {name!r}" for name in sorted(asked - known)] + ["a body"] * bool(one.body)


def _posted(one: Recorded, newer: Key) -> Iterator[str]:
    if one.query:
        yield f"a query {one.query}"
    if re.fullmatch(BARE, one.path):
        yield from ["a body"] * bool(one.body)
        return
    sent = _kind(BODIES, one.path)
    if sent is None:
        yield "a place that nobody knows"
        return
    body = _body(one)
    if body is None:
        return  # A form whose bytes were not kept.
    yield from walk({k: v for k, v in body.items() if k not in newer}, sent.kind)
    yield from schema_faults({k: v for k, v in body.items() if k not in newer}, sent.schema)


def _kind(table: dict[str, Any], path: str) -> Any:
    return next((kind for shape, kind in table.items() if re.fullmatch(shape, path)), None)


def _body(one: Recorded) -> dict[str, Any] | None:
    kind = one.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return cast("dict[str, Any]", one.json)
    if not one.body:
        return None
    parts = read_form(kind, [one.body], keep=True)
    return {name: part.text for name, part in parts.items()}


# The package's types


def walk(value: object, kind: Any, where: str = "body") -> list[str]:
    """What of a value is not of the type: unknown keys and missing ones, too."""
    if is_typeddict(kind):
        return _of_dict(value, kind, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Required, NotRequired, Annotated, typing_extensions.Annotated):
        return walk(value, inner[0], where)
    if origin in (Union, types.UnionType):
        return _of_union(value, inner, where)
    if origin is Literal:
        return [] if value in inner else [f"{where} is {value!r:.60}, none of {inner}"]
    if origin is dict:
        return _of_map(value, inner, where)
    if origin is not None:
        return _of_list(value, inner[0], where)
    return [] if _is_plain(value, kind) else [f"{where} is {value!r:.60}, and no {kind}"]


def _of_dict(value: object, kind: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is {value!r:.60}, and no object"]
    given = cast("dict[str, object]", value)
    if given.get("type") == "multi":
        return _of_several(given, where)
    hints = get_type_hints(kind, include_extras=True)
    needed = {name for name, hint in hints.items() if get_origin(hint) is Required}
    found = [f"{where}.{name} is unknown" for name in given.keys() - hints.keys()]
    found += [f"{where}.{name} is missing" for name in needed - given.keys()]
    for name in given.keys() & hints.keys():
        found += walk(given[name], hints[name], f"{where}.{name}")
    return sorted(found)


def _of_several(given: dict[str, object], where: str) -> list[str]:
    """A `multi` grader, which the types have wrong: the API wants a map (openai-java#647)."""
    expected = {"type": str, "name": str, "calculate_output": str, "graders": dict}
    found = [f"{where}.{name} is unknown" for name in given.keys() - expected.keys()]
    for name, kind in expected.items():
        if not isinstance(given.get(name), kind):
            found.append(f"{where}.{name} is no {kind}")
    graders = given.get("graders")
    for name, one in (cast("dict[str, Any]", graders) if isinstance(graders, dict) else {}).items():
        found += walk(one, GRADERS.get(one.get("type")), f"{where}.graders.{name}")
    return sorted(found)


def _of_union(value: object, kinds: Collection[Any], where: str) -> list[str]:
    """The faults by the alternative that fits best."""
    return min((walk(value, kind, where) for kind in kinds), key=len)


def _of_map(value: object, kinds: tuple[Any, ...], where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is {value!r:.60}, and no object"]
    given = cast("dict[object, object]", value)
    found = [fault for name in given for fault in walk(name, kinds[0], f"a key of {where}")]
    return found + [f for n, one in given.items() for f in walk(one, kinds[1], f"{where}.{n}")]


def _of_list(value: object, kind: Any, where: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{where} is {value!r:.60}, and no list"]
    rows = enumerate(cast("list[object]", value))
    return [fault for place, one in rows for fault in walk(one, kind, f"{where}[{place}]")]


def _is_plain(value: object, kind: Any) -> bool:
    if kind in (Any, object):
        return True
    if kind in (None, type(None)):
        return value is None
    if not isinstance(kind, type):
        return False
    if isinstance(value, bool):
        return kind is bool
    if kind is bytes:
        return isinstance(value, str)  # What a form has as text.
    return isinstance(value, (int, float) if kind is float else kind)


def _keys(kind: Any) -> set[str]:
    return set(get_type_hints(kind)) if kind is not None else set()


# The published schema


@lru_cache
def _registry() -> Any:
    spec = yaml.safe_load(FILE.read_text())
    return cast("Any", Registry)().with_resource("urn:openai", DRAFT202012.create_resource(spec))


@lru_cache
def _validator(name: str) -> Any:
    schema = {"$ref": f"urn:openai#/components/schemas/{name}"}
    return Draft202012Validator(schema, registry=_registry())


def schema_faults(value: object, name: str) -> list[str]:
    """What a schema says against a value; nothing where there are no schemas."""
    if not HAS_SPECS:
        return []
    return [f"{name}: {error.message:.300}" for error in _validator(name).iter_errors(value)]
