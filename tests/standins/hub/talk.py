"""Discussions: how AutoTrain's Spaces say that they are done."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.standins.hub.repo import Discussion, StoredRepo, stamp
from tests.standins.hub.routes import Call, Route, answer, refuse
from tests.standins.openai import Answer
from tests.standins.openai.wire import Json

if TYPE_CHECKING:
    from tests.standins.hub.repos import Repos


def routes(repos: Repos, about: str) -> Iterable[Route]:
    """Who answers what is asked of a repo's discussions."""
    room = _Talk(repos)
    return (
        ("POST", f"{about}/discussions", room.create),
        ("GET", f"{about}/discussions", room.listed),
        ("GET", f"{about}/discussions/(?P<num>[0-9]+)", room.one),
    )


class _Talk:
    def __init__(self, repos: Repos) -> None:
        self._repos = repos

    def create(self, call: Call, found: re.Match[str]) -> Answer:
        repo, body = self._repos.seen(call, found), call.json()
        num, now = len(repo.discussions) + 1, self._repos.hub.clock.now()
        author = call.account.name if call.account else ""
        said = Discussion(num, body["title"], body.get("description", ""), author, now)
        repo.discussions.append(said)
        url = f"{self._repos.page(repo.kind, repo.id)}/discussions/{num}"
        return answer({"num": num, "url": url, "pullRequest": False})

    def listed(self, call: Call, found: re.Match[str]) -> Answer:
        repo = self._repos.seen(call, found)
        told = [_view(repo, one) for one in reversed(repo.discussions)]
        return answer({"discussions": told, "count": len(told), "start": 0})

    def one(self, call: Call, found: re.Match[str]) -> Answer:
        repo, num = self._repos.seen(call, found), int(found["num"])
        for said in repo.discussions:
            if said.num == num:
                return answer({**_view(repo, said), "events": [_event(said)]})
        return refuse(404, "Discussion not found")


def _view(repo: StoredRepo, said: Discussion) -> Json:
    return {
        "num": said.num,
        "title": said.title,
        "author": {"name": said.author},
        "createdAt": stamp(said.date),
        "status": "open",
        "isPullRequest": False,
        "repo": {"name": repo.id, "type": repo.kind},
    }


def _event(said: Discussion) -> Json:
    author, date = {"name": said.author}, stamp(said.date)
    latest = {"raw": said.description, "html": "", "updatedAt": date, "author": author}
    data: Json = {"latest": latest, "history": [], "edited": False, "hidden": False}
    told = {"type": "comment", "author": author, "createdAt": date, "data": data}
    return {"id": f"{said.num:024d}", **told}
