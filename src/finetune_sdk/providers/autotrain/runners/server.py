"""Jobs whose Space an AutoTrain app makes: asked by its REST API, followed through the Hub.

The app (`autotrain app`, 0.8.36) has no status and no list, says "Internal Server Error" for most
of what goes wrong, and loses every model that it is asked for by REST: `push_to_hub` is false among
its parameters, and no request can change it (`app/params.py`, `app/api_routes.py`). So it makes the
Space on the free hardware, is given what it left out there, and the hardware comes last. To stop a
job it would ask the Hub to pause the Space, with the same token; the Hub is asked directly.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    ProviderError,
    ResponseDecodeError,
)
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.order import Order
from finetune_sdk.providers.autotrain.runners import contents
from finetune_sdk.providers.autotrain.runners.app import App
from finetune_sdk.providers.autotrain.runners.space import SpaceRunner
from finetune_sdk.providers.autotrain.runners.stages import FREE, Seen, Told
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport.deadlines import CALL_SECONDS

_VERSIONS = "0.8."


class ServerRunner(SpaceRunner):
    """Lets an AutoTrain app make the Spaces of orders."""

    def __init__(
        self,
        hub: Hub,
        *,
        url: str,
        folder: Path,
        seconds: float = CALL_SECONDS,
        http_client: Any = None,
    ) -> None:
        """Sends nothing yet.

        Args:
            hub: that the app works with.
            url: of the app.
            folder: where it is written down what the app was asked for.
            seconds: the deadline of a call.
            http_client: of the HTTP library under `huggingface_hub`; closed by whoever made it.
        """
        super().__init__(hub)
        self._folder = folder
        self._app = App(
            url, credential=hub.credential, clock=hub.clock, seconds=seconds, client=http_client
        )

    # Making it

    def _made(self, order: Order) -> Seen:
        self._check_free(order)
        self._check_version()
        space = contents.space_of(order)
        self._keep(space, order)
        try:
            self._create(order)
        except ProviderError as error:
            lost = error
        else:
            return self._look(space)
        # Outside of the clause: what the app said is no cause of what we say.
        return self._after(lost, space)

    def _fill(self, order: Order) -> None:
        self._write(order)
        super()._fill(order)

    def _create(self, order: Order) -> None:
        body = order.description.to_rest(order.namespace, FREE)
        answer = self._app.post("create", "/api/create_project", body)
        space = contents.space_of(order)
        if answer.get("job_id") != space:
            raise ResponseDecodeError(
                f"{NAME}: the AutoTrain app answers without the job {space!r}",
                provider=NAME,
                effect="unknown",
            )

    def _after(self, lost: ProviderError, space: str) -> Seen:
        """The Space, where the app has made it all the same."""
        seen = self._find(space) if lost.effect == "unknown" else None
        # That is the last thing that it puts there: without it the app may be at it yet.
        if seen is not None and "Dockerfile" in seen.files:
            return seen
        if seen is not None or lost.status_code != 500:
            raise lost
        raise InvalidRequestError(
            f"{NAME}: the AutoTrain app answers 500 and says no more, and it made no Space "
            f"{space!r}. It does so when the Hub refuses the Space, as for a token that may not "
            "write, and for a name or a task that it does not take; its own console has the reason",
            provider=NAME,
            code="server_failed",
            status_code=500,
        )

    def _check_free(self, order: Order) -> None:
        if self._hub.find(lambda api: api.model_info(order.repo), what=order.repo) is not None:
            raise ConflictError(
                f"{NAME}: there is a model {order.repo!r} already, on which AutoTrain fails when "
                "it begins to train; give another `project_name`. Nothing was started",
                provider=NAME,
                code="project_taken",
            )

    def _check_version(self) -> None:
        found = self._app.get("/api/version").get("version")
        if not isinstance(found, str):
            raise ConfigurationError(
                f"{NAME}: `server_url` {self._app.url!r} is no AutoTrain app: it does not tell its "
                "version; start one with `autotrain app`. Nothing was started"
            )
        if not found.startswith(_VERSIONS):
            raise ConfigurationError(
                f"{NAME}: the AutoTrain app at {self._app.url!r} is version {found!r:.40}, and "
                f'this package knows {_VERSIONS}x; write `runner = "jobs"`. Nothing was started'
            )

    # What it was asked for, until that is written on the Space

    def _record(self, space: str) -> Told:
        found = super()._record(space)
        if contents.RECORD_ENV in found.values:
            return found
        return found._replace(values={**self._kept(space), **found.values})

    def _keep(self, space: str, order: Order) -> None:
        path = self._path(space)
        part = path.with_suffix(".part")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(
                os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
            ) as file:
                json.dump(contents.variables_of(order), file)
            part.replace(path)
        except OSError as error:
            raise ConfigurationError(
                f"{NAME}: the record of the job cannot be kept in {str(path.parent)!r} "
                f"({error.strerror}); set FINETUNE_HOME to a folder that can be written. Nothing "
                "was started"
            ) from None

    def _kept(self, space: str) -> Mapping[str, str]:
        try:
            found: object = json.loads(self._path(space).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        table = cast("Mapping[object, object]", found)
        return {str(name): value for name, value in table.items() if isinstance(value, str)}

    def _path(self, space: str) -> Path:
        return self._folder / f"{space.replace('/', '--')}.json"
