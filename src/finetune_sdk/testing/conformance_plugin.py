"""The plugin of pytest for `finetune_sdk.testing.ProviderConformance`.

    pytest --finetune-conformance-report=report.md

It is loaded with every run of pytest where the package is installed, and so loads nothing itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_OPTION = "finetune_conformance_report"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("finetune-anywhere").addoption(
        "--finetune-conformance-report",
        dest=_OPTION,
        type=Path,
        metavar="PATH",
        help="write what came of the laws of ProviderConformance to this file, as Markdown",
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    if "finetune_sdk.testing.conformance" in sys.modules:
        from finetune_sdk.testing.conformance import guard

        guard.register(session.config)


def pytest_configure(config: pytest.Config) -> None:
    path: Path | None = config.getoption(_OPTION)
    # A worker of xdist tells its controller, which writes for all.
    if path is None or hasattr(config, "workerinput"):
        return
    from finetune_sdk.testing.conformance.report import Reporter

    config.pluginmanager.register(Reporter(path))
