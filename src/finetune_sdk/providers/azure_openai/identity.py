"""Who is asking: one credential of Microsoft's identity service, for both planes."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    FineTuneError,
    MissingDependencyError,
    ProviderError,
)
from finetune_sdk.providers.azure_openai.clouds import CLOUDS
from finetune_sdk.providers.azure_openai.settings import NAME, CredentialName
from finetune_sdk.transport import redact

# Of one request to the token service; its own retries come on top.
_PATIENCE: Mapping[str, Any] = {"connection_timeout": 10, "read_timeout": 20, "retry_total": 1}
_CLI_SECONDS = 10
_SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD")
_NO_TOKEN = "no_token"  # noqa: S105 - a code of ours

_SERVICE_PRINCIPAL = (
    "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or "
    "AZURE_CLIENT_CERTIFICATE_PATH)"
)
_MENDS: Mapping[str, str] = {
    "default": "run `az login` or `azd auth login`; on a machine in Azure give it a managed "
    f"identity; or {_SERVICE_PRINCIPAL}",
    "managed_identity": "this works on a machine in Azure that has a managed identity; where it "
    "has several, say `client_id`",
    "workload": "this works in a cluster with workload identity, which sets AZURE_TENANT_ID, "
    "AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE",
    "cli": "run `az login`",
    "azd": "run `azd auth login`",
    "service_principal": f"{_SERVICE_PRINCIPAL} to those of an application that exists",
    "given": "look at the credential that was handed to the provider",
}


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Which credential is to be made.

    Attributes:
        name: of its kind.
        client_id: of an identity that is not the machine's own.
        authority: gives tokens.
        environ: the environment.
    """

    name: CredentialName
    client_id: str | None
    authority: str
    environ: Mapping[str, str] = field(repr=False)


class Identity:
    """A credential, and the tokens that it gives; neither shows up anywhere."""

    def __init__(self, source: Asking | object) -> None:
        """Asks for nothing yet.

        Args:
            source: what is to be made, or an object of the caller's with `get_token`.

        Raises:
            ConfigurationError: it is no credential.
        """
        if not isinstance(source, Asking) and not callable(getattr(source, "get_token", None)):
            raise ConfigurationError(
                f"`credential` is a {type(source).__name__}; it takes a name such as 'default', or "
                "an object of azure-identity, which has `get_token`"
            )
        self._source = source
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._made: Any = None
        self._retired: list[Any] = []
        self._providers: dict[str, Callable[[], str]] = {}

    @property
    def name(self) -> str:
        """What kind it is, for messages."""
        return self._source.name if isinstance(self._source, Asking) else "given"

    def token(self, scope: str) -> str:
        """A token of the moment; the same one until it is about to end.

        Raises:
            AuthenticationError: there is none to be had.
            MissingDependencyError: the package `azure-identity` is not installed.
        """
        return self._provider(scope)()

    def get_token(self, *scopes: str, **words: Any) -> Any:
        """For Microsoft's own clients, which ask a credential so; raises what `token` does."""
        try:
            token = self._credential().get_token(*scopes, **words)
            text = getattr(token, "token", None)
            if isinstance(text, str) and re.fullmatch(r"[!-~]+", text):
                return token
            failure: FineTuneError = self._failed("what it gave is no token")
        except FineTuneError:
            raise
        except Exception as error:  # noqa: BLE001 - of azure-identity, or of anybody's credential
            failure = self.failure(error)
        # Not raised where it was caught: the package's exception may hold a request with a secret.
        raise failure

    def renew(self) -> None:
        """The next token is a new one, as far as that is ours to say: what we made starts anew."""
        with self._held():
            self._providers.clear()
            self._retired += [self._made]  # Another thread may be at it.
            self._made = None

    def close(self) -> None:
        """Hangs up on whom tokens are from. Twice is allowed; a later token opens it anew."""
        with self._held():
            made, self._made = [*self._retired, self._made], None
            self._retired = []
            self._providers.clear()
        # The caller's own is not ours to close.
        for one in made if isinstance(self._source, Asking) else ():
            if one is not None:
                one.close()

    def _credential(self) -> Any:
        with self._held():
            if self._made is None:
                self._made = self._make()
            return self._made

    def _held(self) -> threading.Lock:
        if self._process != os.getpid():
            # Whoever held the lock at the fork is not in this process.
            self._process, self._lock = os.getpid(), threading.Lock()
            self._made, self._retired, self._providers = None, [], {}
        return self._lock

    def _provider(self, scope: str) -> Callable[[], str]:
        with self._held():
            if scope not in self._providers:
                make: Any = _package().get_bearer_token_provider
                self._providers[scope] = make(self, scope)
            return self._providers[scope]

    def _make(self) -> Any:
        if not isinstance(self._source, Asking):
            return self._source
        package = _package()
        # Its warnings are the pages behind an error that is told in a line.
        logging.getLogger("azure.identity").addHandler(logging.NullHandler())
        try:
            return _MAKERS[self._source.name](package, self._source)
        except ValueError as error:
            words = redact(str(error).splitlines()[0][:300])
            raise AuthenticationError(
                f"{NAME}: the credential {self.name!r} cannot be used: {words}; "
                f"{_MENDS[self.name]}",
                provider=NAME,
                code=_NO_TOKEN,
            ) from None

    def failure(self, error: BaseException) -> ProviderError:
        """Our error for one that came out of this credential, maybe inside of a client."""
        if _unreachable(error):
            return ConnectionFailedError(
                f"{NAME}: the credential {self.name!r} gets no token: {self._told(error)}; look at "
                "the network, and at `cloud` or `authority`",
                provider=NAME,
            )
        return self._failed(self._told(error))

    def _failed(self, why: str) -> AuthenticationError:
        return AuthenticationError(
            f"{NAME}: the credential {self.name!r} gives no token: {why}; {_MENDS[self.name]}",
            provider=NAME,
            code=_NO_TOKEN,
        )

    def _told(self, error: BaseException) -> str:
        """The reason in one line, without a secret that somebody has repeated."""
        source = self._source
        said = [source.environ.get(name) for name in _SECRETS] if isinstance(source, Asking) else []
        return _told(error, [secret for secret in said if secret])

    def __repr__(self) -> str:
        return f"<Identity {self.name!r}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not copied or pickled")


def _package() -> Any:
    try:
        import azure.identity
    except ImportError:
        raise MissingDependencyError("azure-identity", "azure") from None
    return azure.identity


def _unreachable(error: BaseException | None) -> bool:
    """The service that gives tokens was not reached: nothing is wrong with the credential."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    while error is not None:
        if isinstance(error, (ServiceRequestError, ServiceResponseError)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _told(error: BaseException, secrets: Sequence[str]) -> str:
    """The reason in one line: a whole chain fails in a page of them."""
    words = str(error).strip() or type(error).__name__
    tried = re.findall(r"^\s{0,8}(\w{1,60}Credential): ", words[:20_000], re.MULTILINE)
    if tried:
        return f"none of {', '.join(dict.fromkeys(tried))} works here"
    return redact(words.splitlines()[0], *secrets)[:300].rstrip(". ")


def _settings(asking: Asking) -> dict[str, Any]:
    known = asking.authority in {cloud.authority for cloud in CLOUDS.values()}
    # Another authority is a private cloud's, which the public one knows nothing of.
    return {
        **_PATIENCE,
        "authority": asking.authority,
        **({} if known else {"disable_instance_discovery": True}),
    }


def _default(package: Any, asking: Asking) -> Any:
    own = {"managed_identity_client_id": asking.client_id} if asking.client_id else {}
    return package.DefaultAzureCredential(process_timeout=_CLI_SECONDS, **own, **_settings(asking))


def _managed(package: Any, asking: Asking) -> Any:
    return package.ManagedIdentityCredential(client_id=asking.client_id, **_PATIENCE)


def _workload(package: Any, asking: Asking) -> Any:
    environ = asking.environ
    return package.WorkloadIdentityCredential(
        tenant_id=environ.get("AZURE_TENANT_ID"),
        client_id=asking.client_id or environ.get("AZURE_CLIENT_ID"),
        token_file_path=environ.get("AZURE_FEDERATED_TOKEN_FILE"),
        **_settings(asking),
    )


def _cli(package: Any, asking: Asking) -> Any:  # noqa: ARG001 - as all of them
    return package.AzureCliCredential(process_timeout=_CLI_SECONDS)


def _azd(package: Any, asking: Asking) -> Any:  # noqa: ARG001 - as all of them
    return package.AzureDeveloperCliCredential(process_timeout=_CLI_SECONDS)


def _service_principal(package: Any, asking: Asking) -> Any:
    said = asking.environ
    who = (said.get("AZURE_TENANT_ID") or "", said.get("AZURE_CLIENT_ID") or "")
    if certificate := said.get("AZURE_CLIENT_CERTIFICATE_PATH"):
        return package.CertificateCredential(*who, certificate, **_settings(asking))
    return package.ClientSecretCredential(
        *who, said.get("AZURE_CLIENT_SECRET") or "", **_settings(asking)
    )


_MAKERS: Mapping[CredentialName, Callable[[Any, Asking], Any]] = {
    "default": _default,
    "managed_identity": _managed,
    "workload": _workload,
    "cli": _cli,
    "azd": _azd,
    "service_principal": _service_principal,
}
