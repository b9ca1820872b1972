"""The licence of a model, as its own files say. What they do not say is not known."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import cast

from finetune_sdk.providers.local import files

NOTE = "licence.json"
"""Written beside weights that were converted: the licence that the source names, and where."""

UNKNOWN = "unknown: the model's files name none; look where you have it from"

_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")
_LONGEST = 2**20


def of(folder: Path) -> str:
    """The licence, and the file that says so."""
    return _noted(folder) or _card(folder / "README.md") or _text(folder) or UNKNOWN


def note(folder: Path, licence: str, source: str) -> None:
    """Keeps what the source of converted weights says of their licence."""
    text = json.dumps({"licence": licence, "source": source})
    (folder / NOTE).write_text(text, encoding="utf-8")


def _noted(folder: Path) -> str | None:
    with suppress(ValueError, OSError):
        noted = files.read_json(folder / NOTE)
        if noted:
            return plain(f"{noted['licence']}, as {noted['source']} says")
    return None


def _card(readme: Path) -> str | None:
    """What the head of a model card says: https://huggingface.co/docs/hub/model-cards."""
    import yaml

    text = _start(readme)
    if not text.startswith("---"):
        return None
    try:
        head: object = yaml.safe_load(text.split("---", 2)[1])
    except yaml.YAMLError:
        return None
    told = cast("dict[object, object]", head) if isinstance(head, dict) else {}
    licence, name = told.get("license"), told.get("license_name")
    if not licence:
        return None
    named = f"{licence} ({name})" if name else str(licence)
    return plain(f"{named}, as the model's README.md says")


def _text(folder: Path) -> str | None:
    for name in _FILES:
        lines = (line.strip() for line in _start(folder / name).splitlines())
        if first := next((line for line in lines if line), None):
            return plain(f"{first[:80]!r} is how the model's {name} begins")
    return None


def _start(path: Path) -> str:
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_LONGEST)
    return ""


def plain(text: str) -> str:
    """Text of a stranger, as it may be shown on a terminal."""
    return "".join(letter for letter in text if letter.isprintable())
