"""Microsoft's token service: tokens for a client's secret, a workload, a managed identity."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from finetune_sdk.transport import Clock
from tests.standins.azure.door import Asked, Door, Log
from tests.standins.azure.tls import Tls
from tests.standins.openai import Answer, Faults
from tests.standins.openai.wire import Json, answered

TENANT = "72f988bf-0000-4000-8000-57a2d1000001"
CLIENT_ID = "c11e47d0-0000-4000-8000-57a2d1000002"
SECRET = "standin~client.secret~0123456789abcdef"
IDENTITY_HEADER = "standin-identity-header-0123456789"
ASSERTION = "eyJ0eXAiOiJzdGFuZGluIn0.federated.standin"
FEDERATED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

REASONS = {
    "AADSTS7000215": (401, "invalid_client", "Invalid client secret provided."),
    "AADSTS7000222": (401, "invalid_client", "The provided client secret keys are expired."),
    "AADSTS700016": (400, "unauthorized_client", "The application was not found in the tenant."),
    "AADSTS70021": (400, "invalid_request", "No matching federated identity record found."),
    "AADSTS90002": (400, "invalid_tenant", "The tenant was not found."),
    "AADSTS500011": (400, "invalid_resource", "The resource principal was not found."),
}


@dataclass(slots=True)
class Token:
    """One token that was issued.

    Attributes:
        text: the token itself. It carries nothing.
        audience: whom it is for, without a slash at its end.
        kind: how it was asked for.
        expires: by the service's clock, in its monotonic seconds.
    """

    text: str
    audience: str
    kind: str
    expires: float
    revoked: bool = False


class Authority:
    """Issues tokens over TLS, and over plain HTTP where App Service has its managed identities.

    What a client is told of a token's life is in real seconds, because `msal` goes by the real
    clock; the services go by `revoke` and by the injected one. A test that lets virtual hours
    pass with one cached token sets `lifetime` accordingly.

    Attributes:
        ca_file: whom a client has to trust.
        token_file: what a workload shows, as `AZURE_FEDERATED_TOKEN_FILE` names it.
        issued: every token, in order.
        lifetime: seconds that a token is good for.
        refuse: an error that every request for a token meets, `AADSTS7000215` for instance.
        identity: this machine has a managed identity.
        faults: what goes wrong. Paths are `/oauth2/v2.0/token`,
            `/v2.0/.well-known/openid-configuration` and `/msi/token`.
    """

    tenant = TENANT
    client_id = CLIENT_ID
    secret = SECRET
    identity_header = IDENTITY_HEADER

    def __init__(self, clock: Clock, folder: Path) -> None:
        self.clock = clock
        self.tls = Tls(folder)
        self.ca_file = self.tls.ca_file
        self.token_file = folder / "azure-federated-token"
        self.token_file.write_text(ASSERTION)
        self.issued: list[Token] = []
        self.lifetime = 3600
        self.refuse: str | None = None
        self.identity = True
        self._lock = threading.RLock()
        self._log = Log()
        self._door = Door(
            self._answer, self._log, self._lock, relative=_relative, tls=self.tls.context()
        )
        self._metadata = Door(self._identity, self._log, self._lock, relative=str)

    @property
    def faults(self) -> Faults:
        return self._log.faults

    @property
    def requests(self) -> list[Asked]:
        with self._lock:
            return list(self._log.requests)

    @property
    def url(self) -> str:
        """What a credential takes as its `authority`."""
        return self._door.address

    @property
    def identity_endpoint(self) -> str:
        return f"{self._metadata.address}/msi/token"

    def start(self) -> None:
        self._door.start()
        self._metadata.start()

    def stop(self) -> None:
        try:
            self._door.stop()
        finally:
            self._metadata.stop()

    def valid(self, text: str, audience: str) -> bool:
        """A service of this audience may let this token in now."""
        wanted, now = audience.rstrip("/"), self.clock.monotonic()
        with self._lock:
            return any(
                token.text == text and token.audience == wanted
                for token in self.issued
                if not token.revoked and now < token.expires
            )

    def revoke(self, text: str) -> None:
        """No service lets this token in any more."""
        with self._lock:
            for token in self.issued:
                token.revoked = token.revoked or token.text == text

    def revoke_all(self) -> None:
        """No service lets in any token that was issued so far."""
        with self._lock:
            for token in self.issued:
                token.revoked = True

    def issue(self, audience: str, kind: str = "given") -> Token:
        """A token without a request for it."""
        with self._lock:
            number, expires = len(self.issued) + 1, self.clock.monotonic() + self.lifetime
            text = f"eyJ0eXAiOiJzdGFuZGluIn0.{number:032x}.standin"
            token = Token(text, audience.rstrip("/"), kind, expires)
            self.issued.append(token)
            return token

    def _answer(self, asked: Asked) -> Answer:
        tenant = asked.target.strip("/").partition("/")[0]
        if tenant != TENANT:
            return self._refused("AADSTS90002")
        if asked.path.endswith("/.well-known/openid-configuration"):
            return answered(self._configuration())
        if (asked.method, asked.path) == ("POST", "/oauth2/v2.0/token"):
            return self._token(parse_qs(asked.body.decode()))
        return answered({"error": "not_found"}, 404)

    def _configuration(self) -> Json:
        base = f"{self.url}/{TENANT}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }

    def _token(self, form: dict[str, list[str]]) -> Answer:
        asked = {name: values[-1] for name, values in form.items()}
        wrong = self.refuse or _wrong(asked)
        if wrong is not None:
            return self._refused(wrong)
        kind = "workload" if "client_assertion" in asked else "client_secret"
        token = self.issue(_audience(asked["scope"]), kind)
        life = {"expires_in": self.lifetime, "ext_expires_in": self.lifetime}
        return answered({"token_type": "Bearer", **life, "access_token": token.text})

    def _refused(self, code: str) -> Answer:
        status, error, message = REASONS.get(code, (400, "invalid_request", "Refused."))
        trace = f"{len(self._log.requests):032x}"
        told: Json = {
            "error": error,
            "error_description": f"{code}: {message} Trace ID: {trace}",
            "error_codes": [int(code.removeprefix("AADSTS"))],
            "timestamp": self.clock.now().strftime("%Y-%m-%d %H:%M:%SZ"),
            "trace_id": trace,
            "correlation_id": trace,
        }
        return answered(told, status)

    def _identity(self, asked: Asked) -> Answer:
        if asked.headers.get("x-identity-header") != IDENTITY_HEADER or not self.identity:
            return _unidentified("No managed identity was found.")
        if asked.one("client_id") not in ("", CLIENT_ID):
            return _unidentified("No user-assigned identity was found for the client id.")
        token = self.issue(asked.one("resource"), "managed_identity")
        told: Json = {
            "access_token": token.text,
            "client_id": CLIENT_ID,
            # `msal` counts from the real clock.
            "expires_on": str(int(time.time()) + self.lifetime),
            "resource": asked.one("resource"),
            "token_type": "Bearer",
        }
        return answered(told)


def _wrong(asked: dict[str, Any]) -> str | None:
    if asked.get("client_id") != CLIENT_ID:
        return "AADSTS700016"
    if asked.get("client_assertion_type") == FEDERATED:
        return None if asked.get("client_assertion") == ASSERTION else "AADSTS70021"
    return None if asked.get("client_secret") == SECRET else "AADSTS7000215"


def _audience(scope: str) -> str:
    """Whom a scope is for; `msal` adds scopes of its own behind it."""
    return scope.split()[0].removesuffix("/.default")


def _relative(path: str) -> str:
    return "/" + path.lstrip("/").partition("/")[2]


def _unidentified(message: str) -> Answer:
    return answered({"statusCode": 400, "message": message}, 400)
