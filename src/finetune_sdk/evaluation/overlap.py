"""Questions that were learned: what is measured on them says nothing.

Two conversations are the same where they say the same, turn by turn, but for upper and lower case,
blanks, characters that nobody sees, and the forms of Unicode (NFKC). Images count by their address.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from finetune_sdk.datasets.near import BREAK, NearDuplicates
from finetune_sdk.errors import DatasetError
from finetune_sdk.evaluation.examples import Example, Message, text_of

_NAMED = 10
_UNSEEN = "Cf"


def refuse(
    tests: Sequence[Example],
    learned: Sequence[Example],
    *,
    place: str,
    where: Callable[[int], str],
) -> None:
    """Refuses rows to measure on that were learned.

    One was, where the same conversation was learned, whatever the answer; or the same turns with
    the same answer under another system message, or within a longer conversation.

    Args:
        tests: rows to measure on.
        learned: rows that were learned from.
        place: what messages call the first.
        where: what they call a line of the second.

    Raises:
        DatasetError: names the rows.
    """
    known = _Known(learned)
    found = [(one.line, line) for one in tests if (line := known.line_of(one)) is not None]
    if not found:
        return
    named = ", ".join(f"{place}:{line} is {where(other)}" for line, other in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise DatasetError(
        f"{len(found)} of {len(tests)} rows to measure on ask what was learned: {named}{more}; "
        "take them out of the test data, or a model that knows them by heart looks good "
        "(`finetune data split` keeps such rows together)"
    )


class _Known:
    """What was learned, by what is asked."""

    def __init__(self, learned: Sequence[Example]) -> None:
        self._whole: dict[str, int] = {}
        self._answered: dict[tuple[str, str], int] = {}
        for one in learned:
            self._whole.setdefault(_folded(one.messages), one.line)
            for asked, answer in _steps(one):
                self._answered.setdefault((asked, _loose(answer)), one.line)

    def line_of(self, test: Example) -> int | None:
        """Where it was learned; None where it was not."""
        line = self._whole.get(_folded(test.messages))
        if line is not None or test.expected is None:
            return line
        return self._answered.get((turns(test), _loose(test.expected)))


def turns(example: Example) -> str:
    """What stands for the turns of a question, whatever the system says."""
    return _folded(example.turns)


def asks(example: Example) -> frozenset[str]:
    """What stands for each question that is answered in a row, as `turns` does."""
    return frozenset(asked for asked, _ in _steps(example))


def near(tests: Sequence[Example], learned: Sequence[Example]) -> list[tuple[int, int]]:
    """Rows that say nearly the same as one that was learned: their lines, and that one's."""
    known = {turns(one): one.line for one in reversed(learned)}
    seen, lines = NearDuplicates(), [one.line for one in learned]
    for number, one in enumerate(learned):
        seen.add(number, _text(one))
    found: list[tuple[int, int]] = []
    for one in tests:
        # Among each other the tests may be alike: each is compared, one after another.
        at = seen.add(len(lines), _text(one))
        other = known.get(turns(one))
        if other is None and at is not None and at < len(lines):
            other = lines[at]
        if other is not None:
            found.append((one.line, other))
    return found


def _steps(example: Example) -> Iterator[tuple[str, str]]:
    """Each answer of a row, behind the turns before it."""
    said = example.turns
    for place, turn in enumerate(said):
        if turn.get("role") == "assistant":
            yield _folded(said[:place]), text_of(turn)
    if example.expected is not None:
        yield _folded(said), example.expected


def _folded(messages: Sequence[Message]) -> str:
    return json.dumps([(str(one.get("role")), _loose(_said(one))) for one in messages])


def _said(message: Message) -> str:
    """All that a message says, images and calls included."""
    content = message.get("content")
    parts = cast("list[object]", content) if isinstance(content, list) else []
    more = [part for part in (*parts, message.get("tool_calls")) if part and not _is_text(part)]
    return text_of(message) + (json.dumps(more, sort_keys=True, default=str) if more else "")


def _is_text(part: object) -> bool:
    return isinstance(part, Mapping) and "text" in part


def _loose(text: str) -> str:
    seen = "".join(c for c in text if unicodedata.category(c) != _UNSEEN)
    return " ".join(unicodedata.normalize("NFKC", seen).casefold().split())


def _text(example: Example) -> str:
    return BREAK.join((*map(text_of, example.messages), example.expected or ""))
