"""Packages of the extra `datasets`, imported when they are needed first."""

from __future__ import annotations

import importlib
from types import ModuleType

from finetune_sdk.errors import MissingDependencyError


def extra(name: str, package: str) -> ModuleType:
    """The module `name`.

    Raises:
        MissingDependencyError: `package`, which brings it, is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(package, "datasets") from error
