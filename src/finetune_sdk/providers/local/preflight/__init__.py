"""What is looked at before a job is made.

look.py        the look as a whole      draft.py      the folder of what is not made
check.py       in the caller's process: files, options, packages, weights that are there
inspection.py  what a child is asked  asking.py     starts it, and turns its answer into errors
answering.py   what children share    reading.py    what they read: all but the weights
inspect.py     a child: rows, template, options and machine
label.py       a child: rows token by token
shape.py       a model's shape          headers.py    whether its weights are of that shape
reckoning.py   what is needed, of what there is
arithmetic.py  the sums                 capacity.py   how much memory there is
outlook.py     tokens and steps         forecast.py   the time:
duration.py    its sums                 speed.py      how fast this machine multiplies
"""
