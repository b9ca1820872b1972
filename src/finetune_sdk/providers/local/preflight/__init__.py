"""What is looked at before a job is made.

check.py       in the caller's process: files, options, packages, weights that are there
inspection.py  starts the child, and turns its answer into errors
inspect.py     the child: rows, template, options and machine, without the weights
shape.py       a model's shape          headers.py    whether its weights are of that shape
reckoning.py   what is needed, of what there is
arithmetic.py  the sums                 capacity.py   how much memory there is
"""
