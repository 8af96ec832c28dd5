"""Filters for words: `{{ result.hint|with_code }}`, `{{ session.agent|browser_name }}`."""

import re

from django.template import Library
from django.utils.html import escape
from django.utils.safestring import SafeString

from console.lib import user_agents

register = Library()
register.filter("browser_name", user_agents.browser_name)


@register.filter
def with_code(text: str) -> SafeString:
    """Return the text escaped, with <code> for backticks."""
    return SafeString(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))
