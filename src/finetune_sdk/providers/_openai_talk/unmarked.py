"""Which creates left without our mark: some servers take no `metadata`, and forget us by it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers._openai_talk.uploads import mark


@dataclass(frozen=True)
class Unmarked:
    """The keys of an account's unmarked creates, an empty file each.

    Written down before the create leaves, so that whoever looks for its job knows how to.

    Attributes:
        folder: of this account; it may not exist yet.
    """

    folder: Path

    def add(self, key: str) -> None:
        """Notes a key.

        Raises:
            ConfigurationError: the state folder cannot be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path(key).touch()
        except OSError as error:
            raise ConfigurationError(
                "the server takes no `metadata`, and that cannot be noted in "
                f"{str(self.folder)!r}: {error.strerror}; no job was made. Set FINETUNE_HOME to a "
                "folder that you may write to"
            ) from None

    def __contains__(self, key: str) -> bool:
        return self._path(key).exists()

    def _path(self, key: str) -> Path:
        return self.folder / mark(key)
