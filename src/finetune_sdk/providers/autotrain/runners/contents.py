"""What is put into a Space: its files, its secrets, and what it is told openly.

The names are those that AutoTrain's own `SpaceRunner` writes (autotrain-advanced 0.8.36,
`backends/spaces.py`). The token is in the one secret `HF_TOKEN` and nowhere else: AutoTrain would
write it into `PARAMS`, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from finetune_sdk.providers.autotrain import inside
from finetune_sdk.providers.autotrain.choosing.rows import made_here
from finetune_sdk.providers.autotrain.order import Order
from finetune_sdk.providers.autotrain.record import LABEL, encode
from finetune_sdk.providers.autotrain.runners.courses import PAIRS

PREFIX = "autotrain-"
"""AutoTrain puts it before a project's name to name its Space."""

RECORD_ENV = inside.RECORD_ENV
HARDWARE_ENV, TIMEOUT_ENV, PAIRS_ENV = "FINETUNE_HARDWARE", "FINETUNE_TIMEOUT", "FINETUNE_PAIRS"
TOKEN_ENV = "HF_TOKEN"  # noqa: S105 - the name of the variable

VERSION = "0.8.36"
"""Of AutoTrain: the last one. Its own Dockerfile takes whatever is the newest."""

PROGRAM = "start.py"
"""What makes a Space ours; it comes with the other files in one commit."""

_README = """---
title: {project}
emoji: 🚀
colorFrom: green
colorTo: indigo
sdk: docker
pinned: false
tags:
- autotrain
- {label}
---

AutoTrain trains `{repo}` here. The Space pauses itself when the training is over, and says on its
page how it went.
"""

# In the form that goes through a shell: the container of AutoTrain has one that activates its
# environment.
_DOCKERFILE = """FROM {image}
RUN pip uninstall -y autotrain-advanced && pip install autotrain-advanced=={version}
COPY {program} ./{program}
CMD python {program}
"""


def space_of(order: Order) -> str:
    """The Space of an order."""
    return f"{order.namespace}/{PREFIX}{order.project}"


def files_of(order: Order) -> dict[str, bytes]:
    """The files of a Space, by their paths. There is no secret in them."""
    readme = _README.format(project=order.project, label=LABEL, repo=order.repo)
    dockerfile = _DOCKERFILE.format(image=order.image, version=VERSION, program=PROGRAM)
    program = (files(inside.__name__) / "space.py").read_text(encoding="utf-8")
    texts = {"README.md": readme, "Dockerfile": dockerfile, PROGRAM: program}
    return {path: text.encode() for path, text in texts.items()}


def secrets_of(order: Order, token: str) -> dict[str, str]:
    """The secrets of a Space."""
    description = order.description
    return {
        TOKEN_ENV: token,
        "AUTOTRAIN_USERNAME": order.namespace,
        "PROJECT_NAME": order.project,
        "TASK_ID": str(description.task_id),
        "PARAMS": json.dumps(description.to_params(order.namespace)),
        "DATA_PATH": description.data.path,
        "MODEL": description.base_model,
    }


def variables_of(order: Order) -> dict[str, str]:
    """What whoever sees the Space may read, and finds the job by."""
    pairs = order.spec.method.name in PAIRS and made_here(order.spec.training_file.id)
    return {
        **({PAIRS_ENV: "1"} if pairs else {}),
        HARDWARE_ENV: order.machine.name,
        TIMEOUT_ENV: str(int(order.seconds)),
        # The last one: until it is there, what is there is not believed to be whole.
        RECORD_ENV: encode(order),
    }


def told_of(variables: Mapping[str, str]) -> dict[str, str]:
    """Of the variables of a Space, those that are ours."""
    ours = (PAIRS_ENV, HARDWARE_ENV, TIMEOUT_ENV, RECORD_ENV)
    return {name: variables[name] for name in ours if name in variables}


def write(api: Any, order: Order, token: str) -> None:
    """Puts secrets and variables on a Space that is there, in place of those that it has."""
    space, variables = space_of(order), variables_of(order)
    for key, value in secrets_of(order, token).items():
        api.add_space_secret(space, key, value)
    for key in told_of(dict.fromkeys(api.get_space_variables(space), "")):
        if key not in variables:
            api.delete_space_variable(space, key)
    for key, value in variables.items():
        api.add_space_variable(space, key, value)


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """As the Hub takes them along with a Space."""
    return [{"key": key, "value": value} for key, value in values.items()]


def additions(order: Order) -> list[Any]:
    """The files of a Space, as one commit takes them."""
    from huggingface_hub import CommitOperationAdd

    return [CommitOperationAdd(path, content) for path, content in files_of(order).items()]
