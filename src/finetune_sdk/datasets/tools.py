"""Tools beside messages: what may be called, the calls, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import msgspec

from finetune_sdk.datasets.faults import Fault, shown
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import RowRules


def row_tool_faults(row: Row, rules: RowRules, at: str = "") -> Iterator[Fault]:
    """What is wrong with `tools` and `parallel_tool_calls` of a row, or of the object `at`."""
    if "tools" in row and "tools" not in rules.content:
        yield _unsupported(f"{at}/tools")
    elif "tools" in row:
        yield from _each(row["tools"], f"{at}/tools", "bad_tools", _tool)
    parallel = row.get("parallel_tool_calls", False)
    if not isinstance(parallel, bool):
        text = f"`parallel_tool_calls` is {shown(parallel)}, neither true nor false"
        yield Fault("bad_parallel_tool_calls", f"{at}/parallel_tool_calls", text)


def message_tool_faults(message: Row, at: str, rules: RowRules, calls: set[str]) -> Iterator[Fault]:
    """What is wrong with a message's calls, or with its answer to one of the earlier `calls`."""
    role = message.get("role")
    if role == "tool":
        yield from _answer(message, at, rules, calls)
    if "tool_calls" not in message:
        return
    place = f"{at}/tool_calls"
    if role in ("system", "developer", "user", "tool"):
        text = f"a message of role {shown(role)} has `tool_calls`"
        yield Fault("misplaced_tool_calls", place, text)
    elif "tools" not in rules.content:
        yield _unsupported(place)
    else:
        yield from _each(message["tool_calls"], place, "bad_tool_call", _call)


def call_ids(message: Row) -> Iterator[str]:
    """The ids of the calls that a message makes, as far as they can be read."""
    if message.get("role") != "assistant":
        return
    for call in listed(message.get("tool_calls")):
        name = cast("Row", call).get("id") if isinstance(call, dict) else None
        if isinstance(name, str):
            yield name


def pairing_faults(messages: Sequence[object], at: str) -> Iterator[Fault]:
    """Calls that are followed by something else than their answers."""
    waiting: dict[str, str] = {}
    for index, item in enumerate(messages):
        message = cast("Row", item) if isinstance(item, dict) else {}
        if message.get("role") == "tool":
            waiting.pop(str(message.get("tool_call_id")), None)
            continue
        for name, place in waiting.items():
            text = f"the call {shown(name)} is not answered before the conversation goes on"
            yield Fault("unanswered_tool_call", place, text)
        waiting = dict.fromkeys(call_ids(message), f"{at}/{index}/tool_calls")


def declaration_faults(messages: Sequence[object], tools: object, at: str) -> Iterator[Fault]:
    """Calls of functions that the row's `tools` do not list, where it has some."""
    if not listed(tools):
        return
    declared = {_function_name(tool) for tool in listed(tools)}
    for index, item in enumerate(messages):
        message = cast("Row", item) if isinstance(item, dict) else {}
        if message.get("role") != "assistant":
            continue
        for number, call in enumerate(listed(message.get("tool_calls"))):
            name = _function_name(call)
            if name is not None and name not in declared:
                place = f"{at}/{index}/tool_calls/{number}/function/name"
                yield Fault("undeclared_tool", place, f"`tools` has no function {shown(name)}")


def _function_name(holder: object) -> str | None:
    function = cast("Row", holder).get("function") if isinstance(holder, dict) else None
    name = cast("Row", function).get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _unsupported(at: str) -> Fault:
    return Fault("unsupported_content", at, "tools are not supported here")


def _each(
    items: object, at: str, code: str, judge: Callable[[Row, str], Iterator[Fault]]
) -> Iterator[Fault]:
    members = listed(items)
    if not members:
        yield Fault(code, at, f"it is {shown(items)}, and has to be a list that is not empty")
    for index, item in enumerate(members):
        if isinstance(item, dict):
            yield from judge(cast("Row", item), f"{at}/{index}")
        else:
            yield Fault(code, f"{at}/{index}", f"it is {shown(item)}, no object")


def listed(value: object) -> list[object]:
    """The value, where it is a list; else an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def _answer(message: Row, at: str, rules: RowRules, calls: set[str]) -> Iterator[Fault]:
    if "tools" not in rules.content:
        yield _unsupported(f"{at}/role")
        return
    answered = message.get("tool_call_id")
    if not isinstance(answered, str) or not answered:
        text = "the tool's message does not say which call it answers"
        yield Fault("missing_tool_call_id", _place(message, "tool_call_id", at), text)
    elif answered not in calls:
        text = f"no earlier message makes the call {shown(answered)}"
        yield Fault("unknown_tool_call_id", f"{at}/tool_call_id", text)


def _tool(tool: Row, at: str) -> Iterator[Fault]:
    yield from _function_type(tool, at, "bad_tools")
    function = tool.get("function")
    if not isinstance(function, dict):
        text = "the tool has no `function` that is an object"
        yield Fault("bad_tools", _place(tool, "function", at), text)
        return
    function = cast("Row", function)
    yield from _text(function, "name", f"{at}/function", "bad_tools")
    if not isinstance(function.get("parameters", {}), dict):
        text = f"`parameters` is {shown(function['parameters'])}, no JSON schema"
        yield Fault("bad_tools", f"{at}/function/parameters", text)


def _call(call: Row, at: str) -> Iterator[Fault]:
    yield from _text(call, "id", at, "bad_tool_call")
    yield from _function_type(call, at, "bad_tool_call")
    function = call.get("function")
    if not isinstance(function, dict):
        text = "the call has no `function` that is an object"
        yield Fault("bad_tool_call", _place(call, "function", at), text)
        return
    function = cast("Row", function)
    yield from _text(function, "name", f"{at}/function", "bad_tool_call")
    if not _is_json_object(function.get("arguments")):
        text = "`arguments` are no string that holds a JSON object"
        yield Fault("bad_tool_arguments", _place(function, "arguments", f"{at}/function"), text)


def _function_type(holder: Row, at: str, code: str) -> Iterator[Fault]:
    if holder.get("type") != "function":
        text = f"`type` is {shown(holder.get('type'))}, not 'function'"
        yield Fault(code, _place(holder, "type", at), text)


def _text(holder: Row, key: str, at: str, code: str) -> Iterator[Fault]:
    value = holder.get(key)
    if not isinstance(value, str) or not value:
        text = f"`{key}` is {shown(value)}, and has to be a string that is not empty"
        yield Fault(code, _place(holder, key, at), text)


def _place(holder: Row, key: str, at: str) -> str:
    """The pointer to what is wrong under `key`; to the holder, where there is no such key."""
    return f"{at}/{key}" if key in holder else at


def _is_json_object(text: object) -> bool:
    if not isinstance(text, str):
        return False
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (ValueError, RecursionError):
        return False
