"""Packages that bring a provider, as a third party would install them."""

from __future__ import annotations

from pathlib import Path


def install(folder: Path, package: str, **providers: str) -> Path:
    """Writes what pip would: a distribution with entry points, each name to `module:Class`."""
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in providers.items()]
    (info / "entry_points.txt").write_text("\n".join(["[finetune_sdk.providers]", *lines, ""]))
    return folder
