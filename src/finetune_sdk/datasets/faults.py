"""Every fault that a row can have: its stable code, how grave it is, and how to mend it."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from finetune_sdk.transport import redact
from finetune_sdk.types.dataset import Finding, Severity


class Code(NamedTuple):
    """What holds for all faults of one code."""

    severity: Severity
    fix: str


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "empty_dataset": Code("error", "Put at least one row in, one JSON object a line."),
        "too_few_rows": Code("error", "Add more rows."),
        "not_json": Code(
            "error",
            "Write one JSON object on each line, as `json.dumps` does: double quotes, no comma "
            "after the last value, no list around all rows.",
        ),
        "not_finite": Code("error", "JSON has no such number: use null, or leave the key out."),
        "not_utf8": Code("error", "Save the file as UTF-8."),
        "byte_order_mark": Code(
            "error",
            "Save the file as UTF-8 without a byte order mark; in Python read it with "
            "`encoding='utf-8-sig'` and write it with `encoding='utf-8'`.",
        ),
        "line_too_long": Code("error", "Cut the row into several, or take out what is embedded."),
        "blank_line": Code("error", "Delete the line."),
        "blank_line_at_end": Code("warning", "Delete the line."),
        "lone_surrogate": Code(
            "error",
            "Half of a character was cut off: cut text between characters, or encode it with "
            "`errors='replace'`.",
        ),
        "duplicate_row": Code("warning", "Delete one of them, unless the repeat is meant."),
        "not_an_object": Code("error", 'Make the row an object, as in {"messages": [...]}.'),
        "wrong_format": Code(
            "error", "Choose a method that learns from such rows, or write the rows anew."
        ),
        "missing_key": Code("error", "Add what is missing, or mend its spelling."),
        "no_messages": Code(
            "error", 'Put the conversation under `messages`: {"messages": [{"role": ...}, ...]}.'
        ),
        "wrong_messages_type": Code("error", "Make it a list of message objects."),
        "empty_messages": Code("error", "Put the conversation in, or delete the row."),
        "unknown_row_key": Code(
            "warning", "It is not learned from: delete it, unless you know that it is needed."
        ),
        "no_assistant_turn": Code(
            "error", 'Add the wanted answer as {"role": "assistant", "content": "..."}.'
        ),
        "nothing_to_learn": Code(
            "error", "Set `weight` to 1 on at least one assistant message, or delete the row."
        ),
        "message_not_an_object": Code(
            "error", 'Make the message an object: {"role": "user", "content": "..."}.'
        ),
        "missing_role": Code("error", "Say who speaks: system, developer, user, assistant, tool."),
        "unknown_role": Code("error", "Use system, developer, user, assistant or tool."),
        "system_not_first": Code(
            "warning", "Move it to the start: many chat templates allow it nowhere else."
        ),
        "unknown_message_key": Code(
            "warning", "It is not learned from: delete it, or mend its spelling."
        ),
        "bad_name": Code("error", "Make `name` a string, or leave it out."),
        "missing_content": Code("error", "Give `content` as text."),
        "wrong_content_type": Code(
            "error",
            'Make `content` a string, or a list of parts like {"type": "text", "text": "..."}.',
        ),
        "empty_content": Code("warning", "Write the wanted answer, or delete the message."),
        "unsupported_content": Code(
            "error", "Take it out, or choose a provider and model that can learn from it."
        ),
        "bad_image": Code(
            "error", 'Write it as {"type": "image_url", "image_url": {"url": "https://..."}}.'
        ),
        "misplaced_image": Code("error", "Move the image to a user's message."),
        "bad_weight": Code("error", "Use 1 to learn from the message, 0 to pass it over."),
        "misplaced_weight": Code(
            "error", "Delete it: only an assistant's message has a weight, others are not learned."
        ),
        "bad_tools": Code(
            "error",
            'List each tool as {"type": "function", "function": {"name": "...", '
            '"parameters": {...}}}.',
        ),
        "bad_parallel_tool_calls": Code("error", "Use true or false, or leave the key out."),
        "misplaced_tool_calls": Code("error", "Move `tool_calls` to the assistant's message."),
        "bad_tool_call": Code(
            "error",
            'Write each call as {"id": "...", "type": "function", "function": {"name": "...", '
            '"arguments": "{...}"}}.',
        ),
        "bad_tool_arguments": Code(
            "error", "Give the arguments as a string that holds a JSON object: `json.dumps(args)`."
        ),
        "missing_tool_call_id": Code("error", "Name the `id` of the call that this answers."),
        "unknown_tool_call_id": Code(
            "error", "Use the `id` of a call that an earlier assistant message makes."
        ),
        "mixed_spellings": Code(
            "error",
            "Keep to one: `input`, `preferred_output`, `non_preferred_output`, or `prompt`, "
            "`chosen`, `rejected`.",
        ),
        "text_beside_messages": Code(
            "error", "Write the prompt and its answers all as text, or all as lists of messages."
        ),
        "wrong_turn_type": Code("error", "Make it text, or a list of message objects."),
        "wrong_input_type": Code("error", 'Make `input` an object: {"messages": [...]}.'),
        "prompt_end": Code("error", "End the prompt with the message of the user to be answered."),
        "empty_prompt": Code("error", "Write the prompt, or delete the row."),
        "bad_answer": Code(
            "error",
            "Give exactly one message of the assistant, and put what was said before it into the "
            'prompt: [{"role": "assistant", "content": "..."}].',
        ),
        "empty_answer": Code("error", "Write the answer, or delete the row."),
        "same_answers": Code("error", "Make the answers differ, or delete the row."),
        "bad_label": Code("error", "Use true for a good answer, false for a bad one."),
        "one_label": Code(
            "warning",
            "Add answers with the other label. Good answers alone are for the method `supervised`.",
        ),
        "no_prompt": Code(
            "error",
            'Put the prompt under `messages`: {"messages": [{"role": "user", "content": "..."}]}.',
        ),
        "two_prompts": Code(
            "error", "Delete one, or give it another name where it is a field for graders."
        ),
        "answered_prompt": Code(
            "error",
            "Delete the answer, which the model writes itself; what graders compare with goes "
            "under a key of its own. Answers to learn are for the method `supervised`.",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a row, before it is known where the row stands.

    Attributes:
        code: a key of `CODES`.
        pointer: JSON pointer (RFC 6901) into the row; empty is the whole row.
    """

    code: str
    pointer: str
    message: str

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    def finding(self, file: str, line: int) -> Finding:
        """The fault as people get to see it."""
        return Finding(
            file=file,
            line=line,
            pointer=self.pointer,
            code=self.code,
            message=self.message,
            fix=CODES[self.code].fix,
            severity=self.severity,
        )


def clean(text: str) -> str:
    """`text` as valid Unicode: what cannot be encoded is shown as an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def step(pointer: str, key: str) -> str:
    """The pointer to what is under `key`."""
    return f"{pointer}/{clean(key).replace('~', '~0').replace('/', '~1')}"


_LOOKED_AT = 200


class _Brief(reprlib.Repr):
    def repr_str(self, x: str, level: int) -> str:
        # Before it is shortened: half of a key no longer looks like one.
        return super().repr_str(redact(x[:_LOOKED_AT]), level)


_brief = _Brief()
_brief.maxstring = _brief.maxother = _brief.maxlong = 40
_brief.maxlevel = 2
_brief.maxdict = _brief.maxlist = 3


def shown(value: object) -> str:
    """`value` for a message: short however large it is, always printable, without keys."""
    return clean(_brief.repr(value))
