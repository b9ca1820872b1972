"""What hangs on a client: jobs, datasets, deployments, models. Only here is waited and guarded.

Logic that waits or pages is written once, as generators of steps (`steps.py`); the synchronous
classes drive them with the clock, the asynchronous ones (`aio.py`) with the event loop.
"""
