"""Records of deployments in the state folder, a file each."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types import Deployment


@dataclass(frozen=True)
class Records:
    """The deployments that this machine knows of.

    Attributes:
        folder: of one account; it may not exist yet.
    """

    folder: Path

    def read(self, name: str) -> Deployment | None:
        """The record of that name; None where there is none.

        Raises:
            ConfigurationError: what lies there is none.
        """
        return self._read(self._path(name))

    def all(self) -> Iterator[Deployment]:
        """Every record."""
        for path in self.folder.glob("*.json") if self.folder.is_dir() else ():
            found = self._read(path)
            if found is not None:
                yield found

    def write(self, made: Deployment) -> None:
        """Writes a record in one step.

        Raises:
            ConfigurationError: the state folder cannot be written to.
        """
        part = self.folder / f".{secrets.token_hex(8)}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("x", encoding="utf-8") as file:
                file.write(made.model_dump_json(indent=2, exclude_none=True))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path(made.name))
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise ConfigurationError(
                f"the record of the deployment cannot be written to {str(self.folder)!r}: "
                f"{error.strerror}; set FINETUNE_HOME to a folder that you may write to"
            ) from None

    def remove(self, name: str) -> None:
        """Removes a record, where there is one."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _read(self, path: Path) -> Deployment | None:
        try:
            return Deployment.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise ConfigurationError(
                f"{str(path)!r} is no record of a deployment any more ({type(error).__name__}); "
                "remove it, and create the deployment again: nothing is lost"
            ) from None
