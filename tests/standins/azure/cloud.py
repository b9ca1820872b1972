"""All of Azure that the library meets, on one clock."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from finetune_sdk.transport import Clock
from tests.standins.azure.arm import Arm
from tests.standins.azure.authority import Authority
from tests.standins.azure.service import AzureService


class Azure:
    """A data plane, a control plane and an authority that know each other.

    Attributes:
        authority: issues tokens for both planes.
        data: files, jobs, models and chat.
        arm: deployments.
        subscription: what a deployment needs to be found, with `group` and `account`.
    """

    def __init__(self, clock: Clock, folder: Path, *, uploads: bool = False) -> None:
        self.clock = clock
        self.authority = Authority(clock, folder)
        self.data = AzureService(clock, authority=self.authority, uploads=uploads)
        self.arm = Arm(clock, self.authority, self.data)
        self.data.arm = self.arm
        self.subscription = self.arm.subscription
        self.group = self.arm.group
        self.account = self.arm.account

    @property
    def environ(self) -> dict[str, str]:
        """What lets Azure's own packages find it. The CA's file lets them trust nobody else."""
        authority = self.authority
        return {
            "AZURE_TENANT_ID": authority.tenant,
            "AZURE_CLIENT_ID": authority.client_id,
            "AZURE_CLIENT_SECRET": authority.secret,
            "AZURE_AUTHORITY_HOST": authority.url,
            "REQUESTS_CA_BUNDLE": str(authority.ca_file),
            "IDENTITY_ENDPOINT": authority.identity_endpoint,
            "IDENTITY_HEADER": authority.identity_header,
        }

    def start(self) -> None:
        for one in (self.authority, self.data, self.arm):
            one.start()

    def stop(self) -> None:
        with ExitStack() as ends:
            for one in (self.authority, self.data, self.arm):
                ends.callback(one.stop)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
