"""Faults of sense: rows that are well formed, and teach nothing or the wrong thing."""

from __future__ import annotations

from finetune_sdk.datasets.codes.code import OPENAI, TEMPLATES, Code

LESSONS = {
    "no_assistant_turn": Code(
        "error",
        "A conversation without an answer: there is nothing to learn.",
        'Add the wanted answer as {"role": "assistant", "content": "..."}.',
    ),
    "nothing_to_learn": Code(
        "error",
        "Every answer of the row has weight 0.",
        "Set `weight` to 1 on at least one assistant message, or delete the row.",
    ),
    "empty_content": Code(
        "warning",
        "An answer of blanks alone: the model learns to say nothing.",
        "Write the wanted answer, or delete the message.",
    ),
    "ends_without_answer": Code(
        "warning",
        "Messages after the last answer are read by nobody.",
        "Add the answer, or delete the messages after the last one.",
    ),
    "system_not_first": Code(
        "warning",
        "Instructions in the midst of a conversation.",
        "Move it to the start: many chat templates allow it nowhere else.",
    ),
    "roles_do_not_alternate": Code(
        "warning",
        "Many chat templates (those of Llama 2, Mistral, Gemma) want the user and the assistant in "
        "turn, the user first, and refuse the row when the job starts.",
        "Put messages of one speaker together, and begin with the user's.",
        TEMPLATES,
    ),
    "unanswered_tool_call": Code(
        "error",
        "A call of a function is followed by something else than its answer, which OpenAI refuses.",
        'Put {"role": "tool", "tool_call_id": ..., "content": ...} right after it, one for '
        "each call.",
        OPENAI,
    ),
    "undeclared_tool": Code(
        "warning",
        "A call of a function that the row's `tools` do not list: the model learns to make it up.",
        "List the function under `tools` of the row.",
    ),
    "prompt_end": Code(
        "error",
        "A prompt does not end with a message that asks for an answer.",
        "End the prompt with the message of the user to be answered.",
    ),
    "empty_prompt": Code(
        "error", "A prompt of blanks alone.", "Write the prompt, or delete the row."
    ),
    "bad_answer": Code(
        "error",
        "An answer to compare or to grade is not exactly one message of the assistant.",
        "Give exactly one message of the assistant, and put what was said before it into the "
        'prompt: [{"role": "assistant", "content": "..."}].',
    ),
    "empty_answer": Code(
        "error", "An answer of blanks alone.", "Write the answer, or delete the row."
    ),
    "same_answers": Code(
        "error",
        "The better answer and the worse one are the same: there is nothing to prefer.",
        "Make the answers differ, or delete the row.",
    ),
    "one_label": Code(
        "warning",
        "All answers of a KTO dataset are good, or all are bad.",
        "Add answers with the other label. Good answers alone are for the method `supervised`.",
    ),
    "unbalanced_labels": Code(
        "warning",
        "Far more good answers than bad ones, or the other way round: the few are drowned. The "
        "paper weighs them to between 1:1 and 4:3 (arXiv 2402.01306, section 4.1).",
        "Add rows with the rarer label, or set `desirable_weight` and `undesirable_weight` of KTO.",
    ),
    "unbalanced_lengths": Code(
        "warning",
        "Nearly always the longer answer is the better one, or nearly always the shorter: the "
        "model learns the length (arXiv 2310.03716).",
        "Add pairs in which the better answer is of the other kind.",
    ),
    "answered_prompt": Code(
        "error",
        "A row that the model is to answer has an answer already.",
        "Delete the answer, which the model writes itself; what graders compare with goes "
        "under a key of its own. Answers to learn are for the method `supervised`.",
    ),
    "system_in_prompt": Code(
        "warning",
        "Azure's reinforcement takes no system messages.",
        "Put the instructions into the user's message.",
        ("azure_openai",),
    ),
    "row_too_long": Code(
        "error",
        "The row has more tokens than the model reads: OpenAI cuts its end off in silence, the "
        "local trainer refuses it.",
        "Shorten it, or cut it into several rows.",
        waivable=True,
    ),
}

IMAGES = {
    "too_many_images": Code(
        "error",
        "A row has more images than the provider takes; it passes over the row in silence.",
        "Take images out, or make several rows of it.",
        OPENAI,
    ),
    "too_many_image_rows": Code(
        "error",
        "More rows with images than the provider takes.",
        "Take fewer rows with images.",
        OPENAI,
    ),
    "image_too_large": Code(
        "error", "An embedded image is larger than the provider takes.", "Scale it down.", OPENAI
    ),
    "image_format": Code(
        "error",
        "An embedded image of a kind that the provider does not read.",
        "Save it as PNG, JPEG or WEBP.",
        OPENAI,
    ),
}

TEXTS = {
    "special_token": Code(
        "error",
        "Text that reads like a control token. OpenAI refuses the file hours after the job was "
        "made; chat templates take it for a real one, and the turn ends there.",
        "Take it out, or write it otherwise, as with a blank between `<` and `|`.",
        waivable=True,
    ),
    "secret_in_text": Code(
        "error",
        "A key or a token: whoever trains sees it, and the model may say it to anybody.",
        "Take it out and make it void where it was issued.",
        waivable=True,
    ),
    "card_number": Code(
        "warning",
        "Digits that a payment card may have (Luhn's checksum fits, ISO/IEC 7812-1).",
        "Take it out, or put another number in its place.",
    ),
}
