"""Names of projects."""

from __future__ import annotations

import re
from hashlib import sha256

_LONGEST = 50
_MARK = 10


def project_name(suffix: str | None, model: str, key: str) -> str:
    """A name by AutoTrain's rule and the Hub's; the same words give the same name.

    Args:
        suffix: the caller's word for it; the model's name stands in.
        model: on the Hub.
        key: the idempotency key, which makes the name unlike others.
    """
    mark = sha256(key.encode()).hexdigest()[:_MARK]
    word = _plain(suffix or "") or _plain(model.rpartition("/")[2]) or "model"
    # A hyphen at the cut would make two, which the Hub refuses.
    return f"{word[: _LONGEST - _MARK - 1].rstrip('-')}-{mark}"


def _plain(word: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", word).strip("-")
