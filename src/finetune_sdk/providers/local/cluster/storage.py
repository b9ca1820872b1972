"""The storage that this machine and a cluster both see: a path, or a URL that `fsspec` knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, wraps
from importlib import import_module
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from finetune_sdk.errors import ConfigurationError, MissingDependencyError

P = ParamSpec("P")
T = TypeVar("T")

_BLOCK = 8 * 2**20

Heed = Callable[[], None]
"""Called between two blocks of a long copy; what it raises ends the copy."""


def _nothing() -> None:
    """Nobody waits for anything else meanwhile."""


def _answering(act: Callable[P, T]) -> Callable[P, T]:
    """Makes what a library of a storage raises an `OSError`: that of S3, for one, is none."""

    @wraps(act)
    def told(*given: P.args, **named: P.kwargs) -> T:
        try:
            return act(*given, **named)
        except Exception as error:
            if type(error).__module__.partition(".")[0] in ("__main__", "builtins", "finetune_sdk"):
                raise
            raise OSError(f"{type(error).__name__}: {error}") from error

    return told


@dataclass(frozen=True)
class Storage:
    """A folder there; names in it are relative, with `/`.

    Every verb raises `OSError` where the storage does not answer or refuses.

    Attributes:
        place: the path or URL.
    """

    place: str

    def inside(self, name: str) -> Storage:
        """A folder in it."""
        return Storage(f"{self.place.rstrip('/')}/{name}")

    @_answering
    def read(self, name: str, start: int = 0) -> bytes | None:
        """The content from a byte on; None where there is no such file."""
        try:
            # To ask S3 for what lies behind the end is an error.
            if start and self._size(name) <= start:
                return b""
            return bytes(self._system.cat_file(self._path(name), start=start or None))
        except FileNotFoundError:
            return None

    def read_json(self, name: str) -> dict[str, object] | None:
        """The object in a file; None where there is none, or where it is just being written."""
        content = self.read(name)
        with suppress(ValueError):
            value: object = json.loads(content or b"null")
            if isinstance(value, dict):
                return cast("dict[str, object]", value)
        return None

    @_answering
    def write(self, name: str, content: bytes) -> None:
        """Replaces a file."""
        self._make_folder_of(name)
        self._system.pipe_file(self._path(name), content)

    def write_json(self, name: str, value: object) -> None:
        """Replaces a file with a value as JSON."""
        self.write(name, json.dumps(value, ensure_ascii=False, allow_nan=False).encode())

    @_answering
    def put(self, source: Path, name: str, heed: Heed = _nothing) -> None:
        """Copies a file there."""
        self._make_folder_of(name)
        with source.open("rb") as ours, self._system.open(self._path(name), "wb") as theirs:
            _pour(ours, theirs, heed)

    @_answering
    def get(self, name: str, target: Path, heed: Heed = _nothing) -> None:
        """Copies a file from there."""
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._system.open(self._path(name), "rb") as theirs, target.open("wb") as ours:
            _pour(theirs, ours, heed)

    @_answering
    def sizes(self, name: str) -> dict[str, int]:
        """All files below a folder, by their names from there, with their bytes."""
        root = self._path(name).rstrip("/") + "/"
        self._system.invalidate_cache()
        found = self._system.find(root, detail=True)
        return {
            str(path).partition(root)[2]: int(about["size"] or 0) for path, about in found.items()
        }

    @_answering
    def size(self, name: str) -> int | None:
        """The bytes of a file; None where there is none."""
        try:
            return self._size(name)
        except FileNotFoundError:
            return None

    @_answering
    def names(self, name: str) -> list[str]:
        """What lies in a folder, by its last name."""
        self._system.invalidate_cache()
        try:
            found = self._system.ls(self._path(name), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [str(path).rstrip("/").rpartition("/")[2] for path in found]

    @_answering
    def remove(self, name: str) -> None:
        """Deletes a file or a folder; one that is gone is no error."""
        with suppress(FileNotFoundError):
            self._system.rm(self._path(name), recursive=True)

    def _size(self, name: str) -> int:
        self._system.invalidate_cache()
        return int(self._system.info(self._path(name))["size"])

    def _make_folder_of(self, name: str) -> None:
        self._system.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        try:
            core = import_module("fsspec.core")
        except ImportError:
            raise MissingDependencyError("fsspec", "ray") from None
        try:
            system, root = core.url_to_fs(self.place)
        except (ImportError, ValueError) as error:
            raise ConfigurationError(
                f"the storage {self.place!r} cannot be opened: {error}; name a folder that the "
                "cluster sees too, or a URL that fsspec knows, such as 's3://bucket/folder'"
            ) from None
        return system, str(root).rstrip("/")

    @property
    def _system(self) -> Any:
        return self._opened[0]

    @property
    def _root(self) -> str:
        return str(self._opened[1])


def _pour(source: Any, target: Any, heed: Heed) -> None:
    while block := source.read(_BLOCK):
        heed()
        target.write(block)
