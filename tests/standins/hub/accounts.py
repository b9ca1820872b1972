"""Who may do what: the holders of tokens, as `whoami-v2` shows them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.standins.openai.wire import Json

Role = Literal["write", "read", "fineGrained"]
LETTERS = string.ascii_letters


def new_token() -> str:
    """A token as the Hub's look, never twice the same."""
    return "hf_" + "".join(secrets.choice(LETTERS) for _ in range(34))


def hex24(seed: str) -> str:
    """An id as the Hub's look, the same each time."""
    return seed.encode().hex()[:24].ljust(24, "0")


@dataclass(frozen=True, slots=True)
class Account:
    """The holder of one token.

    Attributes:
        can_pay: its namespaces have credit.
        orgs: the organisations it is a member of, with the right to write.
        scoped: what a fine-grained token may do, by the namespace or the repo.
        email: what only its owner sees.
        is_pro: it pays by the month.
    """

    name: str
    role: Role = "write"
    can_pay: bool = True
    orgs: tuple[str, ...] = ()
    scoped: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    email: str = "someone@example.com"
    is_pro: bool = False

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (self.name, *self.orgs)

    def sees(self, repo: str) -> bool:
        """A private repo of this id is there for it."""
        namespace = repo.partition("/")[0]
        if self.role == "fineGrained":
            return any(self._scope(repo))
        return namespace in self.namespaces

    def may(self, right: str, thing: str) -> bool:
        """It has a right, `repo.write` for instance, to a repo or within a namespace."""
        if self.role == "fineGrained":
            return right in self._scope(thing)
        own = thing.partition("/")[0] in self.namespaces
        return self.role == "write" and (own or right == "discussion.write")

    def view(self) -> Json:
        """What `whoami-v2` answers."""
        return {
            "type": "user",
            "id": hex24(self.name),
            "name": self.name,
            "fullname": self.name.title(),
            "email": self.email,
            "emailVerified": True,
            "canPay": self.can_pay,
            "isPro": self.is_pro,
            "orgs": [self._org(name) for name in self.orgs],
            "auth": {"type": "access_token", "accessToken": self._token()},
        }

    def _scope(self, thing: str) -> tuple[str, ...]:
        namespace = thing.partition("/")[0]
        return (*self.scoped.get(thing, ()), *self.scoped.get(namespace, ()))

    def _org(self, name: str) -> Json:
        role = "write" if self.role == "write" else "read"
        return {
            "type": "org",
            "id": hex24(name),
            "name": name,
            "fullname": name.title(),
            "canPay": self.can_pay,
            "roleInOrg": role,
        }

    def _token(self) -> Json:
        told: Json = {
            "displayName": "of a test",
            "role": self.role,
            "createdAt": "2026-01-01T00:00:00.000Z",
        }
        if self.role == "fineGrained":
            scoped = [self._entity(name, rights) for name, rights in self.scoped.items()]
            told["fineGrained"] = {"canReadGatedRepos": True, "global": [], "scoped": scoped}
        return told

    def _entity(self, name: str, rights: tuple[str, ...]) -> Json:
        kind = "model" if "/" in name else "user" if name == self.name else "org"
        return {
            "entity": {"_id": hex24(name), "type": kind, "name": name},
            "permissions": list(rights),
        }
