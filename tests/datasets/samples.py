"""Rows that several tests build on."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from finetune_sdk.datasets import check

Json = dict[str, object]

USER: Json = {"role": "user", "content": "2 eggs, a pinch of salt"}
ASSISTANT: Json = {"role": "assistant", "content": '["eggs", "salt"]'}
WORSE: Json = {"role": "assistant", "content": "salt"}
TOOL: Json = {"type": "function", "function": {"name": "scale", "parameters": {"type": "object"}}}
CALL: Json = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "scale", "arguments": '{"by": 2}'},
}
CALLING: Json = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWER: Json = {"role": "tool", "tool_call_id": "call_1", "content": "4 eggs"}


judged = partial(check, near_duplicates=False)
"""A check of rows that are nearly the same on purpose."""


def row(*messages: object, **keys: object) -> Json:
    """A row of the format `chat`; a good one without arguments."""
    return {"messages": list(messages or (USER, ASSISTANT)), **keys}


def pair(**keys: object) -> Json:
    """A row of the format `preference` in OpenAI's spelling, with these keys changed."""
    return {
        "input": {"messages": [USER]},
        "preferred_output": [ASSISTANT],
        "non_preferred_output": [WORSE],
        **keys,
    }


def trl_pair(**keys: object) -> Json:
    """The same in TRL's spelling."""
    return {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [WORSE], **keys}


def text_pair(**keys: object) -> Json:
    """The same in TRL's spelling, as plain text."""
    return {"prompt": "2 eggs", "chosen": "eggs", "rejected": "salt", **keys}


def thumb(**keys: object) -> Json:
    """A row of the format `kto`."""
    return {"prompt": [USER], "completion": [ASSISTANT], "label": True, **keys}


def question(**keys: object) -> Json:
    """A row of the format `prompts`."""
    return {"messages": [USER], **keys}


def without(value: Json, *keys: str) -> Json:
    return {key: inner for key, inner in value.items() if key not in keys}


def numbered_rows(count: int) -> list[Json]:
    """Good rows, all different."""
    return [row({**USER, "content": f"{n} eggs"}, ASSISTANT) for n in range(count)]


def in_child(code: str, *arguments: Path) -> subprocess.CompletedProcess[bytes]:
    """Runs Python code in a process of its own, which it may spoil."""
    source = Path(__file__).parents[2] / "src"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=60,
        check=False,
    )


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def written(path: Path, *lines: bytes) -> Path:
    """A file of these lines, each with its end."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path
