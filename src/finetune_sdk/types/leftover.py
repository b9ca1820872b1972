"""What lies on the disk and could be deleted."""

from __future__ import annotations

from finetune_sdk.types._base import Value


class Leftover(Value):
    """Files that a provider keeps on this machine, and that nobody needs.

    Attributes:
        kind: what it is, in a word or two: `dataset file`, `checkpoints`, `merged copy`.
        words: whose it is, and what is lost with it.
        path: file or folder.
        bytes: size on disk.
        regenerated: it is made anew when it is needed; only time is lost.
    """

    kind: str
    words: str
    path: str
    bytes: int
    regenerated: bool
