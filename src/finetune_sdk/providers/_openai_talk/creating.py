"""The step that spends: what was refused, made nothing and can be mended is sent once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from finetune_sdk.errors import InvalidRequestError
from finetune_sdk.providers._openai_talk.talk import Talk
from finetune_sdk.providers._openai_wire import requests
from finetune_sdk.providers._openai_wire.failures import NO_METADATA, NOT_READY
from finetune_sdk.providers._openai_wire.values import Table
from finetune_sdk.transport import Clock

_TRIES = 5
_PAUSE = 5.0

_FOUND_BY_FILE = "the server takes no `metadata`; it was left out, the job is found by its file"


def create(
    talk: Talk,
    body: Callable[[bool], Mapping[str, object]],
    *,
    clock: Clock,
    unmarking: Callable[[], None],
) -> tuple[Table, tuple[str, ...]]:
    """The service's answer to a create, and what the caller should know of it.

    Args:
        body: makes the request's; with our mark, or without it.
        unmarking: is called before one without it leaves.

    Raises:
        FineTuneError: it was refused, or its answer is lost.
    """
    try:
        return _once_ready(talk, body(True), clock), ()
    except InvalidRequestError as error:
        if error.code != NO_METADATA:
            raise
    # Not created, and not for want of anything that shapes the model.
    unmarking()
    return _once_ready(talk, body(False), clock), (_FOUND_BY_FILE,)


def _once_ready(talk: Talk, body: Mapping[str, object], clock: Clock) -> Table:
    request = requests.create_job(body)
    for _ in range(_TRIES - 1):
        try:
            return talk.ask(request)
        except InvalidRequestError as error:
            if error.code != NOT_READY:
                raise
        # Not created. The file says that it is ready and the job does not see it yet.
        clock.sleep(_PAUSE)
    return talk.ask(request)
