"""Where the modules of reward functions lie, as the caller sees it. Nothing of them is imported."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types import Reinforcement

if TYPE_CHECKING:
    from finetune_sdk.types import Method


def locate(method: Method) -> str | None:
    """The folder that all modules of a method's reward functions are imported from.

    The working folder is looked at first, then where Python looks.

    Returns:
        None where there are none.

    Raises:
        ConfigurationError: a module is nowhere, or they lie in several folders.
    """
    if not isinstance(method, Reinforcement) or not method.rewards:
        return None
    folders = {_folder_of(name) for name in method.rewards}
    if len(folders) > 1:
        raise ConfigurationError(
            f"the modules of `rewards` lie in several folders ({', '.join(sorted(folders))}); put "
            "them in one, or install them"
        )
    return folders.pop()


def _folder_of(name: str) -> str:
    top = name.partition(":")[0].partition(".")[0]
    found = PathFinder.find_spec(top, [str(Path.cwd())]) or PathFinder.find_spec(top)
    if found is not None and found.submodule_search_locations:
        return str(Path(found.submodule_search_locations[0]).absolute().parent)
    if found is None or found.origin is None:
        raise ConfigurationError(
            f"`rewards` names {name!r}, and there is no module {top!r} in the working folder or "
            "where Python looks; run this where the module is, or install it"
        )
    return str(Path(found.origin).absolute().parent)
