"""What the app of transformers answers, turned into what OpenAI would answer. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

from finetune_sdk.providers.local.serving.refusal import Refusal
from finetune_sdk.providers.local.serving.shapes import object_of

Choice = dict[str, object]


def read_reply(raw: bytes, *, name: str, stop: tuple[str, ...]) -> bytes:
    """A whole reply under the served name, ended before the first of the texts in `stop`.

    Raises:
        ValueError: it is no such reply.
    """
    reply = _object(raw)
    reply["model"] = name
    for choice in cast("list[Choice]", reply["choices"]):
        _trim(choice, Cutter(stop), last=True)
    return json.dumps(reply, ensure_ascii=False).encode()


@dataclass
class Cutter:
    """Ends a text before the first of some others, however it is cut into pieces.

    The app ends *after* such a text, and may overshoot it by the rest of a token.

    Attributes:
        done: one of them was found.
    """

    stop: tuple[str, ...]
    done: bool = False
    _held: str = field(default="", repr=False)

    def feed(self, text: str) -> str:
        """What is certain to stand before them."""
        if self.done:
            return ""
        self._held += text
        found = [(at + len(stop), at) for stop in self.stop if (at := self._held.find(stop)) >= 0]
        if found:
            self.done = True
            # The first to be complete: it is the one at which the model stopped.
            return self._held[: min(found)[1]]
        sure = len(self._held) - self._undecided()
        ready, self._held = self._held[:sure], self._held[sure:]
        return ready

    def rest(self) -> str:
        """What was held back and turned out to be no beginning of one of them."""
        return "" if self.done else self._held

    def _undecided(self) -> int:
        longest = min(len(self._held), max(map(len, self.stop), default=1) - 1)
        return next((n for n in range(longest, 0, -1) if self._may_begin(self._held[-n:])), 0)

    def _may_begin(self, tail: str) -> bool:
        return any(text.startswith(tail) for text in self.stop)


class EventStream:
    """A stream of server-sent events, read as it comes, in whatever pieces.

    Args:
        name: what the model is called outside.
        usage: end with an event of its own that counts tokens.
        clean: takes out of an error's text what no answer may hold.
    """

    def __init__(
        self, *, name: str, stop: tuple[str, ...], usage: bool, clean: Callable[[str], str]
    ) -> None:
        self._name = name
        self._usage = usage
        self._clean = clean
        self._cutter = Cutter(stop)
        self._buffer = b""
        self._failed = False

    def feed(self, piece: bytes) -> bytes:
        """The events that `piece` completes."""
        *events, self._buffer = (self._buffer + piece).split(b"\n\n")
        return b"".join(out for event in events for out in self._event(event))

    def close(self) -> bytes:
        """The end, as OpenAI marks it; nothing more after an error."""
        last = self.feed(b"\n\n")
        return last if self._failed else last + b"data: [DONE]\n\n"

    def fail(self, message: str) -> bytes:
        """An error in the midst of a stream, which already has status 200."""
        self._failed = True
        refusal = Refusal(500, self._clean(message), type="server_error", code="generation_failed")
        return b"data: " + refusal.body() + b"\n\n"

    def _event(self, event: bytes) -> Iterator[bytes]:
        lines = [line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:")]
        data = b"\n".join(lines)
        if not data or data == b"[DONE]" or self._failed:
            return
        chunk = _chunk(data)
        if "error" in chunk:
            yield self.fail(str(chunk["error"]))
        else:
            yield from map(_encode, self._chunks(chunk))

    def _chunks(self, chunk: dict[str, object]) -> Iterator[dict[str, object]]:
        chunk["model"] = self._name
        usage = chunk.pop("usage", None)
        # Every choice has its turn, so a list and no short cut; there is one.
        worth = [self._trim(choice) for choice in cast("list[Choice]", chunk["choices"])]
        if all(worth):
            yield chunk
        if usage and self._usage:
            yield {**chunk, "choices": [], "usage": usage}

    def _trim(self, choice: Choice) -> bool:
        return _trim(choice, self._cutter, last=choice.get("finish_reason") is not None)


def _chunk(data: bytes) -> dict[str, object]:
    try:
        return _object(data)
    except ValueError:
        # The app puts an error's text between quotes without escaping it.
        text = data.decode(errors="replace")
        return {"error": text.removeprefix('{"error": "').removesuffix('"}')}


def _trim(choice: Choice, cutter: Cutter, *, last: bool) -> bool:
    """Cuts the text of a choice; False where nothing worth sending is left of it."""
    holder = choice.get("message", choice.get("delta", choice))
    fields = cast("dict[str, object]", holder)
    key = "text" if holder is choice else "content"
    before = str(fields.get(key) or "")
    after = cutter.feed(before) + (cutter.rest() if last else "")
    if after != before:
        fields[key] = after
    if cutter.done and choice.get("finish_reason") == "length":
        choice["finish_reason"] = "stop"
    return bool(after or not before or last)


def _object(raw: bytes) -> dict[str, object]:
    value = object_of(json.loads(raw))
    if value is None:
        raise ValueError("no JSON object")
    return value


def _encode(chunk: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"
