"""Template tags for navigation.

`{% side app nav may_manage sends_mail %}` renders the left navigation of an app's pages,
`{% bin_count app %}` its number of values in the recycle bin, to replace that after a save, and
`{% steps number pages %}` the links to other pages of a list.
"""

from functools import lru_cache

from django.template import Context, Library
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from console.amplify.service import is_on
from console.models import App
from console.templatetags.jinja import jinja
from console.web.navigation import app_pages, by_section
from console.workflows.recycle_bin import number_in

register = Library()


@register.simple_tag
def side(app: App, nav: str, may_manage: bool, sends_mail: bool) -> SafeString:
    """Render the left navigation. `nav` names the current page."""
    shows = (app.is_standalone, may_manage, sends_mail, is_on(), bool(app.hosting_project))
    return _side(app.app_id, app.name, nav, number_in(app), *shows)


@register.simple_tag
def bin_count(app: App) -> SafeString:
    """Render the number of values in the recycle bin, out of band."""
    return render_to_string("bin_count.html", {"in_bin": number_in(app), "oob": True})


@lru_cache(maxsize=1000)  # entries of 3 KB; each takes ten URL lookups
def _side(
    app_id: str,
    name: str,
    nav: str,
    in_bin: int,
    is_standalone: bool,
    may_manage: bool,
    sends_mail: bool,
    has_amplify: bool,
    has_project: bool,
) -> SafeString:
    pages = app_pages(
        is_standalone=is_standalone,
        may_manage=may_manage,
        sends_mail=sends_mail,
        has_amplify=has_amplify,
        has_project=has_project,
    )
    context = {"app_id": app_id, "name": name, "nav": nav, "in_bin": in_bin}
    return render_to_string("side.html", {**context, "sections": by_section(pages)})


@register.simple_tag(takes_context=True)
def steps(context: Context, number: int, pages: int) -> SafeString:
    """Render links to the first, previous, next and last page."""
    query = context["request"].GET.copy()

    def address(page: int) -> str:
        query["page"] = str(page)
        return f"?{query.urlencode()}"

    return jinja("pager_steps.jinja", number=number, pages=pages, address=address)
