"""Repos: made, looked at, listed, deleted, and talked about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tests.standins.hub import content, talk
from tests.standins.hub.pages import page
from tests.standins.hub.repo import FIRST, Commit, Files, Gate, Kind, StoredRepo
from tests.standins.hub.routes import (
    Call,
    RefusedError,
    Route,
    answer,
    refuse,
    text,
)
from tests.standins.openai import Answer
from tests.standins.openai.wire import Json

if TYPE_CHECKING:
    from tests.standins.hub.hub import Hub

ID = "(?P<id>[^/]+(?:/[^/]+)?)"
ABOUT = f"/api/(?P<kind>models|datasets|spaces)/{ID}"
RESOLVE = f"/(?:(?P<kind>datasets|spaces)/)?{ID}/resolve/(?P<rev>[^/]+)/(?P<path>.+)"
NAME = re.compile(r"[\w.-]{1,96}")
SEEN = "Repository not found"
GATED = (
    "Access to this resource is restricted and you are not in the authorized list. Visit its page"
    " to ask for access."
)


@dataclass(slots=True)
class Hooks:
    """Who else wants to know: called within the request, before it is answered.

    Attributes:
        creating: with what was asked, before there is a repo; may raise a `RefusedError`.
        created: with the new repo and what was asked.
        deleted: with what is no more.
        committed: with the repo, after each commit of a request.
    """

    creating: list[Callable[[Call, Json], None]] = field(
        default_factory=list[Callable[[Call, Json], None]]
    )
    created: list[Callable[[StoredRepo, Json], None]] = field(
        default_factory=list[Callable[[StoredRepo, Json], None]]
    )
    deleted: list[Callable[[StoredRepo], None]] = field(
        default_factory=list[Callable[[StoredRepo], None]]
    )
    committed: list[Callable[[StoredRepo], None]] = field(
        default_factory=list[Callable[[StoredRepo], None]]
    )


class Repos:
    """All repos, by their kind and id.

    Attributes:
        hooks: what other rooms do with a repo's life.
        refuses: paths that no commit may have, in any repo.
        page_size: of lists.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.hooks = Hooks()
        self.refuses: set[str] = set()
        self.page_size = 100
        self._repos: dict[tuple[str, str], StoredRepo] = {}

    def __getitem__(self, key: tuple[str, str]) -> StoredRepo:
        self.hub.settle()
        return self._repos[key]

    def __contains__(self, key: object) -> bool:
        self.hub.settle()
        return key in self._repos

    def __iter__(self) -> Iterator[tuple[str, str]]:
        self.hub.settle()
        return iter(list(self._repos))

    def __len__(self) -> int:
        self.hub.settle()
        return len(self._repos)

    def add(
        self,
        kind: Kind,
        repo_id: str,
        files: Files | None = None,
        *,
        private: bool = False,
        gated: Gate = False,
        tags: Iterable[str] = (),
        config: Json | None = None,
        safetensors: Json | None = None,
    ) -> StoredRepo:
        """A repo that is there, without a request."""
        with self.hub.lock:
            repo = StoredRepo(kind, repo_id, self.hub.clock.now(), private, gated)
            repo.tags.extend(tags)
            repo.config, repo.safetensors = config, safetensors
            self._repos[kind, repo_id] = repo
            self.commit(repo, FIRST, "initial commit")
            if files:
                self.commit(repo, files, "Upload files")
            return repo

    def commit(
        self,
        repo: StoredRepo,
        files: Files,
        title: str = "Upload",
        *,
        gone: Iterable[str] = (),
        author: str | None = None,
        message: str = "",
        branch: str = "main",
    ) -> Commit:
        """A commit, without a request."""
        with self.hub.lock:
            author, date = author or repo.namespace, self.hub.clock.now()
            words = {"author": author, "message": message, "branch": branch}
            return repo.add(files, title, gone=set(gone), date=date, **words)

    def routes(self) -> Iterable[Route]:
        return (
            ("POST", "/api/repos/create", self._create),
            ("DELETE", "/api/repos/delete", self._delete),
            ("POST", "/api/validate-yaml", content.validate),
            ("GET", "/api/(?P<kind>models|datasets|spaces)", self._list),
            *content.routes(self, ABOUT, RESOLVE),
            *talk.routes(self, ABOUT),
            ("GET", f"{ABOUT}/auth-check(?P<write>/write)?", self._check),
            ("GET", f"{ABOUT}(?:/revision/(?P<rev>[^/]+))?", self._info),
        )

    def seen(self, call: Call, found: re.Match[str]) -> StoredRepo:
        """The repo of a path, where the caller may know of it.

        Raises:
            RefusedError: there is none, or it is another one's.
        """
        repo = self._repos.get((kind_of(found), text(found, "id")))
        if repo is None or not _visible(repo, call):
            status = 401 if call.account is None else 404
            raise RefusedError(refuse(status, SEEN, "RepoNotFound"))
        return repo

    def open(self, call: Call, found: re.Match[str]) -> StoredRepo:
        """The repo of a path, whose files the caller may read.

        Raises:
            RefusedError: it is not seen, or it is gated.
        """
        repo, who = self.seen(call, found), call.account
        if not repo.gated or (who and (who.name in repo.readers or who.sees(repo.id))):
            return repo
        raise RefusedError(refuse(403 if who else 401, GATED, "GatedRepo"))

    def _create(self, call: Call, found: re.Match[str]) -> Answer:
        body = call.json()
        kind, repo_id = self._named(call, body)
        if not NAME.fullmatch(repo_id.partition("/")[2]):
            return refuse(400, f"Invalid repo name: {repo_id}")
        url = self.page(kind, repo_id)
        if (kind, repo_id) in self._repos:
            return refuse(409, f"You already created this {kind} repo", url=url)
        for hook in self.hooks.creating:
            hook(call, body)
        private = bool(body.get("private")) or body.get("visibility") == "private"
        repo = self.add(kind, repo_id, private=private)
        for made in self.hooks.created:
            made(repo, body)
        return answer({"url": url, "name": repo_id, "id": repo.head.sha[:24]})

    def _delete(self, call: Call, found: re.Match[str]) -> Answer:
        key = self._named(call, call.json())
        repo = self._repos.pop(key, None)
        if repo is None:
            return refuse(404, SEEN, "RepoNotFound")
        for hook in self.hooks.deleted:
            hook(repo)
        return answer({})

    def _named(self, call: Call, body: Json) -> tuple[Kind, str]:
        owner = call.account.name if call.account else ""
        kind = cast("Kind", body.get("type") or "model")
        return kind, f"{body.get('organization') or owner}/{body.get('name')}"

    def page(self, kind: str, repo_id: str) -> str:
        """Where a repo's page is."""
        prefix = "" if kind == "model" else f"{kind}s/"
        return f"{self.hub.url}/{prefix}{repo_id}"

    def _info(self, call: Call, found: re.Match[str]) -> Answer:
        repo = self.seen(call, found)
        commit = content.state(repo, text(found, "rev") or "main")
        return answer(repo.view(commit, blobs="blobs" in call.query))

    def _check(self, call: Call, found: re.Match[str]) -> Answer:
        repo = self.open(call, found)
        if found["write"] and not (call.account and call.account.may("repo.write", repo.id)):
            return refuse(403, "You don't have the required permissions: repo.write")
        return answer({})

    def _list(self, call: Call, found: re.Match[str]) -> Answer:
        kind = kind_of(found)
        listed = [
            repo.view(repo.head)
            for (one, _), repo in self._repos.items()
            if one == kind and _visible(repo, call) and _wanted(repo, call)
        ]
        return page(listed, call, self.hub.url, self.page_size)


def kind_of(found: re.Match[str]) -> Kind:
    """The kind of repo that a path is about."""
    return cast("Kind", (found["kind"] or "models").removesuffix("s"))


def _visible(repo: StoredRepo, call: Call) -> bool:
    return not repo.private or (call.account is not None and call.account.sees(repo.id))


def _wanted(repo: StoredRepo, call: Call) -> bool:
    author, search = call.query.get("author"), call.query.get("search", "")
    tags: Any = repo.view(repo.head)["tags"]
    asked = [tag for text in call.values.get("filter", ()) for tag in text.split(",")]
    return (
        author in (None, repo.namespace)
        and search.lower() in repo.id.lower()
        and set(asked) <= set(tags)
    )
