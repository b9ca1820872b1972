"""Rows to tokens and labels.

chat.py         OpenAI's messages       turns.py     a template's text, cut where learning starts
encoding.py     chat rows               answers.py   a prompt and an answer to it
preferences.py  pairs and judged rows   prompts.py   prompts, and what a grader needs
counts.py       tokens of a row
"""
