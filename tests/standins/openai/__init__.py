"""OpenAI's service of fine-tuning as a state machine, on loopback or in-process.

    with OpenAIService() as service:
        client = openai.OpenAI(api_key=service.key, base_url=service.url)

Jobs go by its clock and by their `JobCourse`; a `Fault` is what goes wrong.
"""

from tests.standins.openai.actions import (
    Action,
    CutBody,
    Delay,
    Drip,
    DripHeaders,
    DropAfter,
    DropBefore,
    Edit,
    Garble,
    Hang,
    IgnoreAfter,
    IgnoreMetadata,
    Lag,
    Redirect,
    Refuse,
    Reply,
)
from tests.standins.openai.course import JobCourse
from tests.standins.openai.faults import Fault, Faults
from tests.standins.openai.job import StoredJob
from tests.standins.openai.service import OpenAIService
from tests.standins.openai.state import TRUTH, StoredFile, StoredModel, StoredUpload
from tests.standins.openai.wire import Answer, Recorded, error

__all__ = [
    "TRUTH",
    "Action",
    "Answer",
    "CutBody",
    "Delay",
    "Drip",
    "DripHeaders",
    "DropAfter",
    "DropBefore",
    "Edit",
    "Fault",
    "Faults",
    "Garble",
    "Hang",
    "IgnoreAfter",
    "IgnoreMetadata",
    "JobCourse",
    "Lag",
    "OpenAIService",
    "Recorded",
    "Redirect",
    "Refuse",
    "Reply",
    "StoredFile",
    "StoredJob",
    "StoredModel",
    "StoredUpload",
    "error",
]
