"""`{% branch_mark branch.name %}`: a badge beside a name that isn't what it seems."""

from django.template import Context, Library
from django.utils.html import format_html
from django.utils.safestring import SafeString

from console.access.branches import mark_of

register = Library()


@register.simple_tag(takes_context=True)
def branch_mark(context: Context, name: str) -> SafeString | str:
    """Render the mark, or nothing. On pages of an app, the name is compared with its branches."""
    mark = context["mark_of"](name) if "mark_of" in context else mark_of(name)
    return format_html(' <span class="badge warn">{}</span>', mark) if mark else ""
