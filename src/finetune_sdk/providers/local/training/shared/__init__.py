"""Rows of a batch laid into one sequence: what they have in common is computed once, padding never.

layout.py     where each token goes         attention.py  what each token looks at
forward.py    the way through the layers    fitness.py    which models it is for, and the proof
"""
