"""Rank how well a label matches a search."""

WHOLE, BEGINNING, WORD, INSIDE = range(4)  # the smaller, the better


def rank_of(label: str, text: str) -> int | None:
    """Return how well the label fits, or None if it doesn't contain the text in any case."""
    label, text = label.lower(), text.lower()
    at = label.find(text)
    if at < 0:
        return None
    if at == 0:
        return WHOLE if label == text else BEGINNING
    return INSIDE if label[at - 1].isalnum() else WORD
