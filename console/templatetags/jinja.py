"""`{% jinja "secrets/rows.jinja" rows=rows %}`: what runs a hundred times a page, by Jinja2.

It takes a third of the time that Django's own templates take. It escapes as they do, and refuses a
name that is not there.
"""

from typing import Any, cast

from django.template import Library, engines
from django.template.backends.jinja2 import Jinja2
from django.utils.safestring import SafeString

register = Library()


@register.simple_tag
def jinja(template: str, **context: Any) -> SafeString:
    """Render a Jinja2 template with just these names."""
    engine = cast(Jinja2, engines["jinja"])
    return SafeString(engine.env.get_template(template).render(context))
