"""Faults of shape: a key, a type or a message that nobody can use."""

from __future__ import annotations

from finetune_sdk.datasets.codes.code import Code

ROWS = {
    "missing_key": Code(
        "error",
        "The row lacks a key that its format needs.",
        "Add what is missing, or mend its spelling.",
    ),
    "no_messages": Code(
        "error",
        "A row of the format `chat` without `messages`.",
        'Put the conversation under `messages`: {"messages": [{"role": ...}, ...]}.',
    ),
    "wrong_messages_type": Code(
        "error", "The conversation is no list.", "Make it a list of message objects."
    ),
    "empty_messages": Code(
        "error",
        "The conversation has no message.",
        "Put the conversation in, or delete the row.",
    ),
    "unknown_row_key": Code(
        "warning",
        "A key that no format knows: a slip of the pen, or words that nobody reads.",
        "It is not learned from: delete it, unless you know that it is needed.",
    ),
    "unread_key": Code(
        "error",
        "A row of ShareGPT or Alpaca has a key that says something of the answer and that nobody "
        "reads, such as the mark of a bad answer, or another answer: it would be learned without.",
        "Take rows with bad answers out, or write the rows as pairs or with a `label` for KTO; "
        "delete the key where it says nothing.",
        waivable=True,
    ),
    "mixed_spellings": Code(
        "error",
        "Keys of OpenAI's and of TRL's spelling of a pair in one row.",
        "Keep to one: `input`, `preferred_output`, `non_preferred_output`, or `prompt`, "
        "`chosen`, `rejected`.",
    ),
    "text_beside_messages": Code(
        "error",
        "The prompt is text and an answer is messages, or the other way round.",
        "Write the prompt and its answers all as text, or all as lists of messages.",
    ),
    "wrong_turn_type": Code(
        "error",
        "A prompt or an answer is neither text nor messages.",
        "Make it text, or a list of message objects.",
    ),
    "wrong_input_type": Code(
        "error", "`input` of a pair is no object.", 'Make `input` an object: {"messages": [...]}.'
    ),
    "bad_label": Code(
        "error",
        "The mark of a KTO row is neither true nor false.",
        "Use true for a good answer, false for a bad one.",
    ),
    "no_prompt": Code(
        "error",
        "A row to be answered has nothing to answer.",
        'Put the prompt under `messages`: {"messages": [{"role": "user", "content": "..."}]}.',
    ),
    "two_prompts": Code(
        "error",
        "A row to be answered has `messages` and `prompt`.",
        "Delete one, or give it another name where it is a field for graders.",
    ),
}

MESSAGES = {
    "message_not_an_object": Code(
        "error",
        "A message is a text, a number or null.",
        'Make the message an object: {"role": "user", "content": "..."}.',
    ),
    "missing_role": Code(
        "error",
        "A message does not say who speaks.",
        "Say who speaks: system, developer, user, assistant, tool.",
    ),
    "unknown_role": Code(
        "error",
        "A role that no provider knows.",
        "Use system, developer, user, assistant or tool.",
    ),
    "unknown_message_key": Code(
        "warning",
        "A key of a message that nobody reads. A misspelt `weight` or `tool_calls` hides here.",
        "It is not learned from: delete it, or mend its spelling.",
    ),
    "bad_name": Code(
        "error", "The name of a speaker is no text.", "Make `name` a string, or leave it out."
    ),
    "missing_content": Code(
        "error", "A message says nothing and calls nothing.", "Give `content` as text."
    ),
    "wrong_content_type": Code(
        "error",
        "What a message says is neither text nor a list of parts.",
        'Make `content` a string, or a list of parts like {"type": "text", "text": "..."}.',
    ),
    "unsupported_content": Code(
        "error",
        "The rows hold what the provider cannot learn from, such as images or tools.",
        "Take it out, or choose a provider and model that can learn from it.",
    ),
    "bad_image": Code(
        "error",
        "An image without an address.",
        'Write it as {"type": "image_url", "image_url": {"url": "https://..."}}.',
    ),
    "misplaced_image": Code(
        "error",
        "An image in a message that is not the user's.",
        "Move the image to a user's message.",
    ),
    "bad_weight": Code(
        "error",
        "A weight other than 0 and 1.",
        "Use 1 to learn from the message, 0 to pass it over.",
    ),
    "misplaced_weight": Code(
        "error",
        "A weight on a message that is not the assistant's.",
        "Delete it: only an assistant's message has a weight, others are not learned.",
    ),
}

TOOLS = {
    "bad_tools": Code(
        "error",
        "The list of functions is no list of functions.",
        'List each tool as {"type": "function", "function": {"name": "...", "parameters": {...}}}.',
    ),
    "bad_parallel_tool_calls": Code(
        "error",
        "`parallel_tool_calls` is neither true nor false.",
        "Use true or false, or leave the key out.",
    ),
    "misplaced_tool_calls": Code(
        "error",
        "Somebody else than the assistant calls functions.",
        "Move `tool_calls` to the assistant's message.",
    ),
    "bad_tool_call": Code(
        "error",
        "A call without an id, a type or a function.",
        'Write each call as {"id": "...", "type": "function", "function": {"name": "...", '
        '"arguments": "{...}"}}.',
    ),
    "bad_tool_arguments": Code(
        "error",
        "The arguments of a call are an object, or a text that is no JSON object.",
        "Give the arguments as a string that holds a JSON object: `json.dumps(args)`.",
        mended=True,
    ),
    "missing_tool_call_id": Code(
        "error",
        "A tool's message does not say which call it answers.",
        "Name the `id` of the call that this answers.",
    ),
    "unknown_tool_call_id": Code(
        "error",
        "A tool's message answers a call that nobody made.",
        "Use the `id` of a call that an earlier assistant message makes.",
    ),
}
