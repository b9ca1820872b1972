"""Azure Resource Manager, as far as the deployments of one account go."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from finetune_sdk.transport import Clock
from tests.standins.azure.answers import answer
from tests.standins.azure.authority import Authority
from tests.standins.azure.checks import ArmError, fault
from tests.standins.azure.deployment import Operation, StoredDeployment
from tests.standins.azure.door import Asked, Door, Log
from tests.standins.azure.service import AzureService
from tests.standins.openai import Answer, Faults
from tests.standins.openai.wire import Json

SUBSCRIPTION = "5ab5c21b-0000-4000-8000-57a2d1000003"
GROUP = "standin-group"
ACCOUNT = "standin-account"
PROVIDER = "providers/Microsoft.CognitiveServices"


class Arm:
    """Deployments of an account, over TLS. What is made from now on goes by its settings.

    Attributes:
        quota: the most capacity by the name of a sku; what is absent has no limit.
        roles: what callers may do, "read" and "deploy".
        creating: seconds from a PUT to the end of its operation.
        deleting: seconds from a DELETE to the end of its operation.
        servable_after: seconds from `Succeeded` until chat calls are answered.
        page: deployments on one page of the list.
        absent: the status of a DELETE of what is not there: 204, or 404.
        versions: every `api-version` that was asked for, in order.
        failures: what the next PUTs end with, in order; see `fail`.
        deployments: by name in lower case, as of the last look; see `billing`.
        operations: by id.
        faults: what goes wrong. Paths are `/deployments`, `/deployments/NAME`,
            `/operationResults/ID` and `/operationLocations/ID`.
    """

    subscription = SUBSCRIPTION
    group = GROUP
    account = ACCOUNT

    def __init__(self, clock: Clock, authority: Authority, data: AzureService) -> None:
        self.clock = clock
        self.authority = authority
        self.data = data
        self.quota: dict[str, int] = {}
        self.roles = {"read", "deploy"}
        self.creating = 60.0
        self.deleting = 20.0
        self.servable_after = 0.0
        self.page = 100
        self.absent = 204
        self.versions: list[str] = []
        self.failures: deque[Json] = deque()
        self.deployments: dict[str, StoredDeployment] = {}
        self.operations: dict[str, Operation] = {}
        self._log = Log()
        # One lock for both planes: each looks into the other.
        self._lock = data.lock
        self._door = Door(
            self._answer, self._log, self._lock, relative=_relative, tls=authority.tls.context()
        )

    @property
    def url(self) -> str:
        """What a management client takes as its `base_url`."""
        return self._door.address

    @property
    def faults(self) -> Faults:
        return self._log.faults

    @property
    def requests(self) -> list[Asked]:
        """What came in whole so far, in order."""
        with self._lock:
            return list(self._log.requests)

    @property
    def puts(self) -> list[Asked]:
        return [one for one in self.requests if one.method == "PUT"]

    @property
    def most_in_flight(self) -> int:
        """How many writes were under way at once, at most."""
        return self._door.most_writes

    @property
    def account_id(self) -> str:
        """The account's path."""
        return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/{PROVIDER}/accounts/{ACCOUNT}"

    def start(self) -> None:
        self._door.start()

    def stop(self) -> None:
        self._door.stop()

    def handle(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """One request, without a socket."""
        return self._door.begin(method, target, headers).answer((body,))

    def fail(self, code: str, message: str, details: Iterable[Json] = ()) -> None:
        """The next PUT is accepted, and its operation ends with this error."""
        self.failures.append(fault(code, message, details))

    def billing(self) -> list[StoredDeployment]:
        """The deployments that exist now."""
        with self._lock:
            now = self.clock.monotonic()
            for key in [key for key, one in self.deployments.items() if one.left(now)]:
                del self.deployments[key]
            return list(self.deployments.values())

    def find(self, name: str) -> StoredDeployment | None:
        return next((one for one in self.billing() if one.name.lower() == name.lower()), None)

    def serving(self, name: str) -> StoredDeployment | None:
        """The deployment of this name, if it answers by now."""
        found = self.find(name)
        return found if found is not None and found.serving(self.clock.monotonic()) else None

    def deploys(self, model: str) -> bool:
        """A model is deployed, and cannot be deleted."""
        return any(one.model == model for one in self.billing())

    def begin(self, end: float, failure: Json | None = None) -> Operation:
        """An operation that begins now."""
        number, now = len(self.operations) + 1, self.clock.monotonic()
        operation = Operation(f"{number:08x}-57a2", now, end, self.clock.now(), failure)
        self.operations[operation.id] = operation
        return operation

    def _answer(self, asked: Asked) -> Answer:
        try:
            return answer(self, asked)
        except ArmError as error:
            return error.answer


def _relative(path: str) -> str:
    """A path without that of the account, or of the region."""
    for mark in (f"/accounts/{ACCOUNT}/", "/locations/eastus2/"):
        if mark in path:
            return "/" + path.partition(mark)[2]
    return path
