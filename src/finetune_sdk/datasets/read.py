"""From a line's bytes to a row, and from a row to the one line that stands for it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

import msgspec

from finetune_sdk.datasets.faults import Fault, clean, shown, step
from finetune_sdk.datasets.lines import BLANKS, MAX_LINE, TOO_LONG, Line

Row = dict[str, object]

MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark."""

_BOM = Fault("byte_order_mark", "", "the line starts with a UTF-8 byte order mark (EF BB BF)")
_DEEP = Fault("not_json", "", "values are nested too deeply to be read")

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Record:
    """What one line turned out to be.

    Attributes:
        line: its number, from 1.
        row: None where there is none to look at.
        faults: why it cannot be used, or what is odd about the line.
    """

    line: int
    row: Row | None
    faults: tuple[Fault, ...] = ()

    @property
    def blank(self) -> bool:
        """The line holds nothing, not even a bad row."""
        return self.row is None and self.faults[0] in BLANKS


def examine(number: int, line: Line) -> Record:
    """Reads one line. Whatever is wrong with it becomes a fault, never an exception."""
    if isinstance(line, Fault):
        return Record(number, None, (line,))
    if line.startswith(MARK):
        rest = examine(number, line[len(MARK) :])
        return Record(number, rest.row, (_BOM, *rest.faults))
    value, faults = _parse(line)
    if isinstance(value, dict):
        return Record(number, cast("Row", value), faults)
    if not faults:
        faults = (Fault("not_an_object", "", f"the row is {shown(value)}, no object"),)
    return Record(number, None, faults)


def encode(row: Row) -> bytes:
    """The line that stands for `row`: compact UTF-8, keys in their order."""
    return msgspec.json.encode(row)


def fingerprint(row: Row) -> bytes:
    """Eight bytes that are the same for the same row, whatever the order of its keys."""
    return blake2b(msgspec.json.encode(row, order="sorted"), digest_size=8).digest()


def line_of(row: object) -> Line:
    """A row from memory as a line, so that it is judged like one of a file.

    The standard library's encoder, since the faster one turns NaN into null and dates into text
    without a word.
    """
    try:
        line = _dump(row)
    except RecursionError:
        return _DEEP
    except (TypeError, ValueError) as error:
        return Fault("not_json", "", clean(f"the row holds what JSON cannot: {error}"))
    return TOO_LONG if len(line) > MAX_LINE else line


def _dump(row: object) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, default=_plain).encode()
    except UnicodeEncodeError:
        # A lone surrogate: as an escape it can be written, and found by whoever reads.
        return json.dumps(row, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    raise TypeError(f"a value of type {type(value).__name__}")


def _parse(line: bytes) -> tuple[object, tuple[Fault, ...]]:
    try:
        return _decode(line), ()
    except RecursionError:
        return None, (_DEEP,)
    except UnicodeDecodeError as error:
        return None, (_not_utf8(line) or _not_json(error),)
    except msgspec.DecodeError as error:
        if fault := _not_utf8(line):
            return None, (fault,)
        return _parse_loosely(line, error)


def _parse_loosely(line: bytes, error: msgspec.DecodeError) -> tuple[object, tuple[Fault, ...]]:
    """Looks again with the parser that lets lone surrogates and NaN pass, to name their place."""
    try:
        value: object = json.loads(line.decode())
        faults = tuple(_unencodable(value))
    except (ValueError, RecursionError):
        return None, (_not_json(error),)
    return (value, faults) if faults else (None, (_not_json(error),))


def _not_json(error: Exception) -> Fault:
    return Fault("not_json", "", f"the line is no JSON: {clean(str(error))}")


def _not_utf8(line: bytes) -> Fault | None:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1} of the line is 0x{line[error.start]:02x}"
        return Fault("not_utf8", "", f"the line is no UTF-8 text: {place}")
    return None


def _unencodable(value: object) -> Iterator[Fault]:
    # With a stack of its own: a row may be nested as deep as Python allows.
    stack = [("", value)]
    while stack:
        pointer, item = stack.pop()
        if isinstance(item, dict):
            entries = cast("Row", item)
            stack += [(step(pointer, key), entries[key]) for key in reversed(entries)]
            yield from (_lone(step(pointer, key)) for key in entries if _is_lone(key))
        elif isinstance(item, list):
            items = cast("list[object]", item)
            stack += [(f"{pointer}/{i}", items[i]) for i in reversed(range(len(items)))]
        elif isinstance(item, str) and _is_lone(item):
            yield _lone(pointer)
        elif isinstance(item, float) and not math.isfinite(item):
            yield Fault("not_finite", pointer, f"{item} is no JSON number")


def _lone(pointer: str) -> Fault:
    return Fault("lone_surrogate", pointer, "the text holds half of a surrogate pair")


def _is_lone(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
