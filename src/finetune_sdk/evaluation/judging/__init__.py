"""Was it worth it, in words: the verdict, and what to try next.

verdict      the word and the sentence
standing     what both are made of
advice       what to try next; losses.py reads the training for it
"""

from finetune_sdk.evaluation.judging.standing import alone
from finetune_sdk.evaluation.judging.verdict import verdict

__all__ = ["alone", "verdict"]
