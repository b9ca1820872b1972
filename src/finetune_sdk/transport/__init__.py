"""What every talk with a provider shares: time, secrets, and one policy for what fails.

clock      the clock that waiting goes by
redaction  what is never told                    credentials  a key that shows up nowhere
hosts      which hosts are this machine          addresses    what a key may be sent to
deadlines  how long a whole call may take
waits      how long a server asks to wait        losses       which requests have not left
policy     which failures are tried again, when, and how often

The first two are named here; `policy` loads `tenacity` and is imported where it is needed.
"""

from __future__ import annotations

from finetune_sdk.transport.clock import SYSTEM_CLOCK, Clock, SystemClock
from finetune_sdk.transport.redaction import KEYS, redact

__all__ = ["KEYS", "SYSTEM_CLOCK", "Clock", "SystemClock", "redact"]
