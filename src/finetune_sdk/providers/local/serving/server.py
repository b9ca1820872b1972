"""The server's process: fetches the weights, loads the model, says ready, answers until it ends.

It ends when it is asked to by the file `stop`, or when its folder is gone. What it prints goes to
the deployment's log, which holds nothing of any request.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_sdk.errors import FineTuneError, ProviderError
from finetune_sdk.providers.local.models import weights
from finetune_sdk.providers.local.options import LocalDeploymentOptions
from finetune_sdk.providers.local.serving.folder import DeploymentFolder
from finetune_sdk.transport import redact

if TYPE_CHECKING:
    import uvicorn

    from finetune_sdk.providers.local.serving.middleware import Gate

_LOG = logging.getLogger("finetune_sdk")
_LOOK_SECONDS = 0.2
# Answers under way get the first; the second is for a model that is in the midst of a long step.
_GRACE_SECONDS = 2
_LAST_RESORT_SECONDS = 5.0


def main(arguments: Sequence[str]) -> int:
    """Serves the deployment in the folder `arguments[0]` on the socket `arguments[1]`."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    folder = DeploymentFolder(Path(arguments[0]))
    listener = socket.socket(fileno=int(arguments[1]))
    watch = Watch(folder)
    watch.start()
    folder.enter("creating", pid=os.getpid())
    try:
        gate = _make(folder)
    except Exception as error:  # noqa: BLE001 - whatever it is, others must learn of it
        _LOG.exception("the model cannot be served")
        folder.enter("failed", error=_reason(error))
        return 1
    watch.server = _server(gate)
    folder.enter("ready")
    watch.server.run(sockets=[listener])
    return 0


class Watch(threading.Thread):
    """Ends the process when it is asked to, or when its folder is another's or gone.

    Attributes:
        server: what answers, once it does: it may finish what it is doing.
    """

    def __init__(self, folder: DeploymentFolder) -> None:
        super().__init__(daemon=True, name="watch")
        self._folder = folder
        self._identity = folder.identity()
        self._pause = threading.Event()
        self.server: uvicorn.Server | None = None

    def run(self) -> None:
        while not self._folder.stopping and self._folder.identity() == self._identity:
            self._pause.wait(_LOOK_SECONDS)
        _LOG.info("asked to end")
        if self.server is not None:
            self.server.should_exit = True
            self._pause.wait(_LAST_RESORT_SECONDS)
        # Loading cannot be interrupted any other way; the lock goes with the process.
        os._exit(0)


def _make(folder: DeploymentFolder) -> Gate:
    from finetune_sdk.providers.local.serving import app
    from finetune_sdk.providers.local.serving.middleware import Gate
    from finetune_sdk.providers.local.serving.request import Served

    spec = folder.spec()
    found = weights.find(spec.model, folder.home, os.environ)
    model = weights.fetch(found, folder.home, _LOG.info)
    engine = app.load(model, LocalDeploymentOptions.model_validate(spec.options))
    _LOG.info("the model is loaded: %s", engine.device)
    served = Served(
        name=spec.name,
        target=app.TARGET,
        created=int(folder.lock.stat().st_ctime),
        tools=engine.tools,
        private=(str(model), str(folder.path), str(folder.home.root)),
    )
    return Gate(engine.app, served=served, key=folder.key(), give_up=engine.give_up)


def _server(gate: Gate) -> uvicorn.Server:
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            gate,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


def _reason(error: Exception) -> dict[str, str]:
    if isinstance(error, FineTuneError):
        code = error.code if isinstance(error, ProviderError) and error.code else "not_servable"
        return {"code": code, "message": str(error)}
    code = "out_of_memory" if isinstance(error, MemoryError) else "load_failed"
    message = f"the model cannot be loaded: {type(error).__name__}: {error}"
    return {"code": code, "message": redact(message)}
