"""What users import in their tests.

    from finetune_sdk.testing import FakeProvider

    client = FineTuneClient(FakeProvider())

The conformance suite needs pytest and is loaded on first use; the fake needs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.testing.fake import FakeProvider, RecordedCall
from finetune_sdk.testing.script import JobScript

if TYPE_CHECKING:
    from finetune_sdk.testing.conformance import ProviderConformance

__all__ = ["FakeProvider", "JobScript", "ProviderConformance", "RecordedCall", "VirtualClock"]


def __getattr__(name: str) -> object:
    if name != "ProviderConformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from finetune_sdk.testing.conformance import ProviderConformance

    return ProviderConformance
