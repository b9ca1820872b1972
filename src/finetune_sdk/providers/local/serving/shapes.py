"""What a piece of JSON is."""

from __future__ import annotations

from typing import cast


def object_of(value: object) -> dict[str, object] | None:
    """`value` as an object; None where it is something else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def list_of(value: object) -> list[object] | None:
    """`value` as a list; None where it is something else."""
    return cast("list[object]", value) if isinstance(value, list) else None
