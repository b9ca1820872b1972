"""What passes the check for OpenAI and Azure is accepted by OpenAI's own schema of messages.

`FINETUNE_SPECS` names a folder with `openai/fine-tuning.yaml`: OpenAI's published description of
its API. It has no schema of a training row; what it says of messages and tools holds in one, too.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from finetune_sdk.datasets import EVERYTHING, ImageLimits, RowFormat, RowRules, load
from tests.datasets.cases import CASES
from tests.datasets.samples import Json
from tests.datasets.samples import judged as check
from tests.datasets.strategies import of_format

SPECS = os.environ.get("FINETUNE_SPECS")
FILE = Path(SPECS or ".", "openai", "fine-tuning.yaml")
pytestmark = pytest.mark.skipif(
    not SPECS or not FILE.is_file(), reason="FINETUNE_SPECS names no folder with OpenAI's spec"
)

LIMITS = ImageLimits(per_row=10, bytes=10_000_000, rows=50_000)
FORMATS: list[RowFormat] = ["chat", "preference", "prompts"]


@lru_cache
def validator(name: str) -> Any:
    """A schema of the spec, by its name."""
    spec = yaml.safe_load(FILE.read_text())
    registry = cast("Any", Registry)().with_resource(
        "urn:openai", DRAFT202012.create_resource(spec)
    )
    schema = {"$ref": f"urn:openai#/components/schemas/{name}"}
    return Draft202012Validator(schema, registry=registry)


def said_against(value: object, name: str) -> list[str]:
    return [error.message for error in validator(name).iter_errors(value)]


def refusals(row: Json) -> list[str]:
    """What the schemas say against the messages and the tools of a row."""
    asked = cast("Json", row.get("input", row))
    prompt = asked.get("messages", row.get("prompt"))
    talks = [prompt, row.get("preferred_output"), row.get("non_preferred_output")]
    turns = [turn for talk in talks if isinstance(talk, list) for turn in cast("list[Json]", talk)]
    tools = cast("list[Json]", asked.get("tools", []))
    found = [text for turn in turns for text in said_against(turn, "ChatCompletionRequestMessage")]
    found += [text for tool in tools for text in said_against(tool, "ChatCompletionTool")]
    if "parallel_tool_calls" in asked:
        found += said_against(asked["parallel_tool_calls"], "ParallelToolCalls")
    return found


def passes(row: Json, wanted: RowFormat, provider: str) -> bool:
    rules = RowRules(format=wanted, content=EVERYTHING, images=LIMITS, provider=provider)
    return check(load([row]), rules=rules).ok


@pytest.mark.parametrize("provider", ["openai", "azure_openai"])
@settings(deadline=None, max_examples=150)
@given(data=st.data(), wanted=st.sampled_from(FORMATS))
def test_what_passes_is_accepted(provider: str, data: st.DataObject, wanted: RowFormat) -> None:
    row = json.loads(json.dumps(data.draw(of_format[wanted])))
    if passes(row, wanted, provider):
        assert refusals(row) == []


def test_the_schema_refuses_what_we_refuse() -> None:
    """Otherwise it might accept whatever there is."""
    refused = {
        case.code
        for case in CASES
        if isinstance(case.bad, list)
        and any(isinstance(r.get("messages"), list) and refusals(r) for r in case.bad)
    }
    assert refused >= {"missing_role", "unknown_role", "bad_name", "missing_content"}
    assert refused >= {"wrong_content_type", "bad_image", "bad_tool_call", "missing_tool_call_id"}
