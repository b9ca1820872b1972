"""What is said on a Space's page: the one thing that outlives its container.

AutoTrain opens a discussion when it has ended, by these titles (autotrain-advanced 0.8.36,
`trainers/common.py`); our program in the Space does the same, and puts the end of the log into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport import redact

SUCCEEDED = "Your training has finished successfully ✅"
FAILED = "Your training has failed ❌"
CANCELLED = "Your training was cancelled"
_BEGIN, _FENCE = "Your training", "````"
_OVERTIME = "ended at its timeout"
_LOOKED_AT = 20
_KEPT = 30_000
"""Characters of a log that are said."""


@dataclass(frozen=True)
class Note:
    """One thing that was said.

    Attributes:
        title: tells how the job ended.
        at: when.
        words: in front of the log.
        log: its end, oldest line first.
    """

    title: str
    at: datetime | None
    words: str
    log: tuple[str, ...]

    @property
    def overtime(self) -> bool:
        """The job was ended at its timeout."""
        return _OVERTIME in self.words


class Notes:
    """What is said on the pages of Spaces."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def newest(self, space: str) -> Note | None:
        """The last thing that was said of how a job ended; None where nothing was."""
        found: Any = self._hub.find(
            lambda api: _newest(api, space), what=f"the discussions of the Space {space!r}"
        )
        if found is None:
            return None
        words, _, rest = _text(found).partition(_FENCE)
        secret = self._hub.credential.get(NAME)
        log = redact(rest.partition(_FENCE)[0], secret).strip("\n").splitlines()
        return Note(str(found.title), found.created_at, words.strip(), tuple(log))

    def say(self, space: str, title: str, words: str, log: Sequence[str] = ()) -> None:
        """Says how a job ended, where nobody has said it: the first ending counts.

        Raises:
            PermissionDeniedError: the token may not.
        """
        if self.newest(space) is not None:
            return
        if log:
            tail = "\n".join(log)[-_KEPT:]
            words = f"{words}\n\n{_FENCE}\n{tail}\n{_FENCE}\n"
        self._hub.ask(
            "put",
            lambda api: api.create_discussion(
                space, title=title, description=words, repo_type="space"
            ),
            what=f"the discussions of the Space {space!r}",
        )


def _newest(api: Any, space: str) -> Any:
    listed = api.get_repo_discussions(space, repo_type="space")
    about = [one for _, one in zip(range(_LOOKED_AT), listed, strict=False)]
    ours = [one for one in about if str(one.title).startswith(_BEGIN)]
    if not ours:
        return None
    last = max(ours, key=lambda one: one.num)
    return api.get_discussion_details(space, last.num, repo_type="space")


def _text(found: Any) -> str:
    texts = (getattr(event, "content", None) for event in found.events or ())
    return next((str(text) for text in texts if text), "")
