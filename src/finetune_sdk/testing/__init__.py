"""What users import in their tests.

from finetune_sdk.testing import FakeProvider

client = FineTuneClient(FakeProvider())
"""

from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.testing.conformance import ProviderConformance
from finetune_sdk.testing.fake import FakeProvider, RecordedCall
from finetune_sdk.testing.script import JobScript

__all__ = ["FakeProvider", "JobScript", "ProviderConformance", "RecordedCall", "VirtualClock"]
