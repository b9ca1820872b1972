"""Rows of one format made rows of another: nothing is lost that the caller has not let go.

places.py      a turned row, and where each of its values came from
sharegpt.py    alpaca.py  completion.py   foreign conversations, read and written
spoken.py      text or messages, as TRL's formats have them
pairs.py       answers that were compared or marked
prompts.py     a conversation without its answer
readers.py     what the checker uses: a row of any format as one of four
content.py     what a provider's messages cannot hold, taken out
outcome.py     what one row became, and what it lost
routes.py      which format is made of which, and how
conversion.py  a whole dataset, row by row
"""

from __future__ import annotations

from finetune_sdk.datasets.converting.conversion import Conversion, convert
from finetune_sdk.datasets.converting.places import Turned
from finetune_sdk.datasets.converting.readers import FOREIGN, base_of, reader
from finetune_sdk.datasets.converting.routes import convertible

__all__ = ["FOREIGN", "Conversion", "Turned", "base_of", "convert", "convertible", "reader"]
