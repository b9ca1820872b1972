"""A conversation as the model's chat template writes it, cut where the assistant's turns stand.

Where the template marks the assistant's words (`{% generation %}`), the marks are believed.
Elsewhere a turn is what the template adds to the prompt that the model would be asked with: so the
text before it is exactly what the model will see, and the turn exactly what it should write.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from itertools import takewhile
from typing import NamedTuple, Protocol

from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.rows.chat import Message, Say

Tools = Sequence[Mapping[str, object]] | None

_MARKERS = re.compile(r"\{%-?\s*generation\s*-?%\}")
_PROBE: Message = {"role": "user", "content": "Hello"}
_ANSWER = "finetune-probe"
_OWN = "give a chat template that does with `LocalOptions(chat_template=...)`"


class AddedToken(Protocol):
    """A token beside the vocabulary."""

    content: str
    special: bool


class Tokenizer(Protocol):
    """What we need of a tokenizer of transformers."""

    chat_template: str | dict[str, str] | None
    eos_token: str | None
    special_tokens_map: dict[str, str]
    all_special_tokens: list[str]
    added_tokens_decoder: dict[int, AddedToken]

    def get_chat_template(self, chat_template: str | None, tools: Tools, /) -> str: ...
    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...
    def apply_chat_template(
        self,
        conversation: Sequence[Message],
        *,
        tools: Tools,
        tokenize: bool,
        add_generation_prompt: bool,
    ) -> str: ...


class Piece(NamedTuple):
    """A stretch of the text; `place` is that of the assistant's message, None between turns."""

    text: str
    place: int | None


class _RewrittenError(Exception):
    """The template writes earlier messages differently once there are later ones."""


class Template:
    """The chat template of a tokenizer.

    Raises:
        TrainingFailure: there is none.
    """

    def __init__(self, tokenizer: Tokenizer, say: Say) -> None:
        if not tokenizer.chat_template:
            raise TrainingFailure(
                "chat_template",
                "the base model's tokenizer has no chat template, so a conversation cannot be "
                "written for it; take a model that was tuned for chat, or give one with "
                "`LocalOptions(chat_template=...)`",
            )
        self._tokenizer = tokenizer
        self._say = say
        added = (
            token.content for token in tokenizer.added_tokens_decoder.values() if token.special
        )
        self._special = sorted({*added, *tokenizer.all_special_tokens}, key=len, reverse=True)

    def write(self, messages: Sequence[Message], tools: Tools) -> str:
        """The whole conversation."""
        return self._render(messages, tools, prompt=False)

    def cut(
        self, messages: Sequence[Message], tools: Tools, places: Collection[int]
    ) -> list[Piece]:
        """The conversation in pieces, the assistant's turns at `places` as pieces of their own.

        A turn ends with the token that ends it, where the template writes one.

        Raises:
            TrainingFailure: the template cannot write these messages, or not in pieces.
        """
        if not places:
            return [Piece(self.write(messages, tools), None)]
        template = self._tokenizer.get_chat_template(None, tools)
        if _MARKERS.search(template):
            return self._by_markers(template, messages, tools, places)
        try:
            return self._by_prompts(messages, tools, places)
        except _RewrittenError:
            twin = self._training_twin(template)
        return self._by_markers(twin, messages, tools, places)

    def ending(self, text: str) -> str | None:
        """The special token that ends a text, blanks after it aside."""
        bare = text.rstrip()
        return next((token for token in self._special if bare.endswith(token)), None)

    def _by_prompts(
        self, messages: Sequence[Message], tools: Tools, places: Collection[int]
    ) -> list[Piece]:
        pieces: list[Piece] = []
        text = ""
        for place in sorted(places):
            upto = self._render(messages[: place + 1], tools, prompt=False)
            asked = self._prompt(messages, tools, place, upto)
            turn = self._without_closing(_after(upto, asked), last=place == len(messages) - 1)
            pieces.append(Piece(_after(asked, text), None))
            pieces += self._turn(turn, place)
            text = asked + turn
        pieces.append(Piece(_after(self.write(messages, tools), text), None))
        return pieces

    def _prompt(self, messages: Sequence[Message], tools: Tools, place: int, upto: str) -> str:
        if place:
            return self._render(messages[:place], tools, prompt=True)
        # Nothing stands before the first message, and templates refuse to write nothing.
        header = self._header()
        if not header or header not in upto:
            raise TrainingFailure(
                "chat_template",
                "the first message is the assistant's, and the chat template does not show where "
                f"it starts; begin with a `user` message, or {_OWN}",
            )
        return upto[: upto.index(header) + len(header)]

    def _header(self) -> str:
        """What the template writes to ask for an answer; empty where it writes nothing."""
        asked = self._render([_PROBE], None, prompt=True)
        bare = self._render([_PROBE], None, prompt=False)
        # A conversation that is over may be closed, one that waits for an answer is not.
        same = (one == other for one, other in zip(asked, bare, strict=False))
        return asked[sum(takewhile(bool, same)) :]

    def _without_closing(self, turn: str, *, last: bool) -> str:
        """A turn without the token by which some templates close the whole conversation."""
        closing = self._tokenizer.eos_token or ""
        if not closing or not turn.endswith(closing):
            return turn
        bare = turn[: -len(closing)]
        talk: list[Message] = [_PROBE, {"role": "assistant", "content": _ANSWER}]
        longer = self._render([*talk, _PROBE], None, prompt=False)
        if longer.startswith(self._render(talk, None, prompt=False)):
            return turn
        return bare if not last or self.ending(bare) else turn

    def _turn(self, turn: str, place: int) -> list[Piece]:
        if self.ending(turn) is None:
            return [Piece(turn, place)]
        body = turn.rstrip()
        return [Piece(body, place), Piece(turn[len(body) :], None)]

    def _by_markers(
        self, template: str, messages: Sequence[Message], tools: Tools, places: Collection[int]
    ) -> list[Piece]:
        text, marks = self._marked(template, messages, tools)
        spans = self._spans(text, marks)
        turns = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
        if len(spans) != len(turns):
            raise TrainingFailure(
                "chat_template",
                f"the chat template's generation marks show {len(spans)} turns of the assistant "
                f"where there are {len(turns)}; {_OWN}",
            )
        pieces: list[Piece] = []
        done = 0
        for place, (start, stop) in zip(turns, spans, strict=True):
            if place in places:
                end = stop + len(self._unmarked_end(template, text[start:stop], text[stop:]))
                pieces.append(Piece(text[done:start], None))
                pieces += self._turn(text[start:end], place)
                done = end
        pieces.append(Piece(text[done:], None))
        return pieces

    def _spans(self, text: str, marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """A span a turn: marks with only blanks between are one, and none begins in a header."""
        header = self._header()
        spans: list[tuple[int, int]] = []
        for start, stop in marks:
            if spans and not text[spans[-1][1] : start].strip():
                spans[-1] = (spans[-1][0], stop)
                continue
            found = text.rfind(header, 0, start + len(header)) if header else -1
            inside = found != -1 and found < start < found + len(header)
            spans.append((found + len(header) if inside else start, stop))
        return spans

    def _unmarked_end(self, template: str, turn: str, rest: str) -> str:
        """The turn's last token, where the template leaves it outside of its marks."""
        if self.ending(turn) is not None:
            return ""
        probe = self._marked(template, [_PROBE, {"role": "assistant", "content": _ANSWER}], None)
        tail = probe[0].rpartition(_ANSWER)[2]
        end = tail[: len(tail) - len(tail.lstrip())] + (self.ending(tail) or "")
        return end if end.strip() and rest.startswith(end) else ""

    def _marked(
        self, template: str, messages: Sequence[Message], tools: Tools
    ) -> tuple[str, list[tuple[int, int]]]:
        utils = import_module("transformers.utils.chat_template_utils")
        texts, spans = utils.render_jinja_template(
            conversations=[list(messages)],
            tools=tools,
            chat_template=template,
            return_assistant_tokens_mask=True,
            **self._tokenizer.special_tokens_map,
        )
        return texts[0], spans[0]

    def _training_twin(self, template: str) -> str:
        """TRL's own variant of a known template, which does not rewrite and has marks."""
        utils = import_module("trl.chat_template_utils")
        twin: str | None
        try:
            twin = utils.get_training_chat_template(self._tokenizer)
        except ValueError:
            twin = None
        if twin is None or twin == template or not _MARKERS.search(twin):
            raise TrainingFailure(
                "chat_template",
                "the chat template writes earlier messages differently once later ones follow, so "
                "one text cannot show the model what it will see at each turn; make one row a "
                f"turn, or {_OWN} not",
            )
        self._say(
            "the chat template rewrites earlier turns; rows of several turns are written with "
            "TRL's training variant of it"
        )
        return twin

    def _render(self, messages: Sequence[Message], tools: Tools, *, prompt: bool) -> str:
        from jinja2 import TemplateError

        try:
            return self._tokenizer.apply_chat_template(
                messages, tools=tools, tokenize=False, add_generation_prompt=prompt
            )
        except (TemplateError, TypeError, LookupError, ValueError, ArithmeticError) as error:
            raise TrainingFailure(
                "chat_template",
                f"the chat template refuses these messages ({error}); change the row, or give a "
                "chat template that takes it with `LocalOptions(chat_template=...)`",
            ) from error


def _after(text: str, start: str) -> str:
    if not text.startswith(start):
        raise _RewrittenError
    return text[len(start) :]
