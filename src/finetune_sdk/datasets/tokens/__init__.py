"""The tokens of rows: what counts them, what of a row is counted, and the sums."""

from __future__ import annotations

from finetune_sdk.datasets.tokens.count import Counted, count, counted, row_tokens, tally_of
from finetune_sdk.datasets.tokens.counter import Counter, Piece
from finetune_sdk.datasets.tokens.encodings import NAMES, Encoding, Estimate, encoding
from finetune_sdk.datasets.tokens.epochs import auto_epochs
from finetune_sdk.datasets.tokens.framing import COUNTED, Frame, TrainOn, UncountableError, frame
from finetune_sdk.datasets.tokens.models import encoding_of, limit_of
from finetune_sdk.datasets.tokens.tally import TokenTally

__all__ = [
    "COUNTED",
    "NAMES",
    "Counted",
    "Counter",
    "Encoding",
    "Estimate",
    "Frame",
    "Piece",
    "TokenTally",
    "TrainOn",
    "UncountableError",
    "auto_epochs",
    "count",
    "counted",
    "encoding",
    "encoding_of",
    "frame",
    "limit_of",
    "row_tokens",
    "tally_of",
]
