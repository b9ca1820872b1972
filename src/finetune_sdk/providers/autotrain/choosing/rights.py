"""What a token may do, as far as the Hub says it beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from finetune_sdk.errors import PermissionDeniedError
from finetune_sdk.providers.autotrain.hub import Hub, repos
from finetune_sdk.providers.autotrain.settings import NAME

WRITE, JOBS = "repo.write", "job.write"
"""Permissions of a fine-grained token."""

_TOKENS = "https://huggingface.co/settings/tokens"


def check(hub: Hub, *, needs: tuple[str, ...]) -> None:
    """Refuses a token that cannot start a job.

    Args:
        hub: with the token and the namespace.
        needs: of a fine-grained token, in the namespace.

    Raises:
        AuthenticationError: the Hub does not know the token.
        PermissionDeniedError: it may not write, or not there.
    """
    who = hub.whoami()
    _check_namespace(hub.namespace, who)
    token = _table(_table(who.get("auth")).get("accessToken"))
    role = token.get("role")
    if role == "read":
        raise _denied(f"the token may only read; make one that may write at {_TOKENS}")
    if role == "fineGrained":
        held = set(_permissions(token, hub.namespace))
        missing = [f"`{name}`" for name in needs if name not in held]
        if missing:
            raise _denied(
                f"the fine-grained token lacks {' and '.join(missing)} in {hub.namespace!r}; "
                f"tick it at {_TOKENS}"
            )


def _check_namespace(namespace: str, who: Mapping[str, object]) -> None:
    known = [who.get("name"), *(_table(org).get("name") for org in _list(who.get("orgs")))]
    if namespace not in known:
        raise _denied(
            f"`namespace` is {namespace!r}, and the token is of {who.get('name')!r}, which is in "
            f"{repos.told(known[1:]) or 'no organization'}"
        )


def _permissions(token: Mapping[str, object], namespace: str) -> Iterator[str]:
    grains = _table(token.get("fineGrained"))
    yield from _texts(grains.get("global"))
    for one in _list(grains.get("scoped")):
        entity = _table(_table(one).get("entity"))
        if entity.get("name") == namespace:
            yield from _texts(_table(one).get("permissions"))


def _denied(words: str) -> PermissionDeniedError:
    return PermissionDeniedError(
        f"{NAME}: {words}; nothing was started", provider=NAME, code="token_rights"
    )


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _texts(value: object) -> Iterator[str]:
    return (one for one in _list(value) if isinstance(one, str))
