"""`{% jinja "secrets/rows.jinja" rows=rows %}`: render rows of lists with Jinja2.

Rows are rendered a hundred times per page, and Jinja2 takes a third of the time of Django's
templates. Like them it escapes values; unlike them it rejects undefined names.
"""

from typing import Any, cast

from django.template import Library, engines
from django.template.backends.jinja2 import Jinja2
from django.utils.safestring import SafeString

register = Library()


@register.simple_tag
def jinja(template: str, **context: Any) -> SafeString:
    """Render a Jinja2 template with these names only."""
    engine = cast(Jinja2, engines["jinja"])
    return SafeString(engine.env.get_template(template).render(context))
