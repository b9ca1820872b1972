"""Ray's own job API: submit, look, stop.

By plain HTTP. Ray's client package is 100 MB in a process that lives as long as the job; it takes
its address from `RAY_ADDRESS` whatever it is told, its token from files and variables of its own,
and follows where it is sent (2.60). So whoever only sends jobs needs no Ray.
"""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Final, NamedTuple, cast
from urllib.parse import quote, urlsplit

from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    ResponseDecodeError,
    ServerError,
)
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.transport import redact
from finetune_sdk.transport.hosts import is_loopback

OLDEST: Final[tuple[int, int]] = (2, 52)
"""Ray asks for a token from this version on."""

_NEXT_MAJOR: Final = 3
_SECONDS = 20.0
_LONGEST = 4 * 2**20
_SHOWN = 500

ENDS: Final = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})
"""Words of a submission that do not change any more. One that we do not know may."""


class Version(NamedTuple):
    """A cluster's Ray.

    Attributes:
        ray: its version.
        open: it asks nobody for a token.
    """

    ray: str
    open: bool


class Submission(NamedTuple):
    """A submitted job, as Ray tells it.

    Attributes:
        word: its state, in Ray's own word.
        message: what Ray says of it.
        kind: of its failure, in Ray's own word; empty where it has not failed.
        code: of the exit of the program; None where there was none.
    """

    word: str
    message: str
    kind: str
    code: int | None

    @property
    def over(self) -> bool:
        return self.word in ENDS


@dataclass(frozen=True)
class RayApi:
    """The job API at one address. A token goes there and nowhere else.

    Every verb raises `ConnectionFailedError` where nobody answers, `AuthenticationError` where
    the token is missing or wrong, `ResponseDecodeError` where the answer is not Ray's.

    Attributes:
        address: of the cluster's dashboard.
        token: None where there is none.
        token_env: the environment variable that it is from, for messages.
    """

    address: str
    token: str | None = field(repr=False)
    token_env: str

    def version(self) -> Version:
        """What answers there.

        Raises:
            ConfigurationError: it is too old, or too new.
        """
        free = self._answers_all()
        try:
            told = self._ask("GET", "/api/version")
        except (InvalidRequestError, NotFoundError):
            raise self._no_ray() from None
        ray = told.get("ray_version")
        if not isinstance(ray, str):
            raise self._no_ray()
        found = re.match(r"(\d+)\.(\d+)", ray)
        number = tuple(map(int, found.groups())) if found else ()
        if not OLDEST <= number < (_NEXT_MAJOR, 0):
            raise ConfigurationError(
                f"the cluster at {self.address!r} runs Ray {ray}, and this package works with Ray "
                f"{OLDEST[0]}.{OLDEST[1]} and newer, below {_NEXT_MAJOR}.0: install another one "
                'there (`pip install "ray[default,train]>=2.52,<3"`)'
            )
        return Version(ray, free)

    def submit(self, body: Mapping[str, object]) -> None:
        """Submits a job under the `submission_id` in the body; that there is one is no error.

        Raises:
            InvalidRequestError: Ray refuses the job.
        """
        name = str(body["submission_id"])
        try:
            self._ask("POST", "/api/jobs/", body)
        except AuthenticationError:
            raise
        except ProviderError:
            # The answer may be lost, or somebody was quicker: what counts is whether it is there.
            if self.look(name) is None:
                raise

    def look(self, name: str) -> Submission | None:
        """What Ray says of a submission; None where it knows of none."""
        try:
            told = self._ask("GET", f"/api/jobs/{quote(name)}")
        except NotFoundError:
            return None
        word, code = told.get("status"), told.get("driver_exit_code")
        if not isinstance(word, str):
            raise self._no_ray()
        return Submission(
            word,
            str(told.get("message") or ""),
            str(told.get("error_type") or ""),
            code if isinstance(code, int) else None,
        )

    def stop(self, name: str) -> None:
        """Asks a submission to end; one that is not there, or has ended, is no error."""
        try:
            self._ask("POST", f"/api/jobs/{quote(name)}/stop", {})
        except NotFoundError:
            return

    def resources(self) -> dict[str, tuple[float, float]]:
        """What is in use and what there is, by Ray's own names; empty where Ray does not tell."""
        try:
            told: object = self._ask("GET", "/api/cluster_status")
        except ProviderError:
            return {}
        for name in ("data", "clusterStatus", "loadMetricsReport", "usage"):
            told = _table(told).get(name)
        pairs = {name: _pair(value) for name, value in _table(told).items()}
        return {name: pair for name, pair in pairs.items() if pair is not None}

    def _answers_all(self) -> bool:
        try:
            self._send("GET", "/api/version", None, {})
        except ProviderError:
            return False
        return True

    def _ask(
        self, verb: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        token = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        content = None if body is None else json.dumps(body).encode()
        try:
            value: object = json.loads(self._send(verb, path, content, token))
        except ValueError:
            raise self._no_ray() from None
        if not isinstance(value, dict):
            raise self._no_ray()
        return cast("dict[str, object]", value)

    def _send(
        self, verb: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the settings let http and https pass alone
            f"{self.address.rstrip('/')}{path}",
            data=content,
            headers={"Content-Type": "application/json", **headers},
            method=verb,
        )
        try:
            with _opener(self.address).open(request, timeout=_SECONDS) as answer:
                read: bytes = answer.read(_LONGEST)
                return read
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ConnectionFailedError(
                f"nobody answers at the cluster's address {self.address!r} ({reason}); is Ray "
                "started there, and is the way to it open (`ssh -L 8265:127.0.0.1:8265 HEAD`, "
                "`kubectl port-forward`)?",
                provider=NAME,
                effect="none" if verb == "GET" else "unknown",
            ) from None

    def _refused(self, error: urllib.error.HTTPError) -> ProviderError:
        said = redact(error.read(_LONGEST).decode(errors="replace").strip(), self.token or "")
        said, status = said[-_SHOWN:], error.code
        if status in (401, 403):
            return self._not_let_in(status)
        kinds: dict[int, type[ProviderError]] = {400: InvalidRequestError, 404: NotFoundError}
        kind = kinds.get(status, ServerError if status >= 500 else ResponseDecodeError)
        return kind(
            f"the cluster at {self.address!r} answers {status}: {said or error.reason}",
            provider=NAME,
            status_code=status,
        )

    def _not_let_in(self, status: int) -> AuthenticationError:
        what = "asks for a token" if self.token is None else "does not take the token"
        return AuthenticationError(
            f"the cluster at {self.address!r} {what}: set the environment variable "
            f"{self.token_env} to the token that the cluster was started with (there, `ray "
            "get-auth-token` shows it), or name another one as `token_env`",
            provider=NAME,
            status_code=status,
        )

    def _no_ray(self) -> ResponseDecodeError:
        return ResponseDecodeError(
            f"what answers at {self.address!r} is not Ray's dashboard; write the address that "
            "`ray start --head` shows for it, such as 'http://127.0.0.1:8265'",
            provider=NAME,
        )


def _opener(address: str) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        # None that follows a redirect: it would take the token along.
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ]
    if not is_loopback(urlsplit(address).hostname or ""):
        handlers.append(urllib.request.ProxyHandler())
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _table(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _pair(value: object) -> tuple[float, float] | None:
    if isinstance(value, list) and len(cast("list[object]", value)) == 2:
        used, total = cast("list[object]", value)
        if isinstance(used, (int, float)) and isinstance(total, (int, float)):
            return float(used), float(total)
    return None
