"""`{% branch_mark branch.name %}`: a badge beside a name that isn't what it seems.

`{{ effects|state_of:branch }}` is a branch's state in Amplify.
"""

from django.template import Context, Library
from django.utils.html import format_html
from django.utils.safestring import SafeString

from console.access.branches import mark_of
from console.models import Branch
from console.workflows.deployments.effects import BranchState, Effects

register = Library()


@register.simple_tag(takes_context=True)
def branch_mark(context: Context, name: str) -> SafeString | str:
    """Render the mark, or nothing. On pages of an app, the name is compared with its branches."""
    mark = context["mark_of"](name) if "mark_of" in context else mark_of(name)
    return format_html(' <span class="badge warn">{}</span>', mark) if mark else ""


@register.filter
def state_of(effects: Effects, branch: Branch) -> BranchState | None:
    """Return the branch's state, None if Amplify doesn't have it."""
    return effects.branches.get(branch.pk)
