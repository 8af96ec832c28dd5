"""`{% side app nav may_manage sends_mail %}`: the left navigation of an app's pages.
`{% steps number pages %}`: the way to the other pages of a list.
"""

from functools import lru_cache

from django.template import Context, Library
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from console.models import App
from console.templatetags.jinja import jinja

register = Library()


@register.simple_tag
def side(app: App, nav: str, may_manage: bool, sends_mail: bool) -> SafeString:
    """Render it; `nav` names the page that is shown."""
    return _side(app.app_id, app.name, nav, may_manage, sends_mail)


@lru_cache(maxsize=1000)  # of 2 KB; ten addresses are looked up for each
def _side(app_id: str, name: str, nav: str, may_manage: bool, sends_mail: bool) -> SafeString:
    return render_to_string(
        "side.html",
        {
            "app_id": app_id,
            "name": name,
            "nav": nav,
            "may_manage": may_manage,
            "sends_mail": sends_mail,
        },
    )


@register.simple_tag(takes_context=True)
def steps(context: Context, number: int, pages: int) -> SafeString:
    """Render links to the first page, the one before, the next and the last."""
    query = context["request"].GET.copy()

    def address(page: int) -> str:
        query["page"] = str(page)
        return f"?{query.urlencode()}"

    return jinja("pager_steps.jinja", number=number, pages=pages, address=address)
