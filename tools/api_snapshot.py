"""Writes down what is public: names, signatures, fields and defaults, in `tests/api/public.txt`.

python tools/api_snapshot.py           writes the file anew
python tools/api_snapshot.py --check   says what has changed, and fails if anything has

Read from the code as it runs; the same on every Python that we support.
"""

from __future__ import annotations

import difflib
import enum
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path, PurePath
from types import FunctionType, UnionType
from typing import Annotated, Any, ForwardRef, Union, cast, get_args, get_origin, get_overloads

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from finetune_sdk.providers import registry

ROOT = Path(__file__).parent.parent
FILE = ROOT / "tests" / "api" / "public.txt"
OURS = "finetune_sdk"
DUNDERS = frozenset({"__init__", "__call__", "__iter__", "__len__", "__getitem__", "__enter__"})
DUNDERS |= {"__aenter__", "__aiter__"}
CLIENTS = (("client", ""), ("aio", "Async"))
RESOURCES = ("Datasets", "Jobs", "Deployments", "Models", "Evaluations")

HEAD = """\
# What is public, made by `make docs`. A line that goes or changes may break somebody's code: say so
# in CHANGELOG.md, then accept it with `python tools/api_snapshot.py`.
"""
ADVICE = """
The public surface is not what tests/api/public.txt says ("-" was, "+" is now).
If that is meant: write it into CHANGELOG.md, and run `python tools/api_snapshot.py`.
"""

Named = tuple[str, object]


def main(arguments: Sequence[str]) -> int:
    if "--check" not in arguments:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(text(), encoding="utf-8")
        return 0
    changed = changes(FILE.read_text(encoding="utf-8"), text())
    if changed:
        print("\n".join(changed), ADVICE, sep="\n")
    return 1 if changed else 0


def changes(was: str, is_now: str) -> list[str]:
    """The lines that went and came, each under its heading."""
    lines = difflib.unified_diff(
        was.splitlines(), is_now.splitlines(), "was", "is now", lineterm="", n=0
    )
    return [line for line in lines if not line.startswith("@@")]


def text() -> str:
    """The whole snapshot."""
    told: dict[object, str] = {}
    sections = [
        "\n".join([f"\n## {title}\n", *(x for name in names for x in lines(title, *name, told))])
        for title, names in rooms()
    ]
    return HEAD + "\n".join([*sections, "\n## The command `finetune`\n", *commands(), ""])


def rooms() -> Iterator[tuple[str, list[Named]]]:
    """What users import, by the module that they import it from."""
    package = import_module(OURS)
    yield OURS, named(package, [name for name in dir(package) if name != "__version__"])
    for name in ("errors", "types", "datasets", "prices", "providers.base", "testing", "transport"):
        module = import_module(f"{OURS}.{name}")
        yield module.__name__, named(module, getattr(module, "__all__", None) or own(module))
    for module, prefix in CLIENTS:
        yield (
            f"the resources of {OURS}.{module}",
            resources(import_module(f"{OURS}.{module}"), prefix),
        )
    yield "the built-in providers", providers()


def named(module: object, names: Iterable[str]) -> list[Named]:
    return [(name, getattr(module, name)) for name in sorted(names)]


def own(module: Any) -> list[str]:
    """The public names that are made in a module."""
    made = ((name, value) for name, value in vars(module).items() if not name.startswith("_"))
    return [name for name, value in made if getattr(value, "__module__", "") == module.__name__]


def resources(module: object, prefix: str) -> list[Named]:
    return named(module, [prefix + name for name in RESOURCES])


def providers() -> list[Named]:
    classes = {name: registry.load(name) for name in registry.names()}
    return [
        (f"{cls.__module__}:{cls.__qualname__}", cls)
        for _, cls in sorted(classes.items())
        if cls.__module__.startswith(OURS)
    ]


def lines(module: str, name: str, value: object, told: dict[object, str]) -> Iterator[str]:
    """A public thing and its members; one that stood before is only named."""
    if isinstance(value, type) and value in told:
        yield f"class {name}: see {told[value]}"
    elif isinstance(value, type):
        told[value] = name if ":" in name else f"{module}.{name}"
        yield f"class {name}" + bases(value)
        yield from (f"    {line}" for line in sorted(members(value, told), key=member_name))
    elif isinstance(value, FunctionType):
        yield f"def {name}{signature(value)}"
    else:
        yield f"{name} = {shown(value)}"


def bases(cls: type) -> str:
    names = [base.__name__ for base in cls.__bases__ if base is not object]
    return f"({', '.join(names)})" if names else ""


def member_name(line: str) -> tuple[str, str]:
    name = re.sub(r"^async def ", "", line)
    return re.split(r"\W", name, maxsplit=1)[0], line


def members(cls: type, told: dict[object, str]) -> Iterator[str]:
    """Its fields and methods: what a base holds that is told already stands there."""
    if issubclass(cls, enum.Enum):
        yield from (f"{member.name} = {member.value!r}" for member in cls)
    seen: set[str] = set()
    for holder in cls.__mro__:
        if not holder.__module__.startswith(OURS) or (holder is not cls and holder in told):
            continue
        names = {**inspect.get_annotations(holder), **vars(holder)}
        for name in names.keys() - seen:
            seen.add(name)
            if public(name):
                yield from member(cls, holder, name)


def public(name: str) -> bool:
    return name in DUNDERS or not name.startswith("_")


def member(cls: type, holder: type, name: str) -> Iterator[str]:
    """One line of a class, none for what Python or pydantic has put there."""
    annotation = inspect.get_annotations(holder).get(name)
    value = vars(holder).get(name, inspect.Parameter.empty)
    if issubclass(cls, enum.Enum) and not isinstance(value, FunctionType | property):
        return
    if annotation is not None:
        yield f"{name}: {annotated(annotation)}{default(cls, name, value)}"
    elif isinstance(value, property):
        yield f"{name}: {returned(value.fget)} (property)"
    elif isinstance(value, classmethod | staticmethod):
        yield f"{name}{signature(value.__func__)} ({type(value).__name__})"
    elif isinstance(value, FunctionType) and value.__module__.startswith(OURS):
        kind = "async def " if inspect.iscoroutinefunction(value) else ""
        yield from (f"{kind}{name}{signature(one)}" for one in get_overloads(value) or [value])
    elif hasattr(value, "wrapped_property"):
        yield f"{name}: {returned(cast('Any', value).wrapped_property.fget)} (computed)"


def default(cls: type, name: str, value: object) -> str:
    """The default of a field, as ` = 3`; empty where it must be given."""
    if issubclass(cls, BaseModel) and name in cls.model_fields:
        return field_default(cls.model_fields[name])
    factory = getattr(getattr(cls, "__dataclass_fields__", {}).get(name), "default_factory", None)
    if callable(factory):
        return f" = {factory.__name__}()"
    if value is inspect.Parameter.empty or inspect.isdatadescriptor(value):
        return ""
    return f" = {shown(value)}"


def field_default(field: FieldInfo) -> str:
    factory = field.default_factory
    if factory is not None:
        return f" = {getattr(factory, '__name__', type(factory).__name__)}()"
    return "" if field.default is PydanticUndefined else f" = {shown(field.default)}"


def signature(function: Callable[..., object]) -> str:
    """`(a, /, *, b: int = 3) -> str`, with annotations as the code says them."""
    try:
        found = inspect.signature(function)
    except ValueError:
        return "(...)"
    parameters = found.parameters.values()
    parts: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not any(
            part.startswith("*") for part in parts
        ):
            parts.append("*")
        parts.append(argument(parameter))
        if parameter.kind is parameter.POSITIONAL_ONLY:
            parts = [part for part in parts if part != "/"] + ["/"]
    end = found.return_annotation
    arrow = "" if end is inspect.Signature.empty else f" -> {annotated(end)}"
    return f"({', '.join(parts)}){arrow}"


def argument(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    kind = "" if parameter.annotation is parameter.empty else f": {annotated(parameter.annotation)}"
    value = "" if parameter.default is parameter.empty else f" = {shown(parameter.default)}"
    value = value.replace("<_HAS_DEFAULT_FACTORY_CLASS>", "...")
    return f"{stars}{parameter.name}{kind}{value}"


def returned(function: Callable[..., object] | None) -> str:
    found = inspect.signature(cast("Callable[..., object]", function)).return_annotation
    return annotated(found)


def annotated(annotation: object) -> str:
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def shown(value: object) -> str:
    """A value as it is told everywhere alike: no addresses, sets in order."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, type | FunctionType) and get_origin(value) is None:
        return value.__qualname__
    if isinstance(value, frozenset | set):
        return "{" + ", ".join(sorted(map(shown, cast("set[object]", value)))) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(shown, cast("tuple[object]", value))) + ")"
    return alias(value) if get_origin(value) else plain(value)


def alias(value: object) -> str:
    """A name for types; a union reads alike whatever Python calls it."""
    if get_origin(value) is Annotated:
        return shown(get_args(value)[0])
    if get_origin(value) in (Union, UnionType):
        return " | ".join(map(shown, get_args(value)))
    return re.sub(rf"\b(typing|collections\.abc|{OURS}[\w.]*)\.(?=\w)", "", repr(value))


def plain(value: object) -> str:
    """Simple values as Python writes them; of any other, its kind."""
    simple = value is None or isinstance(value, str | bytes | int | float | dict | list | PurePath)
    return repr(value) if simple else f"<{type(value).__name__}>"


def commands() -> list[str]:
    """Each command with its arguments and options."""
    from finetune_sdk.cli.app import app

    return list(of_command(cast("Any", typer.main.get_command(app)), "finetune"))


def of_command(command: Any, path: str) -> Iterator[str]:
    words = [word for parameter in command.params if (word := of_parameter(parameter))]
    yield " ".join([path, *words])
    for name, child in sorted(getattr(command, "commands", {}).items()):
        yield from of_command(child, f"{path} {name}")


def of_parameter(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return (parameter.name or "").upper() + ("" if parameter.required else "?")
    words = "|".join([*parameter.opts, *parameter.secondary_opts])
    return words if parameter.required else f"[{words}]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
