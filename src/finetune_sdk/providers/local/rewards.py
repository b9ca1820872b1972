"""What is found out about rewards before a job is made. Nothing of theirs is run or imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_sdk.errors import ConfigurationError, UnsupportedError
from finetune_sdk.providers.local.training import graders
from finetune_sdk.types import Reinforcement

if TYPE_CHECKING:
    from finetune_sdk.types import Method

_TAKEN = sys.stdlib_module_names | {
    "accelerate",
    "datasets",
    "finetune_sdk",
    "numpy",
    "peft",
    "torch",
    "transformers",
    "trl",
}
"""Modules that a training imports itself: one of the caller's own would hide them."""


def locate(method: Method) -> str | None:
    """The folder that all modules of a method's reward functions are imported from.

    The working folder is looked at first, then where Python looks.

    Returns:
        None where there are none.

    Raises:
        ConfigurationError: a module is nowhere, has a name that is taken, or they lie in several
            folders; a reward is named twice; a grader is wrong.
        UnsupportedError: a grader is not to be had here.
        MissingDependencyError: a grader needs a package that is not installed.
    """
    check(method)
    if not isinstance(method, Reinforcement) or not method.rewards:
        return None
    _refuse_twins([*method.rewards, *([method.grader.name] if method.grader else [])])
    folders = {_folder_of(name) for name in method.rewards}
    if len(folders) > 1:
        raise ConfigurationError(
            f"the modules of `rewards` lie in several folders ({', '.join(sorted(folders))}); put "
            "them in one, or install them"
        )
    return folders.pop()


def check(method: Method) -> None:
    """Looks at a method's grader without running it.

    Raises:
        ConfigurationError: a template or a source is wrong.
        UnsupportedError: what it measures is not to be had here.
        MissingDependencyError: it needs a package that is not installed.
    """
    grader = method.grader if isinstance(method, Reinforcement) else None
    if grader is None:
        return
    refusal = graders.refusal(grader)
    if refusal is not None:
        raise UnsupportedError(
            f"the grader {grader.name!r} measures {getattr(grader, 'evaluation_metric', '')!r}, "
            f"which `local` cannot: {refusal}; take another `evaluation_metric`, as 'rouge_l'"
        )
    try:
        graders.check(grader)
    except graders.GraderError as error:
        raise ConfigurationError(f"`grader`: {error}") from error


def _refuse_twins(names: Sequence[str]) -> None:
    twin = next((name for name in names if names.count(name) > 1), None)
    if twin is not None:
        raise ConfigurationError(
            f"{twin!r} stands twice among `rewards` and the name of the `grader`; name each "
            "once, and weigh it with `reward_weights`, or rename the grader"
        )


def _working_folder() -> str:
    try:
        return str(Path.cwd())
    except OSError as error:
        raise ConfigurationError(
            f"`rewards` are looked for in the working folder, which cannot be had ({error}); "
            "change into a folder that is there"
        ) from error


def _folder_of(name: str) -> str:
    top = name.partition(":")[0].partition(".")[0]
    if top in _TAKEN:
        raise ConfigurationError(
            f"`rewards` names {name!r}, and {top!r} is the name of a module that the training "
            "imports itself; rename the module"
        )
    found = PathFinder.find_spec(top, [_working_folder()]) or PathFinder.find_spec(top)
    if found is not None and found.submodule_search_locations:
        return str(Path(found.submodule_search_locations[0]).absolute().parent)
    if found is None or found.origin is None:
        raise ConfigurationError(
            f"`rewards` names {name!r}, and there is no module {top!r} in the working folder or "
            "where Python looks; run this where the module is, or install it"
        )
    return str(Path(found.origin).absolute().parent)
