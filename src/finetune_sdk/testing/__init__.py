"""What users import in their tests.

    from finetune_sdk.testing import FakeProvider

    client = FineTuneClient(FakeProvider())

The names are loaded on first use: pytest loads `plugin` at each start, needed or not. The
conformance suite needs pytest; nothing else does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finetune_sdk.testing.clock import VirtualClock
    from finetune_sdk.testing.conformance import ProviderConformance
    from finetune_sdk.testing.fake import FakeProvider
    from finetune_sdk.testing.instead import Faking, faking
    from finetune_sdk.testing.records import Calls, RecordedCall
    from finetune_sdk.testing.script import DeploymentScript, JobScript

_ROOMS = {
    "Calls": "records",
    "DeploymentScript": "script",
    "FakeProvider": "fake",
    "Faking": "instead",
    "JobScript": "script",
    "ProviderConformance": "conformance",
    "RecordedCall": "records",
    "VirtualClock": "clock",
    "faking": "instead",
}

__all__ = [
    "Calls",
    "DeploymentScript",
    "FakeProvider",
    "Faking",
    "JobScript",
    "ProviderConformance",
    "RecordedCall",
    "VirtualClock",
    "faking",
]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"finetune_sdk.testing.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
