"""A checkpoint to another resource: a preview of Azure's, on a way of its own."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers._openai_talk import Talk
from finetune_sdk.providers._openai_wire.requests import JOBS, Request, segment
from finetune_sdk.providers._openai_wire.values import Table, text
from finetune_sdk.types import Checkpoint

_PREVIEW = {"aoai-copy-ft-checkpoints": "preview"}


@dataclass(frozen=True)
class CheckpointCopy:
    """A checkpoint on its way to another resource.

    Attributes:
        model: what is deployed there.
        status: the service's own word.
    """

    model: str
    status: str | None


def start(talk: Talk, checkpoint: Checkpoint, destination: str, region: str) -> CheckpointCopy:
    """Asks for a copy; asking twice makes one.

    Raises:
        ConfigurationError: the destination is no resource.
        ProviderError: it was refused.
    """
    if not destination.startswith("/subscriptions/") or "/accounts/" not in destination:
        raise ConfigurationError(
            f"`destination` is {destination!r:.120}; it takes the id of a resource, such as "
            "'/subscriptions/.../providers/Microsoft.CognitiveServices/accounts/NAME'"
        )
    body = {"destinationResourceId": destination, "region": region}
    request = Request(
        use="put", method="POST", path=_place(checkpoint), body=body, headers=_PREVIEW
    )
    return _copy(talk.ask(request), checkpoint)


def look(talk: Talk, checkpoint: Checkpoint) -> CheckpointCopy:
    """The copy as it stands."""
    request = Request(use="read", method="GET", path=_place(checkpoint), headers=_PREVIEW)
    return _copy(talk.ask(request), checkpoint)


def _place(checkpoint: Checkpoint) -> str:
    return f"{JOBS}/{segment(checkpoint.job_id)}/checkpoints/{segment(checkpoint.id)}/copy"


def _copy(answer: Table, checkpoint: Checkpoint) -> CheckpointCopy:
    model = text(answer.get("checkpointedModelName")) or checkpoint.model
    return CheckpointCopy(model, text(answer.get("status")))
