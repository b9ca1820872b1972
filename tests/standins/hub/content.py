"""What is in a repo: trees, files, and commits."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from tests.standins.hub.pages import page
from tests.standins.hub.repo import Commit, Files, StoredRepo, blob_id
from tests.standins.hub.routes import Call, RefusedError, Route, answer, refuse, text
from tests.standins.openai import Answer
from tests.standins.openai.wire import Json, as_object, parsed

if TYPE_CHECKING:
    from tests.standins.hub.repos import Repos

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
NO_ENTRY = "Entry not found"


def routes(repos: Repos, about: str, resolve: str) -> Iterable[Route]:
    """Who answers what is asked of a repo's content."""
    room = _Content(repos)
    return (
        ("GET", f"{about}/tree/(?P<rev>[^/]+)(?:/(?P<path>.+))?", room.tree),
        ("POST", f"{about}/paths-info/(?P<rev>[^/]+)", room.paths),
        ("GET", f"{about}/commits/(?P<rev>[^/]+)", room.commits),
        ("GET", f"{about}/refs", room.refs),
        ("POST", f"{about}/branch/(?P<name>[^/]+)", room.branch),
        ("POST", f"{about}/preupload/(?P<rev>[^/]+)", room.preupload),
        ("POST", f"{about}/commit/(?P<rev>[^/]+)", room.commit),
        ("HEAD", resolve, room.file),
        ("GET", resolve, room.file),
    )


def state(repo: StoredRepo, revision: str) -> Commit:
    """The repo at a revision.

    Raises:
        RefusedError: there is no such revision.
    """
    commit = repo.at(revision)
    if commit is None:
        raise RefusedError(refuse(404, f"Invalid rev id: {revision}", "RevisionNotFound"))
    return commit


def validate(call: Call, found: re.Match[str]) -> Answer:
    """What the Hub thinks of the head of a README: all is well."""
    return answer({"errors": [], "warnings": []})


@dataclass(slots=True)
class _Change:
    """What a commit is to do."""

    header: Json = field(default_factory=dict[str, object])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    gone: set[str] = field(default_factory=set[str])


class _Content:
    def __init__(self, repos: Repos) -> None:
        self._repos = repos

    def tree(self, call: Call, found: re.Match[str]) -> Answer:
        repo, commit = self._state(call, found)
        folder = text(found, "path").strip("/")
        prefix = f"{folder}/" if folder else ""
        inside = {path for path in commit.files if path.startswith(prefix)}
        if folder and not inside:
            return refuse(404, f"{folder} does not exist on this revision", "EntryNotFound")
        deep = call.query.get("recursive", "").lower() in ("true", "1")
        entries = sorted(_folders(inside, prefix) | inside)
        shown = [path for path in entries if deep or "/" not in path.removeprefix(prefix)]
        listed = [_entry(path, repo, commit) for path in shown]
        return page(listed, call, self._repos.hub.url, 1000)

    def paths(self, call: Call, found: re.Match[str]) -> Answer:
        repo, commit = self._state(call, found)
        known = _folders(commit.files, "") | set(commit.files)
        wanted = [path.strip("/") for path in _asked_paths(call)]
        return answer([_entry(path, repo, commit) for path in wanted if path in known])

    def commits(self, call: Call, found: re.Match[str]) -> Answer:
        repo = self._repos.open(call, found)
        newest = state(repo, text(found, "rev"))
        older = repo.commits[: repo.commits.index(newest)] if newest in repo.commits else ()
        listed = [one.view() for one in (newest, *reversed(older))]
        return page(listed, call, self._repos.hub.url, 50)

    def refs(self, call: Call, found: re.Match[str]) -> Answer:
        repo = self._repos.open(call, found)
        heads = {"main": repo.head, **repo.branches}
        told = [
            {"name": name, "ref": f"refs/heads/{name}", "targetCommit": one.sha}
            for name, one in heads.items()
        ]
        return answer({"branches": told, "tags": [], "converts": [], "pullRequests": []})

    def branch(self, call: Call, found: re.Match[str]) -> Answer:
        repo, name = self._repos.open(call, found), text(found, "name")
        if name in ("main", *repo.branches):
            return refuse(409, "Reference already exists")
        repo.branches[name] = repo.head
        return answer({})

    def preupload(self, call: Call, found: re.Match[str]) -> Answer:
        _, commit = self._state(call, found)
        asked = [one["path"] for one in call.json()["files"]]
        self._allow(asked)
        return answer({"files": [_mode(path, commit.files) for path in asked]})

    def commit(self, call: Call, found: re.Match[str]) -> Answer:
        repo = self._repos.open(call, found)
        branch = text(found, "rev")
        head = state(repo, branch)
        change = _change(call.body, head.files)
        self._allow(change.files)
        if change.header.get("parentCommit") not in (None, head.sha):
            return refuse(412, "A commit has happened since. Please refresh and try again.")
        made = self._repos.commit(
            repo,
            change.files,
            change.header["summary"],
            gone=change.gone,
            author=call.account.name if call.account else None,
            message=change.header.get("description", ""),
            branch=branch,
        )
        for hook in self._repos.hooks.committed:
            hook(repo)
        url = f"{self._repos.page(repo.kind, repo.id)}/commit/{made.sha}"
        told = {"success": True, "commitOid": made.sha, "commitUrl": url, "hookOutput": ""}
        return answer(told)

    def file(self, call: Call, found: re.Match[str]) -> Answer:
        _, commit = self._state(call, found)
        path = text(found, "path")
        if path not in commit.files:
            return refuse(404, NO_ENTRY, "EntryNotFound")
        content = commit.files[path]
        headers = {
            "content-type": "application/octet-stream",
            "ETag": f'"{blob_id(content)}"',
            "X-Repo-Commit": commit.sha,
            "Accept-Ranges": "bytes",
        }
        return _part(content, call.headers.get("range", ""), headers)

    def _state(self, call: Call, found: re.Match[str]) -> tuple[StoredRepo, Commit]:
        repo = self._repos.open(call, found)
        return repo, state(repo, text(found, "rev"))

    def _allow(self, paths: Iterable[str]) -> None:
        for path in paths:
            if path in self._repos.refuses:
                raise RefusedError(refuse(403, f"You may not upload '{path}'"))


def _asked_paths(call: Call) -> list[str]:
    if "json" in call.headers.get("content-type", ""):
        return list(call.json()["paths"])
    return parse_qs(call.body.decode()).get("paths", [])


def _folders(paths: Iterable[str], under: str) -> set[str]:
    parts = [path.split("/")[:-1] for path in paths]
    every = {"/".join(part[:end]) for part in parts for end in range(1, len(part) + 1)}
    return {folder for folder in every if folder.startswith(under)}


def _entry(path: str, repo: StoredRepo, commit: Commit) -> Json:
    content = commit.files.get(path)
    if content is None:
        return {"type": "directory", "oid": blob_id(path.encode()), "size": 0, "path": path}
    told = repo.touched(path, commit).view()
    last = {name: told[name] for name in ("id", "title", "date")}
    oid, size = blob_id(content), len(content)
    return {"type": "file", "oid": oid, "size": size, "path": path, "lastCommit": last}


def _mode(path: str, files: Files) -> Json:
    """How a file is to come: in the commit itself. What is there already need not come."""
    told: Json = {"path": path, "uploadMode": "regular", "shouldIgnore": False}
    if path in files:
        told["oid"] = blob_id(files[path])
    return told


def _change(body: bytes, files: Files) -> _Change:
    change = _Change()
    for line in body.splitlines():
        item = as_object(parsed(line)) or {}
        value = as_object(item.get("value")) or {}
        match item.get("key"):
            case "header":
                change.header = value
            case "file":
                change.files[value["path"]] = base64.b64decode(value["content"])
            case "deletedFile" if value["path"] in files:
                change.gone.add(value["path"])
            case "deletedFolder":
                folder = value["path"].rstrip("/") + "/"
                change.gone |= {path for path in files if path.startswith(folder)}
            case "deletedFile":
                message = "A file with this name doesn't exist"
                raise RefusedError(refuse(404, message, "EntryNotFound"))
            case other:
                raise RefusedError(refuse(400, f"No such operation: {json.dumps(other)}"))
    if "summary" not in change.header:
        raise RefusedError(refuse(400, "A commit needs a header with a summary"))
    return change


def _part(content: bytes, asked: str, headers: dict[str, str]) -> Answer:
    wanted = RANGE.fullmatch(asked)
    if wanted is None or wanted.groups() == ("", ""):
        return Answer(200, headers, content, handled=True)
    size = len(content)
    first, last = wanted[1], wanted[2]
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) if first and last else size - 1, size - 1)
    if start > end:
        return Answer(416, {**headers, "Content-Range": f"bytes */{size}"}, handled=True)
    told = {**headers, "Content-Range": f"bytes {start}-{end}/{size}"}
    return Answer(206, told, content[start : end + 1], handled=True)
