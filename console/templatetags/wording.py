"""Filters for words: `{{ result.hint|with_code }}`, `{{ session.agent|browser_name }}`.

`{{ deployment.duration|in_words }}` is a duration.
"""

import re
from datetime import timedelta

from django.template import Library
from django.utils.html import escape
from django.utils.safestring import SafeString

from console.lib import durations, user_agents

register = Library()
register.filter("browser_name", user_agents.browser_name)


@register.filter
def with_code(text: str) -> SafeString:
    """Return the text escaped, with <code> for backticks."""
    return SafeString(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))


@register.filter
def in_words(duration: timedelta) -> str:
    """Return a duration in words, such as "4 min 08 s"."""
    return durations.in_words(duration.total_seconds())
