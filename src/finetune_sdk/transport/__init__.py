"""What every talk with a provider shares: time, secrets, and one policy for what fails.

clock      the clock that waiting goes by
redaction  what is never told                    credentials  a key that shows up nowhere
hosts      which hosts are this machine          addresses    what a key may be sent to
deadlines  how long a whole call may take        statuses     what an answer's status says
waits      how long a server asks to wait        losses       which requests have not left
policy     which failures are tried again, when, and how often
service    all of it together, for a service that is asked in JSON

What somebody else's provider needs is named here. All but the first two is loaded on first use:
`policy` loads `tenacity`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from finetune_sdk.transport.clock import SYSTEM_CLOCK, Clock, SystemClock
from finetune_sdk.transport.redaction import KEYS, redact

if TYPE_CHECKING:
    from finetune_sdk.transport.addresses import address
    from finetune_sdk.transport.credentials import Credential
    from finetune_sdk.transport.deadlines import CALL_SECONDS, Deadline, upload_seconds
    from finetune_sdk.transport.policy import Policy, Use
    from finetune_sdk.transport.service import Answer, Attempt, Fault, Request, Service

__all__ = [
    "CALL_SECONDS",
    "KEYS",
    "SYSTEM_CLOCK",
    "Answer",
    "Attempt",
    "Clock",
    "Credential",
    "Deadline",
    "Fault",
    "Policy",
    "Request",
    "Service",
    "SystemClock",
    "Use",
    "address",
    "redact",
    "upload_seconds",
]

_ROOMS = {
    "addresses": ("address",),
    "credentials": ("Credential",),
    "deadlines": ("CALL_SECONDS", "Deadline", "upload_seconds"),
    "policy": ("Policy", "Use"),
    "service": ("Answer", "Attempt", "Fault", "Request", "Service"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value
