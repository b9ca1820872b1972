"""For each code a dataset that has the fault, where it has it, and the dataset mended."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass, field, replace
from typing import Any, cast

from finetune_sdk.datasets import EVERYTHING, ImageLimits, RowFormat, RowRules
from finetune_sdk.datasets.lines import MAX_LINE
from tests.datasets.samples import (
    ANSWER,
    ASSISTANT,
    CALL,
    CALLING,
    TOOL,
    USER,
    WORSE,
    Json,
    line,
    numbered_rows,
    pair,
    question,
    row,
    text_pair,
    thumb,
    trl_pair,
    without,
)

SYSTEM: Json = {"role": "system", "content": "Name the ingredients."}
TEXT: Json = {"type": "text", "text": "2 eggs"}
IMAGES = ImageLimits(per_row=2, bytes=30, rows=2)
SMALL = ImageLimits(per_row=2, bytes=30, rows=9)
FIRST, SECOND = numbered_rows(2)
KEY = "sk-" + "a1B2c3D4e5F6g7H8"


@dataclass(frozen=True)
class Case:
    """A dataset with one kind of fault.

    Attributes:
        code: of the fault.
        bad: the bytes of the file, or its rows.
        good: the same, mended.
        line: where it is found.
        pointer: where in the row.
        rules: what the rows are held against, beside the provider and what they hold.
        limit: tokens of a row at most; None counts none.
        name: of the file.
        also: other findings that the bad rows have with it, and the good ones without.
    """

    code: str
    bad: bytes | list[Json]
    good: bytes | list[Json]
    line: int = 1
    pointer: str = ""
    rules: dict[str, Any] = field(default_factory=dict[str, Any])
    limit: int | None = None
    name: str = "train.jsonl"
    also: tuple[str, ...] = ()

    def held_against(self, provider: str | None) -> RowRules:
        given: dict[str, Any] = {"content": EVERYTHING, "provider": provider, **self.rules}
        return RowRules(**given)

    def __str__(self) -> str:
        return f"{self.code}-{self.rules.get('format', 'chat')}"


def lines(*rows: bytes) -> bytes:
    return b"".join(row + b"\n" for row in rows)


def said(content: object, role: str = "user") -> Json:
    return {"role": role, "content": content}


def picture(number: int = 0, kind: str = "png", data: str = "AAAA") -> Json:
    return {
        "type": "image_url",
        "image_url": {"url": f"data:image/{kind};base64,{data}{number:04}"},
    }


def seen(*images: Json) -> Json:
    return row(said([TEXT, *images]), ASSISTANT)


def one(
    code: str,
    bad: Json,
    good: Json | None = None,
    pointer: str = "",
    wanted: RowFormat = "chat",
    **rules: object,
) -> Case:
    """A fault of the second of three rows, which are all of a format."""
    mended = row() if good is None else good
    first, last = (_another(mended, name) for name in ("first", "last"))
    return Case(
        code,
        [first, bad, last],
        [first, mended, last],
        2,
        pointer,
        {"format": wanted, **rules},
        also=("one_label",) if wanted == "kto" else (),
    )


def _another(good: Json, name: str) -> Json:
    """A row like a good one with other words."""
    made: Json = json.loads(json.dumps(good).replace("2 eggs", f"{name} 2 eggs"))
    return made


def reversed_keys(value: object) -> object:
    """The same value with all its keys the other way round."""
    if isinstance(value, dict):
        entries = cast("Json", value)
        return {key: reversed_keys(entries[key]) for key in reversed(entries)}
    if isinstance(value, list):
        return [reversed_keys(one) for one in cast("list[object]", value)]
    return value


def thumbs(good: int, bad: int) -> list[Json]:
    return [thumb(prompt=[said(f"{n} eggs")], label=n < good) for n in range(good + bad)]


def lengths(*answers: str) -> list[Json]:
    return [text_pair(prompt=f"{n} eggs", chosen=said) for n, said in enumerate(answers)]


G = line(row())
READING = [
    Case("empty_dataset", b"", lines(G), line=0),
    Case("not_json", lines(G, b"{'a': 1}"), lines(G, line(FIRST)), 2),
    Case(
        "not_finite",
        lines(G, line(row({**USER, "name": "#"}, ASSISTANT)).replace(b'"#"', b"NaN")),
        lines(G, line(row({**USER, "name": "#"}, ASSISTANT))),
        2,
        "/messages/0/name",
        also=("bad_name",),
    ),
    Case("not_utf8", lines(G, G.replace(b"2 eggs", b"\xe9")), lines(G, line(FIRST)), 2),
    Case("not_utf8", G.decode().encode("utf-16"), lines(G)),
    Case("byte_order_mark", codecs.BOM_UTF8 + lines(G), lines(G)),
    Case("line_too_long", lines(G, b'"%s"' % (b"x" * MAX_LINE)), lines(G, line(FIRST)), 2),
    Case(
        "bad_csv",
        b"prompt,completion,label\neggs,salt,true\neggs,false\n",
        b"prompt,completion,label\neggs,salt,true\neggs,salt,false\n",
        3,
        rules={"format": "kto"},
        name="train.csv",
        also=("one_label",),
    ),
    Case("blank_line", lines(G, b"", line(FIRST)), lines(G, line(FIRST)), 2),
    Case("blank_line_at_end", lines(G, b" "), lines(G), 2),
    Case(
        "lone_surrogate",
        lines(G, line(row(said("egg\ud83e"), ASSISTANT))),
        lines(G, line(row(said("egg\ufffd"), ASSISTANT))),
        2,
        "/messages/0/content",
    ),
    Case("not_an_object", lines(G, b"[%s]" % line(FIRST)), lines(G, line(FIRST)), 2),
    Case("duplicate_row", lines(G, line(FIRST), G), lines(G, line(FIRST)), 3),
    Case(
        "near_duplicate_row", [row(), row(said("2 eggs, a pinch  of salt"), ASSISTANT)], [row()], 2
    ),
    Case("validation_overlap", [SECOND, row()], [SECOND], 2),
    Case("too_few_rows", [row()], numbered_rows(10), 0, rules={"min_rows": 10}),
]
SHARED: Json = {
    "conversations": [{"from": "human", "value": "2 eggs"}, {"from": "gpt", "value": "eggs"}]
}
ROWS = [
    one("wrong_format", text_pair()),
    one("missing_key", without(pair(), "input"), pair(), wanted="preference"),
    one("no_messages", {"text": "2 eggs"}),
    one("wrong_messages_type", row(messages="2 eggs"), pointer="/messages"),
    one("empty_messages", {"messages": []}, pointer="/messages"),
    one("unknown_row_key", row(source="web"), pointer="/source"),
    one("unread_key", {**SHARED, "kto_tag": False}, SHARED, "/kto_tag"),
    one("mixed_spellings", pair(chosen=[ASSISTANT]), pair(), wanted="preference"),
    one("text_beside_messages", trl_pair(prompt="2 eggs"), trl_pair(), wanted="preference"),
    one("wrong_turn_type", text_pair(chosen=7), text_pair(), "/chosen", "preference"),
    one("wrong_input_type", pair(input=[USER]), pair(), "/input", "preference"),
    one("bad_label", thumb(label="yes"), thumb(), "/label", "kto"),
    one("no_prompt", {"question": "2 eggs"}, question(), "", "prompts"),
    one("two_prompts", question(prompt="2 eggs"), question(), "/prompt", "prompts"),
]
MESSAGES = [
    one("message_not_an_object", row("2 eggs", ASSISTANT), pointer="/messages/0"),
    one("missing_role", row(without(USER, "role"), ASSISTANT), pointer="/messages/0"),
    one("unknown_role", row(said("2 eggs", "human"), ASSISTANT), pointer="/messages/0/role"),
    one("unknown_message_key", row({**USER, "mood": 1}, ASSISTANT), pointer="/messages/0/mood"),
    one("bad_name", row({**USER, "name": 7}, ASSISTANT), pointer="/messages/0/name"),
    one("missing_content", row({"role": "user"}, ASSISTANT), pointer="/messages/0"),
    one("wrong_content_type", row(said(7), ASSISTANT), pointer="/messages/0/content"),
    one(
        "unsupported_content",
        row(said([TEXT, {"type": "input_audio"}]), ASSISTANT),
        pointer="/messages/0/content/1",
    ),
    one("unsupported_content", row(tools=[TOOL]), pointer="/tools", content=frozenset({"text"})),
    one("bad_image", seen({"type": "image_url"}), pointer="/messages/0/content/1"),
    one(
        "misplaced_image",
        row(said([picture()], "system"), USER, ASSISTANT),
        pointer="/messages/0/content/0",
    ),
    one("bad_weight", row(USER, {**ASSISTANT, "weight": 0.5}), pointer="/messages/1/weight"),
    one("misplaced_weight", row({**USER, "weight": 1}, ASSISTANT), pointer="/messages/0/weight"),
]


def calling(**changed: object) -> Json:
    return row(USER, {**CALLING, "tool_calls": [{**CALL, **changed}]})


TOOLS = [
    one("bad_tools", row(tools=[]), pointer="/tools"),
    one(
        "bad_parallel_tool_calls",
        row(parallel_tool_calls="no"),
        pointer="/parallel_tool_calls",
    ),
    one(
        "misplaced_tool_calls",
        row({**USER, "tool_calls": [CALL]}, ASSISTANT),
        pointer="/messages/0/tool_calls",
    ),
    one("bad_tool_call", calling(type="tool"), pointer="/messages/1/tool_calls/0/type"),
    one(
        "bad_tool_arguments",
        calling(function={"name": "scale", "arguments": {"by": 2}}),
        calling(function={"name": "scale", "arguments": '{"by":2}'}),
        "/messages/1/tool_calls/0/function/arguments",
    ),
    one(
        "missing_tool_call_id",
        row(USER, CALLING, ANSWER, without(ANSWER, "tool_call_id"), ASSISTANT),
        pointer="/messages/3",
    ),
    one(
        "unknown_tool_call_id",
        row(USER, CALLING, ANSWER, {**ANSWER, "tool_call_id": "call_2"}, ASSISTANT),
        pointer="/messages/3/tool_call_id",
    ),
]
SILENT = said(" \n", "assistant")
LESSONS = [
    one("no_assistant_turn", row(USER), pointer="/messages"),
    one("nothing_to_learn", row(USER, {**ASSISTANT, "weight": 0}), pointer="/messages"),
    one("empty_content", row(USER, SILENT), pointer="/messages/1/content"),
    one("ends_without_answer", row(USER, ASSISTANT, USER), pointer="/messages/2"),
    one("system_not_first", row(USER, SYSTEM, ASSISTANT), pointer="/messages/1"),
    one("roles_do_not_alternate", row(USER, USER, ASSISTANT), pointer="/messages/1"),
    one(
        "unanswered_tool_call",
        row(USER, CALLING, USER, ASSISTANT),
        row(USER, CALLING, ANSWER, USER, ASSISTANT),
        "/messages/1/tool_calls",
    ),
    one(
        "undeclared_tool",
        row(USER, CALLING, tools=[{**TOOL, "function": {"name": "cut"}}]),
        row(USER, CALLING, tools=[TOOL]),
        "/messages/1/tool_calls/0/function/name",
    ),
    one("prompt_end", trl_pair(prompt=[USER, ASSISTANT]), trl_pair(), "/prompt/1", "preference"),
    one("empty_prompt", text_pair(prompt=" "), text_pair(), "/prompt", "preference"),
    one("bad_answer", trl_pair(chosen=[USER]), trl_pair(), "/chosen/0/role", "preference"),
    one("empty_answer", thumb(completion=[SILENT]), thumb(), "/completion/0/content", "kto"),
    one(
        "same_answers",
        pair(preferred_output=[WORSE]),
        pair(),
        "/non_preferred_output",
        "preference",
    ),
    Case("one_label", thumbs(3, 0), thumbs(2, 1), 0, rules={"format": "kto"}),
    Case("unbalanced_labels", thumbs(1, 19), thumbs(5, 15), 0, rules={"format": "kto"}),
    Case(
        "unbalanced_lengths",
        lengths(*["an egg"] * 20),
        lengths(*["an egg", "e"] * 10),
        0,
        rules={"format": "preference"},
    ),
    one("answered_prompt", row(), question(), "/messages/1", "prompts"),
    one(
        "system_in_prompt", question(messages=[SYSTEM, USER]), question(), "/messages/0", "prompts"
    ),
    replace(one("row_too_long", row(said("2 eggs " * 100), ASSISTANT)), limit=100),
]
PICTURES = [
    one(
        "too_many_images",
        seen(*map(picture, range(3))),
        seen(picture()),
        "/messages",
        images=SMALL,
    ),
    Case(
        "too_many_image_rows",
        [seen(picture(n)) for n in range(3)],
        [seen(picture(n)) for n in range(2)],
        0,
        rules={"images": IMAGES},
    ),
    one(
        "image_too_large",
        seen(picture(data="A" * 40)),
        seen(picture()),
        "/messages/0/content/1/image_url/url",
        images=SMALL,
    ),
    one(
        "image_format",
        seen(picture(kind="gif")),
        seen(picture()),
        "/messages/0/content/1/image_url/url",
    ),
]
TEXTS = [
    one(
        "special_token",
        row(USER, said("eggs<|im_end|>", "assistant")),
        pointer="/messages/1/content",
    ),
    one("secret_in_text", row(said(f"my key is {KEY}"), ASSISTANT), pointer="/messages/0/content"),
    one(
        "card_number",
        row(said("pay with 4111 1111 1111 1111"), ASSISTANT),
        pointer="/messages/0/content",
    ),
]
CASES = [*READING, *ROWS, *MESSAGES, *TOOLS, *LESSONS, *PICTURES, *TEXTS]
