"""The Hugging Face Hub as a state machine on loopback: accounts, repos, Jobs, and more rooms.

    with Hub(clock) as hub:
        api = huggingface_hub.HfApi(endpoint=hub.url, token=hub.token)

Jobs go by the clock and their `JobCourse`. Where `hub.images` knows their image, they really run,
in a process group of this machine. A `Fault` of the stand-in of OpenAI is what goes wrong, on any
path; `broken` words a refusal as the Hub does. Whoever adds a room gives `Hub` its routes.
"""

from tests.standins.hub.accounts import Account
from tests.standins.hub.flavors import FLAVORS, Flavor
from tests.standins.hub.hub import Hub
from tests.standins.hub.job import JobCourse, JobRecord
from tests.standins.hub.repo import Commit, StoredRepo
from tests.standins.hub.routes import (
    Call,
    Handler,
    RefusedError,
    Room,
    Route,
    answer,
    broken,
    refuse,
    sse,
)
from tests.standins.hub.running import Image

__all__ = [
    "FLAVORS",
    "Account",
    "Call",
    "Commit",
    "Flavor",
    "Handler",
    "Hub",
    "Image",
    "JobCourse",
    "JobRecord",
    "RefusedError",
    "Room",
    "Route",
    "StoredRepo",
    "answer",
    "broken",
    "refuse",
    "sse",
]
