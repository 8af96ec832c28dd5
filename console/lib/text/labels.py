"""Labels of keys: short words, typed with spaces or commas between them."""

import re

MAX_LABELS = 10
LABEL_LIMIT = 40  # characters
RULE = (
    f"Labels have lowercase letters, digits, hyphens, dots and underscores, and at most "
    f"{LABEL_LIMIT} characters."
)
_SEPARATORS = re.compile(r"[\s,]+")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z")


def split_labels(text: str) -> list[str]:
    """Return the labels in a text, in lower case, sorted, each once. They may be invalid."""
    return sorted({label.lower() for label in _SEPARATORS.split(text) if label})


def labels_problem(labels: list[str]) -> str:
    """Return why these can't be labels, or "". The message repeats nothing that was typed."""
    if any(len(label) > LABEL_LIMIT or not _LABEL.match(label) for label in labels):
        return RULE
    return f"A key can have {MAX_LABELS} labels at most." if len(labels) > MAX_LABELS else ""
