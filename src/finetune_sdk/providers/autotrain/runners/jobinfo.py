"""What HF Jobs tells of a job. The package hands on whatever type the answer had."""

from __future__ import annotations

from typing import Any, cast


def sound(info: Any) -> Any:
    """The same, where what we read of it has the types that it should.

    Raises:
        ValueError: it has not.
    """
    ran = getattr(info.durations, "running_secs", None)
    read: tuple[tuple[str, object, Any], ...] = (
        ("id", info.id or None, str),
        ("environment", info.environment or {}, dict),
        ("message", info.status.message or "", str),
        ("durations", ran or 0, int | float),
    )
    for word, value, kinds in read:
        if not isinstance(value, kinds):
            raise ValueError(f"a job's `{word}` is {value!r:.40}")  # noqa: TRY004 - of an answer
    return info


def labels(info: Any) -> dict[str, object]:
    """Its labels, by their names; others give theirs what they like."""
    found: object = info.labels
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}
