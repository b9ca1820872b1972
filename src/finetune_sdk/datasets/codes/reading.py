"""Faults of files and lines: what cannot be read, or not by everybody."""

from __future__ import annotations

from finetune_sdk.datasets.codes.code import Code

READING = {
    "empty_dataset": Code(
        "error",
        "There is no row at all.",
        "Put at least one row in, one JSON object a line.",
    ),
    "not_json": Code(
        "error",
        "The line cannot be read as JSON, or the row in memory holds what JSON cannot say.",
        "Write one JSON object on each line, as `json.dumps` does: double quotes, no comma "
        "after the last value; a list around all rows belongs into a file called `.json`.",
    ),
    "not_finite": Code(
        "error",
        "NaN and infinity are no JSON numbers, and strict readers refuse the whole file.",
        "JSON has no such number: use null, or leave the key out.",
    ),
    "not_utf8": Code(
        "error",
        "The bytes are no UTF-8 text: another encoding, or a file that is damaged.",
        "Save the file as UTF-8.",
        mended=True,
    ),
    "byte_order_mark": Code(
        "error",
        "Three invisible bytes before the first row, as some Windows programs write them. Most "
        "readers take them for a part of the row and fail.",
        "Save the file as UTF-8 without a byte order mark; in Python read it with "
        "`encoding='utf-8-sig'` and write it with `encoding='utf-8'`.",
        mended=True,
    ),
    "line_too_long": Code(
        "error",
        "The line is larger than any model reads.",
        "Cut the row into several, or take out what is embedded.",
    ),
    "bad_csv": Code(
        "error",
        "A record has another number of cells than there are columns, or a column has no name of "
        "its own, so nobody knows which cell is which.",
        "Give every record as many cells as there are columns, each with a name.",
    ),
    "blank_line": Code(
        "error",
        "A blank line between rows: readers of JSON lines fail on it.",
        "Delete the line.",
        mended=True,
    ),
    "blank_line_at_end": Code(
        "warning",
        "A blank line after the last row: most readers pass over it.",
        "Delete the line.",
        mended=True,
    ),
    "lone_surrogate": Code(
        "error",
        "Half of a character: text was cut in the middle of a surrogate pair. It cannot be written "
        "as UTF-8, and tokenizers refuse it.",
        "Half of a character was cut off: cut text between characters, or encode it with "
        "`errors='replace'`.",
    ),
    "not_an_object": Code(
        "error",
        "The line is valid JSON, and no row.",
        'Make the row an object, as in {"messages": [...]}.',
    ),
    "duplicate_row": Code(
        "warning",
        "The same row again, whatever the order of its keys: it is learned twice as hard, and "
        "may stand on both sides of a split.",
        "Delete one of them, unless the repeat is meant.",
        mended=True,
    ),
    "near_duplicate_row": Code(
        "warning",
        "Nearly all words are those of an earlier row: learned nearly twice, and a leak where one "
        "is trained on and the other measured.",
        "Keep one of them, unless both are meant; `split` never puts them on two sides.",
    ),
    "validation_overlap": Code(
        "warning",
        "A row of the validation data is in the training data too: what is measured on it says how "
        "well it was learned by heart.",
        "Take it out of one of them; `finetune data split` makes parts without it.",
    ),
    "too_few_rows": Code(
        "error",
        "Fewer rows than the provider takes.",
        "Add more rows.",
    ),
    "wrong_format": Code(
        "error",
        "The row is of another format than the method learns from.",
        "Choose a method that learns from such rows, or write the rows anew.",
    ),
}
