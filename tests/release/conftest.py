"""One build of what would be released."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.release.building import Built, build

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist of this tree, and the wheel of that sdist. Nobody writes into their folder.

    $FINETUNE_DIST names the folder of files that were built before: those of a release.
    """
    if ready := os.environ.get("FINETUNE_DIST"):
        return Built.of(Path(ready))
    return build(ROOT, tmp_path_factory.mktemp("dist"))
