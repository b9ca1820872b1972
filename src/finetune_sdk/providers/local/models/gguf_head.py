"""What the head of a GGUF file says: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.

The package `gguf` takes seconds for it, as it makes an object of every word of the vocabulary.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value, by the number of its type."""


@dataclass(frozen=True)
class Head:
    """What is told of the weights that follow.

    Attributes:
        parameters: numbers in them.
    """

    parameters: int
    licence: str | None


def read(path: Path) -> Head:
    """Reads the head.

    Raises:
        ValueError: it is no GGUF file, or not all of it.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _Reader(file.read(_LARGEST)).head()


_LARGEST = 2**25
"""Bytes of a head at most; that of a vocabulary of 50,000 words has 2 million."""


class _Reader:
    """Goes through the bytes of a head."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def head(self) -> Head:
        if self._data[:4] != _MAGIC:
            raise ValueError("it does not begin as a GGUF file does")
        self._at = 8
        try:
            tensors, values = self._whole(8), self._whole(8)
            said = [self._pair() for _ in range(values)]
            parameters = sum(self._tensor() for _ in range(tensors))
        except (struct.error, KeyError) as error:
            raise ValueError("its head cannot be read to its end") from error
        licence = next((value for key, value in said if key == b"general.license"), None)
        return Head(parameters, licence.decode(errors="replace") if licence else None)

    def _whole(self, size: int) -> int:
        (value,) = struct.unpack_from("<Q" if size == 8 else "<I", self._data, self._at)
        self._at += size
        return int(value)

    def _text(self) -> bytes:
        length = self._whole(8)
        self._at += length
        return self._data[self._at - length : self._at]

    def _pair(self) -> tuple[bytes, bytes | None]:
        """A word and what it says, where that is a text."""
        return self._text(), self._value(self._whole(4))

    def _value(self, kind: int) -> bytes | None:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            self._array(self._whole(4), self._whole(8))
        else:
            self._at += _SIZES[kind]
        return None

    def _array(self, kind: int, count: int) -> None:
        if kind in _SIZES:
            self._at += _SIZES[kind] * count
            return
        for _ in range(count):
            self._value(kind)

    def _tensor(self) -> int:
        """The numbers in one tensor."""
        self._text()
        sizes = [self._whole(8) for _ in range(self._whole(4))]
        self._at += 4 + 8
        return math.prod(sizes)
