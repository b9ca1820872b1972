"""`python -m finetune_sdk.providers.local.serving <deployment folder> <socket> <lock>`."""

from __future__ import annotations

import logging
import os
import sys

from finetune_sdk.providers.local.process import detach

if __name__ == "__main__":
    # Before the imports that cost time: the caller waits for it.
    detach()
    from finetune_sdk.providers.local.serving.server import main

    status = main(sys.argv[1:])
    logging.shutdown()
    # Taking torch down in good order takes a second, and whoever deletes would wait for it.
    os._exit(status)
