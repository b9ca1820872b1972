"""Repos that a job mounts: as folders of this machine, whose paths the job is given instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.standins.hub.routes import RefusedError, refuse
from tests.standins.openai.wire import Json

if TYPE_CHECKING:
    from tests.standins.hub.hub import Hub


class Mounts:
    """The volumes of one job.

    Raises:
        RefusedError: what is to be mounted is no repo that is there.
    """

    def __init__(self, hub: Hub, spec: Json, folder: Path) -> None:
        self._places: dict[str, Path] = {}
        for volume in spec.get("volumes", ()):
            place = folder / volume["mountPath"].strip("/")
            self._places[volume["mountPath"].rstrip("/")] = place
            _write(place, _files(hub, volume))

    def local(self, text: str) -> str:
        """A text of the job's in which each mount path is the one on this machine."""
        for mount, place in self._places.items():
            text = re.sub(rf"(?<![\w./-]){re.escape(mount)}(?![\w.-])", str(place), text)
        return text


def _files(hub: Hub, volume: Json) -> Mapping[str, bytes]:
    """What a volume shows, by the path in it."""
    key = volume["type"], volume["source"]
    commit = hub.repos[key].at(volume.get("revision", "main")) if key in hub.repos else None
    if commit is None:
        raise RefusedError(refuse(404, f"No such volume: {volume['type']} {volume['source']}"))
    prefix = f"{volume['path'].strip('/')}/" if volume.get("path") else ""
    return {
        path.removeprefix(prefix): content
        for path, content in commit.files.items()
        if path.startswith(prefix)
    }


def _write(place: Path, files: Mapping[str, bytes]) -> None:
    place.mkdir(parents=True)
    for path, content in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(content)
