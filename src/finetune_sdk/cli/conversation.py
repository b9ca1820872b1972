"""A row for people: who says what, and which of it is learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from finetune_sdk.datasets import Row, RowFormat
from finetune_sdk.datasets.converting import base_of, reader

Learned = Literal["yes", "no", "against"]
"""Whether a text carries loss; `against` is what the model learns not to say."""


@dataclass(frozen=True)
class Turn:
    """Something that is said.

    Attributes:
        speaker: who says it, and what it is.
        text: in full.
        learned: whether it carries loss.
    """

    speaker: str
    text: str
    learned: Learned = "no"


def turns(row: Row, source: RowFormat, *, train_on: str = "assistant") -> list[Turn]:
    """What a row says, in its order.

    Args:
        row: of any format.
        source: its format.
        train_on: `all` learns every text of a conversation.
    """
    told = list(_TELLERS[base_of(source)](reader(source)(row).row))
    if train_on == "all" and base_of(source) == "chat":
        return [Turn(turn.speaker, turn.text, "yes") for turn in told]
    return told


def _chat(row: Row) -> Iterator[Turn]:
    yield from _tools(row)
    for message in _list(row.get("messages")):
        learned = message.get("role") == "assistant" and message.get("weight", 1) != 0
        yield _turn(message, "yes" if learned else "no")


def _preference(row: Row) -> Iterator[Turn]:
    asked = row.get("input", row.get("prompt"))
    yield from _said(asked.get("messages") if isinstance(asked, dict) else asked, "prompt", "no")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - JSON
    for keys, name, learned in _ANSWERS:
        for key in keys:
            if key in row:
                yield from _said(row[key], name, learned)


_ANSWERS: tuple[tuple[tuple[str, ...], str, Learned], ...] = (
    (("preferred_output", "chosen"), "better", "yes"),
    (("non_preferred_output", "rejected"), "worse", "against"),
)


def _kto(row: Row) -> Iterator[Turn]:
    good = row.get("label") is True
    yield from _said(row.get("prompt"), "prompt", "no")
    yield from _said(row.get("completion"), "good" if good else "bad", "yes" if good else "against")


def _prompts(row: Row) -> Iterator[Turn]:
    yield from _tools(row)
    yield from _said(row.get("messages", row.get("prompt")), "prompt", "no")
    for key, value in row.items():
        if key not in ("messages", "prompt", "tools", "parallel_tool_calls"):
            yield Turn(f"{key} (for graders)", _text(value))


_TELLERS: Mapping[RowFormat, Callable[[Row], Iterator[Turn]]] = {
    "chat": _chat,
    "preference": _preference,
    "kto": _kto,
    "prompts": _prompts,
}


def _said(value: object, name: str, learned: Learned) -> Iterator[Turn]:
    if isinstance(value, str):
        yield Turn(name, value, learned)
        return
    for message in _list(value):
        turn = _turn(message, learned)
        yield turn if name == "prompt" else Turn(f"{turn.speaker} ({name})", turn.text, learned)


def _turn(message: Row, learned: Learned) -> Turn:
    name = f" {message['name']}" if "name" in message else ""
    texts = [_content(message.get("content")), *map(_call, _list(message.get("tool_calls")))]
    text = "\n".join(filter(None, texts))
    return Turn(f"{message.get('role')}{name}", text, learned)


def _tools(row: Row) -> Iterator[Turn]:
    names = [str(_object(tool.get("function")).get("name")) for tool in _list(row.get("tools"))]
    if names:
        yield Turn("tools", ", ".join(names))


def _content(content: object) -> str:
    if isinstance(content, list):
        return "".join(map(_part, _list(cast("object", content))))
    return "" if content is None else _text(content)


def _part(part: Row) -> str:
    if part.get("type") != "image_url":
        return _text(part.get("text"))
    url = str(_object(part.get("image_url")).get("url"))
    return f"[image {url[:60]}]"


def _call(call: Row) -> str:
    function = _object(call.get("function"))
    return f"{function.get('name')}({_text(function.get('arguments'))})"


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _object(value: object) -> Row:
    return cast("Row", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Row]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Row", item) for item in items if isinstance(item, dict)]
