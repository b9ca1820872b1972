"""The state folder: where what must outlive a process lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from finetune_sdk.errors import ConfigurationError


def state_folder(home: str | Path | None, environ: Mapping[str, str]) -> Path:
    """The folder that the caller names, else `$FINETUNE_HOME`, else the platform's data folder."""
    named = home or environ.get("FINETUNE_HOME")
    if named:
        try:
            return Path(named).expanduser().absolute()
        except (RuntimeError, TypeError) as error:
            raise ConfigurationError(f"the state folder {named!r:.80} is none: {error}") from None
    import platformdirs

    return platformdirs.user_data_path("finetune")
