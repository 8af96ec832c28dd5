"""`{{ result.hint|with_code }}`: text of ours with commands in backticks."""

import re

from django.template import Library
from django.utils.html import escape
from django.utils.safestring import SafeString

register = Library()


@register.filter
def with_code(text: str) -> SafeString:
    """Return the text escaped, with <code> for backticks."""
    return SafeString(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))
