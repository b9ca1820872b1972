"""The server's process: fetches the weights, has them loaded, says ready, answers until it ends.

It ends when it is asked to by the file `stop`, or when its folder is gone. What it prints goes to
the deployment's log, which holds nothing of any request.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_sdk.errors import FineTuneError, ProviderError, ServerError
from finetune_sdk.providers.local.models import weights
from finetune_sdk.providers.local.options import LocalDeploymentOptions
from finetune_sdk.providers.local.serving.folder import DeploymentFolder
from finetune_sdk.providers.local.serving.gate import Answerer, Gate
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.transport import redact
from finetune_sdk.types import DeploymentSpec

if TYPE_CHECKING:
    import uvicorn

    from finetune_sdk.providers.local.serving.vllm.child import Child

_LOG = logging.getLogger("finetune_sdk")
_LOOK_SECONDS = 0.2
# Answers under way get the first; the second is for a model that is in the midst of a long step.
_GRACE_SECONDS = 2
_LAST_RESORT_SECONDS = 5.0
_ENDED = "server_ended"


def main(arguments: Sequence[str]) -> int:
    """Serves the deployment of a folder.

    Args:
        arguments: the folder, and the descriptors of the socket and of the deployment's lock.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    folder = DeploymentFolder(Path(arguments[0]))
    listener = socket.socket(fileno=int(arguments[1]))
    watch = Watch(folder)
    watch.start()
    folder.enter("creating", pid=os.getpid())
    try:
        gate = _make(folder, watch, lock=int(arguments[2]))
    except Exception as error:  # noqa: BLE001 - whatever it is, others must learn of it
        _LOG.exception("the model cannot be served")
        folder.enter("failed", error=_reason(error))
        return 1
    watch.server = _server(gate)
    if not watch.over:
        folder.enter("ready")
    watch.server.run(sockets=[listener])
    return 0


class Watch(threading.Thread):
    """Ends the process when it is asked to, or when its folder is another's or gone.

    Attributes:
        server: what answers, once it does: it may finish what it is doing.
        over: what is behind it has ended.
    """

    def __init__(self, folder: DeploymentFolder) -> None:
        super().__init__(daemon=True, name="watch")
        self._folder = folder
        self._identity = folder.identity()
        self._pause = threading.Event()
        self.server: uvicorn.Server | None = None
        self.over = False

    def run(self) -> None:
        while self._wanted:
            self._pause.wait(_LOOK_SECONDS)
        _LOG.info("asked to end")
        if self.server is not None:
            self.server.should_exit = True
            self._pause.wait(_LAST_RESORT_SECONDS)
        # Loading cannot be interrupted any other way; the lock goes with the process.
        os._exit(0)

    @property
    def _wanted(self) -> bool:
        stays = self._folder.identity() == self._identity
        return stays and not (self.over or self._folder.stopping)


def _make(folder: DeploymentFolder, watch: Watch, *, lock: int) -> Gate:
    spec, key = folder.spec(), folder.key()
    found = weights.find(spec.model, folder.home, os.environ)
    model = weights.fetch(found, folder.home, _LOG.info)
    private = (key, str(model), str(folder.path), str(folder.home.root))
    command = folder.vllm

    def clean(text: str) -> str:
        return redact(text, *private)

    if command:
        answerer = _vllm(folder, watch, command, model, clean, lock)
    else:
        answerer = _transformers(spec, model, clean)
    return Gate(answerer, name=spec.name, created=int(folder.lock.stat().st_ctime), key=key)


def _transformers(spec: DeploymentSpec, model: Path, clean: Callable[[str], str]) -> Answerer:
    from finetune_sdk.providers.local.serving import app
    from finetune_sdk.providers.local.serving.request import Served
    from finetune_sdk.providers.local.serving.turns import Turns

    engine = app.load(model, LocalDeploymentOptions.model_validate(spec.options))
    _LOG.info("the model is loaded: %s", engine.device)
    served = Served(name=spec.name, target=app.TARGET, tools=engine.tools)
    return Turns(engine.app, served=served, give_up=engine.give_up, clean=clean)


def _vllm(
    folder: DeploymentFolder,
    watch: Watch,
    command: Sequence[str],
    model: Path,
    clean: Callable[[str], str],
    lock: int,
) -> Answerer:
    from finetune_sdk.providers.local.serving.vllm.child import Child
    from finetune_sdk.providers.local.serving.vllm.forward import Forward

    spec = folder.spec()
    options = LocalDeploymentOptions.model_validate(spec.options)
    child = Child(
        command,
        model=model,
        name=spec.name,
        options=options,
        environ=os.environ,
        lock=lock,
    )

    def ended() -> None:
        folder.enter("failed", error=_ended(child, folder))
        watch.over = True

    if not child.wait_until_ready():
        raise ServerError(child.last_words(folder.log), provider=NAME, code=_ENDED)
    child.watch(ended)
    return Forward(child.socket, key=child.key, name=spec.name, clean=clean)


def _ended(child: Child, folder: DeploymentFolder) -> dict[str, str]:
    return {"code": _ENDED, "message": child.last_words(folder.log)}


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
            lifespan="off",
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
