"""Writes the tables of what each provider can do, from the providers' own code.

python tools/provider_table.py           writes README.md and docs/providers.md anew
python tools/provider_table.py --check   says what would change, and fails if anything would
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from finetune_sdk.providers import base, registry
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.types import MethodName

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- generated: providers -->", "<!-- end of generated -->"

Provider = type[FineTuneProvider]
Row = tuple[str, Callable[[Provider], str]]

MIXINS = {
    "`jobs.metrics`": base.CanListMetrics,
    "`jobs.logs`": base.CanReadLogs,
    "`jobs.pause resume`": base.CanPause,
    "`jobs.checkpoints`": base.CanListCheckpoints,
    "`jobs.recover`": base.CanFindJob,
    "`jobs.export` with its rows": base.CanExport,
    "`jobs.parse_webhook`": base.CanVerifyWebhooks,
    "`datasets.list get delete`": base.CanManageDatasets,
    "`deployments`": base.CanDeploy,
    "`deployments.pause resume`": base.CanPauseDeployments,
    "`models.list get delete`": base.CanListModels,
    "`models.download`": base.CanDownloadModels,
    "`max_cost`": base.CanEstimate,
    "`jobs.plan`: memory and time": base.CanInspect,
    "`datasets.tokens`": base.CanTokenize,
    "`finetune local clean`": base.CanClean,
}


def main(arguments: Sequence[str]) -> int:
    changed = [path for path, text in pages() if path.read_text() != text]
    if "--check" in arguments:
        for path in changed:
            print(f"{path.relative_to(ROOT)} is not what the code says; run `make docs`")
        return 1 if changed else 0
    for path, text in pages():
        path.write_text(text)
    return 0


def pages() -> Iterator[tuple[Path, str]]:
    """The pages with a generated part, and what they should say."""
    short = [*_verbs(), *_methods()]
    yield _filled(ROOT / "README.md", table(short) + footnotes())
    every = [*short, *_values()]
    yield _filled(ROOT / "docs" / "providers.md", table(every) + footnotes() + notes())


def table(rows: Sequence[Row]) -> str:
    """A Markdown table: a row a capability, a column a provider."""
    providers = [registry.load(name) for name in _columns()]
    lines = [
        "| | " + " | ".join(f"`{provider.name}`" for provider in providers) + " |",
        "|---|" + "---|" * len(providers),
    ]
    lines += [f"| {name} | " + " | ".join(map(cell, providers)) + " |" for name, cell in rows]
    return "\n".join(lines) + "\n"


def footnotes() -> str:
    """What the asterisks behind a method mean, in the providers' own words."""
    lines = [
        f"- \\* `{provider.name}`, `{method.value}`: {support.note}."
        for provider in _loaded()
        for method, support in sorted(provider.capabilities.methods.items())
        if support.note
    ]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def notes() -> str:
    """Why something is missing, in the providers' own words."""
    lines = [
        f"- `{name}`, `{what}`: {why}."
        for name in _columns()
        for what, why in sorted(registry.load(name).capabilities.notes.items())
    ]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _columns() -> list[str]:
    names = registry.names()
    return [name for name in names if name != "fake"] + [name for name in names if name == "fake"]


def _verbs() -> Iterator[Row]:
    yield "`jobs.create get list cancel wait watch events`", lambda _: "yes"
    for name, mixin in MIXINS.items():
        yield name, lambda provider, mixin=mixin: _yes(issubclass(provider, mixin))


def _methods() -> Iterator[Row]:
    for method in sorted({m for p in _loaded() for m in p.capabilities.methods}):
        yield (
            f"method `{method.value}`",
            lambda provider, method=method: _noted(provider.capabilities.methods.get(method)),
        )


def _values() -> Iterator[Row]:
    for method in sorted({m for p in _loaded() for m in p.capabilities.methods}):
        for name in sorted({h for p in _loaded() for h in _support(p, method, "hyperparameters")}):
            yield (
                f"{method.value}: `{name}`",
                lambda p, m=method, n=name: _yes(n in _support(p, m, "hyperparameters")),
            )
        for kind in _kinds(method):
            yield (
                f"{method.value}: {kind}",
                lambda p, m=method, k=kind: ", ".join(sorted(_support(p, m, k))) or "-",
            )
    for field in sorted({f for p in _loaded() for f in p.capabilities.fields}):
        yield f"`{field}`", lambda p, f=field: _yes(f in p.capabilities.fields)
    yield "rows on the Hub (`HubDataset`)", lambda p: _yes(p.capabilities.hub_datasets)
    yield "models of the Hub", lambda p: _yes(p.capabilities.hub_models)


def _kinds(method: MethodName) -> Iterator[str]:
    """What else is told of a method, beside its hyperparameters."""
    read = {name for p in _loaded() for name in _support(p, method, "hyperparameters")}
    if "train_on" in read:
        yield "train_on"
    if "grader" in read:
        yield "graders"
    yield "content"


def _loaded() -> list[Provider]:
    return [registry.load(name) for name in _columns()]


def _support(provider: Provider, method: MethodName, kind: str) -> Sequence[str]:
    support = provider.capabilities.methods.get(method)
    return tuple(getattr(support, kind)) if support else ()


def _noted(support: base.MethodSupport | None) -> str:
    return _yes(support is not None) + (" \\*" if support and support.note else "")


def _yes(can: bool) -> str:
    return "yes" if can else "-"


def _filled(path: Path, generated: str) -> tuple[Path, str]:
    text = path.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{path} has no place for the table: {BEGIN} ... {END}")
    return path, f"{head}{BEGIN}\n{generated}{END}{tail}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
