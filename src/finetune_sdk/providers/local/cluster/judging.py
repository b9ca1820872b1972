"""Why a submission ended whose trainer has not said it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, NamedTuple

from finetune_sdk import __version__
from finetune_sdk.providers.local.cluster.api import Submission
from finetune_sdk.providers.local.cluster.orders import MARK

_LOST = frozenset(
    {
        "JOB_SUPERVISOR_ACTOR_DIED",
        "JOB_SUPERVISOR_ACTOR_START_FAILURE",
        "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE",
        "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE",
    }
)
"""Ray's words for an end that says nothing against the job: a node is gone, or what ran on it."""

_NO_ROOM = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"
"""Ray's word for a job that has waited for 15 minutes."""

_KILLED = frozenset({-9, 137})
_ABSENT = ("No module named 'finetune_sdk'", "No module named finetune_sdk")
_SHOWN = 1000


class Fault(NamedTuple):
    """Why it ended.

    Attributes:
        then: what comes of it: `lost` goes on elsewhere, `waits` is just submitted anew.
    """

    code: str
    message: str
    then: Literal["fails", "lost", "waits"] = "fails"


def fault(found: Submission | None, ended: Mapping[str, object] | None = None) -> Fault:
    """What Ray's own words say of an end.

    Args:
        found: as Ray tells it; None where Ray does not know it any more.
        ended: what the seat wrote last, where it came so far.
    """
    if ended is not None and ended.get("paused"):
        return Fault("paused", "it was paused there, and goes on now", "waits")
    if found is None:
        return Fault("cluster_lost", "the cluster does not know the job any more", "lost")
    if found.kind == _NO_ROOM:
        words = "the cluster had no room for it in 15 minutes; it is submitted again, and waits on"
        return Fault("no_room", words, "waits")
    if found.word == "STOPPED" or ended is not None:
        words = "somebody stopped it on the cluster, and it was not `jobs.cancel` or `jobs.pause`"
        return Fault("trainer_ended_from_outside", words)
    if found.kind in _LOST or found.code in _KILLED:
        return Fault("cluster_lost", f"the cluster lost what it ran on ({_first(found)})", "lost")
    return _spoken(found) or _absent(found) or _other(found)


def _spoken(found: Submission) -> Fault | None:
    for line in reversed(found.message.splitlines()):
        _, mark, rest = line.partition(MARK)
        if mark:
            told = json.loads(rest)
            lost = told["code"] == "cluster_lost"
            return Fault(told["code"], told["message"], "lost" if lost else "fails")
    return None


def _absent(found: Submission) -> Fault | None:
    if not any(words in found.message for words in _ABSENT):
        return None
    return Fault(
        "finetune_sdk_missing",
        "this package is not installed where the cluster runs the job; install it on all nodes: "
        f'`pip install "finetune-anywhere[local,ray]=={__version__}"`',
    )


def _other(found: Submission) -> Fault:
    words = found.message.strip()[-_SHOWN:]
    return Fault(
        "cluster_program_failed",
        f"the cluster could not run the job ({found.kind or found.word}): {words}",
    )


def _first(found: Submission) -> str:
    return next(iter(found.message.splitlines()), found.word)[:200]
