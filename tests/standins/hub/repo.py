"""One repo: its commits, each with all of its files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import yaml

from tests.standins.openai.wire import Json, as_list, as_object, parsed

Kind = Literal["model", "dataset", "space"]
Gate = Literal["auto", "manual", False]
Files = Mapping[str, bytes]

FIRST = {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"}
"""What the Hub puts into each new repo."""
FRONT = re.compile(rb"---\r?\n(.*?)\r?\n---", re.DOTALL)


def stamp(moment: datetime) -> str:
    """A moment as the Hub writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def blob_id(content: bytes) -> str:
    """Git's id of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Commit:
    """A state of a repo.

    Attributes:
        files: all that the repo has then, by path.
    """

    sha: str
    title: str
    message: str
    author: str
    date: datetime
    files: Files

    def view(self) -> Json:
        authors = [{"user": self.author}]
        date = stamp(self.date)
        return {
            "id": self.sha,
            "title": self.title,
            "message": self.message,
            "authors": authors,
            "date": date,
        }


@dataclass(slots=True)
class Discussion:
    """What somebody has to say of a repo."""

    num: int
    title: str
    description: str
    author: str
    date: datetime


@dataclass(slots=True)
class StoredRepo:
    """A repo, seen from inside.

    Attributes:
        gated: whoever wants its files has to be in `readers`, or to own it.
        commits: of `main`, the oldest first.
        branches: beside `main`, each with its newest state.
        config: what the Hub says of the model; None is what `config.json` says.
        safetensors: how many parameters the Hub says it has.
        extra: more that is told of it.
    """

    kind: Kind
    id: str
    born: datetime
    private: bool = False
    gated: Gate = False
    readers: set[str] = field(default_factory=set[str])
    tags: list[str] = field(default_factory=list[str])
    config: Json | None = None
    safetensors: Json | None = None
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    commits: list[Commit] = field(default_factory=list[Commit])
    branches: dict[str, Commit] = field(default_factory=dict[str, Commit])
    discussions: list[Discussion] = field(default_factory=list[Discussion])

    @property
    def namespace(self) -> str:
        return self.id.partition("/")[0]

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def files(self) -> dict[str, bytes]:
        """What it holds now, by path."""
        return dict(self.head.files)

    def at(self, revision: str) -> Commit | None:
        """The state that a revision names: a branch, or the beginning of a commit's id."""
        if revision in ("main", "refs/heads/main"):
            return self.head
        if revision in self.branches:
            return self.branches[revision]
        if not re.fullmatch("[0-9a-f]{7,40}", revision):
            return None
        every = (*self.commits, *self.branches.values())
        return next((one for one in every if one.sha.startswith(revision)), None)

    def add(
        self,
        files: Files,
        title: str,
        *,
        gone: Collection[str] = (),
        author: str,
        date: datetime,
        message: str = "",
        branch: str = "main",
    ) -> Commit:
        """A new commit, over the last one of its branch."""
        last = self.branches.get(branch, self.commits[-1] if self.commits else None)
        old: Files = last.files if last else {}
        kept = {path: content for path, content in old.items() if path not in gone}
        whole = {**kept, **files}
        made = Commit(self._sha(title, whole), title, message, author, date, whole)
        if branch in self.branches:
            self.branches[branch] = made
        else:
            self.commits.append(made)
        return made

    def touched(self, path: str, commit: Commit) -> Commit:
        """The last commit until this one that changed a file."""
        content, found = commit.files[path], commit
        if commit not in self.commits:
            return commit
        for older in reversed(self.commits[: self.commits.index(commit)]):
            if older.files.get(path) != content:
                break
            found = older
        return found

    def view(self, commit: Commit, *, blobs: bool = False) -> Json:
        """What the Hub tells of it."""
        found: Json = {
            "_id": commit.sha[:24],
            "id": self.id,
            "author": self.namespace if "/" in self.id else None,
            "sha": commit.sha,
            "createdAt": stamp(self.born),
            "lastModified": stamp(commit.date),
            "private": self.private,
            "gated": self.gated,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [*self.tags, *self._card_tags()],
            "cardData": self.card,
            "siblings": [
                _sibling(path, commit.files[path], blobs) for path in sorted(commit.files)
            ],
        }
        if self.kind == "model":
            found["modelId"] = self.id
            found["config"] = self._config(commit)
            if self.safetensors is not None:
                found["safetensors"] = self.safetensors
        return {**found, **self.extra}

    @property
    def card(self) -> Json:
        """What the head of its README says."""
        found = FRONT.match(self.head.files.get("README.md", b""))
        return (as_object(yaml.safe_load(found[1])) if found else None) or {}

    def _card_tags(self) -> list[str]:
        return [str(tag) for tag in as_list(self.card.get("tags")) or ()]

    def _config(self, commit: Commit) -> Json | None:
        said = as_object(parsed(commit.files.get("config.json", b"")))
        if self.config is not None or said is None:
            return self.config
        return {key: said[key] for key in ("model_type", "architectures") if key in said}

    def _sha(self, title: str, files: Files) -> str:
        listed = [[path, blob_id(files[path])] for path in sorted(files)]
        told = json.dumps([self.kind, self.id, len(self.commits), title, listed])
        return hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()


def _sibling(path: str, content: bytes, blobs: bool) -> Json:
    found: Json = {"rfilename": path}
    if blobs:
        found |= {"size": len(content), "blobId": blob_id(content)}
    return found
