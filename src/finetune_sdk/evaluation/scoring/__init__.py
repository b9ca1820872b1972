"""How good an answer is.

scoring      all scorers of a comparison: asked before anything is sent, then for each answer
part         what each scorer is turned into
exact        the very answer that was expected
fields       answers that are JSON; documents.py reads them strictly
similar      texts that are alike
pattern      a regular expression
labels       answers that are labels
functions    a Python function of the caller's
judge        what a judge model is asked, and how its grade is read
"""

from finetune_sdk.evaluation.scoring.functions import Grade
from finetune_sdk.evaluation.scoring.judge import judge_grade, judge_messages
from finetune_sdk.evaluation.scoring.scoring import (
    JUDGE,
    Graded,
    Scoring,
    refuse_missing,
    scoring_of,
)

__all__ = [
    "JUDGE",
    "Grade",
    "Graded",
    "Scoring",
    "judge_grade",
    "judge_messages",
    "refuse_missing",
    "scoring_of",
]
