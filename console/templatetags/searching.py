"""`{{ label|marked:q }}`: a label in which what was searched for is marked."""

import re

from django.template import Library
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = Library()


@register.filter
def marked(label: str, text: str) -> SafeString | str:
    """Mark the first place where the text occurs, in any case."""
    found = re.search(re.escape(text), label, re.IGNORECASE) if text else None
    if found is None:
        return label
    start, end = found.span()
    return format_html("{}<mark>{}</mark>{}", label[:start], label[start:end], label[end:])
