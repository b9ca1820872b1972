"""What the Hub tells of a repository. The package hands on whatever type the answer had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, cast

from finetune_sdk.errors import ResponseDecodeError
from finetune_sdk.providers.autotrain.settings import NAME


def names(info: Any) -> list[str]:
    """The files in it."""
    return [str(one.rfilename) for one in info.siblings or ()]


def sizes(info: Any) -> dict[str, int]:
    """The bytes of each of its files, where they are told."""
    return {str(one.rfilename): whole(one.size) or 0 for one in info.siblings or ()}


def check_names(repo: str, names: Iterable[str]) -> None:
    """Before files are written under their names.

    Raises:
        ResponseDecodeError: one of them leads out of the folder.
    """
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not name:
            raise ResponseDecodeError(
                f"{NAME}: the repository {repo!r} has a file {name!r:.100}, whose name leads out "
                "of any folder; nothing was downloaded",
                provider=NAME,
                retryable=False,
            )


def card(info: Any) -> Mapping[str, object]:
    """What its card says for programs."""
    found: Any = info.card_data
    told: object = found.to_dict() if hasattr(found, "to_dict") else None
    return cast("Mapping[str, object]", told) if isinstance(told, dict) else {}


_MOST = 2**60
_SHOWN = 40


def whole(value: object) -> int | None:
    """A count; None for all else."""
    return value if isinstance(value, int) and 0 <= value < _MOST else None


def told(names: Iterable[object]) -> str:
    """Names that the Hub gave, for a message: whatever it gave, that stays short."""
    every = list(names)
    rest = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(f"{one!r:.80}" for one in every[:_SHOWN]) + rest
