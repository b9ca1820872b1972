"""Draws what a command prints, as a terminal shows it.

python tools/terminal_picture.py OUT.png finetune data count FILE --model MODEL
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

SIZE, MARGIN, LEADING = 15, 18, 1.3
PAPER, INK, PROMPT = (24, 26, 31), (215, 218, 224), (126, 196, 132)


def main(arguments: Sequence[str]) -> int:
    target, command = Path(arguments[0]), list(arguments[1:])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout + done.stderr)
        return done.returncode
    shown = "$ " + " ".join(
        word.rpartition("/")[2] if n == 0 else word for n, word in enumerate(command)
    )
    draw([shown, *(line.rstrip() for line in done.stdout.splitlines())], target)
    return 0


def draw(lines: Sequence[str], target: Path) -> None:
    """Draws lines in a font of one width; the first one is the command."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(folder / "DejaVuSansMono.ttf"), SIZE)
    width = max(int(font.getlength(line)) for line in lines) + 2 * MARGIN
    step = int(SIZE * LEADING)
    picture = Image.new("RGB", (width, step * len(lines) + 2 * MARGIN), PAPER)
    pen = ImageDraw.Draw(picture)
    for place, line in enumerate(lines):
        at = (MARGIN, MARGIN + place * step)
        pen.text(at, line, font=font, fill=INK if place else PROMPT)
    picture.save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
