"""Durations in words."""


def in_words(seconds: float) -> str:
    """Return a duration, such as "18 s", "4 min 08 s" or "1 h 02 min"."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left:02} min" if hours else f"{minutes} min {rest:02} s"
