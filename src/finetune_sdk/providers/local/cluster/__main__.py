"""The relay's process: `python -m finetune_sdk.providers.local.cluster <job folder>`."""

from __future__ import annotations

import sys
from pathlib import Path

from finetune_sdk.errors import FineTuneError
from finetune_sdk.providers.local.cluster.relay import Relay
from finetune_sdk.providers.local.jobs.folder import JobFolder


def main(path: Path) -> int:
    """Follows the job of a folder; gives the exit code."""
    folder = JobFolder(path)
    try:
        return Relay(folder).run()
    except FineTuneError as error:
        code = getattr(error, "code", None) or "cluster_not_usable"
        folder.write("failure", {"code": code, "message": str(error)})
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
