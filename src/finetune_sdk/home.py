"""The state folder: where what must outlive a process lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def state_folder(home: str | Path | None, environ: Mapping[str, str]) -> Path:
    """The folder that the caller names, else `$FINETUNE_HOME`, else the platform's data folder."""
    named = home or environ.get("FINETUNE_HOME")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("finetune")
