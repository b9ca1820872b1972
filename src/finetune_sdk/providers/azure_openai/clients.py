"""Microsoft's clients of Resource Manager, with the policies that we let them have."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from typing import Any, NoReturn

from finetune_sdk.errors import MissingDependencyError
from finetune_sdk.providers.azure_openai.elsewhere import guard
from finetune_sdk.providers.azure_openai.identity import Identity


class Clients:
    """Opened on first use, and anew in a process that was forked.

    Their own list of policies sends a PUT that fails up to ten times, follows redirects, and
    registers services in the caller's subscription; ours has what a request needs.
    """

    def __init__(
        self, *, identity: Identity, subscription: str, place: str, scope: str, transport: Any
    ) -> None:
        """Opens nothing yet.

        Args:
            identity: who asks.
            subscription: of the resource.
            place: the address of Resource Manager.
            scope: of its tokens.
            transport: the caller's own, of azure-core; None is that of the package.
        """
        self._identity, self._subscription = identity, subscription
        self._place, self._scope, self._transport = place, scope, transport
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._stack = ExitStack()
        self._management: Any = None
        self._pipeline: Any = None

    def deployments(self) -> Any:
        """The operations on deployments.

        Raises:
            MissingDependencyError: the package is not installed.
        """
        with self._held():
            if self._management is None:
                try:
                    from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
                except ImportError:
                    raise MissingDependencyError("azure-mgmt-cognitiveservices", "azure") from None
                make: Any = CognitiveServicesManagementClient
                self._management = self._opened(
                    make, self._identity, self._subscription, base_url=self._place
                )
            return self._management.deployments

    def plain(self) -> Any:
        """A client for addresses that the service gives us."""
        with self._held():
            if self._pipeline is None:
                from azure.mgmt.core import ARMPipelineClient

                make: Any = ARMPipelineClient
                self._pipeline = self._opened(make, self._place)
            return self._pipeline

    def renew(self) -> None:
        """The next request is sent by new ones, which know no token; others end what they do."""
        with self._held():
            self._management, self._pipeline = None, None

    def close(self) -> None:
        """Closes connections. Twice is allowed; a later request opens them anew."""
        with self._held():
            stack, self._stack = self._stack, ExitStack()
            self._management, self._pipeline = None, None
        stack.close()

    def _opened(self, make: Any, *given: object, **words: object) -> Any:
        if self._transport is not None:
            # It is the caller's to open and to close.
            return make(*given, policies=self._policies(), transport=self._transport, **words)
        return self._stack.enter_context(make(*given, policies=self._policies(), **words))

    def _policies(self) -> list[Any]:
        from azure.core.pipeline import policies
        from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

        return [
            policies.RequestIdPolicy(),
            policies.UserAgentPolicy("finetune-anywhere"),
            policies.ContentDecodePolicy(),
            guard(self._place),
            ARMChallengeAuthenticationPolicy(self._identity, self._scope),
            policies.CustomHookPolicy(),
            policies.HttpLoggingPolicy(),
        ]

    def _held(self) -> threading.RLock:
        if self._process != os.getpid():
            # Connections of another process are not ours to use or to close.
            self._process, self._lock, self._stack = os.getpid(), threading.RLock(), ExitStack()
            self._management, self._pipeline = None, None
        return self._lock

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client of Resource Manager is not copied or pickled")
