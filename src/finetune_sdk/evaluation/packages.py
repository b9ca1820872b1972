"""Packages of the extra `evaluation`, imported when they are needed first."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from finetune_sdk.errors import MissingDependencyError


def package(name: str) -> Any:
    """The module of that name.

    Raises:
        MissingDependencyError: the package that brings it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(name.partition(".")[0], "evaluation") from error
