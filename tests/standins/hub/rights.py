"""Which right a request needs, before any room sees it."""

from __future__ import annotations

import re

from tests.standins.hub.routes import Call, RefusedError, refuse

READS = re.compile("/api/(?:models|datasets|spaces)/.+/paths-info/.+|/api/validate-yaml")
"""What is posted and changes nothing."""
NAMED = re.compile(
    r"/api/(?P<kind>jobs|models|datasets|spaces)/(?P<thing>[^/]+(?:/[^/]+)?)(?:/.*)?"
)
ENDPOINT = re.compile(r"/v2/endpoint/(?P<thing>[^/]+)(?:/.*)?")


def demand(call: Call) -> None:
    """Refuses a write to whoever has no right to it.

    Raises:
        RefusedError: there is no token, or its role does not allow it.
    """
    if call.method in ("GET", "HEAD") or READS.fullmatch(call.path):
        return
    if (needed := _needed(call)) is None:
        return
    right, thing = needed
    if call.account is None:
        raise RefusedError(refuse(401, "Invalid username or password."))
    if not call.account.may(right, thing):
        raise RefusedError(refuse(403, f"You don't have the required permissions: {right}"))


def _needed(call: Call) -> tuple[str, str] | None:
    """A right, and to what; None where only the room itself can tell."""
    if endpoint := ENDPOINT.fullmatch(call.path):
        return "inference.endpoints.write", endpoint["thing"]
    if call.path in ("/api/repos/create", "/api/repos/delete"):
        return "repo.write", _named(call)
    if (named := NAMED.fullmatch(call.path)) is None:
        return None
    if named["kind"] == "jobs":
        return "job.write", named["thing"].partition("/")[0]
    if call.path.endswith("/duplicate"):
        return "repo.write", call.json().get("repository", "")
    talk = call.path.endswith("/discussions")
    return "discussion.write" if talk else "repo.write", named["thing"]


def _named(call: Call) -> str:
    """The repo that the body is about."""
    body = call.json()
    owner = call.account.name if call.account else ""
    name = body.get("name", "")
    return f"{body.get('organization') or owner}/{name}"
