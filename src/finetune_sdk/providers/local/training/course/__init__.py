"""The training itself, from its beginning or its newest checkpoint to its end or a stop.

learning.py   one course, step by step   reporting.py  progress, metrics, events
keeping.py    its checkpoints            saving.py     a model's folder
sampling.py   the order of rows          carrying.py   what a checkpoint of transformers leaves out
places.py     what it can go on from
standing.py   the best measurement       pausing.py    the wish to stop
reports.py    TensorBoard and the like
"""
